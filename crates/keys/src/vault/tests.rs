//! A server on loopback that plays a vault, honest or not: what it says is scripted, what we make of it is asserted.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_evidence::KeyKind;
use countersign_image::Reference;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::reference::Dialect;
use crate::{PrivateKey, Signer as _};

const DEFAULT_TOKEN: &str = "s.good";
const LOOKUP: &str = "GET auth/token/lookup-self";
const READ: &str = "GET transit/keys/release";
const ASK: &str = "POST sys/capabilities-self";
const SIGN: &str = "POST transit/sign/release/sha2-256";
const RENEW: &str = "POST auth/token/renew-self";
const LOGIN: &str = "POST auth/approle/login";
const PLAIN: &str = r#"{"errors":["permission denied"]}"#;

/// What the server does when it is asked.
#[derive(Clone)]
enum Reply {
    Json(u16, String),
    Redirect(String),
    /// A body that does not end.
    Endless,
    /// No answer.
    Silence,
    /// Whatever this makes of the question's body.
    Made(Arc<dyn Fn(&Value) -> String + Send + Sync>),
}

fn ok(json: Value) -> Reply {
    Reply::Json(200, json.to_string())
}

/// The last reply to a question is given again whenever it is asked.
#[derive(Default)]
struct Script {
    replies: BTreeMap<String, VecDeque<Reply>>,
    asked: Vec<(String, String)>,
}

struct Server {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// An honest vault with one key, and a token that may do what it needs.
    async fn honest(key: &Arc<PrivateKey>) -> Self {
        let server = Self::silent().await;
        server.say(LOOKUP, ok(json!({ "data": { "ttl": 0, "renewable": false } })));
        server.say(READ, ok(described(key)));
        server.say(ASK, capabilities());
        server.say(SIGN, signing(key, 3, 3));
        server
    }

    async fn silent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = Arc::clone(&script);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            script,
            accepting,
        }
    }

    fn say(&self, question: &str, reply: Reply) {
        self.say_in_turn(question, [reply]);
    }

    fn say_in_turn(&self, question: &str, replies: impl IntoIterator<Item = Reply>) {
        let replies = replies.into_iter().collect();
        self.script.lock().unwrap().replies.insert(question.to_owned(), replies);
    }

    fn times(&self, question: &str) -> usize {
        let script = self.script.lock().unwrap();
        script.asked.iter().filter(|(asked, _)| asked == question).count()
    }

    /// The tokens that came with a question.
    fn tokens(&self, question: &str) -> Vec<String> {
        let script = self.script.lock().unwrap();
        let asked = script.asked.iter().filter(|(asked, _)| asked == question);
        asked.map(|(_, token)| token.clone()).collect()
    }

    fn settings(&self, more: &[(&str, &str)]) -> VaultSettings {
        let address = format!("http://{}", self.address);
        VaultSettings::from_environment(Dialect::OpenBao, |name| {
            let usual = [("BAO_ADDR", address.as_str()), ("BAO_TOKEN", DEFAULT_TOKEN)];
            let found = more.iter().chain(&usual).find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
        .unwrap()
    }

    async fn open(&self) -> Result<VaultKey, VaultError> {
        VaultKey::open(self.settings(&[]), release()).await
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some((question, token, body)) = read_request(&mut stream).await {
        let reply = {
            let mut script = script.lock().unwrap();
            script.asked.push((question.clone(), token));
            let replies = script.replies.get_mut(&question);
            replies.and_then(|replies| {
                if replies.len() > 1 {
                    replies.pop_front()
                } else {
                    replies.front().cloned()
                }
            })
        };
        let reply = reply.unwrap_or_else(|| Reply::Json(404, r#"{"errors":[]}"#.to_owned()));
        let written = match reply {
            Reply::Json(status, json) => answer(&mut stream, status, "", &json).await,
            Reply::Made(make) => answer(&mut stream, 200, "", &make(&body)).await,
            Reply::Redirect(to) => answer(&mut stream, 307, &format!("Location: {to}\r\n"), "").await,
            Reply::Silence => std::future::pending().await,
            Reply::Endless => {
                let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
                let mut written = stream.write_all(head).await;
                while written.is_ok() {
                    written = stream.write_all(&[b' '; 8192]).await;
                }
                written
            }
        };
        if written.is_err() {
            return;
        }
    }
}

async fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status} So\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await
}

/// The question as `METHOD path`, the token that came with it, and its body.
async fn read_request(stream: &mut TcpStream) -> Option<(String, String, Value)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = head.split(' ');
    let (method, path) = (words.next()?, words.next()?.strip_prefix("/v1/")?);
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some((
        format!("{method} {path}"),
        header("x-vault-token").unwrap_or_default(),
        body,
    ))
}

fn release() -> KeyName {
    KeyName::parse("release").unwrap()
}

fn key(kind: KeyKind) -> Arc<PrivateKey> {
    Arc::new(PrivateKey::generate(kind).unwrap())
}

fn described(key: &PrivateKey) -> Value {
    let kind = match key.public().kind() {
        KeyKind::Rsa { .. } => "rsa-2048",
        _ => "ecdsa-p256",
    };
    json!({ "data": {
        "type": kind, "exportable": false, "allow_plaintext_backup": false, "latest_version": 3,
        "keys": { "3": { "public_key": key.public().to_pem() } }
    }})
}

fn capabilities() -> Reply {
    let questions = warning::questions("transit", "release", "transit/sign/release/sha2-256");
    let none: BTreeMap<_, _> = questions.into_iter().map(|(path, ..)| (path, ["deny"])).collect();
    ok(json!({ "data": none }))
}

/// Signs as it should, over the message that every test here signs, and names these versions.
fn signing(key: &Arc<PrivateKey>, in_text: u32, in_field: u32) -> Reply {
    let key = Arc::clone(key);
    Reply::Made(Arc::new(move |_| {
        signed(&key.sign(&message()).unwrap(), in_text, in_field)
    }))
}

fn signed(signature: &[u8], in_text: u32, in_field: u32) -> String {
    let text = format!("vault:v{in_text}:{}", STANDARD.encode(signature));
    json!({ "request_id": "r-1", "data": { "signature": text, "key_version": in_field } }).to_string()
}

fn message() -> ToBeSigned {
    let image = format!("registry.example/app@sha256:{}", "0".repeat(64));
    ToBeSigned::cosign_sign(&Reference::parse(&image).unwrap().pinned().unwrap(), &BTreeMap::new())
}

#[tokio::test]
async fn an_honest_vault_signs_a_hash_with_the_version_that_was_pinned() {
    let key = key(KeyKind::EcdsaP256);
    let server = Server::honest(&key).await;
    let seen: Arc<Mutex<Value>> = Arc::default();
    let (noted, signer) = (Arc::clone(&seen), Arc::clone(&key));
    server.say(
        SIGN,
        Reply::Made(Arc::new(move |body| {
            noted.lock().unwrap().clone_from(body);
            signed(&signer.sign(&message()).unwrap(), 3, 3)
        })),
    );
    let opened = server.open().await.unwrap();
    assert!(opened.warnings().is_empty(), "{:?}", opened.warnings());
    assert_eq!((opened.version(), opened.public_key()), (3, &key.public()));
    let made = opened.sign(&message()).await.unwrap();
    assert_eq!((made.request_id.as_str(), made.version), ("r-1", 3));
    let asked = seen.lock().unwrap().clone();
    let digest = STANDARD.encode(Sha256::digest(message().message()));
    assert_eq!(
        asked,
        json!({ "input": digest, "prehashed": true, "marshaling_algorithm": "asn1", "key_version": 3 })
    );
    assert!(server.tokens(SIGN).iter().all(|token| token == DEFAULT_TOKEN));
}

#[tokio::test]
async fn a_signature_that_is_not_what_was_asked_for_does_not_count() {
    let (good, evil) = (key(KeyKind::EcdsaP256), key(KeyKind::EcdsaP256));
    let signature = good.sign(&message()).unwrap();
    let with = |text: String, id: &str| {
        Reply::Json(
            200,
            json!({ "request_id": id, "data": { "signature": text, "key_version": 3 } }).to_string(),
        )
    };
    let base64 = STANDARD.encode(&signature);
    for (reply, code) in [
        (signing(&evil, 3, 3), "vault_wrong_signature"),
        (signing(&good, 4, 3), "vault_wrong_signature"),
        (signing(&good, 3, 4), "vault_wrong_signature"),
        (Reply::Json(200, signed(b"", 3, 3)), "vault_wrong_signature"),
        (Reply::Json(200, signed(&[0; 9000], 3, 3)), "vault_wrong_signature"),
        (with(format!("vault:v03:{base64}"), "r"), "vault_wrong_signature"),
        (with(format!("vault:v3{base64}"), "r"), "vault_malformed"),
        (with(base64.clone(), "r"), "vault_malformed"),
        (with("vault:v3:*".to_owned(), "r"), "vault_malformed"),
        (with(format!("vault:v3:{base64}"), ""), "vault_malformed"),
        (with(format!("vault:v3:{base64}"), "a\nb"), "vault_malformed"),
        (with(format!("vault:v3:{base64}"), &"x".repeat(4096)), "vault_malformed"),
        (Reply::Json(200, "<html>".to_owned()), "vault_malformed"),
        (Reply::Json(204, String::new()), "vault_refused"),
        (
            Reply::Json(
                200,
                r#"{"request_id":"a","request_id":"b","data":{"signature":""}}"#.to_owned(),
            ),
            "vault_malformed",
        ),
    ] {
        let server = Server::honest(&good).await;
        server.say(SIGN, reply);
        let opened = server.open().await.unwrap();
        let refused = opened.sign(&message()).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(!refused.is_passing(), "{refused}");
    }
}

#[tokio::test]
async fn an_answer_is_read_to_its_limit_and_no_further() {
    let key = key(KeyKind::EcdsaP256);
    let server = Server::honest(&key).await;
    let opened = server.open().await.unwrap();
    let good = signed(&key.sign(&message()).unwrap(), 3, 3);
    let padded = |length: usize| Reply::Json(200, format!("{good}{}", " ".repeat(length - good.len())));
    server.say(SIGN, padded(transport::CAP));
    opened.sign(&message()).await.unwrap();
    for reply in [padded(transport::CAP + 1), Reply::Endless] {
        server.say(SIGN, reply);
        let refused = opened.sign(&message()).await.unwrap_err();
        assert!(
            matches!(refused, VaultError::TooLarge { limit: transport::CAP }),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn another_scheme_of_the_same_key_does_not_count() {
    let rsa = key(KeyKind::Rsa { bits: 2048 });
    let server = Server::honest(&rsa).await;
    let opened = server.open().await.unwrap();
    opened.sign(&message()).await.unwrap();
    let pem = rsa.to_pkcs8_pem();
    let pss = PrivateKey::parse(pem.as_bytes(), None).unwrap();
    let pss = pss.using(Scheme::RsaPss(Hash::Sha256)).unwrap();
    server.say(SIGN, Reply::Json(200, signed(&pss.sign(&message()).unwrap(), 3, 3)));
    let refused = opened.sign(&message()).await.unwrap_err();
    assert!(matches!(refused, VaultError::OtherScheme { .. }), "{refused}");
}

#[tokio::test]
async fn each_refusal_means_something() {
    let key = key(KeyKind::EcdsaP256);
    for (status, body, code, passing) in [
        (503, r#"{"errors":["Vault is sealed"]}"#, "vault_sealed", true),
        (429, "", "vault_not_serving", true),
        (502, "<html>", "vault_not_serving", true),
        (
            403,
            r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
            "vault_forbidden",
            false,
        ),
        (
            400,
            r#"{"errors":["signing key not found"]}"#,
            "vault_no_such_key",
            false,
        ),
        (
            500,
            r#"{"errors":["no such key version"]}"#,
            "vault_no_such_version",
            false,
        ),
        (500, r#"{"errors":["internal error"]}"#, "vault_refused", false),
        (302, "", "vault_refused", false),
    ] {
        let server = Server::honest(&key).await;
        let opened = server.open().await.unwrap();
        server.say(SIGN, Reply::Json(status, body.to_owned()));
        let refused = opened.sign(&message()).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.is_passing()),
            (code, passing),
            "{status} {body}"
        );
        assert_eq!(server.times(SIGN), 1, "{status}: it was asked again at once");
        server.say(SIGN, signing(&key, 3, 3));
        opened.sign(&message()).await.unwrap();
    }
}

#[tokio::test]
async fn what_does_not_answer_is_not_waited_for() {
    let server = Server::silent().await;
    server.say(LOOKUP, Reply::Silence);
    let mut settings = server.settings(&[]);
    settings.deadline = Duration::from_millis(50);
    let refused = VaultKey::open(settings, release()).await.unwrap_err();
    assert!(
        matches!(refused, VaultError::TimedOut { .. }) && refused.is_passing(),
        "{refused}"
    );

    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = server.settings(&[("BAO_ADDR", &format!("http://{nobody}"))]);
    let refused = VaultKey::open(settings, release()).await.unwrap_err();
    assert!(
        matches!(refused, VaultError::Unreachable { .. }) && refused.is_passing(),
        "{refused}"
    );
}

#[tokio::test]
async fn a_token_goes_to_no_server_that_is_not_configured() {
    let key = key(KeyKind::EcdsaP256);
    let (first, other) = (Server::honest(&key).await, Server::honest(&key).await);
    let to = |path: &str| Reply::Redirect(format!("http://{}/v1/{path}", other.address));
    let opened = first.open().await.unwrap();
    first.say(SIGN, to("transit/sign/release/sha2-256"));
    let refused = opened.sign(&message()).await.unwrap_err();
    assert_eq!(refused.code(), "vault_redirect", "{refused}");
    assert_eq!(other.times(SIGN), 0);

    let known = format!("http://{}", other.address);
    let settings = first.settings(&[("COUNTERSIGN_VAULT_REDIRECTS", &known)]);
    let opened = VaultKey::open(settings, release()).await.unwrap();
    opened.sign(&message()).await.unwrap();
    assert_eq!(other.tokens(SIGN), [DEFAULT_TOKEN]);

    // Not even there to another question, nor for ever.
    for reply in [
        to("sys/seal"),
        Reply::Redirect(String::new()),
        Reply::Redirect("//evil.example/v1/x".to_owned()),
        Reply::Redirect("/v1/transit/sign/release/sha2-256".to_owned()),
    ] {
        first.say(SIGN, reply);
        let refused = opened.sign(&message()).await.unwrap_err();
        assert_eq!(refused.code(), "vault_redirect", "{refused}");
    }
}

/// An AppRole that gives `s.1`, then `s.2` and so on, for so many seconds.
async fn with_logins(key: &Arc<PrivateKey>, seconds: u32) -> (Server, tempfile::TempDir, VaultSettings) {
    let server = Server::honest(key).await;
    let given = |number: u32| {
        let auth = json!({ "client_token": format!("s.{number}"), "lease_duration": seconds, "renewable": true });
        ok(json!({ "auth": auth }))
    };
    server.say_in_turn(LOGIN, (1..5).map(given));
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret-id");
    std::fs::write(&secret, "sesame\n").unwrap();
    let settings = server.settings(&[
        ("COUNTERSIGN_VAULT_LOGIN", "approle"),
        ("COUNTERSIGN_VAULT_ROLE_ID", "countersign"),
        ("COUNTERSIGN_VAULT_SECRET_ID_FILE", &secret.to_string_lossy()),
    ]);
    (server, folder, settings)
}

#[tokio::test]
async fn a_token_that_is_not_known_any_more_costs_one_login_and_no_more() {
    let key = key(KeyKind::EcdsaP256);
    let (server, _folder, settings) = with_logins(&key, 600).await;
    let opened = VaultKey::open(settings, release()).await.unwrap();
    let unknown = || Reply::Json(403, PLAIN.to_owned());
    server.say_in_turn(SIGN, [unknown(), signing(&key, 3, 3)]);
    opened.sign(&message()).await.unwrap();
    assert_eq!(server.tokens(SIGN), ["s.1", "s.2"]);
    assert_eq!(server.times(LOGIN), 2);

    server.say(SIGN, unknown());
    let refused = opened.sign(&message()).await.unwrap_err();
    assert!(matches!(refused, VaultError::TokenRefused), "{refused}");
    assert_eq!(server.times(LOGIN), 3, "one login for one question");

    server.say(
        LOGIN,
        Reply::Json(400, r#"{"errors":["invalid role or secret ID"]}"#.to_owned()),
    );
    let refused = opened.sign(&message()).await.unwrap_err();
    assert!(matches!(refused, VaultError::LoginRefused { .. }), "{refused}");
    assert!(refused.to_string().contains("invalid role or secret ID"), "{refused}");
}

#[tokio::test]
async fn a_token_is_renewed_while_nobody_signs() {
    let key = key(KeyKind::EcdsaP256);
    let (server, _folder, settings) = with_logins(&key, 1).await;
    let renewed = json!({ "auth": { "client_token": "s.1", "lease_duration": 1, "renewable": true } });
    server.say(RENEW, ok(renewed));
    let opened = VaultKey::open(settings, release()).await.unwrap();
    let twice = async {
        while server.times(RENEW) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = opened.keep() => unreachable!("it does not end"),
        () = twice => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("it was not renewed"),
    }
    opened.sign(&message()).await.unwrap();

    // Near the end of all renewals there is a new login.
    let short = json!({ "auth": { "client_token": "s.1", "lease_duration": 0, "renewable": true } });
    server.say(RENEW, ok(short));
    let logins = server.times(LOGIN);
    let anew = async {
        while server.times(LOGIN) == logins {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = opened.keep() => unreachable!("it does not end"),
        () = anew => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("there was no new login"),
    }
}

#[tokio::test]
async fn a_token_outlives_an_outage_of_its_renewal() {
    let key = key(KeyKind::EcdsaP256);
    let (server, _folder, settings) = with_logins(&key, 3600).await;
    let opened = VaultKey::open(settings, release()).await.unwrap();
    opened.session.make_due().await;
    server.say(RENEW, Reply::Json(503, r#"{"errors":["Vault is sealed"]}"#.to_owned()));
    opened.sign(&message()).await.unwrap();
    assert_eq!((server.times(RENEW), server.times(LOGIN)), (1, 1));
}

#[tokio::test]
async fn the_projected_token_is_read_at_each_login() {
    let key = key(KeyKind::EcdsaP256);
    let server = Server::honest(&key).await;
    let folder = tempfile::tempdir().unwrap();
    let projected = folder.path().join("token");
    let login = "POST auth/kubernetes/login";
    server.say(
        login,
        Reply::Made(Arc::new(|body| {
            assert_eq!(body["role"], "signer");
            let token = format!("s.for-{}", body["jwt"].as_str().unwrap());
            json!({ "auth": { "client_token": token, "lease_duration": 600, "renewable": true } }).to_string()
        })),
    );
    std::fs::write(&projected, "first\n").unwrap();
    let settings = server.settings(&[
        ("COUNTERSIGN_VAULT_LOGIN", "kubernetes"),
        ("COUNTERSIGN_VAULT_ROLE", "signer"),
        ("COUNTERSIGN_VAULT_JWT_FILE", &projected.to_string_lossy()),
    ]);
    let opened = VaultKey::open(settings, release()).await.unwrap();
    std::fs::write(&projected, "second\n").unwrap();
    server.say_in_turn(SIGN, [Reply::Json(403, PLAIN.to_owned()), signing(&key, 3, 3)]);
    opened.sign(&message()).await.unwrap();
    assert_eq!(server.tokens(SIGN), ["s.for-first", "s.for-second"]);
}

#[tokio::test]
async fn a_token_that_may_not_ask_signs_with_a_warning() {
    let key = key(KeyKind::EcdsaP256);
    let server = Server::honest(&key).await;
    let forbidden = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;
    for question in [ASK, LOOKUP] {
        server.say(question, Reply::Json(403, forbidden.to_owned()));
    }
    let opened = server.open().await.unwrap();
    assert_eq!(opened.warnings(), [Warning::NotAsked]);
    opened.sign(&message()).await.unwrap();
}

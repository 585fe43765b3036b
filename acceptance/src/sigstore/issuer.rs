//! Who says who somebody is: two OpenID providers on one port, for jobs with the claims that GitHub gives them and for a
//! person. What is left out is the login; discovery, keys and tokens are as every client reads them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

/// For whom the tokens are.
pub(super) const AUDIENCE: &str = "sigstore";
/// Who logs in.
pub const PERSON: &str = "sentry@acceptance.test";

const JOBS: &str = "/jobs";
const PEOPLE: &str = "/people";
const KEYS: &str = "/keys";
const LIFETIME: u64 = 600;

/// A run of a workflow, as GitHub describes it to those who ask who runs.
pub struct Job {
    /// `owner/name`.
    pub repository: &'static str,
    /// Path of the workflow in it.
    pub workflow: &'static str,
    /// What was checked out.
    pub git_ref: &'static str,
    /// What started it.
    pub event: &'static str,
}

impl Job {
    /// The one whose images are to be let in.
    pub const RELEASE: Self = Self {
        repository: "acceptance/images",
        workflow: ".github/workflows/release.yaml",
        git_ref: "refs/heads/main",
        event: "push",
    };
    /// Another of the same repository, which anybody's pull request can start.
    pub const CHECK: Self = Self {
        workflow: ".github/workflows/check.yaml",
        git_ref: "refs/pull/7/merge",
        event: "pull_request",
        ..Self::RELEASE
    };

    /// The name that a certificate gives it.
    pub fn identity(&self) -> String {
        format!("https://github.com/{}", self.workflow_ref())
    }

    fn workflow_ref(&self) -> String {
        format!("{}/{}@{}", self.repository, self.workflow, self.git_ref)
    }

    fn claims(&self) -> Value {
        let (commit, reference) = ("5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233", self.workflow_ref());
        json!({
            "sub": format!("repo:{}:ref:{}", self.repository, self.git_ref),
            "repository": self.repository, "repository_owner": "acceptance", "repository_visibility": "public",
            "repository_id": "4711", "repository_owner_id": "42",
            "ref": self.git_ref, "sha": commit, "event_name": self.event, "workflow": "release",
            "workflow_ref": reference, "workflow_sha": commit, "job_workflow_ref": reference, "job_workflow_sha": commit,
            "runner_environment": "github-hosted", "run_id": "1001", "run_attempt": "1",
        })
    }
}

pub(super) struct Issuer {
    address: SocketAddr,
    key: KeyPair,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Issuer {
    pub(super) fn start() -> Result<Self> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let key = key.context("cannot make a key for tokens")?;
        let public = URL_SAFE_NO_PAD.encode(modulus(key.der_bytes())?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let address = listener.local_addr().context("a listener has no address")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener
                .incoming()
                .flatten()
                .take_while(|_| !stopped.load(Ordering::Relaxed))
            {
                // A client that goes away in the middle is that client's loss.
                answer(&stream, address, &public).ok();
            }
        });
        Ok(Self {
            address,
            key,
            stop,
            thread: Some(thread),
        })
    }

    pub(super) fn of_jobs(&self) -> String {
        format!("http://{}{JOBS}", self.address)
    }

    pub(super) fn of_people(&self) -> String {
        format!("http://{}{PEOPLE}", self.address)
    }

    pub(super) fn job_token(&self, job: &Job) -> Result<String> {
        self.token(&self.of_jobs(), AUDIENCE, job.claims())
    }

    pub(super) fn foreign_token(&self, job: &Job) -> Result<String> {
        self.token(&self.of_jobs(), "somebody-else", job.claims())
    }

    pub(super) fn person_token(&self) -> Result<String> {
        let claims = json!({"sub": "sentry-1", "email": PERSON, "email_verified": true});
        self.token(&self.of_people(), AUDIENCE, claims)
    }

    fn token(&self, issuer: &str, audience: &str, mut claims: Value) -> Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?
            .as_secs();
        for (name, value) in [
            ("iss", json!(issuer)),
            ("aud", json!(audience)),
            ("iat", json!(now)),
            ("nbf", json!(now.saturating_sub(60))),
            ("exp", json!(now + LIFETIME)),
        ] {
            claims[name] = value;
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "1"});
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(signed.as_bytes()).context("cannot sign a token")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The listener looks at the flag once somebody calls.
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The one large number of an RSA key of 2048 bits with the usual exponent (RFC 8017, A.1.1).
fn modulus(public: &[u8]) -> Result<&[u8]> {
    let modulus = public.get(9..9 + 256).filter(|_| public.ends_with(&[2, 3, 1, 0, 1]));
    modulus.context("the key for tokens is none of RSA with 2048 bits")
}

fn answer(mut stream: &TcpStream, address: SocketAddr, public: &str) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let found = match path.strip_suffix("/.well-known/openid-configuration") {
        Some(provider @ (JOBS | PEOPLE)) => Some(discovery(address, provider)),
        _ if path == KEYS => Some(json!({"keys": [
            {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": public, "e": "AQAB"},
        ]})),
        _ => None,
    };
    let (status, body) = found.map_or_else(
        || ("404 Not Found", String::from("{}")),
        |document| ("200 OK", document.to_string()),
    );
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    Ok(())
}

fn discovery(address: SocketAddr, provider: &str) -> Value {
    let issuer = format!("http://{address}{provider}");
    json!({
        "issuer": issuer, "jwks_uri": format!("http://{address}{KEYS}"),
        "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

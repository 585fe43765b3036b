//! Who we are, to whom we say it, and to whom we do not.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_image::{Descriptor, Digest};
use countersign_registry::{ContentTrouble, Credential, Credentials, Secret, Trouble};
use futures_util::future::join_all;
use tokio::net::TcpListener;

use super::scripted::{Reply, Seen, Server, Shelf, basic, client, client_with, nobody, soon, user};

fn shelf() -> (Shelf, Descriptor) {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    shelf.image("other", "v1");
    (shelf, image)
}

/// A registry that wants `Basic` from one of these users.
async fn basic_registry(users: &'static [&'static str]) -> (Server, Descriptor) {
    let (shelf, image) = shelf();
    let server = Server::start(move |seen: &Seen| match seen.header("authorization") {
        Some(shown) if users.iter().any(|user| shown == basic(user)) => shelf.reply(seen),
        _ => Reply::challenge(r#"Basic realm="registry""#),
    })
    .await;
    (server, image)
}

/// A registry with a token service of its own, which gives `<user>/<scope>` as a token to whoever knows a password, and
/// to nobody as `nobody`.
async fn bearer_registry() -> (Server, Server, Descriptor) {
    let (shelf, image) = shelf();
    let tokens = Server::start(|seen: &Seen| {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let scope = seen.query("scope").pop().or_else(|| field("scope")).unwrap_or_default();
        let who = match (seen.header("authorization"), field("refresh_token")) {
            (None, None) => "nobody",
            (Some(shown), None) if shown == basic("alice") => "alice",
            (Some(shown), None) if shown == basic("bob") => "bob",
            (None, Some(token)) if token == "alice-refresh" => "alice",
            _ => return Reply::new(401),
        };
        Reply::token(&format!("{who}/{}", scope.replace(' ', "+")))
    })
    .await;
    let realm = tokens.url("/token");
    let server = Server::start(move |seen: &Seen| {
        let repository = seen.path().split('/').nth(2).unwrap_or_default();
        let wanted = format!("/repository:{repository}:pull");
        match seen.header("authorization") {
            Some(shown) if shown.starts_with("Bearer ") && shown.contains(&wanted) => shelf.reply(seen),
            _ => Reply::challenge(&format!(
                r#"Bearer realm="{realm}",service="registry.test",scope="ignored""#
            )),
        }
    })
    .await;
    (server, tokens, image)
}

#[tokio::test]
async fn a_password_is_shown_when_asked_for_and_then_at_once() {
    let (server, image) = basic_registry(&["alice"]).await;
    let (client, alice) = (client(), user(&server.host(), "alice"));
    for _ in 0..3 {
        client
            .manifest(&server.repository("app"), &image.digest, &alice, soon())
            .await
            .unwrap();
    }
    let shown: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").is_some())
        .collect();
    assert_eq!(shown, [false, true, true, true]);
    assert_eq!(server.connections(), 1, "a connection is kept");
}

#[tokio::test]
async fn a_wrong_password_is_denied() {
    let (server, image) = basic_registry(&["alice"]).await;
    for credentials in [
        user(&server.host(), "mallory"),
        nobody(),
        user("elsewhere.example", "alice"),
    ] {
        let outcome = client()
            .manifest(&server.repository("app"), &image.digest, &credentials, soon())
            .await;
        assert_eq!(outcome.map(drop), Err(Trouble::Denied { status: 401 }));
    }
}

#[tokio::test]
async fn one_credential_after_the_other_is_tried_and_the_right_one_remembered() {
    let (server, image) = basic_registry(&["alice"]).await;
    let secret = |who: &str| {
        let credential = Credential::Basic {
            user: who.to_owned(),
            password: Secret::new(format!("{who}-secret")),
        };
        (server.host(), credential)
    };
    let mut credentials = Credentials::anonymous();
    for who in ["alice", "bob", "carol"] {
        let (host, credential) = secret(who);
        credentials = credentials.with_host(&host, credential);
    }
    let client = client();
    client
        .manifest(&server.repository("app"), &image.digest, &credentials, soon())
        .await
        .unwrap();
    server.forget();
    client
        .manifest(&server.repository("app"), &image.digest, &credentials, soon())
        .await
        .unwrap();
    assert_eq!(server.seen().len(), 1);
    assert_eq!(server.seen()[0].header("authorization"), Some(basic("alice").as_str()));
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_again() {
    let (server, tokens, image) = bearer_registry().await;
    let (client, alice) = (client(), user(&server.host(), "alice"));
    for _ in 0..3 {
        client
            .manifest(&server.repository("app"), &image.digest, &alice, soon())
            .await
            .unwrap();
    }
    let seen = tokens.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].path()), ("GET", "/token"));
    assert_eq!(
        seen[0].query("scope"),
        ["repository:app:pull"],
        "the scope is ours, not the registry's"
    );
    assert_eq!(seen[0].query("service"), ["registry.test"]);
    assert_eq!(server.seen().len(), 4);
    // Another repository on a known host costs a token and no refusal.
    server.forget();
    client
        .tagged(&server.repository("other"), &"v1".parse_tag(), &alice, soon())
        .await
        .unwrap();
    assert_eq!((server.seen().len(), tokens.seen().len()), (1, 2));
}

#[tokio::test]
async fn nobody_gets_a_token_too() {
    let (server, tokens, image) = bearer_registry().await;
    client()
        .manifest(&server.repository("app"), &image.digest, &nobody(), soon())
        .await
        .unwrap();
    assert_eq!(tokens.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let (server, tokens, image) = bearer_registry().await;
    let identity = Credential::IdentityToken(Secret::new("alice-refresh"));
    let alice = Credentials::anonymous().with_host(&server.host(), identity);
    client()
        .manifest(&server.repository("app"), &image.digest, &alice, soon())
        .await
        .unwrap();
    let seen = &tokens.seen()[0];
    assert_eq!(seen.line(), "POST /token");
    let form: Vec<_> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
    for (key, value) in [
        ("grant_type", "refresh_token"),
        ("service", "registry.test"),
        ("scope", "repository:app:pull"),
        ("client_id", "countersign"),
    ] {
        assert!(form.contains(&(key.to_owned(), value.to_owned())), "{form:?}");
    }
}

#[tokio::test]
async fn a_bearer_credential_is_sent_as_it_is() {
    let (server, tokens, image) = bearer_registry().await;
    let token = Credential::Bearer(Secret::new("x/repository:app:pull"));
    let credentials = Credentials::anonymous().with_host(&server.host(), token);
    client()
        .manifest(&server.repository("app"), &image.digest, &credentials, soon())
        .await
        .unwrap();
    assert_eq!(tokens.seen().len(), 0);
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_time_is_fetched_anew() {
    let (shelf, image) = shelf();
    let fetched = AtomicUsize::new(0);
    let tokens = Server::start(move |_| {
        let number = fetched.fetch_add(1, Ordering::SeqCst);
        Reply::token(&format!("token-{number}"))
    })
    .await;
    let (realm, asked) = (tokens.url("/token"), AtomicUsize::new(0));
    let server = Server::start(move |seen: &Seen| {
        let good = if asked.fetch_add(1, Ordering::SeqCst) < 3 {
            "Bearer token-0"
        } else {
            "Bearer token-1"
        };
        if seen.header("authorization") == Some(good) {
            shelf.reply(seen)
        } else {
            Reply::challenge(&format!(r#"Bearer realm="{realm}""#))
        }
    })
    .await;
    let client = client();
    for _ in 0..4 {
        client
            .manifest(&server.repository("app"), &image.digest, &nobody(), soon())
            .await
            .unwrap();
    }
    assert_eq!(tokens.seen().len(), 2);
}

#[tokio::test]
async fn what_a_token_service_says_instead_of_a_token() {
    for (reply, expected) in [
        (Reply::new(401), Trouble::Denied { status: 401 }),
        (Reply::new(403), Trouble::Denied { status: 403 }),
        (Reply::new(400), Trouble::Denied { status: 400 }),
        (Reply::new(500), Trouble::Unavailable { status: 500 }),
    ] {
        let tokens = Server::start(move |_| reply.clone()).await;
        let realm = tokens.url("/token");
        let server = Server::start(move |_| Reply::challenge(&format!(r#"Bearer realm="{realm}""#))).await;
        let outcome = client()
            .manifest(&server.repository("app"), &Digest::sha256(b"x"), &nobody(), soon())
            .await;
        assert_eq!(outcome.map(drop), Err(expected));
    }
    for body in [
        "",
        "{}",
        "[]",
        r#"{"token":""}"#,
        r#"{"token":1}"#,
        r#"{"token":"a","token":"b"}"#,
    ] {
        let tokens = Server::start(move |_| Reply::ok("application/json", body)).await;
        let realm = tokens.url("/token");
        let server = Server::start(move |_| Reply::challenge(&format!(r#"Bearer realm="{realm}""#))).await;
        let outcome = client()
            .manifest(&server.repository("app"), &Digest::sha256(b"x"), &nobody(), soon())
            .await;
        assert!(
            matches!(outcome, Err(Trouble::Content(ContentTrouble::Protocol { .. }))),
            "{body}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_thousand_who_ask_at_once_share_one_token() {
    let (server, tokens, image) = bearer_registry().await;
    let (client, alice, repository) = (client(), user(&server.host(), "alice"), server.repository("app"));
    let all = (0..200).map(|_| client.manifest(&repository, &image.digest, &alice, soon()));
    assert!(join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(tokens.seen().len(), 1);
}

/// Another client sent alice's token for everybody.
#[tokio::test]
async fn what_alice_may_see_is_never_asked_in_bobs_name() {
    let (server, tokens, image) = bearer_registry().await;
    let client = client();
    for path in ["app", "other"] {
        for who in ["alice", "bob", "alice", "nobody", "bob"] {
            let credentials = if who == "nobody" {
                nobody()
            } else {
                user(&server.host(), who)
            };
            server.forget();
            tokens.forget();
            let fetched = client
                .tagged(&server.repository(path), &"v1".parse_tag(), &credentials, soon())
                .await;
            assert!(fetched.is_ok());
            for shown in server.seen().iter().filter_map(|seen| seen.header("authorization")) {
                assert!(shown.starts_with(&format!("Bearer {who}/")), "{who} showed {shown}");
            }
            for seen in tokens.seen() {
                let expected = (who != "nobody").then(|| basic(who));
                assert_eq!(seen.header("authorization").map(str::to_owned), expected, "{who}");
            }
        }
    }
    let _ = image;
}

#[tokio::test]
async fn a_token_service_that_redirects_sees_no_credential_leave() {
    let (_, thief_log) = ((), Server::start(|_| Reply::token("stolen")).await);
    let elsewhere = thief_log.url("/token");
    let tokens = Server::start(move |_| Reply::new(307).with("Location", elsewhere.clone())).await;
    let realm = tokens.url("/token");
    let server = Server::start(move |_| Reply::challenge(&format!(r#"Bearer realm="{realm}""#))).await;
    let alice = user(&server.host(), "alice");
    let outcome = client()
        .manifest(&server.repository("app"), &Digest::sha256(b"x"), &alice, soon())
        .await;
    assert!(
        matches!(outcome, Err(Trouble::Content(ContentTrouble::Protocol { .. }))),
        "{outcome:?}"
    );
    assert_eq!(thief_log.connections(), 0);
}

/// A registry elsewhere, reached through a proxy that stands for the whole internet.
#[tokio::test]
async fn a_hostile_realm_is_not_asked() {
    for realm in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://127.0.0.1:9/token",
        "http://localhost:9/token",
        "http://10.0.0.1/token",
        "http://192.168.1.1/token",
        "http://[fd00::1]/token",
        "http://0x7f000001/token",
        "http://evil.example/token",
        "http://user:password@registry.test/token",
        "file:///etc/passwd",
        "gopher://registry.test/",
        "token",
        "",
    ] {
        let challenge = format!(r#"Bearer realm="{realm}""#);
        let proxy = Server::start(move |_| Reply::challenge(&challenge)).await;
        let client = client_with(|config| {
            config.plain_http = vec!["registry.test".to_owned()];
            config.proxies.http = Some(Secret::new(proxy.url("")));
        });
        let alice = user("registry.test", "alice");
        let repository = countersign_image::Repository::parse("registry.test/app").unwrap();
        let outcome = client
            .manifest(&repository, &Digest::sha256(b"x"), &alice, soon())
            .await;
        assert!(
            matches!(outcome, Err(Trouble::Content(ContentTrouble::Protocol { .. }))),
            "{realm}: {outcome:?}"
        );
        let lines = proxy.lines();
        assert_eq!(lines.len(), 1, "{realm}: {lines:?}");
        assert!(
            lines[0].starts_with("GET http://registry.test/v2/app/manifests/"),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_realm_that_is_spoken_to_plainly_by_configuration_is_asked() {
    let proxy = Server::start(|seen: &Seen| {
        if seen.target.starts_with("http://auth.example.com/token") {
            Reply::token("t")
        } else if seen.header("authorization") == Some("Bearer t") {
            Reply::not_found()
        } else {
            Reply::challenge(r#"Bearer realm="http://auth.example.com/token""#)
        }
    })
    .await;
    let client = client_with(|config| {
        config.plain_http = vec!["registry.example.com".to_owned(), "auth.example.com".to_owned()];
        config.proxies.http = Some(Secret::new(proxy.url("")));
    });
    let repository = countersign_image::Repository::parse("registry.example.com/app").unwrap();
    let alice = user("registry.example.com", "alice");
    let outcome = client
        .manifest(&repository, &Digest::sha256(b"x"), &alice, soon())
        .await;
    assert_eq!(outcome.map(drop), Err(Trouble::NotFound));
    assert_eq!(proxy.count("http://auth.example.com/token"), 1);
}

/// CVE-2026-48978: whoever writes the registry's answers gets no password to an address of their own.
#[tokio::test]
async fn a_password_goes_to_no_realm_of_another_site() {
    let tokens = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let realm = format!(r#"Bearer realm="http://{}/token""#, tokens.local_addr().unwrap());
    let server = Server::start(move |_| Reply::challenge(&realm)).await;
    let outcome = client()
        .manifest(
            &server.repository("app"),
            &Digest::sha256(b"x"),
            &user(&server.host(), "alice"),
            soon(),
        )
        .await;
    let Err(Trouble::Login { detail }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(detail.contains("a credential goes to no other site"), "{detail}");
    let nobody_came = tokio::time::timeout(std::time::Duration::from_millis(50), tokens.accept()).await;
    assert!(nobody_came.is_err(), "{nobody_came:?}");
}

#[tokio::test]
async fn a_password_that_is_configured_for_the_realm_goes_there() {
    let proxy = Server::start(|seen: &Seen| {
        if seen.target.starts_with("http://auth.test/token") && seen.header("authorization").is_some() {
            Reply::token("t")
        } else if seen.header("authorization") == Some("Bearer t") {
            Reply::not_found()
        } else {
            Reply::challenge(r#"Bearer realm="http://auth.test/token""#)
        }
    })
    .await;
    let client = client_with(|config| {
        config.plain_http = vec!["registry.test".to_owned(), "auth.test".to_owned()];
        config.proxies.http = Some(Secret::new(proxy.url("")));
    });
    let repository = countersign_image::Repository::parse("registry.test/app").unwrap();
    let password = || Credential::Basic {
        user: "alice".to_owned(),
        password: Secret::new("alice-secret"),
    };
    let alice = user("registry.test", "alice").with_host("auth.test", password());
    let outcome = client
        .manifest(&repository, &Digest::sha256(b"x"), &alice, soon())
        .await;
    assert_eq!(outcome.map(drop), Err(Trouble::NotFound));
}

trait ParseTag {
    fn parse_tag(&self) -> countersign_image::Tag;
}

impl ParseTag for str {
    fn parse_tag(&self) -> countersign_image::Tag {
        countersign_image::Tag::parse(self).unwrap()
    }
}

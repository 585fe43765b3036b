//! Which credential goes to whom.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

fn basic(user: &str, password: &str) -> Credential {
    Credential::Basic {
        user: user.to_owned(),
        password: Secret::new(password),
    }
}

fn auth(text: &str) -> String {
    STANDARD.encode(text)
}

fn secret(keys: &[(&str, &str)]) -> Vec<u8> {
    let auths: serde_json::Map<_, _> = keys
        .iter()
        .map(|(key, user)| ((*key).to_owned(), json!({"auth": auth(&format!("{user}:p"))})))
        .collect();
    json!({"auths": auths}).to_string().into_bytes()
}

async fn shown(credentials: &Credentials, host: &str, path: &str) -> Vec<Credential> {
    let deadline = Instant::now() + Duration::from_secs(5);
    credentials.candidates(host, path, deadline).await.credentials
}

#[test]
fn keys_in_all_the_forms_that_people_write() {
    for (key, host, path, expected) in [
        ("https://index.docker.io/v1/", "docker.io", "library/nginx", true),
        ("index.docker.io", "docker.io", "library/nginx", true),
        ("docker.io", "docker.io", "library/nginx", true),
        ("registry-1.docker.io/v2/", "docker.io", "library/nginx", true),
        ("https://index.docker.io/v1/", "ghcr.io", "a/b", false),
        ("GHCR.io", "ghcr.io", "a/b", true),
        ("ghcr.io", "evil-ghcr.io", "a/b", false),
        ("ghcr.io", "ghcr.io.evil.example", "a/b", false),
        ("ghcr.io:443", "ghcr.io", "a/b", true),
        ("http://localhost:5000", "localhost:5000", "a", true),
        ("localhost:5000", "localhost:5001", "a", false),
        ("localhost", "localhost:5000", "a", false),
        ("ghcr.io/team", "ghcr.io", "team/app", true),
        ("ghcr.io/team/", "ghcr.io", "team", true),
        ("ghcr.io/team", "ghcr.io", "teammates/app", false),
        ("ghcr.io/team/app", "ghcr.io", "team", false),
        ("*.ecr.example", "123.ecr.example", "a", true),
        ("*.ecr.example", "1.2.ecr.example", "a", false),
        ("*.ecr.example", "ecr.example", "a", false),
        ("1*3.dkr.*.example", "123.dkr.eu.example", "a", true),
        ("*", "ghcr.io", "a", false),
    ] {
        assert_eq!(docker::key_fits(key, host, path), expected, "{key} for {host}/{path}");
    }
}

#[tokio::test]
async fn the_key_that_says_most_wins() {
    let credentials = Credentials::anonymous()
        .with_pull_secret(&secret(&[
            ("ghcr.io", "host"),
            ("ghcr.io/team", "team"),
            ("ghcr.io/team/app", "app"),
            ("*.io", "glob"),
            ("quay.io", "other"),
        ]))
        .unwrap();
    for (path, user) in [
        ("x", "host"),
        ("team/x", "team"),
        ("team/app", "app"),
        ("team/app/x", "app"),
    ] {
        assert_eq!(shown(&credentials, "ghcr.io", path).await, [basic(user, "p")], "{path}");
    }
    assert_eq!(shown(&credentials, "gcr.io", "x").await, [basic("glob", "p")]);
    assert_eq!(shown(&credentials, "example.com", "x").await, [Credential::Anonymous]);
}

#[tokio::test]
async fn pull_secrets_are_asked_before_the_machine_and_the_latest_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::fs::write(&path, secret(&[("ghcr.io", "machine")])).unwrap();
    let credentials = Credentials::from_docker_config(&path)
        .unwrap()
        .with_pull_secret(&secret(&[("ghcr.io", "first")]))
        .unwrap()
        .with_pull_secret(&secret(&[("ghcr.io", "second")]))
        .unwrap();
    let expected = [basic("second", "p"), basic("first", "p"), basic("machine", "p")];
    assert_eq!(shown(&credentials, "ghcr.io", "a").await, expected);
}

#[tokio::test]
async fn entries_in_all_their_forms() {
    let legacy = json!({"ghcr.io": {"username": "u", "password": "p", "auth": auth("u:p\u{0}")}}).to_string();
    for (secret, expected) in [
        (legacy.as_str(), basic("u", "p")),
        (
            r#"{"auths":{"ghcr.io":{"username":"u","password":"p"}}}"#,
            basic("u", "p"),
        ),
        (
            r#"{"auths":{"ghcr.io":{"auth":"dTpw"}},"HttpHeaders":{}}"#,
            basic("u", "p"),
        ),
        (r#"{"auths":{"ghcr.io":{"auth":"dTpwOnE="}}}"#, basic("u", "p:q")),
        (
            r#"{"auths":{"ghcr.io":{"auth":"dTpw","identitytoken":"t"}}}"#,
            Credential::IdentityToken(Secret::new("t")),
        ),
        (
            r#"{"auths":{"ghcr.io":{"username":"<token>","password":"t"}}}"#,
            Credential::IdentityToken(Secret::new("t")),
        ),
        (
            r#"{"auths":{"ghcr.io":{"registrytoken":"t"}}}"#,
            Credential::Bearer(Secret::new("t")),
        ),
        (r#"{"auths":{"ghcr.io":{}}}"#, Credential::Anonymous),
        (r#"{"auths":{}}"#, Credential::Anonymous),
    ] {
        let credentials = Credentials::anonymous().with_pull_secret(secret.as_bytes()).unwrap();
        assert_eq!(shown(&credentials, "ghcr.io", "a").await, [expected], "{secret}");
    }
}

#[test]
fn a_secret_that_cannot_be_read_says_why_and_repeats_nothing() {
    for (secret, why) in [
        ("", "line 1"),
        ("[]", "line 1"),
        (r#"{"auths":{"a":{"auth":"hunter2!"}}}"#, "`a`: `auth` is not base64"),
        (
            r#"{"auths":{"a":{"auth":"aHVudGVyMg=="}}}"#,
            "`a`: `auth` is not base64 of `user:password`",
        ),
        (r#"{"auths":{"a":{}},"auths":{"a":{}}}"#, "twice"),
    ] {
        let error = Credentials::anonymous()
            .with_pull_secret(secret.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{secret}: {error}");
        assert!(!error.contains("hunter2") && !error.contains("aHVudGVyMg"), "{error}");
    }
    let large = vec![b' '; (1 << 20) + 1];
    let error = Credentials::anonymous()
        .with_pull_secret(&large)
        .unwrap_err()
        .to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
}

#[test]
fn equal_scopes_mean_equal_credentials() {
    let repository = Repository::parse("ghcr.io/team/app").unwrap();
    let none = Credentials::anonymous();
    let alice = none.with_pull_secret(&secret(&[("ghcr.io", "alice")])).unwrap();
    let bob = none.with_pull_secret(&secret(&[("ghcr.io", "bob")])).unwrap();
    let alice_elsewhere = none
        .with_pull_secret(&secret(&[("ghcr.io", "alice"), ("quay.io", "carol")]))
        .unwrap();
    let elsewhere = none.with_pull_secret(&secret(&[("quay.io", "carol")])).unwrap();
    assert_ne!(alice.scope(&repository), bob.scope(&repository));
    assert_ne!(alice.scope(&repository), none.scope(&repository));
    assert_eq!(alice.scope(&repository), alice_elsewhere.scope(&repository));
    assert_eq!(elsewhere.scope(&repository), none.scope(&repository));
    assert_ne!(alice.scope_hash(), alice_elsewhere.scope_hash());
    assert_ne!(basic("a", "bc").scope(), basic("ab", "c").scope());
    assert!(!format!("{alice:?}").contains("\"p\""), "{alice:?}");
}

#[tokio::test]
async fn a_pull_secret_runs_no_program() {
    let secret = json!({"auths": {}, "credsStore": "evil", "credHelpers": {"ghcr.io": "evil"}}).to_string();
    let credentials = Credentials::anonymous().with_pull_secret(secret.as_bytes()).unwrap();
    let candidates = credentials
        .candidates("ghcr.io", "a", Instant::now() + Duration::from_secs(5))
        .await;
    assert_eq!(candidates.credentials, [Credential::Anonymous]);
    assert_eq!(candidates.trouble, None);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_trouble_and_not_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let config = json!({"auths": {"quay.io": {"auth": auth("u:p")}}, "credHelpers": {"ghcr.io": "no-such-program"}});
    std::fs::write(&path, config.to_string()).unwrap();
    let credentials = Credentials::from_docker_config(&path).unwrap();
    let candidates = credentials
        .candidates("ghcr.io", "a", Instant::now() + Duration::from_secs(5))
        .await;
    assert_eq!(candidates.credentials, [Credential::Anonymous]);
    assert!(
        candidates
            .trouble
            .unwrap()
            .contains("`docker-credential-no-such-program` could not be run")
    );
    assert_eq!(shown(&credentials, "quay.io", "a").await, [basic("u", "p")]);
}

#[test]
fn a_program_is_named_by_a_plain_word() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["../../evil", "a b", "a/b", ""] {
        let path = directory.path().join("config.json");
        std::fs::write(&path, json!({"credHelpers": {"ghcr.io": name}}).to_string()).unwrap();
        assert!(Credentials::from_docker_config(&path).is_err(), "{name}");
    }
}

//! The keys of an issuer: fetched seldom, kept while it is away, and not for ever.

use std::sync::Arc;

use axum::http::StatusCode;
use countersign_identity::{Code, IssuerConfig, Issuers};
use jiff::Timestamp;
use serde_json::json;

use crate::provider::{AUDIENCE, Provider, Signing, at, part, token, with};

const HOUR: i64 = 3600;

/// A token that is good at some time, by a key of some name.
fn signed(key: &Signing, kid: &str, provider: &Provider, seconds: i64) -> String {
    let now = at(seconds).as_second();
    let times = json!({"iat": now, "nbf": now, "exp": now + 600});
    token(
        key,
        &json!({"alg": "RS256", "kid": kid}),
        &with(provider.github(), &times),
    )
}

async fn code(issuers: &Issuers, shown: &str, now: Timestamp) -> Option<Code> {
    issuers.verify(shown, now).await.err().map(|refused| refused.code())
}

fn away(provider: &Provider, is_away: bool) {
    let broken = (StatusCode::BAD_GATEWAY, String::new());
    *provider.served.instead.lock().unwrap() = is_away.then_some(broken);
}

#[tokio::test]
async fn a_crowd_of_jobs_fetches_the_keys_once() {
    let provider = Provider::start().await;
    let issuers = Arc::new(provider.issuers());
    let shown = Arc::new(provider.signed(&provider.github()));
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (issuers, shown) = (Arc::clone(&issuers), Arc::clone(&shown));
        crowd.spawn(async move { issuers.verify(&shown, at(0)).await.is_ok() });
    }
    assert!(crowd.join_all().await.into_iter().all(|is_in| is_in));
    assert_eq!(provider.key_fetches(), 1);
}

#[tokio::test]
async fn names_of_keys_that_do_not_exist_do_not_make_us_ask_again_and_again() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    let stranger = Signing::rsa();
    issuers.refresh(at(0)).await;
    let at_start = provider.key_fetches();
    for number in 0..20 {
        let shown = signed(&stranger, &format!("new-{number}"), &provider, 0);
        assert_eq!(code(&issuers, &shown, at(1)).await, Some(Code::KeyUnknown));
    }
    assert_eq!(provider.key_fetches(), at_start + 1);
    let shown = signed(&stranger, "newer", &provider, 0);
    assert_eq!(code(&issuers, &shown, at(31)).await, Some(Code::KeyUnknown));
    assert_eq!(provider.key_fetches(), at_start + 2, "half a minute later once more");
}

#[tokio::test]
async fn a_new_key_is_believed_at_once_and_one_that_was_taken_back_in_ten_minutes() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers.refresh(at(0)).await;
    let new = Signing::rsa();
    *provider.served.keys.lock().unwrap() = json!({"keys": [provider.rsa.jwk("rsa"), new.jwk("new")]});
    assert_eq!(code(&issuers, &signed(&new, "new", &provider, 1), at(1)).await, None);
    *provider.served.keys.lock().unwrap() = json!({"keys": [new.jwk("new")]});
    issuers.refresh(at(600)).await;
    assert_eq!(
        code(&issuers, &signed(&provider.rsa, "rsa", &provider, 599), at(599)).await,
        None
    );
    issuers.refresh(at(601)).await;
    assert_eq!(
        code(&issuers, &signed(&provider.rsa, "rsa", &provider, 602), at(602)).await,
        Some(Code::KeyUnknown)
    );
    let bare = token(&new, &json!({"alg": "RS256"}), &provider.github());
    assert_eq!(
        code(&issuers, &bare, at(3)).await,
        None,
        "the only key need not be named"
    );
}

#[tokio::test]
async fn an_issuer_that_is_away_is_believed_for_a_day_and_no_longer() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers.refresh(at(0)).await;
    away(&provider, true);
    for hours in [1, 12, 24] {
        let now = hours * HOUR;
        issuers.refresh(at(now)).await;
        assert_eq!(
            code(&issuers, &signed(&provider.rsa, "rsa", &provider, now), at(now)).await,
            None,
            "{hours} h"
        );
    }
    let now = 24 * HOUR + 1;
    let refused = issuers
        .verify(&signed(&provider.rsa, "rsa", &provider, now), at(now))
        .await
        .unwrap_err();
    assert_eq!((refused.code(), refused.status()), (Code::KeysStale, 503), "{refused}");
    // A key that nobody knows may be a new one.
    let early = signed(&provider.rsa, "new", &provider, HOUR);
    assert_eq!(code(&issuers, &early, at(HOUR)).await, Some(Code::Unavailable));
    away(&provider, false);
    issuers.refresh(at(now + 30)).await;
    let later = signed(&provider.rsa, "rsa", &provider, now + 31);
    assert_eq!(code(&issuers, &later, at(now + 31)).await, None, "back again");
}

#[tokio::test]
async fn an_issuer_that_was_never_there_is_an_outage_and_no_refusal() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    away(&provider, true);
    let shown = provider.signed(&provider.github());
    for seconds in [0, 1, 2, 3] {
        let refused = issuers.verify(&shown, at(seconds)).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.status()),
            (Code::Unavailable, 503),
            "{refused}"
        );
    }
    assert_eq!(provider.key_fetches(), 1, "not for every job");
    away(&provider, false);
    assert_eq!(code(&issuers, &shown, at(6)).await, None);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_the_fetch_along() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    let shown = provider.signed(&provider.github());
    {
        tokio::select! {
            biased;
            _ = issuers.verify(&shown, at(0)) => panic!("nobody has the keys yet"),
            () = std::future::ready(()) => {}
        }
    }
    assert_eq!(code(&issuers, &shown, at(0)).await, None);
    assert_eq!(provider.key_fetches(), 1);
}

#[tokio::test]
async fn a_provider_that_misleads_us_is_not_followed() {
    let provider = Provider::start().await;
    let url = provider.url.clone();
    let broken = |status: StatusCode, body: &str| Some((status, body.to_owned()));
    let large = format!("{{\"keys\": [], \"pad\": \"{}\"}}", "p".repeat(300_000));
    let short = with(provider.rsa.jwk("rsa"), &json!({"n": "AQAB"}));
    let sets = [
        ("no keys", json!({"keys": []})),
        ("no set", json!([])),
        (
            "a shared secret",
            json!({"keys": [{"kty": "oct", "kid": "rsa", "k": "c2VjcmV0", "alg": "RS256"}]}),
        ),
        ("a short key", json!({"keys": [short]})),
        (
            "a key for encryption",
            json!({"keys": [with(provider.rsa.jwk("rsa"), &json!({"use": "enc"}))]}),
        ),
        (
            "a key for another algorithm",
            json!({"keys": [with(provider.rsa.jwk("rsa"), &json!({"alg": "RS512"}))]}),
        ),
        (
            "a key to sign with only",
            json!({"keys": [with(provider.rsa.jwk("rsa"), &json!({"key_ops": ["sign"]}))]}),
        ),
        (
            "a private key",
            json!({"keys": [with(provider.rsa.jwk("rsa"), &json!({"d": "AQAB"}))]}),
        ),
        (
            "a point off the curve",
            json!({"keys": [with(provider.ec.jwk("ec"), &json!({"x": part(&json!(1)), "y": part(&json!(1))}))]}),
        ),
        ("too many", json!({"keys": vec![provider.rsa.jwk("rsa"); 101]})),
    ];
    let shown = provider.signed(&provider.github());
    let expect = async |what: &str| {
        let refused = provider.issuers().verify(&shown, at(0)).await.expect_err(what);
        assert_eq!(refused.code(), Code::Unavailable, "{what}: {refused}");
        refused.to_string()
    };
    let good = provider.served.keys.lock().unwrap().clone();
    for (what, set) in sets {
        *provider.served.keys.lock().unwrap() = set;
        expect(what).await;
    }
    *provider.served.keys.lock().unwrap() = good;
    for (what, answer) in [
        ("too large", broken(StatusCode::OK, &large)),
        ("no JSON", broken(StatusCode::OK, "<html>")),
        ("a key set twice", broken(StatusCode::OK, r#"{"keys": [], "keys": []}"#)),
        ("no", broken(StatusCode::FORBIDDEN, "")),
    ] {
        *provider.served.instead.lock().unwrap() = answer;
        expect(what).await;
    }
    *provider.served.instead.lock().unwrap() = None;
    for (what, document) in [
        ("another issuer", json!({"issuer": "https://accounts.example.com"})),
        ("no issuer", json!({"issuer": null})),
        ("no keys", json!({"jwks_uri": null})),
        ("a file", json!({"jwks_uri": "file:///etc/passwd"})),
        (
            "the link",
            json!({"jwks_uri": "http://169.254.169.254/latest/meta-data"}),
        ),
        ("a private network", json!({"jwks_uri": "https://10.0.0.1/keys"})),
        (
            "a password",
            json!({"jwks_uri": url.replace("http://", "http://u:p@") + "/keys"}),
        ),
        ("a redirect", json!({"jwks_uri": format!("{url}/moved")})),
    ] {
        *provider.served.discovery.lock().unwrap() = Some(document);
        let told = expect(what).await;
        assert!(!told.contains("u:p"), "{told}");
    }
}

#[tokio::test]
async fn our_own_token_goes_to_the_configured_server_and_nowhere_else() {
    let (provider, elsewhere) = (Provider::start().await, Provider::start().await);
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "sesame\n").unwrap();
    let lines = format!("github: keys: {{tokenFile: {}}}", secret.path().display());
    let keys = provider.served.keys.lock().unwrap().clone();
    *elsewhere.served.keys.lock().unwrap() = keys;
    *provider.served.discovery.lock().unwrap() = Some(json!({"jwks_uri": format!("{}/keys", elsewhere.url)}));
    let shown = provider.signed(&provider.github());
    assert!(provider.issuers_with(&lines).verify(&shown, at(0)).await.is_ok());
    assert_eq!(
        *provider.served.seen_secrets.lock().unwrap(),
        ["Bearer sesame"],
        "the discovery document"
    );
    assert!(elsewhere.served.seen_secrets.lock().unwrap().is_empty());
    *provider.served.discovery.lock().unwrap() = None;
    assert!(provider.issuers_with(&lines).verify(&shown, at(0)).await.is_ok());
    assert_eq!(
        provider.served.seen_secrets.lock().unwrap().len(),
        3,
        "and the keys, on the same server"
    );
    std::fs::remove_file(secret.path()).unwrap();
    let refused = provider.issuers_with(&lines).verify(&shown, at(0)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
}

#[tokio::test]
async fn keys_come_from_a_file_or_a_url_where_that_is_configured() {
    let provider = Provider::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), provider.served.keys.lock().unwrap().to_string()).unwrap();
    *provider.served.discovery.lock().unwrap() = Some(json!({"issuer": "https://not.asked"}));
    let claims = |issuer: &str| with(provider.github(), &json!({"iss": issuer}));
    let verified = async |keys: String, issuer: &str| {
        let text = format!("[{{name: a, github: {{url: '{issuer}', keys: {{{keys}}}}}}}]");
        let configs: Vec<IssuerConfig> = serde_saphyr::from_str(&text).unwrap();
        let issuers = Issuers::new(&configs, AUDIENCE).unwrap();
        issuers
            .verify(&provider.signed(&claims(issuer)), at(0))
            .await
            .map(|found| found.issuer_url)
    };
    let by_file = verified(format!("file: {}", file.path().display()), "https://no.network.example").await;
    assert_eq!(by_file.unwrap(), "https://no.network.example");
    assert_eq!(provider.key_fetches(), 0);
    let by_url = verified(format!("url: '{}/keys'", provider.url), "https://far.example").await;
    assert!(by_url.is_ok());
    let redirected = verified(format!("url: '{}/moved'", provider.url), "https://far.example").await;
    assert_eq!(redirected.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn the_background_fetches_every_ten_minutes() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    for minute in 0..=30 {
        issuers.refresh(at(60 * minute)).await;
    }
    assert_eq!(
        provider.key_fetches(),
        4 * 4,
        "at 0, 10, 20 and 30 minutes, for each of four issuers"
    );
    let other = provider.issuers();
    let mut following = Box::pin(other.follow(|| at(0)));
    while provider.key_fetches() < 4 * 5 {
        tokio::select! {
            biased;
            () = &mut following => unreachable!("it never ends by itself"),
            () = tokio::task::yield_now() => {}
        }
    }
}

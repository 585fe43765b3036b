//! What a token has to be, whoever its issuer is.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_identity::{Code, MAX_TOKEN_BYTES, Refused};
use serde_json::{Value, json};

use crate::provider::{AUDIENCE, NOW, Provider, Signing, at, part, token, with};

const HEADER: &str = r#"{"alg":"RS256","kid":"rsa","typ":"JWT"}"#;

fn header(others: &Value) -> Value {
    with(serde_json::from_str(HEADER).unwrap(), others)
}

fn hmac_of(key: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn raw(provider: &Provider, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(provider.rsa.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// No part of a token, and no claim that nobody has to know, comes back out.
fn tells_nothing(refused: &Refused, shown: &str) {
    let told = format!("{refused} {refused:?}");
    for part in shown.split('.').filter(|part| part.len() > 8) {
        assert!(!told.contains(part), "{told}");
    }
    assert!(!told.contains("hidden"), "{told}");
    assert!(told.len() < 1000, "{told}");
}

#[tokio::test]
async fn a_token_that_keeps_every_rule_is_believed_with_each_kind_of_key() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    for (key, header) in [
        (&provider.rsa, json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"})),
        (&provider.ec, json!({"alg": "ES256", "kid": "ec", "typ": "jwt"})),
        (&provider.ed, json!({"alg": "EdDSA", "kid": "ed"})),
    ] {
        let shown = token(key, &header, &provider.github());
        let submitter = issuers.verify(&shown, at(0)).await.unwrap();
        assert_eq!(submitter.token_id, "7c0a");
        assert_eq!(submitter.expires, at(630), "with the skew");
    }
    assert_eq!(provider.key_fetches(), 1, "keys lie ready");
}

/// What each row shows is refused with 401 and its code.
async fn refused(provider: &Provider, rows: Vec<(&str, String, Code)>) {
    let issuers = provider.issuers();
    for (what, shown, expected) in rows {
        let refused = issuers.verify(&shown, at(0)).await.expect_err(what);
        assert_eq!((refused.code(), refused.status()), (expected, 401), "{what}: {refused}");
        tells_nothing(&refused, &shown);
    }
}

#[tokio::test]
async fn an_algorithm_or_a_key_that_is_not_the_issuers_is_refused() {
    let provider = Provider::start().await;
    let claims = provider.github();
    let stranger = Signing::rsa();
    let here = format!("{}/keys", provider.url);
    let brought = header(&json!({"jwk": stranger.jwk("rsa"), "jku": here, "x5u": here, "x5c": ["MII"]}));
    let signed = |others: Value| token(&provider.rsa, &header(&others), &claims);
    let none = format!("{}.{}", part(&header(&json!({"alg": "none"}))), part(&claims));
    let pss = format!("{}.{}", part(&header(&json!({"alg": "PS256"}))), part(&claims));
    let pss = format!(
        "{pss}.{}",
        URL_SAFE_NO_PAD.encode(provider.rsa.sign_pss(pss.as_bytes()))
    );
    let with_public = |name: &str| hmac_of(&provider.rsa.public(), &header(&json!({"alg": name})), &claims);
    let rows = vec![
        ("none", format!("{none}."), Code::Algorithm),
        ("nOnE", signed(json!({"alg": "nOnE"})), Code::Algorithm),
        ("HS256 with the public key", with_public("HS256"), Code::Algorithm),
        ("HMAC by another name", with_public("RS256"), Code::Signature),
        ("PS256", pss, Code::Algorithm),
        ("RS512", signed(json!({"alg": "RS512"})), Code::Algorithm),
        ("no algorithm", signed(json!({"alg": null})), Code::Malformed),
        ("several", signed(json!({"alg": ["RS256"]})), Code::Malformed),
        ("another's", signed(json!({"alg": "ES256"})), Code::KeyUnknown),
        (
            "a stranger",
            token(&stranger, &header(&json!({})), &claims),
            Code::Signature,
        ),
        (
            "a key that it brings",
            token(&stranger, &brought, &claims),
            Code::Signature,
        ),
        ("no key's name", signed(json!({"kid": null})), Code::KeyNeeded),
        ("the name of no key", signed(json!({"kid": "hid"})), Code::KeyUnknown),
        ("a number as a name", signed(json!({"kid": 1})), Code::Malformed),
    ];
    refused(&provider, rows).await;
    let led = signed(json!({"jku": "http://127.0.0.1:1/", "x5u": "file:///"}));
    let submitter = provider.issuers().verify(&led, at(0)).await;
    assert!(submitter.is_ok(), "not looked at: {submitter:?}");
}

#[tokio::test]
async fn a_token_of_another_form_is_refused() {
    let provider = Provider::start().await;
    let claims = provider.github();
    let signed = |others: Value| token(&provider.rsa, &header(&others), &claims);
    let whole = provider.signed(&claims);
    let (message, signature) = whole.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let others = part(&with(claims.clone(), &json!({"jti": "1"})));
    let rows = vec![
        ("an extension", signed(json!({"crit": ["exp"]})), Code::Critical),
        ("no extensions", signed(json!({"crit": []})), Code::Critical),
        ("an unencoded payload", signed(json!({"b64": false})), Code::Critical),
        ("another kind", signed(json!({"typ": "logout+jwt"})), Code::Type),
        ("an access token", signed(json!({"typ": "at+jwt"})), Code::Type),
        ("no signature", format!("{message}."), Code::Malformed),
        ("two parts", message.to_owned(), Code::Malformed),
        ("four parts", format!("{whole}.{signature}"), Code::Malformed),
        ("padding", format!("{whole}="), Code::Malformed),
        ("a space", format!("{whole} "), Code::Malformed),
        ("other claims", format!("{head}.{others}.{signature}"), Code::Signature),
        ("nothing", String::new(), Code::Malformed),
        ("too much", "a".repeat(MAX_TOKEN_BYTES + 1), Code::TooLarge),
        (
            "a large header",
            signed(json!({"pad": "p".repeat(3000)})),
            Code::Malformed,
        ),
    ];
    refused(&provider, rows).await;
}

/// What each row changes is refused with 401 and its code.
async fn refused_with(provider: &Provider, rows: Vec<(&str, Value, Code)>) {
    let signed = |others: &Value| provider.signed(&with(provider.github(), others));
    let rows = rows
        .into_iter()
        .map(|(what, others, code)| (what, signed(&others), code));
    refused(provider, rows.collect()).await;
}

#[tokio::test]
async fn claims_that_are_not_for_us_are_refused() {
    let provider = Provider::start().await;
    let url = &provider.url;
    let rows = vec![
        (
            "another audience",
            json!({"aud": "https://other.example.com"}),
            Code::Audience,
        ),
        (
            "ours with a slash",
            json!({"aud": format!("{AUDIENCE}/")}),
            Code::Audience,
        ),
        (
            "ours among others",
            json!({"aud": [AUDIENCE, "sts.amazonaws.com"]}),
            Code::Audience,
        ),
        ("ours twice", json!({"aud": [AUDIENCE, AUDIENCE]}), Code::Audience),
        ("no audience in a list", json!({"aud": []}), Code::Audience),
        ("an audience that is a number", json!({"aud": 7}), Code::Audience),
        ("no audience", json!({"aud": null}), Code::Claim),
        (
            "another issuer",
            json!({"iss": "https://token.actions.githubusercontent.com"}),
            Code::Issuer,
        ),
        (
            "an issuer with a slash",
            json!({"iss": format!("{url}/hub/")}),
            Code::Issuer,
        ),
        (
            "an issuer in other letters",
            json!({"iss": format!("{url}/HUB")}),
            Code::Issuer,
        ),
        ("no issuer", json!({"iss": null}), Code::Claim),
        ("a list of issuers", json!({"iss": [format!("{url}/hub")]}), Code::Claim),
    ];
    refused_with(&provider, rows).await;
}

#[tokio::test]
async fn claims_that_are_not_for_now_or_none_at_all_are_refused() {
    let provider = Provider::start().await;
    let far = "nine".repeat(400);
    let rows = vec![
        ("over", json!({"iat": NOW - 600, "exp": NOW - 30}), Code::Expired),
        ("to come", json!({"nbf": NOW + 31}), Code::NotYet),
        (
            "issued in the future",
            json!({"iat": NOW + 31, "nbf": null}),
            Code::NotYet,
        ),
        ("too long", json!({"exp": NOW + 3601}), Code::Lifetime),
        ("over before it began", json!({"exp": NOW - 5}), Code::Lifetime),
        ("for ever", json!({"exp": 253_402_207_200_i64}), Code::Lifetime),
        ("no end", json!({"exp": null}), Code::Claim),
        ("no beginning", json!({"iat": null}), Code::Claim),
        (
            "an end that is a text",
            json!({"exp": (NOW + 600).to_string()}),
            Code::Claim,
        ),
        ("an end beyond all times", json!({"exp": 1e300}), Code::Claim),
        ("a `jti` that is a list", json!({"jti": ["1"]}), Code::Claim),
        ("a `jti` without end", json!({"jti": far}), Code::Claim),
        ("no subject", json!({"sub": null}), Code::Claim),
        ("a fraction", json!({"repository_id": 4711.5}), Code::Claim),
    ];
    refused_with(&provider, rows).await;
}

#[tokio::test]
async fn what_issuers_write_in_several_ways_is_read() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    for (what, others, id) in [
        ("within the skew", json!({"iat": NOW - 600, "exp": NOW - 29}), "7c0a"),
        (
            "begins within the skew",
            json!({"nbf": NOW + 30, "iat": NOW + 30}),
            "7c0a",
        ),
        ("a whole hour", json!({"exp": NOW + 3600}), "7c0a"),
        (
            "times with fractions",
            json!({"iat": NOW as f64 + 0.5, "exp": NOW as f64 + 600.25}),
            "7c0a",
        ),
        ("a list with ours alone", json!({"aud": [AUDIENCE]}), "7c0a"),
        (
            "numbers that are no texts",
            json!({"repository_id": 4711, "run_id": 1001}),
            "7c0a",
        ),
        ("no `jti`", json!({"jti": null}), "sha256:"),
    ] {
        let shown = provider.signed(&with(provider.github(), &others));
        let found = issuers.verify(&shown, at(0)).await;
        let found = found.unwrap_or_else(|refused| panic!("{what}: {refused}"));
        assert!(found.token_id.starts_with(id), "{what}: {}", found.token_id);
    }
}

#[tokio::test]
async fn what_two_readers_read_in_two_ways_is_refused() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    let claims = provider.github().to_string();
    let twice = claims.replacen('{', &format!(r#"{{"aud":"{AUDIENCE}","#), 1);
    let deep = claims.replacen('{', &format!(r#"{{"x":{}{},"#, "[".repeat(12), "]".repeat(12)), 1);
    for (what, header, claims) in [
        ("a claim twice", HEADER, twice.as_str()),
        (
            "an algorithm twice",
            r#"{"alg":"none","alg":"RS256","kid":"rsa"}"#,
            &claims,
        ),
        ("deep claims", HEADER, &deep),
        ("claims that are a list", HEADER, "[]"),
        ("something behind", HEADER, &format!("{claims}{{}}")),
        ("no JSON", "hidden", &claims),
    ] {
        let shown = raw(&provider, header, claims);
        let refused = issuers.verify(&shown, at(0)).await.expect_err(what);
        assert_eq!(refused.code(), Code::Malformed, "{what}: {refused}");
        tells_nothing(&refused, &shown);
    }
}

#[test]
fn every_code_is_one_word_with_a_meaning() {
    let mut words = std::collections::BTreeSet::new();
    for code in Code::ALL {
        assert!(words.insert(code.name()), "{} twice", code.name());
        assert!(
            code.name()
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'.')),
            "{}",
            code.name()
        );
        assert!(code.meaning().ends_with('.'));
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/identity.md")).unwrap();
    for code in Code::ALL {
        let row = format!("| `{}` | {} | {} |", code.name(), code.class().status(), code.meaning());
        assert!(page.contains(&row), "docs/identity.md has no row\n{row}");
    }
}

//! Identity tokens and signing configurations: what is read is within limits, and nothing that is secret is said again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keyless::token::MAX_TOKEN_BYTES;
use countersign_keyless::{IdentityToken, SigningConfig};
use jiff::Timestamp;

use super::JSON;
use crate::seeds::{Seeds, named};
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "identity_token",
        run: identity_token,
        seeds: claims,
        words: &[
            "\"iss\":\"https://i\",",
            "\"sub\":\"s\",",
            "\"email\":\"a@b\",",
            "\"email_verified\":true,",
            "\"exp\":1e400,",
            "\"exp\":-1,",
            "{",
            "}",
            "\\u0000",
            "\\ud800",
        ],
        mutations: 20_000,
    },
    Target {
        name: "signing_config",
        run: signing_config,
        seeds: signing_configs,
        words: JSON,
        mutations: 10_000,
    },
];

/// Of every token here; whoever is told it could be anybody.
const SECRET: &str = "c2VjcmV0LXNpZ25hdHVyZQ";

fn claims(seeds: &mut Seeds) {
    for text in [
        r#"{"iss":"https://token.example","sub":"repo:a/b","exp":1795521775}"#,
        r#"{"iss":"https://people.example","sub":"7","email":"a@b.c","email_verified":"true","exp":1795521775.5}"#,
    ] {
        seeds.add(text);
    }
}

/// The claims are any bytes; the token around them is whole.
fn identity_token(data: &[u8]) {
    let text = format!("e30.{}.{SECRET}", URL_SAFE_NO_PAD.encode(data));
    match IdentityToken::parse(&text) {
        Ok(token) => {
            assert!(text.len() <= MAX_TOKEN_BYTES);
            assert!(!token.unverified_issuer().is_empty() && !token.unverified_subject().is_empty());
            assert!(!format!("{token:?}").contains(SECRET));
            let first = token.fresh_at(Timestamp::MIN).is_ok();
            assert!(first || token.fresh_at(Timestamp::MAX).is_err(), "time runs backwards");
        }
        Err(error) => {
            spoken::refusal(&error);
            assert!(!error.to_string().contains(SECRET));
        }
    }
    // As it is, too: nothing is repeated of what is no token.
    if let Some(Err(error)) = std::str::from_utf8(data).ok().map(IdentityToken::parse) {
        spoken::refusal(&error);
    }
}

fn signing_configs(seeds: &mut Seeds) {
    let service = |url: &str, version: u32, operator: &str| {
        format!(
            r#"{{"url":"{url}","majorApiVersion":{version},"validFor":{{"start":"2024-01-01T00:00:00Z"}},"operator":"{operator}"}}"#
        )
    };
    let (ca, old, log, other, tsa) = (
        service("https://ca.example", 1, "a"),
        service("https://old.example", 1, "a"),
        service("https://log.example", 2, "a"),
        service("https://other.example/base/", 2, "b"),
        service("http://tsa.example/api/v1/timestamp", 1, "a"),
    );
    for selector in [
        r#"{"selector":"ANY"}"#,
        r#"{"selector":"ALL"}"#,
        r#"{"selector":"EXACT","count":2}"#,
    ] {
        seeds.add(format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[{ca}],"rekorTlogUrls":[{old},{log},{other}],"rekorTlogConfig":{selector},"tsaUrls":[{tsa}],"tsaConfig":{{"selector":"ANY"}}}}"#
        ));
    }
    seeds.add_corpus(&["trusted-roots"], |path, bytes| {
        named(path, &["signing_config.json", ".v0.2.json"]).then(|| bytes.to_vec())
    });
}

/// A token is shown to nobody in the open, and what is chosen can be used now, counts once, and proves a time.
fn signing_config(data: &[u8]) {
    let config = match SigningConfig::parse(data) {
        Ok(config) => config,
        Err(error) => return spoken::refusal(&error),
    };
    let now = Timestamp::constant(1_795_521_775, 0);
    match config.choose(now) {
        Ok(chosen) => {
            let secure = chosen.authority.url.scheme() == "https";
            let host = chosen.authority.url.host_str().unwrap_or_default();
            assert!(
                secure || host == "localhost" || host.starts_with("127.") || host == "[::1]",
                "{host}"
            );
            for services in [&chosen.logs, &chosen.clocks] {
                let operators: std::collections::BTreeSet<_> =
                    services.iter().map(|service| &service.operator).collect();
                assert_eq!(operators.len(), services.len(), "an operator counts twice");
                assert!(
                    services
                        .iter()
                        .all(|service| service.start <= now && service.end.is_none_or(|end| now <= end))
                );
            }
            assert!(!chosen.clocks.is_empty() || chosen.logs.iter().any(|log| log.version == 1));
        }
        Err(error) => spoken::refusal(&error),
    }
}

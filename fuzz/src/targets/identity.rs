//! Tokens of jobs: what is read is what a second reader finds, within limits, and nothing of it is said again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_identity::examine;

use super::JSON;
use crate::Target;
use crate::seeds::Seeds;

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "job_token",
        run: job_token,
        seeds: tokens,
        words: &[
            "\"alg\":\"RS256\"",
            "\"alg\":\"none\"",
            "\"kid\":\"1\",",
            "\"crit\":[\"exp\"],",
            "\"iss\":\"https://i\",",
            "\"exp\":1e400,",
            "\n",
            "[[[[",
            "{",
            "}",
            "\\u0000",
            "\\ud800",
        ],
        mutations: 20_000,
    },
    Target {
        name: "job_token_text",
        run: job_token_text,
        seeds: texts,
        words: &[".", "=", "e30", "-", "_", "/", "+", " ", "\n"],
        mutations: 20_000,
    },
    Target {
        name: "key_set",
        run: key_set,
        seeds: key_sets,
        words: JSON,
        mutations: 10_000,
    },
];

/// Of every token here; whoever is told it could be anybody.
const SECRET: &str = "c2VjcmV0LXNpZ25hdHVyZQ";
const HEADER: &str = r#"{"alg":"RS256","kid":"1","typ":"JWT"}"#;
const CLAIMS: &str =
    r#"{"iss":"https://i.example","aud":["https://s.example"],"exp":1795521775,"kubernetes.io":{"pod":{"uid":"u"}}}"#;

fn tokens(seeds: &mut Seeds) {
    for header in [
        HEADER,
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"ES256","kid":"1","x5c":["MII"]}"#,
    ] {
        seeds.add(format!("{header}\n{CLAIMS}"));
    }
}

fn texts(seeds: &mut Seeds) {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    seeds.add(format!("{}.{}.{SECRET}", part(HEADER), part(CLAIMS)));
}

fn key_sets(seeds: &mut Seeds) {
    seeds
        .add(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#);
    seeds.add(r#"{"keys":[{"kty":"EC","crv":"P-256","use":"sig","key_ops":["verify"],"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#);
    seeds.add(r#"{"keys":[{"kty":"RSA","alg":"RS256","n":"AQAB","e":"AQAB"},{"kty":"oct","k":"AA"}]}"#);
}

/// The first line is the header, the rest the claims; the token around them is whole.
fn job_token(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let mut part = || URL_SAFE_NO_PAD.encode(parts.next().unwrap_or_default());
    let (header, claims) = (part(), part());
    examine(&format!("{header}.{claims}.{SECRET}"));
}

fn job_token_text(data: &[u8]) {
    if let Some(text) = super::text(data) {
        examine(text);
    }
}

fn key_set(data: &[u8]) {
    countersign_identity::examine_keys(data);
}

//! A configuration is taken as it is written, or not at all.

use countersign_identity::{ConfigError, IssuerConfig, Issuers};

fn read(text: &str) -> Result<(), String> {
    let configs: Vec<IssuerConfig> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    Issuers::new(&configs, "https://sign.example.com")
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn what_is_meant_is_taken() {
    for text in [
        "- name: github\n  github: {}",
        "- name: github\n  github: {owners: [42, '43'], moreEvents: [create], refs: [refs/heads/main, refs/tags/v*]}",
        "- name: ghes\n  github: {url: 'https://ghes.example.com/_services/token', protectedRefsOnly: true}",
        "- name: gitlab\n  gitlab: {}\n- name: own\n  gitlab: {url: https://gitlab.example.com, namespaces: [7]}",
        "- name: c\n  kubernetes: {url: https://kubernetes.default.svc, keys: {url: 'https://10.0.0.1:6443/openid/v1/jwks'}}",
        "- name: c\n  kubernetes: {url: kubernetes.default, tokenReview: {server: https://10.0.0.1:6443, tokenFile: /t}}",
        "- name: s\n  generic: {url: https://spire.example, claims: {repository: sub}, require: {sub: [spiffe://a/b]}}",
        "- name: l\n  github: {url: 'http://127.0.0.1:8080'}",
    ] {
        assert_eq!(read(text), Ok(()), "{text}");
    }
}

#[test]
fn what_is_not_meant_is_refused() {
    for (text, expected) in [
        ("[]", "from 1 to 64"),
        ("- name: a", "exactly one of"),
        ("- name: a\n  github: {}\n  gitlab: {}", "exactly one of"),
        ("- name: a\n  github: {}\n- name: b\n  github: {}", "the same `url`"),
        ("- name: a\n  github: {}\n- name: a\n  gitlab: {}", "the same name"),
        ("- name: A b\n  github: {}", "lower-case"),
        ("- name: a\n  github: {owner: [42]}", "line 2"),
        ("- name: a\n  hithub: {}", "line 2"),
        ("- name: a\n  github: {owners: [acme]}", "the number of an owner"),
        ("- name: a\n  github: {refs: [main]}", "a whole name"),
        ("- name: a\n  github: {refs: ['refs/*/main']}", "a whole name"),
        (
            "- name: a\n  github: {url: 'http://ghes.example.com'}",
            "has to be `https`",
        ),
        (
            "- name: a\n  github: {url: 'https://u:p@ghes.example.com'}",
            "has to be `https`",
        ),
        ("- name: a\n  github: {url: nonsense}", "has to be `https`"),
        (
            "- name: a\n  github: {keys: {url: 'http://k.example'}}",
            "has to be `https`",
        ),
        (
            "- name: a\n  github: {keys: {url: 'https://k.example', file: /k}}",
            "not both",
        ),
        (
            "- name: a\n  github: {keys: {file: /k, tokenFile: /t}}",
            "from a server",
        ),
        (
            "- name: a\n  github: {keys: {certificateAuthorities: /none/such}}",
            "cannot be read",
        ),
        ("- name: a\n  generic: {url: https://a.example}", "claims"),
        (
            "- name: a\n  generic: {url: https://a.example, claims: {repository: sub}, require: {sub: []}}",
            "at least one",
        ),
        (
            "- name: a\n  kubernetes: {url: x, tokenReview: {server: 'http://10.0.0.1', tokenFile: /t}}",
            "`https` URL",
        ),
        (
            "- name: a\n  kubernetes: {url: x, keys: {tokenFile: /t}, tokenReview: {server: 'https://10.0.0.1', tokenFile: /t}}",
            "under `tokenReview`",
        ),
    ] {
        let told = read(text).expect_err(text);
        assert!(told.contains(expected), "{text}: {told}");
        assert!(!told.contains("u:p"), "{told}");
    }
}

#[test]
fn an_audience_is_a_url() {
    let configs: Vec<IssuerConfig> = serde_saphyr::from_str("- name: a\n  github: {}").unwrap();
    for audience in ["", "sigstore", "https://sign.example.com ", "https:// x"] {
        let refused = Issuers::new(&configs, audience);
        assert!(matches!(refused, Err(ConfigError::Audience { .. })), "{audience}");
    }
}

//! What registries, tools and directories tell us, as far as it can be read without a network.

use std::sync::LazyLock;

use countersign_evidence::Content;
use countersign_image::{Repository, json};
use countersign_registry::challenge::Challenge;
use countersign_registry::referrers::next_page;
use countersign_registry::{Credentials, archive};
use http::header::{LINK, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::JSON;
use crate::seeds::{Seeds, named};
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "challenge",
        run: challenge,
        seeds: challenges,
        words: &[
            "Bearer ",
            "basic ",
            "realm=",
            "service=",
            "\"",
            "\\",
            ",",
            "=",
            " ",
            "\t",
            "\n",
            "Negotiate abc==",
        ],
        mutations: 4_000,
    },
    Target {
        name: "next_page",
        run: next,
        seeds: links,
        words: &[
            "<", ">", ";", ",", "rel=", "next", "\"", "//", "https://", "@", "..", "?", "#", "\\", "%2e", "\t",
        ],
        mutations: 4_000,
    },
    Target {
        name: "docker_config",
        run: docker_config,
        seeds: docker_configs,
        words: &[
            "\"auths\":{",
            "\"auth\":\"",
            "\"username\":\"",
            "\"password\":\"",
            "\"identitytoken\":\"",
            "\"registrytoken\":\"",
            "*",
            ":443",
            "https://",
            "/v1/",
            "\\u0000",
            "null",
            "}",
        ],
        mutations: 2_000,
    },
    Target {
        name: "archive",
        run: archived,
        seeds: archives,
        words: JSON,
        mutations: 200,
    },
];

fn challenges(seeds: &mut Seeds) {
    for seed in [
        r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull""#,
        r#"Negotiate abc==, Basic realm="a\"b", Bearer realm=x , service = y"#,
        "Basic\nBearer realm=\"https://b/token\"",
    ] {
        seeds.add(seed);
    }
    seeds.add("Basic, ".repeat(40) + "a=b, c=\"d\"");
}

/// The headers of that name, one for each line of an input that can be one.
fn headers(name: &http::HeaderName, data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name.clone(), value);
        }
    }
    headers
}

/// A challenge is met only as it is written: realm and service stand in the header.
fn challenge(data: &[u8]) {
    let Some(Challenge::Bearer { realm, service }) = Challenge::of(&headers(&WWW_AUTHENTICATE, data)) else {
        return;
    };
    let bare = |text: &str| text.replace('\\', "");
    let written = bare(&String::from_utf8_lossy(data));
    for text in [Some(realm), service].into_iter().flatten() {
        assert!(written.contains(&bare(&text)), "`{text}` is not in the header");
    }
}

fn links(seeds: &mut Seeds) {
    for seed in [
        r#"</v2/a/referrers/sha256:0?n=2>; rel="next""#,
        r#"</prev>; rel="prev", <?page=2>; title="a"; rel="last next""#,
        "<https://r.example/v2/a/referrers/sha256:0?x>;rel=next",
        "<//evil.example/v2/a/referrers/sha256:0>;rel=next\n<https://u:p@r.example/v2/a/referrers/sha256:0>;rel=next",
    ] {
        seeds.add(seed);
    }
}

/// The next page is on the same server, at the same path, asked for by nobody else.
fn next(data: &[u8]) {
    let first = Url::parse("https://r.example/v2/a/referrers/sha256:0").unwrap();
    match next_page(&headers(&LINK, data), &first) {
        Ok(None) => {}
        Ok(Some(next)) => {
            assert_eq!((next.scheme(), next.host_str()), (first.scheme(), first.host_str()));
            assert_eq!(next.port_or_known_default(), first.port_or_known_default());
            assert_eq!(
                (next.path(), next.username(), next.password()),
                (first.path(), "", None)
            );
        }
        Err(error) => spoken::refusal(&error),
    }
}

fn docker_configs(seeds: &mut Seeds) {
    for seed in [
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YWxpY2U6c2VjcmV0LXBhc3N3b3Jk"},"ghcr.io":{"username":"bob","password":"hunter2hunter2"}}}"#,
        r#"{"*.example:443/team/":{"identitytoken":"refresh-token-1"},"registry.example":{"registrytoken":"access-token-1"}}"#,
        r#"{"auths":{"a":{"auth":"*"}},"credHelpers":{"b":"x/y"},"credsStore":"pass"}"#,
    ] {
        seeds.add(seed);
    }
}

/// No text that is shown or logged has a secret in it.
fn docker_config(data: &[u8]) {
    let secrets = json::strict::<Value>(data)
        .map(|value| secrets(&value))
        .unwrap_or_default();
    let hidden = |text: &str| {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "`{secret}` is shown: {text}");
        }
    };
    match Credentials::anonymous().with_pull_secret(data) {
        Ok(credentials) => {
            hidden(&format!("{credentials:?}"));
            let again = Credentials::anonymous().with_pull_secret(data).unwrap();
            for name in ["nginx", "ghcr.io/a/b", "registry.example:443/team/app"] {
                let repository = Repository::parse(name).unwrap();
                assert_eq!(credentials.scope(&repository), again.scope(&repository));
            }
            assert_eq!(credentials.scope_hash(), again.scope_hash());
        }
        Err(error) => {
            hidden(&error.to_string());
            spoken::refusal(&error);
        }
    }
}

/// The values of the fields that hold secrets, where no other text of the document is the same.
fn secrets(value: &Value) -> Vec<String> {
    let auths = value.get("auths").unwrap_or(value);
    let entries = auths.as_object().into_iter().flatten();
    let fields = ["auth", "password", "identitytoken", "registrytoken"];
    let texts = entries.flat_map(|(key, entry)| {
        let of = move |field: &&str| entry[*field].as_str().map(|secret| (key, secret));
        fields.iter().filter_map(of).collect::<Vec<_>>()
    });
    let telling = |(key, secret): &(&String, &str)| secret.len() >= 8 && !key.contains(*secret);
    let whole = value.to_string();
    texts
        .filter(telling)
        .map(|(_, secret)| secret.to_owned())
        .filter(|secret| whole.matches(secret.as_str()).count() == 1)
        .collect()
}

fn archives(seeds: &mut Seeds) {
    for case in [
        "layout-all-three-admit",
        "gap-throttled-undecided",
        "stale-lists-admit",
        "source-tag-prefix-admit",
    ] {
        seeds.add_files(&format!("cases/data/{case}"), |path, bytes| {
            named(path, &["evidence.json"]).then(|| bytes.to_vec())
        });
    }
}

/// The blobs that the documents of the seeds speak of.
static BLOBS: LazyLock<Vec<(std::ffi::OsString, Vec<u8>)>> = LazyLock::new(|| {
    let blobs = "cases/data/layout-all-three-admit/evidence/blobs/sha256";
    let entries = std::fs::read_dir(crate::seeds::repository().join(blobs)).unwrap();
    let read = |entry: std::fs::DirEntry| (entry.file_name(), std::fs::read(entry.path()).unwrap());
    entries.map(|entry| read(entry.unwrap())).collect()
});

/// What is read from a directory is, written to another and read again, the same evidence; and its bytes hash to their names.
fn archived(data: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let blobs = directory.path().join("blobs").join("sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for (name, bytes) in BLOBS.iter() {
        std::fs::write(blobs.join(name), bytes).unwrap();
    }
    std::fs::write(directory.path().join("evidence.json"), data).unwrap();
    let evidence = match archive::load(directory.path()) {
        Ok(evidence) => evidence,
        Err(error) => return spoken::refusal(&error),
    };
    for item in &evidence.items {
        let (Content::Simple { payload: blob, .. } | Content::Envelope { envelope: blob, .. } | Content::Bundle(blob)) =
            &item.content;
        assert!(item.origin.blob.matches(blob.bytes()));
    }
    let copy = directory.path().join("copy");
    archive::save(&evidence, &copy).unwrap();
    let again = archive::load(&copy).unwrap();
    assert_eq!(format!("{again:?}"), format!("{evidence:?}"));
}

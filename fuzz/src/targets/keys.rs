//! Private keys in files: read within limits, or refused before anything is computed.

use countersign_keys::{MAX_KEY_FILE, PrivateKey, PrivateKeyError, SealedKey};
use serde_json::Value;

use crate::seeds::{Seeds, named};
use crate::signed;
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "private_key",
        run: private_key,
        seeds: private_keys,
        words: &[
            "-----BEGIN PRIVATE KEY-----\n",
            "-----END PRIVATE KEY-----\n",
            "-----BEGIN EC PARAMETERS-----\n",
            "-----BEGIN EC PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\n",
            "-----BEGIN ",
            "-----",
            "ENCRYPTED ",
            "SIGSTORE ",
            "COSIGN ",
            "Proc-Type: 4,ENCRYPTED\n",
            "\n",
            "=",
        ],
        mutations: 500,
    },
    Target {
        name: "sealed_key",
        run: sealed_key,
        seeds: sealed_keys,
        words: &[
            "\"kdf\":{",
            "\"name\":\"scrypt\",",
            "\"N\":65536,",
            "\"N\":1073741824,",
            "\"r\":8,",
            "\"r\":1024,",
            "\"p\":1,",
            "\"p\":1000000,",
            "\"salt\":\"\",",
            "\"nonce\":\"\",",
            "\"ciphertext\":\"\"",
            "-1",
            "1e5",
            "null",
            "}",
        ],
        mutations: 4_000,
    },
];

/// The most memory that a file may make us take: scrypt with N = 2^17.
const MOST_MEMORY: u64 = 128 << 20;

fn private_keys(seeds: &mut Seeds) {
    seeds.add_files("cases/keys", |path, bytes| {
        named(path, &[".pem"]).then(|| bytes.to_vec())
    });
    let folders = ["policies", "connaisseur", "bundles", "cosign-3.1.3-generated"];
    seeds.add_corpus(&folders, |path, bytes| {
        named(path, &[".pem", ".key"]).then(|| bytes.to_vec())
    });
}

/// A key that is read is a whole one: written and read again it has the same public half. Without a password nothing is
/// derived, whatever the file says.
fn private_key(data: &[u8]) {
    match PrivateKey::parse(data, None) {
        Ok(key) => {
            assert!(data.len() <= MAX_KEY_FILE);
            let pem = key.to_pkcs8_pem();
            let again = PrivateKey::parse(pem.as_bytes(), None).unwrap();
            assert_eq!(again.public(), key.public());
            let shown = format!("{key:?}");
            assert!(
                pem.lines()
                    .filter(|line| !line.starts_with('-'))
                    .all(|line| !shown.contains(line))
            );
        }
        Err(error) => {
            assert!(
                !matches!(error, PrivateKeyError::Sealed(_)),
                "opened without a password"
            );
            spoken::refusal(&error);
        }
    }
}

fn sealed_keys(seeds: &mut Seeds) {
    for cost in [32_768, 65_536, 131_072] {
        seeds.add(format!(
            r#"{{"kdf":{{"name":"scrypt","params":{{"N":{cost},"r":8,"p":1}},"salt":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}},"cipher":{{"name":"nacl/secretbox","nonce":"AgICAgICAgICAgICAgICAgICAgICAgIC"}},"ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#
        ));
    }
    let folders = ["policies", "connaisseur", "bundles", "cosign-3.1.3-generated"];
    seeds.add_corpus(&folders, |path, bytes| {
        let text = std::str::from_utf8(bytes).ok().filter(|_| named(path, &[".key"]))?;
        let lines = text.lines().filter(|line| !line.starts_with('-'));
        signed::decoded(&lines.collect::<String>())
    });
}

/// Whoever writes a key file chooses what opening it costs, between limits.
fn sealed_key(data: &[u8]) {
    match SealedKey::parse(data) {
        Ok(key) => {
            assert!(key.memory() <= MOST_MEMORY);
            let value: Value = serde_json::from_slice(data).unwrap();
            let params = &value["kdf"]["params"];
            assert_eq!((&params["r"], &params["p"]), (&Value::from(8), &Value::from(1)));
            assert_eq!(params["N"].as_u64().map(|n| n * 8 * 128), Some(key.memory()));
        }
        Err(error) => spoken::refusal(&error),
    }
}

//! What a vault says of a key, and whether it may sign images.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{KeyKind, PublicKey};
use countersign_image::text::excerpt;
use serde::Deserialize;
use serde_json::Value;

use super::failure::VaultError;
use super::{Warning, warning::READER_OF_ALL};
use crate::pem::MAX_QUOTED;
use crate::private::spki_of_ed25519;
use crate::reference::KeyName;

#[derive(Deserialize)]
pub(super) struct Described {
    data: Description,
}

/// The flags have no default: a vault that does not say whether a key can leave it is not believed to keep it.
#[derive(Deserialize)]
struct Description {
    r#type: String,
    exportable: bool,
    allow_plaintext_backup: bool,
    #[serde(default)]
    derived: bool,
    #[serde(default)]
    imported_key: bool,
    #[serde(default)]
    deletion_allowed: bool,
    latest_version: u32,
    keys: BTreeMap<String, Value>,
}

/// The version of a key that signs, and what verifies it.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) version: u32,
    pub(super) public: PublicKey,
    pub(super) warnings: Vec<Warning>,
}

impl Described {
    /// Refuses a key that can leave the vault: what it signs says nothing of who signed.
    pub(super) fn kept(self, key: &KeyName) -> Result<Self, VaultError> {
        let copyable = [
            (self.data.exportable, "`exportable`"),
            (self.data.allow_plaintext_backup, "`allow_plaintext_backup`"),
        ];
        match copyable.into_iter().find(|(set, _)| *set) {
            Some((_, flag)) => Err(VaultError::Copyable {
                key: key.as_str().to_owned(),
                flag,
            }),
            None => Ok(self),
        }
    }

    pub(super) fn pin(self, key: &KeyName, version: Option<u32>) -> Result<Pinned, VaultError> {
        let description = self.data;
        let name = || key.as_str().to_owned();
        let kind = kind(&description.r#type).filter(|_| !description.derived);
        let kind = kind.ok_or_else(|| VaultError::KeyType {
            key: name(),
            found: excerpt(&description.r#type, MAX_QUOTED),
        })?;
        let version = version.unwrap_or(description.latest_version);
        let found = description.keys.get(&version.to_string());
        let found = found.ok_or_else(|| VaultError::NoSuchVersion { key: name(), version })?;
        let public = public_key(kind, found).and_then(|public| match public.kind() == kind {
            true => Ok(public),
            false => Err(format!("it is {} and not {kind}", public.kind())),
        });
        let public = public.map_err(|detail| VaultError::PublicKey {
            key: name(),
            version,
            detail,
        })?;
        Ok(Pinned {
            version,
            public,
            warnings: description.warnings(kind),
        })
    }
}

impl Description {
    fn warnings(&self, kind: KeyKind) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if matches!(kind, KeyKind::EcdsaP384 | KeyKind::EcdsaP521) {
            warnings.push(Warning::Curve {
                kind,
                better: READER_OF_ALL,
            });
        }
        if self.imported_key {
            warnings.push(Warning::Imported);
        }
        if self.deletion_allowed {
            warnings.push(Warning::Deletable);
        }
        warnings
    }
}

fn kind(name: &str) -> Option<KeyKind> {
    Some(match name {
        "ecdsa-p256" => KeyKind::EcdsaP256,
        "ecdsa-p384" => KeyKind::EcdsaP384,
        "ecdsa-p521" => KeyKind::EcdsaP521,
        "ed25519" => KeyKind::Ed25519,
        "rsa-2048" => KeyKind::Rsa { bits: 2048 },
        "rsa-3072" => KeyKind::Rsa { bits: 3072 },
        "rsa-4096" => KeyKind::Rsa { bits: 4096 },
        _ => return None,
    })
}

/// PEM, but for Ed25519: the bare 32 bytes in base64.
fn public_key(kind: KeyKind, version: &Value) -> Result<PublicKey, String> {
    let text = version.get("public_key").and_then(Value::as_str);
    let text = text.ok_or_else(|| "it is not there".to_owned())?;
    if kind != KeyKind::Ed25519 {
        return PublicKey::from_pem(text).map_err(|error| error.to_string());
    }
    let raw = STANDARD.decode(text).map_err(|error| error.to_string())?;
    let raw: [u8; 32] = raw
        .try_into()
        .map_err(|raw: Vec<u8>| format!("it has {} bytes: expected 32", raw.len()))?;
    let spki = spki_of_ed25519(&raw).map_err(|error| error.to_string())?;
    PublicKey::from_spki_der(&spki).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use countersign_image::json;
    use serde_json::json;

    use super::*;
    use crate::PrivateKey;

    fn pin(change: impl FnOnce(&mut Value), version: Option<u32>) -> Result<Pinned, VaultError> {
        let public = PrivateKey::generate(KeyKind::EcdsaP256).unwrap().public().to_pem();
        let mut document = json!({ "data": {
            "type": "ecdsa-p256", "exportable": false, "allow_plaintext_backup": false, "latest_version": 2,
            "keys": { "1": { "public_key": public }, "2": { "public_key": public } }
        }});
        change(&mut document["data"]);
        let described: Described = json::strict(document.to_string().as_bytes()).unwrap();
        let key = KeyName::parse("release").unwrap();
        described.kept(&key)?.pin(&key, version)
    }

    #[test]
    fn the_latest_version_is_pinned_unless_another_is_named() {
        assert_eq!(pin(|_| {}, None).unwrap().version, 2);
        assert_eq!(pin(|_| {}, Some(1)).unwrap().version, 1);
        assert!(matches!(
            pin(|_| {}, Some(3)),
            Err(VaultError::NoSuchVersion { version: 3, .. })
        ));
    }

    #[test]
    fn a_key_that_can_leave_the_vault_signs_nothing() {
        for flag in ["exportable", "allow_plaintext_backup"] {
            let refused = pin(|data| data[flag] = json!(true), None).unwrap_err();
            assert!(
                matches!(refused, VaultError::Copyable { .. }) && refused.to_string().contains(flag),
                "{refused}"
            );
            let mut silent = json!({ "data": {
                "type": "ecdsa-p256", "exportable": false, "allow_plaintext_backup": false, "latest_version": 1, "keys": {}
            }});
            silent["data"].as_object_mut().unwrap().remove(flag);
            assert!(
                json::strict::<Described>(silent.to_string().as_bytes()).is_err(),
                "{flag}"
            );
        }
    }

    #[test]
    fn what_signs_no_image_is_refused() {
        for kind in ["aes256-gcm96", "hmac", "ml-dsa", "external-key", ""] {
            let refused = pin(|data| data["type"] = json!(kind), None);
            assert!(
                matches!(refused, Err(VaultError::KeyType { .. })),
                "{kind}: {refused:?}"
            );
        }
        let derived = pin(|data| data["derived"] = json!(true), None);
        assert!(matches!(derived, Err(VaultError::KeyType { .. })), "{derived:?}");
        for (kind, key) in [
            ("ecdsa-p384", json!(null)),
            ("ed25519", json!("AAAA")),
            ("ecdsa-p256", json!("-----BEGIN PUBLIC KEY-----")),
            ("ecdsa-p256", json!(17)),
        ] {
            let refused = pin(
                |data| {
                    data["type"] = json!(kind);
                    if !key.is_null() {
                        data["keys"]["2"]["public_key"] = key.clone();
                    }
                },
                None,
            );
            assert!(
                matches!(refused, Err(VaultError::PublicKey { .. })),
                "{kind} {key}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_weakens_a_key_is_said() {
        let warnings = pin(
            |data| {
                data["imported_key"] = json!(true);
                data["deletion_allowed"] = json!(true);
            },
            None,
        );
        assert!(matches!(
            warnings.unwrap().warnings[..],
            [Warning::Imported, Warning::Deletable]
        ));
        assert!(pin(|_| {}, None).unwrap().warnings.is_empty());
    }
}

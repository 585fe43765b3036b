//! The keys of the service, each for one thing.

use std::collections::BTreeMap;
use std::fmt;

use countersign_keys::{NotALogKey, SigningKey};
use countersign_ledger::VerifierKey;
use countersign_store::KeyVersion;
use jiff::Timestamp;
use thiserror::Error;

/// The name of the key that signs past the gate, and of that of the ledger. There is one of each.
pub const EMERGENCY: &str = "emergency";
/// The name of the ledger's key.
pub const LOG: &str = "log";

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Signatures of images that passed their gate, and nothing else: most verifiers take any statement of this key for one.
    Release,
    /// Attestations: what was found, and what was decided.
    Attest,
    /// Signatures past the gate, by people.
    Emergency,
    /// Checkpoints of the ledger.
    Log,
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Attest => "attest",
            Self::Emergency => EMERGENCY,
            Self::Log => LOG,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key with its role and the name that gates call it by.
#[derive(Debug)]
pub struct NamedKey {
    /// What it is for.
    pub role: Role,
    /// What it is called.
    pub name: String,
    /// The key.
    pub key: SigningKey,
}

impl NamedKey {
    /// Its public half, as the store keeps it for ever.
    pub(crate) fn kept(&self, now: Timestamp) -> KeyVersion {
        let public = self.key.public_key();
        KeyVersion {
            name: self.name.clone(),
            version: u64::from(self.key.version()),
            pem: public.to_pem(),
            spki: public.fingerprint(),
            first_used: now,
            retired: None,
        }
    }
}

/// The keys, opened and told apart.
#[derive(Debug)]
pub struct Keyring {
    keys: BTreeMap<String, NamedKey>,
    verifier: VerifierKey,
}

/// Why keys are not those of a service.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// One key has two names: whoever believes one of them believes the other.
    #[error("`{first}` and `{second}` are one key, and each has to be for one thing alone")]
    Shared {
        /// The one name.
        first: String,
        /// The other.
        second: String,
    },
    /// Two keys have one name.
    #[error("there are two keys `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
    /// Without a key of this role nothing can be signed.
    #[error("there is no key whose role is `{role}`")]
    Missing {
        /// The role.
        role: Role,
    },
    /// The key cannot be a log's.
    #[error("the key `log` cannot sign the ledger")]
    Log(#[source] NotALogKey),
}

impl Keyring {
    /// Tells the keys apart. The origin names the ledger.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn new(keys: impl IntoIterator<Item = NamedKey>, origin: &str) -> Result<Self, KeyringError> {
        let mut named: BTreeMap<String, NamedKey> = BTreeMap::new();
        for key in keys {
            let same = named
                .values()
                .find(|other| other.key.public_key() == key.key.public_key());
            if let Some(other) = same {
                return Err(KeyringError::Shared {
                    first: other.name.clone(),
                    second: key.name,
                });
            }
            if let Some(before) = named.insert(key.name.clone(), key) {
                return Err(KeyringError::SameName { name: before.name });
            }
        }
        for role in [Role::Release, Role::Attest, Role::Log] {
            if !named.values().any(|key| key.role == role) {
                return Err(KeyringError::Missing { role });
            }
        }
        let log = named.get(LOG).filter(|key| key.role == Role::Log);
        let log = log.ok_or(KeyringError::Missing { role: Role::Log })?;
        let verifier = log.key.of_log(origin).map_err(KeyringError::Log)?;
        Ok(Self { keys: named, verifier })
    }

    /// The key that a gate names, if it is of this role.
    pub fn key(&self, role: Role, name: &str) -> Option<&SigningKey> {
        let key = self.keys.get(name).filter(|key| key.role == role);
        key.map(|key| &key.key)
    }

    /// Every key.
    pub fn all(&self) -> impl Iterator<Item = &NamedKey> {
        self.keys.values()
    }

    /// What signs the ledger.
    pub fn log(&self) -> &SigningKey {
        &self.keys[LOG].key
    }

    /// The ledger's key as those who read it name it.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Keeps the tokens of vaults good. It does not end.
    pub async fn keep(&self) {
        let keeping = self.all().map(|key| key.key.keep());
        futures_util::future::join_all(keeping).await;
    }
}

#[cfg(test)]
mod tests {
    use countersign_evidence::KeyKind;
    use countersign_keys::PrivateKey;

    use super::*;

    fn named(role: Role, name: &str, key: PrivateKey) -> NamedKey {
        NamedKey {
            role,
            name: name.to_owned(),
            key: SigningKey::Held(key),
        }
    }

    fn p256() -> PrivateKey {
        PrivateKey::generate(KeyKind::EcdsaP256).unwrap()
    }

    fn twin(key: &PrivateKey) -> PrivateKey {
        PrivateKey::parse(key.to_pkcs8_pem().as_bytes(), None).unwrap()
    }

    fn log() -> NamedKey {
        named(Role::Log, LOG, PrivateKey::generate(KeyKind::Ed25519).unwrap())
    }

    #[test]
    fn one_key_for_two_things_is_refused() {
        for (first, second) in [
            (Role::Release, Role::Attest),
            (Role::Attest, Role::Emergency),
            (Role::Release, Role::Release),
        ] {
            let key = p256();
            let again = twin(&key);
            let keys = [named(first, "one", key), named(second, "two", again), log()];
            let refused = Keyring::new(keys, "log.example/1");
            assert!(matches!(refused, Err(KeyringError::Shared { .. })), "{refused:?}");
        }
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_refused() {
        let (release, attest) = (
            || named(Role::Release, "release", p256()),
            || named(Role::Attest, "attest", p256()),
        );
        let refused = Keyring::new([release(), log()], "log.example/1");
        assert!(matches!(refused, Err(KeyringError::Missing { role: Role::Attest })));
        let refused = Keyring::new([release(), attest(), named(Role::Log, LOG, p256())], "log.example/1");
        assert!(matches!(refused, Err(KeyringError::Log(_))));
        let refused = Keyring::new(
            [release(), attest(), named(Role::Attest, "release", p256()), log()],
            "log.example/1",
        );
        assert!(matches!(refused, Err(KeyringError::SameName { .. })));
        let ring = Keyring::new([release(), attest(), log()], "log.example/1").unwrap();
        assert!(ring.key(Role::Release, "release").is_some());
        assert!(ring.key(Role::Release, "attest").is_none(), "a name of another role");
    }
}

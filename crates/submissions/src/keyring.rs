//! The keys of the service, each for one thing.

use std::fmt;

use countersign_evidence::PublicKey;
use countersign_keys::{NotALogKey, SigningKey};
use countersign_ledger::VerifierKey;
use thiserror::Error;

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
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Release, Self::Attest, Self::Emergency, Self::Log];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Attest => "attest",
            Self::Emergency => "emergency",
            Self::Log => "log",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The keys, opened and told apart.
#[derive(Debug)]
pub struct Keyring {
    release: SigningKey,
    attest: SigningKey,
    emergency: Option<SigningKey>,
    log: SigningKey,
    verifier: VerifierKey,
}

/// Why keys are not those of a service.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// One key has two roles: whoever believes one of them believes the other.
    #[error("`keys.{first}` and `keys.{second}` are one key, and each has to be for one thing alone")]
    Shared {
        /// The one role.
        first: Role,
        /// The other.
        second: Role,
    },
    /// The key cannot be a log's.
    #[error("`keys.log` cannot sign the ledger")]
    Log(#[source] NotALogKey),
}

impl Keyring {
    /// Tells the keys apart. The origin names the ledger.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn new(
        release: SigningKey,
        attest: SigningKey,
        emergency: Option<SigningKey>,
        log: SigningKey,
        origin: &str,
    ) -> Result<Self, KeyringError> {
        let verifier = log.of_log(origin).map_err(KeyringError::Log)?;
        let ring = Self {
            release,
            attest,
            emergency,
            log,
            verifier,
        };
        let keys: Vec<(Role, &SigningKey)> = ring.all().collect();
        for (at, (first, key)) in keys.iter().enumerate() {
            let same = |(_, other): &&(Role, &SigningKey)| other.public_key() == key.public_key();
            if let Some((second, _)) = keys[at + 1..].iter().find(same) {
                return Err(KeyringError::Shared {
                    first: *first,
                    second: *second,
                });
            }
        }
        Ok(ring)
    }

    /// The key of a role; there need be none for emergencies.
    pub fn key(&self, role: Role) -> Option<&SigningKey> {
        match role {
            Role::Release => Some(&self.release),
            Role::Attest => Some(&self.attest),
            Role::Emergency => self.emergency.as_ref(),
            Role::Log => Some(&self.log),
        }
    }

    /// Every key with its role.
    pub fn all(&self) -> impl Iterator<Item = (Role, &SigningKey)> {
        Role::ALL.into_iter().filter_map(|role| Some((role, self.key(role)?)))
    }

    /// What signs releases.
    pub fn release(&self) -> &SigningKey {
        &self.release
    }

    /// What signs attestations.
    pub fn attest(&self) -> &SigningKey {
        &self.attest
    }

    /// What signs the ledger.
    pub fn log(&self) -> &SigningKey {
        &self.log
    }

    /// The ledger's key as those who read it name it.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Keeps the tokens of vaults good. It does not end.
    pub async fn keep(&self) {
        let keeping = self.all().map(|(_, key)| key.keep());
        futures_util::future::join_all(keeping).await;
    }
}

/// The name of a key in the ledger and in the store.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint().to_string()
}

#[cfg(test)]
mod tests {
    use countersign_evidence::KeyKind;
    use countersign_keys::PrivateKey;

    use super::*;

    fn key(kind: KeyKind) -> SigningKey {
        SigningKey::Held(PrivateKey::generate(kind).unwrap())
    }

    fn twin() -> (SigningKey, SigningKey) {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let again = PrivateKey::parse(key.to_pkcs8_pem().as_bytes(), None).unwrap();
        (SigningKey::Held(key), SigningKey::Held(again))
    }

    #[test]
    fn one_key_for_two_things_is_refused() {
        let log = || key(KeyKind::Ed25519);
        let (one, two) = twin();
        let refused = Keyring::new(one, two, None, log(), "log.example/1");
        assert!(matches!(
            refused,
            Err(KeyringError::Shared {
                first: Role::Release,
                second: Role::Attest
            })
        ));
        let (one, two) = twin();
        let refused = Keyring::new(key(KeyKind::EcdsaP256), one, Some(two), log(), "log.example/1");
        assert!(matches!(
            refused,
            Err(KeyringError::Shared {
                first: Role::Attest,
                second: Role::Emergency
            })
        ));
        let p256 = || key(KeyKind::EcdsaP256);
        assert!(matches!(
            Keyring::new(p256(), p256(), None, p256(), "log.example/1"),
            Err(KeyringError::Log(_))
        ));
        let ring = Keyring::new(p256(), p256(), None, log(), "log.example/1").unwrap();
        assert_eq!(ring.all().count(), 3);
    }
}

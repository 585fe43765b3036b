//! A key that signs, wherever it is.

use countersign_evidence::{KeyKind, PublicKey, ToBeSigned};
use countersign_ledger::{CheckpointError, KeyType, NoteError, SignedHead, ToBeSealed, VerifierKey};

use crate::private::PrivateKey;
use crate::reference::KeyName;
use crate::signer::{Signer, SignerError};
use crate::vault::{VaultError, VaultKey, VaultSignature, Warning};

/// A key that signs: one that is held in memory, or one that a vault keeps.
#[derive(Debug)]
#[non_exhaustive]
pub enum SigningKey {
    /// In memory.
    Held(PrivateKey),
    /// In a vault.
    Vault(Box<VaultKey>),
}

/// A signature, verified where somebody else made it, and where its making is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// As [`Signer::sign`] gives it.
    pub bytes: Vec<u8>,
    /// What a vault's audit log knows it by.
    pub recorded: Option<Recorded>,
}

/// One use of a vault's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The vault's name for the request.
    pub request_id: String,
    /// The key.
    pub key: KeyName,
    /// Its version.
    pub version: u32,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The key in memory.
    #[error(transparent)]
    Held(#[from] SignerError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Why a checkpoint of the ledger was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealingError {
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// What it signed is not believed.
    #[error("the checkpoint that was just signed is not believed")]
    Checkpoint(#[from] CheckpointError),
}

/// Why a key is not one of a ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotALogKey {
    /// Logs sign with Ed25519 alone (C2SP signed-note).
    #[error("a log signs with Ed25519, and this key is {kind}")]
    Kind {
        /// The key's kind.
        kind: KeyKind,
    },
    /// The log's name is none.
    #[error(transparent)]
    Name(#[from] NoteError),
}

impl SigningKey {
    /// The version of the key, as whoever keeps it counts; 0 for a key in memory, which has none.
    #[must_use]
    pub fn version(&self) -> u32 {
        match self {
            Self::Held(_) => 0,
            Self::Vault(key) => key.version(),
        }
    }

    /// This key as that of the log of this name.
    ///
    /// # Errors
    /// [`NotALogKey`] for a key of another kind than Ed25519, or a name that none can have.
    pub fn of_log(&self, origin: &str) -> Result<VerifierKey, NotALogKey> {
        let public = self.public_key();
        let raw = match public.kind() {
            KeyKind::Ed25519 => public.spki_der().last_chunk::<32>(),
            _ => None,
        };
        let raw = raw.ok_or(NotALogKey::Kind { kind: public.kind() })?;
        Ok(VerifierKey::new(origin, KeyType::Note, *raw)?)
    }

    /// Signs a checkpoint of the ledger, which is the only other thing that a key takes.
    ///
    /// # Errors
    /// [`SealingError`].
    pub async fn seal(&self, checkpoint: ToBeSealed) -> Result<SignedHead, SealingError> {
        let signature = match self {
            Self::Held(key) => key.sign_message(checkpoint.message()).map_err(SigningError::from)?,
            Self::Vault(key) => {
                let signed = key.sign_message(checkpoint.message()).await;
                signed.map_err(SigningError::from)?.signature
            }
        };
        Ok(checkpoint.sealed(&signature)?)
    }

    /// Keeps a vault's token good while nobody signs. For a key in memory there is nothing to do. It does not end.
    pub async fn keep(&self) {
        match self {
            Self::Held(_) => std::future::pending().await,
            Self::Vault(key) => key.keep().await,
        }
    }

    /// The key that verifies what this signs.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Held(key) => Signer::public_key(key),
            Self::Vault(key) => key.public_key(),
        }
    }

    /// What somebody should know before they trust this key.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Held(_) => &[],
            Self::Vault(key) => key.warnings(),
        }
    }

    /// The signature over exactly [`ToBeSigned::message`].
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn sign(&self, what: &ToBeSigned) -> Result<Signature, SigningError> {
        match self {
            Self::Held(key) => Ok(Signature {
                bytes: key.sign(what)?,
                recorded: None,
            }),
            Self::Vault(key) => {
                let VaultSignature {
                    signature,
                    request_id,
                    key,
                    version,
                } = key.sign(what).await?;
                Ok(Signature {
                    bytes: signature,
                    recorded: Some(Recorded {
                        request_id,
                        key,
                        version,
                    }),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_ledger::Checkpoint;
    use countersign_ledger::tree::empty_root;

    use super::*;

    fn held(kind: KeyKind) -> SigningKey {
        SigningKey::Held(PrivateKey::generate(kind).unwrap())
    }

    #[tokio::test]
    async fn a_key_of_a_log_signs_its_checkpoints_and_those_of_no_other() {
        let (key, other) = (held(KeyKind::Ed25519), held(KeyKind::Ed25519));
        let log = key.of_log("log.example/1").unwrap();
        let checkpoint = Checkpoint::new("log.example/1", 0, empty_root()).unwrap();
        let head = key.seal(ToBeSealed::new(&checkpoint, &log).unwrap()).await.unwrap();
        assert_eq!(head.checkpoint(), &checkpoint);
        let refused = other.seal(ToBeSealed::new(&checkpoint, &log).unwrap()).await;
        assert!(matches!(refused, Err(SealingError::Checkpoint(_))), "{refused:?}");
    }

    #[test]
    fn a_key_that_no_log_can_have_is_refused() {
        let refused = held(KeyKind::EcdsaP256).of_log("log.example/1");
        assert!(matches!(
            refused,
            Err(NotALogKey::Kind {
                kind: KeyKind::EcdsaP256
            })
        ));
        assert!(matches!(held(KeyKind::Ed25519).of_log("a b"), Err(NotALogKey::Name(_))));
    }
}

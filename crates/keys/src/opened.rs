//! A key that signs, wherever it is.

use countersign_evidence::{PublicKey, ToBeSigned};

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

impl SigningKey {
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

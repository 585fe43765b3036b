//! Sealing a checkpoint: the key may be anywhere, and what it answers is believed once it verifies.

use thiserror::Error;

use super::{Checkpoint, CheckpointError, SignedHead, Trust, Witnesses, origin};
use crate::note::{Note, VerifierKey};

/// A checkpoint that the log's key has yet to sign.
#[derive(Debug)]
pub struct ToBeSealed {
    trust: Trust,
    text: String,
}

impl ToBeSealed {
    /// The checkpoint, and the key that is to sign it: the one of its origin.
    pub fn new(checkpoint: &Checkpoint, key: &VerifierKey) -> Result<Self, CheckpointError> {
        if checkpoint.origin() != key.name() {
            return Err(origin(key.name(), checkpoint.origin()));
        }
        Ok(Self {
            trust: Trust::new(key.clone(), Witnesses::NONE)?,
            text: checkpoint.to_string(),
        })
    }

    /// What is to be signed, as it is: with Ed25519, which hashes for itself.
    pub fn message(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The checkpoint with its signature, of 64 bytes, which is verified first: a vault that signs something else, or with
    /// another version of its key, makes no checkpoint.
    pub fn sealed(self, signature: &[u8]) -> Result<SignedHead, CheckpointError> {
        let note = Note::signed(self.text, self.trust.log(), signature.to_vec());
        self.trust.believe(note)
    }

    /// The same in one step, with whatever signs bytes.
    pub fn seal<E>(self, sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>) -> Result<SignedHead, SealError<E>> {
        let signature = sign(self.message()).map_err(SealError::Signer)?;
        self.sealed(&signature).map_err(SealError::Sealed)
    }
}

/// Why a checkpoint was not sealed.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SealError<E> {
    /// The signer could not.
    #[error("the checkpoint could not be signed")]
    Signer(#[source] E),
    /// What the signer answered is not believed.
    #[error("what was signed is not believed")]
    Sealed(#[source] CheckpointError),
}

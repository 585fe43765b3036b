//! Who can sign: a key in a file, in cosign's encrypted form or in plain PEM, behind the one trait that signs.
//!
//! *Invariant*: a [`Signer`] takes nothing but a [`ToBeSigned`](countersign_evidence::ToBeSigned), whose makers are few
//! and named, so that no key is an oracle that signs what it is handed.
//!
//! Reading a key does no I/O: the caller hands in the bytes of the file and the password.

#![warn(missing_docs)]

mod cosign;
mod password;
mod pem;
mod private;
mod signer;

pub use cosign::{SealedKey, SealedKeyError};
pub use password::Password;
pub use pem::{MAX_KEY_FILE, NotAPrivateKey};
pub use private::{GenerateError, PrivateKey, PrivateKeyError};
pub use signer::{Signer, SignerError};

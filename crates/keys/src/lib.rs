//! Who can sign: a key in memory, from cosign's encrypted form or from plain PEM, or a key that an OpenBao or a HashiCorp
//! Vault keeps and signs with itself.
//!
//! *Invariant*: a [`Signer`] and a [`SigningKey`] take nothing but a [`ToBeSigned`](countersign_evidence::ToBeSigned), whose
//! makers are few and named, so that no key is an oracle that signs what it is handed. The one other thing that a [`SigningKey`]
//! takes is a checkpoint of the ledger, whose text can be nothing else.
//!
//! Reading a private key does no I/O: the caller hands in the bytes of the file and the password. The vault is asked over
//! the network, and the environment only where the caller looks it up.

#![warn(missing_docs)]

mod cosign;
mod opened;
mod password;
mod pem;
mod private;
mod reference;
mod signer;
mod vault;

pub use cosign::{SealedKey, SealedKeyError};
pub use opened::{NotALogKey, Recorded, SealingError, Signature, SigningError, SigningKey};
pub use password::Password;
pub use pem::{MAX_KEY_FILE, NotAPrivateKey};
pub use private::{GenerateError, PrivateKey, PrivateKeyError};
pub use reference::{Dialect, KeyName, KeyReference, KeyReferenceError};
pub use signer::{Signer, SignerError};
pub use vault::{
    Login, NotAToken, Token, VaultError, VaultKey, VaultSettings, VaultSettingsError, VaultSignature, Warning,
};

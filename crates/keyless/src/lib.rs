//! Who can sign without a key: whoever shows an identity token to a Sigstore instance gets a certificate for a key of the
//! moment, signs with it, and forgets the key.
//!
//! Read downward: [`token`] says who we are and where that is looked for, [`services`] where to go with it, [`Keyless`] is
//! the walk from one to the next: the certificate authority, the signature, the logs and the timestamp authorities, and at
//! the end the bundle, which is judged before anybody sees it.
//!
//! *Invariants*: a token goes to the certificate authority alone, never into a log or a message; every answer has a cap and
//! every wait a deadline; a bundle that does not hold for whoever believes the trust root is never handed out.

#![warn(missing_docs)]

pub mod services;
pub mod token;

mod authority;
mod clock;
mod ephemeral;
mod log;
mod walk;
mod web;

pub use services::{ChoiceError, Chosen, SigningConfig, SigningConfigError};
pub use token::{IdentityToken, TokenError};
pub use walk::{Keyless, KeylessError, Minted};
pub use web::{Party, Web, WebError};

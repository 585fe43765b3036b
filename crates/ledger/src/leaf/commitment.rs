//! Commitments: what was known of a person, for whoever is told it and the salt, and nothing for anybody else.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// The shortest salt, in bytes: what one guesses about people is short, and only the salt keeps it.
pub const MIN_SALT_BYTES: usize = 16;

const PREFIX: &str = "hmac-sha256:";

/// HMAC-SHA-256 (RFC 2104) over a text, under a salt that is kept beside the ledger and is of this text alone. Whoever forgets
/// the salt has forgotten the text; whoever has both can show what was meant, and only that.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Commits to a text. `None` if the salt is shorter than [`MIN_SALT_BYTES`]; it must be random, which nobody can see.
    pub fn of(salt: &[u8], text: &str) -> Option<Self> {
        (salt.len() >= MIN_SALT_BYTES).then(|| Self(tag(salt, text)))
    }

    /// Whether it is to this text, under this salt.
    pub fn opens(&self, salt: &[u8], text: &str) -> bool {
        verify_slices_are_equal(&self.0, &tag(salt, text)).is_ok()
    }

    /// Reads `hmac-sha256:<64 hex>`, lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let lower = digits.bytes().all(|byte| !byte.is_ascii_uppercase());
        let tag = hex::decode(digits).ok().filter(|_| lower)?;
        tag.try_into().ok().map(Self)
    }
}

fn tag(salt: &[u8], text: &str) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), text.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commitment({self})")
    }
}

//! The password of an encrypted key: wiped when dropped, and never printed.

use std::fmt;

use zeroize::Zeroizing;

/// A password as its bytes. The empty password is one too: cosign writes keys with it where `COSIGN_PASSWORD` is empty.
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the password over; the caller's buffer becomes the one that is wiped.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_print() {
        let shown = format!("{:?} {:#?}", Password::new("tiger"), Some(Password::new("tiger")));
        assert!(!shown.contains("tiger"), "{shown}");
    }
}

//! What a job shows after it has shown its token once.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// How long a session is good.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// So that scanners for secrets know one.
const PREFIX: &str = "cs_";
const BYTES: usize = 32;

/// 256 random bits as text: `cs_` and 43 characters. It does not print; what is stored is its hash.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

/// What is stored of a session: SHA-256 of the token's text. A hash without salt is enough for 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionHash([u8; BYTES]);

/// A text that is no session's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the token of a session: `{PREFIX}` and 43 characters of base64url")]
pub struct NotASession;

impl SessionToken {
    /// A new one.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn generate() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        aws_lc_rs::rand::fill(bytes.as_mut())?;
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_ref(), &mut text);
        Ok(Self(text))
    }

    /// Reads one that somebody shows.
    ///
    /// # Errors
    /// [`NotASession`].
    pub fn read(text: &str) -> Result<Self, NotASession> {
        let random = text.strip_prefix(PREFIX).ok_or(NotASession)?;
        let mut bytes = Zeroizing::new([0; BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(random, bytes.as_mut()) {
            Ok(BYTES) => Ok(Self(Zeroizing::new(text.to_owned()))),
            _ => Err(NotASession),
        }
    }

    /// What it is found by.
    #[must_use]
    pub fn hash(&self) -> SessionHash {
        let hash = digest(&SHA256, self.0.as_bytes());
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(hash.as_ref());
        SessionHash(bytes)
    }

    /// The text, for the one answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl SessionHash {
    /// As bytes, for the store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl fmt::Display for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHash({self})")
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_back_and_found_by_its_hash() {
        let session = SessionToken::generate().unwrap();
        let shown = SessionToken::read(session.expose()).unwrap();
        assert_eq!(shown.hash(), session.hash());
        assert_eq!(session.expose().len(), 46);
        assert_ne!(SessionToken::generate().unwrap().hash(), session.hash());
        let known = SessionToken::read(&format!("cs_{}", "A".repeat(43))).unwrap();
        let expected = hex::encode(digest(&SHA256, format!("cs_{}", "A".repeat(43)).as_bytes()));
        assert_eq!(known.hash().to_string(), expected);
    }

    #[test]
    fn a_session_does_not_print() {
        let session = SessionToken::generate().unwrap();
        assert_eq!(format!("{:?}", Some(session)), "Some(SessionToken(redacted))");
    }

    #[test]
    fn what_is_no_session_is_refused() {
        let (whole, last) = (format!("cs_{}", "A".repeat(43)), format!("cs_{}B", "A".repeat(42)));
        for text in [
            "",
            "cs_",
            "A",
            &whole[3..],
            &whole[..45],
            &format!("{whole}A"),
            &format!("{whole}="),
            &last,
        ] {
            assert_eq!(SessionToken::read(text).unwrap_err(), NotASession, "{text}");
        }
    }
}

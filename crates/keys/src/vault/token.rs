//! The token that a vault knows us by: kept in memory, wiped when dropped, never printed.

use std::fmt;

use reqwest::header::HeaderValue;
use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize as _, Zeroizing};

/// Batch tokens carry their policies within them; service tokens have under a hundred characters.
const LONGEST: usize = 8 << 10;

/// A vault's token, or another secret that buys one. What is kept of it is wiped; the copy in a request under way is the
/// HTTP library's, and is not.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// More than any token has.
    #[error("it has more than {LONGEST} characters")]
    TooLong,
    /// What cannot be sent in a header.
    #[error("it has characters in it that no token has")]
    Characters,
}

impl Token {
    /// Takes the text over; the caller's buffer becomes the one that is wiped. White space around it is not part of it.
    ///
    /// # Errors
    /// [`NotAToken`], which does not repeat the text.
    pub fn new(text: String) -> Result<Self, NotAToken> {
        let text = Zeroizing::new(text);
        let trimmed = text.trim();
        if trimmed.is_empty() {
            Err(NotAToken::Empty)
        } else if trimmed.len() > LONGEST {
            Err(NotAToken::TooLong)
        } else if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(NotAToken::Characters)
        } else {
            Ok(Self(Zeroizing::new(trimmed.to_owned())))
        }
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    // The header's copy lives as long as its request does, and is not wiped: `http` has no way to.
    pub(super) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&self.0).expect("a token is of printable ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(deserializer)?;
        let token = Self::new(text.clone()).map_err(|_| serde::de::Error::custom("`client_token` is no token"));
        text.zeroize();
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_print() {
        let token = Token::new("s.tiger\n".to_owned()).unwrap();
        assert_eq!(token.expose(), "s.tiger");
        let shown = format!("{token:?} {:?}", token.header());
        assert!(!shown.contains("tiger"), "{shown}");
    }

    #[test]
    fn what_is_no_token_is_not_repeated() {
        for (text, refusal) in [
            ("", NotAToken::Empty),
            (" \n", NotAToken::Empty),
            ("s.a\r\nX-Evil: 1", NotAToken::Characters),
            ("tigér", NotAToken::Characters),
        ] {
            assert_eq!(Token::new(text.to_owned()), Err(refusal), "{text:?}");
        }
        assert_eq!(Token::new("a".repeat(LONGEST + 1)), Err(NotAToken::TooLong));
    }
}

//! A token that says who we are: a JSON Web Token (RFC 7519) of an OpenID provider.
//!
//! What it says is not verified here: that is the certificate authority's part, and a token that lies gets no certificate.

mod source;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

pub use source::{AUDIENCE, NoToken, PROJECTED, Places, Source, VARIABLE};

/// The longest token that is read, in bytes. Those of the large providers have about 2,000.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token that says who we are. It prints as who issued it, and never as itself.
pub struct IdentityToken {
    text: Zeroizing<String>,
    issuer: String,
    subject: String,
    expiry: Option<Timestamp>,
}

/// Why something is no identity token that a certificate authority would take. None of these repeats the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too long.
    #[error("it has {found} bytes, and the limit is {limit}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// It has not the form of a signed token.
    #[error("it is no signed JSON Web Token: expected three parts with dots between, {found}")]
    Form {
        /// What was found instead.
        found: &'static str,
    },
    /// It does not say something that it has to say.
    #[error("it has no `{claim}`")]
    Missing {
        /// The claim.
        claim: &'static str,
    },
    /// It names a mailbox of which the provider does not say that it is the holder's.
    #[error(
        "its `email` is `{email}`, and its provider does not say that this mailbox is the holder's (`email_verified`)"
    )]
    UnverifiedEmail {
        /// The address.
        email: String,
    },
    /// Its time is over.
    #[error("it expired at {at}, and it is {now}")]
    Expired {
        /// When it expired.
        at: Timestamp,
        /// What time it is.
        now: Timestamp,
    },
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    email: Option<String>,
    email_verified: Option<Flag>,
    exp: Option<f64>,
}

/// Some providers write a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Boolean(bool),
    Text(String),
}

impl Flag {
    fn is_set(&self) -> bool {
        match self {
            Self::Boolean(flag) => *flag,
            Self::Text(text) => text == "true",
        }
    }
}

impl IdentityToken {
    /// Reads a token. Space around it is no part of it.
    ///
    /// # Errors
    /// [`TokenError`], other than [`TokenError::Expired`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge {
                limit: MAX_TOKEN_BYTES,
                found: text.len(),
            });
        }
        let claims = claims(text)?;
        let issuer = present("iss", claims.iss)?;
        let subject = match claims.email.filter(|email| !email.is_empty()) {
            None => present("sub", claims.sub)?,
            Some(email) if claims.email_verified.is_some_and(|flag| flag.is_set()) => email,
            Some(email) => {
                return Err(TokenError::UnverifiedEmail {
                    email: countersign_image::text::excerpt(&email, 100),
                });
            }
        };
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            issuer,
            subject,
            // Beyond what a timestamp holds is as good as never.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the fraction of a second is not asked for"
            )]
            expiry: claims
                .exp
                .and_then(|seconds| Timestamp::from_second(seconds as i64).ok()),
        })
    }

    /// Fails where a certificate authority would turn the token away for its age.
    ///
    /// # Errors
    /// [`TokenError::Expired`].
    pub fn fresh_at(&self, now: Timestamp) -> Result<(), TokenError> {
        match self.expiry {
            Some(at) if at <= now => Err(TokenError::Expired { at, now }),
            _ => Ok(()),
        }
    }

    /// Who issued it, as it says.
    #[must_use]
    pub fn unverified_issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom it names: the mailbox where it names one, else its `sub`. This is what a certificate authority wants signed, to see
    /// that the key is the holder's.
    #[must_use]
    pub fn unverified_subject(&self) -> &str {
        &self.subject
    }

    /// The token, for the header of one request.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityToken(of `{}` for `{}`)", self.issuer, self.subject)
    }
}

fn claims(token: &str) -> Result<Claims, TokenError> {
    let form = |found| TokenError::Form { found };
    let mut parts = token.split('.');
    let (Some(_header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(form("and there are not three"));
    };
    if signature.is_empty() {
        return Err(form("and the last, the signature, is empty"));
    }
    let mut payload = URL_SAFE_NO_PAD
        .decode(payload.trim_end_matches('='))
        .map_err(|_| form("and the second is not base64"))?;
    let claims = countersign_image::json::strict(&payload);
    payload.zeroize();
    claims.map_err(|_| form("and the second is not JSON with the claims of an identity"))
}

fn present(claim: &'static str, found: Option<String>) -> Result<String, TokenError> {
    found
        .filter(|value| !value.is_empty())
        .ok_or(TokenError::Missing { claim })
}

#[cfg(test)]
pub(crate) mod tests;

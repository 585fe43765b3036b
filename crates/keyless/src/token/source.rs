//! Where an identity token is looked for: what was given, the environment, GitHub Actions, a token that Kubernetes projects.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use url::Url;
use zeroize::Zeroizing;

use super::{IdentityToken, MAX_TOKEN_BYTES, TokenError};
use crate::web::{Ask, Party, Web, WebError};

/// For whom a token has to be, at Sigstore's instances and at those that are set up like them.
pub const AUDIENCE: &str = "sigstore";
/// Where Kubernetes projects a token, by the convention that cosign began.
pub const PROJECTED: &str = "/var/run/sigstore/cosign/oidc-token";

/// The environment variable that holds a token for Sigstore.
pub const VARIABLE: &str = "SIGSTORE_ID_TOKEN";
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// Where a token was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was given as it is.
    Given,
    /// In a file that was named.
    File(PathBuf),
    /// In an environment variable.
    Variable(&'static str),
    /// GitHub Actions issued it on demand.
    GitHub,
    /// Kubernetes put it into this file.
    Projected(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("the token that was given"),
            Self::File(path) => write!(f, "the token in `{}`", path.display()),
            Self::Variable(name) => write!(f, "the token in {name}"),
            Self::GitHub => f.write_str("the token that GitHub Actions issued"),
            Self::Projected(path) => write!(f, "the token that Kubernetes projects into `{}`", path.display()),
        }
    }
}

/// Where to look.
pub struct Places<'a> {
    /// A token, or the path of a file with one, where somebody said so.
    pub given: Option<&'a str>,
    /// The variable that holds a token for this audience: [`VARIABLE`].
    pub variable: &'static str,
    /// The environment.
    pub environment: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Where Kubernetes would have put one: [`PROJECTED`].
    pub projected: &'a Path,
    /// For whom it has to be: [`AUDIENCE`].
    pub audience: &'a str,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// There is none anywhere.
    #[error(
        "no identity token was found: none was given, {variable} is not set (GitLab sets it with `id_tokens`), \
         {GITHUB_URL} and {GITHUB_TOKEN} are not set (GitHub Actions sets them with `permissions: id-token: write`), and \
         there is no `{projected}` (a volume of Kubernetes with a projected token)"
    )]
    Nowhere {
        /// The environment variable that was looked for.
        variable: &'static str,
        /// The file that was looked for.
        projected: String,
    },
    /// What was given is neither a token nor the name of a file that can be read.
    #[error("what was given is neither an identity token nor a file that can be read")]
    NeitherTokenNorFile(#[source] std::io::Error),
    /// A file with a token cannot be read.
    #[error("{place} cannot be read")]
    Unreadable {
        /// Which one.
        place: Source,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something was found, and it is no token.
    #[error("{place} cannot be used")]
    NotAToken {
        /// Where it was found.
        place: Source,
        /// What is wrong with it.
        source: TokenError,
    },
    /// Where GitHub would issue one is no place to send a secret to.
    #[error("{GITHUB_URL} is no `https` URL")]
    Url,
    /// GitHub did not issue one.
    #[error("GitHub Actions issued no identity token")]
    GitHub(#[source] WebError),
}

#[derive(Deserialize)]
struct Issued {
    value: String,
}

impl Places<'_> {
    /// Looks in each place, in this order: what was given, the environment, GitHub Actions, Kubernetes. The first that has
    /// something decides: a broken token is an error, never a reason to take another.
    ///
    /// # Errors
    /// [`NoToken`], which says where was looked.
    pub async fn find(&self, web: &Web, deadline: Instant) -> Result<(IdentityToken, Source), NoToken> {
        if let Some(given) = self.given {
            return given_as(given, deadline).await;
        }
        if let Some(text) = self.variable(self.variable) {
            return parse(&Zeroizing::new(text), Source::Variable(self.variable));
        }
        if let (Some(url), Some(secret)) = (self.variable(GITHUB_URL), self.variable(GITHUB_TOKEN)) {
            let text = self.ask_github(&url, &Zeroizing::new(secret), web, deadline).await?;
            return parse(&text, Source::GitHub);
        }
        match read(self.projected, deadline).await {
            Ok(text) => parse(&text, Source::Projected(self.projected.to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(NoToken::Nowhere {
                variable: self.variable,
                projected: self.projected.display().to_string(),
            }),
            Err(source) => Err(NoToken::Unreadable {
                place: Source::Projected(self.projected.to_owned()),
                source,
            }),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.trim().is_empty())
    }

    /// Source: GitHub, "OpenID Connect reference", *Methods for requesting the OIDC token*.
    async fn ask_github(
        &self,
        url: &str,
        secret: &str,
        web: &Web,
        deadline: Instant,
    ) -> Result<Zeroizing<String>, NoToken> {
        let mut url = Url::parse(url).map_err(|_| NoToken::Url)?;
        url.query_pairs_mut().append_pair("audience", self.audience);
        let mut bearer = HeaderValue::try_from(format!("bearer {}", secret.trim())).map_err(|_| NoToken::Url)?;
        bearer.set_sensitive(true);
        let ask = Ask {
            party: Party::GitHub,
            method: Method::GET,
            url,
            headers: HeaderMap::from_iter([
                (header::AUTHORIZATION, bearer),
                (header::ACCEPT, HeaderValue::from_static("application/json")),
            ]),
            body: Bytes::new(),
            cap: 4 * MAX_TOKEN_BYTES,
        };
        let answer = web.ask_in_confidence(&ask, deadline).await.map_err(NoToken::GitHub)?;
        let issued: Issued = serde_json::from_slice(&answer)
            .map_err(|_| NoToken::GitHub(WebError::unreadable(Party::GitHub, "JSON with a `value`")))?;
        Ok(Zeroizing::new(issued.value))
    }
}

/// A token cannot be mistaken for a path: it has three parts, of which the second is JSON in base64.
async fn given_as(given: &str, deadline: Instant) -> Result<(IdentityToken, Source), NoToken> {
    match IdentityToken::parse(given) {
        Ok(token) => Ok((token, Source::Given)),
        Err(TokenError::Form { .. } | TokenError::TooLarge { .. }) => {
            let path = Path::new(given);
            let text = read(path, deadline).await.map_err(NoToken::NeitherTokenNorFile)?;
            parse(&text, Source::File(path.to_owned()))
        }
        Err(source) => Err(NoToken::NotAToken {
            place: Source::Given,
            source,
        }),
    }
}

fn parse(text: &str, place: Source) -> Result<(IdentityToken, Source), NoToken> {
    match IdentityToken::parse(text) {
        Ok(token) => Ok((token, place)),
        Err(source) => Err(NoToken::NotAToken { place, source }),
    }
}

async fn read(path: &Path, deadline: Instant) -> std::io::Result<Zeroizing<String>> {
    let reading = async {
        let mut text = Zeroizing::new(String::new());
        // One byte more than allowed, so that a longer one is seen to be longer.
        let limit = MAX_TOKEN_BYTES as u64 + 1;
        tokio::fs::File::open(path)
            .await?
            .take(limit)
            .read_to_string(&mut text)
            .await?;
        Ok(text)
    };
    tokio::time::timeout_at(deadline.into(), reading)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests;

//! Where an issuer's keys come from.

use std::path::PathBuf;

use bytes::Bytes;
use serde::Deserialize;
use url::Url;

use super::MAX_SET;
use crate::web::{Secret, Web, WebError, read_file};

/// The most bytes of a discovery document. Those of the large issuers have about 2,000.
const MAX_DISCOVERY: usize = 64 * 1024;
const DISCOVERY: &str = ".well-known/openid-configuration";

pub(crate) enum Source {
    /// OpenID Connect Discovery 1.0, section 4.
    Discovery {
        issuer: String,
        web: Web,
        token: Option<Secret>,
    },
    Url {
        url: Url,
        web: Web,
        token: Option<Secret>,
    },
    File(PathBuf),
}

/// Why keys could not be obtained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    #[error(transparent)]
    Web(#[from] WebError),
    #[error("the file with the keys cannot be read: {0}")]
    File(String),
    #[error("the issuer's discovery document is none (OpenID Connect Discovery 1.0)")]
    Discovery,
    #[error("the discovery document is that of another issuer: expected `{expected}`, found `{found}`")]
    OtherIssuer { expected: String, found: String },
    #[error("the discovery document sends us to `{to}`, where no keys are fetched")]
    LedAstray { to: String },
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    pub(crate) async fn obtain(&self) -> Result<Bytes, SourceError> {
        match self {
            Self::File(path) => read_file(path, MAX_SET)
                .await
                .map(Bytes::from)
                .map_err(|error| SourceError::File(error.to_string())),
            Self::Url { url, web, token } => Ok(web.get(url, token.as_ref(), MAX_SET).await?),
            Self::Discovery { issuer, web, token } => discover(issuer, web, token.as_ref()).await,
        }
    }
}

async fn discover(issuer: &str, web: &Web, token: Option<&Secret>) -> Result<Bytes, SourceError> {
    let at = format!("{}/{DISCOVERY}", issuer.trim_end_matches('/'));
    let at = Url::parse(&at).map_err(|_| SourceError::Discovery)?;
    let document = web.get(&at, token, MAX_DISCOVERY).await?;
    let found: Discovered = countersign_image::json::strict(&document).map_err(|_| SourceError::Discovery)?;
    if found.issuer != issuer {
        return Err(SourceError::OtherIssuer {
            expected: issuer.to_owned(),
            found: crate::token::repeated(&found.issuer),
        });
    }
    // The server alone: a URL may have a password in it.
    let parsed = Url::parse(&found.jwks_uri).ok();
    let server = parsed
        .as_ref()
        .map(|url| format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()));
    let astray = || SourceError::LedAstray {
        to: crate::token::repeated(server.as_deref().unwrap_or("no URL")),
    };
    let keys = parsed.ok_or_else(astray)?;
    let is_same_server = at.origin() == keys.origin();
    match web.led(&at, &keys) {
        Some(way) => Ok(way.get(&keys, token.filter(|_| is_same_server), MAX_SET).await?),
        None => Err(astray()),
    }
}

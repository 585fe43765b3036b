//! A mirror over HTTP: where bytes come from, so many and no more, in so much time and no more.

use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, LOCATION};
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error, Repository};
use thiserror::Error;
use url::Url;

use super::name;
use crate::text::{chain, shortened};

/// What of a part of a target's name is written as it is.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Why a mirror did not give a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// No answer.
    #[error("`{url}` cannot be reached: {detail}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What stood in the way.
        detail: String,
    },
    /// An answer that is no file.
    #[error("`{url}` was answered with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// An answer that is elsewhere. A mirror is where it says, so that nobody leads us to another place.
    #[error(
        "`{url}` was answered with a redirect to `{to}`, which is not followed: give that address as the mirror if it is the one"
    )]
    Redirect {
        /// What was asked for.
        url: String,
        /// Where it would have gone.
        to: String,
    },
    /// More bytes than may be.
    #[error("`{url}` has more than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The most, in bytes.
        limit: u64,
    },
    /// Nothing came for too long.
    #[error("`{url}` had nothing to say for {after:?}")]
    Slow {
        /// What was asked for.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// A compressed answer, though none was asked for: its length has no bound.
    #[error("`{url}` was answered in compressed form, though that was not asked for")]
    Compressed {
        /// What was asked for.
        url: String,
    },
    /// Metadata names a file that no repository can have.
    #[error("`{name}` is not the name of a file of a repository")]
    Name {
        /// The name, shortened.
        name: String,
    },
}

/// A mirror of a repository.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    http: reqwest::Client,
    metadata: Url,
    targets: Url,
    answer: Duration,
}

impl Mirror {
    /// `targets` is the folder below the address; it is a relative name.
    pub(crate) fn new(http: reqwest::Client, address: &Url, targets: &str, answer: Duration) -> Self {
        let metadata = folder(address.clone());
        let mut below = metadata.clone();
        below.set_path(&format!("{}{}/", metadata.path(), encoded(targets)));
        Self::at(http, metadata, below, answer)
    }

    /// With targets that need not lie below the metadata.
    pub(crate) fn at(http: reqwest::Client, metadata: Url, targets: Url, answer: Duration) -> Self {
        Self {
            http,
            metadata: folder(metadata),
            targets: folder(targets),
            answer,
        }
    }

    fn metadata_url(&self, name: &str) -> Result<Url, MirrorError> {
        if !name::is_metadata(name) {
            return Err(MirrorError::Name {
                name: shortened(name, 100),
            });
        }
        below(&self.metadata, name)
    }

    fn target_url(&self, path: &str) -> Result<Url, MirrorError> {
        if !name::is_relative(path) {
            return Err(MirrorError::Name {
                name: shortened(path, 100),
            });
        }
        below(&self.targets, &encoded(path))
    }

    async fn get(&self, url: Url, limit: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        let request = self
            .http
            .get(url.clone())
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut response = self.in_time(&url, request.send()).await?;
        let status = response.status();
        // Object stores say 403 of what is not there to those who may not list.
        if status == StatusCode::NOT_FOUND || status == StatusCode::FORBIDDEN {
            return Ok(None);
        }
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            return Err(MirrorError::Redirect {
                url: told(&url),
                to: shortened(to.unwrap_or("nowhere"), 200),
            });
        }
        if status != StatusCode::OK {
            return Err(MirrorError::Status {
                url: told(&url),
                status: status.as_u16(),
            });
        }
        match response.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => {}
            Some(_) => return Err(MirrorError::Compressed { url: told(&url) }),
        }
        let too_long = || MirrorError::TooLong { url: told(&url), limit };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.in_time(&url, response.chunk()).await? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    async fn in_time<T>(
        &self,
        url: &Url,
        wait: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, MirrorError> {
        let began = Instant::now();
        match tokio::time::timeout(self.answer, wait).await {
            Ok(Ok(came)) => Ok(came),
            Ok(Err(error)) => Err(MirrorError::Unreachable {
                url: told(url),
                detail: shortened(&chain(&error.without_url()), 300),
            }),
            Err(_) => Err(MirrorError::Slow {
                url: told(url),
                after: began.elapsed(),
            }),
        }
    }
}

impl Repository for Mirror {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            let url = self.metadata_url(name).map_err(wrapped)?;
            self.get(url, max_length).await.map_err(wrapped)
        })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            let url = self.target_url(path).map_err(wrapped)?;
            self.get(url, max_length).await.map_err(wrapped)
        })
    }
}

/// An address that others lie below.
fn folder(mut url: Url) -> Url {
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

/// Names were looked at; what is left is that they are written in a way that is read in another.
fn below(folder: &Url, relative: &str) -> Result<Url, MirrorError> {
    let parsed = Url::parse(&format!("{folder}{relative}")).ok();
    let inside = parsed.filter(|url| url.path().starts_with(folder.path()) && url.authority() == folder.authority());
    inside.ok_or_else(|| MirrorError::Name {
        name: shortened(relative, 100),
    })
}

/// A name as a path, part by part.
fn encoded(name: &str) -> String {
    let parts: Vec<String> = name
        .split('/')
        .map(|part| utf8_percent_encode(part, PART).to_string())
        .collect();
    parts.join("/")
}

/// An address as it may stand in a message: some people keep passwords in theirs.
fn told(url: &Url) -> String {
    let mut url = url.clone();
    // Only an address without a host has no place for them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    shortened(url.as_str(), 300)
}

fn wrapped(error: MirrorError) -> Error {
    Error::transport_with_source("the mirror did not give a file", error)
}

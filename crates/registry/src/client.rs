//! The client: what all questions to registries share. The questions themselves are in the files named after them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_image::{Repository, Tag};
use moka::sync::Cache;
use tokio::sync::Mutex;

use crate::challenge::Challenge;
use crate::config::{ClientConfig, ConfigError, Limits};
use crate::credential::{CredentialScope, Credentials};
use crate::host::{Endpoint, Hosts};
use crate::token::Tokens;
use crate::transport::{RequestCounts, Transport};
use crate::trouble::Trouble;

/// Most hosts whose challenge, and most repositories whose shortcomings, are remembered.
const MAX_REMEMBERED: u64 = 10_000;
/// How long the way to log in to a host is taken for what it was.
const CHALLENGE_LIFE: Duration = Duration::from_secs(60 * 60);
/// How long a registry is believed not to know the referrers API.
const INABILITY_LIFE: Duration = Duration::from_secs(5 * 60);

/// A client for every registry. Cheap to clone; clones share connections, tokens, limits and breakers.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    /// Whether no mirror is asked.
    origin_only: bool,
}

pub(crate) struct Inner {
    pub(crate) hosts: Hosts,
    pub(crate) transport: Arc<Transport>,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    /// Host → how to log in there.
    pub(crate) challenges: Cache<String, Challenge>,
    /// Which of several fitting credentials was let in, by host, path and candidates.
    pub(crate) let_in: Cache<(String, String, Vec<CredentialScope>), CredentialScope>,
    /// Where the referrers API is not to be found: a whole host, or one repository on it.
    pub(crate) without_referrers: Cache<(String, Option<String>), ()>,
    /// Whose turn it is to write to a tag that several write to.
    turns: Cache<(Repository, Tag), Arc<Mutex<()>>>,
}

impl Client {
    /// A client as configured.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        let remember = |life| Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(life).build();
        let inner = Inner {
            hosts: Hosts::new(&config)?,
            transport: Arc::new(Transport::new(&config)?),
            tokens: Tokens::new(),
            challenges: remember(CHALLENGE_LIFE),
            let_in: Cache::builder()
                .max_capacity(MAX_REMEMBERED)
                .time_to_live(CHALLENGE_LIFE)
                .build(),
            without_referrers: Cache::builder()
                .max_capacity(MAX_REMEMBERED)
                .time_to_live(INABILITY_LIFE)
                .build(),
            turns: Cache::builder()
                .max_capacity(MAX_REMEMBERED)
                .time_to_idle(CHALLENGE_LIFE)
                .build(),
            limits: config.limits,
        };
        Ok(Self {
            inner: Arc::new(inner),
            origin_only: false,
        })
    }

    /// The same client for whoever writes: it asks the registries themselves and no mirror. A mirror may be behind, and does not
    /// tell what is at the registry now.
    #[must_use]
    pub fn at_origin(&self) -> Self {
        Self {
            origin_only: true,
            ..self.clone()
        }
    }

    /// The mirrors of a registry that are asked before it.
    pub(crate) fn mirrors(&self, host: &str) -> &[Endpoint] {
        if self.origin_only {
            &[]
        } else {
            self.inner.hosts.mirrors(host)
        }
    }

    /// A hash of all that is shown when a repository is read, by whichever of its registry and mirrors answers. Those for
    /// whom it is the same see the same.
    pub fn credential_scope(&self, credentials: &Credentials, repository: &Repository) -> CredentialScope {
        let mirrors = self.mirrors(repository.host());
        let paths: Vec<_> = mirrors.iter().map(|mirror| mirror.path_of(repository.path())).collect();
        let at_mirrors = mirrors
            .iter()
            .zip(&paths)
            .map(|(mirror, path)| (mirror.credential_host(), path.as_str()));
        credentials.scope_at(at_mirrors.chain([(repository.host(), repository.path())]))
    }

    /// How the requests so far ended.
    pub fn request_counts(&self) -> RequestCounts {
        self.inner.transport.counts()
    }

    /// Whether a registry had trouble after `since`, and has answered nothing after that.
    pub(crate) fn failed_since(&self, repository: &Repository, since: Instant) -> bool {
        let origin = self.inner.hosts.origin(repository.host());
        origin.is_ok_and(|origin| self.inner.transport.trouble_since(origin.authority(), since).is_some())
    }

    /// What is told to those who could wait no longer: the trouble that a registry had since the flight `began` that they
    /// waited for, or else that there was no answer since they `arrived`.
    pub(crate) fn trouble_since(&self, repository: &Repository, began: Instant, arrived: Instant) -> Trouble {
        let origin = self.inner.hosts.origin(repository.host());
        let known = origin
            .ok()
            .and_then(|origin| self.inner.transport.trouble_since(origin.authority(), began));
        known.unwrap_or(Trouble::TimedOut {
            after: arrived.elapsed(),
        })
    }

    /// Held by the one in this process that writes to a tag.
    pub(crate) fn turn(&self, repository: &Repository, tag: &Tag) -> Arc<Mutex<()>> {
        self.inner
            .turns
            .get_with((repository.clone(), tag.clone()), Arc::default)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.inner.transport)
            .finish_non_exhaustive()
    }
}

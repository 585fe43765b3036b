//! What registries are shown: credentials and where they come from.

mod docker;
mod program;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use countersign_image::{Digest, Repository};
use thiserror::Error;
use tracing::warn;

use self::docker::DockerConfig;
use self::program::Programs;
use crate::host::canonical;
use crate::secret::Secret;

/// Most credentials that are tried on one registry, one after the other.
const MAX_CANDIDATES: usize = 8;

/// One way of saying who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nobody in particular.
    Anonymous,
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A refresh token, exchanged for access tokens (docker's `identitytoken`).
    IdentityToken(Secret),
    /// An access token, sent as it is (docker's `registrytoken`).
    Bearer(Secret),
}

impl Credential {
    pub(crate) fn scope(&self) -> CredentialScope {
        let mut scope = ScopeBuilder::new("credential");
        match self {
            Self::Anonymous => scope.add("anonymous"),
            Self::Basic { user, password } => {
                scope.add("basic");
                scope.add(user);
                scope.add(password.expose());
            }
            Self::IdentityToken(token) => {
                scope.add("identity");
                scope.add(token.expose());
            }
            Self::Bearer(token) => {
                scope.add("bearer");
                scope.add(token.expose());
            }
        }
        scope.finish()
    }
}

/// Which credentials were used, as a hash: equal scopes see the same things. Part of every cache key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialScope(Digest);

impl CredentialScope {
    /// The hash itself. It goes nowhere but into another one: a short password could be guessed from it.
    pub(crate) fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Debug for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even the hash: a short password could be guessed from it.
        f.write_str("CredentialScope")
    }
}

struct ScopeBuilder(Vec<u8>);

impl ScopeBuilder {
    fn new(what: &str) -> Self {
        let mut builder = Self(Vec::new());
        builder.add(what);
        builder
    }

    fn add(&mut self, text: &str) {
        self.0.extend_from_slice(&(text.len() as u64).to_be_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn finish(self) -> CredentialScope {
        let bytes = zeroize::Zeroizing::new(self.0);
        CredentialScope(Digest::sha256(&bytes))
    }
}

/// Where credentials come from, in order. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Credentials {
    sources: Arc<[Source]>,
    programs: Programs,
}

#[derive(Clone, Debug)]
enum Source {
    Host {
        host: String,
        credential: Credential,
    },
    PullSecret(Arc<DockerConfig>),
    /// The only one whose helper programs are run: it is on our own disk.
    Machine(Arc<DockerConfig>),
}

/// What one registry is to be shown, and why a better credential could not be had.
pub(crate) struct Candidates {
    pub(crate) credentials: Vec<Credential>,
    pub(crate) trouble: Option<String>,
}

impl Credentials {
    /// No credentials: every registry is asked anonymously.
    pub fn anonymous() -> Self {
        Self {
            sources: Arc::from([]),
            programs: Programs::new(),
        }
    }

    /// The docker configuration at `path`: `auths`, `credHelpers`, `credsStore`.
    pub fn from_docker_config(path: &Path) -> Result<Self, CredentialError> {
        let bytes = docker::read(path)?;
        let config = DockerConfig::parse(&bytes, &format!("`{}`", path.display()))?;
        Ok(Self {
            sources: Arc::from([Source::Machine(Arc::new(config))]),
            programs: Programs::new(),
        })
    }

    /// The docker configuration in its usual place (`$DOCKER_CONFIG/config.json`, `~/.docker/config.json`), if there is one.
    pub fn from_default_docker_config() -> Result<Self, CredentialError> {
        let directory = std::env::var_os("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")));
        match directory.map(|directory| directory.join("config.json")) {
            Some(path) if path.exists() => Self::from_docker_config(&path),
            _ => Ok(Self::anonymous()),
        }
    }

    /// These and, asked before them, a pull secret: the content of `.dockerconfigjson` or of the legacy `.dockercfg`.
    /// Credential helpers that a pull secret names are never run.
    pub fn with_pull_secret(&self, bytes: &[u8]) -> Result<Self, CredentialError> {
        let config = DockerConfig::parse_secret(bytes)?;
        Ok(self.with(Source::PullSecret(Arc::new(config))))
    }

    /// These and, asked before them, one credential for every repository of `host`.
    #[must_use]
    pub fn with_host(&self, host: &str, credential: Credential) -> Self {
        self.with(Source::Host {
            host: canonical(host),
            credential,
        })
    }

    fn with(&self, first: Source) -> Self {
        let sources = std::iter::once(first).chain(self.sources.iter().cloned()).collect();
        Self {
            sources,
            programs: self.programs.clone(),
        }
    }

    /// A hash of all there is.
    pub fn scope_hash(&self) -> CredentialScope {
        let mut scope = ScopeBuilder::new("all");
        for source in self.sources.iter() {
            match source {
                Source::Host { host, credential } => {
                    scope.add("host");
                    scope.add(host);
                    scope.add(&credential.scope().0.hex());
                }
                Source::PullSecret(config) => {
                    scope.add("secret");
                    scope.add(&config.hash().hex());
                }
                Source::Machine(config) => {
                    scope.add("machine");
                    scope.add(&config.hash().hex());
                }
            }
        }
        scope.finish()
    }

    /// A hash of what a repository's own registry would be shown. `Client::credential_scope` counts its mirrors in.
    pub fn scope(&self, repository: &Repository) -> CredentialScope {
        self.scope_at([(repository.host(), repository.path())])
    }

    /// A hash of what these hosts would be shown for these paths.
    pub(crate) fn scope_at<'a>(&self, places: impl IntoIterator<Item = (&'a str, &'a str)>) -> CredentialScope {
        let mut scope = ScopeBuilder::new("candidates");
        for (host, path) in places {
            scope.add("place");
            for found in self.matching(host, path) {
                match found {
                    Match::Credential(credential) => scope.add(&credential.scope().0.hex()),
                    Match::Program { name, server } => {
                        scope.add("program");
                        scope.add(name);
                        scope.add(&server);
                    }
                }
            }
        }
        scope.finish()
    }

    /// What to show a registry for one repository, best first; never empty.
    pub(crate) async fn candidates(&self, host: &str, path: &str, deadline: Instant) -> Candidates {
        let mut credentials: Vec<Credential> = Vec::new();
        let mut trouble = None;
        for found in self.matching(host, path) {
            let credential = match found {
                Match::Credential(credential) => Some(credential.clone()),
                Match::Program { name, server } => match self.programs.get(name, &server, deadline).await {
                    Ok(credential) => credential,
                    Err(error) => {
                        warn!(program = name, %host, %error, "a credential helper failed");
                        trouble = Some(error.to_string());
                        None
                    }
                },
            };
            if let Some(credential) = credential
                && !credentials.contains(&credential)
                && credentials.len() < MAX_CANDIDATES
            {
                credentials.push(credential);
            }
        }
        if credentials.is_empty() {
            credentials.push(Credential::Anonymous);
        }
        Candidates { credentials, trouble }
    }

    fn matching(&self, host: &str, path: &str) -> Vec<Match<'_>> {
        let host = canonical(host);
        let mut found = Vec::new();
        for source in self.sources.iter() {
            match source {
                Source::Host { host: own, credential } if *own == host => found.push(Match::Credential(credential)),
                Source::Host { .. } => {}
                Source::PullSecret(config) => found.extend(config.lookup(&host, path).map(Match::Credential)),
                Source::Machine(config) => {
                    let program = config.program(&host);
                    let inline = config.lookup(&host, path).map(Match::Credential);
                    found.extend(match program {
                        Some((name, docker::Chosen::ForHost)) => Some(program_match(name, &host)),
                        Some((name, docker::Chosen::ForAll)) => inline.or_else(|| Some(program_match(name, &host))),
                        None => inline,
                    });
                }
            }
        }
        found
    }
}

fn program_match<'a>(name: &'a str, host: &str) -> Match<'a> {
    let server = if host == "docker.io" {
        "https://index.docker.io/v1/".to_owned()
    } else {
        host.to_owned()
    };
    Match::Program { name, server }
}

enum Match<'a> {
    Credential(&'a Credential),
    Program { name: &'a str, server: String },
}

/// Why credentials could not be read. No variant repeats a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("`{}` could not be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not a docker configuration.
    #[error("{place} is not a docker configuration: {detail}")]
    Malformed {
        /// Which file, or `the pull secret`.
        place: String,
        /// What is wrong.
        detail: String,
    },
}

#[cfg(test)]
mod tests;

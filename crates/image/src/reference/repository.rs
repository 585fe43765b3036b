//! Where images are kept: a host and a path.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use super::error::{Part, ReferenceError};
use super::grammar;

/// Where images are kept: a host and a path, without tag and digest. Cheap to clone.
///
/// The name is canonical, so that one repository has one name: the host in lower case, Docker Hub always `docker.io`,
/// its one-word names under `library/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(Arc<Name>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    host: String,
    path: String,
}

impl Repository {
    /// Reads a name without tag and digest; a name without a host is Docker Hub's.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let parts = grammar::parse(text)?;
        if let Some((_, at)) = parts.tag {
            return Err(ReferenceError::NotARepository { part: Part::Tag, at });
        }
        if let Some((_, at)) = parts.digest {
            return Err(ReferenceError::NotARepository { part: Part::Digest, at });
        }
        Ok(Self::new(parts.host, parts.path))
    }

    /// A repository from what the grammar has read.
    pub(super) fn new(host: String, path: String) -> Self {
        Self(Arc::new(Name { host, path }))
    }

    /// The registry's host, with its port if one is written: `docker.io`, `localhost:5000`, `[::1]:5000`.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The path in the registry: `library/nginx`.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The name as cosign writes it and sigstore's policy-controller matches it: `docker.io` is `index.docker.io` there.
    pub fn policy_name(&self) -> String {
        let host = if self.host() == grammar::DEFAULT_HOST {
            "index.docker.io"
        } else {
            self.host()
        };
        format!("{host}/{}", self.path())
    }

    /// Whether the host is this machine by its very name: `localhost`, an address in 127.0.0.0/8, or `::1`, with any port.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            return address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
        }
        let name = host.split(':').next().unwrap_or_default();
        name == "localhost" || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host(), self.path())
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({self})")
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}

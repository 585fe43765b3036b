//! The trust root: whose certificates, logs and timestamps are believed, and when.
//!
//! A trust root is read once and everything in it prepared then; what cannot be used is kept with its reason, and is never
//! believed.

mod address;
mod authority;
mod error;
mod log;
mod parts;
#[cfg(test)]
mod tests;
mod window;
mod wire;

pub(crate) use authority::Authority;
pub use authority::{AuthorityName, CertificateAuthority, TimeAuthority};
pub use error::TrustRootError;
pub use log::{Log, LogId, MAX_LOG_ID_BYTES};
use parts::Listed;
pub use parts::{AuthorityParts, LogParts, TrustRootParts};
pub use window::Window;

use std::sync::Arc;

use countersign_image::text::excerpt;
use countersign_image::{Digest, json};

use crate::x509::extension::Purpose;

/// The largest `trusted_root.json` that is read, in bytes.
pub const MAX_TRUST_ROOT_BYTES: usize = 4 * 1024 * 1024;

/// The media types of the versions that are read.
const MEDIA_TYPES: &[&str] = &[
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// The most entries of a list of a trust root.
pub const MAX_ENTRIES: usize = 256;

/// A trust root. Immutable; shared by `Arc`.
#[derive(Clone, Debug)]
pub struct TrustRoot {
    generation: Digest,
    json: Option<Arc<[u8]>>,
    authorities: Vec<CertificateAuthority>,
    logs: Vec<Log>,
    ct_logs: Vec<Log>,
    time_authorities: Vec<TimeAuthority>,
    unusable: Vec<Unusable>,
}

/// A part of a trust root that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Which part: `tlogs[1]`.
    pub part: String,
    /// Why.
    pub why: String,
}

impl TrustRoot {
    /// Reads a `trusted_root.json`, version 0.1 or 0.2: protobuf's JSON of `sigstore_trustroot.proto`.
    pub fn parse(json: &[u8]) -> Result<Self, TrustRootError> {
        if json.len() > MAX_TRUST_ROOT_BYTES {
            return Err(TrustRootError::TooLong {
                limit: MAX_TRUST_ROOT_BYTES,
                found: json.len(),
            });
        }
        let written: wire::TrustedRoot = json::strict(json).map_err(TrustRootError::Json)?;
        if !MEDIA_TYPES.contains(&written.media_type.as_str()) {
            return Err(TrustRootError::MediaType {
                found: excerpt(&written.media_type, 100),
            });
        }
        let root = Self::build(Digest::sha256(json), written.listed())?;
        Ok(Self {
            json: Some(json.into()),
            ..root
        })
    }

    /// Makes a trust root of parts, for roots that are written in another way, and for several in one.
    ///
    /// A part that cannot be used is kept in [`TrustRoot::unusable`], as in a `trusted_root.json`.
    pub fn of(parts: TrustRootParts) -> Result<Self, TrustRootError> {
        Self::build(parts.generation(), parts.listed())
    }

    fn build(generation: Digest, listed: Listed) -> Result<Self, TrustRootError> {
        for (list, found) in listed.lengths() {
            if found > MAX_ENTRIES {
                let limit = MAX_ENTRIES;
                return Err(TrustRootError::TooMany { list, limit, found });
            }
        }
        let mut unusable = Vec::new();
        let root = Self {
            generation,
            json: None,
            authorities: usable(listed.authorities, &mut unusable, |parts| {
                Authority::of(parts, Purpose::CodeSigning).map(CertificateAuthority)
            }),
            logs: usable(listed.logs, &mut unusable, Log::of),
            ct_logs: usable(listed.ct_logs, &mut unusable, Log::of),
            time_authorities: usable(listed.time_authorities, &mut unusable, |parts| {
                Authority::of(parts, Purpose::TimeStamping).map(TimeAuthority)
            }),
            unusable,
        };
        root.once_each().unless_empty()
    }

    /// Authorities that sign with one key are one hand, whatever their addresses: the later counts as the first.
    fn once_each(mut self) -> Self {
        for at in 1..self.time_authorities.len() {
            let (before, from) = self.time_authorities.split_at_mut(at);
            let Some(this) = from.first_mut() else { continue };
            let same = before.iter().find(|other| other.0.hand() == this.0.hand());
            if let Some(other) = same {
                this.0.counts_as = Arc::clone(&other.0.counts_as);
            }
        }
        self
    }

    /// A trust root that believes nobody is a mistake and never a policy.
    fn unless_empty(self) -> Result<Self, TrustRootError> {
        let is_empty = self.authorities.is_empty()
            && self.logs.is_empty()
            && self.ct_logs.is_empty()
            && self.time_authorities.is_empty();
        if is_empty {
            let first = self.unusable.first();
            return Err(TrustRootError::Empty {
                first: first.map_or("it is empty".to_owned(), |first| {
                    format!("`{}`: {}", first.part, first.why)
                }),
            });
        }
        Ok(self)
    }

    /// Which trust root it is: the digest of the bytes that it was read from, or of all its parts. A verdict that rests on
    /// it is kept under it.
    pub fn generation(&self) -> &Digest {
        &self.generation
    }

    /// The `trusted_root.json` that it was read from; nothing where it was made of parts.
    pub fn json(&self) -> Option<&[u8]> {
        self.json.as_deref()
    }

    /// Who issues certificates for signing.
    pub fn authorities(&self) -> &[CertificateAuthority] {
        &self.authorities
    }

    /// Transparency logs of signatures.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Certificate transparency logs.
    pub fn ct_logs(&self) -> &[Log] {
        &self.ct_logs
    }

    /// Who signs times.
    pub fn time_authorities(&self) -> &[TimeAuthority] {
        &self.time_authorities
    }

    /// What is in it and cannot be used.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }
}

/// What can be used of a list; what cannot goes to the others of its kind, with the reason.
fn usable<P, T>(
    list: Vec<Result<(String, P), Unusable>>,
    unusable: &mut Vec<Unusable>,
    of: impl Fn(P) -> Result<T, String>,
) -> Vec<T> {
    let each = list
        .into_iter()
        .map(|read| read.and_then(|(part, parts)| of(parts).map_err(|why| Unusable { part, why })));
    each.filter_map(|read| read.map_err(|why| unusable.push(why)).ok())
        .collect()
}

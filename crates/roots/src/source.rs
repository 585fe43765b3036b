//! Where a root is taken from.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use countersign_evidence::trust::TrustRoot;
use url::Url;

use crate::embedded::Instance;

/// The target that holds the trust root, where a source names no other.
pub const TRUSTED_ROOT: &str = "trusted_root.json";
/// The folder of a repository that holds its targets, where a source names no other.
pub const TARGETS: &str = "targets";

/// Where a root is taken from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A root that is there already.
    Given(Arc<TrustRoot>),
    /// What the binary brings along.
    Embedded(Instance),
    /// A `trusted_root.json`: a frozen copy, read again when it is replaced.
    File(PathBuf),
    /// A TUF repository that is followed.
    Repository(Repository),
    /// A TUF repository that was packed: nothing is fetched.
    Archive(Archive),
    /// No place at all, and why.
    Nowhere(String),
}

/// Where public-good's root comes from. There is always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicGood {
    /// What the binary brings along.
    Embedded,
    /// A `trusted_root.json`: a frozen copy, read again when it is replaced.
    File(PathBuf),
    /// What the binary brings along, until the repository gave another one.
    Followed(Repository),
}

/// A TUF repository that is followed over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The root metadata (`root.json`) that is believed from the start.
    pub initial_root: Bytes,
    /// Where the metadata is. It is only where bytes come from: whom to believe is said by `initial_root`.
    pub mirror: Url,
    /// The folder below `mirror` that holds the targets.
    pub targets: String,
    /// The target that holds the trust root.
    pub target: String,
}

/// A TUF repository in a `tar.gz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The root metadata (`root.json`) that is believed from the start.
    pub initial_root: Bytes,
    /// The packed repository; its files lie below `repository/`.
    pub packed: Bytes,
    /// The folder below `repository/` that holds the targets.
    pub targets: String,
    /// The target that holds the trust root.
    pub target: String,
}

impl Repository {
    /// An instance's own repository.
    ///
    /// # Panics
    /// Where the package ships an address that is none, which its tests exclude.
    #[must_use]
    pub fn of(instance: Instance) -> Self {
        Self {
            initial_root: Bytes::from_static(instance.initial_root()),
            mirror: Url::parse(instance.mirror()).expect("the package's addresses are addresses"),
            targets: TARGETS.to_owned(),
            target: TRUSTED_ROOT.to_owned(),
        }
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(one), Self::Given(other)) => one.generation() == other.generation(),
            (Self::Embedded(one), Self::Embedded(other)) => one == other,
            (Self::File(one), Self::File(other)) => one == other,
            (Self::Repository(one), Self::Repository(other)) => one == other,
            (Self::Archive(one), Self::Archive(other)) => one == other,
            (Self::Nowhere(one), Self::Nowhere(other)) => one == other,
            _ => false,
        }
    }
}

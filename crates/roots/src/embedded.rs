//! The roots that the binary brings along, for a first start and for places without a network.
//!
//! They are data of the package that ships them, as old as its release. A repository that is followed brings newer ones.

use std::sync::Arc;

use countersign_evidence::trust::{TrustRoot, TrustRootError};
use sigstore_trust_root::{
    SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_SIGNING_CONFIG, SIGSTORE_PRODUCTION_TRUSTED_ROOT,
    SIGSTORE_STAGING_SIGNING_CONFIG, SIGSTORE_STAGING_TRUSTED_ROOT, SigstoreInstance,
};

/// When the package that ships the roots was released. What a cache holds from before that is older than they are.
pub const EMBEDDED_AT: jiff::Timestamp = jiff::Timestamp::constant(1_792_713_600, 0);

/// A Sigstore whose root the binary brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instance {
    /// Sigstore's public-good instance.
    PublicGood,
    /// Sigstore's staging instance, for tests against it.
    Staging,
    /// The instance that signs artifact attestations of GitHub's private repositories.
    GitHub,
}

/// The root of Sigstore's public-good instance.
///
/// # Errors
/// Where this build cannot read what the package ships, which its tests exclude.
pub fn public_good() -> Result<Arc<TrustRoot>, TrustRootError> {
    Instance::PublicGood.root()
}

/// The root of Sigstore's staging instance.
///
/// # Errors
/// As [`public_good`].
pub fn staging() -> Result<Arc<TrustRoot>, TrustRootError> {
    Instance::Staging.root()
}

/// The root of GitHub's own instance.
///
/// # Errors
/// As [`public_good`].
pub fn github() -> Result<Arc<TrustRoot>, TrustRootError> {
    Instance::GitHub.root()
}

impl Instance {
    /// Every instance.
    pub const ALL: [Self; 3] = [Self::PublicGood, Self::Staging, Self::GitHub];

    /// What it is called in messages, metrics and caches.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PublicGood => "public-good",
            Self::Staging => "staging",
            Self::GitHub => "github",
        }
    }

    /// Its `trusted_root.json`, as the package ships it.
    #[must_use]
    pub fn trusted_root(self) -> &'static [u8] {
        let json = match self {
            Self::PublicGood => SIGSTORE_PRODUCTION_TRUSTED_ROOT,
            Self::Staging => SIGSTORE_STAGING_TRUSTED_ROOT,
            Self::GitHub => SIGSTORE_GITHUB_TRUSTED_ROOT,
        };
        json.as_bytes()
    }

    /// Its `signing_config.v0.2.json`, as the package ships it; `None` where it signs for nobody but itself.
    #[must_use]
    pub fn signing_config(self) -> Option<&'static [u8]> {
        match self {
            Self::PublicGood => Some(SIGSTORE_PRODUCTION_SIGNING_CONFIG.as_bytes()),
            Self::Staging => Some(SIGSTORE_STAGING_SIGNING_CONFIG.as_bytes()),
            Self::GitHub => None,
        }
    }

    /// Its trust root.
    ///
    /// # Errors
    /// As [`public_good`].
    pub fn root(self) -> Result<Arc<TrustRoot>, TrustRootError> {
        TrustRoot::parse(self.trusted_root()).map(Arc::new)
    }

    /// The TUF root (`root.json`) from which its repository's newer ones are reached.
    #[must_use]
    pub fn initial_root(self) -> &'static [u8] {
        self.packaged().tuf_root()
    }

    /// Where its TUF repository is.
    #[must_use]
    pub fn mirror(self) -> &'static str {
        self.packaged().tuf_url()
    }

    fn packaged(self) -> SigstoreInstance {
        match self {
            Self::PublicGood => SigstoreInstance::PublicGood,
            Self::Staging => SigstoreInstance::Staging,
            Self::GitHub => SigstoreInstance::GitHub,
        }
    }
}

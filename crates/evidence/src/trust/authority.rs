//! Authorities that a trust root knows: who issues certificates, and who signs times.

use std::fmt;
use std::sync::Arc;

use super::address::counted;
use super::parts::shows;
use super::{AuthorityParts, Window};
use crate::key::PublicKey;
use crate::x509::anchor::Chain;
use crate::x509::extension::Purpose;

/// The name of an authority: its address, or the subject of its root certificate where it has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorityName(pub(super) Arc<str>);

impl AuthorityName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AuthorityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An authority that issues certificates for signing.
#[derive(Clone, Debug)]
pub struct CertificateAuthority(pub(crate) Authority);

/// An authority that signs times (RFC 3161).
#[derive(Clone, Debug)]
pub struct TimeAuthority(pub(crate) Authority);

/// What authorities of both kinds are.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) name: AuthorityName,
    pub(crate) operator: Option<String>,
    /// What it is for a threshold.
    pub(crate) counts_as: Arc<str>,
    pub(crate) window: Window,
    pub(crate) chain: Chain,
}

impl Authority {
    pub(super) fn of(parts: AuthorityParts, purpose: Purpose) -> Result<Self, String> {
        shows(&parts.uri, parts.operator.as_deref())?;
        let chain = Chain::of(&parts.chain, purpose)?;
        let root = chain.anchors.last().map(|root| root.shown.clone()).unwrap_or_default();
        let name = if parts.uri.is_empty() { root } else { parts.uri };
        let counts_as = match &parts.operator {
            Some(operator) => operator.as_str().into(),
            None => counted(&name).into(),
        };
        Ok(Self {
            name: AuthorityName(name.into()),
            counts_as,
            operator: parts.operator,
            window: parts.window,
            chain,
        })
    }
}

impl Authority {
    /// The key of whoever signs: its own where it is said, or that of the certificate above the signers.
    pub(super) fn hand(&self) -> Option<&PublicKey> {
        let signer = self.chain.signer.as_ref().map(|signer| &signer.key);
        signer.or_else(|| self.chain.anchors.first().map(|anchor| &anchor.key))
    }
}

macro_rules! getters {
    ($($type:ident),*) => {$(
        impl $type {
            /// Its name.
            pub fn name(&self) -> &AuthorityName {
                &self.0.name
            }

            /// Who runs it, where the trust root says so.
            pub fn operator(&self) -> Option<&str> {
                self.0.operator.as_deref()
            }

            /// What it counts as for a threshold: its operator, or its address, in whatever way that is written, where none is
            /// said.
            pub fn counts_as(&self) -> &str {
                &self.0.counts_as
            }

            /// When it is believed.
            pub fn window(&self) -> Window {
                self.0.window
            }
        }
    )*};
}
getters!(CertificateAuthority, TimeAuthority);

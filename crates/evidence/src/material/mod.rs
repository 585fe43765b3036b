//! What stands beside a signature to check it against: certificates, log entries, timestamps. It is read only where somebody
//! asks for it, so that what a key alone does not need cannot stand in a key's way.

mod annotations;
mod error;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use error::MaterialError;

use crate::bundle::{Bundle, BundleVersion};
use crate::certificate::is_root;
use crate::log::{Entry, LogError, LogRule};
use crate::refusal::VerifyError;

/// What stands beside a signature. Nobody has checked it.
#[derive(Clone, Copy, Debug)]
pub enum Material<'a> {
    /// Nothing.
    Nothing,
    /// The rest of a bundle.
    Bundle(&'a Bundle),
    /// The annotations of cosign's layers: certificate, chain, log entry, timestamp.
    Annotations(&'a BTreeMap<String, String>),
}

/// The signer's certificate and those between it and a root, DER.
pub(crate) struct Certificates<'a> {
    pub(crate) leaf: Cow<'a, [u8]>,
    pub(crate) others: Cow<'a, [Vec<u8>]>,
}

impl<'a> Material<'a> {
    /// How many log entries and timestamps there are to check.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Bundle(bundle) => bundle.unverified_log_entries().len() + bundle.unverified_timestamps().len(),
            Self::Annotations(_) => 2,
        }
    }

    /// What a log entry has to show here: what is demanded, and what the bundle's version demands (sigstore_bundle.proto).
    pub(crate) fn rule(&self, demanded: &LogRule) -> LogRule {
        let (promise, inclusion_proof) = match self {
            Self::Nothing | Self::Annotations(_) => (false, false),
            Self::Bundle(bundle) => (
                bundle.version() == BundleVersion::V01,
                bundle.version() > BundleVersion::V01,
            ),
        };
        LogRule {
            promise: promise || demanded.promise,
            inclusion_proof: inclusion_proof || demanded.inclusion_proof,
            witnesses: demanded.witnesses.clone(),
        }
    }

    pub(crate) fn certificates(&self) -> Result<Certificates<'a>, VerifyError> {
        match *self {
            Self::Nothing => Err(MaterialError::NoCertificate.into()),
            Self::Bundle(bundle) => {
                if bundle.has_chain() && bundle.version() > BundleVersion::V02 {
                    let version = bundle.version();
                    return Err(MaterialError::ChainInBundle { version }.into());
                }
                // Whoever chains to what a bundle brings believes everybody: the suite has such bundles refused.
                for certificate in bundle.unverified_certificates().iter().skip(1) {
                    if is_root(certificate)? {
                        return Err(MaterialError::RootInBundle.into());
                    }
                }
                let (leaf, others) = bundle
                    .unverified_certificates()
                    .split_first()
                    .ok_or(MaterialError::KeyNotCertificate)?;
                let (leaf, others) = (Cow::Borrowed(leaf.as_slice()), Cow::Borrowed(others));
                Ok(Certificates { leaf, others })
            }
            Self::Annotations(annotations) => Ok(annotations::certificates(annotations)?),
        }
    }

    pub(crate) fn entries(&self) -> Result<Vec<Entry>, LogError> {
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::Bundle(bundle) => {
                let entries = bundle.unverified_log_entries().iter();
                entries.map(|entry| Entry::of_bundle(entry.get().as_bytes())).collect()
            }
            Self::Annotations(annotations) => annotations::entry(annotations)
                .map(|entry| Entry::of_annotation(entry.as_bytes()))
                .into_iter()
                .collect(),
        }
    }

    pub(crate) fn timestamps(&self) -> Result<Cow<'a, [Vec<u8>]>, MaterialError> {
        match *self {
            Self::Nothing => Ok(Cow::Borrowed(&[])),
            Self::Bundle(bundle) => Ok(Cow::Borrowed(bundle.unverified_timestamps())),
            Self::Annotations(annotations) => {
                Ok(Cow::Owned(annotations::timestamp(annotations)?.into_iter().collect()))
            }
        }
    }
}

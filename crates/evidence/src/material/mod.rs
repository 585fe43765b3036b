//! What stands beside a signature to check it against: certificates, log entries, timestamps. It is read only where somebody
//! asks for it, so that what a key alone does not need cannot stand in a key's way.

mod annotations;
mod error;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use error::MaterialError;

use crate::bundle::Bundle;
use crate::log::{Entry, LogError};

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

    /// Whether it is all that its version demands.
    pub(crate) fn check_form(&self) -> Result<(), MaterialError> {
        match self {
            Self::Nothing | Self::Annotations(_) => Ok(()),
            Self::Bundle(bundle) => bundle.check_form().map_err(MaterialError::Form),
        }
    }

    pub(crate) fn certificates(&self) -> Result<Certificates<'a>, MaterialError> {
        match *self {
            Self::Nothing => Err(MaterialError::NoCertificate),
            Self::Bundle(bundle) => {
                let (leaf, others) = bundle
                    .unverified_certificates()
                    .split_first()
                    .ok_or(MaterialError::KeyNotCertificate)?;
                let (leaf, others) = (Cow::Borrowed(leaf.as_slice()), Cow::Borrowed(others));
                Ok(Certificates { leaf, others })
            }
            Self::Annotations(annotations) => annotations::certificates(annotations),
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
            Self::Annotations(annotations) => Ok(Cow::Owned(annotations::timestamp(annotations)?.into_iter().collect())),
        }
    }
}

//! Things that a predicate points at: in-toto's `ResourceDescriptor`, and SLSA's older materials.

use std::collections::BTreeMap;

use countersign_image::json;
use serde::Deserialize;

use super::PredicateError;

/// The most entries that are read of a list in a predicate: materials, findings, statements, packages.
pub(super) const MAX_ENTRIES: usize = 200_000;

/// Digests by algorithm, as written.
pub type Digests = BTreeMap<String, String>;

/// A thing that is pointed at. Nothing here is fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Material {
    /// Where it is, or what it is called.
    #[serde(default)]
    pub uri: Option<String>,
    /// Its name, if it has one.
    #[serde(default)]
    pub name: Option<String>,
    /// Its digests.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub digest: Digests,
}

pub(super) fn cap(what: &'static str, found: usize) -> Result<(), PredicateError> {
    if found > MAX_ENTRIES {
        return Err(PredicateError::TooMany {
            what,
            limit: MAX_ENTRIES,
            found,
        });
    }
    Ok(())
}

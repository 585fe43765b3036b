//! Strict JSON, for bytes that nobody vouches for.
//!
//! JSON readers disagree about documents that say something twice: one takes the first of two equal keys, another the
//! last. What was signed, judged and run must be read the same way by everybody, so such documents are refused, wherever
//! in them the second key is.

mod error;
mod kept;
mod keys;
mod quick;
mod walk;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

pub use self::error::JsonError;
use self::error::malformed;
pub use self::kept::{Array, Kept, Object, Wanted};

/// How deep objects and arrays may nest.
pub const MAX_DEPTH: usize = 64;

/// Reads a document, refusing what lenient readers disagree about: duplicate keys at any depth (also in parts that `T`
/// does not know), keys that only our own reader obeys, data after the document, nesting beyond [`MAX_DEPTH`], bytes that
/// are not UTF-8.
///
/// The caller bounds the size: this reads all of it twice.
pub fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let text = utf8(bytes)?;
    if quick::all(text, None).is_none() {
        walk::all(text, None)?;
    }
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

/// Reads a document as strictly as [`strict`] does, once, and keeps the parts that are wanted.
///
/// For large documents of which little is needed: the rest costs no memory.
pub fn keep(bytes: &[u8], wanted: &'static Wanted) -> Result<Kept, JsonError> {
    let text = utf8(bytes)?;
    let mut kept = Kept::Null;
    if quick::all(text, Some((wanted, &mut kept))).is_none() {
        kept = Kept::Null;
        walk::all(text, Some((wanted, &mut kept)))?;
    }
    Ok(kept)
}

/// Reads a document again that [`strict`] has accepted, as another type.
pub(crate) fn again<T: DeserializeOwned>(accepted: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(accepted).map_err(|error| malformed(&error))
}

fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 {
        at: error.valid_up_to(),
    })
}

/// For `#[serde(deserialize_with)]`: Go writes an empty list or map as `null`.
pub fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;

//! Bytes that were seen to hash to the digest asked for.

use bytes::Bytes;
use thiserror::Error;

use crate::digest::Digest;

/// Bytes together with a digest that they were seen to hash to. There is no way to make one in which the two disagree.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Blob {
    bytes: Bytes,
    digest: Digest,
}

impl Blob {
    /// Bytes that came from elsewhere, checked against the digest, and the size where a descriptor states one.
    pub fn check(bytes: Bytes, digest: &Digest, size: Option<u64>) -> Result<Self, BlobError> {
        if let Some(expected) = size
            && expected != bytes.len() as u64
        {
            return Err(BlobError::Size {
                expected,
                found: bytes.len() as u64,
            });
        }
        let found = Digest::of(digest.algorithm(), &bytes);
        if found != *digest {
            return Err(BlobError::Digest {
                expected: *digest,
                found: Box::new(found),
            });
        }
        Ok(Self { bytes, digest: found })
    }

    /// Bytes of our own, named by their SHA-256.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Digest::sha256(&bytes);
        Self { bytes, digest }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Their digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({}, {} bytes)", self.digest, self.bytes.len())
    }
}

/// Bytes that are not what their descriptor says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The number of bytes is another.
    #[error("expected {expected} bytes, found {found}")]
    Size {
        /// What the descriptor says, in bytes.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The content is another.
    #[error("expected content with digest `{expected}`, found `{found}`")]
    Digest {
        /// The digest asked for.
        expected: Digest,
        /// The digest of what came; boxed, because every read returns this type.
        found: Box<Digest>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn bytes_that_are_not_what_was_asked_for_are_refused() {
        let bytes = Bytes::from_static(b"abc");
        let digest = Digest::sha256(b"abc");
        let blob = Blob::check(bytes.clone(), &digest, Some(3)).unwrap();
        assert_eq!((blob.bytes(), blob.digest(), blob.size()), (&bytes, &digest, 3));
        assert_eq!(Blob::new(bytes.clone()), blob);
        assert_eq!(
            Blob::check(bytes.clone(), &digest, Some(4)),
            Err(BlobError::Size { expected: 4, found: 3 })
        );
        let expected = Digest::sha256(b"abd");
        assert_eq!(
            Blob::check(bytes.clone(), &expected, None),
            Err(BlobError::Digest {
                expected,
                found: Box::new(digest)
            })
        );
        let long = Digest::of(Algorithm::Sha512, b"abc");
        assert_eq!(Blob::check(bytes, &long, None).unwrap().digest(), &long);
    }
}

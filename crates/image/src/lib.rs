//! What an image is called and made of: reference, digest, descriptor, manifest.
//!
//! The ladder of names begins here: a [`Reference`] is a name as somebody wrote it, a [`Pinned`] names exactly one
//! image for ever, and only a `Pinned` is gathered, judged, signed or patched in. So does the ladder of bytes: a
//! [`Blob`] is bytes that were seen to hash to the digest asked for.
//!
//! ```
//! use countersign_image::{Digest, Reference};
//!
//! let name = Reference::parse("nginx:1.25")?;
//! assert_eq!(name.repository().to_string(), "docker.io/library/nginx");
//! let image = name.resolved(Digest::sha256(b"its manifest"));
//! assert!(image.written().starts_with("nginx:1.25@sha256:"));
//! # Ok::<(), countersign_image::ReferenceError>(())
//! ```
//!
//! A name is not an image, and bytes are no blob, before somebody has looked:
//!
//! ```compile_fail
//! # use countersign_image::{Digest, Pinned, Reference};
//! fn forge(reference: Reference, digest: Digest) -> Pinned {
//!     Pinned { reference, digest }
//! }
//! ```
//!
//! ```compile_fail
//! # use countersign_image::{Blob, Digest};
//! fn forge(bytes: bytes::Bytes, digest: Digest) -> Blob {
//!     Blob { bytes, digest }
//! }
//! ```
//!
//! This crate is pure: no clock, no environment, no files, no sockets.
#![warn(missing_docs)]

pub mod address;
pub mod annotation;
pub mod blob;
pub mod descriptor;
pub mod digest;
pub mod json;
pub mod manifest;
pub mod media;
pub mod reference;
pub mod text;

pub use blob::{Blob, BlobError};
pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, DigestError};
pub use json::JsonError;
pub use manifest::{Document, Index, Manifest, ManifestError};
pub use reference::{Pinned, Reference, ReferenceError, Repository, Tag};

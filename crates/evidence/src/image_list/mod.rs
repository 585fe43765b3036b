//! The signed list of promoted images: which image, by digest, is in which repository, says who publishes it.
//!
//! A list is a document of our own, and an in-toto statement about that very document carries it: its one subject is the
//! digest of the list, under a name that no image has, and its predicate is the list. So the bundle is enough by itself,
//! `cosign verify-blob-attestation` verifies it against the document as a file, and a list is never about an image: what is
//! said of an image is no list, and a list says nothing of one.
//!
//! ```json
//! {"issuer":"https://sign.example.com","version":7,"issued":"2026-11-24T16:00:00Z","expires":"2026-12-01T16:00:00Z",
//!  "images":[{"repository":"registry.example.com/team/app","digest":"sha256:…","published":"2026-11-24T15:58:03Z"}]}
//! ```
//!
//! (Without the line end: a list has one spelling.) The ladder: an [`ImageList`] is a list that nobody has to believe; a
//! [`SignedImageList`] is its issuer's; [`TrustedImages`] holds at one moment, and for a reader who saw none that is newer.

mod document;
mod error;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use countersign_image::text::excerpt;
use countersign_image::{Blob, Digest, Pinned};
use jiff::{SignedDuration, Timestamp};

pub use document::{ImageList, ListedImage, MAX_ISSUER_BYTES, MAX_LIST_BYTES, MAX_LIST_IMAGES, MAX_LIST_VERSION};
pub use error::{ImageListError, NotTheList, NotTrusted, RolledBack};

use crate::bundle::{Bundle, BundleContent};
use crate::chain::Chain;
use crate::key::{HashRule, PublicKey};
use crate::material::Material;
use crate::refusal::VerifyError;
use crate::statement::Statement;
use crate::trusted::Trusted;
use crate::verified::verify_envelope;

/// The predicate type of a list.
pub const TRUSTED_IMAGES: &str = "https://countersign.dev/attestation/trusted-images/v1";
/// What a list is called among the subjects of its statement. A statement about an image calls it by its repository, in which
/// there is always a `/`.
pub const LIST_SUBJECT: &str = "trusted-images.json";
/// The largest bundle that a list is read from, in bytes: base64 takes four bytes for three, and a little stands around it.
pub const MAX_LIST_BUNDLE_BYTES: usize = MAX_LIST_BYTES / 3 * 4 + (64 << 10);
/// How far ahead of ours the issuer's clock may be.
const LEEWAY: SignedDuration = SignedDuration::from_mins(5);

/// A list that its issuer signed, at some time. Whether it still holds is asked with [`at`](Self::at).
///
/// ```compile_fail
/// use countersign_evidence::image_list::{ImageList, SignedImageList};
/// fn forge(list: ImageList) -> SignedImageList {
///     SignedImageList::assertion(list, todo!(), todo!(), todo!())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SignedImageList {
    list: ImageList,
    document: Digest,
    bundle: Blob,
    chain: Arc<Chain>,
}

impl SignedImageList {
    /// Called where the statement that carries the list was verified, and was seen to be about this list and by this issuer.
    fn assertion(list: ImageList, document: Digest, bundle: Blob, chain: &Arc<Chain>) -> Self {
        Self {
            list,
            document,
            bundle,
            chain: Arc::clone(chain),
        }
    }

    /// Verifies that a Sigstore bundle is a list by this key and of this issuer: 1. the signature 2. that the statement is
    /// about the list that is in it, and nothing else 3. the list 4. its issuer. One key may sign the lists of several
    /// issuers, say of staging and of production: nobody takes one for the other.
    ///
    /// # Errors
    /// [`NotTheList`], where one of these does not hold.
    pub fn verify(bundle: Blob, key: &PublicKey, issuer: &str) -> Result<Self, NotTheList> {
        if bundle.bytes().len() > MAX_LIST_BUNDLE_BYTES {
            return Err(NotTheList::TooLarge {
                limit: MAX_LIST_BUNDLE_BYTES,
                found: bundle.bytes().len(),
            });
        }
        let read = Bundle::parse(bundle.bytes()).map_err(VerifyError::Bundle)?;
        let BundleContent::Envelope(envelope) = read.content() else {
            return Err(NotTheList::NoStatement);
        };
        let trusted = Trusted::key(key.clone(), HashRule::Natural);
        let verified = verify_envelope(envelope, None, Material::Bundle(&read), &trusted)?;
        let written = carried(verified.value())?;
        let list = ImageList::read(written)?;
        if list.issuer() != issuer {
            return Err(NotTheList::Issuer {
                expected: excerpt(issuer, 200),
                found: excerpt(list.issuer(), 200),
            });
        }
        let document = Digest::sha256(written);
        Ok(Self::assertion(list, document, bundle, verified.chain()))
    }

    /// What holds of the list now, for a reader that last saw `seen`: `None` is that it has seen none yet.
    ///
    /// # Errors
    /// [`NotTrusted`]: it expired, is not issued yet, or another one was seen that it does not follow.
    pub fn at(&self, now: Timestamp, seen: Option<&Seen>) -> Result<TrustedImages<'_>, NotTrusted> {
        let (issued, expires) = (self.list.issued(), self.list.expires());
        if now >= expires {
            return Err(NotTrusted::Expired { expires, now });
        }
        let soon = now.checked_add(LEEWAY).unwrap_or(Timestamp::MAX);
        if issued > soon {
            return Err(NotTrusted::NotYet { issued, now });
        }
        if let Some(seen) = seen {
            follows(seen, &self.seen())?;
        }
        Ok(TrustedImages::assertion(self))
    }

    /// The list.
    pub fn list(&self) -> &ImageList {
        &self.list
    }

    /// What a reader remembers of it.
    pub fn seen(&self) -> Seen {
        Seen {
            version: self.list.version(),
            document: self.document,
        }
    }

    /// The bundle that was verified, as it is stored.
    pub fn bundle(&self) -> &Blob {
        &self.bundle
    }

    /// The key that the signature is by.
    pub fn key(&self) -> &PublicKey {
        self.chain.signer().key()
    }

    /// All that holds between the signature and the key.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }
}

/// The list that a statement carries, if the statement is about it and nothing else.
fn carried(statement: &Statement) -> Result<&[u8], NotTheList> {
    if statement.predicate_type != TRUSTED_IMAGES {
        return Err(NotTheList::PredicateType {
            found: excerpt(&statement.predicate_type, 200),
        });
    }
    let written = statement.predicate.get().as_bytes();
    let document = Digest::sha256(written);
    match statement.subjects.as_slice() {
        [subject] if subject.name.as_deref() == Some(LIST_SUBJECT) && statement.names(&document) => Ok(written),
        _ => Err(NotTheList::Subject {
            expected: Box::new(document),
        }),
    }
}

/// What a reader remembers of the newest list that it believed, so that nobody gives it an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The list's version.
    pub version: u64,
    /// The digest of the list.
    pub document: Digest,
}

/// Whether a reader that saw one list may believe another: a newer one, or the very same.
///
/// # Errors
/// [`RolledBack`]: it is older, or it is another list of the same version.
pub fn follows(seen: &Seen, found: &Seen) -> Result<(), RolledBack> {
    if found.version < seen.version {
        return Err(RolledBack::Older {
            seen: seen.version,
            found: found.version,
        });
    }
    if found.version == seen.version && found.document != seen.document {
        return Err(RolledBack::Other {
            version: seen.version,
            documents: Box::new((seen.document, found.document)),
        });
    }
    Ok(())
}

/// The images that an issuer vouches for at this moment. It is made anew for each: nothing to keep.
///
/// ```compile_fail
/// use countersign_evidence::image_list::{SignedImageList, TrustedImages};
/// fn forge(list: &SignedImageList) -> TrustedImages<'_> {
///     TrustedImages { list }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TrustedImages<'a> {
    list: &'a SignedImageList,
}

impl<'a> TrustedImages<'a> {
    /// Called where a signed list was seen to hold now.
    fn assertion(list: &'a SignedImageList) -> Self {
        Self { list }
    }

    /// Whether the list has this image: this digest, in this repository.
    pub fn contains(&self, image: &Pinned) -> bool {
        self.published(image).is_some()
    }

    /// When the image was published, if the list has it.
    pub fn published(&self, image: &Pinned) -> Option<Timestamp> {
        self.list.list.published(image.repository(), image.digest())
    }

    /// The list, with who signed it.
    pub fn signed(&self) -> &'a SignedImageList {
        self.list
    }
}

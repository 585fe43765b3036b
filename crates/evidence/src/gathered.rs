//! Evidence: everything that was gathered about one image, believed by nobody yet, and what could not be had.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_image::{Blob, Digest, Pinned, Repository};
use jiff::Timestamp;

use crate::layout::Layout;

/// Everything gathered about one image. Untrusted: what it proves is for `signatures` and `attestations` to find out.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The image.
    pub image: Pinned,
    /// What was found.
    pub items: Vec<Item>,
    /// What was looked for and not obtained, and why.
    pub gaps: Vec<Gap>,
    /// Every place that was looked at and answered.
    pub looked: Vec<Look>,
    /// The image's own manifest or index, where somebody wanted it.
    pub manifest: Option<Blob>,
    /// When the lists (tags, referrers) were read.
    pub as_of: Timestamp,
    /// Whether the lists are older than their freshness, because the registry could not be reached.
    pub stale: bool,
}

/// One signature or attestation, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it was found.
    pub origin: Origin,
    /// What it is.
    pub content: Content,
}

/// Where an item was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The repository; not always the image's.
    pub repository: Repository,
    /// How it was stored.
    pub layout: Layout,
    /// What stood before the tag that led to it; with [`Layout::Tag`] only.
    pub tag_prefix: Option<String>,
    /// The manifest that holds it.
    pub manifest: Digest,
    /// The item itself.
    pub blob: Digest,
}

/// The bytes of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// cosign's simple-signing payload, its signature beside it.
    Simple {
        /// The payload: exactly what was signed.
        payload: Blob,
        /// The signature, base64, as annotated.
        signature: String,
        /// All annotations of the layer, the signature's among them.
        annotations: BTreeMap<String, String>,
    },
    /// A DSSE envelope.
    Envelope {
        /// The envelope, as stored.
        envelope: Blob,
        /// All annotations of the layer: a certificate, a log entry and a timestamp, if there are any.
        annotations: BTreeMap<String, String>,
    },
    /// A Sigstore bundle.
    Bundle(Blob),
}

impl Content {
    /// A DSSE envelope with nothing beside it.
    pub fn envelope(envelope: Blob) -> Self {
        Self::Envelope {
            envelope,
            annotations: BTreeMap::new(),
        }
    }
}

/// A place that was looked at and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The repository.
    pub repository: Repository,
    /// Where in it.
    pub place: Place,
    /// How many items it led to.
    pub found: u32,
}

/// Where in a repository something is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The tag `[prefix]sha256-<hex>.sig`.
    SignatureTag {
        /// What the policy puts before the tag.
        prefix: Option<String>,
    },
    /// The tag `[prefix]sha256-<hex>.att`.
    AttestationTag {
        /// What the policy puts before the tag.
        prefix: Option<String>,
    },
    /// The referrers API, or the tag `sha256-<hex>` in its stead.
    Referrers,
    /// One manifest that a tag or a referrers list led to.
    Manifest(Digest),
    /// One blob that a manifest led to.
    Blob(Digest),
    /// The image's own manifest or index.
    ImageManifest,
}

impl Place {
    /// The place in words, for the image that was asked about.
    pub fn describe(&self, image: &Pinned) -> String {
        let tag = image.digest().tag_form();
        let prefixed = |prefix: &Option<String>| prefix.clone().unwrap_or_default();
        match self {
            Self::SignatureTag { prefix } => format!("signature tag `{}{tag}.sig`", prefixed(prefix)),
            Self::AttestationTag { prefix } => format!("attestation tag `{}{tag}.att`", prefixed(prefix)),
            Self::Referrers => format!("referrers of `{}`", image.digest()),
            Self::Manifest(digest) => format!("manifest `{digest}`"),
            Self::Blob(digest) => format!("blob `{digest}`"),
            Self::ImageManifest => format!("image manifest `{}`", image.digest()),
        }
    }
}

/// Something that was looked for and not obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The repository.
    pub repository: Repository,
    /// Where in it.
    pub place: Place,
    /// Why it was not obtained.
    pub cause: GapCause,
}

/// Why something was not obtained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GapCause {
    /// The registry refused us.
    #[error("the registry refused access (status {status})")]
    Denied {
        /// HTTP status.
        status: u16,
    },
    /// The registry asked us to come back later.
    #[error("the registry asked to be left alone for a while{}", retry_in(.retry_after))]
    Throttled {
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The registry answered that it cannot.
    #[error("the registry is not available (status {status})")]
    Unavailable {
        /// HTTP status.
        status: u16,
    },
    /// No answer could be had.
    #[error("the registry cannot be reached: {detail}")]
    Unreachable {
        /// What happened.
        detail: String,
    },
    /// No answer came in time.
    #[error("no answer within {:.1} s", .after.as_secs_f64())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The thing is larger than we read.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// There are more than we read.
    #[error("more than {limit} of them")]
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// The thing is not what it should be.
    #[error("not what it should be: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
}

impl GapCause {
    /// Whether the thing itself is wrong, however often it is fetched. Otherwise it could not be obtained, and what it
    /// says is unknown.
    pub fn is_content(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::Malformed { .. }
        )
    }
}

fn retry_in(after: &Option<Duration>) -> String {
    after
        .map(|after| format!(", {} s", after.as_secs()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::image;

    #[test]
    fn a_place_is_described_so_that_one_can_go_and_look() {
        let image = image();
        let (hex, digest) = (image.digest().hex(), Digest::sha256(b"x"));
        let prefix = || Some("release-".to_owned());
        for (place, expected) in [
            (
                Place::SignatureTag { prefix: None },
                format!("signature tag `sha256-{hex}.sig`"),
            ),
            (
                Place::SignatureTag { prefix: prefix() },
                format!("signature tag `release-sha256-{hex}.sig`"),
            ),
            (
                Place::AttestationTag { prefix: prefix() },
                format!("attestation tag `release-sha256-{hex}.att`"),
            ),
            (Place::Referrers, format!("referrers of `sha256:{hex}`")),
            (Place::Manifest(digest), format!("manifest `{digest}`")),
            (Place::Blob(digest), format!("blob `{digest}`")),
            (Place::ImageManifest, format!("image manifest `sha256:{hex}`")),
        ] {
            assert_eq!(place.describe(&image), expected);
        }
    }

    #[test]
    fn what_is_wrong_with_the_thing_itself_is_told_from_what_could_not_be_had() {
        let after = Duration::from_millis(1500);
        for (cause, content, text) in [
            (
                GapCause::Denied { status: 403 },
                false,
                "the registry refused access (status 403)",
            ),
            (
                GapCause::Throttled { retry_after: None },
                false,
                "the registry asked to be left alone for a while",
            ),
            (
                GapCause::Throttled {
                    retry_after: Some(Duration::from_secs(9)),
                },
                false,
                "the registry asked to be left alone for a while, 9 s",
            ),
            (
                GapCause::Unavailable { status: 502 },
                false,
                "the registry is not available (status 502)",
            ),
            (
                GapCause::Unreachable {
                    detail: "refused".into(),
                },
                false,
                "the registry cannot be reached: refused",
            ),
            (GapCause::TimedOut { after }, false, "no answer within 1.5 s"),
            (GapCause::TooLarge { limit: 7 }, true, "larger than 7 bytes"),
            (GapCause::TooMany { limit: 7 }, true, "more than 7 of them"),
            (
                GapCause::Malformed { detail: "x".into() },
                true,
                "not what it should be: x",
            ),
        ] {
            assert_eq!((cause.is_content(), cause.to_string().as_str()), (content, text));
        }
    }
}

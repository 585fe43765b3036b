//! Every code that the door answers with, in one place.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In a problem, with this status.
    Problem(u16),
    /// In the reason of a submission that failed.
    Failure,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident $name:literal $kind:expr;)+) => {
        /// What went wrong, as a word that never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $code,)+
            /// A code of a later version than this reader's.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Code {
            /// Every code that this version answers with.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The word.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                    Self::Unknown => "unknown",
                }
            }

            /// Where it stands.
            pub fn kind(self) -> Kind {
                match self {
                    $(Self::$code => $kind,)+
                    Self::Unknown => Kind::Failure,
                }
            }

            /// What it means, for people.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => concat!($($doc),+),)+
                    Self::Unknown => " A code of a later version than this reader's.",
                }.trim_start()
            }
        }
    };
}

codes! {
    /// The request is not what it should be; the detail says where.
    Malformed "malformed" Kind::Problem(400);
    /// `Idempotency-Key` is missing: without it a repeated request would be a second submission.
    IdempotencyKeyRequired "idempotency_key_required" Kind::Problem(400);
    /// `Content-Digest` is missing or has no SHA-256.
    ContentDigestRequired "content_digest_required" Kind::Problem(400);
    /// No session was shown, or one that is over.
    SessionRequired "session_required" Kind::Problem(401);
    /// The token is not believed; the detail says why.
    TokenRefused "token_refused" Kind::Problem(401);
    /// The token was exchanged for a session before.
    JtiReplayed "jti_replayed" Kind::Problem(401);
    /// Jobs that this event started may not submit: others could have written what they run.
    EventNotAllowed "event_not_allowed" Kind::Problem(403);
    /// The job is not believed to be one that may submit.
    JobNotAllowed "job_not_allowed" Kind::Problem(403);
    /// No binding says that this repository may submit this image.
    ImageNotBound "image_not_bound" Kind::Problem(403);
    /// The gate does not take jobs of this issuer, this ref or this runner.
    SourceNotAllowed "source_not_allowed" Kind::Problem(403);
    /// There is nothing here, or nothing that this session may see.
    NotFound "not_found" Kind::Problem(404);
    /// The method is not one of this address.
    MethodNotAllowed "method_not_allowed" Kind::Problem(405);
    /// The request took too long to arrive.
    RequestTimeout "request_timeout" Kind::Problem(408);
    /// The same `Idempotency-Key` came with another body.
    IdempotencyMismatch "idempotency_mismatch" Kind::Problem(409);
    /// The slot holds another report.
    SlotTaken "slot_taken" Kind::Problem(409);
    /// The submission is sealed: nothing more is taken in.
    AlreadySealed "already_sealed" Kind::Problem(409);
    /// The submission is not in a state in which this can be done.
    WrongState "wrong_state" Kind::Problem(409);
    /// The body has more bytes than are read.
    TooLarge "too_large" Kind::Problem(413);
    /// More reports than a submission may have.
    TooManySlots "too_many_slots" Kind::Problem(413);
    /// The body is of a type, or coded in a way, that is not read here.
    UnsupportedMedia "unsupported_media" Kind::Problem(415);
    /// The image is named by a tag; only a digest says which image it is.
    DigestRequired "digest_required" Kind::Problem(422);
    /// The bytes are not those that `Content-Digest` names.
    ContentDigestMismatch "content_digest_mismatch" Kind::Problem(422);
    /// The report is of no format that is known, or broken; the detail says where.
    ReportRefused "report_refused" Kind::Problem(422);
    /// The registry, or its name, is not one that this service speaks to.
    RegistryNotAllowed "registry_not_allowed" Kind::Problem(422);
    /// No gate of this name, or none for this environment.
    GateUnknown "gate_unknown" Kind::Problem(422);
    /// The image, its source or a tag is named in a way that cannot be.
    ImageRefused "image_refused" Kind::Problem(422);
    /// The candidate is no gate; the detail says where.
    GateRefused "gate_refused" Kind::Problem(422);
    /// This repository has as many open submissions as it may have, or the door is too busy.
    QuotaExceeded "quota_exceeded" Kind::Problem(429);
    /// Something went wrong that is not the caller's fault and does not pass by itself.
    Internal "internal" Kind::Problem(500);
    /// Something that the door rests on cannot be reached; try again.
    Unavailable "unavailable" Kind::Problem(503);
    /// What is stored of a report is not what was handed in.
    EvidenceTampered "evidence_tampered" Kind::Failure;
    /// The registry served other bytes than those of the digest.
    DigestMismatch "digest_mismatch" Kind::Failure;
    /// The image, or a part of it, is not in its repository.
    ImageGone "image_gone" Kind::Failure;
    /// The image is not one that can be read: no manifest, no configuration, too many parts.
    ImageUnreadable "image_unreadable" Kind::Failure;
    /// The registry refuses the service's credentials.
    RegistryDenied "registry_denied" Kind::Failure;
    /// A registry could not be reached for as long as is tried.
    RegistryUnavailable "registry_unavailable" Kind::Failure;
    /// The vault refuses to sign, and trying again would not help.
    KeyRefused "key_refused" Kind::Failure;
    /// The vault could not be reached for as long as is tried.
    KeyUnavailable "key_unavailable" Kind::Failure;
    /// What was published was read back, and does not verify.
    ReadBackRefused "read_back_refused" Kind::Failure;
    /// A tag that must not move stands for another image.
    TagTaken "tag_taken" Kind::Failure;
    /// What the image would be published as is another repository's, or not among the binding's destinations.
    DestinationTaken "destination_taken" Kind::Failure;
    /// The statements for this image cannot be made.
    StatementsRefused "statements_refused" Kind::Failure;
    /// The gate or the binding is gone.
    GateGone "gate_gone" Kind::Failure;
    /// The gate was changed while the image was being signed.
    GateChanged "gate_changed" Kind::Failure;
    /// It took longer than the whole of it may take.
    TookTooLong "took_too_long" Kind::Failure;
}

impl Code {
    /// The status of a problem; 500 for what is in no problem.
    pub fn status(self) -> u16 {
        match self.kind() {
            Kind::Problem(status) => status,
            Kind::Failure => 500,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_one_word_that_is_read_back() {
        let mut words = BTreeSet::new();
        for code in Code::ALL {
            assert!(words.insert(code.name()), "{} twice", code.name());
            let read: Code = serde_json::from_value(code.name().into()).unwrap();
            assert_eq!(read, *code);
            assert!(!code.meaning().is_empty());
        }
        let later: Code = serde_json::from_value("of_a_later_version".into()).unwrap();
        assert_eq!(later, Code::Unknown);
    }
}

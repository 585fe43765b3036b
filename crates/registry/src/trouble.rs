//! Everything that can keep an answer from us, told apart by what to do about it.

use std::time::Duration;

use countersign_evidence::{GapCause, Layout};
use countersign_image::{BlobError, ManifestError};
use thiserror::Error;

/// Why a registry did not give what it was asked for.
///
/// [`Trouble::NotFound`] is an answer; everything else kept us from having one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The registry answered that there is no such thing.
    #[error("not found")]
    NotFound,
    /// The registry refused us, with the credentials that we have.
    #[error("the registry refused access (status {status})")]
    Denied {
        /// HTTP status: 401 or 403.
        status: u16,
    },
    /// A credential could not be had or used, and the registry refuses without.
    #[error("no credential could be obtained: {detail}")]
    Login {
        /// What happened.
        detail: String,
    },
    /// The registry asked us to come back later.
    #[error("the registry asked to be left alone for a while")]
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
    /// No answer could be had: name, connection, TLS, or an answer that broke off.
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
    /// The host failed so often of late that it is not asked for a moment.
    #[error("the registry failed {failures} times in a row and is left alone for {:.1} s", .retry_after.as_secs_f64())]
    BreakerOpen {
        /// How many requests failed in a row.
        failures: u32,
        /// When it is asked again.
        retry_after: Duration,
        /// How it failed the last time.
        #[source]
        cause: Box<Trouble>,
    },
    /// Others wrote to the same place at the same time, again and again.
    #[error("others kept writing to the same place; gave up after {attempts} attempts")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// A layout was asked to hold what it cannot.
    #[error("the layout `{layout}` cannot hold {what}")]
    Misplaced {
        /// The layout.
        layout: Layout,
        /// What was to be stored.
        what: &'static str,
    },
    /// An answer came, and it is wrong.
    #[error("the registry's answer is wrong")]
    Content(#[source] ContentTrouble),
}

/// What is wrong with an answer. It harms the image that it is about and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContentTrouble {
    /// It is larger than we read.
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
    /// The bytes are not those that were asked for.
    #[error("other bytes than were asked for")]
    Bytes(#[source] BlobError),
    /// The manifest or index cannot be read.
    #[error("not a manifest that can be read")]
    Manifest(#[source] ManifestError),
    /// The answer breaks the protocol.
    #[error("{detail}")]
    Protocol {
        /// How.
        detail: String,
    },
}

impl Trouble {
    /// The same as a gap in some evidence. [`Trouble::NotFound`] becomes a malformed gap: whoever asks by digest for
    /// something that a list names has found a list that is wrong.
    pub fn gap_cause(&self) -> GapCause {
        match self {
            Self::NotFound => GapCause::Malformed {
                detail: "it is referred to, and it is not there".to_owned(),
            },
            Self::Denied { status } => GapCause::Denied { status: *status },
            Self::Throttled { retry_after } => GapCause::Throttled {
                retry_after: *retry_after,
            },
            Self::Unavailable { status } => GapCause::Unavailable { status: *status },
            Self::Unreachable { detail } => GapCause::Unreachable { detail: detail.clone() },
            // Why it is left alone is what there is to know; that it is, is said where there is room for it.
            Self::BreakerOpen { cause, .. } => match cause.gap_cause() {
                GapCause::Unreachable { detail } => GapCause::Unreachable {
                    detail: format!("{detail} ({self})"),
                },
                cause => cause,
            },
            Self::Login { .. } | Self::Contended { .. } | Self::Misplaced { .. } => GapCause::Unreachable {
                detail: self.to_string(),
            },
            Self::TimedOut { after } => GapCause::TimedOut { after: *after },
            Self::Content(content) => content.gap_cause(),
        }
    }

    /// Whether the registry could not be asked or could not answer, as opposed to answering something that we do not
    /// like. Only then does what was learnt before still count.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::BreakerOpen { .. } => true,
            Self::NotFound
            | Self::Denied { .. }
            | Self::Login { .. }
            | Self::Contended { .. }
            | Self::Misplaced { .. }
            | Self::Content(_) => false,
        }
    }

    pub(crate) fn protocol(detail: impl Into<String>) -> Self {
        Self::Content(ContentTrouble::Protocol { detail: detail.into() })
    }
}

impl ContentTrouble {
    fn gap_cause(&self) -> GapCause {
        match self {
            Self::TooLarge { limit } => GapCause::TooLarge { limit: *limit },
            Self::TooMany { limit } => GapCause::TooMany { limit: *limit },
            Self::Bytes(_) | Self::Manifest(_) | Self::Protocol { .. } => GapCause::Malformed { detail: chain(self) },
        }
    }
}

/// An error and what caused it, on one line: a gap keeps no sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use countersign_image::{Blob, Digest};

    use super::*;

    #[test]
    fn a_gap_keeps_the_whole_cause() {
        let expected = Digest::sha256(b"other");
        let error = Blob::check(Bytes::from_static(b"bytes"), &expected, None).unwrap_err();
        let GapCause::Malformed { detail } = Trouble::Content(ContentTrouble::Bytes(error)).gap_cause() else {
            panic!("wrong content is malformed")
        };
        assert!(
            detail.starts_with("other bytes than were asked for: expected content with digest"),
            "{detail}"
        );
    }

    #[test]
    fn a_host_that_is_left_alone_is_so_for_a_cause_that_is_told() {
        let open = |cause| Trouble::BreakerOpen {
            failures: 5,
            retry_after: Duration::from_millis(900),
            cause: Box::new(cause),
        };
        let refused = Trouble::Unreachable {
            detail: "no connection: refused".to_owned(),
        };
        assert_eq!(
            open(refused).gap_cause().to_string(),
            "the registry cannot be reached: no connection: refused (the registry failed 5 times in a row and is left alone \
             for 0.9 s)"
        );
        let broken = Trouble::Unavailable { status: 502 };
        assert_eq!(open(broken.clone()).gap_cause(), broken.gap_cause());
    }

    #[test]
    fn what_is_no_content_could_not_be_obtained() {
        for (trouble, content, outage) in [
            (Trouble::NotFound, true, false),
            (Trouble::Denied { status: 403 }, false, false),
            (Trouble::Login { detail: String::new() }, false, false),
            (Trouble::Throttled { retry_after: None }, false, true),
            (Trouble::Unavailable { status: 500 }, false, true),
            (Trouble::Unreachable { detail: String::new() }, false, true),
            (Trouble::TimedOut { after: Duration::ZERO }, false, true),
            (
                Trouble::BreakerOpen {
                    failures: 5,
                    retry_after: Duration::ZERO,
                    cause: Box::new(Trouble::Unavailable { status: 500 }),
                },
                false,
                true,
            ),
            (Trouble::Content(ContentTrouble::TooLarge { limit: 1 }), true, false),
            (Trouble::Content(ContentTrouble::TooMany { limit: 1 }), true, false),
            (Trouble::protocol("x"), true, false),
        ] {
            assert_eq!(trouble.gap_cause().is_content(), content, "{trouble:?}");
            assert_eq!(trouble.is_outage(), outage, "{trouble:?}");
        }
    }
}

//! Why no answer came: whose fault it was, and whether asking again could help.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::connect::ConnectTimeout;
use crate::trouble::Trouble;

/// Longest text of an error from below that is kept, in characters.
const LONGEST_DETAIL: usize = 300;

/// A request that got no answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) trouble: Trouble,
    /// Whether the same request may fare better in a moment.
    pub(crate) passing: bool,
}

impl Failure {
    /// Asking again would end the same way.
    pub(super) fn final_(trouble: Trouble) -> Self {
        Self {
            trouble,
            passing: false,
        }
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        Self {
            trouble: Trouble::TimedOut { after },
            passing: true,
        }
    }

    /// Why an exchange ended before its answer did, or no connection was made.
    pub(super) fn of(error: &(dyn Error + 'static), connecting: bool, after: Duration) -> Self {
        if causes(error).any(is_timeout) {
            return Self::timed_out(after);
        }
        let what = if connecting {
            "no connection"
        } else {
            "the exchange broke off"
        };
        // The last cause says what happened; those above it say that something did.
        let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
        let detail = format!("{what}: {innermost}");
        Self {
            trouble: Trouble::Unreachable {
                detail: detail
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(LONGEST_DETAIL)
                    .collect(),
            },
            passing: !causes(error).any(is_certificate),
        }
    }
}

/// An error and everything that it rests on. An `io::Error` gives its content's source for its own, and never the content,
/// which may be one again.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(content) => Some(content),
            None => error.source(),
        }
    })
}

fn is_timeout(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<ConnectTimeout>()
        || cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_timeout)
        || cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// A certificate that is wrong now is wrong in a second, too.
fn is_certificate(cause: &(dyn Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
}

impl From<Trouble> for Failure {
    /// Trouble that was settled further up: asking again is no longer the transport's to decide.
    fn from(trouble: Trouble) -> Self {
        Self::final_(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: &(dyn Error + 'static)) -> Failure {
        Failure::of(error, true, Duration::from_secs(1))
    }

    #[test]
    fn a_wrong_certificate_is_seen_however_deep_it_lies() {
        let wrong = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let mut error = io::Error::new(io::ErrorKind::InvalidData, wrong);
        for depth in 1..4 {
            let failure = failure(&error);
            assert!(!failure.passing, "at depth {depth}");
            assert!(
                matches!(&failure.trouble, Trouble::Unreachable { detail } if detail.contains("Expired")),
                "{failure:?}"
            );
            error = io::Error::other(error);
        }
    }

    #[test]
    fn what_is_refused_now_may_be_answered_later() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(failure(&refused).passing);
        let late = io::Error::other(io::Error::from(io::ErrorKind::TimedOut));
        assert!(matches!(failure(&late).trouble, Trouble::TimedOut { .. }));
    }
}

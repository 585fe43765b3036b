//! Why no answer came: whose fault it was, and whether asking again could help.

use std::error::Error;
use std::time::Duration;

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

    pub(super) fn of(error: &reqwest::Error, after: Duration) -> Self {
        if error.is_timeout() {
            return Self::timed_out(after);
        }
        let detail = innermost(error);
        let passing = !is_certificate(error) && !error.is_builder();
        Self {
            trouble: Trouble::Unreachable { detail },
            passing,
        }
    }
}

/// The last cause says what happened; those above it say that something did, and may repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = if cause.is::<reqwest::Error>() {
        "the exchange failed".to_owned()
    } else {
        cause.to_string()
    };
    let what = if error.is_connect() {
        "no connection"
    } else {
        "the exchange broke off"
    };
    format!("{what}: {text}")
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_DETAIL)
        .collect()
}

/// A certificate that is wrong now is wrong in a second, too.
fn is_certificate(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref::<rustls::Error>() {
            return true;
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(rustls::Error::InvalidCertificate(_)) =
            wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return true;
        }
        cause = error.source();
    }
    false
}

impl From<Trouble> for Failure {
    /// Trouble that was settled further up: asking again is no longer the transport's to decide.
    fn from(trouble: Trouble) -> Self {
        Self::final_(trouble)
    }
}

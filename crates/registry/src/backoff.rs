//! How long to wait before asking again, and when not to.

use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::trouble::Trouble;

/// The pause after the first failure; it doubles with each.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause that nobody asked for.
const LONGEST: Duration = Duration::from_secs(2);
/// How often a request is tried if nothing else is configured.
const ATTEMPTS: u32 = 4;

/// The pauses between the attempts of one request.
#[derive(Debug)]
pub(crate) struct Backoff {
    left: u32,
    pause: Duration,
    deadline: Instant,
    cause: Option<Trouble>,
}

impl Backoff {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self::with_attempts(ATTEMPTS, deadline)
    }

    pub(crate) fn with_attempts(attempts: u32, deadline: Instant) -> Self {
        Self {
            left: attempts.saturating_sub(1),
            pause: FIRST,
            deadline,
            cause: None,
        }
    }

    /// Waits before the next attempt. Gives the trouble back if there is none: attempts or time are used up, the
    /// registry wants to be left alone for longer than we have, or the trouble is one that stays.
    pub(crate) async fn pause(&mut self, trouble: Trouble) -> Result<(), Trouble> {
        let wanted = match &trouble {
            Trouble::Throttled {
                retry_after: Some(after),
            } => *after,
            Trouble::Throttled { .. } | Trouble::Unreachable { .. } | Trouble::TimedOut { .. } => self.jittered(),
            // A server that cannot do a thing at all will not learn it.
            Trouble::Unavailable { status } if *status >= 500 && *status != 501 => self.jittered(),
            _ => return Err(self.first_cause(trouble)),
        };
        if self.left == 0 || Instant::now() + wanted >= self.deadline {
            return Err(trouble);
        }
        self.left -= 1;
        self.pause = (self.pause * 2).min(LONGEST);
        self.cause = Some(trouble);
        tokio::time::sleep(wanted).await;
        Ok(())
    }

    /// A breaker that opened between two attempts says less than what opened it.
    pub(crate) fn first_cause(&self, trouble: Trouble) -> Trouble {
        match (&trouble, &self.cause) {
            (Trouble::BreakerOpen { .. }, Some(cause)) => cause.clone(),
            _ => trouble,
        }
    }

    /// Half to whole: those who failed together do not come back together.
    fn jittered(&self) -> Duration {
        self.pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// What `Retry-After` says (RFC 9110 §10.2.3): seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn says(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(says("7"), Some(Duration::from_secs(7)));
        assert_eq!(says("0"), Some(Duration::ZERO));
        assert_eq!(says("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        let wait = says(&soon).unwrap();
        assert!(
            wait > Duration::from_secs(90) && wait <= Duration::from_secs(100),
            "{wait:?}"
        );
        for text in ["", "-1", "soon", "99999999999999999999999"] {
            assert_eq!(says(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn what_stays_is_not_tried_again() {
        for trouble in [
            Trouble::NotFound,
            Trouble::Denied { status: 403 },
            Trouble::protocol("x"),
            Trouble::Unavailable { status: 501 },
            Trouble::Unavailable { status: 418 },
            Trouble::Throttled {
                retry_after: Some(Duration::from_secs(60)),
            },
        ] {
            let mut backoff = Backoff::new(Instant::now() + Duration::from_secs(30));
            assert_eq!(backoff.pause(trouble.clone()).await, Err(trouble));
        }
    }

    #[tokio::test]
    async fn attempts_and_time_have_an_end() {
        let trouble = Trouble::Unavailable { status: 503 };
        let mut backoff = Backoff::with_attempts(3, Instant::now() + Duration::from_secs(30));
        assert_eq!(backoff.pause(trouble.clone()).await, Ok(()));
        assert_eq!(backoff.pause(trouble.clone()).await, Ok(()));
        assert_eq!(backoff.pause(trouble.clone()).await, Err(trouble.clone()));
        let mut hurried = Backoff::new(Instant::now() + Duration::from_millis(10));
        assert_eq!(hurried.pause(trouble.clone()).await, Err(trouble));
    }

    #[tokio::test]
    async fn an_open_breaker_does_not_hide_what_opened_it() {
        let cause = Trouble::Unreachable {
            detail: "refused".to_owned(),
        };
        let open = Trouble::BreakerOpen {
            failures: 5,
            retry_after: Duration::from_secs(1),
            cause: Box::new(Trouble::Unavailable { status: 500 }),
        };
        let mut backoff = Backoff::new(Instant::now() + Duration::from_secs(30));
        assert_eq!(backoff.first_cause(open.clone()), open);
        backoff.pause(cause.clone()).await.unwrap();
        assert_eq!(backoff.first_cause(open), cause);
    }
}

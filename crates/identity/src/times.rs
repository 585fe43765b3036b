//! When a token is good.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::refused::{Code, Refused};
use crate::token::{Claims, missing};

/// The longest that a token may be good: from `iat` to `exp`.
pub const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// How far clocks may be apart.
pub const SKEW: Duration = Duration::from_secs(30);

/// Fails where it is not good now, or for too long. Comes out as when nobody takes it any more: its `exp` and the skew.
pub(crate) fn check(claims: &Claims, now: Timestamp) -> Result<Timestamp, Refused> {
    let (issued, expires) = (time(claims, "iat")?, time(claims, "exp")?);
    let (issued, expires) = (
        issued.ok_or_else(|| missing("iat"))?,
        expires.ok_or_else(|| missing("exp"))?,
    );
    let skew = SignedDuration::from_secs(SKEW.as_secs().cast_signed());
    let last = expires
        .checked_add(skew)
        .map_err(|_| Refused::new(Code::Lifetime, "its `exp` is beyond all times"))?;
    let lifetime = expires.duration_since(issued);
    if lifetime > SignedDuration::from_secs(MAX_LIFETIME.as_secs().cast_signed()) || lifetime <= SignedDuration::ZERO {
        let (limit, found) = (MAX_LIFETIME.as_secs(), lifetime.as_secs());
        let what = format!("expected from 1 to {limit} seconds between `iat` and `exp`, found {found}");
        return Err(Refused::new(Code::Lifetime, what));
    }
    if now >= last {
        return Err(Refused::new(
            Code::Expired,
            format!("it expired at {expires}, and it is {now}"),
        ));
    }
    let begins = [Some(issued), time(claims, "nbf")?];
    if let Some(begin) = begins
        .into_iter()
        .flatten()
        .find(|begin| begin.duration_since(now) > skew)
    {
        return Err(Refused::new(
            Code::NotYet,
            format!("it is not good before {begin}, and it is {now}"),
        ));
    }
    Ok(last)
}

/// RFC 7519, section 2, NumericDate: seconds, which may have a fraction; that is not looked at.
fn time(claims: &Claims, name: &str) -> Result<Option<Timestamp>, Refused> {
    let wrong = || Refused::new(Code::Claim, format!("`{name}` is no time in seconds since 1970"));
    let Some(value) = claims.get(name) else { return Ok(None) };
    let Value::Number(number) = value else {
        return Err(wrong());
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is out of range is capped, and no timestamp"
    )]
    let seconds = number
        .as_i64()
        .or_else(|| {
            number
                .as_f64()
                .filter(|seconds| seconds.is_finite())
                .map(|seconds| seconds as i64)
        })
        .ok_or_else(wrong)?;
    Timestamp::from_second(seconds).map(Some).map_err(|_| wrong())
}

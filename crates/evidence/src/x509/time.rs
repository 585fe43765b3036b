//! Times in certificates and timestamps.

use der::asn1::{GeneralizedTime, UtcTime};
use der::{Decode as _, Reader as _, SliceReader, Tag};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Unreadable, sequence};

/// The two ends of a Validity (RFC 5280, section 4.1.2.5).
pub(super) fn validity(der: &[u8]) -> Result<(Timestamp, Timestamp), Unreadable> {
    let mut fields = SliceReader::new(sequence(der)?)?;
    let ends = (time(&mut fields)?, time(&mut fields)?);
    fields.finish(ends).map_err(Unreadable::from)
}

fn time(fields: &mut SliceReader<'_>) -> Result<Timestamp, Unreadable> {
    let since_epoch = if fields.peek_tag()? == Tag::UtcTime {
        UtcTime::decode(fields)?.to_unix_duration()
    } else {
        GeneralizedTime::decode(fields)?.to_unix_duration()
    };
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    // RFC 5280, section 4.1.2.5: `99991231235959Z` is that it has no end, and we count to a day before.
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

/// A GeneralizedTime in UTC that may have a fraction (RFC 3161, section 2.4.2): `20260102030405.678Z`.
pub(crate) fn with_fraction(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    // DER: no fraction is written as none, and none ends in zero.
    let is_written_right = text.len() == whole.len() || (!fraction.is_empty() && !fraction.ends_with('0'));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || fraction.len() > 9 || !is_written_right || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let two = |at: usize| whole[at..at + 2].parse::<i8>().ok();
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    let year = whole[..4].parse().ok()?;
    let civil = DateTime::new(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?, nanoseconds).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

//! Byte ranges, in the three places where they occur: `Range` of a request, `Content-Range` of a chunk, `Range` of an
//! upload's status.

use std::ops::RangeInclusive;

use axum::http::{HeaderMap, HeaderValue, header};

use super::refusal::Refusal;

/// What part of a blob is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Part(RangeInclusive<u64>),
}

/// Reads `Range` (RFC 9110, section 14.2). More than one range, or a unit that is not bytes, is answered with the whole, as
/// the RFC allows; a range outside the blob is refused.
pub(super) fn wanted(headers: &HeaderMap, size: u64) -> Result<Wanted, Refusal> {
    let Some(range) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Ok(Wanted::Whole);
    };
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|spec| spec.trim().split_once('-'))
    else {
        return Ok(Wanted::Whole);
    };
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..=last.min(size.saturating_sub(1)),
        (Some(first), None) if last.is_empty() => first..=size.saturating_sub(1),
        (None, Some(length)) if first.is_empty() => match length {
            0 => return Err(Refusal::RangeOutside { size }),
            length => size.saturating_sub(length)..=size.saturating_sub(1),
        },
        _ => return Ok(Wanted::Whole),
    };
    match *part.start() < size {
        true => Ok(Wanted::Part(part)),
        false => Err(Refusal::RangeOutside { size }),
    }
}

/// Reads the `Content-Range` of a chunk: `<first>-<last>` and nothing else.
pub(super) fn chunk(headers: &HeaderMap) -> Result<Option<RangeInclusive<u64>>, Refusal> {
    let Some(value) = headers.get(header::CONTENT_RANGE) else {
        return Ok(None);
    };
    let range = value.to_str().ok().and_then(|text| text.split_once('-'));
    match range.and_then(|(first, last)| Some(number(first)?..=number(last)?)) {
        // An end of 2^64-1 would make the length overflow; no chunk is that long.
        Some(range) if range.start() <= range.end() && *range.end() < u64::MAX => Ok(Some(range)),
        _ => Err(Refusal::UploadInvalid(
            "the chunk's `Content-Range` is not `<first>-<last>`".to_owned(),
        )),
    }
}

/// Says where an upload continues: `Location`, and `Range` with the last byte received.
pub(super) fn tell_upload(headers: &mut HeaderMap, location: &str, received: u64) {
    // The specification has no way to say that nothing was received; `0-0` is what registries answer.
    let range = format!("0-{}", received.saturating_sub(1));
    headers.insert(
        header::RANGE,
        HeaderValue::try_from(range).expect("digits are a header value"),
    );
    headers.insert(
        header::LOCATION,
        HeaderValue::try_from(location).expect("a name is a header value"),
    );
}

/// Digits only: no sign, which `u64::from_str` would take.
fn number(text: &str) -> Option<u64> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_range_is_one_part_the_whole_or_refused() {
        let part = |first, last| Some(Wanted::Part(first..=last));
        for (range, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=2-5", 10, part(2, 5)),
            ("bytes=2-", 10, part(2, 9)),
            ("bytes=2-500", 10, part(2, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-300", 10, part(0, 9)),
            ("bytes=10-", 10, None),
            ("bytes=0-", 0, None),
            ("bytes=-0", 10, None),
            ("bytes=-3", 0, None),
            ("bytes=5-2", 10, Some(Wanted::Whole)),
            ("bytes=0-1,3-4", 10, Some(Wanted::Whole)),
            ("bytes=+1-2", 10, Some(Wanted::Whole)),
            ("lines=0-1", 10, Some(Wanted::Whole)),
        ] {
            assert_eq!(
                wanted(&headers(header::RANGE, range), size).ok(),
                expected,
                "{range} of {size}"
            );
        }
        assert_eq!(wanted(&HeaderMap::new(), 10).unwrap(), Wanted::Whole);
    }

    #[test]
    fn a_chunk_has_exactly_two_numbers() {
        assert_eq!(chunk(&HeaderMap::new()).unwrap(), None);
        assert_eq!(chunk(&headers(header::CONTENT_RANGE, "3-7")).unwrap(), Some(3..=7));
        for bad in [
            "",
            "-",
            "3",
            "3-",
            "-7",
            "7-3",
            "+3-7",
            "bytes 3-7/9",
            "bytes=3-7",
            "3-18446744073709551615",
        ] {
            assert!(chunk(&headers(header::CONTENT_RANGE, bad)).is_err(), "{bad}");
        }
    }
}

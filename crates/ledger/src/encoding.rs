//! base64 as the log's formats use it: the standard alphabet, padded, and one spelling for each sequence of bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Reads it; `None` if it is anything else, or has bits that say nothing and are not zero.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A number in decimal, without zeros before it.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain && digits)
}

/// A hash of 32 bytes in base64.
pub(crate) fn hash(text: &str) -> Option<[u8; 32]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_is_read() {
        assert_eq!(decode("+/+/+w==").unwrap(), [0xfb, 0xff, 0xbf, 0xfb]);
        for other in [
            "+/+/+w",
            "-_-_-w==",
            "+/+/+x==",
            "+/+/+w==\n",
            " +/+/+w==",
            "+/+/+w==+/+/+w==",
        ] {
            assert_eq!(decode(other), None, "`{other}`");
        }
        assert_eq!(
            [decimal("0"), decimal("70"), decimal("18446744073709551615")],
            [Some(0), Some(70), Some(u64::MAX)]
        );
        for other in ["", "00", "07", "+7", "-0", "7 ", "18446744073709551616", "٧"] {
            assert_eq!(decimal(other), None, "`{other}`");
        }
    }
}

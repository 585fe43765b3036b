//! What is read and written below certificates.

use jiff::Timestamp;

use super::*;

#[test]
fn a_length_is_written_as_der_has_it() {
    for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
        let content = vec![7; length];
        let written = encoded(0x30, &[&content]);
        assert_eq!(written, countersign_mint::element(0x30, &content));
        assert_eq!(sequence(&written).unwrap(), content);
    }
}

#[test]
fn a_time_may_have_a_fraction_and_has_one_spelling() {
    let time = |text: &str| time::with_fraction(text.as_bytes());
    let parsed = |text: &str| text.parse::<Timestamp>().unwrap();
    for (text, expected) in [
        ("20260304050607Z", "2026-03-04T05:06:07Z"),
        ("20260304050607.5Z", "2026-03-04T05:06:07.5Z"),
        ("20260304050607.000000001Z", "2026-03-04T05:06:07.000000001Z"),
        ("19700101000000Z", "1970-01-01T00:00:00Z"),
        ("20240229235959Z", "2024-02-29T23:59:59Z"),
    ] {
        assert_eq!(time(text), Some(parsed(expected)), "{text}");
    }
    for text in [
        "",
        "Z",
        "20260304050607",
        "20260304050607z",
        "202603040506Z",
        "20260304050607+0100",
        "20260304050607.Z",
        "20260304050607.50Z",
        "20260304050607.0Z",
        "20260304050607.0000000001Z",
        "20260304050607,5Z",
        "20260304050660Z",
        "20260304246000Z",
        "20260230000000Z",
        "20261301000000Z",
        "+2260304050607Z",
        "2026030405060 Z",
        "-0260304050607Z",
        "２02603040506Z",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
}

/// RFC 5280, section 4.1.2.5: a certificate without an end says so with the last second of the year 9999.
#[test]
fn a_certificate_may_have_no_end() {
    let validity = |end: &[u8]| {
        let ends = [
            countersign_mint::element(0x17, b"260304050607Z"),
            countersign_mint::element(0x18, end),
        ];
        time::validity(&encoded(0x30, &[&ends.concat()])).map(|(_, end)| end)
    };
    assert_eq!(validity(b"99991231235959Z"), Ok(Timestamp::MAX));
    assert_eq!(
        validity(b"99980101000000Z"),
        Ok("9998-01-01T00:00:00Z".parse().unwrap())
    );
    assert!(validity(b"99991331235959Z").is_err());
}

#[test]
fn a_hostile_name_is_shown_defused() {
    let name = countersign_mint::name("evil\u{1b}[31m\u{202e}");
    assert_eq!(name::shown(&name), "evil\u{fffd}[31m\u{fffd}");
    assert_eq!(name::shown(&countersign_mint::name(&"x".repeat(500))).len(), 120);
    assert_eq!(name::shown(&countersign_mint::name("")), "no name");
    assert_eq!(name::shown(b"junk"), "no name");
}

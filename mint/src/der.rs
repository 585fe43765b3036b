//! DER, written.

/// An element: tag, length, content.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut der = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            der.push(0x80 | u8::try_from(significant.len()).unwrap());
            der.extend(significant);
        }
    }
    der.extend_from_slice(content);
    der
}

/// A SEQUENCE.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// A SET, in the order that DER asks for.
pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    element(0x31, &parts.concat())
}

/// An element in `[number]`.
pub fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    element(0xa0 | number, content)
}

/// An INTEGER that is not negative.
pub fn integer(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let from = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    let bytes = &bytes[from..];
    if bytes[0] & 0x80 == 0 {
        element(2, bytes)
    } else {
        element(2, &[&[0], bytes].concat())
    }
}

/// An OCTET STRING.
pub fn octets(value: &[u8]) -> Vec<u8> {
    element(4, value)
}

/// A BIT STRING without unused bits.
pub(crate) fn bits(value: &[u8]) -> Vec<u8> {
    element(3, &[&[0], value].concat())
}

/// A UTF8String.
pub fn utf8(text: &str) -> Vec<u8> {
    element(12, text.as_bytes())
}

/// An OBJECT IDENTIFIER, as its numbers with dots.
pub fn object_identifier(text: &str) -> Vec<u8> {
    let arcs: Vec<u64> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let mut groups = vec![u8::try_from(arc & 0x7f).unwrap()];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        content.extend(groups.into_iter().rev());
    }
    element(6, &content)
}

/// A Name of one common name; of nothing, if it is empty.
pub fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let attribute = sequence(&[&object_identifier("2.5.4.3"), &utf8(common_name)]);
    sequence(&[&set(&[&attribute])])
}

/// A time as certificates have it: UTCTime to 2049, GeneralizedTime after.
pub(crate) fn time(time: jiff::Timestamp) -> Vec<u8> {
    let civil = time.to_zoned(jiff::tz::TimeZone::UTC);
    if civil.year() < 2050 {
        element(0x17, civil.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        element(0x18, civil.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

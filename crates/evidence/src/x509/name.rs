//! Distinguished names, for people to read. Names are compared as bytes and never as texts.

use countersign_image::text::excerpt;
use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader};

use super::sequence;

/// The most characters of a name that are shown.
const SHOWN: usize = 120;

/// The values of a Name, in its order: `sigstore.dev, sigstore-intermediate`.
pub(crate) fn shown(name: &[u8]) -> String {
    let mut values = Vec::new();
    let read = collect(name, &mut values);
    match (read, values.is_empty()) {
        (Ok(()), false) => excerpt(&values.join(", "), SHOWN),
        _ => "no name".to_owned(),
    }
}

fn collect(name: &[u8], values: &mut Vec<String>) -> Result<(), der::Error> {
    let mut sets = SliceReader::new(sequence(name)?)?;
    while !sets.is_finished() {
        let set: AnyRef<'_> = sets.decode()?;
        let mut attributes = SliceReader::new(set.value())?;
        while !attributes.is_finished() {
            let attribute: AnyRef<'_> = attributes.decode()?;
            let mut fields = SliceReader::new(attribute.value())?;
            let _: AnyRef<'_> = fields.decode()?;
            let value = AnyRef::from_der(fields.tlv_bytes()?)?.value();
            if !value.is_empty() {
                values.push(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    Ok(())
}

//! XML without what makes it dangerous: no document type, so no entities; UTF-8 only; a limit to its depth.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Format, ReportError};

/// How deep elements may nest.
pub(super) const MAX_DEPTH: usize = 64;

/// What comes by.
pub(super) enum Part<'a> {
    /// An element begins.
    Open(&'a BytesStart<'a>),
    /// Text stands in the element that is open.
    Text(&'a str),
    /// The element of this name ends.
    Close(&'a str),
}

/// Shows every part of a document, with the names of the elements around it.
pub(super) fn walk(
    bytes: &[u8],
    format: Format,
    mut show: impl FnMut(&Part<'_>, &[String]) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let malformed = |detail: &str| ReportError::malformed(format, detail);
    std::str::from_utf8(bytes)
        .map_err(|error| malformed(&format!("it is not UTF-8 after byte {}", error.valid_up_to())))?;
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().check_end_names = true;
    let mut names: Vec<String> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| malformed(&error.to_string()))? {
            Event::Start(element) => {
                show(&Part::Open(&element), &names)?;
                names.push(element.name().as_ref().to_owned());
                if names.len() > MAX_DEPTH {
                    return Err(malformed("elements nest deeper than 64 levels"));
                }
            }
            Event::Empty(element) => {
                show(&Part::Open(&element), &names)?;
                show(&Part::Close(element.name().as_ref()), &names)?;
            }
            Event::End(element) => {
                names.pop();
                show(&Part::Close(element.name().as_ref()), &names)?;
            }
            Event::Text(text) => show(&Part::Text(text.as_ref()), &names)?,
            Event::DocType(_) => return Err(ReportError::DocumentType),
            Event::Eof => break,
            _ => {}
        }
    }
    if names.is_empty() {
        Ok(())
    } else {
        Err(malformed("it ends within an element"))
    }
}

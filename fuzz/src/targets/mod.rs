//! Every target, in the order of the crates.

mod admission;
mod certificates;
mod evidence;
mod gates;
mod identity;
mod image;
mod keyless;
mod keys;
mod ledger;
mod lists;
mod log;
mod policy;
mod registry;
mod reports;
mod roots;
mod signatures;

use crate::Target;

/// The targets of each crate, under the name of its folder.
pub const CRATES: &[(&str, &[Target])] = &[
    ("image", image::TARGETS),
    ("evidence", evidence::TARGETS),
    ("certificates", certificates::TARGETS),
    ("signatures", signatures::TARGETS),
    ("log", log::TARGETS),
    ("policy", policy::TARGETS),
    ("admission", admission::TARGETS),
    ("reports", reports::TARGETS),
    ("gates", gates::TARGETS),
    ("ledger", ledger::TARGETS),
    ("registry", registry::TARGETS),
    ("roots", roots::TARGETS),
    ("keys", keys::TARGETS),
    ("keyless", keyless::TARGETS),
    ("identity", identity::TARGETS),
    ("lists", lists::TARGETS),
];

/// The words of JSON, and what its readers stumble over.
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "-1",
    "0",
    "1e9",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\"a\":{},",
    "{\"a\":",
    "\"$serde_json::private::RawValue\":",
    "\u{feff}",
    "\u{202e}",
];

/// The bytes as text; what is no text is nothing to a parser of texts.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

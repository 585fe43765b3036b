//! Why something is no report that is read.

use countersign_image::JsonError;
use countersign_image::text::excerpt;
use thiserror::Error;

use super::Format;

/// Why something is no report that is read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There are more bytes than are read.
    #[error("the report has {found} bytes, and {limit} are read at most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// There are more findings than are read.
    #[error("the report has more than {limit} findings, which are read at most")]
    TooManyFindings {
        /// The limit.
        limit: usize,
    },
    /// There is more of something else that has to be held than is.
    #[error("the report has more than {limit} {what}, which are read at most")]
    TooManyParts {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Not JSON that everybody reads in the same way.
    #[error("the report is not readable")]
    Json(#[source] JsonError),
    /// None of the formats that are read.
    #[error("the report is of no format that is read; {}", known())]
    Unknown,
    /// A field is missing, or of another form than the format has it.
    #[error("the report is not what {} is: {detail}", .format.name())]
    Malformed {
        /// The format.
        format: Format,
        /// What is wrong, shortened.
        detail: String,
    },
    /// A SARIF report of a tool that nobody said anything about.
    #[error("`{tool}` is no tool that is known here: say in the configuration what it looks for")]
    UnknownTool {
        /// The tool's name, shortened.
        tool: String,
    },
    /// XML that defines entities, or names documents to fetch.
    #[error("the report has a document type definition, which is not read")]
    DocumentType,
}

impl ReportError {
    pub(super) fn malformed(format: Format, detail: &str) -> Self {
        Self::Malformed {
            format,
            detail: excerpt(detail, 200),
        }
    }
}

fn known() -> String {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    format!("{} are", names.join(", "))
}

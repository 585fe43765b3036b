//! YAML that people wrote, read strictly; what is wrong is told in one line, with its place.

use serde::de::DeserializeOwned;
use serde_saphyr::{SnippetMode, UserMessageFormatter, render_options};

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct YamlError(String);

/// The one document of a text.
pub(crate) fn one<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str(text).map_err(told)
}

/// Every document of a text.
pub(crate) fn all<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, YamlError> {
    serde_saphyr::from_multiple(text).map_err(told)
}

fn told(error: serde_saphyr::Error) -> YamlError {
    YamlError(error.render_with_options(render_options! {
        formatter: &UserMessageFormatter,
        snippets: SnippetMode::Off,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_wrong_is_one_line_with_its_place() {
        for text in ["a: [\n", "a: 1\na: 2\n", "a: *nowhere"] {
            let told = one::<Value>(text).expect_err(text).to_string();
            assert!(
                !told.contains('\n') && told.contains("line ") && told.contains("column "),
                "{told}"
            );
        }
    }

    #[test]
    fn several_documents_are_read_and_one_is_demanded() {
        let documents = all::<Value>("a: 1\n---\n---\nb: 2\n").expect("two documents, and an empty one");
        assert_eq!(documents.iter().filter(|document| !document.is_null()).count(), 2);
        assert!(one::<Value>("a: 1\n---\nb: 2\n").is_err());
    }
}

//! One policy's document, cut out of the file that it stands in.

/// The document around a line (from one), with the `---` that begins it. The items of a list are one document.
pub(super) fn around(text: &str, line: u64) -> &str {
    let (mut start, mut offset) = (0, 0);
    for (number, content) in (1..).zip(text.split_inclusive('\n')) {
        if is_marker(content) {
            if number > line {
                return &text[start..offset];
            }
            start = offset;
        }
        offset += content.len();
    }
    &text[start..]
}

/// YAML forbids these at the beginning of a line in every scalar, so that the cut is exact.
fn is_marker(line: &str) -> bool {
    let rest = line.strip_prefix("---");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_found_by_any_of_its_lines() {
        let text = "a: 1\n# x\n---\nb: |\n  ---\n--- {c: 3}\n---";
        for (line, document) in [
            (1, "a: 1\n# x\n"),
            (2, "a: 1\n# x\n"),
            (3, "---\nb: |\n  ---\n"),
            (5, "---\nb: |\n  ---\n"),
            (6, "--- {c: 3}\n"),
            (7, "---"),
            (99, "---"),
        ] {
            assert_eq!(around(text, line), document, "{line}");
        }
        assert_eq!(around("", 1), "");
    }
}

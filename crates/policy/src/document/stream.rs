//! A file of several YAML documents, cut at its `---` lines, so that one bad document does not hide the others.
//!
//! YAML forbids a `---` at the beginning of a line in every kind of scalar, so the cut is exact (YAML 1.2.2, rule 206
//! `c-forbidden`).

/// One document's text and the number of lines before it in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) lines_before: u64,
}

/// Cuts a file into documents. A document keeps its own `---` line, and the directives (`%YAML`) before it.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pieces = Vec::new();
    let (mut start, mut lines_before) = (0, 0);
    let mut offset = 0;
    let (mut has_directive, mut has_content) = (false, false);
    for (line_number, line) in text.split_inclusive('\n').enumerate() {
        let of_these_directives = has_directive && !has_content;
        if is_marker(line) && offset > start && !of_these_directives {
            pieces.push(Piece {
                text: &text[start..offset],
                lines_before,
            });
            (start, lines_before) = (offset, line_number as u64);
            (has_directive, has_content) = (false, false);
        }
        if line.starts_with('%') && !has_content {
            has_directive = true;
        } else if !is_blank(line) {
            has_content = true;
        }
        offset += line.len();
    }
    pieces.push(Piece {
        text: &text[start..],
        lines_before,
    });
    pieces
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_at_its_markers_and_nowhere_else() {
        let cases: &[(&str, &[(&str, u64)])] = &[
            ("", &[("", 0)]),
            ("a: 1\n", &[("a: 1\n", 0)]),
            ("a: 1\n---\nb: 2\n", &[("a: 1\n", 0), ("---\nb: 2\n", 1)]),
            ("---\na: 1\n--- {b: 2}\n", &[("---\na: 1\n", 0), ("--- {b: 2}\n", 2)]),
            ("# c\n\n---\na: 1\n", &[("# c\n\n", 0), ("---\na: 1\n", 2)]),
            (
                "%YAML 1.2\n# c\n---\na: 1\n---\n",
                &[("%YAML 1.2\n# c\n---\na: 1\n", 0), ("---\n", 4)],
            ),
            (
                "a: |\n  ---\n  %x\nb: '----'\n----\n",
                &[("a: |\n  ---\n  %x\nb: '----'\n----\n", 0)],
            ),
            ("a: 1\r\n---\r\nb: 2", &[("a: 1\r\n", 0), ("---\r\nb: 2", 1)]),
            ("\u{feff}---\na: 1\n---", &[("---\na: 1\n", 0), ("---", 2)]),
        ];
        for (text, expected) in cases {
            let found: Vec<_> = pieces(text)
                .into_iter()
                .map(|piece| (piece.text, piece.lines_before))
                .collect();
            assert_eq!(&found, expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_is_lost() {
        let text = "%YAML 1.2\n---\na: 1\n...\n---\n---\n# x\n--- b\n";
        assert_eq!(pieces(text).iter().map(|piece| piece.text).collect::<String>(), text);
    }
}

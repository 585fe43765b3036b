//! Text for terminals, headers and logs: of bounded length, and without anything that moves a cursor or ends a line.

use std::fmt::Write as _;

/// How many elements of a list are written out.
const MAX_LISTED: usize = 8;

/// The text, with what a terminal would obey written as an escape, and cut to so many bytes.
///
/// A name of an image is whatever somebody put in a manifest: it must not be able to write a second line into a denial, or
/// hide behind a change of direction.
pub(super) fn printable(text: &str, limit: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(limit));
    for character in text.chars() {
        if is_obeyed(character) {
            // Writing to a string does not fail.
            let _ = write!(printable, "{}", character.escape_default());
        } else {
            printable.push(character);
        }
        if printable.len() > limit {
            return shortened(&printable, limit);
        }
    }
    printable
}

fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text, cut to so many bytes with `…` at the end if it is longer.
fn shortened(text: &str, limit: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    format!(
        "{}{MARK}",
        &text[..text.floor_char_boundary(limit.saturating_sub(MARK.len()))]
    )
}

/// The elements; of many, the first few and how many there are besides.
pub(super) fn first_few(elements: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = elements.iter().take(MAX_LISTED).cloned().collect();
    if elements.len() > shown.len() {
        shown.push(format!("and {} more", elements.len() - shown.len()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_as_an_escape() {
        for (text, expected) in [
            ("registry.example/app:1", "registry.example/app:1"),
            ("a\nb", r"a\nb"),
            ("\u{1b}[2Jgone", r"\u{1b}[2Jgone"),
            ("a\u{202e}b", r"a\u{202e}b"),
            ("größe", "größe"),
        ] {
            assert_eq!(printable(text, 100), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(printable("ääääää", 8), "ää…");
        assert_eq!(shortened("abcdef", 5), "ab…");
        assert_eq!(shortened("abcdef", 6), "abcdef");
        for limit in 3..40 {
            assert!(printable(&"\u{1b}ü".repeat(50), limit).len() <= limit, "{limit}");
        }
    }

    #[test]
    fn a_long_list_says_how_much_is_left_out() {
        let elements: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        assert_eq!(first_few(&elements).join(", "), "0, 1, 2, 3, 4, 5, 6, 7, and 2 more");
        assert_eq!(first_few(&elements[..8]), elements[..8]);
        assert_eq!(first_few(&[]), [""; 0]);
    }
}

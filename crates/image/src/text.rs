//! Texts of strangers, made fit to be repeated.

/// The first `limit` characters of a text that may be long and hostile; what would not print as itself is replaced, so
/// that a terminal or a log shows what is there and obeys nothing.
pub fn excerpt(text: &str, limit: usize) -> String {
    text.chars()
        .take(limit)
        .map(|character| {
            if prints(character) {
                character
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

/// Whether a character shows itself: no control character, and none of those that hide or reorder their neighbours.
pub fn prints(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_is_cut_and_defused() {
        assert_eq!(excerpt("plain ö 日本", 99), "plain ö 日本");
        assert_eq!(
            excerpt("\u{1b}[31mred\r\n\u{202e}x", 99),
            "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}x"
        );
        assert_eq!(excerpt("日本語", 2), "日本");
    }
}

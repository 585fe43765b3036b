//! The ways in which a secret may be written inside of a text.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Spellings of shorter texts would be found where nobody wrote them.
const SHORTEST_CODED: usize = 8;
/// A line of a key that is shorter than this may stand in many places.
const SHORTEST_LINE: usize = 16;

/// As it is, as JSON escapes it, its long lines, percent-encoded, and what base64 of any text around it has in common.
pub(super) fn all(secret: &str) -> Vec<String> {
    let mut spelled = vec![secret.to_owned(), escaped(secret)];
    let lines = secret.split(['\n', '\r']).map(str::trim);
    spelled.extend(lines.filter(|line| line.len() >= SHORTEST_LINE).map(str::to_owned));
    if secret.len() >= SHORTEST_CODED {
        spelled.push(percent(secret));
        for skipped in 0..3 {
            spelled.push(base64_after(&STANDARD_NO_PAD, secret, skipped));
            spelled.push(base64_after(&URL_SAFE_NO_PAD, secret, skipped));
        }
    }
    spelled
}

fn escaped(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted.trim_matches('"').to_owned()
}

fn percent(secret: &str) -> String {
    let mut text = String::with_capacity(secret.len());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The characters of base64 that the secret alone decides, where so many bytes of its group of three stand before it.
fn base64_after(engine: &impl base64::Engine, secret: &str, before: usize) -> String {
    let mut bytes = vec![0_u8; before];
    bytes.extend(secret.as_bytes());
    let coded = engine.encode(&bytes);
    // The first characters also hold what stands before, the last may hold what follows.
    let begin = (before * 8).div_ceil(6);
    let end = (bytes.len() * 8) / 6;
    coded[begin..end].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn base64_of_any_text_around_a_secret_has_one_of_its_spellings() {
        let secret = "hunter2-\u{e4}-correct";
        let spelled = all(secret);
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = format!("{before}{secret}{after}");
                for coded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    assert!(
                        spelled.iter().any(|spelling| coded.contains(spelling)),
                        "{before} {after}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_secret_is_found_as_json_and_addresses_write_it() {
        let spelled = all("a\"b\\c d/e&f");
        for expected in [r#"a\"b\\c d/e&f"#, "a%22b%5Cc%20d%2Fe%26f"] {
            assert!(spelled.iter().any(|spelling| spelling == expected), "{spelled:?}");
        }
    }
}

//! What differs from run to run, replaced by what it is.

/// Texts and digests with names, and the patterns that every output shares.
pub(crate) struct Redaction {
    texts: Vec<(String, String)>,
    digests: Vec<(String, String)>,
}

impl Redaction {
    pub(crate) fn new() -> Self {
        Self {
            texts: Vec::new(),
            digests: Vec::new(),
        }
    }

    pub(crate) fn text(&mut self, text: &str, shown: &str) {
        self.texts.push((text.to_owned(), shown.to_owned()));
    }

    pub(crate) fn digest(&mut self, hex: &str, name: &str) {
        self.digests.push((hex.to_owned(), name.to_owned()));
    }

    /// Digests without a name are numbered in the order in which they come, in this run and in those before.
    pub(crate) fn apply<const N: usize>(&mut self, texts: [&str; N]) -> [String; N] {
        let digests = &mut self.digests;
        texts.map(|text| {
            let mut text = text.to_owned();
            for (from, to) in &self.texts {
                text = text.replace(from, to);
            }
            let patterns = [pem_body, port, stage, time, os_error];
            let text = replaced(&text, |rest| patterns.iter().find_map(|pattern| pattern(rest)));
            replaced(&text, |rest| digest(rest, digests))
        })
    }
}

/// Walks over the text; where `pattern` knows the beginning of the rest, so many bytes become that.
fn replaced(text: &str, mut pattern: impl FnMut(&str) -> Option<(usize, String)>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some((length, shown)) = pattern(rest) {
            result.push_str(&shown);
            rest = &rest[length..];
        } else {
            result.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    result
}

fn span(text: &str, matches: impl Fn(char) -> bool) -> usize {
    text.find(|character| !matches(character)).unwrap_or(text.len())
}

/// `sha256:` or `sha256-` and 64 digits.
fn digest(rest: &str, known: &mut Vec<(String, String)>) -> Option<(usize, String)> {
    let digits = rest.strip_prefix("sha256:").or_else(|| rest.strip_prefix("sha256-"))?;
    let hex = digits
        .get(..span(digits, |digit| digit.is_ascii_hexdigit()))
        .filter(|hex| hex.len() == 64)?;
    let name = match known.iter().find(|(known, _)| known == hex) {
        Some((_, name)) => name.clone(),
        None => {
            let unnamed = known.iter().filter(|(_, name)| name.parse::<usize>().is_ok()).count();
            known.push((hex.to_owned(), (unnamed + 1).to_string()));
            (unnamed + 1).to_string()
        }
    };
    Some((7 + 64, format!("{}<{name}>", &rest[..7])))
}

/// A port that the system chose.
fn port(rest: &str) -> Option<(usize, String)> {
    let digits = span(rest.strip_prefix("127.0.0.1:")?, |digit| digit.is_ascii_digit());
    (digits == 5).then(|| ("127.0.0.1:".len() + digits, "127.0.0.1:PORT".to_owned()))
}

/// The folder of a quickstart.
fn stage(rest: &str) -> Option<(usize, String)> {
    let name = rest.strip_prefix("/countersign-")?;
    (span(name, |letter| letter.is_ascii_alphanumeric()) == 6 && name[6..].starts_with('/'))
        .then(|| ("/countersign-".len() + 6, "/countersign-STAGE".to_owned()))
}

/// `2026-11-24T05:51:08.930002679Z`.
fn time(rest: &str) -> Option<(usize, String)> {
    let shape = rest
        .get(..19)?
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    let fraction = span(&rest[19..], |character| character.is_ascii_digit() || character == '.');
    (shape.eq(*b"0000-00-00T00:00:00") && rest[19 + fraction..].starts_with('Z'))
        .then(|| (20 + fraction, "TIME".to_owned()))
}

/// The number of a system's error, which is another on each system.
fn os_error(rest: &str) -> Option<(usize, String)> {
    const BEGIN: &str = "(os error ";
    let digits = span(rest.strip_prefix(BEGIN)?, |digit| digit.is_ascii_digit());
    let end = BEGIN.len() + digits;
    rest[end..].starts_with(')').then(|| (end + 1, "(os error)".to_owned()))
}

/// The body of a public key, up to the line that ends it.
fn pem_body(rest: &str) -> Option<(usize, String)> {
    const BEGIN: &str = "-----BEGIN PUBLIC KEY-----\n";
    let body = rest.strip_prefix(BEGIN)?;
    let end = body.find("-----END")?;
    let last_line = body[..end].rfind('\n').map_or(0, |at| at + 1);
    let indent = &body[last_line..end];
    Some((BEGIN.len() + end, format!("{BEGIN}{indent}…\n{indent}")))
}

//! What a registry asks for when it answers 401: the `WWW-Authenticate` header (RFC 9110 §11.6.1).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// Longest header that is read, in bytes.
const MAX_BYTES: usize = 8 << 10;
/// Most challenges that are read.
const MAX_CHALLENGES: usize = 16;
/// Most parameters of one challenge that are read.
const MAX_PARAMETERS: usize = 32;

/// A challenge that we can meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User and password go to the registry itself.
    Basic,
    /// A token is fetched elsewhere (distribution token specification).
    Bearer {
        /// Where, as written.
        realm: String,
        /// For which service.
        service: Option<String>,
    },
}

impl Challenge {
    /// The best challenge of an answer: a token is worth less to a thief than a password.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut basic = false;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            for parsed in value.to_str().map(parse).unwrap_or_default() {
                match parsed.scheme.to_ascii_lowercase().as_str() {
                    "bearer" => {
                        if let Some(realm) = parsed.parameter("realm") {
                            let service = parsed.parameter("service").map(str::to_owned);
                            return Some(Self::Bearer {
                                realm: realm.to_owned(),
                                service,
                            });
                        }
                    }
                    "basic" => basic = true,
                    _ => {}
                }
            }
        }
        basic.then_some(Self::Basic)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Parsed {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Reads as many challenges as are well formed; what follows the first fault is not read.
fn parse(text: &str) -> Vec<Parsed> {
    let mut challenges: Vec<Parsed> = Vec::new();
    if text.len() > MAX_BYTES {
        return challenges;
    }
    let mut rest = Rest(text);
    loop {
        rest.skip(|c| matches!(c, ' ' | '\t' | ','));
        let word = rest.token();
        if word.is_empty() {
            return challenges;
        }
        let after_word = rest;
        rest.skip(blank);
        if rest.eat('=') && !challenges.is_empty() {
            rest.skip(blank);
            let Some(value) = rest.value() else { return challenges };
            let last = challenges.len() - 1;
            if challenges[last].parameters.len() == MAX_PARAMETERS {
                return challenges;
            }
            challenges[last].parameters.push((word.to_owned(), value));
            continue;
        }
        if challenges.len() == MAX_CHALLENGES {
            return challenges;
        }
        rest = after_word;
        challenges.push(Parsed {
            scheme: word.to_owned(),
            parameters: Vec::new(),
        });
        rest.skip_token68();
    }
}

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[derive(Clone, Copy)]
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(what);
    }

    fn eat(&mut self, expected: char) -> bool {
        self.0.strip_prefix(expected).map(|rest| self.0 = rest).is_some()
    }

    fn token(&mut self) -> &'a str {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token
    }

    /// `Negotiate abc==`: a challenge whose content is no list of parameters.
    fn skip_token68(&mut self) {
        let mut ahead = *self;
        ahead.skip(blank);
        let is_token68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        ahead.skip(is_token68);
        ahead.skip(|c| c == '=');
        let consumed = ahead.0.len() < self.0.len();
        ahead.skip(blank);
        if consumed && (ahead.0.is_empty() || ahead.0.starts_with(',')) {
            *self = ahead;
        }
    }

    fn value(&mut self) -> Option<String> {
        if !self.eat('"') {
            let token = self.token();
            return (!token.is_empty()).then(|| token.to_owned());
        }
        let mut value = String::new();
        let mut characters = self.0.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(characters.next()?.1),
                _ => value.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn best(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        Challenge::of(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        })
    }

    #[test]
    fn challenges_as_registries_write_them() {
        for (values, expected) in [
            (
                vec![
                    r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull""#,
                ],
                bearer("https://auth.docker.io/token", Some("registry.docker.io")),
            ),
            (
                vec![r#"bearer realm="https://ghcr.io/token" , service=ghcr.io"#],
                bearer("https://ghcr.io/token", Some("ghcr.io")),
            ),
            (vec![r#"Basic realm="Registry""#], Some(Challenge::Basic)),
            (vec!["Basic"], Some(Challenge::Basic)),
            (
                vec![r#"Basic realm="a", Bearer realm="https://b/token""#],
                bearer("https://b/token", None),
            ),
            (vec![r#"Negotiate abc==, Basic realm="a""#], Some(Challenge::Basic)),
            (
                vec!["Negotiate", r#"Bearer realm="https://b/token""#],
                bearer("https://b/token", None),
            ),
            (
                vec![r#"Bearer realm="https://b/a\"b,c""#],
                bearer(r#"https://b/a"b,c"#, None),
            ),
            (vec![r#"Bearer service="x""#], None),
            (vec![r#"Bearer realm="https://open"#], None),
            (vec![r#"Digest realm="x", nonce="y""#], None),
            (vec![""], None),
            (vec!["=,=,="], None),
            (vec![], None),
        ] {
            assert_eq!(best(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = format!(r#"Bearer realm="https://a/{}""#, "a".repeat(MAX_BYTES));
        assert_eq!(best(&[&long]), None);
        let many = format!(r#"{}Bearer realm="https://a""#, "Basic, ".repeat(MAX_CHALLENGES));
        assert_eq!(best(&[&many]), Some(Challenge::Basic));
    }

    proptest! {
        #[test]
        fn anything_is_read_to_its_end(text in "\\PC{0,200}") {
            let challenges = parse(&text);
            prop_assert!(challenges.len() <= MAX_CHALLENGES);
        }

        #[test]
        fn a_quoted_realm_survives(realm in "[ -~]{1,60}") {
            let quoted: String = realm.chars().flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect();
            let parsed = parse(&format!("Bearer service=s, realm=\"{quoted}\""));
            prop_assert_eq!(parsed[0].parameter("realm"), Some(realm.as_str()));
        }
    }
}

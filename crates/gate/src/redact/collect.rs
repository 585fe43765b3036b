//! Which texts of a report are secrets: by the fields that the formats have for them.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::report::{Class, Tools, list_in};

/// The fields of a leak whose text is the secret: of gitleaks, of `TruffleHog`.
const SECRETS: [&str; 3] = ["Secret", "Raw", "RawV2"];
/// The fields whose text holds it: gitleaks', Trivy's, GitLab's.
const LINES: [&str; 6] = [
    "Match",
    "Line",
    "Content",
    "Highlighted",
    "Offender",
    "raw_source_code_extract",
];
/// Where tools repeat these lines.
const PROSE: [&str; 11] = [
    "text",
    "markdown",
    "rendered",
    "lines",
    "message",
    "Message",
    "description",
    "Description",
    "title",
    "abstract_content",
    "svalue_abstract_content",
];
/// Longer ones go from their own field only: nobody repeats them.
const LONGEST_LINE: usize = 4096;
/// What is longer is a line with a secret in it, and not the secret.
const LONGEST_SECRET: usize = 512;
/// What rules about secrets in code are called: Semgrep's, CodeQL's, and the numbers of Bandit and gosec.
const ABOUT_SECRETS: [&str; 10] = [
    "secret",
    "password",
    "passwd",
    "credential",
    "token",
    "apikey",
    "api-key",
    "api_key",
    "private-key",
    "private_key",
];
const NUMBERS: [&str; 4] = ["B105", "B106", "B107", "G101"];

/// What was found of a report.
#[derive(Default)]
pub(super) struct Found {
    /// What stands in a field that is made for a secret.
    pub(super) secrets: BTreeSet<String>,
    /// What looks like one in a line or in a message.
    pub(super) guesses: BTreeSet<String>,
    /// Lines that hold one.
    pub(super) lines: BTreeSet<String>,
    /// Whether there is a field that goes whatever its text is.
    any: bool,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        !self.any && self.secrets.is_empty() && self.guesses.is_empty() && self.lines.is_empty()
    }

    fn line(&mut self, text: &str, goes_whole: bool) {
        // What Semgrep writes for who is not logged in.
        if text == "requires login" {
            return;
        }
        self.any = true;
        let text = text.trim();
        if !goes_whole || text.len() <= LONGEST_LINE {
            self.lines.insert(text.to_owned());
        }
        for literal in literals(text) {
            self.guesses.insert(literal.to_owned());
        }
    }
}

/// Whether a text looks like a secret, and not like a word of which a report consists: `Vulnerabilities`, `CRITICAL`.
pub(super) fn is_shaped(text: &str) -> bool {
    let is_word = text
        .bytes()
        .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b' '));
    text.len() >= if is_word { 20 } else { 8 }
}

/// Whether a field holds words for people, or code, by its name: no reader decides by one.
pub(super) fn is_prose(name: &str) -> bool {
    PROSE.contains(&name) || is_taken(name)
}

/// Whether a field's text goes whole, by its name.
pub(super) fn is_taken(name: &str) -> bool {
    SECRETS.contains(&name) || LINES.contains(&name)
}

/// Texts in quotes that may be secrets: long, with letters and digits. A word that rules and files are named with is none.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(['"', '\'', '`']);
    parts.skip(1).step_by(2).filter(|part| {
        part.len() >= 8
            && part.bytes().any(|byte| byte.is_ascii_digit())
            && part.bytes().any(|byte| byte.is_ascii_alphabetic())
    })
}

/// Words of a message that can hardly be anything else than a secret that it repeats.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|character: char| character.is_whitespace() || "\"'`()<>,;".contains(character));
    words.map(|word| word.trim_end_matches(['.', ':', '!'])).filter(|word| {
        let has = |of: fn(&u8) -> bool| word.bytes().any(|byte| of(&byte));
        word.len() >= 12
            && !word.contains('/')
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
    })
}

/// Whether a rule is about secrets, by its name.
fn about_secrets(rule: &str) -> bool {
    let lower = rule.to_ascii_lowercase();
    NUMBERS
        .iter()
        .any(|number| rule == *number || rule.ends_with(&format!(".{number}")))
        || ABOUT_SECRETS.iter().any(|word| lower.contains(word))
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    driver: Driver,
}

#[derive(Default, Deserialize)]
struct Driver {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default, rename = "ruleId")]
    of_sarif: Option<String>,
    #[serde(default, rename = "check_id")]
    of_semgrep: Option<String>,
}

/// Collects the secrets of a document.
pub(super) fn secrets(document: &[u8], tools: &Tools, found: &mut Found) -> Result<(), serde_json::Error> {
    // Of documents of other formats these lists are empty.
    let runs: Vec<Run> = list_in(document, &["runs", "*"]).unwrap_or_default();
    let runs: Vec<bool> = runs
        .iter()
        .map(|run| tools.class_of(&run.tool.driver.name) == Some(Class::Secrets))
        .collect();
    let rules = |path: &[&str]| -> Vec<bool> {
        let rules: Vec<Rule> = list_in(document, path).unwrap_or_default();
        let names = rules.into_iter().map(|rule| rule.of_sarif.or(rule.of_semgrep));
        names
            .map(|name| name.is_some_and(|name| about_secrets(&name)))
            .collect()
    };
    let of_sarif = rules(&["runs", "*", "results", "*"]);
    let of_semgrep = rules(&["results", "*"]);
    let mut walk = Walk {
        found,
        runs: &runs,
        of_sarif: of_sarif.into_iter(),
        of_semgrep: of_semgrep.into_iter(),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    Step {
        walk: &mut walk,
        at: At::Document,
        name: "",
        about: false,
    }
    .deserialize(&mut deserializer)
}

struct Walk<'a> {
    found: &'a mut Found,
    runs: &'a [bool],
    /// Whether each result is about a secret, in the order in which they pass.
    of_sarif: std::vec::IntoIter<bool>,
    of_semgrep: std::vec::IntoIter<bool>,
}

/// Where a walk is, as far as that matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Document,
    Runs,
    Run,
    SarifResults,
    SemgrepResults,
    Snippet,
    Message,
    Metavariables,
    Elsewhere,
}

struct Step<'w, 'a, 'n> {
    walk: &'w mut Walk<'a>,
    at: At,
    /// The name of the field that this is the value of.
    name: &'n str,
    /// Whether this is in something about a secret.
    about: bool,
}

impl<'de> DeserializeSeed<'de> for Step<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let found = &mut *self.walk.found;
        if SECRETS.contains(&self.name) {
            found.any = true;
            found.secrets.insert(text.to_owned());
        } else if LINES.contains(&self.name) {
            found.line(text, true);
        } else if self.about {
            match (self.at, self.name) {
                // gitleaks writes the secret itself there.
                (At::Snippet, "text") => {
                    if text.len() <= LONGEST_SECRET {
                        found.secrets.insert(text.trim().to_owned());
                    }
                    found.line(text, false);
                }
                (_, "lines") => found.line(text, false),
                (At::Message, _) | (_, "message") => {
                    found.guesses.extend(words(text).map(str::to_owned));
                }
                (At::Metavariables, "abstract_content" | "svalue_abstract_content") => {
                    found.line(&format!("\"{text}\""), false);
                    found.lines.insert(text.trim().to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let at = match (self.at, name.as_str()) {
                (At::Document, "runs") => At::Runs,
                (At::Document, "results") => At::SemgrepResults,
                (At::Run, "results") => At::SarifResults,
                (_, "snippet") | (At::Snippet, _) => At::Snippet,
                (_, "message") | (At::Message, _) => At::Message,
                (_, "metavars") | (At::Metavariables, _) => At::Metavariables,
                _ => At::Elsewhere,
            };
            map.next_value_seed(Step {
                walk: &mut *self.walk,
                at,
                name: &name,
                about: self.about,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for place in 0_usize.. {
            let (at, about) = match self.at {
                At::Runs => (At::Run, self.walk.runs.get(place).copied().unwrap_or_default()),
                At::SarifResults => (
                    At::Elsewhere,
                    self.about || self.walk.of_sarif.as_slice().first() == Some(&true),
                ),
                At::SemgrepResults => (At::Elsewhere, self.walk.of_semgrep.as_slice().first() == Some(&true)),
                at => (at, self.about),
            };
            let step = Step {
                walk: &mut *self.walk,
                at,
                name: self.name,
                about,
            };
            if list.next_element_seed(step)?.is_none() {
                break;
            }
            match self.at {
                At::SarifResults => drop(self.walk.of_sarif.next()),
                At::SemgrepResults => drop(self.walk.of_semgrep.next()),
                _ => {}
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

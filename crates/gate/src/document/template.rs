//! Names with places to fill in.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// The longest template, in bytes.
const MAX_BYTES: usize = 512;
/// The places that there are.
const PLACES: &[&str] = &["name", "path", "tag", "digest12"];

/// A text with `{name}`, `{path}`, `{tag}` and `{digest12}` in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(String),
    Place(&'static str),
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected a name with any of `{{name}}`, `{{path}}`, `{{tag}}` and `{{digest12}}`, found `{found}`")]
pub struct TemplateError {
    found: String,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let wrong = || TemplateError {
            found: countersign_image::text::excerpt(text, 80),
        };
        if text.is_empty() || text.len() > MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(['{', '}']).unwrap_or(rest.len());
            if end > 0 {
                parts.push(Part::Text(rest[..end].to_owned()));
            }
            rest = &rest[end..];
            if let Some(inner) = rest.strip_prefix('{') {
                let (name, after) = inner.split_once('}').ok_or_else(wrong)?;
                let place = PLACES.iter().find(|place| **place == name).ok_or_else(wrong)?;
                parts.push(Part::Place(place));
                rest = after;
            } else if !rest.is_empty() {
                return Err(wrong());
            }
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Whether it has a place.
    pub fn has(&self, place: &str) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Place(own) if *own == place))
    }

    /// The text with each place filled in; `None` where nothing is known for one.
    pub fn filled(&self, places: &BTreeMap<&str, &str>) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            text.push_str(match part {
                Part::Text(text) => text,
                Part::Place(name) => places.get(name)?,
            });
        }
        Some(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_or_nothing_is() {
        let places = BTreeMap::from([("name", "api"), ("digest12", "0123456789ab")]);
        for (text, expected) in [
            ("r.corp/approved/{name}", Some("r.corp/approved/api")),
            ("{name}-{digest12}", Some("api-0123456789ab")),
            ("plain", Some("plain")),
            ("{tag}", None),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.filled(&places).as_deref(), expected, "{text}");
            assert_eq!(template.to_string(), text);
        }
    }

    #[test]
    fn what_has_another_place_is_no_template() {
        for text in ["", "{", "}", "{}", "{nam}", "a}b", "{name", "{{name}}", "a b", "{tag}{"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}

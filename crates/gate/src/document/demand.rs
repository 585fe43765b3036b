//! What a gate asks of the image itself, and of documents of an organisation's own.

use std::collections::{BTreeMap, BTreeSet};

use countersign_expression::Condition;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::condition;
use crate::glob::Globs;
use crate::report::Format;

/// What the image itself has to be, by the configuration of each of its platforms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageDemands {
    /// As whom it runs.
    #[serde(default)]
    pub user: Option<UserDemand>,
    /// What it starts with: the first word of its entrypoint, or of its command where it has none.
    #[serde(default)]
    pub entrypoint: Globs,
    /// The labels that it has, and what is in them.
    #[serde(default)]
    pub labels: BTreeMap<String, Globs>,
    /// The platforms that it has at least.
    #[serde(default)]
    pub platforms: BTreeSet<String>,
    /// What it is built upon, by `org.opencontainers.image.base.name`: a word of its builder.
    #[serde(default)]
    pub base: Globs,
}

/// As whom an image runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserDemand {
    /// Any number but 0. A name says nothing of what it is in the image.
    NonRootNumber,
    /// Anything but root: neither nothing, nor 0, nor `root`.
    NonRoot,
}

impl ImageDemands {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a document of an organisation's own is recognised: by what is in it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Recognised {
    /// The predicate type, of an in-toto statement.
    #[serde(default)]
    pub predicate_type: Option<String>,
    /// What is at each place (a JSON pointer, RFC 6901).
    #[serde(default)]
    pub fields: BTreeMap<String, Shape>,
}

impl Recognised {
    /// Whether a document is one of these.
    pub fn is(&self, predicate_type: Option<&str>, document: &Value) -> bool {
        (self.predicate_type.is_none() || self.predicate_type.as_deref() == predicate_type)
            && self.fields.iter().all(|(place, shape)| shape.is_at(place, document))
    }
}

/// What is at one place of a document.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Shape {
    /// What kind of thing.
    #[serde(default)]
    pub r#type: Option<Kind>,
    /// Exactly this.
    #[serde(default)]
    pub equals: Option<Value>,
    /// One of these.
    #[serde(default)]
    pub one_of: Vec<Value>,
    /// At least so many elements, fields or characters.
    #[serde(default)]
    pub min_length: Option<usize>,
    /// Of a list: what each element is.
    #[serde(default)]
    pub each: BTreeMap<String, Shape>,
    /// Whether it may be missing.
    #[serde(default)]
    pub optional: bool,
}

impl Shape {
    fn is_at(&self, place: &str, document: &Value) -> bool {
        document.pointer(place).map_or(self.optional, |value| self.is(value))
    }

    fn is(&self, value: &Value) -> bool {
        let length = match value {
            Value::Array(list) => Some(list.len()),
            Value::Object(object) => Some(object.len()),
            Value::String(text) => Some(text.chars().count()),
            _ => None,
        };
        self.r#type.is_none_or(|kind| kind.is(value))
            && self.equals.as_ref().is_none_or(|equals| equals == value)
            && (self.one_of.is_empty() || self.one_of.contains(value))
            && self
                .min_length
                .is_none_or(|least| length.is_some_and(|length| length >= least))
            && (self.each.is_empty()
                || value.as_array().is_some_and(|list| {
                    list.iter()
                        .all(|element| self.each.iter().all(|(place, shape)| shape.is_at(place, element)))
                }))
    }
}

/// The kinds of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An object.
    Object,
    /// A list.
    List,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A number without a fraction.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl Kind {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Boolean => value.is_boolean(),
        }
    }
}

/// A format of a report, and the version that it has at least: `cyclonedx>=1.4`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatDemand {
    /// The format.
    pub format: String,
    /// The version, number by number.
    pub at_least: Vec<u64>,
}

impl FormatDemand {
    /// Whether a report of this format and version is meant.
    pub fn accepts(&self, format: Format, version: Option<&str>) -> bool {
        let numbers = |text: &str| -> Option<Vec<u64>> { text.split('.').map(|part| part.parse().ok()).collect() };
        self.format == condition::format_name(format)
            && (self.at_least.is_empty()
                || version
                    .and_then(|version| numbers(version.trim_start_matches("SPDX-")))
                    .is_some_and(|version| version >= self.at_least))
    }
}

impl<'de> Deserialize<'de> for FormatDemand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (name, version) = match text.split_once(">=") {
            Some((name, version)) => (name, Some(version)),
            None => (text.as_str(), None),
        };
        let known: BTreeSet<&str> = Format::ALL
            .iter()
            .map(|format| condition::format_name(*format))
            .collect();
        let version = match version {
            None => Some(Vec::new()),
            Some(version) => version.split('.').map(|part| part.parse().ok()).collect(),
        };
        match version {
            Some(at_least) if known.contains(name) => Ok(Self {
                format: name.to_owned(),
                at_least,
            }),
            _ => Err(serde::de::Error::custom(format!(
                "expected a format such as `cyclonedx>=1.4`, one of {}, found `{}`",
                Vec::from_iter(known).join(", "),
                countersign_image::text::excerpt(&text, 60)
            ))),
        }
    }
}

/// A condition as it is written, over everything that a gate sees.
pub(super) fn condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Condition>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let condition = Condition::parse(&text, condition::declared()).map_err(serde::de::Error::custom)?;
    Ok(vec![condition])
}

//! in-toto statements, versions 0.1 and 1: subjects, and what is said about them.
//!
//! The format is `spec/v1/statement.md` and `spec/v0.1.0` of `in-toto/attestation`.

use std::collections::BTreeMap;

use countersign_image::text::{excerpt, prints};
use countersign_image::{Digest, JsonError, json};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::predicate::{Predicate, PredicateError};

/// The largest statement that is read, in bytes.
pub const MAX_STATEMENT_BYTES: usize = 32 * 1024 * 1024;
/// The most subjects of a statement.
pub const MAX_SUBJECTS: usize = 1024;
/// The longest predicate type, in bytes.
pub const MAX_PREDICATE_TYPE_BYTES: usize = 1024;

/// `_type` of version 0.1.
pub(crate) const V01: &str = "https://in-toto.io/Statement/v0.1";
/// `_type` of version 1.
pub(crate) const V1: &str = "https://in-toto.io/Statement/v1";

/// A statement: some subjects, and what is said about them.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What kind of thing is said: a URI, compared as it is. All its characters print.
    pub predicate_type: String,
    /// What it is said about; at most [`MAX_SUBJECTS`].
    pub subjects: Vec<Subject>,
    /// What is said, as written; `null` where nothing is.
    pub predicate: Box<RawValue>,
}

/// One thing that a statement is about.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Subject {
    /// Its name, if it has one. Nothing is decided by it: images are mirrored.
    #[serde(default)]
    pub name: Option<String>,
    /// Its digests by algorithm, hex.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub digest: BTreeMap<String, String>,
    /// The signer's own annotations.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub annotations: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "_type")]
    version: String,
    predicate_type: String,
    #[serde(default, deserialize_with = "json::null_is_default")]
    subject: Vec<Subject>,
    predicate: Option<Box<RawValue>>,
}

impl Statement {
    /// Reads a statement. It says nothing until the signature over it was verified:
    /// [`verify_envelope`](crate::verify_envelope) does both.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > MAX_STATEMENT_BYTES {
            return Err(StatementError::TooLarge {
                limit: MAX_STATEMENT_BYTES,
                found: bytes.len(),
            });
        }
        let wire: Wire = json::strict(bytes).map_err(StatementError::Json)?;
        if wire.version != V01 && wire.version != V1 {
            return Err(StatementError::Type {
                found: excerpt(&wire.version, 100),
            });
        }
        if !(1..=MAX_PREDICATE_TYPE_BYTES).contains(&wire.predicate_type.len()) {
            let (limit, found) = (MAX_PREDICATE_TYPE_BYTES, wire.predicate_type.len());
            return Err(StatementError::PredicateType { limit, found });
        }
        if !wire.predicate_type.chars().all(prints) {
            return Err(StatementError::Unprintable {
                found: excerpt(&wire.predicate_type, 100),
            });
        }
        if !(1..=MAX_SUBJECTS).contains(&wire.subject.len()) {
            return Err(StatementError::SubjectCount {
                limit: MAX_SUBJECTS,
                found: wire.subject.len(),
            });
        }
        let nothing = || RawValue::from_string("null".to_owned()).expect("`null` is JSON");
        Ok(Self {
            predicate_type: wire.predicate_type,
            subjects: wire.subject,
            predicate: wire.predicate.unwrap_or_else(nothing),
        })
    }

    /// What is said, read as its type says: as unverified as the statement is.
    pub fn typed(&self) -> Result<Predicate, PredicateError> {
        Predicate::read(&self.predicate_type, &self.predicate)
    }

    /// Whether a subject has this digest.
    pub fn names(&self, digest: &Digest) -> bool {
        self.subjects_with(digest).next().is_some()
    }

    /// The subjects that have this digest.
    pub(crate) fn subjects_with(&self, digest: &Digest) -> impl Iterator<Item = &Subject> {
        let (algorithm, hex) = (digest.algorithm().name(), digest.hex());
        self.subjects.iter().filter(move |subject| {
            subject
                .digest
                .get(algorithm)
                .is_some_and(|found| found.eq_ignore_ascii_case(&hex))
        })
    }
}

/// Why bytes are not an in-toto statement that we read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The statement is larger than is read.
    #[error("the statement has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// Not strict JSON, or a field is missing or of the wrong type.
    #[error("the statement is not readable")]
    Json(#[source] JsonError),
    /// The statement is of another version, or something else.
    #[error("statements of type `{found}` are not known; in-toto's versions 0.1 and 1 are")]
    Type {
        /// The type, shortened.
        found: String,
    },
    /// The predicate type is empty or too long.
    #[error("the statement's `predicateType` has {found} bytes, and from 1 to {limit} are read")]
    PredicateType {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// The predicate type has characters that do not print, and would be read as another.
    #[error("the statement's `predicateType` `{found}` has characters that do not print")]
    Unprintable {
        /// The type, shortened and made printable.
        found: String,
    },
    /// The statement is about nothing, or about too much.
    #[error("the statement has {found} subjects, and from 1 to {limit} are read")]
    SubjectCount {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn statement() -> Value {
        json!({
            "_type": V1,
            "subject": [{"name": "x", "digest": {"sha1": "00", "sha256": Digest::sha256(b"").hex()}}],
            "predicateType": "https://example.com/p/v1",
            "predicate": {"b": 1, "a": [2.50]},
        })
    }

    fn parse(value: &Value) -> Result<Statement, StatementError> {
        Statement::parse(value.to_string().as_bytes())
    }

    fn with(fields: Value) -> Value {
        let mut statement = statement();
        statement
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        statement
    }

    fn without(field: &str) -> Value {
        let mut statement = statement();
        statement.as_object_mut().unwrap().remove(field);
        statement
    }

    #[test]
    fn both_versions_are_read_and_the_predicate_stays_as_written() {
        for version in [V01, V1] {
            let text = with(json!({"_type": version})).to_string().replace("2.5", "2.50");
            let read = Statement::parse(text.as_bytes()).unwrap();
            assert_eq!(read.predicate_type, "https://example.com/p/v1");
            assert_eq!(read.predicate.get(), r#"{"a":[2.50],"b":1}"#);
        }
        assert_eq!(parse(&without("predicate")).unwrap().predicate.get(), "null");
        assert!(
            parse(&with(
                json!({"more": {}, "subject": [{"uri": "x", "annotations": null}]})
            ))
            .is_ok()
        );
    }

    #[test]
    fn a_statement_names_what_one_of_its_subjects_hashes_to() {
        let (this, other) = (Digest::sha256(b""), Digest::sha256(b"other"));
        let names =
            |subjects: Value, digest: &Digest| parse(&with(json!({"subject": subjects}))).unwrap().names(digest);
        let upper = this.hex().to_uppercase();
        assert!(names(json!([{"digest": {"sha256": this.hex()}}]), &this));
        assert!(names(
            json!([{"digest": {"sha256": other.hex()}}, {"digest": {"sha256": upper}}]),
            &this
        ));
        assert!(!names(json!([{"digest": {"sha256": other.hex()}}]), &this));
        assert!(!names(json!([{"digest": {"sha512": this.hex()}}]), &this));
        assert!(!names(json!([{"name": this.to_string(), "digest": {}}]), &this));
        assert!(
            !names(json!([{"digest": {"sha256": this.to_string()}}]), &this),
            "hex, without its algorithm"
        );
        assert!(!names(json!([{"digest": {"sha256": &this.hex()[..63]}}]), &this));
    }

    #[test]
    fn what_is_something_else_is_refused() {
        let many = |n: usize| Value::from(vec![json!({"digest": {}}); n]);
        assert!(parse(&with(json!({"subject": many(MAX_SUBJECTS)}))).is_ok());
        let long = "x".repeat(MAX_PREDICATE_TYPE_BYTES + 1);
        for (statement, expected) in [
            (
                with(json!({"_type": "https://in-toto.io/Statement/v2"})),
                StatementError::Type {
                    found: "https://in-toto.io/Statement/v2".into(),
                },
            ),
            (
                with(json!({"subject": []})),
                StatementError::SubjectCount {
                    limit: MAX_SUBJECTS,
                    found: 0,
                },
            ),
            (
                with(json!({"subject": null})),
                StatementError::SubjectCount {
                    limit: MAX_SUBJECTS,
                    found: 0,
                },
            ),
            (
                without("subject"),
                StatementError::SubjectCount {
                    limit: MAX_SUBJECTS,
                    found: 0,
                },
            ),
            (
                with(json!({"subject": many(1025)})),
                StatementError::SubjectCount {
                    limit: MAX_SUBJECTS,
                    found: 1025,
                },
            ),
            (
                with(json!({"predicateType": ""})),
                StatementError::PredicateType { limit: 1024, found: 0 },
            ),
            (
                with(json!({"predicateType": "https://x/\u{202e}v1"})),
                StatementError::Unprintable {
                    found: "https://x/\u{fffd}v1".into(),
                },
            ),
            (
                with(json!({"predicateType": long})),
                StatementError::PredicateType {
                    limit: 1024,
                    found: 1025,
                },
            ),
        ] {
            assert_eq!(parse(&statement).err(), Some(expected));
        }
        for statement in [
            without("_type"),
            without("predicateType"),
            with(json!({"subject": {}})),
            json!("x"),
        ] {
            assert!(matches!(parse(&statement), Err(StatementError::Json(_))), "{statement}");
        }
        let twice = statement()
            .to_string()
            .replace(r#""subject":"#, r#""subject":[],"subject":"#);
        let expected = JsonError::DuplicateKey {
            key: "subject".into(),
            path: String::new(),
        };
        assert_eq!(
            Statement::parse(twice.as_bytes()).err(),
            Some(StatementError::Json(expected))
        );
    }

    proptest! {
        #[test]
        fn mutated_bytes_are_read_or_refused(at: prop::sample::Index, byte: u8, end: prop::sample::Index) {
            let mut mutated = statement().to_string().into_bytes();
            let at = at.index(mutated.len());
            mutated[at] = byte;
            let _ = Statement::parse(&mutated);
            mutated.truncate(end.index(mutated.len()));
            let _ = Statement::parse(&mutated);
        }
    }
}

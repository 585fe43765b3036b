//! cosign's simple-signing payload: the oldest form of an image's signature, and still the commonest.
//!
//! The format is that of `containers-signature(5)` with cosign's own `critical.type`. Fields that are not known are read
//! over, as cosign does; a key that appears twice is refused.

use countersign_image::text::excerpt;
use countersign_image::{Digest, DigestError, JsonError, json};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// The largest payload that is read, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// The `critical.type` of cosign.
pub(crate) const TYPE: &str = "cosign container image signature";

/// A simple-signing payload: it says which manifest was signed, and under which name the signer knew it.
#[derive(Clone, Debug, PartialEq)]
pub struct SimplePayload {
    /// The digest of the manifest that was signed.
    pub digest: Digest,
    /// The name that the signer gave. Images are mirrored, so this is never compared by default.
    pub docker_reference: String,
    /// The signer's own annotations.
    pub optional: Map<String, Value>,
}

#[derive(Deserialize)]
struct Wire {
    critical: Critical,
    #[serde(default, deserialize_with = "json::null_is_default")]
    optional: Map<String, Value>,
}

#[derive(Deserialize)]
struct Critical {
    #[serde(default, deserialize_with = "json::null_is_default")]
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Default, Deserialize)]
struct Identity {
    #[serde(default, rename = "docker-reference", deserialize_with = "json::null_is_default")]
    docker_reference: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

impl SimplePayload {
    /// Reads a payload. It says nothing until the signature over it was verified: [`verify_simple`](crate::verify_simple)
    /// does both.
    pub fn parse(bytes: &[u8]) -> Result<Self, SimpleError> {
        if bytes.len() > MAX_PAYLOAD_BYTES {
            return Err(SimpleError::TooLarge {
                limit: MAX_PAYLOAD_BYTES,
                found: bytes.len(),
            });
        }
        let Wire { critical, optional } = json::strict(bytes).map_err(SimpleError::Json)?;
        if critical.r#type != TYPE {
            return Err(SimpleError::Type {
                found: excerpt(&critical.r#type, 100),
            });
        }
        let digest = Digest::parse(&critical.image.docker_manifest_digest).map_err(SimpleError::Digest)?;
        Ok(Self {
            digest,
            docker_reference: critical.identity.docker_reference,
            optional,
        })
    }
}

/// Why bytes are not a simple-signing payload of cosign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimpleError {
    /// The payload is larger than is read.
    #[error("the payload has {found} bytes, and {limit} are the most")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, in bytes.
        found: usize,
    },
    /// Not strict JSON, or a field is missing or of the wrong type.
    #[error("the payload is not readable")]
    Json(#[source] JsonError),
    /// The payload is of another kind: signed by the same key, perhaps, but to say something else.
    #[error("the payload's `critical.type` is `{found}`, and `{TYPE}` is wanted")]
    Type {
        /// The type, shortened.
        found: String,
    },
    /// The digest is wrong.
    #[error("the payload's `docker-manifest-digest` is wrong")]
    Digest(#[source] DigestError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn payload() -> Value {
        json!({
            "critical": {
                "identity": {"docker-reference": "ghcr.io/a/b"},
                "image": {"docker-manifest-digest": Digest::sha256(b"")},
                "type": TYPE,
            },
            "optional": {"env": "prod", "build": 42},
        })
    }

    fn parse(value: &Value) -> Result<SimplePayload, SimpleError> {
        SimplePayload::parse(value.to_string().as_bytes())
    }

    /// The payload with the value at a pointer replaced, or its last key removed.
    fn with(pointer: &str, value: Option<Value>) -> Value {
        let mut payload = payload();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let object = payload.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => object.insert(key.to_owned(), value),
            None => object.remove(key),
        };
        payload
    }

    #[test]
    fn what_cosign_writes_is_read() {
        let read = parse(&payload()).unwrap();
        assert_eq!(
            (read.digest, read.docker_reference.as_str()),
            (Digest::sha256(b""), "ghcr.io/a/b")
        );
        assert_eq!(Value::from(read.optional), json!({"env": "prod", "build": 42}));
        for tolerated in [
            with("/optional", Some(Value::Null)),
            with("/optional", None),
            with("/critical/identity", None),
            with("/critical/identity", Some(json!({}))),
            with("/critical/more", Some(json!([1]))),
            with("/more", Some(json!({"a": {}}))),
        ] {
            assert!(parse(&tolerated).is_ok(), "{tolerated}");
        }
    }

    #[test]
    fn what_is_something_else_is_refused() {
        for (payload, expected) in [
            (
                with("/critical/type", Some(json!("atomic container signature"))),
                SimpleError::Type {
                    found: "atomic container signature".into(),
                },
            ),
            (
                with("/critical/image/docker-manifest-digest", Some(json!("latest"))),
                SimpleError::Digest(DigestError::NoAlgorithm),
            ),
            (
                with(
                    "/more",
                    Some(Value::from("x".repeat(MAX_PAYLOAD_BYTES - payload().to_string().len()))),
                ),
                SimpleError::TooLarge {
                    limit: MAX_PAYLOAD_BYTES,
                    found: MAX_PAYLOAD_BYTES + 10,
                },
            ),
        ] {
            assert_eq!(parse(&payload), Err(expected));
        }
        for payload in [
            with("/critical", None),
            with("/critical/type", None),
            with("/critical/image", None),
            with("/critical/image", Some(json!("sha256:…"))),
            with("/critical/image/docker-manifest-digest", Some(json!(["sha256:…"]))),
            with("/critical/identity", Some(json!("ghcr.io/a/b"))),
            with("/optional", Some(json!("text"))),
            json!([]),
        ] {
            assert!(
                matches!(parse(&payload), Err(SimpleError::Json(JsonError::Malformed { .. }))),
                "{payload}"
            );
        }
    }

    #[test]
    fn a_second_digest_is_refused_wherever_it_stands() {
        let digest = |byte: u8| format!(r#""docker-manifest-digest":"{}""#, Digest::sha256(&[byte]));
        let text = payload().to_string();
        let one = format!(r#""docker-manifest-digest":"{}""#, Digest::sha256(b""));
        assert!(text.contains(&one));
        for two in [format!("{},{one}", digest(1)), format!("{one},{}", digest(1))] {
            assert_eq!(
                SimplePayload::parse(text.replace(&one, &two).as_bytes()),
                Err(SimpleError::Json(JsonError::DuplicateKey {
                    key: "docker-manifest-digest".into(),
                    path: "/critical/image".into()
                }))
            );
        }
    }

    proptest! {
        #[test]
        fn mutated_bytes_are_read_or_refused(at: prop::sample::Index, byte: u8, end: prop::sample::Index) {
            let mut mutated = payload().to_string().into_bytes();
            let at = at.index(mutated.len());
            mutated[at] = byte;
            let _ = SimplePayload::parse(&mutated);
            mutated.truncate(end.index(mutated.len()));
            let _ = SimplePayload::parse(&mutated);
        }
    }
}

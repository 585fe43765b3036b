//! Kubernetes objects from files, as the API server would ask about them if they were created now.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use countersign_admission::{Question, Review, WorkloadError, question};
use countersign_policy::ObjectFacts;
use countersign_server::admission::facts;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::files;
use crate::yaml;

/// The most bytes that a file with objects may have.
const MAX_BYTES: u64 = 16 << 20;

/// An object, and the images in it.
pub(super) struct Object {
    pub(super) file: PathBuf,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// Each image with the fields that name it.
    Images {
        facts: ObjectFacts,
        fields: BTreeMap<String, Vec<String>>,
    },
    /// No image comes in with it, and why.
    Nothing(String),
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}

/// All objects of a file: several documents, and lists, are taken apart.
pub(super) fn read(file: &Path) -> Result<Vec<Object>, Failure> {
    let wrong = |error: anyhow::Error| Failure::misuse(error).context(format!("`{}` cannot be read", file.display()));
    let text = files::read_text(file, MAX_BYTES)?;
    let documents: Vec<Value> = yaml::all(&text).map_err(|error| wrong(error.into()))?;
    let mut objects = Vec::new();
    for document in documents {
        for object in unlisted(document) {
            objects.push(looked_through(&object, file).map_err(wrong)?);
        }
    }
    if objects.is_empty() {
        return Err(wrong(anyhow::anyhow!("it holds no object")));
    }
    Ok(objects)
}

/// What stands in a list, as `kubectl get -o yaml` prints it; an empty document is nothing.
fn unlisted(document: Value) -> Vec<Value> {
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut fields) if fields.get("kind").is_some_and(|kind| kind == "List") => {
            match fields.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        object => vec![object],
    }
}

fn looked_through(object: &Value, file: &Path) -> anyhow::Result<Object> {
    let (Some(api_version), Some(kind)) = (object["apiVersion"].as_str(), object["kind"].as_str()) else {
        anyhow::bail!("what stands in it has no `apiVersion` or no `kind`, and is no Kubernetes object");
    };
    let metadata = &object["metadata"];
    let name = metadata["name"]
        .as_str()
        .or_else(|| metadata["generateName"].as_str())
        .unwrap_or("?")
        .to_owned();
    let review = Review::parse(review(object, api_version, kind).into())?;
    let content = match question(&review) {
        Ok(Question::Uses(uses)) => {
            let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for each in uses {
                fields.entry(each.image).or_default().push(each.path.to_string());
            }
            Content::Images {
                facts: facts(&review),
                fields,
            }
        }
        Ok(Question::NothingToJudge(why)) => Content::Nothing(why.to_string()),
        // Manifests hold services and settings too, about which the API server is not told to ask.
        Err(error @ WorkloadError::UnknownKind { .. }) => Content::Nothing(error.to_string()),
        Err(error) => return Err(anyhow::Error::from(error).context(format!("{kind}/{name}"))),
    };
    Ok(Object {
        file: file.to_owned(),
        kind: kind.to_owned(),
        name,
        content,
    })
}

/// What the API server would send if the object were created.
fn review(object: &Value, api_version: &str, kind: &str) -> Vec<u8> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "policy-test",
            "operation": "CREATE",
            "kind": { "group": group, "version": version, "kind": kind },
            // Every built-in kind that carries a Pod has a regular plural.
            "resource": { "group": group, "version": version, "resource": format!("{}s", kind.to_lowercase()) },
            "namespace": object["metadata"]["namespace"].as_str().unwrap_or("default"),
            "name": object["metadata"]["name"].as_str().unwrap_or_default(),
            "userInfo": {},
            "object": object,
        },
    });
    review.to_string().into_bytes()
}

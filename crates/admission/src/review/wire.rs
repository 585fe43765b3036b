//! The review as it is written (`k8s.io/api/admission/v1`), and what has to be in it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{API_VERSION, MAX_UID, Operation, ReviewErrorKind};
use crate::FieldPath;
use crate::object::Node;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    kind: Option<String>,
    api_version: Option<String>,
    request: Option<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) uid: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) kind: Option<GroupVersionKind>,
    pub(super) resource: Option<GroupVersionResource>,
    pub(super) sub_resource: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) user_info: Option<UserInfo>,
    pub(super) dry_run: Option<bool>,
    pub(super) object: Option<Box<RawValue>>,
    pub(super) old_object: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
pub(super) struct UserInfo {
    pub(super) username: Option<String>,
}

/// A kind of object, with its group and version; the group of what Kubernetes began with is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct GroupVersionKind {
    /// The group, `apps`.
    #[serde(default)]
    pub group: String,
    /// The version, `v1`.
    pub version: String,
    /// The kind, `Deployment`.
    pub kind: String,
}

/// A resource, with its group and version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct GroupVersionResource {
    /// The group, `apps`.
    #[serde(default)]
    pub group: String,
    /// The version, `v1`.
    pub version: String,
    /// The resource, `deployments`.
    pub resource: String,
}

impl fmt::Display for GroupVersionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_group(f, &self.group)?;
        write!(f, "{} {}", self.version, self.kind)
    }
}

impl fmt::Display for GroupVersionResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_group(f, &self.group)?;
        write!(f, "{} {}", self.version, self.resource)
    }
}

fn write_group(f: &mut fmt::Formatter<'_>, group: &str) -> fmt::Result {
    if group.is_empty() {
        Ok(())
    } else {
        write!(f, "{group}/")
    }
}

impl Envelope {
    /// The request in it, if this is a review of the version that we answer.
    pub(super) fn request(self) -> Result<Request, ReviewErrorKind> {
        let kind = named("kind", self.kind)?;
        if kind != "AdmissionReview" {
            return Err(ReviewErrorKind::NotAReview { found: shortened(kind) });
        }
        let version = named("apiVersion", self.api_version)?;
        if version != API_VERSION {
            return Err(ReviewErrorKind::Version {
                found: shortened(version),
            });
        }
        named("request", self.request)
    }
}

pub(super) fn named<T>(field: &'static str, value: Option<T>) -> Result<T, ReviewErrorKind> {
    value.ok_or(ReviewErrorKind::Missing { field })
}

pub(super) fn uid(uid: Option<String>) -> Result<String, ReviewErrorKind> {
    let uid = named("request.uid", uid.filter(|uid| !uid.is_empty()))?;
    if uid.len() > MAX_UID {
        return Err(ReviewErrorKind::LongUid { length: uid.len() });
    }
    Ok(uid)
}

pub(super) fn operation(operation: Option<String>) -> Result<Operation, ReviewErrorKind> {
    let operation = named("request.operation", operation)?;
    match operation.as_str() {
        "CREATE" => Ok(Operation::Create),
        "UPDATE" => Ok(Operation::Update),
        "DELETE" => Ok(Operation::Delete),
        "CONNECT" => Ok(Operation::Connect),
        _ => Err(ReviewErrorKind::Operation {
            found: shortened(operation),
        }),
    }
}

/// That what stands for an object in the review is one, where there is anything.
pub(super) fn object(
    field: &'static str,
    value: Option<Box<RawValue>>,
) -> Result<Option<Box<RawValue>>, ReviewErrorKind> {
    if let Some(value) = &value {
        Node::at(value, FieldPath::root().field("request").field(field)).is_object()?;
    }
    Ok(value)
}

/// The object's labels, if it is what the review says where it names its kind. The API server always agrees with itself.
/// Both in one reading: objects are large, and every review passes here.
pub(super) fn labels_of_kind(
    object: &RawValue,
    kind: &GroupVersionKind,
) -> Result<BTreeMap<String, String>, ReviewErrorKind> {
    let [named, metadata] = Node::root(object).fields(["kind", "metadata"])?;
    if let Some(named) = named {
        let found = named.text()?;
        if found != kind.kind {
            return Err(ReviewErrorKind::OtherKind {
                expected: shortened(kind.kind.clone()),
                found: shortened(found),
            });
        }
    }
    let Some(metadata) = metadata else {
        return Ok(BTreeMap::new());
    };
    let [labels] = metadata.fields(["labels"])?;
    Ok(labels.map(|labels| labels.texts()).transpose()?.unwrap_or_default())
}

/// What is quoted in an error is not ours, and may be of any length.
fn shortened(text: String) -> String {
    const LIMIT: usize = 64;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

//! The review as it is written (`k8s.io/api/admission/v1`), and what has to be in it.

use std::collections::BTreeMap;
use std::fmt;

use countersign_image::json::Kept;

use super::{API_VERSION, MAX_UID, Operation, ReviewErrorKind};
use crate::object::{Node, ShapeError};

/// A kind of object, with its group and version; the group of what Kubernetes began with is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupVersionKind {
    /// The group, `apps`.
    pub group: String,
    /// The version, `v1`.
    pub version: String,
    /// The kind, `Deployment`.
    pub kind: String,
}

/// A resource, with its group and version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupVersionResource {
    /// The group, `apps`.
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

/// The request in it, if this is a review of the version that we answer.
pub(super) fn request<'k, 'p>(review: &'p Node<'k, '_>) -> Result<Node<'k, 'p>, ReviewErrorKind> {
    let kind = named("kind", text(review, "kind")?)?;
    if kind != "AdmissionReview" {
        return Err(ReviewErrorKind::NotAReview { found: shortened(kind) });
    }
    let version = named("apiVersion", text(review, "apiVersion")?)?;
    if version != API_VERSION {
        return Err(ReviewErrorKind::Version {
            found: shortened(version),
        });
    }
    named("request", review.field("request")?)
}

fn named<T>(field: &'static str, value: Option<T>) -> Result<T, ReviewErrorKind> {
    value.ok_or(ReviewErrorKind::Missing { field })
}

/// A text that may be absent.
fn text<'k>(of: &Node<'k, '_>, field: &'static str) -> Result<Option<&'k str>, ShapeError> {
    of.field(field)?.map(|field| field.text()).transpose()
}

/// A text that is as good as absent where it is empty.
pub(super) fn name(of: &Node<'_, '_>, field: &'static str) -> Result<Option<String>, ShapeError> {
    let text = text(of, field)?.filter(|text| !text.is_empty());
    Ok(text.map(ToOwned::to_owned))
}

pub(super) fn uid(request: &Node<'_, '_>) -> Result<String, ReviewErrorKind> {
    let uid = named("request.uid", name(request, "uid")?)?;
    if uid.len() > MAX_UID {
        return Err(ReviewErrorKind::LongUid { length: uid.len() });
    }
    Ok(uid)
}

pub(super) fn operation(request: &Node<'_, '_>) -> Result<Operation, ReviewErrorKind> {
    let operation = named("request.operation", text(request, "operation")?)?;
    match operation {
        "CREATE" => Ok(Operation::Create),
        "UPDATE" => Ok(Operation::Update),
        "DELETE" => Ok(Operation::Delete),
        "CONNECT" => Ok(Operation::Connect),
        _ => Err(ReviewErrorKind::Operation {
            found: shortened(operation),
        }),
    }
}

pub(super) fn kind(request: &Node<'_, '_>) -> Result<GroupVersionKind, ReviewErrorKind> {
    let kind = named("request.kind", request.field("kind")?)?;
    Ok(GroupVersionKind {
        group: name(&kind, "group")?.unwrap_or_default(),
        version: kind.needed("version")?.text()?.to_owned(),
        kind: kind.needed("kind")?.text()?.to_owned(),
    })
}

pub(super) fn resource(request: &Node<'_, '_>) -> Result<GroupVersionResource, ReviewErrorKind> {
    let resource = named("request.resource", request.field("resource")?)?;
    Ok(GroupVersionResource {
        group: name(&resource, "group")?.unwrap_or_default(),
        version: resource.needed("version")?.text()?.to_owned(),
        resource: resource.needed("resource")?.text()?.to_owned(),
    })
}

pub(super) fn user(request: &Node<'_, '_>) -> Result<String, ShapeError> {
    let user = match request.field("userInfo")? {
        Some(info) => name(&info, "username")?,
        None => None,
    };
    Ok(user.unwrap_or_default())
}

pub(super) fn dry_run(request: &Node<'_, '_>) -> Result<bool, ShapeError> {
    request.field("dryRun")?.map_or(Ok(false), |dry_run| dry_run.boolean())
}

/// What stands for an object in the review, which has to be one where there is anything.
pub(super) fn object<'k>(request: &Node<'k, '_>, field: &'static str) -> Result<Option<&'k Kept>, ReviewErrorKind> {
    let object = request.field(field)?.map(|object| object.object()).transpose();
    object.map_err(ReviewErrorKind::Object)
}

/// The object's labels, if it is what the review says where it names its kind. The API server always agrees with itself.
pub(super) fn labels_of_kind(
    object: &Kept,
    kind: &GroupVersionKind,
) -> Result<BTreeMap<String, String>, ReviewErrorKind> {
    let object = Node::root(object);
    if let Some(found) = text(&object, "kind").map_err(ReviewErrorKind::Object)?
        && found != kind.kind
    {
        return Err(ReviewErrorKind::OtherKind {
            expected: shortened(&kind.kind),
            found: shortened(found),
        });
    }
    labels(&object).map_err(ReviewErrorKind::Object)
}

fn labels(object: &Node<'_, '_>) -> Result<BTreeMap<String, String>, ShapeError> {
    let Some(metadata) = object.field("metadata")? else {
        return Ok(BTreeMap::new());
    };
    let labels = metadata.field("labels")?;
    labels.map_or(Ok(BTreeMap::new()), |labels| labels.texts())
}

/// Whether the stored object is marked for deletion.
pub(super) fn deleting(old_object: &Kept) -> Result<bool, ShapeError> {
    let object = Node::root(old_object);
    let Some(metadata) = object.field("metadata")? else {
        return Ok(false);
    };
    Ok(metadata.field("deletionTimestamp")?.is_some())
}

/// What is quoted in an error is not ours, and may be of any length.
fn shortened(text: &str) -> String {
    const LIMIT: usize = 64;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

//! Every place where an image hides in an object, and which of them an update only carries over.

mod carried;
mod error;
mod kind;
mod pod;

use std::fmt;

use countersign_image::json::Kept;

pub use self::error::WorkloadError;
use self::kind::{Place, SubResource, Workload};
use self::pod::Found;
use crate::FieldPath;
use crate::object::{Node, ShapeError};
use crate::review::{Operation, Review};

/// How many images one object may name.
pub const MAX_USES: usize = 1000;

/// What there is to judge in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// These images; there is at least one.
    Uses(Vec<Use>),
    /// No image comes in by it.
    NothingToJudge(Why),
}

/// One place of an object that names an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Where the name stands.
    pub path: FieldPath,
    /// What the image is for.
    pub part: Part,
    /// The name, as it stands there.
    pub image: String,
    /// What the stored object says in the same place.
    pub carried: Carried,
}

/// What an image is for in a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// `initContainers`
    Init,
    /// `containers`
    Container,
    /// `ephemeralContainers`
    Ephemeral,
    /// `volumes[].image`
    Volume,
}

/// What the stored object says of a use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Nothing, or something else: it is to be judged.
    New,
    /// The same, and the rules of an update let it stand unjudged.
    Unchanged,
    /// `name:tag@digest`, where the author has written `name:tag` again: the mutating webhook gives the stored text back,
    /// so that a manifest applied twice changes nothing. The validating webhook judges the text that it sees.
    Stored(String),
}

/// Why a request brings no image in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing is stored that runs.
    Operation(Operation),
    /// The sub-resource cannot change an image.
    SubResource {
        /// The resource, `pods`.
        resource: String,
        /// The sub-resource, `status`.
        sub_resource: String,
    },
    /// The template is optional, and not there.
    NoTemplate(FieldPath),
    /// The object names none. The API server stores no Pod without a container.
    NoImage,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(operation) => write!(f, "{operation} stores no image"),
            Self::SubResource { resource, sub_resource } => write!(f, "`{resource}/{sub_resource}` changes no image"),
            Self::NoTemplate(path) => write!(f, "there is no `{path}`"),
            Self::NoImage => f.write_str("the object names no image"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "init container",
            Self::Container => "container",
            Self::Ephemeral => "ephemeral container",
            Self::Volume => "image volume",
        })
    }
}

/// What there is to judge in a review.
///
/// 1. DELETE and CONNECT store nothing.
/// 2. A sub-resource either is the whole Pod again or cannot change an image; one that is not known is refused.
/// 3. The kind says where the Pod is; one that is not known is refused.
/// 4. Every image in it is found.
/// 5. For an UPDATE, what is only carried over is told apart.
///
/// # Errors
/// Whatever keeps us from knowing all images: nothing is skipped.
pub fn question(review: &Review) -> Result<Question, WorkloadError> {
    // 1.
    let operation = review.operation();
    if matches!(operation, Operation::Delete | Operation::Connect) {
        return Ok(Question::NothingToJudge(Why::Operation(operation)));
    }
    // 2.
    if let Some(name) = review.sub_resource() {
        match kind::sub_resource(&review.resource().group, &review.resource().resource, name) {
            Some(SubResource::WholePod) => {}
            Some(SubResource::NoImage) => return Ok(Question::NothingToJudge(by_sub_resource(review, name))),
            None => return Err(WorkloadError::unknown_sub_resource(review, name)),
        }
    }
    // 3.
    let workload = kind::workload(review.kind()).ok_or_else(|| WorkloadError::unknown_kind(review))?;
    // 4.
    let object = review.object().ok_or(WorkloadError::NoObject { operation })?;
    let found = match images(object, &workload).map_err(WorkloadError::Object)? {
        Images::NoTemplate(path) => return Ok(Question::NothingToJudge(Why::NoTemplate(path))),
        Images::Found(found) if found.is_empty() => return Ok(Question::NothingToJudge(Why::NoImage)),
        Images::Found(found) => found,
    };
    if found.len() > MAX_USES {
        return Err(WorkloadError::TooManyUses { found: found.len() });
    }
    // 5.
    let uses = match review.old_object() {
        Some(old) if operation == Operation::Update => update(review, &workload, object, old, found)?,
        _ => found.into_iter().map(|found| found.carried(Carried::New)).collect(),
    };
    Ok(Question::Uses(uses))
}

fn by_sub_resource(review: &Review, name: &str) -> Why {
    Why::SubResource {
        resource: review.resource().resource.clone(),
        sub_resource: name.to_owned(),
    }
}

enum Images<'a> {
    Found(Vec<Found<'a>>),
    NoTemplate(FieldPath),
}

fn images<'a>(object: &'a Kept, workload: &Workload) -> Result<Images<'a>, ShapeError> {
    under(&Node::root(object), workload.way, workload)
}

/// Follows the way to the Pod's spec.
fn under<'a>(node: &Node<'a, '_>, way: &[&'static str], workload: &Workload) -> Result<Images<'a>, ShapeError> {
    let Some((name, rest)) = way.split_first() else {
        return pod::images(node, workload.place).map(Images::Found);
    };
    match node.field(name)? {
        Some(next) => under(&next, rest, workload),
        None if *name == "template" && workload.template_is_optional => Ok(Images::NoTemplate(node.path().field(name))),
        None => Err(node.missing(name)),
    }
}

fn update(
    review: &Review,
    workload: &Workload,
    object: &Kept,
    old: &Kept,
    found: Vec<Found<'_>>,
) -> Result<Vec<Use>, WorkloadError> {
    let stored = match images(old, workload).map_err(WorkloadError::OldObject)? {
        Images::Found(stored) => stored,
        Images::NoTemplate(_) => Vec::new(),
    };
    Ok(match workload.place {
        Place::Pod => carried::in_pod(found, &stored),
        Place::Template => {
            let leaving = review.deleting() || shrinks(workload, object, old)?;
            carried::in_template(found, &stored, leaving)
        }
    })
}

/// Whether fewer Pods are asked for than before.
fn shrinks(workload: &Workload, object: &Kept, old: &Kept) -> Result<bool, WorkloadError> {
    if !workload.scales {
        return Ok(false);
    }
    let new = replicas(object).map_err(WorkloadError::Object)?;
    let old = replicas(old).map_err(WorkloadError::OldObject)?;
    Ok(new < old)
}

/// One, where the author leaves it to Kubernetes.
fn replicas(object: &Kept) -> Result<i64, ShapeError> {
    let object = Node::root(object);
    let spec = object.needed("spec")?;
    spec.field("replicas")?.map_or(Ok(1), |replicas| replicas.integer())
}

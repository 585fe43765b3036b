//! The question as it arrives: an AdmissionReview (`admission.k8s.io/v1`), read strictly where a decision depends on it.
//!
//! All of it is looked at once, and little is kept of it: of the object only where images stand and what policies ask for.
//! The object is never built and written again, so a field that we do not know cannot get lost.

mod error;
mod uid;
mod wanted;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use countersign_image::json::{self, Kept};

pub use self::error::{ReviewError, ReviewErrorKind};
pub use self::wire::{GroupVersionKind, GroupVersionResource};
use crate::object::Node;

/// The longest uid that is echoed; the API server's have 36 characters.
pub const MAX_UID: usize = 256;

/// The only version of the review that is answered.
pub const API_VERSION: &str = "admission.k8s.io/v1";

/// What is done to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// It is new.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// A connection to it is opened: `exec`, `attach`, `portforward`, `proxy`.
    Connect,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        })
    }
}

/// One request of the API server.
#[derive(Clone, Debug)]
pub struct Review {
    uid: String,
    operation: Operation,
    kind: GroupVersionKind,
    resource: GroupVersionResource,
    sub_resource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    user: String,
    dry_run: bool,
    object: Option<Kept>,
    old_object: Option<Kept>,
    labels: BTreeMap<String, String>,
    deleting: bool,
}

impl Review {
    /// Reads a review. How large it may be is the door's to say; how deep it may nest, and that no key stands in it twice,
    /// is [`countersign_image::json`]'s. Fields of the review that are not known are ignored, as the API grows.
    ///
    /// # Errors
    /// What is wrong with it, with its uid wherever one can be read, so that the refusal can be told to whoever asked.
    pub fn parse(body: Bytes) -> Result<Self, ReviewError> {
        Self::read(&body).map_err(|kind| ReviewError {
            uid: uid::of(&body),
            kind,
        })
    }

    fn read(body: &[u8]) -> Result<Self, ReviewErrorKind> {
        let mut document = json::keep(body, &wanted::REVIEW).map_err(ReviewErrorKind::Json)?;
        let mut review = Self::of(&document)?;
        review.object = taken(&mut document, "object");
        review.old_object = taken(&mut document, "oldObject");
        Ok(review)
    }

    /// All but the objects themselves.
    fn of(document: &Kept) -> Result<Self, ReviewErrorKind> {
        let document = Node::root(document);
        let request = wire::request(&document)?;
        let uid = wire::uid(&request)?;
        let operation = wire::operation(&request)?;
        let kind = wire::kind(&request)?;
        let labels = match wire::object(&request, "object")? {
            Some(object) => wire::labels_of_kind(object, &kind)?,
            None => BTreeMap::new(),
        };
        let deleting = match wire::object(&request, "oldObject")? {
            Some(object) => wire::deleting(object).map_err(ReviewErrorKind::Object)?,
            None => false,
        };
        Ok(Self {
            uid,
            operation,
            labels,
            deleting,
            kind,
            resource: wire::resource(&request)?,
            sub_resource: wire::name(&request, "subResource")?,
            namespace: wire::name(&request, "namespace")?,
            name: wire::name(&request, "name")?,
            user: wire::user(&request)?,
            dry_run: wire::dry_run(&request)?,
            object: None,
            old_object: None,
        })
    }

    /// What the API server calls this request; the answer carries it back.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// What is done.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The kind of the object as it was sent to us. Where the webhook's rules match an equivalent resource, the API server
    /// converts, and what the caller sent (`requestKind`) is of another kind: this one is the object's.
    pub fn kind(&self) -> &GroupVersionKind {
        &self.kind
    }

    /// The resource, as it matched the webhook's rules.
    pub fn resource(&self) -> &GroupVersionResource {
        &self.resource
    }

    /// The sub-resource, `ephemeralcontainers` for instance.
    pub fn sub_resource(&self) -> Option<&str> {
        self.sub_resource.as_deref()
    }

    /// The namespace; none for what belongs to the cluster.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The object's name; none if the API server is still to make one up (`generateName`).
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What was kept of the object as it is to be; none for DELETE.
    pub(crate) fn object(&self) -> Option<&Kept> {
        self.object.as_ref()
    }

    /// What was kept of the object as it is stored; UPDATE and DELETE have it.
    pub(crate) fn old_object(&self) -> Option<&Kept> {
        self.old_object.as_ref()
    }

    /// Whether nothing will be stored whatever the answer.
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// Who asks; empty if the API server does not say.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The labels of the object itself, not of a template in it.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.labels.clone()
    }

    /// Whether the *stored* object is marked for deletion. A mark in the new object proves nothing: before the API server
    /// has checked the update, it is what the caller wrote (the hole of CVE-2023-34091).
    pub fn deleting(&self) -> bool {
        self.deleting
    }
}

/// An object out of a review that was read.
fn taken(document: &mut Kept, name: &str) -> Option<Kept> {
    let object = document.field_mut("request")?.field_mut(name)?;
    Some(std::mem::take(object)).filter(|object| !matches!(object, Kept::Null))
}

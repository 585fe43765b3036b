//! The question as it arrives: an AdmissionReview (`admission.k8s.io/v1`), read strictly where a decision depends on it.
//!
//! The object in it stays the bytes that the API server sent: it is never built and written again, so a field that we do
//! not know cannot get lost.

mod error;
mod uid;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use countersign_image::json;
use serde_json::value::RawValue;

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
    object: Option<Box<RawValue>>,
    old_object: Option<Box<RawValue>>,
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
        let envelope: wire::Envelope = json::strict(body).map_err(ReviewErrorKind::Json)?;
        let request = envelope.request()?;
        let uid = wire::uid(request.uid)?;
        let operation = wire::operation(request.operation)?;
        let kind = wire::named("request.kind", request.kind)?;
        let object = wire::object("object", request.object)?;
        let old_object = wire::object("oldObject", request.old_object)?;
        let labels = match &object {
            Some(object) => wire::labels_of_kind(object, &kind)?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            uid,
            operation,
            labels,
            deleting: deleting(old_object.as_deref())?,
            kind,
            resource: wire::named("request.resource", request.resource)?,
            sub_resource: request.sub_resource.filter(|name| !name.is_empty()),
            namespace: request.namespace.filter(|name| !name.is_empty()),
            name: request.name.filter(|name| !name.is_empty()),
            user: request.user_info.unwrap_or_default().username.unwrap_or_default(),
            dry_run: request.dry_run.unwrap_or(false),
            object,
            old_object,
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

    /// The object as it is to be, byte for byte; none for DELETE.
    pub fn object(&self) -> Option<&RawValue> {
        self.object.as_deref()
    }

    /// The object as it is stored, byte for byte; UPDATE and DELETE have it.
    pub fn old_object(&self) -> Option<&RawValue> {
        self.old_object.as_deref()
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

fn deleting(old_object: Option<&RawValue>) -> Result<bool, ReviewErrorKind> {
    let Some(object) = old_object else {
        return Ok(false);
    };
    let [metadata] = Node::root(object).fields(["metadata"])?;
    let Some(metadata) = metadata else {
        return Ok(false);
    };
    let [since] = metadata.fields(["deletionTimestamp"])?;
    Ok(since.is_some())
}

//! What is read of a review: all that a decision depends on, and nothing else of objects that may be large.

use countersign_image::json::Wanted::{self, Elements, Fields, Itself, Map};

/// How many elements of one list are read; volumes count although most are no images.
const MAX_ELEMENTS: usize = 10_000;

pub(super) static REVIEW: Wanted = Fields(&[("kind", Itself), ("apiVersion", Itself), ("request", REQUEST)]);

const REQUEST: Wanted = Fields(&[
    ("uid", Itself),
    (
        "kind",
        Fields(&[("group", Itself), ("version", Itself), ("kind", Itself)]),
    ),
    (
        "resource",
        Fields(&[("group", Itself), ("version", Itself), ("resource", Itself)]),
    ),
    ("subResource", Itself),
    ("name", Itself),
    ("namespace", Itself),
    ("operation", Itself),
    ("userInfo", Fields(&[("username", Itself)])),
    ("object", OBJECT),
    ("oldObject", OBJECT),
    ("dryRun", Itself),
]);

/// An object of any kind: whether it is one whose images we know, and where in it they are, is for later to say.
const OBJECT: Wanted = Fields(&[
    ("kind", Itself),
    ("metadata", Fields(&[("labels", Map), ("deletionTimestamp", Itself)])),
    ("spec", SPEC),
    ("template", TEMPLATE),
]);

/// A Pod's, and that of whatever makes Pods.
const SPEC: Wanted = Fields(&[
    ("initContainers", CONTAINERS),
    ("containers", CONTAINERS),
    ("ephemeralContainers", CONTAINERS),
    ("volumes", VOLUMES),
    ("replicas", Itself),
    ("template", TEMPLATE),
    ("jobTemplate", Fields(&[("spec", Fields(&[("template", TEMPLATE)]))])),
]);

const TEMPLATE: Wanted = Fields(&[("spec", POD)]);

const POD: Wanted = Fields(&[
    ("initContainers", CONTAINERS),
    ("containers", CONTAINERS),
    ("ephemeralContainers", CONTAINERS),
    ("volumes", VOLUMES),
]);

const CONTAINERS: Wanted = Elements {
    of: &Fields(&[("name", Itself), ("image", Itself)]),
    limit: MAX_ELEMENTS,
};

const VOLUMES: Wanted = Elements {
    of: &Fields(&[("name", Itself), ("image", Fields(&[("reference", Itself)]))]),
    limit: MAX_ELEMENTS,
};

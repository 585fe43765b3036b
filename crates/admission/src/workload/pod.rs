//! The places of a Pod's spec that name images: three lists of containers, and the volumes that are images.

use super::kind::Place;
use super::{Carried, Part, Use};
use crate::FieldPath;
use crate::object::{Node, ShapeError};

/// How many elements of one list are read; volumes count although most are no images.
const MAX_ELEMENTS: usize = 10_000;

/// An image, with the name by which the stored object knows its container or volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: FieldPath,
    pub(super) part: Part,
    pub(super) name: Option<String>,
    pub(super) image: String,
}

impl Found {
    pub(super) fn carried(self, carried: Carried) -> Use {
        Use {
            path: self.path,
            part: self.part,
            image: self.image,
            carried,
        }
    }
}

/// All images of a Pod's spec.
///
/// A container without an image is an error: the API server refuses it too, in a template as well, so whatever is to fill
/// it in has to be called before us.
pub(super) fn images(spec: &Node<'_>, place: Place) -> Result<Vec<Found>, ShapeError> {
    let names = ["initContainers", "containers", "ephemeralContainers", "volumes"];
    let [init, containers, ephemeral, volumes] = spec.fields(names)?;
    let mut found = Vec::new();
    for (list, part) in [
        (init, Part::Init),
        (containers, Part::Container),
        (ephemeral, Part::Ephemeral),
    ] {
        for container in elements(list)? {
            found.push(of_container(&container, part)?);
        }
    }
    for volume in elements(volumes)? {
        found.extend(of_volume(&volume, place)?);
    }
    Ok(found)
}

fn elements(list: Option<Node<'_>>) -> Result<Vec<Node<'_>>, ShapeError> {
    list.map_or(Ok(Vec::new()), |list| list.elements(MAX_ELEMENTS))
}

fn of_container(container: &Node<'_>, part: Part) -> Result<Found, ShapeError> {
    let [name, image] = container.fields(["name", "image"])?;
    let path = container.path().field("image");
    match text(image)? {
        Some(image) => Ok(Found {
            path,
            part,
            name: text(name)?,
            image,
        }),
        None => Err(ShapeError::Missing { path }),
    }
}

/// A template may leave the reference of an image volume to whoever makes the Pod (`ImageVolumeSource` in
/// `k8s.io/api/core/v1`): then there is nothing to judge in it yet. A Pod may not.
fn of_volume(volume: &Node<'_>, place: Place) -> Result<Option<Found>, ShapeError> {
    let [name, source] = volume.fields(["name", "image"])?;
    let Some(source) = source else { return Ok(None) };
    let [reference] = source.fields(["reference"])?;
    let path = source.path().field("reference");
    match (text(reference)?, place) {
        (Some(image), _) => Ok(Some(Found {
            path,
            part: Part::Volume,
            name: text(name)?,
            image,
        })),
        (None, Place::Template) => Ok(None),
        (None, Place::Pod) => Err(ShapeError::Missing { path }),
    }
}

/// The text, if there is any: Go cannot tell an empty string from none.
fn text(node: Option<Node<'_>>) -> Result<Option<String>, ShapeError> {
    let text = node.map(|node| node.text()).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

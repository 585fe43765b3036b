//! The places of a Pod's spec that name images: three lists of containers, and the volumes that are images.

use super::kind::Place;
use super::{Carried, Part, Use};
use crate::FieldPath;
use crate::object::{Node, ShapeError};

/// An image, with the name by which the stored object knows its container or volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) path: FieldPath,
    pub(super) part: Part,
    pub(super) name: Option<&'a str>,
    pub(super) image: &'a str,
}

impl Found<'_> {
    pub(super) fn carried(self, carried: Carried) -> Use {
        Use {
            path: self.path,
            part: self.part,
            image: self.image.to_owned(),
            carried,
        }
    }
}

/// All images of a Pod's spec.
///
/// A container without an image is an error: the API server refuses it too, in a template as well, so whatever is to fill
/// it in has to be called before us.
pub(super) fn images<'a>(spec: &Node<'a, '_>, place: Place) -> Result<Vec<Found<'a>>, ShapeError> {
    let mut found = Vec::new();
    for (list, part) in [
        ("initContainers", Part::Init),
        ("containers", Part::Container),
        ("ephemeralContainers", Part::Ephemeral),
    ] {
        if let Some(list) = spec.field(list)? {
            for container in list.elements()? {
                found.push(of_container(&container, part)?);
            }
        }
    }
    if let Some(volumes) = spec.field("volumes")? {
        for volume in volumes.elements()? {
            found.extend(of_volume(&volume, place)?);
        }
    }
    Ok(found)
}

fn of_container<'a>(container: &Node<'a, '_>, part: Part) -> Result<Found<'a>, ShapeError> {
    match text(container, "image")? {
        Some(image) => Ok(Found {
            path: container.path().field("image"),
            part,
            name: text(container, "name")?,
            image,
        }),
        None => Err(container.missing("image")),
    }
}

/// A template may leave the reference of an image volume to whoever makes the Pod (`ImageVolumeSource` in
/// `k8s.io/api/core/v1`): then there is nothing to judge in it yet. A Pod may not.
fn of_volume<'a>(volume: &Node<'a, '_>, place: Place) -> Result<Option<Found<'a>>, ShapeError> {
    let Some(source) = volume.field("image")? else {
        return Ok(None);
    };
    match (text(&source, "reference")?, place) {
        (Some(image), _) => Ok(Some(Found {
            path: source.path().field("reference"),
            part: Part::Volume,
            name: text(volume, "name")?,
            image,
        })),
        (None, Place::Template) => Ok(None),
        (None, Place::Pod) => Err(source.missing("reference")),
    }
}

/// The text, if there is any: Go cannot tell an empty string from none.
fn text<'a>(object: &Node<'a, '_>, name: &'static str) -> Result<Option<&'a str>, ShapeError> {
    let text = object.field(name)?.map(|node| node.text()).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

//! What is measured, each scenario in a file of its own.

pub mod apiserver;
pub mod burst;
pub mod cold;
pub mod keyless;
pub mod memory;
pub mod mixed;
pub mod policies;
pub mod start;
pub mod turns;
pub mod warm;

use std::sync::Arc;

use countersign_image::Pinned;

use crate::load::Question;
use crate::review;

/// One review for `/validate` of each image, by the name with its digest.
#[must_use]
pub fn validations(images: &[Pinned]) -> Arc<[Question]> {
    let ask =
        |(number, image): (usize, &Pinned)| Question::review("validate", review::of_pod(number, &[&image.written()]));
    images.iter().enumerate().map(ask).collect()
}

/// One review for `/mutate` of each image, by its tag.
#[must_use]
pub fn mutations(images: &[Pinned]) -> Arc<[Question]> {
    let ask = |(number, image): (usize, &Pinned)| Question::review("mutate", review::of_pod(number, &[&tagged(image)]));
    images.iter().enumerate().map(ask).collect()
}

/// The image as its author writes it.
#[must_use]
pub fn tagged(image: &Pinned) -> String {
    let written = image.written();
    written.split('@').next().unwrap_or_default().to_owned()
}

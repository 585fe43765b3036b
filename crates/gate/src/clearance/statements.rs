//! The statements of a clearance, word by word.

use countersign_evidence::ToBeSigned;
use countersign_image::Pinned;

use super::{Clearance, Cleared, Opening, Refusal};

pub(super) fn open(_opening: &Opening<'_>) -> Result<Clearance, Refusal> {
    todo!()
}

pub(super) fn to_be_signed(_destination: &Pinned, _cleared: &Cleared) -> ToBeSigned {
    todo!()
}

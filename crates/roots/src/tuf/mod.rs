//! A trust root out of a TUF repository, by the TUF specification's client workflow (section 5).
//!
//! Signatures, versions, expiry and the walk through delegations are `sigstore-tuf`'s. Ours are: where bytes come from and how
//! many of them, the time that all of it may take, what is remembered and when, a second count of who signed, and what the
//! target means. Decision 8 (`docs/decisions`) says why.

mod archive;
mod by_hand;
mod count;
mod kept;
mod limits;
mod marked;
mod mirror;
mod name;
mod refresh;

pub(crate) use archive::found_in;
pub use archive::{ArchiveError, MAX_ENTRIES, MAX_UNPACKED, from_archive};
pub use by_hand::ByHand;
pub(crate) use kept::Kept;
pub use limits::Limits;
pub(crate) use mirror::Mirror;
pub use mirror::MirrorError;
pub(crate) use name::is_relative;
pub use refresh::check_initial_root;
pub(crate) use refresh::{Wanted, again, refresh};

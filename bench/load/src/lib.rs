//! Load for a door, and figures that anyone can repeat.
//!
//! Two doors are asked in turns within one run: ours, and a *constant* one, which is the same server with a fixed answer. What
//! is told first is the ratio, because it holds on other machines too; the absolute figures stand beside it.
//!
//! Read downward: what is measured against ([`stage`], [`shop`], [`minted`], [`policies`], [`review`], [`constant`], [`doors`]), how it is
//! asked ([`load`]), what is measured ([`scenario`]) and how it is told ([`figures`]).

pub mod stage;

pub mod minted;
pub mod policies;
pub mod review;
pub mod shop;

pub mod constant;
pub mod doors;
pub mod process;

pub mod load;

pub mod scenario;

pub mod figures;

//! The real programs against our door and our command line, and the rig against itself.

mod clock;
mod dry_run;
mod examples;
mod identity;
mod keyless;
mod ledger;
mod lists;
mod pods;
mod publishing;
mod quickstart;
mod races;
mod registry;
mod restarts;
mod rig;
mod scanners;
mod signatures;
mod store;
mod updates;
mod vault;
mod warnings;
mod workloads;

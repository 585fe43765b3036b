//! The real programs against our door and our command line, and the rig against itself.

mod dry_run;
mod pods;
mod restarts;
mod rig;
mod signatures;
mod updates;
mod warnings;
mod workloads;

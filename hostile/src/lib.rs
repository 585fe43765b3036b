//! A registry that misbehaves in one way, which has a name: for trying how a client of registries bears it.
//!
//! Everything in it that is signed is really signed, and what it keeps it keeps in the embedded registry; a
//! [`Behaviour`] rewrites the answers, or breaks HTTP below them. Reading order: `behaviour` (the names), `goods` (what is
//! signed), `registry` (the servers), `play` (who does what to which answer), `wire` and `frames` (how it is written to the
//! connection).
//!
//! Beside it stand two servers that nobody should show a credential to: one on another host, and one on the same host and
//! another port. Each keeps a [`Log`] of all that it was asked.

mod authority;
mod behaviour;
mod bomb;
mod frames;
mod goods;
mod log;
mod play;
mod registry;
mod reply;
mod wire;

pub use behaviour::{Behaviour, UnknownBehaviour};
pub use goods::{Goods, Image, Stock};
pub use log::{Log, Seen};
pub use registry::{Face, HostileRegistry, Login, Plan};

//! The door itself: `/v1` over HTTP.

mod body;
mod refusal;

//! The crate from outside: other people's policies, and the page of reasons.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests read files, fail by panicking and say what they left out; the crate itself is given bytes"
)]

mod corpus;
mod examples;
mod reasons;

//! The promises of the admission crate, asked from outside: reviews as the API server writes them, and our answers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, of which clippy sees only the functions marked as such"
)]

mod asking;
mod carried;
mod corpus;
mod judging;
mod properties;
mod respond;
mod review;
mod workload;

//! What every parser promises for any bytes at all, as functions that panic where a promise is broken.
//!
//! [`CRATES`] lists them in the order of the crates. Each is run in two ways: `cargo test -p countersign-fuzz` replays
//! seeds and a fixed number of mutations of them, the same ones every time; `cargo xtask fuzz` lets libFuzzer look for
//! inputs that reach new code, for as long as one likes.
#![expect(
    clippy::unwrap_used,
    reason = "a broken promise ends the run here; the input that broke it says the rest"
)]

mod signed;
mod spoken;
mod targets;

pub mod seeds;

pub use targets::CRATES;

/// One promise about any bytes, with what to try first.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: what is parsed.
    pub name: &'static str,
    /// Holds the promise against one input, and panics where it is broken.
    pub run: fn(&[u8]),
    /// Inputs that reach deep from the beginning.
    pub seeds: fn(&mut seeds::Seeds),
    /// Words of the format, for mutations to put in.
    pub words: &'static [&'static str],
    /// How many mutations the short run tries: as many as take about a second.
    pub mutations: u32,
}

/// The target of that name, [`PLANTED`] among them.
pub fn target(name: &str) -> Option<&'static Target> {
    targets().chain([&PLANTED]).find(|target| target.name == name)
}

/// Every target.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    CRATES.iter().flat_map(|(_, targets)| *targets)
}

/// A promise that is broken on purpose, by one word of seven letters: nobody comes upon it by chance, and a campaign does
/// within seconds if coverage guides it.
pub static PLANTED: Target = Target {
    name: "planted",
    run: |data| {
        let word = b"planted";
        let known = data.iter().zip(word).take_while(|(found, expected)| found == expected);
        assert!(known.count() < word.len(), "the planted fault is found");
    },
    seeds: |seeds| seeds.add("x"),
    words: &[],
    mutations: 0,
};

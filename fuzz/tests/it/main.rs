//! The short run: every seed, every input that broke a promise once, and so many mutations of them, always the same.

#![expect(clippy::unwrap_used, reason = "a suite stops at the first surprise")]

mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use countersign_fuzz::seeds::{Seeds, regressions, repository};
use countersign_fuzz::{CRATES, Target, targets};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// How many seeds all targets together take from the corpus.
const FROM_CORPUS: usize = 568;

macro_rules! crates {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                short_run(stringify!($name));
            }
        )*

        #[test]
        fn no_crate_is_left_out() {
            let run = [$(stringify!($name)),*];
            assert!(CRATES.iter().map(|(name, _)| *name).eq(run));
        }
    };
}

crates! { image evidence certificates signatures log policy admission reports gates ledger registry roots keys keyless identity lists }

fn short_run(name: &str) {
    let (_, targets) = CRATES.iter().find(|(known, _)| *known == name).unwrap();
    let broken: Vec<String> = targets.iter().filter_map(|target| run(target).err()).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn run(target: &Target) -> Result<(), String> {
    let seeds = Seeds::of(target);
    for (path, input) in regressions(target) {
        holds(target, &input).map_err(|_| format!("{}: {} breaks it again", target.name, path.display()))?;
    }
    for seed in seeds.all() {
        holds(target, seed).map_err(|_| keep(target, seed))?;
    }
    let inputs: Vec<&[u8]> = seeds.all().collect();
    let config = Config {
        cases: target.mutations,
        failure_persistence: None,
        max_shrink_iters: 4096,
        ..Config::default()
    };
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mutated = TestRunner::new_with_rng(config, chance).run(&mutation::of(&inputs, target.words), |mutation| {
        let input = mutation.applied(&inputs, target.words);
        holds(target, &input).map_err(|_| TestCaseError::fail("a promise is broken"))
    });
    match mutated {
        Ok(()) => Ok(()),
        Err(TestError::Fail(_, mutation)) => Err(keep(target, &mutation.applied(&inputs, target.words))),
        Err(TestError::Abort(reason)) => Err(format!("{}: {reason}", target.name)),
    }
}

fn holds(target: &Target, input: &[u8]) -> std::thread::Result<()> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input)))
}

/// Puts an input where it can be looked at, and says what to do with it.
fn keep(target: &Target, input: &[u8]) -> String {
    let directory = repository().join("fuzz").join("findings").join(target.name);
    let path = directory.join(countersign_image::Digest::sha256(input).hex());
    let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, input));
    let name = target.name;
    match written {
        Ok(()) => format!(
            "{name}: a promise is broken by {}; once it is mended, a small form of it belongs in fuzz/regressions/{name}",
            path.display()
        ),
        Err(error) => format!("{name}: a promise is broken by {input:?}, which could not be kept: {error}"),
    }
}

#[test]
fn the_corpus_is_where_the_seeds_come_from_or_it_is_said() {
    use std::io::Write as _;
    let seeds: Vec<Seeds> = targets().map(Seeds::of).collect();
    if !seeds.iter().all(Seeds::has_corpus) {
        // Not `eprintln!`: what a test that passes prints is swallowed.
        let _ = writeln!(std::io::stderr(), "corpus not found: {FROM_CORPUS} seeds did not run");
        return;
    }
    assert_eq!(seeds.iter().map(Seeds::from_corpus).sum::<usize>(), FROM_CORPUS);
}

#[test]
fn every_kept_input_belongs_to_a_target() {
    let folder = repository().join("fuzz").join("regressions");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let stray: Vec<PathBuf> = folders
        .filter(|path| path.is_dir())
        .filter(|path| !targets().any(|target| path.ends_with(target.name)))
        .collect();
    assert!(stray.is_empty(), "no target reads {stray:?}");
}

#[test]
fn names_are_told_apart() {
    let mut names: Vec<&str> = targets().map(|target| target.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

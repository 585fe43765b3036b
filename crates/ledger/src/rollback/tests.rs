//! A log that is looked at twice.

use super::*;
use crate::checkpoint::{ToBeSealed, Trust, Witnesses};
use crate::note::KeyType;
use crate::testing::{Log, Pair, leaf};
use crate::tiles::Reader;

/// What an honest log would prove with.
fn proof(kept: &Log, now: &Log) -> Vec<Hash> {
    let kept = kept.head.checkpoint();
    Reader::new(now, &now.head)
        .consistency(kept.size(), kept.root())
        .unwrap()
}

/// A log that has its third entry otherwise.
fn rewritten(size: u64) -> Log {
    let mut entries: Vec<Vec<u8>> = (0..size).map(|seq| leaf(seq).bytes().to_vec()).collect();
    entries[2] = String::from_utf8(entries[2].clone())
        .unwrap()
        .replace("jti_replayed", "none")
        .into();
    Log::with(&entries)
}

#[test]
fn a_log_that_only_grew_is_the_same_log() {
    for (kept, now) in [(0, 0), (0, 5), (5, 5), (5, 6), (256, 600), (8, 600)] {
        let since = match now - kept {
            0 => Since::Same,
            entries => Since::Appended { entries },
        };
        let (kept, now) = (Log::of(kept), Log::of(now));
        assert_eq!(compare(&kept.head, &now.head, &proof(&kept, &now)), Ok(since));
    }
}

#[test]
fn a_log_that_is_shorter_was_rolled_back() {
    let (kept, now) = (Log::of(6), Log::of(5));
    assert_eq!(
        compare(&kept.head, &now.head, &[]),
        Err(Rollback::Older { kept: 6, now: 5 })
    );
}

#[test]
fn two_logs_of_one_size_are_a_fork() {
    let (kept, now) = (Log::of(6), rewritten(6));
    assert_eq!(compare(&kept.head, &now.head, &[]), Err(Rollback::Fork { size: 6 }));
}

#[test]
fn a_longer_log_with_another_past_is_refused_whatever_the_proof() {
    let (kept, now) = (Log::of(6), rewritten(9));
    for proof in [Vec::new(), proof(&Log::of(6), &Log::of(9)), proof(&rewritten(6), &now)] {
        let refused = compare(&kept.head, &now.head, &proof);
        assert!(
            matches!(refused, Err(Rollback::Proof { kept: 6, now: 9, .. })),
            "{refused:?}"
        );
    }
    let honest = Log::of(9);
    assert!(matches!(
        compare(&kept.head, &honest.head, &[]),
        Err(Rollback::Proof { .. })
    ));
}

#[test]
fn another_log_is_no_later_state() {
    let kept = Log::of(6);
    let other = Pair::new("other.example/log", KeyType::Note, 1);
    let checkpoint = Checkpoint::new("other.example/log", 6, *kept.head.checkpoint().root()).unwrap();
    let sealed = ToBeSealed::new(&checkpoint, &other.public).unwrap();
    let head = sealed.seal(|message| Ok::<_, ()>(other.sign(message))).unwrap();
    let other_log = Rollback::OtherLog {
        kept: "ledger.example/log".to_owned(),
        now: "other.example/log".to_owned(),
    };
    assert_eq!(compare(&kept.head, &head, &[]), Err(other_log));
    assert!(
        Trust::new(other.public, Witnesses::NONE)
            .unwrap()
            .open(kept.head.note())
            .is_err()
    );
}

//! Copies that are whole, and copies with one thing wrong.

use std::convert::Infallible;

use super::*;
use crate::rollback::Since;
use crate::testing::{Log, entry, leaf};

fn verified(log: &Log) -> Result<Whole, MirrorError<Infallible>> {
    verify(log, &log.head, None, |_| ())
}

#[test]
fn a_whole_copy_is_gone_through_once() {
    for size in [0, 1, 255, 256, 257, 1000] {
        let log = Log::of(size);
        let mut seen = Vec::new();
        let whole = verify(&log, &log.head, None, |read| seen.push(read.seq())).unwrap();
        assert_eq!(seen, (0..size).collect::<Vec<_>>());
        let tiles = Tile::all(size).filter(|tile| tile.of() != Of::Entries).count();
        let expected = Whole {
            entries: size,
            later: 0,
            tiles: tiles as u64,
            since: None,
        };
        assert_eq!(whole, expected);
    }
}

#[test]
fn any_byte_that_is_changed_anywhere_is_noticed() {
    let log = Log::of(300);
    for (path, bytes) in &log.files {
        for at in [0, 1, 2, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = log.clone();
            changed.files.get_mut(path).unwrap()[at] ^= 1;
            assert!(verified(&changed).is_err(), "byte {at} of `{path}`");
        }
        let mut gone = log.clone();
        gone.files.remove(path);
        assert!(
            matches!(verified(&gone), Err(MirrorError::Reader(ReaderError::Missing { .. }))),
            "`{path}`"
        );
    }
}

/// Somebody edits one entry, in a way that it still is one: its hash says which.
#[test]
fn an_edited_entry_is_named() {
    let mut log = Log::of(600);
    let bundle = log.files.get_mut("tile/entries/001").unwrap();
    let text = String::from_utf8(leaf(300).bytes().to_vec()).unwrap();
    let at = bundle
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap();
    let edited = text.replace("jti_replayed", "jti_explayed");
    bundle[at..at + text.len()].copy_from_slice(edited.as_bytes());
    let tile = Tile::parse("tile/0/001").unwrap();
    assert_eq!(verified(&log), Err(MirrorError::EntryHash { index: 300, tile }));
}

/// Somebody edits an entry and all hashes above it: only the signature is left.
#[test]
fn a_copy_that_was_rewritten_is_not_what_was_signed() {
    let mut entries: Vec<Vec<u8>> = (0..600).map(|seq| leaf(seq).bytes().to_vec()).collect();
    entries[7] = String::from_utf8(entries[7].clone())
        .unwrap()
        .replace("jti_replayed", "none")
        .into();
    let mut log = Log::with(&entries);
    let rewritten = std::mem::replace(&mut log.head, Log::of(600).head);
    assert_eq!(verified(&log), Err(MirrorError::OtherRoot { size: 600 }));
    // The log itself has signed the other one: whoever kept an earlier head knows.
    let kept = Log::of(300);
    let refused = verify(&log, &rewritten, Some(&kept.head), |_| ());
    assert_eq!(refused, Err(MirrorError::Rollback(Rollback::Rewritten { kept: 300 })));
    let early = verify(&log, &rewritten, Some(&Log::of(5).head), |_| ()).unwrap();
    assert_eq!(early.since, Some(Since::Appended { entries: 595 }));
}

#[test]
fn a_copy_is_held_against_the_head_that_was_kept() {
    let log = Log::of(600);
    for (kept, since) in [
        (0, Since::Appended { entries: 600 }),
        (256, Since::Appended { entries: 344 }),
        (600, Since::Same),
    ] {
        let whole = verify(&log, &log.head, Some(&Log::of(kept).head), |_| ()).unwrap();
        assert_eq!(whole.since, Some(since));
    }
    let refused = verify(&log, &log.head, Some(&Log::of(601).head), |_| ());
    assert_eq!(
        refused,
        Err(MirrorError::Rollback(Rollback::Older { kept: 601, now: 600 }))
    );
}

#[test]
fn what_is_logged_is_an_entry_with_its_number() {
    let entries = |changed: Vec<u8>| vec![leaf(0).bytes().to_vec(), changed, leaf(2).bytes().to_vec()];
    let none = Log::with(&entries(entry(1)));
    assert!(matches!(verified(&none), Err(MirrorError::Entry { index: 1, .. })));
    let twice = Log::with(&entries(leaf(0).bytes().to_vec()));
    assert_eq!(verified(&twice), Err(MirrorError::Number { index: 1, found: 0 }));
    let later = br#"{"seq":1,"ts":"2031-01-01T00:00:00.000Z","type":"approval","v":2}"#;
    assert_eq!(verified(&Log::with(&entries(later.to_vec()))).unwrap().later, 1);
}

#[test]
fn full_tiles_stand_in_for_partial_ones_that_were_deleted() {
    let (earlier, mut log) = (Log::of(200), Log::of(600));
    log.files
        .retain(|path, _| !path.contains(".p/") || path.starts_with("tile/1/"));
    let whole = verify(&log, &earlier.head, None, |_| ()).unwrap();
    assert_eq!((whole.entries, whole.tiles), (200, 1));
}

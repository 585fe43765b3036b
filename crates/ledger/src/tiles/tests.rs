//! Paths, which tiles there are, growing tile by tile, and reading trees through tiles.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::testing::{Log, entry, leaf};
use crate::tree::{Tree, TreeError, leaf_hash, verify_consistency};

fn hashes_at(level: u8) -> Of {
    Of::Hashes { level }
}

/// C2SP tlog-tiles: "index 1234067 will be encoded as `x001/x234/067`".
#[test]
fn paths_are_those_of_the_specification() {
    for (of, index, width, path) in [
        (hashes_at(0), 1_234_067, 256, "tile/0/x001/x234/067"),
        (hashes_at(0), 0, 1, "tile/0/000.p/1"),
        (hashes_at(63), 999, 255, "tile/63/999.p/255"),
        (hashes_at(1), 1000, 256, "tile/1/x001/000"),
        (Of::Entries, 273, 112, "tile/entries/273.p/112"),
        (
            Of::Entries,
            u64::MAX,
            256,
            "tile/entries/x018/x446/x744/x073/x709/x551/615",
        ),
    ] {
        let tile = Tile::new(of, index, width).unwrap();
        assert_eq!(tile.to_string(), path);
        assert_eq!(Tile::parse(path), Ok(tile));
    }
}

#[test]
fn other_paths_name_no_tile() {
    for path in [
        "",
        "checkpoint",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/xx01/002",
        "tile/0/0x1",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/data/001",
        "tile/8/0/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p",
        "tile/0/001.p/",
        "tile/0/001.p/1/",
        "tile/0/001/",
        "/tile/0/001",
        "tile/0/../001",
        "tile/entries/x018/x446/x744/x073/x709/x551/616",
        "tile/0/\u{661}\u{662}\u{663}",
    ] {
        assert!(Tile::parse(path).is_err(), "`{path}`");
    }
    assert_eq!(Tile::new(hashes_at(0), 0, 0), None);
    assert_eq!(Tile::new(hashes_at(0), 0, 257), None);
    assert_eq!(Tile::new(hashes_at(64), 0, 1), None);
}

/// The example of C2SP tlog-tiles, "Partial Tiles": a tree of 70,000 leaves.
#[test]
fn a_tree_has_the_tiles_of_the_specification() {
    let count = |of: Of, full: bool| {
        Tile::all(70_000)
            .filter(|tile| tile.of() == of && tile.is_full() == full)
            .count()
    };
    assert_eq!(count(hashes_at(0), true), 273);
    assert_eq!(count(hashes_at(1), true), 1);
    let partial: BTreeSet<String> = Tile::all(70_000)
        .filter(|tile| !tile.is_full())
        .map(|tile| tile.to_string())
        .collect();
    let expected = [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
        "tile/entries/273.p/112",
    ];
    assert_eq!(partial, expected.map(str::to_owned).into());
    let small: Vec<String> = Tile::all(256).map(|tile| tile.to_string()).collect();
    assert_eq!(small, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(Tile::all(0).count(), 0);
}

#[test]
fn appending_makes_the_tiles_that_were_not_there_before() {
    for (old, new) in [
        (0, 1),
        (1, 2),
        (255, 256),
        (256, 257),
        (200, 700),
        (511, 513),
        (65_535, 65_537),
        (65_536, 65_536),
    ] {
        let before: BTreeSet<Tile> = Tile::all(old).collect();
        let after: BTreeSet<Tile> = Tile::all(new).collect();
        let made: BTreeSet<Tile> = Tile::made(old, new).collect();
        assert_eq!(made, &after - &before, "{old} to {new}");
    }
}

/// Grown in steps, from what was kept of the step before, as a service is that is restarted between any two of them.
#[test]
fn growing_from_the_kept_edge_makes_the_tree_and_its_tiles() {
    let sizes = [
        0, 1, 2, 3, 100, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 66_000,
    ];
    let mut tree = Tree::EMPTY;
    let mut files = std::collections::BTreeMap::new();
    for pair in sizes.windows(2) {
        let (old, new) = (pair[0], pair[1]);
        let kept: Vec<&[u8]> = Growth::needs(old).map(|tile| Vec::as_slice(&files[&tile])).collect();
        let mut growth = Growth::resume(old, &tree.root(), kept).unwrap();
        for number in old..new {
            let leaf = leaf_hash(&entry(number));
            assert_eq!(growth.append(leaf), Ok(number));
            tree.append(leaf).unwrap();
        }
        assert_eq!((growth.size(), growth.root()), (new, tree.root()), "{old} to {new}");
        let grown = growth.take();
        let names: BTreeSet<Tile> = grown.iter().map(|grown| grown.tile).collect();
        let expected: BTreeSet<Tile> = Tile::made(old, new).filter(|tile| tile.of() != Of::Entries).collect();
        assert_eq!(names, expected, "{old} to {new}");
        assert!(grown.iter().all(|grown| grown.bytes.len() == grown.tile.max_bytes()));
        assert_eq!(growth.take(), []);
        files.extend(grown.into_iter().map(|grown| (grown.tile, grown.bytes)));
    }
}

#[test]
fn a_kept_edge_that_is_another_s_is_refused() {
    let log = Log::of(300);
    let (size, root) = (300, *log.head.checkpoint().root());
    let kept: Vec<Vec<u8>> = Growth::needs(size)
        .map(|tile| log.files[&tile.to_string()].clone())
        .collect();
    let resumed = |tiles: &[Vec<u8>]| Growth::resume(size, &root, tiles.iter().map(Vec::as_slice));
    assert_eq!(resumed(&kept).unwrap().root(), root);
    let mut changed = kept.clone();
    changed[0][5] ^= 1;
    assert_eq!(resumed(&changed), Err(GrowthError::OtherRoot { size }));
    assert!(matches!(resumed(&kept[1..]), Err(GrowthError::Tile { .. })));
    let more = [&kept[..], &kept[..1]].concat();
    assert_eq!(resumed(&more), Err(GrowthError::TooMany));
    let mut short = kept.clone();
    short[1].pop();
    assert!(matches!(resumed(&short), Err(GrowthError::Tile { .. })));
}

#[test]
fn a_bundle_has_the_entries_that_were_put_in() {
    let tile = |width| Tile::new(Of::Entries, 0, width).unwrap();
    let longest = vec![7; MAX_ENTRY_BYTES];
    let listed: [&[u8]; 4] = [b"", b"one", &longest, b"\0"];
    let bundle = entry_bundle(listed).unwrap();
    assert_eq!(&bundle[..7], b"\0\0\0\x03one");
    assert_eq!(entries(&tile(4), &bundle), Ok(listed.to_vec()));
    assert_eq!(
        entries(&tile(3), &bundle),
        Err(BundleError::Count { expected: 3, found: 4 })
    );
    assert_eq!(
        entries(&tile(5), &bundle),
        Err(BundleError::Count { expected: 5, found: 4 })
    );
    assert_eq!(
        entries(&tile(4), &bundle[..bundle.len() - 1]),
        Err(BundleError::Torn { entry: 3 })
    );
    assert_eq!(entries(&tile(1), b"\0"), Err(BundleError::Torn { entry: 0 }));
    let too_long = vec![0; MAX_ENTRY_BYTES + 1];
    let found = too_long.len();
    assert_eq!(entry_bundle([&*too_long]), Err(BundleError::TooLong { found }));
}

#[test]
fn entries_and_earlier_states_are_proved_through_tiles() {
    for size in [1, 2, 255, 256, 257, 600] {
        let log = Log::of(size);
        let reader = Reader::new(&log, &log.head);
        for index in [0, 1, 127, 255, 256, 511, size - 1] {
            match reader.entry(index) {
                Ok(found) => assert_eq!(found.entry, leaf(index).bytes(), "{index} of {size}"),
                Err(error) => assert_eq!(error, ReaderError::Tree(TreeError::Outside { index, size })),
            }
            if index < size {
                let earlier = Log::of(index);
                let kept = earlier.head.checkpoint();
                let proof = reader.consistency(kept.size(), kept.root()).unwrap();
                let now = log.head.checkpoint();
                let verified = verify_consistency((kept.size(), kept.root()), (now.size(), now.root()), &proof);
                assert_eq!(verified, Ok(()), "{index} of {size}");
            }
        }
    }
}

#[test]
fn nothing_is_proved_through_tiles_that_were_changed() {
    let log = Log::of(600);
    for path in log.files.keys() {
        let mut changed = log.clone();
        let byte = changed.files.get_mut(path).unwrap().last_mut().unwrap();
        *byte ^= 1;
        let reader = Reader::new(&changed, &changed.head);
        assert!((0..600).rev().any(|index| reader.entry(index).is_err()), "`{path}`");
        if path.starts_with("tile/0/") {
            let proved = (1..600).filter(|size| {
                let (kept, reader) = (Log::of(*size), Reader::new(&changed, &changed.head));
                let proof = reader.consistency(*size, kept.head.checkpoint().root());
                proof.is_err()
            });
            assert!(proved.take(1).count() > 0, "`{path}`");
        }
        changed.files.get_mut(path).unwrap().pop();
        let reader = Reader::new(&changed, &changed.head);
        assert!((0..600).rev().any(|index| reader.entry(index).is_err()), "`{path}`");
    }
}

#[test]
fn a_partial_tile_that_became_full_is_read_from_the_full_one() {
    let (earlier, mut log) = (Log::of(200), Log::of(600));
    log.files.retain(|path, _| !path.contains(".p/"));
    let reader = Reader::new(&log, &earlier.head);
    assert_eq!(reader.entry(199).unwrap().entry, leaf(199).bytes());
    log.files.remove("tile/0/000");
    let missing = Reader::new(&log, &earlier.head).entry(199);
    let tile = Tile::parse("tile/0/000.p/200").unwrap();
    assert_eq!(missing, Err(ReaderError::Missing { tile }));
}

proptest! {
    #[test]
    fn each_tile_has_one_path(level in 0_u8..64, index: u64, width in 1_u16..=256, entries: bool) {
        let of = if entries { Of::Entries } else { hashes_at(level) };
        let tile = Tile::new(of, index, width).unwrap();
        prop_assert_eq!(Tile::parse(&tile.to_string()), Ok(tile));
    }

    #[test]
    fn whatever_is_read_as_a_path_is_written_the_same(path in "tile/([0-9]{1,2}|entries)/(x?[0-9]{3}/){0,2}x?[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn any_bytes_are_a_bundle_or_refused(bytes: Vec<u8>, width in 1_u16..=256) {
        let tile = Tile::new(Of::Entries, 0, width).unwrap();
        if let Ok(listed) = entries(&tile, &bytes) {
            prop_assert_eq!(entry_bundle(listed).unwrap(), bytes);
        }
    }
}

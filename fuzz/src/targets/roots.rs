//! Metadata of TUF repositories and packed repositories: nothing that was not signed is believed, whatever surrounds it.

use std::sync::LazyLock;

use countersign_roots::embedded::Instance;
use countersign_roots::tuf::{check_initial_root, from_archive};
use countersign_roots::{Archive, TARGETS as FOLDER, TRUSTED_ROOT};
use jiff::Timestamp;
use serde_json::Value;

use super::JSON;
use crate::Target;
use crate::seeds::Seeds;

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "tuf_root",
        run: tuf_root,
        seeds: tuf_roots,
        words: JSON,
        mutations: 300,
    },
    Target {
        name: "packed_repository",
        run: packed_repository,
        seeds: packed_repositories,
        words: &[
            "repository/",
            "./",
            "../",
            "ustar\0",
            "\x1f\u{8b}",
            "path=",
            "size=",
            "root.json",
        ],
        mutations: 1_000,
    },
];

/// What the keys of the embedded roots have signed.
static SIGNED: LazyLock<Vec<Value>> = LazyLock::new(|| Instance::ALL.map(|one| signed(one.initial_root())).into());

fn signed(root: &[u8]) -> Value {
    let root: Value = serde_json::from_slice(root).expect("what is believed is JSON");
    root["signed"].clone()
}

fn tuf_roots(seeds: &mut Seeds) {
    for instance in Instance::ALL {
        seeds.add(instance.initial_root());
    }
}

/// Bytes that are a root are one of those that its keys signed, or bring keys of their own: those nobody has here.
fn tuf_root(data: &[u8]) {
    if check_initial_root(data).is_ok() {
        assert!(SIGNED.contains(&signed(data)), "nobody signed this root");
    }
}

/// A `tar` of one empty file, and one of none, compressed by storing.
fn packed_repositories(seeds: &mut Seeds) {
    let mut header = [0_u8; 512];
    let fields: [(usize, &[u8]); 8] = [
        (0, b"repository/timestamp.json"),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"00000000000\0"),
        (136, b"00000000000\0"),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ];
    for (at, bytes) in fields {
        header[at..at + bytes.len()].copy_from_slice(bytes);
    }
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    for content in [header.as_slice(), &[]] {
        let end = [0_u8; 1024];
        let tar = [content, &end].concat();
        let length = u16::try_from(tar.len()).expect("it is short");
        // RFC 1952 around one stored block of RFC 1951; the check at its end is wrong, which is looked at last.
        let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
        gzip.extend(length.to_le_bytes());
        gzip.extend((!length).to_le_bytes());
        gzip.extend(&tar);
        gzip.extend([0; 8]);
        seeds.add(gzip);
    }
}

/// Nothing in it is signed by the keys of the root that it is read with.
fn packed_repository(data: &[u8]) {
    let archive = Archive {
        initial_root: Instance::Staging.initial_root().into(),
        packed: data.to_vec().into(),
        targets: FOLDER.to_owned(),
        target: TRUSTED_ROOT.to_owned(),
    };
    assert!(from_archive(&archive, Timestamp::UNIX_EPOCH).is_err());
}

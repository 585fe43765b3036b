//! The ledger: one log of ours has signed one tree, and nothing else that its texts are turned into is believed.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::checkpoint::Witnesses;
use countersign_ledger::leaf::{self, ActorKind, KeyUse};
use countersign_ledger::note::{KeyType, MAX_SIGNATURES, Note};
use countersign_ledger::tiles::{Of, entries, entry_bundle};
use countersign_ledger::tree::{Nodes, TreeError, prove_inclusion};
use countersign_ledger::{
    Actor, Checkpoint, Commitment, EventType, Hash, Leaf, Read, Receipt, Record, SignedHead, Tile, ToBeSealed, Tree,
    Trust, VerifierKey,
};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;

use super::{JSON, text};
use crate::seeds::Seeds;
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "ledger_entry",
        run: entry,
        seeds: entries_of_all_types,
        words: JSON,
        mutations: 1_000,
    },
    Target {
        name: "ledger_checkpoint",
        run: checkpoint,
        seeds: notes,
        words: NOTES,
        mutations: 1_000,
    },
    Target {
        name: "ledger_receipt",
        run: receipt,
        seeds: receipts,
        words: NOTES,
        mutations: 500,
    },
    Target {
        name: "ledger_key",
        run: key,
        seeds: keys,
        words: &["+", "++", "=", "AQ==", "BA", "\u{2003}"],
        mutations: 3_000,
    },
    Target {
        name: "ledger_tile",
        run: tile,
        seeds: tiles,
        words: &[
            "tile/",
            "entries",
            "/x",
            "x000/",
            "000",
            ".p/",
            ".p/256",
            "/",
            "\0\0",
            "\u{0}\u{1}",
        ],
        mutations: 8_000,
    },
];

const NOTES: &[&str] = &[
    "\n\n",
    "\n\u{2014} ",
    "\u{2014}",
    "index 0\n",
    "extra \n",
    "0",
    "18446744073709551615",
    "9007199254740991",
    "\r\n",
    "=",
    "+",
    "\u{2028}",
];

const ORIGIN: &str = "ledger.example/log";
const SALT: &[u8] = b"a salt that is long enough";

/// What the log has signed, and how anybody knows.
struct Log {
    trust: Trust,
    head: SignedHead,
    tree: Inside,
    leaves: Vec<Leaf>,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let leaves: Vec<Leaf> = (0..11)
        .map(|seq| Leaf::write(&record(seq, EventType::StateChanged)).unwrap())
        .collect();
    let mut tree = Tree::EMPTY;
    for leaf in &leaves {
        tree.append(*leaf.hash()).unwrap();
    }
    let (log, witness) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let public = |name, kind, key: &SigningKey| VerifierKey::new(name, kind, key.verifying_key().to_bytes()).unwrap();
    let log_key = public(ORIGIN, KeyType::Note, &log);
    let witness_key = public("witness.example", KeyType::Cosignature, &witness);
    let checkpoint = Checkpoint::new(ORIGIN, tree.size(), tree.root()).unwrap();
    let sealed = ToBeSealed::new(&checkpoint, &log_key).unwrap();
    let head = sealed
        .seal(|message| Ok::<_, ()>(log.sign(message).to_bytes().to_vec()))
        .unwrap();

    let message = format!("cosignature/v1\ntime 1800000000\n{checkpoint}");
    let signature = witness.sign(message.as_bytes()).to_bytes();
    let line = [&witness_key.id()[..], &1_800_000_000_u64.to_be_bytes(), &signature].concat();
    let note = format!("{}\u{2014} witness.example {}\n", head.note(), STANDARD.encode(line));
    let witnesses = Witnesses::at_least(1, vec![witness_key]).unwrap();
    let trust = Trust::new(log_key, witnesses).unwrap();
    Log {
        head: trust.open(&note).unwrap(),
        trust,
        tree: Inside(leaves.iter().map(|leaf| *leaf.hash()).collect()),
        leaves,
    }
});

/// The nodes of a small tree.
struct Inside(Vec<Hash>);

impl Nodes for Inside {
    type Error = TreeError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, TreeError> {
        let (start, count) = (usize::try_from(index << level).unwrap(), 1 << level);
        let mut tree = Tree::EMPTY;
        for leaf in &self.0[start..start + count] {
            tree.append(*leaf)?;
        }
        Ok(tree.root())
    }
}

fn record(seq: u64, event: EventType) -> Record {
    let says = |field| event.needs().contains(&field) || event.may().contains(&field);
    let word = |field, word: &str| says(field).then(|| word.to_owned());
    let digest = countersign_image::Digest::sha256(b"");
    let actor = Actor {
        kind: ActorKind::Job,
        issuer: Some("https://token.example".to_owned()),
        subject: Commitment::of(SALT, "a job"),
        roles: vec!["submitter".to_owned()],
        address: Commitment::of(SALT, "192.0.2.7"),
    };
    Record {
        submission: word(leaf::Field::Submission, "01JGFJJZ00000000000000000A"),
        image: word(leaf::Field::Image, &format!("registry.example/team/app@{digest}")),
        previous_state: word(leaf::Field::PreviousState, "EVALUATING"),
        state: word(leaf::Field::State, "SIGNING"),
        object_digests: says(leaf::Field::ObjectDigests)
            .then(|| ("closure".to_owned(), digest))
            .into_iter()
            .collect(),
        policy_digest: says(leaf::Field::PolicyDigest).then_some(digest),
        reason_code: word(leaf::Field::ReasonCode, "coverage_missing:linux/arm64"),
        item: word(leaf::Field::Item, "sast"),
        destination: word(leaf::Field::Destination, "registry.example/prod/app:1.2"),
        vault: says(leaf::Field::Vault).then(|| KeyUse {
            key: "release".to_owned(),
            version: 3,
            request_id: Some("6f1c-22".to_owned()),
        }),
        signature: says(leaf::Field::Signature).then_some(digest),
        answers: says(leaf::Field::Answers).then_some(seq.saturating_sub(1)),
        justification: Commitment::of(SALT, "the site is down").filter(|_| says(leaf::Field::Justification)),
        ..Record::new(seq, Timestamp::new(1_800_000_000, 0).unwrap(), event, actor)
    }
}

fn entries_of_all_types(seeds: &mut Seeds) {
    for event in EventType::ALL {
        seeds.add(Leaf::write(&record(7, *event)).unwrap().bytes());
    }
    seeds.add(r#"{"mood":[1,null],"seq":7,"ts":"2031-01-01T00:00:00.000Z","type":"approval","v":2}"#);
}

/// No two sequences of bytes are one entry: what is read is written the same.
fn entry(data: &[u8]) {
    match leaf::read(data) {
        Ok(Read::Known(record)) => assert_eq!(Leaf::write(&record).unwrap().bytes(), data),
        Ok(Read::Later(later)) => {
            assert!(later.version > leaf::VERSION);
            let again: serde_json::Value = serde_json::from_slice(data).unwrap();
            assert_eq!(again, later.document);
        }
        Err(error) => spoken::refusal(&error),
    }
}

fn notes(seeds: &mut Seeds) {
    seeds.add(LOG.head.note());
    seeds.add(format!("{}\u{2014} somebody.else AAAAAAAA\n", LOG.head.note()));
}

/// A note has one spelling, and one tree is believed.
fn checkpoint(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match Note::parse(text) {
        Ok(note) => {
            assert_eq!(note.to_string(), text);
            assert!((1..=MAX_SIGNATURES).contains(&note.signature_count()));
        }
        Err(error) => spoken::refusal(&error),
    }
    match Checkpoint::parse(text) {
        Ok(checkpoint) => assert_eq!(checkpoint.to_string(), text),
        Err(error) => spoken::refusal(&error),
    }
    match LOG.trust.open(text) {
        Ok(head) => {
            assert_eq!(head.checkpoint(), LOG.head.checkpoint());
            assert_eq!((head.note(), head.seen()), (text, LOG.head.seen()));
        }
        Err(error) => spoken::refusal(&error),
    }
}

fn receipts(seeds: &mut Seeds) {
    let size = LOG.head.checkpoint().size();
    for (index, leaf) in (0..).zip(&LOG.leaves) {
        let path = prove_inclusion(&LOG.tree, index, size).unwrap();
        let extra = Some(leaf.bytes().to_vec()).filter(|_| index % 2 == 0);
        let receipt = Receipt::new(&LOG.head, index, path, leaf.bytes(), extra).unwrap();
        seeds.add(receipt.to_string());
    }
}

/// A receipt has one spelling, and is of an entry of the log at its own place, or of none.
fn receipt(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let receipt = match Receipt::parse(text) {
        Ok(receipt) => receipt,
        Err(error) => return spoken::refusal(&error),
    };
    assert_eq!(receipt.to_string(), text);
    let place = usize::try_from(receipt.unverified_index()).unwrap_or(usize::MAX);
    let entries = [LOG.leaves.get(place), LOG.leaves.first()]
        .into_iter()
        .flatten()
        .map(Leaf::bytes);
    for entry in entries.chain(receipt.unverified_extra()) {
        match receipt.verify(&LOG.trust, entry) {
            Ok(included) => {
                let index = usize::try_from(included.index()).unwrap();
                assert_eq!(LOG.leaves[index].bytes(), entry);
            }
            Err(error) => spoken::refusal(&error),
        }
    }
}

fn keys(seeds: &mut Seeds) {
    seeds.add(LOG.trust.log().to_string());
    seeds.add("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8");
    seeds.add("witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU");
}

/// A key has one spelling.
fn key(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match VerifierKey::parse(text) {
        Ok(key) => assert_eq!(key.to_string(), text),
        Err(error) => spoken::refusal(&error),
    }
}

fn tiles(seeds: &mut Seeds) {
    for path in [
        "tile/0/x001/x234/067",
        "tile/63/999.p/255",
        "tile/entries/x001/000.p/1",
        "tile/1/000",
    ] {
        seeds.add(path);
    }
    for count in [1, 2, 3] {
        let listed = LOG.leaves[..count].iter().map(Leaf::bytes);
        seeds.add(entry_bundle(listed).unwrap());
    }
}

/// A tile has one path, which stays below `tile/`; a bundle is its entries and nothing else.
fn tile(data: &[u8]) {
    if let Some(text) = text(data) {
        match Tile::parse(text) {
            Ok(tile) => {
                assert_eq!(tile.to_string(), text);
                assert!(!text.contains("..") && !text.contains("//") && text.starts_with("tile/"));
            }
            Err(error) => spoken::refusal(&error),
        }
    }
    for width in 1..=3 {
        let tile = Tile::new(Of::Entries, 0, width).unwrap();
        match entries(&tile, data) {
            Ok(listed) => {
                assert_eq!(listed.len(), usize::from(width));
                assert!(data.len() <= tile.max_bytes());
                assert_eq!(entry_bundle(listed).unwrap(), data);
            }
            Err(error) => spoken::refusal(&error),
        }
    }
}

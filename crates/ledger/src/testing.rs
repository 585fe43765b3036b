//! What the tests of several modules need: entries, keys that are the same in every run, and a log in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;

use crate::checkpoint::{Checkpoint, SignedHead, ToBeSealed, Trust, Witnesses};
use crate::leaf::{Actor, EventType, Leaf, Record};
use crate::note::{KeyType, VerifierKey};
use crate::tiles::{Growth, Of, Source, Tile, entry_bundle};
use crate::tree::leaf_hash;

pub(crate) const ORIGIN: &str = "ledger.example/log";

/// An entry that is told from every other, and is none of a ledger.
pub(crate) fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

/// An entry of a ledger.
pub(crate) fn leaf(seq: u64) -> Leaf {
    let time = Timestamp::new(1_800_000_000 + seq.cast_signed(), 0).unwrap();
    let record = Record {
        reason_code: Some("jti_replayed".to_owned()),
        ..Record::new(seq, time, EventType::AuthenticationRefused, Actor::SERVICE)
    };
    Leaf::write(&record).unwrap()
}

pub(crate) fn hex(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// A key under a name.
pub(crate) struct Pair {
    pub(crate) public: VerifierKey,
    secret: SigningKey,
}

impl Pair {
    pub(crate) fn new(name: &str, kind: KeyType, seed: u8) -> Self {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let public = VerifierKey::new(name, kind, secret.verifying_key().to_bytes()).unwrap();
        Self { public, secret }
    }

    /// A signature of the variant that hashes first (RFC 8032, Ed25519ph).
    pub(crate) fn sign_hashed(&self, message: &[u8]) -> Vec<u8> {
        let hash = sha2::Digest::chain_update(sha2::Sha512::default(), message);
        self.secret.sign_prehashed(hash, None).unwrap().to_bytes().to_vec()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.secret.sign(message).to_bytes().to_vec()
    }
}

pub(crate) fn log_key() -> Pair {
    Pair::new(ORIGIN, KeyType::Note, 1)
}

pub(crate) fn trust() -> Trust {
    Trust::new(log_key().public, Witnesses::NONE).unwrap()
}

/// A log in memory: its tiles by their paths, and its head.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) head: SignedHead,
}

impl Log {
    pub(crate) fn of(size: u64) -> Self {
        let entries: Vec<Vec<u8>> = (0..size).map(|seq| leaf(seq).bytes().to_vec()).collect();
        Self::with(&entries)
    }

    pub(crate) fn with(entries: &[Vec<u8>]) -> Self {
        let mut growth = Growth::EMPTY;
        for entry in entries {
            growth.append(leaf_hash(entry)).unwrap();
        }
        let grown = growth.take().into_iter();
        let mut files: BTreeMap<String, Vec<u8>> = grown.map(|grown| (grown.tile.to_string(), grown.bytes)).collect();
        let bundles = Tile::all(growth.size()).filter(|tile| tile.of() == Of::Entries);
        for (tile, entries) in bundles.zip(entries.chunks(256)) {
            let bundle = entry_bundle(entries.iter().map(Vec::as_slice)).unwrap();
            files.insert(tile.to_string(), bundle);
        }
        let checkpoint = Checkpoint::new(ORIGIN, growth.size(), growth.root()).unwrap();
        let key = log_key();
        let sealed = ToBeSealed::new(&checkpoint, &key.public).unwrap();
        let head = sealed.seal(|message| Ok::<_, Infallible>(key.sign(message))).unwrap();
        Self { files, head }
    }
}

impl Source for Log {
    type Error = Infallible;

    fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.files.get(&tile.to_string()).cloned())
    }
}

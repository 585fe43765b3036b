//! A ledger's mirror under other people's eyes: `fsck` of Tessera, which knows nothing of ours but the formats.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use countersign_acceptance::command::{self, Output};
use countersign_acceptance::programs::tool;
use countersign_ledger::note::KeyType;
use countersign_ledger::tiles::{CHECKPOINT, Growth, Of, entry_bundle};
use countersign_ledger::{Actor, Checkpoint, EventType, Leaf, Record, Tile, ToBeSealed, VerifierKey};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;

const ORIGIN: &str = "ledger.example/log";
const ENTRIES: u64 = 1_000;
/// What it says at its end, and what it says besides if something was wrong.
const THROUGH: &str = "Completed ranges";
const FAILED: &str = "fsck failed";

#[test]
fn fsck_reads_a_mirror_of_ours() -> Result<()> {
    let mirror = tempfile::tempdir()?;
    for (first, all) in [(300, 300), (300, ENTRIES)] {
        write(mirror.path(), first, all)?;
        let said = fsck(mirror.path())?.saying(&[THROUGH])?;
        ensure!(!said.stderr.contains(FAILED), "{said}");
    }
    Ok(())
}

#[test]
fn fsck_finds_one_changed_byte_wherever_it_is() -> Result<()> {
    let mirror = tempfile::tempdir()?;
    write(mirror.path(), 0, ENTRIES)?;
    for file in [
        "tile/entries/001",
        "tile/entries/003.p/232",
        "tile/0/000",
        "tile/0/003.p/232",
        "tile/1/000.p/3",
        CHECKPOINT,
    ] {
        let path = mirror.path().join(file);
        let whole = fs::read(&path)?;
        let mut changed = whole.clone();
        changed[40] ^= 1;
        fs::write(&path, changed)?;
        let said = fsck(mirror.path())?;
        ensure!(said.stderr.contains(FAILED), "{file}: {said}");
        fs::write(&path, whole)?;
    }
    Ok(())
}

/// Its exit code is 0 whatever it found: what counts is what it says.
fn fsck(mirror: &Path) -> Result<Output> {
    let key = mirror.join("key");
    fs::write(&key, public()?.to_string())?;
    let configure = |command: &mut std::process::Command| {
        let url = format!("file://{}", mirror.display());
        command
            .args(["--ui=false", "--v=1", "--N=2", "--storage_url", &url, "--public_key"])
            .arg(&key);
    };
    command::run(&tool("fsck")?, configure, "")
}

fn secret() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn public() -> Result<VerifierKey> {
    Ok(VerifierKey::new(
        ORIGIN,
        KeyType::Note,
        secret().verifying_key().to_bytes(),
    )?)
}

/// Writes the mirror of a log that had `first` entries before it had `all`, as a log does that has signed both.
fn write(mirror: &Path, first: u64, all: u64) -> Result<()> {
    let mut growth = Growth::EMPTY;
    let mut entries = Vec::new();
    for seq in 0..all {
        let time = Timestamp::new(1_800_000_000 + seq.cast_signed(), 0)?;
        let event = EventType::AuthenticationRefused;
        let record = Record {
            reason_code: Some("jti_replayed".to_owned()),
            ..Record::new(seq, time, event, Actor::SERVICE)
        };
        let leaf = Leaf::write(&record)?;
        growth.append(*leaf.hash())?;
        entries.push(leaf);
        if seq + 1 == first {
            publish(mirror, &mut growth, &entries)?;
        }
    }
    publish(mirror, &mut growth, &entries)
}

fn publish(mirror: &Path, growth: &mut Growth, entries: &[Leaf]) -> Result<()> {
    for grown in growth.take() {
        put(mirror, &grown.tile.to_string(), &grown.bytes)?;
    }
    let bundles = Tile::all(growth.size()).filter(|tile| tile.of() == Of::Entries);
    for (tile, entries) in bundles.zip(entries.chunks(256)) {
        put(
            mirror,
            &tile.to_string(),
            &entry_bundle(entries.iter().map(Leaf::bytes))?,
        )?;
    }
    let checkpoint = Checkpoint::new(ORIGIN, growth.size(), growth.root())?;
    let sealed = ToBeSealed::new(&checkpoint, &public()?)?;
    let head = sealed.seal(|message| Ok::<_, std::convert::Infallible>(secret().sign(message).to_bytes().to_vec()))?;
    put(mirror, CHECKPOINT, head.note().as_bytes())
}

fn put(mirror: &Path, file: &str, bytes: &[u8]) -> Result<()> {
    let path = mirror.join(file);
    let folder = path.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder)?;
    Ok(fs::write(path, bytes)?)
}

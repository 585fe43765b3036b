//! `ledger verify`: copies that are what a log has signed, and copies that are not.

use std::convert::Infallible;

use countersign_ledger::note::KeyType;
use countersign_ledger::tiles::{CHECKPOINT, Growth, Of, entry_bundle};
use countersign_ledger::{Actor, Checkpoint, EventType, Leaf, Record, Tile, ToBeSealed, VerifierKey};
use ed25519_dalek::{Signer as _, SigningKey};
use insta::assert_snapshot;
use jiff::Timestamp;

use crate::rig::{Folder, Ran};

const ORIGIN: &str = "ledger.example/log";
const WITNESS: &str = "witness.example/w1";

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(name: &str, kind: KeyType, seed: u8) -> VerifierKey {
    VerifierKey::new(name, kind, secret(seed).verifying_key().to_bytes()).unwrap()
}

pub(crate) fn log() -> VerifierKey {
    public(ORIGIN, KeyType::Note, 1)
}

/// Writes the copy of a log of so many entries, all for one reason.
pub(crate) fn copy(folder: &Folder, name: &str, size: u64, reason: &str) {
    let mut growth = Growth::EMPTY;
    let mut entries = Vec::new();
    for seq in 0..size {
        let time = Timestamp::new(1_800_000_000 + seq.cast_signed(), 0).unwrap();
        let leaf = Leaf::write(&Record {
            reason_code: Some(reason.to_owned()),
            ..Record::new(seq, time, EventType::AuthenticationRefused, Actor::SERVICE)
        })
        .unwrap();
        growth.append(*leaf.hash()).unwrap();
        entries.push(leaf);
    }
    for grown in growth.take() {
        folder.write(&format!("{name}/{}", grown.tile), grown.bytes);
    }
    let bundles = Tile::all(size).filter(|tile| tile.of() == Of::Entries);
    for (tile, entries) in bundles.zip(entries.chunks(256)) {
        let bundle = entry_bundle(entries.iter().map(Leaf::bytes)).unwrap();
        folder.write(&format!("{name}/{tile}"), bundle);
    }
    let checkpoint = Checkpoint::new(ORIGIN, size, growth.root()).unwrap();
    let sealed = ToBeSealed::new(&checkpoint, &log()).unwrap();
    let head = sealed.seal(|message| Ok::<_, Infallible>(secret(1).sign(message).to_bytes().to_vec()));
    folder.write(&format!("{name}/{CHECKPOINT}"), head.unwrap().note());
}

fn verify(folder: &Folder, name: &str, more: &[&str]) -> Ran {
    let key = log().to_string();
    folder.redact(&key, "LOG");
    let words = ["ledger", "verify", "--dir", name, "--log-key", &key];
    folder.run(&[&words[..], more].concat())
}

#[test]
fn a_whole_copy_is_what_the_log_has_signed() {
    let folder = Folder::new();
    copy(&folder, "earlier", 300, "jti_replayed");
    copy(&folder, "mirror", 600, "jti_replayed");
    folder.tell(&verify(&folder, "mirror", &[]).with_code(0));
    let pinned = ["--pinned", "earlier/checkpoint"];
    folder.tell(&verify(&folder, "mirror", &pinned).with_code(0));
    let ran = verify(&folder, "mirror", &[&pinned[..], &["-o", "json"]].concat()).with_code(0);
    assert_eq!(ran.document()["kind"], "Ledger");
    assert_eq!(ran.document()["appendedSincePinned"], 300);
    assert_snapshot!(folder.told());
}

#[test]
fn a_copy_that_was_changed_is_refused_with_the_place() {
    let folder = Folder::new();
    copy(&folder, "mirror", 600, "jti_replayed");
    for file in ["tile/entries/001", "tile/0/001", "tile/0/002.p/88"] {
        let path = folder.path("mirror").join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        std::fs::write(&path, changed).unwrap();
        folder.tell(&verify(&folder, "mirror", &[]).with_code(1));
        std::fs::remove_file(&path).unwrap();
        folder.tell(&verify(&folder, "mirror", &[]).with_code(1));
        std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        verify(&folder, "mirror", &[]).with_code(1);
        std::fs::write(&path, whole).unwrap();
    }
    verify(&folder, "mirror", &[]).with_code(0);
    assert_snapshot!(folder.told());
}

#[test]
fn a_log_that_took_something_back_is_noticed() {
    let folder = Folder::new();
    copy(&folder, "kept", 600, "jti_replayed");
    copy(&folder, "shorter", 599, "jti_replayed");
    copy(&folder, "other", 600, "expired");
    copy(&folder, "longer", 601, "expired");
    for name in ["shorter", "other", "longer"] {
        verify(&folder, name, &[]).with_code(0);
        folder.tell(&verify(&folder, name, &["--pinned", "kept/checkpoint"]).with_code(1));
    }
    assert_snapshot!(folder.told());
}

#[test]
fn witnesses_are_asked_for() {
    let folder = Folder::new();
    copy(&folder, "mirror", 3, "jti_replayed");
    let witness = public(WITNESS, KeyType::Cosignature, 2);
    let key = witness.to_string();
    folder.redact(&key, "WITNESS");
    let asked = ["--witness", &*key];
    folder.tell(&verify(&folder, "mirror", &asked).with_code(1));
    verify(&folder, "mirror", &[&asked[..], &["--witnesses", "0"]].concat()).with_code(0);

    let note = folder.read("mirror/checkpoint");
    let text = note.split_inclusive('\n').take(3).collect::<String>();
    let time: u64 = 1_800_000_000;
    let signature = secret(2).sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
    let line = [&witness.id()[..], &time.to_be_bytes(), &signature.to_bytes()].concat();
    let line = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, line);
    folder.write("mirror/checkpoint", format!("{note}\u{2014} {WITNESS} {line}\n"));
    let seen = verify(&folder, "mirror", &asked).with_code(0);
    assert!(seen.stdout.contains("seen by    witness.example/w1 at "), "{seen}");
    assert_snapshot!(folder.told());
}

#[test]
fn what_cannot_be_begun_is_misuse_and_what_cannot_be_read_is_undecided() {
    let folder = Folder::new();
    folder.tell(&verify(&folder, "nowhere", &[]).with_code(2));
    folder.tell(
        &folder
            .run(&["ledger", "verify", "--dir", "nowhere", "--log-key", "log+1+2"])
            .with_code(2),
    );
    copy(&folder, "mirror", 3, "jti_replayed");
    let log = log().to_string();
    folder.tell(&verify(&folder, "mirror", &["--witness", &log]).with_code(2));
    folder.tell(&verify(&folder, "mirror", &["--pinned", "nowhere"]).with_code(2));
    let other = public(ORIGIN, KeyType::Note, 9).to_string();
    folder.redact(&other, "OTHER");
    folder.tell(
        &folder
            .run(&["ledger", "verify", "--dir", "mirror", "--log-key", &other])
            .with_code(1),
    );
    // A folder in the place of a file is there, and no bytes come out of it.
    std::fs::remove_file(folder.path("mirror/tile/0/000.p/3")).unwrap();
    std::fs::create_dir(folder.path("mirror/tile/0/000.p/3")).unwrap();
    folder.tell(&verify(&folder, "mirror", &[]).with_code(3));
    assert_snapshot!(folder.told());
}

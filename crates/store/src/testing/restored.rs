//! A restored copy is not mistaken for a rollback, nor a rollback for a restored copy.

use std::convert::Infallible;

use countersign_ledger::checkpoint::Witnesses;
use countersign_ledger::note::KeyType;
use countersign_ledger::tree::{Tree, leaf_hash};
use countersign_ledger::{Checkpoint, SignedHead, ToBeSealed, Trust, VerifierKey};
use ed25519_dalek::{Signer as _, SigningKey};

use super::*;

const ORIGIN: &str = "ledger.example/log";

fn log(origin: &str) -> (SigningKey, VerifierKey) {
    let secret = SigningKey::from_bytes(&[5; 32]);
    let public = VerifierKey::new(origin, KeyType::Note, secret.verifying_key().to_bytes()).unwrap();
    (secret, public)
}

fn anchor(dir: &std::path::Path, origin: &str) -> Anchor {
    Anchor::open(dir, Trust::new(log(origin).1, Witnesses::NONE).unwrap()).unwrap()
}

fn sealed(entries: &[Vec<u8>]) -> SignedHead {
    sealed_by(ORIGIN, entries)
}

fn sealed_by(origin: &str, entries: &[Vec<u8>]) -> SignedHead {
    let mut tree = Tree::EMPTY;
    for entry in entries {
        tree.append(leaf_hash(entry)).unwrap();
    }
    let (secret, public) = log(origin);
    let checkpoint = Checkpoint::new(origin, tree.size(), tree.root()).unwrap();
    let sign = |message: &[u8]| Ok::<_, Infallible>(secret.sign(message).to_bytes().to_vec());
    ToBeSealed::new(&checkpoint, &public).unwrap().seal(sign).unwrap()
}

async fn entries(store: &Store) -> Vec<Vec<u8>> {
    let leaves = store.leaves(0, 100).await.unwrap();
    leaves.into_iter().map(|(_, entry)| entry).collect()
}

/// Three databases: the first went on after a copy of it was made, which is `older`; the last one has another history.
pub(super) async fn an_older_copy_signs_nothing_until_it_is_whole(first: &Address, older: &Address, other: &Address) {
    let dir = tempfile::tempdir().unwrap();
    let anchor = anchor(dir.path(), ORIGIN);
    let (first, older, other) = (open(first).await, open(older).await, open(other).await);
    for store in [&first, &older] {
        create(store, &asked(1)).await;
    }
    anchor.check(&first).await.expect("a new log, which has signed nothing");
    create(&first, &asked(2)).await;
    create(&first, &asked(3)).await;
    let whole = entries(&first).await;
    anchor.keep(&sealed(&whole)).unwrap();
    // Ended before the database had the checkpoint: nothing is lost.
    anchor.check(&first).await.unwrap();
    create(&first, &asked(4)).await;
    anchor.check(&first).await.expect("entries that are not signed yet");

    let behind = anchor.check(&older).await.unwrap_err();
    assert!(
        matches!(behind, RestoreError::Behind { found: 1, signed: 3 }),
        "{behind:?}"
    );
    assert!(
        behind.to_string().contains("Restore the newest copy that there is"),
        "{behind}"
    );
    for number in [7, 8, 9] {
        create(&other, &asked(number)).await;
    }
    let fork = anchor.check(&other).await.unwrap_err();
    assert!(matches!(fork, RestoreError::Fork { signed: 3 }), "{fork:?}");

    // From a mirror, what is not what was signed: entries of another history, one too few, one too many, the wrong order.
    let foreign = entries(&other).await;
    let swapped = [whole[2].clone(), whole[1].clone()];
    for wrong in [&foreign[1..], &whole[1..2], &whole[..], &swapped[..]] {
        let refused = anchor.put_back(&older, wrong, at(5)).await;
        assert!(matches!(refused, Err(RestoreError::OtherEntries)), "{refused:?}");
        assert_eq!(older.ledger_state().await.unwrap().next, 1, "nothing was put back");
    }
    anchor.put_back(&older, &whole[1..], at(5)).await.unwrap();
    anchor.check(&older).await.unwrap();
    let now = entries(&older).await;
    assert_eq!(now[..3], whole);
    assert!(String::from_utf8_lossy(&now[3]).contains("\"reason_code\":\"restored\""));
    assert!(
        anchor.put_back(&other, &whole[1..], at(5)).await.is_err(),
        "a fork is never mended"
    );

    std::fs::write(dir.path().join("checkpoint"), "no checkpoint").unwrap();
    let torn = anchor.check(&first).await;
    assert!(matches!(torn, Err(RestoreError::Checkpoint { .. })), "{torn:?}");
    std::fs::remove_file(dir.path().join("checkpoint")).unwrap();
    integrate(&first, &sealed(&whole)).await;
    let gone = anchor.check(&first).await;
    assert!(matches!(gone, Err(RestoreError::Gone { size: 3, .. })), "{gone:?}");

    // Whoever says that the database is the newest gets the file again; and only of what is this log's, and in the database.
    assert!(
        !anchor.adopt(&other, at(6)).await.unwrap(),
        "a database that has signed nothing"
    );
    integrate(&other, &sealed(&whole)).await;
    let fork = anchor.adopt(&other, at(6)).await;
    assert!(matches!(fork, Err(RestoreError::Fork { signed: 3 })), "{fork:?}");
    assert!(anchor.kept().unwrap().is_none(), "nothing was written");
    assert!(anchor.adopt(&first, at(6)).await.unwrap());
    anchor.check(&first).await.unwrap();
    assert_eq!(anchor.kept().unwrap().unwrap().note(), sealed(&whole).note());
    let last = entries(&first).await.pop().unwrap();
    assert!(String::from_utf8_lossy(&last).contains("\"reason_code\":\"restored\""));
    assert!(!anchor.adopt(&first, at(7)).await.unwrap(), "it is there");
}

async fn integrate(store: &Store, head: &SignedHead) {
    let by = store.sequence("a", at(1), at(9)).await.unwrap().unwrap();
    let append = Integration {
        from: store.ledger_state().await.unwrap().size,
        size: head.checkpoint().size(),
        root: *head.checkpoint().root(),
        tiles: &[("tile/0/000.p/1".to_owned(), vec![1; 32])],
        checkpoint: head.note(),
    };
    store.integrate(&by, &append).await.unwrap();
}

/// Entries that were signed are lost for good: the log of that name signs nothing any more, and another begins over what is left.
pub(super) async fn a_new_log_begins_under_another_origin(address: &Address) {
    const NEW: &str = "ledger.example/log-2";
    let dir = tempfile::tempdir().unwrap();
    let store = open(address).await;
    create(&store, &asked(1)).await;
    let mut signed = entries(&store).await;
    integrate(&store, &sealed(&signed)).await;
    signed.push(b"an entry that was signed and is lost".to_vec());
    let old = anchor(dir.path(), ORIGIN);
    old.keep(&sealed(&signed)).unwrap();
    assert!(matches!(old.check(&store).await, Err(RestoreError::Behind { .. })));
    let same = old.begin_anew(&store, at(5)).await;
    assert!(matches!(same, Err(RestoreError::SameOrigin { .. })), "{same:?}");
    let state = store.ledger_state().await.unwrap();
    assert_eq!((state.next, state.size), (1, 1), "nothing was changed");

    let new = anchor(dir.path(), NEW);
    let foreign = new.check(&store).await;
    assert!(matches!(foreign, Err(RestoreError::Checkpoint { .. })), "{foreign:?}");
    let late = store.sequence("a", at(1), at(9)).await.unwrap().unwrap();
    new.begin_anew(&store, at(5)).await.unwrap();
    new.check(&store).await.unwrap();
    let state = store.ledger_state().await.unwrap();
    assert_eq!(
        (state.next, state.size, state.root, state.checkpoint),
        (2, 0, None, None)
    );
    assert_eq!(store.tile("tile/0/000.p/1").await.unwrap(), None);
    let left = entries(&store).await;
    assert_eq!(left[0], signed[0]);
    let (begun, digest) = (
        String::from_utf8_lossy(&left[1]),
        Digest::sha256(sealed(&signed).note().as_bytes()),
    );
    assert!(
        begun.contains("\"reason_code\":\"new_log\"") && begun.contains(&digest.hex()),
        "{begun}"
    );
    let aside = dir.path().join(format!("checkpoint.{}", &digest.hex()[..16]));
    assert_eq!(std::fs::read_to_string(aside).unwrap(), sealed(&signed).note());
    // Whoever was just signing for the old log writes nothing of it any more.
    let head = sealed(&left);
    let append = Integration {
        from: 0,
        size: 2,
        root: *head.checkpoint().root(),
        tiles: &[],
        checkpoint: head.note(),
    };
    assert!(matches!(store.integrate(&late, &append).await, Err(StoreError::Stale)));
    let head = sealed_by(NEW, &left);
    new.keep(&head).unwrap();
    integrate(&store, &head).await;
    new.check(&store).await.unwrap();
    let same = new.begin_anew(&store, at(6)).await;
    assert!(matches!(same, Err(RestoreError::SameOrigin { .. })), "{same:?}");
    let back = old.check(&store).await;
    assert!(matches!(back, Err(RestoreError::Checkpoint { .. })), "{back:?}");
    store.close().await;
}

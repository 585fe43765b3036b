//! A restored copy is not mistaken for a rollback, nor a rollback for a restored copy.

use std::convert::Infallible;

use countersign_ledger::checkpoint::Witnesses;
use countersign_ledger::note::KeyType;
use countersign_ledger::tree::{Tree, leaf_hash};
use countersign_ledger::{Checkpoint, SignedHead, ToBeSealed, Trust, VerifierKey};
use ed25519_dalek::{Signer as _, SigningKey};

use super::*;

const ORIGIN: &str = "ledger.example/log";

fn log() -> (SigningKey, VerifierKey) {
    let secret = SigningKey::from_bytes(&[5; 32]);
    let public = VerifierKey::new(ORIGIN, KeyType::Note, secret.verifying_key().to_bytes()).unwrap();
    (secret, public)
}

fn sealed(entries: &[Vec<u8>]) -> SignedHead {
    let mut tree = Tree::EMPTY;
    for entry in entries {
        tree.append(leaf_hash(entry)).unwrap();
    }
    let (secret, public) = log();
    let checkpoint = Checkpoint::new(ORIGIN, tree.size(), tree.root()).unwrap();
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
    let anchor = Anchor::open(dir.path(), Trust::new(log().1, Witnesses::NONE).unwrap()).unwrap();
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
    assert!(behind.to_string().contains("--restored"), "{behind}");
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
    let by = first.sequence("a", at(1), at(9)).await.unwrap().unwrap();
    let head = sealed(&whole);
    let append = Integration {
        from: 0,
        size: 3,
        root: *head.checkpoint().root(),
        tiles: &[],
        checkpoint: head.note(),
    };
    first.integrate(&by, &append).await.unwrap();
    let gone = anchor.check(&first).await;
    assert!(matches!(gone, Err(RestoreError::Gone { size: 3, .. })), "{gone:?}");
}

//! Bundles with an entry of Rekor's first version hold.

use countersign_evidence::{Bundle, Draft, Sealed};
use countersign_image::Blob;
use serde_json::{Value, json};

use crate::services::{IDENTITY, Lie, sign};

pub(crate) fn file() -> Draft {
    Draft::artifact(Blob::new(b"of all the files".to_vec()))
}

fn statement() -> Draft {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/v1", "predicate": {},
        "subject": [{"name": "a", "digest": {"sha256": "00".repeat(32)}}],
    });
    Draft::statement(statement.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_file_and_a_statement_are_signed_logged_and_stamped() {
    for (draft, kind) in [(file(), "hashedrekord"), (statement(), "dsse")] {
        let minted = sign(Lie::None, draft).await.unwrap();
        let identity = minted.chain.signer().identity().expect("it is signed by a certificate");
        assert_eq!(identity.subjects[0].as_str(), IDENTITY);
        let [log] = minted.chain.logs() else {
            panic!("one log: {:?}", minted.chain.logs())
        };
        assert!(log.promised() && log.included(), "{log:?}");
        assert_eq!(minted.chain.times().len(), 2, "{:?}", minted.chain.times());

        let Sealed::Bundle(bytes) = &minted.sealed else {
            panic!("a bundle: {:?}", minted.sealed)
        };
        Bundle::parse(bytes).unwrap();
        let written: Value = serde_json::from_slice(bytes).unwrap();
        let entry = &written["verificationMaterial"]["tlogEntries"][0];
        assert_eq!(entry["kindVersion"], json!({"kind": kind, "version": "0.0.1"}));
        assert_eq!(entry["logIndex"], "7");
        assert_eq!(entry["inclusionProof"]["treeSize"], "1");
    }
}

#[tokio::test]
async fn who_is_out_of_order_is_asked_again() {
    sign(Lie::Rude, file()).await.unwrap();
}

//! How many logs and time authorities there are beside a signature: as many as there are hands that write them.

use countersign_mint::{TimeAuthority, TrustedRoot};

use super::*;

/// A bundle of version 0.1 with an entry in each log and a timestamp of each authority, over the image's manifest.
fn beside_a_key(key: &Key, logs: &[Key], authorities: &[TimeAuthority]) -> Content {
    let (message, signature) = (b"the manifest", key.sign(b"the manifest"));
    let public = PublicKey::from_spki_der(&key.spki()).unwrap();
    let body = json!({
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hex::encode(countersign_mint::Hash::Sha256.of(message))}},
            "signature": {"content": encode(&signature), "publicKey": {"content": encode(public.to_pem().as_bytes())}},
        },
    });
    let (body, time) = (encode(body.to_string().as_bytes()), now().as_second());
    let entry = |log: &Key| {
        let id = hex::encode(log.id());
        let promised = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":7}}"#);
        json!({
            "logIndex": "7",
            "logId": {"keyId": encode(&log.id())},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
            "integratedTime": time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": encode(&log.sign(promised.as_bytes()))},
            "canonicalizedBody": body,
        })
    };
    let stamp = |authority: &TimeAuthority| json!({"signedTimestamp": encode(&authority.stamp(&signature, now()))});
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "publicKey": {"hint": ""},
            "tlogEntries": logs.iter().map(entry).collect::<Vec<_>>(),
            "timestampVerificationData": {"rfc3161Timestamps": authorities.iter().map(stamp).collect::<Vec<_>>()},
        },
        "messageSignature": {"signature": encode(&signature)},
    });
    Content::Bundle(Blob::new(bundle.to_string()))
}

/// An operator with two logs, or a log that is written in two ways, is one witness.
#[test]
fn what_one_hand_writes_counts_once() {
    let key = Key::new(Kind::P256);
    let logs = [Key::new(Kind::P256), Key::new(Kind::P256)];
    let authorities = ["", ""].map(|uri| TimeAuthority::new(uri, now()));
    let content = beside_a_key(&key, &logs, &authorities);
    let found = |addresses: [&str; 2], operators: [&str; 2]| {
        let mut root = TrustedRoot::new();
        for (at, address) in addresses.into_iter().enumerate() {
            root.log(address, &logs[at], &logs[at].id(), now(), None);
            root.time_authority(address, &authorities[at].chain, now(), None);
            for list in ["tlogs", "timestampAuthorities"] {
                root.0[list][at]["operator"] = json!(operators[at]);
            }
        }
        let root = Arc::new(TrustRoot::parse(&root.to_json()).unwrap());
        let judge = |logs: usize, times: usize| {
            let trusted = Trusted::Key {
                key: PublicKey::from_spki_der(&key.spki()).unwrap(),
                rule: HashRule::Natural,
                logs: Some(LogDemand::of(root.clone(), logs)),
                times: Some(TimeDemand::of(root.clone(), times)),
            };
            judge_signature(content.clone(), &trusted)
        };
        let count = |least: [usize; 2]| match broke_anywhere(judge(least[0], least[1])) {
            VerifyError::TooFewLogs { found, .. } | VerifyError::TooFewTimes { found, .. } => found,
            error => panic!("{error:?}"),
        };
        let found = (count([3, 0]), count([0, 3]));
        judge(found.0, found.1).unwrap();
        found
    };
    let apart = ["https://a.example", "https://b.example"];
    assert_eq!(found(apart, ["", ""]), (2, 2));
    assert_eq!(found(apart, ["one", "other"]), (2, 2));
    assert_eq!(found(apart, ["one", ""]), (2, 2));
    assert_eq!(found(apart, ["one", "one"]), (1, 1));
    assert_eq!(found(["https://a.example", "https://a.example"], ["", ""]), (1, 1));
    // The origin of a log's checkpoints is its address without scheme and `/`.
    assert_eq!(found(["https://a.example", "http://a.example/"], ["", ""]).0, 1);
    // However an address is written, it is one.
    for written in ["HTTPS://A.example/", "https://a.example:443", "http://a.example."] {
        assert_eq!(found(["https://a.example", written], ["", ""]), (1, 1), "{written}");
    }
    // One address and two operators are two.
    assert_eq!(
        found(["https://a.example", "https://a.example"], ["one", "other"]),
        (2, 2)
    );
}

#[track_caller]
fn broke_anywhere(found: Result<Chain, Why>) -> VerifyError {
    match found {
        Err(Why::Verify(error)) => error,
        found => panic!("it should have broken, and this came: {found:?}"),
    }
}

//! Images with more signatures than are looked at: whoever adds them hides nobody.

use super::*;
use crate::examine::{MAX_BESIDE, MAX_SIGNATURES, Rejected};
use crate::gathered::Item;

/// Whoever may push may put any number of entries and timestamps beside signatures, and sign them well: the limit that they
/// reach is their own.
#[test]
fn what_stands_beside_signatures_is_counted_where_it_is_looked_at() {
    let person = Person::new(Kind::P256);
    let signature = person.key.sign(&payload());
    let bundle = |signature: &[u8]| {
        let one = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "publicKey": {"hint": ""},
                "tlogEntries": vec![json!({}); 32],
                "timestampVerificationData": {"rfc3161Timestamps": vec![json!({"signedTimestamp": ""}); 32]},
            },
            "messageSignature": {"signature": encode(signature)},
        });
        item(Layout::Bundle, Content::Bundle(Blob::new(one.to_string())))
    };
    let demanding = Trusted::Key {
        key: person.public(),
        rule: HashRule::Natural,
        logs: Some(LogDemand::of(PRIVATE.root.clone(), 0)),
        times: None,
    };
    let alone = Trusted::key(person.public(), HashRule::Natural);
    let light = || item(Layout::Tag, signed(&signature, Annotations::default()));
    let after = |others: &[u8], last: Item| {
        let mut items = vec![bundle(others); MAX_BESIDE / 64];
        items.push(last);
        evidence(&image(), items)
    };
    let well = person.key.sign(b"the manifest");
    // Neither what nobody signed hides anything, nor what somebody signed who is believed.
    for others in [b"nobody's".as_slice(), &well] {
        let (proofs, rejected) = signatures(&after(others, light()), &demanding, &Layouts::ALL);
        assert_eq!(proofs.len(), 1);
        let many = |rejected: &&Rejected| matches!(rejected.why, Why::TooMany { .. });
        let given_up = rejected.iter().filter(many).count();
        // The light one was looked at too, so that one of theirs is over the limit.
        assert_eq!(given_up, usize::from(others == well), "{rejected:?}");
    }
    let all = after(&well, light());
    assert_eq!(signatures(&all, &alone, &Layouts::ALL).0.len(), 33, "nobody looks");
    // One as heavy as theirs has no share of its own.
    let (proofs, rejected) = signatures(&after(&well, bundle(&well)), &demanding, &Layouts::ALL);
    assert!(proofs.is_empty());
    let last = rejected.last().map(|rejected| rejected.why.clone());
    assert_eq!(last, Some(Why::TooMany { limit: MAX_SIGNATURES }));
}

/// A stranger whom the same authority vouches for signs as well as anybody.
#[test]
fn a_strangers_good_signatures_do_not_hide_an_identity() {
    let (ours, stranger) = (Person::new(Kind::P256), Person::new(Kind::P256));
    let signature = ours.key.sign(&payload());
    let light = signed(&signature, ours.certified().stamped(&signature, now()));
    let signature = stranger.key.sign(b"the manifest");
    let stamp = encode(&PRIVATE.sigstore.time.stamp(&signature, now()));
    let heavy = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": encode(&stranger.certificate)},
            "timestampVerificationData": {"rfc3161Timestamps": vec![json!({"signedTimestamp": stamp}); 32]},
        },
        "messageSignature": {"signature": encode(&signature)},
    });
    let strangers = vec![item(Layout::Bundle, Content::Bundle(Blob::new(heavy.to_string()))); MAX_BESIDE / 32];
    let items = strangers.into_iter().chain([item(Layout::Tag, light)]).collect();
    let (proofs, rejected) = signatures(&evidence(&image(), items), &by_time(), &Layouts::ALL);
    assert_eq!(
        proofs.len(),
        MAX_BESIDE / 32,
        "all but one of theirs, and ours: {rejected:?}"
    );
    let found = proofs
        .iter()
        .filter(|proof| proof.origin().layout == Layout::Tag)
        .count();
    assert_eq!(found, 1, "{rejected:?}");
    assert!(
        rejected
            .iter()
            .any(|rejected| matches!(rejected.why, Why::TooMany { .. }))
    );
}

//! A checkpoint that other programs have signed, and everything that must not pass for one.

use proptest::prelude::*;

use super::*;
use crate::note::{KeyType, Note, VerifierKey};
use crate::testing::{ORIGIN, Pair, hex, log_key};
use crate::tree::leaf_hash;

/// Signed with `golang.org/x/mod/sumdb/note` (0.33) and `github.com/transparency-dev/formats` (0.1.1, cosignature/v1), with keys
/// from the seeds 01…, 02… and 03…, over the tree of Certificate Transparency's eight test inputs.
pub(crate) const COSIGNED: &str = "ledger.example/log\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n\
    \u{2014} ledger.example/log \
    fMg6nSLQR+K7uFTmQpjtK7iXqXt6vAc7ywcotZTJTMr+a+ovx7Gw8UgdvYgA416zdkfVfqHapPSwoXtpbM05KFOu5wM=\n\
    \u{2014} witness.example/w1 \
    3xwKNQAAAABrBYgBTR49JWG8lZ3fVTwbvtYkJffq5t/kEYek5+FOcqM18lcKyh4zN70QgCBgaX2t/0Mq4K7LkTberOuvJq8FKX0jAg==\n\
    \u{2014} witness.example/w2 \
    v/8odAAAAABrBYgB8FMb5oJUf9L0gWab9iINc+5K17UARXNL8BMzzHGZ3lZgDIUcDgd8JA4um0LBQ80oSQoQCyB5izw4f7NneHR0DA==\n";
const LOG: &str = "ledger.example/log+7cc83a9d+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
const W1: &str = "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";
const W2: &str = "witness.example/w2+bfff2874+BO1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR";
const SECOND: u64 = 0x6b05_8801;

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

fn trust(at_least: usize, witnesses: &[&str]) -> Trust {
    let known = witnesses.iter().map(|text| key(text)).collect();
    Trust::new(key(LOG), Witnesses::at_least(at_least, known).unwrap()).unwrap()
}

#[test]
fn what_others_have_signed_is_believed() {
    let head = trust(2, &[W1, W2]).open(COSIGNED).unwrap();
    assert_eq!(head.checkpoint().origin(), ORIGIN);
    assert_eq!(head.checkpoint().size(), 8);
    let root = hex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    assert_eq!(head.checkpoint().root(), &root);
    assert_eq!(head.note(), COSIGNED);
    let seen = |witness: &str| Seen {
        witness: witness.to_owned(),
        time: SECOND,
    };
    assert_eq!(head.seen(), [seen("witness.example/w1"), seen("witness.example/w2")]);
}

/// Ed25519 signs the same thing in the same way every time, so ours is theirs.
#[test]
fn what_is_sealed_here_is_what_others_sign() {
    let root = hex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    let checkpoint = Checkpoint::new(ORIGIN, 8, root).unwrap();
    let pair = log_key();
    assert_eq!(pair.public.to_string(), LOG);
    let sealed = ToBeSealed::new(&checkpoint, &pair.public).unwrap();
    let head = sealed.seal(|message| Ok::<_, ()>(pair.sign(message))).unwrap();
    assert_eq!(head.note(), COSIGNED.split_inclusive('\n').take(5).collect::<String>());
}

/// The example of C2SP tlog-checkpoint and tlog-cosignature; the keys are not published.
#[test]
fn the_example_of_the_specification_is_read() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(checkpoint.to_string(), text);
    let note = format!(
        "{text}\n\u{2014} example.com/behind-the-sofa \
         Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
         \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe\
         +mbIUBkBIfZ+qnA==\n"
    );
    assert_eq!(Note::parse(&note).unwrap().to_string(), note);
}

#[test]
fn other_texts_are_no_checkpoint() {
    let root = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=";
    for text in [
        String::new(),
        "\n".to_owned(),
        format!("a\n8\n{root}"),
        format!("\n8\n{root}\n"),
        format!("a b\n8\n{root}\n"),
        format!("a+b\n8\n{root}\n"),
        format!("a\n08\n{root}\n"),
        format!("a\n+8\n{root}\n"),
        format!("a\n\n{root}\n"),
        format!("a\n18446744073709551615\n{root}\n"),
        format!("a\n8\n{}\n", root.trim_end_matches('=')),
        format!("a\n8\n{}\n", &root[4..]),
        format!("a\n8\n{root}\nan extension\n"),
        format!("a\n8\n{root}\n\n"),
        format!("a\n0\n{root}\n"),
    ] {
        assert!(Checkpoint::parse(&text).is_err(), "`{text}`");
    }
    assert!(Checkpoint::new("a", 0, empty_root()).is_ok());
}

#[test]
fn a_checkpoint_that_the_log_has_not_signed_is_refused() {
    let other = Pair::new(ORIGIN, KeyType::Note, 9).public;
    let stranger = Trust::new(other, Witnesses::NONE).unwrap();
    let not_signed = CheckpointError::NotSigned { key: ORIGIN.to_owned() };
    assert_eq!(stranger.open(COSIGNED), Err(not_signed));
    let elsewhere = Trust::new(Pair::new("other.example", KeyType::Note, 1).public, Witnesses::NONE).unwrap();
    assert!(matches!(elsewhere.open(COSIGNED), Err(CheckpointError::Origin { .. })));
    let changed = COSIGNED.replace("\n8\n", "\n9\n");
    let forged = CheckpointError::Signature { key: ORIGIN.to_owned() };
    assert_eq!(trust(0, &[]).open(&changed), Err(forged.clone()));
    // A true signature does not help a false one under the same name.
    let twice = COSIGNED.replace("fMg6nSLQ", "fMg6nSLR") + COSIGNED.split_inclusive('\n').nth(4).unwrap();
    assert_eq!(trust(0, &[]).open(&twice), Err(forged));
}

#[test]
fn witnesses_are_counted_by_their_keys() {
    let three = Pair::new("witness.example/w3", KeyType::Cosignature, 4)
        .public
        .to_string();
    assert_eq!(trust(1, &[W1, &three]).open(COSIGNED).unwrap().seen().len(), 1);
    let too_few = CheckpointError::TooFewWitnesses { at_least: 2, found: 1 };
    assert_eq!(trust(2, &[W1, &three]).open(COSIGNED), Err(too_few));
    let alias = Pair::new("witness.example/alias", KeyType::Cosignature, 2).public;
    let twice = Witnesses::at_least(1, vec![key(W1), alias]);
    assert!(matches!(
        twice,
        Err(CheckpointError::Witnesses { at_least: 1, known: 1 })
    ));
    assert!(Witnesses::at_least(2, vec![key(W1)]).is_err());
    assert!(matches!(
        Witnesses::at_least(1, vec![key(LOG)]),
        Err(CheckpointError::KeyType { .. })
    ));
    assert!(matches!(
        Trust::new(key(W1), Witnesses::NONE),
        Err(CheckpointError::KeyType { .. })
    ));
}

#[test]
fn a_cosignature_is_of_its_text_and_its_time() {
    let forged = CheckpointError::Signature {
        key: "witness.example/w1".to_owned(),
    };
    let later = COSIGNED.replace("3xwKNQAAAABrBYgB", "3xwKNQAAAABrBYgC");
    assert_eq!(trust(1, &[W1]).open(&later), Err(forged.clone()));
    let short = COSIGNED.replace(
        "3xwKNQAAAABrBYgBTR49JWG8lZ3fVTwbvtYkJffq5t/kEYek5+FOcqM18lcKyh4zN70QgCBgaX2t/0Mq4K7LkTberOuvJq8FKX0jAg==",
        "3xwKNQAA",
    );
    assert_eq!(trust(1, &[W1]).open(&short), Err(forged));
    // Nobody asked this witness: what it says is read over.
    assert!(trust(1, &[W2]).open(&later).is_ok());
}

#[test]
fn a_witness_has_no_time_that_there_is_not() {
    let pair = Pair::new("witness.example/w9", KeyType::Cosignature, 9);
    let known = Witnesses::at_least(1, vec![pair.public.clone()]).unwrap();
    let trust = Trust::new(key(LOG), known).unwrap();
    let seen_at = |time: u64| {
        let mut note = Note::parse(COSIGNED).unwrap();
        let message = format!("cosignature/v1\ntime {time}\n{}", note.unverified_text());
        let line = [
            &pair.public.id()[..],
            &time.to_be_bytes(),
            &pair.sign(message.as_bytes()),
        ]
        .concat();
        let line = format!("\u{2014} witness.example/w9 {}\n", encoding::encode(&line));
        note.add(&line).unwrap();
        trust.open(&note.to_string()).map(|head| head.seen()[0].time)
    };
    let last = (1 << 63) - 1;
    assert_eq!([seen_at(0), seen_at(last)], [Ok(0), Ok(last)]);
    assert!(matches!(seen_at(last + 1), Err(CheckpointError::Signature { .. })));
}

#[test]
fn a_signer_that_signs_something_else_seals_nothing() {
    let pair = log_key();
    let checkpoint = Checkpoint::new(ORIGIN, 1, leaf_hash(b"")).unwrap();
    let sealing = || ToBeSealed::new(&checkpoint, &pair.public).unwrap();
    let other = Pair::new(ORIGIN, KeyType::Note, 7);
    let forged = Err(CheckpointError::Signature { key: ORIGIN.to_owned() });
    assert_eq!(sealing().sealed(&other.sign(sealing().message())), forged);
    assert_eq!(sealing().sealed(&pair.sign(b"something else")), forged);
    assert_eq!(sealing().sealed(&[]), forged);
    assert_eq!(sealing().sealed(&pair.sign_hashed(sealing().message())), forged);
    assert_eq!(
        sealing().seal(|_| Err("sealed vault")),
        Err(SealError::Signer("sealed vault"))
    );
    let elsewhere = Pair::new("other.example", KeyType::Note, 1).public;
    assert!(matches!(
        ToBeSealed::new(&checkpoint, &elsewhere),
        Err(CheckpointError::Origin { .. })
    ));
}

proptest! {
    #[test]
    fn no_changed_note_says_something_else(at in any::<prop::sample::Index>(), bit in 0..7) {
        let mut bytes = COSIGNED.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(changed) = String::from_utf8(bytes)
            && let Ok(head) = trust(0, &[W1, W2]).open(&changed)
        {
            let own = trust(2, &[W1, W2]).open(COSIGNED).unwrap();
            prop_assert_eq!(head.checkpoint(), own.checkpoint());
        }
    }
}

//! A receipt that another program has written, our own, and everything that must not pass for one.

use proptest::prelude::*;

use super::*;
use crate::testing::{Log, leaf, log_key, trust};
use crate::tiles::{ProvedEntry, Reader};

/// Written with `github.com/transparency-dev/formats/proof` (0.1.1): the sixth of Certificate Transparency's eight test inputs,
/// which is here as extra data too.
const FOREIGN: &str = "c2sp.org/tlog-proof@v1\nextra QEFCQw==\nindex 5\n\
    vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=\n\
    yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=\n\
    037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=\n\n\
    ledger.example/log\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n\
    \u{2014} ledger.example/log \
    fMg6nSLQR+K7uFTmQpjtK7iXqXt6vAc7ywcotZTJTMr+a+ovx7Gw8UgdvYgA416zdkfVfqHapPSwoXtpbM05KFOu5wM=\n";

#[test]
fn what_another_program_has_written_is_verified() {
    let receipt = Receipt::parse(FOREIGN).unwrap();
    assert_eq!(receipt.to_string(), FOREIGN);
    assert_eq!(receipt.unverified_index(), 5);
    let entry = receipt.unverified_extra().unwrap().to_vec();
    assert_eq!(entry, b"@ABC");
    let included = receipt.verify(&trust(), &entry).unwrap();
    assert_eq!((included.index(), included.head().checkpoint().size()), (5, 8));
    assert_eq!(
        receipt.verify(&trust(), b"@ABD"),
        Err(ReceiptError::Tree(TreeError::NotIncluded))
    );
}

#[test]
fn every_entry_has_a_receipt_and_no_other_s() {
    for size in [1, 2, 3, 7, 8, 260] {
        let log = Log::of(size);
        let reader = Reader::new(&log, &log.head);
        for index in 0..size {
            let ProvedEntry { entry, path, .. } = reader.entry(index).unwrap();
            let written = Receipt::new(&log.head, index, path, &entry, Some(entry.clone()))
                .unwrap()
                .to_string();
            let receipt = Receipt::parse(&written).unwrap();
            assert_eq!(receipt.to_string(), written);
            assert_eq!(receipt.verify(&trust(), &entry).unwrap().index(), index);
            let other = leaf((index + 1) % 260);
            assert!(receipt.verify(&trust(), other.bytes()).is_err(), "{index} of {size}");
        }
    }
}

#[test]
fn a_receipt_of_another_place_or_log_is_refused() {
    let receipt = |text: &str| Receipt::parse(text).unwrap().verify(&trust(), b"@ABC");
    let elsewhere = FOREIGN.replace("index 5", "index 4");
    assert_eq!(receipt(&elsewhere), Err(ReceiptError::Tree(TreeError::NotIncluded)));
    let outside = FOREIGN.replace("index 5", "index 8");
    assert_eq!(
        receipt(&outside),
        Err(ReceiptError::Tree(TreeError::Outside { index: 8, size: 8 }))
    );
    let shorter = FOREIGN.replace("vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=\n", "");
    assert_eq!(
        receipt(&shorter),
        Err(ReceiptError::Tree(TreeError::Length { expected: 3, found: 2 }))
    );
    let grown = FOREIGN.replace("\n8\n", "\n9\n");
    assert!(matches!(
        receipt(&grown),
        Err(ReceiptError::Checkpoint(CheckpointError::Signature { .. }))
    ));
    let of_another = FOREIGN.replace("\nledger.example/log", "\nother.example/log");
    assert!(matches!(
        receipt(&of_another),
        Err(ReceiptError::Checkpoint(CheckpointError::Origin { .. }))
    ));
    let head = trust().open(FOREIGN.split_once("\n\n").unwrap().1).unwrap();
    assert!(Receipt::new(&head, 5, Vec::new(), b"@ABC", None).is_err());
    assert_eq!(log_key().public.name(), head.checkpoint().origin());
}

#[test]
fn other_texts_are_no_receipt() {
    let hash = "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=\n";
    for text in [
        String::new(),
        FOREIGN.replace("@v1", "@v2"),
        FOREIGN.replace("\nextra ", "\nextras "),
        FOREIGN.replace("extra QEFCQw==", "extra QEFCQw"),
        FOREIGN.replace("index 5", "index 05"),
        FOREIGN.replace("index 5", "index -5"),
        FOREIGN.replace("index 5\n", ""),
        FOREIGN.replace("index 5", "index 5\nindex 5"),
        FOREIGN.replace(hash, &hash[4..]),
        FOREIGN.replace(hash, &format!(" {hash}")),
        FOREIGN.replace(hash, &hash.repeat(63)),
        FOREIGN.replace('\n', "\r\n"),
        FOREIGN.trim_end().to_owned(),
        FOREIGN.split_once("\n\n").unwrap().0.to_owned(),
    ] {
        assert!(Receipt::parse(&text).is_err(), "`{text}`");
    }
    assert!(Receipt::parse(&FOREIGN.replace(hash, &hash.repeat(62))).is_ok());
    let long = format!("{FOREIGN}{}", "x".repeat(MAX_RECEIPT_BYTES));
    assert!(matches!(Receipt::parse(&long), Err(ReceiptError::TooLong { .. })));
    let nothing_extra = FOREIGN.replace("extra QEFCQw==", "extra ");
    assert_eq!(
        Receipt::parse(&nothing_extra).unwrap().unverified_extra(),
        Some(&b""[..])
    );
}

proptest! {
    #[test]
    fn no_changed_receipt_is_of_another_entry(at in any::<prop::sample::Index>(), bit in 0..7, entry: Vec<u8>) {
        let mut bytes = FOREIGN.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(changed) = String::from_utf8(bytes)
            && let Ok(receipt) = Receipt::parse(&changed)
        {
            prop_assert!(receipt.verify(&trust(), &entry).is_err() || entry == b"@ABC");
            prop_assert_eq!(receipt.to_string(), changed);
        }
    }
}

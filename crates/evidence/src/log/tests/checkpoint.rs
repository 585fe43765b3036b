//! Checkpoints: whose they are, who has signed them, and what is none.

use super::*;
use crate::testing;

/// An entry of this kind under a checkpoint of somebody's choice.
fn under(entry: &Value, checkpoint: &str) -> Value {
    with(entry, "/inclusionProof/checkpoint/envelope", json!(checkpoint))
}

/// The text that is signed, and the lines below it.
fn parts(log: &Rekor) -> (String, String) {
    let text = log.tree_head();
    let line = log.signature_line(&text);
    (text, line)
}

#[test]
fn a_checkpoint_counts_with_the_signature_of_its_log_wherever_it_stands() {
    let signatures = Signatures::new();
    for kind in [EntryKind::DsseV001, EntryKind::DsseV002] {
        let (log, at) = logged(&signatures, kind);
        let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
        let (text, line) = parts(&log);
        let stranger = mint::Witness::new("witness.example.org").cosign(&text, 1);
        // A line with the log's name and another key's id is another key's: the log may have changed its key.
        let other_key = mint::note_line(&log.host, b"none", &[0; 64]);
        // And one with its id and another name is another's altogether.
        let other_name = mint::note_line("other.example.org", &log.id()[..4], &[0; 64]);
        for lines in [
            line.clone(),
            format!("{stranger}{line}"),
            format!("{line}{stranger}{other_key}{other_name}"),
            format!("{line}{line}"),
        ] {
            let entry = under(&entry, &format!("{text}\n{lines}"));
            assert!(
                verify(&entry, &of, &known(&log), &LogRule::PROOF).is_ok(),
                "{kind}: {lines}"
            );
        }
        for lines in [String::new(), stranger, other_key, other_name] {
            let entry = under(&entry, &format!("{text}\n{lines}"));
            let refused = verify(&entry, &of, &known(&log), &LogRule::PROOF);
            assert_eq!(
                refused,
                Err(LogError::NotSigned { log: HOST.into() }),
                "{kind}: {lines}"
            );
        }
    }
}

#[test]
fn a_line_that_says_to_be_the_logs_and_is_not_refuses_whatever_stands_beside_it() {
    let signatures = Signatures::new();
    for kind in [EntryKind::DsseV001, EntryKind::DsseV002] {
        let (log, at) = logged(&signatures, kind);
        let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
        let (text, line) = parts(&log);
        let id = &log.id()[..4];
        for forged in [
            mint::note_line(HOST, id, &[0; 64]),
            mint::note_line(HOST, id, &log.key.sign(b"another text")),
            mint::note_line(HOST, id, &p256().sign(text.as_bytes())),
            mint::note_line(HOST, id, b"\0"),
        ] {
            for lines in [forged.clone(), format!("{line}{forged}"), format!("{forged}{line}")] {
                let entry = under(&entry, &format!("{text}\n{lines}"));
                let refused = verify(&entry, &of, &known(&log), &LogRule::EITHER);
                assert!(
                    matches!(refused, Err(LogError::CheckpointSignature(_))),
                    "{kind}: {refused:?}"
                );
            }
        }
    }
}

/// Whoever repeats a line, or signs again and again, must not make us check each.
#[test]
fn a_log_that_signs_again_and_again_is_checked_twice_at_most() {
    let signatures = Signatures::new();
    let kind = EntryKind::DsseV001;
    let (log, at) = logged(&signatures, kind);
    let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
    let (text, line) = parts(&log);
    let verify = |lines: &str| {
        let entry = under(&entry, &format!("{text}\n{lines}"));
        verify(&entry, &of, &known(&log), &LogRule::PROOF)
    };
    // ECDSA signs the same twice in two ways.
    let again = || log.signature_line(&text);
    assert!(verify(&line.repeat(MAX_CHECKPOINT_SIGNATURES)).is_ok());
    assert!(verify(&format!("{line}{}{line}", again())).is_ok());
    let refused = LogError::SignedTooOften {
        log: HOST.into(),
        limit: 2,
        found: 3,
    };
    assert_eq!(verify(&format!("{line}{}{}", again(), again())), Err(refused));
}

#[test]
fn a_checkpoint_is_signed_as_it_is() {
    let signatures = Signatures::new();
    let kind = EntryKind::DsseV002;
    let (log, at) = logged(&signatures, kind);
    let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
    let (text, line) = parts(&log);
    let verify = |checkpoint: String| verify(&under(&entry, &checkpoint), &of, &known(&log), &LogRule::PROOF);
    // More lines are the log's to add, and then they are signed as well.
    let extended = format!("{text}Timestamp: 1689177396617352539\n");
    assert!(verify(format!("{extended}\n{}", log.signature_line(&extended))).is_ok());
    assert!(matches!(
        verify(format!("{extended}\n{line}")),
        Err(LogError::CheckpointSignature(_))
    ));
}

/// What a log is called: by its address for a Rekor v2, and by its key alone for a Rekor v1.
#[test]
fn a_checkpoint_is_of_the_log_that_the_trust_root_names() {
    let signatures = Signatures::new();
    for (kind, origin, is_ours) in [
        (EntryKind::DsseV002, HOST, true),
        (EntryKind::DsseV002, "rekor.example.org/", false),
        (EntryKind::DsseV002, "rekor.example.org - 7", false),
        (EntryKind::DsseV002, "rekor.example.com", false),
        (EntryKind::DsseV002, "https://rekor.example.org", false),
        (EntryKind::DsseV001, HOST, true),
        (EntryKind::DsseV001, "rekor.example.org - 7", true),
        (
            EntryKind::DsseV001,
            "rekor-00001-deployment-56bf7777c9 - 6364419738405537866",
            true,
        ),
        (EntryKind::DsseV001, "rekor.example.com", false),
        (EntryKind::DsseV001, "rekor.example.org - ", false),
        (EntryKind::DsseV001, "rekor.example.org - x", false),
        (EntryKind::DsseV001, "rekor.example.org -7", false),
    ] {
        let (log, at) = logged(&signatures, kind);
        let (entry, of) = (log.entry(at, TIME, &[]), signatures.submission(kind));
        let (text, _) = parts(&log);
        let text = format!("{origin}\n{}", text.split_once('\n').unwrap().1);
        // Whatever name the line has, it must be the one that belongs to the origin.
        let name = origin.split(" - ").next().unwrap();
        let id = if kind.is_v2() { log.id() } else { log.id().clone() };
        let line = mint::note_line(&name.replace(' ', ""), &id[..4], &log.key.sign(text.as_bytes()));
        let verified = verify(
            &under(&entry, &format!("{text}\n{line}")),
            &of,
            &known(&log),
            &LogRule::PROOF,
        );
        assert_eq!(verified.is_ok(), is_ours, "{kind}: {origin}: {verified:?}");
        assert!(is_ours || verified.is_err_and(|error| error.step() == LogStep::Checkpoint));
    }
}

#[test]
fn logs_sign_with_keys_of_several_kinds() {
    let signatures = Signatures::new();
    for key in Kind::ALL {
        for kind in [EntryKind::DsseV001, EntryKind::DsseV002] {
            let mut log = if kind.is_v2() {
                Rekor::v2_with(HOST, Key::new(key))
            } else {
                Rekor::v1_with(HOST, Key::new(key))
            };
            let at = log.take_in(1, &signatures.body(kind, Made::Certificate(CERTIFICATE)));
            let proved = verify(
                &log.entry(at, TIME, &[]),
                &signatures.submission(kind),
                &known(&log),
                &LogRule::PROOF,
            );
            assert!(proved.is_ok(), "{kind} with {:?}: {proved:?}", log.key.kind());
        }
    }
}

fn witnesses(at_least: usize, known: &[&mint::Witness]) -> LogRule {
    let known = known.iter().map(|witness| Witness {
        name: witness.name.clone(),
        key: public(&witness.key),
    });
    LogRule {
        witnesses: Witnesses {
            at_least,
            known: known.collect(),
        },
        ..LogRule::PROOF
    }
}

#[test]
fn known_witnesses_are_counted_once_each_and_strangers_never() {
    let signatures = Signatures::new();
    for kind in [EntryKind::DsseV001, EntryKind::DsseV002] {
        let (log, at) = logged(&signatures, kind);
        let of = signatures.submission(kind);
        let [one, two, three] = ["one", "two", "three"].map(mint::Witness::new);
        for (present, believed, at_least, counted) in [
            (vec![&one, &two], vec![&one, &two], 2, Ok(vec!["one", "two"])),
            (vec![&one, &two, &three], vec![&two], 1, Ok(vec!["two"])),
            (vec![&one], vec![&one], 0, Ok(vec!["one"])),
            (vec![], vec![&one], 0, Ok(vec![])),
            (vec![&one, &three], vec![&one, &two], 2, Err(1)),
            (vec![&one, &one], vec![&one, &two], 2, Err(1)),
            (vec![&one], vec![], 1, Err(0)),
            (vec![], vec![&one, &two], 1, Err(0)),
        ] {
            let verified = verify(
                &log.entry(at, TIME, &present),
                &of,
                &known(&log),
                &witnesses(at_least, &believed),
            );
            let expected = counted.map_err(|found| LogError::TooFewWitnesses { at_least, found });
            assert_eq!(
                verified.map(|logged| logged.witnesses().to_vec()),
                expected.map(|names: Vec<&str>| names.into_iter().map(String::from).collect())
            );
        }
    }
}

#[test]
fn one_key_under_two_names_is_one_witness() {
    let signatures = Signatures::new();
    let kind = EntryKind::DsseV002;
    let (log, at) = logged(&signatures, kind);
    let one = mint::Witness::new("one");
    let mut rule = witnesses(2, &[&one]);
    rule.witnesses.known.push(Witness {
        name: "two".into(),
        key: public(&one.key),
    });
    let text = log.tree_head();
    let first = one.cosign(&text, 1);
    let renamed = mint::Witness {
        name: "two".into(),
        key: one.key,
    };
    let checkpoint = format!(
        "{text}\n{}{first}{}",
        log.signature_line(&text),
        renamed.cosign(&text, 2)
    );
    let entry = under(&log.entry(at, TIME, &[]), &checkpoint);
    let refused = verify(&entry, &signatures.submission(kind), &known(&log), &rule);
    assert_eq!(refused, Err(LogError::TooFewWitnesses { at_least: 2, found: 1 }));
}

#[test]
fn a_known_witness_that_did_not_sign_this_refuses() {
    let signatures = Signatures::new();
    let kind = EntryKind::DsseV002;
    let (log, at) = logged(&signatures, kind);
    let witness = mint::Witness::new("one");
    let (text, line) = parts(&log);
    let time = 9_u64.to_be_bytes();
    let plain = witness.key.sign(text.as_bytes());
    let cosigned = witness.cosign(&text, 9);
    let later = {
        let message = format!("cosignature/v1\ntime 9\n{text}");
        [&10_u64.to_be_bytes(), witness.key.sign(message.as_bytes()).as_slice()].concat()
    };
    for (signature, what) in [
        (plain.clone(), "no time"),
        ([&time, plain.as_slice()].concat(), "a plain signature"),
        (later, "another time"),
        (vec![0; 72], "nothing"),
        (vec![0; 7], "too short"),
        (Vec::new(), "empty"),
    ] {
        for lines in [
            format!("{line}{}", mint::note_line("one", &witness.id(), &signature)),
            format!("{line}{cosigned}{}", mint::note_line("one", &witness.id(), &signature)),
        ] {
            let entry = under(&log.entry(at, TIME, &[]), &format!("{text}\n{lines}"));
            let of = signatures.submission(kind);
            for at_least in [0, 1] {
                let refused = verify(&entry, &of, &known(&log), &witnesses(at_least, &[&witness]));
                let step = refused.as_ref().map_err(LogError::step).err();
                assert!(matches!(step, Some(LogStep::Witness)), "{what}: {refused:?}");
            }
            // Where the witness is not known, its line is a stranger's.
            assert!(verify(&entry, &of, &known(&log), &LogRule::PROOF).is_ok(), "{what}");
        }
    }
    // Signed notes have no prehashed signatures.
    let key = testing::ed25519ph();
    let message = key.sign(format!("cosignature/v1\ntime 9\n{text}").as_bytes());
    let id = mint::note_key_id("one", 4, key.public.spki_der());
    let prehashed = mint::note_line("one", &id[..4], &[&time, message.as_slice()].concat());
    let mut rule = witnesses(1, &[&witness]);
    rule.witnesses.known[0].key = key.public;
    let entry = under(&log.entry(at, TIME, &[]), &format!("{text}\n{line}{prehashed}"));
    let refused = verify(&entry, &signatures.submission(kind), &known(&log), &rule);
    assert_eq!(refused, Err(LogError::WitnessSignature { name: "one".into() }));
    // A witness is not a log, nor a log a witness.
    let only = under(&log.entry(at, TIME, &[]), &format!("{text}\n{cosigned}"));
    let refused = verify(
        &only,
        &signatures.submission(kind),
        &known(&log),
        &witnesses(1, &[&witness]),
    );
    assert_eq!(refused, Err(LogError::NotSigned { log: HOST.into() }));
}

#[test]
fn witnesses_are_demanded_only_of_proofs() {
    let signatures = Signatures::new();
    let (log, at) = logged(&signatures, EntryKind::DsseV001);
    let promised = without(&log.entry(at, TIME, &[]), "/inclusionProof");
    let rule = LogRule {
        inclusion_proof: false,
        ..witnesses(1, &[])
    };
    let refused = verify(
        &promised,
        &signatures.submission(EntryKind::DsseV001),
        &known(&log),
        &rule,
    );
    assert_eq!(refused, Err(LogError::NoProof));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let log = Rekor::v2(HOST);
    let (text, line) = parts(&log);
    let whole = format!("{text}\n{line}");
    let read = Checkpoint::parse(&whole).unwrap();
    assert_eq!((read.unverified_origin(), read.unverified_size()), (HOST, 0));
    assert_eq!((read.unverified_root(), read.signature_count()), (&mint::root(&[]), 1));
    let [origin, size, root] = <[&str; 3]>::try_from(text.lines().collect::<Vec<_>>()).unwrap();
    let note = |text: String| format!("{text}\n{line}");
    let many = "x\n".repeat(30);
    for wrong in [
        String::new(),
        "\n\n".into(),
        text.clone(),
        format!("{text}\n{}", line.trim_end()),
        format!("{text}\n{line}\n"),
        format!("{text}\n{line}x"),
        format!("{text}\n{}", line.replace('\u{2014}', "-")),
        format!("{text}\n{}", line.replace(HOST, "")),
        format!("{text}\n{}", line.replace(HOST, "a b")),
        format!("{text}\n{}", line.replace(HOST, "a+b")),
        format!("{text}\n\u{2014} {HOST} AAAA\n"),
        format!("{text}\n\u{2014} {HOST} !\n"),
        format!("{text}\n\u{2014} {HOST}\n"),
        whole.replace('\n', "\r\n"),
        whole.replacen(HOST, "rekor\t", 1),
        note(format!("{size}\n{root}\n")),
        note(format!("{origin}\n{root}\n")),
        note(format!("{origin}\n{size}\n")),
        note(format!("\n{size}\n{root}\n")),
        note(format!("{origin}\n\n{root}\n")),
        note(format!("{origin}\n+1\n{root}\n")),
        note(format!("{origin}\n-1\n{root}\n")),
        note(format!("{origin}\n007\n{root}\n")),
        note(format!("{origin}\n 7\n{root}\n")),
        note(format!("{origin}\n18446744073709551616\n{root}\n")),
        note(format!("{origin}\n{size}\n{}\n", encode(&[0; 31]))),
        note(format!("{origin}\n{size}\n{root}\n\nmore\n")),
        note(format!("{origin}\n{size}\n{root}\n{many}")),
    ] {
        let refused = Checkpoint::parse(&wrong);
        assert!(
            matches!(refused, Err(LogError::Checkpoint { .. })),
            "`{wrong}`: {refused:?}"
        );
    }
    let lines = line.repeat(MAX_CHECKPOINT_SIGNATURES);
    assert!(Checkpoint::parse(&format!("{text}\n{lines}")).is_ok());
    let too_many = LogError::TooManySignatures {
        limit: MAX_CHECKPOINT_SIGNATURES,
        found: MAX_CHECKPOINT_SIGNATURES + 1,
    };
    assert_eq!(Checkpoint::parse(&format!("{text}\n{lines}{line}")), Err(too_many));
    let long = format!("{whole}{}", "x".repeat(MAX_CHECKPOINT_BYTES));
    assert!(matches!(
        Checkpoint::parse(&long),
        Err(LogError::CheckpointTooLong { .. })
    ));
}

//! Notes and keys that others have made, and what is none.

use proptest::prelude::*;

use super::*;

/// The example of the documentation of Go's `golang.org/x/mod/sumdb/note`: key, text and signature.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SIGNED: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
/// The example of C2SP signed-note, of which the key is not published; its text has an empty line.
const WITH_EMPTY_LINE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n\u{e8}d \u{e8} subito sera.\n\n\
    \u{2014} quasimodo.example/salvatore \
    NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

#[test]
fn what_go_has_signed_verifies() {
    let key: VerifierKey = PETER.parse().unwrap();
    let note = Note::parse(SIGNED).unwrap();
    let signatures: Vec<&[u8]> = note.of(&key).collect();
    assert_eq!(signatures.len(), 1);
    assert!(key.verifies(note.unverified_text().as_bytes(), signatures[0]));
    assert!(!key.verifies(b"Something else.\n", signatures[0]));
}

#[test]
fn keys_of_others_are_read_and_written_as_they_are() {
    for text in [
        PETER,
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU",
    ] {
        assert_eq!(VerifierKey::parse(text).unwrap().to_string(), text);
    }
    let witness =
        VerifierKey::parse("witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU").unwrap();
    assert_eq!(witness.kind(), KeyType::Cosignature);
}

#[test]
fn what_is_no_key_is_refused_with_the_reason() {
    let cases = [
        ("", "three parts"),
        ("PeterNeumann+c74f20a3", "three parts"),
        ("PeterNeumann+c74f20a3+@@@@", "base64"),
        ("PeterNeumann+c74f20a3+", "no key"),
        ("PeterNeumann+c74f20a3+AQ==", "32 bytes"),
        (
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "type",
        ),
        (
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "id",
        ),
        (
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "id",
        ),
        (
            "PaulNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "id",
        ),
        ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "name"),
        ("a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "name"),
    ];
    for (text, reason) in cases {
        let error = VerifierKey::parse(text).unwrap_err().to_string();
        assert!(error.contains(reason), "`{text}`: {error}");
    }
}

#[test]
fn notes_are_written_as_they_were_read() {
    for text in [SIGNED, WITH_EMPTY_LINE] {
        assert_eq!(Note::parse(text).unwrap().to_string(), text);
    }
    let quasimodo = Note::parse(WITH_EMPTY_LINE).unwrap();
    assert!(
        quasimodo
            .unverified_text()
            .ends_with(":\n\n\u{e8}d \u{e8} subito sera.\n")
    );
}

#[test]
fn what_is_no_note_is_refused() {
    let line = SIGNED.lines().last().unwrap();
    for wrong in [
        String::new(),
        "text\n".to_owned(),
        format!("text\n{line}\n"),
        format!("text\n\n{line}"),
        format!("text\n\n{line}\n\n"),
        format!("text\n\n{line}\nmore\n"),
        format!("text\r\n\n{line}\n"),
        format!("text\n\n{}\n", line.replace('\u{2014}', "-")),
        format!("text\n\n{}\n", line.replace("PeterNeumann", "Peter Neumann")),
        format!("text\n\n{}\n", line.replace("PeterNeumann", "Peter+Neumann")),
        format!("text\n\n{}\n", line.replace("PeterNeumann", "Peter\u{2003}Neumann")),
        format!("text\n\n{}\n", line.replace("PeterNeumann", "")),
        format!("text\n\n{}\n", line.replace('=', "")),
        "text\n\n\u{2014} name AAA=\n".to_owned(),
    ] {
        assert!(Note::parse(&wrong).is_err(), "`{wrong}`");
    }
    let many = |count| format!("text\n\n{}", format!("{line}\n").repeat(count));
    assert!(Note::parse(&many(MAX_SIGNATURES)).is_ok());
    let found = MAX_SIGNATURES + 1;
    let limit = MAX_SIGNATURES;
    assert_eq!(
        Note::parse(&many(found)),
        Err(NoteError::TooManySignatures { limit, found })
    );
    let long = format!("{}\n\n{line}\n", "x".repeat(MAX_NOTE_BYTES));
    assert!(matches!(Note::parse(&long), Err(NoteError::TooLong { .. })));
}

#[test]
fn what_a_witness_answers_is_added_once() {
    let mut note = Note::parse(SIGNED).unwrap();
    let line = format!("{}\n", SIGNED.lines().last().unwrap());
    note.add(&line).unwrap();
    assert_eq!(note.to_string(), SIGNED);
    note.add(&line.replace("PeterNeumann", "another")).unwrap();
    assert_eq!(note.signature_count(), 2);
    assert!(note.add("no signature\n").is_err());
    assert!(note.add("").is_err());
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_the_same(text in "(\\PC|\n){0,40}\n\n(\u{2014} [a-z]{1,3} [A-Za-z0-9+/]{8}\n){1,3}") {
        if let Ok(note) = Note::parse(&text) {
            prop_assert_eq!(note.to_string(), text);
        }
    }
}

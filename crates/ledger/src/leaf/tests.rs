//! What is written, what is read, and what is neither.

use std::collections::BTreeMap;

use countersign_image::{Digest, JsonError};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::canonical::{CanonicalError, canonical};

const IMAGE: &str = "registry.example/team/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SALT: &[u8] = b"sixteen bytes of";

fn time() -> Timestamp {
    "2027-01-31T23:59:59.5Z".parse().unwrap()
}

fn job() -> Actor {
    Actor {
        kind: ActorKind::Job,
        issuer: Some("https://token.example".to_owned()),
        subject: Commitment::of(SALT, "repository 12, job 34"),
        roles: vec!["submitter".to_owned()],
        address: Commitment::of(SALT, "192.0.2.7"),
    }
}

/// An entry that says everything that its type has a place for.
fn full(event: EventType) -> Record {
    let says = |field| event.needs().contains(&field) || event.may().contains(&field);
    let text = |field, text: &str| says(field).then(|| text.to_owned());
    let digest = Digest::sha256(b"");
    Record {
        seq: 7,
        time: time(),
        event,
        actor: job(),
        submission: text(Field::Submission, "01JGFJJZ00000000000000000A"),
        image: text(Field::Image, IMAGE),
        previous_state: text(Field::PreviousState, "EVALUATING"),
        state: text(Field::State, "SIGNING"),
        object_digests: BTreeMap::from_iter(says(Field::ObjectDigests).then(|| ("closure".to_owned(), digest))),
        policy_digest: says(Field::PolicyDigest).then_some(digest),
        reason_code: text(Field::ReasonCode, "coverage_missing:linux/arm64"),
        item: text(Field::Item, "sast"),
        destination: text(Field::Destination, "registry.example/prod/app:1.2"),
        vault: says(Field::Vault).then(|| KeyUse {
            key: "release".to_owned(),
            version: 3,
            request_id: Some("6f1c-22".to_owned()),
        }),
        signature: says(Field::Signature).then_some(digest),
        answers: says(Field::Answers).then_some(6),
        justification: says(Field::Justification).then(|| Commitment::of(SALT, "the site is down").unwrap()),
    }
}

fn text(record: &Record) -> String {
    String::from_utf8(Leaf::write(record).unwrap().bytes().to_vec()).unwrap()
}

/// Written by hand from RFC 8785, with an HMAC that another program computed.
#[test]
fn an_entry_is_these_bytes() {
    let record = Record {
        state: Some("RECEIVED".to_owned()),
        ..full(EventType::Submitted)
    };
    let expected = concat!(
        r#"{"actor":{"ip_hash":"hmac-sha256:@IP@","#,
        r#""iss":"https://token.example","kind":"job","roles":["submitter"],"#,
        r#""sub":"hmac-sha256:@SUB@"},"#,
        r#""image":"registry.example/team/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
        r#""object_digests":{"closure":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"#,
        r#""policy_digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
        r#""seq":7,"state":"RECEIVED","submission":"01JGFJJZ00000000000000000A","#,
        r#""ts":"2027-01-31T23:59:59.500Z","type":"submission","v":1}"#,
    );
    let expected = expected.replace("@IP@", IP).replace("@SUB@", SUB);
    assert_eq!(text(&record), expected);
    assert_eq!(Leaf::write(&record).unwrap().hash(), &leaf_hash(expected.as_bytes()));
}

const IP: &str = "96e70b0acb090b5b4bf92f65965bd6a8a0b485619bf1730537545ca12f8460bd";
const SUB: &str = "dea642ec4b60a3bd8a5dd7eb55176cfc90da3da1a8954f5ca1459ea67396a92e";

#[test]
fn every_event_is_written_and_read_again_and_says_neither_less_nor_more() {
    for event in EventType::ALL {
        let record = full(*event);
        let leaf = Leaf::write(&record).unwrap();
        let again = read(leaf.bytes()).unwrap();
        assert_eq!(again, Read::Known(Box::new(record.clone())), "{event:?}");
        assert_eq!((again.seq(), again.time(), again.event()), (7, time(), event.name()));
        for field in Field::ALL {
            let mut less = record.clone();
            without(&mut less, field);
            let mut more = record.clone();
            with(&mut more, field);
            let (needs, may) = (event.needs().contains(&field), event.may().contains(&field));
            assert!(!(needs && may), "{event:?} {field:?}");
            let missing = needs.then_some(LeafError::Missing { event: *event, field });
            assert_eq!(Leaf::write(&less).err(), missing, "{event:?} {field:?}");
            let unforeseen = (!needs && !may).then_some(LeafError::Unforeseen { event: *event, field });
            assert_eq!(Leaf::write(&more).err(), unforeseen, "{event:?} {field:?}");
        }
    }
}

fn without(record: &mut Record, field: Field) {
    let nothing = Record::new(0, record.time, record.event, Actor::SERVICE);
    copy(&nothing, record, field);
}

fn with(record: &mut Record, field: Field) {
    let everything = [
        EventType::StateChanged,
        EventType::KeyUseDone,
        EventType::BreakGlass,
        EventType::Published,
        EventType::CheckJudged,
    ];
    let source = everything
        .map(full)
        .into_iter()
        .find(|source| source.has(field))
        .unwrap();
    copy(&source, record, field);
}

fn copy(from: &Record, to: &mut Record, field: Field) {
    let from = from.clone();
    match field {
        Field::Submission => to.submission = from.submission,
        Field::Image => to.image = from.image,
        Field::PreviousState => to.previous_state = from.previous_state,
        Field::State => to.state = from.state,
        Field::ObjectDigests => to.object_digests = from.object_digests,
        Field::PolicyDigest => to.policy_digest = from.policy_digest,
        Field::ReasonCode => to.reason_code = from.reason_code,
        Field::Item => to.item = from.item,
        Field::Destination => to.destination = from.destination,
        Field::Vault => to.vault = from.vault,
        Field::Signature => to.signature = from.signature,
        Field::Answers => to.answers = from.answers,
        Field::Justification => to.justification = from.justification,
    }
}

#[test]
fn names_of_events_are_told_apart() {
    let mut names: Vec<&str> = EventType::ALL.iter().map(|event| event.name()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn an_entry_of_a_later_version_is_kept_as_it_is() {
    let document = json!({
        "v": 2, "seq": 70, "ts": "2031-01-01T00:00:00.000Z", "type": "approval", "actor": {"quorum": [1, 2]}, "mood": null,
    });
    let bytes = canonical(&document).unwrap();
    let Read::Later(later) = read(&bytes).unwrap() else {
        panic!("it is of a later version");
    };
    assert_eq!((later.version, later.seq, &*later.event), (2, 70, "approval"));
    assert_eq!(canonical(&later.document).unwrap(), bytes);
    let text = String::from_utf8(bytes).unwrap();
    for other in [text.replacen(':', ": ", 1), text.replace("approval", "approva\\u006c")] {
        assert!(
            matches!(read(other.as_bytes()), Err(LeafError::NotCanonical { .. })),
            "{other}"
        );
    }
    // What every version says, it says too.
    for (field, value) in [
        ("seq", json!("70")),
        ("seq", json!(1_u64 << 53)),
        ("ts", json!("2031-01-01")),
        ("type", json!("")),
        ("type", json!("a b")),
    ] {
        let mut wrong = document.clone();
        wrong[field] = value;
        let refused = canonical(&wrong).map(|bytes| read(&bytes).is_err());
        assert_ne!(refused, Ok(false), "{wrong}");
    }
}

/// The same words in this version are a mistake, or a lie about what this version could say.
#[test]
fn what_this_version_does_not_know_is_refused_in_it() {
    let known: Value = serde_json::from_str(&text(&full(EventType::StateChanged))).unwrap();
    let changed = |field: &str, value: Value| {
        let mut changed = known.clone();
        changed[field] = value;
        read(&canonical(&changed).unwrap())
    };
    assert!(changed("seq", json!(8)).is_ok());
    assert!(matches!(
        changed("type", json!("approval")),
        Err(LeafError::UnknownType { .. })
    ));
    assert!(matches!(changed("mood", json!("good")), Err(LeafError::Shape { .. })));
    assert!(matches!(
        changed("reason_code", json!(null)),
        Err(LeafError::NotCanonical { .. })
    ));
    assert!(matches!(
        changed("object_digests", json!({})),
        Err(LeafError::NotCanonical { .. })
    ));
    assert!(matches!(
        changed("actor", json!({"kind": "king"})),
        Err(LeafError::Field { .. })
    ));
    assert!(matches!(
        changed("actor", json!({"kind": "job", "sub": "somebody@example.com"})),
        Err(LeafError::Field { .. })
    ));
    assert!(matches!(
        changed("actor", json!({"kind": "job", "name": "x"})),
        Err(LeafError::Shape { .. })
    ));
    assert!(matches!(changed("v", json!(0)), Err(LeafError::Version)));
    assert!(matches!(changed("v", json!("1")), Err(LeafError::Version)));
    assert!(matches!(
        changed("ts", json!("2027-01-31T23:59:59.5Z")),
        Err(LeafError::Field { .. })
    ));
    assert!(matches!(
        changed("ts", json!("2027-01-31T23:59:59.500+00:00")),
        Err(LeafError::Field { .. })
    ));
    assert!(matches!(
        changed("policy_digest", json!("sha256:00")),
        Err(LeafError::Shape { .. })
    ));
}

#[test]
fn other_bytes_that_say_the_same_are_no_entry() {
    let written = text(&full(EventType::StateChanged));
    assert!(read(written.as_bytes()).is_ok());
    for other in [
        format!("{written} "),
        format!(" {written}"),
        written.replacen(':', ": ", 1),
        written.replacen("EVALUATING", "EVALUATIN\\u0047", 1),
        written.replacen("\"seq\":7", "\"seq\":7.0", 1),
        written.replacen("\"seq\":7", "\"seq\":7e0", 1),
        written.replacen("\"seq\":7", "\"seq\":-0", 1),
    ] {
        assert!(read(other.as_bytes()).is_err(), "{other}");
    }
    let twice = written.replacen("\"seq\":7", "\"seq\":7,\"seq\":7", 1);
    assert!(matches!(
        read(twice.as_bytes()),
        Err(LeafError::Json(JsonError::DuplicateKey { .. }))
    ));
    let fraction = written.replacen("\"seq\":7", "\"seq\":7.5", 1);
    assert_eq!(
        read(fraction.as_bytes()),
        Err(LeafError::Canonical(CanonicalError::Number))
    );
}

type Change = fn(&mut Record);

#[test]
fn what_is_no_word_is_not_written() {
    let changes: [(&str, Change); 13] = [
        ("submission", |record| record.submission = Some("a b".to_owned())),
        ("submission", |record| record.submission = Some(String::new())),
        ("submission", |record| record.submission = Some("x".repeat(513))),
        ("reason_code", |record| {
            record.reason_code = Some("M\u{fc}ller said no".to_owned());
        }),
        ("state", |record| record.state = Some("A\u{202e}B".to_owned())),
        ("image", |record| {
            record.image = Some("registry.example/app:1".to_owned());
        }),
        ("image", |record| record.image = Some(IMAGE.replace('@', ":1@"))),
        ("image", |record| {
            record.image = Some(IMAGE.replace("registry.example/team/", ""));
        }),
        ("object_digests", |record| {
            record.object_digests.insert("a b".to_owned(), Digest::sha256(b""));
        }),
        ("object_digests", |record| {
            record.object_digests = (0..=MAX_DIGESTS)
                .map(|number| (number.to_string(), Digest::sha256(b"")))
                .collect();
        }),
        ("actor.roles", |record| {
            record.actor.roles = vec!["role".to_owned(); MAX_ROLES + 1];
        }),
        ("actor.iss", |record| {
            record.actor.issuer = Some("not an issuer".to_owned());
        }),
        ("seq", |record| record.seq = 1 << 53),
    ];
    for (expected, change) in changes {
        let mut record = full(EventType::StateChanged);
        change(&mut record);
        match Leaf::write(&record) {
            Err(LeafError::Field { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let mut before_1970 = full(EventType::StateChanged);
    before_1970.time = Timestamp::new(-1, 0).unwrap();
    assert!(matches!(
        Leaf::write(&before_1970),
        Err(LeafError::Field { field: "ts", .. })
    ));
    let mut early = full(EventType::KeyUseDone);
    early.answers = Some(7);
    assert!(matches!(
        Leaf::write(&early),
        Err(LeafError::Field { field: "answers", .. })
    ));
}

#[test]
fn an_entry_fits_into_a_bundle() {
    let mut record = full(EventType::ConfigurationChanged);
    let name = |number: usize| format!("{number:0>400}");
    record.object_digests = (0..MAX_DIGESTS)
        .map(|number| (name(number), Digest::sha256(b"")))
        .collect();
    assert!(matches!(Leaf::write(&record), Err(LeafError::TooLong { .. })));
    let long = vec![b' '; MAX_LEAF_BYTES + 1];
    assert_eq!(read(&long), Err(LeafError::TooLong { found: long.len() }));
}

#[test]
fn a_commitment_opens_with_its_text_and_its_salt_only() {
    let commitment = Commitment::of(SALT, "somebody@example.com").unwrap();
    assert!(commitment.opens(SALT, "somebody@example.com"));
    assert!(!commitment.opens(SALT, "somebody@example.org"));
    assert!(!commitment.opens(b"another sixteen.", "somebody@example.com"));
    assert_eq!(Commitment::of(&SALT[1..], "somebody@example.com"), None);
    assert_eq!(Commitment::parse(&commitment.to_string()), Some(commitment.clone()));
    for wrong in [
        "",
        "hmac-sha256:",
        "hmac-sha256:00",
        &commitment.to_string().to_uppercase(),
        &format!("{commitment}00"),
    ] {
        assert_eq!(Commitment::parse(wrong), None, "`{wrong}`");
    }
    assert!(!text(&full(EventType::BreakGlass)).contains("the site is down"));
}

proptest! {
    #[test]
    fn any_bytes_are_an_entry_or_refused(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn whatever_is_written_reads_back(
        seq in 8_u64..1 << 53,
        millisecond in 0_i64..253_402_300_800_000,
        which in any::<prop::sample::Index>(),
        word in "[!#-\\[\\]-~]{1,512}",
    ) {
        let record = Record {
            seq,
            time: Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::UNIX_EPOCH),
            ..full(EventType::ALL[which.index(EventType::ALL.len())])
        };
        let record = Record { item: record.item.as_ref().map(|_| word), ..record };
        let leaf = Leaf::write(&record).unwrap();
        prop_assert_eq!(read(leaf.bytes()), Ok(Read::Known(Box::new(record))));
    }
}

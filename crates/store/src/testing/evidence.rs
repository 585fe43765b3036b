//! Reports: taken until a submission is sealed, and used before or not.

use countersign_gate::submission::evidence_set_digest;

use super::*;

pub(super) async fn evidence_is_taken_until_it_is_sealed(store: &Store) {
    let received = create(store, &asked(1)).await;
    let row = |slot: &str, body: &[u8]| EvidenceRow {
        slot: slot.to_owned(),
        received: Digest::sha256(body),
        sha256: Digest::sha256(body),
        size: body.len() as u64,
        format: "sarif".to_owned(),
        platform: None,
        detail: "{}".to_owned(),
        time: at(1),
    };
    let id = &received.asked.id;
    let add = async |row: EvidenceRow| store.add_evidence(id, &row, 2, vec![]).await.unwrap();
    assert_eq!(add(row("sast", b"one")).await, Added::Added);
    assert_eq!(add(row("sast", b"one")).await, Added::Same);
    assert_eq!(add(row("sast", b"other")).await, Added::SlotTaken);
    assert_eq!(add(row("sbom", b"bom")).await, Added::Added);
    assert_eq!(add(row("more", b"more")).await, Added::Full);
    let whole = [("sast", Digest::sha256(b"one")), ("sbom", Digest::sha256(b"bom"))];
    let seal = async |seen: &[(&str, Digest)]| {
        let change = Change {
            evidence_set: Some(evidence_set_digest(seen.iter().copied())),
            ..Change::default()
        };
        let work = NewWork {
            kind: "evaluate".to_owned(),
            due: at(0),
        };
        store
            .transition(
                &received,
                Step::Seal,
                change,
                at(1),
                told(&received.asked),
                Some(work),
                None,
            )
            .await
    };
    let lost = seal(&whole[..1]).await;
    assert!(
        matches!(lost, Err(TransitionError::Lost)),
        "evidence came in meanwhile: {lost:?}"
    );
    assert_eq!(
        seal(&whole).await.unwrap().evidence_set,
        Some(evidence_set_digest(whole))
    );
    assert_eq!(add(row("late", b"late")).await, Added::Sealed);
    assert_eq!(
        store.evidence(id).await.unwrap(),
        [row("sast", b"one"), row("sbom", b"bom")]
    );
}

pub(super) async fn only_what_was_sealed_before_is_a_use_before(store: &Store) {
    let report = Digest::sha256(b"report");
    let with = async |number: u64, image: &[u8], commit: Option<&str>| {
        let asked = Asked {
            image: Digest::sha256(image),
            commit: commit.map(str::to_owned),
            ..asked(number)
        };
        let received = create(store, &asked).await;
        let row = EvidenceRow {
            slot: "scan".to_owned(),
            received: report,
            sha256: report,
            size: 6,
            format: "sarif".to_owned(),
            platform: None,
            detail: "{}".to_owned(),
            time: at(1),
        };
        let added = store.add_evidence(&asked.id, &row, 2, vec![]).await.unwrap();
        assert_eq!(added, Added::Added);
        received
    };
    let seal = async |received: &Submission| step(store, received, Step::Seal, Some("e")).await.unwrap();
    let before = async |of: &Submission| store.used_before(&report, of).await.unwrap();
    // The copy was handed in first, and sealed later.
    let copy = with(1, b"another image", Some("c1")).await;
    let mine = with(2, b"image", Some("c2")).await;
    let again = with(3, b"image", Some("c2")).await;
    let mine = seal(&mine).await;
    assert!(before(&mine).await.is_empty(), "nobody has sealed it before");
    let copy = seal(&copy).await;
    let again = seal(&again).await;
    assert!(before(&mine).await.is_empty(), "a later copy turns nobody away");
    assert_eq!(
        before(&copy).await,
        [Some("c2".to_owned())],
        "many of one commit are one"
    );
    assert_eq!(
        before(&again).await,
        [Some("c1".to_owned())],
        "its own image is no other"
    );
    // What names no commit is not as if it were nothing.
    let nameless = seal(&with(4, b"a third image", None).await).await;
    let last = seal(&with(5, b"a fourth image", Some("c1")).await).await;
    let mut all = before(&last).await;
    all.sort();
    assert_eq!(all, [None, Some("c1".to_owned()), Some("c2".to_owned())]);
    // What was taken back has used nothing.
    for taken_back in [&nameless, &copy] {
        step(store, taken_back, Step::Cancel, None).await.unwrap();
    }
    assert_eq!(before(&last).await, [Some("c2".to_owned())]);
}

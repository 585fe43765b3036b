//! The whole way: submitted, handed in, sealed, weighed, signed, published, read back by a stranger.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use countersign_evidence::{Layouts, attestations, signatures};
use countersign_image::{Pinned, Reference, Tag};
use countersign_ledger::checkpoint::Witnesses;
use countersign_ledger::{EventType, Read, Source, Tile, Trust, VerifierKey, mirror};
use countersign_registry::{Credentials, GatherRequest, gather};
use countersign_submissions::wire::State;
use serde_json::json;

use crate::stage::{GATE, Job, ORIGIN, Stage, Surroundings, clean_report, question};

/// A copy of the ledger in a directory.
struct Copy(std::path::PathBuf);

impl Source for Copy {
    type Error = std::io::Error;

    fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, std::io::Error> {
        match fs::read(self.0.join(tile.to_string())) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }
}

/// The events of the ledger's copy, once all of it is proved to be what the log has signed.
pub(crate) fn events(around: &Surroundings) -> Vec<(EventType, Option<String>)> {
    let raw = around.public("log").spki_der().last_chunk::<32>().copied().unwrap();
    let log = VerifierKey::new(ORIGIN, countersign_ledger::KeyType::Note, raw).unwrap();
    let note = fs::read_to_string(around.path("mirror/checkpoint")).unwrap();
    let head = Trust::new(log, Witnesses::NONE).unwrap().open(&note).unwrap();
    let mut events = Vec::new();
    mirror::verify(&Copy(around.path("mirror")), &head, None, |read| {
        if let Read::Known(record) = read {
            events.push((record.event, record.state.clone()));
        }
    })
    .unwrap();
    events
}

pub(crate) fn count(events: &[(EventType, Option<String>)], event: EventType) -> usize {
    events.iter().filter(|(found, _)| *found == event).count()
}

/// The place that clusters run from.
pub(crate) fn approved(around: &Surroundings, image: &Pinned) -> Pinned {
    let named = format!("{}/approved/shop@{}", around.registry, image.digest());
    Reference::parse(&named).unwrap().pinned().unwrap()
}

/// One signature of each form by the release key, and one of each attestation, at the place that clusters run from.
pub(crate) async fn stands_signed(around: &Surroundings, image: &Pinned) {
    let approved = approved(around, image);
    let deadline = Instant::now() + Duration::from_secs(20);
    let nobody = Credentials::anonymous();
    let request = GatherRequest {
        places: Vec::new(),
        signatures: true,
        attestations: true,
        layouts: Layouts::ALL,
        manifest: true,
    };
    let evidence = gather(&around.client, &approved, &request, &nobody, deadline).await;
    let (found, rejected) = signatures(&evidence, &around.trusted("release"), &Layouts::ALL);
    // The payload's manifest is found by its tag and as a referrer.
    let blobs: BTreeSet<_> = found.iter().map(|signature| signature.origin().blob).collect();
    assert_eq!(blobs.len(), 2, "one payload and one statement: {found:?} {rejected:?}");
    let (attested, _) = attestations(&evidence, &around.trusted("attest"), &Layouts::ALL);
    let mut types: Vec<&str> = attested
        .iter()
        .map(countersign_evidence::Attestation::predicate_type)
        .collect();
    types.sort_unstable();
    assert_eq!(
        types,
        [
            "https://in-toto.io/attestation/svr/v0.2",
            "https://in-toto.io/attestation/svr/v0.2",
            "https://slsa.dev/verification_summary/v1",
            "https://slsa.dev/verification_summary/v1",
        ],
        "each in both layouts, and once"
    );
    let tag = Tag::parse("1.0").unwrap();
    let (blob, _) = around
        .client
        .tagged(approved.repository(), &tag, &nobody, deadline)
        .await
        .unwrap();
    assert_eq!(blob.digest(), image.digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_its_gate_is_signed_and_published_once() {
    let stage = Stage::with(GATE).await;
    let image = stage.around.push("unsigned/shop", "one").await;
    let job = stage.job().await;
    let id = job.sealed(&image, &clean_report()).await;
    let submission = job.settled(&id).await;
    assert_eq!(submission.state, State::Published, "{submission:#?}");
    assert_eq!(submission.signatures.len(), 4);
    let published = submission.published.unwrap();
    assert_eq!(
        published.reference,
        format!("{}/approved/shop@{}", stage.around.registry, image.digest())
    );
    stands_signed(&stage.around, &image).await;

    let again = job.submit("the-key", &question(&image)).await;
    assert_eq!((again.status, again.body["id"].as_str()), (200, Some(id.as_str())));
    let other = Job::with(stage.address, &stage.around.token(&json!({"run_id": "1002"})))
        .await
        .unwrap();
    let seen = other.get(&format!("/v1/images/{}", image.digest())).await;
    assert_eq!(seen.body["submissions"].as_array().unwrap().len(), 1);

    let around = stage.around.clone();
    stage.stop().await;
    let events = events(&around);
    assert_eq!(count(&events, EventType::Published), 1);
    assert_eq!(count(&events, EventType::KeyUseIntended), 4);
    assert_eq!(count(&events, EventType::KeyUseDone), 4);
    let states: Vec<&str> = events.iter().filter_map(|(_, state)| state.as_deref()).collect();
    assert_eq!(states, ["RECEIVED", "EVALUATING", "SIGNING", "PUBLISHING", "PUBLISHED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_secret_is_a_decision_and_stays_one() {
    let stage = Stage::with(GATE).await;
    let image = stage.around.push("unsigned/shop", "leak").await;
    let job = stage.job().await;
    let secret = "AKIAIOSFODNN7EXAMPLQ";
    let report = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "gitleaks", "rules": [{"id": "aws"}]}},
        "results": [{"ruleId": "aws", "message": {"text": format!("found {secret}")}, "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": "a.env"}, "region": {"startLine": 1, "snippet": {"text": secret}}}}]}]}]});
    let id = job.sealed(&image, report.to_string().as_bytes()).await;
    let submission = job.settled(&id).await;
    assert_eq!(submission.state, State::Rejected);
    assert_eq!(submission.checks[0].reasons[0].code, "findings");
    let retried = job.post(&format!("/v1/submissions/{id}/retry")).await;
    assert_eq!(
        retried.code(),
        (409, "wrong_state"),
        "what was decided is not tried again"
    );
    let told = serde_json::to_string(&submission).unwrap();
    assert!(!told.contains(secret), "{told}");
    let around = stage.around.clone();
    stage.stop().await;
    for entry in walk(around.dir.path()) {
        let bytes = fs::read(&entry).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "the secret lies in {}", entry.display());
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

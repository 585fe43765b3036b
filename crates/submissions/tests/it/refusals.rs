//! What is refused, row by row: over HTTP, with the code that a pipeline reads.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_submissions::wire::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::stage::{GATE, Job, Stage, ask, clean_report, content_digest, question, session};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_proves_nothing_opens_nothing() {
    let stage = Stage::with(GATE).await;
    let around = &stage.around;
    let now = Timestamp::now().as_second();
    let none = {
        let signed = around.token(&json!({}));
        let claims = signed.split('.').nth(1).unwrap().to_owned();
        format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"ed"}"#))
    };
    for (what, token, reason) in [
        (
            "another audience",
            around.token(&json!({"aud": "https://other.example.com"})),
            "token.audience",
        ),
        (
            "another issuer",
            around.token(&json!({"iss": "https://evil.example.com"})),
            "token.issuer",
        ),
        (
            "expired",
            around.token(&json!({"iat": now - 900, "nbf": now - 900, "exp": now - 300})),
            "token.expired",
        ),
        (
            "of the future",
            around.token(&json!({"nbf": now + 300, "exp": now + 900})),
            "token.not_yet",
        ),
        ("unsigned", none, "token.algorithm"),
    ] {
        let answered = session(stage.address, &token).await;
        assert_eq!(answered.code(), (401, "token_refused"), "{what}: {answered:?}");
        assert_eq!(answered.body["reason"], reason, "{what}");
        assert!(
            !answered
                .body
                .to_string()
                .contains(token.split('.').next_back().unwrap().get(..12).unwrap_or("~"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_once_and_a_strangers_job_not_at_all() {
    let stage = Stage::with(GATE).await;
    let token = stage.around.token(&json!({}));
    assert_eq!(session(stage.address, &token).await.status, 201);
    assert_eq!(session(stage.address, &token).await.code(), (401, "jti_replayed"));
    let forked = stage.around.token(&json!({"event_name": "pull_request"}));
    assert_eq!(session(stage.address, &forked).await.code(), (403, "event_not_allowed"));
    let nobody = crate::stage::http().get(format!("http://{}/v1/submissions/x", stage.address));
    assert_eq!(ask(nobody).await.code(), (401, "session_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_image_is_not_submitted_and_anothers_submission_not_there() {
    let stage = Stage::with(GATE).await;
    let (shop, bank) = (
        stage.around.push("unsigned/shop", "mine").await,
        stage.around.push("unsigned/bank", "theirs").await,
    );
    let job = stage.job().await;
    assert_eq!(job.submit("k", &question(&bank)).await.code(), (403, "image_not_bound"));
    let submitted = job.submit("k", &question(&shop)).await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    let id = submitted.body["id"].as_str().unwrap();
    let banks = stage
        .around
        .token(&json!({"repository_id": "4712", "repository": "acme/bank"}));
    let banks = Job::with(stage.address, &banks).await.unwrap();
    let theirs = banks.get(&format!("/v1/submissions/{id}")).await;
    let nothing = banks.get("/v1/submissions/01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
    assert_eq!(theirs.code(), (404, "not_found"));
    assert_eq!(theirs.body, nothing.body, "what is not theirs is as what is not there");
    assert_eq!(
        banks.hand_in(id, "secrets", &clean_report()).await.code(),
        (404, "not_found")
    );
    for step in ["seal", "cancel", "retry"] {
        assert_eq!(
            banks.post(&format!("/v1/submissions/{id}/{step}")).await.code(),
            (404, "not_found")
        );
    }
    assert_eq!(
        banks.get(&format!("/v1/images/{}", shop.digest())).await.code(),
        (404, "not_found")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_not_clear_is_refused_with_its_code() {
    let stage = Stage::with(GATE).await;
    let image = stage.around.push("unsigned/shop", "q").await;
    let job = stage.job().await;
    let with = |path: &[&str], value: Value| {
        let mut asked = question(&image);
        let last = path.iter().fold(&mut asked, |at, name| &mut at[*name]);
        *last = value;
        asked
    };
    for (what, asked, code) in [
        (
            "a tag",
            with(&["image", "digest"], "latest".into()),
            (422, "digest_required"),
        ),
        (
            "elsewhere",
            with(&["image", "registry"], "169.254.169.254".into()),
            (422, "registry_not_allowed"),
        ),
        (
            "a file",
            with(&["image", "registry"], "file:".into()),
            (422, "image_refused"),
        ),
        (
            "an environment",
            with(&["environment"], "moon".into()),
            (422, "gate_unknown"),
        ),
        ("another gate", with(&["gate"], "lenient".into()), (422, "gate_unknown")),
        ("unknown field", with(&["lenient"], true.into()), (400, "malformed")),
        (
            "another commit",
            with(&["source"], json!({"commit": "00"})),
            (403, "job_not_allowed"),
        ),
    ] {
        assert_eq!(job.submit(what, &asked).await.code(), code, "{what}");
    }
    let unkeyed = job
        .request(reqwest::Method::POST, "/v1/submissions")
        .header("content-type", "application/json");
    assert_eq!(
        ask(unkeyed.body(question(&image).to_string())).await.code(),
        (400, "idempotency_key_required")
    );
    assert_eq!(job.submit("once", &question(&image)).await.status, 201);
    let other = with(&["promote"], json!({"tag": "2.0"}));
    assert_eq!(job.submit("once", &other).await.code(), (409, "idempotency_mismatch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_asks_for_something_else_gets_a_submission_of_its_own() {
    let stage = Stage::with(GATE).await;
    let image = stage.around.push("unsigned/shop", "n").await;
    let job = stage.job().await;
    let tagged = |tag: &str| {
        let mut asked = question(&image);
        asked["promote"]["tag"] = tag.into();
        asked
    };
    let first = job.submit("a", &tagged("1.0")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = job.submit("b", &tagged("1.0")).await;
    assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]), "{again:?}");
    let other = job.submit("c", &tagged("2.0")).await;
    assert_eq!(
        other.status, 201,
        "the first one's answer would say that 2.0 is published: {other:?}"
    );
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(job.post(&format!("/v1/submissions/{id}/cancel")).await.status, 200);
    let anew = job.submit("d", &tagged("1.0")).await;
    assert_eq!(anew.status, 201, "{anew:?}");
    let same_key = job.submit("a", &tagged("1.0")).await;
    assert_eq!((same_key.status, &same_key.body["id"]), (200, &first.body["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_taken_as_announced_and_only_before_the_seal() {
    let stage = Stage::with(GATE).await;
    let image = stage.around.push("unsigned/shop", "e").await;
    let job = stage.job().await;
    let submitted = job.submit("k", &question(&image)).await;
    let id = submitted.body["id"].as_str().unwrap();
    let path = format!("/v1/submissions/{id}/evidence/secrets");
    let put = |digest: Option<String>, body: Vec<u8>| {
        let request = job.request(reqwest::Method::PUT, &path).body(body);
        ask(match digest {
            Some(digest) => request.header("content-digest", digest),
            None => request,
        })
    };
    let report = clean_report();
    assert_eq!(put(None, report.clone()).await.code(), (400, "content_digest_required"));
    assert_eq!(
        put(Some(content_digest(b"other")), report.clone()).await.code(),
        (422, "content_digest_mismatch")
    );
    for (what, broken) in [
        ("nothing known", b"{\"a\": 1".to_vec()),
        ("deep", format!("{}{}", "[".repeat(100), "]".repeat(100)).into_bytes()),
        (
            "laughs",
            b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"b\">]><testsuites>&b;</testsuites>".to_vec(),
        ),
    ] {
        let digest = content_digest(&broken);
        assert_eq!(
            put(Some(digest), broken).await.code(),
            (422, "report_refused"),
            "{what}"
        );
    }
    assert_eq!(put(Some(content_digest(&report)), report.clone()).await.status, 201);
    assert_eq!(
        put(Some(content_digest(&report)), report.clone()).await.status,
        200,
        "the same again"
    );
    let other = String::from_utf8(report.clone())
        .unwrap()
        .replace("gitleaks", "Semgrep")
        .into_bytes();
    assert_eq!(
        put(Some(content_digest(&other)), other.clone()).await.code(),
        (409, "slot_taken")
    );
    assert_eq!(job.post(&format!("/v1/submissions/{id}/seal")).await.status, 200);
    assert_eq!(
        put(Some(content_digest(&other)), other).await.code(),
        (409, "already_sealed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_was_changed_where_it_lies_is_never_weighed() {
    let stage = Stage::with(GATE).await;
    let image = stage.around.push("unsigned/shop", "t").await;
    let job = stage.job().await;
    let submitted = job.submit("k", &question(&image)).await;
    let id = submitted.body["id"].as_str().unwrap();
    assert_eq!(job.hand_in(id, "secrets", &clean_report()).await.status, 201);
    let mut changed = 0;
    for entry in blobs(&stage.around.path("blobs")) {
        let mut bytes = fs::read(&entry).unwrap();
        bytes[0] ^= 1;
        fs::write(&entry, bytes).unwrap();
        changed += 1;
    }
    assert_eq!(changed, 1);
    job.post(&format!("/v1/submissions/{id}/seal")).await;
    let settled = job.settled(id).await;
    let reason = settled.reason.unwrap();
    assert_eq!(
        (settled.state, reason.code.as_str()),
        (State::Failed, "evidence_tampered")
    );
    assert!(
        !reason.detail.contains("sha256:"),
        "what lies where is nobody's: {}",
        reason.detail
    );
}

fn blobs(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(blobs(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_publishes_under_the_name_of_who_was_there_first() {
    let stage = Stage::with(&GATE.replace("approved/{name}", "approved/app")).await;
    let (shop, bank) = (
        stage.around.push("unsigned/shop", "first").await,
        stage.around.push("unsigned/bank", "second").await,
    );
    let job = stage.job().await;
    let id = job.sealed(&shop, &clean_report()).await;
    assert_eq!(job.settled(&id).await.state, State::Published);
    let banks = stage
        .around
        .token(&json!({"repository_id": "4712", "repository": "acme/bank"}));
    let banks = Job::with(stage.address, &banks).await.unwrap();
    // Another search, so that it is not the same report over again.
    let report = String::from_utf8(clean_report()).unwrap().replace("[]}}", "[] }}");
    let mut asked = question(&bank);
    asked["promote"]["tag"] = "2.0".into();
    let submitted = banks.submit("k", &asked).await;
    let id = submitted.body["id"].as_str().unwrap();
    assert_eq!(banks.hand_in(id, "secrets", report.as_bytes()).await.status, 201);
    banks.post(&format!("/v1/submissions/{id}/seal")).await;
    let settled = banks.settled(id).await;
    assert_eq!(
        (
            settled.state,
            settled.reason.as_ref().map(|reason| reason.code.as_str())
        ),
        (State::Failed, Some("destination_taken")),
        "{settled:#?}"
    );
    assert!(settled.signatures.is_empty(), "nothing is signed for what is another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_has_so_many_open_submissions_and_no_more() {
    let around = crate::stage::Surroundings::build(GATE).await;
    let limits = countersign_submissions::settings::Limits {
        open_per_repository: 2,
        ..crate::stage::limits()
    };
    let stage = Stage::on(around, limits).await;
    let job = stage.job().await;
    for (number, expected) in [(1, 201), (2, 201), (3, 429)] {
        let image = stage.around.push("unsigned/shop", &format!("n{number}")).await;
        let answered = job.submit(&format!("k{number}"), &question(&image)).await;
        assert_eq!(answered.status, expected, "{number}: {answered:?}");
    }
    let image = stage.around.push("unsigned/shop", "n1").await;
    let again = job.submit("k1", &question(&image)).await;
    assert_eq!(again.status, 200, "it is there, and takes no room: {again:?}");
}

//! What the API server is told, and what a person reads of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_admission::respond::{MAX_MESSAGE, MAX_WARNING, MAX_WARNINGS};
use countersign_admission::{Answer, FieldPath, Outcome, Patch, Response, refuse, respond};
use countersign_policy::{Judgement, NoMatch, Reason, ReasonCode};
use serde_json::{Value, json};

use crate::asking::UID;
use crate::judging::{Asks, Registry, judged, pinned, rule, ungoverned};

const APP: &str = "registry.example/app:1.0";

fn container(index: usize) -> FieldPath {
    FieldPath::root()
        .field("spec")
        .field("containers")
        .index(index)
        .field("image")
}

fn init(index: usize) -> FieldPath {
    FieldPath::root()
        .field("spec")
        .field("initContainers")
        .index(index)
        .field("image")
}

fn outcome(paths: &[FieldPath], image: &str, judgement: Judgement) -> Outcome {
    Outcome {
        paths: paths.to_vec(),
        image: image.to_owned(),
        judgement: judgement.into(),
    }
}

fn patch() -> Patch {
    Patch::pin(&[(container(0), pinned(APP).written())])
}

fn written(response: &Response) -> Value {
    let review: Value = serde_json::from_slice(&response.to_bytes()).unwrap();
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(review["kind"], "AdmissionReview");
    review["response"].clone()
}

#[test]
fn what_every_policy_admits_is_allowed_and_patched() {
    let judgement = judged(APP, &[rule("open", Asks::Nothing)], Registry::Empty);
    let response = respond(UID, &[outcome(&[container(0)], APP, judgement)], Some(patch()));
    assert_eq!(
        (response.answer(), response.code(), response.message()),
        (Answer::Allowed, 200, "")
    );
    let encoded = STANDARD.encode(patch().to_json());
    assert_eq!(
        written(&response),
        json!({
            "uid": UID, "allowed": true, "patch": encoded, "patchType": "JSONPatch",
            "auditAnnotations": {"verdict": "admit", "grounds": "open: static"},
        })
    );
}

#[test]
fn an_empty_patch_is_none() {
    let nothing = Judgement::nothing_to_judge("pods/status", "`pods/status` changes no image");
    for patch in [None, Some(Patch::pin(&[]))] {
        let response = respond(UID, &[outcome(&[], "", nothing.clone())], patch);
        assert_eq!(
            written(&response),
            json!({
                "uid": UID, "allowed": true,
                "auditAnnotations": {"verdict": "admit", "grounds": "nothing-to-judge"},
            })
        );
    }
}

#[test]
fn no_verdict_is_no_admission() {
    let response = respond(UID, &[], Some(patch()));
    assert!(!response.allowed());
    assert!(response.patch().is_none());
    assert!(response.message().contains("server.fault"), "{}", response.message());
}

#[test]
fn a_denial_names_policy_field_image_reason_and_what_to_do() {
    let judgement = judged(APP, &[rule("signed-by-release", Asks::Signature)], Registry::Empty);
    let verdict = judgement.verdict();
    let reason = verdict.reasons().next().unwrap().clone();
    assert_eq!(reason.code(), ReasonCode::ImageUnsigned);
    let image = pinned(APP).written();
    let response = respond(UID, &[outcome(&[container(0)], &image, judgement)], Some(patch()));
    assert_eq!((response.answer(), response.code()), (Answer::Denied, 400));

    let lines: Vec<&str> = response.message().lines().collect();
    assert_eq!(lines[0], "failed policy: signed-by-release: spec.containers[0].image");
    assert_eq!(lines[1], format!("  image    {image}"));
    assert_eq!(
        lines[2],
        format!("  reason   image.unsigned: authority `release`: {}", reason.what())
    );
    assert!(lines[2].contains("no signatures found"), "{}", lines[2]);
    assert!(lines[3].starts_with("  looked   signature tag `sha256-"), "{lines:#?}");
    assert!(lines[4].starts_with("           referrers of `sha256:"), "{lines:#?}");
    assert!(lines.last().unwrap().starts_with("  next     "), "{lines:#?}");

    let written = written(&response);
    assert_eq!(written["allowed"], false);
    assert_eq!(written["uid"], UID);
    assert_eq!(written["status"]["code"], 400);
    assert_eq!(written["status"]["reason"], "BadRequest");
    assert_eq!(written["status"]["status"], "Failure");
    assert_eq!(written["status"]["message"], response.message());
    assert_eq!(
        written["auditAnnotations"],
        json!({"verdict": "deny", "reasons": "signed-by-release: image.unsigned"})
    );
    assert!(written.get("patch").is_none() && written.get("patchType").is_none());
}

#[test]
fn containers_of_one_image_share_a_block_and_policies_have_their_own() {
    let rules = [
        rule("b-never", Asks::TheImpossible),
        rule("a-never", Asks::TheImpossible),
        rule("open", Asks::Nothing),
    ];
    let one = outcome(
        &[init(0), container(1), container(0), container(1)],
        APP,
        judged(APP, &rules, Registry::Empty),
    );
    let other = outcome(
        &[container(2)],
        "registry.example/other:1",
        judged("registry.example/other:1", &rules, Registry::Empty),
    );
    let message = respond(UID, &[other.clone(), one.clone()], None).message().to_owned();
    let headlines: Vec<&str> = message.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        headlines,
        [
            "failed policy: a-never: spec.containers[0].image, spec.containers[1].image, spec.initContainers[0].image",
            "failed policy: a-never: spec.containers[2].image",
            "failed policy: b-never: spec.containers[0].image, spec.containers[1].image, spec.initContainers[0].image",
            "failed policy: b-never: spec.containers[2].image",
        ]
    );
    assert!(
        message.contains("disallowed by static policy: never this one"),
        "{message}"
    );
    // In whichever order the verdicts came in.
    assert_eq!(respond(UID, &[one, other], None).message(), message);
}

#[test]
fn what_could_not_be_told_is_unavailable_and_says_that_it_is_no_denial() {
    let judgement = judged(APP, &[rule("signed", Asks::Signature)], Registry::TimesOut);
    let response = respond(UID, &[outcome(&[container(0)], APP, judgement)], Some(patch()));
    assert_eq!((response.answer(), response.code()), (Answer::Undecided, 503));
    let message = response.message();
    assert!(
        message.starts_with("undecided policy: signed: spec.containers[0].image\n  image    "),
        "{message}"
    );
    assert!(message.contains("\n  cause    registry.timeout: "), "{message}");
    assert!(message.contains("\nthis is not a denial of the image: "), "{message}");
    let written = written(&response);
    assert_eq!(written["allowed"], false);
    assert_eq!(written["status"]["code"], 503);
    assert_eq!(written["status"]["reason"], "ServiceUnavailable");
    assert!(written.get("patch").is_none());
}

#[test]
fn a_denial_outweighs_what_could_not_be_told_and_lists_both() {
    let rules = [rule("a-signed", Asks::Signature), rule("b-never", Asks::TheImpossible)];
    let judgement = judged(APP, &rules, Registry::TimesOut);
    let response = respond(UID, &[outcome(&[container(0)], APP, judgement)], None);
    assert_eq!(response.code(), 400);
    let headlines: Vec<&str> = response
        .message()
        .lines()
        .filter(|line| !line.starts_with(' '))
        .collect();
    assert_eq!(
        headlines,
        [
            "failed policy: b-never: spec.containers[0].image",
            "undecided policy: a-signed: spec.containers[0].image"
        ]
    );
}

#[test]
fn a_policy_that_warns_lets_in_and_says_so() {
    let rules = [rule("soft", Asks::Signature).warning(), rule("open", Asks::Nothing)];
    let outcomes = [outcome(&[container(0)], APP, judged(APP, &rules, Registry::Empty))];
    let response = respond(UID, &outcomes, Some(patch()));
    assert!(response.allowed());
    assert_eq!(response.patch(), Some(&patch()));
    let [warning] = response.warnings() else {
        panic!("{:?}", response.warnings());
    };
    assert!(
        warning.starts_with("failed policy: soft: spec.containers[0].image: image.unsigned: "),
        "{warning}"
    );
    assert!(warning.contains("no signatures found"), "{warning}");
    let written = written(&response);
    assert_eq!(written["warnings"], json!([warning]));
    assert_eq!(
        written["auditAnnotations"],
        json!({"verdict": "admit", "grounds": "open: static", "reasons": "soft (warn): image.unsigned"})
    );
    assert!(written.get("status").is_none());
}

#[test]
fn warnings_go_with_a_denial_too() {
    let rules = [
        rule("hard", Asks::TheImpossible),
        rule("soft", Asks::TheImpossible).warning(),
    ];
    let response = respond(
        UID,
        &[outcome(&[container(0)], APP, judged(APP, &rules, Registry::Empty))],
        None,
    );
    assert_eq!(response.code(), 400);
    assert!(!response.message().contains("soft"), "{}", response.message());
    assert_eq!(response.warnings().len(), 1);
    assert!(
        response.warnings()[0].starts_with("failed policy: soft: "),
        "{:?}",
        response.warnings()
    );
}

#[test]
fn warnings_fit_what_the_api_server_keeps() {
    let long = "p".repeat(250);
    let rules = [
        rule("soft", Asks::Signature).warning(),
        rule(&long, Asks::Signature).warning(),
    ];
    let outcomes: Vec<Outcome> = (0..30)
        .map(|index| outcome(&[container(index)], APP, judged(APP, &rules, Registry::Empty)))
        .collect();
    let response = respond(UID, &outcomes, None);
    assert!(response.allowed());
    let total: usize = response.warnings().iter().map(String::len).sum();
    assert!(total <= MAX_WARNINGS, "{total}");
    assert!(response.warnings().iter().all(|warning| warning.len() <= MAX_WARNING));
    let kept = response.warnings().len() - 1;
    assert_eq!(
        response.warnings()[kept],
        format!("and {} more failing policies", 60 - kept)
    );
    assert!(response.warnings()[0].starts_with(&format!("failed policy: {}", &long[..200])));
}

#[test]
fn a_message_is_never_longer_than_is_kept() {
    let rules = [rule("never", Asks::TheImpossible)];
    let outcomes: Vec<Outcome> = (0..1000)
        .map(|index| {
            outcome(
                &[container(index)],
                &"i".repeat(3000),
                judged(APP, &rules, Registry::Empty),
            )
        })
        .collect();
    let response = respond(UID, &outcomes, None);
    assert!(response.message().len() <= MAX_MESSAGE, "{}", response.message().len());
    let last = response.message().lines().last().unwrap();
    let shown = response
        .message()
        .lines()
        .filter(|line| line.starts_with("failed policy"))
        .count();
    assert_eq!(last, format!("and {} more", 1000 - shown));
    assert!(shown > 3, "{shown}");
}

#[test]
fn one_image_in_many_places_does_not_list_them_all() {
    let paths: Vec<FieldPath> = (0..1000).map(container).collect();
    let judgement = judged(APP, &[rule("never", Asks::TheImpossible)], Registry::Empty);
    let message = respond(UID, &[outcome(&paths, APP, judgement)], None)
        .message()
        .to_owned();
    let headline = message.lines().next().unwrap();
    assert!(
        headline.ends_with("spec.containers[7].image, and 992 more"),
        "{headline}"
    );
}

#[test]
fn however_much_there_is_to_say_it_is_said_what_to_do() {
    let found: Vec<String> = (0..50).map(|index| format!("{index}: {}", "f".repeat(900))).collect();
    let reason = Reason::new(ReasonCode::SignatureWrongKey, "w".repeat(900))
        .with_found(found)
        .with_next("ask the release team");
    let response = respond(
        UID,
        &[outcome(
            &[container(0)],
            &"i".repeat(900),
            Judgement::refused(APP, reason),
        )],
        None,
    );
    let message = response.message();
    assert!(message.len() < 4096, "{}", message.len());
    assert!(message.ends_with("\n  …\n  next     ask the release team"), "{message}");
}

/// Whoever writes a manifest writes the names of images: they must not write our answer.
#[test]
fn a_name_cannot_write_lines_of_its_own() {
    let forged = "app:1\n  reason   all is well\u{1b}[2J\r\u{202e}";
    let judgement = judged(APP, &[rule("never", Asks::TheImpossible)], Registry::Empty);
    let response = respond(UID, &[outcome(&[container(0)], forged, judgement)], None);
    let image = r"  image    app:1\n  reason   all is well\u{1b}[2J\r\u{202e}";
    assert_eq!(response.message().lines().nth(1), Some(image));
    let reason = Reason::new(ReasonCode::ImageUnparsable, format!("`{forged}` is not a name"));
    let refused = respond(
        UID,
        &[outcome(&[container(0)], forged, Judgement::refused(forged, reason))],
        None,
    );
    assert!(
        !refused
            .message()
            .chars()
            .any(|character| character.is_control() && character != '\n')
    );
    assert!(
        refused
            .message()
            .lines()
            .all(|line| !line.starts_with("  reason   all"))
    );
}

#[test]
fn what_no_policy_governs_is_said_in_the_words_of_policy_controller() {
    let denied = respond(
        UID,
        &[outcome(&[container(0)], APP, ungoverned(APP, NoMatch::Deny))],
        None,
    );
    assert_eq!(denied.code(), 400);
    assert!(
        denied
            .message()
            .starts_with("no matching policies: spec.containers[0].image\n  image    "),
        "{}",
        denied.message()
    );
    let warned = respond(
        UID,
        &[outcome(&[container(0)], APP, ungoverned(APP, NoMatch::Warn))],
        None,
    );
    assert!(warned.allowed());
    let warnings = warned.warnings();
    assert!(
        warnings[0].starts_with("no matching policies: spec.containers[0].image: policy.none_matched: "),
        "{warnings:?}"
    );
    let allowed = respond(
        UID,
        &[outcome(&[container(0)], APP, ungoverned(APP, NoMatch::Allow))],
        None,
    );
    assert!(allowed.allowed() && allowed.warnings().is_empty());
    assert_eq!(allowed.audit_annotations()["grounds"], "not-governed");
}

#[test]
fn an_image_that_came_before_no_policy_is_refused_for_its_reason() {
    let unpinned = Reason::new(ReasonCode::ImageUnpinned, "`app:1` has no digest").with_next("name it by its digest");
    let response = respond(
        UID,
        &[outcome(&[container(0)], "app:1", Judgement::refused("app:1", unpinned))],
        None,
    );
    assert_eq!(
        response.message(),
        "must be an image digest: spec.containers[0].image\n  image    app:1\n  \
         reason   image.unpinned: `app:1` has no digest\n  next     name it by its digest"
    );
    let gone = Reason::new(ReasonCode::RegistryUnreachable, "nobody answers").with_next("look at the network");
    let response = respond(
        UID,
        &[outcome(&[container(0)], "app:1", Judgement::refused("app:1", gone))],
        None,
    );
    assert_eq!(response.code(), 503);
    assert!(
        response
            .message()
            .starts_with("undecided: spec.containers[0].image\n  image    app:1\n  cause    registry.")
    );
}

#[test]
fn what_was_there_before_is_allowed_on_that_ground() {
    let response = respond(UID, &[outcome(&[container(0)], APP, Judgement::unchanged(APP))], None);
    assert!(response.allowed());
    assert_eq!(response.audit_annotations()["grounds"], "unchanged");
}

#[test]
fn a_request_is_refused_with_or_without_a_uid() {
    let reason = Reason::new(ReasonCode::ReviewMalformed, "the review has no `request`");
    let response = refuse(None, &reason);
    assert_eq!((response.uid(), response.code()), ("", 400));
    let written = written(&response);
    assert_eq!(written["uid"], "");
    assert_eq!(written["allowed"], false);
    assert_eq!(
        written["auditAnnotations"],
        json!({"verdict": "deny", "reasons": "review.malformed"})
    );
    let message = written["status"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("review.malformed: the review has no `request`\n  next     "),
        "{message}"
    );

    let busy = Reason::new(ReasonCode::ServerBusy, "64 requests are being judged").with_next("ask again");
    let response = refuse(Some(UID), &busy);
    assert_eq!(
        (response.uid(), response.code(), response.answer()),
        (UID, 503, Answer::Undecided)
    );
    assert!(
        response.message().contains("this is not a denial of the image"),
        "{}",
        response.message()
    );
}

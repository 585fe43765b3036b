//! `submit`: what a pipeline meets, with a service that follows a script.

use std::process::Command;

use countersign_image::Digest;
use countersign_wire as wire;
use countersign_wire::{Check, CheckStatus, Code, NewSubmission, Published, Reason, State, Submission};
use insta::assert_snapshot;

use crate::rig::{Fault, Folder, Ran, Scripted, Step, token};

const CLEAN: &str = r#"{"version": "2.1.0", "runs": []}"#;
const LEAK: &str = r#"{"runs": [{"results": [{"ruleId": "aws-access-token", "message": {"text": "AKIA…"}}]}]}"#;

fn desk() -> Folder {
    let folder = Folder::new();
    folder.write("gitleaks.sarif", CLEAN);
    folder.write("out/trivy.json", CLEAN);
    folder.name_digest(&Digest::sha256(b"app"), "app");
    folder
}

fn image() -> String {
    format!("registry.example/unsigned/app@{}", Digest::sha256(b"app"))
}

fn command(folder: &Folder, service: &Scripted, words: &[&str]) -> Command {
    let image = image();
    let mut all = vec!["submit", &image];
    all.extend(words);
    let mut command = folder.command(&all);
    command.env("COUNTERSIGN_SERVER", service.url());
    command
}

/// As GitLab's jobs do: there is one token, in the environment.
fn submit(folder: &Folder, service: &Scripted, words: &[&str]) -> Ran {
    let mut command = command(folder, service, words);
    command.env("COUNTERSIGN_ID_TOKEN", token("the-only-one"));
    folder.ran(command)
}

/// As GitHub's jobs do: there is a new token for whoever asks.
fn submit_at_github(folder: &Folder, service: &Scripted, words: &[&str]) -> Ran {
    let mut command = command(folder, service, words);
    command.env("ACTIONS_ID_TOKEN_REQUEST_URL", service.token_url());
    command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner");
    folder.ran(command)
}

fn step(step: impl Fn(&mut Submission) + Send + 'static) -> Step {
    Box::new(step)
}

fn to(state: State) -> Step {
    step(move |submission| submission.state = state)
}

fn check(id: &str, status: CheckStatus, reasons: &[(&str, &str)]) -> Check {
    let reason = |(code, detail): &(&str, &str)| Reason {
        code: (*code).to_owned(),
        detail: (*detail).to_owned(),
    };
    Check {
        id: id.to_owned(),
        status,
        reasons: reasons.iter().map(reason).collect(),
        notes: Vec::new(),
        slots: vec![format!("{id}.sarif")],
    }
}

fn published() -> Vec<Step> {
    vec![
        to(State::Signing),
        to(State::Publishing),
        step(|submission| {
            submission.state = State::Published;
            submission.checks = vec![check("secrets", CheckStatus::Passed, &[])];
            submission.published = Some(Published {
                repository: "registry.example/approved/app".to_owned(),
                reference: format!("registry.example/approved/app@{}", Digest::sha256(b"app")),
                tags: vec!["1.4.2".to_owned()],
                at: jiff::Timestamp::UNIX_EPOCH,
            });
        }),
    ]
}

fn rejected() -> Vec<Step> {
    vec![step(|submission| {
        submission.state = State::Rejected;
        let mut vulns = check("vulns", CheckStatus::Warned, &[]);
        vulns.notes = vec![Reason {
            code: "finding.in_leeway".to_owned(),
            detail: "CVE-2026-0001 in libfoo 1.2 is suffered until 2026-12-01".to_owned(),
        }];
        submission.checks = vec![
            check(
                "secrets",
                CheckStatus::Failed,
                &[("finding.present", "aws-access-token at config/prod.env:3")],
            ),
            vulns,
            check("sbom", CheckStatus::Skipped, &[]),
        ];
    })]
}

#[test]
fn a_pipeline_hands_in_its_reports_and_the_image_is_published() {
    let folder = desk();
    let service = Scripted::new(&folder, &[], published());
    let words = "--report gitleaks.sarif --report linux/arm64=out/trivy.json --tag 1.4.2 --commit 0a1b --gate prod-default \
                 --summary page.md";
    let words: Vec<_> = words.split_whitespace().collect();
    folder.tell(&submit_at_github(&folder, &service, &words).with_code(0));
    folder.tell(&folder.read("page.md"));
    assert_snapshot!(folder.told());

    let named = format!(
        "http%3A%2F%2F{}",
        service.url().trim_start_matches("http://").replace(':', "%3A")
    );
    assert_eq!(service.audiences(), [named], "the token is for this service alone");
    assert_eq!(service.slots(), ["gitleaks.sarif", "linux-arm64-trivy.json"]);
    let platforms = service.seen("evidence");
    let platform = |seen: &crate::rig::Seen| seen.headers.get(wire::EVIDENCE_PLATFORM).cloned();
    assert_eq!(
        platforms.iter().map(platform).collect::<Vec<_>>(),
        [None, Some("linux/arm64".parse().unwrap())]
    );
}

#[test]
fn what_is_asked_for_is_what_was_said() {
    let folder = desk();
    let service = Scripted::new(&folder, &[], published());
    let words = [
        "--tag",
        "1.4.2",
        "--commit",
        "0a1b",
        "--gate",
        "light",
        "--environment",
        "staging",
    ];
    submit(&folder, &service, &words).with_code(0);
    let asked: NewSubmission = serde_json::from_slice(&service.seen("create")[0].body).unwrap();
    assert_eq!(asked.image.registry, "registry.example");
    assert_eq!(asked.image.repository, "unsigned/app");
    assert_eq!(asked.image.digest, Digest::sha256(b"app").to_string());
    assert_eq!(asked.promote.tag.as_deref(), Some("1.4.2"));
    assert_eq!(asked.source.unwrap().commit.as_deref(), Some("0a1b"));
    assert_eq!(
        (asked.gate.as_deref(), asked.environment.as_str()),
        (Some("light"), "staging")
    );
}

#[test]
fn a_rejection_says_what_to_mend() {
    let folder = desk();
    folder.write("gitleaks.sarif", LEAK);
    let service = Scripted::new(&folder, &[], rejected());
    let words = ["--report", "gitleaks.sarif", "--summary", "page.md"];
    folder.tell(&submit(&folder, &service, &words).with_code(1));
    folder.tell(&folder.read("page.md"));
    assert_snapshot!(folder.told());

    let service = Scripted::new(&folder, &[], rejected());
    let document = submit(&folder, &service, &["-o", "json"]).with_code(1).document();
    assert_eq!(document["kind"], "Submission");
    assert_eq!(document["submission"]["state"], "REJECTED");
    assert_eq!(
        document["submission"]["checks"][0]["reasons"][0]["code"],
        "finding.present"
    );
}

/// Each row: what became of it, and the exit code.
#[test]
fn each_end_has_its_exit_code() {
    let folder = desk();
    for (state, code) in [
        (State::Published, 0),
        (State::Rejected, 1),
        (State::Cancelled, 1),
        (State::Expired, 1),
        (State::Revoked, 1),
        (State::Failed, 3),
    ] {
        let end = step(move |submission| {
            submission.state = state;
            submission.reason = (state == State::Failed).then(|| Reason {
                code: "registry_unavailable".to_owned(),
                detail: "registry.example did not answer for 24 h".to_owned(),
            });
        });
        let service = Scripted::new(&folder, &[], vec![end]);
        folder.tell(&submit(&folder, &service, &[]).with_code(code));
    }
    // Nothing came of it before the time was over.
    let service = Scripted::new(&folder, &[], vec![to(State::AwaitingApproval)]);
    folder.tell(&submit(&folder, &service, &["--wait", "3s"]).with_code(3));
    assert_snapshot!(folder.told());
}

#[test]
fn who_does_not_wait_has_handed_everything_in() {
    let folder = desk();
    let service = Scripted::new(&folder, &[], rejected());
    let words = ["--report", "gitleaks.sarif", "--no-wait"];
    folder.tell(&submit(&folder, &service, &words).with_code(0));
    assert_eq!((service.count("seal"), service.count("look")), (1, 0));
    assert_snapshot!(folder.told());
}

/// Each row: what goes wrong once, the exit code of a job with one token, and of one that gets new ones.
#[test]
fn what_passes_is_sat_out_and_nothing_is_done_twice() {
    use Fault::{Lost, Problem, SessionsOver, Stranger};
    for (at, fault, with_one_token, with_new_tokens) in [
        ("session", Problem(Code::Unavailable), 0, 0),
        ("session", Stranger(502), 0, 0),
        // The token counted, and whether it did is not known.
        ("session", Lost, 3, 0),
        ("create", Problem(Code::QuotaExceeded), 0, 0),
        ("create", Lost, 0, 0),
        ("evidence", Stranger(503), 0, 0),
        ("evidence", Problem(Code::ContentDigestMismatch), 0, 0),
        ("evidence", Lost, 0, 0),
        ("evidence", SessionsOver, 3, 0),
        ("seal", Lost, 0, 0),
        ("look", Problem(Code::Unavailable), 0, 0),
        ("look", Lost, 0, 0),
        ("look", SessionsOver, 3, 0),
        // What does not pass by itself is not asked again, and is no decision.
        ("create", Problem(Code::Internal), 3, 3),
        // What is decided is told.
        ("session", Problem(Code::TokenRefused), 1, 1),
        ("session", Problem(Code::EventNotAllowed), 1, 1),
        ("create", Problem(Code::ImageNotBound), 1, 1),
        ("create", Problem(Code::GateUnknown), 2, 2),
        ("evidence", Problem(Code::ReportRefused), 2, 2),
    ] {
        let folder = desk();
        let words = ["--report", "gitleaks.sarif"];
        let service = Scripted::new(&folder, &[(at, fault)], published());
        let ran = submit(&folder, &service, &words);
        assert_eq!(ran.code, Some(with_one_token), "{fault:?} at {at}: {ran}");
        assert_eq!(service.unused_faults(), 0, "{fault:?} at {at} did not happen");
        let service = Scripted::new(&folder, &[(at, fault)], published());
        let ran = submit_at_github(&folder, &service, &words);
        assert_eq!(ran.code, Some(with_new_tokens), "{fault:?} at {at}: {ran}");
    }
}

#[test]
fn a_refusal_says_whose_turn_it_is() {
    let folder = desk();
    for (at, code) in [
        ("session", Code::TokenRefused),
        ("session", Code::JtiReplayed),
        ("create", Code::ImageNotBound),
        ("create", Code::GateUnknown),
        ("evidence", Code::ReportRefused),
        ("create", Code::Internal),
    ] {
        let service = Scripted::new(&folder, &[(at, Fault::Problem(code))], published());
        folder.tell(&submit(&folder, &service, &["--report", "gitleaks.sarif"]));
    }
    let service = Scripted::new(&folder, &[("look", Fault::SessionsOver)], published());
    folder.tell(&submit(&folder, &service, &[]).with_code(3));
    assert_snapshot!(folder.told());
}

#[test]
fn a_service_that_stays_away_is_undecided() {
    let folder = desk();
    let gone = Scripted::new(&folder, &[], Vec::new());
    let url = gone.url().to_owned();
    drop(gone);
    let mut command = folder.command(&["submit", &image(), "--server", &url, "--wait", "2s"]);
    command.env("COUNTERSIGN_ID_TOKEN", token("a"));
    let ran = folder.ran(command).with_code(3);
    assert!(ran.stderr.contains("error: the service at `127.0.0.1:"), "{ran}");

    let always: Vec<_> = (0..100).map(|_| ("session", Fault::Stranger(503))).collect();
    let service = Scripted::new(&folder, &always, Vec::new());
    submit_at_github(&folder, &service, &["--wait", "3s"]).with_code(3);
    assert!((2..=8).contains(&service.count("session")), "pauses grow");
}

/// A command of the same job again: nothing is handed in twice, and what failed is begun again.
#[test]
fn the_same_job_again_is_the_same_submission() {
    let folder = desk();
    for (state, code, retried) in [
        (State::Rejected, 1, 0),
        (State::Published, 0, 0),
        (State::Evaluating, 0, 0),
        (State::Failed, 0, 1),
    ] {
        let service = Scripted::new(&folder, &[], published()).made_before(state);
        let ran = submit(&folder, &service, &["--report", "gitleaks.sarif"]);
        assert_eq!(ran.code, Some(code), "{state:?}: {ran}");
        assert!(service.slots().is_empty() && service.count("retry") == retried, "{ran}");
        folder.tell(&ran);
    }
    assert_snapshot!(folder.told());
}

#[test]
fn a_large_report_is_sent_compressed_and_arrives_whole() {
    let folder = desk();
    let large = format!("{}{}", CLEAN, "x".repeat(3 << 20));
    folder.write("large.json", &large);
    let service = Scripted::new(&folder, &[], published());
    submit(
        &folder,
        &service,
        &["--report", "large.json", "--report", "gitleaks.sarif"],
    )
    .with_code(0);
    let seen = service.seen("evidence");
    assert!(seen[0].body == large.as_bytes(), "it is another one");
    let length: usize = seen[0].headers["content-length"].to_str().unwrap().parse().unwrap();
    assert!(length < large.len() / 10, "{length} bytes were sent");
    assert!(!seen[1].headers.contains_key("content-encoding"), "it is not worth it");
}

/// Nothing is asked of anybody before all of it is in order.
#[test]
fn misuse_is_told_before_anything_is_sent() {
    let folder = desk();
    let service = Scripted::new(&folder, &[], published());
    let with_token = |words: &[&str]| {
        let mut command = folder.command(words);
        command.env("COUNTERSIGN_ID_TOKEN", token("a"));
        folder.ran(command).with_code(2)
    };
    let (image, url) = (image(), service.url());
    folder.tell(&with_token(&[
        "submit",
        "registry.example/unsigned/app:1.0",
        "--server",
        url,
    ]));
    folder.tell(&with_token(&["submit", &image, "--server", "http://signer.example"]));
    folder.tell(&with_token(&[
        "submit",
        &image,
        "--server",
        url,
        "--report",
        "nowhere.json",
    ]));
    folder.tell(&with_token(&["submit", &image, "--server", url, "--tag", "not a tag"]));
    folder.tell(&with_token(&[
        "submit",
        &image,
        "--server",
        url,
        "--no-wait",
        "--wait",
        "1m",
    ]));
    let mut many = vec!["submit", &image, "--server", url];
    many.extend(std::iter::repeat_n(["--report", "gitleaks.sarif"], 65).flatten());
    let ran = with_token(&many);
    assert!(ran.stderr.contains("65 reports are named"), "{ran}");
    folder.tell(&folder.run(&["submit", &image]).with_code(2));
    folder.tell(&folder.run(&["submit", &image, "--server", url]).with_code(2));
    assert_eq!(service.count("session"), 0);
    assert_snapshot!(folder.told());
}

/// What tools say was written by whoever wrote the code that they looked at.
#[test]
fn what_a_tool_says_commands_neither_page_nor_log() {
    let folder = desk();
    let hostile = "::stop-commands::x\n::set-output name=a::b\r##[error]no \u{1b}[2J<img src=x onerror=alert(1)> | \
                   ![x](https://evil.example/p.png) `c` @somebody \u{202e}txt";
    let end = step(move |submission| {
        submission.state = State::Rejected;
        submission.checks = vec![check("sast", CheckStatus::Warned, &[("finding.present", hostile)])];
        submission.reason = Some(Reason {
            code: "x".to_owned(),
            detail: hostile.to_owned(),
        });
    });
    let service = Scripted::new(&folder, &[], vec![end]);
    let ran = submit(&folder, &service, &["--summary", "page.md"]).with_code(1);
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        assert!(!line.trim_start().starts_with("::") && !line.contains("##"), "{line:?}");
        assert!(!line.contains(['\u{1b}', '\r', '\u{202e}']), "{line:?}");
    }
    folder.tell(&folder.read("page.md"));
    assert_snapshot!(folder.told());
}

/// The page is a courtesy: where it cannot be written the answer is the same.
#[test]
fn a_page_that_cannot_be_written_changes_nothing() {
    let folder = desk();
    let service = Scripted::new(&folder, &[], published());
    let ran = submit(&folder, &service, &["--summary", "nowhere/page.md"]).with_code(0);
    assert!(ran.stderr.contains("the summary was not written"), "{ran}");
    let service = Scripted::new(&folder, &[], published());
    let mut command = command(&folder, &service, &[]);
    command.env("COUNTERSIGN_ID_TOKEN", token("a"));
    command.env("GITHUB_STEP_SUMMARY", folder.path("step.md"));
    folder.ran(command).with_code(0);
    assert!(folder.read("step.md").starts_with("## countersign: PUBLISHED"));
}

//! Where a submission may go, and what it is known by.

use proptest::prelude::*;

use super::*;
use countersign_image::Digest;

/// Every pair of a state and a step that leads anywhere, of what is certainly not out. All others are refused.
const TABLE: &str = "\
RECEIVED           seal             EVALUATING
RECEIVED           expire           EXPIRED
RECEIVED           cancel           CANCELLED
EVALUATING         hold             AWAITING_APPROVAL
EVALUATING         open             SIGNING
EVALUATING         refuse           REJECTED
EVALUATING         fail             FAILED
EVALUATING         cancel           CANCELLED
AWAITING_APPROVAL  open             SIGNING
AWAITING_APPROVAL  refuse           REJECTED
AWAITING_APPROVAL  reevaluate       EVALUATING
AWAITING_APPROVAL  expire           EXPIRED
AWAITING_APPROVAL  cancel           CANCELLED
SIGNING            refuse           REJECTED
SIGNING            reevaluate       EVALUATING
SIGNING            sign             PUBLISHING
SIGNING            fail             FAILED
SIGNING            cancel           CANCELLED
PUBLISHING         publish          PUBLISHED
PUBLISHING         fail             FAILED
PUBLISHED          revoke           REVOKED
FAILED             cancel           CANCELLED
FAILED             retry EVALUATING EVALUATING
FAILED             retry SIGNING    SIGNING
FAILED             retry PUBLISHING SIGNING
";

/// What is otherwise of what may be out: a no revokes it, and nobody takes it back.
const OUT: &str = "\
-RECEIVED           expire           EXPIRED
-RECEIVED           cancel           CANCELLED
-EVALUATING         refuse           REJECTED
-EVALUATING         cancel           CANCELLED
-AWAITING_APPROVAL  refuse           REJECTED
-AWAITING_APPROVAL  expire           EXPIRED
-AWAITING_APPROVAL  cancel           CANCELLED
-SIGNING            refuse           REJECTED
-SIGNING            cancel           CANCELLED
-FAILED             cancel           CANCELLED
+RECEIVED           expire           REVOKED
+EVALUATING         refuse           REVOKED
+AWAITING_APPROVAL  refuse           REVOKED
+AWAITING_APPROVAL  expire           REVOKED
+SIGNING            refuse           REVOKED
+FAILED             revoke           REVOKED
";

fn told(step: Step) -> String {
    match step {
        Step::Retry { failed_in } => format!("retry {}", failed_in.name()),
        step => step.name().to_owned(),
    }
}

fn table(may_be_out: bool) -> String {
    let mut table = String::new();
    for state in State::ALL {
        for step in Step::all() {
            if let Ok(next) = state.after(step, may_be_out) {
                table += &format!("{:<18} {:<16} {}\n", state.name(), told(step), next.name());
            }
        }
    }
    table
}

#[test]
fn the_table_has_every_pair_that_leads_anywhere() {
    assert_eq!(table(false), TABLE);
    let out = table(true);
    let gone = TABLE.lines().filter(|line| !out.lines().any(|other| other == *line));
    let new = out.lines().filter(|line| !TABLE.lines().any(|other| other == *line));
    let differs: String = gone
        .map(|line| format!("-{line}\n"))
        .chain(new.map(|line| format!("+{line}\n")))
        .collect();
    assert_eq!(differs, OUT);
}

#[test]
fn nothing_leads_away_from_what_is_terminal_and_something_from_everything_else() {
    for state in State::ALL {
        for may_be_out in [false, true] {
            let leads_away = Step::all().any(|step| state.after(step, may_be_out).is_ok());
            assert_eq!(state.is_terminal(), !leads_away, "{}", state.name());
        }
        assert_eq!(State::parse(state.name()), Some(*state));
    }
    assert_eq!(State::parse("received"), None);
}

proptest! {
    /// As the store does it: a retry names where it failed, because that is what is stored.
    #[test]
    fn nothing_is_published_that_was_not_judged_and_then_signed(steps in prop::collection::vec(0_usize..22, 0..60)) {
        let all: Vec<Step> = Step::all().collect();
        let (mut state, mut failed_in) = (State::Received, None);
        let (mut sealed, mut opened, mut signed) = (false, false, false);
        for step in steps {
            let step = match all[step] {
                Step::Retry { .. } => Step::Retry { failed_in: failed_in.unwrap_or(State::Received) },
                step => step,
            };
            let before = state;
            let Ok(next) = state.after(step, signed) else { continue };
            prop_assert!(!before.is_terminal());
            if next == State::Failed {
                failed_in = Some(before);
            }
            sealed |= step == Step::Seal;
            opened |= sealed && step == Step::Open;
            signed |= opened && before == State::Signing && step == Step::Sign;
            prop_assert!(next != State::Signing || opened);
            prop_assert!(!matches!(next, State::Publishing | State::Published) || signed);
            // What may be out is revoked; it is never as if it had not been.
            prop_assert!(!signed || !matches!(next, State::Rejected | State::Expired | State::Cancelled));
            state = next;
        }
    }
}

#[test]
fn an_id_is_the_time_and_then_chance() {
    // By the specification of ULID: 48 bits of time, 80 of chance, in Crockford's base 32.
    assert_eq!(id(0, [0; 10]), "00000000000000000000000000");
    assert_eq!(id(0, [0xff; 10]), "0000000000ZZZZZZZZZZZZZZZZ");
    assert_eq!(id(1_469_918_176_385, [0; 10]), "01ARYZ6S410000000000000000");
    assert!(id(1, [0xff; 10]) < id(2, [0; 10]));
}

#[test]
fn a_set_of_evidence_is_known_by_slots_and_digests_in_any_order() {
    let (one, other) = (Digest::sha256(b"one"), Digest::sha256(b"other"));
    let set = evidence_set_digest([("sast", one), ("sbom", other)]);
    let by_hand = format!("sast\0{}\nsbom\0{}\n", one.hex(), other.hex());
    assert_eq!(set, Digest::sha256(by_hand.as_bytes()));
    assert_eq!(set, evidence_set_digest([("sbom", other), ("sast", one)]));
    assert_ne!(set, evidence_set_digest([("sast", other), ("sbom", one)]));
    assert_eq!(evidence_set_digest([]), Digest::sha256(b""));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of every part")]
fn every_part_of_a_view_and_of_a_job_makes_another_digest() {
    let other = Digest::sha256(b"other");
    let same = Digest::sha256(b"");
    let view = View {
        image: same,
        closure: same,
        policy: same,
        evidence_set: same,
        findings: same,
        waivers: same,
        destination: "registry.example/prod/app",
    };
    let views = [
        view.clone(),
        View {
            image: other,
            ..view.clone()
        },
        View {
            closure: other,
            ..view.clone()
        },
        View {
            policy: other,
            ..view.clone()
        },
        View {
            evidence_set: other,
            ..view.clone()
        },
        View {
            findings: other,
            ..view.clone()
        },
        View {
            waivers: other,
            ..view.clone()
        },
        View {
            destination: "registry.example/prod/other",
            ..view
        },
    ];
    let job = Job {
        issuer: "a",
        repository_id: "b",
        run_id: "1",
        run_attempt: "2",
        job: "c",
        repository: "registry.example/app",
        image: same,
        environment: "staging",
        policy: same,
        request: same,
    };
    let jobs = [
        job.clone(),
        Job {
            issuer: "ab",
            repository_id: "",
            ..job.clone()
        },
        Job {
            run_id: "12",
            run_attempt: "",
            ..job.clone()
        },
        Job {
            job: "d",
            ..job.clone()
        },
        Job {
            image: other,
            ..job.clone()
        },
        Job {
            policy: other,
            ..job.clone()
        },
        Job {
            repository: "registry.example/other",
            ..job.clone()
        },
        Job {
            environment: "prod",
            ..job.clone()
        },
        Job { request: other, ..job },
    ];
    let mut digests: Vec<Digest> = views.iter().map(|view| view.digest().unwrap()).collect();
    digests.extend(jobs.iter().map(|job| job.natural_key().unwrap()));
    let mut apart: Vec<String> = digests.iter().map(ToString::to_string).collect();
    apart.sort();
    apart.dedup();
    assert_eq!(apart.len(), views.len() + jobs.len());
}

//! One suite for both databases: here on SQLite, and with the feature `testing` on a server of PostgreSQL that somebody else has
//! started.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::wildcard_imports,
    reason = "these are tests, also where another crate runs them"
)]

#[cfg(test)]
mod blobs;
mod cases;
mod errors;
mod evidence;
mod killed;
mod outage;
mod replicas;
mod restored;

pub use cases::all;
pub use killed::write_until_killed;
pub use outage::{Outage, passes};

use countersign_gate::submission::{Step, id};
use countersign_image::Digest;
use countersign_ledger::{Actor, EventType, Record};
use jiff::Timestamp;

use crate::*;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

fn asked(number: u64) -> Asked {
    Asked {
        id: id(1_800_000_000_000 + number, [7; 10]),
        natural_key: Digest::sha256(&number.to_be_bytes()),
        repository: "registry.example/team/app".to_owned(),
        image: Digest::sha256(b"image"),
        environment: "prod".to_owned(),
        issuer: "https://token.example".to_owned(),
        repository_id: "12".to_owned(),
        commit: Some("a".repeat(40)),
        submitter: "{}".to_owned(),
        request: "{}".to_owned(),
        created: at(0),
    }
}

fn key(word: &str, body: &[u8]) -> Idempotency {
    Idempotency {
        scope: "12".to_owned(),
        key: word.to_owned(),
        body: Digest::sha256(body),
    }
}

fn told(asked: &Asked) -> Vec<Record> {
    let mut record = Record::new(9, at(0), EventType::StateChanged, Actor::SERVICE);
    record.submission = Some(asked.id.clone());
    record.image = Some(format!("{}@{}", asked.repository, asked.image));
    record.previous_state = Some("A".to_owned());
    record.state = Some("B".to_owned());
    vec![record]
}

async fn create(store: &Store, asked: &Asked) -> Submission {
    let gate = ("release", Digest::sha256(b"gate"));
    let key = key(&asked.id, b"");
    match store
        .create(asked, gate, &key, None, at(3_600_000), told(asked))
        .await
        .unwrap()
    {
        Created::New(submission) => submission,
        other => panic!("{other:?}"),
    }
}

async fn step(store: &Store, at_: &Submission, step: Step, kind: Option<&str>) -> Result<Submission, TransitionError> {
    let work = kind.map(|kind| NewWork {
        kind: kind.to_owned(),
        due: at(0),
    });
    store
        .transition(at_, step, Change::default(), at(1), told(&at_.asked), work, None)
        .await
}

async fn open(address: &Address) -> Store {
    Store::open(address, &Limits::default()).await.unwrap()
}

/// What must hold whenever: each step has its entry, entries have no gaps, and who is on the way has one row of work.
async fn is_whole(store: &Store) {
    let mut entries = std::collections::BTreeMap::<String, u64>::new();
    let mut next = 0;
    loop {
        let leaves = store.leaves(next, 1000).await.unwrap();
        if leaves.is_empty() {
            break;
        }
        for (seq, entry) in leaves {
            assert_eq!(seq, next);
            let entry = String::from_utf8(entry).unwrap();
            assert!(entry.contains(&format!("\"seq\":{seq},")), "{entry}");
            let (_, rest) = entry.split_once("\"submission\":\"").unwrap();
            *entries.entry(rest[..26].to_owned()).or_default() += 1;
            next += 1;
        }
    }
    assert_eq!(store.ledger_state().await.unwrap().next, next);
    let mut working = 0;
    let mut before = None;
    loop {
        let filter = Filter {
            before,
            ..Filter::default()
        };
        let page = store.list(&filter, 500).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.asked.id.clone());
        for submission in page {
            assert_eq!(entries.remove(&submission.asked.id), Some(submission.version + 1));
            working += u64::from(matches!(
                submission.state.name(),
                "EVALUATING" | "SIGNING" | "PUBLISHING"
            ));
        }
    }
    assert!(entries.is_empty(), "entries without a submission: {entries:?}");
    let queued: u64 = store.queue().await.unwrap().iter().map(|(_, count, _)| count).sum();
    assert_eq!(queued, working);
}

#[cfg(test)]
mod on {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite() {
        let dir = tempfile::tempdir().unwrap();
        let fresh = |name: &str| Address::Sqlite(dir.path().join(name));
        all(fresh, "testing::on::child").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_with_a_disk_that_fails() {
        let dir = tempfile::tempdir().unwrap();
        outage::a_disk_that_fails(&dir.path().join("store")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "writes until it is killed"]
    async fn child() {
        write_until_killed().await;
    }
}

//! What a service answers that it should not never becomes a bundle.

use countersign_evidence::{SealError, Step, VerifyError};
use countersign_keyless::{KeylessError, Party, WebError};

use crate::first_version::file;
use crate::services::{Lie, sign};

#[tokio::test]
async fn what_does_not_hold_is_not_handed_out() {
    for (lie, step) in [
        (Lie::AnotherKey, Step::Signature),
        (Lie::AnotherAuthority, Step::Certificate),
        (Lie::AnotherEntry, Step::Log),
        (Lie::AnotherLog, Step::Log),
        (Lie::AnotherTree, Step::Log),
        (Lie::AnotherStamp, Step::Timestamp),
    ] {
        let error = sign(lie, file()).await.unwrap_err();
        let KeylessError::Unverified(SealError::Unverified(error)) = error else {
            panic!("{lie:?}: {error}")
        };
        assert_eq!(VerifyError::step(&error), step, "{lie:?}: {error}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_said_of_whom() {
    for (lie, of) in [
        (Lie::TwoEntries, Party::Log),
        (Lie::Chatter, Party::Log),
        (Lie::NotGranted, Party::Clock),
    ] {
        let error = sign(lie, file()).await.unwrap_err();
        assert!(
            matches!(&error, KeylessError::Web(WebError::Unreadable { party, .. }) if *party == of),
            "{lie:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_repeated_and_an_endless_answer_is_not() {
    let error = sign(Lie::NoCertificate, file()).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("the certificate authority") && said.contains("403") && said.contains("who goes there?"),
        "{said}"
    );
    let error = sign(Lie::Endless, file()).await.unwrap_err();
    assert!(
        matches!(&error, KeylessError::Web(WebError::TooLarge { party: Party::Log, .. })),
        "{error}"
    );
}

#[tokio::test]
async fn who_never_answers_is_waited_for_until_the_deadline() {
    let error = sign(Lie::Silent, file()).await.unwrap_err();
    assert!(
        matches!(&error, KeylessError::Web(WebError::TimedOut { .. })),
        "{error}"
    );
}

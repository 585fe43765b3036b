//! What the store promises, each promise in a database of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_gate::submission::State;

use super::evidence::{evidence_is_taken_until_it_is_sealed, only_what_was_sealed_before_is_a_use_before};
use super::*;
use crate::db::values;
use crate::evidence::USED_BEFORE;
use crate::submissions::{DROP_WORK, LIST_OF};
use crate::work::{CLAIM_POSTGRES, CLAIM_SQLITE, DUE};

/// Every case, each in a database of its own, which `fresh` makes by its name. `child` is the full name of an ignored test in the
/// same program that only calls [`write_until_killed`](super::write_until_killed).
pub async fn all(fresh: impl Fn(&str) -> Address, child: &str) {
    macro_rules! cases {
        ($($case:ident)+) => { $(
            println!("{}", stringify!($case));
            let address = fresh(stringify!($case));
            let store = open(&address).await;
            $case(&store).await;
            is_whole(&store).await;
            store.close().await;
        )+ };
    }
    cases! {
        asked_twice_there_is_one
        a_step_is_taken_once
        a_retry_goes_on_where_it_failed
        what_may_be_out_is_revoked_and_not_taken_back
        whoever_lost_the_lease_writes_nothing
        no_two_claim_one
        a_destination_is_whose_it_was_first
        what_is_appended_is_never_changed
        there_is_one_signature
        evidence_is_taken_until_it_is_sealed
        only_what_was_sealed_before_is_a_use_before
        who_watches_is_told
        tokens_and_sessions_end
        one_sequencer_appends_to_the_tree
        the_queue_is_found_by_its_index
    }
    let address = fresh("killed");
    killed::killed_while_writing(&address, child).await;
    let (first, older, other) = (fresh("first"), fresh("older"), fresh("other"));
    restored::an_older_copy_signs_nothing_until_it_is_whole(&first, &older, &other).await;
    let address = fresh("lost");
    restored::a_new_log_begins_under_another_origin(&address).await;
    let address = fresh("shared");
    replicas::two_share_the_work(&address).await;
    let address = fresh("errors");
    errors::are_told_apart(&address).await;
    let address = fresh("newer");
    a_newer_database_is_refused(&address).await;
}

async fn asked_twice_there_is_one(store: &Store) {
    let gate = ("release", Digest::sha256(b"gate"));
    let ask = async |asked: Asked, word: &str, body: &[u8], since: Option<Timestamp>| {
        store
            .create(&asked, gate, &key(word, body), since, at(9), told(&asked))
            .await
            .unwrap()
    };
    let Created::New(first) = ask(asked(1), "a", b"body", None).await else {
        panic!()
    };
    assert_eq!((first.state, first.version), (State::Received, 0));
    let again = |number| Asked {
        natural_key: asked(1).natural_key,
        ..asked(number)
    };
    assert_eq!(ask(asked(2), "a", b"body", None).await, Created::Same(first.clone()));
    assert_eq!(ask(asked(2), "a", b"other", None).await, Created::Mismatch);
    // Another key, and the same job with the same image.
    assert_eq!(ask(again(3), "b", b"body", None).await, Created::Same(first.clone()));
    // Not published: another job gets one of its own.
    let Created::New(second) = ask(asked(4), "c", b"body", Some(at(0))).await else {
        panic!()
    };
    let mut published = second;
    for (next, kind) in [(Step::Seal, "e"), (Step::Open, "s"), (Step::Sign, "p")] {
        published = step(store, &published, next, Some(kind)).await.unwrap();
    }
    published = step(store, &published, Step::Publish, None).await.unwrap();
    assert_eq!(
        ask(asked(5), "d", b"body", Some(at(0))).await,
        Created::AlreadyPublished(published)
    );
    assert!(
        matches!(ask(asked(5), "d", b"body", Some(at(2))).await, Created::New(_)),
        "it was published before that"
    );
    // What came to nothing is there for its own key, and in nobody's way.
    let Created::New(unwanted) = ask(asked(6), "e", b"body", None).await else {
        panic!()
    };
    let unwanted = step(store, &unwanted, Step::Cancel, None).await.unwrap();
    assert_eq!(ask(asked(6), "e", b"body", None).await, Created::Same(unwanted));
    let anew = Asked {
        natural_key: asked(6).natural_key,
        ..asked(7)
    };
    assert!(matches!(ask(anew, "f", b"body", None).await, Created::New(_)));
    // All at once.
    let racing = (0..20).map(|number| {
        let (store, asked) = (
            store.clone(),
            Asked {
                natural_key: Digest::sha256(b"race"),
                ..asked(100 + number)
            },
        );
        tokio::spawn(async move {
            let word = format!("race {number}");
            store
                .create(&asked, gate, &key(&word, b""), None, at(9), told(&asked))
                .await
                .unwrap()
        })
    });
    let mut new = 0;
    for racer in racing.collect::<Vec<_>>() {
        new += u32::from(matches!(racer.await.unwrap(), Created::New(_)));
    }
    assert_eq!(new, 1);
}

async fn a_step_is_taken_once(store: &Store) {
    let received = create(store, &asked(1)).await;
    let racing = (0..20).map(|_| {
        let (store, received) = (store.clone(), received.clone());
        tokio::spawn(async move { step(&store, &received, Step::Seal, Some("evaluate")).await })
    });
    let mut taken = 0;
    for racer in racing.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(_) => taken += 1,
            Err(error) => assert!(matches!(error, TransitionError::Lost), "{error:?}"),
        }
    }
    assert_eq!(taken, 1);
    let sealed = store.submission(&received.asked.id).await.unwrap().unwrap();
    assert_eq!((sealed.state, sealed.version), (State::Evaluating, 1));
    let refused = step(store, &sealed, Step::Publish, None).await;
    assert!(matches!(refused, Err(TransitionError::NotFrom(_))));
    // An entry that cannot be written takes its step with it.
    let mut records = told(&sealed.asked);
    records[0].state = None;
    let torn = store
        .transition(&sealed, Step::Open, Change::default(), at(1), records, None, None)
        .await;
    assert!(matches!(torn, Err(TransitionError::Store(StoreError::Leaf(_)))));
    assert_eq!(store.submission(&received.asked.id).await.unwrap(), Some(sealed));
}

async fn a_retry_goes_on_where_it_failed(store: &Store) {
    let received = create(store, &asked(1)).await;
    let sealed = step(store, &received, Step::Seal, Some("evaluate")).await.unwrap();
    let failed = step(store, &sealed, Step::Fail, None).await.unwrap();
    assert_eq!(failed.failed_in, Some(State::Evaluating));
    let past_the_gate = Step::Retry {
        failed_in: State::Signing,
    };
    let refused = step(store, &failed, past_the_gate, Some("sign")).await;
    assert!(
        matches!(refused, Err(TransitionError::NotFrom(_))),
        "the gate never opened"
    );
    let retry = Step::Retry {
        failed_in: State::Evaluating,
    };
    let again = step(store, &failed, retry, Some("evaluate")).await.unwrap();
    assert_eq!(again.state, State::Evaluating);
}

async fn what_may_be_out_is_revoked_and_not_taken_back(store: &Store) {
    for (number, last) in [(1, Step::Refuse), (2, Step::Revoke)] {
        let mut at = create(store, &asked(number)).await;
        for (next, kind) in [(Step::Seal, "e"), (Step::Open, "s"), (Step::Sign, "p")] {
            at = step(store, &at, next, Some(kind)).await.unwrap();
        }
        // It broke off between the tag and the database.
        at = step(store, &at, Step::Fail, None).await.unwrap();
        let cancelled = step(store, &at, Step::Cancel, None).await;
        assert!(matches!(cancelled, Err(TransitionError::NotFrom(_))), "{cancelled:?}");
        if last == Step::Refuse {
            let retry = Step::Retry {
                failed_in: State::Publishing,
            };
            at = step(store, &at, retry, Some("s")).await.unwrap();
            let cancelled = step(store, &at, Step::Cancel, None).await;
            assert!(matches!(cancelled, Err(TransitionError::NotFrom(_))), "{cancelled:?}");
            // Also once it has failed somewhere else.
            at = step(store, &at, Step::Fail, None).await.unwrap();
            let retry = Step::Retry {
                failed_in: State::Signing,
            };
            at = step(store, &at, retry, Some("s")).await.unwrap();
        }
        at = step(store, &at, last, None).await.unwrap();
        assert_eq!(at.state, State::Revoked);
    }
}

async fn whoever_lost_the_lease_writes_nothing(store: &Store) {
    let received = create(store, &asked(1)).await;
    let sealed = step(store, &received, Step::Seal, Some("evaluate")).await.unwrap();
    assert_eq!(
        store.claim("sign", "a", at(5), at(10)).await.unwrap(),
        None,
        "of another kind"
    );
    let slow = store.claim("evaluate", "a", at(5), at(10)).await.unwrap().unwrap();
    assert_eq!(
        store.claim("evaluate", "b", at(9), at(99)).await.unwrap(),
        None,
        "it is leased"
    );
    store.renew(&slow.fence, at(20)).await.unwrap();
    assert_eq!(
        store.claim("evaluate", "b", at(11), at(99)).await.unwrap(),
        None,
        "it was renewed"
    );
    let quick = store.claim("evaluate", "b", at(20), at(99)).await.unwrap().unwrap();
    assert_eq!((slow.attempt, quick.attempt), (1, 2));
    assert!(matches!(store.renew(&slow.fence, at(50)).await, Err(StoreError::Stale)));
    assert!(matches!(
        store.put_off(&slow.fence, at(50), "slow").await,
        Err(StoreError::Stale)
    ));
    assert!(matches!(store.finish(&slow.fence).await, Err(StoreError::Stale)));
    let open = async |fence: &Fence| {
        let work = NewWork {
            kind: "sign".to_owned(),
            due: at(0),
        };
        let records = told(&sealed.asked);
        store
            .transition(
                &sealed,
                Step::Open,
                Change::default(),
                at(1),
                records,
                Some(work),
                Some(fence),
            )
            .await
    };
    let stale = open(&slow.fence).await;
    assert!(
        matches!(stale, Err(TransitionError::Store(StoreError::Stale))),
        "{stale:?}"
    );
    assert_eq!(
        store.submission(&sealed.asked.id).await.unwrap().as_ref(),
        Some(&sealed)
    );
    let signature = signature(&sealed.asked.id);
    assert!(matches!(
        store.keep_signature(&signature, Some(&slow.fence), vec![]).await,
        Err(StoreError::Stale)
    ));
    store
        .put_off(&quick.fence, at(200), "the registry is away")
        .await
        .unwrap();
    assert!(
        matches!(open(&quick.fence).await, Err(TransitionError::Store(StoreError::Stale))),
        "it was given back"
    );
    let third = store.claim("evaluate", "c", at(200), at(300)).await.unwrap().unwrap();
    assert_eq!(third.why.as_deref(), Some("the registry is away"));
    assert_eq!(open(&third.fence).await.unwrap().state, State::Signing);
    assert!(
        matches!(store.finish(&third.fence).await, Err(StoreError::Stale)),
        "the step has finished it"
    );
}

async fn no_two_claim_one(store: &Store) {
    for number in 0..30 {
        let received = create(store, &asked(number)).await;
        step(store, &received, Step::Seal, Some("evaluate")).await.unwrap();
    }
    let claimers = (0..6).map(|owner| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            let mut nothing = 0;
            // What others are just claiming is passed over, so that nothing once is not yet the end.
            while nothing < 3 {
                match store
                    .claim("evaluate", &format!("{owner}"), at(5), at(10))
                    .await
                    .unwrap()
                {
                    Some(work) => mine.push(work.submission),
                    None => nothing += 1,
                }
            }
            mine
        })
    });
    let mut claimed = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        claimed.extend(claimer.await.unwrap());
    }
    let apart: BTreeSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), apart.len()), (30, 30));
}

fn signature(submission: &str) -> SignatureRow {
    SignatureRow {
        submission: submission.to_owned(),
        decision: Digest::sha256(b"decision"),
        kind: "signature".to_owned(),
        key: "release".to_owned(),
        key_version: 1,
        predicate_type: None,
        payload: b"payload".to_vec(),
        signature: b"one".to_vec(),
        sealed: b"sealed".to_vec(),
        request_id: None,
        time: at(1),
    }
}

async fn there_is_one_signature(store: &Store) {
    let id = create(store, &asked(1)).await.asked.id;
    let (one, other) = (
        signature(&id),
        SignatureRow {
            signature: b"other".to_vec(),
            ..signature(&id)
        },
    );
    assert_eq!(store.keep_signature(&one, None, vec![]).await.unwrap(), Kept::Kept);
    assert_eq!(
        store.keep_signature(&other, None, told(&asked(1))).await.unwrap(),
        Kept::There(Box::new(one.clone()))
    );
    let attest = SignatureRow {
        key: "attest".to_owned(),
        ..one.clone()
    };
    assert_eq!(store.keep_signature(&attest, None, vec![]).await.unwrap(), Kept::Kept);
    assert_eq!(store.signatures(&id).await.unwrap(), [attest.clone(), one.clone()]);
    // Another decision has signatures of its own: those that there are say what another gate said.
    let later = SignatureRow {
        decision: Digest::sha256(b"another decision"),
        ..other
    };
    assert_eq!(store.keep_signature(&later, None, vec![]).await.unwrap(), Kept::Kept);
    let kept = store.signatures(&id).await.unwrap();
    assert_eq!(kept.len(), 3);
    assert!(kept.contains(&later) && kept.contains(&one), "{kept:?}");
}

async fn a_destination_is_whose_it_was_first(store: &Store) {
    let mine = create(store, &asked(1)).await;
    let also_mine = create(store, &asked(2)).await;
    let theirs = Asked {
        repository_id: "13".to_owned(),
        ..asked(3)
    };
    let elsewhere = Asked {
        issuer: "https://another.example".to_owned(),
        ..asked(4)
    };
    let (theirs, elsewhere) = (create(store, &theirs).await, create(store, &elsewhere).await);
    let take = async |name: &str, of: &Submission| store.take_destination(name, of, at(1)).await.unwrap();
    assert!(take("r/app", &mine).await);
    assert!(take("r/app", &also_mine).await);
    assert!(!take("r/app", &theirs).await);
    assert!(
        !take("r/app", &elsewhere).await,
        "a number of another issuer is another's"
    );
    assert!(take("r/other", &theirs).await);
    assert!(!take("r/other", &mine).await);
    assert!(!store.was_published_from(&mine.asked.repository).await.unwrap());
    let mut out = mine;
    for (next, kind) in [
        (Step::Seal, Some("e")),
        (Step::Open, Some("s")),
        (Step::Sign, Some("p")),
        (Step::Publish, None),
    ] {
        out = step(store, &out, next, kind).await.unwrap();
    }
    assert!(store.was_published_from(&out.asked.repository).await.unwrap());
}

async fn what_is_appended_is_never_changed(store: &Store) {
    let id = create(store, &asked(1)).await.asked.id;
    store.keep_signature(&signature(&id), None, vec![]).await.unwrap();
    let before = store.leaves(0, 9).await.unwrap();
    for sql in [
        "UPDATE leaves SET seq = seq + 1",
        "DELETE FROM leaves",
        "UPDATE signatures SET key_version = 2",
        "DELETE FROM signatures",
    ] {
        let refused = store.db.execute(sql, values![]).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{sql}: {refused:?}");
    }
    assert_eq!(store.leaves(0, 9).await.unwrap(), before);
    assert_eq!(store.signatures(&id).await.unwrap(), [signature(&id)]);
}

async fn who_watches_is_told(store: &Store) {
    let received = create(store, &asked(1)).await;
    let id = received.asked.id.clone();
    let watcher = {
        let (store, id) = (store.clone(), id.clone());
        tokio::spawn(async move {
            store
                .watch(&id, 0, Duration::from_secs(600))
                .await
                .unwrap()
                .unwrap()
                .version
        })
    };
    step(store, &received, Step::Seal, Some("evaluate")).await.unwrap();
    assert_eq!(watcher.await.unwrap(), 1);
    let still = store.watch(&id, 1, Duration::from_millis(1)).await.unwrap().unwrap();
    assert_eq!(still.version, 1, "the wait is over");
    assert_eq!(store.watch("nobody", 0, Duration::from_secs(600)).await.unwrap(), None);
}

async fn tokens_and_sessions_end(store: &Store) {
    assert!(store.use_token_id("a", "jti", at(10), at(1)).await.unwrap());
    assert!(!store.use_token_id("a", "jti", at(10), at(10)).await.unwrap());
    assert!(store.use_token_id("b", "jti", at(10), at(1)).await.unwrap());
    store.keep_session(b"hash", "job", at(10)).await.unwrap();
    assert_eq!(store.session(b"hash", at(9)).await.unwrap().as_deref(), Some("job"));
    assert_eq!(store.session(b"hash", at(10)).await.unwrap(), None);
    assert_eq!(store.session(b"other", at(9)).await.unwrap(), None);
    assert_eq!(store.forget(at(11)).await.unwrap(), 3);
}

async fn one_sequencer_appends_to_the_tree(store: &Store) {
    create(store, &asked(1)).await;
    let append = Integration {
        from: 0,
        size: 1,
        root: [1; 32],
        tiles: &[("tile/0/000.p/1".to_owned(), vec![1; 32])],
        checkpoint: "one",
    };
    let slow = store.sequence("a", at(1), at(10)).await.unwrap().unwrap();
    assert_eq!(store.sequence("b", at(9), at(20)).await.unwrap(), None);
    assert_eq!(
        store.sequence("a", at(9), at(12)).await.unwrap(),
        Some(slow.clone()),
        "it is kept"
    );
    let quick = store.sequence("b", at(12), at(20)).await.unwrap().unwrap();
    assert!(matches!(store.integrate(&slow, &append).await, Err(StoreError::Stale)));
    assert_eq!(store.ledger_state().await.unwrap().root, None);
    let beyond = Integration { size: 2, ..append };
    assert!(
        matches!(
            store.integrate(&quick, &beyond).await,
            Err(StoreError::OtherSize { .. })
        ),
        "there is one entry"
    );
    store.integrate(&quick, &append).await.unwrap();
    assert!(matches!(
        store.integrate(&quick, &append).await,
        Err(StoreError::OtherSize { expected: 0, found: 1 })
    ));
    let state = store.ledger_state().await.unwrap();
    assert_eq!(
        (state.next, state.size, state.root, state.checkpoint.as_deref()),
        (1, 1, Some([1; 32]), Some("one"))
    );
    assert_eq!(store.tile("tile/0/000.p/1").await.unwrap(), Some(vec![1; 32]));
}

/// With ten thousand submissions, so that a planner has every reason to use what there is. They are put there and taken away
/// again by hand: what must hold of steps does not hold of them.
async fn the_queue_is_found_by_its_index(store: &Store) {
    let submissions = "INSERT INTO submissions (id, natural_key, repository, image, environment, issuer, repository_id, submitter, \
         request, created, state, version, gate, gate_digest, changed) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT 'many' || i, 'key' || i, 'r', 'i' || i, 'e', 'iss', 'repo' || (i % 100), '{}', '{}', i, 'EVALUATING', 1, 'g', 'd', i FROM n";
    let work = "INSERT INTO work (id, kind, submission, since, due, attempts, fence) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT 'many' || i || '/1', 'evaluate', 'many' || i, i, i, 0, 0 FROM n";
    let evidence = "INSERT INTO evidence (submission, slot, received, sha256, size, format, detail, taken) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT 'many' || i, 's', 'r', 'sha256:' || i, 1, 'f', '{}', i FROM n";
    for sql in [submissions, work, evidence, "ANALYZE"] {
        store.db.execute(sql, values![]).await.unwrap();
    }
    let postgres = store.db.is_postgres();
    let plan = async |sql: &str, values| {
        let explain = if postgres { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let sql = Box::leak(format!("{explain} {sql}").into_boxed_str());
        let rows = store.db.rows(sql, values).await.unwrap();
        let lines = rows.iter().map(|row| row.text(if postgres { 0 } else { 3 }).unwrap());
        lines.collect::<Vec<_>>().join("\n")
    };
    let claim = if postgres { CLAIM_POSTGRES } else { CLAIM_SQLITE };
    let none: Option<&str> = None;
    let due = plan(DUE, values!["evaluate", at(0)]).await;
    let claim = plan(claim, values!["evaluate", at(0), "a", at(9)]).await;
    let of = plan(LIST_OF, values!["iss", "repo1", "z", none, none, 9_i64]).await;
    let uses = plan(USED_BEFORE, values!["sha256:7", "i1", "many1", 9_i64]).await;
    let held = plan(DROP_WORK, values!["many1"]).await;
    let plans = [
        (due, "work_due"),
        (claim, "work_due"),
        (of, "submissions_of"),
        (uses, "evidence_sha256"),
        (held, "work_submission"),
    ];
    for (plan, index) in plans {
        assert!(plan.contains(index), "{index} is not used:\n{plan}");
        assert!(!plan.contains("SCAN ") && !plan.contains("Seq Scan"), "{plan}");
    }
    let claimed = store.claim("evaluate", "a", at(0), at(9)).await.unwrap().unwrap();
    assert_eq!(claimed.submission, "many1", "the oldest");
    for sql in ["DELETE FROM work", "DELETE FROM evidence", "DELETE FROM submissions"] {
        store.db.execute(sql, values![]).await.unwrap();
    }
}

async fn a_newer_database_is_refused(address: &Address) {
    let store = open(address).await;
    let sql = "UPDATE _sqlx_migrations SET version = 99";
    store.db.execute(sql, values![]).await.unwrap();
    store.close().await;
    let refused = Store::open(address, &Limits::default()).await;
    assert!(
        matches!(refused, Err(StoreError::TooNew { found: 99, known: 1 })),
        "{refused:?}"
    );
}

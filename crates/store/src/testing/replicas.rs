//! Two replicas on one database.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_gate::submission::State;
use tokio::sync::Barrier;

use super::*;

const SUBMISSIONS: u64 = 40;
const WORKERS: usize = 3;
const KINDS: [(&str, Step, Option<&str>); 3] = [
    ("evaluate", Step::Open, Some("sign")),
    ("sign", Step::Sign, Some("publish")),
    ("publish", Step::Publish, None),
];

/// Each submission goes its whole way once, whoever does which step; and neither replica does all of them.
pub(super) async fn two_share_the_work(address: &Address) {
    let replicas = [open(address).await, open(address).await];
    for number in 0..SUBMISSIONS {
        let received = create(&replicas[0], &asked(number)).await;
        step(&replicas[0], &received, Step::Seal, Some("evaluate"))
            .await
            .unwrap();
    }
    // Nobody goes on before each has something: no replica can have done everything before the other has begun.
    let begun = Arc::new(Barrier::new(2 * WORKERS));
    let mut workers = Vec::new();
    for (replica, store) in replicas.iter().enumerate() {
        for worker in 0..WORKERS {
            let (store, begun) = (store.clone(), Arc::clone(&begun));
            let owner = format!("{replica}/{worker}");
            workers.push(tokio::spawn(
                async move { (replica, work(&store, &owner, &begun).await) },
            ));
        }
    }
    let mut steps = BTreeMap::<usize, u64>::new();
    for worker in workers {
        let (replica, done) = worker.await.unwrap();
        *steps.entry(replica).or_default() += done;
    }
    assert_eq!(steps.values().sum::<u64>(), 3 * SUBMISSIONS, "{steps:?}");
    assert!(steps.values().all(|done| *done >= WORKERS as u64), "{steps:?}");
    let by_state = replicas[1].by_state().await.unwrap();
    assert_eq!(by_state, [(State::Published, SUBMISSIONS)]);
    is_whole(&replicas[1]).await;
    for store in replicas {
        store.close().await;
    }
}

async fn work(store: &Store, owner: &str, begun: &Barrier) -> u64 {
    let mut done = 0;
    loop {
        let mut idle = true;
        for (kind, next, then) in KINDS {
            let Some(work) = store.claim(kind, owner, at(5), at(1_000_000)).await.unwrap() else {
                continue;
            };
            idle = false;
            if done == 0 {
                begun.wait().await;
            }
            let submission = store.submission(&work.submission).await.unwrap().unwrap();
            let then = then.map(|kind| NewWork {
                kind: kind.to_owned(),
                due: at(0),
            });
            let records = told(&submission.asked);
            let step = store.transition(
                &submission,
                next,
                Change::default(),
                at(1),
                records,
                then,
                Some(&work.fence),
            );
            step.await.unwrap();
            done += 1;
        }
        // What is being done by others may become work for us.
        let left: u64 = store.queue().await.unwrap().iter().map(|(_, count, _)| count).sum();
        if left == 0 {
            return done;
        }
        if idle {
            tokio::task::yield_now().await;
        }
    }
}

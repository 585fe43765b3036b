//! The database is gone while it is in use, and comes back.

#[cfg(test)]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use super::*;
#[cfg(test)]
use crate::db::Pools;

/// Whoever can take a database away and bring it back with what it has.
pub trait Outage {
    /// It is gone once this returns.
    fn begin(&mut self);
    /// It is back once this returns.
    fn end(&mut self);
}

const WRITERS: u64 = 4;

/// Taken away in the midst of writing: every error is one that passes, the store goes on without being opened again, and what
/// is stored is whole.
pub async fn passes(address: &Address, outage: &mut dyn Outage) {
    let limits = Limits {
        acquire: Duration::from_millis(500),
        answer: Duration::from_secs(5),
        ..Limits::default()
    };
    let store = Store::open(address, &limits).await.unwrap();
    let (over, written, failed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, over, written, failed) = (store.clone(), over.clone(), written.clone(), failed.clone());
            tokio::spawn(async move {
                let mut number = writer * 1_000_000;
                while !over.load(SeqCst) {
                    number += 1;
                    match try_all(&store, number).await {
                        Ok(()) => written.fetch_add(1, SeqCst),
                        Err(error) => {
                            assert!(error.is_passing(), "{error:?}");
                            failed.fetch_add(1, SeqCst)
                        }
                    };
                }
            })
        })
        .collect();
    more(&written, 10).await;
    for _ in 0..2 {
        tokio::task::block_in_place(|| outage.begin());
        more(&failed, WRITERS).await;
        tokio::task::block_in_place(|| outage.end());
        more(&written, 10).await;
    }
    over.store(true, SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    is_whole(&store).await;
    store.close().await;
}

/// Until there are so many more than there are now.
async fn more(count: &AtomicU64, more: u64) {
    let wanted = count.load(SeqCst) + more;
    while count.load(SeqCst) < wanted {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn try_all(store: &Store, number: u64) -> Result<(), StoreError> {
    let asked = asked(number);
    let gate = ("release", Digest::sha256(b"gate"));
    let created = store
        .create(&asked, gate, &key(&asked.id, b""), None, at(3_600_000), told(&asked))
        .await?;
    let (Created::New(submission) | Created::Same(submission)) = created else {
        panic!("{created:?}")
    };
    match step(store, &submission, Step::Seal, Some("evaluate")).await {
        Ok(_) => Ok(()),
        Err(TransitionError::Store(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

/// SQLite on a disk that is full, or is not to be written to: said by SQLite itself, each told as what it is, and over
/// once it is over.
#[cfg(test)]
pub(super) async fn a_disk_that_fails(path: &Path) {
    let address = Address::Sqlite(path.to_owned());
    let store = open(&address).await;
    try_all(&store, 1).await.unwrap();
    let Pools::Sqlite { write, .. } = &store.db.pools else {
        panic!("it is SQLite")
    };
    let say = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(write).await.unwrap();
    };

    say("PRAGMA query_only = ON").await;
    let refused = try_all(&store, 2).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Unreachable(_)) && refused.is_passing(),
        "{refused:?}"
    );
    assert!(
        store.submission(&asked(1).id).await.unwrap().is_some(),
        "it can be read"
    );
    say("PRAGMA query_only = OFF").await;
    try_all(&store, 2).await.unwrap();

    // As many pages as there are, and not one more.
    say("PRAGMA max_page_count = 1").await;
    let mut number = 3;
    let full = loop {
        match try_all(&store, number).await {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 10_000, "it is never full");
    };
    assert!(matches!(full, StoreError::Full(_)) && full.is_passing(), "{full:?}");
    say("PRAGMA max_page_count = 1000000").await;
    try_all(&store, number).await.unwrap();
    is_whole(&store).await;
    store.close().await;

    // Where no file can be, and where something else is.
    let beneath = Address::Sqlite(path.join("beneath/a file"));
    let nowhere = Store::open(&beneath, &Limits::default()).await.unwrap_err();
    assert!(matches!(nowhere, StoreError::Unreachable(_)), "{nowhere:?}");
    let text = path.with_extension("txt");
    std::fs::write(&text, "Dear diary, ".repeat(1000)).unwrap();
    let diary = Store::open(&Address::Sqlite(text), &Limits::default())
        .await
        .unwrap_err();
    assert!(
        matches!(diary, StoreError::Corrupt { .. }) && !diary.is_passing(),
        "{diary:?}"
    );
}

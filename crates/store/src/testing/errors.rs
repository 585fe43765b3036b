//! What a database says when it cannot, and what we make of it: from the databases themselves, not from made-up errors.

use std::time::Duration;

use super::*;
use crate::db::values;

fn name(error: &StoreError) -> &'static str {
    match error {
        StoreError::Busy(_) => "busy",
        StoreError::Unreachable(_) => "unreachable",
        StoreError::TimedOut { .. } => "timed out",
        StoreError::Full(_) => "full",
        StoreError::Corrupt { .. } => "corrupt",
        StoreError::Refused(_) => "refused",
        _ => "another",
    }
}

/// Whether it passes by itself is what decides between trying again and giving up.
fn is(error: StoreError, expected: &str, passing: bool) {
    assert_eq!((name(&error), error.is_passing()), (expected, passing), "{error:?}");
}

pub(super) async fn are_told_apart(address: &Address) {
    let store = open(address).await;
    let asked = create(&store, &asked(1)).await.asked;
    let doubled = "INSERT INTO ledger (one, next, size) VALUES (1, 0, 0)";
    for sql in [doubled, "SELECT nothing FROM nowhere"] {
        is(store.db.execute(sql, values![]).await.unwrap_err(), "refused", false);
    }
    // Somebody else writes, and goes on longer than anybody waits.
    let quick = Limits {
        connections: 2,
        acquire: Duration::from_millis(50),
        answer: Duration::from_millis(200),
    };
    let other = Store::open(address, &quick).await.unwrap();
    let mut held = store.db.begin().await.unwrap();
    held.execute("UPDATE ledger SET next = next", values![]).await.unwrap();
    let late = other.append(told(&asked)).await.unwrap_err();
    assert!(
        ["busy", "timed out"].contains(&name(&late)) && late.is_passing(),
        "{late:?}"
    );
    drop(held);
    other.append(told(&asked)).await.expect("it has passed");
    other.close().await;
    if store.db.is_postgres() {
        says_postgres(&store).await;
    }
    store.close().await;
}

async fn says_postgres(store: &Store) {
    for (code, expected, passing) in [
        ("40001", "busy", true),
        ("40P01", "busy", true),
        ("55P03", "busy", true),
        ("57014", "busy", true),
        ("53100", "full", true),
        ("53300", "unreachable", true),
        ("57P01", "unreachable", true),
        ("57P03", "unreachable", true),
        ("08006", "unreachable", true),
        ("25006", "unreachable", true),
        ("58030", "unreachable", true),
        ("XX001", "corrupt", false),
        ("XX002", "corrupt", false),
        ("23505", "refused", false),
        ("42501", "refused", false),
    ] {
        let sql = format!("DO $$ BEGIN RAISE EXCEPTION 'as it says' USING ERRCODE = '{code}'; END $$");
        let said = store.db.execute(Box::leak(sql.into_boxed_str()), values![]).await;
        println!("{code}");
        is(said.unwrap_err(), expected, passing);
    }
}

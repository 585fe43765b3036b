//! The tables, step by step. A step that was released is never changed: the database knows its checksum.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;
use crate::db::{Db, Pools};

struct Step {
    version: i64,
    name: &'static str,
    /// For both, with `BYTES` where their words differ.
    tables: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const STEPS: &[Step] = &[Step {
    version: 1,
    name: "submissions and ledger",
    tables: include_str!("migrations/1-tables.sql"),
    sqlite: include_str!("migrations/1-sqlite.sql"),
    postgres: include_str!("migrations/1-postgres.sql"),
}];

pub(crate) async fn run(db: &Db) -> Result<(), StoreError> {
    let result = match &db.pools {
        Pools::Sqlite { write, .. } => migrator("BLOB", |step| step.sqlite).run(write).await,
        Pools::Postgres(pool) => migrator("BYTEA", |step| step.postgres).run(pool).await,
    };
    result.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::TooNew {
            found,
            known: STEPS.last().map_or(0, |step| step.version),
        },
        MigrateError::Execute(error) => error.into(),
        other => StoreError::Migration(other),
    })
}

fn migrator(bytes: &str, own: impl Fn(&Step) -> &'static str) -> Migrator {
    let steps = STEPS.iter().map(|step| {
        let text = format!("{}\n{}", step.tables.replace("BYTES", bytes), own(step));
        let text = AssertSqlSafe(text).into_sql_str();
        Migration::new(
            step.version,
            Cow::Borrowed(step.name),
            MigrationType::Simple,
            text,
            false,
        )
    });
    Migrator::with_migrations(steps.collect())
}

//! One way to ask two databases.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use countersign_image::Digest;
use jiff::Timestamp;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Postgres, Row as _, Sqlite, Transaction};

use crate::StoreError;

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A file of SQLite, made if it is not there.
    Sqlite(PathBuf),
    /// A database of PostgreSQL (`postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…`).
    Postgres(String),
}

impl FromStr for Address {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let scheme = text.split(':').next().unwrap_or_default();
        Err(StoreError::Address {
            found: countersign_image::text::excerpt(scheme, 40).to_string(),
        })
    }
}

/// Without what may be a password.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// How many connections there are, and how long is waited.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most connections: with SQLite those that read, beside the one that writes.
    pub connections: u32,
    /// How long a connection is waited for.
    pub acquire: Duration,
    /// How long an answer is waited for.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8,
            acquire: Duration::from_secs(10),
            answer: Duration::from_secs(10),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Db {
    pub(crate) pools: Pools,
    acquire: Duration,
    answer: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    /// A file has one writer: a second connection that writes would only wait for it.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres(PgPool),
}

impl Db {
    pub(crate) async fn open(address: &Address, limits: &Limits) -> Result<Self, StoreError> {
        let pools = match address {
            Address::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(limits.acquire);
                let pool = |most| {
                    SqlitePoolOptions::new()
                        .max_connections(most)
                        .acquire_timeout(limits.acquire)
                };
                // On a full disk SQLite ends a transaction by itself, and sqlx goes on believing that it is in one: such a
                // connection begins no other ever again.
                let write = pool(1).before_acquire(|connection, _| {
                    Box::pin(async move { Ok(!sqlx::Connection::is_in_transaction(connection)) })
                });
                let write = write.connect_with(options.clone()).await?;
                let read = options.pragma("query_only", "ON");
                let read = pool(limits.connections).connect_lazy_with(read);
                Pools::Sqlite { write, read }
            }
            Address::Postgres(url) => {
                let wait = limits.answer.as_millis().to_string();
                let options = PgConnectOptions::from_str(url)
                    .map_err(|_| StoreError::Address {
                        found: "postgres".to_owned(),
                    })?
                    .application_name("countersign")
                    .options([("statement_timeout", wait.as_str()), ("lock_timeout", wait.as_str())]);
                let pool = PgPoolOptions::new()
                    .max_connections(limits.connections)
                    .acquire_timeout(limits.acquire);
                Pools::Postgres(pool.connect_with(options).await?)
            }
        };
        Ok(Self {
            pools,
            acquire: limits.acquire,
            answer: limits.answer,
        })
    }

    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Begins to write. What is not committed is undone.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        // Until there is a connection, and until it has answered: one that is half open answers nobody.
        let tx = timed(self.acquire.saturating_add(self.answer), async {
            Ok(match &self.pools {
                // A transaction that begins by reading and writes later could find that somebody wrote in between.
                Pools::Sqlite { write, .. } => TxOf::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
                Pools::Postgres(pool) => TxOf::Postgres(pool.begin().await?),
            })
        });
        let tx = tx.await?;
        Ok(Tx {
            tx,
            answer: self.answer,
        })
    }

    pub(crate) async fn rows(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        timed(self.answer, async {
            match &self.pools {
                Pools::Sqlite { read, .. } => {
                    let rows = sqlite(sql, values).fetch_all(read).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
                Pools::Postgres(pool) => {
                    let rows = postgres(sql, values).fetch_all(pool).await?;
                    Ok(rows.into_iter().map(Row::Postgres).collect())
                }
            }
        })
        .await
    }

    pub(crate) async fn row(&self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// One statement, committed.
    pub(crate) async fn execute(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let changed = tx.execute(sql, values).await?;
        tx.commit().await?;
        Ok(changed)
    }
}

pub(crate) struct Tx {
    tx: TxOf,
    answer: Duration,
}

enum TxOf {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        let answer = self.answer;
        timed(answer, async {
            Ok(match &mut self.tx {
                TxOf::Sqlite(tx) => sqlite(sql, values).execute(&mut **tx).await?.rows_affected(),
                TxOf::Postgres(tx) => postgres(sql, values).execute(&mut **tx).await?.rows_affected(),
            })
        })
        .await
    }

    pub(crate) async fn row(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let answer = self.answer;
        timed(answer, async {
            Ok(match &mut self.tx {
                TxOf::Sqlite(tx) => sqlite(sql, values).fetch_optional(&mut **tx).await?.map(Row::Sqlite),
                TxOf::Postgres(tx) => postgres(sql, values)
                    .fetch_optional(&mut **tx)
                    .await?
                    .map(Row::Postgres),
            })
        })
        .await
    }

    pub(crate) async fn rows(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let answer = self.answer;
        timed(answer, async {
            Ok(match &mut self.tx {
                TxOf::Sqlite(tx) => {
                    let rows = sqlite(sql, values).fetch_all(&mut **tx).await?;
                    rows.into_iter().map(Row::Sqlite).collect()
                }
                TxOf::Postgres(tx) => {
                    let rows = postgres(sql, values).fetch_all(&mut **tx).await?;
                    rows.into_iter().map(Row::Postgres).collect()
                }
            })
        })
        .await
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        timed(self.answer, async {
            match self.tx {
                TxOf::Sqlite(tx) => tx.commit().await?,
                TxOf::Postgres(tx) => tx.commit().await?,
            }
            Ok(())
        })
        .await
    }
}

async fn timed<T>(limit: Duration, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let seconds = limit.as_secs();
    tokio::time::timeout(limit, answer)
        .await
        .map_err(|_| StoreError::TimedOut { seconds })?
}

/// What is put in the place of `$1`, `$2` and so on; nothing has a type too, which PostgreSQL wants to know.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Bytes(Vec<u8>),
}

macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Value::from($value)),*] };
}
pub(crate) use values;

macro_rules! binds {
    ($name:ident, $database:ty, $arguments:ty) => {
        fn $name(sql: &'static str, values: Vec<Value>) -> Query<'static, $database, $arguments> {
            let mut query = sqlx::query(sql);
            for value in values {
                query = match value {
                    Value::Text(text) => query.bind(text),
                    Value::Number(number) => query.bind(number),
                    Value::Bytes(bytes) => query.bind(bytes),
                };
            }
            query
        }
    };
}
binds!(sqlite, Sqlite, SqliteArguments);
binds!(postgres, Postgres, PgArguments);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Digest> for Value {
    fn from(digest: Digest) -> Self {
        Self::Text(Some(digest.to_string()))
    }
}

impl From<Option<Digest>> for Value {
    fn from(digest: Option<Digest>) -> Self {
        Self::Text(digest.map(|digest| digest.to_string()))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        // A tree has fewer entries, and no blob as many bytes.
        Self::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Number(Some(time.as_millisecond()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Number(time.map(Timestamp::as_millisecond))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::Bytes(bytes.clone())
    }
}

pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! column {
    ($row:expr, $at:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($at)?,
            Row::Postgres(row) => row.try_get($at)?,
        }
    };
}

impl Row {
    pub(crate) fn text(&self, at: usize) -> Result<String, StoreError> {
        Ok(column!(self, at))
    }

    pub(crate) fn maybe_text(&self, at: usize) -> Result<Option<String>, StoreError> {
        Ok(column!(self, at))
    }

    pub(crate) fn signed(&self, at: usize) -> Result<i64, StoreError> {
        Ok(column!(self, at))
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<Vec<u8>, StoreError> {
        Ok(column!(self, at))
    }

    pub(crate) fn number(&self, at: usize) -> Result<u64, StoreError> {
        u64::try_from(self.signed(at)?).map_err(|_| corrupt("a count is below zero"))
    }

    pub(crate) fn digest(&self, at: usize) -> Result<Digest, StoreError> {
        Digest::parse(&self.text(at)?).map_err(|error| corrupt(error.to_string()))
    }

    pub(crate) fn maybe_digest(&self, at: usize) -> Result<Option<Digest>, StoreError> {
        let text = self.maybe_text(at)?;
        let digest = text.map(|text| Digest::parse(&text)).transpose();
        digest.map_err(|error| corrupt(error.to_string()))
    }

    pub(crate) fn time(&self, at: usize) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.signed(at)?).map_err(|error| corrupt(error.to_string()))
    }

    pub(crate) fn maybe_time(&self, at: usize) -> Result<Option<Timestamp>, StoreError> {
        let time: Option<i64> = column!(self, at);
        let time = time.map(Timestamp::from_millisecond).transpose();
        time.map_err(|error| corrupt(error.to_string()))
    }
}

pub(crate) fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt { what: what.into() }
}

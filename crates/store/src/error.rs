//! Why something was not stored.

use countersign_gate::submission::NotFrom;
use countersign_ledger::LeafError;
use thiserror::Error;

/// Why the store did not do it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Others write, or every connection is in use.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// It cannot be reached, or takes no writes.
    #[error("the database cannot be reached, or cannot be written to")]
    Unreachable(#[source] sqlx::Error),
    /// It does not answer.
    #[error("the database has not answered within {seconds} s")]
    TimedOut {
        /// How long was waited, in seconds.
        seconds: u64,
    },
    /// There is no room for more.
    #[error("the database's disk is full")]
    Full(#[source] sqlx::Error),
    /// What is in it is not what was put into it.
    #[error("the database is damaged: {what}")]
    Corrupt {
        /// What is wrong, and where.
        what: String,
    },
    /// A newer release has brought it further than this one knows.
    #[error("the database is of a newer release: it has step {found} of its tables, and this release knows {known}")]
    TooNew {
        /// The last step that it has.
        found: i64,
        /// The last step that this release has.
        known: i64,
    },
    /// Its tables could not be brought up to date.
    #[error("the database's tables could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The address is of no database.
    #[error("`{found}` is not the address of a database: expected `sqlite:PATH` or `postgres://…`")]
    Address {
        /// What it is, without a password.
        found: String,
    },
    /// An entry of the ledger cannot be written so.
    #[error("the entry of the ledger cannot be written")]
    Leaf(#[from] LeafError),
    /// Somebody else has the lease.
    #[error("the lease has ended, and somebody else goes on")]
    Stale,
    /// There is no such row.
    #[error("there is no {what} in the database")]
    Missing {
        /// What there is none of.
        what: &'static str,
    },
    /// The ledger is not where the writer believed it: somebody else has appended to the tree.
    #[error("the ledger's tree has {found} entries, and {expected} were expected")]
    OtherSize {
        /// How many were expected.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// The database refused.
    #[error("the database refused")]
    Refused(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether it may pass by itself, so that the same is worth trying again.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Busy(_) | Self::Unreachable(_) | Self::TimedOut { .. } | Self::Full(_)
        )
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let said = match (code.as_deref(), &error) {
            (Some(code), _) if code.len() == 5 => of_postgres(code),
            (Some(code), _) => code.parse().map_or(Said::No, of_sqlite),
            (None, sqlx::Error::PoolTimedOut) => Said::Busy,
            (
                None,
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed,
            ) => Said::Unreachable,
            (None, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => Said::Corrupt,
            (None, _) => Said::No,
        };
        match said {
            Said::Busy => Self::Busy(error),
            Said::Unreachable => Self::Unreachable(error),
            Said::Full => Self::Full(error),
            Said::Corrupt => Self::Corrupt {
                what: error.to_string(),
            },
            Said::No => Self::Refused(error),
        }
    }
}

enum Said {
    Busy,
    Unreachable,
    Full,
    Corrupt,
    No,
}

/// By SQLSTATE (PostgreSQL's documentation, appendix A): two characters are its class.
fn of_postgres(code: &str) -> Said {
    match code {
        "40001" | "40P01" | "55P03" | "57014" => Said::Busy,
        "53100" => Said::Full,
        "XX001" | "XX002" => Said::Corrupt,
        // A standby that has not been made the primary yet takes no writes.
        "25006" => Said::Unreachable,
        // What fails is the connection, the room for another, the server's operator, its disk.
        _ if ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class)) => Said::Unreachable,
        _ => Said::No,
    }
}

/// By result code (<https://sqlite.org/rescode.html>): the lowest byte is the code, the others say more of it.
fn of_sqlite(code: u32) -> Said {
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => Said::Busy,
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN: the disk
        8 | 10 | 14 => Said::Unreachable,
        // SQLITE_FULL
        13 => Said::Full,
        // SQLITE_CORRUPT, SQLITE_NOTADB
        11 | 26 => Said::Corrupt,
        _ => Said::No,
    }
}

/// Why a submission did not take a step.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransitionError {
    /// It is not where the writer believed it: somebody was faster.
    #[error("the submission has moved on meanwhile")]
    Lost,
    /// That step does not lead away from where it is.
    #[error(transparent)]
    NotFrom(#[from] NotFrom),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for TransitionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

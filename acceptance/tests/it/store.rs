//! The suite of the store, on the real PostgreSQL.

use anyhow::Result;
use countersign_acceptance::database::Database;
use countersign_store::Address;
use countersign_store::testing::{self, Outage};

struct Server(Database);

impl Outage for Server {
    fn begin(&mut self) {
        self.0.kill().expect("the server runs");
    }

    fn end(&mut self) {
        self.0.begin().expect("the server starts again with its data");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_on_sqlite_holds_on_postgresql() -> Result<()> {
    let server = Database::start()?;
    let fresh = |name: &str| Address::Postgres(server.empty(name).expect("a database can be made"));
    testing::all(fresh, "store::child").await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_loses_nothing_and_the_store_goes_on() -> Result<()> {
    let server = Database::start()?;
    let address = Address::Postgres(server.empty("gone")?);
    testing::passes(&address, &mut Server(server)).await;
    Ok(())
}

/// Run as a child by the suite.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes until it is killed"]
async fn child() {
    testing::write_until_killed().await;
}

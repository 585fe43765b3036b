//! Killed at any point, what is stored is whole.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;

const ADDRESS: &str = "COUNTERSIGN_TEST_STORE";
const FROM: &str = "COUNTERSIGN_TEST_FROM";

/// What the ignored test does that [`all`](super::all) is told of, and runs as a child.
pub async fn write_until_killed() {
    let store = open(&std::env::var(ADDRESS).unwrap().parse().unwrap()).await;
    let from: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    for number in from.. {
        let mut submission = create(&store, &asked(number)).await;
        let steps = [(Step::Seal, "evaluate"), (Step::Open, "sign"), (Step::Sign, "publish")];
        for (next, kind) in steps {
            submission = step(&store, &submission, next, Some(kind)).await.unwrap();
            println!("stepped");
        }
        step(&store, &submission, Step::Publish, None).await.unwrap();
    }
}

pub(super) async fn killed_while_writing(address: &Address, child: &str) {
    let url = match address {
        Address::Sqlite(path) => format!("sqlite:{}", path.display()),
        Address::Postgres(url) => url.clone(),
    };
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", child, "--ignored", "--nocapture"])
            .env(ADDRESS, &url)
            .env(FROM, (round * 1_000_000 + 1).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let steps = said
            .map_while(Result::ok)
            .filter(|line| line.contains("stepped"))
            .take(fastrand::usize(1..40));
        assert!(steps.count() > 0, "the child ended before its first step");
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(address).await;
        is_whole(&store).await;
        assert!(store.ledger_state().await.unwrap().next > 0);
        store.close().await;
    }
}

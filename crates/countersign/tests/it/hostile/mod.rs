//! A registry that means us harm, in every way that has a name: the verdict, what it may cost us, and that no credential
//! leaves for anywhere else. `hostile/README.md` says how to add a behaviour.

mod door;
mod row;
mod run;
mod table;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_hostile::Behaviour;
use tokio::runtime::Runtime;

use row::Row;

/// The rows of a table that are run at the same time: enough that those which wait for a deadline wait together.
const AT_ONCE: usize = 4;

/// Runs the registries.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        // Another test of this process may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// Runs every row, and says of all of them at once what did not hold.
fn hold(rows: &[Row]) {
    let next = AtomicUsize::new(0);
    let faults: Vec<String> = std::thread::scope(|scope| {
        let worker = || {
            let mut faults = Vec::new();
            while let Some(row) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
                faults.extend(run::faults(row).into_iter().map(|fault| format!("{row}: {fault}")));
            }
            faults
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn names_that_mean_now_this_and_now_that() {
    hold(table::NAMES);
}

#[test]
fn bytes_that_are_not_what_they_should_be() {
    hold(table::BYTES);
}

#[test]
fn lists_and_bodies_without_end() {
    hold(table::ENDLESS);
}

#[test]
fn ways_that_lead_somewhere_else() {
    hold(table::WAYS);
}

#[test]
fn logins_that_want_our_password() {
    hold(table::LOGINS);
}

#[test]
fn answers_that_do_not_come() {
    hold(table::PACE);
}

#[test]
fn http2_that_goes_on_for_ever() {
    hold(table::HTTP2);
}

#[test]
fn every_behaviour_has_a_row() {
    let rows = table::all();
    let tried: BTreeSet<_> = rows.iter().map(|row| row.behaviour).collect();
    let untried: Vec<_> = Behaviour::ALL
        .iter()
        .filter(|behaviour| !tried.contains(behaviour))
        .collect();
    assert!(untried.is_empty(), "{untried:?}");
}

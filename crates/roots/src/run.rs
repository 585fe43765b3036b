//! What happens in the background: repositories are asked, files are watched, and nobody waits for either.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

use crate::error::{Outcome, RootError};
use crate::file::Mark;
use crate::source::Source;
use crate::state::State;
use crate::store::{Duty, Key, TrustRootStore};
use crate::text::chain;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl TrustRootStore {
    /// Keeps every root up to date for as long as this is polled. It never ends by itself.
    pub async fn run(self: Arc<Self>) {
        let mut tasks: JoinSet<()> = JoinSet::new();
        let mut running: BTreeMap<Key, (Duty, AbortHandle)> = BTreeMap::new();
        loop {
            let wanted = self.duties();
            let forgetting = Arc::clone(&self);
            // What it could not do it has told.
            let _ = tokio::task::spawn_blocking(move || forgetting.forget_the_gone()).await;
            running.retain(|key, (duty, task)| {
                let stays = !task.is_finished() && wanted.get(key).is_some_and(|(_, now)| now.is(duty));
                if !stays {
                    task.abort();
                }
                stays
            });
            for (key, (name, duty)) in wanted {
                running.entry(key).or_insert_with_key(|key| {
                    let task = tasks.spawn(Arc::clone(&self).look_after_one(key.clone(), name, duty.clone()));
                    (duty, task)
                });
            }
            tokio::select! {
                () = self.sources.notified() => {}
                Some(ended) = tasks.join_next() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        warn!("looking after a trust root panicked; it begins again");
                        tokio::time::sleep(self.schedule.wait(1, fastrand::f64())).await;
                    }
                }
            }
        }
    }

    /// Asks the repository of one root now, and says how that ended. Nothing happens where none is followed under this name.
    ///
    /// # Errors
    /// Where no newer root was had; the one that was there before stays.
    pub async fn refresh(&self, name: &str) -> Result<(), Arc<RootError>> {
        let found = self.duties().into_iter().find(|(_, (called, _))| called == name);
        match found {
            Some((key, (_, duty @ Duty::Follow(_)))) => self.ask(&key, &duty).await,
            _ => Ok(()),
        }
    }

    async fn look_after_one(self: Arc<Self>, key: Key, name: String, duty: Duty) {
        match &duty {
            Duty::Follow(_) => self.follow(&key, &name, &duty).await,
            Duty::Watch(path) => self.watch(&key, &name, path.clone(), &duty).await,
        }
    }

    async fn follow(&self, key: &Key, name: &str, duty: &Duty) {
        let mut failures = 0_u32;
        loop {
            let asked = self.ask(key, duty).await;
            failures = if asked.is_ok() { 0 } else { failures.saturating_add(1) };
            let wait = self.schedule.wait(failures, fastrand::f64());
            match asked {
                Ok(()) => info!(root = name, next = ?wait, "a trust root was renewed from its repository"),
                Err(error) => {
                    let (what, advice) = (chain(&*error), error.outcome().advice());
                    warn!(
                        root = name,
                        error = what,
                        outcome = error.outcome().word(),
                        advice,
                        failures,
                        next = ?wait,
                        "a trust root could not be renewed; what was believed stays"
                    );
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    pub(crate) async fn ask(&self, key: &Key, duty: &Duty) -> Result<(), Arc<RootError>> {
        let Duty::Follow(follower) = duty else { return Ok(()) };
        let came = follower.renew(self.clock.now()).await;
        let came = came
            .map(State::from)
            .map_err(|error| Arc::new(RootError::Refresh(error)));
        let ended = came.as_ref().map(drop).map_err(Arc::clone);
        self.take(key, duty, came);
        ended
    }

    async fn watch(&self, key: &Key, name: &str, path: PathBuf, duty: &Duty) {
        // What `open` read may have been replaced since.
        let (mut read, mut seen) = (None, None);
        loop {
            let looking = path.clone();
            let Ok(mark) = tokio::task::spawn_blocking(move || Mark::of(&looking)).await else {
                return;
            };
            // Who still writes is not read: a file counts once two looks in a row found the same.
            if mark != read && mark == seen {
                let (source, clock) = (Source::File(path.clone()), self.clock);
                let Ok(state) = tokio::task::spawn_blocking(move || State::of(&source, clock.now())).await else {
                    return;
                };
                let came = match state.root() {
                    Ok(_) => Ok(state),
                    Err(error) => {
                        let (what, advice) = (chain(&**error), Outcome::Unreadable.advice());
                        warn!(
                            root = name,
                            error = what,
                            advice,
                            "a trust root's file cannot be used; what was believed stays"
                        );
                        Err(Arc::clone(error))
                    }
                };
                self.take(key, duty, came);
                read.clone_from(&mark);
            }
            seen = mark;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

//! One repository that is followed: what is remembered of it, and how it is asked for more.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_evidence::trust::TrustRoot;
use jiff::Timestamp;
use tracing::{debug, warn};

use crate::cache::{Cache, Origin, Remembered};
use crate::error::RefreshError;
use crate::source::Repository;
use crate::text::chain;
use crate::tuf::{self, Kept, Limits, Mirror, Wanted};

/// A root that was verified whole.
#[derive(Clone, Debug)]
pub(crate) struct Renewed {
    pub(crate) root: Arc<TrustRoot>,
    /// When it was verified against the repository.
    pub(crate) at: Timestamp,
    /// When the first of the metadata ends that it rests on.
    pub(crate) expires: Timestamp,
}

/// A repository that is followed. It shares nothing with any other.
#[derive(Debug)]
pub(crate) struct Follower {
    name: String,
    repository: Repository,
    http: reqwest::Client,
    limits: Limits,
    /// The directory, and what this repository's file in it is called.
    cache: Option<(Cache, String)>,
    remembered: Mutex<Remembered>,
    /// One asks at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Follower {
    /// Reads what is remembered; what cannot be read is as if it were not there.
    pub(crate) fn new(
        origin: Origin,
        name: &str,
        repository: Repository,
        http: reqwest::Client,
        limits: Limits,
        cache: Option<Cache>,
    ) -> Self {
        let cache = cache.map(|cache| (cache, Cache::file_name(origin, name, &repository)));
        let remembered = cache.as_ref().and_then(|(cache, file)| match cache.load(file) {
            Ok(remembered) => remembered,
            Err(error) => {
                warn!(
                    root = name,
                    file,
                    error = chain(&error),
                    "what was remembered of a trust root's repository cannot be read"
                );
                None
            }
        });
        Self {
            name: name.to_owned(),
            repository,
            http,
            limits,
            cache,
            remembered: Mutex::new(remembered.unwrap_or_default()),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// What its file is called, where it is remembered.
    pub(crate) fn file(&self) -> Option<&str> {
        self.cache.as_ref().map(|(_, file)| file.as_str())
    }

    /// The root that is remembered, verified again as of the time that it was verified at first.
    pub(crate) fn remembered(&self, now: Timestamp) -> Option<Renewed> {
        use futures_util::FutureExt as _;
        let (at, files) = self.state().good?;
        // Nobody has verified anything in times to come.
        let at = at.min(now);
        let kept = Kept::of(files);
        let again = tuf::again(self.wanted(), &kept, &self.limits, at).now_or_never();
        match again.unwrap_or(Err(RefreshError::Panicked)) {
            Ok(found) => Some(Renewed {
                root: found.root,
                at,
                expires: found.expires,
            }),
            Err(error) => {
                warn!(
                    root = self.name,
                    error = chain(&error),
                    "what was remembered of a trust root's repository is not believed"
                );
                None
            }
        }
    }

    /// Asks the repository. Whatever it proved is remembered, also where it did not give a root.
    pub(crate) async fn renew(self: &Arc<Self>, now: Timestamp) -> Result<Renewed, RefreshError> {
        let _turn = self.turn.lock().await;
        let asking = Arc::clone(self);
        let runtime = tokio::runtime::Handle::current();
        // Signatures are verified and files are written on the way, and nobody's answer waits for that.
        let asked = tokio::task::spawn_blocking(move || runtime.block_on(asking.ask(now)));
        asked.await.unwrap_or(Err(RefreshError::Panicked))
    }

    async fn ask(&self, now: Timestamp) -> Result<Renewed, RefreshError> {
        let Repository { mirror, targets, .. } = &self.repository;
        if !tuf::is_relative(targets) {
            return Err(RefreshError::Name { name: targets.clone() });
        }
        let before = self.state();
        let kept = Arc::new(Kept::of(before.floor.clone()));
        let mirror = Mirror::new(self.http.clone(), mirror, targets, self.limits.answer);
        let found = tuf::refresh(self.wanted(), mirror, &kept, &self.limits, now).await;
        let mut after = before.clone();
        // What one holder signed under two names is no floor for anybody.
        if !matches!(found, Err(RefreshError::RepeatedKey { .. })) {
            after.floor = kept.files();
        }
        if found.is_ok() {
            after.good = Some((now, after.floor.clone()));
        }
        if after != before {
            self.remember(after);
        }
        found.map(|found| Renewed {
            root: found.root,
            at: now,
            expires: found.expires,
        })
    }

    fn remember(&self, remembered: Remembered) {
        if let Some((cache, file)) = &self.cache {
            match cache.save(file, &remembered) {
                Ok(()) => debug!(root = self.name, file, "a trust root's repository was remembered"),
                Err(error) => {
                    warn!(
                        root = self.name,
                        file,
                        error = chain(&error),
                        "a trust root's repository cannot be remembered: a restart asks for it again"
                    );
                }
            }
        }
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = remembered;
    }

    fn state(&self) -> Remembered {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            initial_root: &self.repository.initial_root,
            target: &self.repository.target,
        }
    }
}

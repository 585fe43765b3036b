//! A repository, its mirror, and a store that follows it as `corp`, at a time of the test's choice.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_evidence::trust::TrustRoot;
use countersign_roots::embedded::Instance;
use countersign_roots::tuf::Limits;
use countersign_roots::{
    Clock, Outcome, PublicGood, RefreshError, Repository, RootError, RootFacts, RootsConfig, Schedule, Source, TARGETS,
    TRUSTED_ROOT, TrustRootStore,
};
use jiff::{SignedDuration, Timestamp};

use crate::mint::{BEGIN, Mint};
use crate::mirror::Mirror;

thread_local! {
    static NOW: Cell<Timestamp> = const { Cell::new(BEGIN) };
}

pub(crate) fn clock() -> Timestamp {
    NOW.get()
}

/// From now on it is so much later.
pub(crate) fn pass(time: SignedDuration) {
    NOW.set(NOW.get() + time);
}

/// What a repository is made with, and what it is replaced by.
pub(crate) fn first() -> &'static [u8] {
    Instance::Staging.trusted_root()
}

pub(crate) fn second() -> &'static [u8] {
    Instance::GitHub.trusted_root()
}

pub(crate) fn limits() -> Limits {
    Limits {
        // Short enough to wait for, and long enough for a loaded machine that has something to say.
        deadline: Duration::from_secs(20),
        answer: Duration::from_secs(20),
        ..Limits::standard()
    }
}

pub(crate) fn repository(initial_root: &[u8], mirror: &Mirror) -> Repository {
    Repository {
        initial_root: initial_root.to_vec().into(),
        mirror: mirror.url.clone(),
        targets: TARGETS.to_owned(),
        target: TRUSTED_ROOT.to_owned(),
    }
}

pub(crate) fn config(named: impl IntoIterator<Item = (&'static str, Repository)>) -> RootsConfig {
    let named = named
        .into_iter()
        .map(|(name, repository)| (name.to_owned(), Source::Repository(repository)));
    RootsConfig {
        public_good: PublicGood::Embedded,
        named: named.collect::<BTreeMap<_, _>>(),
        cache: None,
        http: http(),
        limits: limits(),
        schedule: Schedule::standard(),
        clock: Clock::Running(clock),
    }
}

/// One for each test: reading the system's authorities takes longer than most of them.
pub(crate) fn http() -> reqwest::Client {
    thread_local! {
        static HTTP: reqwest::Client = countersign_registry::ClientConfig::default().http_client().unwrap();
    }
    HTTP.with(Clone::clone)
}

/// A repository that was read once, well.
pub(crate) struct Scene {
    pub(crate) mint: Mint,
    pub(crate) mirror: Mirror,
    pub(crate) store: TrustRootStore,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::of(Mint::new(first())).await
    }

    pub(crate) async fn of(mint: Mint) -> Self {
        let scene = Self::unread(mint, None).await;
        scene.refreshed().await;
        assert!(scene.believes(first()), "the repository is sound to begin with");
        scene
    }

    /// One that was not read yet.
    pub(crate) async fn unread(mint: Mint, cache: Option<&Path>) -> Self {
        NOW.set(BEGIN);
        let mirror = Mirror::start().await;
        mirror.serve(&mint.files);
        let store = Self::open(&mint, &mirror, cache);
        Self { mint, mirror, store }
    }

    pub(crate) fn open(mint: &Mint, mirror: &Mirror, cache: Option<&Path>) -> TrustRootStore {
        let mut config = config([("corp", repository(&mint.initial_root(), mirror))]);
        config.cache = cache.map(Path::to_owned);
        TrustRootStore::open(config).unwrap()
    }

    /// Serves what the mint has now.
    pub(crate) fn serve(&self) {
        self.mirror.serve(&self.mint.files);
    }

    /// Asks, and it must be well.
    pub(crate) async fn refreshed(&self) {
        if let Err(error) = self.store.refresh("corp").await {
            panic!("the repository is sound: {}", told(&error));
        }
    }

    /// Asks, and it must be refused; what was believed must stay.
    pub(crate) async fn refused(&self) -> Arc<RootError> {
        let before = self.root();
        let refused = self.store.refresh("corp").await;
        let error = refused.expect_err("this must be refused");
        let after = self.root();
        let generation = |root: &Option<Arc<TrustRoot>>| root.as_ref().map(|root| *root.generation());
        assert_eq!(generation(&before), generation(&after), "what was good stays");
        error
    }

    /// Asks, and it must be refused in this way.
    pub(crate) async fn refused_as(&self, outcome: Outcome) -> String {
        let error = self.refused().await;
        assert_eq!(error.outcome(), outcome, "{}", told(&error));
        told(&error)
    }

    pub(crate) fn root(&self) -> Option<Arc<TrustRoot>> {
        self.store.current().named["corp"].as_ref().ok().cloned()
    }

    pub(crate) fn believes(&self, trusted_root: &[u8]) -> bool {
        believes(&self.store, "corp", trusted_root)
    }

    pub(crate) fn facts(&self) -> RootFacts {
        let facts = self.store.facts();
        facts.into_iter().find(|facts| facts.name == "corp").unwrap()
    }
}

pub(crate) fn believes(store: &TrustRootStore, name: &str, trusted_root: &[u8]) -> bool {
    let expected = TrustRoot::parse(trusted_root).unwrap();
    let current = store.current();
    matches!(&current.named[name], Ok(root) if root.generation() == expected.generation())
}

/// An error with everything behind it.
pub(crate) fn told(error: &RootError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The mirror's own trouble.
pub(crate) fn refresh_error(error: &RootError) -> &RefreshError {
    match error {
        RootError::Refresh(error) => error,
        other => panic!("another kind of error: {}", told(other)),
    }
}

//! The roots that a process believes: each from its own source, all in one snapshot that lies ready.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use countersign_evidence::trust::{TrustRootError, Unusable};
use countersign_image::Digest;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::cache::{Cache, Origin};
use crate::clock::Clock;
use crate::embedded::{EMBEDDED_AT, Instance};
use crate::error::{Outcome, RootError};
use crate::follow::Follower;
use crate::roots::{Obtained, TrustRoots};
use crate::schedule::Schedule;
use crate::source::{PublicGood, Source};
use crate::state::State;
use crate::text::chain;
use crate::tuf::Limits;

/// What the root is called that is believed where a policy names none. No other can have that name.
pub const PUBLIC_GOOD: &str = "public-good";
/// The most roots of one process.
pub const MAX_ROOTS: usize = 64;

/// Which roots there are and how they are kept up to date.
#[derive(Clone, Debug)]
pub struct RootsConfig {
    /// Where public-good's root comes from.
    pub public_good: PublicGood,
    /// Roots of the configuration, by name.
    pub named: BTreeMap<String, Source>,
    /// Where repositories are remembered, if anywhere.
    pub cache: Option<PathBuf>,
    /// The way to mirrors. It must follow no redirects.
    pub http: reqwest::Client,
    /// What bounds a refresh.
    pub limits: Limits,
    /// When repositories are asked again.
    pub schedule: Schedule,
    /// What time it is.
    pub clock: Clock,
}

/// A TrustRoot document that says where its root is.
#[derive(Clone, Debug)]
pub struct Document {
    /// The digest of everything that it says; what is obtained for it is found under this.
    pub digest: Digest,
    /// Its name, for messages and metrics.
    pub name: String,
    /// Where its root is.
    pub source: Source,
}

/// Why there are no roots to begin with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// This build cannot read what it brings along.
    #[error("the embedded trust root of public-good cannot be used")]
    Embedded(#[from] TrustRootError),
    /// The frozen copy cannot be used.
    #[error("there is no trust root for public-good")]
    PublicGood(#[source] Arc<RootError>),
    /// The directory cannot be used.
    #[error("trust roots cannot be kept in `{}`", directory.display())]
    Cache {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// More roots than there may be.
    #[error("there are {found} trust roots, and {MAX_ROOTS} are the most")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// A name that is taken.
    #[error("a trust root cannot be called `{PUBLIC_GOOD}`: that one is there already")]
    Reserved,
}

/// What is to be said of one root, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootFacts {
    /// The root's name; of a document that shares it with another root, with the beginning of its digest.
    pub name: String,
    /// Whether there is a root.
    pub usable: bool,
    /// Whether its source is asked again.
    pub followed: bool,
    /// When it was last verified at its source; nothing where the source has no time.
    pub verified: Option<Timestamp>,
    /// When the first of the metadata ends that it rests on.
    pub expires: Option<Timestamp>,
    /// How often its source was asked, by how that ended.
    pub attempts: BTreeMap<Outcome, u64>,
}

/// The roots that a process believes.
pub struct TrustRootStore {
    current: ArcSwap<TrustRoots>,
    entries: Mutex<BTreeMap<Key, Entry>>,
    /// Told when sources came or went.
    pub(crate) sources: Notify,
    cache: Option<Cache>,
    http: reqwest::Client,
    limits: Limits,
    pub(crate) schedule: Schedule,
    pub(crate) clock: Clock,
}

/// Which root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    PublicGood,
    Named(String),
    Document(Digest),
}

struct Entry {
    name: String,
    source: Source,
    duty: Option<Duty>,
    state: State,
    attempts: BTreeMap<Outcome, u64>,
}

impl Entry {
    /// Whether it is what a document says, so that it can be taken over.
    fn is_of(&self, document: &Document) -> bool {
        !self.is_surplus() && self.name == document.name && self.source == document.source
    }

    fn is_surplus(&self) -> bool {
        matches!(self.state.root(), Err(error) if matches!(**error, RootError::TooMany))
    }

    /// The same, known and not looked after.
    fn surplus(self) -> Self {
        Self {
            duty: None,
            state: State::none(RootError::TooMany),
            ..self
        }
    }
}

/// What has to be looked after in the background.
#[derive(Clone)]
pub(crate) enum Duty {
    Follow(Arc<Follower>),
    Watch(PathBuf),
}

impl TrustRootStore {
    /// Reads what is there: embedded roots, files, what is remembered of repositories. Nothing is fetched.
    ///
    /// # Errors
    /// Where there is no root for public-good, or no directory to remember repositories in. A named root that cannot be
    /// read is no error here: its name says why in [`TrustRoots`], and whoever refers to it is told.
    pub fn open(config: RootsConfig) -> Result<Self, StoreError> {
        if config.named.contains_key(PUBLIC_GOOD) {
            return Err(StoreError::Reserved);
        }
        let found = config.named.len() + 1;
        if found > MAX_ROOTS {
            return Err(StoreError::TooMany { found });
        }
        let cache = config.cache.as_deref().map(open_cache).transpose()?;
        let embedded = TrustRoots::embedded()?;
        let store = Self {
            current: ArcSwap::from_pointee(embedded),
            entries: Mutex::default(),
            sources: Notify::new(),
            cache,
            http: config.http,
            limits: config.limits,
            schedule: config.schedule,
            clock: config.clock,
        };
        let mut entries = BTreeMap::new();
        let public_good = store.public_good(config.public_good);
        if let Err(error) = public_good.state.root() {
            return Err(StoreError::PublicGood(Arc::clone(error)));
        }
        entries.insert(Key::PublicGood, public_good);
        for (name, source) in config.named {
            let entry = store.entry(Origin::Configuration, &name, source);
            entries.insert(Key::Named(name), entry);
        }
        store.publish(&entries);
        *store.entries() = entries;
        Ok(store)
    }

    /// The roots at this moment. Never waits.
    #[must_use]
    pub fn current(&self) -> Arc<TrustRoots> {
        self.current.load_full()
    }

    /// From now on these documents are looked after, and no others. What was obtained for one that was there before stays.
    ///
    /// Roots that lie in a document or in memory are there when this returns; for those that have to be fetched there is
    /// [`RootError::NotYet`] until [`TrustRootStore::run`] has them. It may read files: not for an asynchronous context.
    pub fn look_after(&self, documents: Vec<Document>) {
        let mut wanted: BTreeMap<Key, Document> = BTreeMap::new();
        for document in documents {
            wanted.insert(Key::Document(document.digest), document);
        }
        let missing: Vec<Key> = {
            let entries = self.entries();
            let goes = |key: &Key| matches!(key, Key::Document(_)) && !wanted.contains_key(key);
            let missing = wanted.iter().filter(|(key, document)| {
                let stands = entries.get(key).is_some_and(|entry| !entry.is_surplus());
                !stands && !entries.iter().any(|(key, entry)| goes(key) && entry.is_of(document))
            });
            missing.map(|(key, _)| key.clone()).collect()
        };
        // Whoever asks for metrics does not wait while an archive is unpacked.
        let mut new: Vec<(Key, Entry)> = Vec::new();
        for key in missing {
            if let Some(document) = wanted.get(&key) {
                new.push((
                    key,
                    self.entry(Origin::Document, &document.name, document.source.clone()),
                ));
            }
        }
        let mut entries = self.entries();
        let mut changed = !new.is_empty();
        let is_document = |key: &Key| matches!(key, Key::Document(_));
        let gone: Vec<Key> = entries
            .keys()
            .filter(|key| is_document(key) && !wanted.contains_key(key))
            .cloned()
            .collect();
        for key in gone {
            changed = true;
            let Some(entry) = entries.remove(&key) else { continue };
            // A document that was written anew, and says the same of where its root is, keeps what was good.
            let again = wanted
                .iter()
                .find(|(key, document)| !entries.contains_key(key) && entry.is_of(document));
            if let Some((key, _)) = again {
                entries.insert(key.clone(), entry);
            }
        }
        // Two that were written anew may have had one before them.
        for (key, document) in &wanted {
            if !entries.contains_key(key) && !new.iter().any(|(of, _)| of == key) {
                new.push((
                    key.clone(),
                    self.entry(Origin::Document, &document.name, document.source.clone()),
                ));
            }
        }
        for (key, entry) in new {
            let before = entries.values().filter(|entry| !entry.is_surplus()).count();
            if before < MAX_ROOTS {
                entries.insert(key, entry);
            } else {
                warn!(
                    root = entry.name,
                    most = MAX_ROOTS,
                    "there are more trust roots than may be: this one is not looked after"
                );
                entries.insert(key, entry.surplus());
            }
        }
        if changed {
            self.publish(&entries);
            self.sources.notify_one();
        }
    }

    /// Only whoever looks after roots knows which of them are gone: a command may know others. It reads a directory: not for an
    /// asynchronous context.
    pub(crate) fn forget_the_gone(&self) {
        let Some(cache) = &self.cache else { return };
        let file = |entry: &Entry| match &entry.duty {
            Some(Duty::Follow(follower)) => follower.file().map(str::to_owned),
            _ => None,
        };
        let living = self.entries().values().filter_map(file).collect();
        if let Err(error) = cache.forget(&living, self.clock.now()) {
            warn!(
                error = chain(&error),
                "what was remembered for trust roots that are gone cannot be removed"
            );
        }
    }

    /// Asks the repositories of roots that are followed under these names, where nothing is remembered of them or it is so old
    /// that the schedule has them asked again. How that ended is in [`TrustRootStore::current`]; what was good stays. For
    /// whoever judges once, and has nobody who looks after roots.
    pub async fn obtain(&self, names: &BTreeSet<Arc<str>>) {
        let now = self.clock.now();
        let every = SignedDuration::try_from(self.schedule.every).unwrap_or(SignedDuration::MAX);
        let is_due = |verified: Option<Timestamp>| verified.is_none_or(|verified| now.duration_since(verified) > every);
        let due: Vec<(Key, Duty)> = {
            let entries = self.entries();
            let due = entries
                .iter()
                .filter(|(_, entry)| names.contains(entry.name.as_str()) && is_due(entry.state.verified()));
            due.filter_map(|(key, entry)| Some((key.clone(), entry.duty.clone()?)))
                .collect()
        };
        let asking = due.iter().map(|(key, duty)| self.ask(key, duty));
        futures_util::future::join_all(asking).await;
    }

    /// What is to be said of each root, each under a name of its own.
    #[must_use]
    pub fn facts(&self) -> Vec<RootFacts> {
        let entries = self.entries();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for entry in entries.values().filter(|entry| !entry.is_surplus()) {
            *taken.entry(entry.name.clone()).or_default() += 1;
        }
        let facts = |(key, entry): (&Key, &Entry)| RootFacts {
            name: series(key, entry, &taken),
            usable: entry.state.root().is_ok(),
            followed: entry.duty.is_some(),
            verified: entry.state.verified(),
            expires: entry.state.expires(),
            attempts: entry.attempts.clone(),
        };
        // Series have to be few, however many documents there are.
        entries
            .iter()
            .filter(|(_, entry)| !entry.is_surplus())
            .map(facts)
            .collect()
    }

    pub(crate) fn duties(&self) -> BTreeMap<Key, (String, Duty)> {
        let entries = self.entries();
        let duty = |(key, entry): (&Key, &Entry)| Some((key.clone(), (entry.name.clone(), entry.duty.clone()?)));
        entries.iter().filter_map(duty).collect()
    }

    /// Takes over what came of asking a source. What was good stays where nothing better came.
    pub(crate) fn take(&self, key: &Key, duty: &Duty, came: Result<State, Arc<RootError>>) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(key) else { return };
        // Another source may have taken the place of the one that was asked.
        if !entry.duty.as_ref().is_some_and(|now| now.is(duty)) {
            return;
        }
        let outcome = came
            .as_ref()
            .map_or_else(|error| error.outcome(), |_| Outcome::Refreshed);
        *entry.attempts.entry(outcome).or_default() += 1;
        match came {
            Ok(state) => {
                if entry.state.generation() != state.generation() {
                    let generation = state.generation().map(|generation| generation.to_string());
                    info!(root = entry.name, generation, "another trust root is in force");
                    warn_of_unusable(&entry.name, &state);
                }
                entry.state = state;
            }
            Err(error) => entry.state.failed(error),
        }
        self.publish(&entries);
    }

    fn public_good(&self, wanted: PublicGood) -> Entry {
        let embedded = Source::Embedded(Instance::PublicGood);
        match wanted {
            PublicGood::Embedded => self.entry(Origin::Configuration, PUBLIC_GOOD, embedded),
            PublicGood::File(path) => self.entry(Origin::Configuration, PUBLIC_GOOD, Source::File(path)),
            PublicGood::Followed(repository) => {
                let mut entry = self.entry(Origin::Configuration, PUBLIC_GOOD, Source::Repository(repository));
                // What is remembered may be older than what this release brings along.
                if entry.state.verified().is_none_or(|verified| verified < EMBEDDED_AT) {
                    entry.state = State::of(&embedded, self.clock.now());
                }
                entry
            }
        }
    }

    fn entry(&self, origin: Origin, name: &str, source: Source) -> Entry {
        let now = self.clock.now();
        let (duty, state) = match &source {
            Source::Repository(repository) => {
                let (repository, http) = (repository.clone(), self.http.clone());
                let follower = Follower::new(origin, name, repository, http, self.limits.clone(), self.cache.clone());
                let state = State::remembered(follower.remembered(now));
                (Some(Duty::Follow(Arc::new(follower))), state)
            }
            Source::File(path) => (Some(Duty::Watch(path.clone())), State::of(&source, now)),
            Source::Given(_) | Source::Embedded(_) | Source::Archive(_) | Source::Nowhere(_) => {
                (None, State::of(&source, now))
            }
        };
        if let Err(error) = state.root()
            && !matches!(**error, RootError::NotYet)
        {
            let (what, advice) = (chain(&**error), error.outcome().advice());
            warn!(root = name, error = what, advice, "there is no trust root of this name");
        }
        warn_of_unusable(name, &state);
        Entry {
            name: name.to_owned(),
            source,
            duty,
            state,
            attempts: BTreeMap::new(),
        }
    }

    fn publish(&self, entries: &BTreeMap<Key, Entry>) {
        let mut public_good = Arc::clone(&self.current.load().public_good);
        let mut named: BTreeMap<String, Obtained> = BTreeMap::new();
        let mut obtained: BTreeMap<Digest, Obtained> = BTreeMap::new();
        for (key, entry) in entries {
            let root = entry.state.root().clone();
            match key {
                Key::PublicGood => public_good = root.unwrap_or(public_good),
                Key::Named(name) => drop(named.insert(name.clone(), root)),
                Key::Document(digest) => drop(obtained.insert(*digest, root)),
            }
        }
        self.current
            .store(Arc::new(TrustRoots::new(public_good, named, obtained)));
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A document may have the name of another root, and two series of one name are none.
fn series(key: &Key, entry: &Entry, taken: &BTreeMap<String, usize>) -> String {
    match key {
        Key::Document(digest) if taken.get(&entry.name).is_some_and(|many| *many > 1) => {
            format!("{} (document {})", entry.name, &digest.hex()[..12])
        }
        _ => entry.name.clone(),
    }
}

/// A root is taken although a part of it cannot be used; whoever wrote that part believes it to count.
fn warn_of_unusable(name: &str, state: &State) {
    let unusable = state.root().iter().flat_map(|root| root.unusable());
    for Unusable { part, why } in unusable {
        warn!(
            root = name,
            part, why, "a part of the trust root cannot be used, and nothing is believed by it"
        );
    }
}

fn open_cache(directory: &Path) -> Result<Cache, StoreError> {
    Cache::open(directory).map_err(|source| StoreError::Cache {
        directory: directory.to_owned(),
        source,
    })
}

impl Duty {
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Follow(one), Self::Follow(other)) => Arc::ptr_eq(one, other),
            (Self::Watch(one), Self::Watch(other)) => one == other,
            _ => false,
        }
    }
}

impl fmt::Debug for TrustRootStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRootStore")
            .field("roots", &self.entries().len())
            .finish_non_exhaustive()
    }
}

//! Where trust roots come from, as the configuration says it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use countersign_roots::embedded::Instance;
use countersign_roots::tuf::{self, Limits};
use countersign_roots::{
    Clock, PublicGood, Repository, RootsConfig, Schedule, Source, StoreError, TARGETS, TRUSTED_ROOT, TrustRootStore,
};

use jiff::Timestamp;

use crate::configuration::{self, EmbeddedRoot, NamedRoot, TrustRoots};
use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};

/// The shortest time between two questions to a repository.
const MIN_EVERY: Duration = Duration::from_mins(1);

/// The roots of a door, as the configuration and a flag say it. Files and what is remembered are read; nothing is fetched.
pub(crate) fn store(
    written: TrustRoots,
    trusted_root: Option<PathBuf>,
    http: reqwest::Client,
) -> Result<TrustRootStore, Failure> {
    let config = read(written, trusted_root, http, Clock::Running(Timestamp::now))?;
    TrustRootStore::open(config).map_err(refused)
}

/// Where the roots come from, as the configuration and a flag say it.
pub(crate) fn read(
    written: TrustRoots,
    trusted_root: Option<PathBuf>,
    http: reqwest::Client,
    clock: Clock,
) -> Result<RootsConfig, Failure> {
    let TrustRoots {
        cache,
        every,
        public_good,
        named,
    } = written;
    let mut schedule = Schedule::standard();
    if let Some(every) = every {
        if every < MIN_EVERY {
            return Err(wrong(
                "trustRoots.every",
                "a minute is the shortest time between two refreshes",
            ));
        }
        schedule.every = every;
    }
    let public_good = match trusted_root {
        Some(file) => PublicGood::File(file),
        None => public_good.map_or(Ok(PublicGood::Embedded), standing)?,
    };
    let named = named
        .into_iter()
        .map(|(name, root)| Ok((name.clone(), named_root(&format!("trustRoots.named.{name}"), root)?)))
        .collect::<Result<BTreeMap<_, _>, Failure>>()?;
    Ok(RootsConfig {
        public_good,
        named,
        cache,
        http,
        limits: Limits::standard(),
        schedule,
        clock,
    })
}

fn standing(written: configuration::PublicGood) -> Result<PublicGood, Failure> {
    let place = "trustRoots.publicGood";
    let configuration::PublicGood { file, refresh, mirror } = written;
    match (file, refresh, mirror) {
        (Some(file), false, None) => Ok(PublicGood::File(file)),
        (None, true, mirror) => {
            let mut repository = Repository::of(Instance::PublicGood);
            if let Some(mirror) = mirror {
                repository.mirror = address(place, &mirror)?;
            }
            Ok(PublicGood::Followed(repository))
        }
        (Some(_), _, _) => Err(wrong(
            place,
            "a `file` is a frozen copy: it is neither refreshed nor mirrored",
        )),
        (None, false, Some(_)) => Err(wrong(place, "a `mirror` is read only where `refresh: true` says so")),
        (None, false, None) => Err(wrong(place, "it needs a `file`, or `refresh: true`")),
    }
}

fn named_root(place: &str, written: NamedRoot) -> Result<Source, Failure> {
    let NamedRoot {
        file,
        embedded,
        mirror,
        initial_root,
        targets,
        target,
    } = written;
    let instance = embedded.map(Instance::from);
    let of_repository = initial_root.is_some() || targets.is_some() || target.is_some();
    match (file, mirror) {
        (Some(file), None) if instance.is_none() && !of_repository => Ok(Source::File(file)),
        (None, None) if !of_repository => match instance {
            Some(instance) => Ok(Source::Embedded(instance)),
            None => Err(wrong(place, "it needs a `file`, an `embedded` root or a `mirror`")),
        },
        (None, Some(mirror)) => {
            let initial_root = match (initial_root, instance) {
                (Some(path), None) => initial_root_in(&path)?,
                (None, Some(instance)) => instance.initial_root().to_vec(),
                _ => {
                    let what = "a `mirror` needs either the `initialRoot` of its repository or the `embedded` one";
                    return Err(wrong(place, what));
                }
            };
            Ok(Source::Repository(Repository {
                initial_root: initial_root.into(),
                mirror: address(place, &mirror)?,
                targets: targets.unwrap_or_else(|| TARGETS.to_owned()),
                target: target.unwrap_or_else(|| TRUSTED_ROOT.to_owned()),
            }))
        }
        _ => Err(wrong(
            place,
            "it is either a `file`, or an `embedded` root, or a `mirror` with what belongs to it",
        )),
    }
}

fn initial_root_in(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = files::read(path, MAX_SMALL)?;
    tuf::check_initial_root(&bytes).map_err(|error| {
        Failure::misuse(error)
            .context(format!("`{}` is not the root of a TUF repository", path.display()))
            .hint("it is the `root.json` that the repository's maintainers give out, signed by its own keys")
    })?;
    Ok(bytes)
}

fn address(place: &str, text: &str) -> Result<reqwest::Url, Failure> {
    // What is no address may hold a password still: it is not printed.
    let url: reqwest::Url = text
        .parse()
        .map_err(|_| wrong(place, "its `mirror` is not an address"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(wrong(place, "a mirror is an `https://…` or `http://…` address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(place, "a mirror's address must hold no password"));
    }
    Ok(url)
}

impl From<EmbeddedRoot> for Instance {
    fn from(root: EmbeddedRoot) -> Self {
        match root {
            EmbeddedRoot::PublicGood => Self::PublicGood,
            EmbeddedRoot::Staging => Self::Staging,
            EmbeddedRoot::Github => Self::GitHub,
        }
    }
}

fn wrong(place: &str, what: &str) -> Failure {
    Failure::misuse(anyhow!("`{place}` cannot be used: {what}")).hint("docs/configuration.md lists every field")
}

/// Why there are none.
pub(crate) fn refused(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::PublicGood(_) => {
            "--trusted-root, or `trustRoots.publicGood.file`, names a `trusted_root.json`, such as `cosign trusted-root create` \
             writes"
        }
        StoreError::Cache { .. } => "it must be a directory that this process may write to",
        StoreError::TooMany { .. } | StoreError::Reserved => "docs/configuration.md says what may stand there",
        _ => "this is a flaw of this build",
    };
    Failure::misuse(error).context("there are no trust roots").hint(hint)
}

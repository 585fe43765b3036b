//! The trust roots of a command: the door's own, out of the same configuration, at the time of the judgement.
//!
//! What is remembered of repositories is read as the door reads it. A command has nobody who follows them: one that talks to
//! the network anyhow asks those that its policies rest on, where nothing is remembered of them or it is old; any other asks
//! none.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use countersign_evidence::trust::{TrustRoot, Unusable};
use countersign_policy::{PolicySet, RestsOn};
use countersign_registry::ClientConfig;
use countersign_roots::{Clock, PUBLIC_GOOD, StoreError, TrustRootStore};
use countersign_server::policies;
use jiff::Timestamp;

use crate::configuration::{self, Configuration, TrustRoots};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::trust_roots;

/// The configuration of commands that talk to nobody.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// Configuration file, whose `trustRoots` are believed as the door believes them; what a flag says outranks it
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    /// Where roots come from for somebody who asks no repository.
    pub(crate) fn sources(&self) -> Result<Sources, Failure> {
        let configuration = self.config.as_deref().map(configuration::read).transpose()?;
        let http = ClientConfig::default().http_client().map_err(Failure::misuse)?;
        Ok(Sources::of(configuration, http, None))
    }
}

/// Where a command's roots come from.
pub(crate) struct Sources {
    written: TrustRoots,
    http: reqwest::Client,
    patience: Option<Duration>,
}

/// The roots of a command.
pub(crate) struct Roots {
    store: TrustRootStore,
    patience: Option<Duration>,
}

impl Sources {
    /// Out of a configuration; repositories of which nothing is remembered are asked for so long, if at all.
    pub(crate) fn of(configuration: Option<Configuration>, http: reqwest::Client, patience: Option<Duration>) -> Self {
        Self {
            written: configuration.map(|file| file.trust_roots).unwrap_or_default(),
            http,
            patience,
        }
    }

    /// Reads them as they are believed at a time; a frozen copy that is named outranks public-good's root.
    pub(crate) fn open(
        self,
        trusted_root: Option<PathBuf>,
        at: Timestamp,
        printer: &mut Printer,
    ) -> Result<Roots, Failure> {
        let mut config = trust_roots::read(self.written, trusted_root, self.http, Clock::Standing(at))?;
        let opened = match TrustRootStore::open(config.clone()) {
            // It is the door's, and others may neither read nor write there.
            Err(StoreError::Cache { directory, source }) => {
                let shown = directory.display();
                printer.note(format!(
                    "warning: what is remembered of trust roots in `{shown}` is not read: {source}"
                ));
                config.cache = None;
                TrustRootStore::open(config)
            }
            opened => opened,
        };
        Ok(Roots {
            store: opened.map_err(trust_roots::refused)?,
            patience: self.patience,
        })
    }
}

impl Roots {
    /// The root of policies that name none.
    pub(crate) async fn standing(&self) -> Arc<TrustRoot> {
        self.obtain(&[Arc::from(PUBLIC_GOOD)].into()).await;
        Arc::clone(&self.store.current().public_good)
    }

    /// Policies on these roots, those of their own documents included.
    pub(crate) async fn under(&self, set: PolicySet) -> PolicySet {
        self.store.look_after(policies::documents(&set));
        let set = self.resting(set);
        self.obtain(&names(&set)).await;
        self.resting(set)
    }

    /// What does not come in time is said by what rests on it.
    async fn obtain(&self, names: &BTreeSet<Arc<str>>) {
        if let Some(patience) = self.patience {
            let _ = tokio::time::timeout(patience, self.store.obtain(names)).await;
        }
    }

    fn resting(&self, set: PolicySet) -> PolicySet {
        set.with_trust_roots(policies::trust_roots(&self.store.current()))
    }
}

fn names(set: &PolicySet) -> BTreeSet<Arc<str>> {
    let roots = set.resting_on().into_iter();
    roots
        .map(|rests| rests.name.unwrap_or_else(|| PUBLIC_GOOD.into()))
        .collect()
}

/// A root is taken although a part of it cannot be used; whoever wrote that part believes it to count.
pub(crate) fn tell_unusable(set: &PolicySet, printer: &mut Printer) {
    for RestsOn { name, root } in set.resting_on() {
        for unusable in root.iter().flat_map(|root| root.unusable()) {
            tell(name.as_deref(), unusable, printer);
        }
    }
}

/// What rests on a root that is not there is undecided; where that is nobody's mistake, no lint says it.
pub(crate) fn tell_missing(set: &PolicySet, printer: &mut Printer) {
    for RestsOn { root, .. } in set.resting_on() {
        let Err(why) = root else { continue };
        if !set.lints().iter().any(|lint| lint.message.starts_with(&why)) {
            printer.note(format!(
                "warning: {why}, and what rests on it stays undecided until then"
            ));
        }
    }
}

/// One part of a root that cannot be used.
pub(crate) fn tell(name: Option<&str>, unusable: &Unusable, printer: &mut Printer) {
    let Unusable { part, why } = unusable;
    let root = name.map_or_else(
        || "the trust root".to_owned(),
        |name| format!("the trust root `{name}`"),
    );
    printer.note(format!(
        "warning: `{part}` of {root} cannot be used, and nothing is believed by it: {why}"
    ));
}

//! The trust roots of a command: the door's own, out of the same configuration, at the time of the judgement.
//!
//! What is remembered of repositories is read as the door reads it. A command has nobody who follows them: one that talks to
//! the network anyhow asks a repository of which nothing is remembered, once; any other asks none.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use countersign_evidence::trust::{TrustRoot, Unusable};
use countersign_policy::{PolicySet, RestsOn};
use countersign_registry::ClientConfig;
use countersign_roots::{Clock, TrustRootStore};
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
    pub(crate) fn open(self, trusted_root: Option<PathBuf>, at: Timestamp) -> Result<Roots, Failure> {
        let store = trust_roots::store(self.written, trusted_root, self.http, Clock::Standing(at))?;
        Ok(Roots {
            store,
            patience: self.patience,
        })
    }
}

impl Roots {
    /// The root of policies that name none.
    pub(crate) fn standing(&self) -> Arc<TrustRoot> {
        Arc::clone(&self.store.current().public_good)
    }

    /// Policies on these roots, those of their own documents included.
    pub(crate) async fn under(&self, set: PolicySet) -> PolicySet {
        self.store.look_after(policies::documents(&set));
        let set = self.resting(set);
        let (Some(patience), missing) = (self.patience, missing(&set)) else {
            return set;
        };
        if missing.is_empty() {
            return set;
        }
        // What did not come in time is said by what rests on it.
        let _ = tokio::time::timeout(patience, self.store.obtain(&missing)).await;
        self.resting(set)
    }

    fn resting(&self, set: PolicySet) -> PolicySet {
        set.with_trust_roots(policies::trust_roots(&self.store.current()))
    }
}

fn missing(set: &PolicySet) -> BTreeSet<Arc<str>> {
    let roots = set.resting_on().into_iter();
    roots
        .filter_map(|rests| rests.name.filter(|_| rests.root.is_err()))
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

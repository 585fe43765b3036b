//! The trust roots that policies may name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_evidence::trust::TrustRoot;
use countersign_image::text::excerpt;

use crate::lint::{Lint, LintCode};
use crate::meaning::RootName;
use crate::trust::{BrokenTrustRoot, MAX_NAME, RestsOn, RootsAtHand, TrustRootDocument, TrustRoots};

/// Every trust root: those of documents, by name, and those that no document holds.
#[derive(Clone, Debug)]
pub(super) struct TrustIndex {
    named: BTreeMap<Arc<str>, Vec<Arc<TrustRootDocument>>>,
    broken: Vec<Arc<BrokenTrustRoot>>,
    kept: Vec<Arc<TrustRootDocument>>,
    roots: TrustRoots,
}

impl TrustIndex {
    pub(super) fn of(roots: TrustRoots) -> Self {
        Self {
            named: BTreeMap::new(),
            broken: Vec::new(),
            kept: Vec::new(),
            roots,
        }
    }

    pub(super) fn with_roots(self, roots: TrustRoots) -> Self {
        Self { roots, ..self }
    }

    pub(super) fn add(&mut self, document: Arc<TrustRootDocument>) {
        self.named.entry(document.name.clone()).or_default().push(document);
    }

    pub(super) fn add_broken(&mut self, broken: Arc<BrokenTrustRoot>) {
        self.broken.push(broken);
    }

    /// The documents that are in force in an older form.
    pub(super) fn kept(&self) -> &[Arc<TrustRootDocument>] {
        &self.kept
    }

    pub(super) fn documents(&self) -> impl Iterator<Item = &Arc<TrustRootDocument>> {
        self.named.values().flatten()
    }

    /// The trust root that a policy means, or why there is none. Of two with one name it is neither: nobody can say which
    /// was meant.
    pub(super) fn find(&self, root: &RootName) -> Result<Arc<TrustRoot>, String> {
        let name = match root {
            RootName::Standing => return self.roots.standing(),
            RootName::Given(root) => return Ok(root.clone()),
            RootName::Named(name) => name,
        };
        let is_it = |broken: &&Arc<BrokenTrustRoot>| broken.name.as_ref() == Some(name);
        let broken = self.broken.iter().find(is_it);
        let shown = excerpt(name, MAX_NAME);
        match (self.named.get(name).map(Vec::as_slice).unwrap_or_default(), broken) {
            ([document], None) => self.roots.of(document),
            ([], None) => self.roots.named(name),
            ([], Some(broken)) => {
                let first = broken.errors.first().map(ToString::to_string).unwrap_or_default();
                Err(format!("the TrustRoot `{shown}` cannot be read: {first}"))
            }
            _ => Err(format!("several TrustRoots are called `{shown}`")),
        }
    }

    /// What these references come to, as far as no document holds it.
    pub(super) fn at_hand<'a>(&self, roots: impl Iterator<Item = &'a RootName>) -> RootsAtHand {
        let mut at_hand = RootsAtHand::default();
        for root in roots {
            match root {
                RootName::Standing => at_hand.standing = Some(self.roots.standing()),
                RootName::Named(name) => {
                    let found = match self.named.get(name).map(Vec::as_slice) {
                        Some([document]) => self.roots.obtained_for(document),
                        Some(_) => None,
                        None => self.roots.configured(name),
                    };
                    at_hand.named.insert(name.clone(), found);
                }
                RootName::Given(_) => {}
            }
        }
        at_hand
    }

    /// The documents of the names among these references, which may be several of one name.
    pub(super) fn documents_of<'a>(
        &self,
        roots: impl Iterator<Item = &'a RootName>,
    ) -> impl Iterator<Item = &Arc<TrustRootDocument>> {
        let named: BTreeSet<&Arc<str>> = roots
            .filter_map(|root| match root {
                RootName::Named(name) => Some(name),
                RootName::Standing | RootName::Given(_) => None,
            })
            .collect();
        named.into_iter().filter_map(|name| self.named.get(name)).flatten()
    }

    /// What these references come to, each once.
    pub(super) fn resting_on<'a>(&self, roots: impl Iterator<Item = &'a RootName>) -> Vec<RestsOn> {
        let mut found: Vec<RestsOn> = Vec::new();
        for root in roots {
            let name = match root {
                RootName::Named(name) => Some(name.clone()),
                RootName::Standing | RootName::Given(_) => None,
            };
            if !found.iter().any(|known| known.name == name) {
                let root = self.find(root);
                found.push(RestsOn { name, root });
            }
        }
        found
    }

    /// Whether there is exactly one document of a name, and it can be understood.
    pub(super) fn stands(&self, name: &Arc<str>) -> bool {
        let broken = self.broken.iter().any(|broken| broken.name.as_ref() == Some(name));
        !broken && self.named.get(name).is_some_and(|documents| documents.len() == 1)
    }

    /// Whether a configuration has a root of a name that no document has, be there one or not.
    pub(super) fn is_configured(&self, name: &Arc<str>) -> bool {
        let broken = self.broken.iter().any(|broken| broken.name.as_ref() == Some(name));
        !broken && !self.named.contains_key(name) && self.roots.configured(name).is_some()
    }

    /// Keeps trust roots whose documents cannot be understood any more. `nameless` are the files in which something is
    /// broken of which not even the name is known.
    pub(super) fn with_last_good<'a>(mut self, last: &Self, nameless: impl Iterator<Item = &'a Arc<str>>) -> Self {
        let mut opaque: BTreeSet<&Arc<str>> = nameless.collect();
        let (named, unnamed): (Vec<_>, Vec<_>) = self.broken.iter().cloned().partition(|broken| broken.name.is_some());
        opaque.extend(unnamed.iter().map(|broken| &broken.file));
        let mut left = unnamed.clone();
        let mut kept = Vec::new();
        for broken in named {
            let of_it = |document: &&Arc<TrustRootDocument>| {
                document.source.file == broken.file && broken.name.as_ref() == Some(&document.name)
            };
            match last.documents().find(of_it) {
                Some(document) if !self.named.contains_key(&document.name) => kept.push(document.clone()),
                _ => left.push(broken),
            }
        }
        for document in last.documents() {
            let is_kept = kept
                .iter()
                .any(|kept: &Arc<TrustRootDocument>| kept.name == document.name);
            let is_broken = left.iter().any(|broken| broken.name.as_ref() == Some(&document.name));
            if opaque.contains(&document.source.file)
                && !self.named.contains_key(&document.name)
                && !is_kept
                && !is_broken
            {
                kept.push(document.clone());
            }
        }
        for document in &kept {
            self.add(document.clone());
        }
        self.kept = kept;
        self.broken = left;
        self
    }

    /// Trust roots of one name.
    pub(super) fn lints(&self) -> Vec<Lint> {
        let twice = self.named.values().filter_map(|documents| match documents.as_slice() {
            [first, second, ..] => Some((first, second)),
            _ => None,
        });
        twice
            .map(|(first, second)| Lint {
                code: LintCode::TrustRootDuplicateName,
                policy: second.name.to_string(),
                position: second.source.clone(),
                path: "metadata.name".to_owned(),
                message: format!(
                    "{} has a TrustRoot `{}` too, so that what names it stays undecided",
                    first.source, second.name
                ),
                advice: "give it a name of its own".to_owned(),
            })
            .collect()
    }
}

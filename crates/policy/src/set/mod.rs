//! The policies in force, all at once, and which of them govern an image.

mod broken;
mod by_hand;
mod governing;
mod index;
mod kept;
mod lints;
mod trust;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_image::{Digest, Pinned};

pub use self::broken::Broken;
pub use self::by_hand::ByHand;
pub use self::governing::{Governing, InForce};
use self::index::GlobIndex;
use self::trust::TrustIndex;
use crate::document::{Document, DocumentError, Parsed};
use crate::lint::Lint;
use crate::meaning::Policy;
use crate::pattern::name_of;
use crate::trust::{RestsOn, RootsAtHand, TrustRootDocument, TrustRoots};

/// What becomes of images that no policy governs. There is no default: whoever starts us says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoMatch {
    /// They are kept out.
    Deny,
    /// They are let in with a warning.
    Warn,
    /// They are let in.
    Allow,
}

impl NoMatch {
    /// Reads `deny`, `warn` or `allow`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "deny" => Some(Self::Deny),
            "warn" => Some(Self::Warn),
            "allow" => Some(Self::Allow),
            _ => None,
        }
    }

    /// `deny`, `warn` or `allow`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Allow => "allow",
        }
    }
}

/// What holds for all policies together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of images that no policy governs.
    pub no_match: NoMatch,
}

impl Settings {
    /// Images that no policy governs are kept out.
    pub fn deny_unmatched() -> Self {
        Self {
            no_match: NoMatch::Deny,
        }
    }

    /// These settings.
    pub fn new(no_match: NoMatch) -> Self {
        Self { no_match }
    }
}

/// What is known of the object that brings an image in; `match` looks at nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectFacts {
    /// API group; empty is the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Resource, in the plural: `pods`.
    pub resource: String,
    /// Labels of the object itself, not of its Pod template.
    pub labels: BTreeMap<String, String>,
}

impl ObjectFacts {
    /// No object at all, as on a command line: policies with `match` do not govern.
    pub fn none() -> Self {
        Self {
            group: String::new(),
            version: String::new(),
            resource: String::new(),
            labels: BTreeMap::new(),
        }
    }
}

/// All policies in force, compiled; immutable, and replaced as a whole.
#[derive(Clone, Debug)]
pub struct PolicySet {
    settings: Settings,
    in_force: Vec<InForce>,
    index: GlobIndex,
    kept: Vec<Arc<Policy>>,
    trust: TrustIndex,
    errors: Vec<DocumentError>,
    lints: Vec<Lint>,
    generation: Digest,
}

impl PolicySet {
    /// Compiles what was parsed, resting on no trust root but those whose documents hold their keys. Never fails as a
    /// whole: a document that cannot be understood makes the images that it may govern undecided, and harms no other.
    pub fn compile(parsed: Vec<Parsed>, settings: Settings) -> Self {
        Self::compile_with(parsed, TrustRoots::none(), settings)
    }

    /// Compiles what was parsed, resting on these trust roots beside those of the documents.
    pub fn compile_with(parsed: Vec<Parsed>, roots: TrustRoots, settings: Settings) -> Self {
        let mut in_force = Vec::new();
        let mut errors = Vec::new();
        let mut trust = TrustIndex::of(roots);
        for file in parsed {
            errors.extend(file.errors);
            for document in file.documents {
                match document {
                    Document::Policy(policy) => in_force.push(InForce::Policy(policy)),
                    Document::Broken(broken) => in_force.push(InForce::Broken(broken)),
                    Document::TrustRoot(document) => trust.add(document),
                    Document::BrokenTrustRoot(broken) => trust.add_broken(broken),
                }
            }
        }
        Self::of(in_force, Vec::new(), trust, errors, settings)
    }

    fn of(
        mut in_force: Vec<InForce>,
        kept: Vec<Arc<Policy>>,
        trust: TrustIndex,
        errors: Vec<DocumentError>,
        settings: Settings,
    ) -> Self {
        // Documents without a readable name come first; the order is the same however the files were listed.
        in_force.sort_by(|one, other| place(one).cmp(&place(other)));
        let globs = in_force.iter().enumerate().flat_map(|(number, entry)| {
            let globs = match entry {
                InForce::Policy(policy) => &policy.images,
                InForce::Broken(broken) => &broken.images,
            };
            globs.iter().map(move |glob| (glob.clone(), number))
        });
        let mut set = Self {
            index: GlobIndex::of(globs.collect()),
            lints: Vec::new(),
            generation: governing::digest_of(&in_force, settings.no_match),
            in_force,
            kept,
            trust,
            errors,
            settings,
        };
        set.rest();
        set
    }

    /// Keeps the last good form of policies and trust roots in force whose documents cannot be understood any more.
    ///
    /// A broken document with a name keeps the policy of that file and name. What the broken documents without a name in a
    /// file may have been are the policies that the file had and lost: all of them are kept, and a broken document more
    /// than there are lost policies still makes its images undecided. Trust roots are kept in the same way; a policy that
    /// is kept rests on the trust roots of now.
    #[must_use]
    pub fn with_last_good(self, last: &Self) -> Self {
        let nameless = self.in_force.iter().filter_map(|entry| match entry {
            InForce::Broken(broken) if broken.name.is_none() => Some(&broken.file),
            _ => None,
        });
        let trust = self.trust.clone().with_last_good(&last.trust, nameless);
        let (in_force, kept) = kept::merge(self.in_force, last.policies());
        Self::of(in_force, kept, trust, self.errors, self.settings)
    }

    /// The same policies, resting on these trust roots beside those of the documents.
    #[must_use]
    pub fn with_trust_roots(mut self, roots: TrustRoots) -> Self {
        self.trust = self.trust.with_roots(roots);
        self.rest();
        self
    }

    /// Lets every policy rest on the trust roots that there are.
    fn rest(&mut self) {
        for entry in &mut self.in_force {
            if let InForce::Policy(policy) = entry {
                *policy = policy.resolved(&|root| self.trust.find(root));
            }
        }
        self.lints = lints::of(&self.in_force, &self.trust);
        self.generation = governing::digest_of(&self.in_force, self.settings.no_match);
    }

    /// What these policies of the set rest on that no document holds.
    pub fn at_hand<'g>(&self, governing: impl IntoIterator<Item = &'g Governing>) -> RootsAtHand {
        self.trust.at_hand(governing.into_iter().flat_map(Governing::roots))
    }

    /// The TrustRoot documents that these policies of the set rest on.
    pub fn trust_roots_of<'g>(
        &self,
        governing: impl IntoIterator<Item = &'g Governing>,
    ) -> impl Iterator<Item = &Arc<TrustRootDocument>> {
        self.trust
            .documents_of(governing.into_iter().flat_map(Governing::roots))
    }

    /// The trust roots that the policies rest on, each once.
    pub fn resting_on(&self) -> Vec<RestsOn> {
        self.trust.resting_on(governing::roots_of(&self.in_force))
    }

    /// The TrustRoot documents that are in force in an older form than their text, which cannot be understood.
    pub fn kept_trust_roots(&self) -> &[Arc<TrustRootDocument>] {
        self.trust.kept()
    }

    /// The TrustRoot documents in force.
    pub fn trust_roots(&self) -> impl Iterator<Item = &Arc<TrustRootDocument>> {
        self.trust.documents()
    }

    /// What is wrong with the documents, those included for which an older form is kept.
    pub fn errors(&self) -> &[DocumentError] {
        &self.errors
    }

    /// What authors probably did not mean.
    pub fn lints(&self) -> &[Lint] {
        &self.lints
    }

    /// The policies that are in force in an older form than their document, which cannot be understood.
    pub fn kept(&self) -> &[Arc<Policy>] {
        &self.kept
    }

    /// A digest of everything in force, for records and cache keys.
    pub fn generation(&self) -> Digest {
        self.generation
    }

    /// What holds for all policies together.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// How many policies are in force, broken documents not counted.
    pub fn len(&self) -> usize {
        self.policies().count()
    }

    /// Whether no policy is in force.
    pub fn is_empty(&self) -> bool {
        self.policies().next().is_none()
    }

    /// The policies in force, in the order of their names.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.in_force.iter().filter_map(|entry| match entry {
            InForce::Policy(policy) => Some(policy),
            InForce::Broken(_) => None,
        })
    }

    /// The documents that cannot be understood and for which no older form is kept.
    pub fn broken(&self) -> impl Iterator<Item = &Arc<Broken>> {
        self.in_force.iter().filter_map(|entry| match entry {
            InForce::Policy(_) => None,
            InForce::Broken(broken) => Some(broken),
        })
    }

    /// What governs an image that an object brings in. The work does not grow with the policies that do not.
    pub fn governing(&self, image: &Pinned, object: &ObjectFacts) -> Governing {
        let numbers = self.index.matching(&name_of(image));
        let entries = numbers.into_iter().map(|number| &self.in_force[number]);
        let governs = |entry: &&InForce| match entry {
            InForce::Policy(policy) => {
                policy.matches.is_empty() || policy.matches.iter().any(|entry| entry.matches(object))
            }
            InForce::Broken(_) => true,
        };
        Governing {
            entries: entries.filter(governs).cloned().collect(),
            no_match: self.settings.no_match,
        }
    }
}

fn place(entry: &InForce) -> (&str, &str, u64) {
    let (file, line) = match entry {
        InForce::Policy(policy) => (&policy.source.file, policy.source.line),
        InForce::Broken(broken) => (&broken.file, broken.line),
    };
    (entry.name().unwrap_or_default(), file, line)
}

#[cfg(test)]
mod tests;

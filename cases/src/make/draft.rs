//! A case before it is written.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_evidence::{Content, Evidence, Gap, GapCause, Item, Layout, Look, Place};
use countersign_image::{Blob, Pinned, Repository};
use countersign_policy::{NoMatch, ObjectFacts};
use countersign_registry::archive;

use super::policy_text::{ClusterPolicy, file};
use super::sample::Sample;
use super::{MakeError, tree};
use crate::case;
use crate::expected::{Expected, ExpectedRuling};

/// When the evidence of every case was gathered.
const GATHERED: &str = "2026-06-01T12:00:00Z";

pub(super) struct Draft {
    name: &'static str,
    about: &'static str,
    image: Pinned,
    policy: String,
    trusted_root: Option<String>,
    no_match: Option<NoMatch>,
    object: Option<ObjectFacts>,
    time: Option<&'static str>,
    evidence: Evidence,
    prefixes: Vec<Option<String>>,
    rulings: Vec<ExpectedRuling>,
}

impl Draft {
    /// A case without evidence yet; `about` is its README.
    pub(super) fn new(name: &'static str, image: &Sample, about: &'static str) -> Self {
        let evidence = Evidence {
            image: image.pinned.clone(),
            items: Vec::new(),
            gaps: Vec::new(),
            looked: Vec::new(),
            manifest: None,
            as_of: GATHERED.parse().expect("it is a time"),
            stale: false,
        };
        Self {
            name,
            about,
            image: image.pinned.clone(),
            policy: String::new(),
            trusted_root: None,
            no_match: None,
            object: None,
            time: None,
            evidence,
            prefixes: vec![None],
            rulings: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.name
    }

    pub(super) fn policies(self, policies: &[ClusterPolicy]) -> Self {
        self.policy_text(file(policies))
    }

    pub(super) fn policy_text(mut self, text: String) -> Self {
        self.policy = text;
        self
    }

    /// The trust root of policies that name none.
    pub(super) fn trusted_root(mut self, json: &str) -> Self {
        self.trusted_root = Some(json.to_owned());
        self
    }

    pub(super) fn items(mut self, items: impl IntoIterator<Item = Item>) -> Self {
        self.evidence.items.extend(items);
        self
    }

    /// A place in the image's own repository that did not answer as it should.
    pub(super) fn gap(mut self, place: Place, cause: GapCause) -> Self {
        let repository = self.image.repository().clone();
        self.evidence.gaps.push(Gap {
            repository,
            place,
            cause,
        });
        self
    }

    pub(super) fn manifest(mut self, manifest: &Blob) -> Self {
        self.evidence.manifest = Some(manifest.clone());
        self
    }

    pub(super) fn stale(mut self) -> Self {
        self.evidence.stale = true;
        self
    }

    pub(super) fn no_match(mut self, no_match: NoMatch) -> Self {
        self.no_match = Some(no_match);
        self
    }

    pub(super) fn object(mut self, group: &str, resource: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (group, version, resource) = (group.to_owned(), "v1".to_owned(), resource.to_owned());
        self.object = Some(ObjectFacts {
            group,
            version,
            resource,
            labels,
        });
        self
    }

    pub(super) fn time(mut self, time: &'static str) -> Self {
        self.time = Some(time);
        self
    }

    /// What the policies put before the tags that were looked at.
    pub(super) fn prefixes(mut self, prefixes: &[Option<&str>]) -> Self {
        self.prefixes = prefixes.iter().map(|prefix| prefix.map(str::to_owned)).collect();
        self
    }

    /// The policy that alone governs, or the next one, admits or not because of these grounds or reasons.
    pub(super) fn rules(self, policy: &str, verdict: &str, because: &[&str]) -> Self {
        self.ruling(Some(policy), "enforce", verdict, because)
    }

    pub(super) fn ruling(mut self, policy: Option<&str>, enforcement: &str, verdict: &str, because: &[&str]) -> Self {
        self.rulings.push(ExpectedRuling {
            policy: policy.map(str::to_owned),
            enforcement: enforcement.to_owned(),
            verdict: verdict.to_owned(),
            because: because.iter().map(|&word| word.to_owned()).collect(),
        });
        self
    }

    /// Writes the directory anew.
    pub(super) fn write(&self, data: &Path) -> Result<(), MakeError> {
        let directory = data.join(self.name);
        tree::fresh(&directory)?;
        let text = |file: &str, text: &str| tree::write(&directory.join(file), text);
        text(case::README, &format!("# {}\n\n{}\n", self.name, self.about))?;
        text(case::IMAGE, &format!("{}\n", self.image.written()))?;
        text(case::POLICY, &self.policy)?;
        text(case::EXPECTED, &self.expected().to_json())?;
        if let Some(root) = &self.trusted_root {
            text(case::TRUSTED_ROOT, root)?;
        }
        if let Some(no_match) = self.no_match {
            text(
                case::SETTINGS,
                &json(&case::SettingsFile {
                    no_match: no_match.word().to_owned(),
                }),
            )?;
        }
        if let Some(ObjectFacts {
            group,
            version,
            resource,
            labels,
        }) = self.object.clone()
        {
            text(
                case::OBJECT,
                &json(&case::ObjectFile {
                    group,
                    version,
                    resource,
                    labels,
                }),
            )?;
        }
        if let Some(time) = self.time {
            text(case::TIME, &format!("{time}\n"))?;
        }
        let saved = archive::save(&self.gathered(), &directory.join(case::EVIDENCE));
        saved.map_err(|source| MakeError::Archive {
            name: self.name.to_owned(),
            source,
        })
    }

    fn expected(&self) -> Expected {
        let verdict = self.name.rsplit('-').next().unwrap_or_default().to_owned();
        Expected {
            verdict,
            rulings: self.rulings.clone(),
        }
    }

    /// The evidence, with every place that must have answered for these items and gaps to be all there is.
    fn gathered(&self) -> Evidence {
        let mut evidence = self.evidence.clone();
        let items = &evidence.items;
        let mut repositories: BTreeSet<&Repository> = items.iter().map(|item| &item.origin.repository).collect();
        repositories.insert(self.image.repository());
        let mut looked = Vec::new();
        for repository in repositories {
            for place in self.places() {
                let found = items
                    .iter()
                    .filter(|item| item.origin.repository == *repository && led_to(&place, item));
                let found = u32::try_from(found.count()).expect("a case has few items");
                looked.push(Look {
                    repository: repository.clone(),
                    place,
                    found,
                });
            }
        }
        if evidence.manifest.is_some() {
            let repository = self.image.repository().clone();
            looked.push(Look {
                repository,
                place: Place::ImageManifest,
                found: 1,
            });
        }
        let missed = |look: &Look| {
            let same = |gap: &Gap| gap.repository == look.repository && gap.place == look.place;
            evidence.gaps.iter().any(same)
        };
        looked.retain(|look| !missed(look));
        evidence.looked = looked;
        evidence
    }

    fn places(&self) -> Vec<Place> {
        let tags = self.prefixes.iter().flat_map(|prefix| {
            [
                Place::SignatureTag { prefix: prefix.clone() },
                Place::AttestationTag { prefix: prefix.clone() },
            ]
        });
        tags.chain([Place::Referrers]).collect()
    }
}

fn led_to(place: &Place, item: &Item) -> bool {
    match (place, item.origin.layout) {
        (Place::SignatureTag { prefix }, Layout::Tag) => {
            item.origin.tag_prefix == *prefix && matches!(item.content, Content::Simple { .. })
        }
        (Place::AttestationTag { prefix }, Layout::Tag) => {
            item.origin.tag_prefix == *prefix && !matches!(item.content, Content::Simple { .. })
        }
        (Place::Referrers, Layout::Referrer | Layout::Bundle) => true,
        _ => false,
    }
}

fn json(file: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(file).expect("strings always have a JSON form") + "\n"
}

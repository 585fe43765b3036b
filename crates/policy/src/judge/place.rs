//! Where an authority looks: what lies there, what could not be had from there, and how to say so.

use std::borrow::Cow;

use countersign_evidence::{Content, Evidence, Gap, GapCause, Item, Layout, Look, Place};
use countersign_image::Repository;

use crate::meaning::SignedDemand;
use crate::reason::ReasonCode;

/// The places of one authority within the evidence of one image.
pub(super) struct Places<'a> {
    evidence: &'a Evidence,
    repository: &'a Repository,
    demand: &'a SignedDemand,
}

impl<'a> Places<'a> {
    pub(super) fn of(evidence: &'a Evidence, demand: &'a SignedDemand) -> Self {
        Self {
            evidence,
            repository: demand.repository_for(&evidence.image),
            demand,
        }
    }

    pub(super) fn repository(&self) -> &'a Repository {
        self.repository
    }

    /// The evidence with nothing in it but what lies in the authority's own places, so that neither what lies elsewhere
    /// nor how much of it there is has any say.
    pub(super) fn evidence(&self) -> Cow<'a, Evidence> {
        let is_own = |item: &Item| {
            let layout = item.origin.layout;
            item.origin.repository == *self.repository
                && self.demand.layouts.contains(layout)
                && (layout != Layout::Tag || self.is_of_own_tag(item))
        };
        if self.evidence.items.iter().all(is_own) {
            return Cow::Borrowed(self.evidence);
        }
        let items = self.evidence.items.iter().filter(|item| is_own(item)).cloned();
        Cow::Owned(Evidence {
            items: items.collect(),
            ..self.evidence.clone()
        })
    }

    /// A signature tag holds simple-signing payloads, an attestation tag envelopes. What lies under the other one, or
    /// behind another prefix, was gathered for another policy, and must not make a difference to this one.
    fn is_of_own_tag(&self, item: &Item) -> bool {
        item.origin.tag_prefix == self.demand.tag_prefix
            && matches!(item.content, Content::Simple { .. }) == self.wants_signature()
    }

    fn wants_signature(&self) -> bool {
        self.demand.attestations.is_empty()
    }

    /// Items in the repository that the policy does not accept because of how they are stored.
    pub(super) fn in_other_layouts(&self) -> usize {
        let items = self.evidence.items.iter();
        let here = items.filter(|item| item.origin.repository == *self.repository);
        here.filter(|item| !self.demand.layouts.contains(item.origin.layout))
            .count()
    }

    /// What could not be obtained from the authority's places, and might have satisfied it.
    pub(super) fn open_gaps(&self) -> Vec<&'a Gap> {
        self.gaps().filter(|gap| !gap.cause.is_content()).collect()
    }

    /// What was obtained from the authority's places, and is not what it should be.
    pub(super) fn content_gaps(&self) -> Vec<&'a Gap> {
        self.gaps().filter(|gap| gap.cause.is_content()).collect()
    }

    fn gaps(&self) -> impl Iterator<Item = &'a Gap> {
        let gaps = self.evidence.gaps.iter();
        gaps.filter(|gap| gap.repository == *self.repository && self.concerns(&gap.place))
    }

    /// Whether something in this place could have counted. What is not known to be of no concern is of concern.
    fn concerns(&self, place: &Place) -> bool {
        let layouts = self.demand.layouts;
        let signatures = self.wants_signature();
        match place {
            Place::SignatureTag { prefix } => {
                signatures && layouts.contains(Layout::Tag) && *prefix == self.demand.tag_prefix
            }
            Place::AttestationTag { prefix } => {
                !signatures && layouts.contains(Layout::Tag) && *prefix == self.demand.tag_prefix
            }
            Place::Referrers => layouts.contains(Layout::Referrer) || layouts.contains(Layout::Bundle),
            Place::Manifest(_) | Place::Blob(_) => true,
            Place::ImageManifest => signatures && layouts.contains(Layout::Bundle),
        }
    }

    /// Where was looked, one line each: for people.
    pub(super) fn looked(&self) -> Vec<String> {
        let looks = self.evidence.looked.iter();
        let mine = looks.filter(|look| look.repository == *self.repository && self.concerns(&look.place));
        let line = |Look {
                        repository,
                        place,
                        found,
                    }: &Look| {
            let found = if *found == 0 {
                "nothing".to_owned()
            } else {
                format!("{found} found")
            };
            format!("{} in {repository}: {found}", place.describe(&self.evidence.image))
        };
        mine.map(line).collect()
    }

    /// What went wrong in one place, for people.
    pub(super) fn describe(&self, gap: &Gap) -> String {
        let Gap {
            repository,
            place,
            cause,
        } = gap;
        format!("{} in {repository}: {cause}", place.describe(&self.evidence.image))
    }
}

/// The reason code of something that could not be obtained.
pub(super) fn code_of(cause: &GapCause) -> ReasonCode {
    match cause {
        GapCause::Denied { .. } => ReasonCode::RegistryDenied,
        GapCause::Throttled { .. } => ReasonCode::RegistryThrottled,
        GapCause::Unavailable { .. } => ReasonCode::RegistryUnavailable,
        GapCause::Unreachable { .. } => ReasonCode::RegistryUnreachable,
        GapCause::TimedOut { .. } => ReasonCode::RegistryTimeout,
        GapCause::TooLarge { .. } | GapCause::TooMany { .. } | GapCause::Malformed { .. } => {
            ReasonCode::RegistryContent
        }
    }
}

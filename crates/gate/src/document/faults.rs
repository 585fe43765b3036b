//! What can be wrong with a gate that is well formed.

use std::collections::BTreeSet;

use super::{Check, Gate, GateError, MAX_CHECKS, Proof};
use crate::report::Class;

/// The most fields by which a document is recognised.
const MAX_FIELDS: usize = 50;

impl Gate {
    /// The first thing that is wrong with it.
    pub(super) fn faults(&self) -> Option<GateError> {
        let count = self.checks.len();
        if self.name.is_empty() {
            return Some(GateError::Field {
                place: "metadata.name",
                what: "it is empty".to_owned(),
            });
        }
        if count == 0 || count > MAX_CHECKS {
            return Some(GateError::CheckCount { found: count });
        }
        let mut names = BTreeSet::new();
        for check in &self.checks {
            let again = !names.insert(&check.id);
            if let Some(what) = self.fault_of(check, again) {
                return Some(GateError::Check {
                    id: countersign_image::text::excerpt(&check.id, 60),
                    what: what.to_owned(),
                });
            }
        }
        self.unpinned_workflow().or_else(|| self.fault_of_publishing())
    }

    fn fault_of(&self, check: &Check, again: bool) -> Option<&'static str> {
        let by_reports = check.asks_for_reports();
        let is_custom = check.choices().iter().any(|choice| choice.class == Class::Custom);
        let faults = [
            (
                check.id.is_empty() || again,
                "its id is empty, or that of another check",
            ),
            (
                check.class.is_some() && !check.one_of.is_empty(),
                "it needs either `class` or `oneOf`",
            ),
            (
                !by_reports && check.image.is_empty() && check.conditions.is_empty(),
                "it needs either `class` or `oneOf`, or is about the image itself: `image`, or a `condition` alone",
            ),
            (
                by_reports && check.bind.is_none(),
                "it needs `bind`: `image` or `commit`",
            ),
            (
                !by_reports && (check.bind.is_some() || check.min_proof != Proof::default() || check.max_age.is_some()),
                "it asks for no report, so that `bind`, `minProof` and `maxAge` mean nothing",
            ),
            (
                !check.one_of.is_empty() && !check.tools.is_empty(),
                "`tools` belongs to each of `oneOf`",
            ),
            (
                check
                    .at_least
                    .is_some_and(|count| count == 0 || count > check.one_of.len()),
                "`atLeast` is from 1 to the number of alternatives of `oneOf`",
            ),
            (
                check.asks_for_nothing(),
                "it asks for nothing: say under `fail`, `minComponents`, `minTests`, `builders`, `image` or `condition` what does not pass",
            ),
            (
                is_custom == check.recognise.is_empty(),
                "`recognise` says what a document of the class `custom` is, and belongs to it alone",
            ),
            (
                is_custom && check.conditions.is_empty(),
                "a `custom` document passes by a `condition` over `document`",
            ),
            (
                check.recognise.iter().any(|recognised| {
                    let count = recognised.fields.len();
                    count > MAX_FIELDS
                        || (count == 0 && recognised.predicate_type.is_none())
                        || recognised.fields.keys().any(|place| !place.starts_with('/'))
                }),
                "`recognise` needs `predicateType` or from 1 to 50 `fields`, each a JSON pointer such as `/tool/name`",
            ),
            (
                check.min_proof == Proof::E2 && self.trusted_workflows.is_empty(),
                "it wants proof E2, and `trustedWorkflows` names no workflow that could give it",
            ),
            (
                !check.builders.is_empty() && check.min_proof < Proof::E3,
                "`builders` needs `minProof: E3`: whoever hands in an unsigned provenance writes any builder into it",
            ),
            (
                check.min_proof == Proof::E0,
                "a report that nobody vouches for never passes: `minProof` is from E1 on",
            ),
        ];
        faults.into_iter().find_map(|(is_so, what)| is_so.then_some(what))
    }

    fn unpinned_workflow(&self) -> Option<GateError> {
        // Who may push to the branch of a workflow that is named without one decides what it does.
        let is_pinned = |text: &&str| {
            let Some(((issuer, path), reference)) = text
                .split_once('@')
                .and_then(|(workflow, reference)| Some((workflow.split_once(':')?, reference)))
            else {
                return false;
            };
            let is_name = !issuer.is_empty() && !issuer.contains(['*', '/']);
            is_name
                && !path.is_empty()
                && !path.starts_with('*')
                && !reference.is_empty()
                && !reference.starts_with('*')
        };
        let unpinned = self.trusted_workflows.texts().find(|text| !is_pinned(text))?;
        Some(GateError::Field {
            place: "spec.trustedWorkflows",
            what: format!(
                "`{unpinned}` names no issuer or owner, or is not pinned: `ISSUER:OWNER/REPOSITORY/PATH@refs/tags/v3.*`"
            ),
        })
    }

    fn fault_of_publishing(&self) -> Option<GateError> {
        let publish = self.publish.as_ref()?;
        let wrong = |what: &str| {
            Some(GateError::Field {
                place: "spec.publish",
                what: what.to_owned(),
            })
        };
        let same = |one: &str, other: &str| one == other;
        if publish.keys.signature.is_empty() || publish.keys.attestations.is_empty() {
            return wrong("a key has a name");
        }
        if same(&publish.keys.signature, &publish.keys.attestations) {
            return wrong(
                "`keys.signature` and `keys.attestations` are one key: to cosign every statement of a key is a signature of the image, so that an attestation would be one",
            );
        }
        if publish.to.has("tag") || publish.to.has("digest12") {
            return wrong("`to` is a repository: it has no place for `{tag}` or `{digest12}`");
        }
        if publish.tags.iter().any(|tag| tag.has("name") || tag.has("path")) {
            return wrong("`tags` have places for `{tag}` and `{digest12}` only");
        }
        None
    }
}

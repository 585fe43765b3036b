//! Lints that only show when policies and trust roots stand side by side.

use countersign_image::text::excerpt;

use super::InForce;
use super::trust::TrustIndex;
use crate::lint::{Lint, LintCode};
use crate::meaning::{Demand, Needed, Policy, RootName, TrustRootRef};
use crate::trust::MAX_NAME;

/// The lints of all policies, and those that only show beside others. Policies are in the order of their names.
pub(super) fn of(in_force: &[InForce], trust: &TrustIndex) -> Vec<Lint> {
    let mut lints = trust.lints();
    let mut before: Option<&Policy> = None;
    for entry in in_force {
        let InForce::Policy(policy) = entry else { continue };
        lints.extend(policy.lints.iter().cloned());
        lints.extend(of_trust(policy, trust));
        if let Some(before) = before.filter(|before| before.name == policy.name) {
            lints.push(Lint {
                code: LintCode::PolicyDuplicateName,
                policy: policy.name.to_string(),
                position: policy.source.clone(),
                path: "metadata.name".to_owned(),
                message: format!(
                    "{} has a policy `{}` too; both are in force",
                    before.source, policy.name
                ),
                advice: "in a cluster the second would replace the first: give it a name of its own".to_owned(),
            });
        }
        before = Some(policy);
    }
    lints
}

/// TrustRoots that a policy names and that are not there, or lack what it asks for.
fn of_trust(policy: &Policy, trust: &TrustIndex) -> Vec<Lint> {
    let mut lints: Vec<Lint> = Vec::new();
    for authority in &policy.authorities {
        let Demand::Signed(demand) = &authority.demand else {
            continue;
        };
        for (reference, needed) in demand.belief.references() {
            if let Some(lint) = of_reference(policy, reference, needed, trust)
                && !lints
                    .iter()
                    .any(|known| (known.code, &known.path, &known.message) == (lint.code, &lint.path, &lint.message))
            {
                lints.push(lint);
            }
        }
    }
    lints
}

fn of_reference(policy: &Policy, reference: &TrustRootRef, needed: Needed, trust: &TrustIndex) -> Option<Lint> {
    let RootName::Named(name) = &reference.root else {
        return None;
    };
    let shown = excerpt(name, MAX_NAME);
    let (code, message, advice) = match trust.find(&reference.root) {
        // What has to be obtained is nobody's mistake while it is not there.
        Err(_) if trust.stands(name) || trust.is_configured(name) => return None,
        Err(why) => {
            let message = format!("{why}, so that images stay undecided");
            let advice = format!("put one good TrustRoot `{shown}` beside the policies");
            (LintCode::TrustRootMissing, message, advice)
        }
        Ok(root) if !needed.is_in(&root) => {
            let (what, advice) = needed.words();
            let message = format!("the TrustRoot `{shown}` has no {what}, so that nothing can satisfy the policy");
            (LintCode::TrustRootLacks, message, advice.to_owned())
        }
        Ok(_) => return None,
    };
    Some(Lint {
        code,
        policy: policy.name.to_string(),
        position: reference.position.clone(),
        path: reference.path.clone(),
        message,
        advice,
    })
}

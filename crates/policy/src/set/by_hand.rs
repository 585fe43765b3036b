//! Policies that stand in no file: keys and identities given by hand.

use std::sync::Arc;

use countersign_evidence::certificate::SctRule;
use countersign_evidence::trust::TrustRoot;
use countersign_evidence::{HashRule, Layouts, PublicKey, predicate};
use countersign_image::Digest;

use super::trust::TrustIndex;
use super::{InForce, PolicySet, Settings};
use crate::document::SourcePosition;
use crate::identity::IdentityPattern;
use crate::meaning::{
    AttestationDemand, Authority, Belief, Beside, Demand, Enforcement, Policy, RootName, SignedDemand, Signer,
    TrustRootRef,
};
use crate::pattern::Glob;
use crate::trust::TrustRoots;

/// What somebody demands of an image by hand, without a policy file.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// What it is called in messages: the option that says it.
    pub name: String,
    /// Keys, any of which may have signed.
    pub keys: Vec<PublicKey>,
    /// Identities, any of which may have signed.
    pub identities: Vec<IdentityPattern>,
    /// The trust root, where one is given or needed.
    pub root: Option<Arc<TrustRoot>>,
    /// Whether a certificate has to be in a log of certificates.
    pub sct: SctRule,
    /// Whether a log entry has to stand beside the signature of a key.
    pub log_of_key: bool,
    /// Whether a log entry has to stand beside the signature of an identity.
    pub log_of_identity: bool,
    /// Predicate types of attestations, all of which are demanded instead of a signature.
    pub predicate_types: Vec<String>,
}

impl PolicySet {
    /// The set of one policy that governs every image and asks for a signature by any of these keys, with their natural
    /// hashes and in every layout; or, if predicate types are given, for attestations of all these types by one of the
    /// keys. `None` without a key.
    pub fn of_keys(name: &str, keys: &[PublicKey], predicate_types: &[String]) -> Option<Self> {
        Self::by_hand(ByHand {
            name: name.to_owned(),
            keys: keys.to_vec(),
            identities: Vec::new(),
            root: None,
            sct: SctRule::Required,
            log_of_key: false,
            log_of_identity: true,
            predicate_types: predicate_types.to_vec(),
        })
    }

    /// The set of one policy that governs every image and asks for what was demanded by hand. `None` if nobody is named
    /// who could have signed.
    pub fn by_hand(demanded: ByHand) -> Option<Self> {
        if demanded.keys.is_empty() && demanded.identities.is_empty() {
            return None;
        }
        let policy = policy(&demanded);
        let in_force = vec![InForce::Policy(Arc::new(policy))];
        let trust = TrustIndex::of(TrustRoots::none());
        Some(Self::of(
            in_force,
            Vec::new(),
            trust,
            Vec::new(),
            Settings::deny_unmatched(),
        ))
    }
}

fn policy(demanded: &ByHand) -> Policy {
    let source = SourcePosition {
        file: demanded.name.as_str().into(),
        line: 1,
        column: 1,
    };
    let reference = TrustRootRef {
        root: match &demanded.root {
            Some(root) => RootName::Given(root.clone()),
            None => RootName::Standing,
        },
        path: "--trusted-root".to_owned(),
        position: source.clone(),
    };
    let mut authorities: Vec<Authority> = demanded
        .keys
        .iter()
        .map(|key| of_key(key, demanded, &reference))
        .collect();
    if !demanded.identities.is_empty() {
        authorities.push(of_identities(demanded, &reference));
    }
    let says: Vec<String> = authorities.iter().map(|authority| format!("{authority:?}")).collect();
    let digest = Digest::sha256(format!("{}\0{}", demanded.name, says.join("\0")).as_bytes());
    Policy {
        name: demanded.name.as_str().into(),
        source,
        digest,
        generation: digest,
        enforcement: Enforcement::Enforce,
        images: vec![Glob::everything()],
        matches: Vec::new(),
        authorities,
        unsupported: Vec::new(),
        lints: Vec::new(),
        by_hand: true,
    }
}

fn of_key(key: &PublicKey, demanded: &ByHand, reference: &TrustRootRef) -> Authority {
    let signer = Signer::Key {
        key: key.clone(),
        rule: HashRule::Natural,
    };
    let log = if demanded.log_of_key {
        Beside::Demanded(reference.clone())
    } else {
        Beside::Ignored
    };
    Authority {
        name: format!("key {}", key.fingerprint()).into(),
        demand: demand(Belief::new(signer, log, Beside::Ignored), demanded),
    }
}

fn of_identities(demanded: &ByHand, reference: &TrustRootRef) -> Authority {
    let signer = Signer::Keyless {
        identities: demanded.identities.clone(),
        root: reference.clone(),
        sct: demanded.sct.clone(),
    };
    let log = if demanded.log_of_identity {
        Beside::Demanded(reference.clone())
    } else {
        Beside::Welcome(reference.clone())
    };
    Authority {
        name: "identity".into(),
        demand: demand(Belief::new(signer, log, Beside::Welcome(reference.clone())), demanded),
    }
}

fn demand(belief: Belief, demanded: &ByHand) -> Demand {
    let attestations = demanded.predicate_types.iter().map(|written| AttestationDemand {
        name: written.clone(),
        written: written.clone(),
        predicate_type: predicate::uri_of(written).to_owned(),
    });
    Demand::Signed(Box::new(SignedDemand {
        belief,
        attestations: attestations.collect(),
        repository: None,
        tag_prefix: None,
        pull_secrets: Vec::new(),
        layouts: Layouts::ALL,
    }))
}

//! Why an image is let in. What rests on evidence is made from the proof itself, in one function per kind.

use std::fmt;
use std::sync::Arc;

use countersign_evidence::{Attestation, ImageSignature, Origin, Scheme};
use countersign_image::Digest;

use crate::verdict::NonEmpty;

/// One ground for letting an image in.
///
/// It cannot be made from nothing:
/// ```compile_fail
/// use countersign_policy::{Ground, GroundKind};
/// let ground = Ground { kind: GroundKind::NotGoverned, policy: None, authority: None };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    kind: GroundKind,
    policy: Option<Arc<str>>,
    authority: Option<Arc<str>>,
}

/// What kind of ground it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroundKind {
    /// The authority signed the image.
    Signed(Signed),
    /// The authority attested everything that the policy asks for.
    Attested(Attested),
    /// The policy lets its images in without looking at anything.
    Static,
    /// No policy governs the image, and the settings let such images in.
    NotGoverned,
    /// The request brings no image in.
    NothingToJudge {
        /// What it does instead.
        why: String,
    },
    /// The same container had the same image before.
    Unchanged,
}

/// A signature of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    proof: Proof,
    stale: bool,
}

/// Attestations about the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    proofs: NonEmpty<Proof>,
    stale: bool,
}

/// What is remembered of one verified signature or attestation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    key: Digest,
    scheme: Scheme,
    origin: Origin,
    predicate_type: Option<String>,
}

impl Signed {
    /// The ground that a proven signature is; `stale` if the lists that led to it are older than their freshness.
    pub(crate) fn assertion(signature: &ImageSignature, stale: bool) -> Self {
        let proof = Proof {
            key: signature.key().fingerprint(),
            scheme: signature.scheme(),
            origin: signature.origin().clone(),
            predicate_type: None,
        };
        Self { proof, stale }
    }

    /// The signature.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Whether the lists that led to it are older than their freshness, because the registry could not be reached.
    pub fn stale(&self) -> bool {
        self.stale
    }
}

impl Attested {
    /// The ground that proven attestations are, one for each that the policy asks for.
    pub(crate) fn assertion(attestations: &NonEmpty<&Attestation>, stale: bool) -> Self {
        let proof = |attestation: &Attestation| Proof {
            key: attestation.key().fingerprint(),
            scheme: attestation.scheme(),
            origin: attestation.origin().clone(),
            predicate_type: Some(attestation.predicate_type().to_owned()),
        };
        let mut proofs = NonEmpty::one(proof(attestations.first()));
        for attestation in attestations.iter().skip(1) {
            proofs.push(proof(attestation));
        }
        Self { proofs, stale }
    }

    /// The attestations, in the order in which the policy asks for them.
    pub fn proofs(&self) -> &NonEmpty<Proof> {
        &self.proofs
    }

    /// Whether the lists that led to them are older than their freshness, because the registry could not be reached.
    pub fn stale(&self) -> bool {
        self.stale
    }
}

impl Proof {
    /// SHA-256 of the signer's public key (SubjectPublicKeyInfo in DER).
    pub fn key(&self) -> &Digest {
        &self.key
    }

    /// The scheme under which the signature verified.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where it was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What kind of thing is attested; `None` for a signature.
    pub fn predicate_type(&self) -> Option<&str> {
        self.predicate_type.as_deref()
    }
}

impl Ground {
    pub(crate) fn of_authority(kind: GroundKind, policy: &Arc<str>, authority: &Arc<str>) -> Self {
        Self {
            kind,
            policy: Some(policy.clone()),
            authority: Some(authority.clone()),
        }
    }

    pub(crate) fn not_governed() -> Self {
        Self::without_policy(GroundKind::NotGoverned)
    }

    pub(crate) fn unchanged() -> Self {
        Self::without_policy(GroundKind::Unchanged)
    }

    pub(crate) fn nothing_to_judge(why: String) -> Self {
        Self::without_policy(GroundKind::NothingToJudge { why })
    }

    fn without_policy(kind: GroundKind) -> Self {
        Self {
            kind,
            policy: None,
            authority: None,
        }
    }

    /// What kind of ground it is.
    pub fn kind(&self) -> &GroundKind {
        &self.kind
    }

    /// The policy that is satisfied.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// The authority that satisfies it.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Whether the authority is a key given by hand, which is called after the key: what follows names it already.
    fn is_by_key_called(&self, authority: &str) -> bool {
        let proof = match &self.kind {
            GroundKind::Signed(signed) => Some(&signed.proof),
            GroundKind::Attested(attested) => Some(attested.proofs.first()),
            _ => None,
        };
        proof.is_some_and(|proof| format!("key {}", proof.key) == authority)
    }

    /// Whether it rests on lists older than their freshness, because the registry could not be reached.
    pub fn stale(&self) -> bool {
        match &self.kind {
            GroundKind::Signed(signed) => signed.stale,
            GroundKind::Attested(attested) => attested.stale,
            _ => false,
        }
    }
}

impl GroundKind {
    /// One word for records and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Signed(_) => "signed",
            Self::Attested(_) => "attested",
            Self::Static => "static",
            Self::NotGoverned => "not-governed",
            Self::NothingToJudge { .. } => "nothing-to-judge",
            Self::Unchanged => "unchanged",
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.policy, &self.authority) {
            (Some(policy), Some(authority)) if self.is_by_key_called(authority) => write!(f, "policy `{policy}`: ")?,
            (Some(policy), Some(authority)) => write!(f, "policy `{policy}`, authority `{authority}`: ")?,
            _ => {}
        }
        match &self.kind {
            GroundKind::Signed(signed) => write!(f, "signed by {}", signed.proof)?,
            GroundKind::Attested(attested) => {
                for (index, proof) in attested.proofs.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "; " })?;
                    let kind = proof.predicate_type.as_deref().unwrap_or_default();
                    write!(f, "`{kind}` attested by {proof}")?;
                }
            }
            GroundKind::Static => f.write_str("let in by a static policy")?,
            GroundKind::NotGoverned => {
                f.write_str("no policy governs this image, and the settings let such images in")?;
            }
            GroundKind::NothingToJudge { why } => write!(f, "nothing to judge: {why}")?,
            GroundKind::Unchanged => f.write_str("the same image as before the change")?,
        }
        if self.stale() {
            f.write_str(" (from lists older than their freshness, as the registry cannot be reached)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key, scheme, origin, ..
        } = self;
        write!(f, "key {key} ({scheme}, {} in {})", origin.layout, origin.repository)
    }
}

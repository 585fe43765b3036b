//! Why an image is let in. What rests on evidence is made from the proof itself, in one function per kind.

mod links;

use std::fmt;
use std::sync::Arc;

use countersign_evidence::{Attestation, Chain, ImageSignature, Origin, Scheme};
use countersign_image::Digest;
use jiff::SignedDuration;

pub use self::links::{Certified, Links};

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
    lists_age: Option<SignedDuration>,
}

/// Attestations about the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    proofs: NonEmpty<Proof>,
    lists_age: Option<SignedDuration>,
}

/// What is remembered of one verified signature or attestation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    key: Digest,
    scheme: Scheme,
    /// Beside it and shared: grounds are moved about and copied more than they are read.
    origin: Arc<Origin>,
    predicate_type: Option<String>,
    links: Box<Links>,
}

impl Signed {
    /// The ground that a proven signature is; `lists_age` if the lists that led to it are older than their freshness.
    pub(crate) fn assertion(signature: &ImageSignature, lists_age: Option<SignedDuration>) -> Self {
        let proof = Proof::of(signature.chain(), signature.origin(), None);
        Self { proof, lists_age }
    }

    /// The signature.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Whether the lists that led to it are older than their freshness, because the registry could not be reached.
    pub fn stale(&self) -> bool {
        self.lists_age.is_some()
    }
}

impl Attested {
    /// The ground that proven attestations are, one for each that the policy asks for; `lists_age` as for a signature.
    pub(crate) fn assertion(attestations: &NonEmpty<&Attestation>, lists_age: Option<SignedDuration>) -> Self {
        let proof = |attestation: &Attestation| {
            let predicate_type = attestation.predicate_type().to_owned();
            Proof::of(attestation.chain(), attestation.origin(), Some(predicate_type))
        };
        let mut proofs = NonEmpty::one(proof(attestations.first()));
        for attestation in attestations.iter().skip(1) {
            proofs.push(proof(attestation));
        }
        Self { proofs, lists_age }
    }

    /// The attestations, in the order in which the policy asks for them.
    pub fn proofs(&self) -> &NonEmpty<Proof> {
        &self.proofs
    }

    /// Whether the lists that led to them are older than their freshness, because the registry could not be reached.
    pub fn stale(&self) -> bool {
        self.lists_age.is_some()
    }
}

impl Proof {
    fn of(chain: &Chain, origin: &Origin, predicate_type: Option<String>) -> Self {
        Self {
            key: chain.signer().key().fingerprint(),
            scheme: chain.scheme(),
            origin: Arc::new(origin.clone()),
            predicate_type,
            links: Box::new(Links::of(chain)),
        }
    }

    /// What holds between the signature and whom the authority believes: certificate, log entries, times.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// SHA-256 of the signer's public key (SubjectPublicKeyInfo in DER): of the one that is believed, or of the one in the
    /// certificate.
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
        self.lists_age().is_some()
    }

    /// How old those lists were when the image was judged; nothing where they were fresh.
    pub fn lists_age(&self) -> Option<SignedDuration> {
        match &self.kind {
            GroundKind::Signed(signed) => signed.lists_age,
            GroundKind::Attested(attested) => attested.lists_age,
            _ => None,
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
        if let Some(age) = self.lists_age() {
            let age = in_words(age);
            write!(f, " (from lists read {age} ago, as the registry cannot be reached)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            scheme,
            origin,
            links,
            ..
        } = self;
        match &links.certified {
            Some(certified) => write!(f, "{certified}")?,
            None => write!(f, "key {key}")?,
        }
        write!(f, " ({scheme}, {} in {}", origin.layout, origin.repository)?;
        links.in_brief(f)?;
        f.write_str(")")
    }
}

/// How long ago something was, as exactly as it matters.
pub(crate) fn in_words(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (_, 0) => format!("{hours} h"),
        _ => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_as_exactly_as_it_matters() {
        for (seconds, words) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (11_700, "3 h 15 min"),
            (86_400, "24 h"),
        ] {
            assert_eq!(in_words(SignedDuration::from_secs(seconds)), words);
        }
    }
}

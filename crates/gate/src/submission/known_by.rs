//! What a submission, its evidence and what people saw of it are known by.

use countersign_image::Digest;
use countersign_ledger::canonical::{CanonicalError, canonical};
use serde_json::json;
use ulid::Ulid;

/// A submission's id: a ULID of the time, in milliseconds since 1970, and of 80 random bits. Ids of later times sort later.
pub fn id(milliseconds: u64, random: [u8; 10]) -> String {
    let mut bits = [0; 16];
    bits[6..].copy_from_slice(&random);
    Ulid::from_parts(milliseconds, u128::from_be_bytes(bits)).to_string()
}

/// SHA-256 over `slot\0sha256\n` of every slot, in the order of the slots' bytes, where `sha256` is the digest's 64 hexadecimal digits.
pub fn evidence_set_digest<'a>(slots: impl IntoIterator<Item = (&'a str, Digest)>) -> Digest {
    let mut slots: Vec<(&str, Digest)> = slots.into_iter().collect();
    slots.sort_unstable_by_key(|(slot, _)| *slot);
    let mut text = Vec::new();
    for (slot, digest) in slots {
        text.extend(slot.as_bytes());
        text.push(0);
        text.extend(digest.hex().as_bytes());
        text.push(b'\n');
    }
    Digest::sha256(&text)
}

/// What is judged, and what a person is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// The image.
    pub image: Digest,
    /// Everything that the image consists of.
    pub closure: Digest,
    /// The gate's text.
    pub policy: Digest,
    /// The evidence, by [`evidence_set_digest`].
    pub evidence_set: Digest,
    /// The findings.
    pub findings: Digest,
    /// The waivers that counted.
    pub waivers: Digest,
    /// Where it is to be published.
    pub destination: &'a str,
}

impl View<'_> {
    /// SHA-256 over the canonical JSON (RFC 8785) of all of it.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        let document = json!({
            "closure_digest": self.closure.to_string(),
            "destination": self.destination,
            "evidence_set_digest": self.evidence_set.to_string(),
            "findings_digest": self.findings.to_string(),
            "image_digest": self.image.to_string(),
            "policy_digest": self.policy.to_string(),
            "waivers_digest": self.waivers.to_string(),
        });
        Ok(Digest::sha256(&canonical(&document)?))
    }
}

/// The job that submits, and what it asks for: it has one submission of that, whatever key it brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job<'a> {
    /// The address of the issuer.
    pub issuer: &'a str,
    /// The repository's id, which stays when it is renamed.
    pub repository_id: &'a str,
    /// The run of the pipeline.
    pub run_id: &'a str,
    /// Which attempt of that run.
    pub run_attempt: &'a str,
    /// The job within it.
    pub job: &'a str,
    /// The repository that the image is in, with its registry.
    pub repository: &'a str,
    /// The image's digest.
    pub image: Digest,
    /// For which environment.
    pub environment: &'a str,
    /// The digest of the gate's text.
    pub policy: Digest,
    /// The digest of all that is asked for besides: tags, commit.
    pub request: Digest,
}

impl Job<'_> {
    /// SHA-256 over the canonical JSON of an array of all of it, in the order of the fields: no text runs into the next one.
    pub fn natural_key(&self) -> Result<Digest, CanonicalError> {
        let document = json!([
            self.issuer,
            self.repository_id,
            self.run_id,
            self.run_attempt,
            self.job,
            self.repository,
            self.image.to_string(),
            self.environment,
            self.policy.to_string(),
            self.request.to_string(),
        ]);
        Ok(Digest::sha256(&canonical(&document)?))
    }
}

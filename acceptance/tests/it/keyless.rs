//! Without keys: a private Sigstore, and cosign and our command line each reading what the other wrote there.

use anyhow::Result;
use countersign_acceptance::cosign::{Cosign, Identity};
use countersign_acceptance::foreign::Registry;
use countersign_acceptance::sigstore::{Job, Sigstore};

#[test]
fn cosign_reads_what_it_signed_there() -> Result<()> {
    let sigstore = Sigstore::shared()?;
    let registry = Registry::ours()?;
    let cosign = Cosign::new()?.with_logins(registry.docker());
    let image = registry.image("cosign", "1", "signed by cosign without a key")?;
    cosign.sign_keyless(&sigstore, &sigstore.job_token(&Job::RELEASE)?, &image)?;
    let released = Identity {
        subject: Job::RELEASE.identity(),
        issuer: sigstore.job_issuer(),
    };
    cosign.verify_keyless(&sigstore, &released, &image)?.success()?;
    let checked = Identity {
        subject: Job::CHECK.identity(),
        ..released
    };
    let another = cosign.verify_keyless(&sigstore, &checked, &image)?;
    assert!(!another.succeeded(), "another job's identity verifies: {another}");
    Ok(())
}

//! Through the real API server: a TrustRoot beside a policy that names a job, and Pods of what that job signed and of what
//! it did not.

use anyhow::Result;
use countersign_acceptance::objects::{first_image, pod};
use countersign_acceptance::scene::{POLICY, Scene};
use countersign_acceptance::sigstore::{Job, Sigstore};

#[test]
fn what_the_job_signed_runs_and_nothing_else_does() -> Result<()> {
    let sigstore = Sigstore::shared()?;
    let scene = Scene::keyless("keyless", &sigstore, &Job::RELEASE)?;
    let [signed, unsigned, checked] = [
        scene.unsigned("released")?,
        scene.unsigned("unsigned")?,
        scene.unsigned("checked")?,
    ];
    scene
        .cosign
        .sign_keyless(&sigstore, &sigstore.job_token(&Job::RELEASE)?, &signed)?;
    scene
        .cosign
        .sign_keyless(&sigstore, &sigstore.job_token(&Job::CHECK)?, &checked)?;

    scene.create(&pod("released", &signed.tagged()))?.success()?;
    assert_eq!(
        first_image(&scene.stored("pod", "released")?),
        Some(&*signed.resolved())
    );

    let said = scene.create(&pod("unsigned", &unsigned.tagged()))?.with_code(1)?;
    said.saying(&[POLICY, "spec.containers[0].image", "image.unsigned"])?;

    // It says whom it is signed by, whom it should have been signed by, and that it is not the issuer that is wrong.
    let said = scene.create(&pod("checked", &checked.tagged()))?.with_code(1)?;
    said.saying(&[
        POLICY,
        "spec.containers[0].image",
        "signature.identity",
        &Job::CHECK.identity(),
        &Job::RELEASE.identity(),
        &sigstore.job_issuer(),
        "not for this subject",
    ])?;
    Ok(())
}

/// A key that signs the same image is nobody whom a keyless policy knows, and neither is another Sigstore.
#[test]
fn another_sigstore_vouches_for_nobody_here() -> Result<()> {
    let sigstore = Sigstore::shared()?;
    let scene = Scene::keyless("keyless-other", &sigstore, &Job::RELEASE)?;
    let image = scene.signed("by-key")?;
    scene
        .create(&pod("by-key", &image.tagged()))?
        .with_code(1)?
        .saying(&[POLICY, "spec.containers[0].image"])?;
    let other = Sigstore::start()?;
    scene
        .cosign
        .sign_keyless(&other, &other.job_token(&Job::RELEASE)?, &image)?;
    scene
        .create(&pod("elsewhere", &image.tagged()))?
        .with_code(1)?
        .saying(&[POLICY, "spec.containers[0].image"])?;
    Ok(())
}

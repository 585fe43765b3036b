//! Through the real API server: a TrustRoot beside a policy that names a job, and Pods of what that job signed and of what
//! it did not.

use anyhow::{Context as _, Result};
use countersign_acceptance::cli::Cli;
use countersign_acceptance::objects::{first_image, pod};
use countersign_acceptance::scene::{POLICY, Scene};
use countersign_acceptance::sigstore::{Job, Sigstore};
use serde_json::Value;

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

/// Whoever keeps a signature out of the log signs where nobody can see it: the certificate is good, the time is proved, and it
/// does not run.
#[test]
fn what_is_in_no_log_does_not_run() -> Result<()> {
    let sigstore = Sigstore::shared()?;
    let scene = Scene::keyless("keyless-unlogged", &sigstore, &Job::RELEASE)?;
    let image = scene.unsigned("unlogged")?;
    let mut services: Value = serde_json::from_slice(&std::fs::read(sigstore.signing_config())?)?;
    let services = services.as_object_mut().context("a signing config is an object")?;
    for field in ["rekorTlogUrls", "rekorTlogConfig"] {
        services.remove(field).context("the signing config names a log")?;
    }
    let config = scene.registry.docker().join("unlogged.json");
    std::fs::write(&config, serde_json::to_vec(&services)?)?;
    let (config, root) = (config.to_string_lossy(), sigstore.trusted_root());
    let (root, token) = (root.to_string_lossy(), sigstore.job_token(&Job::RELEASE)?);
    let words = [
        "sign",
        &image.tagged(),
        "--identity-token",
        &token,
        "--signing-config",
        &config,
        "--trusted-root",
        &root,
    ];
    Cli::new()?.run(scene.registry.docker(), &words)?.success()?;
    scene
        .create(&pod("unlogged", &image.tagged()))?
        .with_code(1)?
        .saying(&[POLICY, "spec.containers[0].image", "signature.log", "0 of the logs"])?;
    Ok(())
}

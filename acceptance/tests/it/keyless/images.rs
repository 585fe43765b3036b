//! Signatures and attestations of images, each way, on a registry with the referrers API and on one without.

use std::sync::Arc;

use anyhow::{Context, Result};
use countersign_acceptance::cosign::Identity;
use countersign_acceptance::foreign::Registry;
use countersign_acceptance::sigstore::{Job, PERSON, Sigstore};

use super::{Bench, PREDICATE, TYPE};

#[test]
fn on_our_registry() -> Result<()> {
    both_ways(&Registry::ours()?)
}

#[test]
fn on_cranes_registry() -> Result<()> {
    both_ways(&Registry::crane()?)
}

fn both_ways(registry: &Registry) -> Result<()> {
    let bench = Bench::new(registry)?;
    cosign_signs_and_we_verify(&bench).context("cosign → us")?;
    we_sign_and_cosign_verifies(&bench).context("us → cosign")?;
    cosign_attests_and_we_verify(&bench).context("cosign's attestation")?;
    we_attest_and_cosign_verifies(&bench).context("our attestation")
}

fn cosign_signs_and_we_verify(bench: &Bench<'_>) -> Result<()> {
    let image = bench.image("cosign-signed")?;
    bench
        .cosign
        .sign_keyless(&bench.sigstore, &bench.release_token()?, &image)?;
    let verify = ["verify", &*image.tagged()];
    bench.judge(&verify, &bench.of(&Job::RELEASE))?.success()?;
    bench
        .judge(&verify, &bench.of(&Job::CHECK))?
        .with_code(1)?
        .saying(&[&Job::RELEASE.identity()])?;
    Ok(())
}

fn we_sign_and_cosign_verifies(bench: &Bench<'_>) -> Result<()> {
    let image = bench.image("ours-signed")?;
    let (released, checked) = (bench.of(&Job::RELEASE), bench.of(&Job::CHECK));
    let said = bench.sign_image(&bench.release_token()?, &image)?.success()?;
    said.saying(&[&released.subject, &released.issuer, "rekor.acceptance.test entry "])?;
    bench.judge(&["verify", &image.tagged()], &released)?.success()?;
    let believed = |whose: &Identity| bench.cosign.verify_keyless(&bench.sigstore, whose, &image);
    believed(&released)?.success()?;
    let another = believed(&checked)?;
    assert!(!another.succeeded(), "another job's identity verifies: {another}");
    Ok(())
}

fn cosign_attests_and_we_verify(bench: &Bench<'_>) -> Result<()> {
    let image = bench.image("cosign-attested")?;
    let token = bench.release_token()?;
    bench
        .cosign
        .attest_keyless(&bench.sigstore, &token, &image, TYPE, PREDICATE)?;
    attested(bench, &image.tagged())
}

fn we_attest_and_cosign_verifies(bench: &Bench<'_>) -> Result<()> {
    let image = bench.image("ours-attested")?;
    let predicate = bench.registry.docker().join("predicate.json");
    std::fs::write(&predicate, PREDICATE).context("cannot write a predicate")?;
    let (token, predicate) = (bench.release_token()?, predicate.to_string_lossy());
    bench
        .sign(&[
            "attest",
            &image.tagged(),
            "--type",
            TYPE,
            "--predicate",
            &predicate,
            "--identity-token",
            &token,
        ])?
        .success()?;
    attested(bench, &image.tagged())?;
    let believed = |job| {
        bench
            .cosign
            .verify_attestation_keyless(&bench.sigstore, &bench.of(job), &image, TYPE)
    };
    believed(&Job::RELEASE)?.success()?;
    let another = believed(&Job::CHECK)?;
    assert!(!another.succeeded(), "another job's attestation verifies: {another}");
    Ok(())
}

/// It is an attestation of the one type and by the one job, and no signature.
fn attested(bench: &Bench<'_>, image: &str) -> Result<()> {
    let (released, checked) = (bench.of(&Job::RELEASE), bench.of(&Job::CHECK));
    bench.judge(&["verify", image, "--type", TYPE], &released)?.success()?;
    for (words, whose) in [
        (&["verify", image, "--type", TYPE][..], &checked),
        (&["verify", image, "--type", "vuln"], &released),
        (&["verify", image], &released),
    ] {
        bench.judge(words, whose)?.with_code(1)?;
    }
    Ok(())
}

#[test]
fn a_person_signs_as_a_mailbox() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let image = bench.image("by-a-person")?;
    bench.sign_image(&bench.sigstore.person_token()?, &image)?.success()?;
    let person = Identity {
        subject: PERSON.to_owned(),
        issuer: bench.sigstore.people_issuer(),
    };
    bench.judge(&["verify", &image.tagged()], &person)?.success()?;
    bench
        .cosign
        .verify_keyless(&bench.sigstore, &person, &image)?
        .success()?;
    // The same name is worth nothing where somebody else vouches for it.
    let elsewhere = Identity {
        issuer: bench.sigstore.job_issuer(),
        ..person
    };
    bench
        .judge(&["verify", &image.tagged()], &elsewhere)?
        .with_code(1)?
        .saying(&[&bench.sigstore.people_issuer()])?;
    Ok(())
}

/// Sigstore's own logs sign with Ed25519, older ones and many private ones with ECDSA, and each names its key in another way.
#[test]
fn in_a_log_that_signs_with_ecdsa() -> Result<()> {
    let registry = Registry::ours()?;
    let sigstore = Sigstore::with_log_key(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let bench = Bench {
        sigstore: Arc::new(sigstore),
        ..Bench::new(&registry)?
    };
    cosign_signs_and_we_verify(&bench).context("cosign → us")?;
    we_sign_and_cosign_verifies(&bench).context("us → cosign")
}

/// What was proved is what a program can read: who, in which log, at which time; and of a job what its certificate claims.
#[test]
fn what_was_signed_is_told_to_programs() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let images = [bench.image("first")?.tagged(), bench.image("second")?.tagged()];
    let token = bench.release_token()?;
    let words = ["sign", &images[0], &images[1], "-o", "json", "--identity-token", &token];
    let document = bench.sign(&words)?.success()?.document()?;
    let signed = document["signed"].as_array().context("no list of what was signed")?;
    assert_eq!(signed.len(), 2, "{document}");
    for one in signed {
        assert_eq!(one["identity"]["subjects"][0], *Job::RELEASE.identity(), "{document}");
        assert_eq!(one["identity"]["issuer"], *bench.sigstore.job_issuer(), "{document}");
        assert!(one["logs"][0]["index"].is_u64(), "{document}");
        assert!(one["times"][0]["time"].is_string(), "{document}");
    }

    let words = ["verify", &images[1], "-o", "json"];
    let document = bench.judge(&words, &bench.of(&Job::RELEASE))?.success()?.document()?;
    let proof = &document["images"][0]["rulings"][0]["grounds"][0]["proofs"][0];
    let claims = &proof["certificate"]["claims"];
    for (claim, value) in [
        ("source-repository-uri", "https://github.com/acceptance/images"),
        ("source-repository-ref", Job::RELEASE.git_ref),
        ("build-trigger", Job::RELEASE.event),
        ("runner-environment", "github-hosted"),
        ("build-signer-uri", &Job::RELEASE.identity()),
    ] {
        assert_eq!(claims[claim], *value, "{document}");
    }
    assert_eq!(proof["logEntries"][0]["inclusionProved"], true, "{document}");
    assert_eq!(proof["times"][0]["source"], "timestamp-authority", "{document}");
    Ok(())
}

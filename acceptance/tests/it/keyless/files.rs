//! What Sigstore's conformance suite asks of a signer: bundles about files, which cosign reads.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use countersign_acceptance::foreign::Registry;
use countersign_acceptance::sigstore::Job;
use serde_json::json;

use super::{Bench, PREDICATE, TYPE};

#[test]
fn a_bundle_about_a_file() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let (file, bundle) = (write(&bench, "a.txt", "of all the files\n")?, at(&bench, "a.bundle"));
    sign_bundle(&bench, &[], &file, &bundle)?;
    let believed = |job, file| bench.cosign.verify_file(&bench.sigstore, &bench.of(job), &bundle, file);
    believed(&Job::RELEASE, &file)?.success()?;
    let other = write(&bench, "b.txt", "of all the other files\n")?;
    for (job, file) in [(&Job::RELEASE, &other), (&Job::CHECK, &file)] {
        let said = believed(job, file)?;
        assert!(!said.succeeded(), "it should not verify: {said}");
    }
    Ok(())
}

#[test]
fn a_bundle_with_a_statement() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let file = write(&bench, "s.txt", "abc")?;
    // SHA-256 of `abc`, from FIPS 180-4's examples.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let predicate: serde_json::Value = serde_json::from_str(PREDICATE).context("the predicate is no JSON")?;
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": TYPE, "predicate": predicate,
        "subject": [{"name": "s.txt", "digest": {"sha256": digest}}],
    });
    let statement = write(&bench, "s.json", &statement.to_string())?;
    let bundle = at(&bench, "s.bundle");
    sign_bundle(&bench, &["--in-toto"], &statement, &bundle)?;
    bench
        .cosign
        .verify_statement(&bench.sigstore, &bench.of(&Job::RELEASE), &bundle, &file, TYPE)?
        .success()?;
    let another =
        bench
            .cosign
            .verify_statement(&bench.sigstore, &bench.of(&Job::RELEASE), &bundle, &statement, TYPE)?;
    assert!(!another.succeeded(), "the statement is about another file: {another}");
    Ok(())
}

/// In the suite's order of arguments.
fn sign_bundle(bench: &Bench<'_>, how: &[&str], file: &Path, bundle: &Path) -> Result<()> {
    let (token, sigstore) = (bench.release_token()?, &bench.sigstore);
    let (root, config) = (sigstore.trusted_root(), sigstore.signing_config());
    let (root, config) = (root.to_string_lossy(), config.to_string_lossy());
    let (file, bundle) = (file.to_string_lossy(), bundle.to_string_lossy());
    let before = [&["conformance", "sign-bundle"], how].concat();
    let after = [
        "--identity-token",
        &*token,
        "--bundle",
        &*bundle,
        "--trusted-root",
        &*root,
        "--signing-config",
        &*config,
        &*file,
    ];
    bench.run(&[&before[..], &after].concat())?.success()?;
    Ok(())
}

fn at(bench: &Bench<'_>, name: &str) -> PathBuf {
    bench.registry.docker().join(name)
}

fn write(bench: &Bench<'_>, name: &str, says: &str) -> Result<PathBuf> {
    let path = at(bench, name);
    std::fs::write(&path, says).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

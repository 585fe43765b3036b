//! Who is not let to sign, and what is never published.

use anyhow::Result;
use countersign_acceptance::foreign::{Image, Registry};
use countersign_acceptance::sigstore::{Job, Sigstore};

use super::Bench;

/// Nothing is beside the image, as our own list of what is attached says.
fn nothing_is_attached(bench: &Bench<'_>, image: &Image) -> Result<()> {
    let words = ["tree", &image.tagged(), "-o", "json"];
    let document = bench.run(&words)?.success()?.document()?;
    assert_eq!(document["unverified"].as_array().map(Vec::len), Some(0), "{document}");
    Ok(())
}

#[test]
fn a_token_for_somebody_else_gets_no_certificate_and_is_not_repeated() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let image = bench.image("foreign-token")?;
    let token = bench.sigstore.foreign_token(&Job::RELEASE)?;
    let said = bench.sign_image(&token, &image)?.with_code(1)?;
    let said = said.saying(&["the certificate authority at `127.0.0.1:", "answered 4"])?;
    let (secret, printed) = (
        token.rsplit('.').next().unwrap_or(&token),
        format!("{}{}", said.stdout, said.stderr),
    );
    assert!(!printed.contains(secret), "the token is in what was said");
    nothing_is_attached(&bench, &image)
}

#[test]
fn without_a_token_is_said_where_one_was_looked_for() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let image = bench.image("no-token")?;
    let said = bench.sign(&["sign", &image.tagged()])?.with_code(2)?;
    said.saying(&[
        "SIGSTORE_ID_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "oidc-token",
        "--key",
    ])?;
    nothing_is_attached(&bench, &image)
}

/// Each service vouches, and together they are nobody whom the trust root believes.
#[test]
fn what_the_trust_root_does_not_believe_is_not_published() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let other = Sigstore::start()?;
    let image = bench.image("other-root")?;
    let (config, root) = (bench.sigstore.signing_config(), other.trusted_root());
    let (config, root) = (config.to_string_lossy(), root.to_string_lossy());
    let token = bench.release_token()?;
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
    let said = bench.run(&words)?.with_code(1)?;
    said.saying(&["is not signed", "trust root", "--trusted-root"])?;
    nothing_is_attached(&bench, &image)
}

/// A certificate that is in no log of certificates counts only where somebody says so.
#[test]
fn a_certificate_that_nobody_logged_has_to_be_excused() -> Result<()> {
    let registry = Registry::ours()?;
    let bench = Bench::new(&registry)?;
    let image = bench.image("no-sct")?;
    bench.sign_image(&bench.release_token()?, &image)?.success()?;
    let (root, whose) = (bench.sigstore.trusted_root(), bench.of(&Job::RELEASE));
    let (root, tagged) = (root.to_string_lossy(), image.tagged());
    let words = [&["verify", &*tagged, "--trusted-root", &*root], &whose.flags()[..]].concat();
    bench.run(&words)?.with_code(1)?;
    bench
        .run(&[&words[..], &["--insecure-ignore-sct"]].concat())?
        .success()?;
    Ok(())
}

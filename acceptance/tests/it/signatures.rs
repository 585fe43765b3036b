//! cosign and our command line, each reading what the other wrote, in every layout and on every kind of registry.

use anyhow::{Context, Result};
use countersign_acceptance::cli::Cli;
use countersign_acceptance::cosign::{Cosign, Key, Layout};
use countersign_acceptance::foreign::{Image, Registry};

use crate::rig::{PREDICATE, TYPE, ed25519, foreign_keys};

#[test]
fn on_our_registry() -> Result<()> {
    both_ways(&Registry::ours()?)
}

#[test]
fn on_cranes_registry() -> Result<()> {
    both_ways(&Registry::crane()?)
}

#[test]
fn on_distribution() -> Result<()> {
    both_ways(&Registry::distribution()?)
}

#[test]
fn behind_a_password() -> Result<()> {
    both_ways(&Registry::distribution_with_password()?)
}

#[test]
fn behind_tokens() -> Result<()> {
    both_ways(&Registry::distribution_with_tokens()?)
}

#[test]
fn with_keys_that_cosign_did_not_make() -> Result<()> {
    let registry = Registry::ours()?;
    let mut bench = Bench::new(&registry)?;
    for foreign in foreign_keys()? {
        bench.key = bench.cosign.import(foreign.name, foreign.hash, &foreign.pem)?;
        for layout in [Layout::Tag, Layout::Bundle] {
            bench
                .cosign_signs_and_we_verify(layout)
                .with_context(|| format!("{} by cosign, {layout:?}", foreign.name))?;
            bench
                .we_sign_and_cosign_verifies(layout)
                .with_context(|| format!("{} by us, {layout:?}", foreign.name))?;
        }
    }
    Ok(())
}

/// We read what cosign writes with such a key, though cosign does not, and write what cosign reads.
#[test]
fn with_ed25519() -> Result<()> {
    let registry = Registry::ours()?;
    let mut bench = Bench::new(&registry)?;
    bench.key = bench.cosign.import("ed25519", "sha512", &ed25519()?)?;
    bench.cosign_signs_and_we_verify(Layout::Tag).context("by cosign")?;
    for layout in [Layout::Tag, Layout::Bundle] {
        bench
            .we_sign_and_cosign_verifies(layout)
            .with_context(|| format!("by us, {layout:?}"))?;
    }
    Ok(())
}

fn both_ways(registry: &Registry) -> Result<()> {
    let bench = Bench::new(registry)?;
    for layout in Layout::ALL {
        bench
            .cosign_signs_and_we_verify(layout)
            .with_context(|| format!("cosign → us, {layout:?}"))?;
        bench
            .we_sign_and_cosign_verifies(layout)
            .with_context(|| format!("us → cosign, {layout:?}"))?;
    }
    for layout in Layout::OF_ATTESTATIONS {
        bench
            .we_attest_and_cosign_verifies(layout)
            .with_context(|| format!("our attestation, {layout:?}"))?;
        bench
            .an_attestation_is_no_signature(layout)
            .with_context(|| format!("cosign's attestation, {layout:?}"))?;
    }
    Ok(())
}

/// Both signers at one registry.
struct Bench<'a> {
    registry: &'a Registry,
    cosign: Cosign,
    cli: Cli,
    key: Key,
    other: Key,
}

impl<'a> Bench<'a> {
    fn new(registry: &'a Registry) -> Result<Self> {
        let cosign = Cosign::new()?.with_logins(registry.docker());
        let (key, other) = (cosign.generate("release")?, cosign.generate("other")?);
        Ok(Self {
            registry,
            cosign,
            cli: Cli::new()?,
            key,
            other,
        })
    }

    fn cosign_signs_and_we_verify(&self, layout: Layout) -> Result<()> {
        let image = self.image("cosign-signed", layout)?;
        self.cosign.sign(layout, &self.key, &image)?;
        self.ours_accepts(&self.key, &image)?;
        self.ours_denies(&self.other, &image)
    }

    fn we_sign_and_cosign_verifies(&self, layout: Layout) -> Result<()> {
        let image = self.image("ours-signed", layout)?;
        self.ours_denies(&self.key, &image)?;
        self.sign(layout, &self.key, &image)?;
        self.ours_accepts(&self.key, &image)?;
        self.cosign
            .verify(layout, &self.key.as_signed_by_us(), &image)?
            .success()?;
        assert!(
            !self.cosign.verify(layout, &self.other, &image)?.succeeded(),
            "another key verifies our signature"
        );
        Ok(())
    }

    fn we_attest_and_cosign_verifies(&self, layout: Layout) -> Result<()> {
        let image = self.image("ours-attested", layout)?;
        let predicate = self.registry.docker().join("predicate.json");
        std::fs::write(&predicate, PREDICATE).context("cannot write a predicate")?;
        let (key, predicate) = (self.key.private.to_string_lossy(), predicate.to_string_lossy());
        let what = [
            "attest",
            &image.tagged(),
            "--key",
            &key,
            "--type",
            TYPE,
            "--predicate",
            &predicate,
            "--layout",
            layout.name(),
        ];
        self.cli.run(self.registry.docker(), &what)?.success()?;
        self.cosign
            .verify_attestation(layout, &self.key, &image, TYPE)?
            .success()?;
        let another = self.cosign.verify_attestation(layout, &self.other, &image, TYPE)?;
        assert!(!another.succeeded(), "another key verifies our attestation: {another}");
        self.ours_denies(&self.key, &image)
    }

    /// cosign itself takes any statement of the key for a signature; we do not.
    fn an_attestation_is_no_signature(&self, layout: Layout) -> Result<()> {
        let image = self.image("cosign-attested", layout)?;
        self.cosign.attest(layout, &self.key, &image, TYPE, PREDICATE)?;
        self.ours_denies(&self.key, &image)
    }

    /// A new one for each layout and each key.
    fn image(&self, name: &str, layout: Layout) -> Result<Image> {
        let key = self
            .key
            .private
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let name = format!("{name}-{}-{key}", layout.name());
        self.registry.image(&name, "1", &name)
    }

    fn sign(&self, layout: Layout, key: &Key, image: &Image) -> Result<()> {
        let key = key.private.to_string_lossy();
        let what = ["sign", &image.tagged(), "--key", &key, "--layout", layout.name()];
        self.cli.run(self.registry.docker(), &what)?.success()?;
        Ok(())
    }

    fn ours_accepts(&self, key: &Key, image: &Image) -> Result<()> {
        let key = key.public.to_string_lossy();
        self.cli
            .run(self.registry.docker(), &["verify", &image.tagged(), "--key", &key])?
            .success()?;
        Ok(())
    }

    fn ours_denies(&self, key: &Key, image: &Image) -> Result<()> {
        let key = key.public.to_string_lossy();
        self.cli
            .run(self.registry.docker(), &["verify", &image.tagged(), "--key", &key])?
            .with_code(1)?;
        Ok(())
    }
}

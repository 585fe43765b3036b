//! cosign without a key: at a private Sigstore, with an identity token.

use std::path::Path;

use anyhow::{Context, Result};

use super::Cosign;
use crate::command::Output;
use crate::foreign::Image;
use crate::sigstore::Sigstore;

/// Whose signature is wanted: the name in the certificate, and who vouched for it.
#[derive(Clone, Debug)]
pub struct Identity {
    pub subject: String,
    pub issuer: String,
}

impl Identity {
    /// As our command line and cosign's both take it.
    pub fn flags(&self) -> [&str; 4] {
        [
            "--certificate-identity",
            &self.subject,
            "--certificate-oidc-issuer",
            &self.issuer,
        ]
    }
}

impl Cosign {
    pub fn sign_keyless(&self, at: &Sigstore, token: &str, image: &Image) -> Result<()> {
        self.write_keyless(&["sign"], at, token, image)
    }

    pub fn attest_keyless(
        &self,
        at: &Sigstore,
        token: &str,
        image: &Image,
        predicate_type: &str,
        predicate: &str,
    ) -> Result<()> {
        let path = self.home.path().join("predicate.json");
        std::fs::write(&path, predicate).with_context(|| format!("cannot write {}", path.display()))?;
        let path = path.to_string_lossy();
        let what = ["attest", "--type", predicate_type, "--predicate", &*path];
        self.write_keyless(&what, at, token, image)
    }

    fn write_keyless(&self, what: &[&str], at: &Sigstore, token: &str, image: &Image) -> Result<()> {
        let (config, root) = (at.signing_config(), at.trusted_root());
        let (config, root) = (config.to_string_lossy(), root.to_string_lossy());
        let how = [
            "-y",
            "--identity-token",
            token,
            "--signing-config",
            &*config,
            "--trusted-root",
            &*root,
            &*image.pinned(),
        ];
        self.run(&[what, &how].concat())?.success()?;
        Ok(())
    }

    pub fn verify_keyless(&self, at: &Sigstore, whose: &Identity, image: &Image) -> Result<Output> {
        self.read_keyless(&["verify"], at, whose, image)
    }

    pub fn verify_attestation_keyless(
        &self,
        at: &Sigstore,
        whose: &Identity,
        image: &Image,
        predicate_type: &str,
    ) -> Result<Output> {
        self.read_keyless(&["verify-attestation", "--type", predicate_type], at, whose, image)
    }

    /// A bundle about a file.
    pub fn verify_file(&self, at: &Sigstore, whose: &Identity, bundle: &Path, file: &Path) -> Result<Output> {
        self.read_file(&["verify-blob"], at, whose, bundle, file)
    }

    /// A bundle with a statement about a file.
    pub fn verify_statement(
        &self,
        at: &Sigstore,
        whose: &Identity,
        bundle: &Path,
        file: &Path,
        predicate_type: &str,
    ) -> Result<Output> {
        let what = ["verify-blob-attestation", "--type", predicate_type];
        self.read_file(&what, at, whose, bundle, file)
    }

    fn read_file(&self, what: &[&str], at: &Sigstore, whose: &Identity, bundle: &Path, file: &Path) -> Result<Output> {
        let root = at.trusted_root();
        let (root, bundle, file) = (root.to_string_lossy(), bundle.to_string_lossy(), file.to_string_lossy());
        let how = [
            "--trusted-root",
            &*root,
            "--insecure-ignore-sct=true",
            "--use-signed-timestamps=true",
            "--bundle",
            &*bundle,
            &*file,
        ];
        self.run(&[what, &whose.flags(), &how].concat())
    }

    fn read_keyless(&self, what: &[&str], at: &Sigstore, whose: &Identity, image: &Image) -> Result<Output> {
        let root = at.trusted_root();
        let root = root.to_string_lossy();
        // The private authority has no log of its certificates.
        let how = [
            "--trusted-root",
            &*root,
            "--insecure-ignore-sct=true",
            "--use-signed-timestamps=true",
            &*image.pinned(),
        ];
        self.run(&[what, &whose.flags(), &how].concat())
    }
}

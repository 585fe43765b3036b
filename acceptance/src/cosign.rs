//! The foreign signer and verifier, kept off every network but loopback: no log, no certificates, only keys.

use std::path::{Path, PathBuf};
use std::process::Command;

mod keyless;

pub use keyless::Identity;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::command::{self, Output};
use crate::foreign::Image;
use crate::programs::tool;

/// Of every key here; it guards nothing.
pub const PASSWORD: &str = "open sesame";

/// The three ways in which cosign lays a signature beside an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In a manifest at the tag `sha256-….sig` or `.att`.
    Tag,
    /// The same payload, in a manifest that refers to the image.
    Referrer,
    /// A Sigstore bundle, in a manifest that refers to the image.
    Bundle,
}

impl Layout {
    pub const ALL: [Self; 3] = [Self::Tag, Self::Referrer, Self::Bundle];
    /// cosign has no attestation in the middle one.
    pub const OF_ATTESTATIONS: [Self; 2] = [Self::Tag, Self::Bundle];

    /// As our own command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Referrer => "referrer",
            Self::Bundle => "bundle",
        }
    }
}

/// A key pair as files: the private half encrypted by cosign, the public one as PEM.
#[derive(Clone)]
pub struct Key {
    pub private: PathBuf,
    pub public: PathBuf,
    /// What cosign hashes with when it signs with this key, and has to be told when it verifies.
    hash: &'static str,
}

impl Key {
    /// The same key where somebody else signed with it: with what cosign expects unless it is told otherwise.
    pub fn as_signed_by_us(&self) -> Self {
        Self {
            private: self.private.clone(),
            public: self.public.clone(),
            hash: "sha256",
        }
    }

    /// The public half alone, of a key that signs as ours do.
    pub fn public_half(public: PathBuf) -> Self {
        Self {
            private: PathBuf::new(),
            public,
            hash: "sha256",
        }
    }

    pub fn public_pem(&self) -> Result<String> {
        std::fs::read_to_string(&self.public).with_context(|| format!("cannot read {}", self.public.display()))
    }
}

pub struct Cosign {
    program: PathBuf,
    home: TempDir,
    docker: Option<PathBuf>,
}

impl Cosign {
    pub fn new() -> Result<Self> {
        let home = tempfile::Builder::new()
            .prefix("countersign-cosign-")
            .tempdir()
            .context("no temporary folder")?;
        let cosign = Self {
            program: tool("cosign")?,
            home,
            docker: None,
        };
        // Both documents name nothing and nobody, so that cosign asks nobody.
        cosign.document("signing-config", "signing-config.json")?;
        cosign.document("trusted-root", "trusted-root.json")?;
        Ok(cosign)
    }

    /// Takes logins of registries from this folder.
    pub fn with_logins(mut self, docker: &Path) -> Self {
        self.docker = Some(docker.to_owned());
        self
    }

    pub fn generate(&self, name: &str) -> Result<Key> {
        self.run(&["generate-key-pair", "--output-key-prefix", name])?
            .success()?;
        Ok(self.key(name))
    }

    /// Encrypts a private key that was made elsewhere, given as PEM.
    pub fn import(&self, name: &str, hash: &'static str, pem: &str) -> Result<Key> {
        let path = self.home.path().join(format!("{name}.pem"));
        std::fs::write(&path, pem).with_context(|| format!("cannot write {}", path.display()))?;
        let path = path.to_string_lossy();
        self.run(&["import-key-pair", "--key", &path, "--output-key-prefix", name])?
            .success()?;
        Ok(Key { hash, ..self.key(name) })
    }

    pub fn sign(&self, layout: Layout, key: &Key, image: &Image) -> Result<()> {
        let key = key.private.to_string_lossy();
        let what = ["sign", "--key", &*key, "-y"];
        self.run(&[&what, how_to_sign(layout), &[&*image.pinned()]].concat())?
            .success()?;
        Ok(())
    }

    pub fn attest(
        &self,
        layout: Layout,
        key: &Key,
        image: &Image,
        predicate_type: &str,
        predicate: &str,
    ) -> Result<()> {
        if layout == Layout::Referrer {
            bail!("cosign writes no attestation in the referrer layout");
        }
        let path = self.home.path().join("predicate.json");
        std::fs::write(&path, predicate).with_context(|| format!("cannot write {}", path.display()))?;
        let (key, path) = (key.private.to_string_lossy(), path.to_string_lossy());
        let what = [
            "attest",
            "--key",
            &*key,
            "-y",
            "--type",
            predicate_type,
            "--predicate",
            &*path,
        ];
        self.run(&[&what, how_to_sign(layout), &[&*image.pinned()]].concat())?
            .success()?;
        Ok(())
    }

    pub fn verify(&self, layout: Layout, key: &Key, image: &Image) -> Result<Output> {
        self.verify_with(&["verify"], layout, key, image)
    }

    pub fn verify_attestation(&self, layout: Layout, key: &Key, image: &Image, predicate_type: &str) -> Result<Output> {
        self.verify_with(&["verify-attestation", "--type", predicate_type], layout, key, image)
    }

    /// A bundle with a statement about a file.
    pub fn verify_file_statement(
        &self,
        key: &Path,
        bundle: &Path,
        file: &Path,
        predicate_type: &str,
    ) -> Result<Output> {
        let (key, bundle, file) = (key.to_string_lossy(), bundle.to_string_lossy(), file.to_string_lossy());
        let what = ["verify-blob-attestation", "--key", &*key, "--type", predicate_type];
        let how = ["--insecure-ignore-tlog=true", "--bundle", &*bundle, &*file];
        self.run(&[&what[..], &how].concat())
    }

    /// Verifies with more words, as `["verify", "-a", "env=prod"]`.
    pub fn verify_with(&self, what: &[&str], layout: Layout, key: &Key, image: &Image) -> Result<Output> {
        let path = key.public.to_string_lossy();
        let whose = ["--key", &*path, "--signature-digest-algorithm", key.hash];
        self.run(&[what, &whose, how_to_verify(layout), &[&*image.pinned()]].concat())
    }

    /// Copies an image with what cosign finds under tags beside it. It is told to write over what is there: it gives the copy's
    /// index the tag in which referrers are listed where a registry does not list them, and stumbles over its own list.
    pub fn copy(&self, image: &Image, to: &str) -> Result<Output> {
        self.run(&["copy", "-f", &image.pinned(), to])?.success()
    }

    /// What cosign sees beside an image, under tags or, where `referrers` are asked for, as such.
    pub fn tree(&self, image: &Image, referrers: bool) -> Result<Output> {
        let mode = ["--registry-referrers-mode=oci-1-1"];
        let mode = if referrers { &mode[..] } else { &[] };
        self.run(&[&["tree"], mode, &[&*image.pinned()]].concat())?.success()
    }

    fn run(&self, words: &[&str]) -> Result<Output> {
        let configure = |command: &mut Command| {
            let home = self.home.path();
            command
                .args(words)
                .current_dir(home)
                .env("HOME", home)
                .env("COSIGN_PASSWORD", PASSWORD);
            command.env("DOCKER_CONFIG", self.docker.as_deref().unwrap_or(home));
            // The middle layout is still called experimental.
            command.env("COSIGN_EXPERIMENTAL", "1");
        };
        command::run(&self.program, configure, "")
    }

    fn document(&self, kind: &str, file: &str) -> Result<()> {
        let said = self.run(&[kind, "create"])?.success()?;
        let path = self.home.path().join(file);
        std::fs::write(&path, said.stdout).with_context(|| format!("cannot write {}", path.display()))
    }

    fn key(&self, name: &str) -> Key {
        let home = self.home.path();
        Key {
            private: home.join(format!("{name}.key")),
            public: home.join(format!("{name}.pub")),
            hash: "sha256",
        }
    }
}

fn how_to_sign(layout: Layout) -> &'static [&'static str] {
    match layout {
        Layout::Tag => &[
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--new-bundle-format=false",
        ],
        Layout::Referrer => &[
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--new-bundle-format=false",
            "--registry-referrers-mode=oci-1-1",
        ],
        Layout::Bundle => &[
            "--signing-config=signing-config.json",
            "--trusted-root=trusted-root.json",
        ],
    }
}

fn how_to_verify(layout: Layout) -> &'static [&'static str] {
    match layout {
        Layout::Tag => &["--insecure-ignore-tlog=true", "--new-bundle-format=false"],
        Layout::Referrer => &[
            "--insecure-ignore-tlog=true",
            "--new-bundle-format=false",
            "--experimental-oci11=true",
        ],
        Layout::Bundle => &["--insecure-ignore-tlog=true", "--trusted-root=trusted-root.json"],
    }
}

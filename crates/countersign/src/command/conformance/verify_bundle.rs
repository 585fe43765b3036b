//! `countersign conformance verify-bundle --bundle FILE … FILE_OR_DIGEST`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use countersign_evidence::bundle::MAX_BUNDLE_BYTES;
use countersign_evidence::{
    Bundle, HashRule, Identity, LogDemand, Message, PublicKey, SignedBy, Step, TimeDemand, TrustRoot, Trusted,
    VerifyError, verify_artifact,
};
use countersign_image::{Blob, Digest};
use countersign_roots::embedded::Instance;
use countersign_roots::file;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};
use crate::printer::Printer;
use crate::resting;

/// The largest file that is verified, in bytes. It is held in memory.
const MAX_ARTIFACT_BYTES: u64 = 1 << 30;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Believe Sigstore's staging instance where no trust root is given, instead of the public-good instance
    #[arg(long)]
    staging: bool,

    /// The bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,

    /// Whom the certificate must name, exactly
    #[arg(long, value_name = "IDENTITY", requires = "certificate_oidc_issuer")]
    certificate_identity: Option<String>,

    /// Who must have vouched for that name, exactly
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,

    /// Public key (PEM) that must have signed
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "certificate_identity",
        required_unless_present = "certificate_identity"
    )]
    key: Option<PathBuf>,

    /// Trust root to believe (`trusted_root.json`) [default: the one that this binary brings along]
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,

    /// What the bundle is about: a file, or `sha256:…` where no file is called that
    #[arg(value_name = "FILE_OR_DIGEST")]
    artifact: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let root = arguments.root()?;
    for unusable in root.unusable() {
        resting::tell(None, unusable, printer);
    }
    let trusted = arguments.trusted(root)?;
    let bytes = files::read(&arguments.bundle, MAX_BUNDLE_BYTES as u64)?;
    let artifact = Artifact::of(&arguments.artifact)?;
    let bundle = Bundle::parse(&bytes).map_err(|error| refused(VerifyError::Bundle(error)))?;
    let proof = verify_artifact(&bundle, artifact.message(), &trusted).map_err(refused)?;
    if let SignedBy::Identity(vouched) = proof.signer() {
        arguments.expect(vouched.identity())?;
    }
    let times: Vec<_> = proof
        .chain()
        .times()
        .iter()
        .map(|proved| proved.time.to_string())
        .collect();
    printer.line(format!("verified {}", proof.digest()));
    printer.document(
        "BundleVerification",
        json!({ "digest": proof.digest().to_string(), "times": times }),
    );
    Ok(Exit::Done)
}

impl Arguments {
    fn trusted(&self, root: Arc<TrustRoot>) -> Result<Trusted, Failure> {
        let Some(path) = &self.key else {
            return Ok(Trusted::keyless(root));
        };
        let key = PublicKey::from_pem(&files::read_text(path, MAX_SMALL)?)
            .map_err(|error| Failure::misuse(error).context(format!("`{}` holds no public key", path.display())))?;
        Ok(Trusted::Key {
            key,
            rule: HashRule::Natural,
            logs: Some(LogDemand::of(root.clone(), 1)),
            times: Some(TimeDemand::of(root, 0)),
        })
    }

    fn root(&self) -> Result<Arc<TrustRoot>, Failure> {
        let instance = if self.staging {
            Instance::Staging
        } else {
            Instance::PublicGood
        };
        match &self.trusted_root {
            Some(path) => file::read(path).map_err(Failure::misuse),
            None => instance
                .root()
                .map_err(|error| Failure::misuse(error).context("what this binary brings along is no trust root")),
        }
    }

    /// Whether the certificate names whom it must, and nobody vouched for that name but who must have.
    fn expect(&self, found: &Identity) -> Result<(), Failure> {
        let (Some(identity), Some(issuer)) = (&self.certificate_identity, &self.certificate_oidc_issuer) else {
            return Err(wrong_signer("nobody said whom it must name".into()));
        };
        if !found.subjects.iter().any(|subject| subject.as_str() == identity) {
            let names: Vec<_> = found
                .subjects
                .iter()
                .map(|subject| format!("`{}`", subject.as_str()))
                .collect();
            let names = names.join(", ");
            return Err(wrong_signer(format!(
                "the certificate names {names}, and `{identity}` is wanted"
            )));
        }
        if found.issuer.as_ref() != Some(issuer) {
            let by = found.issuer.as_deref().unwrap_or("nobody");
            return Err(wrong_signer(format!(
                "`{by}` vouched for the name, and `{issuer}` is wanted"
            )));
        }
        Ok(())
    }
}

fn wrong_signer(why: String) -> Failure {
    at(Step::Identity, anyhow!(why))
}

fn refused(error: VerifyError) -> Failure {
    at(error.step(), error)
}

fn at(step: Step, error: impl Into<anyhow::Error>) -> Failure {
    Failure::refused(error).context(format!("refused at step `{step}`"))
}

enum Artifact {
    Bytes(Blob),
    Digest(Digest),
}

impl Artifact {
    fn of(written: &Path) -> Result<Self, Failure> {
        let digest = written.to_str().and_then(|text| Digest::parse(text).ok());
        match digest {
            Some(digest) if !written.exists() => Ok(Self::Digest(digest)),
            _ => files::read(written, MAX_ARTIFACT_BYTES).map(|bytes| Self::Bytes(Blob::new(bytes))),
        }
    }

    fn message(&self) -> Message<'_> {
        match self {
            Self::Bytes(blob) => Message::Bytes(blob),
            Self::Digest(digest) => Message::Digest(digest),
        }
    }
}

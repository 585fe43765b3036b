//! `countersign conformance sign-bundle --identity-token T --bundle FILE FILE`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_evidence::{Draft, Sealed};
use countersign_image::Blob;
use countersign_roots::embedded::Instance;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::keyless::{self, Given, KeylessArguments};
use crate::printer::Printer;

/// The largest file that is signed, in bytes. It is held in memory.
const MAX_ARTIFACT_BYTES: u64 = 1 << 30;
/// The largest statement, in bytes: what verifiers read of one.
const MAX_STATEMENT_BYTES: u64 = 12 << 20;
/// A log may take a checkpoint's time to answer, and each of the three kinds of service is asked once.
const TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sign at Sigstore's staging instance where nothing else is said, instead of the public-good instance
    #[arg(long)]
    staging: bool,

    /// The file is an in-toto statement: sign it in an envelope
    #[arg(long)]
    in_toto: bool,

    /// The identity token, or a file with it
    #[arg(long, value_name = "TOKEN|FILE")]
    identity_token: Given,

    /// Where to write the bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,

    /// Trust root that must believe what was signed (`trusted_root.json`) [default: the one that this binary brings along]
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,

    /// Services to sign with (`signing_config.json`) [default: those that this binary brings along]
    #[arg(long, value_name = "FILE")]
    signing_config: Option<PathBuf>,

    /// What is signed
    #[arg(value_name = "FILE")]
    artifact: PathBuf,
}

pub(crate) async fn run(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let draft = arguments.draft()?;
    let instance = if arguments.staging {
        Instance::Staging
    } else {
        Instance::PublicGood
    };
    let deadline = Instant::now() + TIMEOUT;
    let who = KeylessArguments::of(
        Some(arguments.identity_token.clone()),
        arguments.signing_config.clone(),
        arguments.trusted_root.clone(),
    );
    let keyless = who.open(instance, deadline).await?;
    let minted = keyless.sign(draft, deadline).await.map_err(keyless::of_error)?;
    let Sealed::Bundle(bundle) = minted.sealed else {
        unreachable!("a draft is sealed into a bundle and nothing else")
    };
    std::fs::write(&arguments.bundle, bundle).map_err(|error| files::unwritable(&arguments.bundle, error))?;
    printer.line(format!("signed   {}", arguments.artifact.display()));
    printer.document(
        "BundleSigning",
        json!({ "bundle": arguments.bundle.display().to_string() }),
    );
    Ok(Exit::Done)
}

impl Arguments {
    fn draft(&self) -> Result<Draft, Failure> {
        let path = &self.artifact;
        if self.in_toto {
            return Draft::statement(&files::read(path, MAX_STATEMENT_BYTES)?).map_err(|error| {
                Failure::misuse(error).context(format!("`{}` is no in-toto statement", path.display()))
            });
        }
        files::read(path, MAX_ARTIFACT_BYTES).map(|bytes| Draft::artifact(Blob::new(bytes)))
    }
}

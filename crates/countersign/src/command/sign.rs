//! `countersign sign IMAGE --key K`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use countersign_evidence::{Layout, Sealed, ToBeSigned};
use countersign_image::{Pinned, Reference};
use countersign_keys::Signer;
use countersign_registry::{Client, Credentials, publish};
use serde_json::json;

use super::key::read_private;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::judging::{parse_reference, resolve};
use crate::password::PasswordSource;
use crate::printer::Printer;
use crate::registries::RegistryArguments;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The images to sign; a tag is resolved once, and its digest is what is signed
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    #[command(flatten)]
    how: Signing,
    /// Put this into the signed payload
    #[arg(short = 'a', long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
}

/// What `sign` and `attest` share.
#[derive(Debug, clap::Args)]
pub(crate) struct Signing {
    /// The private key: cosign's, PKCS#8, SEC1 or PKCS#1
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: PasswordSource,
    /// How it is stored beside the image
    #[arg(long, value_enum, default_value_t = LayoutChoice::Bundle)]
    layout: LayoutChoice,
    #[command(flatten)]
    pub(crate) registries: RegistryArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LayoutChoice {
    /// A Sigstore bundle as a referrer: what cosign 3 writes and reads
    Bundle,
    /// The tag beside the image (`.sig`, `.att`): what every cosign reads
    Tag,
    /// cosign's OCI 1.1 referrer with the older payload
    Referrer,
}

impl From<LayoutChoice> for Layout {
    fn from(choice: LayoutChoice) -> Self {
        match choice {
            LayoutChoice::Bundle => Self::Bundle,
            LayoutChoice::Tag => Self::Tag,
            LayoutChoice::Referrer => Self::Referrer,
        }
    }
}

fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("expected `KEY=VALUE`, found `{text}`")),
    }
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let annotations: BTreeMap<_, _> = arguments.annotations.into_iter().collect();
    let desk = arguments.how.open()?;
    for image in &arguments.images {
        let image = desk.pin(parse_reference(image)?, printer).await?;
        let what = match desk.layout {
            Layout::Bundle => ToBeSigned::cosign_sign(&image, &annotations),
            Layout::Tag | Layout::Referrer => ToBeSigned::simple(&image, &annotations),
        };
        let published = desk.publish(&image, what).await?;
        report("Signature", &image, &desk, &published, printer);
    }
    Ok(Exit::Done)
}

/// A key, a layout and a way to the registry: everything that publishing a signature needs.
pub(super) struct Desk {
    key: countersign_keys::PrivateKey,
    pub(super) layout: Layout,
    client: Client,
    credentials: Credentials,
    deadline: std::time::Instant,
}

impl Signing {
    pub(super) fn open(&self) -> Result<Desk, Failure> {
        let key = read_private(&self.key, &self.password)?;
        let configuration = self.registries.configuration()?;
        let (client, credentials) = self.registries.client(configuration.as_ref())?;
        Ok(Desk { key, layout: self.layout.into(), client, credentials, deadline: self.registries.deadline() })
    }
}

impl Desk {
    pub(super) async fn pin(&self, reference: Reference, printer: &mut Printer) -> Result<Pinned, Failure> {
        if reference.digest().is_none() {
            printer.progress(format!("resolving {}", reference.written()));
        }
        resolve(&self.client, &self.credentials, &reference, self.deadline).await
    }

    /// 1. sign, 2. seal (which verifies the signature just made), 3. publish: content first, the name last.
    pub(super) async fn publish(&self, image: &Pinned, what: ToBeSigned) -> Result<publish::Published, Failure> {
        let signature = self.key.sign(&what).map_err(Failure::misuse)?;
        let sealed: Sealed = what.seal(self.layout, &signature, self.key.public_key()).map_err(Failure::misuse)?;
        publish::attach(&self.client, &self.credentials, image, self.layout, &sealed, self.deadline)
            .await
            .map_err(|trouble| crate::judging::of_trouble(image.repository(), trouble, "the signature could not be published"))
    }
}

pub(super) fn report(kind: &str, image: &Pinned, desk: &Desk, published: &publish::Published, printer: &mut Printer) {
    let fingerprint = desk.key.public_key().fingerprint();
    printer.line(format!("signed     {image}"));
    printer.line(format!("key        {fingerprint}"));
    printer.line(format!("published  {}@{} ({})", image.repository(), published.manifest, desk.layout));
    printer.document(
        kind,
        json!({
            "image": image.to_string(), "key": fingerprint.to_string(), "layout": desk.layout.to_string(),
            "manifest": published.manifest.to_string(),
        }),
    );
}


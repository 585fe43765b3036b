//! What `sign` and `attest` share: a key, a layout and a way to the registry.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use countersign_evidence::{Layout, ToBeSigned};
use countersign_image::Pinned;
use countersign_keys::{PrivateKey, Signer};
use countersign_registry::publish::{self, Published};
use countersign_registry::{Client, Credentials};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::naming;
use crate::printer::Printer;
use crate::private_key::{self, PasswordSource};
use crate::registries::ReachArguments;

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
    registries: ReachArguments,
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

pub(crate) struct Desk {
    key: PrivateKey,
    layout: Layout,
    client: Client,
    credentials: Credentials,
    timeout: Duration,
}

/// What was signed, and where it is now.
pub(crate) struct Written {
    image: Pinned,
    fingerprint: String,
    layout: Layout,
    published: Published,
}

impl Desk {
    pub(crate) fn open(signing: &Signing) -> Result<Self, Failure> {
        let key = private_key::read(&signing.key, &signing.password)?;
        let (client, credentials) = signing.registries.client()?;
        Ok(Self {
            key,
            layout: signing.layout.into(),
            client,
            credentials,
            timeout: signing.registries.timeout(),
        })
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) async fn pin(&self, image: &str, printer: &mut Printer) -> Result<Pinned, Failure> {
        let reference = naming::parse(image)?;
        if reference.digest().is_none() {
            printer.progress(format!("resolving {image}"));
        }
        naming::resolve(&self.client, &self.credentials, &reference, self.deadline()).await
    }

    /// 1. sign, 2. seal (which verifies the signature just made), 3. publish: content first, the name last.
    pub(crate) async fn write(&self, image: &Pinned, what: ToBeSigned) -> Result<Written, Failure> {
        let signature = self.key.sign(&what).map_err(Failure::misuse)?;
        let sealed = what
            .seal(self.layout, &signature, self.key.public_key())
            .map_err(Failure::misuse)?;
        let published = publish::attach(
            &self.client,
            &self.credentials,
            image,
            self.layout,
            &sealed,
            self.deadline(),
        )
        .await;
        let published = published
            .map_err(|trouble| naming::of_trouble(image.repository(), trouble, format!("{image} is not signed")))?;
        let fingerprint = self.key.public_key().fingerprint().to_string();
        Ok(Written {
            image: image.clone(),
            fingerprint,
            layout: self.layout,
            published,
        })
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }
}

impl Written {
    pub(crate) fn print(&self, printer: &mut Printer) {
        let Self {
            image,
            fingerprint,
            layout,
            published,
        } = self;
        let word = if published.already_there {
            "was there"
        } else {
            "published"
        };
        printer.line(format!("signed     {image}"));
        printer.line(format!("key        {fingerprint}"));
        printer.line(format!(
            "{word:<9}  {}@{} ({layout})",
            published.repository, published.manifest
        ));
    }

    pub(crate) fn document(&self) -> Value {
        json!({
            "image": self.image.to_string(),
            "key": self.fingerprint,
            "layout": self.layout.to_string(),
            "repository": self.published.repository.to_string(),
            "manifest": self.published.manifest.to_string(),
            "blob": self.published.blob.to_string(),
            "alreadyThere": self.published.already_there,
        })
    }
}

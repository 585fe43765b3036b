//! What `sign` and `attest` share: who signs, a layout and a way to the registry.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use countersign_evidence::{Draft, Layout, Sealed, ToBeSigned};
use countersign_image::Pinned;
use countersign_keyless::Keyless;
use countersign_keys::SigningKey;
use countersign_registry::publish::{self, Published};
use countersign_registry::{Client, Credentials};
use countersign_roots::embedded::Instance;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::keyless::{self, KeylessArguments};
use crate::naming;
use crate::printer::Printer;
use crate::private_key::{self, PasswordSource};
use crate::registries::ReachArguments;
use crate::signer::SignedWith;
use crate::vault;

#[derive(Debug, clap::Args)]
pub(crate) struct Signing {
    /// The key that signs: a file (cosign's, PKCS#8, SEC1 or PKCS#1), env://VARIABLE, openbao://KEY or hashivault://KEY
    /// [default: none, see "Without a key"]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordSource,
    /// How it is stored beside the image
    #[arg(long, value_enum, default_value_t = LayoutChoice::Bundle)]
    layout: LayoutChoice,
    #[command(flatten)]
    keyless: KeylessArguments,
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

/// What signs.
enum Hand {
    Key(Box<SigningKey>),
    Keyless(Box<Keyless>),
}

pub(crate) struct Desk {
    hand: Hand,
    layout: Layout,
    client: Client,
    credentials: Credentials,
    timeout: Duration,
}

/// What was signed, and where it is now.
pub(crate) struct Written {
    image: Pinned,
    with: SignedWith,
    layout: Layout,
    published: Published,
}

impl Desk {
    pub(crate) async fn open(signing: &Signing, printer: &mut Printer) -> Result<Self, Failure> {
        let (client, credentials) = signing.registries.client()?;
        let timeout = signing.registries.timeout();
        let layout = signing.layout.into();
        let hand = match &signing.key {
            Some(path) => Hand::Key(Box::new(private_key::open(path, &signing.password, printer).await?)),
            None if !signing.keyless.are_meant() => return Err(nobody_said_how()),
            None if layout == Layout::Bundle => {
                let opened = signing.keyless.open(Instance::PublicGood, Instant::now() + timeout);
                let keyless = opened.await?;
                keyless::announce(&keyless, printer);
                Hand::Keyless(Box::new(keyless))
            }
            None => {
                return Err(Failure::misuse(anyhow::anyhow!(
                    "what is signed without a key is stored as a bundle, and `--layout {layout}` is asked for"
                ))
                .hint("leave `--layout` away, or sign with a key of your own (`--key FILE`)"));
            }
        };
        Ok(Self {
            hand,
            layout,
            client,
            credentials,
            timeout,
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
        let (sealed, with) = match &self.hand {
            Hand::Key(key) => self.by_key(key, what).await?,
            Hand::Keyless(keyless) => {
                let draft = Draft::of(what).map_err(Failure::misuse)?;
                let minted = keyless.sign(draft, self.deadline()).await;
                let minted =
                    minted.map_err(|error| keyless::of_error(error).context(format!("{image} is not signed")))?;
                (minted.sealed, SignedWith::of_chain(&minted.chain))
            }
        };
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
        Ok(Written {
            image: image.clone(),
            with,
            layout: self.layout,
            published,
        })
    }

    async fn by_key(&self, key: &SigningKey, what: ToBeSigned) -> Result<(Sealed, SignedWith), Failure> {
        let signature = key.sign(&what).await.map_err(vault::unsigned)?;
        let sealed = what
            .seal(self.layout, &signature.bytes, key.public_key())
            .map_err(Failure::misuse)?;
        let with = SignedWith::Key {
            fingerprint: key.public_key().fingerprint().to_string(),
            recorded: signature.recorded,
        };
        Ok((sealed, with))
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }
}

fn nobody_said_how() -> Failure {
    let what = "no key is given, and nobody says to sign without one: that would ask Sigstore's public-good instance for a \
                certificate, and show for good in its public logs who signed what";
    Failure::misuse(anyhow::anyhow!(what)).hint(
        "sign with a key (`--key FILE`), or say `--keyless`; `--identity-token` and `--signing-config` say it too",
    )
}

impl Written {
    pub(crate) fn print(&self, printer: &mut Printer) {
        let Self {
            image,
            with,
            layout,
            published,
        } = self;
        let word = if published.already_there {
            "was there"
        } else {
            "published"
        };
        printer.line(format!("signed     {image}"));
        with.print(printer);
        printer.line(format!(
            "{word:<9}  {}@{} ({layout})",
            published.repository, published.manifest
        ));
    }

    pub(crate) fn document(&self) -> Value {
        let mut document = json!({
            "image": self.image.to_string(),
            "layout": self.layout.to_string(),
            "repository": self.published.repository.to_string(),
            "manifest": self.published.manifest.to_string(),
            "blob": self.published.blob.to_string(),
            "alreadyThere": self.published.already_there,
        });
        self.with.add_to(&mut document);
        document
    }
}

//! What the registry holds: images, and signatures that are good.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use countersign_evidence::{KeyKind, Layout, Sealed, ToBeSigned};
use countersign_image::{Descriptor, Digest, Manifest, Pinned, Reference, media};
use countersign_keys::{PrivateKey, Signer as _};
use countersign_registry::{Client, Credentials, ManifestName, publish};
use serde_json::json;

/// How long the registry may take to be filled.
const PATIENCE: Duration = Duration::from_secs(60);
/// The tag of the image that is signed, or not, as its stock says.
pub(crate) const TAG: &str = "1.0";
/// The tag of an image that nobody signed.
pub(crate) const OTHER: &str = "other";

/// Which of the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stock {
    /// Signed, with the signature under the tag `sha256-<hex>.sig`.
    Tagged,
    /// Signed, with the signature in a Sigstore bundle among the referrers.
    Bundled,
    /// Not signed.
    Unsigned,
}

impl Stock {
    const ALL: [Self; 3] = [Self::Tagged, Self::Bundled, Self::Unsigned];

    /// The repository's path.
    pub fn repository(self) -> &'static str {
        match self {
            Self::Tagged => "team/tagged",
            Self::Bundled => "team/bundled",
            Self::Unsigned => "team/unsigned",
        }
    }
}

/// An image, and another one in the same repository.
#[derive(Clone, Debug)]
pub struct Image {
    /// `host/team/…:1.0`, and its digest.
    pub pinned: Pinned,
    /// `host/team/…:other`, and its digest. Nobody signed it.
    pub other: Pinned,
}

impl Image {
    /// The name by its tag alone.
    pub fn by_tag(&self) -> String {
        self.pinned.reference().written().to_owned()
    }

    /// The same of the other image.
    pub fn other_by_tag(&self) -> String {
        self.other.reference().written().to_owned()
    }
}

/// All of it.
#[derive(Debug)]
pub struct Goods {
    images: Vec<Image>,
    key: PrivateKey,
    stranger: PrivateKey,
}

impl Goods {
    /// Pushes and signs it all at `host`.
    pub(crate) async fn publish(client: &Client, host: &str) -> Result<Self> {
        let key = || PrivateKey::generate(KeyKind::EcdsaP256).context("cannot make a key");
        let mut goods = Self {
            images: Vec::new(),
            key: key()?,
            stranger: key()?,
        };
        for stock in Stock::ALL {
            let pinned = push(client, host, stock, TAG).await?;
            let other = push(client, host, stock, OTHER).await?;
            let layout = match stock {
                Stock::Tagged => Some(Layout::Tag),
                Stock::Bundled => Some(Layout::Bundle),
                Stock::Unsigned => None,
            };
            if let Some(layout) = layout {
                let sealed = seal(&pinned, layout, &goods.key, 0)?;
                let nobody = Credentials::anonymous();
                let deadline = Instant::now() + PATIENCE;
                publish::attach(client, &nobody, &pinned, layout, &sealed, deadline)
                    .await
                    .with_context(|| format!("cannot sign {pinned}"))?;
            }
            goods.images.push(Image { pinned, other });
        }
        Ok(goods)
    }

    /// One of the images.
    pub fn image(&self, stock: Stock) -> &Image {
        &self.images[stock as usize]
    }

    /// The public half of the key that signed.
    pub fn public_key_pem(&self) -> String {
        self.key.public().to_pem()
    }

    /// A good bundle about this image, by somebody else.
    pub(crate) fn bundle_by_a_stranger(&self, image: &Pinned, number: usize) -> Result<Vec<u8>> {
        match seal(image, Layout::Bundle, &self.stranger, number)? {
            Sealed::Bundle(bytes) => Ok(bytes),
            other => anyhow::bail!("a bundle was asked for, and it became {}", other.media_type()),
        }
    }
}

fn seal(image: &Pinned, layout: Layout, key: &PrivateKey, number: usize) -> Result<Sealed> {
    let annotations = BTreeMap::from([("number".to_owned(), number.to_string())]);
    let what = match layout {
        Layout::Bundle => ToBeSigned::cosign_sign(image, &annotations),
        Layout::Tag | Layout::Referrer => ToBeSigned::simple(image, &annotations),
    };
    let signature = key.sign(&what).context("cannot sign")?;
    what.seal(layout, &signature, key.public_key()).context("cannot seal")
}

async fn push(client: &Client, host: &str, stock: Stock, tag: &str) -> Result<Pinned> {
    let reference = Reference::parse(&format!("{host}/{}:{tag}", stock.repository()))?;
    let (repository, nobody) = (reference.repository(), Credentials::anonymous());
    let deadline = Instant::now() + PATIENCE;
    let layer = format!("{stock:?} {tag}").into_bytes();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [Digest::sha256(&layer).to_string()] },
    });
    let config = config.to_string().into_bytes();
    for bytes in [&layer, &config] {
        client
            .put_blob(repository, bytes.clone().into(), &nobody, deadline)
            .await
            .with_context(|| format!("cannot push to {repository}"))?;
    }
    let describe =
        |media_type: &str, bytes: &[u8]| Descriptor::new(media_type, Digest::sha256(bytes), bytes.len() as u64);
    let manifest = Manifest {
        media_type: media::OCI_MANIFEST.to_owned(),
        artifact_type: None,
        config: describe(media::OCI_CONFIG, &config),
        layers: vec![describe("application/vnd.oci.image.layer.v1.tar", &layer)],
        subject: None,
        annotations: BTreeMap::new(),
    };
    let (name, bytes) = (ManifestName::Tag(reference.effective_tag()), manifest.to_json().into());
    let put = client
        .put_manifest(repository, &name, media::OCI_MANIFEST, bytes, &nobody, deadline)
        .await
        .with_context(|| format!("cannot push to {repository}"))?;
    Ok(reference.resolved(put.digest))
}

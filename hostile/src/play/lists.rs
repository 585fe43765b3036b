//! Lists without end, and what they lead to.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use bytes::Bytes;
use countersign_image::{Descriptor, Digest, Manifest, annotation, media};
use serde_json::{Value, json};

use super::{What, edited};
use crate::behaviour::Behaviour;
use crate::goods::{Goods, Stock};
use crate::registry::Scene;
use crate::reply::{Manner, Reply};

/// Just within the limit that most readers have.
const NEARLY_TEN_THOUSAND: usize = 9_990;
/// Most bundles that are really signed; the others are these again, in manifests of their own.
const REALLY_SIGNED: usize = 300;
/// The type of an artifact that is no signature.
const JUNK: &str = "application/vnd.example.junk";

/// What a behaviour puts beside what the registry holds.
#[derive(Default)]
pub(crate) struct Shelf {
    manifests: HashMap<String, Bytes>,
    blobs: HashMap<String, Bytes>,
    referrers: Vec<Descriptor>,
    /// Signatures that are none, as they stand in a manifest.
    layers: String,
}

/// Fills the shelf.
pub(crate) fn shelf(behaviour: Behaviour, goods: &Goods) -> Result<Shelf> {
    let layers = match behaviour {
        Behaviour::HundredThousandSignatureLayers => 100_000,
        Behaviour::TenThousandSignatureLayers => NEARLY_TEN_THOUSAND,
        Behaviour::FiveHundredSignatureLayers => 500,
        _ => 0,
    };
    let (junk, bundles) = match behaviour {
        Behaviour::ManyEndlessManifests | Behaviour::ManyEndlessBlobs => (0, REALLY_SIGNED),
        Behaviour::TenThousandReferrers => (NEARLY_TEN_THOUSAND - 100, 100),
        Behaviour::TenThousandBundles => (0, NEARLY_TEN_THOUSAND),
        _ => (0, 0),
    };
    let image = &goods.image(Stock::Bundled).pinned;
    let mut shelf = Shelf::default();
    for number in 0..junk {
        let bytes = format!("junk {number}").into_bytes();
        shelf.refer(image.digest(), number, JUNK, bytes);
    }
    if behaviour == Behaviour::ManyLargeBundles {
        for number in 0..64_u8 {
            shelf.refer(
                image.digest(),
                number.into(),
                media::SIGSTORE_BUNDLE_V03,
                vec![number; 16 << 20],
            );
        }
    }
    for number in 0..layers {
        shelf
            .layers
            .push_str(&serde_json::to_string(&shelf_layer(&mut shelf.blobs, number))?);
        shelf.layers.push(',');
    }
    let mut signed = Vec::new();
    for number in 0..bundles.min(REALLY_SIGNED) {
        signed.push(goods.bundle_by_a_stranger(image, number)?);
    }
    for number in 0..bundles {
        let bytes = signed[number % REALLY_SIGNED].clone();
        shelf.refer(image.digest(), number, media::SIGSTORE_BUNDLE_V03, bytes);
    }
    Ok(shelf)
}

impl Shelf {
    fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::new(media_type, Digest::sha256(&bytes), bytes.len() as u64);
        self.blobs.insert(descriptor.digest.to_string(), bytes.into());
        descriptor
    }

    fn refer(&mut self, image: &Digest, number: usize, media_type: &str, bytes: Vec<u8>) {
        let layer = self.blob(media_type, bytes);
        let manifest = Manifest {
            media_type: media::OCI_MANIFEST.to_owned(),
            artifact_type: Some(media_type.to_owned()),
            config: Descriptor::new(media::OCI_EMPTY, Digest::sha256(media::EMPTY_JSON), 2),
            layers: vec![layer],
            subject: Some(Descriptor::new(media::OCI_MANIFEST, *image, 1)),
            annotations: BTreeMap::from([("number".to_owned(), number.to_string())]),
        };
        let bytes = manifest.to_json();
        let mut descriptor = Descriptor::new(media::OCI_MANIFEST, Digest::sha256(&bytes), bytes.len() as u64);
        descriptor.artifact_type = manifest.artifact_type;
        self.manifests.insert(descriptor.digest.to_string(), bytes.into());
        self.referrers.push(descriptor);
    }
}

/// What only the shelf has.
pub(super) fn instead(scene: &Scene, asked: &What) -> Option<Reply> {
    let shelf = scene.shelf();
    let (found, media_type, is_endless) = match asked {
        What::Manifest { reference, .. } => {
            let is_endless = scene.behaviour == Behaviour::ManyEndlessManifests;
            (shelf.manifests.get(reference), media::OCI_MANIFEST, is_endless)
        }
        What::Blob { digest } => {
            let is_endless = scene.behaviour == Behaviour::ManyEndlessBlobs;
            (shelf.blobs.get(digest), "application/octet-stream", is_endless)
        }
        What::Referrers { .. } | What::Rest => return None,
    };
    let reply = Reply::ok(media_type, found?.clone());
    Some(if is_endless {
        reply.manner(Manner::Padded(None))
    } else {
        reply
    })
}

pub(super) fn changed(scene: &Scene, asked: &What, reply: Reply) -> Reply {
    match (scene.behaviour, asked) {
        (_, What::Referrers { repository, .. })
            if repository == Stock::Bundled.repository() && !scene.shelf().referrers.is_empty() =>
        {
            edited(reply, |document| {
                let mut all = json!(scene.shelf().referrers);
                push(&mut all, document["manifests"].take());
                document["manifests"] = all;
            })
        }
        (Behaviour::EndlessReferrersPages, What::Referrers { repository, digest }) => {
            let page = scene.turn(digest);
            let reply = edited(reply, |document| {
                let mut all = document["manifests"].take();
                push(&mut all, json!(strangers(page)));
                document["manifests"] = all;
            });
            let next = format!("</v2/{repository}/referrers/{digest}?page={}>; rel=\"next\"", page + 1);
            reply.with("Link", next)
        }
        (Behaviour::ReferrersPagesElsewhere, What::Referrers { repository, digest }) => {
            let next = format!(
                "<{}/v2/{repository}/referrers/{digest}?page=1>; rel=\"next\"",
                scene.elsewhere
            );
            reply.with("Link", next)
        }
        _ if asked.is_signature_tag() && !scene.shelf().layers.is_empty() => {
            let before = format!("\"layers\":[{}", scene.shelf().layers);
            let text = String::from_utf8_lossy(&reply.body).replacen("\"layers\":[", &before, 1);
            reply.bytes(text)
        }
        _ => reply,
    }
}

fn push(list: &mut Value, more: Value) {
    if let (Some(list), Value::Array(more)) = (list.as_array_mut(), more) {
        list.extend(more);
    }
}

/// A thousand referrers whose manifests are nowhere.
fn strangers(page: usize) -> Vec<Descriptor> {
    let descriptor = |number: usize| {
        let digest = Digest::sha256(format!("{page} {number}").as_bytes());
        Descriptor {
            artifact_type: Some(JUNK.to_owned()),
            ..Descriptor::new(media::OCI_MANIFEST, digest, 500)
        }
    };
    (0..1000).map(descriptor).collect()
}

/// A layer whose payload nobody signed.
fn shelf_layer(blobs: &mut HashMap<String, Bytes>, number: usize) -> Descriptor {
    let payload = format!("{{\"junk\":{number:06}}}");
    let digest = Digest::sha256(payload.as_bytes());
    let size = payload.len() as u64;
    blobs.insert(digest.to_string(), payload.into());
    Descriptor {
        annotations: BTreeMap::from([(annotation::COSIGN_SIGNATURE.to_owned(), "c2ln".to_owned())]),
        ..Descriptor::new(media::SIMPLE_SIGNING, digest, size)
    }
}

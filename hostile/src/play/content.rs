//! Bytes that are not what they should be.

use serde_json::{Value, json};

use super::{What, edited};
use crate::behaviour::Behaviour;
use crate::bomb;
use crate::goods::OTHER;
use crate::registry::Scene;
use crate::reply::Reply;

pub(super) fn changed(scene: &Scene, asked: &What, reply: Reply) -> Reply {
    let (manifest, blob) = (asked.is_manifest(), asked.is_blob());
    let signature_tag = asked.is_signature_tag();
    match scene.behaviour {
        Behaviour::TwoContentLengths if manifest || blob => {
            let length = reply.body.len() + 1;
            reply.with("Content-Length", length.to_string())
        }
        Behaviour::TwoContentTypes if manifest => reply.with("Content-Type", "application/json"),
        Behaviour::WrongMediaTypes if manifest => {
            reply.replaced("Content-Type", "application/vnd.oci.image.index.v1+json")
        }
        Behaviour::OtherManifestForDigest if asked.is_by_digest() => {
            edited(reply, |document| document["annotations"] = json!({ "an": OTHER }))
        }
        Behaviour::OtherBlobForDigest if blob => {
            let bytes: Vec<u8> = reply.body.iter().map(|byte| byte.wrapping_add(1)).collect();
            reply.bytes(bytes)
        }
        Behaviour::GzipBomb => reply.bytes(bomb::gibibyte()).with("Content-Encoding", "gzip"),
        Behaviour::DeeplyNestedJson if !blob => reply.bytes("[".repeat(100_000)),
        Behaviour::DuplicateKeys if signature_tag => twice(reply),
        Behaviour::AmbiguousManifest if signature_tag => edited(reply, |document| document["manifests"] = json!([])),
        Behaviour::ForeignUrls if signature_tag => edited(reply, |document| {
            let path = "/v2/token";
            let urls = [
                format!("{}{path}", scene.elsewhere),
                format!("http://127.0.0.1:{}{path}", scene.neighbour_port),
                format!("http://localhost:{}{path}", scene.neighbour_port),
            ];
            each_layer(document, |layer| layer["urls"] = json!(urls));
        }),
        Behaviour::ForeignUrls if blob => Reply::new(404),
        Behaviour::HugeLayerClaims if signature_tag => edited(reply, |document| {
            each_layer(document, |layer| layer["size"] = json!(1_u64 << 40));
        }),
        Behaviour::HugeAnnotations if signature_tag => edited(reply, |document| {
            let huge = "a".repeat(1 << 20);
            each_layer(document, |layer| {
                for name in ["one", "another", "a-third"] {
                    layer["annotations"][name] = json!(huge);
                }
            });
        }),
        _ => reply,
    }
}

fn each_layer(document: &mut Value, edit: impl Fn(&mut Value)) {
    let layers = document["layers"].as_array_mut();
    layers.into_iter().flatten().for_each(edit);
}

/// The same manifest, with no layers before its layers.
fn twice(reply: Reply) -> Reply {
    let text = String::from_utf8_lossy(&reply.body).replacen('{', "{\"layers\":[],", 1);
    reply.bytes(text)
}

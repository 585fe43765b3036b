//! Who does what to which answer.
//!
//! 1. What never comes to an answer. 2. The login. 3. Which question is answered in the place of the one that was asked.
//! 4. The honest answer. 5. What becomes of it.

mod content;
mod lists;
mod login;
mod names;
mod pace;
mod ways;

use bytes::Bytes;
use countersign_image::Digest;

pub(crate) use lists::{Shelf, shelf};
pub(crate) use login::token;

use crate::log::Seen;
use crate::registry::Scene;
use crate::reply::Reply;

pub(crate) async fn play(scene: &Scene, mut seen: Seen) -> Reply {
    if let Some(reply) = pace::instead(scene.behaviour) {
        return reply;
    }
    if let Some(reply) = login::gate(scene, &seen) {
        return reply;
    }
    let is_get = seen.method == "GET";
    let asked = What::of(&seen.path);
    if let Some(reply) = ways::instead(scene, &seen, &asked) {
        return reply;
    }
    if let Some(reply) = lists::instead(scene, &asked) {
        return reply;
    }
    names::reroute(scene, &mut seen);
    let honest = scene.honest(seen).await;
    let reply = names::changed(scene, &asked, is_get, honest);
    if !is_get || reply.status != 200 {
        return reply;
    }
    let reply = lists::changed(scene, &asked, reply);
    let reply = content::changed(scene, &asked, reply);
    pace::changed(scene.behaviour, &asked, reply)
}

/// What a path is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Manifest { repository: String, reference: String },
    Blob { digest: String },
    Referrers { repository: String, digest: String },
    Rest,
}

impl What {
    fn of(path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/v2/") else {
            return Self::Rest;
        };
        let parts: Vec<&str> = rest.rsplitn(3, '/').collect();
        match parts[..] {
            [reference, "manifests", repository] => Self::Manifest {
                repository: repository.to_owned(),
                reference: reference.to_owned(),
            },
            [digest, "blobs", _] => Self::Blob {
                digest: digest.to_owned(),
            },
            [digest, "referrers", repository] => Self::Referrers {
                repository: repository.to_owned(),
                digest: digest.to_owned(),
            },
            _ => Self::Rest,
        }
    }

    fn is_manifest(&self) -> bool {
        matches!(self, Self::Manifest { .. })
    }

    fn is_blob(&self) -> bool {
        matches!(self, Self::Blob { .. })
    }

    fn is_referrers(&self) -> bool {
        matches!(self, Self::Referrers { .. })
    }

    fn is_signature_tag(&self) -> bool {
        matches!(self, Self::Manifest { reference, .. } if reference.ends_with(".sig"))
    }

    fn is_by_digest(&self) -> bool {
        matches!(self, Self::Manifest { reference, .. } if Digest::parse(reference).is_ok())
    }
}

/// A manifest with something done to it.
fn edited(reply: Reply, edit: impl FnOnce(&mut serde_json::Value)) -> Reply {
    let Ok(mut document) = serde_json::from_slice(&reply.body) else {
        return reply;
    };
    edit(&mut document);
    let bytes = Bytes::from(document.to_string());
    reply.bytes(bytes)
}

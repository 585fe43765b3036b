//! Names that mean now this and now that.

use super::What;
use crate::behaviour::Behaviour;
use crate::goods::{OTHER, Stock, TAG};
use crate::log::Seen;
use crate::registry::Scene;
use crate::reply::Reply;

/// Another question is answered than the one that was asked.
pub(super) fn reroute(scene: &Scene, seen: &mut Seen) {
    let asked = What::of(&seen.path);
    let is_tag = |reference: &str| reference == TAG;
    match (scene.behaviour, asked) {
        (Behaviour::MovedTag, What::Manifest { repository, reference })
            if is_tag(&reference) && scene.turn(&repository) > 0 =>
        {
            seen.path = format!("/v2/{repository}/manifests/{OTHER}");
        }
        (Behaviour::HeadUnlikeGet, What::Manifest { repository, reference })
            if is_tag(&reference) && seen.method == "HEAD" =>
        {
            seen.path = format!("/v2/{repository}/manifests/{OTHER}");
        }
        (Behaviour::FallbackTagIsTheImage, What::Manifest { repository, reference })
            if reference.starts_with("sha256-") && !reference.contains('.') =>
        {
            seen.path = format!("/v2/{repository}/manifests/{TAG}");
        }
        (Behaviour::SignatureTagIsTheImage, What::Manifest { repository, reference })
            if reference.ends_with(".sig") || reference.ends_with(".att") =>
        {
            seen.path = format!("/v2/{repository}/manifests/{TAG}");
        }
        (Behaviour::SignatureOfAnother, What::Manifest { reference, .. }) if reference.ends_with(".sig") => {
            let (repository, image) = (Stock::Tagged.repository(), scene.goods().image(Stock::Tagged));
            seen.path = format!("/v2/{repository}/manifests/{}.sig", image.pinned.digest().tag_form());
        }
        (Behaviour::SignatureOfAnother, What::Blob { digest }) => {
            seen.path = format!("/v2/{}/blobs/{digest}", Stock::Tagged.repository());
        }
        _ => {}
    }
}

/// What an answer says of itself.
pub(super) fn changed(scene: &Scene, asked: &What, is_get: bool, reply: Reply) -> Reply {
    let tagged = scene.goods().image(Stock::Tagged).pinned.digest().to_string();
    let of_tag = matches!(asked, What::Manifest { reference, .. } if [TAG, OTHER].contains(&reference.as_str()));
    match scene.behaviour {
        Behaviour::LyingDigestInHead if of_tag && !is_get => reply.replaced("Docker-Content-Digest", tagged),
        Behaviour::LyingDigestInGet if of_tag && !is_get => Reply::new(405),
        Behaviour::LyingDigestInGet if asked.is_manifest() => reply.replaced("Docker-Content-Digest", tagged),
        Behaviour::FallbackTagIsTheImage if asked.is_referrers() => Reply::new(404).with("Content-Type", "text/plain"),
        _ => reply,
    }
}

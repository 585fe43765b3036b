//! Pods, and every place in them that names an image.

use anyhow::Result;
use countersign_acceptance::objects::{first_image, pod};
use countersign_acceptance::scene::{POLICY, Scene};
use serde_json::json;

#[test]
fn a_signed_tag_is_stored_with_the_digest_that_was_judged() -> Result<()> {
    let scene = Scene::new("pods-signed")?;
    let image = scene.signed("app")?;
    scene.create(&pod("app", &image.tagged()))?.success()?;
    assert_eq!(first_image(&scene.stored("pod", "app")?), Some(&*image.resolved()));

    scene.create(&pod("pinned", &image.pinned()))?.success()?;
    assert_eq!(first_image(&scene.stored("pod", "pinned")?), Some(&*image.pinned()));
    scene
        .kubectl(&["delete", "pod", "app", "pinned", "--timeout=30s"])?
        .success()?;
    Ok(())
}

#[test]
fn an_unsigned_image_is_denied_in_words_that_help() -> Result<()> {
    let scene = Scene::new("pods-unsigned")?;
    let image = scene.unsigned("app")?;
    for (name, written) in [("by-tag", image.tagged()), ("by-digest", image.pinned())] {
        let said = scene.create(&pod(name, &written))?.with_code(1)?;
        let said = said.saying(&[POLICY, &written, "spec.containers[0].image", "image.unsigned"])?;
        assert!(said.stderr.contains("denied the request"), "{said}");
        assert!(
            !scene.kubectl(&["get", "pod", name])?.succeeded(),
            "an unsigned Pod was stored"
        );
    }
    Ok(())
}

#[test]
fn a_signature_by_another_key_is_no_signature() -> Result<()> {
    let scene = Scene::new("pods-other-key")?;
    let image = scene.unsigned("app")?;
    let other = scene.cosign.generate("other")?;
    for layout in countersign_acceptance::cosign::Layout::ALL {
        scene.cosign.sign(layout, &other, &image)?;
    }
    let said = scene.create(&pod("app", &image.tagged()))?.with_code(1)?;
    said.saying(&[POLICY, "spec.containers[0].image", "signature.wrong_key"])?;
    Ok(())
}

/// What others took for a reason to look away, as a person without any rights but to create Pods can write it.
#[test]
fn nothing_that_a_pod_says_of_itself_lets_it_in() -> Result<()> {
    let scene = Scene::new("pods-excuses")?;
    let (signed, unsigned) = (scene.signed("good")?, scene.unsigned("bad")?);
    scene.create(&pod("owner", &signed.tagged()))?.success()?;
    let owner = scene.stored("pod", "owner")?["metadata"]["uid"].clone();
    let owned = |version: &str, kind: &str, name: &str, uid: &serde_json::Value| {
        json!({ "ownerReferences": [{
        "apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": true,
    }] })
    };
    for (name, metadata) in [
        (
            "never-was",
            owned(
                "apps/v1",
                "ReplicaSet",
                "nobody",
                &json!("00000000-0000-4000-8000-000000000000"),
            ),
        ),
        (
            "foreign",
            owned(
                "example.com/v1",
                "Workload",
                "w",
                &json!("4d3ba3b6-8a4b-4f4c-9a5b-5f1e3a6f6c11"),
            ),
        ),
        ("unrelated", owned("v1", "Pod", "owner", &owner)),
        (
            "annotated",
            json!({ "annotations": {
                "kyverno.io/image-verification-outcomes": r#"{"signed":{"status":"pass"}}"#,
                "countersign.dev/verdict": "admit",
            } }),
        ),
        (
            "labelled",
            json!({ "labels": { "policy.sigstore.dev/exclude": "true", "countersign.dev/exempt": "true" } }),
        ),
    ] {
        let mut pod = pod(name, &unsigned.tagged());
        for (field, value) in metadata.as_object().into_iter().flatten() {
            pod["metadata"][field] = value.clone();
        }
        let said = scene.create(&pod)?.with_code(1)?;
        said.saying(&[POLICY, "spec.containers[0].image", "image.unsigned"])?;
    }
    scene.kubectl(&["delete", "pod", "owner", "--timeout=30s"])?.success()?;
    Ok(())
}

#[test]
fn an_image_in_any_other_place_of_a_pod_is_judged_too() -> Result<()> {
    let scene = Scene::new("pods-places")?;
    let (signed, unsigned) = (scene.signed("good")?, scene.unsigned("bad")?);

    let with = |name: &str, init: &str, mounted: &str| {
        let mut pod = pod(name, &signed.tagged());
        pod["spec"]["initContainers"] = json!([{"name": "first", "image": init}]);
        pod["spec"]["volumes"] =
            json!([{"name": "data", "image": {"reference": mounted, "pullPolicy": "IfNotPresent"}}]);
        pod
    };
    let bad_init = scene
        .create(&with("bad-init", &unsigned.tagged(), &signed.tagged()))?
        .with_code(1)?;
    let bad_init = bad_init.saying(&[
        POLICY,
        &unsigned.tagged(),
        "spec.initContainers[0].image",
        "image.unsigned",
    ])?;
    assert!(
        !bad_init.stderr.contains("spec.containers[0].image"),
        "the signed container is blamed as well: {bad_init}"
    );

    let bad_volume = scene
        .create(&with("bad-volume", &signed.tagged(), &unsigned.tagged()))?
        .with_code(1)?;
    bad_volume.saying(&[
        POLICY,
        &unsigned.tagged(),
        "spec.volumes[0].image.reference",
        "image.unsigned",
    ])?;

    scene
        .create(&with("good", &signed.tagged(), &signed.tagged()))?
        .success()?;
    let stored = scene.stored("pod", "good")?;
    for place in [
        "/spec/containers/0/image",
        "/spec/initContainers/0/image",
        "/spec/volumes/0/image/reference",
    ] {
        assert_eq!(stored.pointer(place), Some(&json!(signed.resolved())), "{place}");
    }
    Ok(())
}

#[test]
fn kubectl_debug_adds_only_what_is_signed() -> Result<()> {
    let scene = Scene::new("pods-debug")?;
    let (signed, unsigned) = (scene.signed("good")?, scene.unsigned("bad")?);
    scene.create(&pod("app", &signed.tagged()))?.success()?;
    let debug = |name: &str, image: &str| {
        scene.kubectl(&[
            "debug",
            "app",
            "--attach=false",
            "--profile=general",
            "-c",
            name,
            "--image",
            image,
        ])
    };
    let said = debug("bad", &unsigned.tagged())?.with_code(1)?;
    said.saying(&[
        POLICY,
        &unsigned.tagged(),
        "spec.ephemeralContainers[0].image",
        "image.unsigned",
    ])?;
    debug("good", &signed.tagged())?.success()?;

    let stored = scene.stored("pod", "app")?;
    let ephemeral = stored["spec"]["ephemeralContainers"].as_array().map_or(0, Vec::len);
    assert_eq!(ephemeral, 1, "{stored}");
    assert_eq!(
        stored.pointer("/spec/ephemeralContainers/0/image"),
        Some(&json!(signed.resolved()))
    );
    Ok(())
}

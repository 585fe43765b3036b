//! What the examples have people apply, as a real API server takes it.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_acceptance::manifest;
use countersign_acceptance::plane::Plane;
use serde_json::{Value, json};

#[test]
fn the_webhooks_are_registered_as_their_comment_says() -> Result<()> {
    let plane = Plane::shared()?;
    let authorities = STANDARD.encode(plane.authority().pem());
    let filled = manifest::text(
        "webhooks.yaml",
        &[("ADDRESS", "10.0.0.5:8443"), ("CA_BUNDLE", &authorities)],
    )?;
    // Not stored: another test's Pods would be asked about at a door that is not there.
    let said = plane
        .kubectl_with(&["apply", "--dry-run=server", "-f", "-"], &filled)?
        .success()?;
    said.saying(&["mutatingwebhookconfiguration", "validatingwebhookconfiguration"])?;
    Ok(())
}

/// All of it stored, but for the webhooks, for the same reason.
#[test]
fn the_door_in_a_cluster_is_applied_as_its_comment_says() -> Result<()> {
    let plane = Plane::shared()?;
    let authorities = STANDARD.encode(plane.authority().pem());
    let filled = [
        ("IMAGE", "registry.example/countersign:1"),
        ("CA_BUNDLE", &*authorities),
    ];
    let objects = manifest::objects(&plane, "cluster.yaml", &filled)?;
    for object in &objects {
        let is_webhook = object["webhooks"].is_array();
        let words = [
            "apply",
            if is_webhook {
                "--dry-run=server"
            } else {
                "--dry-run=none"
            },
            "-f",
            "-",
        ];
        let said = plane.kubectl_with(&words, &object.to_string())?.success()?;
        assert!(!said.stderr.contains("Warning"), "{said}");
    }
    plane
        .kubectl(&["delete", "namespace", "countersign", "--wait=false"])?
        .success()?;
    Ok(())
}

/// Two documents that say the same have to go on doing so.
#[test]
fn both_examples_ask_about_the_same_objects() -> Result<()> {
    let plane = Plane::shared()?;
    let (by_url, by_service) = (
        manifest::objects(&plane, "webhooks.yaml", &[])?,
        manifest::objects(&plane, "cluster.yaml", &[])?,
    );
    for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
        let bare = |objects: &[Value]| -> Result<Value> {
            let mut webhook = manifest::of_kind(objects, kind)?["webhooks"][0].clone();
            for differs in ["clientConfig", "namespaceSelector"] {
                webhook[differs] = json!(null);
            }
            Ok(webhook)
        };
        assert_eq!(bare(&by_url)?, bare(&by_service)?);
    }
    Ok(())
}

//! Warn mode: the object is let in, and whoever applied it is told what would have kept it out.

use anyhow::Result;
use countersign_acceptance::objects::pod;
use countersign_acceptance::scene::{Mode, Scene, policy};

#[test]
fn a_warned_pod_is_created_and_every_failing_policy_is_named() -> Result<()> {
    const POLICIES: [&str; 2] = ["signed-by-release", "also-signed-by-release"];
    let scene = Scene::with("warnings", |registry, key| {
        POLICIES
            .iter()
            .map(|name| policy(name, Mode::Warn, registry, key))
            .collect()
    })?;
    let image = scene.unsigned("app")?;
    let said = scene.create(&pod("app", &image.tagged()))?.success()?;
    let warnings: Vec<&str> = said
        .stderr
        .lines()
        .filter(|line| line.starts_with("Warning:"))
        .collect();
    for name in POLICIES {
        assert!(
            warnings.iter().any(|line| line.contains(name)),
            "no warning names {name}:\n{said}"
        );
    }
    assert!(warnings.iter().any(|line| line.contains("image.unsigned")), "{said}");
    scene.kubectl(&["get", "pod", "app"])?.success()?;

    let signed = scene.signed("signed")?;
    let said = scene.create(&pod("signed", &signed.tagged()))?.success()?;
    assert!(!said.stderr.contains("Warning:"), "{said}");
    Ok(())
}

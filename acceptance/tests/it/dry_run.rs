//! `--dry-run=server`: the same answer, and nothing is stored.

use anyhow::Result;
use countersign_acceptance::objects::{first_image, pod};
use countersign_acceptance::scene::{POLICY, Scene};

#[test]
fn a_dry_run_is_answered_like_a_real_one() -> Result<()> {
    let scene = Scene::new("dry-run")?;
    let (signed, unsigned) = (scene.signed("good")?, scene.unsigned("bad")?);
    let dry = ["create", "--dry-run=server", "-o", "json", "-f", "-"];

    let said = scene.send(&dry, &pod("good", &signed.tagged()))?.success()?;
    let answered = serde_json::from_str(&said.stdout)?;
    assert_eq!(first_image(&answered), Some(&*signed.resolved()));
    let said = scene.send(&dry, &pod("bad", &unsigned.tagged()))?.with_code(1)?;
    said.saying(&[POLICY, &unsigned.tagged(), "spec.containers[0].image", "image.unsigned"])?;

    let stored = scene.kubectl(&["get", "pods", "-o", "name"])?.success()?;
    assert_eq!(stored.stdout.trim(), "");
    Ok(())
}

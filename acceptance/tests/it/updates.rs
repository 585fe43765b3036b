//! Objects that are there already: what may change once the answer would be another one.

use anyhow::{Result, bail};
use countersign_acceptance::cosign::Layout;
use countersign_acceptance::objects::{first_image, pod, workload};
use countersign_acceptance::scene::{Mode, POLICY, Scene, policy};
use countersign_acceptance::wait::{self, SOON};
use serde_json::{Value, json};

#[test]
fn a_deployment_that_would_now_be_denied_may_only_shrink_and_go() -> Result<()> {
    let scene = Scene::new("updates-scale")?;
    let image = scene.signed("app")?;
    let mut deployment = workload("apps/v1", "Deployment", "app", &image.tagged());
    deployment["spec"]["replicas"] = json!(3);
    scene.create(&deployment)?.success()?;
    wait::until("three Pods", SOON, || {
        Ok((scene.pods_of("app")?.len() == 3).then_some(()))
    })?;
    revoke(&scene, &image.tagged())?;

    let patch =
        |patch: &Value| scene.kubectl(&["patch", "deployment", "app", "--type=merge", "-p", &patch.to_string()]);
    let said = patch(&json!({"spec": {"replicas": 5}}))?.with_code(1)?;
    said.saying(&[POLICY, "spec.template.spec.containers[0].image", "signature.wrong_key"])?;
    patch(&json!({"spec": {"replicas": 1}}))?.success()?;
    wait::until("one Pod", SOON, || Ok((scene.pods_of("app")?.len() == 1).then_some(())))?;

    let bad = scene.unsigned("bad")?;
    let smaller = json!({"spec": {"replicas": 0, "template": {"spec": {"containers": [{"name": "main", "image": bad.tagged()}]}}}});
    let said = patch(&smaller)?.with_code(1)?;
    said.saying(&[&bad.tagged(), "image.unsigned"])?;

    scene
        .kubectl(&["delete", "deployment", "app", "--cascade=foreground", "--timeout=60s"])?
        .success()?;
    assert_eq!(scene.pods_of("app")?.len(), 0);
    Ok(())
}

#[test]
fn a_pod_that_would_now_be_denied_may_be_labelled_and_deleted() -> Result<()> {
    let scene = Scene::new("updates-pod")?;
    let image = scene.signed("app")?;
    scene.create(&pod("app", &image.tagged()))?.success()?;
    revoke(&scene, &image.tagged())?;

    scene.kubectl(&["label", "pod", "app", "seen=yes"])?.success()?;
    let bad = scene.unsigned("bad")?;
    let said = scene
        .kubectl(&["set", "image", "pod/app", &format!("main={}", bad.tagged())])?
        .with_code(1)?;
    said.saying(&[&bad.tagged(), "spec.containers[0].image", "image.unsigned"])?;
    assert_eq!(first_image(&scene.stored("pod", "app")?), Some(&*image.resolved()));
    scene.kubectl(&["delete", "pod", "app", "--timeout=60s"])?.success()?;
    Ok(())
}

#[test]
fn re_applying_a_tag_that_moved_keeps_the_stored_digest() -> Result<()> {
    let scene = Scene::new("updates-apply")?;
    let first = scene.signed("app")?;
    let mut deployment = workload("apps/v1", "Deployment", "app", &first.tagged());
    let job = workload("batch/v1", "Job", "job", &first.tagged());
    let apply = |object: &Value| scene.send(&["apply", "-f", "-"], object);
    apply(&deployment)?.success()?;
    apply(&job)?.success()?;

    let moved = scene.registry.image("app", "1", "something else")?;
    assert_ne!(moved.digest, first.digest);
    scene.cosign.sign(Layout::Bundle, &scene.key, &moved)?;
    // A new object gets what the tag means now, once the door has forgotten what it meant some seconds ago.
    let new = pod("new", &moved.tagged());
    wait::until("the tag to mean the newer image", SOON, || {
        let said = scene
            .send(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &new)?
            .success()?;
        Ok(said.stdout.contains(&moved.resolved()).then_some(()))
    })?;
    deployment["metadata"]["labels"] = json!({"applied": "twice"});
    apply(&deployment)?.success()?;
    let stored = scene.stored("deployment", "app")?;
    assert_eq!(stored["metadata"]["labels"]["applied"], "twice");
    assert_eq!(first_image(&stored), Some(&*first.resolved()));
    // A Job's template cannot change at all.
    apply(&job)?.success()?;
    assert_eq!(first_image(&scene.stored("job", "job")?), Some(&*first.resolved()));
    Ok(())
}

/// From now on the policy believes another key, and the door knows it.
fn revoke(scene: &Scene, signed: &str) -> Result<()> {
    let other = scene.cosign.generate("next")?;
    scene
        .door
        .set_policies(&[policy(POLICY, Mode::Enforce, &scene.registry, &other)?])?;
    let probe = pod("probe", signed);
    wait::until("the new policy to hold", SOON, || {
        let said = scene.send(&["create", "--dry-run=server", "-f", "-"], &probe)?;
        match said.succeeded() {
            true => Ok(None),
            false if said.stderr.contains("signature.wrong_key") => Ok(Some(())),
            false => bail!("the new policy denies for another reason:\n{said}"),
        }
    })
}

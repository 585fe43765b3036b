//! Everything that makes Pods of a template: judged when it is made, and its Pods again when they are.

use anyhow::Result;
use countersign_acceptance::objects::{WORKLOADS, cron_job, first_image, pod_template, workload};
use countersign_acceptance::scene::{POLICY, Scene};
use countersign_acceptance::wait::{self, SOON};

#[test]
fn signed_workloads_of_every_kind_get_their_pods() -> Result<()> {
    let scene = Scene::new("workloads-signed")?;
    let image = scene.signed("app")?;
    for (api_version, kind) in WORKLOADS {
        let name = kind.to_lowercase();
        scene
            .create(&workload(api_version, kind, &name, &image.tagged()))?
            .success()?;
        assert_eq!(
            first_image(&scene.stored(&name, &name)?),
            Some(&*image.resolved()),
            "{kind}"
        );
    }
    scene.create(&pod_template("template", &image.tagged()))?.success()?;
    assert_eq!(
        first_image(&scene.stored("podtemplate", "template")?),
        Some(&*image.resolved())
    );
    for (_, kind) in WORKLOADS {
        let name = kind.to_lowercase();
        let made = wait::until(&format!("a Pod of the {kind}"), SOON, || {
            Ok(scene.pods_of(&name)?.pop())
        })?;
        assert_eq!(first_image(&made), Some(&*image.resolved()), "{kind}");
    }
    Ok(())
}

#[test]
fn a_cron_job_is_judged_and_so_is_what_it_makes() -> Result<()> {
    let scene = Scene::new("workloads-cron")?;
    let (signed, unsigned) = (scene.signed("good")?, scene.unsigned("bad")?);
    let said = scene.create(&cron_job("bad", &unsigned.tagged()))?.with_code(1)?;
    said.saying(&[
        POLICY,
        &unsigned.tagged(),
        "spec.jobTemplate.spec.template.spec.containers[0].image",
    ])?;

    scene.create(&cron_job("good", &signed.tagged()))?.success()?;
    assert_eq!(
        first_image(&scene.stored("cronjob", "good")?),
        Some(&*signed.resolved())
    );
    scene
        .kubectl(&["create", "job", "good-now", "--from=cronjob/good"])?
        .success()?;
    let made = wait::until("a Pod of the Job", SOON, || Ok(scene.pods_of("good")?.pop()))?;
    assert_eq!(first_image(&made), Some(&*signed.resolved()));
    Ok(())
}

#[test]
fn unsigned_workloads_of_every_kind_are_denied() -> Result<()> {
    let scene = Scene::new("workloads-unsigned")?;
    let image = scene.unsigned("app")?;
    for (api_version, kind) in WORKLOADS {
        let name = kind.to_lowercase();
        let said = scene
            .create(&workload(api_version, kind, &name, &image.tagged()))?
            .with_code(1)?;
        said.saying(&[
            POLICY,
            &image.tagged(),
            "spec.template.spec.containers[0].image",
            "image.unsigned",
        ])?;
        assert!(
            !scene.kubectl(&["get", &name, &name])?.succeeded(),
            "an unsigned {kind} was stored"
        );
    }
    let said = scene.create(&pod_template("template", &image.tagged()))?.with_code(1)?;
    said.saying(&[
        POLICY,
        &image.tagged(),
        "template.spec.containers[0].image",
        "image.unsigned",
    ])?;
    Ok(())
}

//! Replicas that go and come while the others stay.

use std::thread;

use anyhow::{Result, bail, ensure};
use countersign_acceptance::fleet::Form;
use countersign_acceptance::load::{ADMITTED, DENIED, FAILED, Load};
use countersign_acceptance::wait::{self, SOON};

use super::{EACH, Scene};

/// How often a replica is replaced by a new one.
const ROUNDS: usize = 5;

/// Both forms at once: most of the time is spent waiting for graces to pass.
#[test]
fn replicas_are_replaced_and_no_admission_fails() -> Result<()> {
    thread::scope(|scope| {
        let by_url = scope.spawn(|| replace_all(&mut Scene::new("races-url", Form::Url)?));
        let late = replace_all(&mut Scene::new("races-service", Form::Service)?);
        by_url.join().unwrap_or_else(|_| bail!("the other half panicked"))?;
        // Otherwise nobody was told `close`, and this test was about nothing.
        ensure!(
            late? > 0,
            "no connection went to a replica after it had been asked to stop"
        );
        Ok(())
    })
}

/// As a Deployment does it: the new one is ready before an old one is asked to stop. How many connections went to those that were
/// on their way out.
fn replace_all(scene: &mut Scene) -> Result<usize> {
    let questions = scene.questions()?;
    let (plane, namespace) = (scene.fleet.plane.clone(), scene.fleet.namespace.clone());
    let mut late = 0;
    Load::during(&plane, &namespace, &questions, |load| {
        load.more(EACH)?;
        for _ in 0..ROUNDS {
            scene.replicas.push(scene.fleet.start()?);
            scene.settled()?;
            load.more(EACH)?;
            let old = scene.replicas.remove(0);
            let (address, before) = (old.address, scene.fleet.balancer.sent_to(old.address));
            old.stop()?;
            scene.settled()?;
            late += scene.fleet.balancer.sent_to(address) - before;
            load.more(EACH)?;
        }
        Ok(())
    })?;
    Ok(late)
}

/// A replica that is killed takes with it what was on its way; that may fail, but be wrong it may not, and it is over as soon as
/// the endpoints have followed.
#[test]
fn a_replica_that_is_killed_fails_some_and_misleads_nobody() -> Result<()> {
    let mut scene = Scene::new("races-killed", Form::Service)?;
    let questions = scene.questions()?;
    let (plane, namespace) = (scene.fleet.plane.clone(), scene.fleet.namespace.clone());
    Load::during(&plane, &namespace, &questions, |load| {
        load.more(EACH)?;
        let expected = |besides| {
            for question in &questions {
                let right = if question.name.starts_with("good") {
                    ADMITTED
                } else {
                    DENIED
                };
                question.expect(right | besides);
            }
        };
        expected(FAILED);
        scene.replicas.remove(0).kill()?;
        scene.settled()?;
        expected(0);
        load.more(EACH)?;
        let failed: usize = questions.iter().map(|question| load.count(question.name, FAILED)).sum();
        ensure!(failed > 0, "the kill was noticed by nobody: were both replicas asked?");
        Ok(())
    })
}

/// The registration is only as good as the certificate that it names: without this the rotations prove nothing.
#[test]
fn a_service_whose_certificate_is_another_authoritys_is_not_asked() -> Result<()> {
    let scene = Scene::new("races-stranger", Form::Service)?;
    let folder = tempfile::tempdir()?;
    let stranger = countersign_acceptance::pki::Authority::new(folder.path())?;
    scene.fleet.trust(&stranger.pem())?;
    let good = scene.image("good", Some(&scene.key))?;
    let path = format!("/api/v1/namespaces/{}/pods?dryRun=All", scene.fleet.namespace);
    let pod = countersign_acceptance::objects::pod("good", &good.tagged());
    let said = wait::until("the API server to refuse the certificate", SOON, || {
        let answer = scene.fleet.plane.post(&path, &pod)?;
        Ok((answer.status != 201).then_some(answer.body))
    })?;
    ensure!(
        said.contains("failed calling webhook") && said.contains("certificate"),
        "{said}"
    );
    Ok(())
}

//! The door goes and comes back while the cluster goes on: some requests fail, and nothing unsigned is ever stored.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, bail};
use countersign_acceptance::foreign::Image;
use countersign_acceptance::objects::{first_image, pod};
use countersign_acceptance::plane::Plane;
use countersign_acceptance::scene::Scene;
use countersign_acceptance::wait::{self, SOON};

/// How often the door goes, in turns asked to and killed.
const RESTARTS: usize = 6;
/// How many of each answer have to come in between.
const BETWEEN: usize = 5;

/// What became of the requests so far.
#[derive(Default)]
struct Tally {
    admitted: AtomicUsize,
    refused: AtomicUsize,
    smuggled: AtomicUsize,
    over: AtomicBool,
}

#[test]
fn nothing_unsigned_is_stored_while_the_door_comes_and_goes() -> Result<()> {
    let mut scene = Scene::new("restarts")?;
    let (signed, unsigned) = (scene.signed("good")?, scene.unsigned("bad")?);
    let tally = Tally::default();
    let plane = std::sync::Arc::clone(&scene.plane);
    let namespace = scene.namespace.clone();

    thread::scope(|scope| {
        let creators =
            [&signed, &unsigned].map(|image| scope.spawn(|| create_until_over(&plane, &namespace, image, &tally)));
        let restarted = restart(&mut scene, &tally);
        tally.over.store(true, Ordering::Relaxed);
        for creator in creators {
            creator.join().unwrap_or_else(|_| bail!("a creator of Pods panicked"))?;
        }
        restarted
    })?;

    assert_eq!(
        tally.smuggled.load(Ordering::Relaxed),
        0,
        "an unsigned Pod was admitted"
    );
    let stored = plane.list(&namespace, "pods", "")?;
    assert!(
        stored.len() >= RESTARTS * BETWEEN,
        "only {} Pods were stored",
        stored.len()
    );
    for pod in &stored {
        assert_eq!(
            first_image(pod),
            Some(&*signed.resolved()),
            "{}",
            pod["metadata"]["name"]
        );
    }
    Ok(())
}

fn restart(scene: &mut Scene, tally: &Tally) -> Result<()> {
    for turn in 0..RESTARTS {
        more(&tally.admitted)?;
        if turn % 2 == 0 {
            scene.door.stop()?;
        } else {
            scene.door.kill()?;
        }
        more(&tally.refused)?;
        scene.door.start()?;
    }
    more(&tally.admitted)
}

fn more(count: &AtomicUsize) -> Result<()> {
    let enough = count.load(Ordering::Relaxed) + BETWEEN;
    wait::until("more answers", SOON, || {
        Ok((count.load(Ordering::Relaxed) >= enough).then_some(()))
    })
}

fn create_until_over(plane: &Plane, namespace: &str, image: &Image, tally: &Tally) -> Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let signed = image.repository.ends_with("/good");
    for number in 0_u32.. {
        if tally.over.load(Ordering::Relaxed) {
            break;
        }
        // In turns: one that the mutating door pins, and one that only the validating door has to look at.
        let written = if number % 2 == 0 {
            image.tagged()
        } else {
            image.resolved()
        };
        let name = format!("{}-{number}", if signed { "good" } else { "bad" });
        let answer = plane.post(&path, &pod(&name, &written))?;
        let count = match (answer.status, signed) {
            (201, true) => &tally.admitted,
            (201, false) => &tally.smuggled,
            _ => &tally.refused,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

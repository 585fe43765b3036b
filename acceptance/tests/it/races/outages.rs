//! What the door rests on goes away under load: the registry, and the disk.

use anyhow::{Context, Result, ensure};
use countersign_acceptance::fleet::Form;
use countersign_acceptance::foreign::Registry;
use countersign_acceptance::load::{ADMITTED, DENIED, Load, Question, UNDECIDED};
use countersign_acceptance::objects::pod;

use super::{EACH, Scene};

#[test]
fn the_registry_is_restarted_and_what_was_seen_before_is_admitted() -> Result<()> {
    let mut scene = Scene::on(Registry::distribution()?, "races-registry", Form::Service)?;
    let questions = scene.questions()?;
    let (plane, namespace) = (scene.fleet.plane.clone(), scene.fleet.namespace.clone());
    Load::during(&plane, &namespace, &questions, |load| {
        load.more(EACH)?;
        // A tag means what the registry says now, and whether something is still unsigned nobody can tell.
        let expected = |away: bool| {
            for question in &questions {
                question.expect(match (question.name, away) {
                    ("good-digest", _) | ("good-tag", false) => ADMITTED,
                    ("good-tag", true) => ADMITTED | UNDECIDED,
                    (_, true) => DENIED | UNDECIDED,
                    (_, false) => DENIED,
                });
            }
        };
        for _ in 0..2 {
            expected(true);
            scene.registry.stop()?;
            load.more(EACH)?;
            ensure!(
                load.count("good-digest", UNDECIDED) == 0,
                "what was seen before was turned away"
            );
            scene.registry.start()?;
            until_decided(load)?;
            expected(false);
            load.more(EACH)?;
        }
        Ok(())
    })
}

/// A failure is remembered for a moment, by each replica for itself: it is over when none was met for a while.
fn until_decided(load: &Load<'_>) -> Result<()> {
    loop {
        let undecided = || ["good-tag", "bad-tag", "bad-digest", "both"].map(|name| load.count(name, UNDECIDED));
        let before = undecided();
        load.more(EACH * 2)?;
        if undecided() == before {
            return Ok(());
        }
    }
}

#[test]
fn a_cache_that_cannot_be_written_any_longer_changes_no_answer() -> Result<()> {
    let scene = Scene::new("races-disk", Form::Service)?;
    let questions = scene.questions()?;
    Load::during(&scene.fleet.plane, &scene.fleet.namespace, &questions, |load| {
        load.more(EACH)?;
        for replica in &scene.replicas {
            let cache = replica.folder.path().join("var/cache/countersign");
            ensure!(cache.is_dir(), "{} is no cache", cache.display());
            // Where a file is no directory can be read or written, whoever asks.
            std::fs::remove_dir_all(&cache)
                .and_then(|()| std::fs::write(&cache, "full"))
                .with_context(|| format!("cannot take {} away", cache.display()))?;
        }
        load.more(EACH)
    })?;
    // What is new has to be gathered, and cannot be kept.
    let (new, worse) = (scene.image("new", Some(&scene.key))?, scene.image("worse", None)?);
    let questions = [
        Question::new("new", pod("", &new.tagged()), ADMITTED),
        Question::new("worse", pod("", &worse.tagged()), DENIED),
    ];
    Load::during(&scene.fleet.plane, &scene.fleet.namespace, &questions, |load| {
        load.more(EACH)
    })
}

//! Policies are replaced under load: whoever asks after the door has told of the new ones is answered by them, and by them alone.

use anyhow::Result;
use countersign_acceptance::fleet::{Fleet, Form, POLICIES, Replica, list};
use countersign_acceptance::load::{ADMITTED, DENIED, Load, Question};
use countersign_acceptance::objects::pod;
use countersign_acceptance::scene::{Mode, POLICY, policy};
use countersign_acceptance::wait::{self, SOON};
use serde_json::json;

use super::{EACH, Scene};

/// How the file is replaced.
#[derive(Clone, Copy, Debug)]
enum How {
    Renamed,
    WrittenInPlace,
    Swapped,
}

#[test]
fn policies_are_replaced_and_every_answer_is_by_one_of_them() -> Result<()> {
    let scene = Scene::new("races-policies", Form::Service)?;
    let other = scene.cosign.generate("other")?;
    let (ours, theirs) = (
        scene.image("ours", Some(&scene.key))?,
        scene.image("theirs", Some(&other))?,
    );
    // One of the two is signed by whoever is believed, and never both: a Pod of both is denied because of exactly one.
    let mut both = pod("", &ours.tagged());
    both["spec"]["initContainers"] = json!([{"name": "first", "image": theirs.pinned()}]);
    let questions = [
        Question::new("ours", pod("", &ours.tagged()), ADMITTED),
        Question::new("ours-digest", pod("", &ours.pinned()), ADMITTED),
        Question::new("theirs", pod("", &theirs.tagged()), DENIED),
        Question::new("theirs-digest", pod("", &theirs.pinned()), DENIED),
        Question::new("both", both, DENIED).looked_at(one_is_blamed),
    ];
    let text = |key| -> Result<String> { Ok(list(&[policy(POLICY, Mode::Enforce, &scene.registry, key)?])) };
    let texts = [text(&scene.key)?, text(&other)?];
    let fleet = &scene.fleet;
    Load::during(&fleet.plane, &fleet.namespace, &questions, |load| {
        load.more(EACH)?;
        let mut believed = 0;
        for round in 0..2 {
            for how in [How::Renamed, How::WrittenInPlace, How::Swapped] {
                believed = 1 - believed;
                let before = scene.replicas[0].generation()?;
                replace(fleet, how, &texts[believed], load, || either(&questions))?;
                wait::until(&format!("the policies that were {how:?}"), SOON, || {
                    let now = scene
                        .replicas
                        .iter()
                        .map(Replica::generation)
                        .collect::<Result<Vec<_>>>()?;
                    Ok(now.iter().all(|generation| *generation != before).then_some(()))
                })?;
                expect(&questions, believed);
                load.more(EACH)?;
                if round == 0 {
                    breaks(&scene, load, &texts[believed])?;
                }
            }
        }
        Ok(())
    })
}

/// Until the last byte is there nothing may change.
fn replace(fleet: &Fleet, how: How, text: &str, load: &Load<'_>, now: impl Fn()) -> Result<()> {
    match how {
        How::Renamed => {
            now();
            fleet.policies.rename(POLICIES, text)
        }
        How::Swapped => {
            now();
            fleet.policies.swap(&[(POLICIES, text)])
        }
        How::WrittenInPlace => fleet.policies.write_in_place(POLICIES, text, || {
            load.more(EACH)?;
            now();
            Ok(())
        }),
    }
}

/// A file that is wrong changes nothing: its last good form stays.
fn breaks(scene: &Scene, load: &Load<'_>, good: &str) -> Result<()> {
    let errors = |wanted: bool| {
        wait::until("the policies' errors", SOON, || {
            let errors = scene
                .replicas
                .iter()
                .map(|replica| replica.metric("countersign_policy_errors"));
            let errors = errors.collect::<Result<Vec<_>>>()?;
            Ok(errors.iter().all(|errors| (*errors > 0) == wanted).then_some(()))
        })
    };
    scene
        .fleet
        .policies
        .rename(POLICIES, &good.replace("authorities", "authoritys"))?;
    errors(true)?;
    load.more(EACH)?;
    scene.fleet.policies.rename(POLICIES, good)?;
    errors(false)
}

fn expect(questions: &[Question], believed: usize) {
    for question in questions {
        question.expect(match (question.name, believed) {
            ("ours" | "ours-digest", 0) | ("theirs" | "theirs-digest", 1) => ADMITTED,
            _ => DENIED,
        });
    }
}

fn either(questions: &[Question]) {
    for question in questions {
        question.expect(if question.name == "both" {
            DENIED
        } else {
            ADMITTED | DENIED
        });
    }
}

fn one_is_blamed(body: &str) -> Option<String> {
    let blamed = ["spec.containers[0].image", "spec.initContainers[0].image"];
    let blamed: Vec<_> = blamed.iter().filter(|field| body.contains(**field)).collect();
    (blamed.len() != 1).then(|| format!("two generations in one answer, which blames {blamed:?}"))
}

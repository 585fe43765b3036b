//! What must hold for every object, every patch and every set of verdicts.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_admission::{FieldPath, Outcome, Patch, Question, Review, question, respond};
use countersign_policy::{Enforcement, Verdict};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::asking::{Asked as _, DEPLOYMENT, POD, UID, create, update};
use crate::judging::{Asks, Registry, Rule, judged};

fn image() -> impl Strategy<Value = String> {
    "[a-z]{1,8}(/[a-z~]{1,8})?(:[a-z0-9.]{1,8})?|\\PC{1,12}"
}

/// Lists of containers with names that repeat, and fields that nobody knows.
fn container_list() -> impl Strategy<Value = Value> {
    let container = ("[a-c]{0,2}", image(), any::<i64>())
        .prop_map(|(name, image, other)| json!({"name": name, "image": image, "unknown": {"image": other}}));
    prop::collection::vec(container, 0..5).prop_map(Value::from)
}

fn volume_list() -> impl Strategy<Value = Value> {
    let volume = prop_oneof![
        ("[a-c]", image()).prop_map(|(name, image)| json!({"name": name, "image": {"reference": image}})),
        "[a-c]".prop_map(|name| json!({"name": name, "emptyDir": {"image": "no/image"}})),
    ];
    prop::collection::vec(volume, 0..4).prop_map(Value::from)
}

fn pod_spec() -> impl Strategy<Value = Value> {
    (
        container_list(),
        container_list(),
        container_list(),
        volume_list(),
        any::<f64>(),
    )
        .prop_map(|(init, containers, ephemeral, volumes, other)| {
            json!({
                "initContainers": init, "containers": containers, "ephemeralContainers": ephemeral,
                "volumes": volumes, "image": "no/image", "other": other,
            })
        })
}

/// Every string in the four places, the slow way.
fn images(spec: &Value) -> Vec<String> {
    let mut images = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        images.extend(
            spec[list]
                .as_array()
                .unwrap()
                .iter()
                .map(|container| container["image"].clone()),
        );
    }
    images.extend(
        spec["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|volume| volume["image"]["reference"].clone()),
    );
    images.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// RFC 6902, as far as we use it; whatever else is in the patch is a failure.
fn apply(object: &mut Value, patch: &[u8]) {
    let operations: Vec<Value> = serde_json::from_slice(patch).unwrap();
    for operation in operations {
        let keys: BTreeSet<&str> = operation.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["op", "path", "value"].into());
        assert_eq!(operation["op"], "replace");
        let target = object
            .pointer_mut(operation["path"].as_str().unwrap())
            .expect("the path leads somewhere");
        assert!(target.is_string());
        *target = operation["value"].clone();
    }
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let asks = prop_oneof![Just(Asks::Nothing), Just(Asks::TheImpossible), Just(Asks::Signature)];
    prop::collection::vec((asks, any::<bool>()), 1..4).prop_map(|list| {
        let rule = |(index, (asks, warns))| Rule {
            name: format!("policy-{index}"),
            asks,
            warns,
        };
        list.into_iter().enumerate().map(rule).collect()
    })
}

fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    let registry = prop_oneof![Just(Registry::Empty), Just(Registry::TimesOut)];
    prop::collection::vec((rules(), registry), 0..4).prop_map(|list| {
        let outcome = |(index, (rules, registry)): (usize, (Vec<Rule>, Registry))| {
            let image = format!("registry.example/app:{index}");
            Outcome {
                paths: vec![
                    FieldPath::root()
                        .field("spec")
                        .field("containers")
                        .index(index)
                        .field("image"),
                ],
                judgement: judged(&image, &rules, registry).into(),
                image,
            }
        };
        list.into_iter().enumerate().map(outcome).collect()
    })
}

fn keeps_out(outcome: &Outcome) -> bool {
    outcome
        .judgement
        .rulings()
        .iter()
        .any(|ruling| ruling.enforcement() == Enforcement::Enforce && !matches!(ruling.verdict(), Verdict::Admit(_)))
}

proptest! {
    #[test]
    fn all_images_are_found_and_nothing_else(spec in pod_spec()) {
        let expected = images(&spec);
        let question = create(POD, json!({"spec": spec})).question();
        if expected.is_empty() {
            prop_assert!(matches!(question, Ok(Question::NothingToJudge(_))));
        } else {
            let Ok(Question::Uses(uses)) = question else { panic!("{question:?}") };
            let found: Vec<String> = uses.into_iter().map(|found| found.image).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_patch_changes_the_image_strings_and_nothing_else(spec in pod_spec(), in_template in any::<bool>()) {
        prop_assume!(!images(&spec).is_empty());
        let (kind, object) = if in_template {
            (DEPLOYMENT, json!({"spec": {"template": {"spec": spec}}, "status": {"a": [1, null]}}))
        } else {
            (POD, json!({"spec": spec, "status": {"a": [1, null]}}))
        };
        let uses = create(kind, object.clone()).uses();
        let pins: Vec<(FieldPath, String)> =
            uses.iter().map(|found| (found.path.clone(), format!("{}@pinned", found.image))).collect();
        let mut patched = object.clone();
        apply(&mut patched, &Patch::pin(&pins).to_json());
        let again = create(kind, patched.clone()).uses();
        prop_assert_eq!(uses.len(), again.len());
        for (before, after) in uses.iter().zip(&again) {
            prop_assert_eq!(&after.path, &before.path);
            prop_assert_eq!(&after.image, &format!("{}@pinned", before.image));
        }
        // Undone by hand, it is the object again.
        for found in &uses {
            *patched.pointer_mut(&found.path.pointer()).unwrap() = found.image.clone().into();
        }
        prop_assert_eq!(patched, object);
    }

    #[test]
    fn what_is_carried_was_there(old in pod_spec(), new in pod_spec()) {
        prop_assume!(!images(&new).is_empty());
        let stored = images(&old);
        for found in update(POD, json!({"spec": old}), json!({"spec": new})).uses() {
            if found.carried == countersign_admission::Carried::Unchanged {
                prop_assert!(stored.contains(&found.image));
            }
        }
    }

    #[test]
    fn no_bytes_make_a_review_panic(
        spec in pod_spec(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..12),
    ) {
        let mut body = update(POD, json!({"spec": spec}), json!({"spec": spec})).body().to_vec();
        for (at, byte, insert) in edits {
            let at = at.index(body.len());
            if insert { body.insert(at, byte) } else { body[at] = byte }
        }
        match Review::parse(body.into()) {
            Ok(review) => { let _ = question(&review); }
            Err(error) => { let _ = error.reason(); }
        }
    }

    #[test]
    fn nothing_is_allowed_unless_every_enforced_policy_admits(outcomes in outcomes()) {
        let pin = Patch::pin(&[(FieldPath::root().field("spec"), "pinned".to_owned())]);
        let response = respond(UID, &outcomes, Some(pin.clone()));
        let allowed = !outcomes.is_empty() && !outcomes.iter().any(keeps_out);
        prop_assert_eq!(response.allowed(), allowed);
        let review: Value = serde_json::from_slice(&response.to_bytes()).unwrap();
        prop_assert_eq!(&review["response"]["allowed"], &Value::from(allowed));
        prop_assert_eq!(review["response"].get("status").is_none(), allowed);
        let patch = review["response"].get("patch").and_then(Value::as_str).map(|text| STANDARD.decode(text).unwrap());
        prop_assert_eq!(patch, allowed.then(|| pin.to_json()));
    }
}

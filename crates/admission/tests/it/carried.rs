//! What an update may carry over unjudged, and every way in which somebody might try to carry more.

use countersign_admission::{Carried, WorkloadError};
use serde_json::{Value, json};

use crate::asking::{
    Asked as _, CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, Kind, POD, POD_TEMPLATE, REPLICA_SET, REPLICATION_CONTROLLER,
    STATEFUL_SET, asked, digest, pod, scaled, templated, update,
};

const NEW: Carried = Carried::New;
const UNCHANGED: Carried = Carried::Unchanged;

fn carried(kind: Kind, old: Value, new: Value) -> Vec<Carried> {
    let uses = update(kind, old, new).carried();
    uses.into_iter().map(|(_, carried)| carried).collect()
}

fn deleted(mut object: Value) -> Value {
    object["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    object
}

#[test]
fn a_container_of_a_pod_is_carried_by_list_name_and_string() {
    let old = json!({"spec": {
        "initContainers": [{"name": "setup", "image": "setup:1"}],
        "containers": [{"name": "app", "image": "app:1"}, {"name": "side", "image": "side:1"}],
        "volumes": [{"name": "model", "image": {"reference": "model:1"}}],
    }});
    let cases = [
        (
            "/spec/containers/0/image",
            json!("app:1"),
            [UNCHANGED, UNCHANGED, UNCHANGED, UNCHANGED],
        ),
        (
            "/spec/containers/0/image",
            json!("app:2"),
            [UNCHANGED, NEW, UNCHANGED, UNCHANGED],
        ),
        // Another spelling is another string: what it resolves to is not ours to guess.
        (
            "/spec/containers/0/image",
            json!("docker.io/library/app:1"),
            [UNCHANGED, NEW, UNCHANGED, UNCHANGED],
        ),
        (
            "/spec/containers/0/image",
            json!("app:1 "),
            [UNCHANGED, NEW, UNCHANGED, UNCHANGED],
        ),
        (
            "/spec/containers/0/name",
            json!("renamed"),
            [UNCHANGED, NEW, UNCHANGED, UNCHANGED],
        ),
        // Two containers that change places keep nothing of each other.
        (
            "/spec/containers/0/name",
            json!("side"),
            [UNCHANGED, NEW, NEW, UNCHANGED],
        ),
        (
            "/spec/initContainers/0/name",
            json!("app"),
            [NEW, UNCHANGED, UNCHANGED, UNCHANGED],
        ),
        (
            "/spec/volumes/0/image/reference",
            json!("model:2"),
            [UNCHANGED, UNCHANGED, UNCHANGED, NEW],
        ),
        (
            "/spec/volumes/0/name",
            json!("other"),
            [UNCHANGED, UNCHANGED, UNCHANGED, NEW],
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut new = old.clone();
        *new.pointer_mut(pointer).unwrap() = value.clone();
        assert_eq!(carried(POD, old.clone(), new), expected, "{pointer} = {value}");
    }
}

#[test]
fn a_container_that_moves_to_another_list_is_new() {
    let old = json!({"spec": {"initContainers": [{"name": "app", "image": "app:1"}]}});
    for list in ["containers", "ephemeralContainers"] {
        let new = json!({"spec": {list: [{"name": "app", "image": "app:1"}]}});
        assert_eq!(carried(POD, old.clone(), new), [NEW], "{list}");
    }
}

#[test]
fn a_name_that_stands_twice_or_not_at_all_carries_nothing() {
    let one = pod(&[("app", "app:1")]);
    let two = pod(&[("app", "app:1"), ("app", "app:1")]);
    assert_eq!(carried(POD, one.clone(), two.clone()), [NEW, NEW]);
    assert_eq!(carried(POD, two, one), [NEW]);
    let nameless = json!({"spec": {"containers": [{"image": "app:1"}]}});
    assert_eq!(carried(POD, nameless.clone(), nameless), [NEW]);
}

#[test]
fn an_ephemeral_container_is_judged_and_the_others_carried() {
    let old = pod(&[("app", "app:1")]);
    let mut new = old.clone();
    new["spec"]["ephemeralContainers"] = json!([{"name": "debugger", "image": "app:1"}]);
    let review = update(POD, old, new).sub_resource("ephemeralcontainers");
    assert_eq!(
        review.carried(),
        [
            ("spec.containers[0].image".to_owned(), UNCHANGED),
            ("spec.ephemeralContainers[0].image".to_owned(), NEW),
        ]
    );
}

#[test]
fn nothing_is_carried_but_by_an_update_with_a_stored_object() {
    let same = pod(&[("app", "app:1")]);
    let created = asked("CREATE", POD, same.clone(), same.clone()).carried();
    assert_eq!(created, [("spec.containers[0].image".to_owned(), NEW)]);
    let unknown = update(POD, Value::Null, same).carried();
    assert_eq!(unknown, [("spec.containers[0].image".to_owned(), NEW)]);
}

#[test]
fn a_template_is_carried_only_where_it_shrinks() {
    let images = [("app", "app:1"), ("side", "side:1")];
    for kind in [DEPLOYMENT, REPLICA_SET, STATEFUL_SET, REPLICATION_CONTROLLER] {
        for (old, new, expected) in [
            (json!(3), json!(2), UNCHANGED),
            (json!(3), json!(0), UNCHANGED),
            (Value::Null, json!(0), UNCHANGED),
            (json!(2), Value::Null, UNCHANGED),
            (json!(3), json!(3), NEW),
            (json!(3), json!(4), NEW),
            (json!(0), Value::Null, NEW),
            (Value::Null, json!(1), NEW),
            (Value::Null, Value::Null, NEW),
        ] {
            let found = carried(kind, scaled(old.clone(), &images), scaled(new.clone(), &images));
            assert_eq!(found, [expected.clone(), expected], "{kind:?} {old} -> {new}");
        }
    }
}

#[test]
fn a_template_that_shrinks_and_changes_an_image_is_judged_whole() {
    let old = scaled(5, &[("app", "app:1"), ("side", "side:1")]);
    for list in [
        [("app", "app:1"), ("side", "side:2")],
        [("app", "app:1"), ("renamed", "side:1")],
        [("side", "app:1"), ("app", "side:1")],
    ] {
        assert_eq!(
            carried(DEPLOYMENT, old.clone(), scaled(1, &list)),
            [NEW, NEW],
            "{list:?}"
        );
    }
    let third = [("app", "app:1"), ("side", "side:1"), ("third", "app:1")];
    assert_eq!(carried(DEPLOYMENT, old.clone(), scaled(1, &third)), [NEW, NEW, NEW]);
    // Nothing is left that was not there before.
    assert_eq!(carried(DEPLOYMENT, old, scaled(1, &[("app", "app:1")])), [UNCHANGED]);
}

#[test]
fn replicas_of_what_does_not_scale_mean_nothing() {
    let images = [("app", "app:1")];
    for kind in [DAEMON_SET, JOB] {
        assert_eq!(carried(kind, scaled(3, &images), scaled(1, &images)), [NEW], "{kind:?}");
    }
    let cron_job = |replicas: i32| json!({"spec": {"jobTemplate": scaled(replicas, &images), "replicas": replicas}});
    assert_eq!(carried(CRON_JOB, cron_job(3), cron_job(1)), [NEW]);
    let template = json!({"template": templated(&images)["spec"]["template"]});
    assert_eq!(carried(POD_TEMPLATE, template.clone(), template), [NEW]);
}

#[test]
fn a_template_on_its_way_out_is_carried() {
    let old = templated(&[("app", "app:1")]);
    for kind in [DEPLOYMENT, DAEMON_SET, JOB] {
        assert_eq!(
            carried(kind, deleted(old.clone()), deleted(old.clone())),
            [UNCHANGED],
            "{kind:?}"
        );
        // Only the API server marks an object for deletion: a mark that the stored object has not is forged.
        assert_eq!(carried(kind, old.clone(), deleted(old.clone())), [NEW], "{kind:?}");
        let other = deleted(templated(&[("app", "app:2")]));
        assert_eq!(carried(kind, deleted(old.clone()), other), [NEW], "{kind:?}");
    }
}

#[test]
fn replicas_that_are_no_number_are_an_error() {
    let images = [("app", "app:1")];
    for value in [json!("1"), json!(1.5), json!([])] {
        let review = update(DEPLOYMENT, scaled(3, &images), scaled(value.clone(), &images));
        let Err(WorkloadError::Object(shape)) = review.question() else {
            panic!("{value}");
        };
        assert!(
            shape.to_string().starts_with("`spec.replicas` must be an integer"),
            "{shape}"
        );
    }
}

#[test]
fn a_stored_object_that_cannot_be_read_is_an_error() {
    let new = pod(&[("app", "app:1")]);
    let error = update(POD, json!({"spec": {"containers": 1}}), new)
        .question()
        .unwrap_err();
    assert_eq!(
        error.reason().what(),
        "the stored object cannot be read: `spec.containers` must be an array, and is a number"
    );
}

#[test]
fn a_template_that_an_old_controller_lacked_carries_nothing() {
    let old = json!({"spec": {"replicas": 3}});
    assert_eq!(
        carried(REPLICATION_CONTROLLER, old, scaled(1, &[("app", "app:1")])),
        [NEW]
    );
}

#[test]
fn a_tag_written_again_gets_its_stored_digest_back() {
    let a = digest('a');
    let stored = |tag: &str| format!("{tag}@{a}");
    for (old, new) in [
        (stored("registry.example/app:1.0"), "registry.example/app:1.0"),
        (stored("app:latest"), "app"),
        (stored("app:latest"), "app:latest"),
        (
            stored("registry.example:5000/team/app:v1"),
            "registry.example:5000/team/app:v1",
        ),
        // What policy-controller stored is given back as it stands: a Job's template may not change.
        (stored("index.docker.io/library/nginx:latest"), "nginx"),
        (stored("docker.io/library/nginx:1"), "nginx:1"),
    ] {
        for kind in [POD, JOB, DEPLOYMENT] {
            let object = |image: &str| match kind {
                POD => pod(&[("app", image)]),
                _ => templated(&[("app", image)]),
            };
            let found = carried(kind, object(&old), object(new));
            assert_eq!(found, [Carried::Stored(old.clone())], "{kind:?} {new}");
        }
    }
}

#[test]
fn a_digest_is_given_back_to_its_own_tag_only() {
    let (a, b) = (digest('a'), digest('b'));
    for (old, new) in [
        (
            format!("registry.example/app:1@{a}"),
            "registry.example/app:2".to_owned(),
        ),
        (format!("registry.example/app:1@{a}"), "registry.example/app".to_owned()),
        (format!("registry.example/app:1@{a}"), "evil.example/app:1".to_owned()),
        (
            format!("registry.example/app:1@{a}"),
            "registry.example/app/app:1".to_owned(),
        ),
        (
            format!("registry.example/app:1@{a}"),
            format!("registry.example/app:1@{b}"),
        ),
        // A digest alone says nothing of the tag that it may have had.
        (
            format!("registry.example/app@{a}"),
            "registry.example/app:latest".to_owned(),
        ),
        (format!("registry.example/app@{a}"), "registry.example/app".to_owned()),
        ("registry.example/app:1".to_owned(), "registry.example/app:2".to_owned()),
        (format!("registry.example/app:1@{a}"), "not an image".to_owned()),
        ("not an image@".to_owned(), "registry.example/app:1".to_owned()),
    ] {
        assert_eq!(
            carried(JOB, templated(&[("c", &old)]), templated(&[("c", &new)])),
            [NEW],
            "{old} -> {new}"
        );
    }
}

#[test]
fn a_digest_is_given_back_to_its_own_container_only() {
    let old = format!("app:1@{}", digest('a'));
    assert_eq!(carried(POD, pod(&[("app", &old)]), pod(&[("other", "app:1")])), [NEW]);
    assert_eq!(
        carried(POD, pod(&[("app", &old), ("app", &old)]), pod(&[("app", "app:1")])),
        [NEW]
    );
    let volume = |reference: &str| json!({"spec": {"volumes": [{"name": "v", "image": {"reference": reference}}]}});
    assert_eq!(
        carried(POD, volume(&old), volume("app:1")),
        [Carried::Stored(old.clone())]
    );
    let container = pod(&[("v", "app:1")]);
    assert_eq!(carried(POD, volume(&old), container), [NEW]);
}

/// At `/mutate` the text differs from the stored one, and is given back; at `/validate` it is the same, and shrinks.
#[test]
fn a_manifest_with_tags_can_be_scaled_down() {
    let stored = format!("app:1@{}", digest('a'));
    let old = scaled(3, &[("app", &stored)]);
    assert_eq!(
        carried(DEPLOYMENT, old.clone(), scaled(1, &[("app", "app:1")])),
        [Carried::Stored(stored.clone())]
    );
    assert_eq!(carried(DEPLOYMENT, old, scaled(1, &[("app", &stored)])), [UNCHANGED]);
}

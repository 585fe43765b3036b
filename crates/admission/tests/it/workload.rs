//! Every place where an image hides, by its exact path; and what is refused because not all of it can be read.

use std::fmt::Write as _;

use countersign_admission::workload::MAX_USES;
use countersign_admission::{Part, Question, Review, Why, WorkloadError, question};
use countersign_policy::ReasonCode;
use serde_json::{Value, json};

use crate::asking::{
    Asked as _, CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, Kind, POD, POD_TEMPLATE, REPLICA_SET, REPLICATION_CONTROLLER,
    STATEFUL_SET, asked, containers, create, pod, templated, update,
};

/// A Pod's spec with an image in every place that can name one, and fields that are none of our business around them.
fn everywhere() -> Value {
    json!({
        "nodeSelector": {"image": "not/one:1"},
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "model", "image": {"reference": "registry.example/model:1", "pullPolicy": "Always"}},
            {"name": "none", "image": null, "configMap": {"name": "image"}},
        ],
        "initContainers": [
            {"name": "init-0", "image": "registry.example/init:0", "restartPolicy": "Always"},
            {"name": "init-1", "image": "registry.example/init:1"},
        ],
        "containers": [{"name": "app", "image": "registry.example/app:1", "args": ["--image", "not/one:1"]}],
        "ephemeralContainers": [
            {"name": "debugger", "image": "registry.example/debug:1", "targetContainerName": "app"},
        ],
    })
}

fn expected(prefix: &str) -> Vec<(String, String)> {
    let under = |place: &str, image: &str| (format!("{prefix}.{place}"), format!("registry.example/{image}"));
    vec![
        under("initContainers[0].image", "init:0"),
        under("initContainers[1].image", "init:1"),
        under("containers[0].image", "app:1"),
        under("ephemeralContainers[0].image", "debug:1"),
        under("volumes[1].image.reference", "model:1"),
    ]
}

#[test]
fn every_place_of_every_kind_is_found() {
    let in_template = json!({"spec": {"template": {"spec": everywhere()}}});
    let cases: [(Kind, Value, &str); 9] = [
        (POD, json!({"spec": everywhere()}), "spec"),
        (
            POD_TEMPLATE,
            json!({"template": {"spec": everywhere()}}),
            "template.spec",
        ),
        (REPLICATION_CONTROLLER, in_template.clone(), "spec.template.spec"),
        (DEPLOYMENT, in_template.clone(), "spec.template.spec"),
        (REPLICA_SET, in_template.clone(), "spec.template.spec"),
        (STATEFUL_SET, in_template.clone(), "spec.template.spec"),
        (DAEMON_SET, in_template.clone(), "spec.template.spec"),
        (JOB, in_template.clone(), "spec.template.spec"),
        (
            CRON_JOB,
            json!({"spec": {"jobTemplate": in_template}}),
            "spec.jobTemplate.spec.template.spec",
        ),
    ];
    for (kind, object, prefix) in cases {
        assert_eq!(create(kind, object).images(), expected(prefix), "{kind:?}");
    }
}

#[test]
fn each_use_says_what_it_is_for() {
    let uses = create(POD, json!({"spec": everywhere()})).uses();
    let parts: Vec<Part> = uses.iter().map(|found| found.part).collect();
    assert_eq!(
        parts,
        [Part::Init, Part::Init, Part::Container, Part::Ephemeral, Part::Volume]
    );
}

#[test]
fn the_pointer_of_a_path_leads_to_the_image() {
    let object = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": everywhere()}}}}});
    for found in create(CRON_JOB, object.clone()).uses() {
        assert_eq!(object.pointer(&found.path.pointer()).unwrap(), found.image.as_str());
    }
}

#[test]
fn other_versions_of_a_group_are_the_same_kinds() {
    for (group, version) in [
        ("apps", "v1beta1"),
        ("apps", "v1beta2"),
        ("extensions", "v1beta1"),
        ("apps", "v7"),
    ] {
        let kind = (group, version, "Deployment", "deployments");
        assert_eq!(
            create(kind, templated(&[("app", "app:1")])).images().len(),
            1,
            "{group}/{version}"
        );
    }
}

#[test]
fn what_is_not_shaped_as_it_should_be_is_an_error_that_names_it() {
    for (spec, text) in [
        (
            json!({"containers": {}}),
            "`spec.containers` must be an array, and is an object",
        ),
        (
            json!({"containers": "app:1"}),
            "`spec.containers` must be an array, and is a string",
        ),
        (
            json!({"containers": [null]}),
            "`spec.containers[0]` must be an object, and is null",
        ),
        (
            json!({"containers": ["app:1"]}),
            "`spec.containers[0]` must be an object, and is a string",
        ),
        (
            json!({"containers": [{"name": "a", "image": "app:1"}, {"name": "b", "image": 1}]}),
            "`spec.containers[1].image` must be a string, and is a number",
        ),
        (
            json!({"initContainers": [{"name": "a", "image": ["app:1"]}]}),
            "`spec.initContainers[0].image` must be a string, and is an array",
        ),
        (
            json!({"containers": [{"name": "a"}]}),
            "`spec.containers[0].image` is missing",
        ),
        (
            json!({"containers": [{"name": "a", "image": ""}]}),
            "`spec.containers[0].image` is missing",
        ),
        (
            json!({"containers": [{"name": "a", "image": null}]}),
            "`spec.containers[0].image` is missing",
        ),
        (
            json!({"containers": [{"name": false, "image": "app:1"}]}),
            "`spec.containers[0].name` must be a string, and is a boolean",
        ),
        (
            json!({"ephemeralContainers": 3}),
            "`spec.ephemeralContainers` must be an array, and is a number",
        ),
        (
            json!({"volumes": [[]]}),
            "`spec.volumes[0]` must be an object, and is an array",
        ),
        (
            json!({"volumes": [{"image": "app:1"}]}),
            "`spec.volumes[0].image` must be an object, and is a string",
        ),
        (
            json!({"volumes": [{"image": {"reference": {}}}]}),
            "`spec.volumes[0].image.reference` must be a string, and is an object",
        ),
        (
            json!({"volumes": [{"image": {}}]}),
            "`spec.volumes[0].image.reference` is missing",
        ),
        (json!([]), "`spec` must be an object, and is an array"),
        (Value::Null, "`spec` is missing"),
    ] {
        let Err(WorkloadError::Object(shape)) = create(POD, json!({"spec": spec})).question() else {
            panic!("{text}");
        };
        assert_eq!(shape.to_string(), text);
    }
}

#[test]
fn half_a_character_is_no_image() {
    let body = create(POD, pod(&[("app", "HALF")]))
        .to_string()
        .replace("HALF", r"app:\ud800");
    let said = match Review::parse(body.into()) {
        Ok(review) => question(&review).unwrap_err().reason(),
        Err(error) => error.reason(),
    };
    assert_eq!(said.code(), ReasonCode::ReviewMalformed);
}

#[test]
fn a_missing_template_is_an_error_where_it_is_not_optional() {
    for (kind, object, text) in [
        (DEPLOYMENT, json!({"spec": {}}), "`spec.template` is missing"),
        (
            DEPLOYMENT,
            json!({"spec": {"template": {}}}),
            "`spec.template.spec` is missing",
        ),
        (REPLICATION_CONTROLLER, json!({}), "`spec` is missing"),
        (
            REPLICATION_CONTROLLER,
            json!({"spec": {"template": {}}}),
            "`spec.template.spec` is missing",
        ),
        (POD_TEMPLATE, json!({}), "`template` is missing"),
        (
            CRON_JOB,
            json!({"spec": {"template": {}}}),
            "`spec.jobTemplate` is missing",
        ),
        (
            CRON_JOB,
            json!({"spec": {"jobTemplate": {"spec": {"template": 1}}}}),
            "`spec.jobTemplate.spec.template` must be an object, and is a number",
        ),
    ] {
        let error = create(kind, object).question().unwrap_err();
        assert_eq!(error.reason().what(), format!("the object cannot be read: {text}"));
        assert_eq!(error.reason().code(), ReasonCode::ReviewMalformed);
    }
}

#[test]
fn a_replication_controller_may_have_no_template() {
    for spec in [json!({}), json!({"replicas": 0, "template": null})] {
        let question = create(REPLICATION_CONTROLLER, json!({"spec": spec}))
            .question()
            .unwrap();
        let Question::NothingToJudge(why) = question else {
            panic!("{question:?}");
        };
        assert_eq!(why.to_string(), "there is no `spec.template`");
    }
}

#[test]
fn an_object_without_containers_names_no_image() {
    for spec in [
        json!({}),
        json!({"containers": null}),
        json!({"containers": [], "volumes": []}),
    ] {
        let question = create(POD, json!({"spec": spec})).question().unwrap();
        assert_eq!(question, Question::NothingToJudge(Why::NoImage));
    }
}

#[test]
fn a_template_may_leave_the_reference_of_a_volume_to_its_pods() {
    let spec = json!({"containers": containers(&[("app", "app:1")]), "volumes": [{"name": "v", "image": {}}]});
    let images = create(JOB, json!({"spec": {"template": {"spec": spec}}})).images();
    assert_eq!(images.len(), 1);
}

#[test]
fn so_many_images_are_judged_and_no_more() {
    let many = |count: usize| {
        let list: Value = (0..count)
            .map(|n| json!({"name": format!("c{n}"), "image": "app:1"}))
            .collect();
        create(POD, json!({"spec": {"containers": list}}))
    };
    assert_eq!(many(MAX_USES).uses().len(), MAX_USES);
    let error = many(MAX_USES + 1).question().unwrap_err();
    assert_eq!(error, WorkloadError::TooManyUses { found: MAX_USES + 1 });
    let volumes: Value = vec![json!({}); 10_001].into();
    let error = create(POD, json!({"spec": {"volumes": volumes}}))
        .question()
        .unwrap_err();
    assert_eq!(
        error.reason().what(),
        "the object cannot be read: `spec.volumes` has more than 10000 elements"
    );
}

#[test]
fn what_stores_no_image_is_nothing_to_judge() {
    let mut said = String::new();
    for (operation, kind, sub_resource) in [
        ("DELETE", POD, ""),
        ("DELETE", DEPLOYMENT, ""),
        ("CONNECT", ("", "v1", "PodExecOptions", "pods"), "exec"),
        ("CONNECT", ("", "v1", "PodAttachOptions", "pods"), "attach"),
        ("CREATE", ("", "v1", "Binding", "pods"), "binding"),
        ("CREATE", ("policy", "v1", "Eviction", "pods"), "eviction"),
        ("UPDATE", POD, "status"),
        ("UPDATE", ("autoscaling", "v1", "Scale", "deployments"), "scale"),
        (
            "CREATE",
            ("authentication.k8s.io", "v1", "TokenRequest", "serviceaccounts"),
            "token",
        ),
    ] {
        let mut review = asked(operation, kind, Value::Null, Value::Null);
        if sub_resource == "scale" {
            review["request"]["resource"]["group"] = "apps".into();
        }
        if sub_resource == "eviction" || sub_resource == "token" {
            review["request"]["resource"]["group"] = "".into();
        }
        let question = review.sub_resource(sub_resource).question();
        let Ok(Question::NothingToJudge(why)) = question else {
            panic!("{question:?}");
        };
        writeln!(said, "{why}").unwrap();
    }
    assert_eq!(
        said,
        "DELETE stores no image\nDELETE stores no image\nCONNECT stores no image\nCONNECT stores no image\n\
         `pods/binding` changes no image\n`pods/eviction` changes no image\n`pods/status` changes no image\n\
         `deployments/scale` changes no image\n`serviceaccounts/token` changes no image\n"
    );
}

#[test]
fn a_pod_under_a_sub_resource_is_judged_as_a_whole() {
    for name in ["ephemeralcontainers", "resize"] {
        let review = update(POD, pod(&[("app", "app:1")]), json!({"spec": everywhere()})).sub_resource(name);
        assert_eq!(review.images(), expected("spec"), "{name}");
    }
}

#[test]
fn what_is_not_known_is_refused_with_the_way_to_stop_it() {
    for (kind, sub_resource, text) in [
        (
            ("rbac.authorization.k8s.io", "v1", "Role", "roles"),
            "",
            "`rbac.authorization.k8s.io/v1 Role` is not a kind whose images are known here",
        ),
        (
            ("apps.example.com", "v1", "Deployment", "deployments"),
            "",
            "`apps.example.com/v1 Deployment` is not a kind whose images are known here",
        ),
        (POD, "exec2", "`v1 pods/exec2` is not a sub-resource that is known here"),
        (
            ("", "v1", "EphemeralContainers", "pods"),
            "ephemeralcontainers",
            "`v1 EphemeralContainers` is not a kind whose images are known here",
        ),
        (
            ("example.com", "v1", "Thing", "things"),
            "status",
            "`example.com/v1 things/status` is not a sub-resource that is known here",
        ),
    ] {
        let error = create(kind, json!({}))
            .sub_resource(sub_resource)
            .question()
            .unwrap_err();
        let reason = error.reason();
        assert_eq!(reason.what(), text);
        assert_eq!(reason.code(), ReasonCode::ReviewUnknownKind);
        let next = reason.next().unwrap_or_default();
        assert!(next.contains("rules of the webhook configuration"), "{next}");
    }
}

#[test]
fn a_change_without_an_object_is_an_error() {
    for operation in ["CREATE", "UPDATE"] {
        let error = asked(operation, POD, Value::Null, Value::Null).question().unwrap_err();
        assert_eq!(error.to_string(), format!("the review of a {operation} has no object"));
    }
}

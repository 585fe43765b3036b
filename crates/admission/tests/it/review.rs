//! What is read of a review, and what is refused, under the uid wherever there is one.

use countersign_admission::review::MAX_UID;
use countersign_admission::{Operation, Question, Review, ReviewErrorKind, question};
use countersign_policy::ReasonCode;
use serde_json::{Value, json};

use crate::asking::{Asked as _, POD, UID, asked, create, pod, update};

fn refused(body: impl Into<Vec<u8>>) -> (Option<String>, ReviewErrorKind) {
    let error = Review::parse(body.into().into()).expect_err("the review is refused");
    assert_eq!(error.reason().code(), ReasonCode::ReviewMalformed);
    (error.uid, error.kind)
}

fn under_uid(body: impl Into<Vec<u8>>) -> ReviewErrorKind {
    let (uid, kind) = refused(body);
    assert_eq!(uid.as_deref(), Some(UID), "{kind}");
    kind
}

/// A well-formed review with one field of its request replaced.
fn with(field: &str, value: Value) -> Vec<u8> {
    let mut review = create(POD, pod(&[("app", "app:1")]));
    review["request"][field] = value;
    review.body().to_vec()
}

#[test]
fn a_review_is_read() {
    let old = json!({"kind": "Pod", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}});
    let new = json!({"kind": "Pod", "metadata": {"labels": {"team": "shop"}}, "spec": {}});
    let mut body = update(POD, old, new).sub_resource("resize");
    body["request"]["dryRun"] = true.into();
    let review = body.review();
    assert_eq!(review.uid(), UID);
    assert_eq!(review.operation(), Operation::Update);
    assert_eq!(review.kind().to_string(), "v1 Pod");
    assert_eq!(review.resource().to_string(), "v1 pods");
    assert_eq!(review.sub_resource(), Some("resize"));
    assert_eq!(review.namespace(), Some("shop"));
    assert_eq!(review.name(), Some("app"));
    assert_eq!(review.user(), "alice");
    assert!(review.dry_run());
    assert!(review.deleting());
    assert_eq!(review.labels(), [("team".to_owned(), "shop".to_owned())].into());
}

#[test]
fn what_may_be_absent_may_be_absent() {
    let body = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": UID, "operation": "DELETE", "subResource": "", "name": "", "namespace": null, "object": null,
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"}}});
    let review = body.review();
    assert_eq!(review.kind().to_string(), "apps/v1 Deployment");
    assert_eq!(
        (review.sub_resource(), review.namespace(), review.name()),
        (None, None, None)
    );
    assert_eq!(review.user(), "");
    assert!(!review.dry_run() && !review.deleting());
    assert!(review.labels().is_empty());
}

#[test]
fn an_object_is_read_however_it_is_written() {
    let object = "{ \"kind\":\"P\\u006fd\",\n \"sp\\u0065c\": {\"containers\":[ {\"image\":\"a\\u0070p\"} ]},\"x\":1E3, \"y\":-0.0}";
    let template = create(POD, json!("OBJECT")).to_string();
    let body = template.replace("\"OBJECT\"", object);
    let review = Review::parse(body.into()).unwrap();
    let Ok(Question::Uses(uses)) = question(&review) else {
        panic!("it names an image");
    };
    assert_eq!(uses[0].image, "app");
}

#[test]
fn a_review_of_another_version_is_refused_under_its_uid() {
    for version in ["admission.k8s.io/v1beta1", "admission.k8s.io/v2", "v1", ""] {
        let mut review = create(POD, pod(&[("app", "app:1")]));
        review["apiVersion"] = version.into();
        let kind = under_uid(review.body());
        assert_eq!(
            kind,
            ReviewErrorKind::Version {
                found: version.to_owned()
            }
        );
        assert!(kind.to_string().contains("admissionReviewVersions: [v1]"), "{kind}");
    }
}

#[test]
fn a_document_that_is_not_a_review_is_refused() {
    let mut review = create(POD, pod(&[("app", "app:1")]));
    review["kind"] = "ConversionReview".into();
    assert_eq!(
        under_uid(review.body()),
        ReviewErrorKind::NotAReview {
            found: "ConversionReview".to_owned()
        }
    );
    for body in ["", "null", "[]", "3", "\"review\"", "{", "\u{feff}{}", "\0"] {
        let (uid, kind) = refused(body);
        assert_eq!(uid, None);
        assert!(
            matches!(kind, ReviewErrorKind::Json(_) | ReviewErrorKind::Shape(_)),
            "{body}: {kind:?}"
        );
    }
}

#[test]
fn what_a_decision_needs_must_be_there() {
    for field in ["kind", "apiVersion"] {
        let mut review = create(POD, pod(&[("app", "app:1")]));
        review.as_object_mut().unwrap().remove(field);
        assert_eq!(under_uid(review.body()), ReviewErrorKind::Missing { field });
    }
    for (field, name) in [
        ("request.operation", "operation"),
        ("request.kind", "kind"),
        ("request.resource", "resource"),
    ] {
        assert_eq!(under_uid(with(name, Value::Null)), ReviewErrorKind::Missing { field });
    }
    let empty = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"});
    assert_eq!(
        refused(empty.body()),
        (None, ReviewErrorKind::Missing { field: "request" })
    );
    let unknown = ReviewErrorKind::Operation {
        found: "create".to_owned(),
    };
    assert_eq!(under_uid(with("operation", "create".into())), unknown);
}

#[test]
fn a_uid_is_neither_empty_nor_endless() {
    let missing = ReviewErrorKind::Missing { field: "request.uid" };
    assert_eq!(refused(with("uid", "".into())), (None, missing.clone()));
    assert_eq!(refused(with("uid", Value::Null)), (None, missing));
    let long = "u".repeat(MAX_UID + 1);
    assert_eq!(
        refused(with("uid", long.into())),
        (None, ReviewErrorKind::LongUid { length: MAX_UID + 1 })
    );
    let longest = "u".repeat(MAX_UID);
    assert_eq!(
        Review::parse(with("uid", longest.clone().into()).into()).unwrap().uid(),
        longest
    );
    let (uid, kind) = refused(with("uid", 7.into()));
    assert_eq!(uid, None);
    assert!(matches!(kind, ReviewErrorKind::Shape(_)), "{kind:?}");
}

#[test]
fn a_part_of_the_review_that_is_of_another_shape_is_refused_and_named() {
    for (field, value, text) in [
        (
            "operation",
            json!(1),
            "`request.operation` must be a string, and is a number",
        ),
        (
            "namespace",
            json!([]),
            "`request.namespace` must be a string, and is an array",
        ),
        ("name", json!({}), "`request.name` must be a string, and is an object"),
        (
            "dryRun",
            json!("true"),
            "`request.dryRun` must be a boolean, and is a string",
        ),
        (
            "userInfo",
            json!("alice"),
            "`request.userInfo` must be an object, and is a string",
        ),
        (
            "userInfo",
            json!({"username": true}),
            "`request.userInfo.username` must be a string, and is a boolean",
        ),
        (
            "kind",
            json!(["", "v1", "Pod"]),
            "`request.kind` must be an object, and is an array",
        ),
        ("kind", json!({"kind": "Pod"}), "`request.kind.version` is missing"),
        (
            "resource",
            json!({"version": "v1"}),
            "`request.resource.resource` is missing",
        ),
    ] {
        let ReviewErrorKind::Shape(shape) = under_uid(with(field, value)) else {
            panic!("{text}");
        };
        assert_eq!(shape.to_string(), text);
    }
    let ReviewErrorKind::Shape(shape) = refused("[]").1 else {
        panic!("an array is no review");
    };
    assert_eq!(shape.to_string(), "the document must be an object, and is an array");
}

#[test]
fn a_key_that_stands_twice_is_refused_wherever_it_stands() {
    let review = create(POD, pod(&[("app", "app:1")])).to_string();
    for (once, twice) in [
        ("\"operation\":", "\"operation\":\"DELETE\",\"operation\":"),
        ("\"image\":", "\"image\":\"other:1\",\"image\":"),
        ("\"image\":", "\"im\\u0061ge\":\"other:1\",\"image\":"),
        ("\"groups\":", "\"groups\":[],\"groups\":"),
        ("\"options\":", "\"options\":{\"a\":{\"b\":1,\"b\":2}},\"opt\":"),
    ] {
        let body = review.replacen(once, twice, 1);
        assert_ne!(body, review);
        let kind = under_uid(body);
        assert!(matches!(kind, ReviewErrorKind::Json(_)), "{twice}: {kind:?}");
    }
    let two_uids = review.replacen("\"uid\":", "\"uid\":\"other\",\"uid\":", 1);
    assert_eq!(refused(two_uids).0, None);
    let two_requests = review.replacen("\"request\":", "\"request\":{\"uid\":\"other\"},\"request\":", 1);
    assert_eq!(refused(two_requests).0, None);
}

#[test]
fn a_broken_text_is_refused_under_the_uid_that_was_read_before_it_broke() {
    let review = format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"{UID}","object":{{}}}}}}"#
    );
    let deep = "[".repeat(100_000);
    for body in [
        review.clone() + "{}",
        review[..review.len() - 3].to_owned(),
        review.replace("{}", &deep),
        review.replace("{}", "nope"),
    ] {
        assert!(matches!(under_uid(body), ReviewErrorKind::Json(_)));
    }
    let mut not_utf8 = review.into_bytes();
    let at = not_utf8.len() - 3;
    not_utf8.splice(at..at, *b"\"a\":\"\xff\"");
    assert!(matches!(under_uid(not_utf8), ReviewErrorKind::Json(_)));
}

#[test]
fn an_object_that_is_none_is_refused() {
    for (field, value, text) in [
        (
            "object",
            json!("None"),
            "`request.object` must be an object, and is a string",
        ),
        (
            "oldObject",
            json!([]),
            "`request.oldObject` must be an object, and is an array",
        ),
        (
            "object",
            json!({"metadata": 1}),
            "`metadata` must be an object, and is a number",
        ),
        (
            "object",
            json!({"metadata": {"labels": {"a": 1}}}),
            "`metadata.labels` must be an object of strings, and is an object",
        ),
        (
            "object",
            json!({"kind": ["Pod"]}),
            "`kind` must be a string, and is an array",
        ),
    ] {
        let ReviewErrorKind::Object(shape) = under_uid(with(field, value)) else {
            panic!("{text}");
        };
        assert_eq!(shape.to_string(), text);
    }
}

#[test]
fn an_object_of_another_kind_than_the_review_says_is_refused() {
    let body = create(POD, json!({"kind": "ConfigMap"})).body();
    let other = ReviewErrorKind::OtherKind {
        expected: "Pod".to_owned(),
        found: "ConfigMap".to_owned(),
    };
    assert_eq!(under_uid(body), other);
}

#[test]
fn the_kind_is_that_of_the_object_we_are_sent() {
    let mut body = create(POD, pod(&[("app", "app:1")]));
    body["request"]["requestKind"] = json!({"group": "example.com", "version": "v9", "kind": "Machine"});
    body["request"]["requestResource"] = json!({"group": "example.com", "version": "v9", "resource": "machines"});
    body["request"]["requestSubResource"] = "status".into();
    body["request"]["fieldOfTheFuture"] = json!({"a": [1, 2]});
    assert_eq!(body.review().kind().kind, "Pod");
    assert_eq!(body.images().len(), 1);
}

/// CVE-2023-34091: who can write `deletionTimestamp` into an update was not looked at.
#[test]
fn a_deletion_that_only_the_new_object_claims_is_none() {
    let marked = json!({"kind": "Pod", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}});
    let plain = json!({"kind": "Pod", "metadata": {}, "spec": {}});
    assert!(!update(POD, plain.clone(), marked.clone()).review().deleting());
    assert!(!asked("CREATE", POD, marked.clone(), Value::Null).review().deleting());
    assert!(update(POD, marked, plain).review().deleting());
}

#[test]
fn a_quoted_text_is_shortened() {
    let (_, kind) = refused(with("operation", "x".repeat(10_000).into()));
    assert!(kind.to_string().len() < 200, "{kind}");
}

#[test]
fn the_reason_says_all_that_is_known() {
    let body = r#"{"kind":"AdmissionReview","request":{"uid":"u","object":{"a":1,"a":2}}}"#;
    let error = Review::parse(body.into()).unwrap_err();
    assert_eq!(error.uid.as_deref(), Some("u"));
    let what = error.reason().what().to_owned();
    assert!(what.starts_with("the review cannot be read: "), "{what}");
    assert!(what.contains("`a`"), "{what}");
}

//! From the API server's bytes to ours: never allowed without grounds, and never another image than the one judged.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_admission::respond::{MAX_MESSAGE, MAX_WARNING, MAX_WARNINGS};
use countersign_admission::review::MAX_UID;
use countersign_admission::workload::MAX_USES;
use countersign_admission::{
    Carried, FieldPath, Outcome, Patch, Question, Response, Review, Use, question, refuse, respond,
};
use countersign_image::{Digest, Reference, json};
use countersign_policy::{Enforcement, Judgement, ObjectFacts, Reason, ReasonCode, Verdict, judge};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::policy::{self, promises_of_judgement};
use crate::seeds::{Seeds, named};
use crate::signed::{self, DESK};
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "review",
        run: review,
        seeds: reviews,
        words: WORDS,
        mutations: 1_200,
    },
    Target {
        name: "answer",
        run: answer,
        seeds: answers,
        words: WORDS,
        mutations: 700,
    },
];

const WORDS: &[&str] = &[
    "\"uid\":\"x\",",
    "\"uid\":null,",
    "\"operation\":\"UPDATE\",",
    "\"operation\":\"DELETE\",",
    "\"kind\":\"Pod\",",
    "\"kind\":\"CronJob\",",
    "\"subResource\":\"ephemeralcontainers\",",
    "\"subResource\":\"status\",",
    "\"oldObject\":null,",
    "\"object\":{},",
    "\"containers\":[",
    "\"initContainers\":[],",
    "\"ephemeralContainers\":null,",
    "\"volumes\":[{\"image\":{\"reference\":\"x\"}}],",
    "{\"name\":\"a\",\"image\":\"b\"},",
    "\"image\":\"",
    "\"replicas\":0,",
    "\"deletionTimestamp\":\"\",",
    "\"labels\":{},",
    "{",
    "}",
    "[",
    "]",
    "null",
    "\\ud800",
    "\u{202e}",
];

/// A review, as the API server puts it together.
fn asked(operation: &str, (group, kind, resource): (&str, &str, &str), object: &Value, old: &Value) -> Vec<u8> {
    let review = json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": group, "version": "v1", "kind": kind},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "operation": operation,
            "namespace": "shop",
            "userInfo": {"username": "alice"},
            "object": object,
            "oldObject": old,
        },
    });
    review.to_string().into_bytes()
}

fn our_reviews() -> Vec<Vec<u8>> {
    let pod = ("", "Pod", "pods");
    let spec = json!({
        "initContainers": [{"name": "i", "image": "nginx:1.25"}],
        "containers": [{"name": "a", "image": signed::IMAGE}, {"name": "b", "image": "ghcr.io/a/b"}],
        "ephemeralContainers": [{"name": "e", "image": signed::IMAGE, "unknown": {"image": "no"}}],
        "volumes": [{"name": "v", "image": {"reference": "registry.example/data:1"}}, {"name": "w", "emptyDir": {}}],
    });
    let signed_only = json!({"kind": "Pod", "spec": {"containers": [{"name": "a", "image": signed::IMAGE}]}});
    let template = json!({"spec": {"replicas": 2, "template": {"spec": spec}}});
    let fewer = json!({"spec": {"replicas": 1, "template": {"spec": spec}}});
    let job = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}});
    let object = json!({"kind": "Pod", "metadata": {"labels": {"app": "shop"}}, "spec": spec});
    vec![
        asked("CREATE", pod, &object, &Value::Null),
        asked("UPDATE", pod, &object, &object),
        asked("CREATE", pod, &signed_only, &Value::Null),
        asked("DELETE", pod, &Value::Null, &object),
        asked("UPDATE", ("apps", "Deployment", "deployments"), &fewer, &template),
        asked("CREATE", ("batch", "CronJob", "cronjobs"), &job, &Value::Null),
    ]
}

fn reviews(seeds: &mut Seeds) {
    for review in our_reviews() {
        seeds.add(review);
    }
    seeds.add_corpus(&["reviews"], |path, bytes| {
        named(path, &[".json"]).then(|| bytes.to_vec())
    });
}

/// The uid is kept whatever is wrong with the rest; every image is found where it stands, and no other.
fn review(data: &[u8]) {
    let review = match Review::parse(Bytes::copy_from_slice(data)) {
        Ok(review) => review,
        Err(error) => {
            spoken::refusal(&error);
            let uid = readable_uid(data);
            assert!(
                uid.is_none() || error.uid == uid,
                "the uid {uid:?} is lost: {:?}",
                error.uid
            );
            return promises_of_response(&refuse(error.uid.as_deref(), &error.reason()), error.uid.as_deref());
        }
    };
    let value: Value = json::strict(data).unwrap();
    assert_eq!(value["request"]["uid"], review.uid());
    assert!((1..=MAX_UID).contains(&review.uid().len()));
    match question(&review) {
        Ok(Question::Uses(uses)) => promises_of_uses(&uses, &value["request"]),
        Ok(Question::NothingToJudge(why)) => spoken::line(&why.to_string()),
        Err(error) => {
            spoken::refusal(&error);
            promises_of_response(&refuse(Some(review.uid()), &error.reason()), Some(review.uid()));
        }
    }
}

/// The uid of a body that is JSON at all, and says it once.
fn readable_uid(data: &[u8]) -> Option<String> {
    let value: Value = json::strict(data).ok()?;
    let uid = value.get("request")?.as_object()?.get("uid")?.as_str()?;
    (1..=MAX_UID).contains(&uid.len()).then(|| uid.to_owned())
}

fn promises_of_uses(uses: &[Use], request: &Value) {
    assert!((1..=MAX_USES).contains(&uses.len()));
    let object = &request["object"];
    let mut paths = BTreeSet::new();
    for found in uses {
        assert!(paths.insert(found.path.pointer()), "{} twice", found.path);
        assert_eq!(
            object.pointer(&found.path.pointer()),
            Some(&Value::from(found.image.as_str()))
        );
        assert!(!found.image.is_empty());
        match &found.carried {
            Carried::New => {}
            Carried::Unchanged => assert!(images(&request["oldObject"]).contains(&found.image)),
            Carried::Stored(text) => {
                assert!(images(&request["oldObject"]).contains(text));
                let (stored, image) = (Reference::parse(text).unwrap(), Reference::parse(&found.image).unwrap());
                assert!(stored.digest().is_some() && image.digest().is_none());
                assert_eq!(stored.repository(), image.repository());
            }
        }
    }
    let found: BTreeSet<String> = uses.iter().map(|found| found.image.clone()).collect();
    assert_eq!(found, images(object), "images of the object");
}

/// Every image of a Pod or a template, wherever it is in an object of a kind that we know: the slow way.
fn images(object: &Value) -> BTreeSet<String> {
    let ways = [
        "/spec/jobTemplate/spec/template/spec",
        "/spec/template/spec",
        "/template/spec",
        "/spec",
    ];
    let lists = ["initContainers", "containers", "ephemeralContainers", "volumes"];
    let has_list = |spec: &&Value| {
        lists
            .iter()
            .any(|list| spec.get(list).is_some_and(|list| !list.is_null()))
    };
    let mut found = BTreeSet::new();
    let Some(spec) = ways.iter().filter_map(|way| object.pointer(way)).find(has_list) else {
        return found;
    };
    for list in lists {
        for entry in spec[list].as_array().into_iter().flatten() {
            let image = if list == "volumes" {
                &entry["image"]["reference"]
            } else {
                &entry["image"]
            };
            found.extend(image.as_str().filter(|image| !image.is_empty()).map(str::to_owned));
        }
    }
    found
}

/// Our answer is a review with the same uid, says `allowed` once, and is no longer than anybody will keep.
fn promises_of_response(response: &Response, uid: Option<&str>) {
    let bytes = response.to_bytes();
    let value: Value = json::strict(&bytes).unwrap();
    let body = &value["response"];
    assert_eq!(body["uid"], uid.unwrap_or_default());
    assert_eq!(body["allowed"], response.allowed());
    assert_eq!(body.get("status").is_none(), response.allowed());
    assert!(response.allowed() || !response.message().is_empty());
    assert!(response.allowed() || response.patch().is_none());
    assert!(response.message().len() <= MAX_MESSAGE);
    spoken::lines(response.message());
    let size: usize = response.warnings().iter().map(String::len).sum();
    assert!(size <= MAX_WARNINGS);
    for warning in response.warnings() {
        assert!(warning.len() <= MAX_WARNING);
        spoken::line(warning);
    }
    for annotation in response.audit_annotations().values() {
        spoken::line(annotation);
    }
}

fn answers(seeds: &mut Seeds) {
    let items: Vec<_> = DESK.items.iter().map(signed::written).collect();
    for (number, review) in our_reviews().into_iter().enumerate() {
        for set in [0, 1, 3, 4, 5, 6, 8] {
            let item = &items[number % items.len()];
            let length = u16::try_from(item.len()).unwrap().to_be_bytes();
            seeds.add([&[set, 0][..], &length, item, &review].concat());
        }
    }
    seeds.add_corpus(&["reviews"], |path, bytes| {
        named(path, &[".json"]).then(|| [&[6, 0, 0, 0][..], bytes].concat())
    });
}

/// A whole request, on evidence that anybody may have made: allowed exactly where every enforced policy admits, on a
/// signature only where it is one; and the patch writes pinned images where images stood, and nothing else.
fn answer(data: &[u8]) {
    let [number, circumstances, high, low, rest @ ..] = data else {
        return;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
    let (item, body) = rest.split_at(length);
    let Ok(review) = Review::parse(Bytes::copy_from_slice(body)) else {
        return;
    };
    let uses = match question(&review) {
        Ok(Question::Uses(uses)) => uses,
        Ok(Question::NothingToJudge(why)) => {
            let judgement = Judgement::nothing_to_judge("object", why.to_string());
            let outcome = Outcome {
                paths: Vec::new(),
                image: String::new(),
                judgement: judgement.into(),
            };
            let response = respond(review.uid(), &[outcome], None);
            assert!(response.allowed());
            return promises_of_response(&response, Some(review.uid()));
        }
        Err(_) => return,
    };
    let (set, asks) = policy::set(*number);
    let object = ObjectFacts {
        group: review.resource().group.clone(),
        version: review.resource().version.clone(),
        resource: review.resource().resource.clone(),
        labels: review.labels(),
    };
    let content = signed::read(item);
    let truly_signed = content.as_ref().is_some_and(|content| DESK.signed(content));
    let mut evidence = policy::gathered(content, *circumstances);
    let mut pins = Vec::new();
    let mut outcomes = Vec::new();
    for found in &uses {
        let reference = Reference::parse(&found.image);
        let judgement = match reference.as_ref().map(Reference::pinned) {
            _ if found.carried == Carried::Unchanged => Judgement::unchanged(&found.image),
            Ok(Some(image)) => {
                evidence.image = image.clone();
                let judgement = judge(&evidence, &set.governing(&image, &object), Timestamp::UNIX_EPOCH);
                let admits = matches!(judgement.verdict(), Verdict::Admit(_));
                let is_ours = image.digest() == DESK.image.digest();
                let may = *asks == policy::Asks::NothingEnforced || (truly_signed && is_ours);
                assert!(!admits || may, "let in on a forgery");
                judgement
            }
            Ok(None) | Err(_) => Judgement::refused(&found.image, Reason::new(ReasonCode::ImageUnpinned, "not pinned")),
        };
        promises_of_judgement(&judgement);
        if let Ok(reference) = reference {
            pins.push((
                found.path.clone(),
                reference.resolved(Digest::sha256(b"resolved")).written(),
            ));
        }
        outcomes.push(Outcome {
            paths: vec![found.path.clone()],
            image: found.image.clone(),
            judgement: judgement.into(),
        });
    }
    let patch = Patch::pin(&pins);
    let asked: Value = json::strict(body).unwrap();
    promises_of_patch(&patch, &pins, &asked["request"]["object"]);
    let response = respond(review.uid(), &outcomes, Some(patch));
    promises_of_response(&response, Some(review.uid()));
    assert_eq!(response.allowed(), !outcomes.iter().any(keeps_out));
    let allowed_unsigned = respond(review.uid(), &[], Some(Patch::pin(&pins)));
    assert!(!allowed_unsigned.allowed(), "allowed on no grounds at all");
    if let Some(patch) = response.patch() {
        let bytes: Value = serde_json::from_slice(&response.to_bytes()).unwrap();
        let written = STANDARD.decode(bytes["response"]["patch"].as_str().unwrap()).unwrap();
        assert_eq!(written, patch.to_json());
    }
}

fn keeps_out(outcome: &Outcome) -> bool {
    let mut rulings = outcome.judgement.rulings().iter();
    rulings.any(|ruling| ruling.enforcement() == Enforcement::Enforce && !matches!(ruling.verdict(), Verdict::Admit(_)))
}

/// Applied as RFC 6902 has it, the patch leaves every other value as it was.
fn promises_of_patch(patch: &Patch, pins: &[(FieldPath, String)], before: &Value) {
    let mut after = before.clone();
    let operations: Vec<Value> = serde_json::from_slice(&patch.to_json()).unwrap();
    assert_eq!(operations.len(), pins.len());
    for operation in &operations {
        assert_eq!(operation["op"], "replace");
        let target = after.pointer_mut(operation["path"].as_str().unwrap()).unwrap();
        assert!(target.is_string());
        *target = operation["value"].clone();
    }
    for (path, text) in pins {
        let target = after.pointer_mut(&path.pointer()).unwrap();
        assert_eq!(target, text);
        assert!(Reference::parse(text).unwrap().digest().is_some());
        *target = before.pointer(&path.pointer()).unwrap().clone();
    }
    assert_eq!(&after, before);
}

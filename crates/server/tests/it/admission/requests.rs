//! Requests that are none: each is refused in words, and none is let in.

use serde_json::{Value, json};

use super::rig::Rig;
use super::rig::api_server::{Answer, create, pod, review};
use super::rig::shop::{Shop, policy};

/// Everything that reaches a policy is let in here, so that whatever is refused never reached one.
async fn lenient() -> (Shop, Rig, Value) {
    let shop = Shop::open().await;
    let image = shop.push("team/app", "1.0", "any").await;
    let text = policy("anything", "**", &json!({ "static": { "action": "pass" } }));
    let rig = Rig::open(&[("1.yaml", text)]).await;
    let request = create(&pod(&[&image.written()]));
    rig.validate(&request).await.expect_allowed();
    (shop, rig, request)
}

/// What is wrong, the body, the uid that can be made out of it, and what the refusal says.
fn unreadable(request: &Value) -> Vec<(&'static str, String, &str, &'static str)> {
    let good = review(request).to_string();
    let with = |pointer: &str, value: Value| {
        let mut review = review(request);
        *review.pointer_mut(pointer).unwrap() = value;
        review.to_string()
    };
    let image = request["object"]["spec"]["containers"][0]["image"].to_string();
    let twice = good.replace(&image, &format!(r#""other","image":{image}"#));
    let two_requests = good.replacen("\"request\":", "\"request\":{},\"request\":", 1);
    let (uid, none, half) = (request["uid"].as_str().unwrap(), "", good.len() / 2);
    let beta = json!("admission.k8s.io/v1beta1");
    let (json, null) = ("cannot be read", Value::Null);
    vec![
        ("another version", with("/apiVersion", beta), uid, "v1beta1"),
        ("another kind", with("/kind", json!("Pod")), uid, "`AdmissionReview`"),
        ("no request", with("/request", null.clone()), none, "request"),
        ("no uid", with("/request/uid", json!("")), none, "uid"),
        ("a long uid", with("/request/uid", json!("u".repeat(257))), none, "257"),
        (
            "an unknown operation",
            with("/request/operation", json!("PATCH")),
            uid,
            "PATCH",
        ),
        ("no object", with("/request/object", null), uid, "no object"),
        (
            "an object of another kind",
            with("/request/object/kind", json!("Job")),
            uid,
            "`Job`",
        ),
        (
            "a number for an image",
            good.replace(&image, "1"),
            uid,
            "must be a string",
        ),
        ("an image twice", twice, uid, "image"),
        ("two requests", two_requests, uid, "request"),
        ("something after it", format!("{good}{{}}"), uid, json),
        ("half of it", good[..half].to_owned(), none, json),
        ("not JSON", "apiVersion: admission.k8s.io/v1".to_owned(), none, json),
        ("nothing", String::new(), none, json),
    ]
}

#[tokio::test]
async fn a_review_that_cannot_be_read_is_refused_under_its_uid() {
    let (_shop, rig, request) = lenient().await;
    for (what, body, uid, word) in unreadable(&request) {
        for path in ["mutate", "validate"] {
            let response = rig.api_server.send(path, &["application/json"], body.clone()).await;
            assert_eq!(
                response.status().as_u16(),
                200,
                "{what}: the API server reads the reason only from a review"
            );
            let answer = Answer::of(response).await;
            answer.expect_refused(400, &["review.malformed", word]);
            // What broke off before its uid, or put two there, has none.
            if what != "half of it" {
                assert_eq!(answer.uid(), uid, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn kinds_that_nobody_knows_are_refused() {
    let (_shop, rig, request) = lenient().await;
    let mut of_custom_kind = request.clone();
    of_custom_kind["kind"] = json!({ "group": "serving.knative.dev", "version": "v1", "kind": "Service" });
    of_custom_kind["object"]["kind"] = json!("Service");
    of_custom_kind["object"]["apiVersion"] = json!("serving.knative.dev/v1");
    let mut of_sub_resource = request.clone();
    of_sub_resource["subResource"] = json!("novelty");
    for (request, word) in [
        (of_custom_kind, "serving.knative.dev"),
        (of_sub_resource, "pods/novelty"),
    ] {
        for answer in [rig.mutate(&request).await, rig.validate(&request).await] {
            answer.expect_refused(400, &["review.unknown_kind", word, "webhook configuration"]);
        }
    }
}

#[tokio::test]
async fn a_thousand_images_are_read_and_one_more_is_refused() {
    let (shop, rig, request) = lenient().await;
    let image = request["object"]["spec"]["containers"][0]["image"].as_str().unwrap();
    shop.traffic.take();
    rig.validate(&create(&pod(&vec![image; 1000]))).await.expect_allowed();
    rig.validate(&create(&pod(&vec![image; 1001])))
        .await
        .expect_refused(400, &["review.malformed", "1001"]);
    assert_eq!(shop.traffic.take(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_review_by_its_headers_is_told_so_by_the_status() {
    let (_shop, rig, request) = lenient().await;
    let body = review(&request).to_string();
    let json = "application/json";
    for (types, status) in [
        (vec![json], 200),
        (vec!["application/json; charset=utf-8"], 200),
        (vec![], 415),
        (vec!["text/plain"], 415),
        (vec!["application/yaml"], 415),
        (vec!["application/jsonp"], 415),
        (vec![json, json], 415),
        (vec![json, "text/plain"], 415),
    ] {
        let response = rig.api_server.send("validate", &types, body.clone()).await;
        assert_eq!(response.status().as_u16(), status, "{types:?}");
    }
    let unknown = rig.api_server.send("allow-everything", &[json], body.clone()).await;
    assert_eq!(unknown.status().as_u16(), 404);
    for alias in ["validations", "mutations"] {
        let response = rig.api_server.send(alias, &[json], body.clone()).await;
        assert!(Answer::of(response).await.allowed(), "{alias}");
    }
}

#[tokio::test]
async fn a_body_above_the_cap_is_not_read() {
    let (_shop, rig, mut request) = lenient().await;
    let pad = |length: usize| json!("x".repeat(length));
    request["object"]["metadata"]["annotations"] = json!({ "large": pad(6 << 20) });
    rig.validate(&request).await.expect_allowed();
    request["object"]["metadata"]["annotations"] = json!({ "large": pad(8 << 20) });
    let response = rig
        .api_server
        .send("validate", &["application/json"], review(&request).to_string())
        .await;
    assert_eq!(response.status().as_u16(), 413);
    // The same without a length that could be refused at once.
    let text = review(&request).to_string();
    let chunks: Vec<_> = text
        .as_bytes()
        .chunks(64 << 10)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
        .collect();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let response = rig.api_server.send("validate", &["application/json"], body).await;
    assert_eq!(response.status().as_u16(), 413);
}

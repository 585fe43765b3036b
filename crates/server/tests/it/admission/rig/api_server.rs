//! The API server's part: reviews of objects, sent over one connection, and what it makes of the answers.

use std::net::SocketAddr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::PATIENCE;

#[derive(Clone)]
pub(crate) struct ApiServer {
    client: reqwest::Client,
    door: SocketAddr,
}

/// What the door answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer(pub(crate) Value);

impl ApiServer {
    /// Trusts the door's certificate and nothing else, as a `caBundle` says.
    pub(crate) fn trusting(authority: &str, door: SocketAddr) -> Self {
        static PROVIDER: Once = Once::new();
        // Another part of this binary may have been first.
        PROVIDER.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
        let authority = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([authority])
            .no_proxy()
            .timeout(PATIENCE)
            .build();
        Self {
            client: client.unwrap(),
            door,
        }
    }

    /// Asks one webhook about a request.
    pub(crate) async fn ask(&self, path: &str, request: &Value) -> Answer {
        self.ask_with_timeout(path, "10s", request).await
    }

    pub(crate) async fn ask_with_timeout(&self, path: &str, timeout: &str, request: &Value) -> Answer {
        let review = review(request);
        let response = self
            .send(
                &format!("{path}?timeout={timeout}"),
                &["application/json"],
                review.to_string(),
            )
            .await;
        assert_eq!(response.status().as_u16(), 200, "a review is answered by a review");
        let answer = Answer::of(response).await;
        assert_eq!(answer.uid(), request["uid"], "an answer to another request is none");
        answer
    }

    pub(crate) async fn get(&self, url: &str) -> String {
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// Sends any body with any content types.
    pub(crate) async fn send(
        &self,
        path_and_query: &str,
        content_types: &[&str],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Response {
        let mut post = self.client.post(format!("https://{}/{path_and_query}", self.door));
        for content_type in content_types {
            post = post.header("content-type", *content_type);
        }
        post.body(body).send().await.unwrap()
    }
}

/// The review that carries a request.
pub(crate) fn review(request: &Value) -> Value {
    json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request })
}

/// A uid that no other request has.
pub(crate) fn uid() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A request to create an object of one of the kinds in [`RESOURCES`].
pub(crate) fn create(object: &Value) -> Value {
    request("CREATE", object, &Value::Null)
}

pub(crate) fn update(old: &Value, object: &Value) -> Value {
    request("UPDATE", object, old)
}

pub(crate) fn request(operation: &str, object: &Value, old: &Value) -> Value {
    let present = if object.is_null() { old } else { object };
    let kind = present["kind"].as_str().unwrap();
    let (group, version) = match present["apiVersion"].as_str().unwrap().split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", "v1"),
    };
    json!({
        "uid": uid(),
        "kind": { "group": group, "version": version, "kind": kind },
        "resource": { "group": group, "version": version, "resource": format!("{}s", kind.to_lowercase()) },
        "name": present["metadata"]["name"],
        "namespace": "shop",
        "operation": operation,
        "userInfo": { "username": "jane@example.com", "groups": ["system:authenticated"] },
        "object": object,
        "oldObject": old,
        "dryRun": false,
    })
}

/// A Pod with one container for each image.
pub(crate) fn pod(images: &[&str]) -> Value {
    let containers: Vec<_> = images
        .iter()
        .enumerate()
        .map(|(number, image)| json!({ "name": format!("c{number}"), "image": image }))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "labels": { "app": "web" } },
        "spec": { "containers": containers, "serviceAccountName": "web-secret-account" },
    })
}

/// A Deployment with one container.
pub(crate) fn deployment(image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": { "replicas": replicas, "template": { "spec": { "containers": [{ "name": "c0", "image": image }] } } },
    })
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        Self(serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    pub(crate) fn uid(&self) -> &str {
        self.0["response"]["uid"].as_str().unwrap()
    }

    pub(crate) fn allowed(&self) -> bool {
        self.0["response"]["allowed"].as_bool().unwrap()
    }

    /// Zero where there is no status.
    pub(crate) fn code(&self) -> u64 {
        self.0["response"]["status"]["code"].as_u64().unwrap_or(0)
    }

    pub(crate) fn message(&self) -> &str {
        self.0["response"]["status"]["message"].as_str().unwrap_or("")
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        let warnings = self.0["response"]["warnings"].as_array();
        warnings
            .into_iter()
            .flatten()
            .map(|warning| warning.as_str().unwrap())
            .collect()
    }

    /// The operations of the patch; none where there is no patch.
    pub(crate) fn patch(&self) -> Vec<Value> {
        let response = &self.0["response"];
        let Some(patch) = response["patch"].as_str() else {
            return Vec::new();
        };
        assert_eq!(response["patchType"], "JSONPatch");
        serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap()
    }

    /// The object as it would be stored.
    pub(crate) fn applied_to(&self, object: &Value) -> Value {
        let mut object = object.clone();
        for operation in self.patch() {
            assert_eq!(operation["op"], "replace", "the door replaces, and does nothing else");
            *object.pointer_mut(operation["path"].as_str().unwrap()).unwrap() = operation["value"].clone();
        }
        object
    }

    /// Fails unless the object is let in.
    #[track_caller]
    pub(crate) fn expect_allowed(&self) -> &Self {
        assert!(self.allowed(), "{self:#?}");
        assert_eq!(self.message(), "");
        self
    }

    /// Fails unless the object is turned away with this status, in words that hold each of these.
    #[track_caller]
    pub(crate) fn expect_refused(&self, code: u64, words: &[&str]) -> &Self {
        assert!(!self.allowed(), "{self:#?}");
        assert_eq!(self.code(), code, "{}", self.message());
        let reason = if code == 503 {
            "ServiceUnavailable"
        } else {
            "BadRequest"
        };
        assert_eq!(self.0["response"]["status"]["reason"], reason);
        assert_eq!(self.patch(), [Value::Null; 0], "what is refused is not changed");
        for word in words {
            assert!(self.message().contains(word), "`{word}` is not in\n{}", self.message());
        }
        self
    }
}

//! The API server's part, played by us: AdmissionReviews over TLS, first to `/mutate`, then to `/validate`.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::scenes::Answer;
use crate::failure::Failure;

pub(super) struct ApiServer {
    client: reqwest::Client,
    door: SocketAddr,
}

impl ApiServer {
    /// Trusts the door's certificate authority and nothing else, as a `caBundle` says.
    pub(super) fn trusting(authority_pem: &str, door: SocketAddr) -> Result<Self, Failure> {
        let built = reqwest::Certificate::from_pem(authority_pem.as_bytes()).and_then(|authority| {
            reqwest::Client::builder()
                .tls_certs_only([authority])
                .https_only(true)
                .no_proxy()
                .timeout(Duration::from_secs(10))
                .build()
        });
        Ok(Self {
            client: built.map_err(Failure::misuse)?,
            door,
        })
    }

    /// Asks both webhooks, as for `kubectl create`.
    pub(super) async fn create(&self, number: u32, pod: &Value) -> Result<Answer, Failure> {
        let mut pod = pod.clone();
        let mutated = self.ask("mutate", number, &pod).await?;
        if let Some(words) = refusal(&mutated) {
            return Ok(Answer::TurnedAway(words));
        }
        if let Some(patch) = mutated["response"]["patch"].as_str() {
            apply(patch, &mut pod)?;
        }
        let validated = self.ask("validate", number, &pod).await?;
        match refusal(&validated) {
            Some(words) => Ok(Answer::TurnedAway(words)),
            None => Ok(Answer::Stored(
                pod["spec"]["containers"][0]["image"].as_str().unwrap_or("?").to_owned(),
            )),
        }
    }

    async fn ask(&self, phase: &str, number: u32, pod: &Value) -> Result<Value, Failure> {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": format!("00000000-0000-4000-8000-{number:012}"),
                "kind": { "group": "", "version": "v1", "kind": "Pod" },
                "resource": { "group": "", "version": "v1", "resource": "pods" },
                "name": pod["metadata"]["name"], "namespace": "shop", "operation": "CREATE",
                "userInfo": { "username": "you" }, "object": pod, "oldObject": null, "dryRun": false,
            },
        });
        let url = format!("https://{}/{phase}?timeout=10s", self.door);
        let asked = async {
            let request = self
                .client
                .post(url)
                .header("content-type", "application/json")
                .body(review.to_string());
            request.send().await?.error_for_status()?.bytes().await
        };
        let body = asked
            .await
            .map_err(|error| Failure::misuse(error).context("the admission door did not answer"))?;
        serde_json::from_slice(&body)
            .map_err(|error| Failure::misuse(error).context("the admission door answered no review"))
    }
}

fn refusal(review: &Value) -> Option<String> {
    let response = &review["response"];
    if response["allowed"] == json!(true) {
        return None;
    }
    Some(
        response["status"]["message"]
            .as_str()
            .unwrap_or("no reason was given")
            .to_owned(),
    )
}

/// The door's patches replace strings, and nothing else is expected of them here.
fn apply(patch: &str, object: &mut Value) -> Result<(), Failure> {
    let mut apply_all = || -> anyhow::Result<()> {
        let operations: Vec<Value> = serde_json::from_slice(&STANDARD.decode(patch)?)?;
        for operation in operations {
            let path = operation["path"].as_str().unwrap_or_default();
            anyhow::ensure!(operation["op"] == "replace", "it does something other than replace");
            let place = object
                .pointer_mut(path)
                .ok_or_else(|| anyhow::anyhow!("it names `{path}`, which is not there"))?;
            *place = operation["value"].clone();
        }
        Ok(())
    };
    apply_all().map_err(|error| Failure::misuse(error).context("the door's patch cannot be applied"))
}

//! `countersign serve admission`, and the API server's part before it.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Folder, Serving};

/// A certificate of its own for 127.0.0.1.
pub(crate) struct Certificate {
    pem: String,
}

impl Certificate {
    /// Writes `tls.crt` and `tls.key`; it expires in so many days.
    pub(crate) fn write(folder: &Folder, days: i64) -> Self {
        let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let now = jiff::Timestamp::now().as_second();
        let at = |second: i64| {
            let date = jiff::Timestamp::from_second(second)
                .unwrap()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .date();
            rcgen::date_time_ymd(
                date.year().into(),
                date.month().unsigned_abs(),
                date.day().unsigned_abs(),
            )
        };
        parameters.not_before = at(now - 30 * 86_400);
        parameters.not_after = at(now + days * 86_400);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        folder.write("tls.crt", &pem);
        folder.write("tls.key", key.serialize_pem());
        Self { pem }
    }
}

pub(crate) struct Door<'a> {
    pub(crate) serving: Serving<'a>,
    base_url: String,
    client: reqwest::Client,
    runtime: Runtime,
}

impl<'a> Door<'a> {
    pub(crate) fn open(folder: &'a Folder, certificate: &Certificate, arguments: &[&str]) -> Self {
        let mut serving = Serving::start(
            folder,
            "door",
            folder.command(&[&["serve", "admission"], arguments].concat()),
        );
        let base_url = serving.address("the admission door listens");
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(certificate.pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([authority])
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        // A connection that nobody drives would hold up the door's end.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            serving,
            base_url,
            client,
            runtime,
        }
    }

    /// Asks as if a Pod with this image were created; the answer's `response`.
    pub(crate) fn ask(&self, path: &str, uid: &str, image: &str) -> Value {
        self.runtime
            .block_on(self.answer(&format!("{path}?timeout=10s"), uid, image))
    }

    /// Asks about all of these images at once, as an API server would that waits as long as it may.
    pub(crate) fn ask_at_once(&self, path: &str, images: &[String]) -> Vec<Value> {
        let path = format!("{path}?timeout=30s");
        let all = images.iter().map(|image| self.answer(&path, image, image));
        self.runtime.block_on(futures_util::future::join_all(all))
    }

    async fn answer(&self, path: &str, uid: &str, image: &str) -> Value {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": uid, "operation": "CREATE", "namespace": "default", "name": "app",
                "kind": { "group": "", "version": "v1", "kind": "Pod" },
                "resource": { "group": "", "version": "v1", "resource": "pods" },
                "userInfo": { "username": "somebody" },
                "object": {
                    "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "app" },
                    "spec": { "containers": [{ "name": "app", "image": image }] },
                },
            },
        });
        let request = self
            .client
            .post(format!("{}/{path}", self.base_url))
            .header("content-type", "application/json")
            .body(review.to_string());
        let body = request.send().await.unwrap().bytes().await.unwrap();
        let review: Value = serde_json::from_slice(&body).unwrap();
        review["response"].clone()
    }

    pub(crate) fn get(&self, url: &str) -> (u16, String) {
        self.runtime.block_on(async {
            let answer = self.client.get(url).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }
}

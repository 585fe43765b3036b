//! Through a real API server: Pods that are not stored, before our pair of webhooks and before a constant pair.
//!
//! Pods by digest need no patch, and neither pair answers with one. Pods by tag are pinned by a patch, after which the API
//! server decodes, defaults and checks the Pod once more: that is the API server's work for whoever pins, so there the
//! constant pair answers with the same patch.
//!
//! Both are registered as a Service, which is how they are installed: the API server dials that with HTTP/1.1. The Service is
//! another name for this machine, as there is no node here to run Pods on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_acceptance::objects;
use countersign_acceptance::pki::Files as Pair;
use countersign_acceptance::plane::Plane;
use countersign_acceptance::wait::{self, SOON};
use countersign_evidence::Layout;
use countersign_image::Pinned;
use serde_json::{Value, json};

use super::tagged;
use super::turns::{Side, interleave_each};
use crate::doors::{Door, Files};
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, Question, Target, drive};
use crate::stage::{Place, Stage};

const IMAGES: usize = 100;
/// In turns of so many; all turns of a comparison together are 4,800 Pods.
const TURN: u64 = 300;
const ROUNDS: usize = 8;
const PROTOCOL: Protocol = Protocol::Http1 { connections: 8 };
const WEBHOOKS: [(&str, &str); 2] = [
    ("mutate", "MutatingWebhookConfiguration"),
    ("validate", "ValidatingWebhookConfiguration"),
];

/// Runs it.
pub async fn run(place: &Place) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let images = stage.shop.signed("apiserver", Layout::Bundle, IMAGES).await?;
    let first = images.first().context("there is no image")?;
    let plane = tokio::task::spawn_blocking(Plane::shared).await??;
    let authority = plane.authority().certificate();
    let folder = authority.parent().context("the authority is in no folder")?;
    let [ours, constant, pinning] = ["ours", "constant", "pinning"].map(|name| Guarded::new(&plane, name));
    let (ours, constant, pinning) = (ours?, constant?, pinning?);
    let doors = [
        stage.door_with(ours.files(folder), 0).await?,
        Door::constant(constant.files(folder)).await?,
        Door::pinning(pinning.files(folder), &first.written()).await?,
    ];
    for (guarded, door) in [&ours, &constant, &pinning].into_iter().zip(&doors) {
        guarded.register(&plane, door.address)?;
        guarded.until_asked(&plane, &images)?;
    }
    let [our_door, constant_door, pinning_door] = &doors;
    let by_digest: Vec<String> = images.iter().map(Pinned::written).collect();
    let by_tag: Vec<String> = images.iter().map(tagged).collect();
    // The pinning door knows one image.
    let one_tag = vec![tagged(first); IMAGES];
    let figures = vec![
        compare(
            &plane,
            "dry-run Pods by digest: rate over that with the constant pair",
            (our_door, ours.pods(&by_digest)),
            (constant_door, constant.pods(&by_digest)),
        )
        .await?,
        compare(
            &plane,
            "dry-run Pods by tag: rate over that with a constant pair that answers with the same patch",
            (our_door, ours.pods(&by_tag)),
            (pinning_door, pinning.pods(&one_tag)),
        )
        .await?,
    ];
    Ok(Results {
        scenario: "apiserver",
        figures,
    })
}

/// A door, and what is asked of the API server that asks it.
type Asked<'a> = (&'a Door, Arc<[Question]>);

async fn compare(plane: &Plane, what: &str, ours: Asked<'_>, constant: Asked<'_>) -> Result<Figure> {
    let mut sides = Vec::new();
    let mut questions = Vec::new();
    for (door, pods) in [ours, constant] {
        let side = Side {
            target: target(plane)?,
            process: door.process()?,
        };
        drive(&side.target, PROTOCOL, Pace::Times(TURN), &pods)
            .await?
            .all_accepted()?;
        sides.push(side);
        questions.push(pods);
    }
    let runs = interleave_each(&sides, ROUNDS, PROTOCOL, Pace::Times(TURN), &questions).await?;
    let (ours, constant) = (&runs[0], &runs[1]);
    Ok(Figure::told(what, ours.rate_over(constant), "")
        .wanted(Wanted::AtLeast(0.95))
        .beside(format!(
            "{:.0}/s over {:.0}/s; n = {}; both webhooks together {:.0} µs of the door's CPU a Pod, the constant pair {:.0} µs",
            ours.rate(),
            constant.rate(),
            ours.answered() + constant.answered(),
            ours.cpu_each(),
            constant.cpu_each()
        )))
}

/// The API server itself, asked by its administrator.
fn target(plane: &Plane) -> Result<Target> {
    let authority = plane.authority();
    let administrator = authority.client("load", Some("system:masters"))?;
    Target::known_as(
        &authority.pem(),
        plane.address(),
        &administrator.certificate,
        &administrator.key,
    )
}

/// A namespace, and the Service that stands before it under the same name.
struct Guarded {
    name: &'static str,
    pair: Pair,
}

impl Guarded {
    fn new(plane: &Plane, name: &'static str) -> Result<Self> {
        plane.namespace(name)?;
        let host = format!("door.{name}.svc");
        Ok(Self {
            name,
            pair: plane.authority().serving(&format!("door-{name}"), &[&host])?,
        })
    }

    fn files<'a>(&'a self, folder: &'a Path) -> Files<'a> {
        Files {
            folder,
            certificate: &self.pair.certificate,
            key: &self.pair.key,
        }
    }

    fn register(&self, plane: &Plane, door: SocketAddr) -> Result<()> {
        let namespace = self.name;
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "door", "namespace": namespace },
            "spec": { "type": "ExternalName", "externalName": "localhost" },
        });
        let registrations = WEBHOOKS.map(|(webhook, kind)| {
            json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": { "name": format!("load-{namespace}") },
                "webhooks": [{
                    "name": format!("{webhook}.{namespace}.countersign.dev"),
                    "clientConfig": {
                        "service": { "name": "door", "namespace": namespace, "path": format!("/{webhook}"), "port": door.port() },
                        "caBundle": STANDARD.encode(plane.authority().pem()),
                    },
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
                    "rules": [{
                        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                    }],
                    "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 10,
                    "admissionReviewVersions": ["v1"],
                }],
            })
        });
        for object in registrations.iter().chain([&service]) {
            plane
                .kubectl_with(&["create", "-f", "-"], &object.to_string())?
                .success()?;
        }
        Ok(())
    }

    /// Registrations reach the API server when they do.
    fn until_asked(&self, plane: &Plane, images: &[Pinned]) -> Result<()> {
        let image = images.first().map(tagged).context("there is no image")?;
        let pod = objects::pod("probe", &image).to_string();
        let words = ["create", "-n", self.name, "--dry-run=server", "-o", "json", "-f", "-"];
        wait::until("both webhooks to be asked", SOON, || {
            let said = plane.kubectl_with(&words, &pod)?;
            Ok((said.succeeded() && self.asked_both(plane)?).then_some(()))
        })
    }

    /// What the API server counts of its webhooks.
    fn asked_both(&self, plane: &Plane) -> Result<bool> {
        let metrics = plane.kubectl(&["get", "--raw", "/metrics"])?.success()?;
        let asked = |webhook: &str| {
            metrics.stdout.lines().any(|line| {
                line.starts_with("apiserver_admission_webhook_request_total")
                    && line.contains(&format!("name=\"{webhook}.{}.countersign.dev\"", self.name))
            })
        };
        Ok(WEBHOOKS.iter().all(|(webhook, _)| asked(webhook)))
    }

    fn pods(&self, images: &[String]) -> Arc<[Question]> {
        let path = format!("/api/v1/namespaces/{}/pods?dryRun=All", self.name);
        let pod = |(number, image): (usize, &String)| {
            let pod: Value = objects::pod(&format!("web-{number}"), image);
            Question::create(path.clone(), Bytes::from(pod.to_string()))
        };
        images.iter().enumerate().map(pod).collect()
    }
}

//! The story: four images come to the door.

use serde_json::{Value, json};

use super::api_server::{Answer, ApiServer};
use super::cluster::Cluster;
use super::stage::Stage;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// One image that comes to the door, and what must become of it.
struct Scene {
    title: &'static str,
    repository: &'static str,
    tag: &'static str,
    comes_in: bool,
}

const SCENES: [Scene; 4] = [
    Scene { title: "A signed image comes in, pinned to its digest", repository: "shop/signed", tag: "1.0", comes_in: true },
    Scene { title: "An unsigned image is turned away", repository: "shop/unsigned", tag: "1.0", comes_in: false },
    Scene {
        title: "A tampered image with the true image's signature beside it is turned away",
        repository: "shop/tampered",
        tag: "1.0",
        comes_in: false,
    },
    Scene {
        title: "A tag that was moved to another image after signing is turned away",
        repository: "shop/retagged",
        tag: "1.0",
        comes_in: false,
    },
];

/// What became of one scene, for `-o json`.
struct Outcome {
    image: String,
    expected: bool,
    came_in: bool,
    words: String,
}

pub(super) async fn tell(stage: &Stage, printer: &mut Printer) -> Result<Exit, Failure> {
    prologue(stage, printer).await?;
    let api_server = ApiServer::trusting(&stage.certificates.authority_pem, stage.door)?;
    let mut outcomes = Vec::with_capacity(SCENES.len());
    for (number, scene) in (1..).zip(&SCENES) {
        let image = opening(stage, number, scene, printer);
        let (came_in, words) = match api_server.create(number, &pod(scene, &image)).await? {
            Answer::Stored(pod) => (true, stored(&pod)),
            Answer::TurnedAway(words) => (false, words),
        };
        outcomes.push(closing(scene, image, came_in, words, printer));
    }
    Ok(epilogue(stage, &outcomes, printer))
}

pub(super) async fn tell_in_cluster(stage: &Stage, cluster: Cluster, printer: &mut Printer) -> Result<Exit, Failure> {
    prologue(stage, printer).await?;
    printer.progress("registering the webhooks in the cluster");
    cluster.register(&stage.base_url, &stage.certificates.authority_pem).await?;
    let mut outcomes = Vec::with_capacity(SCENES.len());
    for (number, scene) in (1..).zip(&SCENES) {
        let image = opening(stage, number, scene, printer);
        let said = cluster.ask_for_pod(&pod(scene, &image)).await?;
        let words = if said.succeeded { format!("stored as {}", said.text) } else { said.text };
        outcomes.push(closing(scene, image, said.succeeded, words, printer));
    }
    Ok(epilogue(stage, &outcomes, printer))
}

/// Fills the registry and shows the policy.
async fn prologue(stage: &Stage, printer: &mut Printer) -> Result<(), Failure> {
    printer.progress("filling the registry");
    let (shop, key) = (&stage.shop, &stage.key);
    let signed = shop.push("shop/signed", "1.0", "the image that was built and checked").await?;
    shop.sign(&signed, key).await?;
    shop.push("shop/unsigned", "1.0", "an image that nobody signed").await?;
    let genuine = shop.push("shop/tampered", "genuine", "the image that was built and checked, too").await?;
    let forged = shop.push("shop/tampered", "1.0", "the same image, and something else").await?;
    shop.pass_off(&genuine, &forged, key).await?;
    let first = shop.push("shop/retagged", "1.0", "the image that the tag named when it was signed").await?;
    shop.sign(&first, key).await?;
    shop.push("shop/retagged", "1.0", "the image that the tag names now").await?;

    printer.line("A registry, a signing key and an admission door are running on this machine.");
    printer.line("The door reads one policy: every image of the shop is signed by the shop's key.");
    printer.line("");
    for line in super::stage::policy(&key.public().to_pem(), stage.registry).lines() {
        printer.line(format!("    {line}"));
    }
    Ok(())
}

fn opening(stage: &Stage, number: u32, scene: &Scene, printer: &mut Printer) -> String {
    let image = stage.shop.name(scene.repository, scene.tag);
    printer.line("");
    printer.line(format!("{number}. {}", scene.title));
    printer.line(format!("   $ kubectl run {} --image={image}", pod_name(scene)));
    image
}

fn closing(scene: &Scene, image: String, came_in: bool, words: String, printer: &mut Printer) -> Outcome {
    let mark = if came_in { "admitted" } else { "denied" };
    for (at, line) in words.lines().enumerate() {
        let mark = if at == 0 { mark } else { "" };
        printer.line(format!("   {mark:<9} {line}"));
    }
    Outcome { image, expected: scene.comes_in, came_in, words }
}

fn epilogue(stage: &Stage, outcomes: &[Outcome], printer: &mut Printer) -> Exit {
    let as_told = outcomes.iter().all(|outcome| outcome.came_in == outcome.expected);
    printer.line("");
    if as_told {
        printer.line("One image came in, three were turned away, each with its reason. How to go on:");
        printer.line("  countersign quickstart --stay                      keep all of this up, and play with it");
        printer.line("  countersign key generate release                   make a key of your own");
        printer.line("  countersign sign IMAGE --key release.key           sign an image where it is");
        printer.line("  countersign verify IMAGE --key release.pub         judge it as the door would");
        printer.line("  countersign serve admission --help                 run the door; docs/install.md has the webhooks");
    } else {
        printer.line("This is not how the story goes: please report it, with everything above.");
    }
    printer.document(
        "Quickstart",
        json!({
            "asTold": as_told,
            "registry": stage.registry.to_string(),
            "scenes": outcomes.iter().map(|outcome| json!({
                "image": outcome.image, "expected": verdict(outcome.expected), "verdict": verdict(outcome.came_in),
                "words": outcome.words,
            })).collect::<Vec<_>>(),
        }),
    );
    if as_told { Exit::Done } else { Exit::Refused }
}

fn verdict(came_in: bool) -> &'static str {
    if came_in { "admit" } else { "deny" }
}

fn pod_name(scene: &Scene) -> String {
    scene.repository.replace('/', "-")
}

fn pod(scene: &Scene, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": pod_name(scene) },
        "spec": { "containers": [{ "name": "app", "image": image }] },
    })
}

fn stored(pod: &Value) -> String {
    format!("stored as {}", pod["spec"]["containers"][0]["image"].as_str().unwrap_or("?"))
}

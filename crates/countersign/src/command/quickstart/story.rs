//! Telling the story.

use std::path::PathBuf;

use super::api_server::ApiServer;
use super::builds::{self, BUILDS, Built};
use super::cluster::Cluster;
use super::props;
use super::scenes::{self, Answer, Outcome, RETAGGED, SCENES, Scene, TAG, TAMPERED};
use super::signing;
use super::stage::Stage;
use crate::failure::Failure;
use crate::printer::Printer;

/// Who asks the door about the Pods.
pub(super) enum Asking {
    /// We do, as an API server would.
    Ourselves(ApiServer),
    /// A real API server.
    Cluster(Cluster),
}

impl Asking {
    pub(super) fn ourselves(stage: &Stage) -> Result<Self, Failure> {
        ApiServer::trusting(&stage.certificates.authority_pem, stage.door).map(Self::Ourselves)
    }

    pub(super) async fn cluster(kubeconfig: PathBuf) -> Result<Self, Failure> {
        Cluster::claim(kubeconfig).await.map(Self::Cluster)
    }

    async fn prepare(&self, stage: &Stage, printer: &mut Printer) -> Result<(), Failure> {
        match self {
            Self::Ourselves(_) => Ok(()),
            Self::Cluster(cluster) => {
                printer.progress("registering the webhooks in the cluster");
                cluster
                    .register(&stage.base_url, &stage.certificates.authority_pem)
                    .await?;
                cluster
                    .until_asked(
                        &stage.base_url,
                        &SCENES[0].image(&stage.shop),
                        &SCENES[1].image(&stage.shop),
                    )
                    .await
            }
        }
    }

    async fn create(&self, number: u32, scene: &Scene, stage: &Stage) -> Result<Answer, Failure> {
        let pod = scene.pod(&stage.shop);
        match self {
            Self::Ourselves(api_server) => api_server.create(number, &pod).await,
            Self::Cluster(cluster) => cluster.create(&pod).await,
        }
    }

    pub(super) async fn clear(&self, printer: &mut Printer) -> Result<(), Failure> {
        match self {
            Self::Ourselves(_) => Ok(()),
            Self::Cluster(cluster) => {
                printer.progress("taking the webhooks and the namespace out of the cluster");
                cluster.clear().await?;
                printer.line("");
                printer.line("The webhooks and the namespace are out of the cluster again.");
                Ok(())
            }
        }
    }
}

/// What became of it all.
pub(super) struct Told {
    pub(super) builds: Vec<Built>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Told {
    pub(super) fn as_told(&self) -> bool {
        self.builds.len() == BUILDS.len() && self.builds.iter().all(Built::as_told) && scenes::as_told(&self.outcomes)
    }
}

pub(super) async fn tell(stage: &Stage, asking: &Asking, printer: &mut Printer) -> Result<Told, Failure> {
    prologue(stage, printer);
    let mut built = Vec::with_capacity(BUILDS.len());
    for (number, build) in (1..).zip(&BUILDS) {
        built.push(builds::submit(number, build, stage, printer).await?);
    }
    fill(stage).await?;
    asking.prepare(stage, printer).await?;
    let mut outcomes = Vec::with_capacity(SCENES.len());
    for (number, scene) in (3..).zip(&SCENES) {
        printer.line("");
        printer.line(format!("{number}. {}", scene.title));
        printer.line(format!(
            "   $ kubectl run {} --image={}",
            scene.pod_name(),
            scene.image(&stage.shop)
        ));
        let outcome = Outcome::of(scene, &stage.shop, asking.create(number, scene, stage).await?);
        let (verdict, words) = outcome.words();
        for (at, line) in words.lines().enumerate() {
            let verdict = if at == 0 { verdict } else { "" };
            printer.line(format!("   {verdict:<9} {line}"));
        }
        outcomes.push(outcome);
    }
    Ok(Told {
        builds: built,
        outcomes,
    })
}

/// What else is in the registry: images whose signatures are not theirs.
async fn fill(stage: &Stage) -> Result<(), Failure> {
    let (shop, key) = (&stage.shop, &stage.key);
    let genuine = shop
        .push(TAMPERED, "genuine", "the image that was built and checked, too")
        .await?;
    let forged = shop.push(TAMPERED, TAG, "the same image, and something else").await?;
    shop.pass_off(&genuine, &forged, key).await?;
    let first = shop
        .push(RETAGGED, TAG, "the image that the tag named when it was signed")
        .await?;
    shop.sign(&first, key).await?;
    shop.push(RETAGGED, TAG, "the image that the tag names now").await?;
    Ok(())
}

fn prologue(stage: &Stage, printer: &mut Printer) {
    printer.line("A registry, a signing service and an admission door are running on this machine.");
    printer.line(format!(
        "The service signs what passes its gate, with a key {}:",
        stage.key_is()
    ));
    printer.line("");
    for line in signing::gate(stage.registry).lines() {
        printer.line(format!("    {line}"));
    }
    printer.line("");
    printer.line("The door reads one policy: every image of the shop is signed by that key.");
    printer.line("");
    for line in props::policy(&stage.key.public_key().to_pem(), stage.registry).lines() {
        printer.line(format!("    {line}"));
    }
}

//! Telling the story.

use std::path::PathBuf;

use super::api_server::ApiServer;
use super::cluster::Cluster;
use super::props;
use super::scenes::{Answer, Outcome, RETAGGED, SCENES, SIGNED, Scene, TAG, TAMPERED, UNSIGNED};
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

pub(super) async fn tell(stage: &Stage, asking: &Asking, printer: &mut Printer) -> Result<Vec<Outcome>, Failure> {
    printer.progress("filling the registry");
    fill(stage).await?;
    asking.prepare(stage, printer).await?;
    prologue(stage, printer);
    let mut outcomes = Vec::with_capacity(SCENES.len());
    for (number, scene) in (1..).zip(&SCENES) {
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
    Ok(outcomes)
}

async fn fill(stage: &Stage) -> Result<(), Failure> {
    let (shop, key) = (&stage.shop, &stage.key);
    let signed = shop.push(SIGNED, TAG, "the image that was built and checked").await?;
    shop.sign(&signed, key).await?;
    shop.push(UNSIGNED, TAG, "an image that nobody signed").await?;
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
    printer.line("A registry, a signing key and an admission door are running on this machine.");
    printer.line("The door reads one policy: every image of the shop is signed by the shop's key.");
    printer.line("");
    for line in props::policy(&stage.key.public().to_pem(), stage.registry).lines() {
        printer.line(format!("    {line}"));
    }
}

//! The serving certificate and its authority are exchanged, as operators do it, and in between as they should not.

use anyhow::Result;
use countersign_acceptance::fleet::Form;
use countersign_acceptance::load::Load;
use countersign_acceptance::pki::Authority;
use countersign_acceptance::wait::{self, SOON};

use super::{EACH, Scene};

const LOADED: &str = r#"countersign_certificate_reloads_total{outcome="loaded"}"#;
const REFUSED: &str = r#"countersign_certificate_reloads_total{outcome="refused"}"#;

#[test]
fn certificates_and_their_authority_are_rotated_and_no_admission_fails() -> Result<()> {
    let scene = Scene::new("races-certificates", Form::Service)?;
    let questions = scene.questions()?;
    let fleet = &scene.fleet;
    let folder = tempfile::tempdir()?;
    let first = fleet.plane.authority();
    Load::during(&fleet.plane, &fleet.namespace, &questions, |load| {
        let rotation = Rotation { scene: &scene, load };
        load.more(EACH)?;
        // Another certificate of the same authority, as a Secret that is mounted.
        for number in 0..3 {
            let pair = fleet.pair(first)?;
            rotation.counted(LOADED, || fleet.certificates.swap(&pair.files()))?;
            rotation.newly_connected(&first.pem(), number)?;
        }
        // One file after the other: what does not belong together is not served.
        let pair = fleet.pair(first)?;
        rotation.counted(REFUSED, || fleet.certificates.rename("tls.key", &pair.key))?;
        rotation.newly_connected(&first.pem(), 10)?;
        rotation.counted(LOADED, || fleet.certificates.rename("tls.crt", &pair.certificate))?;
        rotation.newly_connected(&first.pem(), 11)?;
        // A certificate that is written where it is, and half there for as long as somebody likes.
        let pair = fleet.pair(first)?;
        rotation.counted(REFUSED, || fleet.certificates.rename("tls.key", &pair.key))?;
        rotation.counted(LOADED, || {
            fleet.certificates.write_in_place("tls.crt", &pair.certificate, || {
                rotation.newly_connected(&first.pem(), 12)
            })
        })?;
        rotation.newly_connected(&first.pem(), 13)?;
        // Another authority: believed beside the old one, then used, then believed alone.
        let mut old = first.pem();
        for number in 0..2 {
            let next = folder.path().join(number.to_string());
            std::fs::create_dir(&next)?;
            let next = Authority::new(&next)?;
            rotation.newly_connected(&format!("{old}{}", next.pem()), 20)?;
            let pair = fleet.pair(&next)?;
            rotation.counted(LOADED, || fleet.certificates.swap(&pair.files()))?;
            rotation.newly_connected(&format!("{old}{}", next.pem()), 21)?;
            rotation.newly_connected(&next.pem(), 22)?;
            old = next.pem();
        }
        Ok(())
    })
}

struct Rotation<'a> {
    scene: &'a Scene,
    load: &'a Load<'a>,
}

impl Rotation<'_> {
    /// Does this, and waits until every replica has counted one more.
    fn counted(&self, series: &str, what: impl FnOnce() -> Result<()>) -> Result<()> {
        let count = || -> Result<Vec<u64>> {
            self.scene
                .replicas
                .iter()
                .map(|replica| replica.metric(series))
                .collect()
        };
        let before = count()?;
        what()?;
        wait::until(series, SOON, || {
            let all = count()?.iter().zip(&before).all(|(now, before)| now > before);
            Ok(all.then_some(()))
        })?;
        self.load.more(EACH)
    }

    /// Kept connections go on under the certificate that they began with. A bundle that differs by a number in its remarks
    /// makes the API server connect again.
    fn newly_connected(&self, authorities: &str, number: u32) -> Result<()> {
        let before = self.scene.fleet.balancer.accepted();
        self.scene.fleet.trust(&format!("# {number}\n{authorities}"))?;
        wait::until("new connections", SOON, || {
            Ok((self.scene.fleet.balancer.accepted() > before).then_some(()))
        })?;
        self.load.more(EACH)
    }
}

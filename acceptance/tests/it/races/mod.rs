//! What changes under load, through the real API server: no answer is wrong, and where two replicas stand no admission fails.

mod certificates;
mod outages;
mod policies;
mod restarts;

use anyhow::Result;
use countersign_acceptance::cosign::{Cosign, Key, Layout};
use countersign_acceptance::fleet::{Fleet, Form, Replica};
use countersign_acceptance::foreign::{Image, Registry};
use countersign_acceptance::load::{ADMITTED, DENIED, Question};
use countersign_acceptance::objects::pod;
use countersign_acceptance::scene::{Mode, POLICY, policy};

/// How many answers to each question there are at least in each phase.
const EACH: usize = 8;

/// Dropped in this order: who is asked, who asks, and where the evidence is.
struct Scene {
    replicas: Vec<Replica>,
    fleet: Fleet,
    cosign: Cosign,
    registry: Registry,
    key: Key,
}

impl Scene {
    /// A namespace where only what the scene's key signed may run, before it two replicas.
    fn new(namespace: &str, form: Form) -> Result<Self> {
        Self::on(Registry::crane()?, namespace, form)
    }

    fn on(registry: Registry, namespace: &str, form: Form) -> Result<Self> {
        let cosign = Cosign::new()?;
        let key = cosign.generate("release")?;
        let first = registry.image("first", "1", namespace)?;
        cosign.sign(Layout::Bundle, &key, &first)?;
        let policies = [policy(POLICY, Mode::Enforce, &registry, &key)?];
        let fleet = Fleet::new(namespace, form, &policies, registry.docker())?;
        let replicas = vec![fleet.start()?, fleet.start()?];
        let scene = Self {
            replicas,
            fleet,
            cosign,
            registry,
            key,
        };
        scene.settled()?;
        scene.fleet.register(&first.tagged())?;
        Ok(scene)
    }

    /// Waits until connections go to the replicas that there are.
    fn settled(&self) -> Result<()> {
        let doors: Vec<_> = self.replicas.iter().map(|replica| replica.address).collect();
        self.fleet.balancer.until_exactly(&doors)
    }

    fn image(&self, name: &str, signer: Option<&Key>) -> Result<Image> {
        let image = self
            .registry
            .image(name, "1", &format!("{name} of {}", self.fleet.namespace))?;
        if let Some(key) = signer {
            self.cosign.sign(Layout::Bundle, key, &image)?;
        }
        Ok(image)
    }

    /// What is signed and what is not, as a tag and as a digest; and both in one Pod.
    fn questions(&self) -> Result<[Question; 5]> {
        let (good, bad) = (self.image("good", Some(&self.key))?, self.image("bad", None)?);
        let mut both = pod("both", &good.tagged());
        both["spec"]["initContainers"] = serde_json::json!([{"name": "first", "image": bad.pinned()}]);
        Ok([
            Question::new("good-tag", pod("", &good.tagged()), ADMITTED),
            Question::new("good-digest", pod("", &good.pinned()), ADMITTED),
            Question::new("bad-tag", pod("", &bad.tagged()), DENIED),
            Question::new("bad-digest", pod("", &bad.pinned()), DENIED),
            Question::new("both", both, DENIED),
        ])
    }
}

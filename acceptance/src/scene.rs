//! What most tests begin with: a namespace, a registry, a signer whom the policy believes, and our door before it all.

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use crate::command::Output;
use crate::cosign::{Cosign, Identity, Key, Layout};
use crate::door::{Door, Guard};
use crate::foreign::{Image, Registry};
use crate::plane::Plane;
use crate::sigstore::{Job, Sigstore};

/// The policy of every scene, as it is named in denials.
pub const POLICY: &str = "signed-by-release";

const TRUST_ROOT: &str = "acceptance";

/// What a failed policy does.
#[derive(Clone, Copy)]
pub enum Mode {
    Enforce,
    Warn,
}

/// Dropped in this order: the door last but for the cluster, which still asks it while the namespace goes.
pub struct Scene {
    pub plane: Arc<Plane>,
    pub registry: Registry,
    pub cosign: Cosign,
    pub key: Key,
    pub door: Door,
    pub namespace: String,
    guard: Guard,
}

impl Scene {
    /// A namespace of this name, where only images signed by the scene's key may run.
    pub fn new(namespace: &str) -> Result<Self> {
        Self::with(namespace, |registry, key| {
            Ok(vec![policy(POLICY, Mode::Enforce, registry, key)?])
        })
    }

    /// The same under other policies. They have to let in what the scene's key signed.
    pub fn with(namespace: &str, policies: impl FnOnce(&Registry, &Key) -> Result<Vec<Value>>) -> Result<Self> {
        Self::open(namespace, policies, |cosign, key, image| {
            cosign.sign(Layout::Bundle, key, image)
        })
    }

    /// The same where only images signed without a key may run: by this job, as this Sigstore vouches.
    pub fn keyless(namespace: &str, sigstore: &Sigstore, job: &Job) -> Result<Self> {
        let whose = Identity {
            subject: job.identity(),
            issuer: sigstore.job_issuer(),
        };
        Self::open(
            namespace,
            |registry, _| {
                Ok(vec![
                    sigstore.trust_root(TRUST_ROOT)?,
                    keyless_policy(POLICY, registry, &whose),
                ])
            },
            |cosign, _, image| cosign.sign_keyless(sigstore, &sigstore.job_token(job)?, image),
        )
    }

    fn open(
        namespace: &str,
        policies: impl FnOnce(&Registry, &Key) -> Result<Vec<Value>>,
        sign: impl FnOnce(&Cosign, &Key, &Image) -> Result<()>,
    ) -> Result<Self> {
        let plane = Plane::shared()?;
        let registry = Registry::crane()?;
        let cosign = Cosign::new()?;
        let key = cosign.generate("release")?;
        let first = registry.image("first", "1", namespace)?;
        sign(&cosign, &key, &first)?;
        let policies = policies(&registry, &key)?;
        let door = Door::open(&plane, namespace, &policies, registry.docker())?;
        plane.namespace(namespace)?;
        let guard = door.guard(&plane, namespace, &first.tagged())?;
        Ok(Self {
            plane,
            registry,
            cosign,
            key,
            door,
            namespace: namespace.to_owned(),
            guard,
        })
    }

    /// An image that the policy lets in.
    pub fn signed(&self, name: &str) -> Result<Image> {
        let image = self.unsigned(name)?;
        self.cosign.sign(Layout::Bundle, &self.key, &image)?;
        Ok(image)
    }

    /// An image that nobody signed.
    pub fn unsigned(&self, name: &str) -> Result<Image> {
        self.registry.image(name, "1", &format!("{name} of {}", self.namespace))
    }

    pub fn kubectl(&self, words: &[&str]) -> Result<Output> {
        self.plane.kubectl(&[&["-n", &*self.namespace], words].concat())
    }

    pub fn create(&self, object: &Value) -> Result<Output> {
        self.send(&["create", "-f", "-"], object)
    }

    /// Hands the object to this kubectl command on its standard input.
    pub fn send(&self, words: &[&str], object: &Value) -> Result<Output> {
        self.plane
            .kubectl_with(&[&["-n", &*self.namespace], words].concat(), &object.to_string())
    }

    pub fn stored(&self, kind: &str, name: &str) -> Result<Value> {
        self.plane.stored(&self.namespace, kind, name)
    }

    pub fn pods_of(&self, app: &str) -> Result<Vec<Value>> {
        self.plane.list(&self.namespace, "pods", &format!("app={app}"))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // The plane may be shared by tests that go on: neither its controllers nor its API server are to retry here.
        self.plane
            .kubectl(&["delete", "namespace", &self.namespace, "--wait=false"])
            .ok();
        self.guard.withdraw(&self.plane).ok();
    }
}

/// As cosign's users write it today, for all images of one registry.
pub fn policy(name: &str, mode: Mode, registry: &Registry, key: &Key) -> Result<Value> {
    let mode = match mode {
        Mode::Enforce => "enforce",
        Mode::Warn => "warn",
    };
    Ok(json!({
        "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": {"name": name},
        "spec": {
            "mode": mode,
            "images": [{"glob": format!("{}/**", registry.address())}],
            "authorities": [{"name": "release", "key": {"data": key.public_pem()?}}],
        },
    }))
}

/// The same without a key: whom a certificate of the private authority names, in its log and at a time that its timestamp
/// authority proves.
fn keyless_policy(name: &str, registry: &Registry, whose: &Identity) -> Value {
    let root = json!({"trustRootRef": TRUST_ROOT});
    json!({
        "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": {"name": name},
        "spec": {
            "images": [{"glob": format!("{}/**", registry.address())}],
            "authorities": [{
                "name": "release",
                "keyless": {
                    "url": "https://fulcio.acceptance.test", "trustRootRef": TRUST_ROOT, "insecureIgnoreSCT": true,
                    "identities": [{"issuer": whose.issuer, "subject": whose.subject}],
                },
                "ctlog": root, "rfc3161timestamp": root,
            }],
        },
    })
}

//! What most tests begin with: a namespace, a registry, a signer whom the policy believes, and our door before it all.

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use crate::command::Output;
use crate::cosign::{Cosign, Key, Layout};
use crate::door::{Door, Guard};
use crate::foreign::{Image, Registry};
use crate::plane::Plane;

/// The policy of every scene, as it is named in denials.
pub const POLICY: &str = "signed-by-release";

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
        let plane = Plane::shared()?;
        let registry = Registry::crane()?;
        let cosign = Cosign::new()?;
        let key = cosign.generate("release")?;
        let first = registry.image("first", "1", namespace)?;
        cosign.sign(Layout::Bundle, &key, &first)?;
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

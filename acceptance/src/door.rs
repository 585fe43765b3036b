//! Our door as a process, and its registration with the API server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::manifest;
use crate::objects;
use crate::pki::Files;
use crate::plane::Plane;
use crate::process::{Running, free_address};
use crate::programs::countersign;
use crate::wait::{self, SOON};

/// How long the door may take to answer those who wait and to end.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

pub struct Door {
    running: Option<Running>,
    address: SocketAddr,
    admin: SocketAddr,
    files: Files,
    docker: PathBuf,
    folder: TempDir,
}

impl Door {
    /// Opens a door that holds to these policies and finds registry logins in `docker`.
    pub fn open(plane: &Plane, name: &str, policies: &[Value], docker: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("countersign-door-")
            .tempdir()
            .context("no temporary folder")?;
        let written = folder.path().join("policies");
        std::fs::create_dir(&written).with_context(|| format!("cannot create {}", written.display()))?;
        let files = plane.authority().serving(&format!("door-{name}"), &[])?;
        let mut door = Self {
            running: None,
            address: free_address()?,
            admin: free_address()?,
            files,
            docker: docker.to_owned(),
            folder,
        };
        door.set_policies(policies)?;
        door.start()?;
        Ok(door)
    }

    /// Each policy in a file of its own, which the door watches. A file appears whole.
    pub fn set_policies(&self, policies: &[Value]) -> Result<()> {
        for (number, policy) in policies.iter().enumerate() {
            let unfinished = self.folder.path().join("unfinished");
            let path = self.folder.path().join("policies").join(format!("{number}.yaml"));
            // JSON is YAML.
            std::fs::write(&unfinished, policy.to_string())
                .and_then(|()| std::fs::rename(&unfinished, &path))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    pub fn start(&mut self) -> Result<()> {
        let (address, admin) = (self.address, self.admin);
        let mut running = Running::start("door", self.folder.path(), &countersign()?, |command| {
            command.args([
                "serve",
                "admission",
                "--listen",
                &address.to_string(),
                "--admin",
                &admin.to_string(),
            ]);
            command.arg("--policies").arg(self.folder.path().join("policies"));
            command
                .arg("--tls-cert")
                .arg(&self.files.certificate)
                .arg("--tls-key")
                .arg(&self.files.key);
            command
                .env("HOME", self.folder.path())
                .env("DOCKER_CONFIG", &self.docker);
        })?;
        running.until_ready(|| http::get(admin, "/readyz").is_ok_and(|answer| answer.status == 200))?;
        self.running = Some(running);
        Ok(())
    }

    /// Asks the door to end; it has to answer who waits, and to be gone in time.
    pub fn stop(&mut self) -> Result<()> {
        let Some(running) = self.running.take() else {
            bail!("the door is not open")
        };
        let stopped = running.stop()?;
        if !stopped.status.success() {
            bail!("the door ended with {} when it was asked to stop", stopped.status);
        }
        if stopped.took > STOPS_WITHIN {
            bail!("the door took {} s to stop", stopped.took.as_secs());
        }
        Ok(())
    }

    /// Ends the door at whatever instruction it is.
    pub fn kill(&mut self) -> Result<()> {
        self.running
            .take()
            .map_or_else(|| bail!("the door is not open"), Running::kill)
    }

    pub fn log(&self) -> String {
        self.running.as_ref().map(Running::log).unwrap_or_default()
    }

    /// Puts the door before a namespace, and returns once the API server asks at both of its doors.
    ///
    /// The two registrations reach the API server at different times. Alone, the validating one turns away every tag, or
    /// warns of it; with the mutating one beside it, the tag of a signed image comes back with its digest.
    pub fn guard(&self, plane: &Plane, namespace: &str, signed: &str) -> Result<Guard> {
        let guard = Guard {
            name: format!("countersign-{namespace}"),
        };
        let probe = objects::pod("probe", signed).to_string();
        let ask = || {
            plane.kubectl_with(
                &["create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-"],
                &probe,
            )
        };

        self.register(plane, "ValidatingWebhookConfiguration", &guard.name, namespace)?;
        wait::until("the validating webhook to be asked", SOON, || {
            let said = ask()?;
            Ok((!said.succeeded() || said.stderr.contains("Warning:")).then_some(()))
        })?;
        self.register(plane, "MutatingWebhookConfiguration", &guard.name, namespace)?;
        let mut last = String::new();
        let pinned = wait::until("the mutating webhook to be asked", SOON, || {
            last = ask()?.to_string();
            Ok(last.contains("@sha256:").then_some(()))
        });
        pinned.with_context(|| {
            format!(
                "the last answer to a signed image was:\n{last}\nthe door's log:\n{}",
                self.log()
            )
        })?;
        Ok(guard)
    }

    /// As the example has it, under a name of its own.
    fn register(&self, plane: &Plane, kind: &str, name: &str, namespace: &str) -> Result<()> {
        let documented = manifest::objects(plane, "webhooks.yaml", &[("ADDRESS", &self.address.to_string())])?;
        let registration = manifest::confined(
            manifest::of_kind(&documented, kind)?,
            name,
            namespace,
            &plane.authority().pem(),
        );
        plane
            .kubectl_with(&["create", "-f", "-"], &registration.to_string())?
            .success()?;
        Ok(())
    }
}

/// The registration of a door, by its name.
pub struct Guard {
    name: String,
}

impl Guard {
    /// A door that is gone must not be asked: nothing could be created or deleted there any more.
    pub fn withdraw(&self, plane: &Plane) -> Result<()> {
        let kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations";
        plane
            .kubectl(&["delete", kinds, &self.name, "--wait=false"])?
            .success()?;
        Ok(())
    }
}

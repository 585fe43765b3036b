//! Registries on loopback, other people's and ours, and images to keep in them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::TempDir;

use crate::command::{self, Output};
use crate::http;
use crate::process::{Running, free_address};
use crate::programs::{countersign, tool};

mod tokens;

use tokens::TokenService;

const USER: &str = "sentry";
const PASSWORD: &str = "open sesame";
const CONFIG: &str = "config.yml";
/// The password above, as bcrypt at nearly its lowest cost.
const HASH: &str = "$2b$05$i18C5BzxRkkw00EleXDuguHKuQ5jiljqa//GVsho3gN7lwO5ZDCyC";

/// An image somewhere, with all three of its names.
#[derive(Clone, Debug)]
pub struct Image {
    pub repository: String,
    pub tag: String,
    pub digest: String,
}

impl Image {
    /// As a developer writes it.
    pub fn tagged(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    pub fn pinned(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// As it is stored once it was judged: what was written, and what was meant.
    pub fn resolved(&self) -> String {
        format!("{}:{}@{}", self.repository, self.tag, self.digest)
    }
}

/// A registry, with a Docker configuration that can log in to it.
pub struct Registry {
    running: Option<Running>,
    _tokens: Option<TokenService>,
    address: SocketAddr,
    folder: TempDir,
}

impl Registry {
    /// Without the referrers API: clients fall back to a tag.
    pub fn crane() -> Result<Self> {
        let (folder, address) = (folder()?, free_address()?);
        let images = folder.path().join("images");
        std::fs::create_dir(&images).with_context(|| format!("cannot create {}", images.display()))?;
        let running = Running::start("crane", folder.path(), &tool("crane")?, |command| {
            command
                .args(["registry", "serve", "--address", &address.to_string(), "--disk"])
                .arg(&images);
        })?;
        Self::when_ready(running, None, address, folder)
    }

    /// Ours, which serves the referrers API.
    pub fn ours() -> Result<Self> {
        Self::ours_with(folder()?, &[])
    }

    /// Ours, which lets in one user by password and gives tokens itself.
    pub fn ours_with_tokens() -> Result<Self> {
        let folder = folder()?;
        let (passwords, images) = (folder.path().join("passwords"), folder.path().join("images"));
        std::fs::write(&passwords, format!("{USER}:{HASH}\n"))
            .with_context(|| format!("cannot write {}", passwords.display()))?;
        let flags: [&Path; 4] = ["--htpasswd".as_ref(), &passwords, "--storage".as_ref(), &images];
        Self::ours_with(folder, &flags.map(Path::to_owned))
    }

    fn ours_with(folder: TempDir, flags: &[PathBuf]) -> Result<Self> {
        let address = free_address()?;
        let running = Running::start("countersign-registry", folder.path(), &countersign()?, |command| {
            command
                .args(["serve", "registry", "--listen", &address.to_string()])
                .args(flags)
                .env("HOME", folder.path());
        })?;
        Self::when_ready(running, None, address, folder)
    }

    /// The reference implementation, open to everyone.
    pub fn distribution() -> Result<Self> {
        Self::distribution_with(folder()?, "", None)
    }

    /// It goes, and nobody answers at its address; its images stay on disk if it is one that keeps them there.
    pub fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.kill(),
            None => bail!("the registry is not running"),
        }
    }

    /// One that [`Registry::distribution`] made comes back, with all that it kept.
    pub fn start(&mut self) -> Result<()> {
        let mut running = start_distribution(self.folder.path())?;
        let address = self.address;
        running.until_ready(|| http::get(address, "/v2/").is_ok_and(|answer| answer.status == 200))?;
        self.running = Some(running);
        Ok(())
    }

    /// The same, which wants a password with every request.
    pub fn distribution_with_password() -> Result<Self> {
        let folder = folder()?;
        let passwords = folder.path().join("passwords");
        std::fs::write(&passwords, format!("{USER}:{HASH}\n"))
            .with_context(|| format!("cannot write {}", passwords.display()))?;
        let login = format!(
            "auth:\n  htpasswd:\n    realm: acceptance\n    path: {}\n",
            passwords.display()
        );
        Self::distribution_with(folder, &login, None)
    }

    /// The same, which sends its clients to another service for a token of each repository.
    pub fn distribution_with_tokens() -> Result<Self> {
        let service = TokenService::start(USER, PASSWORD)?;
        let mut login = String::from("auth:\n  token:\n    autoredirect: false\n");
        for (name, value) in service.settings() {
            writeln!(login, "    {name}: {value}").context("cannot write the settings of logins")?;
        }
        Self::distribution_with(folder()?, &login, Some(service))
    }

    fn distribution_with(folder: TempDir, login: &str, tokens: Option<TokenService>) -> Result<Self> {
        let address = free_address()?;
        let (config, images) = (folder.path().join(CONFIG), folder.path().join("images"));
        let text = format!(
            "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: {address}\n{login}",
            images.display()
        );
        std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        let running = start_distribution(folder.path())?;
        Self::when_ready(running, tokens, address, folder)
    }

    fn when_ready(
        mut running: Running,
        tokens: Option<TokenService>,
        address: SocketAddr,
        folder: TempDir,
    ) -> Result<Self> {
        // Wanting a login is an answer too.
        running.until_ready(|| http::get(address, "/v2/").is_ok_and(|answer| [200, 401].contains(&answer.status)))?;
        let login = STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let config = json!({"auths": {address.to_string(): {"auth": login}}});
        let docker = folder.path().join("config.json");
        std::fs::write(&docker, config.to_string()).with_context(|| format!("cannot write {}", docker.display()))?;
        Ok(Self {
            running: Some(running),
            _tokens: tokens,
            address,
            folder,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a client finds the login, as `DOCKER_CONFIG`.
    pub fn docker(&self) -> &Path {
        self.folder.path()
    }

    /// Makes an image that differs from every other by what its one file says.
    pub fn image(&self, name: &str, tag: &str, says: &str) -> Result<Image> {
        let layer = self.layer(says)?;
        let repository = format!("{}/{name}", self.address);
        let tagged = format!("{repository}:{tag}");
        let layer = layer.to_string_lossy();
        let said = self
            .crane_command(&["append", "--oci-empty-base", "-f", &layer, "-t", &tagged])?
            .success()?;
        let digest = said.stdout.trim().rsplit_once('@').map(|(_, digest)| digest.to_owned());
        let digest = digest.ok_or_else(|| anyhow!("crane did not print a digest:\n{said}"))?;
        Ok(Image {
            repository,
            tag: tag.to_owned(),
            digest,
        })
    }

    /// Makes an index of images for two platforms, which differ from all others as such images do.
    pub fn index(&self, name: &str, tag: &str, says: &str) -> Result<Image> {
        let repository = format!("{}/{name}", self.address);
        let mut children = Vec::new();
        for platform in ["linux/amd64", "linux/arm64"] {
            let tag = platform.replace('/', "-");
            let image = self.image(name, &tag, &format!("{says} on {platform}"))?;
            let set = [
                "mutate",
                &image.tagged(),
                "--set-platform",
                platform,
                "-t",
                &image.tagged(),
            ];
            self.crane_command(&set)?.success()?;
            children.push(image.tagged());
        }
        let tagged = format!("{repository}:{tag}");
        let [amd64, arm64] = &children[..] else {
            bail!("there are two platforms");
        };
        let append = ["index", "append", "-m", amd64, "-m", arm64, "-t", &tagged];
        self.crane_command(&append)?.success()?;
        let digest = self.crane_command(&["digest", &tagged])?.success()?.stdout;
        Ok(Image {
            repository,
            tag: tag.to_owned(),
            digest: digest.trim().to_owned(),
        })
    }

    pub fn tags(&self, name: &str) -> Result<Vec<String>> {
        let said = self
            .crane_command(&["ls", &format!("{}/{name}", self.address)])?
            .success()?;
        Ok(said.stdout.lines().map(str::to_owned).collect())
    }

    pub fn crane_command(&self, words: &[&str]) -> Result<Output> {
        let configure = |command: &mut Command| {
            command
                .args(words)
                .env("HOME", self.folder.path())
                .env("DOCKER_CONFIG", self.docker());
        };
        command::run(&tool("crane")?, configure, "")
    }

    fn layer(&self, says: &str) -> Result<PathBuf> {
        let content = tempfile::tempdir_in(self.folder.path()).context("no temporary folder")?;
        let file = content.path().join("says");
        std::fs::write(&file, says).with_context(|| format!("cannot write {}", file.display()))?;
        let (_, layer) = tempfile::Builder::new()
            .suffix(".tar")
            .tempfile_in(self.folder.path())
            .and_then(|file| file.keep().map_err(|error| error.error))
            .context("no temporary file")?;
        let configure = |command: &mut Command| {
            command.arg("-cf").arg(&layer).arg("-C").arg(content.path()).arg("says");
        };
        command::run(Path::new("tar"), configure, "")?.success()?;
        Ok(layer)
    }
}

fn start_distribution(folder: &Path) -> Result<Running> {
    Running::start("distribution", folder, &tool("registry")?, |command| {
        // Its telemetry looks for a collector unless told not to.
        command
            .arg("serve")
            .arg(folder.join(CONFIG))
            .env("OTEL_TRACES_EXPORTER", "none");
    })
}

fn folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("countersign-registry-")
        .tempdir()
        .context("no temporary folder")
}

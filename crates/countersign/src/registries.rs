//! How the commands reach registries: flags over the configuration file, over the environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use countersign_registry::{Client, ClientConfig, ConfigError, Credentials, Proxies};

use crate::configuration::{self, Configuration, Registries};
use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};
use crate::resting::Sources;

#[derive(Debug, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct RegistryArguments {
    /// Configuration file; what a flag says outranks it
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Trust the certificate authorities in this PEM file beside the system's
    #[arg(long = "registry-ca", value_name = "FILE")]
    certificate_authorities: Vec<PathBuf>,

    /// Speak to this host (`host` or `host:port`) without TLS; loopback addresses always are spoken to so
    #[arg(long, value_name = "HOST")]
    plain_http: Vec<String>,

    /// Read from this mirror instead of the registry; what is verified keeps the registry's name
    #[arg(long, value_name = "HOST=URL", value_parser = mirror)]
    mirror: Vec<(String, String)>,

    /// Docker configuration with credentials or credential helpers [default: `$DOCKER_CONFIG/config.json`, then
    /// `~/.docker/config.json`]
    #[arg(long, value_name = "FILE")]
    docker_config: Option<PathBuf>,
}

/// The same for commands that ask about one image after the other, and wait for each answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct ReachArguments {
    #[command(flatten)]
    registries: RegistryArguments,

    /// Give up on an image after this long
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::duration::parse)]
    timeout: Duration,
}

impl ReachArguments {
    pub(crate) fn client(&self) -> Result<(Client, Credentials), Failure> {
        self.registries.client(self.registries.configuration()?.as_ref())
    }

    /// The same, and where trust roots come from.
    pub(crate) fn open(&self) -> Result<(Client, Credentials, Sources), Failure> {
        let configuration = self.registries.configuration()?;
        let (client, credentials, http) = self.registries.clients(configuration.as_ref())?;
        let sources = Sources::of(configuration, http, Some(self.timeout));
        Ok((client, credentials, sources))
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn mirror(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((host, url)) if !host.is_empty() && !url.is_empty() => Ok((host.to_owned(), url.to_owned())),
        _ => Err(format!(
            "expected `HOST=URL`, such as `docker.io=https://mirror.example`, found `{text}`"
        )),
    }
}

impl RegistryArguments {
    pub(crate) fn configuration(&self) -> Result<Option<Configuration>, Failure> {
        self.config.as_deref().map(configuration::read).transpose()
    }

    pub(crate) fn client(&self, configuration: Option<&Configuration>) -> Result<(Client, Credentials), Failure> {
        let (client, credentials, _) = self.clients(configuration)?;
        Ok((client, credentials))
    }

    /// The way to registries, and the way to what is none.
    pub(crate) fn clients(
        &self,
        configuration: Option<&Configuration>,
    ) -> Result<(Client, Credentials, reqwest::Client), Failure> {
        let defaults = Registries::default();
        let file = configuration.map_or(&defaults, |configuration| &configuration.registries);
        let mut config = ClientConfig {
            proxies: Proxies::from_environment(),
            ..ClientConfig::default()
        };
        let authorities: Vec<_> = file
            .certificate_authorities
            .iter()
            .chain(&self.certificate_authorities)
            .collect();
        for path in &authorities {
            config.ca_certificates.push(files::read(path, MAX_SMALL)?);
        }
        config.plain_http = file.plain_http.iter().chain(&self.plain_http).cloned().collect();
        config.mirrors = file.mirrors.clone();
        for (host, url) in &self.mirror {
            config.mirrors.entry(host.clone()).or_default().push(url.clone());
        }
        let docker_config = self.docker_config.clone().or_else(|| file.docker_config.clone());
        let credentials = match docker_config {
            Some(path) => Credentials::from_docker_config(&path),
            None => Credentials::from_default_docker_config(),
        }
        .map_err(Failure::misuse)?;
        let others = config.http_client().map_err(|error| unusable(error, &authorities))?;
        let client = Client::new(config).map_err(|error| unusable(error, &authorities))?;
        Ok((client, credentials, others))
    }
}

/// The client knows certificate authorities by their number, people by their file.
fn unusable(error: ConfigError, authorities: &[&PathBuf]) -> Failure {
    let file = match &error {
        ConfigError::CertificateAuthority { position, .. } => {
            position.checked_sub(1).and_then(|at| authorities.get(at))
        }
        _ => None,
    };
    let failure = Failure::misuse(error);
    match file {
        Some(path) => failure.context(format!("`{}` holds no certificate authority", path.display())),
        None => failure,
    }
}

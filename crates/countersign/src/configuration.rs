//! The configuration file: one strict document; what a flag says outranks it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_gate::Class;
use countersign_identity::IssuerConfig;
use serde::{Deserialize, Deserializer};

use crate::failure::Failure;
use crate::files;
use crate::yaml;

/// The file as written. Unknown fields are refused, with line and column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Configuration {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    #[serde(default)]
    pub(crate) registries: Registries,
    #[serde(default)]
    pub(crate) trust_roots: TrustRoots,
    pub(crate) admission: Option<Admission>,
    pub(crate) registry: Option<Registry>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) signing: Option<Signing>,
}

#[derive(Debug, Deserialize)]
enum ApiVersion {
    #[serde(rename = "countersign.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Deserialize)]
enum Kind {
    Configuration,
}

/// How registries are reached.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Registries {
    /// PEM files with certificate authorities that are trusted beside the system's.
    #[serde(default)]
    pub(crate) certificate_authorities: Vec<PathBuf>,
    /// Hosts (`host` or `host:port`) that are spoken to without TLS; loopback addresses always are.
    #[serde(default)]
    pub(crate) plain_http: Vec<String>,
    /// Registry host → base URLs that are read in its stead, in order; what is verified keeps the origin's name.
    #[serde(default)]
    pub(crate) mirrors: BTreeMap<String, Vec<String>>,
    /// A docker `config.json` with credentials or credential helpers.
    pub(crate) docker_config: Option<PathBuf>,
}

/// Where trust roots come from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct TrustRoots {
    /// Where repositories are remembered across restarts.
    pub(crate) cache: Option<PathBuf>,
    /// How often repositories are asked.
    #[serde(default, deserialize_with = "crate::duration::deserialize")]
    pub(crate) every: Option<Duration>,
    /// The root that is believed where a policy names none; without it, the embedded one.
    #[serde(default, deserialize_with = "present")]
    pub(crate) public_good: Option<PublicGood>,
    /// Roots that policies name by `trustRootRef`, beside those of TrustRoot documents.
    #[serde(default)]
    pub(crate) named: BTreeMap<String, NamedRoot>,
}

/// Exactly one of `file` and `refresh: true`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PublicGood {
    /// A `trusted_root.json`: a frozen copy, watched.
    pub(crate) file: Option<PathBuf>,
    /// Whether newer roots are taken from Sigstore's TUF repository.
    #[serde(default)]
    pub(crate) refresh: bool,
    /// Where that repository is mirrored.
    pub(crate) mirror: Option<String>,
}

/// Exactly one of `file`, `embedded` and `mirror`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct NamedRoot {
    /// A `trusted_root.json`: a frozen copy, watched.
    pub(crate) file: Option<PathBuf>,
    /// A root that this binary brings along.
    pub(crate) embedded: Option<EmbeddedRoot>,
    /// A TUF repository that is followed.
    pub(crate) mirror: Option<String>,
    /// The root metadata that is believed from the start; without it, that of `embedded`.
    pub(crate) initial_root: Option<PathBuf>,
    /// The folder of the targets below the mirror.
    pub(crate) targets: Option<String>,
    /// The target that holds the trust root.
    pub(crate) target: Option<String>,
}

/// What this binary brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EmbeddedRoot {
    PublicGood,
    Staging,
    Github,
}

/// `serve admission`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Admission {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) admin: Option<SocketAddr>,
    #[serde(default)]
    pub(crate) policies: Vec<PathBuf>,
    pub(crate) tls: Option<Tls>,
    pub(crate) no_match: Option<NoMatch>,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) denials: Option<PathBuf>,
    #[serde(default, deserialize_with = "crate::duration::deserialize")]
    pub(crate) drain_grace: Option<Duration>,
}

/// The serving certificate; both files are watched.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What happens to an image that no policy governs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NoMatch {
    /// It is denied.
    Deny,
    /// It is let in, with a warning.
    Warn,
    /// It is let in.
    Allow,
}

impl From<NoMatch> for countersign_policy::NoMatch {
    fn from(no_match: NoMatch) -> Self {
        match no_match {
            NoMatch::Deny => Self::Deny,
            NoMatch::Warn => Self::Warn,
            NoMatch::Allow => Self::Allow,
        }
    }
}

/// `serve registry`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Registry {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) storage: Option<PathBuf>,
    pub(crate) tls: Option<Tls>,
    /// `https://host[:port]` as clients reach it, where that is not how it listens: behind a proxy.
    pub(crate) external_url: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) auth: Option<Auth>,
}

/// Who may do what in a registry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Auth {
    /// Users and bcrypt hashes; read at the start.
    pub(crate) htpasswd: Option<PathBuf>,
    /// Whether everybody may pull everything.
    #[serde(default)]
    pub(crate) anonymous_pull: bool,
    /// Without any, every user may do everything.
    #[serde(default, deserialize_with = "present")]
    pub(crate) grants: Option<Vec<Grant>>,
}

/// An empty value is not an absent one: `auth:` with nothing below it, as when its lines are commented out, must not open
/// the registry.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Some users may do some things to some repositories.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Grant {
    pub(crate) users: Vec<String>,
    /// Globs: `*` within a component, `**` across them.
    pub(crate) repositories: Vec<String>,
    pub(crate) actions: Vec<Action>,
}

/// What is done to a repository.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Pull,
    Push,
    Delete,
}

/// `serve signing`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Signing {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) admin: Option<SocketAddr>,
    /// `https://host[:port]` as pipelines reach it: the audience of their tokens, and the beginning of what it signs about itself.
    pub(crate) public_url: String,
    /// Without it, plain HTTP: for loopback addresses alone.
    pub(crate) tls: Option<Tls>,
    pub(crate) store: SigningStore,
    /// Whose tokens are believed.
    pub(crate) issuers: Vec<IssuerConfig>,
    /// A directory with `Gate` and `RepositoryBinding` documents; watched.
    pub(crate) gates: PathBuf,
    pub(crate) keys: SigningKeys,
    pub(crate) ledger: SigningLedger,
    /// Registries (`host` or `host:port`) that images may be submitted from and published to.
    pub(crate) registries: Vec<String>,
    /// The URI that verification summaries name this service by [default: `PUBLIC-URL/gate/v1`].
    pub(crate) verifier_id: Option<String>,
    /// Tools of the organisation's own, and what they look for: SARIF does not say.
    #[serde(default)]
    pub(crate) tools: BTreeMap<String, Class>,
    #[serde(default)]
    pub(crate) limits: SigningLimits,
    #[serde(default, deserialize_with = "crate::duration::deserialize")]
    pub(crate) drain_grace: Option<Duration>,
}

/// Where the service keeps what it must not lose.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SigningStore {
    /// `sqlite:PATH` or `postgres://…`.
    pub(crate) database: String,
    /// A directory for reports; replicas share it.
    pub(crate) blobs: PathBuf,
}

/// The service's keys: files, `env://VARIABLE`, `openbao://KEY` or `hashivault://KEY`. No two of them may be one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SigningKeys {
    /// Those that sign images, each under the name that gates call it by.
    pub(crate) release: BTreeMap<String, PathBuf>,
    /// Those that sign attestations.
    pub(crate) attest: BTreeMap<String, PathBuf>,
    /// The one that signs past the gate.
    pub(crate) emergency: Option<PathBuf>,
    /// The one that signs the ledger: Ed25519.
    pub(crate) log: PathBuf,
    /// A file with the password of the keys in files [default: COUNTERSIGN_PASSWORD of the environment].
    pub(crate) password_file: Option<PathBuf>,
}

/// The ledger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SigningLedger {
    /// Its name, an address without a scheme: `signer.corp/log/2027`. Another key needs another name.
    pub(crate) origin: String,
    /// A directory where a copy is kept as `countersign ledger verify` reads it.
    pub(crate) mirror: Option<PathBuf>,
    /// A directory that does not go back when the store does: the newest checkpoint is kept there, and a store that lags behind
    /// it signs nothing.
    pub(crate) anchor: Option<PathBuf>,
}

/// How much the service takes on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SigningLimits {
    /// The most submissions of one repository that are not over [default: 50].
    pub(crate) open_per_repository: Option<u64>,
    /// The most reports that are taken in at once [default: 8].
    pub(crate) uploads: Option<usize>,
    /// The most submissions that are worked on at once [default: twice the cores].
    pub(crate) workers: Option<usize>,
    /// How long a submission may lie unsealed [default: 1h].
    #[serde(default, deserialize_with = "crate::duration::deserialize")]
    pub(crate) unsealed: Option<Duration>,
    /// How long outages are sat out before a submission fails [default: 24h].
    #[serde(default, deserialize_with = "crate::duration::deserialize")]
    pub(crate) outages: Option<Duration>,
    /// How often what was published is looked at, to put back what is gone [default: 15m].
    #[serde(default, deserialize_with = "crate::duration::deserialize")]
    pub(crate) heal_every: Option<Duration>,
}

/// The most bytes that a configuration file may have.
const MAX_BYTES: u64 = 1 << 20;

pub(crate) fn read(path: &Path) -> Result<Configuration, Failure> {
    let text = files::read_text(path, MAX_BYTES)?;
    yaml::one(&text).map_err(|error| {
        Failure::misuse(error)
            .context(format!("`{}` is not a configuration", path.display()))
            .hint("docs/configuration.md lists every field")
    })
}

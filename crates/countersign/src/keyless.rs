//! Signing without a key, as commands take it: who we are, where to sign, and who has to believe it.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use countersign_evidence::TrustRoot;
use countersign_image::text::excerpt;
use countersign_keyless::services::MAX_CONFIG_BYTES;
use countersign_keyless::token::{AUDIENCE, NoToken, PROJECTED, Places, VARIABLE};
use countersign_keyless::{Keyless, KeylessError, SigningConfig, Web, WebError};
use countersign_roots::embedded::Instance;
use countersign_roots::file;
use jiff::Timestamp;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::printer::Printer;

const HOW_TO_SIGN: &str = "sign with a key of your own (`--key FILE`), or hand over a token with `--identity-token`";

/// A token, or the path of a file with one. It never prints.
#[derive(Clone)]
pub(crate) struct Given(String);

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(…)")
    }
}

impl Given {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl Given {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Given {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Without a key")]
pub(crate) struct KeylessArguments {
    /// Sign as whom this identity token names: the token, or a file with it [default: SIGSTORE_ID_TOKEN in the environment,
    /// then GitHub Actions, then the token that Kubernetes projects]
    #[arg(long, value_name = "TOKEN|FILE", conflicts_with = "key")]
    identity_token: Option<Given>,

    /// Sign without a key, with whatever token there is, and be named for good in a public log: where no key is given,
    /// this, `--yes`, a token or services have to be named
    #[arg(long, conflicts_with = "key")]
    keyless: bool,

    /// Go on without being asked, as with cosign: without a key it says `--keyless`, and with one there is nothing to ask
    #[arg(long, short = 'y')]
    yes: bool,

    /// Services to sign with (`signing_config.json`) [default: those of Sigstore's public-good instance]
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    signing_config: Option<PathBuf>,

    /// Trust root that must believe what was signed (`trusted_root.json`) [default: that of the public-good instance]
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    trusted_root: Option<PathBuf>,
}

impl KeylessArguments {
    pub(crate) fn of(
        identity_token: Option<Given>,
        signing_config: Option<PathBuf>,
        trusted_root: Option<PathBuf>,
    ) -> Self {
        Self {
            identity_token,
            keyless: false,
            yes: false,
            signing_config,
            trusted_root,
        }
    }

    /// Whether somebody asks to sign without a key. A key that was forgotten is no such word: what is written to a public log
    /// stays there.
    pub(crate) fn are_meant(&self) -> bool {
        self.keyless || self.yes || self.identity_token.is_some() || self.signing_config.is_some()
    }

    /// Everything that can be wrong before a certificate is asked for is found here. What is not said is the instance's.
    pub(crate) async fn open(&self, instance: Instance, deadline: Instant) -> Result<Keyless, Failure> {
        let root = self.root(instance)?;
        let now = Timestamp::now();
        let services = self.services(instance)?.choose(now).map_err(|error| {
            let failure = Failure::misuse(error);
            match &self.signing_config {
                Some(path) => failure.context(format!(
                    "nothing can be signed with the services of `{}`",
                    path.display()
                )),
                None => failure.hint("name newer services with `--signing-config`"),
            }
        })?;
        let web = Web::new().map_err(Failure::misuse)?;
        let environment = |name: &str| std::env::var(name).ok();
        let places = Places {
            given: self.identity_token.as_ref().map(|given| given.0.as_str()),
            variable: VARIABLE,
            environment: &environment,
            projected: Path::new(PROJECTED),
            audience: AUDIENCE,
        };
        let (token, source) = places.find(&web, deadline).await.map_err(of_no_token)?;
        token
            .fresh_at(now)
            .map_err(|error| Failure::misuse(error).context(format!("{source} cannot be used")))?;
        Ok(Keyless::new(web, token, services, root))
    }

    fn root(&self, instance: Instance) -> Result<Arc<TrustRoot>, Failure> {
        match &self.trusted_root {
            Some(path) => file::read(path).map_err(Failure::misuse),
            None => instance
                .root()
                .map_err(|error| Failure::misuse(error).context("what this binary brings along is no trust root")),
        }
    }

    fn services(&self, instance: Instance) -> Result<SigningConfig, Failure> {
        let (bytes, name) = match (&self.signing_config, instance.signing_config()) {
            (Some(path), _) => (
                files::read(path, MAX_CONFIG_BYTES as u64)?,
                format!("`{}`", path.display()),
            ),
            (None, Some(brought)) => (brought.to_vec(), "what this binary brings along".to_owned()),
            (None, None) => {
                return Err(Failure::misuse(anyhow::anyhow!(
                    "nobody else signs at the instance `{}`",
                    instance.name()
                )));
            }
        };
        SigningConfig::parse(&bytes)
            .map_err(|error| Failure::misuse(error).context(format!("{name} is no signing configuration")))
    }
}

pub(crate) fn of_no_token(error: NoToken) -> Failure {
    let exit = match &error {
        NoToken::GitHub(error) => exit_of(error),
        _ => Exit::Misuse,
    };
    let nowhere = matches!(error, NoToken::Nowhere { .. });
    let failure = Failure::new(exit, error);
    if nowhere { failure.hint(HOW_TO_SIGN) } else { failure }
}

/// Whoever signs so is named for good in the logs, which is worth knowing before.
pub(crate) fn announce(keyless: &Keyless, printer: &mut Printer) {
    let who = excerpt(keyless.token().unverified_subject(), 300);
    let logs: Vec<&str> = keyless
        .services()
        .logs
        .iter()
        .filter_map(|log| log.url.host_str())
        .collect();
    printer.progress(if logs.is_empty() {
        format!("signing as {who}")
    } else {
        format!("signing as {who}, as {} will show for good", logs.join(" and "))
    });
}

/// What kept us from a bundle.
pub(crate) fn of_error(error: KeylessError) -> Failure {
    let exit = match &error {
        KeylessError::Key => Exit::Misuse,
        KeylessError::Web(error) => exit_of(error),
        KeylessError::Unverified(_) => Exit::Refused,
    };
    let unverified = matches!(error, KeylessError::Unverified(_));
    let failure = Failure::new(exit, error);
    if unverified {
        failure.hint("the trust root has to be that of the services that signed: name both with `--trusted-root` and `--signing-config`")
    } else {
        failure
    }
}

fn exit_of(error: &WebError) -> Exit {
    match error {
        error if error.may_pass() => Exit::Undecided,
        WebError::Refused { .. } => Exit::Refused,
        _ => Exit::Misuse,
    }
}

//! A key that signs, by its name, and where the password of a private key comes from: a file or the environment; never an
//! argument, which every process on the machine can read.

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_keys::{KeyReference, Password, PrivateKey, PrivateKeyError, SealedKeyError, SigningKey};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};
use crate::printer::Printer;
use crate::vault;

/// What to do where a password is missing or wrong.
pub(crate) const PASSWORD_ADVICE: &str =
    "set COUNTERSIGN_PASSWORD (it may be empty), or name a file with --password-file";

#[derive(Debug, Args)]
pub(crate) struct PasswordSource {
    /// File with the private key's password (a line break at its end is not part of it) [default: the environment's
    /// COUNTERSIGN_PASSWORD, then COSIGN_PASSWORD]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// A file, where a configuration names one.
    pub(crate) fn file(path: Option<PathBuf>) -> Self {
        Self { password_file: path }
    }

    pub(crate) fn read(&self) -> Result<Option<Password>, Failure> {
        if let Some(path) = &self.password_file {
            let text = Zeroizing::new(files::read_text(path, MAX_SMALL)?);
            let line = text.strip_suffix('\n').unwrap_or(&text);
            return Ok(Some(Password::new(line.strip_suffix('\r').unwrap_or(line).to_owned())));
        }
        let from_environment = ["COUNTERSIGN_PASSWORD", "COSIGN_PASSWORD"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok());
        Ok(from_environment.map(Password::new))
    }
}

/// A key's name as typed.
pub(crate) fn reference(name: &Path) -> Result<KeyReference, Failure> {
    KeyReference::parse(name.as_os_str())
        .map_err(|error| Failure::misuse(error).context(format!("`{}` names no key", name.display())))
}

/// A key that signs, from wherever its name leads. What somebody should know of it is said at once.
pub(crate) async fn open(name: &Path, password: &PasswordSource, printer: &mut Printer) -> Result<SigningKey, Failure> {
    let opened = opened(name, password).await?;
    for warning in opened.warnings() {
        printer.note(format!("warning: {warning}"));
    }
    Ok(opened)
}

/// The same, for whoever says it himself.
pub(crate) async fn opened(name: &Path, password: &PasswordSource) -> Result<SigningKey, Failure> {
    let reference = reference(name)?;
    let pem = match &reference {
        KeyReference::File(path) => Zeroizing::new(files::read(path, MAX_SMALL)?),
        KeyReference::Environment(name) => Zeroizing::new(variable(name)?.into_bytes()),
        KeyReference::Vault(dialect, key) => return vault::open(*dialect, key.clone()).await,
    };
    parse(&pem, &reference, password).map(SigningKey::Held)
}

/// What an environment variable holds.
pub(crate) fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|error| Failure::misuse(error).context(format!("`env://{name}` cannot be read")))
}

fn parse(pem: &[u8], reference: &KeyReference, password: &PasswordSource) -> Result<PrivateKey, Failure> {
    PrivateKey::parse(pem, password.read()?.as_ref()).map_err(|error| {
        let locked = matches!(
            error,
            PrivateKeyError::PasswordNeeded | PrivateKeyError::Sealed(SealedKeyError::WrongPassword)
        );
        let failure = Failure::misuse(error);
        if locked {
            failure
                .context(format!("`{reference}` cannot be opened"))
                .hint(PASSWORD_ADVICE)
        } else {
            failure.context(format!("`{reference}` holds no key that can sign"))
        }
    })
}

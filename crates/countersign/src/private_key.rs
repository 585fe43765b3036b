//! A private key from a file, and where its password comes from: a file or the environment; never an argument, which
//! every process on the machine can read.

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_keys::{Password, PrivateKey, PrivateKeyError, SealedKeyError};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};

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

/// A private key from a file, with the error that says which file.
pub(crate) fn read(path: &Path, password: &PasswordSource) -> Result<PrivateKey, Failure> {
    let pem = Zeroizing::new(files::read(path, MAX_SMALL)?);
    PrivateKey::parse(&pem, password.read()?.as_ref()).map_err(|error| {
        let locked = matches!(
            error,
            PrivateKeyError::PasswordNeeded | PrivateKeyError::Sealed(SealedKeyError::WrongPassword)
        );
        let failure = Failure::misuse(error);
        if locked {
            failure
                .context(format!("`{}` cannot be opened", path.display()))
                .hint(PASSWORD_ADVICE)
        } else {
            failure.context(format!("`{}` holds no key that can sign", path.display()))
        }
    })
}

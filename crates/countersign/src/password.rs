//! Where the password of a private key comes from: the environment, or a file; never an argument, which every
//! process on the machine can read.

use std::path::PathBuf;

use clap::Args;
use countersign_keys::Password;

use crate::failure::{Failure, unreadable};

#[derive(Debug, Args)]
pub(crate) struct PasswordSource {
    /// File that holds the password of the private key (its last line break is ignored); otherwise `COUNTERSIGN_PASSWORD`,
    /// then `COSIGN_PASSWORD`
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    pub(crate) fn read(&self) -> Result<Option<Password>, Failure> {
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
            return Ok(Some(Password::new(text.strip_suffix('\n').unwrap_or(&text).to_owned())));
        }
        let from_environment = ["COUNTERSIGN_PASSWORD", "COSIGN_PASSWORD"].into_iter().find_map(|name| std::env::var(name).ok());
        Ok(from_environment.map(Password::new))
    }
}

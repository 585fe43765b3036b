//! Keys that a vault keeps: what the environment says of it, and its refusals as this command line gives them.

use countersign_evidence::PublicKey;
use countersign_keys::{
    Dialect, KeyName, KeyReference, SigningError, SigningKey, VaultError, VaultKey, VaultSettings, VaultSettingsError,
};

use crate::exit::Exit;
use crate::failure::Failure;

/// A key that the vault signs with.
pub(crate) async fn open(dialect: Dialect, key: KeyName) -> Result<SigningKey, Failure> {
    let reference = KeyReference::Vault(dialect, key.clone());
    let opened = VaultKey::open(settings(dialect, &reference)?, key)
        .await
        .map_err(|error| unopened(error, &reference))?;
    Ok(SigningKey::Vault(Box::new(opened)))
}

/// The public half of a key that a vault keeps.
pub(crate) async fn public_half(dialect: Dialect, key: &KeyName) -> Result<PublicKey, Failure> {
    let reference = KeyReference::Vault(dialect, key.clone());
    VaultKey::public_half(settings(dialect, &reference)?, key)
        .await
        .map_err(|error| unopened(error, &reference))
}

/// Why a key signed nothing.
pub(crate) fn unsigned(error: SigningError) -> Failure {
    match error {
        SigningError::Vault(error) => of_vault(error).context("nothing was signed"),
        error => Failure::misuse(error),
    }
}

fn settings(dialect: Dialect, reference: &KeyReference) -> Result<VaultSettings, Failure> {
    VaultSettings::from_environment(dialect, |name| std::env::var(name).ok()).map_err(|error| {
        let login = !matches!(
            error,
            VaultSettingsError::Address { .. } | VaultSettingsError::Plain { .. }
        );
        let failure = Failure::misuse(error).context(format!("`{reference}` cannot be reached"));
        if login {
            failure.hint("the vault's address and login come from the environment: docs/configuration.md lists them")
        } else {
            failure
        }
    })
}

fn unopened(error: VaultError, reference: &KeyReference) -> Failure {
    of_vault(error).context(format!("`{reference}` cannot be used"))
}

fn of_vault(error: VaultError) -> Failure {
    let exit = if error.is_passing() {
        Exit::Undecided
    } else {
        match error {
            VaultError::Client { .. }
            | VaultError::Untrusted { .. }
            | VaultError::LoginFile { .. }
            | VaultError::LoginText { .. } => Exit::Misuse,
            _ => Exit::Refused,
        }
    };
    let advice = error.advice();
    let failure = Failure::new(exit, error);
    match advice {
        Some(advice) => failure.hint(advice),
        None => failure,
    }
}

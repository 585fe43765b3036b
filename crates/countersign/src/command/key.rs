//! `countersign key generate | public`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use countersign_evidence::KeyKind;
use countersign_keys::{KeyReference, PrivateKey};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::unwritable;
use crate::printer::Printer;
use crate::private_key::{self, PASSWORD_ADVICE, PasswordSource};
use crate::vault;

#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// Make a key pair: PREFIX.key (encrypted as cosign does) and PREFIX.pub
    Generate {
        /// Where the two files go
        #[arg(default_value = "countersign", value_name = "PREFIX")]
        prefix: PathBuf,
        /// Which algorithm
        #[arg(long, value_enum, default_value_t = Kind::EcdsaP256)]
        kind: Kind,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Print the public half of a key that signs as PEM, which is what a policy's `key.data` holds
    Public {
        /// The key: a file (cosign's, PKCS#8, SEC1 or PKCS#1), env://VARIABLE, openbao://KEY or hashivault://KEY
        #[arg(long, value_name = "KEY")]
        key: PathBuf,
        #[command(flatten)]
        password: PasswordSource,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Ed25519,
    Rsa3072,
    Rsa4096,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::EcdsaP256 => Self::EcdsaP256,
            Kind::EcdsaP384 => Self::EcdsaP384,
            Kind::EcdsaP521 => Self::EcdsaP521,
            Kind::Ed25519 => Self::Ed25519,
            Kind::Rsa3072 => Self::Rsa { bits: 3072 },
            Kind::Rsa4096 => Self::Rsa { bits: 4096 },
        }
    }
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    match arguments {
        Arguments::Generate { prefix, kind, password } => generate(&prefix, kind, &password, printer),
        Arguments::Public { key, password } => public(&key, &password, printer).await,
    }
}

fn generate(prefix: &Path, kind: Kind, password: &PasswordSource, printer: &mut Printer) -> Result<Exit, Failure> {
    let (private_path, public_path) = (with_suffix(prefix, "key"), with_suffix(prefix, "pub"));
    for path in [&private_path, &public_path] {
        // A link that leads nowhere is in the way too.
        if path.symlink_metadata().is_ok() {
            return Err(Failure::refused(anyhow::anyhow!(
                "`{}` exists already, and a key is never overwritten",
                path.display()
            ))
            .hint("choose another prefix, or move the old key away"));
        }
    }
    let password = password
        .read()?
        .ok_or_else(|| Failure::misuse(anyhow::anyhow!("the new key needs a password")).hint(PASSWORD_ADVICE))?;
    let key = PrivateKey::generate(kind.into()).map_err(Failure::misuse)?;
    write_new(&private_path, 0o600, &key.to_cosign_pem(&password))?;
    write_new(&public_path, 0o644, &key.public().to_pem())?;
    let fingerprint = key.public().fingerprint();
    printer.line(format!("private key  {}", private_path.display()));
    printer.line(format!("public key   {}", public_path.display()));
    printer.line(format!("fingerprint  {fingerprint}"));
    printer.document(
        "KeyPair",
        json!({ "privateKey": private_path, "publicKey": public_path, "fingerprint": fingerprint.to_string() }),
    );
    Ok(Exit::Done)
}

async fn public(name: &Path, password: &PasswordSource, printer: &mut Printer) -> Result<Exit, Failure> {
    let key = match private_key::reference(name)? {
        // Whoever only wants to know the public half needs no token that signs.
        KeyReference::Vault(dialect, key) => vault::public_half(dialect, &key).await?,
        _ => private_key::open(name, password, printer).await?.public_key().clone(),
    };
    let pem = key.to_pem();
    printer.raw(&pem);
    printer.document(
        "PublicKey",
        json!({ "pem": pem, "fingerprint": key.fingerprint().to_string() }),
    );
    Ok(Exit::Done)
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(".");
    path.push(suffix);
    path.into()
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|error| unwritable(path, error))
}

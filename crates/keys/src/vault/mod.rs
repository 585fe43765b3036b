//! Keys that never leave an OpenBao or a HashiCorp Vault: their transit engine signs, and we check what it signed.
//!
//! *Invariant*: no signature leaves here that does not verify with the public key that the vault showed when the key was
//! opened, by the version that was pinned then.
//!
//! Source: the transit engine's API, <https://openbao.org/api-docs/secret/transit/>.

mod description;
mod failure;
mod session;
mod settings;
mod token;
mod transport;
mod warning;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Hash, HashRule, PublicKey, Scheme, ToBeSigned};
use countersign_image::text::excerpt;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use self::description::{Described, Pinned};
pub use self::failure::VaultError;
use self::session::{Purpose, Session, document};
pub use self::settings::{Login, VaultSettings, VaultSettingsError};
pub use self::token::{NotAToken, Token};
use self::transport::Transport;
pub use self::warning::Warning;
use crate::pem::MAX_QUOTED;
use crate::reference::KeyName;
use crate::signer::scheme_of_cosign;

/// The longest name of a request that is kept, in bytes.
const LONGEST_REQUEST_ID: usize = 128;

/// One version of one key of a transit engine.
pub struct VaultKey {
    session: Session,
    engine: String,
    key: KeyName,
    version: u32,
    public: PublicKey,
    scheme: Scheme,
    warnings: Vec<Warning>,
}

/// A signature by a vault, and what the vault's audit log knows it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultSignature {
    /// As [`Signer::sign`](crate::Signer::sign) gives it.
    pub signature: Vec<u8>,
    /// The vault's name for the request, which its audit log repeats.
    pub request_id: String,
    /// The key.
    pub key: KeyName,
    /// Its version.
    pub version: u32,
}

#[derive(Deserialize)]
struct Signed {
    request_id: String,
    data: SignedData,
}

#[derive(Deserialize)]
struct SignedData {
    signature: String,
    // Older servers do not repeat it.
    key_version: Option<u32>,
}

impl VaultKey {
    /// Logs in, reads the key, pins its version and asks what the token may do besides.
    ///
    /// # Errors
    /// [`VaultError::Copyable`] where the key can leave the vault; the others where it cannot be reached or read.
    pub async fn open(settings: VaultSettings, key: KeyName) -> Result<Self, VaultError> {
        let session = Session::new(Transport::new(&settings)?, settings.login);
        let engine = settings.engine;
        let Pinned {
            version,
            public,
            warnings,
        } = read(&session, &engine, &key, settings.version)
            .await?
            .kept(&key)?
            .pin(&key, settings.version)?;
        let scheme = scheme_of_cosign(public.kind());
        let mut opened = Self {
            session,
            engine,
            key,
            version,
            public,
            scheme,
            warnings,
        };
        let more = opened.excess().await?;
        opened.warnings.extend(more);
        Ok(opened)
    }

    /// Reads the public half and nothing else: for verifiers, whose tokens need not be able to sign, and who may have to
    /// verify what a key signed that nobody should sign with any more.
    ///
    /// # Errors
    /// [`VaultError`] where it cannot be reached or read.
    pub async fn public_half(settings: VaultSettings, key: &KeyName) -> Result<PublicKey, VaultError> {
        let session = Session::new(Transport::new(&settings)?, settings.login);
        let described = read(&session, &settings.engine, key, settings.version).await?;
        Ok(described.pin(key, settings.version)?.public)
    }

    /// The key that verifies what this signs.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The version that signs.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What somebody should know of this key and of the token.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Has the vault sign, and verifies what it signed.
    ///
    /// # Errors
    /// [`VaultError`]. After one that [is passing](VaultError::is_passing) the same may be asked again.
    pub async fn sign(&self, what: &ToBeSigned) -> Result<VaultSignature, VaultError> {
        self.sign_message(what.message()).await
    }

    /// Whoever calls this says what is signed; outside of this crate nobody can.
    pub(crate) async fn sign_message(&self, message: &[u8]) -> Result<VaultSignature, VaultError> {
        let path = self.signing_path();
        let body = self.request(message).to_string();
        let purpose = self.purpose("sign with this key");
        let answer = self
            .session
            .ask(Method::POST, &path, Some(body.as_bytes()), purpose)
            .await?;
        let signed: Signed = document(&answer, &path)?;
        let malformed = |detail: &str| VaultError::Malformed {
            path: path.clone(),
            detail: detail.to_owned(),
        };
        let printable = signed.request_id.bytes().all(|byte| byte.is_ascii_graphic());
        if signed.request_id.is_empty() || signed.request_id.len() > LONGEST_REQUEST_ID || !printable {
            return Err(malformed("it has no `request_id` that could be kept"));
        }
        let signature = self.unwrapped(&signed.data)?;
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| malformed("the signature is not base64"))?;
        self.verify(message, &signature)?;
        Ok(VaultSignature {
            signature,
            request_id: signed.request_id,
            key: self.key.clone(),
            version: self.version,
        })
    }

    /// Keeps the token good while nobody signs, for whoever runs long. It does not end; dropping it stops it.
    pub async fn keep(&self) {
        self.session.keep().await;
    }

    /// Ed25519 signs the message itself, and the vault passes over `prehashed` without a word (seen with OpenBao 2.7.2).
    /// The others sign a hash that is made here, of a length that the vault does not check.
    fn request(&self, message: &[u8]) -> Value {
        let digest: [u8; 32];
        let input: &[u8] = match self.scheme {
            Scheme::Ed25519 => message,
            _ => {
                digest = Sha256::digest(message).into();
                &digest
            }
        };
        let mut request = json!({ "input": STANDARD.encode(input), "key_version": self.version });
        match self.scheme {
            Scheme::Ed25519 => {}
            Scheme::RsaPkcs1(_) => {
                // The vault's own choice would be PSS, which cosign does not read.
                request["signature_algorithm"] = json!("pkcs1v15");
                request["prehashed"] = json!(true);
            }
            _ => {
                request["marshaling_algorithm"] = json!("asn1");
                request["prehashed"] = json!(true);
            }
        }
        request
    }

    fn signing_path(&self) -> String {
        signing_path(&self.engine, &self.key, self.scheme)
    }

    fn purpose(&self, what: &'static str) -> Purpose<'_> {
        Purpose {
            what,
            key: self.key.as_str(),
            engine: &self.engine,
            version: self.version,
        }
    }

    /// The base64 behind `vault:vN:`, where N is the pinned version.
    fn unwrapped<'a>(&self, signed: &'a SignedData) -> Result<&'a str, VaultError> {
        let other = |found: String| VaultError::OtherVersion {
            expected: self.version,
            found,
        };
        if let Some(version) = signed.key_version.filter(|version| *version != self.version) {
            return Err(other(version.to_string()));
        }
        let parts = signed
            .signature
            .strip_prefix("vault:v")
            .and_then(|rest| rest.split_once(':'));
        match parts {
            Some((version, signature)) if version == self.version.to_string() => Ok(signature),
            Some((version, _)) => Err(other(excerpt(version, MAX_QUOTED))),
            None => Err(VaultError::Malformed {
                path: self.signing_path(),
                detail: "the signature does not begin with `vault:vN:`".to_owned(),
            }),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), VaultError> {
        let rule = HashRule::Exactly(Hash::Sha256);
        match self.public.verify(rule, message, signature) {
            Ok(scheme) if scheme == self.scheme => Ok(()),
            Ok(found) => Err(VaultError::OtherScheme {
                kind: self.public.kind(),
                expected: self.scheme,
                found,
            }),
            Err(source) => Err(VaultError::WrongSignature { source }),
        }
    }

    async fn excess(&self) -> Result<Vec<Warning>, VaultError> {
        let path = "sys/capabilities-self";
        let questions = warning::questions(&self.engine, self.key.as_str(), &self.signing_path());
        let paths: Vec<&str> = questions.iter().map(|(path, ..)| path.as_str()).collect();
        let body = json!({ "paths": paths }).to_string();
        let purpose = self.purpose("ask what it may do");
        match self
            .session
            .ask(Method::POST, path, Some(body.as_bytes()), purpose)
            .await
        {
            Ok(answer) => Ok(warning::excess(&questions, document(&answer, path)?)),
            Err(VaultError::Forbidden { .. }) => Ok(vec![Warning::NotAsked]),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VaultKey")
            .field("key", &self.key)
            .field("version", &self.version)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

async fn read(session: &Session, engine: &str, key: &KeyName, version: Option<u32>) -> Result<Described, VaultError> {
    let path = format!("{engine}/keys/{key}");
    let purpose = Purpose {
        what: "read this key",
        key: key.as_str(),
        engine,
        version: version.unwrap_or_default(),
    };
    let answer = session.ask(Method::GET, &path, None, purpose).await?;
    document(&answer, &path)
}

fn signing_path(engine: &str, key: &KeyName, scheme: Scheme) -> String {
    match scheme {
        Scheme::Ed25519 => format!("{engine}/sign/{key}"),
        _ => format!("{engine}/sign/{key}/sha2-256"),
    }
}

/// The whole file, or an error where it has more than `limit` bytes.
fn read_to(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

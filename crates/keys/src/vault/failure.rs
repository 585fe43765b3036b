//! What a vault's refusals mean. Their texts are for people and differ between versions: what is told apart here is what
//! somebody would do something else about.

use std::path::PathBuf;
use std::time::Duration;

use countersign_evidence::{KeyKind, Scheme, SignatureError};
use countersign_image::json::{self, JsonError};
use countersign_image::text::excerpt;
use serde::Deserialize;

use super::token::NotAToken;

/// Longest text of a vault's that an error repeats, in characters.
const LONGEST_DETAIL: usize = 200;

/// Why a vault signed nothing, or what it signed does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// No connection, or one that broke off.
    #[error("the vault at {host} could not be reached: {detail}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What happened.
        detail: String,
    },
    /// It is not who it says it is, or nobody whom we trust says so.
    #[error("the vault at {host} is not trusted: {detail}")]
    Untrusted {
        /// Host and port.
        host: String,
        /// What is wrong with its certificate.
        detail: String,
    },
    /// No whole answer in time. What was asked for may have been done: a signature more does no harm.
    #[error("the vault at {host} did not answer within {} s", after.as_secs())]
    TimedOut {
        /// Host and port.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// Nobody has unsealed it.
    #[error("the vault is sealed")]
    Sealed,
    /// It is there and does not serve: a standby without an active server, a start, an overload.
    #[error("the vault does not serve now (status {status}): {detail}")]
    NotServing {
        /// HTTP's.
        status: u16,
        /// In the vault's words, shortened.
        detail: String,
    },
    /// The token is expired, revoked or unknown, and a new one could not be had or was refused as well.
    #[error("the vault does not know our token: it is expired, revoked or another server's")]
    TokenRefused,
    /// The token is good, and its policies do not let it do this.
    #[error("the vault's policies forbid our token to {what} (`{path}`)")]
    Forbidden {
        /// What was to be done.
        what: &'static str,
        /// The path, as a policy names it.
        path: String,
    },
    /// The login was refused.
    #[error("the vault refused our login at `{path}`: {detail}")]
    LoginRefused {
        /// The path.
        path: String,
        /// In the vault's words, shortened.
        detail: String,
    },
    /// A file that a login needs cannot be read.
    #[error("`{}`, which the login to the vault needs, could not be read", path.display())]
    LoginFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that a login needs holds something else.
    #[error("`{}` holds nothing that a login to the vault can use", path.display())]
    LoginText {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NotAToken,
    },
    /// There is no such key, or no transit engine at that path.
    #[error("the vault has no key `{key}` in the engine at `{engine}`")]
    NoSuchKey {
        /// The key.
        key: String,
        /// The engine's path.
        engine: String,
    },
    /// The key has no such version, or none any more.
    #[error("the vault's key `{key}` has no version {version} to sign with")]
    NoSuchVersion {
        /// The key.
        key: String,
        /// The version.
        version: u32,
    },
    /// The key can leave the vault, so that a signature does not say that the vault made it.
    #[error(
        "the vault's key `{key}` is {flag}: whoever may read it out signs without the vault, and that cannot be turned off"
    )]
    Copyable {
        /// The key.
        key: String,
        /// The flag that is set.
        flag: &'static str,
    },
    /// A type of key that no image is signed with.
    #[error(
        "the vault's key `{key}` is of type `{found}`: expected ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-2048, \
         rsa-3072 or rsa-4096, not derived"
    )]
    KeyType {
        /// The key.
        key: String,
        /// The type, shortened.
        found: String,
    },
    /// A public key that cannot be read.
    #[error("the public key of version {version} of the vault's key `{key}` cannot be read: {detail}")]
    PublicKey {
        /// The key.
        key: String,
        /// The version.
        version: u32,
        /// What is wrong with it.
        detail: String,
    },
    /// It sent us somewhere that is not configured.
    #[error("the vault sends us to {to}, which is none of its configured addresses")]
    LedElsewhere {
        /// Where, shortened.
        to: String,
    },
    /// It sends us in circles.
    #[error("the vault sends us on more than {limit} times")]
    LedInCircles {
        /// The limit.
        limit: usize,
    },
    /// More than any answer has.
    #[error("the vault's answer has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// An answer that is not the protocol's.
    #[error("the vault's answer to `{path}` is not what the protocol says: {detail}")]
    Malformed {
        /// What was asked.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// An answer that cannot be read.
    #[error("the vault's answer to `{path}` is not the document that the protocol says")]
    NotADocument {
        /// What was asked.
        path: String,
        /// Why.
        source: JsonError,
    },
    /// Another refusal.
    #[error("the vault refused `{path}` (status {status}): {detail}")]
    Refused {
        /// What was asked.
        path: String,
        /// HTTP's.
        status: u16,
        /// In its words, shortened.
        detail: String,
    },
    /// It signed with another version of the key than it was asked to.
    #[error("the vault signed with version {found} of its key: asked for {expected}")]
    OtherVersion {
        /// The pinned one.
        expected: u32,
        /// The one it names.
        found: String,
    },
    /// What it signed does not verify with the key that it showed at the start.
    #[error("the vault's signature does not verify with the public key that it showed at the start")]
    WrongSignature {
        /// Why.
        source: SignatureError,
    },
    /// It signed with another scheme than it was asked to.
    #[error("the vault's {kind} key signed with {found}: asked for {expected}")]
    OtherScheme {
        /// The key's kind.
        kind: KeyKind,
        /// The scheme asked for.
        expected: Scheme,
        /// The one under which it verifies.
        found: Scheme,
    },
    /// A client could not be made.
    #[error("no client for the vault could be made: {detail}")]
    Client {
        /// Why.
        detail: String,
    },
}

impl VaultError {
    /// A word for programs. It does not change, whatever the text becomes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "vault_unreachable",
            Self::Untrusted { .. } => "vault_untrusted",
            Self::TimedOut { .. } => "vault_timeout",
            Self::Sealed => "vault_sealed",
            Self::NotServing { .. } => "vault_not_serving",
            Self::TokenRefused => "vault_token_refused",
            Self::Forbidden { .. } => "vault_forbidden",
            Self::LoginRefused { .. } => "vault_login_refused",
            Self::LoginFile { .. } | Self::LoginText { .. } => "vault_login_file",
            Self::NoSuchKey { .. } => "vault_no_such_key",
            Self::NoSuchVersion { .. } => "vault_no_such_version",
            Self::Copyable { .. } => "vault_key_copyable",
            Self::KeyType { .. } | Self::PublicKey { .. } => "vault_key_unusable",
            Self::LedElsewhere { .. } | Self::LedInCircles { .. } => "vault_redirect",
            Self::TooLarge { .. } | Self::Malformed { .. } | Self::NotADocument { .. } => "vault_malformed",
            Self::Refused { .. } => "vault_refused",
            Self::OtherVersion { .. } | Self::OtherScheme { .. } | Self::WrongSignature { .. } => {
                "vault_wrong_signature"
            }
            Self::Client { .. } => "vault_client",
        }
    }

    /// Whether waiting may help, with nobody changing anything but the vault's own state. What is not passing is a
    /// decision or a mistake, and asking again ends the same way.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Sealed | Self::NotServing { .. }
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable { .. } => "check VAULT_ADDR or BAO_ADDR",
            Self::Untrusted { .. } => {
                "name the certificate authority in VAULT_CACERT or BAO_CACERT if the vault has a certificate of your own"
            }
            Self::LoginFile { .. } => {
                "set BAO_TOKEN or VAULT_TOKEN, log in (`bao login`), or name another login in COUNTERSIGN_VAULT_LOGIN"
            }
            Self::TimedOut { .. } | Self::NotServing { .. } => "try again; `bao status` says how the vault is",
            Self::Sealed => "unseal it (`bao operator unseal`), then try again: nothing was signed",
            Self::TokenRefused => "log in again, or give a login that renews itself (COUNTERSIGN_VAULT_LOGIN)",
            Self::Forbidden { .. } => {
                "`deploy/openbao/countersign-signing.hcl` is the policy that a signing token needs"
            }
            Self::LoginRefused { .. } => {
                "check the role, and whether its secret id is used up or its token is for this vault"
            }
            Self::NoSuchKey { .. } => "check the key's name, TRANSIT_SECRET_ENGINE_PATH and the namespace",
            Self::NoSuchVersion { .. } => {
                "COUNTERSIGN_VAULT_KEY_VERSION pins a version; without it the latest one signs"
            }
            Self::Copyable { .. } | Self::KeyType { .. } => {
                "make a new key: `bao write -f transit/keys/NAME type=ecdsa-p256` has neither flag"
            }
            Self::LedElsewhere { .. } => {
                "if that is a server of the same cluster, name it in COUNTERSIGN_VAULT_REDIRECTS"
            }
            _ => return None,
        })
    }
}

/// What an answer that is no success says, before it is known what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Sealed,
    NotServing,
    Token,
    Policy,
    NoKey,
    NoVersion,
    Other,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

/// The vault's own words, as one line.
pub(super) fn words(body: &[u8]) -> String {
    let errors = json::strict::<Errors>(body)
        .map(|document| document.errors)
        .unwrap_or_default();
    let line = errors.join("; ");
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.is_empty() {
        "it does not say why".to_owned()
    } else {
        excerpt(&words.join(" "), LONGEST_DETAIL)
    }
}

/// Tells refusals apart by status and, where one status has several meanings, by the vault's words.
pub(super) fn refusal(status: u16, words: &str) -> Refusal {
    match status {
        503 if words.contains("sealed") => Refusal::Sealed,
        // 472 and 473 are those of secondary and standby servers of the other vault's enterprise edition.
        429 | 472 | 473 | 502..=504 => Refusal::NotServing,
        500 if words.contains("not active") => Refusal::NotServing,
        // A token that nobody knows is refused before any policy is asked, and by itself. One that a policy refuses stands
        // in a list. Newer versions of the other vault say it in words.
        403 if words == "permission denied" || words.contains("invalid token") || words.contains("bad token") => {
            Refusal::Token
        }
        403 => Refusal::Policy,
        400 if words.contains("signing key not found") => Refusal::NoKey,
        404 => Refusal::NoKey,
        400 | 500
            if words.contains("version") && (words.contains("no such key") || words.contains("requested version")) =>
        {
            Refusal::NoVersion
        }
        400 | 500 if words.contains("key version") || words.contains("too old") => Refusal::NoVersion,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the words of OpenBao 2.7.2, but for the last two of each, which are the other vault's.
    #[test]
    fn refusals_are_told_apart() {
        for (status, body, expected) in [
            (503, r#"{"errors":["Vault is sealed"]}"#, Refusal::Sealed),
            (403, r#"{"errors":["permission denied"]}"#, Refusal::Token),
            (
                403,
                r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
                Refusal::Policy,
            ),
            (400, r#"{"errors":["signing key not found"]}"#, Refusal::NoKey),
            (404, r#"{"errors":[]}"#, Refusal::NoKey),
            (
                500,
                r#"{"errors":["1 error occurred:\n\t* requested version for signing is higher than the latest key version\n\n"]}"#,
                Refusal::NoVersion,
            ),
            (500, r#"{"errors":["no such key version"]}"#, Refusal::NoVersion),
            (400, r#"{"errors":["invalid role or secret ID"]}"#, Refusal::Other),
            (
                500,
                r#"{"errors":["local node not active but active cluster node not found"]}"#,
                Refusal::NotServing,
            ),
            (429, "", Refusal::NotServing),
            (502, "<html>", Refusal::NotServing),
            (
                403,
                r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#,
                Refusal::Token,
            ),
            (473, "", Refusal::NotServing),
        ] {
            assert_eq!(refusal(status, &words(body.as_bytes())), expected, "{status} {body}");
        }
    }

    #[test]
    fn its_words_are_one_short_line() {
        let long = format!(r#"{{"errors":["a\n\t\u001b[31mb","{}"]}}"#, "x".repeat(5000));
        let said = words(long.as_bytes());
        assert!(said.chars().count() <= LONGEST_DETAIL + 8, "{said}");
        assert!(!said.contains('\n'));
        assert_eq!(words(b"<html>"), "it does not say why");
    }
}

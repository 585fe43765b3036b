//! Repositories from before `trusted_root.json`: each key is a target of its own, with a mark that says whose it is.
//!
//! The mark is `custom: {"sigstore": {"usage": "Fulcio" | "CTFE" | "Rekor", "uri": …}}` in the top-level targets, as
//! policy-controller and cosign's older clients read it. Times are not marked there, and timestamp authorities not at all.

use countersign_evidence::PublicKey;
use countersign_evidence::trust::{AuthorityParts, LogParts, TrustRoot, TrustRootParts, Window};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use sigstore_tuf::{TargetFile, Updater};

use super::name;
use crate::error::RefreshError;
use crate::text::shortened;

/// Most targets that are marked.
const MAX_MARKED: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Fulcio,
    Ctfe,
    Rekor,
}

impl Usage {
    fn of(target: &TargetFile) -> Option<(Self, Option<String>)> {
        let mark = target.custom.as_ref()?.get("sigstore")?;
        let usage = match mark.get("usage")?.as_str()? {
            "Fulcio" => Self::Fulcio,
            "CTFE" => Self::Ctfe,
            "Rekor" => Self::Rekor,
            _ => return None,
        };
        let uri = mark.get("uri").and_then(Value::as_str).filter(|uri| !uri.is_empty());
        Some((usage, uri.map(|uri| shortened(uri, 512))))
    }

    fn word(self) -> &'static str {
        match self {
            Self::Fulcio => "Fulcio's",
            Self::Ctfe => "a certificate transparency log's",
            Self::Rekor => "Rekor's",
        }
    }
}

/// A trust root of the marked targets.
pub(super) async fn root(updater: &Updater, wanted: &str) -> Result<TrustRoot, RefreshError> {
    let none = || RefreshError::NoSuchTarget {
        target: wanted.to_owned(),
    };
    let targets = updater.trusted().targets_role("targets").ok_or_else(none)?;
    let marked: Vec<(String, TargetFile, Usage, Option<String>)> = targets
        .targets
        .iter()
        .filter(|(path, _)| name::is_relative(path))
        .filter_map(|(path, target)| {
            let (usage, uri) = Usage::of(target)?;
            Some((path.clone(), target.clone(), usage, uri))
        })
        .take(MAX_MARKED)
        .collect();
    let mut parts = TrustRootParts::default();
    for (path, target, usage, uri) in marked {
        let bytes = match updater.find_cached_target(&target, &path) {
            Some(bytes) => bytes,
            None => updater
                .download_target(&target, &path)
                .await
                .map_err(RefreshError::of)?,
        };
        add(&mut parts, &path, usage, uri, &bytes).map_err(|why| RefreshError::Marked {
            target: path,
            usage: usage.word(),
            why,
        })?;
    }
    if parts.authorities.is_empty() {
        return Err(none());
    }
    TrustRoot::of(parts).map_err(|source| RefreshError::NotATrustRoot {
        target: wanted.to_owned(),
        source,
    })
}

fn add(parts: &mut TrustRootParts, path: &str, usage: Usage, uri: Option<String>, bytes: &[u8]) -> Result<(), String> {
    let uri = uri.unwrap_or_else(|| path.to_owned());
    let log = || -> Result<LogParts, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        Ok(LogParts {
            base_url: uri.clone(),
            operator: None,
            key: PublicKey::from_pem(text).map_err(|error| error.to_string())?,
            id: None,
            window: Window::ALWAYS,
        })
    };
    match usage {
        Usage::Fulcio => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
            let chain = chain.map_err(|error| error.to_string())?;
            if chain.is_empty() {
                return Err("it holds no certificate in PEM".to_owned());
            }
            parts.authorities.push(AuthorityParts {
                uri,
                operator: None,
                chain: chain.iter().map(|certificate| certificate.to_vec()).collect(),
                window: Window::ALWAYS,
            });
        }
        Usage::Ctfe => parts.ct_logs.push(log()?),
        Usage::Rekor => parts.logs.push(log()?),
    }
    Ok(())
}

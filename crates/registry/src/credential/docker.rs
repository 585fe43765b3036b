//! Docker's configuration file, as far as it is about credentials, and which entry is for whom.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use countersign_image::{Digest, json};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Credential, CredentialError};
use crate::host::canonical;
use crate::secret::Secret;

/// Largest configuration that is read, in bytes: what a Kubernetes Secret may hold.
const MAX_BYTES: u64 = 1 << 20;
/// Most entries of one configuration.
const MAX_ENTRIES: usize = 1000;

/// The part of the file that is about credentials.
#[derive(Debug)]
pub(super) struct DockerConfig {
    entries: Vec<(Key, Credential)>,
    programs: BTreeMap<String, String>,
    store: Option<String>,
    hash: Digest,
}

/// How a helper program came to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// `credHelpers` names the host.
    ForHost,
    /// `credsStore` is for every host.
    ForAll,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    auths: BTreeMap<String, WrittenEntry>,
    #[serde(default, rename = "credHelpers")]
    programs: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize)]
struct WrittenEntry {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let unreadable = |source| CredentialError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

impl DockerConfig {
    pub(super) fn parse(bytes: &[u8], place: &str) -> Result<Self, CredentialError> {
        let written = strict::<Written>(bytes, place)?;
        let mut programs = BTreeMap::new();
        for (host, name) in written.programs {
            programs.insert(canonical(&Key::parse(&host).host), program_name(&name, place)?);
        }
        let store = written
            .store
            .filter(|name| !name.is_empty())
            .map(|name| program_name(&name, place))
            .transpose()?;
        Self::of(written.auths, programs, store, bytes, place)
    }

    /// A pull secret: `{"auths": {…}}`, or in the legacy form what stands inside `auths`. Helper programs are not for
    /// those who write secrets to choose.
    pub(super) fn parse_secret(bytes: &[u8]) -> Result<Self, CredentialError> {
        let place = "the pull secret";
        let keys: BTreeMap<String, serde_json::Value> = strict(bytes, place)?;
        let auths = if keys.contains_key("auths") {
            strict::<Written>(bytes, place)?.auths
        } else {
            strict(bytes, place)?
        };
        Self::of(auths, BTreeMap::new(), None, bytes, place)
    }

    fn of(
        auths: BTreeMap<String, WrittenEntry>,
        programs: BTreeMap<String, String>,
        store: Option<String>,
        bytes: &[u8],
        place: &str,
    ) -> Result<Self, CredentialError> {
        if auths.len() + programs.len() > MAX_ENTRIES {
            return Err(malformed(place, format!("it has more than {MAX_ENTRIES} entries")));
        }
        let mut entries = Vec::new();
        for (key, entry) in auths {
            let credential = entry
                .credential()
                .map_err(|detail| malformed(place, format!("`{key}`: {detail}")))?;
            entries.extend(credential.map(|credential| (Key::parse(&key), credential)));
        }
        Ok(Self {
            entries,
            programs,
            store,
            hash: Digest::sha256(bytes),
        })
    }

    /// The entry whose key says most about the repository.
    pub(super) fn lookup(&self, host: &str, path: &str) -> Option<&Credential> {
        let fitting = self
            .entries
            .iter()
            .filter_map(|(key, credential)| Some((key.fits(host, path)?, credential)));
        fitting
            .max_by_key(|(weight, _)| *weight)
            .map(|(_, credential)| credential)
    }

    /// The helper program that keeps the credentials of a host.
    pub(super) fn program(&self, host: &str) -> Option<(&str, Chosen)> {
        let for_host = self.programs.get(host).map(|name| (name.as_str(), Chosen::ForHost));
        for_host.or_else(|| self.store.as_deref().map(|name| (name, Chosen::ForAll)))
    }

    pub(super) fn hash(&self) -> Digest {
        self.hash
    }
}

fn strict<T: serde::de::DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T, CredentialError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(malformed(place, format!("it has more than {MAX_BYTES} bytes")));
    }
    json::strict(bytes).map_err(|error| malformed(place, error.to_string()))
}

fn malformed(place: &str, detail: String) -> CredentialError {
    CredentialError::Malformed {
        place: place.to_owned(),
        detail,
    }
}

/// `docker-credential-<name>` is looked for in `PATH`: a name with a slash would be a file of somebody's choice.
fn program_name(name: &str, place: &str) -> Result<String, CredentialError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return Err(malformed(
            place,
            "the name of a credential helper is not a plain word".to_owned(),
        ));
    }
    Ok(name.to_owned())
}

impl WrittenEntry {
    fn credential(self) -> Result<Option<Credential>, &'static str> {
        let filled = |secret: Option<Secret>| secret.filter(|secret| !secret.expose().is_empty());
        if let Some(token) = filled(self.registrytoken) {
            return Ok(Some(Credential::Bearer(token)));
        }
        if let Some(token) = filled(self.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let Some(auth) = filled(self.auth) {
            return decode(auth.expose()).map(Some);
        }
        let user = self.username.filter(|user| !user.is_empty());
        Ok(user.map(|user| basic(user, self.password.unwrap_or_else(|| Secret::new("")))))
    }
}

/// `auth` is base64 of `user:password`.
fn decode(auth: &str) -> Result<Credential, &'static str> {
    let auth = auth.trim();
    let bytes = STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth));
    let bytes = Zeroizing::new(bytes.map_err(|_| "`auth` is not base64")?);
    let text = std::str::from_utf8(&bytes).map_err(|_| "`auth` is not base64 of text")?;
    let (user, password) = text.split_once(':').ok_or("`auth` is not base64 of `user:password`")?;
    // docker pads with NUL.
    Ok(basic(user.to_owned(), Secret::new(password.trim_end_matches('\0'))))
}

/// Docker marks an identity token by the user `<token>`.
pub(super) fn basic(user: String, password: Secret) -> Credential {
    if user == "<token>" {
        Credential::IdentityToken(password)
    } else {
        Credential::Basic { user, password }
    }
}

/// What an entry is for: a host, perhaps with `*` for whole labels, and perhaps the beginning of a path.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    host: String,
    path: String,
}

impl Key {
    /// Keys come as `host`, `host:port`, `host/path` and, from older times, as URLs that end in `/v1/` or `/v2/`.
    fn parse(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let is_url = lower.starts_with("https://") || lower.starts_with("http://");
        let bare = if is_url {
            text.split_once("://").map_or(text, |(_, rest)| rest)
        } else {
            text
        };
        let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
        let path = path.trim_matches('/');
        let path = if matches!(path, "v1" | "v2") { "" } else { path };
        Self {
            host: canonical(without_default_port(host)),
            path: path.to_owned(),
        }
    }

    /// How much of the repository's name the key says, if it says nothing else.
    fn fits(&self, host: &str, path: &str) -> Option<(bool, usize)> {
        let host = without_default_port(host);
        let exact = self.host == host;
        if !exact && !labels_match(&self.host, host) {
            return None;
        }
        let below = path.strip_prefix(&self.path)?;
        let whole = self.path.is_empty() || below.is_empty() || below.starts_with('/');
        whole.then_some((exact, self.path.len()))
    }
}

fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":443").unwrap_or(host)
}

/// As the kubelet matches: `*` stands for one whole label or a part of one, never for a dot.
fn labels_match(pattern: &str, host: &str) -> bool {
    if !pattern.contains('*') {
        return false;
    }
    let (patterns, labels): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), host.split('.').collect());
    patterns.len() == labels.len()
        && patterns
            .iter()
            .zip(&labels)
            .all(|(pattern, label)| label_matches(pattern, label))
}

fn label_matches(pattern: &str, label: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == label;
    };
    let Some(mut left) = label.strip_prefix(first) else {
        return false;
    };
    let Some((middle, last)) = rest.rsplit_once('*') else {
        return left.ends_with(rest);
    };
    for part in middle.split('*') {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
pub(super) fn key_fits(key: &str, host: &str, path: &str) -> bool {
    Key::parse(key).fits(host, path).is_some()
}

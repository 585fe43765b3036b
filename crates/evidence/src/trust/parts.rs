//! A trust root in parts, for roots that are not a `trusted_root.json`.

use countersign_image::Digest;
use countersign_image::text::prints;

use super::{Unusable, Window};
use crate::key::PublicKey;

/// What a trust root is made of.
#[derive(Clone, Debug, Default)]
pub struct TrustRootParts {
    /// Who issues certificates for signing.
    pub authorities: Vec<AuthorityParts>,
    /// Transparency logs of signatures.
    pub logs: Vec<LogParts>,
    /// Certificate transparency logs.
    pub ct_logs: Vec<LogParts>,
    /// Who signs timestamps.
    pub time_authorities: Vec<AuthorityParts>,
}

impl TrustRootParts {
    /// The same as read from a document.
    pub(super) fn listed(self) -> Listed {
        fn each<T>(list: &str, parts: Vec<T>) -> Vec<Read<T>> {
            let numbered = parts.into_iter().enumerate();
            numbered.map(|(at, part)| Ok((format!("{list}[{at}]"), part))).collect()
        }
        Listed {
            logs: each("tlogs", self.logs),
            ct_logs: each("ctlogs", self.ct_logs),
            authorities: each("certificateAuthorities", self.authorities),
            time_authorities: each("timestampAuthorities", self.time_authorities),
        }
    }

    /// The digest of everything in it, each piece with its length, so that no two roots have one.
    pub(super) fn generation(&self) -> Digest {
        let mut bytes = Vec::new();
        let mut say = |piece: &[u8]| {
            bytes.extend_from_slice(&(piece.len() as u64).to_be_bytes());
            bytes.extend_from_slice(piece);
        };
        for length in [
            self.logs.len(),
            self.ct_logs.len(),
            self.authorities.len(),
            self.time_authorities.len(),
        ] {
            say(&(length as u64).to_be_bytes());
        }
        for log in self.logs.iter().chain(&self.ct_logs) {
            say(log.base_url.as_bytes());
            say(format!("{:?} {:?}", log.operator, log.window).as_bytes());
            say(log.key.spki_der());
            say(format!("{:?}", log.id).as_bytes());
        }
        for authority in self.authorities.iter().chain(&self.time_authorities) {
            say(authority.uri.as_bytes());
            say(format!("{:?} {:?}", authority.operator, authority.window).as_bytes());
            say(&(authority.chain.len() as u64).to_be_bytes());
            authority.chain.iter().for_each(|certificate| say(certificate));
        }
        Digest::sha256(&bytes)
    }
}

/// An authority in parts.
#[derive(Clone, Debug)]
pub struct AuthorityParts {
    /// Where it is, which is its name too.
    pub uri: String,
    /// Who runs it, where that is said.
    pub operator: Option<String>,
    /// Its certificates in DER, each signed by the one after it; the last is the root, which is believed.
    pub chain: Vec<Vec<u8>>,
    /// When it is believed.
    pub window: Window,
}

/// A log in parts.
#[derive(Clone, Debug)]
pub struct LogParts {
    /// Where it is, which is its name too.
    pub base_url: String,
    /// Who runs it, where that is said.
    pub operator: Option<String>,
    /// The key that it signs with.
    pub key: PublicKey,
    /// Its identity; without one, the SHA-256 of its key.
    pub id: Option<Vec<u8>>,
    /// When the key is believed.
    pub window: Window,
}

/// The longest address or name of a part, in bytes.
const MAX_NAME_BYTES: usize = 1024;

/// Whether an address, and an operator's name, can be shown in every error about a part.
pub(super) fn shows(address: &str, operator: Option<&str>) -> Result<(), String> {
    for name in [address, operator.unwrap_or_default()] {
        if name.len() > MAX_NAME_BYTES {
            let found = name.len();
            return Err(format!("its name has {found} bytes, and {MAX_NAME_BYTES} are the most"));
        }
        if !name.chars().all(prints) {
            return Err("its name has characters that do not print".to_owned());
        }
    }
    Ok(())
}

/// A part with its place in the document, or why it cannot be used.
pub(super) type Read<T> = Result<(String, T), Unusable>;

/// The parts in the order of the document.
pub(super) struct Listed {
    pub(super) logs: Vec<Read<LogParts>>,
    pub(super) ct_logs: Vec<Read<LogParts>>,
    pub(super) authorities: Vec<Read<AuthorityParts>>,
    pub(super) time_authorities: Vec<Read<AuthorityParts>>,
}

impl Listed {
    /// How long each list is, by its name in a `trusted_root.json`.
    pub(super) fn lengths(&self) -> [(&'static str, usize); 4] {
        [
            ("tlogs", self.logs.len()),
            ("ctlogs", self.ct_logs.len()),
            ("certificateAuthorities", self.authorities.len()),
            ("timestampAuthorities", self.time_authorities.len()),
        ]
    }
}

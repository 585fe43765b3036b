//! Signatures that were made once: the same signer over the same message is the same signature for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_image::Digest;

use super::MakeError;

const FILE: &str = "signatures.tsv";

type Key = (String, String);

/// By signer and digest of the message.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    signatures: BTreeMap<Key, Vec<u8>>,
    used: BTreeSet<Key>,
}

impl Remembered {
    pub(super) fn read(folder: &Path) -> Result<Self, MakeError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|source| MakeError::File {
            verb: "read",
            path: path.clone(),
            source,
        })?;
        let mut signatures = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let wrong = || MakeError::Remembered {
                path: path.clone(),
                line: index + 1,
            };
            let fields: Vec<&str> = line.split('\t').collect();
            let [signer, digest, signature] = fields.as_slice() else {
                return Err(wrong());
            };
            let signature = STANDARD.decode(signature).map_err(|_| wrong())?;
            signatures.insert(((*signer).to_owned(), (*digest).to_owned()), signature);
        }
        Ok(Self {
            signatures,
            used: BTreeSet::new(),
        })
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), MakeError> {
        let lines = self
            .signatures
            .iter()
            .map(|((signer, digest), signature)| format!("{signer}\t{digest}\t{}\n", STANDARD.encode(signature)));
        let path = folder.join(FILE);
        let written = std::fs::write(&path, lines.collect::<String>());
        written.map_err(|source| MakeError::File {
            verb: "write",
            path,
            source,
        })
    }

    /// The signature over `message`, made now only if it never was.
    pub(super) fn signature(&mut self, signer: &str, message: &[u8], make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
        let key = (signer.to_owned(), Digest::sha256(message).to_string());
        self.used.insert(key.clone());
        self.signatures.entry(key).or_insert_with(make).clone()
    }

    pub(super) fn forget_unused(&mut self) {
        self.signatures.retain(|key, _| self.used.contains(key));
    }
}

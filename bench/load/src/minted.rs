//! Keyless signatures of a private Sigstore in memory: each by a key and a certificate of its own, in a log.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::seal::{Draft, Vouchers};
use countersign_evidence::{Sealed, ToBeSigned, TrustRoot, Trusted};
use countersign_mint::rekor::{Made, dsse_v001};
use countersign_mint::{Extension, Key, Kind, San, Sigstore};
use serde_json::Value;

/// Whom its certificates name.
pub const SUBJECT: &str = "https://github.com/acme/shop/.github/workflows/release.yaml@refs/heads/main";
/// Who vouches for that name.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// How many entries are in the log before each: a proof has six hashes.
const BEFORE: usize = 63;

/// A private Sigstore.
pub struct Minted {
    sigstore: RefCell<Sigstore>,
    trusted: Trusted,
    json: Vec<u8>,
}

impl Minted {
    /// A new one.
    pub fn new() -> Result<Self> {
        let sigstore = Sigstore::new();
        let json = sigstore.trusted_root_with_logs().to_json();
        let trusted = Trusted::keyless(Arc::new(TrustRoot::parse(&json)?));
        Ok(Self {
            sigstore: RefCell::new(sigstore),
            trusted,
            json,
        })
    }

    /// Writes its trust root.
    pub fn write_root(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join("trusted_root.json");
        std::fs::write(&path, &self.json).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Signs as a workflow does: a bundle of version 0.3 with an entry of a log.
    pub fn sign(&self, what: ToBeSigned) -> Result<Sealed> {
        let draft = Draft::of(what)?;
        let key = Key::new(Kind::P256);
        let mut sigstore = self.sigstore.borrow_mut();
        let spec = sigstore
            .leaf(&key, &[San::Uri(SUBJECT)])
            .with(Extension::fulcio(8, ISSUER));
        let certificate = sigstore.certify(spec);
        let signature = key.sign(draft.message());
        let envelope = draft.envelope(&signature).context("a statement has an envelope")?;
        let read: Value = serde_json::from_slice(&envelope)?;
        let payload = STANDARD.decode(read["payload"].as_str().unwrap_or_default())?;
        let body = dsse_v001(&envelope, &payload, &signature, Made::Certificate(&certificate));
        // Each in a tree of its own: one that grows would cost more to make than all the rest.
        let seconds = u64::try_from(sigstore.now.as_second())?;
        sigstore.rekor.leaves.clear();
        let at = sigstore.rekor.take_in(BEFORE, &body);
        let entry = sigstore.rekor.entry(at, seconds, &[]);
        let vouchers = Vouchers {
            certificate,
            log_entries: vec![serde_json::value::to_raw_value(&entry)?],
            timestamps: Vec::new(),
        };
        let (sealed, _) = draft.seal(&signature, &vouchers, &self.trusted)?;
        Ok(sealed)
    }
}

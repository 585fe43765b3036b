//! Who signs in the cases: a handful of test keys, each with the schemes it signs with.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Hash, KeyKind, Layout, PublicKey, Scheme, Sealed, ToBeSigned};
use countersign_keys::{PrivateKey, Signer as _};

use super::MakeError;
use super::keyless::{self, Minted};
use super::remembered::Remembered;

/// File of a key → its kind. Alice is whom the policies believe; Bob is anybody else.
const KEYS: [(&str, KeyKind); 6] = [
    ("alice", KeyKind::EcdsaP256),
    ("bob", KeyKind::EcdsaP256),
    ("p384", KeyKind::EcdsaP384),
    ("p521", KeyKind::EcdsaP521),
    ("ed25519", KeyKind::Ed25519),
    ("rsa", KeyKind::Rsa { bits: 2048 }),
];

/// Signer → the key it signs with, and the scheme where it is not the key's usual one.
const SIGNERS: [(&str, &str, Option<Scheme>); 10] = [
    ("alice", "alice", None),
    ("bob", "bob", None),
    ("p384", "p384", None),
    ("p384-sha384", "p384", Some(Scheme::Ecdsa(Hash::Sha384))),
    ("p521", "p521", None),
    ("p521-sha512", "p521", Some(Scheme::Ecdsa(Hash::Sha512))),
    ("ed25519", "ed25519", None),
    ("ed25519ph", "ed25519", Some(Scheme::Ed25519ph)),
    ("rsa", "rsa", None),
    ("rsa-pss", "rsa", Some(Scheme::RsaPss(Hash::Sha256))),
];

pub(super) struct Workshop {
    signers: BTreeMap<&'static str, PrivateKey>,
    forger: EcdsaKeyPair,
    remembered: RefCell<Remembered>,
    minted: OnceCell<Minted>,
}

impl Workshop {
    /// Reads the keys, and makes those that are missing.
    pub(super) fn open(folder: &Path) -> Result<Self, MakeError> {
        for (name, kind) in KEYS {
            make_missing(folder, name, kind)?;
        }
        let mut signers = BTreeMap::new();
        for (signer, key, scheme) in SIGNERS {
            let key = read(folder, key)?;
            let key = match scheme {
                Some(scheme) => key.using(scheme).expect("each scheme in the table is one of its key's"),
                None => key,
            };
            signers.insert(signer, key);
        }
        let forger = forger(&read(folder, "alice")?);
        let workshop = Self {
            signers,
            forger,
            remembered: RefCell::new(Remembered::read(folder)?),
            minted: OnceCell::new(),
        };
        let alice = (spki(&workshop.public("alice")), keyless::signature_to_log(&workshop));
        let minted = Minted::open(folder, (&alice.0, &alice.1))?;
        // It was empty until now.
        workshop.minted.set(minted).ok();
        Ok(workshop)
    }

    /// What the private Sigstore made.
    pub(super) fn minted(&self) -> &Minted {
        self.minted.get().expect("it was set when the workshop was opened")
    }

    pub(super) fn forget_unused(&self) {
        self.remembered.borrow_mut().forget_unused();
    }

    pub(super) fn remember(&self, folder: &Path) -> Result<(), MakeError> {
        self.remembered.borrow().write(folder)
    }

    pub(super) fn public(&self, signer: &str) -> PublicKey {
        self.signer(signer).public()
    }

    /// What an honest signer makes.
    pub(super) fn sign(&self, signer: &str, what: &ToBeSigned) -> Vec<u8> {
        let make = || {
            self.signer(signer)
                .sign(what)
                .expect("a key signs with a scheme of its own")
        };
        self.remembered.borrow_mut().signature(signer, what.message(), make)
    }

    /// The same, wrapped as it is stored.
    pub(super) fn seal(&self, signer: &str, what: ToBeSigned, layout: Layout) -> Sealed {
        let signature = self.sign(signer, &what);
        let sealed = what.seal(layout, &signature, &self.public(signer));
        sealed.expect("what was just signed verifies, and the layout is one for it")
    }

    /// Alice's signature over bytes that no honest signer would be handed.
    pub(super) fn forge(&self, message: &[u8]) -> Vec<u8> {
        let make = || {
            let signature = self
                .forger
                .sign(&SystemRandom::new(), message)
                .expect("a P-256 key signs anything");
            signature.as_ref().to_vec()
        };
        self.remembered.borrow_mut().signature("alice", message, make)
    }

    fn signer(&self, name: &str) -> &PrivateKey {
        self.signers.get(name).expect("drafts name only signers of the table")
    }
}

/// The key as SubjectPublicKeyInfo in DER.
fn spki(key: &PublicKey) -> Vec<u8> {
    let pem = key.to_pem();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD
        .decode(body)
        .expect("a PEM block that was just written has a base64 body")
}

fn make_missing(folder: &Path, name: &'static str, kind: KeyKind) -> Result<(), MakeError> {
    let path = folder.join(format!("{name}.pem"));
    if path.exists() {
        return Ok(());
    }
    let key = PrivateKey::generate(kind).map_err(|source| MakeError::Generate { name, source })?;
    let written = std::fs::write(&path, key.to_pkcs8_pem().as_bytes());
    written.map_err(|source| MakeError::File {
        verb: "write",
        path,
        source,
    })
}

fn read(folder: &Path, name: &str) -> Result<PrivateKey, MakeError> {
    let path = folder.join(format!("{name}.pem"));
    let file = std::fs::read(&path).map_err(|source| MakeError::File {
        verb: "read",
        path: path.clone(),
        source,
    })?;
    PrivateKey::parse(&file, None).map_err(|source| MakeError::Key { path, source })
}

/// The program's own keys sign nothing but a `ToBeSigned`: whoever forges needs the bare primitive.
fn forger(key: &PrivateKey) -> EcdsaKeyPair {
    let pem = key.to_pkcs8_pem();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD
        .decode(body)
        .expect("a PEM block that was just written has a base64 body");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).expect("Alice's key is ECDSA P-256")
}

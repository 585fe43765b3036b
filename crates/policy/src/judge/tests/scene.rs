//! Evidence for tests, made with real keys.

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_evidence::{
    Content, Evidence, Gap, GapCause, Item, Layout, Look, Origin, Place, PublicKey, Sealed, ToBeSigned,
};
use countersign_image::{Blob, Digest, Pinned, Reference, Repository};
use ed25519_dalek::{Signer, SigningKey};
use jiff::Timestamp;

pub(super) const IMAGE: &str =
    "ghcr.io/acme/app:v1@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
pub(super) const OTHER: &str =
    "ghcr.io/acme/app:v2@sha256:0b1c000000000000000000000000000000000000000000000000000000000000";
pub(super) const SPDX: &str = "https://spdx.dev/Document";
pub(super) const SLSA: &str = "https://slsa.dev/provenance/v1";

/// One of our keys; `a` and `b` are different ones.
pub(super) struct Key {
    private: SigningKey,
    pub(super) public: PublicKey,
}

impl Key {
    pub(super) fn named(name: char) -> Self {
        let private = SigningKey::from_bytes(&[name as u8; 32]);
        // SubjectPublicKeyInfo of Ed25519 (RFC 8410, section 4), then the key.
        let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        spki.extend(private.verifying_key().as_bytes());
        let public = PublicKey::from_spki_der(&spki).unwrap();
        Self { private, public }
    }

    /// The key as `key:` of a policy has it, for YAML in flow style.
    pub(super) fn yaml(&self) -> String {
        let pem = self.public.to_pem().replace('\n', "\\n");
        format!("{{data: \"{pem}\"}}")
    }

    fn seal(&self, what: ToBeSigned, layout: Layout) -> Content {
        let signature = self.private.sign(what.message()).to_bytes();
        match what.seal(layout, &signature, &self.public).unwrap() {
            Sealed::Simple { payload, signature_b64 } => Content::Simple {
                payload: Blob::new(payload),
                signature: signature_b64,
                annotations: BTreeMap::new(),
            },
            Sealed::Envelope(json) => Content::envelope(Blob::new(json)),
            Sealed::Bundle(json) => Content::Bundle(Blob::new(json)),
        }
    }
}

pub(super) fn pinned(text: &str) -> Pinned {
    Reference::parse(text).unwrap().pinned().unwrap()
}

/// Evidence as it is put together.
pub(super) struct Scene {
    pub(super) evidence: Evidence,
    repository: Repository,
    tag_prefix: Option<String>,
}

/// Evidence about [`IMAGE`] with nothing in it.
pub(super) fn scene() -> Scene {
    let image = pinned(IMAGE);
    let repository = image.repository().clone();
    Scene {
        evidence: Evidence {
            image,
            items: Vec::new(),
            gaps: Vec::new(),
            looked: Vec::new(),
            manifest: None,
            as_of: Timestamp::UNIX_EPOCH,
            stale: false,
        },
        repository,
        tag_prefix: None,
    }
}

impl Scene {
    /// What follows lies in this repository.
    pub(super) fn in_repository(mut self, repository: &str) -> Self {
        self.repository = Repository::parse(repository).unwrap();
        self
    }

    /// What follows under tags lies behind this prefix.
    pub(super) fn behind(mut self, prefix: &str) -> Self {
        self.tag_prefix = Some(prefix.to_owned());
        self
    }

    /// A signature of the image.
    pub(super) fn signed(self, key: char, layout: Layout) -> Self {
        self.signed_for(IMAGE, key, layout)
    }

    /// A signature of some image, lying beside ours.
    pub(super) fn signed_for(self, image: &str, key: char, layout: Layout) -> Self {
        let image = pinned(image);
        let what = match layout {
            Layout::Tag | Layout::Referrer => ToBeSigned::simple(&image, &BTreeMap::new()),
            Layout::Bundle => ToBeSigned::cosign_sign(&image, &BTreeMap::new()),
        };
        let content = Key::named(key).seal(what, layout);
        self.with(layout, content)
    }

    /// An attestation about the image.
    pub(super) fn attested(self, key: char, predicate_type: &str, layout: Layout) -> Self {
        self.attested_for(IMAGE, key, predicate_type, layout)
    }

    pub(super) fn attested_for(self, image: &str, key: char, predicate_type: &str, layout: Layout) -> Self {
        let what = ToBeSigned::statement(&pinned(image), predicate_type, &serde_json::json!({}));
        let content = Key::named(key).seal(what, layout);
        self.with(layout, content)
    }

    /// Bytes that are no signature and no attestation.
    pub(super) fn rubbish(self, layout: Layout) -> Self {
        let blob = Blob::new(Bytes::from_static(b"{}"));
        let content = match layout {
            Layout::Bundle => Content::Bundle(blob),
            Layout::Tag | Layout::Referrer => Content::Simple {
                payload: blob,
                signature: "AAAA".to_owned(),
                annotations: BTreeMap::new(),
            },
        };
        self.with(layout, content)
    }

    pub(super) fn with(mut self, layout: Layout, content: Content) -> Self {
        let blob = Digest::sha256(format!("{}", self.evidence.items.len()).as_bytes());
        let origin = Origin {
            repository: self.repository.clone(),
            layout,
            tag_prefix: self.tag_prefix.clone().filter(|_| layout == Layout::Tag),
            manifest: Digest::sha256(b"manifest"),
            blob,
        };
        self.evidence.items.push(Item { origin, content });
        self
    }

    pub(super) fn looked(mut self, place: Place, found: u32) -> Self {
        let repository = self.repository.clone();
        self.evidence.looked.push(Look {
            repository,
            place,
            found,
        });
        self
    }

    pub(super) fn gap(mut self, place: Place, cause: GapCause) -> Self {
        let repository = self.repository.clone();
        self.evidence.gaps.push(Gap {
            repository,
            place,
            cause,
        });
        self
    }

    pub(super) fn stale(mut self) -> Self {
        self.evidence.stale = true;
        self
    }
}

pub(super) fn signature_tag(prefix: Option<&str>) -> Place {
    Place::SignatureTag {
        prefix: prefix.map(str::to_owned),
    }
}

pub(super) fn attestation_tag() -> Place {
    Place::AttestationTag { prefix: None }
}

//! Transparency logs: Rekor v1 and v2 in memory. They take entries in, promise them, grow a tree over them, and have it
//! witnessed.
//!
//! Trees are made by the definition (RFC 6962, section 2.1) and promises by a canonical form written here, so that a test
//! does not agree with the code that it tests by sharing it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::key::{Hash, Key, Kind};

/// The hash of a node of a tree.
pub type Node = [u8; 32];

fn sha256(bytes: &[u8]) -> Node {
    Hash::Sha256.of(bytes).try_into().unwrap()
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Node {
    sha256(&[&[0], leaf].concat())
}

/// The largest power of two below a number of leaves, where the definition parts them.
fn half(leaves: &[Node]) -> usize {
    leaves.len().next_power_of_two() / 2
}

/// The root over hashes of leaves.
pub fn root(leaves: &[Node]) -> Node {
    match leaves {
        [] => sha256(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(half(leaves));
            sha256(&[&[1], root(left).as_slice(), &root(right)].concat())
        }
    }
}

/// The siblings from a leaf up to the root.
pub fn path(leaves: &[Node], index: usize) -> Vec<Node> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(half(leaves));
    let (mut below, beside) = if index < left.len() {
        (path(left, index), root(right))
    } else {
        (path(right, index - left.len()), root(left))
    };
    below.push(beside);
    below
}

/// The id of a key in signed notes (C2SP signed-note), of some type; of keys that are not Ed25519, the SHA-256.
pub fn note_key_id(name: &str, kind: u8, spki: &[u8]) -> Node {
    // RFC 8410: a SubjectPublicKeyInfo of Ed25519 has 44 bytes, the last 32 of which are the key.
    if spki.len() == 44 {
        sha256(&[name.as_bytes(), &[b'\n', kind], &spki[12..]].concat())
    } else {
        sha256(spki)
    }
}

/// A log that signs what it is told to.
pub struct Rekor {
    /// Its key.
    pub key: Key,
    /// The host in the checkpoint's origin; the key's name too.
    pub host: String,
    /// For a Rekor v1: the number of the tree, and how many entries are in shards before it.
    shard: Option<(u64, u64)>,
    /// The bodies that it has taken in.
    pub leaves: Vec<Vec<u8>>,
}

impl Rekor {
    /// A Rekor v1 with this key: promises, and a checkpoint that names a tree.
    pub fn v1_with(host: &str, key: Key) -> Self {
        Self {
            key,
            host: host.to_owned(),
            shard: Some((1_193_050_959_916_656_506, 1_000)),
            leaves: Vec::new(),
        }
    }

    /// A Rekor v1 with a P-256 key, as the public one has.
    pub fn v1(host: &str) -> Self {
        Self::v1_with(host, Key::new(Kind::P256))
    }

    /// A Rekor v2 with this key: no promises.
    pub fn v2_with(host: &str, key: Key) -> Self {
        Self {
            key,
            host: host.to_owned(),
            shard: None,
            leaves: Vec::new(),
        }
    }

    /// A Rekor v2 with an Ed25519 key, as the public ones have.
    pub fn v2(host: &str) -> Self {
        Self::v2_with(host, Key::new(Kind::Ed25519))
    }

    /// Where it is.
    pub fn base_url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// Its id: for Rekor v2 that of the key in signed notes, else the key's SHA-256.
    pub fn id(&self) -> Vec<u8> {
        match self.shard {
            Some(_) => self.key.id(),
            None => note_key_id(&self.host, 1, &self.key.spki()).to_vec(),
        }
    }

    /// Takes a body in, after `before` others; the index in the tree.
    pub fn take_in(&mut self, before: usize, body: &Value) -> usize {
        for other in 0..before {
            self.leaves.push(format!("somebody else's entry {other}").into_bytes());
        }
        self.leaves.push(body.to_string().into_bytes());
        self.leaves.len() - 1
    }

    fn hashes(&self) -> Vec<Node> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    /// What its checkpoints begin with.
    pub fn origin(&self) -> String {
        match self.shard {
            Some((tree, _)) => format!("{} - {tree}", self.host),
            None => self.host.clone(),
        }
    }

    /// What it signs of its tree.
    pub fn tree_head(&self) -> String {
        let root = encode(&root(&self.hashes()));
        format!("{}\n{}\n{root}\n", self.origin(), self.leaves.len())
    }

    /// Its signature over a text, as a line of a note.
    pub fn signature_line(&self, text: &str) -> String {
        note_line(&self.host, &self.id()[..4], &self.key.sign(text.as_bytes()))
    }

    /// Its checkpoint, with its signature and those of witnesses.
    pub fn checkpoint(&self, witnesses: &[&Witness]) -> String {
        let text = self.tree_head();
        let lines = witnesses.iter().map(|witness| witness.cosign(&text, 1_700_000_000));
        let lines: String = lines.collect();
        format!("{text}\n{}{lines}", self.signature_line(&text))
    }

    /// The index over all shards.
    pub fn index(&self, at: usize) -> u64 {
        self.shard.map_or(0, |(_, before)| before) + at as u64
    }

    /// The promise for an entry.
    pub fn promise(&self, at: usize, seconds: u64) -> Vec<u8> {
        let id = hex(&self.id());
        let (body, index) = (encode(&self.leaves[at]), self.index(at));
        let text = format!(r#"{{"body":"{body}","integratedTime":{seconds},"logID":"{id}","logIndex":{index}}}"#);
        self.key.sign(text.as_bytes())
    }

    /// An entry as it stands in a bundle, with everything that this log gives.
    pub fn entry(&self, at: usize, seconds: u64, witnesses: &[&Witness]) -> Value {
        let hashes = self.hashes();
        let body: Value = serde_json::from_slice(&self.leaves[at]).unwrap();
        let path = path(&hashes, at);
        let mut entry = json!({
            "logIndex": self.index(at).to_string(),
            "logId": {"keyId": encode(&self.id())},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": at.to_string(),
                "rootHash": encode(&root(&hashes)),
                "treeSize": hashes.len().to_string(),
                "hashes": path.iter().map(|hash| encode(hash)).collect::<Vec<_>>(),
                "checkpoint": {"envelope": self.checkpoint(witnesses)},
            },
            "canonicalizedBody": encode(&self.leaves[at]),
        });
        if self.shard.is_some() {
            entry["integratedTime"] = json!(seconds.to_string());
            entry["inclusionPromise"] = json!({"signedEntryTimestamp": encode(&self.promise(at, seconds))});
        }
        entry
    }

    /// An entry as cosign 2 stores it.
    pub fn annotation(&self, at: usize, seconds: u64) -> Value {
        let id = hex(&self.id());
        json!({
            "SignedEntryTimestamp": encode(&self.promise(at, seconds)),
            "Payload": {
                "body": encode(&self.leaves[at]),
                "integratedTime": seconds,
                "logIndex": self.index(at),
                "logID": id,
            },
        })
    }
}

/// One signature line of a note.
pub fn note_line(name: &str, id: &[u8], signature: &[u8]) -> String {
    format!("\u{2014} {name} {}\n", encode(&[id, signature].concat()))
}

/// A witness of trees.
pub struct Witness {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: Key,
}

impl Witness {
    /// A new one.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: Key::new(Kind::Ed25519),
        }
    }

    /// The id of its key.
    pub fn id(&self) -> [u8; 4] {
        *note_key_id(&self.name, 4, &self.key.spki()).first_chunk().unwrap()
    }

    /// Its signature over a tree head, as a line of a note.
    pub fn cosign(&self, text: &str, seconds: u64) -> String {
        let message = format!("cosignature/v1\ntime {seconds}\n{text}");
        let signature = self.key.sign(message.as_bytes());
        note_line(
            &self.name,
            &self.id(),
            &[&seconds.to_be_bytes(), signature.as_slice()].concat(),
        )
    }
}

/// Who made a signature, as the two generations of Rekor write it.
#[derive(Clone, Copy)]
pub enum Made<'a> {
    /// The holder of a certificate, DER.
    Certificate(&'a [u8]),
    /// The holder of a key, SubjectPublicKeyInfo in DER.
    Key(&'a [u8]),
}

impl Made<'_> {
    fn pem(self) -> String {
        let (label, der) = match self {
            Self::Certificate(der) => ("CERTIFICATE", der),
            Self::Key(der) => ("PUBLIC KEY", der),
        };
        let text = encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
        encode(pem.as_bytes())
    }

    fn der(self) -> Value {
        match self {
            Self::Certificate(der) => {
                json!({"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": encode(der)}})
            }
            Self::Key(der) => json!({"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": encode(der)}}),
        }
    }
}

fn hex_hash(bytes: &[u8]) -> Value {
    json!({"algorithm": "sha256", "value": hex(&sha256(bytes))})
}

fn hash_output(bytes: &[u8]) -> Value {
    json!({"algorithm": "SHA2_256", "digest": encode(&sha256(bytes))})
}

/// The body of a `hashedrekord` 0.0.1.
pub fn hashedrekord_v001(message: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": hex_hash(message)},
        "signature": {"content": encode(signature), "publicKey": {"content": made.pem()}},
    }})
}

/// The body of a `hashedrekord` 0.0.2.
pub fn hashedrekord_v002(message: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": hash_output(message),
        "signature": {"content": encode(signature), "verifier": made.der()},
    }}})
}

/// The body of a `dsse` 0.0.1.
pub fn dsse_v001(raw: &[u8], payload: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": hex_hash(raw),
        "payloadHash": hex_hash(payload),
        "signatures": [{"signature": encode(signature), "verifier": made.pem()}],
    }})
}

/// The body of a `dsse` 0.0.2.
pub fn dsse_v002(payload: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": {
        "payloadHash": hash_output(payload),
        "signatures": [{"content": encode(signature), "verifier": made.der()}],
    }}})
}

/// The body of a `intoto` 0.0.1.
pub fn intoto_v001(raw: &[u8], payload: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "intoto", "spec": {
        "content": {"hash": hex_hash(raw), "payloadHash": hex_hash(payload)},
        "publicKey": made.pem(),
    }})
}

/// The body of a `intoto` 0.0.2.
pub fn intoto_v002(raw: &[u8], payload_type: &str, payload: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    let signature = encode(encode(signature).as_bytes());
    json!({"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {
        "envelope": {"payloadType": payload_type, "signatures": [{"sig": signature, "publicKey": made.pem()}]},
        "hash": hex_hash(raw),
        "payloadHash": hex_hash(payload),
    }}})
}

//! A transparency log of our own: it takes entries in, promises them, grows a tree over them, and has it witnessed.
//!
//! Trees are made by the definition (RFC 6962, section 2.1) and promises by a canonical form written here, so that a test
//! does not agree with the code that it tests by sharing it.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{TestKey, ed25519, p256};
use crate::encoding::encode;
use crate::trust::{Log, LogId, Window};

pub(crate) type Hash = [u8; 32];

fn sha256(bytes: &[u8]) -> Hash {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

pub(crate) fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf].concat())
}

/// The largest power of two below a number of leaves, where the definition parts them.
fn half(leaves: &[Hash]) -> usize {
    leaves.len().next_power_of_two() / 2
}

/// The root over hashes of leaves.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
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
pub(crate) fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
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

/// A log that signs what it is told to.
pub(crate) struct TestLog {
    pub(crate) key: TestKey,
    /// The host in the checkpoint's origin; the key's name too.
    pub(crate) host: String,
    /// For a Rekor v1: the number of the tree, and how many entries are in shards before it.
    shard: Option<(u64, u64)>,
    pub(crate) leaves: Vec<Vec<u8>>,
}

impl TestLog {
    /// A Rekor v1 with this key: promises, and a checkpoint that names a tree.
    pub(crate) fn v1_with(host: &str, key: TestKey) -> Self {
        Self {
            key,
            host: host.to_owned(),
            shard: Some((1_193_050_959_916_656_506, 1_000)),
            leaves: Vec::new(),
        }
    }

    pub(crate) fn v1(host: &str) -> Self {
        Self::v1_with(host, p256())
    }

    /// A Rekor v2 with this key: no promises.
    pub(crate) fn v2_with(host: &str, key: TestKey) -> Self {
        Self {
            key,
            host: host.to_owned(),
            shard: None,
            leaves: Vec::new(),
        }
    }

    pub(crate) fn v2(host: &str) -> Self {
        Self::v2_with(host, ed25519())
    }

    /// What a trust root says about it.
    pub(crate) fn log(&self) -> Log {
        Log {
            id: LogId::new(self.id()),
            key: self.key.public.clone(),
            window: Window::ALWAYS,
            base_url: format!("https://{}", self.host),
            operator: None,
        }
    }

    /// Its id: for Rekor v2 with an Ed25519 key that of the key in signed notes, else the key's SHA-256.
    pub(crate) fn id(&self) -> Vec<u8> {
        let spki = self.key.public.spki_der();
        if self.shard.is_none() && spki.len() == 44 {
            sha256(&[self.host.as_bytes(), b"\n\x01", &spki[12..]].concat()).to_vec()
        } else {
            sha256(spki).to_vec()
        }
    }

    /// Takes a body in, after `before` others; the index in the tree.
    pub(crate) fn take_in(&mut self, before: usize, body: &Value) -> usize {
        for other in 0..before {
            self.leaves.push(format!("somebody else's entry {other}").into_bytes());
        }
        self.leaves.push(body.to_string().into_bytes());
        self.leaves.len() - 1
    }

    fn hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    pub(crate) fn origin(&self) -> String {
        match self.shard {
            Some((tree, _)) => format!("{} - {tree}", self.host),
            None => self.host.clone(),
        }
    }

    /// What it signs of its tree.
    pub(crate) fn tree_head(&self) -> String {
        let root = encode(&root(&self.hashes()));
        format!("{}\n{}\n{root}\n", self.origin(), self.leaves.len())
    }

    /// Its signature over a text, as a line of a note.
    pub(crate) fn signature_line(&self, text: &str) -> String {
        note_line(&self.host, &self.id()[..4], &self.key.sign(text.as_bytes()))
    }

    pub(crate) fn checkpoint(&self, witnesses: &[&TestWitness]) -> String {
        let text = self.tree_head();
        let lines = witnesses.iter().map(|witness| witness.cosign(&text, 1_700_000_000));
        let lines: String = lines.collect();
        format!("{text}\n{}{lines}", self.signature_line(&text))
    }

    /// The index over all shards.
    pub(crate) fn index(&self, at: usize) -> u64 {
        self.shard.map_or(0, |(_, before)| before) + at as u64
    }

    /// The promise for an entry.
    pub(crate) fn promise(&self, at: usize, seconds: u64) -> Vec<u8> {
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let (body, index) = (encode(&self.leaves[at]), self.index(at));
        let text = format!(r#"{{"body":"{body}","integratedTime":{seconds},"logID":"{id}","logIndex":{index}}}"#);
        self.key.sign(text.as_bytes())
    }

    /// An entry as it stands in a bundle, with everything that this log gives.
    pub(crate) fn entry(&self, at: usize, seconds: u64, witnesses: &[&TestWitness]) -> Value {
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
    pub(crate) fn annotation(&self, at: usize, seconds: u64) -> Value {
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
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
pub(crate) fn note_line(name: &str, id: &[u8], signature: &[u8]) -> String {
    format!("\u{2014} {name} {}\n", encode(&[id, signature].concat()))
}

/// A witness of trees.
pub(crate) struct TestWitness {
    pub(crate) name: String,
    pub(crate) key: TestKey,
}

impl TestWitness {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: ed25519(),
        }
    }

    pub(crate) fn id(&self) -> [u8; 4] {
        let key = &self.key.public.spki_der()[12..];
        let id = sha256(&[self.name.as_bytes(), b"\n\x04", key].concat());
        *id.first_chunk().unwrap()
    }

    /// Its signature over a tree head, as a line of a note.
    pub(crate) fn cosign(&self, text: &str, seconds: u64) -> String {
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
pub(crate) enum Made<'a> {
    Certificate(&'a [u8]),
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
    let hex: String = sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"algorithm": "sha256", "value": hex})
}

fn hash_output(bytes: &[u8]) -> Value {
    json!({"algorithm": "SHA2_256", "digest": encode(&sha256(bytes))})
}

pub(crate) fn hashedrekord_v001(message: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": hex_hash(message)},
        "signature": {"content": encode(signature), "publicKey": {"content": made.pem()}},
    }})
}

pub(crate) fn hashedrekord_v002(message: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": hash_output(message),
        "signature": {"content": encode(signature), "verifier": made.der()},
    }}})
}

pub(crate) fn dsse_v001(raw: &[u8], payload: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": hex_hash(raw),
        "payloadHash": hex_hash(payload),
        "signatures": [{"signature": encode(signature), "verifier": made.pem()}],
    }})
}

pub(crate) fn dsse_v002(payload: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": {
        "payloadHash": hash_output(payload),
        "signatures": [{"content": encode(signature), "verifier": made.der()}],
    }}})
}

pub(crate) fn intoto_v001(raw: &[u8], payload: &[u8], made: Made<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "intoto", "spec": {
        "content": {"hash": hex_hash(raw), "payloadHash": hex_hash(payload)},
        "publicKey": made.pem(),
    }})
}

pub(crate) fn intoto_v002(raw: &[u8], payload_type: &str, payload: &[u8], signature: &[u8], made: Made<'_>) -> Value {
    let signature = encode(encode(signature).as_bytes());
    json!({"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {
        "envelope": {"payloadType": payload_type, "signatures": [{"sig": signature, "publicKey": made.pem()}]},
        "hash": hex_hash(raw),
        "payloadHash": hex_hash(payload),
    }}})
}

//! TUF repositories made for tests, by code of our own: every file can be made as its keys' holders would, or as a thief would.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The moment at which every test begins.
pub(crate) const BEGIN: Timestamp = Timestamp::constant(1_800_000_000, 0);

pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

/// A key that signs, as the repository declares it.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) declared: Value,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Key {
    pub(crate) fn ed25519() -> Arc<Self> {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = hex::encode(pair.public_key().as_ref());
        let declared = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}});
        Arc::new(Self::declared(declared, Pair::Ed25519(pair)))
    }

    pub(crate) fn p256() -> Arc<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let mut spki = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        spki.extend_from_slice(pair.public_key().as_ref());
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(spki)
        );
        let declared = json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": pem}});
        Arc::new(Self::declared(declared, Pair::P256(pair)))
    }

    fn declared(declared: Value, pair: Pair) -> Self {
        let id = hex::encode(digest(&SHA256, &canonical(&declared)));
        Self { id, declared, pair }
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec(),
        }
    }
}

/// securesystemslib's canonical JSON: sorted keys, no spaces, and only `"` and `\` are escaped.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    let text = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let joined = |parts: Vec<Vec<u8>>, open: u8, close: u8| {
        let mut all = vec![open];
        all.extend(parts.join(&b','));
        all.push(close);
        all
    };
    match value {
        Value::String(string) => text(string).into_bytes(),
        Value::Array(items) => joined(items.iter().map(canonical).collect(), b'[', b']'),
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let field = |(name, value): (&&String, &&Value)| [text(name).as_bytes(), b":", &canonical(value)].concat();
            joined(sorted.iter().map(field).collect(), b'{', b'}')
        }
        plain => plain.to_string().into_bytes(),
    }
}

/// Metadata with signatures of these keys, each under its own id.
pub(crate) fn signed(signed: &Value, keys: &[Arc<Key>]) -> Vec<u8> {
    let named: Vec<(String, Arc<Key>)> = keys.iter().map(|key| (key.id.clone(), Arc::clone(key))).collect();
    signed_as(signed, &named)
}

/// Metadata with signatures under ids of the caller's choice.
pub(crate) fn signed_as(signed: &Value, keys: &[(String, Arc<Key>)]) -> Vec<u8> {
    let bytes = canonical(signed);
    let signatures: Vec<Value> = keys
        .iter()
        .map(|(id, key)| json!({"keyid": id, "sig": hex::encode(key.sign(&bytes))}))
        .collect();
    serde_json::to_vec(&json!({"signed": signed, "signatures": signatures})).unwrap()
}

/// Who signs a role, how many of them, and what it is at.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) keys: Vec<Arc<Key>>,
    pub(crate) threshold: u64,
    pub(crate) version: u64,
    pub(crate) expires: Timestamp,
}

impl Role {
    fn new(keys: Vec<Arc<Key>>, threshold: u64, expires: Timestamp) -> Self {
        Self {
            keys,
            threshold,
            version: 1,
            expires,
        }
    }

    fn declared(&self) -> Value {
        let ids: Vec<&str> = self.keys.iter().map(|key| &*key.id).collect();
        json!({"keyids": ids, "threshold": self.threshold})
    }

    fn head(&self, kind: &str) -> Value {
        json!({"_type": kind, "spec_version": "1.0.31", "version": self.version, "expires": written(self.expires)})
    }
}

/// A time as TUF writes it.
pub(crate) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A repository with all its private keys.
#[derive(Clone, Debug)]
pub(crate) struct Mint {
    pub(crate) root: Role,
    pub(crate) timestamp: Role,
    pub(crate) snapshot: Role,
    pub(crate) targets: Role,
    pub(crate) consistent: bool,
    /// Target → its bytes, and its `custom`.
    pub(crate) contents: BTreeMap<String, (Vec<u8>, Option<Value>)>,
    pub(crate) delegations: Option<Value>,
    /// Delegated roles' metadata, by the role's name, with its version.
    pub(crate) delegated: BTreeMap<String, (u64, Vec<u8>)>,
    /// Everything that was signed, under the names that a mirror serves it by.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Who signed the root before.
    former: Vec<Arc<Key>>,
}

impl Mint {
    /// A repository with one trust root in it: two of three keys sign roots, two of two targets, of both kinds of key.
    pub(crate) fn new(trusted_root: &[u8]) -> Self {
        let year = BEGIN + days(365);
        let mut mint = Self {
            root: Role::new(vec![Key::ed25519(), Key::p256(), Key::p256()], 2, year),
            timestamp: Role::new(vec![Key::p256()], 1, BEGIN + days(7)),
            snapshot: Role::new(vec![Key::ed25519()], 1, BEGIN + days(21)),
            targets: Role::new(vec![Key::ed25519(), Key::p256()], 2, BEGIN + days(180)),
            consistent: true,
            contents: BTreeMap::new(),
            delegations: None,
            delegated: BTreeMap::new(),
            files: BTreeMap::new(),
            former: Vec::new(),
        };
        mint.contents
            .insert("trusted_root.json".to_owned(), (trusted_root.to_vec(), None));
        mint.sign_root();
        mint.sign_all();
        mint
    }

    /// The root that a client begins with.
    pub(crate) fn initial_root(&self) -> Vec<u8> {
        self.files["1.root.json"].clone()
    }

    pub(crate) fn replace(&mut self, trusted_root: &[u8]) {
        self.contents
            .insert("trusted_root.json".to_owned(), (trusted_root.to_vec(), None));
    }

    /// The next state of everything but the root.
    pub(crate) fn publish(&mut self) {
        self.targets.version += 1;
        self.snapshot.version += 1;
        self.timestamp.version += 1;
        self.sign_all();
    }

    /// The next root, signed by the keys of the last one too.
    pub(crate) fn publish_root(&mut self) {
        self.root.version += 1;
        self.sign_root();
    }

    pub(crate) fn sign_all(&mut self) {
        self.sign_targets();
        self.sign_snapshot();
        self.sign_timestamp();
    }

    pub(crate) fn root_body(&self) -> Value {
        let roles = [
            ("root", &self.root),
            ("timestamp", &self.timestamp),
            ("snapshot", &self.snapshot),
            ("targets", &self.targets),
        ];
        let mut body = self.root.head("root");
        body["consistent_snapshot"] = json!(self.consistent);
        body["keys"] = json!({});
        body["roles"] = json!({});
        for (name, role) in roles {
            body["roles"][name] = role.declared();
            for key in &role.keys {
                body["keys"][&key.id] = key.declared.clone();
            }
        }
        body
    }

    pub(crate) fn sign_root(&mut self) {
        let mut keys = self.root.keys.clone();
        keys.extend(
            self.former
                .iter()
                .filter(|key| !self.root.keys.iter().any(|new| new.id == key.id))
                .cloned(),
        );
        self.files.insert(
            format!("{}.root.json", self.root.version),
            signed(&self.root_body(), &keys),
        );
        self.former.clone_from(&self.root.keys);
    }

    pub(crate) fn targets_body(&self) -> Value {
        let mut body = self.targets.head("targets");
        body["targets"] = json!({});
        for (path, (bytes, custom)) in &self.contents {
            body["targets"][path] = listed(bytes, custom.as_ref());
        }
        if let Some(delegations) = &self.delegations {
            body["delegations"] = delegations.clone();
        }
        body
    }

    pub(crate) fn sign_targets(&mut self) {
        let bytes = signed(&self.targets_body(), &self.targets.keys);
        self.files.insert(self.name("targets", self.targets.version), bytes);
        for (role, (version, bytes)) in self.delegated.clone() {
            self.files.insert(self.name(&role, version), bytes);
        }
        for (path, (bytes, _)) in self.contents.clone() {
            self.files.insert(self.target_name(&path, &bytes), bytes);
        }
    }

    pub(crate) fn snapshot_body(&self) -> Value {
        let mut body = self.snapshot.head("snapshot");
        body["meta"] = json!({"targets.json": {"version": self.targets.version}});
        for (role, (version, _)) in &self.delegated {
            body["meta"][format!("{role}.json")] = json!({"version": version});
        }
        body
    }

    pub(crate) fn sign_snapshot(&mut self) {
        let bytes = signed(&self.snapshot_body(), &self.snapshot.keys);
        self.files.insert(self.name("snapshot", self.snapshot.version), bytes);
    }

    pub(crate) fn timestamp_body(&self) -> Value {
        let snapshot = &self.files[&self.name("snapshot", self.snapshot.version)];
        let mut body = self.timestamp.head("timestamp");
        let pin = json!({
            "version": self.snapshot.version,
            "length": snapshot.len(),
            "hashes": {"sha256": hex::encode(digest(&SHA256, snapshot))},
        });
        body["meta"] = json!({"snapshot.json": pin});
        body
    }

    pub(crate) fn sign_timestamp(&mut self) {
        let bytes = signed(&self.timestamp_body(), &self.timestamp.keys);
        self.files.insert("timestamp.json".to_owned(), bytes);
    }

    /// What a file of metadata is called on a mirror.
    pub(crate) fn name(&self, role: &str, version: u64) -> String {
        if self.consistent {
            format!("{version}.{role}.json")
        } else {
            format!("{role}.json")
        }
    }

    /// What the trust root is called on a mirror.
    pub(crate) fn target_name(&self, path: &str, bytes: &[u8]) -> String {
        if !self.consistent {
            return format!("targets/{path}");
        }
        let hash = hex::encode(digest(&SHA256, bytes));
        match path.rsplit_once('/') {
            Some((folder, name)) => format!("targets/{folder}/{hash}.{name}"),
            None => format!("targets/{hash}.{path}"),
        }
    }
}

/// How targets list a file.
pub(crate) fn listed(bytes: &[u8], custom: Option<&Value>) -> Value {
    let mut listed = json!({"length": bytes.len(), "hashes": {"sha256": hex::encode(digest(&SHA256, bytes))}});
    if let Some(custom) = custom {
        listed["custom"] = custom.clone();
    }
    listed
}

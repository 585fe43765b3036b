//! Recorded signatures of real images, as evidence: one line of a file each.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Content, Evidence, Item, Layout, Origin, SimplePayload};
use countersign_image::{Blob, Digest, Pinned, Reference, annotation};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::corpus;

/// A recorded signature, in the parts that cosign stores.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) payload: String,
    pub(crate) signature: String,
    pub(crate) certificate: String,
    pub(crate) promise: String,
    pub(crate) entry: Entry,
}

/// What a promise is over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) body: String,
    pub(crate) integrated_time: i64,
    pub(crate) log_index: i64,
    #[serde(rename = "logID")]
    pub(crate) log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    payload: String,
    signature: String,
    rekor_bundle: RekorBundle,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RekorBundle {
    signed_entry_timestamp: String,
    payload: Entry,
}

/// The records of a file.
pub(crate) fn read(root: &Path, file: &str) -> Vec<Record> {
    let text = corpus::text(&root.join("chainguard-images").join(file));
    text.lines().map(Record::read).collect()
}

impl Record {
    fn read(line: &str) -> Self {
        let line: Line = serde_json::from_str(line).unwrap();
        let entry = line.rekor_bundle.payload;
        let body: Value = serde_json::from_slice(&STANDARD.decode(&entry.body).unwrap()).unwrap();
        // What was recorded has no certificate beside it, but the log does.
        let pem = body
            .pointer("/spec/signature/publicKey/content")
            .and_then(Value::as_str);
        let pem = STANDARD.decode(pem.unwrap()).unwrap();
        Self {
            payload: line.payload,
            signature: line.signature,
            certificate: String::from_utf8(pem).unwrap(),
            promise: line.rekor_bundle.signed_entry_timestamp,
            entry,
        }
    }

    /// The image that it says to be about.
    pub(crate) fn image(&self) -> Pinned {
        let payload = SimplePayload::parse(self.payload.as_bytes()).unwrap();
        Reference::parse(&payload.docker_reference)
            .unwrap()
            .resolved(payload.digest)
    }

    /// The record as cosign stores it.
    pub(crate) fn content(&self) -> Content {
        let entry = json!({
            "SignedEntryTimestamp": self.promise,
            "Payload": {
                "body": self.entry.body,
                "integratedTime": self.entry.integrated_time,
                "logIndex": self.entry.log_index,
                "logID": self.entry.log_id,
            },
        });
        let annotations = [
            (annotation::COSIGN_SIGNATURE, self.signature.clone()),
            (annotation::COSIGN_CERTIFICATE, self.certificate.clone()),
            (annotation::COSIGN_BUNDLE, entry.to_string()),
        ];
        Content::Simple {
            payload: Blob::new(self.payload.clone()),
            signature: self.signature.clone(),
            annotations: annotations.map(|(key, value)| (key.to_owned(), value)).into(),
        }
    }
}

/// Evidence of one item.
pub(crate) fn evidence(image: Pinned, layout: Layout, content: Content) -> Evidence {
    let (repository, blob) = (image.repository().clone(), Digest::sha256(b"the item"));
    let origin = Origin {
        repository,
        layout,
        tag_prefix: None,
        manifest: blob,
        blob,
    };
    Evidence {
        image,
        items: vec![Item { origin, content }],
        gaps: Vec::new(),
        looked: Vec::new(),
        manifest: None,
        as_of: Timestamp::UNIX_EPOCH,
        stale: false,
    }
}

//! Names, digests, documents, and JSON itself.

use std::path::Path;

use bytes::Bytes;
use countersign_image::json::{self, JsonError, Kept, MAX_DEPTH, Wanted};
use countersign_image::manifest::{MAX_LAYERS, MAX_MANIFESTS};
use countersign_image::reference::{MAX_HOST_BYTES, MAX_PATH_BYTES, MAX_TAG_BYTES};
use countersign_image::text::{excerpt, prints};
use countersign_image::{Algorithm, Blob, Descriptor, Digest, Document, Reference, Repository, Tag, media};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{JSON, text};
use crate::seeds::{Seeds, named};
use crate::{Target, signed, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "reference",
        run: reference,
        seeds: names,
        words: NAMES,
        mutations: 12_000,
    },
    Target {
        name: "digest",
        run: digest,
        seeds: names,
        words: NAMES,
        mutations: 8_000,
    },
    Target {
        name: "json",
        run: strict_json,
        seeds: json_documents,
        words: JSON,
        mutations: 1_500,
    },
    Target {
        name: "manifest",
        run: manifest,
        seeds: manifests,
        words: MANIFESTS,
        mutations: 2_000,
    },
    Target {
        name: "descriptor",
        run: descriptor,
        seeds: descriptors,
        words: MANIFESTS,
        mutations: 3_000,
    },
    Target {
        name: "excerpt",
        run: cut,
        seeds: names,
        words: JSON,
        mutations: 8_000,
    },
];

const NAMES: &[&str] = &[
    ":",
    "@",
    "/",
    "//",
    ".",
    "..",
    "_",
    "__",
    "---",
    "[",
    "]",
    "[::1]",
    "%",
    "docker.io/",
    "index.docker.io/",
    "library/",
    "localhost",
    ":5000/",
    ":65536/",
    "sha256:",
    "sha512:",
    "@sha256:",
    "00000000",
    "A",
    "İ",
    "ẞ",
    "\u{202e}",
    "\u{0}",
];

const MANIFESTS: &[&str] = &[
    "\"schemaVersion\":2,",
    "\"schemaVersion\":1,",
    "\"mediaType\":\"application/vnd.oci.image.index.v1+json\",",
    "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",",
    "\"artifactType\":\"x\",",
    "\"manifests\":[],",
    "\"layers\":[],",
    "\"Layers\":[],",
    "\"layers\":null,",
    "\"config\":{},",
    "\"fsLayers\":[],",
    "\"subject\":null,",
    "\"annotations\":{},",
    "\"platform\":{},",
    "{",
    "}",
    "[",
    "]",
    "null",
];

const HEX: &str = "b36f93c08611989f00b2aa5e462aae861f78e25005aa8890bad093edfccb6bf7";

fn names(seeds: &mut Seeds) {
    for seed in [
        "nginx",
        "nginx:1.25",
        "docker.io/library/nginx:latest",
        "localhost:5000/a/b__c.d---e:T_1.x",
        "[2001:db8::1]:443/x",
        "Registry.Example:80/a",
        signed::IMAGE,
        HEX,
        "\u{1b}[31mred\u{202e}日本",
    ] {
        seeds.add(seed);
    }
    seeds.add(format!("sha256:{HEX}"));
    seeds.add(format!("ghcr.io/a/b:v1@sha512:{HEX}{HEX}"));
    seeds.add(format!("sha512:{HEX}{HEX}"));
    seeds.add(format!("{}/{}:{}", "h".repeat(240), "p".repeat(250), "t".repeat(128)));
    seeds.add(format!("{}.io/{}", "h".repeat(255), "p/".repeat(127)));
}

/// What is printed is the same name again, however often; what is pinned stays pinned to the same digest.
fn reference(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Err(error) = Tag::parse(text) {
        spoken::refusal(&error);
    }
    match Repository::parse(text) {
        Ok(repository) => assert_eq!(Repository::parse(&repository.to_string()), Ok(repository)),
        Err(error) => spoken::refusal(&error),
    }
    let name = match Reference::parse(text) {
        Ok(name) => name,
        Err(error) => return spoken::refusal(&error),
    };
    assert_eq!(name.written(), text);
    let full = name.to_string();
    let again = Reference::parse(&full).unwrap();
    assert_eq!((&again, again.to_string()), (&name, full));
    let repository = name.repository();
    assert_eq!(Repository::parse(&repository.to_string()).as_ref(), Ok(repository));
    assert!(repository.host().len() <= MAX_HOST_BYTES && repository.path().len() <= MAX_PATH_BYTES);
    assert_eq!(repository.host(), repository.host().to_lowercase());
    assert_eq!(repository.path(), repository.path().to_lowercase());
    for word in repository.path().split('/') {
        assert!(!matches!(word, "" | "." | ".."), "{text}");
    }
    if let Some(tag) = name.tag() {
        assert!(tag.as_str().len() <= MAX_TAG_BYTES);
        assert_eq!(Tag::parse(tag.as_str()).as_ref(), Ok(tag));
    }
    let image = name.resolved(Digest::sha256(b"resolved"));
    assert_eq!(name.pinned().is_some(), name.digest().is_some());
    assert_eq!(name.digest().unwrap_or(&Digest::sha256(b"resolved")), image.digest());
    // What is patched in is pinned, and still the author's own tag.
    let patched = Reference::parse(&image.written()).unwrap();
    assert_eq!(patched.pinned().as_ref(), Some(&image));
    if name.digest().is_none() {
        assert_eq!(patched.tag(), Some(&name.effective_tag()));
    }
    assert_eq!(Reference::parse(&image.to_string()).unwrap().pinned(), Some(image));
}

/// One digest has one spelling, and names the bytes that it was made of and no others.
fn digest(data: &[u8]) {
    if let Some(text) = text(data) {
        match Digest::parse(text) {
            Ok(digest) => {
                assert_eq!(digest.to_string(), text);
                assert_eq!(Digest::from_raw(digest.algorithm(), digest.raw()), Some(digest));
                let document = serde_json::to_vec(&digest).unwrap();
                assert_eq!(serde_json::from_slice::<Digest>(&document).unwrap(), digest);
            }
            Err(error) => spoken::refusal(&error),
        }
    }
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let digest = Digest::of(algorithm, data);
        assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
        let bytes = Bytes::copy_from_slice(data);
        let blob = Blob::check(bytes.clone(), &digest, Some(data.len() as u64)).unwrap();
        assert!(digest.matches(blob.bytes()));
        let size = Blob::check(bytes, &digest, Some(data.len() as u64 + 1)).unwrap_err();
        spoken::refusal(&size);
        let other = Blob::check([data, b"x"].concat().into(), &digest, None).unwrap_err();
        spoken::refusal(&other);
    }
}

fn json_documents(seeds: &mut Seeds) {
    for seed in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":[0,{"b/c":{"x":1,"y":2.50,"z":-0}}]}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"["\ud83d\ude00",1e-7,18446744073709551615,true,null]"#,
        r#"{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}"#,
    ] {
        seeds.add(seed);
    }
    seeds.add("[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH));
    seeds.add_files("cases/data/layout-all-three-admit", |path, bytes| {
        named(path, &[".json"]).then(|| bytes.to_vec())
    });
    seeds.add_corpus(&["bundles", "trusted-roots", "reviews"], |path, bytes| {
        (named(path, &[".json"]) && bytes.len() <= 8 << 10).then(|| bytes.to_vec())
    });
}

/// A document that is accepted has one meaning: that which a reader finds who looks at every value by itself.
fn strict_json(data: &[u8]) {
    match json::strict::<Value>(data) {
        Ok(value) => {
            let raw: Box<RawValue> = serde_json::from_slice(data).unwrap();
            same(&value, &raw, 0);
            kept(&value, data);
            let printed = serde_json::to_vec(&value).unwrap();
            let again = json::strict::<Value>(&printed).unwrap();
            // Our reader rounds the last place of a fraction as it likes; nothing of ours is decided by one.
            assert!(again == value || has_fraction(&value));
        }
        Err(error) => {
            spoken::refusal(&error);
            assert!(json::keep(data, &EACH).is_err(), "what is refused is not kept either");
            if matches!(error, JsonError::Malformed { .. }) {
                // Nor does anybody else read it.
                assert!(serde_json::from_slice::<Value>(data).is_err());
            }
        }
    }
}

static EACH: Wanted = Wanted::Map;

/// What is kept of a document is what stands in it.
fn kept(value: &Value, data: &[u8]) {
    let kept = json::keep(data, &EACH).expect("what is accepted is kept as well");
    let Kept::Object(object) = &kept else {
        return assert!(!value.is_object());
    };
    let entries = value.as_object().expect("what is kept as an object is one");
    assert_eq!(object.map().len(), entries.len());
    for (key, kept) in object.map() {
        let same = match (kept, &entries[&**key]) {
            (Kept::Null, Value::Null) | (Kept::Array(_), Value::Array(_)) | (Kept::Object(_), Value::Object(_)) => true,
            (Kept::Boolean(kept), Value::Bool(value)) => kept == value,
            (Kept::Integer(kept), Value::Number(value)) => value.as_i64() == Some(*kept),
            (Kept::Number, Value::Number(value)) => value.as_i64().is_none(),
            (Kept::Text(kept), Value::String(value)) => kept == value,
            _ => false,
        };
        assert!(same, "{kept:?} is not {}", entries[&**key]);
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_fraction),
        Value::Object(object) => object.values().any(has_fraction),
        _ => false,
    }
}

fn same(value: &Value, raw: &RawValue, depth: usize) {
    match raw.get().as_bytes()[0] {
        b'{' => {
            assert!(depth < MAX_DEPTH);
            let entries: Entries = serde_json::from_str(raw.get()).unwrap();
            let object = value.as_object().expect("what is written as an object is read as one");
            assert_eq!(object.len(), entries.0.len(), "{}", raw.get());
            for (key, inner) in &entries.0 {
                same(&object[key], inner, depth + 1);
            }
        }
        b'[' => {
            assert!(depth < MAX_DEPTH);
            let elements: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).unwrap();
            let list = value.as_array().expect("what is written as a list is read as one");
            assert_eq!(list.len(), elements.len());
            for (value, inner) in list.iter().zip(&elements) {
                same(value, inner, depth + 1);
            }
        }
        _ => assert_eq!(&serde_json::from_str::<Value>(raw.get()).unwrap(), value),
    }
}

/// The entries of an object, equal keys and all.
struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Entries, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// What a document may be served or described as; an input begins with the numbers of two of them.
const MEDIA_TYPES: [Option<&str>; 6] = [
    None,
    Some(media::OCI_MANIFEST),
    Some(media::OCI_INDEX),
    Some(media::DOCKER_MANIFEST),
    Some(media::DOCKER_LIST),
    Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
];

fn manifests(seeds: &mut Seeds) {
    let manifest = |bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        value.get("schemaVersion")?;
        let served = value.get("mediaType").and_then(Value::as_str);
        let served = MEDIA_TYPES.iter().position(|known| *known == served).unwrap_or(0);
        Some([&[u8::try_from(served).ok()?, 0], bytes].concat())
    };
    seeds.add_files("cases/data", |_, bytes| manifest(bytes));
    for document in [
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"c","digest":"sha256:{HEX}","size":2}},"layers":[{{"mediaType":"l","digest":"sha256:{HEX}","size":3,"annotations":{{"a":"b"}}}}],"subject":{{"mediaType":"s","digest":"sha512:{HEX}{HEX}","size":4}},"annotations":null}}"#,
            media::OCI_MANIFEST
        ),
        format!(
            r#"{{"schemaVersion":2,"artifactType":"x","manifests":[{{"mediaType":"m","digest":"sha256:{HEX}","size":1,"platform":{{"architecture":"arm","os":"linux","variant":"v7"}},"artifactType":"y"}}]}}"#
        ),
    ] {
        seeds.add([b"\0\0", document.as_bytes()].concat());
    }
    let folders = [
        "connaisseur",
        "containers-image",
        "cosign-3.1.3-generated",
        "slsa-verifier",
    ];
    seeds.add_corpus(&folders, |_: &Path, bytes| manifest(bytes));
}

/// A document is a manifest or an index, never both; everybody who names its type agrees; and written it is the same again.
fn manifest(data: &[u8]) {
    let [served, described, bytes @ ..] = data else { return };
    let of = |number: &u8| MEDIA_TYPES[usize::from(*number) % MEDIA_TYPES.len()];
    let blob = Blob::new(bytes.to_vec());
    let document = match Document::parse(&blob, of(served), of(described)) {
        Ok(document) => document,
        Err(error) => return spoken::refusal(&error),
    };
    let value: Value = serde_json::from_slice(bytes).unwrap();
    let written = match &document {
        Document::Manifest(manifest) => {
            assert!(media::is_manifest(&manifest.media_type) && manifest.layers.len() <= MAX_LAYERS);
            assert!(value.get("layers").is_some() && value.get("manifests").is_none());
            manifest.to_json()
        }
        Document::Index(index) => {
            assert!(media::is_index(&index.media_type) && index.manifests.len() <= MAX_MANIFESTS);
            assert!(
                value.get("manifests").is_some() && value.get("layers").is_none() && value.get("fsLayers").is_none()
            );
            index.to_json()
        }
    };
    for said in [
        of(served),
        of(described),
        value.get("mediaType").and_then(Value::as_str),
    ] {
        assert!(said.is_none_or(|said| media::essence(said) == document.media_type()));
    }
    let again = Document::parse(&Blob::new(written), Some(document.media_type()), None);
    assert_eq!(again.as_ref(), Ok(&document));
}

fn descriptors(seeds: &mut Seeds) {
    seeds.add(format!(
        r#"{{"mediaType":"m","digest":"sha256:{HEX}","size":1,"annotations":{{"a":"b"}},"artifactType":"t","platform":{{"architecture":"arm64","os":"linux","os.version":"1"}},"urls":["http://169.254.169.254/"],"data":"eA=="}}"#
    ));
    seeds.add(format!(
        r#"{{"mediaType":"","digest":"sha512:{HEX}{HEX}","size":18446744073709551615}}"#
    ));
}

/// A descriptor written is the same descriptor again, and never more than what was read.
fn descriptor(data: &[u8]) {
    let Ok(read) = json::strict::<Descriptor>(data) else {
        return;
    };
    let written = serde_json::to_vec(&read).unwrap();
    assert_eq!(json::strict::<Descriptor>(&written).as_ref(), Ok(&read));
    let (before, after): (Value, Value) = (
        serde_json::from_slice(data).unwrap(),
        serde_json::from_slice(&written).unwrap(),
    );
    for (key, value) in after.as_object().unwrap() {
        // An empty field of a platform is written out.
        assert!(key == "platform" || before.get(key) == Some(value), "{key}");
    }
}

/// What is quoted from a stranger is short, and obeyed by no terminal.
fn cut(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for limit in [0, 1, 7, 120] {
        let quoted = excerpt(&text, limit);
        assert!(quoted.chars().count() <= limit && quoted.chars().all(prints));
        assert_eq!(excerpt(&quoted, limit), quoted);
    }
}

//! What a manifest is, and every way in which a document can be two things at once.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::json::JsonError;

fn descriptor(media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": Digest::sha256(b"x"), "size": 1})
}

fn manifest() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": descriptor(media::OCI_CONFIG),
        "layers": [descriptor(media::OCI_LAYER_GZIP)],
    })
}

fn index() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_INDEX,
        "manifests": [descriptor(media::OCI_MANIFEST)],
    })
}

fn blob(document: &Value) -> Blob {
    Blob::new(document.to_string())
}

fn parse(document: &Value) -> Result<Document, ManifestError> {
    Document::parse(&blob(document), None, None)
}

/// The document with some fields set.
fn with(mut document: Value, fields: Value) -> Value {
    document
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    document
}

fn without(mut document: Value, field: &str) -> Value {
    document.as_object_mut().unwrap().remove(field);
    document
}

#[test]
fn both_kinds_of_both_families_are_read() {
    for media_type in [media::OCI_MANIFEST, media::DOCKER_MANIFEST] {
        let document = parse(&with(manifest(), json!({"mediaType": media_type}))).unwrap();
        assert!(matches!(&document, Document::Manifest(m) if m.media_type == media_type && m.layers.len() == 1));
    }
    for media_type in [media::OCI_INDEX, media::DOCKER_LIST] {
        let document = parse(&with(index(), json!({"mediaType": media_type}))).unwrap();
        assert!(matches!(&document, Document::Index(i) if i.media_type == media_type && i.manifests.len() == 1));
    }
}

#[test]
fn unknown_fields_and_go_s_nulls_are_read_over() {
    let document = with(
        manifest(),
        json!({"annotations": null, "subject": null, "artifactType": null, "org.example": {"x": [1]}, "layers": null}),
    );
    let Document::Manifest(parsed) = parse(&document).unwrap() else {
        panic!("a manifest")
    };
    assert!(parsed.layers.is_empty() && parsed.annotations.is_empty() && parsed.subject.is_none());
}

#[test]
fn a_document_without_a_media_type_is_what_it_was_called() {
    let (bare_manifest, bare_index) = (without(manifest(), "mediaType"), without(index(), "mediaType"));
    let cases = [
        (&bare_manifest, None, None, media::OCI_MANIFEST),
        (&bare_index, None, None, media::OCI_INDEX),
        (
            &bare_manifest,
            Some(media::DOCKER_MANIFEST),
            None,
            media::DOCKER_MANIFEST,
        ),
        (
            &bare_manifest,
            None,
            Some(media::DOCKER_MANIFEST),
            media::DOCKER_MANIFEST,
        ),
        (
            &bare_index,
            Some("application/vnd.oci.image.index.v1+json; charset=utf-8"),
            None,
            media::OCI_INDEX,
        ),
    ];
    for (document, declared, described, expected) in cases {
        let parsed = Document::parse(&blob(document), declared, described).unwrap();
        assert_eq!(parsed.media_type(), expected);
    }
}

#[test]
fn what_the_document_its_header_and_its_descriptor_say_must_agree() {
    let disagree = |first, expected: &str, second, found: &str| ManifestError::MediaTypes {
        first,
        expected: expected.into(),
        second,
        found: found.into(),
    };
    let (own, other) = (media::OCI_MANIFEST, media::DOCKER_MANIFEST);
    let bare = without(manifest(), "mediaType");
    assert!(Document::parse(&blob(&manifest()), Some(own), Some(own)).is_ok());
    for (document, declared, described, expected) in [
        (
            &manifest(),
            Some(other),
            None,
            disagree(Voice::Document, own, Voice::ContentType, other),
        ),
        (
            &manifest(),
            Some(own),
            Some(other),
            disagree(Voice::Document, own, Voice::Descriptor, other),
        ),
        (
            &bare,
            Some(own),
            Some(other),
            disagree(Voice::ContentType, own, Voice::Descriptor, other),
        ),
        (
            &manifest(),
            Some("text/plain"),
            None,
            disagree(Voice::Document, own, Voice::ContentType, "text/plain"),
        ),
    ] {
        assert_eq!(Document::parse(&blob(document), declared, described), Err(expected));
    }
}

#[test]
fn a_document_that_can_be_read_in_two_ways_is_refused() {
    let ambiguous = |one, other| ManifestError::Ambiguous { one, other };
    let misspelt = |found: &str, expected| ManifestError::Misspelt {
        found: found.into(),
        expected,
    };
    let cases = [
        (
            with(manifest(), json!({"manifests": []})),
            ambiguous("layers", "manifests"),
        ),
        (
            with(manifest(), json!({"manifests": null})),
            ambiguous("layers", "manifests"),
        ),
        (with(index(), json!({"layers": null})), ambiguous("layers", "manifests")),
        (
            with(index(), json!({"config": descriptor("x")})),
            ambiguous("config", "manifests"),
        ),
        (
            with(manifest(), json!({"Manifests": []})),
            misspelt("Manifests", "manifests"),
        ),
        (with(index(), json!({"LAYERS": []})), misspelt("LAYERS", "layers")),
        (
            with(manifest(), json!({"mediatype": media::OCI_INDEX})),
            misspelt("mediatype", "mediaType"),
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(parse(&document), Err(expected), "{document}");
    }
}

#[test]
fn a_document_that_is_nothing_we_know_is_refused() {
    use ManifestError as E;
    let named = |document, media_type: &str| with(document, json!({"mediaType": media_type}));
    let wrong_list = |media_type: &str, list| E::WrongList {
        media_type: media_type.into(),
        list,
    };
    let cases = [
        (without(manifest(), "layers"), E::Neither),
        (without(manifest(), "config"), E::NoConfig),
        (without(manifest(), "schemaVersion"), E::NoSchemaVersion),
        (with(manifest(), json!({"schemaVersion": 1})), E::DockerSchema1),
        (
            with(manifest(), json!({"schemaVersion": 3})),
            E::SchemaVersion { found: 3 },
        ),
        (with(manifest(), json!({"fsLayers": []})), E::DockerSchema1),
        (with(manifest(), json!({"history": []})), E::DockerSchema1),
        (named(manifest(), media::DOCKER_SCHEMA1_SIGNED), E::DockerSchema1),
        (
            named(manifest(), media::OCI_INDEX),
            wrong_list(media::OCI_INDEX, "layers"),
        ),
        (
            named(index(), media::DOCKER_MANIFEST),
            wrong_list(media::DOCKER_MANIFEST, "manifests"),
        ),
        (
            named(manifest(), "application/json"),
            E::UnknownMediaType {
                found: "application/json".into(),
            },
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(parse(&document), Err(expected), "{document}");
    }
}

#[test]
fn a_key_that_appears_twice_is_refused() {
    let text = manifest()
        .to_string()
        .replace(r#""schemaVersion":2"#, r#""schemaVersion":2,"layers":[]"#);
    let expected = JsonError::DuplicateKey {
        key: "layers".into(),
        path: String::new(),
    };
    assert_eq!(
        Document::parse(&Blob::new(text), None, None),
        Err(ManifestError::Json(expected))
    );
}

#[test]
fn lists_and_documents_have_limits() {
    let many = |n: usize| Value::from(vec![descriptor("x"); n]);
    assert!(parse(&with(manifest(), json!({"layers": many(MAX_LAYERS)}))).is_ok());
    assert_eq!(
        parse(&with(manifest(), json!({"layers": many(MAX_LAYERS + 1)}))),
        Err(ManifestError::TooMany {
            list: "layers",
            limit: MAX_LAYERS,
            found: MAX_LAYERS + 1
        })
    );
    assert_eq!(
        parse(&with(index(), json!({"manifests": many(MAX_MANIFESTS + 1)}))),
        Err(ManifestError::TooMany {
            list: "manifests",
            limit: MAX_MANIFESTS,
            found: MAX_MANIFESTS + 1
        })
    );
    let large = Blob::new(Bytes::from(vec![b' '; MAX_MANIFEST_BYTES + 1]));
    assert_eq!(
        Document::parse(&large, None, None),
        Err(ManifestError::TooLarge {
            limit: MAX_MANIFEST_BYTES,
            found: MAX_MANIFEST_BYTES + 1
        })
    );
}

#[test]
fn fields_of_the_wrong_type_are_refused() {
    for document in [
        with(manifest(), json!({"layers": {}})),
        with(manifest(), json!({"layers": [descriptor("x"), 7]})),
        with(manifest(), json!({"schemaVersion": "2"})),
        with(
            manifest(),
            json!({"config": {"mediaType": "x", "digest": "sha256:00", "size": 1}}),
        ),
        with(
            manifest(),
            json!({"config": {"mediaType": "x", "digest": Digest::sha256(b""), "size": -1}}),
        ),
        with(manifest(), json!({"annotations": {"a": 1}})),
    ] {
        assert!(
            matches!(parse(&document), Err(ManifestError::Json(JsonError::Malformed { .. }))),
            "{document}"
        );
    }
    assert!(matches!(
        Document::parse(&Blob::new("[]"), None, None),
        Err(ManifestError::Json(_))
    ));
}

#[test]
fn what_is_written_reads_back_and_is_in_the_order_of_the_specification() {
    let document = with(
        manifest(),
        json!({"annotations": {"b": "2", "a": "1"}, "artifactType": "t", "subject": descriptor(media::OCI_INDEX)}),
    );
    let Document::Manifest(parsed) = parse(&document).unwrap() else {
        panic!("a manifest")
    };
    let bytes = parsed.to_json();
    assert_eq!(
        Document::parse(&Blob::new(bytes.clone()), None, None),
        Ok(Document::Manifest(parsed))
    );
    let text = String::from_utf8(bytes).unwrap();
    let at = |key: &str| text.find(&format!("\"{key}\":")).unwrap();
    assert!(text.starts_with(r#"{"schemaVersion":2,"mediaType":"#), "{text}");
    assert!(
        at("artifactType") < at("config") && at("config") < at("layers"),
        "{text}"
    );
    assert!(
        at("layers") < at("subject") && at("subject") < at("annotations"),
        "{text}"
    );
    assert!(at("a") < at("b"), "{text}");

    let Document::Index(parsed) = parse(&index()).unwrap() else {
        panic!("an index")
    };
    assert_eq!(
        Document::parse(&Blob::new(parsed.to_json()), None, None),
        Ok(Document::Index(parsed))
    );
}

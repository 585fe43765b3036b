//! What is saved is loaded; what was changed in between is not.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_evidence::{Gap, GapCause, Item, Layout, Look, Origin, Place};
use countersign_image::{Reference, Repository};

use super::*;

fn gaps() -> [(Place, GapCause); 9] {
    [
        (
            Place::Referrers,
            GapCause::Throttled {
                retry_after: Some(Duration::from_secs(3)),
            },
        ),
        (Place::Referrers, GapCause::Throttled { retry_after: None }),
        (Place::Manifest(Digest::sha256(b"m")), GapCause::Denied { status: 403 }),
        (
            Place::Blob(Digest::sha256(b"b")),
            GapCause::TimedOut {
                after: Duration::from_millis(1500),
            },
        ),
        (Place::ImageManifest, GapCause::Unavailable { status: 500 }),
        (
            Place::AttestationTag {
                prefix: Some("p-".to_owned()),
            },
            GapCause::Unreachable { detail: "x".to_owned() },
        ),
        (Place::Referrers, GapCause::TooLarge { limit: 7 }),
        (Place::Referrers, GapCause::TooMany { limit: 8 }),
        (Place::Referrers, GapCause::Malformed { detail: "y".to_owned() }),
    ]
}

fn evidence() -> Evidence {
    let manifest = Blob::new(&b"{\"schemaVersion\":2}"[..]);
    let reference = Reference::parse("ghcr.io/team/app:v1").unwrap();
    let repository = Repository::parse("ghcr.io/team/app").unwrap();
    let (payload, envelope, bundle) = (
        Blob::new(&b"payload"[..]),
        Blob::new(&b"envelope"[..]),
        Blob::new(&b"bundle"[..]),
    );
    let behind = |prefix: &str, mut item: Item| {
        item.origin.tag_prefix = Some(prefix.to_owned());
        item
    };
    let item = |layout, blob: &Blob, content| Item {
        origin: Origin {
            repository: repository.clone(),
            layout,
            tag_prefix: None,
            manifest: Digest::sha256(b"holder"),
            blob: *blob.digest(),
        },
        content,
    };
    let simple = |signature: &str| Content::Simple {
        payload: payload.clone(),
        signature: signature.to_owned(),
        annotations: BTreeMap::from([("dev.cosignproject.cosign/signature".to_owned(), signature.to_owned())]),
    };
    let place = |place| (repository.clone(), place);
    Evidence {
        image: reference.resolved(*manifest.digest()),
        items: vec![
            item(Layout::Tag, &payload, simple("one")),
            behind("p-", item(Layout::Tag, &payload, simple("two"))),
            item(Layout::Referrer, &envelope, Content::envelope(envelope.clone())),
            item(
                Layout::Tag,
                &envelope,
                Content::Envelope {
                    envelope: envelope.clone(),
                    annotations: [("dev.sigstore.cosign/certificate".to_owned(), "…".to_owned())].into(),
                },
            ),
            item(Layout::Bundle, &bundle, Content::Bundle(bundle.clone())),
        ],
        gaps: gaps()
            .map(|(place, cause)| Gap {
                repository: repository.clone(),
                place,
                cause,
            })
            .into(),
        looked: [place(Place::SignatureTag { prefix: None }), place(Place::ImageManifest)]
            .map(|(repository, place)| Look {
                repository,
                place,
                found: 2,
            })
            .into(),
        manifest: Some(manifest),
        as_of: "2026-11-22T07:27:13Z".parse().unwrap(),
        stale: true,
    }
}

#[test]
fn what_is_saved_is_loaded() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("deep/evidence");
    let saved = evidence();
    save(&saved, &directory).unwrap();
    let loaded = load(&directory).unwrap();
    assert_eq!(loaded.image, saved.image);
    assert_eq!(loaded.image.written(), saved.image.written());
    assert_eq!(loaded.items, saved.items);
    assert_eq!(loaded.gaps, saved.gaps);
    assert_eq!(loaded.looked, saved.looked);
    assert_eq!(loaded.manifest, saved.manifest);
    assert_eq!((loaded.as_of, loaded.stale), (saved.as_of, saved.stale));
    assert_eq!(
        fs::read_dir(directory.parent().unwrap()).unwrap().count(),
        1,
        "nothing else is left behind"
    );
    assert_eq!(
        fs::read_dir(directory.join("blobs/sha256")).unwrap().count(),
        4,
        "each blob is there once"
    );
    assert_eq!(
        fs::read(directory.join("oci-layout")).unwrap(),
        br#"{"imageLayoutVersion":"1.0.0"}"#
    );
}

#[test]
fn a_directory_with_something_in_it_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), b"mine").unwrap();
    assert!(matches!(
        save(&evidence(), directory.path()),
        Err(ArchiveError::File { verb: "written", .. })
    ));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let empty = tempfile::tempdir().unwrap();
    save(&evidence(), empty.path()).unwrap();
}

/// Saves, changes one thing, and loads.
fn spoilt(spoil: impl Fn(&Path)) -> String {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("evidence");
    save(&evidence(), &directory).unwrap();
    spoil(&directory);
    load(&directory).unwrap_err().to_string()
}

fn rewrite(directory: &Path, from: &str, to: &str) {
    let path = directory.join("evidence.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_was_changed_is_not_loaded() {
    let payload = Digest::sha256(b"payload");
    let forged = spoilt(|directory| fs::write(blob_path(directory, &payload), b"forged!").unwrap());
    assert!(forged.contains("expected content with digest"), "{forged}");
    let gone = spoilt(|directory| fs::remove_file(blob_path(directory, &payload)).unwrap());
    assert!(gone.ends_with("could not be read"), "{gone}");
    let link = spoilt(|directory| {
        let path = blob_path(directory, &payload);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    });
    assert!(link.ends_with("it is not a regular file"), "{link}");
    let version = spoilt(|directory| rewrite(directory, "countersign.dev/v1alpha1", "countersign.dev/v9"));
    assert!(version.contains("unknown variant `countersign.dev/v9`"), "{version}");
    let unknown = spoilt(|directory| rewrite(directory, "\"stale\"", "\"stail\""));
    assert!(unknown.contains("unknown field `stail`"), "{unknown}");
    let other = spoilt(|directory| {
        let digest = Digest::sha256(b"other");
        rewrite(directory, "ghcr.io/team/app:v1", &format!("ghcr.io/team/app@{digest}"));
    });
    assert!(
        other.contains("`reference` and `digest` name different images"),
        "{other}"
    );
    let twice = spoilt(|directory| rewrite(directory, "\"stale\": true,", "\"stale\": true, \"stale\": true,"));
    assert!(twice.contains("twice"), "{twice}");
}

#[test]
fn a_directory_that_is_none_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let error = load(directory.path()).unwrap_err().to_string();
    assert!(error.ends_with("evidence.json` could not be read"), "{error}");
}

/// What a registry calls things is data. Names of files are made of digests, whatever an annotation would have a file
/// be called (oras-go's CVE-2026-50162 and CVE-2026-50163).
#[test]
fn no_name_from_a_registry_becomes_the_name_of_a_file() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("deep/evidence");
    let mut saved = evidence();
    for item in &mut saved.items {
        if let Content::Simple { annotations, .. } | Content::Envelope { annotations, .. } = &mut item.content {
            for name in ["org.opencontainers.image.title", "io.deis.oras.content.unpack"] {
                annotations.insert(name.to_owned(), "../../../escaped".to_owned());
            }
        }
        item.origin.tag_prefix = Some("../../escaped".to_owned());
    }
    save(&saved, &directory).unwrap();
    assert_eq!(load(&directory).unwrap().items, saved.items);
    let (mut open, mut found) = (vec![parent.path().to_owned()], Vec::new());
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(&directory).unwrap().to_owned());
            }
        }
    }
    found.sort();
    let mut expected = vec!["evidence.json".into(), "index.json".into(), "oci-layout".into()];
    let blobs = saved.items.iter().map(|item| item.origin.blob);
    let blobs: std::collections::BTreeSet<_> = blobs.chain([*saved.image.digest()]).collect();
    expected.extend(blobs.iter().map(|digest| Path::new("blobs/sha256").join(digest.hex())));
    expected.sort();
    assert_eq!(found, expected);
}

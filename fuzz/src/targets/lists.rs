//! Lists of promoted images: one text for each, and one bundle that was truly signed.

use std::sync::LazyLock;

use countersign_evidence::{Content, ImageList, Layout, ListedImage, SignedImageList, ToBeSigned};
use countersign_image::{Blob, Digest, Repository};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::JSON;
use crate::Target;
use crate::seeds::Seeds;
use crate::signed::DESK;

const ISSUER: &str = "https://sign.example.com";

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "image_list",
        run: document,
        seeds: documents,
        words: WORDS,
        mutations: 2_000,
    },
    Target {
        name: "signed_image_list",
        run: bundle,
        seeds: bundles,
        words: JSON,
        mutations: 700,
    },
];

const WORDS: &[&str] = &[
    "{\"issuer\":\"",
    "\"version\":1,",
    "\"version\":9007199254740992,",
    "\"issued\":\"2026-11-24T16:00:00Z\",",
    "\"expires\":\"-009999-01-01T00:00:00.000000001Z\",",
    "\"images\":[",
    "{\"repository\":\"docker.io/library/nginx\",",
    "\"digest\":\"sha512:",
    "\"published\":\"2026-11-24T16:00:00+01:00\"",
    "\\u0061",
    "}",
    "]",
    " ",
    "null",
];

/// The lists that were truly signed, and the bundle of each.
static LISTS: LazyLock<Vec<(ImageList, Vec<u8>)>> = LazyLock::new(|| {
    let bundle = |list: ImageList| {
        let what = ToBeSigned::trusted_images(&list);
        match DESK.seal(what, Layout::Bundle) {
            Some(Content::Bundle(blob)) => (list, blob.bytes().to_vec()),
            other => panic!("a bundle, not {other:?}"),
        }
    };
    lists().into_iter().map(bundle).collect()
});

fn lists() -> Vec<ImageList> {
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let image = |name: &str| ListedImage {
        repository: Repository::parse(name).unwrap(),
        digest: Digest::sha256(name.as_bytes()),
        published: at(-60),
    };
    let names = [
        "nginx",
        "localhost:5000/team/app",
        "[::1]:5000/a-b/c_d",
        "ghcr.io/acme/app",
    ];
    (0..=names.len())
        .map(|most| {
            let images = names.iter().take(most).map(|name| image(name)).collect();
            ImageList::new(ISSUER, most as u64 + 1, at(0), at(1000), images).unwrap()
        })
        .collect()
}

/// A list has one spelling, is within its limits and in order, and its writer makes the same of what it says.
fn document(data: &[u8]) {
    let Ok(list) = ImageList::read(data) else { return };
    assert_eq!(list.to_json(), data);
    let again = ImageList::new(
        list.issuer(),
        list.version(),
        list.issued(),
        list.expires(),
        list.images().iter().rev().cloned().collect(),
    );
    assert_eq!(again.as_ref(), Ok(&list));
    let place = |image: &ListedImage| (image.repository.to_string(), image.digest.to_string());
    let places: Vec<_> = list.images().iter().map(place).collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
}

fn documents(seeds: &mut Seeds) {
    for (list, _) in LISTS.iter() {
        seeds.add(list.to_json());
    }
}

/// What is believed is what was signed, to the byte.
fn bundle(data: &[u8]) {
    let Ok(read) = SignedImageList::verify(Blob::new(data.to_vec()), &DESK.ours, ISSUER) else {
        return;
    };
    assert!(LISTS.iter().any(|(list, _)| list == read.list()));
    assert_eq!(read.seen().document, Digest::sha256(&read.list().to_json()));
    let (now, late) = (read.list().issued(), read.list().expires());
    assert!(read.at(now, Some(&read.seen())).is_ok());
    assert!(read.at(late, None).is_err());
}

fn bundles(seeds: &mut Seeds) {
    for (list, bundle) in LISTS.iter() {
        seeds.add(bundle.clone());
        // The same signature, beside a list that it is not of.
        let mut other: Value = serde_json::from_slice(bundle).unwrap();
        let more = json!({"list": String::from_utf8_lossy(&list.to_json())});
        other["verificationMaterial"]["publicKey"] = more;
        seeds.add(other.to_string());
    }
}

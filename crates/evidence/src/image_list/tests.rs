//! A list is read as it was written, believed from its issuer alone, and never taken for anything else.

use countersign_image::{JsonError, Reference};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::attestation::Attestation;
use crate::examine;
use crate::gathered::Content;
use crate::key::SignatureError;
use crate::layout::{Layout, Layouts};
use crate::seal::{SealError, Sealed, ToBeSigned};
use crate::testing::{self, TestKey, evidence, image, item};

const ISSUER: &str = "https://sign.example.com";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn listed(name: &str, digest: Digest) -> ListedImage {
    ListedImage {
        repository: Reference::parse(name).unwrap().repository().clone(),
        digest,
        published: at(-60),
    }
}

fn images() -> Vec<ListedImage> {
    let app = image();
    vec![
        listed("nginx", Digest::sha256(b"nginx")),
        listed(&app.repository().to_string(), *app.digest()),
        listed(&app.repository().to_string(), Digest::sha256(b"before")),
    ]
}

fn list_of(version: u64, images: Vec<ListedImage>) -> ImageList {
    ImageList::new(ISSUER, version, at(0), at(1000), images).unwrap()
}

fn list() -> ImageList {
    list_of(7, images())
}

fn sealed(what: ToBeSigned, key: &TestKey) -> Blob {
    let signature = key.sign(what.message());
    let Sealed::Bundle(bytes) = what.seal(Layout::Bundle, &signature, &key.public).unwrap() else {
        panic!("a bundle")
    };
    Blob::new(bytes)
}

fn signed(list: &ImageList, key: &TestKey) -> SignedImageList {
    let bundle = sealed(ToBeSigned::trusted_images(list), key);
    SignedImageList::verify(bundle, &key.public, ISSUER).unwrap()
}

/// A statement of anybody's making, signed by the key of lists.
fn stated(payload: &str, key: &TestKey) -> Result<SignedImageList, NotTheList> {
    let message = crate::envelope::pae("application/vnd.in-toto+json", payload.as_bytes());
    let encode = crate::encoding::encode;
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": key.public.hint()}},
        "dsseEnvelope": {
            "payload": encode(payload.as_bytes()),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": encode(&key.sign(&message))}],
        },
    });
    SignedImageList::verify(Blob::new(bundle.to_string()), &key.public, ISSUER)
}

#[test]
fn a_list_is_the_text_that_the_documentation_shows() {
    let list = list_of(7, vec![listed("nginx", Digest::sha256(b"nginx"))]);
    assert_eq!(
        String::from_utf8(list.to_json()).unwrap(),
        format!(
            r#"{{"issuer":"https://sign.example.com","version":7,"issued":"2027-01-15T08:00:00Z","expires":"2027-01-15T08:16:40Z","images":[{{"repository":"docker.io/library/nginx","digest":"{}","published":"2027-01-15T07:59:00Z"}}]}}"#,
            Digest::sha256(b"nginx")
        )
    );
}

#[test]
fn what_is_listed_is_trusted_in_its_repository_alone() {
    let key = testing::p256();
    let signed = signed(&list(), &key);
    let trusted = signed.at(at(1), None).unwrap();
    let names = |name: &str, digest: &Digest| Reference::parse(name).unwrap().resolved(*digest);
    assert!(trusted.contains(&image()));
    assert_eq!(trusted.published(&image()), Some(at(-60)));
    let nginx = Digest::sha256(b"nginx");
    assert!(trusted.contains(&names("docker.io/library/nginx:1.25", &nginx)));
    for stranger in [
        names("ghcr.io/acme/app", &nginx),
        names("ghcr.io/acme/other", image().digest()),
        names("ghcr.io/acme", image().digest()),
        names("quay.io/library/nginx", &nginx),
        names("nginx", &Digest::sha256(b"another")),
    ] {
        assert!(!trusted.contains(&stranger), "{stranger:?}");
    }
    assert_eq!(signed.key(), &key.public);
}

#[test]
fn a_list_is_made_of_each_image_once_and_of_whole_seconds() {
    let mut twice = images();
    twice.extend(images());
    twice.last_mut().unwrap().published = at(-600);
    let list = list_of(1, twice);
    let times: Vec<_> = list.images().iter().map(|image| image.published).collect();
    assert_eq!(times.len(), 3);
    assert_eq!(times.iter().filter(|time| **time == at(-600)).count(), 1);
    // Times are whole seconds.
    let part = |second| at(second) + SignedDuration::from_millis(700);
    let mut image = listed("nginx", Digest::sha256(b""));
    image.published = part(-5);
    let list = ImageList::new(ISSUER, 1, part(0), part(9), vec![image]).unwrap();
    assert_eq!((list.issued(), list.expires()), (at(0), at(9)));
    assert_eq!(list.images()[0].published, at(-5));
}

#[test]
fn what_no_reader_takes_is_not_written() {
    let make = |issuer: &str, version, expires, images| ImageList::new(issuer, version, at(0), expires, images).err();
    let found = |issuer: &str| ImageListError::Issuer {
        limit: MAX_ISSUER_BYTES,
        found: excerpt(issuer, 200),
    };
    let version = |found| ImageListError::Version {
        limit: MAX_LIST_VERSION,
        found,
    };
    for issuer in ["", "a\u{202e}b", &"x".repeat(MAX_ISSUER_BYTES + 1)] {
        assert_eq!(make(issuer, 1, at(1), vec![]), Some(found(issuer)));
    }
    for wrong in [0, MAX_LIST_VERSION + 1, u64::MAX] {
        assert_eq!(make(ISSUER, wrong, at(1), vec![]), Some(version(wrong)));
    }
    let times = |expires| ImageListError::Times { issued: at(0), expires };
    assert_eq!(make(ISSUER, 1, at(0), vec![]), Some(times(at(0))));
    let repository = image().repository().clone();
    let many = |count: usize| -> Vec<ListedImage> {
        let digests = (0..count).map(|n| Digest::sha256(&n.to_le_bytes()));
        let listed = digests.map(|digest| ListedImage {
            repository: repository.clone(),
            digest,
            published: at(0),
        });
        listed.collect()
    };
    assert_eq!(make(ISSUER, MAX_LIST_VERSION, at(1), many(MAX_LIST_IMAGES)), None);
    let expected = ImageListError::TooMany {
        limit: MAX_LIST_IMAGES,
        found: MAX_LIST_IMAGES + 1,
    };
    assert_eq!(make(ISSUER, 1, at(1), many(MAX_LIST_IMAGES + 1)), Some(expected));
    // Few enough, and yet too large: each name is as long as names are.
    let long = format!("registry.example.com/{}", "x".repeat(200));
    let long = Reference::parse(&long).unwrap().repository().clone();
    let long = many(MAX_LIST_IMAGES).into_iter().map(|image| ListedImage {
        repository: long.clone(),
        ..image
    });
    assert!(matches!(
        make(ISSUER, 1, at(1), long.collect()),
        Some(ImageListError::TooLarge { .. })
    ));
}

#[test]
fn the_largest_list_is_sealed_and_read() {
    // As many images as there may be, under names as long as fit.
    let repository = Reference::parse(&format!("registry.example.com/{}", "x".repeat(95)))
        .unwrap()
        .repository()
        .clone();
    let images = (0..MAX_LIST_IMAGES).map(|n| ListedImage {
        repository: repository.clone(),
        digest: Digest::sha256(&n.to_le_bytes()),
        published: at(0),
    });
    let list = list_of(1, images.collect());
    assert!(list.to_json().len() > MAX_LIST_BYTES * 9 / 10, "nearly as large as any");
    assert_eq!(signed(&list, &testing::p256()).list(), &list);
}

#[test]
fn other_spellings_are_refused() {
    let own = String::from_utf8(list().to_json()).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(own.contains(from), "{from}");
        ImageList::read(own.replacen(from, to, 1).as_bytes())
    };
    for (from, to) in [
        (",\"version\"", ", \"version\""),
        ("T08:00:00Z", "T09:00:00+01:00"),
        ("T08:00:00Z", "T08:00:00.000Z"),
        ("T08:00:00Z", "T08:00:00.5Z"),
        ("T07:59:00Z", "T07:59:00.5Z"),
        ("docker.io/library/nginx", "nginx"),
        ("ghcr.io", "GHCR.io"),
        ("issuer\":\"h", "issuer\":\"\\u0068"),
    ] {
        let error = changed(from, to).unwrap_err();
        let spelled = matches!(error, ImageListError::Spelling { .. } | ImageListError::Order { .. });
        assert!(spelled, "{to}: {error:?}");
    }
    for (from, to) in [
        ("\"version\":7,", ""),
        ("\"version\":7", "\"version\":7.0"),
        ("\"version\":7", "\"version\":-7"),
        ("\"version\":7", "\"version\":7,\"more\":1"),
        ("\"published\"", "\"tag\":\"latest\",\"published\""),
        ("\"images\":[", "\"images\":null,\"x\":["),
        ("T08:00:00Z", "T25:00:00Z"),
    ] {
        assert!(matches!(changed(from, to), Err(ImageListError::Json(_))), "{to}");
    }
    let twice = changed("\"version\":7", "\"version\":7,\"version\":8");
    assert!(matches!(
        twice,
        Err(ImageListError::Json(JsonError::DuplicateKey { .. }))
    ));
    assert!(matches!(
        changed("ghcr.io/acme/app", "ghcr.io/acme/app:v1"),
        Err(ImageListError::Repository { at: 2, .. })
    ));
    assert!(matches!(
        changed("\"sha256:", "\"md5:"),
        Err(ImageListError::Digest { at: 1, .. })
    ));
    let longer = format!("{own}\n");
    let expected = ImageListError::Spelling { at: own.len() };
    assert_eq!(ImageList::read(longer.as_bytes()), Err(expected));
    let huge = " ".repeat(MAX_LIST_BYTES + 1);
    assert!(matches!(
        ImageList::read(huge.as_bytes()),
        Err(ImageListError::TooLarge { .. })
    ));
}

#[test]
fn images_are_in_order_and_there_once() {
    let mut document: Value = serde_json::from_slice(&list().to_json()).unwrap();
    let images = document["images"].as_array().unwrap().clone();
    let mut read = |order: &[usize]| {
        document["images"] = order.iter().map(|at| images[*at].clone()).collect();
        ImageList::read(document.to_string().as_bytes()).unwrap_err()
    };
    for (order, at) in [(&[0, 2, 1][..], 3), (&[1, 0, 2], 2), (&[0, 0, 1], 2), (&[0, 1, 1], 3)] {
        assert_eq!(read(order), ImageListError::Order { at }, "{order:?}");
    }
    // As texts: `-` and `.` are before `/`.
    let places = ["a.b/x", "a/x.y/z", "a-b.c/x", "a.b/x/y", "a.b/x-y", "a.b:1/x"];
    let places = places.iter().map(|name| listed(name, Digest::sha256(b"")));
    let list = list_of(1, places.collect());
    let names: Vec<_> = list.images().iter().map(|image| image.repository.to_string()).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn a_list_holds_from_its_issue_to_its_expiry() {
    let signed = signed(&list(), &testing::p256());
    for (now, holds) in [
        (-301, false),
        (-300, true),
        (0, true),
        (999, true),
        (1000, false),
        (9999, false),
    ] {
        assert_eq!(signed.at(at(now), None).is_ok(), holds, "{now}");
    }
    assert_eq!(
        signed.at(at(1000), None).err(),
        Some(NotTrusted::Expired {
            expires: at(1000),
            now: at(1000)
        })
    );
    assert_eq!(
        signed.at(at(-301), None).err(),
        Some(NotTrusted::NotYet {
            issued: at(0),
            now: at(-301)
        })
    );
    assert!(signed.at(Timestamp::MAX, None).is_err());
    assert!(signed.at(Timestamp::MIN, None).is_err());
}

#[test]
fn an_older_list_is_refused_and_so_is_another_of_the_same_version() {
    let key = testing::p256();
    let [before, now, other, after] = [(6, 3), (7, 3), (7, 2), (8, 1)]
        .map(|(version, most)| signed(&list_of(version, images().into_iter().take(most).collect()), &key));
    let seen = now.seen();
    for follower in [&now, &after] {
        assert!(follower.at(at(1), Some(&seen)).is_ok());
    }
    let refused = |list: &SignedImageList| list.at(at(1), Some(&seen)).err();
    let expected = RolledBack::Older { seen: 7, found: 6 };
    assert_eq!(refused(&before), Some(NotTrusted::RolledBack(expected)));
    let documents = Box::new((seen.document, other.seen().document));
    let expected = RolledBack::Other { version: 7, documents };
    assert_eq!(refused(&other), Some(NotTrusted::RolledBack(expected)));
    // The same list, signed once more: ECDSA never signs alike.
    let again = signed(&list(), &key);
    assert_ne!(again.bundle(), now.bundle());
    assert!(again.at(at(1), Some(&seen)).is_ok());
}

#[test]
fn a_list_is_its_issuers_by_its_key_as_it_was_signed() {
    let (key, other) = (testing::p256(), testing::p256());
    let bundle = sealed(ToBeSigned::trusted_images(&list()), &key);
    let verify = |bundle: &str, key: &TestKey, issuer: &str| {
        SignedImageList::verify(Blob::new(bundle.to_owned()), &key.public, issuer).map(|_| ())
    };
    let text = std::str::from_utf8(bundle.bytes()).unwrap();
    assert_eq!(verify(text, &key, ISSUER), Ok(()));
    let kind = other.public.kind();
    let not_by = NotTheList::Verify(VerifyError::Signature(SignatureError::NotByThisKey { kind }));
    assert_eq!(verify(text, &other, ISSUER), Err(not_by.clone()));
    let expected = NotTheList::Issuer {
        expected: "https://staging.example.com".to_owned(),
        found: ISSUER.to_owned(),
    };
    assert_eq!(verify(text, &key, "https://staging.example.com"), Err(expected));
    // One image more, under the signature of the list without it.
    let mut more = images();
    more.push(listed("evil.example.com/miner", Digest::sha256(b"miner")));
    let forged = sealed(ToBeSigned::trusted_images(&list_of(7, more)), &other);
    let (mut forged, own): (Value, Value) = (
        serde_json::from_slice(forged.bytes()).unwrap(),
        serde_json::from_str(text).unwrap(),
    );
    forged["dsseEnvelope"]["signatures"] = own["dsseEnvelope"]["signatures"].clone();
    assert_eq!(verify(&forged.to_string(), &key, ISSUER), Err(not_by));
    let huge = " ".repeat(MAX_LIST_BUNDLE_BYTES + 1);
    assert!(matches!(verify(&huge, &key, ISSUER), Err(NotTheList::TooLarge { .. })));
    assert!(matches!(
        verify("{}", &key, ISSUER),
        Err(NotTheList::Verify(VerifyError::Bundle(_)))
    ));
    let message = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "messageSignature": {"signature": "AAAA"},
    });
    assert_eq!(verify(&message.to_string(), &key, ISSUER), Err(NotTheList::NoStatement));
}

#[test]
fn what_is_attested_of_an_image_is_no_list() {
    let key = testing::p256();
    let document = String::from_utf8(list().to_json()).unwrap();
    let digest = Digest::sha256(document.as_bytes());
    let predicate: Value = serde_json::from_str(&document).unwrap();
    let raw = serde_json::value::RawValue::from_string(document.clone()).unwrap();
    // An image whose manifest hashes to the list: the worst that somebody could have attested.
    let bait = testing::image_of(document.as_bytes());
    assert_eq!(bait.digest(), &digest);
    for what in [
        ToBeSigned::cleared(&bait, TRUSTED_IMAGES, &raw),
        ToBeSigned::cleared(&image(), TRUSTED_IMAGES, &raw),
        ToBeSigned::statement(&image(), TRUSTED_IMAGES, &predicate),
    ] {
        let refused = SignedImageList::verify(sealed(what, &key), &key.public, ISSUER).unwrap_err();
        assert!(matches!(refused, NotTheList::Subject { .. }), "{refused:?}");
    }
    let other = ToBeSigned::cleared(&bait, "https://example.com/x", &raw);
    let refused = SignedImageList::verify(sealed(other, &key), &key.public, ISSUER).unwrap_err();
    assert_eq!(
        refused,
        NotTheList::PredicateType {
            found: "https://example.com/x".to_owned()
        }
    );
    // The statement of a list with its subject missing, doubled, of another name or of another digest.
    let own = json!({"name": LIST_SUBJECT, "digest": {"sha256": digest.hex()}});
    let statement = |subjects: &Value| {
        let written = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":{subjects},"predicateType":"{TRUSTED_IMAGES}","predicate":{document}}}"#
        );
        stated(&written, &key).map(|_| ())
    };
    assert_eq!(statement(&json!([own])), Ok(()));
    for subjects in [
        json!([own, own]),
        json!([{"digest": {"sha256": digest.hex()}}]),
        json!([{"name": "ghcr.io/acme/app", "digest": {"sha256": digest.hex()}}]),
        json!([{"name": LIST_SUBJECT, "digest": {"sha256": Digest::sha256(b"x").hex()}}]),
        json!([{"name": LIST_SUBJECT, "digest": {"sha512": digest.hex()}}]),
    ] {
        let refused = statement(&subjects);
        assert!(
            matches!(refused, Err(NotTheList::Subject { .. })),
            "{subjects}: {refused:?}"
        );
    }
}

#[test]
fn a_list_says_nothing_of_an_image() {
    let key = testing::p256();
    let what = ToBeSigned::trusted_images(&list());
    let signature = key.sign(what.message());
    for layout in [Layout::Tag, Layout::Referrer] {
        let refused = what.clone().seal(layout, &signature, &key.public);
        let expected = SealError::Layout {
            layout,
            what: "a list of images",
        };
        assert_eq!(refused, Err(expected));
    }
    // Laid beside an image of the list, it is neither its signature nor an attestation of it.
    let bundle = sealed(what, &key);
    let evidence = evidence(&image(), vec![item(Layout::Bundle, Content::Bundle(bundle.clone()))]);
    let trusted = Trusted::key(key.public.clone(), HashRule::Natural);
    let all = Layouts::of(&[Layout::Tag, Layout::Referrer, Layout::Bundle]);
    assert!(examine::signatures(&evidence, &trusted, &all).0.is_empty());
    assert!(examine::attestations(&evidence, &trusted, &all).0.is_empty());
    // Nor of the bait whose manifest is the list: there it is an attestation of the list's own type, never a signature.
    let bait = testing::image_of(&list().to_json());
    let mut evidence = evidence.clone();
    evidence.image = bait;
    assert!(examine::signatures(&evidence, &trusted, &all).0.is_empty());
    let attestations: Vec<Attestation> = examine::attestations(&evidence, &trusted, &all).0;
    let types: Vec<_> = attestations.iter().map(Attestation::predicate_type).collect();
    assert_eq!(types, [TRUSTED_IMAGES]);
}

fn any_list() -> impl Strategy<Value = ImageList> {
    let name = "[a-z0-9]{1,8}(\\.[a-z]{2,3}(:[1-9][0-9]{0,3})?/[a-z]{1,4}(/[a-z0-9]{1,4}){0,2})?";
    let time = -1_000_000_000_000_000_000..=1_000_000_000_000_000_000i128;
    let time = time.prop_map(|nanos| Timestamp::from_nanosecond(nanos * 2).unwrap());
    let image = (name, any::<[u8; 4]>(), any::<bool>(), time.clone()).prop_map(|(name, bytes, long, published)| {
        let algorithm = match long {
            true => countersign_image::Algorithm::Sha512,
            false => countersign_image::Algorithm::Sha256,
        };
        ListedImage {
            published,
            ..listed(&name, Digest::of(algorithm, &bytes))
        }
    });
    let images = prop::collection::vec(image, 0..12);
    let issuer = "[!-~äß\u{4e00}]{1,40}";
    (issuer, 1..=MAX_LIST_VERSION, time, 1..i64::from(i32::MAX), images).prop_map(
        |(issuer, version, issued, lasts, images)| {
            let expires = issued.checked_add(SignedDuration::from_secs(lasts)).unwrap();
            ImageList::new(&issuer, version, issued, expires, images).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn what_was_written_is_read(list in any_list()) {
        let bytes = list.to_json();
        prop_assert_eq!(ImageList::read(&bytes), Ok(list.clone()));
        for image in list.images() {
            prop_assert_eq!(list.published(&image.repository, &image.digest), Some(image.published));
        }
    }

    #[test]
    fn what_is_read_is_written_so(list in any_list(), at: prop::sample::Index, byte: u8) {
        let mut bytes = list.to_json();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = ImageList::read(&bytes) {
            prop_assert_eq!(read.to_json(), bytes);
        }
    }

    #[test]
    fn versions_only_grow(a in 0..4u64, b in 0..4u64, c in 0..2u8, d in 0..2u8) {
        let seen = Seen { version: a, document: Digest::sha256(&[c]) };
        let found = Seen { version: b, document: Digest::sha256(&[d]) };
        prop_assert_eq!(follows(&seen, &found).is_ok(), b > a || seen == found);
    }
}

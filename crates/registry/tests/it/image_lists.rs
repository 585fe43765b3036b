//! A list is found where it was published, once; `latest` only moves forward, and what others put there is never believed.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use countersign_evidence::{ImageList, Layout, ListedImage, PublicKey, Sealed, SignedImageList, ToBeSigned};
use countersign_image::{Blob, Descriptor, Document, Manifest, Reference, Repository, Tag, media};
use countersign_registry::image_list::{LIST_ARTIFACT, PublishListError, PublishedList, ReadListError, publish, read};
use countersign_registry::{ManifestName, Trouble};
use jiff::Timestamp;

use super::publishing::{Api, Stage, stage};
use super::scripted::{manifest, nobody, soon};

const ISSUER: &str = "https://sign.example.com";

struct Issuer {
    pair: EcdsaKeyPair,
    key: PublicKey,
}

impl Issuer {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let key = PublicKey::from_spki_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        Self { pair, key }
    }

    /// A list of this version, of so many images; signed anew every time.
    fn list(&self, stage: &Stage, version: u64, most: usize) -> SignedImageList {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let image = ListedImage {
            repository: stage.image.repository().clone(),
            digest: *stage.image.digest(),
            published: at(0),
        };
        let list = ImageList::new(ISSUER, version, at(1), at(1000), vec![image; most]).unwrap();
        let what = ToBeSigned::trusted_images(&list);
        let signature = self.pair.sign(&SystemRandom::new(), what.message()).unwrap();
        let sealed = what.seal(Layout::Bundle, signature.as_ref(), &self.key).unwrap();
        let Sealed::Bundle(bytes) = sealed else {
            panic!("a bundle")
        };
        SignedImageList::verify(Blob::new(bytes), &self.key, ISSUER).unwrap()
    }
}

fn shelf(stage: &Stage) -> Repository {
    Repository::parse(&format!("{}/trusted-images", stage.image.repository().host())).unwrap()
}

async fn published(stage: &Stage, list: &SignedImageList) -> Result<PublishedList, PublishListError> {
    publish(&stage.client, &nobody(), &shelf(stage), list, soon()).await
}

async fn found(stage: &Stage, name: &str, key: &PublicKey) -> Result<SignedImageList, ReadListError> {
    let reference = Reference::parse(&format!("{}{name}", shelf(stage))).unwrap();
    read(&stage.client, &nobody(), &reference, key, ISSUER, soon()).await
}

async fn tagged(stage: &Stage, tag: &str) -> (Blob, Document) {
    let tag = Tag::parse(tag).unwrap();
    stage
        .client
        .tagged(&shelf(stage), &tag, &nobody(), soon())
        .await
        .unwrap()
}

/// Puts something of a stranger's under a tag.
async fn put(stage: &Stage, tag: &str, manifest: &Manifest) {
    let name = ManifestName::Tag(Tag::parse(tag).unwrap());
    let (bytes, shelf) = (manifest.to_json().into(), shelf(stage));
    stage
        .client
        .put_manifest(&shelf, &name, media::OCI_MANIFEST, bytes, &nobody(), soon())
        .await
        .unwrap();
}

async fn put_blob(stage: &Stage, bytes: &'static str) -> Descriptor {
    let digest = stage
        .client
        .put_blob(&shelf(stage), bytes.into(), &nobody(), soon())
        .await
        .unwrap();
    Descriptor::new(LIST_ARTIFACT, digest, bytes.len() as u64)
}

#[tokio::test]
async fn a_list_is_found_by_version_by_latest_and_by_digest() {
    for api in [Api::There, Api::Careless, Api::Failing] {
        let (stage, issuer) = (stage(api).await, Issuer::new());
        assert!(matches!(
            found(&stage, "", &issuer.key).await,
            Err(ReadListError::Registry {
                source: Trouble::NotFound,
                ..
            })
        ));
        let first = issuer.list(&stage, 1, 0);
        let put = published(&stage, &first).await.unwrap();
        assert!(!put.already_there, "{api:?}");
        let second = issuer.list(&stage, 2, 1);
        let newer = published(&stage, &second).await.unwrap();
        for (name, expected) in [
            ("", &second),
            (":latest", &second),
            (":v2", &second),
            (":v1", &first),
            (&format!("@{}", put.manifest), &first),
            (&format!("@{}", newer.manifest), &second),
        ] {
            let found = found(&stage, name, &issuer.key).await.unwrap();
            assert_eq!(found.bundle(), expected.bundle(), "{api:?} {name}");
        }
        let now = second.list().issued();
        let latest = found(&stage, "", &issuer.key).await.unwrap();
        assert!(latest.at(now, Some(&first.seen())).unwrap().contains(&stage.image));
    }
}

#[tokio::test]
async fn twice_is_once_and_what_is_missing_is_put_back() {
    let (stage, issuer) = (stage(Api::There).await, Issuer::new());
    let list = issuer.list(&stage, 3, 1);
    let first = published(&stage, &list).await.unwrap();
    let again = PublishedList {
        already_there: true,
        ..first.clone()
    };
    assert_eq!(published(&stage, &list).await.unwrap(), again);
    // The same list under another signature is the same list, and the one that is there stays.
    assert_eq!(published(&stage, &issuer.list(&stage, 3, 1)).await.unwrap(), again);
    for tag in ["latest", "v3"] {
        let name = ManifestName::Tag(Tag::parse(tag).unwrap());
        let (client, shelf) = (&stage.client, shelf(&stage));
        client.delete_manifest(&shelf, &name, &nobody(), soon()).await.unwrap();
        assert_eq!(published(&stage, &list).await.unwrap(), first, "{tag}");
        assert_eq!(tagged(&stage, tag).await.0.digest(), &first.manifest, "{tag}");
    }
}

#[tokio::test]
async fn latest_never_goes_back_and_a_version_never_changes() {
    let (stage, issuer) = (stage(Api::There).await, Issuer::new());
    published(&stage, &issuer.list(&stage, 5, 1)).await.unwrap();
    let behind = published(&stage, &issuer.list(&stage, 4, 1)).await.unwrap_err();
    assert!(
        matches!(
            behind,
            PublishListError::Behind {
                version: 4,
                found: 5,
                ..
            }
        ),
        "{behind}"
    );
    let gone = found(&stage, ":v4", &issuer.key).await;
    assert!(matches!(
        gone,
        Err(ReadListError::Registry {
            source: Trouble::NotFound,
            ..
        })
    ));
    let taken = published(&stage, &issuer.list(&stage, 5, 0)).await.unwrap_err();
    assert!(
        matches!(taken, PublishListError::VersionTaken { version: 5, .. }),
        "{taken}"
    );
    let latest = found(&stage, "", &issuer.key).await.unwrap();
    assert_eq!(latest.list().images().len(), 1);
}

#[tokio::test]
async fn what_strangers_put_there_is_not_believed_and_in_nobodys_way() {
    let (stage, issuer, stranger) = (stage(Api::There).await, Issuer::new(), Issuer::new());
    let own = issuer.list(&stage, 1, 1);
    published(&stage, &own).await.unwrap();
    // A list of a stranger's, with the highest version that there is.
    let bundle = stranger.list(&stage, 999, 0).bundle().clone();
    stage
        .client
        .put_blob(&shelf(&stage), bundle.bytes().clone(), &nobody(), soon())
        .await
        .unwrap();
    let empty = put_blob(&stage, "{}").await;
    let layer = |blob: &Blob| Descriptor::new(media::SIGSTORE_BUNDLE_V03, *blob.digest(), blob.size());
    let theirs = |layers: Vec<Descriptor>, artifact: &str| {
        let mut theirs = manifest(layers, None);
        theirs.config = Descriptor {
            media_type: media::OCI_EMPTY.to_owned(),
            ..empty.clone()
        };
        theirs.artifact_type = Some(artifact.to_owned());
        theirs
    };
    let list = put_blob(&stage, "{\"list\":1}").await;
    for (what, manifest) in [
        ("another key", theirs(vec![layer(&bundle)], LIST_ARTIFACT)),
        (
            "another type",
            theirs(vec![layer(&bundle)], "application/vnd.example+json"),
        ),
        ("no bundle", theirs(vec![list.clone()], LIST_ARTIFACT)),
        (
            "two bundles",
            theirs(vec![layer(&bundle), layer(own.bundle())], LIST_ARTIFACT),
        ),
    ] {
        put(&stage, "latest", &manifest).await;
        put(&stage, "v2", &manifest).await;
        for tag in ["", ":v2"] {
            let read = found(&stage, tag, &issuer.key).await;
            match what {
                "another key" => assert!(matches!(read, Err(ReadListError::NotTheList { .. })), "{read:?}"),
                _ => assert!(matches!(read, Err(ReadListError::NotAList { .. })), "{what}: {read:?}"),
            }
        }
        published(&stage, &own).await.unwrap();
        assert_eq!(
            found(&stage, "", &issuer.key).await.unwrap().list(),
            own.list(),
            "{what}"
        );
    }
    let next = issuer.list(&stage, 2, 0);
    published(&stage, &next).await.unwrap();
    for tag in ["", ":v2"] {
        assert_eq!(found(&stage, tag, &issuer.key).await.unwrap().list(), next.list());
    }
}

#[tokio::test]
async fn other_tools_find_two_files() {
    let (stage, issuer) = (stage(Api::There).await, Issuer::new());
    let list = issuer.list(&stage, 1, 1);
    published(&stage, &list).await.unwrap();
    let Document::Manifest(manifest) = tagged(&stage, "latest").await.1 else {
        panic!("a manifest")
    };
    assert_eq!(manifest.artifact_type.as_deref(), Some(LIST_ARTIFACT));
    let mut files = Vec::new();
    for layer in &manifest.layers {
        let read = stage
            .client
            .blob(&shelf(&stage), layer, 1 << 20, &nobody(), soon())
            .await
            .unwrap();
        let title = layer.annotations["org.opencontainers.image.title"].clone();
        files.push((title, read.bytes().to_vec()));
    }
    assert_eq!(
        files,
        [
            ("trusted-images.json".to_owned(), list.list().to_json()),
            (
                "trusted-images.sigstore.json".to_owned(),
                list.bundle().bytes().to_vec()
            ),
        ]
    );
}

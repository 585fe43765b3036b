//! A release is whole or goes on: stopped before any step and called again, it ends in the same place, once.

use std::sync::Mutex;

use countersign_evidence::{Content, Evidence, Layout, Sealed};
use countersign_image::{Descriptor, Document, Index, Pinned, Platform, Reference, Repository, Tag, media};
use countersign_registry::publish::{Release, ReleaseError, Released, Step, Steps, attach, release};
use countersign_registry::{Client, ManifestName, Trouble, gather};
use jiff::Timestamp;

use super::gathering::everything;
use super::publishing::{Api, Stage, bundle, envelope, signature, stage};
use super::scripted::{client, client_with, manifest, nobody, soon};

/// Larger than one part: nothing of this size is held whole.
const LARGE: usize = (8 << 20) * 2 + 5;

fn pieces() -> Vec<(Layout, Sealed)> {
    vec![
        (Layout::Tag, signature("released")),
        (Layout::Bundle, bundle("released")),
        (Layout::Tag, envelope("attested")),
        (Layout::Bundle, bundle("attested")),
    ]
}

/// Stops before the step of a number, and counts.
struct StopAt {
    at: usize,
    taken: Mutex<Vec<Step>>,
}

impl StopAt {
    fn step(at: usize) -> Self {
        Self {
            at,
            taken: Mutex::default(),
        }
    }

    fn taken(&self) -> Vec<Step> {
        self.taken.lock().unwrap().clone()
    }
}

impl Steps for StopAt {
    fn before(&self, step: Step) -> Result<(), Trouble> {
        let mut taken = self.taken.lock().unwrap();
        if taken.len() == self.at {
            return Err(Trouble::Unavailable { status: 599 });
        }
        taken.push(step);
        Ok(())
    }
}

/// An index of two platforms, one of them with a layer that has to go in parts.
async fn put_index(stage: &Stage) -> Pinned {
    let repository = stage.image.repository();
    let mut children = Vec::new();
    for (architecture, size) in [("amd64", 3), ("arm64", LARGE)] {
        let put = async |media_type: &str, bytes: Vec<u8>| {
            let size = bytes.len() as u64;
            let digest = stage
                .client
                .put_blob(repository, bytes.into(), &nobody(), soon())
                .await
                .unwrap();
            Descriptor::new(media_type, digest, size)
        };
        let layer = put(media::OCI_LAYER_GZIP, architecture.bytes().cycle().take(size).collect()).await;
        let mut image = manifest(vec![layer], None);
        image.config = put(
            media::OCI_CONFIG,
            format!("{{\"architecture\":\"{architecture}\"}}").into_bytes(),
        )
        .await;
        let mut child = put_manifest(stage, media::OCI_MANIFEST, image.to_json(), None).await;
        child.platform = Some(Platform {
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
            variant: None,
            os_version: None,
        });
        children.push(child);
    }
    let index = super::scripted::index(children);
    let put = put_manifest(stage, media::OCI_INDEX, index.to_json(), Some("1.0")).await;
    Reference::parse(&repository.to_string()).unwrap().resolved(put.digest)
}

async fn put_manifest(stage: &Stage, media_type: &str, bytes: Vec<u8>, tag: Option<&str>) -> Descriptor {
    let size = bytes.len() as u64;
    let digest = countersign_image::Digest::sha256(&bytes);
    let name = match tag {
        Some(tag) => ManifestName::Tag(Tag::parse(tag).unwrap()),
        None => ManifestName::Digest(digest),
    };
    let (client, repository) = (&stage.client, stage.image.repository());
    client
        .put_manifest(repository, &name, media_type, bytes.into(), &nobody(), soon())
        .await
        .unwrap();
    Descriptor::new(media_type, digest, size)
}

fn believed(_: &Evidence) -> Result<(), String> {
    Ok(())
}

struct Wish<'a> {
    image: &'a Pinned,
    to: &'a Repository,
    tag: &'a str,
    move_tags: bool,
}

fn wish<'a>(image: &'a Pinned, to: &'a Repository) -> Wish<'a> {
    Wish {
        image,
        to,
        tag: "1.0",
        move_tags: false,
    }
}

async fn released(
    stage: &Stage,
    wish: &Wish<'_>,
    steps: &dyn Steps,
    read_back: &(dyn Fn(&Evidence) -> Result<(), String> + Sync),
) -> Result<Released, ReleaseError> {
    released_by(&stage.client, wish, steps, read_back).await
}

async fn released_by(
    client: &Client,
    wish: &Wish<'_>,
    steps: &dyn Steps,
    read_back: &(dyn Fn(&Evidence) -> Result<(), String> + Sync),
) -> Result<Released, ReleaseError> {
    let asked = Release {
        source: wish.image,
        destination: wish.to,
        tags: &[Tag::parse(wish.tag).unwrap()],
        move_tags: wish.move_tags,
        pieces: &pieces(),
        created: Timestamp::from_second(1_800_000_000).unwrap(),
    };
    release(
        client,
        &nobody(),
        &asked,
        steps,
        read_back,
        soon() + std::time::Duration::from_secs(60),
    )
    .await
}

fn beside(stage: &Stage, path: &str) -> Repository {
    Repository::parse(&format!("{}/{path}", stage.image.repository().host())).unwrap()
}

async fn tagged(stage: &Stage, repository: &Repository, tag: &str) -> Option<(countersign_image::Digest, Document)> {
    let tag = Tag::parse(tag).unwrap();
    match stage.client.tagged(repository, &tag, &nobody(), soon()).await {
        Ok((blob, document)) => Some((*blob.digest(), document)),
        Err(Trouble::NotFound) => None,
        Err(trouble) => panic!("{trouble}"),
    }
}

/// Everything that a stranger finds at the destination, with the manifests that hold it.
async fn state(stage: &Stage, image: &Pinned) -> Vec<String> {
    let evidence = gather(&stage.client, image, &everything(), &nobody(), soon()).await;
    assert_eq!(evidence.gaps, []);
    let told = evidence.items.iter().map(|item| {
        let what = match &item.content {
            Content::Simple { signature, .. } => signature.clone(),
            Content::Envelope { envelope: blob, .. } | Content::Bundle(blob) => blob.digest().to_string(),
        };
        format!("{} {} {what}", item.origin.layout, item.origin.manifest)
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_stopped_anywhere_goes_on_to_the_same_end() {
    for api in [Api::There, Api::Lacking] {
        let stage = stage(api).await;
        let image = put_index(&stage).await;
        let whole = beside(&stage, "whole/app");
        let all = StopAt::step(usize::MAX);
        let first = released(&stage, &wish(&image, &whole), &all, &believed).await.unwrap();
        let steps = all.taken();
        assert!(steps.is_sorted_by_key(|step| (*step).max(Step::Manifest)), "{steps:?}");
        let wanted = state(&stage, &first.image).await;
        // The signature's manifest is found both ways, the other three one way each.
        assert_eq!(wanted.len(), 5, "{api:?} {wanted:#?}");

        for at in 0..steps.len() {
            let to = beside(&stage, &format!("stopped-{at}/app"));
            let stopped = released(&stage, &wish(&image, &to), &StopAt::step(at), &believed).await;
            assert!(stopped.is_err(), "{api:?} before step {at}");
            assert_eq!(
                tagged(&stage, &to, "1.0").await,
                None,
                "{api:?}: a tag before step {at}"
            );
            let second = released(&stage, &wish(&image, &to), &(), &believed).await.unwrap();
            assert_eq!(state(&stage, &second.image).await, wanted, "{api:?} from step {at}");
            let (digest, _) = tagged(&stage, &to, "1.0").await.unwrap();
            assert_eq!(digest, *image.digest());
            let third = released(&stage, &wish(&image, &to), &(), &believed).await.unwrap();
            assert!(
                third.pieces.iter().all(|piece| piece.already_there) && third.tagged.is_empty(),
                "{third:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_to_another_registry_byte_for_byte() {
    let (from, to) = (stage(Api::There).await, stage(Api::There).await);
    let image = put_index(&from).await;
    let destination = beside(&to, "approved/app");
    let wish = wish(&image, &destination);
    let outcome = released(&from, &wish, &(), &believed).await.unwrap();
    assert_eq!(
        (outcome.copied.manifests, outcome.copied.mounted, outcome.copied.blobs),
        (3, 0, 4)
    );
    let Some((digest, Document::Index(Index { manifests, .. }))) = tagged(&from, &destination, "1.0").await else {
        panic!("the index is there")
    };
    assert_eq!((digest, manifests.len()), (*image.digest(), 2));
}

#[tokio::test]
async fn a_signature_that_was_deleted_is_put_back_as_it_was() {
    let stage = stage(Api::There).await;
    let to = beside(&stage, "approved/app");
    let wish = wish(&stage.image, &to);
    let first = released(&stage, &wish, &(), &believed).await.unwrap();
    let before = state(&stage, &first.image).await;
    for piece in &first.pieces {
        let name = ManifestName::Digest(piece.manifest);
        let deleted = stage.client.delete_manifest(&to, &name, &nobody(), soon()).await;
        assert!(matches!(deleted, Ok(()) | Err(Trouble::NotFound)), "{deleted:?}");
    }
    assert!(state(&stage, &first.image).await.is_empty());
    let again = released(&stage, &wish, &(), &believed).await.unwrap();
    assert!(again.pieces.iter().all(|piece| !piece.already_there), "{again:?}");
    assert_eq!(state(&stage, &again.image).await, before);
}

#[tokio::test]
async fn one_manifest_is_found_by_readers_of_either_kind() {
    for api in [Api::There, Api::Lacking] {
        let stage = stage(api).await;
        let to = beside(&stage, "approved/app");
        let wish = wish(&stage.image, &to);
        released(&stage, &wish, &(), &believed).await.unwrap();
        let tag = format!("{}.sig", stage.image.digest().tag_form());
        let Some((digest, Document::Manifest(manifest))) = tagged(&stage, &to, &tag).await else {
            panic!("signatures are kept in a manifest")
        };
        assert_eq!(manifest.subject.unwrap().digest, *stage.image.digest());
        assert_eq!(
            manifest.artifact_type.as_deref(),
            Some(media::COSIGN_SIGNATURE_ARTIFACT)
        );
        let listed = stage
            .client
            .referrers(&to, stage.image.digest(), &nobody(), soon())
            .await
            .unwrap();
        let entry = listed.iter().find(|listed| listed.digest == digest).unwrap();
        assert_eq!(
            entry.artifact_type.as_deref(),
            Some(media::COSIGN_SIGNATURE_ARTIFACT),
            "{api:?}"
        );
    }
}

/// Somebody wrote there first, and named another image as the subject.
#[tokio::test]
async fn what_is_under_the_tag_already_hides_nothing() {
    for api in [Api::There, Api::Plain] {
        let stage = stage(api).await;
        let to = beside(&stage, "approved/app");
        let other = b"{\"other\":1}";
        let layer = stage
            .client
            .put_blob(&to, other[..].into(), &nobody(), soon())
            .await
            .map(|digest| Descriptor::new(media::SIMPLE_SIGNING, digest, other.len() as u64))
            .unwrap();
        let mut theirs = manifest(vec![layer], None);
        theirs.config.digest = stage
            .client
            .put_blob(&to, "{}".into(), &nobody(), soon())
            .await
            .unwrap();
        theirs.config.size = 2;
        theirs.subject = Some(Descriptor::new(
            media::OCI_MANIFEST,
            countersign_image::Digest::sha256(b"another image"),
            13,
        ));
        theirs.artifact_type = Some("application/x-else".to_owned());
        let tag = format!("{}.sig", stage.image.digest().tag_form());
        let name = ManifestName::Tag(Tag::parse(&tag).unwrap());
        let bytes = theirs.to_json().into();
        let nobody = nobody();
        let put = stage
            .client
            .put_manifest(&to, &name, media::OCI_MANIFEST, bytes, &nobody, soon());
        put.await.unwrap();
        let seen = |evidence: &Evidence| match evidence.items.len() {
            5 => Ok(()),
            found => Err(format!("{found} pieces")),
        };
        released(&stage, &wish(&stage.image, &to), &(), &seen).await.unwrap();
        let Some((_, Document::Manifest(merged))) = tagged(&stage, &to, &tag).await else {
            panic!("signatures are kept in a manifest")
        };
        assert_eq!(merged.layers.len(), 2, "{api:?}");
        assert_eq!(merged.subject.unwrap().digest, *stage.image.digest(), "{api:?}");
    }
}

#[tokio::test]
async fn what_does_not_hold_gets_no_tag() {
    let stage = stage(Api::There).await;
    let to = beside(&stage, "approved/app");
    let mut wish = wish(&stage.image, &to);
    let refused = released(&stage, &wish, &(), &|_| Err("nobody signed it".to_owned())).await;
    assert!(matches!(refused, Err(ReleaseError::ReadBack { .. })), "{refused:?}");
    assert_eq!(tagged(&stage, &to, "1.0").await, None);

    released(&stage, &wish, &(), &believed).await.unwrap();
    let other = put_index(&stage).await;
    wish.image = &other;
    let taken = released(&stage, &wish, &(), &believed).await;
    let Err(ReleaseError::TagTaken { found, .. }) = taken else {
        panic!("{taken:?}")
    };
    assert_eq!(found, *stage.image.digest());
    wish.move_tags = true;
    released(&stage, &wish, &(), &believed).await.unwrap();
    assert_eq!(tagged(&stage, &to, "1.0").await.unwrap().0, *other.digest());
}

/// Each with a client of its own, as two services are.
#[tokio::test(flavor = "multi_thread")]
async fn two_who_release_at_the_same_time_end_whole() {
    for api in [Api::There, Api::Lacking, Api::Careless, Api::Plain] {
        let stage = stage(api).await;
        let image = put_index(&stage).await;
        let alone = beside(&stage, "alone/app");
        let alone = released(&stage, &wish(&image, &alone), &(), &believed).await.unwrap();
        let wanted = state(&stage, &alone.image).await;
        for round in 0..2 {
            let to = beside(&stage, &format!("both-{round}/app"));
            let wish = wish(&image, &to);
            let (one, other) = (client(), client());
            let (one, other) = tokio::join!(
                released_by(&one, &wish, &(), &believed),
                released_by(&other, &wish, &(), &believed)
            );
            let (one, other) = (one.unwrap(), other.unwrap());
            assert_eq!(
                (one.image.digest(), other.image.digest()),
                (image.digest(), image.digest())
            );
            assert_eq!(state(&stage, &one.image).await, wanted, "{api:?}");
            assert_eq!(tagged(&stage, &to, "1.0").await.unwrap().0, *image.digest());
        }
    }
}

/// A mirror shows what was, or what nobody has put yet.
#[tokio::test]
async fn what_a_mirror_shows_is_not_taken_for_what_is_there() {
    let (mut origin, mirror) = (stage(Api::There).await, stage(Api::There).await);
    assert_eq!(origin.image.digest(), mirror.image.digest());
    let shown = beside(&mirror, "approved/app");
    let shown = released(&mirror, &wish(&mirror.image, &shown), &(), &believed)
        .await
        .unwrap();
    let wanted = state(&mirror, &shown.image).await;
    attach(
        &mirror.client,
        &nobody(),
        &shown.image,
        Layout::Tag,
        &signature("of the mirror"),
        soon(),
    )
    .await
    .unwrap();

    let (host, url) = (
        origin.image.repository().host().to_owned(),
        format!("http://{}", mirror.image.repository().host()),
    );
    origin.client = client_with(|config| {
        config.mirrors.insert(host, vec![url]);
    });
    let to = beside(&origin, "approved/app");
    let seen = |evidence: &Evidence| match evidence.items.len() {
        5 => Ok(()),
        found => Err(format!("{found} pieces")),
    };
    let outcome = released(&origin, &wish(&origin.image, &to), &(), &seen).await.unwrap();
    assert!(outcome.pieces.iter().all(|piece| !piece.already_there), "{outcome:?}");
    assert_eq!(outcome.tagged.len(), 1, "{outcome:?}");
    origin.client = client();
    assert_eq!(state(&origin, &outcome.image).await, wanted);
}

/// Somebody deletes what was put, each time before it is read back.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_stay_is_not_released() {
    let stage = stage(Api::There).await;
    let to = beside(&stage, "approved/app");
    let wish = wish(&stage.image, &to);
    let image = released(&stage, &wish, &(), &believed).await.unwrap();
    let tag = ManifestName::Tag(Tag::parse("1.0").unwrap());
    stage
        .client
        .delete_manifest(&to, &tag, &nobody(), soon())
        .await
        .unwrap();
    let thief = Thief {
        client: client(),
        repository: to.clone(),
        takes: image.pieces.last().unwrap().manifest,
    };
    let stolen = released(&stage, &wish, &thief, &believed).await;
    assert!(
        matches!(
            &stolen,
            Err(ReleaseError::Attach {
                source: Trouble::Contended { .. },
                ..
            })
        ),
        "{stolen:?}"
    );
    assert_eq!(tagged(&stage, &to, "1.0").await, None);
}

struct Thief {
    client: Client,
    repository: Repository,
    takes: countersign_image::Digest,
}

impl Steps for Thief {
    fn before(&self, step: Step) -> Result<(), Trouble> {
        if step == Step::ReadBack {
            let name = ManifestName::Digest(self.takes);
            let (client, repository) = (self.client.clone(), self.repository.clone());
            let nobody = nobody();
            let taking = async move { client.delete_manifest(&repository, &name, &nobody, soon()).await };
            let runtime = tokio::runtime::Handle::current();
            std::thread::scope(|scope| scope.spawn(|| runtime.block_on(taking)).join().unwrap())?;
        }
        Ok(())
    }
}

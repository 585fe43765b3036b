//! Everything that is said about an image, in the fewest steps, with every trouble told.

use std::time::Duration;

use countersign_evidence::{Content, Evidence, GapCause, Layout, Layouts, Place};
use countersign_image::{Descriptor, Digest, Pinned, annotation, media};
use countersign_registry::{Client, GatherRequest, SourceRequest, gather};

use super::scripted::{
    Manner, Reply, Seen, Server, Shelf, client, client_with, manifest, nobody, simple, simple_layer, soon,
};

const BUNDLE: &str = media::SIGSTORE_BUNDLE_V03;

pub(crate) fn everything() -> GatherRequest {
    GatherRequest {
        places: Vec::new(),
        signatures: true,
        attestations: true,
        layouts: Layouts::ALL,
        manifest: false,
    }
}

fn only(layouts: &[Layout]) -> GatherRequest {
    GatherRequest {
        layouts: Layouts::of(layouts),
        ..everything()
    }
}

fn pinned(server: &Server, image: &Descriptor) -> Pinned {
    server.reference("app:v1").resolved(image.digest)
}

async fn gathered(client: &Client, server: &Server, image: &Descriptor, request: &GatherRequest) -> Evidence {
    gather(client, &pinned(server, image), request, &nobody(), soon()).await
}

fn found(evidence: &Evidence) -> Vec<(Layout, &'static str)> {
    let mut found: Vec<_> = evidence
        .items
        .iter()
        .map(|item| {
            let kind = match item.content {
                Content::Simple { .. } => "simple",
                Content::Envelope { .. } => "envelope",
                Content::Bundle(_) => "bundle",
            };
            (item.origin.layout, kind)
        })
        .collect();
    found.sort_unstable();
    found
}

fn gaps(evidence: &Evidence) -> Vec<(Place, GapCause)> {
    evidence
        .gaps
        .iter()
        .map(|gap| (gap.place.clone(), gap.cause.clone()))
        .collect()
}

/// An image with something in every layout.
fn full_shelf() -> (Shelf, Descriptor) {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    shelf.signed("app", &image, &["b25l", "dHdv"]);
    shelf.attested("app", &image, b"{\"payload\":1}");
    let bundle = shelf.referrer("app", Some(&image), BUNDLE, b"{\"bundle\":1}");
    let simple = shelf.referrer("app", Some(&image), media::SIMPLE_SIGNING, &simple(&image));
    let by_tag = shelf.referrer("app", Some(&image), BUNDLE, b"{\"bundle\":2}");
    shelf.lists("app", &image, vec![bundle, simple]);
    shelf.lists_by_tag("app", &image, vec![by_tag]);
    (shelf, image)
}

#[tokio::test]
async fn everything_in_every_layout_is_found() {
    let (shelf, image) = full_shelf();
    let server = Server::of(shelf).await;
    let evidence = gathered(&client(), &server, &image, &everything()).await;
    assert_eq!(
        found(&evidence),
        [
            (Layout::Tag, "envelope"),
            (Layout::Tag, "simple"),
            (Layout::Tag, "simple"),
            (Layout::Referrer, "simple"),
            (Layout::Bundle, "bundle"),
            (Layout::Bundle, "bundle"),
        ]
    );
    let beside: Vec<_> = evidence
        .items
        .iter()
        .filter_map(|item| match &item.content {
            Content::Envelope { annotations, .. } => annotations.get(annotation::COSIGN_CERTIFICATE),
            _ => None,
        })
        .collect();
    assert_eq!(beside, ["…"], "what stands beside an envelope is kept");
    assert_eq!(gaps(&evidence), []);
    let looked: Vec<_> = evidence
        .looked
        .iter()
        .map(|look| (look.place.clone(), look.found))
        .collect();
    assert_eq!(
        looked,
        [
            (Place::SignatureTag { prefix: None }, 2),
            (Place::AttestationTag { prefix: None }, 1),
            (Place::Referrers, 3)
        ]
    );
    assert!(!evidence.stale && evidence.manifest.is_none());
    let mut lines = server.lines();
    lines.sort();
    let all = lines.len();
    lines.dedup();
    assert_eq!(lines.len(), all, "nothing is fetched twice: {lines:?}");
}

#[tokio::test]
async fn only_what_is_wanted_is_asked_for() {
    let (shelf, image) = full_shelf();
    let server = Server::of(shelf).await;
    let nothing = GatherRequest {
        signatures: false,
        attestations: false,
        ..everything()
    };
    for (request, expected, absent) in [
        (only(&[Layout::Tag]), 3, "referrers"),
        (only(&[Layout::Bundle]), 2, ".sig"),
        (only(&[Layout::Referrer]), 1, ".sig"),
        (
            GatherRequest {
                attestations: false,
                ..everything()
            },
            5,
            ".att",
        ),
        (
            GatherRequest {
                signatures: false,
                ..everything()
            },
            3,
            ".sig",
        ),
        (nothing, 0, "app"),
    ] {
        server.forget();
        let evidence = gathered(&client(), &server, &image, &request).await;
        assert_eq!(evidence.items.len(), expected, "{request:?}");
        assert_eq!(server.count(absent), 0, "{request:?}");
    }
}

/// Gathers from a registry that takes its time, and counts how many answers had to be waited for.
async fn steps(shelf: Shelf, image: &Descriptor, request: &GatherRequest) -> (Evidence, usize) {
    let server = Server::start(move |seen: &Seen| shelf.reply(seen).after(Duration::from_millis(250))).await;
    let evidence = gathered(&client(), &server, image, request).await;
    let steps = server.seen().iter().map(|seen| seen.step + 1).max().unwrap_or(0);
    (evidence, steps)
}

#[tokio::test]
async fn a_signature_under_a_tag_is_two_steps_away() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    shelf.signed("app", &image, &["b25l", "dHdv"]);
    let (evidence, steps) = steps(shelf, &image, &everything()).await;
    assert_eq!((evidence.items.len(), steps), (2, 2));
}

#[tokio::test]
async fn a_bundle_is_three_steps_away_and_so_is_everything_together() {
    let (shelf, image) = full_shelf();
    let (evidence, count) = steps(shelf.clone(), &image, &only(&[Layout::Bundle])).await;
    assert_eq!((evidence.items.len(), count), (2, 3));
    let request = GatherRequest {
        manifest: true,
        ..everything()
    };
    let (evidence, count) = steps(shelf, &image, &request).await;
    assert_eq!((evidence.items.len(), count), (6, 3));
    assert!(evidence.manifest.is_some());
}

#[tokio::test]
async fn nothing_is_one_step_away() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let (evidence, steps) = steps(shelf, &image, &everything()).await;
    assert_eq!(
        (evidence.items.len(), evidence.gaps.len(), evidence.looked.len(), steps),
        (0, 0, 3, 1)
    );
}

#[tokio::test]
async fn a_signature_over_the_manifest_brings_the_manifest() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let message = br#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},"signature":"c2ln"}}"#;
    let bundle = shelf.referrer("app", Some(&image), BUNDLE, message);
    shelf.lists("app", &image, vec![bundle]);
    let (evidence, steps) = steps(shelf, &image, &everything()).await;
    assert_eq!(evidence.manifest.map(|blob| *blob.digest()), Some(image.digest));
    assert_eq!(steps, 4);
}

#[tokio::test]
async fn other_repositories_and_prefixes_are_looked_in() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let payload = simple(&image);
    let digest = shelf.blob("signatures", &payload);
    for (prefix, signature) in [("v1-", "c2ln"), ("", "c2lo")] {
        let tag = format!("{prefix}{}.sig", image.digest.tag_form());
        let layer = simple_layer(digest, payload.len(), signature);
        shelf.manifest("signatures", Some(&tag), &manifest(vec![layer], None));
    }
    let server = Server::of(shelf).await;
    let place = |prefix: Option<&str>| SourceRequest {
        repository: server.repository("signatures"),
        tag_prefix: prefix.map(str::to_owned),
    };
    let request = GatherRequest {
        places: vec![place(Some("v1-")), place(None), place(None)],
        ..everything()
    };
    let evidence = gathered(&client(), &server, &image, &request).await;
    assert_eq!(found(&evidence), [(Layout::Tag, "simple"); 2]);
    let origins = evidence.items.iter().map(|item| &item.origin);
    assert!(
        origins
            .clone()
            .all(|origin| origin.repository == server.repository("signatures"))
    );
    let prefixes: Vec<_> = origins.map(|origin| origin.tag_prefix.as_deref()).collect();
    assert_eq!(prefixes, [Some("v1-"), None], "each says under which tag it lay");
    assert_eq!(server.count("/v2/app/"), 0);
    assert_eq!(
        server.seen().len(),
        2 + 2 + 2 + 1,
        "each place once: {:?}",
        server.lines()
    );
}

#[tokio::test]
async fn what_is_about_another_image_is_not_evidence() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let other = shelf.image("other", "v1");
    let foreign = shelf.referrer("app", Some(&other), BUNDLE, b"{\"foreign\":1}");
    let unbound = shelf.referrer("app", None, BUNDLE, b"{\"unbound\":1}");
    let own = shelf.referrer("app", Some(&image), BUNDLE, b"{\"own\":1}");
    shelf.lists(
        "app",
        &image,
        vec![foreign.clone(), unbound, own.clone(), image.clone()],
    );
    let server = Server::of(shelf).await;
    let evidence = gathered(&client(), &server, &image, &everything()).await;
    assert_eq!(
        evidence
            .items
            .iter()
            .map(|item| item.origin.manifest)
            .collect::<Vec<_>>(),
        [own.digest]
    );
    let detail = format!("it is about `{}`, not about this image", other.digest);
    assert_eq!(
        gaps(&evidence),
        [(Place::Manifest(foreign.digest), GapCause::Malformed { detail })]
    );
}

#[tokio::test]
async fn the_artifact_type_decides_nothing() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let mut listed = Vec::new();
    for (number, artifact_type) in [None, Some(media::OCI_EMPTY), Some("application/spdx+json"), Some("")]
        .iter()
        .enumerate()
    {
        let mut referrer = shelf.referrer("app", Some(&image), BUNDLE, number.to_string().as_bytes());
        referrer.artifact_type = artifact_type.map(str::to_owned);
        listed.push(referrer);
    }
    shelf.lists("app", &image, listed);
    let server = Server::of(shelf).await;
    assert_eq!(gathered(&client(), &server, &image, &everything()).await.items.len(), 4);
}

type Fault = (fn(Reply) -> Reply, fn(&GapCause) -> bool);

#[tokio::test]
async fn no_trouble_hides_anything_else() {
    let faults: [Fault; 8] = [
        (|_| Reply::new(403), |cause| *cause == GapCause::Denied { status: 403 }),
        (
            |_| Reply::new(500),
            |cause| *cause == GapCause::Unavailable { status: 500 },
        ),
        (
            |_| Reply::new(429),
            |cause| *cause == GapCause::Throttled { retry_after: None },
        ),
        (
            |r| r.manner(Manner::Stall),
            |cause| matches!(cause, GapCause::TimedOut { .. }),
        ),
        (
            |r| r.manner(Manner::HangUp),
            |cause| matches!(cause, GapCause::Unreachable { .. }),
        ),
        (
            |r| r.manner(Manner::Endless),
            |cause| matches!(cause, GapCause::TooLarge { .. }),
        ),
        (
            |r| r.with("Content-Encoding", "gzip"),
            |cause| matches!(cause, GapCause::Malformed { .. }),
        ),
        (
            |r| Reply {
                body: b"{]".to_vec(),
                ..r
            },
            |cause| matches!(cause, GapCause::Malformed { .. }),
        ),
    ];
    let client = client();
    for part in [".sig", ".att", "/referrers/"] {
        for (number, (spoil, recognise)) in faults.iter().enumerate() {
            let (shelf, image) = full_shelf();
            let spoil = *spoil;
            let server = Server::start(move |seen: &Seen| {
                let reply = shelf.reply(seen);
                if seen.target.contains(part) {
                    spoil(reply)
                } else {
                    reply
                }
            })
            .await;
            let evidence = gathered(&client, &server, &image, &everything()).await;
            let lost = match part {
                ".sig" | "/referrers/" => 2,
                _ => 1,
            };
            assert_eq!(
                evidence.items.len(),
                6 - lost,
                "{part}, fault {number}: {:?}",
                evidence.gaps
            );
            assert_eq!(evidence.gaps.len(), 1, "{part}, fault {number}");
            assert!(
                recognise(&evidence.gaps[0].cause),
                "{part}, fault {number}: {:?}",
                evidence.gaps
            );
        }
    }
}

#[tokio::test]
async fn a_layer_or_referrer_that_is_missing_or_wrong_is_a_gap_of_its_own() {
    let (mut shelf, image) = full_shelf();
    let payload = Digest::sha256(&simple(&image));
    let envelope = Digest::sha256(b"{\"payload\":1}");
    shelf.remove(&format!("/v2/app/blobs/{payload}"));
    shelf.put(
        format!("/v2/app/blobs/{envelope}"),
        "application/octet-stream",
        "{\"payload\":2}",
    );
    let gone = Descriptor::new(media::OCI_MANIFEST, Digest::sha256(b"gone"), 10);
    shelf.lists_by_tag("app", &image, vec![gone.clone()]);
    let server = Server::of(shelf).await;
    let evidence = gathered(&client(), &server, &image, &everything()).await;
    assert_eq!(found(&evidence), [(Layout::Bundle, "bundle")]);
    let places: Vec<_> = evidence.gaps.iter().map(|gap| gap.place.clone()).collect();
    assert_eq!(
        places,
        [
            Place::Blob(payload),
            Place::Blob(envelope),
            Place::Blob(payload),
            Place::Manifest(gone.digest)
        ]
    );
    assert!(
        evidence.gaps.iter().all(|gap| gap.cause.is_content()),
        "{:?}",
        evidence.gaps
    );
}

#[tokio::test]
async fn there_is_a_limit_to_everything() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let payload = simple(&image);
    let digest = shelf.blob("app", &payload);
    let tag = format!("{}.sig", image.digest.tag_form());
    let layers = |count: usize| {
        (0..count)
            .map(|n| simple_layer(digest, payload.len(), &n.to_string()))
            .collect()
    };
    let server_with = async |layers: Vec<Descriptor>| {
        let mut shelf = shelf.clone();
        let descriptor = shelf.manifest("app", Some(&tag), &manifest(layers, None));
        (Server::of(shelf).await, descriptor.digest)
    };

    let (server, holder) = server_with(layers(600)).await;
    let evidence = gathered(&client(), &server, &image, &everything()).await;
    assert_eq!(evidence.items.len(), 512);
    assert_eq!(
        gaps(&evidence),
        [(Place::Manifest(holder), GapCause::TooMany { limit: 512 })]
    );
    assert_eq!(server.count("/blobs/"), 1, "one payload is one blob");

    let (server, _) = server_with(layers(10_001)).await;
    let evidence = gathered(&client(), &server, &image, &everything()).await;
    assert!(
        matches!(evidence.gaps[0].cause, GapCause::Malformed { .. }),
        "{:?}",
        evidence.gaps
    );

    let large = Digest::sha256(b"large");
    let (server, _) = server_with(vec![simple_layer(large, (64 << 10) + 1, "c2ln")]).await;
    let evidence = gathered(&client(), &server, &image, &everything()).await;
    assert_eq!(
        gaps(&evidence),
        [(Place::Blob(large), GapCause::TooLarge { limit: 64 << 10 })]
    );
    assert_eq!(server.count("/blobs/"), 0);
}

#[tokio::test]
async fn one_gathering_keeps_only_so_much() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let listed: Vec<_> = (0..20)
        .map(|n| shelf.referrer("app", Some(&image), BUNDLE, format!("{n:01000}").as_bytes()))
        .collect();
    shelf.lists("app", &image, listed);
    let server = Server::of(shelf).await;
    let few = client_with(|config| config.limits.gathered_bytes = 20_000);
    let evidence = gathered(&few, &server, &image, &everything()).await;
    assert!(
        evidence.items.len() < 20 && !evidence.items.is_empty(),
        "{}",
        evidence.items.len()
    );
    assert!(
        evidence
            .gaps
            .iter()
            .all(|gap| gap.cause == GapCause::TooLarge { limit: 20_000 }),
        "{:?}",
        evidence.gaps
    );
    let fewer = client_with(|config| config.limits.referrers = 5);
    let evidence = gathered(&fewer, &server, &image, &everything()).await;
    assert_eq!(evidence.items.len(), 5);
    assert_eq!(gaps(&evidence), [(Place::Referrers, GapCause::TooMany { limit: 5 })]);
}

#[tokio::test]
async fn junk_does_not_push_bundles_out_of_the_limit() {
    let mut shelf = Shelf::default();
    let image = shelf.image("app", "v1");
    let mut listed = Vec::new();
    for n in 0..30 {
        let mut junk = shelf.referrer("app", Some(&image), "application/spdx+json", format!("{n}").as_bytes());
        junk.artifact_type = Some("application/spdx+json".to_owned());
        listed.push(junk);
    }
    let mut bundle = shelf.referrer("app", Some(&image), BUNDLE, b"{}");
    bundle.artifact_type = Some(BUNDLE.to_owned());
    listed.push(bundle);
    shelf.lists("app", &image, listed);
    let server = Server::of(shelf).await;
    let client = client_with(|config| config.limits.referrers = 5);
    assert_eq!(
        found(&gathered(&client, &server, &image, &everything()).await),
        [(Layout::Bundle, "bundle")]
    );
}

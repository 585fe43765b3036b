//! What cosign 3.1.3 wrote into a real registry, gathered and proven.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use countersign_evidence::{HashRule, Layout, Layouts, PublicKey, Trusted, attestations, signatures};
use countersign_image::{Digest, media};
use countersign_registry::{GatherRequest, gather};

use super::gathering::everything;
use super::scripted::{Server, Shelf, client, nobody, soon};

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("COUNTERSIGN_CORPUS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus")),
        PathBuf::from,
    );
    let folder = root.join("cosign-3.1.3-generated");
    folder.is_dir().then_some(folder)
}

/// Everything of one repository, as a registry without the referrers API would give it.
fn load(folder: &Path, name: &str) -> (Shelf, BTreeMap<String, Digest>) {
    let mut shelf = Shelf::default();
    let repository = folder.join("demo").join(name);
    for entry in std::fs::read_dir(repository.join("blobs")).unwrap() {
        shelf.blob("app", &std::fs::read(entry.unwrap().path()).unwrap());
    }
    let tags = std::fs::read(repository.join("tags.json")).unwrap();
    let tags: BTreeMap<String, Digest> = serde_json::from_slice(&tags).unwrap();
    for entry in std::fs::read_dir(repository.join("manifests")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let digest = Digest::sha256(&bytes);
        let written: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let media_type = written["mediaType"].as_str().unwrap_or(media::OCI_MANIFEST).to_owned();
        let names = tags
            .iter()
            .filter(|(_, tagged)| **tagged == digest)
            .map(|(tag, _)| Some(tag.as_str()));
        for tag in names.chain([None]) {
            shelf.document("app", tag, &media_type, bytes.clone());
        }
    }
    (shelf, tags)
}

#[tokio::test]
async fn what_cosign_wrote_is_gathered_and_proven() {
    let Some(folder) = corpus() else {
        println!("corpus not found: 2 cases did not run");
        return;
    };
    let key = |name: &str| PublicKey::from_pem(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap();
    let (own, other) = (key("k1.pub"), key("k2.pub"));
    for (name, layouts, signed, attested) in [
        ("app", vec![Layout::Tag, Layout::Bundle], 2, 2),
        ("other", vec![Layout::Tag], 1, 0),
    ] {
        let (shelf, tags) = load(&folder, name);
        let server = Server::of(shelf).await;
        let image = server.reference("app:v1").resolved(tags["v1"]);
        let request = GatherRequest {
            manifest: true,
            ..everything()
        };
        let evidence = gather(&client(), &image, &request, &nobody(), soon()).await;
        assert_eq!(evidence.gaps, [], "{name}");
        assert_eq!(evidence.items.len(), signed + attested, "{name}");
        let mut seen: Vec<_> = evidence.items.iter().map(|item| item.origin.layout).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, layouts, "{name}");
        assert_eq!(
            signatures(&evidence, &Trusted::key(own.clone(), HashRule::Natural), &Layouts::ALL)
                .0
                .len(),
            signed,
            "{name}"
        );
        let proven = attestations(&evidence, &Trusted::key(own.clone(), HashRule::Natural), &Layouts::ALL)
            .0
            .len();
        assert!(proven >= attested, "{name}: {proven}");
        assert_eq!(
            signatures(
                &evidence,
                &Trusted::key(other.clone(), HashRule::Natural),
                &Layouts::ALL
            )
            .0
            .len(),
            0,
            "{name}"
        );
    }
}

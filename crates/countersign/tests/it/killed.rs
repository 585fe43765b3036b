//! `serve registry --storage` is killed at any moment, under pushes and deletes; what it said is true after the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use countersign_image::{Algorithm, Digest, media};
use fastrand::Rng;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::rig::{Folder, Registry};

const ROUNDS: u64 = 20;
const PUSHERS: u64 = 3;
const SIZES: [usize; 5] = [0, 1, 1_000, 70_000, 400_000];

#[test]
fn what_was_answered_is_there_and_what_is_there_is_whole() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut pushers: Vec<_> = (0..PUSHERS).map(Pusher::new).collect();
    for round in 0..=ROUNDS {
        let registry = Registry::with(&folder, &["--storage", "images"]);
        let (answered, answers) = mpsc::channel();
        let wire = Wire {
            client: reqwest::Client::new(),
            base: format!("http://{}", registry.address()),
            answered,
        };
        contents_are_whole(&folder.path("images/content"));
        assert_eq!(std::fs::read_dir(folder.path("images/staging")).unwrap().count(), 0);
        for pusher in &mut pushers {
            runtime.block_on(pusher.look_back(&wire));
        }
        if round == ROUNDS {
            break;
        }
        let pushing: Vec<_> = pushers
            .drain(..)
            .map(|pusher| runtime.spawn(pusher.until_killed(wire.clone())))
            .collect();
        let mut random = Rng::with_seed(round);
        for _ in 0..random.u32(3..60) {
            answers.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        std::thread::sleep(Duration::from_micros(random.u64(0..4_000)));
        // SIGKILL.
        drop(registry);
        pushers.extend(pushing.into_iter().map(|pusher| runtime.block_on(pusher).unwrap()));
    }
    assert!(pushers.iter().all(|pusher| !pusher.held.manifests.is_empty()));
}

/// Whatever has a digest for a name hashes to it, served or not.
fn contents_are_whole(content: &Path) {
    let Ok(algorithms) = std::fs::read_dir(content) else {
        return;
    };
    for algorithm in algorithms {
        let algorithm = algorithm.unwrap();
        let kind = match &*algorithm.file_name().to_string_lossy() {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => panic!("{other}"),
        };
        for prefix in std::fs::read_dir(algorithm.path()).unwrap() {
            for file in std::fs::read_dir(prefix.unwrap().path()).unwrap() {
                let file = file.unwrap();
                let found = Digest::of(kind, &std::fs::read(file.path()).unwrap());
                assert_eq!(found.hex(), *file.file_name().to_string_lossy());
            }
        }
    }
}

/// The way to a registry that may be gone at any moment.
#[derive(Clone)]
struct Wire {
    client: reqwest::Client,
    base: String,
    answered: mpsc::Sender<()>,
}

/// No answer came: it was killed.
struct Killed;

impl Wire {
    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// The `Location` of an answer that must have this status, if there is an answer.
    async fn send(&self, request: RequestBuilder, status: u16) -> Result<String, Killed> {
        let answer = request.send().await.map_err(|_| Killed)?;
        assert_eq!(answer.status().as_u16(), status, "{:?}", answer.url());
        let location = answer
            .headers()
            .get("location")
            .map(|location| location.to_str().unwrap().to_owned());
        // The main thread stops listening once it has decided to kill.
        let _ = self.answered.send(());
        Ok(location.unwrap_or_default())
    }

    async fn status(&self, path: &str) -> StatusCode {
        self.ask(Method::HEAD, path).send().await.unwrap().status()
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}

/// What a repository holds.
#[derive(Clone, Default)]
struct Held {
    blobs: BTreeSet<Digest>,
    manifests: BTreeMap<Digest, Manifest>,
    tags: BTreeMap<String, Digest>,
}

#[derive(Clone)]
struct Manifest {
    blobs: Vec<Digest>,
    subject: Option<Digest>,
}

/// Somebody with a repository of their own. What they push others push, too: content is shared between repositories.
struct Pusher {
    repository: String,
    random: Rng,
    /// As answered.
    held: Held,
    /// As it is if the request that was not answered took effect.
    next: Held,
}

impl Pusher {
    fn new(number: u64) -> Self {
        Self {
            repository: format!("team/app{number}"),
            random: Rng::with_seed(1_000 + number),
            held: Held::default(),
            next: Held::default(),
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository)
    }

    async fn until_killed(mut self, wire: Wire) -> Self {
        while let Ok(()) = self.step(&wire).await {
            self.held = self.next.clone();
        }
        self
    }

    async fn step(&mut self, wire: &Wire) -> Result<(), Killed> {
        match self.random.u8(0..8) {
            0 => self.delete_tag(wire).await,
            1 => self.delete_manifest(wire).await,
            _ => self.push(wire).await,
        }
    }

    async fn delete_tag(&mut self, wire: &Wire) -> Result<(), Killed> {
        let Some(tag) = self.random.choice(self.held.tags.keys()).cloned() else {
            return Ok(());
        };
        self.next.tags.remove(&tag);
        wire.send(wire.ask(Method::DELETE, &self.path(&format!("manifests/{tag}"))), 202)
            .await
            .map(drop)
    }

    async fn delete_manifest(&mut self, wire: &Wire) -> Result<(), Killed> {
        let Some(digest) = self.random.choice(self.held.manifests.keys()).copied() else {
            return Ok(());
        };
        self.next.manifests.remove(&digest);
        self.next.tags.retain(|_, named| *named != digest);
        wire.send(
            wire.ask(Method::DELETE, &self.path(&format!("manifests/{digest}"))),
            202,
        )
        .await
        .map(drop)
    }

    async fn push(&mut self, wire: &Wire) -> Result<(), Killed> {
        let (seed, size) = (self.random.u8(0..40), SIZES[self.random.usize(0..SIZES.len())]);
        let layer: Vec<u8> = (0..size).map(|at| seed.wrapping_add((at % 251) as u8)).collect();
        let mut blobs = Vec::new();
        for bytes in [b"{}".to_vec(), layer] {
            blobs.push(self.push_blob(wire, bytes).await?);
        }
        let subject = self
            .random
            .choice(self.held.manifests.keys())
            .copied()
            .filter(|_| self.random.bool());
        let describe = |kind: &str, digest: &Digest, size| json!({ "mediaType": kind, "digest": digest.to_string(), "size": size });
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "config": describe(media::OCI_EMPTY, &blobs[0], 2),
            "layers": [describe("application/octet-stream", &blobs[1], size)],
            "annotations": { "number": self.random.u32(..).to_string() },
        });
        if let Some(subject) = &subject {
            manifest["subject"] = describe(media::OCI_MANIFEST, subject, 500);
        }
        let bytes = manifest.to_string().into_bytes();
        let (digest, tag) = (Digest::sha256(&bytes), format!("v{}", self.random.u8(0..6)));
        self.next.manifests.insert(digest, Manifest { blobs, subject });
        self.next.tags.insert(tag.clone(), digest);
        let put = wire.ask(Method::PUT, &self.path(&format!("manifests/{tag}")));
        wire.send(put.header("content-type", media::OCI_MANIFEST).body(bytes), 201)
            .await
            .map(drop)
    }

    /// In one piece or in several.
    async fn push_blob(&mut self, wire: &Wire, bytes: Vec<u8>) -> Result<Digest, Killed> {
        let algorithm = if self.random.u8(0..4) == 0 {
            Algorithm::Sha512
        } else {
            Algorithm::Sha256
        };
        let digest = Digest::of(algorithm, &bytes);
        self.next.blobs.insert(digest);
        let uploads = self.path("blobs/uploads/");
        if self.random.bool() {
            let post = wire.ask(Method::POST, &format!("{uploads}?digest={digest}"));
            wire.send(post.body(bytes), 201).await?;
        } else {
            let mut upload = wire.send(wire.ask(Method::POST, &uploads), 202).await?;
            for chunk in bytes.chunks(bytes.len().max(3) / 3) {
                upload = wire
                    .send(wire.ask(Method::PATCH, &upload).body(chunk.to_vec()), 202)
                    .await?;
            }
            wire.send(wire.ask(Method::PUT, &format!("{upload}?digest={digest}")), 201)
                .await?;
        }
        self.held.blobs.insert(digest);
        Ok(digest)
    }

    /// Holds what is there against what was answered. What was not answered may have happened or not, but not by halves
    /// that anybody could see.
    async fn look_back(&mut self, wire: &Wire) {
        for digest in &self.held.blobs {
            assert_eq!(
                wire.status(&self.path(&format!("blobs/{digest}"))).await,
                200,
                "{digest}"
            );
        }
        let manifests = self.manifests(wire).await;
        self.referrers_agree(wire, &manifests).await;
        let tags = self.tags(wire, &manifests).await;
        let blobs = std::mem::take(&mut self.held.blobs);
        self.held = Held { blobs, manifests, tags };
        self.next = self.held.clone();
    }

    async fn manifests(&self, wire: &Wire) -> BTreeMap<Digest, Manifest> {
        let (held, next) = (&self.held.manifests, &self.next.manifests);
        let mut there = BTreeMap::new();
        for (digest, manifest) in held.iter().chain(next) {
            let path = self.path(&format!("manifests/{digest}"));
            let answer = wire.ask(Method::GET, &path).send().await.unwrap();
            let settled = held.contains_key(digest) && next.contains_key(digest);
            if answer.status() == 404 && !settled {
                continue;
            }
            assert_eq!(answer.status(), 200, "{digest}");
            assert_eq!(Digest::sha256(&answer.bytes().await.unwrap()), *digest);
            for blob in &manifest.blobs {
                assert_eq!(
                    wire.status(&self.path(&format!("blobs/{blob}"))).await,
                    200,
                    "{blob} of {digest}"
                );
            }
            there.insert(*digest, manifest.clone());
        }
        there
    }

    async fn referrers_agree(&self, wire: &Wire, manifests: &BTreeMap<Digest, Manifest>) {
        let subjects = self
            .held
            .manifests
            .values()
            .chain(self.next.manifests.values())
            .filter_map(|manifest| manifest.subject);
        for subject in subjects.collect::<BTreeSet<_>>() {
            let list = wire.json(&self.path(&format!("referrers/{subject}"))).await;
            let listed = list["manifests"].as_array().unwrap().iter();
            let listed: BTreeSet<_> = listed
                .map(|entry| Digest::parse(entry["digest"].as_str().unwrap()).unwrap())
                .collect();
            let about = manifests
                .iter()
                .filter(|(_, manifest)| manifest.subject == Some(subject));
            assert_eq!(listed, about.map(|(digest, _)| *digest).collect());
        }
    }

    async fn tags(&self, wire: &Wire, manifests: &BTreeMap<Digest, Manifest>) -> BTreeMap<String, Digest> {
        let mut tags = BTreeMap::new();
        for number in 0..6 {
            let tag = format!("v{number}");
            let path = self.path(&format!("manifests/{tag}"));
            let answer = wire.ask(Method::GET, &path).send().await.unwrap();
            let found = match answer.status().as_u16() {
                404 => None,
                200 => Some(Digest::sha256(&answer.bytes().await.unwrap())),
                other => panic!("{tag}: {other}"),
            };
            let allowed = [self.held.tags.get(&tag), self.next.tags.get(&tag)];
            assert!(
                allowed.contains(&found.as_ref()),
                "{tag}: {found:?}, not one of {allowed:?}"
            );
            assert!(
                found.is_none_or(|digest| manifests.contains_key(&digest)),
                "{tag} names what is not there"
            );
            tags.extend(found.map(|digest| (tag, digest)));
        }
        tags
    }
}

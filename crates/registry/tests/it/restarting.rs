//! What a cache on disk is worth after a restart, and what it is not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_evidence::Evidence;
use countersign_image::{Descriptor, media};
use countersign_registry::{CacheConfig, Gatherer};
use tempfile::TempDir;

use super::gathering::everything;
use super::scripted::{Reply, Seen, Server, Shelf, client, nobody, soon, user};

/// A registry with one signed image, that counts what it is asked and can be switched to answer otherwise.
struct Scene {
    server: Server,
    image: Descriptor,
    off: Arc<AtomicUsize>,
    directory: TempDir,
}

const LONG: Duration = Duration::from_secs(30);

impl Scene {
    async fn new() -> Self {
        let mut shelf = Shelf::default();
        let image = shelf.image("app", "v1");
        shelf.signed("app", &image, &["b25l", "dHdv"]);
        let bundle = shelf.referrer("app", Some(&image), media::SIGSTORE_BUNDLE_V03, b"{\"bundle\":1}");
        shelf.lists("app", &image, vec![bundle]);
        let off = Arc::new(AtomicUsize::new(0));
        let switch = Arc::clone(&off);
        let server = Server::start(move |seen: &Seen| match switch.load(Ordering::SeqCst) {
            0 => shelf.reply(seen),
            404 => Reply::not_found(),
            status => Reply::new(u16::try_from(status).unwrap()),
        })
        .await;
        Self {
            server,
            image,
            off,
            directory: TempDir::new().unwrap(),
        }
    }

    fn answers(&self, status: usize) {
        self.off.store(status, Ordering::SeqCst);
    }

    /// A process that has just started.
    fn started(&self) -> Gatherer {
        self.started_with(|_| ())
    }

    fn started_with(&self, change: impl FnOnce(&mut CacheConfig)) -> Gatherer {
        let mut config = CacheConfig {
            directory: Some(self.directory.path().to_owned()),
            disk_patience: LONG,
            ..CacheConfig::standard()
        };
        change(&mut config);
        Gatherer::cached(client(), config).unwrap()
    }

    async fn gathered(&self, gatherer: &Gatherer) -> Arc<Evidence> {
        let image = self.server.reference("app:v1").resolved(self.image.digest);
        gatherer.gather(&image, &everything(), &nobody(), soon()).await
    }

    /// One life of a process: it gathers, writes down what it has, and ends.
    async fn once(&self) -> Arc<Evidence> {
        let gatherer = self.started();
        let evidence = self.gathered(&gatherer).await;
        assert!(gatherer.settle(LONG));
        evidence
    }

    fn files(&self, kind: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.directory.path().join(kind), &mut files);
        files
    }

    /// The only list, changed as a text.
    fn rewrite(&self, from: &str, to: &str) {
        let list = &self.files("lists")[0];
        let text = std::fs::read_to_string(list).unwrap();
        assert!(text.contains(from), "`{from}` is not in {text}");
        std::fs::write(list, text.replace(from, to)).unwrap();
    }

    /// Makes the list seem to have been read so long ago; into the future if it is negative.
    fn set_age(&self, evidence: &Evidence, seconds: i64) {
        let then = evidence.as_of - jiff::SignedDuration::from_secs(seconds);
        self.rewrite(&evidence.as_of.to_string(), &then.to_string());
    }
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

fn same(one: &Evidence, other: &Evidence) -> bool {
    (&one.items, &one.gaps, &one.looked, &one.manifest, one.as_of)
        == (&other.items, &other.gaps, &other.looked, &other.manifest, other.as_of)
}

#[tokio::test]
async fn a_restart_with_a_warm_disk_asks_for_nothing() {
    let scene = Scene::new().await;
    let before = scene.once().await;
    assert_eq!((before.items.len(), before.gaps.len()), (3, 0));
    scene.server.forget();
    let gatherer = scene.started();
    let after = scene.gathered(&gatherer).await;
    assert!(same(&before, &after), "{after:#?}");
    assert!(!after.stale);
    assert_eq!(scene.server.lines(), [""; 0]);
    let counts = gatherer.counts().unwrap().evidence;
    assert_eq!((counts.hits, counts.misses), (1, 0), "nobody was asked");
}

#[tokio::test]
async fn what_is_begun_before_anybody_waits_asks_for_nothing_either() {
    let scene = Scene::new().await;
    scene.once().await;
    scene.server.forget();
    let gatherer = scene.started();
    let image = scene.server.reference("app:v1").resolved(scene.image.digest);
    gatherer.begin(&image, &everything(), &nobody());
    scene.gathered(&gatherer).await;
    assert_eq!(scene.server.lines(), [""; 0]);
}

/// Freshness counts from when the lists were read, whoever reads them from where.
#[tokio::test]
async fn what_is_known_ages_while_nothing_runs() {
    for (seconds, answers, expected) in [
        (0, 0, Some((false, false))),
        (239, 0, Some((false, false))),
        (301, 0, Some((true, false))),
        (301, 500, Some((true, true))),
        (23 * 3600, 500, Some((true, true))),
        (25 * 3600, 500, None),
        (-60, 0, Some((true, false))),
        (-60, 500, Some((true, true))),
        (-25 * 3600, 500, None),
    ] {
        let scene = Scene::new().await;
        let before = scene.once().await;
        scene.set_age(&before, seconds);
        scene.server.forget();
        scene.answers(answers);
        let after = scene.once().await;
        let case = format!("{seconds} s old, status {answers}: {after:#?}");
        match expected {
            Some((asked, stale)) => {
                assert_eq!(after.items, before.items, "{case}");
                assert_eq!(
                    (!scene.server.lines().is_empty(), after.stale),
                    (asked, stale),
                    "{case}"
                );
            }
            None => {
                assert_eq!((after.items.len(), after.stale), (0, false), "{case}");
                assert_eq!(scene.files("lists").len(), 0, "what is too old is removed");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_trusted_to_be_ours_is_asked_for_again() {
    type Harm = fn(&Scene);
    let harms: &[(&str, Harm)] = &[
        ("torn", |scene| {
            let list = &scene.files("lists")[0];
            let bytes = std::fs::read(list).unwrap();
            std::fs::write(list, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("of another version", |scene| scene.rewrite("v1alpha1", "v2")),
        ("with another field", |scene| {
            scene.rewrite("\"kind\"", "\"proven\":true,\"kind\"");
        }),
        ("about another image", |scene| {
            let digest = scene.image.digest.to_string();
            scene.rewrite(&digest, &digest.replace(|c: char| c.is_ascii_digit(), "0"));
        }),
        ("in another repository", |scene| {
            scene.rewrite("/app:v1\"", "/other:v1\"");
        }),
        ("marked as old", |scene| {
            scene.rewrite("\"stale\":false", "\"stale\":true");
        }),
        ("too long", |scene| {
            scene.rewrite("\"kind\"", &format!("{}\"kind\"", " ".repeat(5 << 20)));
        }),
        ("without its content", |scene| {
            scene
                .files("content")
                .iter()
                .for_each(|file| std::fs::remove_file(file).unwrap());
        }),
        ("with other content", |scene| {
            scene
                .files("content")
                .iter()
                .for_each(|file| std::fs::write(file, "forged").unwrap());
        }),
    ];
    for (name, harm) in harms {
        let scene = Scene::new().await;
        let before = scene.once().await;
        harm(&scene);
        scene.server.forget();
        scene.answers(500);
        let during = scene.once().await;
        assert_eq!(
            (during.items.len(), during.stale),
            (0, false),
            "a list {name}: {during:#?}"
        );
        assert_eq!(scene.files("lists").len(), 0, "a list {name} is removed");
        scene.answers(0);
        let after = scene.once().await;
        assert_eq!(after.items, before.items, "a list {name}");
        assert_eq!(scene.files("lists").len(), 1);
    }
}

/// A signature that was taken away, or an access that was refused, is not undone by starting again in an outage.
#[tokio::test]
async fn what_is_no_longer_so_is_not_kept() {
    for status in [404, 403] {
        let scene = Scene::new().await;
        scene.once().await;
        scene.answers(status);
        let gatherer = scene.started_with(|config| config.lists = Duration::ZERO);
        assert_eq!(scene.gathered(&gatherer).await.items.len(), 0);
        assert!(gatherer.settle(LONG));
        scene.answers(500);
        let evidence = scene.once().await;
        assert_eq!((evidence.items.len(), evidence.stale), (0, false), "{status}");
    }
}

#[tokio::test]
async fn who_asks_with_other_credentials_is_told_nothing_and_no_credential_is_written() {
    let scene = Scene::new().await;
    let image = scene.server.reference("app:v1").resolved(scene.image.digest);
    let gatherer = scene.started();
    let alice = user(&scene.server.host(), "alice");
    gatherer.gather(&image, &everything(), &alice, soon()).await;
    assert!(gatherer.settle(LONG));
    for (who, asked) in [("alice", false), ("bob", true)] {
        scene.server.forget();
        let gatherer = scene.started();
        let credentials = user(&scene.server.host(), who);
        gatherer.gather(&image, &everything(), &credentials, soon()).await;
        assert_eq!(!scene.server.lines().is_empty(), asked, "{who}");
    }
    let mut files = Vec::new();
    walk(scene.directory.path(), &mut files);
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(!text.contains("alice"), "{}: {text}", file.display());
    }
}

/// A thousand that wait for one image after a restart read it once, and a registry that is gone is no matter.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_after_a_restart_read_once() {
    let scene = Scene::new().await;
    scene.once().await;
    scene.answers(500);
    scene.server.forget();
    let gatherer = scene.started();
    let all = (0..1000).map(|_| scene.gathered(&gatherer));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(|evidence| evidence.items.len() == 3 && !evidence.stale));
    assert_eq!(scene.server.lines(), [""; 0]);
    let shared = all.iter().filter(|evidence| Arc::ptr_eq(evidence, &all[0])).count();
    assert_eq!(shared, 1000, "they share one copy");
}

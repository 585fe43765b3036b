//! What the disk keeps: across restarts, kills at any instruction, and what does not belong there.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::super::StorageError;
use super::*;

fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path)),
        }
    }
    found
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (image, referrer) = {
        let caller = Caller::disk(directory.path());
        let image = caller.image("team/app", "v1", "layer").await;
        let mut signature = caller.manifest("team/app", "signature").await;
        signature["subject"] = descriptor(media::OCI_MANIFEST, &image, 400);
        let digest = sha512(signature.to_string().as_bytes());
        caller.put("team/app", &digest.to_string(), &signature).await.is(201);
        (image, digest)
    };
    let caller = Caller::disk(directory.path());
    let got = caller.get("/v2/team/app/manifests/v1").await.is(200);
    assert_eq!(got.header("docker-content-digest"), image.to_string());
    assert_eq!(got.header("content-type"), media::OCI_MANIFEST);
    let referrers = caller
        .get(&format!("/v2/team/app/referrers/{image}"))
        .await
        .is(200)
        .json();
    assert_eq!(referrers["manifests"][0]["digest"], referrer.to_string());
    let layer = Digest::sha256(b"layer");
    assert_eq!(
        caller.get(&format!("/v2/team/app/blobs/{layer}")).await.is(200).body,
        "layer"
    );
}

#[tokio::test]
async fn what_an_interruption_left_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    Caller::disk(directory.path()).image("app", "v1", "layer").await;
    let before = files(directory.path());

    let root = directory.path();
    let orphan = Digest::sha256(b"pushed, but not yet held by a repository");
    let orphan = root.join("content/sha256").join(&orphan.hex()[..2]).join(orphan.hex());
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    for path in [root.join("staging/half-a-blob"), orphan] {
        fs::write(path, "x").unwrap();
    }
    // A manifest's tags go before it does; here the kill came between them.
    let deleted = Digest::sha256(b"deleted");
    fs::write(root.join("repositories/app/tags/dangling"), deleted.to_string()).unwrap();

    let caller = Caller::disk(root);
    caller.get("/v2/app/manifests/v1").await.is(200);
    caller
        .get("/v2/app/manifests/dangling")
        .await
        .refuses(404, "MANIFEST_UNKNOWN");
    assert_eq!(caller.get("/v2/app/tags/list").await.json()["tags"], json!(["v1"]));
    drop(caller);
    fs::remove_file(root.join("repositories/app/tags/dangling")).unwrap();
    assert_eq!(files(root), before);
}

#[tokio::test]
async fn deleting_everything_leaves_no_content() {
    let directory = tempfile::tempdir().unwrap();
    let caller = Caller::disk(directory.path());
    let image = caller.image("app", "v1", "layer").await;
    caller
        .ask("DELETE", &format!("/v2/app/manifests/{image}"))
        .await
        .is(202);
    for blob in [Digest::sha256(b"layer"), Digest::sha256(b"{}")] {
        caller.ask("DELETE", &format!("/v2/app/blobs/{blob}")).await.is(202);
    }
    let upload = caller.open_upload("app").await;
    caller.call("PATCH", &upload, &[], "bytes").await.is(202);
    caller.ask("DELETE", &upload).await.is(204);
    let left: Vec<_> = files(directory.path())
        .into_iter()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(left, ["layout", "lock"]);
}

#[tokio::test]
async fn one_directory_is_one_registry() {
    let directory = tempfile::tempdir().unwrap();
    let _held = Caller::disk(directory.path());
    let Err(error) = Registry::disk(directory.path()) else {
        panic!("opened twice")
    };
    assert!(matches!(error, StorageError::InUse { .. }), "{error}");
}

#[test]
fn a_directory_that_holds_something_else_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("precious"), "x").unwrap();
    let Err(error) = Registry::disk(directory.path()) else {
        panic!("opened")
    };
    assert!(matches!(error, StorageError::NotARegistry { .. }), "{error}");
    assert_eq!(files(directory.path()).len(), 1);

    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("layout"), "countersign registry 2\n").unwrap();
    let Err(error) = Registry::disk(directory.path()) else {
        panic!("opened")
    };
    assert!(
        error
            .to_string()
            .contains("expected the file `layout` to say `countersign registry 1`"),
        "{error}"
    );
}

#[tokio::test]
async fn the_directory_is_made_where_it_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("not/there/yet");
    Caller::disk(&missing).image("app", "v1", "layer").await;
    Caller::disk(&missing).get("/v2/app/manifests/v1").await.is(200);

    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    let Err(error) = Registry::disk(&file) else {
        panic!("opened a file")
    };
    assert!(matches!(error, StorageError::Io { .. }), "{error}");
}

#[test]
fn a_first_start_that_was_interrupted_is_repeated() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(".layout"), "count").unwrap();
    drop(Registry::disk(directory.path()).unwrap());
    assert!(Registry::disk(directory.path()).is_ok());
}

#[test]
fn a_file_that_does_not_belong_there_is_named() {
    for (path, content) in [
        ("repositories/UPPER/blobs/x", ""),
        ("repositories/app/blobs/sha256-abc", ""),
        ("repositories/app/tags/v1", "not a digest"),
        ("repositories/app/tags/.bad", ""),
    ] {
        let directory = tempfile::tempdir().unwrap();
        drop(Registry::disk(directory.path()).unwrap());
        let file = directory.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        let Err(error) = Registry::disk(directory.path()) else {
            panic!("opened with {path}")
        };
        assert!(matches!(error, StorageError::Foreign { .. }), "{path}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_push_the_same_thing_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let caller = Caller::disk(directory.path());
    let pushes = (0..16).map(|number| {
        let caller = caller.clone();
        tokio::spawn(async move { caller.image("app", &format!("v{number}"), "the same layer").await })
    });
    let digests = futures_util::future::join_all(pushes).await;
    let digests: BTreeSet<_> = digests.into_iter().map(Result::unwrap).collect();
    assert_eq!(digests.len(), 1);
    assert_eq!(
        caller.get("/v2/app/tags/list").await.json()["tags"]
            .as_array()
            .unwrap()
            .len(),
        16
    );
    assert_eq!(files(&directory.path().join("content")).len(), 3);
}

const CHILD: &str = "COUNTERSIGN_TEST_REGISTRY";

/// Not a test of its own: what [`killed_at_any_moment`] starts as another process, and kills.
#[tokio::test]
async fn pushes_until_killed() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let caller = Caller::disk(Path::new(&directory));
    for number in 0.. {
        let layer = format!("layer {number} ").repeat(20_000);
        caller.image("app", &format!("v{number}"), &layer).await;
        if number % 3 == 2 {
            caller
                .ask("DELETE", &format!("/v2/app/manifests/v{}", number - 1))
                .await
                .is(202);
        }
        // The harness holds back what `println!` says; the parent must hear of it now.
        writeln!(std::io::stderr(), "pushed v{number}").unwrap();
    }
}

#[tokio::test]
async fn killed_at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "embedded::tests::restart::pushes_until_killed",
                "--nocapture",
            ])
            .env(CHILD, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut pushed = Vec::new();
        while pushed.len() < 4 {
            let line = said.next().expect("the child pushes until it is killed").unwrap();
            pushed.extend(line.strip_prefix("pushed ").map(str::to_owned));
        }
        std::thread::sleep(Duration::from_micros(1300 * round));
        child.kill().unwrap();
        child.wait().unwrap();

        let caller = Caller::disk(directory.path());
        for tag in pushed.iter().filter(|tag| !matches!(tag.as_str(), "v1" | "v4")) {
            let manifest = caller.get(&format!("/v2/app/manifests/{tag}")).await.is(200).json();
            let layer = manifest["layers"][0]["digest"].as_str().unwrap();
            let bytes = caller.get(&format!("/v2/app/blobs/{layer}")).await.is(200).body;
            assert_eq!(Digest::sha256(&bytes).to_string(), layer, "round {round}");
        }
        drop(caller);
        for content in files(&directory.path().join("content")) {
            let bytes = fs::read(&content).unwrap();
            assert_eq!(
                Digest::sha256(&bytes).hex(),
                content.file_name().unwrap().to_str().unwrap()
            );
        }
    }
}

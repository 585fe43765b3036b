//! A process that is killed while it refreshes, at any moment, again and again: whoever comes after it has a good root.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::mint::Mint;
use crate::mirror::Mirror;
use crate::scene::{Scene, config, first, repository, second};

/// Where the child's mirror and cache are. Set in the child only.
const CHILD: &str = "COUNTERSIGN_ROOTS_TEST_CHILD";

/// The child: it refreshes without end, and was told by its environment to be one.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn child_that_refreshes_until_it_is_killed() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let parts: Vec<&str> = told.split('\n').collect();
    let [url, cache, root] = parts[..] else {
        panic!("{told}")
    };
    let mirror = Mirror::at(url.parse().unwrap());
    let mut config = config([("corp", repository(&hex::decode(root).unwrap(), &mirror))]);
    config.cache = Some(cache.into());
    let store = countersign_roots::TrustRootStore::open(config).unwrap();
    assert!(store.current().named["corp"].is_ok(), "a child finds a good root too");
    loop {
        let _ = store.refresh("corp").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_kill_at_any_moment_leaves_a_good_root() {
    const KILLS: u64 = 24;
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::unread(Mint::new(first()), Some(directory.path())).await;
    scene.refreshed().await;
    let told = [
        scene.mirror.url.to_string(),
        directory.path().display().to_string(),
        hex::encode(scene.mint.initial_root()),
    ]
    .join("\n");
    let random = fastrand::Rng::new();
    let mut saved = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "killed::child_that_refreshes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, &told)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // While it works the repository changes under it, so that there is always something to write.
        let mut random = random.clone();
        let before = file(directory.path());
        let until = tokio::time::Instant::now() + Duration::from_millis(random.u64(20..200));
        while tokio::time::Instant::now() < until || (kill % 4 == 0 && file(directory.path()) == before) {
            assert!(child.try_wait().unwrap().is_none(), "a child ends only by being killed");
            let next = if random.bool() { first() } else { second() };
            scene.mint.replace(next);
            if random.u8(0..40) == 0 {
                scene.mint.publish_root();
            }
            scene.mint.publish();
            scene.serve();
            tokio::time::sleep(Duration::from_millis(random.u64(1..8))).await;
        }
        // SIGKILL: nothing of it runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        saved += u64::from(file(directory.path()) != before);

        scene.store = Scene::open(&scene.mint, &scene.mirror, Some(directory.path()));
        assert!(
            scene.believes(first()) || scene.believes(second()),
            "after kill {kill}: {:?}",
            scene.store.current().named
        );
    }
    assert!(
        saved >= KILLS / 4,
        "the children wrote, or this proved nothing: {saved}"
    );
    scene.refreshed().await;
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert!(names.len() <= 3, "the killed leave no heap of files: {names:?}");
}

fn file(directory: &std::path::Path) -> Option<Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let found = files.find(|path| path.extension().is_some_and(|kind| kind == "json"))?;
    std::fs::read(found).ok()
}

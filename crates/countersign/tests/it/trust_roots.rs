//! Where a door's trust roots come from, and what it tells of them.

use insta::assert_snapshot;

use crate::rig::{Certificate, Door, Folder};

fn configuration(folder: &Folder, trust_roots: &str) {
    let text = format!(
        "apiVersion: countersign.dev/v1alpha1
kind: Configuration
trustRoots: {trust_roots}
admission:
  listen: 127.0.0.1:0
  admin: 127.0.0.1:0
  policies: [policies]
  tls: {{certificate: tls.crt, key: tls.key}}
"
    );
    folder.write("countersign.yaml", &text);
}

#[test]
fn a_mirror_that_cannot_be_reached_keeps_no_door_shut_and_is_told() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("policies")).unwrap();
    // Nobody listens on port 1.
    configuration(
        &folder,
        "{cache: roots, publicGood: {refresh: true, mirror: \"http://127.0.0.1:1/tuf\"}, named: {hub: {embedded: github}, gone: {file: gone.json}}}",
    );
    let certificate = Certificate::write(&folder, 30);
    let mut door = Door::open(&folder, &certificate, &["--config", "countersign.yaml"]);
    let admin = door.serving.address("health, readiness and metrics are served");
    let warned = door.serving.until(|serving| {
        let log = serving.log();
        log.into_iter().find(|line| {
            line["message"]
                .to_string()
                .contains("could not be renewed; what was believed stays")
        })
    });
    assert_eq!(warned["root"], "public-good");
    assert_eq!(warned["outcome"], "unreachable");
    assert!(warned["advice"].to_string().contains("mirror's address"), "{warned}");
    assert_eq!(door.get(&format!("{admin}/readyz")).0, 200);
    let metrics = door.get(&format!("{admin}/metrics")).1;
    for line in [
        r#"countersign_trust_root_usable{root="public-good"} 1"#,
        r#"countersign_trust_root_usable{root="hub"} 1"#,
        r#"countersign_trust_root_usable{root="gone"} 0"#,
        r#"countersign_trust_root_age_seconds{root="public-good"} "#,
        r#"countersign_trust_root_refreshes_total{root="public-good",outcome="refreshed"} 0"#,
        r#"countersign_trust_root_refreshes_total{root="public-good",outcome="unreachable"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    door.serving.stop("-TERM").0.with_code(0);
}

#[test]
fn what_is_wrong_with_trust_roots_is_told_at_the_start() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("policies")).unwrap();
    folder.write("broken.json", "{}");
    Certificate::write(&folder, 30);
    for trust_roots in [
        "{publicGood: }",
        "{publicGood: {}}",
        "{publicGood: {mirror: \"https://mirror.example\"}}",
        "{publicGood: {file: broken.json, refresh: true}}",
        "{publicGood: {file: broken.json}}",
        "{publicGood: {refresh: true, mirror: \"file:///etc\"}}",
        "{publicGood: {refresh: true, mirror: \"https://somebody:secret@mirror.example\"}}",
        "{every: 10s}",
        "{cache: broken.json}",
        "{named: {corp: {}}}",
        "{named: {corp: {file: a, embedded: github}}}",
        "{named: {corp: {mirror: \"https://mirror.example\"}}}",
        "{named: {corp: {mirror: \"https://mirror.example\", initialRoot: broken.json}}}",
        "{named: {public-good: {embedded: github}}}",
        "{named: {corp: {embedded: gitlab}}}",
    ] {
        configuration(&folder, trust_roots);
        folder.tell(
            &folder
                .run(&["serve", "admission", "--config", "countersign.yaml"])
                .with_code(2),
        );
    }
    assert_snapshot!(folder.told());
}

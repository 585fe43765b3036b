//! Where the trust roots of a door and of commands come from, and what is told of them.

use insta::assert_snapshot;

use crate::rig::{Certificate, Door, Folder, Registry};

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

const POLICY: &str = r#"apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: released}
spec:
  images: [{glob: "**"}]
  authorities:
  - name: release
    keyless:
      url: https://fulcio.mint.example
      identities:
      - issuer: https://token.actions.githubusercontent.com
        subject: https://github.com/acme/shop/.github/workflows/release.yaml@refs/heads/main
"#;

fn cases(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../cases/data")
        .join(path);
    path.canonicalize().unwrap().display().to_string()
}

/// A folder with a policy that names `corp`, one that names no root, and the root of the private Sigstore of `cases/`.
fn with_policies() -> Folder {
    let folder = Folder::new();
    let root = std::fs::read_to_string(cases("keyless-standing-trust-root-admit/trusted_root.json")).unwrap();
    folder.write("root.json", root);
    folder.write("unnamed.yaml", POLICY);
    folder.write("named.yaml", format!("{POLICY}      trustRootRef: corp\n"));
    folder
}

fn config(folder: &Folder, trust_roots: &str) {
    folder.write(
        "config.yaml",
        format!("apiVersion: countersign.dev/v1alpha1\nkind: Configuration\ntrustRoots: {trust_roots}\n"),
    );
}

/// Each row: the configuration's roots, the policy, what else is said, and the exit code of a replay.
#[test]
fn commands_believe_the_roots_of_the_configuration() {
    let folder = with_policies();
    let evidence = cases("keyless-identity-admit/evidence");
    for (trust_roots, policy, more, code) in [
        ("{named: {corp: {file: root.json}}}", "named.yaml", &[][..], 0),
        ("{named: {other: {file: root.json}}}", "named.yaml", &[], 3),
        ("{named: {corp: {file: gone.json}}}", "named.yaml", &[], 3),
        ("{named: {corp: {embedded: staging}}}", "named.yaml", &[], 1),
        ("{publicGood: {file: root.json}}", "named.yaml", &[], 3),
        ("{publicGood: {file: root.json}}", "unnamed.yaml", &[], 0),
        ("{named: {corp: {file: root.json}}}", "unnamed.yaml", &[], 1),
        // The flag outranks the file, and stands for no name.
        (
            "{publicGood: {file: gone.json}}",
            "unnamed.yaml",
            &["--trusted-root", "root.json"],
            0,
        ),
        ("{}", "named.yaml", &["--trusted-root", "root.json"], 3),
        ("{publicGood: {file: gone.json}}", "unnamed.yaml", &[], 2),
    ] {
        config(&folder, trust_roots);
        let words = ["replay", &evidence, "--policy", policy, "--config", "config.yaml"];
        let ran = folder.run(&[&words[..], more].concat());
        assert_eq!(ran.code, Some(code), "{trust_roots} {policy} {more:?}\n{ran}");
        let check = ["policy", "check", policy, "--config", "config.yaml"];
        let ran = folder.run(&[&check[..], more].concat());
        let mistaken = !trust_roots.contains("corp") && policy == "named.yaml";
        let expected = if code == 2 { 2 } else { i32::from(mistaken) };
        assert_eq!(ran.code, Some(expected), "{trust_roots} {policy} {more:?}\n{ran}");
        let warned = code == 3 && !mistaken;
        assert_eq!(
            ran.stderr.starts_with("warning: the trust root `corp` could not be"),
            warned,
            "{ran}"
        );
    }
    // An identity by hand is held against the root of policies that name none, a key against none at all.
    let identity = [
        "replay",
        &evidence,
        "--config",
        "config.yaml",
        "--certificate-identity",
        "https://github.com/acme/shop/.github/workflows/release.yaml@refs/heads/main",
        "--certificate-oidc-issuer",
        "https://token.actions.githubusercontent.com",
    ];
    folder.run(&identity).with_code(2);
    folder.key("team");
    let by_key = ["replay", &evidence, "--config", "config.yaml", "--key", "team.pub"];
    folder.run(&by_key).with_code(1);
    config(&folder, "{publicGood: {file: root.json}}");
    folder.run(&identity).with_code(0);
    let mut from_environment = folder.command(&["replay", &evidence, "--policy", "unnamed.yaml"]);
    from_environment.env("COUNTERSIGN_CONFIG", "config.yaml");
    folder.ran(from_environment).with_code(0);
}

/// A mirror that answers nothing useful, and counts who came.
struct Mirror {
    address: String,
    asked: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Mirror {
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/tuf", listener.local_addr().unwrap());
        let asked = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
        let counting = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                use std::io::{BufRead as _, Write as _};
                let Ok(mut stream) = stream else { return };
                counting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let mut lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

/// Who talks to the network anyhow asks for a root of which nothing is remembered; who replays, checks, or needs another
/// root asks nobody.
#[test]
fn a_command_asks_for_a_root_only_where_it_needs_it_and_talks_anyhow() {
    let folder = with_policies();
    let registry = Registry::new(&folder);
    registry.push("app:1.0");
    let image = registry.name("app:1.0");
    let evidence = cases("keyless-identity-admit/evidence");
    let mirror = Mirror::new();
    let named = format!(
        "{{named: {{corp: {{mirror: \"{}\", embedded: github}}}}}}",
        mirror.address
    );
    config(&folder, &named);
    let with = |words: &[&str]| folder.run(&[words, &["--config", "config.yaml"]].concat());
    let told = with(&["verify", &image, "--policy", "named.yaml"]).with_code(3);
    assert!(mirror.asked() > 0);
    assert!(
        told.stdout.contains("the trust root `corp` could not be obtained"),
        "{told}"
    );
    assert!(told.stdout.contains("503"), "{told}");
    with(&["policy", "test", "--image", &image, "--policy", "named.yaml"]).with_code(3);
    with(&["explain", &image, "--policy", "named.yaml"]).with_code(3);
    assert!(mirror.asked() > 1);
    with(&["verify", &image, "--policy", "unnamed.yaml"]).with_code(1);
    assert_eq!(mirror.asked(), 0, "it rests on another root");
    let standing = format!("{{publicGood: {{refresh: true, mirror: \"{}\"}}}}", mirror.address);
    config(&folder, &standing);
    with(&["verify", &image, "--policy", "unnamed.yaml"]).with_code(1);
    assert!(mirror.asked() > 0, "what this binary brings along is old");
    folder.key("team");
    with(&["verify", &image, "--key", "team.pub"]).with_code(1);
    assert_eq!(mirror.asked(), 0, "a key needs no root");
    let identity = [
        "--certificate-identity",
        "a@example.com",
        "--certificate-oidc-issuer",
        "https://example.com",
    ];
    let by_identity = [&["verify", &*image][..], &identity].concat();
    with(&[&by_identity[..], &["--trusted-root", "root.json"]].concat()).with_code(1);
    assert_eq!(mirror.asked(), 0, "a frozen copy needs no repository");
    with(&by_identity).with_code(1);
    assert!(mirror.asked() > 0);
    config(&folder, &named);
    let told = with(&["replay", &evidence, "--policy", "named.yaml"]).with_code(3);
    assert!(told.stdout.contains("its repository was not reached yet"), "{told}");
    let told = with(&["policy", "check", "named.yaml"]).with_code(0);
    assert!(told.stderr.contains("its repository was not reached yet"), "{told}");
    assert_eq!(mirror.asked(), 0);
}

/// A command reads the door's configuration without being the door.
#[test]
fn what_is_remembered_for_others_only_is_told_and_not_needed() {
    let folder = with_policies();
    let evidence = cases("keyless-identity-admit/evidence");
    folder.write("roots", "a file in the place of a directory");
    config(&folder, "{cache: roots, publicGood: {file: root.json}}");
    let ran = folder.run(&[
        "replay",
        &evidence,
        "--policy",
        "unnamed.yaml",
        "--config",
        "config.yaml",
    ]);
    let ran = ran.with_code(0);
    assert!(
        ran.stderr
            .starts_with("warning: what is remembered of trust roots in `roots` is not read"),
        "{ran}"
    );
}

/// Whoever wrote a part of a root believes that it counts.
#[test]
fn parts_of_a_root_that_cannot_be_used_are_told_where_the_root_is_rested_upon() {
    let folder = with_policies();
    let mut root: serde_json::Value = serde_json::from_str(&folder.read("root.json")).unwrap();
    root["ctlogs"].as_array_mut().unwrap().push(serde_json::json!({
        "baseUrl": "https://other.example", "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": "AAAA", "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": {"start": "2020-01-01T00:00:00Z"}},
        "logId": {"keyId": "AAAA"},
    }));
    folder.write("root.json", root.to_string());
    config(&folder, "{named: {corp: {file: root.json}}}");
    let evidence = cases("keyless-identity-admit/evidence");
    folder.redact(&evidence, "[evidence]");
    let named = ["replay", &evidence, "--policy", "named.yaml", "--config", "config.yaml"];
    let by_flag = [
        "replay",
        &evidence,
        "--policy",
        "unnamed.yaml",
        "--trusted-root",
        "root.json",
    ];
    for (words, expected) in [(named, "of the trust root `corp`"), (by_flag, "of the trust root")] {
        let ran = folder.run(&words).with_code(0);
        assert!(ran.stderr.starts_with("warning: `ctlogs[1]` "), "{ran}");
        assert!(ran.stderr.contains(expected), "{ran}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran}");
    }
    // Nothing rests on it here.
    let ran = folder.run(&[
        "replay",
        &evidence,
        "--policy",
        "unnamed.yaml",
        "--config",
        "config.yaml",
    ]);
    assert_eq!(ran.with_code(1).stderr, "");
    let ran = folder.run(&["policy", "check", "unnamed.yaml", "--trusted-root", "root.json"]);
    assert!(ran.with_code(0).stderr.starts_with("warning: "));
}

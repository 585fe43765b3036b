//! Sigstore's official suite against the real binary: its cases as it calls a client for them, and the suite itself where
//! somebody has it, as it is not part of this repository.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_image::Digest;

use crate::rig::Folder;

const SUITE: &str = "COUNTERSIGN_SIGSTORE_CONFORMANCE";

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The suite fetches a token to sign with, also where it signs nothing, and reads it.
const OFFLINE: &str = r#"
import base64, json, types, urllib3
claims = json.dumps({"email": "nobody@example.com", "iss": "https://example.com", "exp": 0})
token = b"." + base64.b64encode(claims.encode()).rstrip(b"=") + b"."
urllib3.request = lambda *_, **__: types.SimpleNamespace(data=token)
"#;

fn told(line: &str) {
    // Not `eprintln!`: what a test that passes prints is swallowed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn cases() -> Option<Vec<PathBuf>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let corpus = std::env::var_os("COUNTERSIGN_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    let Ok(entries) = corpus.join("sigstore-conformance/bundle-verify").read_dir() else {
        told("corpus not found: 140 cases of Sigstore's conformance suite did not run");
        return None;
    };
    let mut cases: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    Some(cases)
}

/// The arguments with which the suite calls a client for a case, but for the artifact.
fn arguments(case: &Path) -> Vec<String> {
    let file = |name: &str| {
        let path = case.join(name);
        path.exists().then(|| path.display().to_string())
    };
    let text = |name: &str, otherwise: &str| {
        let found = std::fs::read_to_string(case.join(name));
        found.map_or_else(|_| otherwise.to_owned(), |text| text.trim().to_owned())
    };
    let bundle = case.join("bundle.sigstore.json").display().to_string();
    let mut words = ["conformance", "verify-bundle", "--bundle", &bundle]
        .map(str::to_owned)
        .to_vec();
    match file("key.pub") {
        Some(key) => words.extend(["--key".to_owned(), key]),
        None => {
            words.extend(["--certificate-identity".to_owned(), text("identity", IDENTITY)]);
            words.extend(["--certificate-oidc-issuer".to_owned(), text("issuer", ISSUER)]);
        }
    }
    if let Some(root) = file("trusted_root.json") {
        words.extend(["--trusted-root".to_owned(), root]);
    }
    words
}

#[test]
fn the_suites_cases_end_as_it_says_by_file_and_by_digest() {
    let Some(cases) = cases() else { return };
    let folder = Folder::new();
    let (mut judged, mut wrong) = (0, Vec::new());
    for case in &cases {
        let own = case.join("artifact");
        let artifact = if own.exists() {
            own
        } else {
            case.with_file_name("../a.txt")
        };
        let digest = Digest::sha256(&std::fs::read(&artifact).unwrap()).to_string();
        for artifact in [artifact.display().to_string(), digest] {
            let mut words = arguments(case);
            words.push(artifact);
            let ran = folder.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
            let fails = case.to_string_lossy().ends_with("_fail");
            // A rejection says why; only a key that is none is the caller's mistake.
            let said = if case.ends_with("managed-key-wrong-key_fail") {
                "holds no public key"
            } else {
                "refused at step `"
            };
            let right = match fails {
                false => ran.code == Some(0) && ran.stderr.is_empty(),
                true => matches!(ran.code, Some(1 | 2)) && ran.stderr.contains(said),
            };
            judged += 1;
            if !right {
                wrong.push(format!("{}\n{ran}", case.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(judged, 140);
}

/// Somebody else's signature is not what was asked for, however good it is.
#[test]
fn another_identity_or_issuer_is_refused() {
    let Some(cases) = cases() else { return };
    let folder = Folder::new();
    let case = cases.iter().find(|case| case.ends_with("happy-path-v0.3")).unwrap();
    let artifact = case.with_file_name("../a.txt").display().to_string();
    for (from, to) in [
        (IDENTITY, format!("{IDENTITY}-evil")),
        (IDENTITY, IDENTITY[..IDENTITY.len() - 1].to_owned()),
        (IDENTITY, IDENTITY.to_uppercase()),
        (IDENTITY, String::new()),
        (IDENTITY, ".*".to_owned()),
        (ISSUER, format!("{ISSUER}/")),
        (ISSUER, String::new()),
    ] {
        let mut words = arguments(case);
        *words.iter_mut().find(|word| *word == from).unwrap() = to;
        words.push(artifact.clone());
        let ran = folder
            .run(&words.iter().map(String::as_str).collect::<Vec<_>>())
            .with_code(1);
        assert!(ran.stderr.contains("refused at step `identity`"), "{ran}");
    }
}

/// As sigstore-python has it: a certificate is in a log of certificates, also where the root knows none. A root of an instance
/// without one is for `verify --insecure-ignore-sct`.
#[test]
fn a_root_without_a_log_of_certificates_excuses_none() {
    let Some(cases) = cases() else { return };
    let folder = Folder::new();
    let case = cases.iter().find(|case| case.ends_with("happy-path-v0.3")).unwrap();
    let root = case.with_file_name("../../trusted-roots/prod-root-signing-2026.json");
    let mut root: serde_json::Value = serde_json::from_slice(&std::fs::read(root).unwrap()).unwrap();
    let verify = |root: &serde_json::Value| {
        folder.write("root.json", root.to_string());
        let mut words = arguments(case);
        words.extend(["--trusted-root", "root.json"].map(str::to_owned));
        words.push(case.with_file_name("../a.txt").display().to_string());
        folder.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    verify(&root).with_code(0);
    root["ctlogs"] = serde_json::json!([]);
    let ran = verify(&root).with_code(1);
    assert!(ran.stderr.contains("refused at step `sct`"), "{ran}");
}

#[test]
fn the_suite_itself_finds_no_failure() {
    let Some(suite) = std::env::var_os(SUITE) else {
        told(&format!(
            "Sigstore's conformance suite did not run: check out sigstore/sigstore-conformance, install what its \
             requirements.txt names, and give its path in {SUITE}"
        ));
        return;
    };
    let suite = std::fs::canonicalize(suite).unwrap();
    let folder = Folder::new();
    folder.write(
        "client",
        format!(
            "#!/bin/sh\nexec '{}' conformance \"$@\"\n",
            env!("CARGO_BIN_EXE_countersign")
        ),
    );
    let client = folder.path("client");
    std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.write("offline.py", OFFLINE);
    let mut command = Command::new("python3");
    command
        .args([
            "-m",
            "pytest",
            "-p",
            "offline",
            "test",
            "--skip-signing",
            "-q",
            "--entrypoint",
        ])
        .arg(&client)
        .current_dir(&suite)
        .env("PYTHONPATH", folder.path(""))
        // It would fetch thousands of releases.
        .env("GHA_SIGSTORE_CONFORMANCE_SKIP_CPYTHON_RELEASE_TESTS", "true");
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("140 passed"), "{said}");
    told(said.lines().last().unwrap_or_default());
}

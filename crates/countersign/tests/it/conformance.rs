//! The conformance program of the OCI distribution specification, where somebody has it: it is not part of this repository.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::rig::{Folder, Registry, USERS};

const PROGRAM: &str = "COUNTERSIGN_OCI_CONFORMANCE";

/// What the specification leaves open, and this registry does. Everything that is not optional is looked at anyway.
const OPTIONS: [(&str, &str); 7] = [
    ("OCI_VERSION", "1.1"),
    ("OCI_TLS", "disabled"),
    ("OCI_LOG", "error"),
    ("OCI_API_BLOBS_DIGEST_HEADER", "true"),
    ("OCI_API_MANIFESTS_DIGEST_HEADER", "true"),
    ("OCI_API_BLOBS_UPLOAD_CANCEL", "true"),
    ("OCI_API_MANIFESTS_TAG_PARAM", "true"),
];

/// The same in the words of the program's versions before 2026.
const OLDER: [(&str, &str); 6] = [
    ("OCI_NAMESPACE", "conformance/repo1"),
    ("OCI_CROSSMOUNT_NAMESPACE", "conformance/repo2"),
    ("OCI_TEST_PULL", "1"),
    ("OCI_TEST_PUSH", "1"),
    ("OCI_TEST_CONTENT_DISCOVERY", "1"),
    ("OCI_TEST_CONTENT_MANAGEMENT", "1"),
];

#[test]
fn the_specifications_own_program_finds_no_failure() {
    let Some(program) = std::env::var_os(PROGRAM) else {
        let told = format!(
            "the OCI conformance program did not run: build `conformance` of opencontainers/distribution-spec and give \
             its path in {PROGRAM}"
        );
        let _ = writeln!(std::io::stderr(), "{told}");
        return;
    };
    let program = std::fs::canonicalize(program).unwrap();
    let folder = Folder::new();
    folder.write("users", USERS);
    for (kind, arguments) in [
        ("memory", &[][..]),
        ("disk", &["--storage", "images"][..]),
        ("memory-guarded", &["--htpasswd", "users"][..]),
        ("disk-guarded", &["--storage", "guarded", "--htpasswd", "users"][..]),
    ] {
        let registry = Registry::with(&folder, arguments);
        conforms(&program, &registry, &folder.path(kind));
    }
}

fn conforms(program: &Path, registry: &Registry<'_>, results: &Path) {
    std::fs::create_dir(results).unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(results)
        .envs(OPTIONS)
        .envs(OLDER)
        .env("OCI_REGISTRY", registry.address())
        .env("OCI_ROOT_URL", format!("http://{}", registry.address()))
        .env("OCI_USERNAME", "sentry")
        .env("OCI_PASSWORD", "open sesame")
        .env("OCI_RESULTS_DIR", results)
        .env("OCI_REPORT_DIR", results);
    let ran = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(ran.status.success(), "{said}");
    // It also ends well where it did nothing.
    let report = std::fs::read_to_string(results.join("junit.xml")).unwrap_or_else(|error| panic!("{error}: {said}"));
    let counts = ["tests", "failures", "errors"].map(|name| total(&report, name));
    assert!(
        (100..usize::MAX).contains(&counts[0]) && counts[1..] == [0, 0],
        "{counts:?}: {said}"
    );
    let told = format!("{}: {} tests, no failure", results.display(), counts[0]);
    let _ = writeln!(std::io::stderr(), "{told}");
}

/// A number of the suite that all others are in; where there is none, one that no report has.
fn total(report: &str, attribute: &str) -> usize {
    let suite = report
        .split_once("<testsuite ")
        .and_then(|(_, rest)| rest.split('>').next());
    let suite = suite.unwrap_or_default();
    let number = suite
        .split_once(&format!("{attribute}=\""))
        .and_then(|(_, rest)| rest.split('"').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

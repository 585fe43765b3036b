//! The official conformance suite of TUF, where somebody has it: it is not part of this repository.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

const SUITE: &str = "COUNTERSIGN_TUF_CONFORMANCE";

/// The suite sets a client's clock with `faketime`; ours is told the time.
const FAKETIME: &str =
    "#!/bin/sh\nCOUNTERSIGN_TUF_NOW=$(date -u -d \"$1\" +%s)\nexport COUNTERSIGN_TUF_NOW\nshift\nexec \"$@\"\n";

#[test]
fn the_official_suite_finds_no_failure() {
    let Some(suite) = std::env::var_os(SUITE) else {
        let told = format!(
            "the TUF conformance suite did not run: check out theupdateframework/tuf-conformance, install what it needs \
             for `python3`, and give its path in {SUITE}"
        );
        let _ = writeln!(std::io::stderr(), "{told}");
        return;
    };
    let suite = std::fs::canonicalize(suite).unwrap();
    let binary: PathBuf = std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/tuf_conformance");
    assert!(
        binary.is_file(),
        "`cargo test` builds examples too, unless it is told not to"
    );
    let directory = tempfile::tempdir().unwrap();
    let faketime = directory.path().join("faketime");
    std::fs::write(&faketime, FAKETIME).unwrap();
    std::fs::set_permissions(&faketime, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("python3");
    command
        .args([
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tuf_conformance",
            "--entrypoint",
        ])
        .arg(&binary)
        .current_dir(&suite)
        .env("PATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    let last = said.lines().last().unwrap_or_default();
    let _ = writeln!(std::io::stderr(), "the TUF conformance suite: {last}");
}

//! Policies of other people: policy-controller's own test data, its examples, and the catalogue of policies.

use std::path::{Path, PathBuf};
use std::sync::Once;

use countersign_image::Reference;
use countersign_policy::{Document, Glob, LintCode, Parsed, PolicySet, Settings, TrustRootContent, parse};

/// What policy-controller's test data expects in other words than ours: the API server's schema answers there before
/// policy-controller does.
const SAID_BY_THE_API_SERVER: &[(&str, &str, &str)] = &[
    (
        "missing-identity.yaml",
        "keyless.identities: Invalid value",
        "missing field(s): spec.authorities[0].keyless.identities",
    ),
    (
        "v1beta1-missing-identity.yaml",
        "keyless.identities: Invalid value",
        "missing field(s): spec.authorities[0].keyless.identities",
    ),
    (
        "empty-keyref-and-keylessref.yaml",
        "keyless.identities: Invalid value",
        "expected exactly one, got both: spec.authorities[0].key, spec.authorities[0].keyless",
    ),
];

/// What is refused although it lies among good policies: the first by policy-controller too.
const REFUSED: &[(&str, &str)] = &[
    (
        "cloudrun-serviceaccount-rego.yaml",
        "invalid value: services: spec.match[0].resource",
    ),
    (
        "keyless-signature-custom-tsa.yaml",
        "spec.sigstoreKeys.certificateAuthorities[0].certChain; it is not base64",
    ),
];

/// TrustRoots that stand there with blanks, which a script fills in before it uses them.
const WITH_BLANKS: &[(&str, &str)] = &[
    (
        "bring-your-own-keys.yaml",
        "invalid value: FULCIO_CERT_CHAIN: spec.sigstoreKeys.certificateAuthorities[0].certChain; it is not base64",
    ),
    (
        "with-remote.yaml",
        "invalid value: TUF_MIRROR: spec.remote.mirror; it must begin with `https://` or `http://`",
    ),
    (
        "with-repository.yaml",
        "invalid value: ROOT_JSON: spec.repository.root; it is not base64",
    ),
    (
        "with-tsa.yaml",
        "invalid value: TSA_CERT_CHAIN: spec.sigstoreKeys.timestampAuthorities[0].certChain; it is not base64",
    ),
];

fn corpus() -> PathBuf {
    match std::env::var_os("COUNTERSIGN_CORPUS") {
        Some(path) => path.into(),
        None => concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus").into(),
    }
}

/// Says once that there is nothing to run over.
fn absent() {
    static SAID: Once = Once::new();
    SAID.call_once(|| println!("corpus not found: 198 cases did not run"));
}

fn policy_files() -> Vec<PathBuf> {
    fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|kind| kind == "yaml") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&corpus().join("policies"), &mut files);
    files.sort();
    if files.is_empty() {
        absent();
    }
    files
}

fn read(path: &Path) -> (String, Parsed) {
    let text = std::fs::read_to_string(path).unwrap();
    let parsed = parse(&path.display().to_string(), &text);
    (text, parsed)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn lies_in(path: &Path, folder: &str) -> bool {
    path.iter().any(|part| part == folder)
}

fn errors(parsed: &Parsed) -> String {
    let lines: Vec<String> = parsed.errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn policies_that_policy_controller_accepts_are_accepted() {
    let others = ["invalid", "empty-authorities", "policy-controller-config", "trustroot"];
    let good = policy_files()
        .into_iter()
        .filter(|path| !others.iter().any(|folder| lies_in(path, folder)));
    for path in good {
        let (_, parsed) = read(&path);
        match REFUSED.iter().find(|(file, _)| *file == name(&path)) {
            Some((_, why)) => assert!(errors(&parsed).contains(why), "{}: {}", path.display(), errors(&parsed)),
            None => {
                assert_eq!(errors(&parsed), "", "{}", path.display());
                let is_policy = |document: &Document| matches!(document, Document::Policy(_));
                assert!(
                    !parsed.documents.is_empty() && parsed.documents.iter().all(is_policy),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn policies_that_policy_controller_refuses_are_refused_in_its_words() {
    for path in policy_files().into_iter().filter(|path| lies_in(path, "invalid")) {
        let (text, parsed) = read(&path);
        let found = errors(&parsed);
        for line in text.lines().filter_map(|line| line.strip_prefix("# ERROR:")) {
            // The webhook puts this before every answer.
            let expected = line.trim();
            let expected = expected.strip_prefix("validation failed: ").unwrap_or(expected);
            let ours = SAID_BY_THE_API_SERVER
                .iter()
                .find(|(file, theirs, _)| *file == name(&path) && *theirs == expected)
                .map_or(expected, |(_, _, ours)| ours);
            assert!(
                found.contains(ours),
                "{}: expected `{ours}` in\n{found}",
                path.display()
            );
        }
        assert!(
            !text.contains("# ERROR") || !parsed.errors.is_empty(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_policy_without_authorities_is_refused() {
    for path in policy_files()
        .into_iter()
        .filter(|path| lies_in(path, "empty-authorities"))
    {
        let (_, parsed) = read(&path);
        assert!(
            errors(&parsed).contains("missing field(s): spec.authorities") || name(&path).contains("present"),
            "{}: {}",
            path.display(),
            errors(&parsed)
        );
    }
}

#[test]
fn what_is_no_policy_is_an_error_and_governs_nothing() {
    let expected = "a CustomResourceDefinition (`apiextensions.k8s.io/v1`) is not a policy";
    for path in policy_files() {
        if lies_in(&path, "policy-controller-config") {
            let (_, parsed) = read(&path);
            assert!(
                errors(&parsed).contains(expected),
                "{}: {}",
                path.display(),
                errors(&parsed)
            );
            assert!(parsed.documents.is_empty(), "{}", path.display());
        }
    }
}

#[test]
fn trust_roots_are_read_and_those_with_blanks_say_where() {
    for path in policy_files().into_iter().filter(|path| lies_in(path, "trustroot")) {
        let (_, parsed) = read(&path);
        match WITH_BLANKS.iter().find(|(file, _)| *file == name(&path)) {
            Some((_, why)) => {
                assert!(errors(&parsed).contains(why), "{}: {}", path.display(), errors(&parsed));
                assert!(
                    matches!(&parsed.documents[..], [Document::BrokenTrustRoot(_)]),
                    "{}",
                    path.display()
                );
            }
            None => {
                assert_eq!(errors(&parsed), "", "{}", path.display());
                let [Document::TrustRoot(root)] = &parsed.documents[..] else {
                    panic!("{}: {:?}", path.display(), parsed.documents)
                };
                let TrustRootContent::Keys(keys) = root.content() else {
                    panic!("{}", path.display())
                };
                let counts = (
                    keys.authorities().len(),
                    keys.logs().len(),
                    keys.ct_logs().len(),
                    keys.time_authorities().len(),
                );
                assert_eq!(counts, (1, 1, 1, 1), "{}", path.display());
            }
        }
    }
}

/// What a policy asks for and this version cannot check is an expression, or a key that is somewhere else.
#[test]
fn what_cannot_be_checked_is_no_identity_and_no_log() {
    for path in policy_files() {
        let (_, parsed) = read(&path);
        let set = PolicySet::compile(vec![parsed], Settings::deny_unmatched());
        for lint in set
            .lints()
            .iter()
            .filter(|lint| lint.code == LintCode::PolicyUnsupported)
        {
            let known = [
                "a CUE policy",
                "a Rego policy",
                "a key in a KMS",
                "a key in a Secret",
                "a certificate authority",
            ];
            assert!(known.iter().any(|what| lint.message.starts_with(what)), "{lint}");
        }
    }
}

#[test]
fn globs_match_what_policy_controllers_match() {
    let Ok(table) = std::fs::read_to_string(corpus().join("policies/vectors/image-glob.tsv")) else {
        return absent();
    };
    for row in table.lines().skip(1) {
        let [image, glob, expected, fails] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row of four fields: {row}")
        };
        match (Glob::parse(glob), Reference::parse(image)) {
            (Ok(glob), Ok(reference)) => {
                assert_eq!(fails, "false", "{row}");
                assert_eq!(
                    matches_as_a_library(&glob, image, &reference).to_string(),
                    expected,
                    "{row}"
                );
            }
            _ => assert_eq!(fails, "true", "{row}"),
        }
    }
}

/// The table is of policy-controller's library function, which is handed short names with their tags. Its webhook calls
/// it with full names and digests only, and so do we.
fn matches_as_a_library(glob: &Glob, image: &str, reference: &Reference) -> bool {
    let repository = reference.repository().policy_name();
    let full = match reference.digest() {
        Some(digest) => format!("{repository}@{digest}"),
        None => format!("{repository}:{}", reference.effective_tag().as_str()),
    };
    glob.matches_name(&full) || glob.matches_name(image)
}

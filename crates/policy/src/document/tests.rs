//! Reading files: what is wrong is said with its place, and harms nothing beside it.

use proptest::prelude::*;

use super::{Document, MAX_DOCUMENTS, MAX_FILE_BYTES, Parsed, parse};

const GOOD: &str = "\
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: good
spec:
  images:
  - glob: ghcr.io/acme/**
  authorities:
  - static: {action: pass}
";

fn read(text: &str) -> Parsed {
    parse("a.yaml", text)
}

/// The errors of a file, `line:column: path: message`.
fn errors(text: &str) -> Vec<String> {
    let said =
        |error: &super::DocumentError| format!("{}:{}: {}: {}", error.line, error.column, error.path, error.message);
    read(text).errors.iter().map(said).collect()
}

/// `name` for a policy, `!name[globs]` for a broken one.
fn documents(text: &str) -> Vec<String> {
    let document = |document: &Document| match document {
        Document::Policy(policy) => policy.name().to_owned(),
        Document::Broken(broken) => {
            let globs: Vec<_> = broken.images().iter().map(ToString::to_string).collect();
            format!("!{}[{}]", broken.name().unwrap_or_default(), globs.join(","))
        }
        Document::TrustRoot(root) => format!("root {}", root.name()),
        Document::BrokenTrustRoot(broken) => format!("!root {}", broken.name.as_deref().unwrap_or_default()),
    };
    read(text).documents.iter().map(document).collect()
}

#[test]
fn a_good_policy_is_read() {
    assert_eq!(errors(GOOD), [""; 0]);
    assert_eq!(documents(GOOD), ["good"]);
    let as_json = r#"{"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "ClusterImagePolicy", "metadata": {"name": "good"},
        "spec": {"images": [{"glob": "**"}], "authorities": [{"static": {"action": "fail"}}]}}"#;
    assert_eq!((errors(as_json), documents(as_json)), (vec![], vec!["good".to_owned()]));
    let parsed = read(&format!("# a comment\n\n---\n{GOOD}"));
    let Document::Policy(policy) = &parsed.documents[0] else {
        panic!("{parsed:?}")
    };
    assert_eq!(policy.source().to_string(), "a.yaml:4:1");
}

#[test]
fn every_error_has_its_line_column_and_path() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "  - glob: ghcr.io/acme/**",
            "  - glob: ghcr.io/acme/**\n    tag: v1",
            "8:5: spec.images[0].tag: unknown field: spec.images[0].tag; the fields known here are `glob`",
        ),
        (
            "  authorities:",
            "  authoritys:",
            "8:3: spec.authoritys: unknown field: spec.authoritys; the fields known here are `authorities`, `images`, `match`, `mode`, `policy`",
        ),
        (
            "spec:",
            "spec:\n  mode: 5",
            "6:9: spec.mode: expected a text, found a number: spec.mode; put it in quotes if it is meant as a text",
        ),
        (
            "spec:",
            "spec:\n  mode: true",
            "6:9: spec.mode: expected a text, found a truth value: spec.mode; put it in quotes if it is meant as a text",
        ),
        (
            "  - glob: ghcr.io/acme/**",
            "    glob: ghcr.io/acme/**",
            "7:5: spec.images: expected a list, found a mapping: spec.images",
        ),
        (
            "  - glob: ghcr.io/acme/**",
            "  - ghcr.io/acme/**",
            "7:5: spec.images[0]: expected a mapping, found a text: spec.images[0]",
        ),
        (
            "  name: good",
            "  name: good\n  name: better",
            "5:3: : duplicate mapping key `name` is not allowed here",
        ),
        (
            "  - static: {action: pass}",
            "  - static: {action: pass",
            "9:13: : unclosed bracket '{'",
        ),
        (
            "  - static: {action: pass}",
            "  - static: &a {action: pass}\n  - static: {<<: *a}",
            "10:14: : merge key not allowed here",
        ),
        (
            "  name: good",
            "  name: Not Good",
            "4:9: metadata.name: invalid value: Not Good: metadata.name; names have at most 253 lower-case letters, digits, `-` \
             and `.`, and begin and end with a letter or digit",
        ),
        (
            "  name: good",
            "  labels: {}",
            "1:1: metadata.name: missing field(s): metadata.name",
        ),
        ("kind: ClusterImagePolicy\n", "", "1:1: kind: missing field(s): kind"),
        (
            "kind: ClusterImagePolicy",
            "kind: [a]",
            "2:7: kind: expected a text, found a list: kind",
        ),
    ];
    for (from, to, expected) in cases {
        let found = errors(&GOOD.replacen(from, to, 1));
        assert!(
            found.contains(&(*expected).to_owned()),
            "expected\n{expected}\nin\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn an_error_prints_as_editors_like_it() {
    let parsed = read("a: [1\n");
    assert_eq!(parsed.errors[0].to_string(), "a.yaml:1:4: unclosed bracket '['");
}

#[test]
fn one_bad_document_does_not_stop_the_others() {
    let text = format!(
        "{GOOD}---\na: [1\n---\n{}---\n# nothing\n---\n",
        GOOD.replace("good", "better")
    );
    assert_eq!(documents(&text), ["good", "![**]", "better"]);
    assert_eq!(errors(&text), ["11:4: : unclosed bracket '['"]);
}

#[test]
fn a_broken_policy_governs_what_it_was_meant_to_or_everything() {
    let wrong = |from, to| documents(&GOOD.replacen(from, to, 1));
    assert_eq!(wrong("pass", "maybe"), ["!good[ghcr.io/acme/**]"]);
    assert_eq!(wrong("good", "Good"), ["!Good[ghcr.io/acme/**]"]);
    assert_eq!(wrong("spec:", "spec:\n  surprise: 1"), ["!good[ghcr.io/acme/**]"]);
    for (from, to) in [
        ("ghcr.io/acme/**", "ghcr.io/acme/[a]"),
        ("- glob: ghcr.io/acme/**", "- ghcr.io/acme/**"),
        ("- glob: ghcr.io/acme/**", "- glob: ghcr.io/acme/**\n  - 5"),
        ("- glob: ghcr.io/acme/**", "- glob: ghcr.io/acme/**\n    tag: x"),
        ("images:", "image:"),
    ] {
        assert_eq!(wrong(from, to), ["!good[**]"], "{to}");
    }
}

#[test]
fn lists_are_unpacked() {
    let item = GOOD.replace('\n', "\n    ");
    let text = format!(
        "apiVersion: v1\nkind: List\nmetadata: {{}}\nitems:\n  - {item}\n  - {}",
        item.replace("good", "second")
    );
    assert_eq!(
        (errors(&text), documents(&text)),
        (vec![], vec!["good".to_owned(), "second".to_owned()])
    );
    let broken = text.replacen("action: pass", "action: maybe", 1);
    assert_eq!(documents(&broken), ["!good[ghcr.io/acme/**]", "second"]);
    let expected = "invalid value: maybe: items[0].spec.authorities[0].static.action; unsupported action";
    assert!(errors(&broken)[0].contains(expected), "{:?}", errors(&broken));
    let of_policies = text.replacen("kind: List", "kind: ClusterImagePolicyList", 1).replacen(
        "apiVersion: v1",
        "apiVersion: policy.sigstore.dev/v1beta1",
        1,
    );
    assert_eq!(documents(&of_policies), ["good", "second"]);
    let nested = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]";
    assert_eq!(errors(nested), ["3:9: items[0].kind: a list cannot hold another list"]);
    let surprising = text.replacen("metadata: {}", "surprise: 1", 1);
    assert_eq!(documents(&surprising), ["![**]", "good", "second"]);
}

#[test]
fn what_is_no_policy_is_named_and_what_may_be_one_misspelt_governs_everything() {
    let cases = [
        (
            "v1",
            "Secret",
            "a Secret (`v1`) is not a policy; policies are `ClusterImagePolicy` in `policy.sigstore.dev`: kind",
            false,
        ),
        (
            "apps/v1",
            "Deployment",
            "a Deployment (`apps/v1`) is not a policy",
            false,
        ),
        (
            "policy.sigstore.dev/v1beta1",
            "TrustRoot",
            "apiVersion of a TrustRoot is `policy.sigstore.dev/v1alpha1`, not `policy.sigstore.dev/v1beta1`: apiVersion",
            false,
        ),
        (
            "policy.sigstore.dev/v1beta1",
            "ClusterImagePolcy",
            "a ClusterImagePolcy (`policy.sigstore.dev/v1beta1`) is not a policy",
            true,
        ),
        (
            "policy.sigstore.dev/v1",
            "ClusterImagePolicy",
            "apiVersion of a ClusterImagePolicy is",
            true,
        ),
        (
            "cosigned.sigstore.dev/v1alpha1",
            "ClusterImagePolicy",
            "not `cosigned.sigstore.dev/v1alpha1`",
            true,
        ),
        (
            "example.com/v1",
            "clusterimagepolicy",
            "a clusterimagepolicy (`example.com/v1`) is not a policy",
            true,
        ),
    ];
    for (api_version, kind, expected, governs) in cases {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n");
        let found = errors(&text);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        assert_eq!(documents(&text).is_empty(), !governs, "{kind}");
    }
}

#[test]
fn limits_are_errors_that_name_them() {
    let large = " ".repeat(MAX_FILE_BYTES + 1);
    assert_eq!(
        errors(&large),
        [format!(
            "1:1: : the file has {} bytes, and at most {MAX_FILE_BYTES} are read",
            MAX_FILE_BYTES + 1
        )]
    );
    assert_eq!(documents(&large), ["![**]"]);
    let items = "- {apiVersion: v1, kind: Secret}\n".repeat(MAX_DOCUMENTS + 5);
    let many = format!("apiVersion: v1\nkind: List\nitems:\n{items}");
    let parsed = read(&many);
    let last = &parsed.errors.last().unwrap().message;
    assert_eq!(last, "more than 10000 documents in one file; the rest is not read");
    assert!(matches!(&parsed.documents[..], [Document::Broken(_)]));
    let deep = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(documents(&deep), ["![**]"]);
    let globs = "  - glob: a.b/**\n".repeat(super::MAX_IMAGES + 1);
    let found = errors(&GOOD.replacen("  - glob: ghcr.io/acme/**\n", &globs, 1));
    assert_eq!(
        found,
        ["7:5: spec.images: too many: spec.images has 1025 items, and at most 1024 are read"]
    );
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    assert_eq!(documents(bomb), ["![**]"]);
}

#[test]
fn what_a_policy_says_decides_its_digest_and_how_it_is_written_does_not() {
    let digest = |text: &str| match &read(text).documents[0] {
        Document::Policy(policy) => *policy.digest(),
        other => panic!("{other:?}"),
    };
    let rewritten = "# other\n---\nkind: 'ClusterImagePolicy'\napiVersion: policy.sigstore.dev/v1beta1\n\
                     spec: {authorities: [{static: {action: pass}}], images: [{glob: \"ghcr.io/acme/**\"}]}\nmetadata: {name: good}\n";
    assert_eq!(digest(GOOD), digest(rewritten));
    assert_ne!(digest(GOOD), digest(&GOOD.replace("pass", "fail")));
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_is_lost(text in "([a-z:{}\\[\\]&*!|>'\"#%@,?. \n-]|---\n|kind: |apiVersion: ){0,60}") {
        let parsed = read(&text);
        let broken = parsed.documents.iter().any(|document| matches!(document, Document::Broken(_)));
        prop_assert!(!broken || !parsed.errors.is_empty());
    }

    #[test]
    fn a_damaged_policy_is_a_policy_or_an_error(at in 0_usize..GOOD.len(), with in "[ -~\n]{0,3}") {
        let mut text = GOOD.to_owned();
        text.replace_range(at..=at, &with);
        let parsed = read(&text);
        prop_assert!(!parsed.documents.is_empty() || !parsed.errors.is_empty(), "{text}");
    }
}

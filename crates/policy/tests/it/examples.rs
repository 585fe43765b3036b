//! What people copy: the example policies, and the policies in the guide.

use std::path::{Path, PathBuf};

use countersign_policy::{LintCode, Parsed, PolicySet, Settings, Severity, parse};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// No errors, and no lints but those that are allowed.
fn is_good(parsed: Parsed, allowed: &[LintCode]) {
    assert_eq!(parsed.errors, []);
    let set = PolicySet::compile(vec![parsed], Settings::deny_unmatched());
    assert!(!set.is_empty() || set.trust_roots().next().is_some());
    for lint in set.lints() {
        assert!(
            lint.severity() == Severity::Warning && allowed.contains(&lint.code),
            "{lint}"
        );
    }
}

#[test]
fn every_example_is_a_good_policy_and_is_listed() {
    let folder = root().join("examples/policies");
    let list = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "yaml") {
            is_good(
                parse(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap()),
                &[],
            );
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(list.contains(&format!("[{name}]({name})")), "{name} is not in the list");
        }
    }
}

#[test]
fn every_policy_in_the_guide_is_a_good_policy() {
    let guide = std::fs::read_to_string(root().join("docs/policies.md")).unwrap();
    let mut count = 0;
    for block in guide.split("```yaml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        is_good(parse("docs/policies.md", text), &[]);
        count += 1;
    }
    assert_eq!(count, 6);
}

#[test]
fn every_lint_is_in_the_guide() {
    let guide = std::fs::read_to_string(root().join("docs/policies.md")).unwrap();
    for code in LintCode::ALL {
        assert!(guide.contains(&format!("| `{code}` |")), "{code}");
    }
}

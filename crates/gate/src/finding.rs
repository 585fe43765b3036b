//! One thing that a tool found, in one model for every tool, and what two tools found twice.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::report::Class;
use crate::severity::Severity;

/// One thing that a tool found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What kind of thing.
    pub class: Class,
    /// The tool's own rule, or the vulnerability's name as the tool wrote it.
    pub rule: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// How bad the tool says it is; `None` where it does not say.
    pub severity: Option<Severity>,
    /// Whether an update mends it.
    pub fix: FixState,
    /// The package that it is in.
    pub package: Option<Package>,
    /// The file that it is in.
    pub location: Option<Location>,
    /// What the tool calls this finding across runs, if it does.
    pub tools_own_fingerprint: Option<String>,
    /// Whether somebody told the tool to be silent about it. That silences nothing here.
    pub suppressed_in_source: bool,
    /// Which tools found it.
    pub tools: Vec<String>,
}

/// Whether an update mends a vulnerability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FixState {
    /// Nobody said.
    #[default]
    Unknown,
    /// There is no update.
    None,
    /// There will be none.
    WontFix,
    /// There is one.
    Fixed,
}

/// A package that is in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The version that is there.
    pub version: Option<String>,
    /// Its package URL, as the tool wrote it.
    pub purl: Option<String>,
    /// The versions that are mended, as the tool wrote them.
    pub fixed_in: Vec<String>,
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The file, as the tool wrote it.
    pub path: String,
    /// The line, from 1.
    pub line: Option<u64>,
}

/// What makes two findings one: the same vulnerability in the same package, or the same rule at the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The hash, hex.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Finding {
    /// The name that most know it by: a CVE's before a GHSA's before the tool's own.
    pub fn canonical(&self) -> &str {
        let names = || std::iter::once(&self.rule).chain(&self.aliases);
        let with = |prefix: &str| names().find(|name| name.starts_with(prefix));
        with("CVE-").or_else(|| with("GHSA-")).unwrap_or(&self.rule)
    }

    /// The fingerprint: of a vulnerability its name and its package without version and qualifiers, of anything else its
    /// rule, its file, and what the tool itself tells findings apart by, or else the line.
    pub fn fingerprint(&self) -> Fingerprint {
        let parts = if self.class == Class::Vulnerabilities {
            let package = self.package.as_ref();
            let purl = package.and_then(|package| package.purl.as_deref()).map(without_version);
            let name = package.map(|package| package.name.as_str());
            let path = self.location.as_ref().map(|location| location.path.as_str());
            json!(["vulnerability", self.canonical(), purl.or(name).or(path)])
        } else {
            let place = self.location.as_ref();
            let line = place.and_then(|place| place.line).map(|line| line.to_string());
            let own = self.tools_own_fingerprint.clone();
            json!([
                self.class.name(),
                self.rule,
                place.map(|place| place.path.as_str()),
                own.or(line)
            ])
        };
        // An array of texts has one canonical form (RFC 8785), and this is it.
        Fingerprint(Sha256::digest(parts.to_string()).into())
    }
}

/// A package URL up to its version: `pkg:deb/debian/zlib`.
fn without_version(purl: &str) -> &str {
    let end = purl.find(['?', '#']).unwrap_or(purl.len());
    let purl = &purl[..end];
    // A scope is written `%40`, so that the last `@` begins the version.
    match purl.rfind('@') {
        Some(at) if at > purl.rfind('/').unwrap_or(0) => &purl[..at],
        _ => purl,
    }
}

/// What several tools found, each thing once: with the worst severity that any gave it, and suppressed only where every
/// tool was told to be silent.
pub fn merged(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut places: BTreeMap<Fingerprint, usize> = BTreeMap::new();
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        match places.get(&finding.fingerprint()) {
            Some(&place) => join(&mut merged[place], finding),
            None => {
                places.insert(finding.fingerprint(), merged.len());
                merged.push(finding);
            }
        }
    }
    merged
}

fn join(one: &mut Finding, other: Finding) {
    one.severity = one.severity.max(other.severity);
    one.fix = one.fix.max(other.fix);
    one.suppressed_in_source &= other.suppressed_in_source;
    let add = |list: &mut Vec<String>, more: Vec<String>| {
        for text in more {
            if !list.contains(&text) {
                list.push(text);
            }
        }
    };
    add(&mut one.aliases, other.aliases);
    add(&mut one.tools, other.tools);
    if other.rule != one.rule {
        add(&mut one.aliases, vec![other.rule]);
    }
    match (&mut one.package, other.package) {
        (Some(package), Some(more)) => {
            package.purl = package.purl.take().or(more.purl);
            package.version = package.version.take().or(more.version);
            add(&mut package.fixed_in, more.fixed_in);
        }
        (package @ None, more) => *package = more,
        (Some(_), None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vulnerability(rule: &str, purl: &str, severity: Option<Severity>) -> Finding {
        Finding {
            class: Class::Vulnerabilities,
            rule: rule.to_owned(),
            aliases: Vec::new(),
            severity,
            fix: FixState::Unknown,
            package: Some(Package {
                name: "zlib".to_owned(),
                purl: Some(purl.to_owned()),
                ..Package::default()
            }),
            location: None,
            tools_own_fingerprint: None,
            suppressed_in_source: false,
            tools: vec!["a".to_owned()],
        }
    }

    #[test]
    fn a_package_is_one_whatever_its_version() {
        for (purl, expected) in [
            ("pkg:deb/debian/zlib@1.2?arch=amd64", "pkg:deb/debian/zlib"),
            ("pkg:deb/debian/zlib", "pkg:deb/debian/zlib"),
            ("pkg:npm/%40scope/name@1", "pkg:npm/%40scope/name"),
            ("pkg:oci/app@sha256%3Aaa?repository_url=r/a@b", "pkg:oci/app"),
            ("pkg:x@y/name", "pkg:x@y/name"),
        ] {
            assert_eq!(without_version(purl), expected);
        }
    }

    #[test]
    fn what_two_tools_found_is_one_finding_and_the_worse_word_counts() {
        let mut second = vulnerability("GHSA-1", "pkg:deb/debian/zlib@2?x=y", Some(Severity::High));
        second.aliases = vec!["CVE-2026-1".to_owned()];
        second.tools = vec!["b".to_owned()];
        second.fix = FixState::Fixed;
        let other = vulnerability("CVE-2026-1", "pkg:deb/debian/other@1", None);
        let found = merged([
            vulnerability("CVE-2026-1", "pkg:deb/debian/zlib@1", Some(Severity::Low)),
            second,
            other.clone(),
        ]);
        let [first, last] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!((first.severity, first.fix), (Some(Severity::High), FixState::Fixed));
        assert_eq!(
            (first.tools.join(","), first.aliases.join(",")),
            ("a,b".into(), "CVE-2026-1,GHSA-1".into())
        );
        assert_eq!(last, &other);
    }

    #[test]
    fn silence_counts_only_where_every_tool_was_silenced() {
        let finding = |suppressed_in_source| Finding {
            suppressed_in_source,
            ..vulnerability("CVE-1", "pkg:a/b", None)
        };
        for (one, other, expected) in [(true, true, true), (true, false, false), (false, true, false)] {
            assert_eq!(merged([finding(one), finding(other)])[0].suppressed_in_source, expected);
        }
    }

    #[test]
    fn code_is_told_apart_by_rule_file_and_what_the_tool_says() {
        let finding = |rule: &str, path: &str, line, own: Option<&str>| {
            Finding {
                class: Class::Sast,
                rule: rule.to_owned(),
                package: None,
                location: Some(Location {
                    path: path.to_owned(),
                    line: Some(line),
                }),
                tools_own_fingerprint: own.map(str::to_owned),
                ..vulnerability("", "", None)
            }
            .fingerprint()
        };
        let first = finding("r", "a", 1, Some("x"));
        assert_eq!(first, finding("r", "a", 2, Some("x")), "it moved down");
        for other in [
            finding("r", "a", 1, Some("y")),
            finding("r", "b", 1, Some("x")),
            finding("s", "a", 1, Some("x")),
            finding("r", "a", 1, None),
        ] {
            assert_ne!(first, other);
        }
        assert_ne!(finding("r", "a", 1, None), finding("r", "a", 2, None));
    }
}

//! `policy.yaml` as an operator would write it.

use std::fmt::{self, Write as _};

/// One `ClusterImagePolicy`.
#[derive(Clone)]
pub(super) struct ClusterPolicy {
    name: String,
    glob: String,
    before_authorities: String,
    authorities: Vec<Authority>,
}

/// One authority, as lines of YAML.
#[derive(Clone)]
pub(super) struct Authority(String);

/// A policy for every image of the shop.
pub(super) fn policy(name: &str, authorities: impl IntoIterator<Item = Authority>) -> ClusterPolicy {
    ClusterPolicy {
        name: name.to_owned(),
        glob: "registry.example/shop/**".to_owned(),
        before_authorities: String::new(),
        authorities: authorities.into_iter().collect(),
    }
}

impl ClusterPolicy {
    pub(super) fn glob(mut self, glob: &str) -> Self {
        glob.clone_into(&mut self.glob);
        self
    }

    /// More lines of `spec`, indented for their place.
    pub(super) fn with(mut self, lines: &str) -> Self {
        self.before_authorities.push_str(lines);
        self
    }
}

impl fmt::Display for ClusterPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            glob,
            before_authorities,
            authorities,
        } = self;
        write!(
            formatter,
            "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata:\n  name: {name}\nspec:\n  \
             images:\n  - glob: \"{glob}\"\n{before_authorities}"
        )?;
        if !authorities.is_empty() {
            formatter.write_str("  authorities:\n")?;
        }
        authorities
            .iter()
            .try_for_each(|authority| formatter.write_str(&authority.0))
    }
}

/// Several policies in one file.
pub(super) fn file(policies: &[ClusterPolicy]) -> String {
    let documents: Vec<String> = policies.iter().map(ToString::to_string).collect();
    documents.join("---\n")
}

impl Authority {
    /// Whoever holds this key.
    pub(super) fn key(name: &str, pem: &str) -> Self {
        let mut lines = format!("  - name: {name}\n    key:\n      data: |\n");
        for line in pem.lines() {
            // Writing to a string does not fail.
            writeln!(lines, "        {line}").ok();
        }
        Self(lines)
    }

    /// Any other, as lines of YAML indented for their place.
    pub(super) fn other(lines: &str) -> Self {
        Self(lines.to_owned())
    }

    /// More lines of this authority; the ones that belong to `key` come first.
    pub(super) fn with(mut self, lines: &str) -> Self {
        self.0.push_str(lines);
        self
    }

    pub(super) fn hash(self, name: &str) -> Self {
        self.with(&format!("      hashAlgorithm: {name}\n"))
    }

    pub(super) fn format(self, name: &str) -> Self {
        self.with(&format!("    signatureFormat: {name}\n"))
    }

    /// Wants attestations of these predicate types.
    pub(super) fn attests(self, types: &[&str]) -> Self {
        let list: String = types
            .iter()
            .enumerate()
            .map(|(index, uri)| format!("    - name: wanted-{index}\n      predicateType: {uri}\n"))
            .collect();
        self.with(&format!("    attestations:\n{list}"))
    }
}

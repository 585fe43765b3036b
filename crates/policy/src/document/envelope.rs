//! What kind of document it is: a policy, a trust root, a list of them, or something else that has no business here.

use std::sync::Arc;

use super::faults::{Faults, quoted};
use super::fields::Fields;
use super::tree::{Mark, Node, Value};
use super::written::{self, ClusterImagePolicy};
use super::{Document, MAX_DOCUMENTS, Parsed};
use crate::meaning;
use crate::pattern::Glob;
use crate::set::Broken;
use crate::trust::BrokenTrustRoot;

const GROUP: &str = "policy.sigstore.dev";
const VERSIONS: [&str; 2] = ["policy.sigstore.dev/v1alpha1", "policy.sigstore.dev/v1beta1"];
const KIND: &str = "ClusterImagePolicy";
const TRUST_ROOT_VERSION: &str = "policy.sigstore.dev/v1alpha1";
const TRUST_ROOT: &str = "TrustRoot";
const NO_LIST_IN_LIST: &str = "a list cannot hold another list";

/// Reads the documents of one file.
pub(super) struct Reader {
    parsed: Parsed,
    count: usize,
}

/// `apiVersion` and `kind`.
struct TypeMeta {
    api_version: String,
    kind: String,
}

impl TypeMeta {
    fn is_policy(&self) -> bool {
        VERSIONS.contains(&self.api_version.as_str()) && self.kind == KIND
    }

    fn is_trust_root(&self) -> bool {
        self.api_version == TRUST_ROOT_VERSION && self.kind == TRUST_ROOT
    }

    fn is_list(&self) -> bool {
        (self.api_version == "v1" && self.kind == "List")
            || (self.api_version == TRUST_ROOT_VERSION && self.kind == "TrustRootList")
            || (VERSIONS.contains(&self.api_version.as_str()) && self.kind == "ClusterImagePolicyList")
    }

    fn group(&self) -> &str {
        self.api_version.split('/').next().unwrap_or_default()
    }

    /// What somebody may have meant as a policy and misspelt must not silently drop out of force.
    fn may_be_meant_as_policy(&self) -> bool {
        let kind = self.kind.to_ascii_lowercase();
        self.kind != TRUST_ROOT && (self.group().ends_with("sigstore.dev") || kind.contains("imagepolicy"))
    }

    fn why_not(&self) -> String {
        let Self { api_version, kind } = self;
        let (api_version, kind) = (quoted(api_version), quoted(kind));
        if kind == TRUST_ROOT {
            return format!("apiVersion of a TrustRoot is `{TRUST_ROOT_VERSION}`, not `{api_version}`: apiVersion");
        }
        if kind == KIND {
            let expected = VERSIONS.join("` or `");
            return format!("apiVersion of a ClusterImagePolicy is `{expected}`, not `{api_version}`: apiVersion");
        }
        format!("a {kind} (`{api_version}`) is not a policy; policies are `ClusterImagePolicy` in `{GROUP}`: kind")
    }
}

impl Reader {
    pub(super) fn of(file: &str) -> Self {
        let parsed = Parsed {
            file: file.into(),
            documents: Vec::new(),
            errors: Vec::new(),
        };
        Self { parsed, count: 0 }
    }

    pub(super) fn into_parsed(self) -> Parsed {
        self.parsed
    }

    /// Whether no more documents are read from this file.
    pub(super) fn is_full(&self) -> bool {
        self.count > MAX_DOCUMENTS
    }

    /// A piece of the file that is no YAML, and may have held anything.
    pub(super) fn unreadable(&mut self, line: u64, column: u64, message: String) {
        let mut faults = Faults::default();
        faults.add(Mark { line, column }, "", quoted(&message));
        self.broken(line, None, None, faults);
    }

    /// A document; nothing at all is skipped.
    pub(super) fn document(&mut self, node: &Node) {
        if !matches!(node.value, Value::Null) {
            self.object(node, "", false);
        }
    }

    fn object(&mut self, node: &Node, path: &str, in_list: bool) {
        self.count += 1;
        if self.count > MAX_DOCUMENTS {
            if self.count == MAX_DOCUMENTS + 1 {
                let message = format!("more than {MAX_DOCUMENTS} documents in one file; the rest is not read");
                self.unreadable(node.at.line, node.at.column, message);
            }
            return;
        }
        let mut faults = Faults::default();
        let Some(mut fields) = Fields::of(node, path, &mut faults) else {
            return self.broken(node.at.line, None, None, faults);
        };
        let meta = type_meta(&mut fields, &mut faults);
        match meta {
            Some(meta) if meta.is_policy() => self.policy(node, fields, faults),
            Some(meta) if meta.is_trust_root() => self.trust_root(node, fields, faults),
            Some(meta) if meta.is_list() && !in_list => self.list(fields, faults),
            Some(meta) => {
                let why = if meta.is_list() {
                    NO_LIST_IN_LIST.to_owned()
                } else {
                    meta.why_not()
                };
                faults.add(node.at, &fields.path_of("kind"), why);
                if meta.may_be_meant_as_policy() {
                    self.broken(node.at.line, None, None, faults);
                } else {
                    self.parsed.errors.extend(faults.into_errors(&self.parsed.file));
                }
            }
            None => self.broken(node.at.line, None, None, faults),
        }
    }

    fn list(&mut self, mut fields: Fields<'_>, mut faults: Faults) {
        fields.ignore(&["metadata"]);
        let mut items = Vec::new();
        fields.list("items", usize::MAX, &mut faults, |node, path, _| {
            items.push((node, path.to_owned()));
            Some(())
        });
        let at = fields.at();
        fields.finish(&mut faults);
        if !faults.is_empty() {
            self.broken(at.line, None, None, faults);
        }
        for (node, path) in items {
            self.object(node, &path, true);
        }
    }

    fn policy(&mut self, node: &Node, fields: Fields<'_>, mut faults: Faults) {
        let written = ClusterImagePolicy::read(fields, &mut faults);
        let name = written.name.as_ref().map(|name| Arc::from(name.value.as_str()));
        let line = written.at.line;
        let images = scope(&written, &faults);
        let mut canonical = String::new();
        node.write_canonical(&mut canonical);
        match meaning::read(written, &self.parsed.file, &canonical, &mut faults) {
            Some(policy) if faults.is_empty() => self.parsed.documents.push(Document::Policy(Arc::new(policy))),
            _ => self.broken(line, name, images, faults),
        }
    }

    /// One that cannot be understood governs no image by itself: the policies that name it are undecided.
    fn trust_root(&mut self, node: &Node, fields: Fields<'_>, mut faults: Faults) {
        let written = written::trust_root::TrustRoot::read(fields, &mut faults);
        let name = written.name.as_ref().map(|name| Arc::from(name.value.as_str()));
        let mut canonical = String::new();
        node.write_canonical(&mut canonical);
        let read = meaning::read_trust_root(written, &self.parsed.file, &canonical, &mut faults);
        self.parsed.documents.push(match read {
            Some(document) if faults.is_empty() => Document::TrustRoot(Arc::new(document)),
            _ => {
                let errors = faults.into_errors(&self.parsed.file);
                self.parsed.errors.extend(errors.iter().cloned());
                let file = self.parsed.file.clone();
                Document::BrokenTrustRoot(Arc::new(BrokenTrustRoot { file, name, errors }))
            }
        });
    }

    /// `images` of `None` may be any images.
    fn broken(&mut self, line: u64, name: Option<Arc<str>>, images: Option<Vec<Glob>>, faults: Faults) {
        let errors = faults.into_errors(&self.parsed.file);
        self.parsed.errors.extend(errors.iter().cloned());
        self.parsed.documents.push(Document::Broken(Arc::new(Broken {
            file: self.parsed.file.clone(),
            line,
            name,
            images: images.unwrap_or_else(|| vec![Glob::everything()]),
            errors,
        })));
    }
}

fn type_meta(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<TypeMeta> {
    let api_version = fields.text("apiVersion", faults);
    let kind = fields.text("kind", faults);
    let before = faults.len();
    for (name, field) in [("apiVersion", &api_version), ("kind", &kind)] {
        if field.is_none() && before == 0 {
            faults.missing(fields.at(), &[fields.path_of(name)]);
        }
    }
    Some(TypeMeta {
        api_version: api_version?.value,
        kind: kind?.value,
    })
}

/// The images that a policy is meant to govern, if that much of it is beyond doubt.
fn scope(written: &ClusterImagePolicy, faults: &Faults) -> Option<Vec<Glob>> {
    if faults.touch(&format!("{}spec.images", written.prefix)) {
        return None;
    }
    let images = &written.spec.as_ref()?.value.images.as_ref()?.value;
    let globs: Vec<Glob> = images
        .iter()
        .map(|image| Glob::parse(&image.glob.as_ref()?.value).ok())
        .collect::<Option<_>>()?;
    (!globs.is_empty()).then_some(globs)
}

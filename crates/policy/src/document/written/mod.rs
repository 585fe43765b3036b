//! `ClusterImagePolicy` as written: every field that the two versions of the resource have, and no other.
//!
//! `v1alpha1` and `v1beta1` have the same fields. What a field may say is for [`crate::meaning`] to decide.

mod authority;
pub(crate) mod trust_root;

pub(crate) use self::authority::{Attestation, Authority, Fixed, Identity, Key, Keyless, TransparencyLog};
use super::faults::Faults;
use super::fields::{Field, Fields, item_text};
use super::tree::{Mark, Node};

/// The most image globs of one policy.
pub const MAX_IMAGES: usize = 1024;
/// The most `match` entries of one policy, and the most requirements and values of a selector.
pub const MAX_MATCHES: usize = 256;
/// The most authorities of one policy.
pub const MAX_AUTHORITIES: usize = 64;
/// The most identities, attestations, sources or pull secrets of one authority.
pub const MAX_OF_AUTHORITY: usize = 256;

/// A text of a document.
pub(crate) type Text = Field<String>;

/// The whole policy.
#[derive(Debug)]
pub(crate) struct ClusterImagePolicy {
    pub(crate) at: Mark,
    /// What stands before every path: `items[0].` in a list.
    pub(crate) prefix: String,
    pub(crate) name: Option<Text>,
    /// `metadata.annotations` that are ours.
    pub(crate) own: Vec<(String, Text)>,
    pub(crate) spec: Option<Field<Spec>>,
}

/// `spec`.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) mode: Option<Text>,
    pub(crate) images: Option<Field<Vec<Image>>>,
    pub(crate) matches: Option<Field<Vec<Match>>>,
    pub(crate) authorities: Option<Field<Vec<Authority>>>,
    pub(crate) policy: Option<Field<Expression>>,
}

/// `spec.images[]`.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) at: Mark,
    pub(crate) glob: Option<Text>,
}

/// `spec.match[]`.
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) at: Mark,
    pub(crate) group: Option<Text>,
    pub(crate) version: Option<Text>,
    pub(crate) resource: Option<Text>,
    pub(crate) selector: Option<Field<Selector>>,
}

/// `spec.match[].selector`.
#[derive(Debug)]
pub(crate) struct Selector {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) expressions: Vec<LabelExpression>,
}

/// `spec.match[].selector.matchExpressions[]`.
#[derive(Debug)]
pub(crate) struct LabelExpression {
    pub(crate) at: Mark,
    pub(crate) key: Option<Text>,
    pub(crate) operator: Option<Text>,
    pub(crate) values: Vec<Text>,
}

/// `policy` and `attestations[].policy`.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) language: Option<Text>,
    pub(crate) data: Option<Text>,
    pub(crate) remote: Option<Field<Remote>>,
    pub(crate) config_map: Option<Field<ConfigMapRef>>,
    /// `fetchConfigFile`, `includeSpec`, `includeObjectMeta`, `includeTypeMeta`, as far as they are there.
    pub(crate) switches: Vec<(&'static str, Mark)>,
}

/// `policy.remote`.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) url: Option<Text>,
    pub(crate) sha256: Option<Text>,
}

/// `policy.configMapRef`.
#[derive(Debug)]
pub(crate) struct ConfigMapRef {
    pub(crate) name: Option<Text>,
    pub(crate) key: Option<Text>,
}

impl ClusterImagePolicy {
    /// Reads what stands beside `apiVersion` and `kind`, which were read before.
    pub(crate) fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let at = fields.at();
        let prefix = fields.path_of("");
        let metadata = fields.mapping("metadata", faults, read_metadata);
        let (name, own) = metadata.map(|metadata| metadata.value).unwrap_or_default();
        let spec = fields.mapping("spec", faults, Spec::read);
        fields.ignore(&["status"]);
        fields.finish(faults);
        Self {
            at,
            prefix,
            name,
            own,
            spec,
        }
    }
}

/// What our own annotations begin with. Those of others say nothing to us.
pub(crate) const OWN_PREFIX: &str = "countersign.dev/";

/// The name and our own annotations; labels and annotations must be texts, and what the API server adds says nothing to us.
fn read_metadata(mut fields: Fields<'_>, faults: &mut Faults) -> (Option<Text>, Vec<(String, Text)>) {
    let name = fields.text("name", faults);
    fields.texts("labels", faults);
    let mut own = fields.texts("annotations", faults);
    own.retain(|(name, _)| name.starts_with(OWN_PREFIX));
    fields.ignore(&[
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    ]);
    fields.finish(faults);
    (name, own)
}

impl Spec {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let spec = Self {
            mode: fields.text("mode", faults),
            images: fields.list("images", MAX_IMAGES, faults, item(Image::read)),
            matches: fields.list("match", MAX_MATCHES, faults, item(Match::read)),
            authorities: fields.list("authorities", MAX_AUTHORITIES, faults, item(Authority::read)),
            policy: fields.mapping("policy", faults, Expression::read),
        };
        fields.finish(faults);
        spec
    }
}

/// Reads the items of a list that are mappings.
fn item<'a, T>(
    mut read: impl FnMut(Fields<'a>, &mut Faults) -> T,
) -> impl FnMut(&'a Node, &str, &mut Faults) -> Option<T> {
    move |node, path, faults| Some(read(Fields::of(node, path, faults)?, faults))
}

impl Image {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let image = Self {
            at: fields.at(),
            glob: fields.text("glob", faults),
        };
        fields.finish(faults);
        image
    }
}

impl Match {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let entry = Self {
            at: fields.at(),
            group: fields.text("group", faults),
            version: fields.text("version", faults),
            resource: fields.text("resource", faults),
            selector: fields.mapping("selector", faults, Selector::read),
        };
        fields.finish(faults);
        entry
    }
}

impl Selector {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let expressions = fields.list("matchExpressions", MAX_MATCHES, faults, item(LabelExpression::read));
        let selector = Self {
            labels: fields
                .texts("matchLabels", faults)
                .into_iter()
                .map(|(name, text)| (name, text.value))
                .collect(),
            expressions: items(expressions),
        };
        fields.finish(faults);
        selector
    }
}

impl LabelExpression {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let expression = Self {
            at: fields.at(),
            key: fields.text("key", faults),
            operator: fields.text("operator", faults),
            values: items(fields.list("values", MAX_MATCHES, faults, item_text)),
        };
        fields.finish(faults);
        expression
    }
}

impl Expression {
    const SWITCHES: [&'static str; 4] = ["fetchConfigFile", "includeSpec", "includeObjectMeta", "includeTypeMeta"];

    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let expression = Self {
            language: fields.text("type", faults),
            data: fields.text("data", faults),
            remote: fields.mapping("remote", faults, Remote::read),
            config_map: fields.mapping("configMapRef", faults, ConfigMapRef::read),
            switches: Self::SWITCHES
                .into_iter()
                .filter_map(|name| Some((name, fields.flag(name, faults)?.at)))
                .collect(),
        };
        fields.finish(faults);
        expression
    }
}

impl Remote {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let remote = Self {
            url: fields.text("url", faults),
            sha256: fields.text("sha256sum", faults),
        };
        fields.finish(faults);
        remote
    }
}

impl ConfigMapRef {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let reference = Self {
            name: fields.text("name", faults),
            key: fields.text("key", faults),
        };
        fields.text("namespace", faults);
        fields.finish(faults);
        reference
    }
}

fn items<T>(list: Option<Field<Vec<T>>>) -> Vec<T> {
    list.map(|list| list.value).unwrap_or_default()
}

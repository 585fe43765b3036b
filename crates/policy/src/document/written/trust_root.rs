//! `TrustRoot` as written: every field that the resource has, and no other.

use super::{MAX_OF_AUTHORITY, Text, item, read_metadata};
use crate::document::faults::Faults;
use crate::document::fields::{Field, Fields};
use crate::document::tree::Mark;

/// The whole trust root.
#[derive(Debug)]
pub(crate) struct TrustRoot {
    pub(crate) at: Mark,
    /// What stands before every path: `items[0].` in a list.
    pub(crate) prefix: String,
    pub(crate) name: Option<Text>,
    pub(crate) spec: Option<Field<TrustRootSpec>>,
}

/// `spec`.
#[derive(Debug)]
pub(crate) struct TrustRootSpec {
    pub(crate) remote: Option<Field<Remote>>,
    pub(crate) repository: Option<Field<Repository>>,
    pub(crate) keys: Option<Field<SigstoreKeys>>,
}

/// `spec.remote`.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) mirror: Option<Text>,
    pub(crate) root: Option<Text>,
    pub(crate) targets: Option<Text>,
    pub(crate) target: Option<Text>,
}

/// `spec.repository`.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) archive: Option<Text>,
    pub(crate) root: Option<Text>,
    pub(crate) targets: Option<Text>,
    pub(crate) target: Option<Text>,
}

/// `spec.sigstoreKeys`.
#[derive(Debug)]
pub(crate) struct SigstoreKeys {
    pub(crate) authorities: Option<Field<Vec<Authority>>>,
    pub(crate) logs: Option<Field<Vec<Log>>>,
    pub(crate) ct_logs: Option<Field<Vec<Log>>>,
    pub(crate) time_authorities: Option<Field<Vec<Authority>>>,
}

/// `certificateAuthorities[]` and `timestampAuthorities[]`.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) at: Mark,
    pub(crate) organization: Option<Text>,
    pub(crate) common_name: Option<Text>,
    pub(crate) uri: Option<Text>,
    pub(crate) chain: Option<Text>,
}

/// `tLogs[]` and `ctLogs[]`.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) at: Mark,
    pub(crate) base_url: Option<Text>,
    pub(crate) hash: Option<Text>,
    pub(crate) key: Option<Text>,
}

impl TrustRoot {
    /// Reads what stands beside `apiVersion` and `kind`, which were read before.
    pub(crate) fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let at = fields.at();
        let prefix = fields.path_of("");
        let metadata = fields.mapping("metadata", faults, read_metadata);
        let (name, own) = metadata.map(|metadata| metadata.value).unwrap_or_default();
        for (annotation, text) in own {
            let path = format!("{prefix}metadata.annotations.{annotation}");
            faults.not_allowed(text.at, &path, "no annotation of a TrustRoot means anything here");
        }
        let spec = fields.mapping("spec", faults, TrustRootSpec::read);
        fields.ignore(&["status"]);
        fields.finish(faults);
        Self { at, prefix, name, spec }
    }
}

impl TrustRootSpec {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let spec = Self {
            remote: fields.mapping("remote", faults, Remote::read),
            repository: fields.mapping("repository", faults, Repository::read),
            keys: fields.mapping("sigstoreKeys", faults, SigstoreKeys::read),
        };
        fields.finish(faults);
        spec
    }
}

impl Remote {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let remote = Self {
            mirror: fields.text("mirror", faults),
            root: fields.text("root", faults),
            targets: fields.text("targets", faults),
            target: fields.text("trustedRootTarget", faults),
        };
        fields.finish(faults);
        remote
    }
}

impl Repository {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let repository = Self {
            archive: fields.text("mirrorFS", faults),
            root: fields.text("root", faults),
            targets: fields.text("targets", faults),
            target: fields.text("trustedRootTarget", faults),
        };
        fields.finish(faults);
        repository
    }
}

impl SigstoreKeys {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let keys = Self {
            authorities: fields.list(
                "certificateAuthorities",
                MAX_OF_AUTHORITY,
                faults,
                item(Authority::read),
            ),
            logs: fields.list("tLogs", MAX_OF_AUTHORITY, faults, item(Log::read)),
            ct_logs: fields.list("ctLogs", MAX_OF_AUTHORITY, faults, item(Log::read)),
            time_authorities: fields.list("timestampAuthorities", MAX_OF_AUTHORITY, faults, item(Authority::read)),
        };
        fields.finish(faults);
        keys
    }
}

impl Authority {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let at = fields.at();
        let subject = fields.mapping("subject", faults, |mut fields, faults| {
            let names = (fields.text("organization", faults), fields.text("commonName", faults));
            fields.finish(faults);
            names
        });
        let (organization, common_name) = subject.map(|subject| subject.value).unwrap_or_default();
        let authority = Self {
            at,
            organization,
            common_name,
            uri: fields.text("uri", faults),
            chain: fields.text("certChain", faults),
        };
        fields.finish(faults);
        authority
    }
}

impl Log {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let log = Self {
            at: fields.at(),
            base_url: fields.text("baseURL", faults),
            hash: fields.text("hashAlgorithm", faults),
            key: fields.text("publicKey", faults),
        };
        fields.finish(faults);
        log
    }
}

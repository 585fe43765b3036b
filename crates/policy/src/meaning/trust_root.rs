//! From a TrustRoot as written to a trust root: the checks of policy-controller's admission webhook, in its words.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_evidence::PublicKey;
use countersign_evidence::trust::{AuthorityParts, LogParts, TrustRoot, TrustRootError, TrustRootParts, Window};
use countersign_image::{Digest, json};

use super::read::{name_of, position};
use crate::document::faults::Faults;
use crate::document::fields::Field;
use crate::document::tree::Mark;
use crate::document::written::Text;
use crate::document::written::trust_root as written;
use crate::trust::{RemoteSource, RepositorySource, TrustRootContent, TrustRootDocument};

/// The most certificates of one chain.
const MAX_CHAIN: usize = 16;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Reads a TrustRoot; what is wrong goes to `faults`, and then it is not to be used.
pub(crate) fn read(
    written: written::TrustRoot,
    file: &Arc<str>,
    canonical: &str,
    faults: &mut Faults,
) -> Option<TrustRootDocument> {
    let written::TrustRoot { at, prefix, name, spec } = written;
    let name = name_of(name, at, &format!("{prefix}metadata.name"), faults);
    let path = format!("{prefix}spec");
    let Some(spec) = spec else {
        faults.missing(at, &[path]);
        return None;
    };
    let content = content_of(&spec, &path, faults);
    Some(TrustRootDocument {
        name: name?,
        source: position(file, at),
        digest: Digest::sha256(format!("trust root\0{file}\0{canonical}").as_bytes()),
        content: content?,
    })
}

fn content_of(spec: &Field<written::TrustRootSpec>, path: &str, faults: &mut Faults) -> Option<TrustRootContent> {
    let places = ["repository", "remote", "sigstoreKeys"].map(|name| format!("{path}.{name}"));
    let written::TrustRootSpec {
        remote,
        repository,
        keys,
    } = &spec.value;
    match (remote, repository, keys) {
        (Some(remote), None, None) => {
            remote_of(remote, &format!("{path}.remote"), faults).map(TrustRootContent::Remote)
        }
        (None, Some(repository), None) => {
            repository_of(repository, &format!("{path}.repository"), faults).map(TrustRootContent::Repository)
        }
        (None, None, Some(keys)) => keys_of(keys, &format!("{path}.sigstoreKeys"), faults).map(TrustRootContent::Keys),
        (None, None, None) => {
            faults.neither(spec.at, &places);
            None
        }
        _ => {
            faults.both(spec.at, &places);
            None
        }
    }
}

fn remote_of(written: &Field<written::Remote>, path: &str, faults: &mut Faults) -> Option<RemoteSource> {
    let remote = &written.value;
    let mirror = needed(remote.mirror.as_ref(), written.at, &format!("{path}.mirror"), faults);
    let root = root_of(remote.root.as_ref(), written.at, path, faults);
    let mirror = mirror.and_then(|mirror| {
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|scheme| mirror.value.strip_prefix(scheme));
        let host = rest.and_then(|rest| rest.split(['/', '\\', '?', '#']).next());
        let why = match host {
            None | Some("") => "it must begin with `https://` or `http://` and name a host",
            // It would be sent wherever the address leads, and kept wherever the document is.
            Some(host) if host.contains('@') => "it must hold neither a user nor a password",
            Some(_) => return Some(mirror.value.clone()),
        };
        // What is no address may hold a password still.
        let shown = Some(&*mirror.value).filter(|text| !text.contains('@'));
        faults.invalid(mirror.at, &format!("{path}.mirror"), shown.unwrap_or_default(), why);
        None
    });
    Some(RemoteSource {
        mirror: mirror?,
        root: root?,
        targets: targets_of(remote.targets.as_ref()),
        target: target_of(remote.target.as_ref()),
    })
}

fn repository_of(written: &Field<written::Repository>, path: &str, faults: &mut Faults) -> Option<RepositorySource> {
    let repository = &written.value;
    let root = root_of(repository.root.as_ref(), written.at, path, faults);
    // policy-controller calls it `repository` in this error.
    let archive = match &repository.archive {
        Some(archive) => base64_of(archive, &format!("{path}.mirrorFS"), faults),
        None => {
            faults.missing(written.at, &[format!("{path}.repository"), format!("{path}.mirrorFS")]);
            None
        }
    };
    if let (Some(text), Some(bytes)) = (&repository.archive, &archive)
        && !bytes.starts_with(&[0x1f, 0x8b])
    {
        let why = "it is not the base64 of a tar archive compressed with gzip";
        faults.invalid(text.at, &format!("{path}.mirrorFS"), "", why);
        return None;
    }
    Some(RepositorySource {
        root: root?,
        archive: archive?,
        targets: targets_of(repository.targets.as_ref()),
        target: target_of(repository.target.as_ref()),
    })
}

fn targets_of(text: Option<&Text>) -> String {
    text.map_or_else(|| "targets".to_owned(), |text| text.value.clone())
}

fn target_of(text: Option<&Text>) -> String {
    text.map_or_else(|| "trusted_root.json".to_owned(), |text| text.value.clone())
}

/// TUF root metadata: JSON with `signed` and `signatures`, the least that policy-controller looks at.
fn root_of(text: Option<&Text>, at: Mark, path: &str, faults: &mut Faults) -> Option<Bytes> {
    let path = format!("{path}.root");
    let text = needed(text, at, &path, faults)?;
    let bytes = base64_of(text, &path, faults)?;
    type Fields = BTreeMap<String, serde::de::IgnoredAny>;
    let is_metadata = |fields: Fields| fields.contains_key("signed") && fields.contains_key("signatures");
    if !json::strict(&bytes).is_ok_and(is_metadata) {
        let why = "it is not the base64 of TUF root metadata: JSON with `signed` and `signatures`";
        faults.invalid(text.at, &path, "", why);
        return None;
    }
    Some(bytes)
}

fn keys_of(written: &Field<written::SigstoreKeys>, path: &str, faults: &mut Faults) -> Option<Arc<TrustRoot>> {
    let before = faults.len();
    let keys = &written.value;
    let lists =
        ["certificateAuthorities", "tLogs", "ctLogs", "timestampAuthorities"].map(|name| format!("{path}.{name}"));
    let parts = TrustRootParts {
        authorities: authorities_of(keys.authorities.as_ref(), &lists[0], faults),
        logs: logs_of(keys.logs.as_ref(), &lists[1], faults),
        ct_logs: logs_of(keys.ct_logs.as_ref(), &lists[2], faults),
        time_authorities: authorities_of(keys.time_authorities.as_ref(), &lists[3], faults),
    };
    if faults.len() > before {
        return None;
    }
    match TrustRoot::of(parts) {
        Ok(root) => {
            for unusable in root.unusable() {
                let part = format!("{path}.{}", part_of(&unusable.part));
                faults.invalid(written.at, &part, "", &unusable.why);
            }
            Some(Arc::new(root))
        }
        Err(error @ TrustRootError::Empty { .. }) => {
            faults.add(
                written.at,
                path,
                format!("missing field(s): {}; {error}", lists.join(", ")),
            );
            None
        }
        Err(error) => {
            faults.invalid(written.at, path, "", &error.to_string());
            None
        }
    }
}

/// A part of a `trusted_root.json`, as a TrustRoot calls it.
fn part_of(part: &str) -> String {
    for (theirs, ours) in [("tlogs", "tLogs"), ("ctlogs", "ctLogs")] {
        if let Some(rest) = part.strip_prefix(theirs) {
            return format!("{ours}{rest}");
        }
    }
    part.to_owned()
}

fn authorities_of(
    list: Option<&Field<Vec<written::Authority>>>,
    path: &str,
    faults: &mut Faults,
) -> Vec<AuthorityParts> {
    let list = list.into_iter().flat_map(|list| &list.value).enumerate();
    list.filter_map(|(index, authority)| authority_of(authority, &format!("{path}[{index}]"), faults))
        .collect()
}

fn authority_of(written: &written::Authority, path: &str, faults: &mut Faults) -> Option<AuthorityParts> {
    let at = written.at;
    let organization = needed(
        written.organization.as_ref(),
        at,
        &format!("{path}.subject.organization"),
        faults,
    );
    needed(
        written.common_name.as_ref(),
        at,
        &format!("{path}.subject.commonName"),
        faults,
    );
    let uri = needed(written.uri.as_ref(), at, &format!("{path}.uri"), faults);
    let chain_path = format!("{path}.certChain");
    let chain = needed(written.chain.as_ref(), at, &chain_path, faults)
        .and_then(|text| Some((text, base64_of(text, &chain_path, faults)?)))
        .and_then(|(text, pem)| match certificates(&pem) {
            Ok(chain) => Some(chain),
            Err(why) => {
                faults.invalid(text.at, &chain_path, "", why);
                None
            }
        });
    Some(AuthorityParts {
        uri: uri?.value.clone(),
        operator: organization.map(|name| name.value.clone()),
        chain: chain?,
        window: Window::ALWAYS,
    })
}

fn logs_of(list: Option<&Field<Vec<written::Log>>>, path: &str, faults: &mut Faults) -> Vec<LogParts> {
    let list = list.into_iter().flat_map(|list| &list.value).enumerate();
    list.filter_map(|(index, log)| log_of(log, &format!("{path}[{index}]"), faults))
        .collect()
}

fn log_of(written: &written::Log, path: &str, faults: &mut Faults) -> Option<LogParts> {
    let at = written.at;
    let base_url = needed(written.base_url.as_ref(), at, &format!("{path}.baseURL"), faults);
    needed(written.hash.as_ref(), at, &format!("{path}.hashAlgorithm"), faults);
    let key_path = format!("{path}.publicKey");
    let key = needed(written.key.as_ref(), at, &key_path, faults)
        .and_then(|text| Some((text, base64_of(text, &key_path, faults)?)))
        .and_then(
            |(text, pem)| match PublicKey::from_pem(&String::from_utf8_lossy(&pem)) {
                Ok(key) => Some(key),
                Err(error) => {
                    faults.invalid(text.at, &key_path, "", &error.to_string());
                    None
                }
            },
        );
    Some(LogParts {
        base_url: base_url?.value.clone(),
        operator: None,
        key: key?,
        id: None,
        window: Window::ALWAYS,
    })
}

fn needed<'a>(text: Option<&'a Text>, at: Mark, path: &str, faults: &mut Faults) -> Option<&'a Text> {
    if text.is_none() {
        faults.missing(at, &[path.to_owned()]);
    }
    text
}

/// What the API server would decode: base64 with or without line breaks.
fn base64_of(text: &Text, path: &str, faults: &mut Faults) -> Option<Bytes> {
    let packed: String = text
        .value
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    match STANDARD.decode(&packed) {
        Ok(bytes) => Some(bytes.into()),
        Err(error) => {
            let begins: String = packed.chars().take(32).collect();
            faults.invalid(text.at, path, &begins, &format!("it is not base64: {error}"));
            None
        }
    }
}

/// The certificates of a PEM text (RFC 7468) in DER. Text between them is read over.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let Ok(text) = std::str::from_utf8(pem) else {
        return Err("it is not PEM");
    };
    let mut chain = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let (body, after) = block.split_once(END).ok_or("a certificate in it does not end")?;
        if chain.len() == MAX_CHAIN {
            return Err("it has more than 16 certificates");
        }
        let packed: String = body
            .chars()
            .filter(|character| !character.is_ascii_whitespace())
            .collect();
        chain.push(
            STANDARD
                .decode(packed)
                .map_err(|_| "a certificate in it is not base64")?,
        );
        rest = after;
    }
    if chain.is_empty() {
        return Err("there is no PEM certificate in it");
    }
    Ok(chain)
}

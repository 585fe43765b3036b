//! `key`: a public key in the document, in a Secret, or in a KMS. This version reads the first.

use countersign_evidence::{Hash, HashRule, KeyKind, PublicKey, SignatureError};

use super::Unsupported;
use super::read::Reading;
use super::signer::Signer;
use crate::document::fields::Field;
use crate::document::written::{Key, Text};
use crate::lint::LintCode;

const PROVIDERS: [&str; 4] = ["awskms://", "gcpkms://", "azurekms://", "hashivault://"];

/// Reads a key; `None` where it is wrong or elsewhere.
pub(super) fn read(
    written: &Field<Key>,
    path: &str,
    unsupported: &mut Vec<Unsupported>,
    reading: &mut Reading<'_>,
) -> Option<Signer> {
    let key = &written.value;
    if !is_in_one_place(written, path, reading) {
        return None;
    }
    let hash = hash_of(key.hash.as_ref(), path, reading);
    if let Some(kms) = &key.kms {
        let path = format!("{path}.kms");
        check_kms(kms, &path, reading);
        let instead = "fetch the public key (`cosign public-key --key …`) and put it in `data`";
        unsupported.push(reading.unsupported(kms.at, &path, "a key in a KMS", instead));
    }
    if let Some(secret) = &key.secret {
        let path = format!("{path}.secretRef");
        if secret.value.name.is_none() {
            reading.faults.missing(secret.at, &[format!("{path}.name")]);
        }
        let instead = "put the public key in `data`";
        unsupported.push(reading.unsupported(secret.at, &path, "a key in a Secret", instead));
    }
    let data = key.data.as_ref()?;
    let path = format!("{path}.data");
    match PublicKey::from_pem(&data.value) {
        Ok(public) => {
            lint(&public, key, data, &path, reading);
            let rule = hash.map_or(HashRule::Natural, HashRule::Exactly);
            if let Some(hash) = &key.hash
                && !can_verify(&public, rule)
            {
                let what = format!("`{}` with a key of this kind ({})", hash.value.trim(), public.kind());
                let instead = "use the hash that the signatures are made with, or leave it out";
                unsupported.push(reading.unsupported(hash.at, &path, &what, instead));
            }
            Some(Signer::Key { key: public, rule })
        }
        Err(error) => {
            let begins = beginning(&data.value);
            reading.faults.invalid(data.at, &path, &begins, &error.to_string());
            None
        }
    }
}

/// Exactly one of `data`, `kms` and `secretRef` is given.
pub(super) fn is_in_one_place(written: &Field<Key>, path: &str, reading: &mut Reading<'_>) -> bool {
    let key = &written.value;
    // policy-controller writes `secretref` in these two errors, and only here.
    let places = ["data", "kms", "secretref"].map(|name| format!("{path}.{name}"));
    let given = [key.data.is_some(), key.kms.is_some(), key.secret.is_some()];
    match given.iter().filter(|given| **given).count() {
        0 => reading.faults.neither(written.at, &places),
        1 => return true,
        _ => reading.faults.both(written.at, &places),
    }
    false
}

fn hash_of(hash: Option<&Text>, path: &str, reading: &mut Reading<'_>) -> Option<Hash> {
    let hash = hash?;
    match hash.value.parse() {
        Ok(hash) => Some(hash),
        Err(error) => {
            let path = format!("{path}.hashAlgorithm");
            reading.faults.invalid(hash.at, &path, &hash.value, &format!("{error}"));
            None
        }
    }
}

/// The forms that policy-controller accepts: of AWS only ARNs, elsewhere the prefix alone is looked at.
pub(super) fn check_kms(kms: &Text, path: &str, reading: &mut Reading<'_>) {
    let text = kms.value.as_str();
    if !PROVIDERS.iter().any(|provider| text.starts_with(provider)) {
        let why = format!(
            "malformed KMS format, should be prefixed by any of the supported providers: [{}]",
            PROVIDERS.join(" ")
        );
        reading.faults.invalid(kms.at, path, text, &why);
    } else if let Some(aws) = text.strip_prefix("awskms://")
        && !is_aws_arn(aws)
    {
        let why = "an AWS key is named by its ARN: `awskms://[host[:port]]/arn:aws:kms:<region>:<account>:key/<id>` or `…:alias/<name>`";
        reading.faults.invalid(kms.at, path, text, why);
    }
}

fn is_aws_arn(text: &str) -> bool {
    let arn = text.split_once('/').map(|(_, arn)| arn).unwrap_or_default();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [arn, partition, service, _, _, key] = parts[..] else {
        return false;
    };
    let named = |prefix| key.strip_prefix(prefix).is_some_and(|name: &str| !name.is_empty());
    arn == "arn" && partition.starts_with("aws") && service == "kms" && (named("key/") || named("alias/"))
}

/// Enough of a text to know it again, and too little to use, should it be a private key by mistake.
fn beginning(text: &str) -> String {
    const SHOWN: usize = 32;
    let line = text.trim_start().lines().next().unwrap_or_default();
    let shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() { shown + "…" } else { shown }
}

/// Whether any signature can satisfy the rule: no signature at all is by this key, unless none is possible.
fn can_verify(key: &PublicKey, rule: HashRule) -> bool {
    !matches!(key.verify(rule, b"", b""), Err(SignatureError::Unsupported { .. }))
}

fn lint(public: &PublicKey, key: &Key, data: &Text, path: &str, reading: &mut Reading<'_>) {
    if data.value.matches("-----BEGIN").count() > 1 {
        let message = "it holds several keys, and only the first is used".to_owned();
        let advice = "write an authority for each key";
        reading.lint(LintCode::KeyFirstOnly, data.at, path, message, advice);
    }
    if let Some(hash) = &key.hash
        && public.kind() == KeyKind::Ed25519
    {
        let message = "`hashAlgorithm` means nothing for an Ed25519 key".to_owned();
        reading.lint(LintCode::KeyHashIgnored, hash.at, path, message, "take it out");
    }
}

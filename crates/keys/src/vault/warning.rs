//! What does not stop a key from signing, and somebody should know: a key that is weaker than it could be, and a token that
//! may do more than sign with it.

use std::collections::BTreeMap;
use std::fmt;

use countersign_evidence::KeyKind;
use serde::Deserialize;

/// The type of key that every reader of cosign's formats takes.
pub(super) const READER_OF_ALL: &str = "ecdsa-p256";

/// A name that no key has: whatever may be done with it may be done with any other key.
const ANOTHER: &str = "countersign-asks-what-it-may-do";

/// Something that somebody should know before they trust this key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// On this curve cosign reads signatures over SHA-256 only, which is what is made here.
    Curve {
        /// The key's kind.
        kind: KeyKind,
        /// The type that needs no warning.
        better: &'static str,
    },
    /// The key was made elsewhere, and may still be there.
    Imported,
    /// The key can be deleted.
    Deletable,
    /// The token may do more than it needs.
    MayDoMore {
        /// The path, as a policy names it.
        path: String,
        /// What may be done there, as a policy names it.
        capabilities: Vec<String>,
        /// What that would let somebody do.
        meaning: &'static str,
    },
    /// The vault does not let the token ask what it may do.
    NotAsked,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Curve { kind, better } => write!(
                formatter,
                "the vault's key is {kind}: it signs SHA-256, since cosign does not read this curve with the hash that \
                 belongs to it; a key of type {better} is read by everybody"
            ),
            Self::Imported => formatter.write_str("the vault's key was imported: whoever made it may still have it"),
            Self::Deletable => formatter.write_str("the vault's key can be deleted (`deletion_allowed`)"),
            Self::MayDoMore {
                path,
                capabilities,
                meaning,
            } => write!(
                formatter,
                "the vault's token may do more than sign: {meaning} (`{path}`: {})",
                capabilities.join(", ")
            ),
            Self::NotAsked => formatter.write_str(
                "the vault does not let this token ask what it may do (`sys/capabilities-self`), so nobody knows whether it may \
                 do more than sign",
            ),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Capabilities {
    data: BTreeMap<String, Vec<String>>,
}

/// What a token is asked about, what of it signing needs, and what more would mean.
type Question = (String, &'static [&'static str], &'static str);

pub(super) fn questions(engine: &str, key: &str, sign: &str) -> Vec<Question> {
    let mut questions: Vec<Question> = vec![
        (sign.to_owned(), &["update", "create"], "more than sign, where it signs"),
        (format!("{engine}/keys/{key}"), &["read"], "change or delete the key"),
        (format!("{engine}/keys/{key}/rotate"), &[], "rotate the key"),
        (format!("{engine}/keys/{key}/config"), &[], "make the key exportable"),
        (
            format!("{engine}/keys/{key}/trim"),
            &[],
            "remove old versions of the key",
        ),
        (format!("{engine}/export/signing-key/{key}"), &[], "export the key"),
        (format!("{engine}/backup/{key}"), &[], "back the key up in plain"),
        (format!("{engine}/restore/{key}"), &[], "replace the key"),
        (format!("{engine}/sign/{ANOTHER}"), &[], "sign with other keys"),
        (format!("{engine}/sign/{ANOTHER}/sha2-256"), &[], "sign with other keys"),
        (format!("{engine}/keys/{ANOTHER}"), &[], "read or make other keys"),
        (format!("{engine}/keys"), &[], "list keys"),
        ("auth/token/create".to_owned(), &[], "make tokens"),
        (format!("sys/policies/acl/{ANOTHER}"), &[], "write policies"),
    ];
    let whole = format!("{engine}/sign/{key}");
    if whole != sign {
        questions.push((whole, &[], "sign with other hashes and schemes"));
    }
    questions
}

pub(super) fn excess(questions: &[Question], answer: Capabilities) -> Vec<Warning> {
    let Capabilities { mut data } = answer;
    let mut warnings = Vec::new();
    for (path, needed, meaning) in questions {
        // What is not answered is not known, which is worth as much as a yes.
        let granted = data.remove(path).unwrap_or_else(|| vec!["unknown".to_owned()]);
        if granted.iter().any(|capability| capability == "root") {
            return vec![Warning::MayDoMore {
                path: path.clone(),
                capabilities: granted,
                meaning: "everything: it is a root token",
            }];
        }
        let more: Vec<String> = granted
            .into_iter()
            .filter(|capability| capability != "deny" && !needed.contains(&capability.as_str()))
            .collect();
        if !more.is_empty() {
            warnings.push(Warning::MayDoMore {
                path: path.clone(),
                capabilities: more,
                meaning,
            });
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGN: &str = "transit/sign/release/sha2-256";

    fn asked(granted: &[(&str, &str)]) -> Vec<Warning> {
        let questions = questions("transit", "release", SIGN);
        let mut data: BTreeMap<String, Vec<String>> = questions
            .iter()
            .map(|(path, ..)| (path.clone(), vec!["deny".to_owned()]))
            .collect();
        for (path, capability) in granted {
            data.insert((*path).to_owned(), vec![(*capability).to_owned()]);
        }
        excess(&questions, Capabilities { data })
    }

    #[test]
    fn what_signing_needs_is_no_news() {
        assert_eq!(asked(&[(SIGN, "update"), ("transit/keys/release", "read")]), []);
    }

    #[test]
    fn whatever_goes_beyond_is_said_with_its_path() {
        for path in [
            "transit/keys/release/rotate",
            "transit/export/signing-key/release",
            "transit/backup/release",
            "transit/sign/release",
            "transit/keys",
            "auth/token/create",
        ] {
            let warnings = asked(&[(path, "update")]);
            assert_eq!(warnings.len(), 1, "{path}");
            assert!(
                warnings[0].to_string().contains(&format!("(`{path}`: update)")),
                "{}",
                warnings[0]
            );
        }
        assert_eq!(asked(&[("transit/keys/release", "delete")]).len(), 1);
    }

    #[test]
    fn a_root_token_is_called_one_and_silence_is_no_denial() {
        let root = asked(&[(SIGN, "root")]);
        assert!(
            root.len() == 1 && root[0].to_string().contains("root token"),
            "{root:?}"
        );
        let questions = questions("transit", "release", SIGN);
        let silent = excess(&questions, Capabilities { data: BTreeMap::new() });
        assert_eq!(silent.len(), questions.len());
    }
}

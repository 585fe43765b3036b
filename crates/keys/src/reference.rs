//! How a key is named: a file, or one of the URIs that cosign has for keys kept elsewhere.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use countersign_image::text::excerpt;

use crate::pem::MAX_QUOTED;

/// The longest name of a key in a vault that is read, in characters.
const LONGEST_NAME: usize = 128;

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyReference {
    /// A file.
    File(PathBuf),
    /// `env://VARIABLE`: the environment variable that holds what the file would.
    Environment(String),
    /// `openbao://KEY` or `hashivault://KEY`: a key of the transit engine, which never leaves it.
    Vault(Dialect, KeyName),
}

/// Which of the two servers a URI names. They speak the same protocol; the names of their environment variables differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `openbao://`: `BAO_…` goes before `VAULT_…`.
    OpenBao,
    /// `hashivault://`: `VAULT_…` goes before `BAO_…`.
    HashiCorp,
}

/// The name of a key in a transit engine, as cosign reads it: letters, digits, `_`, and between them `-` and `.`; no slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(String);

/// Why a text names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyReferenceError {
    /// A scheme under which no key is read here.
    #[error(
        "keys under `{scheme}` are not read here: name a file, `env://VARIABLE`, `openbao://KEY` or `hashivault://KEY`"
    )]
    Scheme {
        /// The scheme, with what separates it from the rest.
        scheme: String,
    },
    /// A name that a transit engine's key cannot have.
    #[error(
        "`{found}` names no key of a transit engine: expected letters, digits, `_`, and between them `-` and `.` \
         (the engine's own path is TRANSIT_SECRET_ENGINE_PATH)"
    )]
    Name {
        /// The name, shortened.
        found: String,
    },
    /// A name that no environment variable has.
    #[error("`{found}` names no environment variable: expected letters, digits and `_`")]
    Variable {
        /// The name, shortened.
        found: String,
    },
}

impl KeyReference {
    /// Reads a reference as cosign does; what has no scheme is a file.
    ///
    /// # Errors
    /// [`KeyReferenceError`], which says what works.
    pub fn parse(text: &OsStr) -> Result<Self, KeyReferenceError> {
        let file = || Self::File(PathBuf::from(text));
        // A path need not be a text, a URI is one.
        let Some(text) = text.to_str() else { return Ok(file()) };
        // The one scheme of cosign's that goes without slashes.
        if text.starts_with("pkcs11:") {
            return Err(KeyReferenceError::Scheme {
                scheme: "pkcs11:".to_owned(),
            });
        }
        match text.split_once("://") {
            Some((scheme, _)) if !is_scheme(scheme) => Ok(file()),
            Some(("env", name)) => variable(name).map(Self::Environment),
            Some(("openbao", key)) => KeyName::parse(key).map(|key| Self::Vault(Dialect::OpenBao, key)),
            Some(("hashivault", key)) => KeyName::parse(key).map(|key| Self::Vault(Dialect::HashiCorp, key)),
            Some((scheme, _)) => Err(KeyReferenceError::Scheme {
                scheme: format!("{}://", excerpt(scheme, MAX_QUOTED)),
            }),
            None => Ok(file()),
        }
    }
}

impl fmt::Display for KeyReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Environment(name) => write!(formatter, "env://{name}"),
            Self::Vault(Dialect::OpenBao, key) => write!(formatter, "openbao://{key}"),
            Self::Vault(Dialect::HashiCorp, key) => write!(formatter, "hashivault://{key}"),
        }
    }
}

impl KeyName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`KeyReferenceError::Name`].
    pub fn parse(text: &str) -> Result<Self, KeyReferenceError> {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let inner = |byte: &u8| word(byte) || b"-.".contains(byte);
        let bytes = text.as_bytes();
        let ends = bytes.first().is_some_and(word) && bytes.last().is_some_and(word);
        if ends && bytes.iter().all(inner) && bytes.len() <= LONGEST_NAME {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyReferenceError::Name {
                found: excerpt(text, MAX_QUOTED),
            })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn variable(name: &str) -> Result<String, KeyReferenceError> {
    let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits {
        Ok(name.to_owned())
    } else {
        Err(KeyReferenceError::Variable {
            found: excerpt(name, MAX_QUOTED),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<KeyReference, KeyReferenceError> {
        KeyReference::parse(text.as_ref())
    }

    #[test]
    fn what_has_no_scheme_is_a_file() {
        for text in [
            "release.key",
            "./env:release",
            "C:/keys/a",
            "dir/a://b",
            "openbao:release",
            "://x",
        ] {
            assert_eq!(parse(text), Ok(KeyReference::File(text.into())), "{text}");
        }
    }

    #[test]
    fn cosigns_names_are_read_and_written_as_they_were() {
        for text in [
            "env://COSIGN_KEY",
            "openbao://release",
            "hashivault://release",
            "openbao://a",
            "openbao://release-prod.2027_b",
        ] {
            let reference = parse(text).unwrap();
            assert!(!matches!(reference, KeyReference::File(_)), "{text}");
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn a_name_leads_to_no_other_path_of_the_server() {
        for key in [
            "", "-a", "a-", ".", "..", "a/b", "a/../b", "a%2fb", "a?b", "a#b", "a b", "ä", "a\n",
        ] {
            let refused = parse(&format!("openbao://{key}"));
            assert!(
                matches!(refused, Err(KeyReferenceError::Name { .. })),
                "{key}: {refused:?}"
            );
        }
        assert!(parse(&format!("openbao://{}", "a".repeat(LONGEST_NAME + 1))).is_err());
    }

    #[test]
    fn another_scheme_is_refused_with_those_that_work() {
        for (text, scheme) in [
            ("awskms:///alias/release", "awskms://"),
            ("k8s://ns/secret", "k8s://"),
            ("gcpkms://projects/p", "gcpkms://"),
            ("pkcs11:token=t;object=o", "pkcs11:"),
            ("OPENBAO://release", "OPENBAO://"),
        ] {
            let refused = parse(text).unwrap_err();
            let said = refused.to_string();
            assert!(
                said.contains(&format!("`{scheme}`")) && said.contains("`openbao://KEY`"),
                "{said}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_is_written_as_it_was(text in "((env|openbao|hashivault|k8s|pkcs11)(://|:))?.{0,40}") {
            if let Ok(reference) = parse(&text) {
                proptest::prop_assert_eq!(reference.to_string(), text);
            }
        }
    }

    #[test]
    fn a_variable_has_a_variables_name() {
        for name in ["", "A=B", "A B", "A\0"] {
            let refused = parse(&format!("env://{name}"));
            assert!(
                matches!(refused, Err(KeyReferenceError::Variable { .. })),
                "{name:?}: {refused:?}"
            );
        }
    }
}

//! The grammar of names, Docker's: `[host[:port]/]path[:tag][@digest]`.
//!
//! What is accepted is what `github.com/distribution/reference` accepts in `ParseNormalizedNamed`, since that is what
//! kubelet and container runtimes read names with, less three things that name nothing one could pull from: a host in
//! upper case without dot or port (`Docker/x`, which in lower case would be a path), brackets around what is no IPv6
//! address, and ports beyond 65535.

use std::net::Ipv6Addr;

use super::error::{Part, ReferenceError};
use crate::digest::Digest;

/// The longest text that is looked at, in bytes; longer than all parts at their limits.
pub const MAX_REFERENCE_BYTES: usize = 1024;
/// The longest host with its port, in bytes: a DNS name and six more.
pub const MAX_HOST_BYTES: usize = 259;
/// The longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 255;
/// The longest tag, in bytes.
pub const MAX_TAG_BYTES: usize = 128;

/// The registry that a name without a host means.
pub(super) const DEFAULT_HOST: &str = "docker.io";
/// The namespace that a one-word name of the default registry is in.
const OFFICIAL: &str = "library/";

/// A name taken apart; host and path are canonical.
pub(super) struct Parts<'a> {
    pub(super) host: String,
    pub(super) path: String,
    /// The tag, and the position where it begins.
    pub(super) tag: Option<(&'a str, usize)>,
    /// The digest, and the position where it begins.
    pub(super) digest: Option<(Digest, usize)>,
}

/// Takes a name apart.
pub(super) fn parse(text: &str) -> Result<Parts<'_>, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    if text.len() > MAX_REFERENCE_BYTES {
        return Err(ReferenceError::TooLong {
            limit: MAX_REFERENCE_BYTES,
            found: text.len(),
        });
    }
    if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(ReferenceError::LooksLikeHash);
    }
    let (rest, digest_text) = cut(text, text.find('@'));
    // A colon before the last slash belongs to a port or to an IPv6 address.
    let last_component = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag_text) = cut(
        rest,
        rest[last_component..].find(':').map(|colon| last_component + colon),
    );
    let (host_text, path_text) = split_host(name);
    let path_at = name.len() - path_text.len();

    let host = host_text.map_or_else(|| Ok(DEFAULT_HOST.to_owned()), host)?;
    let path = path(&host, path_text, path_at)?;
    if let Some(tag_text) = tag_text {
        tag(tag_text, name.len() + 1)?;
    }
    let digest_at = rest.len() + 1;
    let digest = digest_text
        .map(|digest_text| digest(digest_text, digest_at))
        .transpose()?;
    Ok(Parts {
        host,
        path,
        tag: tag_text.map(|tag_text| (tag_text, name.len() + 2)),
        digest: digest.map(|digest| (digest, digest_at + 1)),
    })
}

/// The text before and after a one-byte separator.
fn cut(text: &str, separator: Option<usize>) -> (&str, Option<&str>) {
    match separator {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Tells a host from the first word of a path, as Docker does: it is `localhost`, or has a dot, a colon or an upper-case
/// letter.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, path))
            if first == "localhost" || first.contains(['.', ':', '[']) || first.chars().any(char::is_uppercase) =>
        {
            (Some(first), path)
        }
        _ => (None, name),
    }
}

/// Reads a host with its port; the result is in lower case, with Docker Hub's other names replaced.
fn host(text: &str) -> Result<String, ReferenceError> {
    if text.len() > MAX_HOST_BYTES {
        return Err(ReferenceError::PartTooLong {
            part: Part::Host,
            limit: MAX_HOST_BYTES,
            found: text.len(),
        });
    }
    let (name, port_text) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']').ok_or(ReferenceError::Ipv6 { at: 1 })?;
            // Zones and embedded IPv4 addresses are not in the grammar.
            if address.contains(['%', '.']) || address.parse::<Ipv6Addr>().is_err() {
                return Err(ReferenceError::Ipv6 { at: 1 });
            }
            let at = text.len() - after.len();
            match after.chars().next() {
                None => (text, None),
                Some(':') => (&text[..at], Some(&after[1..])),
                Some(found) => {
                    return Err(ReferenceError::Character {
                        part: Part::Host,
                        found,
                        at: at + 1,
                    });
                }
            }
        }
        None => {
            let (name, port_text) = cut(text, text.find(':'));
            domain(name)?;
            (name, port_text)
        }
    };
    if let Some(port_text) = port_text {
        port(port_text, name.len() + 1)?;
    }
    let host = text.to_ascii_lowercase();
    if host != text && host != "localhost" && !host.contains(['.', ':']) {
        let (at, found) = text
            .char_indices()
            .find(|(_, c)| c.is_ascii_uppercase())
            .unwrap_or((0, '?'));
        return Err(ReferenceError::UpperCase { found, at: at + 1 });
    }
    Ok(match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => DEFAULT_HOST.to_owned(),
        _ => host,
    })
}

/// Checks a DNS name or an IPv4 address: letters and digits, dashes between them, in words with dots between.
fn domain(name: &str) -> Result<(), ReferenceError> {
    let part = Part::Host;
    let mut before = '.';
    for (offset, found) in name.char_indices() {
        let fits = match found {
            '.' => before.is_ascii_alphanumeric(),
            '-' => before != '.',
            _ => found.is_ascii_alphanumeric(),
        };
        if !fits {
            return Err(ReferenceError::Character {
                part,
                found,
                at: offset + 1,
            });
        }
        before = found;
    }
    match before {
        _ if name.is_empty() => Err(ReferenceError::EmptyPart { part, at: 1 }),
        '.' | '-' => Err(ReferenceError::Ending {
            part,
            found: before,
            at: name.len(),
        }),
        _ => Ok(()),
    }
}

/// Checks a port that begins `offset` bytes into the text.
fn port(text: &str, offset: usize) -> Result<(), ReferenceError> {
    let number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse::<u16>().ok())
        .flatten();
    match number {
        Some(1..) => Ok(()),
        _ if text.is_empty() => Err(ReferenceError::EmptyPart {
            part: Part::Port,
            at: offset + 1,
        }),
        _ => Err(ReferenceError::Port { at: offset + 1 }),
    }
}

/// Reads a path that begins `offset` bytes into the text, and adds the namespace that Docker Hub leaves out.
fn path(host: &str, text: &str, offset: usize) -> Result<String, ReferenceError> {
    let part = Part::Path;
    let mut word_at = offset;
    for word in text.split('/') {
        path_word(word, word_at)?;
        word_at += word.len() + 1;
    }
    let official = host == DEFAULT_HOST && !text.contains('/');
    let path = if official {
        format!("{OFFICIAL}{text}")
    } else {
        text.to_owned()
    };
    if path.len() > MAX_PATH_BYTES {
        return Err(ReferenceError::PartTooLong {
            part,
            limit: MAX_PATH_BYTES,
            found: path.len(),
        });
    }
    Ok(path)
}

/// Checks one word of a path: lower-case letters and digits, with one `.`, one or two `_`, or any number of `-` between.
fn path_word(word: &str, offset: usize) -> Result<(), ReferenceError> {
    let part = Part::Path;
    let mut separator = "";
    let mut rest = word;
    while let Some(found) = rest.chars().next() {
        let at = offset + word.len() - rest.len() + 1;
        match found {
            'a'..='z' | '0'..='9' => {
                separator = "";
                rest = &rest[1..];
            }
            '.' | '_' | '-' => {
                // Two different separators in a row, or one at the start.
                if !separator.is_empty() || rest.len() == word.len() {
                    return Err(ReferenceError::Character { part, found, at });
                }
                let run = rest.len() - rest.trim_start_matches(found).len();
                let most = match found {
                    '.' => 1,
                    '_' => 2,
                    _ => run,
                };
                if run > most {
                    return Err(ReferenceError::Character {
                        part,
                        found,
                        at: at + most,
                    });
                }
                (separator, rest) = rest.split_at(run);
            }
            _ if found.is_uppercase() => return Err(ReferenceError::UpperCase { found, at }),
            _ => return Err(ReferenceError::Character { part, found, at }),
        }
    }
    match separator.chars().next() {
        Some(found) => Err(ReferenceError::Ending {
            part,
            found,
            at: offset + word.len(),
        }),
        None if word.is_empty() => Err(ReferenceError::EmptyPart { part, at: offset + 1 }),
        None => Ok(()),
    }
}

/// Checks a tag that begins `offset` bytes into the text: a word character, then at most 127 of word characters, `.`, `-`.
pub(super) fn tag(text: &str, offset: usize) -> Result<(), ReferenceError> {
    let part = Part::Tag;
    if text.is_empty() {
        return Err(ReferenceError::EmptyPart { part, at: offset + 1 });
    }
    for (index, found) in text.char_indices() {
        let fits = found.is_ascii_alphanumeric() || found == '_' || (index > 0 && matches!(found, '.' | '-'));
        if !fits {
            return Err(ReferenceError::Character {
                part,
                found,
                at: offset + index + 1,
            });
        }
    }
    if text.len() > MAX_TAG_BYTES {
        return Err(ReferenceError::PartTooLong {
            part,
            limit: MAX_TAG_BYTES,
            found: text.len(),
        });
    }
    Ok(())
}

/// Reads a digest that begins `offset` bytes into the text.
fn digest(text: &str, offset: usize) -> Result<Digest, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::EmptyPart {
            part: Part::Digest,
            at: offset + 1,
        });
    }
    Digest::parse(text).map_err(|source| ReferenceError::Digest { at: offset + 1, source })
}

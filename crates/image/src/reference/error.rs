//! Why a text is not the name of an image: which part of it, and where in it.

use std::fmt;

use thiserror::Error;

use crate::digest::DigestError;

/// A part of a name: `host:port/path:tag@digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The registry's host.
    Host,
    /// The port after the host.
    Port,
    /// The path in the registry.
    Path,
    /// The tag.
    Tag,
    /// The digest.
    Digest,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Port => "port",
            Self::Path => "path",
            Self::Tag => "tag",
            Self::Digest => "digest",
        })
    }
}

/// Why a text is not the name of an image. Positions count characters of the whole text, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The text is empty.
    #[error("the name is empty")]
    Empty,
    /// The text is longer than any name can be.
    #[error("the name has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// The text is 64 hex digits: it looks like the hash of an image, not like its name.
    #[error("64 hex digits are a hash, not a name; a digest is written `name@sha256:…`")]
    LooksLikeHash,
    /// A part is missing where its separator announces it.
    #[error("the {part} at position {at} is empty")]
    EmptyPart {
        /// The part.
        part: Part,
        /// Where it should begin.
        at: usize,
    },
    /// A part is too long.
    #[error("the {part} has {found} bytes, and {limit} are the most")]
    PartTooLong {
        /// The part.
        part: Part,
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// A character cannot be where it is.
    #[error("`{}` at position {at} cannot be there in the {part}", found.escape_debug())]
    Character {
        /// The part.
        part: Part,
        /// The character.
        found: char,
        /// Where it is.
        at: usize,
    },
    /// A path is written in upper case.
    #[error("the path must be in lower case, and `{found}` at position {at} is not")]
    UpperCase {
        /// The character.
        found: char,
        /// Where it is.
        at: usize,
    },
    /// A part ends where a letter or digit should follow.
    #[error("the {part} cannot end with `{}` at position {at}", found.escape_debug())]
    Ending {
        /// The part.
        part: Part,
        /// Its last character.
        found: char,
        /// Where it is.
        at: usize,
    },
    /// The text in brackets is not an IPv6 address.
    #[error("the host at position {at} is not an IPv6 address in brackets")]
    Ipv6 {
        /// Where the bracket is.
        at: usize,
    },
    /// The port is not a number from 1 to 65535.
    #[error("the port at position {at} is not a number from 1 to 65535")]
    Port {
        /// Where it begins.
        at: usize,
    },
    /// The digest is wrong.
    #[error("the digest at position {at} is wrong")]
    Digest {
        /// Where it begins.
        at: usize,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
    /// The name of a repository was wanted, without tag and digest.
    #[error("a repository has no {part}, and there is one at position {at}")]
    NotARepository {
        /// What is too much.
        part: Part,
        /// Where it begins.
        at: usize,
    },
}

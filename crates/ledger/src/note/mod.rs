//! Signed notes (C2SP signed-note): a text, and lines that say who signed it.
//!
//! Only Ed25519 is known here: the log's own signature, and those of witnesses (C2SP tlog-cosignature, version 1). Lines of
//! anybody else are kept as they are and prove nothing.

mod key;
#[cfg(test)]
mod tests;

use std::fmt;

use countersign_image::text::excerpt;
use thiserror::Error;

use crate::encoding;
pub(crate) use key::is_name;
pub use key::{KeyType, MAX_NAME_BYTES, VerifierKey};

/// The longest note with its signatures, in bytes.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;
/// The most signatures of a note.
pub const MAX_SIGNATURES: usize = 64;

/// What a signature's line begins with.
const DASH: &str = "\u{2014} ";

/// A text with signatures that nobody has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is signed: all lines with their ends.
    text: String,
    lines: Vec<Line>,
}

/// One signature; name and id together say whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) id: [u8; 4],
    pub(crate) signature: Vec<u8>,
}

impl Note {
    /// Reads a note of at most [`MAX_NOTE_BYTES`] with one to [`MAX_SIGNATURES`] signatures. There is one spelling of each note:
    /// written again, it is the same.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong {
                limit: MAX_NOTE_BYTES,
                found: note.len(),
            });
        }
        if note.chars().any(|character| character < ' ' && character != '\n') {
            return Err(NoteError::Control);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        Ok(Self {
            text: format!("{text}\n"),
            lines: read_lines(lines)?,
        })
    }

    /// What is said to be signed, with the end of its last line. Nobody has checked it.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// How many signatures there are. Nobody has checked them.
    pub fn signature_count(&self) -> usize {
        self.lines.len()
    }

    /// A text with its first signature.
    pub(crate) fn signed(text: String, key: &VerifierKey, signature: Vec<u8>) -> Self {
        let line = Line {
            name: key.name().to_owned(),
            id: key.id(),
            signature,
        };
        Self {
            text,
            lines: vec![line],
        }
    }

    /// The signatures that say to be of this key.
    pub(crate) fn of<'a>(&'a self, key: &'a VerifierKey) -> impl Iterator<Item = &'a [u8]> {
        let of_key = |line: &&Line| line.name == key.name() && line.id == key.id();
        self.lines.iter().filter(of_key).map(|line| line.signature.as_slice())
    }

    /// Adds the signatures of another note over the same text that are not here yet, which is how a witness answers; the
    /// lines of its answer are `lines`.
    pub fn add(&mut self, lines: &str) -> Result<(), NoteError> {
        let mut all = self.lines.clone();
        for line in read_lines(lines)? {
            if !all.contains(&line) {
                all.push(line);
            }
        }
        count(all.len())?;
        self.lines = all;
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.lines {
            let signature = encoding::encode(&[&line.id[..], &line.signature].concat());
            writeln!(f, "{DASH}{} {signature}", line.name)?;
        }
        Ok(())
    }
}

fn read_lines(text: &str) -> Result<Vec<Line>, NoteError> {
    let lines = text.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
    count(lines.split('\n').count())?;
    lines.split('\n').enumerate().map(read_line).collect()
}

fn count(found: usize) -> Result<(), NoteError> {
    if found > MAX_SIGNATURES {
        return Err(NoteError::TooManySignatures {
            limit: MAX_SIGNATURES,
            found,
        });
    }
    Ok(())
}

fn read_line((number, line): (usize, &str)) -> Result<Line, NoteError> {
    let read = || {
        let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
        let signature = encoding::decode(signature)?;
        let (id, signature) = signature.split_first_chunk::<4>()?;
        is_name(name).then(|| Line {
            name: name.to_owned(),
            id: *id,
            signature: signature.to_vec(),
        })
    };
    read().ok_or_else(|| NoteError::Line {
        number: number + 1,
        line: excerpt(line, 80),
    })
}

/// Why a text is not a signed note, or not a key of one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is too long.
    #[error("the note has {found} bytes, and {limit} are the most")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Its length, in bytes.
        found: usize,
    },
    /// It has control characters.
    #[error("the note has a control character")]
    Control,
    /// There is no empty line with signatures after it, up to the end of a line.
    #[error("the note has no signatures after an empty line")]
    NoSignatures,
    /// There are too many signatures.
    #[error("the note has {found} signatures, and {limit} are the most")]
    TooManySignatures {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// What should be a signature is not one.
    #[error("line {number} of the note's signatures is none: `{line}`")]
    Line {
        /// Its number, from 1.
        number: usize,
        /// The line, shortened.
        line: String,
    },
    /// A key's name is empty, too long, or has spaces or a plus.
    #[error("`{name}` is no name of a key: 1 to {MAX_NAME_BYTES} bytes without spaces and `+`")]
    Name {
        /// The name, shortened.
        name: String,
    },
    /// A text is not a verifier key.
    #[error("`{text}` is no verifier key, which is written `name+id+key`: {detail}")]
    Key {
        /// The text, shortened.
        text: String,
        /// What is wrong.
        detail: &'static str,
    },
}

//! Image globs, as policy-controller matches them.
//!
//! A glob is held against `<host>/<repository>@<digest>`, the whole of it, without a tag; Docker Hub is
//! `index.docker.io`, and its official images are in `library/`. `*` stands for anything but a slash, `**` for anything;
//! every other character stands for itself. The globs `*` and `*/*` mean Docker Hub's official images and Docker Hub's
//! `user/image`.

mod doubt;

use std::fmt;

use countersign_image::Pinned;
use thiserror::Error;

pub(crate) use self::doubt::{doubts, open_ended};

/// The longest glob that is read, in bytes: longer than the longest name that it could match.
pub const MAX_GLOB_BYTES: usize = 512;

/// One image glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    written: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `*`: anything but a slash.
    Star,
    /// `**`: anything.
    DoubleStar,
}

/// Why a text is not a glob.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GlobError {
    /// There is nothing in it.
    #[error("glob is invalid: it is empty")]
    Empty,
    /// A character that no glob has.
    #[error(
        "glob is invalid: `{}` at character {position}; letters, digits and `-_:/*.@` are allowed",
        found.escape_debug()
    )]
    Character {
        /// The character.
        found: char,
        /// Where, from one.
        position: usize,
    },
    /// It is too long.
    #[error("glob is invalid: it has {found} bytes, at most {MAX_GLOB_BYTES} are read")]
    TooLong {
        /// How long it is.
        found: usize,
    },
}

impl Glob {
    /// Reads a glob.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_GLOB_BYTES {
            return Err(GlobError::TooLong { found: text.len() });
        }
        let allowed = |character: char| character.is_ascii_alphanumeric() || "-_:/*.@".contains(character);
        if let Some((index, found)) = text.chars().enumerate().find(|(_, character)| !allowed(*character)) {
            return Err(GlobError::Character {
                found,
                position: index + 1,
            });
        }
        let meant = match text {
            "*" => "index.docker.io/library/*",
            "*/*" => "index.docker.io/*/*",
            other => other,
        };
        Ok(Self {
            written: text.to_owned(),
            tokens: tokens(meant),
        })
    }

    /// The glob that matches every image.
    pub(crate) fn everything() -> Self {
        Self {
            written: "**".to_owned(),
            tokens: vec![Token::DoubleStar],
        }
    }

    /// The glob as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether it matches an image.
    pub fn matches(&self, image: &Pinned) -> bool {
        self.matches_name(&name_of(image))
    }

    /// Whether it matches a name in the form that [`name_of`] gives.
    pub fn matches_name(&self, name: &str) -> bool {
        search(&self.tokens, name.as_bytes())
    }

    /// The longest text that every name it matches contains; empty if there is none.
    pub(crate) fn longest_literal(&self) -> String {
        let mut longest: &[Token] = &[];
        for run in self.tokens.split(|token| !matches!(token, Token::Byte(_))) {
            if run.len() > longest.len() {
                longest = run;
            }
        }
        let byte = |token: &Token| match token {
            Token::Byte(byte) => char::from(*byte),
            Token::Star | Token::DoubleStar => '*',
        };
        longest.iter().map(byte).collect()
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The name that globs are held against: `<host>/<repository>@<digest>`.
pub fn name_of(image: &Pinned) -> String {
    format!("{}@{}", image.repository().policy_name(), image.digest())
}

/// Left to right, two stars at a time, as policy-controller replaces them.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return tokens,
            [b'*', b'*', rest @ ..] => {
                tokens.push(Token::DoubleStar);
                rest
            }
            [b'*', rest @ ..] => {
                tokens.push(Token::Star);
                rest
            }
            [byte, rest @ ..] => {
                tokens.push(Token::Byte(*byte));
                rest
            }
        };
    }
}

/// Matches the whole of `text`. A wildcard takes as little as it can, and only the last of its kind is ever asked to take
/// more: what the ones before it took is the least possible, which leaves the most to those after.
fn search(tokens: &[Token], text: &[u8]) -> bool {
    let (mut token, mut at) = (0, 0);
    // Where to go on, and how far the wildcard reaches so far.
    let mut star: Option<(usize, usize)> = None;
    let mut double_star: Option<(usize, usize)> = None;
    loop {
        match tokens.get(token) {
            Some(Token::DoubleStar) => {
                token += 1;
                double_star = Some((token, at));
                star = None;
                continue;
            }
            Some(Token::Star) => {
                token += 1;
                star = Some((token, at));
                continue;
            }
            Some(Token::Byte(byte)) if text.get(at) == Some(byte) => {
                token += 1;
                at += 1;
                continue;
            }
            None if at == text.len() => return true,
            Some(Token::Byte(_)) | None => {}
        }
        if let Some((next, reach)) = star.filter(|(_, reach)| text.get(*reach).is_some_and(|byte| *byte != b'/')) {
            star = Some((next, reach + 1));
            (token, at) = (next, reach + 1);
        } else if let Some((next, reach)) = double_star.filter(|(_, reach)| *reach < text.len()) {
            double_star = Some((next, reach + 1));
            star = None;
            (token, at) = (next, reach + 1);
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests;

//! Checkpoints: what a log has signed of its tree, and who has seen it.
//!
//! The format is C2SP tlog-checkpoint in a C2SP signed-note; witnesses sign as C2SP tlog-cosignature says (version 1).

use aws_lc_rs::digest::{Context, SHA256};
use countersign_image::text::excerpt;

use super::entry::EntryKind;
use super::error::LogError;
use super::rule::{Witness, Witnesses};
use crate::encoding;
use crate::key::{HashRule, KeyKind, PublicKey};
use crate::trust::Log;

/// The longest checkpoint with its signatures, in bytes.
pub const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;
/// The most signatures under a checkpoint.
pub const MAX_CHECKPOINT_SIGNATURES: usize = 64;
/// The most different signatures of one log under a checkpoint: one, and one of its key under another scheme or hash.
pub(super) const MAX_SIGNATURES_OF_LOG: usize = 2;
/// The most lines of a checkpoint above its signatures.
const MAX_LINES: usize = 32;

/// What signature lines begin with.
const DASH: &str = "\u{2014} ";
/// The types of keys that a key's id is made with (C2SP signed-note, "Signature types").
const ED25519: u8 = 1;
const COSIGNATURE: u8 = 4;

/// A log's statement about its tree, with signatures that nobody has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What is signed: every line, with the last line's end.
    text: String,
    origin: String,
    size: u64,
    root: [u8; 32],
    lines: Vec<Line>,
}

/// One signature. Name and id together say whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl Checkpoint {
    /// Reads a checkpoint of at most [`MAX_CHECKPOINT_BYTES`] with at most [`MAX_CHECKPOINT_SIGNATURES`].
    pub fn parse(note: &str) -> Result<Self, LogError> {
        if note.len() > MAX_CHECKPOINT_BYTES {
            return Err(LogError::CheckpointTooLong {
                limit: MAX_CHECKPOINT_BYTES,
                found: note.len(),
            });
        }
        if note.chars().any(|character| character < ' ' && character != '\n') {
            return Err(malformed("has a control character"));
        }
        let (text, lines) = note
            .rsplit_once("\n\n")
            .ok_or(malformed("has no empty line before its signatures"))?;
        let mut content = text.split('\n');
        let origin = content.next().unwrap_or_default();
        let size = size(content.next().unwrap_or_default())?;
        let root = root(content.next().unwrap_or_default())?;
        if origin.is_empty() || content.clone().any(str::is_empty) {
            return Err(malformed("has an empty line above its signatures"));
        }
        if content.count() + 3 > MAX_LINES {
            return Err(malformed("has too many lines"));
        }
        Ok(Self {
            text: format!("{text}\n"),
            origin: origin.to_owned(),
            size,
            root,
            lines: read_lines(lines)?,
        })
    }

    /// Which log it says to be of. Nobody has checked it.
    pub fn unverified_origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves it says that the tree has. Nobody has checked it.
    pub fn unverified_size(&self) -> u64 {
        self.size
    }

    /// The root that it says the tree has. Nobody has checked it.
    pub fn unverified_root(&self) -> &[u8; 32] {
        &self.root
    }

    /// How many signatures it has. Nobody has checked them.
    pub fn signature_count(&self) -> usize {
        self.lines.len()
    }

    /// Proves that the log has signed it. Signatures of keys that are not the log's are read over; one that says to be of
    /// the log's key and is not refuses, whatever else there is.
    pub(super) fn verify(&self, log: &Log, kind: EntryKind) -> Result<(), LogError> {
        let name = self.name(log, kind).ok_or_else(|| LogError::Origin {
            expected: excerpt(log.origin(), 200),
            found: excerpt(&self.origin, 200),
        })?;
        let of_log = |line: &&Line| line.name == name && ids(log, name).any(|id| id == line.id);
        let signatures = distinct(self.lines.iter().filter(of_log));
        let log_name = || excerpt(name, 200);
        if signatures.is_empty() {
            return Err(LogError::NotSigned { log: log_name() });
        }
        if signatures.len() > MAX_SIGNATURES_OF_LOG {
            return Err(LogError::SignedTooOften {
                log: log_name(),
                limit: MAX_SIGNATURES_OF_LOG,
                found: signatures.len(),
            });
        }
        for line in signatures {
            let verified = log.key.verify(HashRule::Natural, self.text.as_bytes(), &line.signature);
            verified.map_err(LogError::CheckpointSignature)?;
        }
        Ok(())
    }

    /// What the log's key is called in this checkpoint; `None` if it is one of another log.
    ///
    /// A Rekor v2 is known by its address. A Rekor v1 writes its host's name, which behind a proxy or in a cluster is not
    /// the one that the trust root knows, and the number of a tree, one for each of its shards: only the key tells it from
    /// another.
    fn name<'a>(&'a self, log: &'a Log, kind: EntryKind) -> Option<&'a str> {
        let sharded = self.origin.rsplit_once(" - ").filter(|_| !kind.is_v2());
        match sharded {
            Some((host, tree)) if !tree.is_empty() && tree.bytes().all(|byte| byte.is_ascii_digit()) => Some(host),
            _ => Some(log.origin()).filter(|origin| *origin == self.origin),
        }
    }

    /// The known witnesses that have signed it, each once however often it signed and whatever it is called.
    pub(super) fn witnesses(&self, rule: &Witnesses) -> Result<Vec<String>, LogError> {
        let mut seen: Vec<&Witness> = Vec::new();
        for witness in &rule.known {
            let Some(id) = id(&witness.name, COSIGNATURE, &witness.key) else {
                continue;
            };
            let of_witness = |line: &&Line| line.name == witness.name && line.id == id;
            for line in distinct(self.lines.iter().filter(of_witness)) {
                self.cosigned(line, witness)?;
                if seen.iter().all(|other| other.key != witness.key) {
                    seen.push(witness);
                }
            }
        }
        if seen.len() < rule.at_least {
            return Err(LogError::TooFewWitnesses {
                at_least: rule.at_least,
                found: seen.len(),
            });
        }
        Ok(seen.into_iter().map(|witness| witness.name.clone()).collect())
    }

    fn cosigned(&self, line: &Line, witness: &Witness) -> Result<(), LogError> {
        let refused = || LogError::WitnessSignature {
            name: excerpt(&witness.name, 200),
        };
        let (time, signature) = line.signature.split_first_chunk::<8>().ok_or_else(refused)?;
        let time = u64::from_be_bytes(*time);
        let message = format!("cosignature/v1\ntime {time}\n{}", self.text);
        let verified = witness
            .key
            .verify(HashRule::Natural, message.as_bytes(), signature)
            .is_ok_and(|scheme| scheme == crate::key::Scheme::Ed25519);
        if verified { Ok(()) } else { Err(refused()) }
    }
}

/// Lines with different signatures: who repeats one proves nothing more with it.
fn distinct<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<&'a Line> {
    let mut distinct: Vec<&Line> = Vec::new();
    for line in lines {
        if distinct.iter().all(|other| other.signature != line.signature) {
            distinct.push(line);
        }
    }
    distinct
}

/// The ids that the log's key may go by: the beginning of the log's id, of the key's SHA-256 (Rekor v1, and ECDSA keys in
/// signed notes), and for Ed25519 that of the name and the key.
fn ids(log: &Log, name: &str) -> impl Iterator<Item = [u8; 4]> {
    let beginning = |bytes: &[u8]| bytes.first_chunk::<4>().copied();
    let named = id(name, ED25519, &log.key);
    let of_key = beginning(log.key.fingerprint().raw());
    [beginning(log.id.bytes()), of_key, named].into_iter().flatten()
}

/// The id of an Ed25519 key in signed notes; `None` for other keys.
fn id(name: &str, kind: u8, key: &PublicKey) -> Option<[u8; 4]> {
    whole_id(name, kind, key)?.first_chunk::<4>().copied()
}

/// The id of a log of Rekor v2: that of its key in signed notes, uncut; `None` for other keys than Ed25519.
pub(super) fn log_id(log: &Log) -> Option<[u8; 32]> {
    whole_id(log.origin(), ED25519, &log.key)
}

fn whole_id(name: &str, kind: u8, key: &PublicKey) -> Option<[u8; 32]> {
    if key.kind() != KeyKind::Ed25519 {
        return None;
    }
    let mut context = Context::new(&SHA256);
    context.update(name.as_bytes());
    context.update(&[b'\n', kind]);
    // RFC 8410: the key is the last 32 bytes of its SubjectPublicKeyInfo.
    context.update(key.spki_der().last_chunk::<32>()?);
    context.finish().as_ref().try_into().ok()
}

fn malformed(detail: &'static str) -> LogError {
    LogError::Checkpoint { detail }
}

/// A decimal number without zeros before it.
fn size(line: &str) -> Result<u64, LogError> {
    let decimal = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    let plain = decimal && (line == "0" || !line.starts_with('0'));
    let number = line.parse().ok().filter(|_| plain);
    number.ok_or(malformed("has no tree size in its second line"))
}

fn root(line: &str) -> Result<[u8; 32], LogError> {
    let hash = encoding::decode(line).ok().and_then(|hash| hash.try_into().ok());
    hash.ok_or(malformed("has no root hash in its third line"))
}

fn read_lines(text: &str) -> Result<Vec<Line>, LogError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let lines = text
        .strip_suffix('\n')
        .ok_or(malformed("does not end with the end of a line"))?;
    let found = lines.split('\n').count();
    if found > MAX_CHECKPOINT_SIGNATURES {
        return Err(LogError::TooManySignatures {
            limit: MAX_CHECKPOINT_SIGNATURES,
            found,
        });
    }
    let lines = lines.split('\n').map(read_line);
    lines
        .collect::<Option<_>>()
        .ok_or(malformed("has a signature line that is none"))
}

fn read_line(line: &str) -> Option<Line> {
    let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
    if name.is_empty() || name.contains('+') || name.contains(char::is_whitespace) {
        return None;
    }
    let signature = encoding::decode(signature).ok()?;
    let (id, signature) = signature.split_first_chunk::<4>()?;
    Some(Line {
        name: name.to_owned(),
        id: *id,
        signature: signature.to_vec(),
    })
}

//! Whom to believe about a log, and what was believed.

use super::{Checkpoint, CheckpointError, origin};
use crate::note::{KeyType, Note, VerifierKey};

/// The most witnesses that are known for a log.
pub const MAX_WITNESSES: usize = 16;

/// A witness has the time beyond which no time is (C2SP tlog-cosignature: at most 2^63 - 1).
const LAST_SECOND: u64 = i64::MAX.unsigned_abs();

/// Who is believed about a log: its key, and so many of the known witnesses.
#[derive(Clone, Debug)]
pub struct Trust {
    log: VerifierKey,
    witnesses: Witnesses,
}

/// How many of which witnesses must have seen a checkpoint.
#[derive(Clone, Debug)]
pub struct Witnesses {
    known: Vec<VerifierKey>,
    at_least: usize,
}

impl Witnesses {
    /// None is known and none asked for: a log that shows everybody something else is not noticed.
    pub const NONE: Self = Self {
        known: Vec::new(),
        at_least: 0,
    };

    /// At least so many of these. Two names of one key are one witness, and so refused here.
    pub fn at_least(at_least: usize, known: Vec<VerifierKey>) -> Result<Self, CheckpointError> {
        known.iter().try_for_each(|key| of_type(key, KeyType::Cosignature))?;
        let first = |(at, key): &(usize, &VerifierKey)| known[..*at].iter().all(|other| other.key() != key.key());
        let different = known.iter().enumerate().filter(first).count();
        if at_least > different || different < known.len() || known.len() > MAX_WITNESSES {
            return Err(CheckpointError::Witnesses {
                at_least,
                known: different,
            });
        }
        Ok(Self { known, at_least })
    }
}

impl Trust {
    /// The log of this key, whose name is the log's origin.
    pub fn new(log: VerifierKey, witnesses: Witnesses) -> Result<Self, CheckpointError> {
        of_type(&log, KeyType::Note)?;
        Ok(Self { log, witnesses })
    }

    /// The log's key.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// Proves that the log has signed a checkpoint, and that enough witnesses have seen it.
    ///
    /// Signatures of unknown keys are read over; one that says to be of a known key and is not refuses the whole, whatever
    /// else there is (C2SP signed-note, "Signatures").
    pub fn open(&self, note: &str) -> Result<SignedHead, CheckpointError> {
        self.believe(Note::parse(note)?)
    }

    pub(super) fn believe(&self, note: Note) -> Result<SignedHead, CheckpointError> {
        let text = note.unverified_text();
        let checkpoint = Checkpoint::parse(text)?;
        if checkpoint.origin() != self.log.name() {
            return Err(origin(self.log.name(), checkpoint.origin()));
        }
        let mut signed = false;
        for signature in note.of(&self.log) {
            if !self.log.verifies(text.as_bytes(), signature) {
                return Err(forged(&self.log));
            }
            signed = true;
        }
        if !signed {
            let key = self.log.name().to_owned();
            return Err(CheckpointError::NotSigned { key });
        }
        let seen = self.witnesses.seen(&note)?;
        Ok(SignedHead::assertion(checkpoint, note.to_string(), seen))
    }
}

impl Witnesses {
    fn seen(&self, note: &Note) -> Result<Vec<Seen>, CheckpointError> {
        let mut seen = Vec::new();
        for witness in &self.known {
            let times = note.of(witness).map(|signature| {
                let time = cosigned(witness, note.unverified_text(), signature);
                time.ok_or_else(|| forged(witness))
            });
            let newest = times.collect::<Result<Vec<_>, _>>()?.into_iter().max();
            seen.extend(newest.map(|time| Seen {
                witness: witness.name().to_owned(),
                time,
            }));
        }
        if seen.len() < self.at_least {
            return Err(CheckpointError::TooFewWitnesses {
                at_least: self.at_least,
                found: seen.len(),
            });
        }
        Ok(seen)
    }
}

/// When a witness has signed a checkpoint (C2SP tlog-cosignature, "Ed25519 signed message"); `None` if it has not.
fn cosigned(witness: &VerifierKey, text: &str, signature: &[u8]) -> Option<u64> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    let message = format!("cosignature/v1\ntime {time}\n{text}");
    (time <= LAST_SECOND && witness.verifies(message.as_bytes(), signature)).then_some(time)
}

fn of_type(key: &VerifierKey, expected: KeyType) -> Result<(), CheckpointError> {
    if key.kind() == expected {
        return Ok(());
    }
    Err(CheckpointError::KeyType {
        key: key.name().to_owned(),
        expected,
        found: key.kind(),
    })
}

fn forged(key: &VerifierKey) -> CheckpointError {
    CheckpointError::Signature {
        key: key.name().to_owned(),
    }
}

/// A witness, and when the checkpoint was the newest that it knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The witness's name.
    pub witness: String,
    /// Seconds since 1970, as the witness says; it may lie in the future.
    pub time: u64,
}

/// A checkpoint that the log has signed. [`Trust::open`] makes it, from bytes; it cannot be read back from anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    checkpoint: Checkpoint,
    note: String,
    seen: Vec<Seen>,
}

impl SignedHead {
    fn assertion(checkpoint: Checkpoint, note: String, seen: Vec<Seen>) -> Self {
        Self { checkpoint, note, seen }
    }

    /// What the log has signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint as it is kept and served, with all its signatures, those of unknown keys too.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The known witnesses that have signed it.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }
}

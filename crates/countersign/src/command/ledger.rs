//! `countersign ledger verify`

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use countersign_ledger::checkpoint::Witnesses;
use countersign_ledger::note::MAX_NOTE_BYTES;
use countersign_ledger::tiles::{CHECKPOINT, ReaderError};
use countersign_ledger::{
    CheckpointError, MirrorError, SignedHead, Since, Source, Tile, Trust, VerifierKey, Whole, mirror,
};
use jiff::Timestamp;
use serde_json::json;
use thiserror::Error;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::printer::Printer;

#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// Go through a copy of the ledger: every entry and every tile is what the log has signed, and nothing was taken back
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The copy: a directory with `checkpoint` and `tile/`
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,

    /// The log's key, written `name+id+key`, from a place that is not the copy
    #[arg(long, value_name = "VKEY")]
    log_key: VerifierKey,

    /// A witness that must have seen the checkpoint, written in the same way; several may be named
    #[arg(long, value_name = "VKEY")]
    witness: Vec<VerifierKey>,

    /// How many of the witnesses must have seen it [default: all]
    #[arg(long, value_name = "N", requires = "witness")]
    witnesses: Option<usize>,

    /// A checkpoint of the same log that was kept from an earlier time: the copy has to be what that log became
    #[arg(long, value_name = "FILE")]
    pinned: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    match arguments {
        Arguments::Verify(arguments) => verify(arguments, printer),
    }
}

fn verify(arguments: Verify, printer: &mut Printer) -> Result<Exit, Failure> {
    let at_least = arguments.witnesses.unwrap_or(arguments.witness.len());
    let witnesses = Witnesses::at_least(at_least, arguments.witness).map_err(Failure::misuse)?;
    let trust = Trust::new(arguments.log_key.clone(), witnesses).map_err(Failure::misuse)?;
    let head = open(&trust, &arguments.dir.join(CHECKPOINT))?;
    // Whoever kept it had it witnessed then, if he asked for that.
    let alone = Trust::new(arguments.log_key, Witnesses::NONE).map_err(Failure::misuse)?;
    let pinned = arguments.pinned.as_deref().map(|path| open(&alone, path)).transpose()?;

    let directory = Directory(&arguments.dir);
    let whole = mirror::verify(&directory, &head, pinned.as_ref(), |_| ());
    let whole = whole.map_err(|error| refused(error, &arguments.dir))?;
    tell(&head, &whole, printer);
    Ok(Exit::Done)
}

fn open(trust: &Trust, path: &Path) -> Result<SignedHead, Failure> {
    let note = files::read_text(path, MAX_NOTE_BYTES as u64)?;
    trust.open(&note).map_err(|error| {
        let advice = match &error {
            CheckpointError::TooFewWitnesses { .. } => {
                Some("a log that witnesses do not see may show everybody another")
            }
            CheckpointError::NotSigned { .. } => Some("a log's key is replaced by a new log, with a name of its own"),
            _ => None,
        };
        let failure = Failure::refused(error).context(format!("`{}` is not believed", path.display()));
        match advice {
            Some(advice) => failure.hint(advice),
            None => failure,
        }
    })
}

fn refused(error: MirrorError<TileError>, directory: &Path) -> Failure {
    // What could not be read is not what is not there.
    let unreadable = matches!(
        &error,
        MirrorError::Reader(ReaderError::Source {
            error: TileError::Unreadable(_),
            ..
        })
    );
    let advice = match &error {
        MirrorError::Reader(ReaderError::Missing { .. }) => "copy it again: tiles first, the checkpoint last",
        MirrorError::Rollback(_) => "keep both checkpoints: the log has signed both, and must not have",
        _ => "what is named was changed after it was signed, here or where the copy comes from",
    };
    let place = format!("the copy in `{}` does not verify", directory.display());
    if unreadable {
        Failure::undecided(error).context(place)
    } else {
        Failure::refused(error).context(place).hint(advice)
    }
}

fn tell(head: &SignedHead, whole: &Whole, printer: &mut Printer) {
    let checkpoint = head.checkpoint();
    let root = STANDARD.encode(checkpoint.root());
    printer.line(format!("log        {}", checkpoint.origin()));
    printer.line(format!("entries    {}, each hashed and read", whole.entries));
    if whole.later > 0 {
        let note = "are of a later version of countersign, and were not understood";
        printer.line(format!("           {} of them {note}", whole.later));
    }
    printer.line(format!("tiles      {}, each compared", whole.tiles));
    printer.line(format!("root       {root}"));
    for seen in head.seen() {
        printer.line(format!("seen by    {} at {}", seen.witness, time(seen.time)));
    }
    let appended = match whole.since {
        Some(Since::Same) => Some(0),
        Some(Since::Appended { entries }) => Some(entries),
        None => None,
    };
    match appended {
        Some(entries) => printer.line(format!(
            "since      {entries} entries were appended, and nothing was taken back"
        )),
        None => printer.line("since      no earlier checkpoint was named (`--pinned`): nothing is said about the past"),
    }
    printer.document(
        "Ledger",
        json!({
            "log": checkpoint.origin(),
            "entries": whole.entries,
            "laterEntries": whole.later,
            "tiles": whole.tiles,
            "root": root,
            "witnesses": head.seen().iter().map(|seen| json!({"name": seen.witness, "time": time(seen.time)})).collect::<Vec<_>>(),
            "appendedSincePinned": appended,
        }),
    );
}

/// The witness may say any time.
fn time(second: u64) -> String {
    let time = i64::try_from(second)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok());
    time.map_or_else(|| format!("second {second}"), |time| time.to_string())
}

/// A copy in a directory.
struct Directory<'a>(&'a Path);

impl Source for Directory<'_> {
    type Error = TileError;

    fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, TileError> {
        let file = match File::open(self.0.join(tile.to_string())) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TileError::Unreadable(error)),
        };
        let limit = tile.max_bytes();
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(TileError::Unreadable)?;
        if bytes.len() > limit {
            return Err(TileError::TooLong { limit });
        }
        Ok(Some(bytes))
    }
}

#[derive(Debug, Error)]
enum TileError {
    #[error("the file could not be opened or read")]
    Unreadable(#[source] io::Error),
    #[error("the file has more than {limit} bytes, which no such tile has")]
    TooLong { limit: usize },
}

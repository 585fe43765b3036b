//! Where records go: one line each, written by a thread of its own so that a slow reader delays no admission.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::Record;

/// How many records may wait for a slow reader before further ones are counted instead of kept.
const CAPACITY: usize = 65_536;

/// Takes records; cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lines: Mutex<Option<SyncSender<String>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lost: AtomicU64,
}

impl Recorder {
    /// Records go to `sink`, one JSON object a line.
    ///
    /// # Errors
    /// Where the system cannot start a thread.
    pub fn to(mut sink: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (lines, waiting) = sync_channel::<String>(CAPACITY);
        let writer = std::thread::Builder::new().name("records".into()).spawn(move || {
            while let Ok(line) = waiting.recv() {
                // A reader that went away takes nothing from the decision, which is made and answered.
                let _ = sink.write_all(line.as_bytes()).and_then(|()| sink.flush());
            }
        })?;
        Ok(Self(Arc::new(Inner { lines: Mutex::new(Some(lines)), writer: Mutex::new(Some(writer)), lost: AtomicU64::new(0) })))
    }

    /// Writes one record down.
    pub fn record(&self, record: &Record<'_>) {
        let line = format!("{}\n", record.to_json());
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok());
        if !kept && self.0.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("records are being lost: whoever reads standard output is too slow, or gone");
        }
    }

    /// Records that could not be written since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Writes what is waiting, and takes no more.
    pub fn close(&self) {
        drop(self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(writer) = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}

//! Where records go: one line each, written by a thread of its own so that a slow reader delays no admission.

use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Record;
use crate::queue::Queue;

/// How many records, and how many bytes of them, may wait for a slow reader before further ones are counted instead of kept.
const CAPACITY: usize = 65_536;
const MAX_WAITING_BYTES: usize = 128 << 20;
/// How many bytes are written at once.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// Takes records; cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lines: Queue<String>,
    waiting_bytes: Arc<AtomicUsize>,
    lost: AtomicU64,
}

impl Recorder {
    /// Records go to `sink`, one JSON object a line.
    ///
    /// # Errors
    /// Where the system cannot start a thread.
    pub fn to(sink: impl Write + Send + 'static) -> std::io::Result<Self> {
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&waiting_bytes);
        let mut sink = BufWriter::with_capacity(WRITTEN_AT_ONCE, sink);
        let lines = Queue::start("records", CAPACITY, move |lines: Vec<String>| {
            for line in lines {
                // A reader that went away takes nothing from the decision, which is made and answered.
                let _ = sink.write_all(line.as_bytes());
                waiting.fetch_sub(line.len(), Ordering::Relaxed);
            }
            let _ = sink.flush();
        })?;
        Ok(Self(Arc::new(Inner {
            lines,
            waiting_bytes,
            lost: AtomicU64::new(0),
        })))
    }

    /// Writes one record down.
    pub fn record(&self, record: &Record<'_>) {
        let line = record.to_line();
        if !self.take(line) && self.0.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("records are being lost: whoever reads standard output is too slow, or gone");
        }
    }

    fn take(&self, line: String) -> bool {
        let length = line.len();
        let before = self.0.waiting_bytes.fetch_add(length, Ordering::Relaxed);
        let taken = before + length <= MAX_WAITING_BYTES && self.0.lines.take(line);
        if !taken {
            self.0.waiting_bytes.fetch_sub(length, Ordering::Relaxed);
        }
        taken
    }

    /// Records that could not be written since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Writes what is waiting, and takes no more. Whoever reads has a few seconds.
    pub fn close(&self) {
        if !self.0.lines.close() {
            tracing::error!("the last records were not written: whoever reads standard output is too slow, or gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// Takes nothing until it is told to.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_stuck_costs_no_more_memory_than_is_allowed() {
        let (release, stuck) = channel();
        let recorder = Recorder::to(Stuck(stuck)).unwrap();
        let line = "x".repeat(MAX_WAITING_BYTES / 4);
        let taken = (0..10).filter(|_| recorder.take(line.clone())).count();
        assert_eq!(taken, 4);
        drop(release);
        recorder.close();
        assert_eq!(recorder.0.waiting_bytes.load(Ordering::Relaxed), 0);
    }
}

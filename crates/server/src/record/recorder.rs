//! Where records go: one line each, written by a thread of its own so that a slow reader delays no admission.

use std::io::{ErrorKind, Write};
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
    lost: Arc<Lost>,
}

/// How many records were lost, and that it was said.
#[derive(Debug, Default)]
struct Lost(AtomicU64);

impl Lost {
    fn count(&self, records: u64) {
        if records > 0 && self.0.fetch_add(records, Ordering::Relaxed) == 0 {
            tracing::error!("records are being lost: whoever reads standard output is too slow, or gone");
        }
    }
}

impl Recorder {
    /// Records go to `sink`, one JSON object a line.
    ///
    /// # Errors
    /// Where the system cannot start a thread.
    pub fn to(sink: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (waiting_bytes, lost) = (Arc::new(AtomicUsize::new(0)), Arc::<Lost>::default());
        let waiting = Arc::clone(&waiting_bytes);
        let mut out = Out {
            sink,
            text: Vec::with_capacity(WRITTEN_AT_ONCE),
            torn: false,
            lost: Arc::clone(&lost),
        };
        let lines = Queue::start("records", CAPACITY, move |lines: Vec<String>| {
            for line in lines {
                out.put(&line);
                waiting.fetch_sub(line.len(), Ordering::Relaxed);
            }
            out.flush();
        })?;
        Ok(Self(Arc::new(Inner {
            lines,
            waiting_bytes,
            lost,
        })))
    }

    /// Writes one record down.
    pub fn record(&self, record: &Record<'_>) {
        if !self.take(record.to_line()) {
            self.0.lost.count(1);
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
        self.0.lost.0.load(Ordering::Relaxed)
    }

    /// Writes what is waiting, and takes no more. Whoever reads has a few seconds.
    pub fn close(&self) {
        if !self.0.lines.close() {
            tracing::error!("the last records were not written: whoever reads standard output is too slow, or gone");
        }
    }
}

/// Lines on their way out, many at a time.
struct Out<W> {
    sink: W,
    text: Vec<u8>,
    /// Whether the last thing that was written ends within a line.
    torn: bool,
    lost: Arc<Lost>,
}

impl<W: Write> Out<W> {
    fn put(&mut self, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
        if self.text.len() >= WRITTEN_AT_ONCE {
            self.flush();
        }
    }

    /// A reader that went away takes nothing from the decisions, which are made and answered; it only makes them forgotten.
    fn flush(&mut self) {
        // What comes after a line that broke off is a line of its own.
        let mended = self.torn && !self.text.is_empty();
        if mended {
            self.text.insert(0, b'\n');
        }
        let written = self.write();
        let (whole, rest) = self.text.split_at(written);
        if let Some(last) = whole.last() {
            self.torn = *last != b'\n';
        }
        let ends = rest.iter().filter(|byte| **byte == b'\n').count();
        let lost = ends - usize::from(mended && written == 0);
        self.lost.count(lost as u64);
        self.text.clear();
        self.text.shrink_to(WRITTEN_AT_ONCE);
    }

    /// How many bytes were taken.
    fn write(&mut self) -> usize {
        let mut written = 0;
        while written < self.text.len() {
            match self.sink.write(&self.text[written..]) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // What the sink itself keeps back is for it to write later.
        let _ = self.sink.flush();
        written
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
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

    /// Has room for so many bytes, again and again; between two it fails.
    struct Fills {
        rooms: Vec<usize>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Fills {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.rooms.first_mut().ok_or(ErrorKind::BrokenPipe)?;
            if *room == 0 {
                self.rooms.remove(0);
                return Err(ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(*room);
            *room -= taken;
            self.written.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_could_not_be_written_is_counted_and_tears_no_other_line() {
        for (rooms, written, lost) in [
            (vec![100], "1\n2\n3\n4\n5\n6\n", 0),
            (vec![], "", 6),
            (vec![0, 0, 0], "", 6),
            // Of the first two lines there is room for one and the beginning of the next.
            (vec![3, 100], "1\n2\n3\n4\n5\n6\n", 1),
            (vec![2, 100], "1\n3\n4\n5\n6\n", 1),
            (vec![4, 1, 100], "1\n2\n5", 4),
            (vec![5], "1\n2\n3", 4),
        ] {
            let whole = Arc::<Mutex<Vec<u8>>>::default();
            let (sink, count) = (
                Fills {
                    rooms: rooms.clone(),
                    written: Arc::clone(&whole),
                },
                Arc::<Lost>::default(),
            );
            let mut out = Out {
                sink,
                text: Vec::new(),
                torn: false,
                lost: Arc::clone(&count),
            };
            for lines in ["1\n2\n", "3\n4\n", "5\n6\n"] {
                out.put(lines);
                out.flush();
            }
            assert_eq!(
                String::from_utf8(whole.lock().unwrap().clone()).unwrap(),
                written,
                "{rooms:?}"
            );
            assert_eq!(count.0.load(Ordering::Relaxed), lost, "{rooms:?}");
        }
    }

    #[test]
    fn a_reader_that_went_away_loses_what_it_does_not_read() {
        let (reader, pipe) = std::io::pipe().unwrap();
        drop(reader);
        let recorder = Recorder::to(pipe).unwrap();
        for _ in 0..3 {
            assert!(recorder.take("a record\n".to_owned()));
        }
        recorder.close();
        assert_eq!(recorder.lost(), 3);
    }
}

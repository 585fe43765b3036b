//! What a process has used so far, as the kernel counts it.

use std::time::Duration;

use anyhow::{Context, Result};

/// The kernel's unit in `/proc/PID/stat`, which is the same on every architecture.
const TICKS_A_SECOND: u64 = 100;

/// A process that may be somebody else's.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

/// Memory that is resident, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Now.
    pub now: u64,
    /// At most, since the start.
    pub peak: u64,
    /// Of what is resident now, what stands in no file: the heap, with what its allocator keeps in reserve, and the stacks.
    pub heap: u64,
}

impl Process {
    /// CPU time of all threads, in user and kernel mode, in steps of 10 ms.
    pub fn cpu(self) -> Result<Duration> {
        let text = self.read("stat")?;
        parse_cpu(&text).with_context(|| format!("/proc/{}/stat is not as proc(5) says: {text}", self.0))
    }

    /// `VmRSS`, `VmHWM` and `RssAnon`.
    pub fn resident(self) -> Result<Resident> {
        let text = self.read("status")?;
        parse_resident(&text).with_context(|| format!("/proc/{}/status is not as proc(5) says", self.0))
    }

    fn read(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}; has the process ended?"))
    }
}

/// Fields 14 and 15. The second one is the program's name in brackets, and may hold anything.
fn parse_cpu(text: &str) -> Option<Duration> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_A_SECOND))
}

fn parse_resident(text: &str) -> Option<Resident> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Resident {
        now: field("VmRSS:")?,
        peak: field("VmHWM:")?,
        heap: field("RssAnon:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_shifts_no_field() {
        let text = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 1 2 3\n";
        assert_eq!(parse_cpu(text), Some(Duration::from_secs(3)));
        assert_eq!(parse_cpu("7 (a) S 1"), None);
    }

    #[test]
    fn memory_is_read_by_name() {
        let text = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nRssAnon:\t   5120 kB\n";
        let expected = Resident {
            now: 10_240,
            peak: 20_480,
            heap: 5120,
        };
        assert_eq!(parse_resident(text), Some(expected));
    }
}

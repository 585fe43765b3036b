//! A `countersign serve` that runs until the test ends it.

use std::fs::File;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Folder, PATIENCE, Ran};

pub(crate) struct Serving<'a> {
    folder: &'a Folder,
    name: String,
    words: String,
    child: Child,
}

impl<'a> Serving<'a> {
    /// `name` is for the files that its two streams go to.
    pub(crate) fn start(folder: &'a Folder, name: &str, mut command: Command) -> Self {
        let file = |stream: &str| File::create(folder.path(&format!("{name}.{stream}"))).unwrap();
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let child = command.stdout(file("out")).stderr(file("err")).spawn().unwrap();
        Self {
            folder,
            name: name.to_owned(),
            words: words.join(" "),
            child,
        }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The address in the log line that says `message`.
    pub(crate) fn address(&mut self, message: &str) -> String {
        let line = self.until(|serving| serving.log().into_iter().find(|line| line["message"] == message));
        line["address"].as_str().unwrap().to_owned()
    }

    /// Waits until there is something to be had.
    pub(crate) fn until<T>(&mut self, mut there: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(it) = there(self) {
                return it;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "it did not come to this ({ended:?}):\n{}",
                self.folder.read(&format!("{}.err", self.name))
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its log so far; whatever is not JSON fails the test.
    pub(crate) fn log(&self) -> Vec<Value> {
        complete_lines(&self.folder.read(&format!("{}.err", self.name)))
    }

    /// What it wrote on standard output so far.
    pub(crate) fn records(&self) -> Vec<Value> {
        complete_lines(&self.folder.read(&format!("{}.out", self.name)))
    }

    pub(crate) fn output(&self) -> String {
        self.folder.read(&format!("{}.out", self.name))
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(mut self, signal: &str) -> (Ran, Duration) {
        let began = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it did not stop");
            std::thread::sleep(Duration::from_millis(10));
        };
        let read = |stream: &str| std::fs::read(self.folder.path(&format!("{}.{stream}", self.name))).unwrap();
        (
            self.folder
                .shown(&self.words, status.code(), &read("out"), &read("err")),
            began.elapsed(),
        )
    }
}

fn complete_lines(text: &str) -> Vec<Value> {
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

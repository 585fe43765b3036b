//! What a server was asked.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most requests that are kept; further ones are counted.
const KEPT: usize = 100_000;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET`, and so on.
    pub method: String,
    /// Whom it was for: the authority of an absolute URL (as a proxy gets it), or the `Host` header.
    pub authority: String,
    /// The path, without a query.
    pub path: String,
    /// What follows the `?`, or nothing.
    pub query: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All of it as text, for who looks for a secret in it.
    pub fn text(&self) -> String {
        let mut text = format!("{} {}{}?{}\n", self.method, self.authority, self.path, self.query);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text.push_str(&String::from_utf8_lossy(&self.body));
        text
    }
}

/// What one server was asked since the signed images were in place. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    requests: AtomicUsize,
    sent: AtomicU64,
}

impl Log {
    pub(crate) fn connected(&self) {
        self.0.connections.fetch_add(1, Ordering::SeqCst);
    }

    /// One more request, of which nothing can be read.
    pub(crate) fn counted(&self) {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn saw(&self, request: Seen) {
        self.counted();
        let mut seen = self.list();
        if seen.len() < KEPT {
            seen.push(request);
        }
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    pub(crate) fn forget(&self) {
        self.list().clear();
        self.0.connections.store(0, Ordering::SeqCst);
        self.0.requests.store(0, Ordering::SeqCst);
        self.0.sent.store(0, Ordering::SeqCst);
    }

    /// The requests.
    pub fn seen(&self) -> Vec<Seen> {
        self.list().clone()
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// How many connections there were, also such as asked for nothing.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::SeqCst)
    }

    /// How many bytes of answers the client's machine took.
    pub fn bytes_sent(&self) -> u64 {
        self.0.sent.load(Ordering::SeqCst)
    }

    fn list(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A registry that answers as a test wants it to, and remembers what it was asked.

mod content;
mod wire;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_image::{Reference, Repository};
use countersign_registry::{Client, ClientConfig, Credential, Credentials, Limits, Secret};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use content::{Shelf, index, manifest, simple, simple_layer};

/// A request that the server saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query, or the whole URL if the server was asked as a proxy.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many answers, one after the other, had been given before this was asked.
    pub(crate) step: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self, name: &str) -> Vec<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    /// `GET /v2/…`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// An answer, and how it is given.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) manner: Manner,
    pub(crate) delay: Duration,
}

/// How an answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should be.
    Whole,
    /// Never.
    Stall,
    /// The head and half of the body, and then nothing more.
    StallInBody,
    /// The head and half of the body, and then the connection is closed.
    Half,
    /// The head at once, and a byte of the body every tenth of a second.
    Dripping,
    /// With this `Content-Length`, whatever the body has, and then the connection is closed.
    Claiming(usize),
    /// Without a length and without an end.
    Endless,
    /// Something that is not HTTP.
    Garbage,
    /// The connection is closed.
    HangUp,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            manner: Manner::Whole,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn ok(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..Self::new(200)
        }
        .with("Content-Type", media_type)
    }

    pub(crate) fn not_found() -> Self {
        let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#;
        Self {
            body: body.to_vec(),
            ..Self::new(404)
        }
        .with("Content-Type", "application/json")
    }

    pub(crate) fn challenge(text: &str) -> Self {
        Self::new(401).with("WWW-Authenticate", text)
    }

    pub(crate) fn token(token: &str) -> Self {
        Self::ok("application/json", format!(r#"{{"token":"{token}","expires_in":300}}"#))
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// The server. It ends with the value.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    answer: Box<dyn Fn(&Seen) -> Reply + Send + Sync>,
    log: Mutex<Vec<Seen>>,
    answered: Mutex<usize>,
    connections: AtomicUsize,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            log: Mutex::default(),
            answered: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let task = tokio::spawn(wire::serve(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    pub(crate) async fn of(shelf: Shelf) -> Self {
        Self::start(move |seen| shelf.reply(seen)).await
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn repository(&self, path: &str) -> Repository {
        Repository::parse(&format!("{}/{path}", self.address)).unwrap()
    }

    pub(crate) fn reference(&self, rest: &str) -> Reference {
        Reference::parse(&format!("{}/{rest}", self.address)).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.log.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(part)).count()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn forget(&self) {
        self.shared.log.lock().unwrap().clear();
        *self.shared.answered.lock().unwrap() = 0;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Limits under which a test ends soon.
pub(crate) fn limits() -> Limits {
    Limits {
        connect: Duration::from_millis(500),
        answer: Duration::from_millis(400),
        attempts: 3,
        ..Limits::standard()
    }
}

pub(crate) fn client() -> Client {
    client_with(|_| {})
}

pub(crate) fn client_with(change: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = ClientConfig {
        limits: limits(),
        ..ClientConfig::default()
    };
    change(&mut config);
    Client::new(config).unwrap()
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub(crate) fn nobody() -> Credentials {
    Credentials::anonymous()
}

/// A user for every registry of a test's, with the password `<user>-secret`.
pub(crate) fn user(host: &str, user: &str) -> Credentials {
    let password = Secret::new(format!("{user}-secret"));
    Credentials::anonymous().with_host(
        host,
        Credential::Basic {
            user: user.to_owned(),
            password,
        },
    )
}

/// What `user` looks like in an `Authorization` header.
pub(crate) fn basic(user: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{user}-secret"));
    format!("Basic {encoded}")
}

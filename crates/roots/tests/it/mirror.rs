//! A mirror on loopback that serves what it is told to, file by file, well or badly.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use url::Url;

/// How a mirror answers for one file.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// These bytes and no length.
    Endless(Bytes),
    /// A byte now and then, and no end.
    Drips,
    /// Nothing at all, and no end.
    Silent,
    /// A status without a body.
    Status(u16),
    /// Look elsewhere.
    Redirect(String),
    /// Says that it is compressed.
    Compressed(Bytes),
}

#[derive(Debug, Default)]
struct Shelf {
    files: BTreeMap<String, Vec<u8>>,
    answers: BTreeMap<String, Answer>,
    asked: Vec<String>,
}

/// A mirror. It goes away with the runtime of its test.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    pub(crate) url: Url,
    shelf: Arc<Mutex<Shelf>>,
}

impl Mirror {
    pub(crate) async fn start() -> Self {
        let shelf: Arc<Mutex<Shelf>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/tuf", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shelf));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shelf }
    }

    /// One that somebody else started.
    pub(crate) fn at(url: Url) -> Self {
        Self {
            url,
            shelf: Arc::default(),
        }
    }

    /// From now on these files and no others, each as it is.
    pub(crate) fn serve(&self, files: &BTreeMap<String, Vec<u8>>) {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.files.clone_from(files);
        shelf.answers.clear();
    }

    /// From now on this file so.
    pub(crate) fn answer(&self, name: &str, answer: Answer) {
        self.shelf.lock().unwrap().answers.insert(name.to_owned(), answer);
    }

    /// What was asked for since the last time, and what of it was no file.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shelf.lock().unwrap().asked)
    }
}

async fn answer(State(shelf): State<Arc<Mutex<Shelf>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let name = path.strip_prefix("/tuf/").unwrap_or(&path).to_owned();
    let (answer, file) = {
        let mut shelf = shelf.lock().unwrap();
        shelf.asked.push(name.clone());
        (shelf.answers.get(&name).cloned(), shelf.files.get(&name).cloned())
    };
    match (answer, file) {
        (Some(Answer::Endless(bytes)), _) => {
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(bytes.clone()))).into_response()
        }
        (Some(Answer::Drips), _) => {
            let drip = |()| async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
            };
            Body::from_stream(stream::unfold((), drip)).into_response()
        }
        (Some(Answer::Silent), _) => std::future::pending().await,
        (Some(Answer::Status(status)), _) => StatusCode::from_u16(status).unwrap().into_response(),
        (Some(Answer::Redirect(to)), _) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        (Some(Answer::Compressed(bytes)), _) => ([(header::CONTENT_ENCODING, "gzip")], bytes).into_response(),
        (None, Some(bytes)) => bytes.into_response(),
        (None, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

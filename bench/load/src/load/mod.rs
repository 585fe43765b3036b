//! The generator: many who ask one door, for as long as is wanted or as often, and how long each answer took.
//!
//! It shares the machine with the door, so it does as little as it can: requests are bytes that were made before, one thread
//! drives all connections, and HTTP/1.1 is written and read without a library's client, which would cost as much again as the
//! constant door does. HTTP/2 is the `h2` crate alone.

mod feed;
mod http1;
mod http2;
mod tally;
mod target;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;

use self::feed::Feed;
use self::http1::Http1;
use self::http2::Http2;
pub use self::tally::Measured;
use self::tally::Tally;
pub use self::target::{Kind, Question, Target};

/// How a door is spoken to.
#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    /// As the API server dials a Service: one request at a time on each connection.
    Http1 {
        /// How many connections.
        connections: usize,
    },
    /// As the API server dials a loopback URL.
    Http2 {
        /// How many connections; the API server has one.
        connections: usize,
        /// How many requests at a time on each.
        streams: usize,
    },
}

/// When the next question is asked.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Closed loop: as soon as the one before is answered, for this long.
    For(Duration),
    /// Closed loop, until so many were asked.
    Times(u64),
    /// Open loop: so many a second whatever the door does. How long an answer took counts from when the question was to be
    /// asked, so that a door that stalls does not hide behind questions that it kept from being asked.
    Rate {
        /// Questions a second.
        a_second: u64,
        /// How many in all.
        times: u64,
    },
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Asks `questions` one after the other and over again, by a thread of its own.
///
/// # Errors
/// Where the door cannot be reached, or a connection ends before its answers. A refusal is no error; it is counted.
pub async fn drive(target: &Target, protocol: Protocol, pace: Pace, questions: &Arc<[Question]>) -> Result<Measured> {
    anyhow::ensure!(!questions.is_empty(), "there is nothing to ask");
    let (target, questions) = (target.clone(), Arc::clone(questions));
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("generator".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let measured = runtime
                .context("the generator's runtime did not start")
                .and_then(|runtime| {
                    let local = tokio::task::LocalSet::new();
                    local.block_on(&runtime, run(&target, protocol, pace, &questions))
                });
            // Whoever asked may have gone.
            let _ = tell.send(measured);
        })
        .context("the generator's thread did not start")?;
    told.await.context("the generator's thread panicked")?
}

async fn run(target: &Target, protocol: Protocol, pace: Pace, questions: &Arc<[Question]>) -> Result<Measured> {
    let askers = connect(target, protocol).await?;
    let tally = Rc::new(Tally::new()?);
    let feed = Rc::new(Feed::start(pace, askers.len())?);
    let tasks: Vec<_> = askers
        .into_iter()
        .map(|asker| {
            let (feed, tally, questions) = (Rc::clone(&feed), Rc::clone(&tally), Arc::clone(questions));
            tokio::task::spawn_local(async move { ask_until_done(asker, &feed, &tally, &questions).await })
        })
        .collect();
    for task in tasks {
        task.await.context("the generator panicked")??;
    }
    tally.measured(feed.took())
}

async fn ask_until_done(mut asker: Asker, feed: &Feed, tally: &Tally, questions: &[Question]) -> Result<()> {
    while let Some(turn) = feed.next().await {
        let question = &questions[turn.number % questions.len()];
        let answer = asker.ask(question).await?;
        tally.count(question, &answer, turn.since.elapsed());
    }
    Ok(())
}

/// One who has one question in flight at most.
enum Asker {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl Asker {
    async fn ask(&mut self, question: &Question) -> Result<Answer> {
        match self {
            Self::Http1(connection) => connection.ask(question).await,
            Self::Http2(stream) => stream.ask(question).await,
        }
    }
}

async fn connect(target: &Target, protocol: Protocol) -> Result<Vec<Asker>> {
    let mut askers = Vec::new();
    match protocol {
        Protocol::Http1 { connections } => {
            for _ in 0..connections {
                let stream = target.connect(b"http/1.1").await?;
                askers.push(Asker::Http1(Box::new(Http1::over(stream))));
            }
        }
        Protocol::Http2 { connections, streams } => {
            for _ in 0..connections {
                let connection = Http2::over(target.connect(b"h2").await?, target.address).await?;
                askers.extend((0..streams).map(|_| Asker::Http2(connection.clone())));
            }
        }
    }
    Ok(askers)
}

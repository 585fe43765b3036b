//! The signing service's door, from outside.
//!
//! Every question may be asked again: a submission by its idempotency key, a report by its slot and digest, a seal by the
//! state that it leaves behind. So whatever got no answer is asked again, for as long as there is time.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use countersign_image::Digest;
use countersign_image::text::excerpt;
use countersign_wire::{
    CONTENT_DIGEST, Code, EVIDENCE_PLATFORM, Evidence, IDEMPOTENCY_KEY, MAX_WAIT_SECONDS, NewSession, NewSubmission,
    Problem, Session, Submission, Whom,
};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use thiserror::Error;
use zeroize::Zeroizing;

use super::reports::Report;
use super::summary::plain;
use super::who::Who;
use crate::exit::Exit;
use crate::failure::Failure;

/// The longest answer that is read, in bytes. The findings of a submission are counted, not listed.
const MAX_ANSWER: usize = 4 << 20;
/// How long one answer may take beside what it was told to wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a report may take to be sent.
const UPLOAD: Duration = Duration::from_secs(180);
/// Before the second try; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONG_PAUSE: Duration = Duration::from_secs(20);
/// What is repeated of an answer that is no problem document, in characters.
const WORDS: usize = 300;

/// Why the service did not do what it was asked.
#[derive(Debug, Error)]
enum DoorError {
    #[error("`{url}` is no place to send a token to: `https` is, and this machine")]
    Open { url: Url },
    #[error("the service at `{host}` cannot be reached: {detail}")]
    Unreachable { host: String, detail: String },
    #[error("the service at `{host}` did not answer in time")]
    TimedOut { host: String },
    #[error("{title} ({code}, {status}){detail}")]
    Problem {
        title: String,
        code: &'static str,
        status: u16,
        detail: String,
    },
    #[error("`{host}` answered {status}, and not as a signing service does: `{says}`")]
    Stranger { host: String, status: u16, says: String },
}

/// One failed question.
struct Trouble {
    error: DoorError,
    code: Option<Code>,
    /// Whether the same question may fare better later, and not before when.
    again: Option<Duration>,
    exit: Exit,
}

impl Trouble {
    fn passing(error: DoorError, after: Duration) -> Self {
        Self {
            error,
            code: None,
            again: Some(after),
            exit: Exit::Undecided,
        }
    }

    fn of(problem: Problem, retry_after: Duration) -> Self {
        // Bytes that changed on their way can be sent again.
        let passes = problem.code == Code::ContentDigestMismatch || matches!(problem.status, 408 | 429 | 502..=504);
        let exit = match problem.status {
            _ if passes => Exit::Undecided,
            401 | 403 => Exit::Refused,
            500.. => Exit::Undecided,
            _ => Exit::Misuse,
        };
        let reason = problem.reason.map(|reason| format!(" [{reason}]")).unwrap_or_default();
        let detail = problem.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        Self {
            again: passes.then_some(retry_after),
            code: Some(problem.code),
            error: DoorError::Problem {
                title: plain(problem.title.trim_end_matches('.')),
                code: problem.code.name(),
                status: problem.status,
                detail: plain(&format!("{detail}{reason}")),
            },
            exit,
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let hint = match trouble.code {
            Some(Code::TokenRefused) => Some("the token has to be for this service: see `--audience`"),
            Some(Code::JtiReplayed) => Some("a token counts once: let the job ask for a new one"),
            Some(Code::ImageNotBound) => Some("the platform team binds repositories to images (`RepositoryBinding`)"),
            Some(Code::ReportRefused) => {
                Some("what is handed in is known by its content: docs/signing.md says which formats there are")
            }
            Some(Code::QuotaExceeded) => {
                Some("other submissions of this repository are open: wait for them, or cancel them")
            }
            _ => None,
        };
        let failure = Self::new(trouble.exit, trouble.error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// The service, and the session with it.
pub(super) struct Door {
    http: reqwest::Client,
    base: Url,
    who: Who,
    session: Option<Zeroizing<String>>,
}

impl Door {
    pub(super) fn new(http: reqwest::Client, mut base: Url, who: Who) -> Result<Self, Failure> {
        let local = base.host_str().is_some_and(|host| {
            host == "localhost"
                || host
                    .trim_matches(['[', ']'])
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        });
        if base.scheme() != "https" && !(local && base.scheme() == "http") {
            return Err(Failure::misuse(DoorError::Open { url: base }));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self {
            http,
            base,
            who,
            session: None,
        })
    }

    /// Exchanges the job's token for a session. A token counts once, so that each try needs one of its own.
    pub(super) async fn enter(&mut self, until: Instant) -> Result<Whom, Failure> {
        let mut pause = PAUSE;
        let mut without_answer = None;
        loop {
            let (token, _) = self.who.token(until).await?;
            let asked = NewSession {
                subject_token: token.expose().to_owned(),
            };
            let asked = serde_json::to_vec(&asked).map_err(Failure::misuse)?;
            let request = self.request(Method::POST, "v1/session");
            let request = request.header(CONTENT_TYPE, "application/json").body(asked);
            match self.once::<Session>(request, PATIENCE, until).await {
                Ok(session) => {
                    self.session = Some(Zeroizing::new(session.session));
                    return Ok(session.submitter);
                }
                // It counted in the try that got no answer, and there is no other: that is no refusal.
                Err(trouble) if trouble.code == Some(Code::JtiReplayed) && without_answer.is_some() => {
                    let failure = without_answer.map_or_else(|| Failure::from(trouble), Failure::undecided);
                    return Err(failure.hint("the job's token counts once: run the job again"));
                }
                Err(trouble) => {
                    let said = anyhow::anyhow!("{}", trouble.error);
                    pause = self.wait(trouble, pause, until).await?;
                    without_answer = Some(said);
                }
            }
        }
    }

    pub(super) async fn create(&mut self, asked: &NewSubmission, until: Instant) -> Result<Submission, Failure> {
        let key = uuid::Uuid::new_v4().to_string();
        let body = Bytes::from(serde_json::to_vec(asked).map_err(Failure::misuse)?);
        self.ask(until, PATIENCE, |door| {
            door.request(Method::POST, "v1/submissions")
                .header(IDEMPOTENCY_KEY, &key)
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone())
        })
        .await
    }

    pub(super) async fn hand_in(&mut self, id: &str, report: &Report, until: Instant) -> Result<Evidence, Failure> {
        let digest = STANDARD.encode(Digest::sha256(report.bytes()).raw());
        let path = format!("v1/submissions/{id}/evidence/{}", report.slot());
        let taken = self
            .ask(until, UPLOAD, |door| {
                let mut request = door
                    .request(Method::PUT, &path)
                    .header(HeaderName::from_static(CONTENT_DIGEST), format!("sha-256=:{digest}:"))
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .body(report.bytes().clone());
                if let Some(platform) = report.platform() {
                    request = request.header(EVIDENCE_PLATFORM, platform);
                }
                if report.is_compressed() {
                    request = request.header(CONTENT_ENCODING, "gzip");
                }
                request
            })
            .await;
        taken.map_err(|failure| failure.context(format!("`{}` was not taken", report.path().display())))
    }

    /// Begins again what failed.
    pub(super) async fn retry(&mut self, id: &str, until: Instant) -> Result<Submission, Failure> {
        let path = format!("v1/submissions/{id}/retry");
        self.ask(until, PATIENCE, |door| door.request(Method::POST, &path))
            .await
    }

    pub(super) async fn seal(&mut self, id: &str, until: Instant) -> Result<Submission, Failure> {
        let path = format!("v1/submissions/{id}/seal");
        self.ask(until, PATIENCE, |door| door.request(Method::POST, &path))
            .await
    }

    /// The submission once something has happened to it, or after a while.
    pub(super) async fn later(&mut self, submission: &Submission, until: Instant) -> Result<Submission, Failure> {
        let left = until.saturating_duration_since(Instant::now()).as_secs();
        let wait = left.clamp(1, MAX_WAIT_SECONDS);
        let path = format!(
            "v1/submissions/{}?wait={wait}&since={}",
            submission.id, submission.version
        );
        let patience = PATIENCE + Duration::from_secs(wait);
        self.ask(until + PATIENCE, patience, |door| door.request(Method::GET, &path))
            .await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.base.join(path).unwrap_or_else(|_| self.base.clone());
        let request = self.http.request(method, url).header(ACCEPT, "application/json");
        match &self.session {
            Some(session) => request.header(AUTHORIZATION, format!("Bearer {}", session.as_str())),
            None => request,
        }
    }

    /// Asks, again where that may help, and with a new session where the old one is over.
    async fn ask<T: DeserializeOwned>(
        &mut self,
        until: Instant,
        patience: Duration,
        request: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<T, Failure> {
        let mut pause = PAUSE;
        let mut entered_again = false;
        loop {
            let trouble = match self.once(request(self), patience, until).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            if trouble.code == Some(Code::SessionRequired) && !entered_again {
                entered_again = true;
                self.enter_again(until).await?;
                continue;
            }
            pause = self.wait(trouble, pause, until).await?;
        }
    }

    /// A session goes on for a quarter of an hour. Where the job has one token only, there is no second: nothing is decided by
    /// that.
    async fn enter_again(&mut self, until: Instant) -> Result<(), Failure> {
        self.session = None;
        let entered = self.enter(until).await;
        entered.map(drop).map_err(|failure| {
            let failure = match failure.exit() {
                Exit::Refused => Failure::undecided(anyhow::anyhow!("{failure}")),
                _ => failure,
            };
            failure.context("the session is over, and there is no other").hint(
                "what was sealed goes on without this job: a later job of this repository can ask what came of it",
            )
        })
    }

    /// Waits before another try, if there may be one.
    async fn wait(&self, trouble: Trouble, pause: Duration, until: Instant) -> Result<Duration, Failure> {
        let Some(after) = trouble.again else {
            return Err(trouble.into());
        };
        let pause = pause.max(after).mul_f64(0.75 + fastrand::f64() / 2.0);
        if Instant::now() + pause >= until {
            return Err(trouble.into());
        }
        tokio::time::sleep(pause).await;
        Ok((pause * 2).min(LONG_PAUSE))
    }

    async fn once<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        patience: Duration,
        until: Instant,
    ) -> Result<T, Trouble> {
        let deadline = until.min(Instant::now() + patience);
        match tokio::time::timeout_at(deadline.into(), self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::passing(DoorError::TimedOut { host: self.host() }, PAUSE)),
        }
    }

    async fn exchange<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Trouble> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = self.body(response).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| self.stranger(status, &body, retry_after));
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(Trouble::of(problem, retry_after)),
            Err(_) => Err(self.stranger(status, &body, retry_after)),
        }
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, Trouble> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.stranger(response.status(), b"more than anybody asked for", PAUSE));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Trouble {
        let error = error.without_url();
        let mut deepest: &dyn std::error::Error = &error;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        let detail = deepest.to_string();
        Trouble::passing(
            DoorError::Unreachable {
                host: self.host(),
                detail,
            },
            PAUSE,
        )
    }

    /// Something between may answer for the service; what it says in passing passes.
    fn stranger(&self, status: StatusCode, body: &[u8], retry_after: Duration) -> Trouble {
        Trouble {
            error: DoorError::Stranger {
                host: self.host(),
                status: status.as_u16(),
                says: plain(&excerpt(String::from_utf8_lossy(body).trim(), WORDS)),
            },
            code: None,
            again: (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS).then_some(retry_after),
            exit: Exit::Undecided,
        }
    }
}

/// In whole seconds (RFC 9110 §10.2.3); a date is not waited for.
fn retry_after(response: &Response) -> Duration {
    let header = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|text| text.trim().parse().ok());
    seconds.map_or(PAUSE, Duration::from_secs).min(LONG_PAUSE)
}

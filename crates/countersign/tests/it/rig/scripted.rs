//! The signing service as a script: it takes in what the real one would, goes wrong where it is told to, and ends as it is
//! told. The real one has its own tests; here it is what a pipeline meets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_image::Digest;
use countersign_wire as wire;
use countersign_wire::{Code, Evidence, NewSession, NewSubmission, Problem, Session, Submission, Whom};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Folder;

/// What goes wrong once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The service says so.
    Problem(Code),
    /// Something before the service says so.
    Stranger(u16),
    /// It is done, and the answer is lost.
    Lost,
    /// The sessions so far are over.
    SessionsOver,
}

/// What becomes of the submission, one step each time somebody looks.
pub(crate) type Step = Box<dyn Fn(&mut Submission) + Send>;

/// A question as it came.
pub(crate) struct Seen {
    pub(crate) route: &'static str,
    pub(crate) headers: HeaderMap,
    /// As the sender had it before compressing it.
    pub(crate) body: Bytes,
}

#[derive(Default)]
struct Script {
    faults: VecDeque<(&'static str, Fault)>,
    steps: VecDeque<Step>,
    tokens: BTreeSet<String>,
    issued: usize,
    audiences: Vec<String>,
    sessions: Vec<String>,
    created: BTreeMap<String, Bytes>,
    slots: BTreeMap<String, Digest>,
    submission: Option<Submission>,
    seen: Vec<Seen>,
}

pub(crate) struct Scripted {
    url: String,
    script: Arc<Mutex<Script>>,
    _runtime: Runtime,
}

impl Scripted {
    pub(crate) fn new(folder: &Folder, faults: &[(&'static str, Fault)], steps: Vec<Step>) -> Self {
        let script = Arc::new(Mutex::new(Script {
            faults: faults.iter().copied().collect(),
            steps: steps.into(),
            ..Script::default()
        }));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        runtime.spawn(async move { axum::serve(listener, router).await });
        folder.redact(&url, "SERVICE");
        Self {
            url,
            script,
            _runtime: runtime,
        }
    }

    /// A submission that the same job made before.
    pub(crate) fn made_before(self, state: wire::State) -> Self {
        let asked = NewSubmission {
            image: wire::ImageName {
                registry: "registry.example".to_owned(),
                repository: "unsigned/app".to_owned(),
                digest: Digest::sha256(b"app").to_string(),
            },
            environment: "prod".to_owned(),
            gate: None,
            source: None,
            promote: wire::Promotion::default(),
        };
        self.script().submission = Some(Submission {
            state,
            ..created(&asked)
        });
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where GitHub's jobs ask for their token.
    pub(crate) fn token_url(&self) -> String {
        format!("{}/token?of=job", self.url)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// How often this was asked.
    pub(crate) fn count(&self, route: &str) -> usize {
        self.script().seen.iter().filter(|seen| seen.route == route).count()
    }

    /// All questions of this kind, as they came.
    pub(crate) fn seen(&self, route: &str) -> Vec<Seen> {
        let mut script = self.script();
        let seen = std::mem::take(&mut script.seen);
        seen.into_iter().filter(|seen| seen.route == route).collect()
    }

    /// For whom tokens were asked for.
    pub(crate) fn audiences(&self) -> Vec<String> {
        self.script().audiences.clone()
    }

    /// The reports that it has.
    pub(crate) fn slots(&self) -> Vec<String> {
        self.script().slots.keys().cloned().collect()
    }

    pub(crate) fn unused_faults(&self) -> usize {
        self.script().faults.len()
    }
}

/// A token with this name for itself; the signature is nobody's here.
pub(crate) fn token(id: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": "https://gitlab.example", "sub": "project_path:acme/shop", "jti": id, "exp": 4_000_000_000_u64,
    });
    format!("{}.{}.c2ln", part(json!({ "alg": "RS256" })), part(claims))
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let sent = to_bytes(body, 64 << 20).await.unwrap();
    let mut script = script.lock().unwrap();
    let path = parts.uri.path().to_owned();
    let route = route(parts.method.as_str(), &path);
    let mut body = sent.clone();
    if parts
        .headers
        .get("content-encoding")
        .is_some_and(|coding| coding == "gzip")
    {
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(&sent[..])
            .read_to_end(&mut inflated)
            .unwrap();
        body = inflated.into();
    }
    script.seen.push(Seen {
        route,
        headers: parts.headers.clone(),
        body: body.clone(),
    });
    let fault = script.faults.iter().position(|(at, _)| *at == route);
    let fault = fault.and_then(|at| script.faults.remove(at)).map(|(_, fault)| fault);
    match fault {
        Some(Fault::Problem(code)) => return problem(code, "as told"),
        Some(Fault::Stranger(status)) => return respond(status, "text/html", "<h1>Bad gateway</h1>"),
        Some(Fault::SessionsOver) => script.sessions.clear(),
        Some(Fault::Lost) | None => {}
    }
    let query = parts.uri.query().unwrap_or_default();
    let done = script.done(route, &path, query, &parts.headers, &sent, &body);
    match fault {
        Some(Fault::Lost) => {
            let torn = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("torn")) });
            Response::new(Body::from_stream(torn))
        }
        _ => match done {
            Ok(document) => respond(200, "application/json", &document.to_string()),
            Err(code) => problem(code, "as the script has it"),
        },
    }
}

fn route(method: &str, path: &str) -> &'static str {
    match (
        method,
        path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice(),
    ) {
        ("GET", ["token"]) => "token",
        ("POST", ["v1", "session"]) => "session",
        ("POST", ["v1", "submissions"]) => "create",
        ("PUT", ["v1", "submissions", _, "evidence", _]) => "evidence",
        ("POST", ["v1", "submissions", _, "seal"]) => "seal",
        ("POST", ["v1", "submissions", _, "retry"]) => "retry",
        ("GET", ["v1", "submissions", _]) => "look",
        other => panic!("nobody asks for this: {other:?}"),
    }
}

impl Script {
    fn done(
        &mut self,
        route: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        sent: &Bytes,
        body: &Bytes,
    ) -> Result<Value, Code> {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        match route {
            "token" => {
                assert_eq!(header("authorization").as_deref(), Some("bearer of-the-runner"));
                self.audiences.push(query.split("audience=").nth(1).unwrap().to_owned());
                self.issued += 1;
                return Ok(json!({ "value": token(&format!("issued-{}", self.issued)) }));
            }
            "session" => return self.session(body),
            _ => {}
        }
        let shown = header("authorization").unwrap_or_default();
        if !self.sessions.iter().any(|session| shown == format!("Bearer {session}")) {
            return Err(Code::SessionRequired);
        }
        match route {
            "create" => self.create(&header(wire::IDEMPOTENCY_KEY).unwrap(), body),
            "evidence" => {
                let digest = Digest::sha256(sent);
                let named = format!("sha-256=:{}:", STANDARD.encode(digest.raw()));
                assert_eq!(header(wire::CONTENT_DIGEST), Some(named));
                let slot = path.rsplit('/').next().unwrap();
                self.take_in(slot, header(wire::EVIDENCE_PLATFORM), digest, body)
            }
            "seal" | "retry" => {
                let submission = self.submission.as_mut().unwrap();
                if route == "retry" || submission.state == wire::State::Received {
                    submission.state = wire::State::Evaluating;
                    submission.version += 1;
                }
                Ok(json!(submission))
            }
            _ => {
                let since: u64 = query.split("since=").nth(1).unwrap().parse().unwrap();
                let submission = self.submission.as_mut().unwrap();
                if submission.version == since
                    && let Some(step) = self.steps.pop_front()
                {
                    step(submission);
                    submission.version += 1;
                }
                Ok(json!(submission))
            }
        }
    }

    fn session(&mut self, body: &Bytes) -> Result<Value, Code> {
        let asked: NewSession = serde_json::from_slice(body).unwrap();
        if !self.tokens.insert(asked.subject_token) {
            return Err(Code::JtiReplayed);
        }
        let session = format!("session-{}", self.tokens.len());
        self.sessions.push(session.clone());
        Ok(json!(Session {
            session,
            expires: jiff::Timestamp::MAX,
            submitter: Whom {
                issuer: "gitlab".to_owned(),
                subject: "project_path:acme/shop".to_owned(),
                repository_id: "7".to_owned(),
                repository: "acme/shop".to_owned(),
                commit: None,
            },
        }))
    }

    fn create(&mut self, key: &str, body: &Bytes) -> Result<Value, Code> {
        let asked: NewSubmission = serde_json::from_slice(body).unwrap();
        match self.created.get(key) {
            Some(before) if before != body => return Err(Code::IdempotencyMismatch),
            _ => self.created.insert(key.to_owned(), body.clone()),
        };
        assert_eq!(self.created.len(), 1, "one command is one submission");
        Ok(json!(self.submission.get_or_insert_with(|| created(&asked))))
    }

    fn take_in(&mut self, slot: &str, platform: Option<String>, digest: Digest, body: &Bytes) -> Result<Value, Code> {
        if *self.slots.entry(slot.to_owned()).or_insert(digest) != digest {
            return Err(Code::SlotTaken);
        }
        let text = String::from_utf8_lossy(body);
        if !text.starts_with('{') {
            return Err(Code::ReportRefused);
        }
        Ok(json!(Evidence {
            slot: slot.to_owned(),
            sha256: Digest::sha256(body).to_string(),
            size: body.len() as u64,
            format: "SARIF".to_owned(),
            tools: vec!["gitleaks 8.30.1".to_owned()],
            platform,
            findings: text.matches("ruleId").count() as u64,
            redacted: text.contains("AKIA"),
        }))
    }
}

fn created(asked: &NewSubmission) -> Submission {
    let now = jiff::Timestamp::UNIX_EPOCH;
    Submission {
        id: "01K9ZQ3E0000000000000000AA".to_owned(),
        state: wire::State::Received,
        version: 0,
        image: asked.image.clone(),
        environment: asked.environment.clone(),
        gate: wire::GateName {
            name: "prod-default".to_owned(),
            digest: Digest::sha256(b"gate").to_string(),
        },
        commit: None,
        created: now,
        updated: now,
        deadline: None,
        evidence: Vec::new(),
        evidence_set_digest: None,
        checks: Vec::new(),
        reason: None,
        signatures: Vec::new(),
        published: None,
        already_published: false,
    }
}

fn problem(code: Code, detail: &str) -> Response {
    let mut problem = Problem::new(code);
    problem.detail = Some(detail.to_owned());
    respond(code.status(), wire::PROBLEM_JSON, &json!(problem).to_string())
}

fn respond(status: u16, media_type: &str, body: &str) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", media_type)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

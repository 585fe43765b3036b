//! A question and its answer, with everything in between: who we are, redirects, second attempts, mirrors.

use std::time::Instant;

use bytes::Bytes;
use countersign_image::Repository;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tracing::debug;
use url::Url;

use crate::backoff::Backoff;
use crate::challenge::Challenge;
use crate::client::Client;
use crate::credential::{Candidates, Credential, CredentialScope, Credentials};
use crate::host::{Endpoint, may_lead, same_server};
use crate::token::{TokenKey, TokenRequest, basic, bearer};
use crate::transport::{Answer, Call, Failure};
use crate::trouble::Trouble;

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 3;

/// A question about a repository.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) repository: &'a Repository,
    pub(crate) to: To,
    pub(crate) access: Access<'a>,
    pub(crate) accept: &'static [&'static str],
    /// What is sent, with its media type.
    pub(crate) content: Option<(&'a str, Bytes)>,
    /// One more header: what has to hold for it to be taken (RFC 9110 §13; many registries take it all the same), or which part
    /// of something it is about (RFC 9110 §14).
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
    /// Largest answer, in bytes.
    pub(crate) cap: u64,
}

/// Whom a question goes to.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// `manifests/<reference>`, `blobs/<digest>` and so on, in the repository.
    Tail(String),
    /// A URL that the registry gave, already judged to be its own.
    Url(Url),
}

/// What a question needs to be allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access<'a> {
    Pull,
    Push,
    /// Pushing what can be pulled from another repository of the same host.
    PushFrom(&'a Repository),
    Delete,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(repository: &'a Repository, tail: String, accept: &'static [&'static str], cap: u64) -> Self {
        let to = To::Tail(tail);
        Self {
            method: Method::GET,
            repository,
            to,
            access: Access::Pull,
            accept,
            content: None,
            header: None,
            cap,
        }
    }

    /// Only a question that changes nothing is carried on to where a redirect leads.
    fn follows(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Only a question that may be asked twice is asked twice. An upload is neither opened nor sent again from here: it may
    /// have arrived, and its place is gone then.
    fn attempts(&self, configured: u32) -> u32 {
        let uploads = self.method == Method::PUT && matches!(self.to, To::Url(_));
        if matches!(self.method, Method::POST | Method::PATCH) || uploads {
            1
        } else {
            configured
        }
    }

    fn scope(&self, endpoint: &Endpoint) -> String {
        let path = endpoint.path_of(self.repository.path());
        match self.access {
            Access::Pull => format!("repository:{path}:pull"),
            Access::Push => format!("repository:{path}:pull,push"),
            Access::PushFrom(other) => {
                format!(
                    "repository:{path}:pull,push repository:{}:pull",
                    endpoint.path_of(other.path())
                )
            }
            Access::Delete => format!("repository:{path}:delete,pull"),
        }
    }
}

impl Answer {
    /// The answer, if it is what was asked for.
    pub(crate) fn success(self) -> Result<Self, Trouble> {
        match self.status {
            status if status.is_success() => Ok(self),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Trouble::NotFound),
            status => Err(Trouble::Unavailable {
                status: status.as_u16(),
            }),
        }
    }

    /// What calls for another attempt or another credential. Every other status is the asker's to read.
    fn refusal(&self) -> Option<Trouble> {
        let status = self.status.as_u16();
        match status {
            401 | 403 => Some(Trouble::Denied { status }),
            _ => self.outage(),
        }
    }
}

/// Who asks, and what else could be shown in the name of the same.
#[derive(Clone, Copy)]
struct Asker<'a> {
    credential: &'a Credential,
    credentials: &'a Credentials,
}

impl Asker<'_> {
    /// Whether the configuration has this very credential for the realm's host, too.
    async fn is_known_to(&self, realm: &Url, deadline: Instant) -> bool {
        let known = self.credentials.candidates(realm.authority(), "", deadline).await;
        known.credentials.contains(self.credential)
    }
}

/// An answer, and whether it is another server's than the registry's.
struct Followed {
    answer: Answer,
    elsewhere: bool,
}

impl Client {
    /// Asks the mirrors, then the registry. What a mirror does not have, or gives wrongly, the registry is asked for.
    pub(crate) async fn read<T: Send>(
        &self,
        ask: &Ask<'_>,
        credentials: &Credentials,
        deadline: Instant,
        check: impl Fn(Answer) -> Result<T, Trouble> + Send + Sync,
    ) -> Result<T, Trouble> {
        for mirror in self.mirrors(ask.repository.host()) {
            let until = mirror_deadline(deadline);
            match self.ask(mirror, ask, credentials, until).await.and_then(&check) {
                Ok(found) => return Ok(found),
                Err(trouble) => debug!(mirror = mirror.authority(), %trouble, "asking the registry itself"),
            }
        }
        let origin = self.inner.hosts.origin(ask.repository.host())?;
        self.ask(&origin, ask, credentials, deadline).await.and_then(check)
    }

    /// Asks one server, with one fitting credential after the other until one is let in.
    pub(crate) async fn ask(
        &self,
        endpoint: &Endpoint,
        ask: &Ask<'_>,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Answer, Trouble> {
        let path = endpoint.path_of(ask.repository.path());
        let Candidates {
            credentials: mut candidates,
            trouble,
        } = credentials
            .candidates(endpoint.credential_host(), &path, deadline)
            .await;
        let scopes: Vec<CredentialScope> = candidates.iter().map(Credential::scope).collect();
        let key = (endpoint.authority().to_owned(), path, scopes);
        if candidates.len() > 1
            && let Some(scope) = self.inner.let_in.get(&key)
        {
            candidates.sort_by_key(|credential| credential.scope() != scope);
        }
        let mut refusal = Trouble::Denied { status: 401 };
        for credential in &candidates {
            let asker = Asker {
                credential,
                credentials,
            };
            match self.ask_as(endpoint, ask, asker, deadline).await {
                Err(denied @ Trouble::Denied { .. }) => refusal = denied,
                Ok(answer) => {
                    if candidates.len() > 1 {
                        self.inner.let_in.insert(key, credential.scope());
                    }
                    return Ok(answer);
                }
                outcome @ Err(_) => return outcome,
            }
        }
        Err(trouble.map_or(refusal, |detail| Trouble::Login { detail }))
    }

    /// Asks one server as somebody, again where asking again may help.
    async fn ask_as(
        &self,
        endpoint: &Endpoint,
        ask: &Ask<'_>,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<Answer, Trouble> {
        // A mirror that fails has the registry behind it.
        let attempts = if endpoint.is_mirror() {
            1
        } else {
            ask.attempts(self.limits().attempts)
        };
        let mut backoff = Backoff::with_attempts(attempts, deadline);
        loop {
            let trouble = match self.attempt(endpoint, ask, asker, deadline).await {
                Ok(answer) => match answer.refusal() {
                    None => return Ok(answer),
                    Some(trouble) => trouble,
                },
                Err(failure) if !failure.passing => return Err(backoff.first_cause(failure.trouble)),
                Err(failure) => failure.trouble,
            };
            backoff.pause(trouble).await?;
        }
    }

    /// One attempt: 1. with what is known of the host, 2. with what it asks for if that was not enough.
    async fn attempt(
        &self,
        endpoint: &Endpoint,
        ask: &Ask<'_>,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let known = self.inner.challenges.get(endpoint.authority());
        let first = match &known {
            Some(challenge) => self.meet(challenge, None, endpoint, ask, asker, deadline).await?,
            None => None,
        };
        let followed = self.follow(endpoint, ask, first.as_ref(), deadline).await?;
        if followed.answer.status != StatusCode::UNAUTHORIZED || followed.elsewhere {
            return Ok(followed.answer);
        }
        let Some(challenge) = Challenge::of(&followed.answer.headers) else {
            return Ok(followed.answer);
        };
        self.inner
            .challenges
            .insert(endpoint.authority().to_owned(), challenge.clone());
        let second = self
            .meet(&challenge, first.as_ref(), endpoint, ask, asker, deadline)
            .await?;
        if second.is_none() || second == first {
            return Ok(followed.answer);
        }
        Ok(self.follow(endpoint, ask, second.as_ref(), deadline).await?.answer)
    }

    /// The `Authorization` that a challenge calls for, other than the one that was refused; `None` if the credential is
    /// not of the kind.
    async fn meet(
        &self,
        challenge: &Challenge,
        refused: Option<&HeaderValue>,
        endpoint: &Endpoint,
        ask: &Ask<'_>,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<Option<HeaderValue>, Trouble> {
        let credential = asker.credential;
        let (realm, service) = match (challenge, credential) {
            (Challenge::Basic, Credential::Basic { user, password }) => return basic(user, password).map(Some),
            (Challenge::Basic, _) => return Ok(None),
            (Challenge::Bearer { .. }, Credential::Bearer(token)) => return bearer(token).map(Some),
            (Challenge::Bearer { realm, service }, _) => (realm.clone(), service.clone()),
        };
        let key = TokenKey {
            authority: endpoint.authority().to_owned(),
            realm,
            service,
            scope: ask.scope(endpoint),
            credential: credential.scope(),
        };
        if let Some(refused) = refused {
            self.inner.tokens.forget(&key, refused);
        }
        if let Some(token) = self.inner.tokens.at_hand(&key) {
            return Ok(Some(token));
        }
        let request = TokenRequest::new(&self.inner.hosts, endpoint, &key, credential)?;
        if request.leaves_the_site(endpoint, credential) && !asker.is_known_to(request.realm(), deadline).await {
            return Err(request.withheld(endpoint));
        }
        self.inner
            .tokens
            .fetch(&self.inner.transport, &key, request, deadline)
            .await
            .map(Some)
    }

    /// Sends the question and follows where it is sent on to. Credentials stay behind when the server changes, and do not
    /// come back.
    async fn follow(
        &self,
        endpoint: &Endpoint,
        ask: &Ask<'_>,
        authorization: Option<&HeaderValue>,
        deadline: Instant,
    ) -> Result<Followed, Failure> {
        let mut url = match &ask.to {
            To::Tail(tail) => endpoint.url(ask.repository.path(), tail),
            To::Url(url) => url.clone(),
        };
        let mut elsewhere = false;
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = headers(ask);
            if let (Some(authorization), false) = (authorization, elsewhere) {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let call = Call {
                method: ask.method.clone(),
                url: url.clone(),
                headers,
                body: ask.content.as_ref().map(|(_, bytes)| bytes.clone()),
                cap: ask.cap,
                led: elsewhere,
            };
            let answer = self.inner.transport.send(&call, deadline).await?;
            let sent_on = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            if !sent_on || !ask.follows() {
                return Ok(Followed { answer, elsewhere });
            }
            let next = location(&answer, &url)?;
            elsewhere |= !same_server(&url, &next);
            url = next;
        }
        Err(Trouble::protocol(format!("it redirects more than {MAX_REDIRECTS} times")).into())
    }
}

/// A mirror may use up half of the time: the registry behind it needs the other half.
pub(crate) fn mirror_deadline(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / 2
}

/// Where an answer leads, if it may.
pub(crate) fn location(answer: &Answer, from: &Url) -> Result<Url, Trouble> {
    let text = answer
        .header(LOCATION)
        .ok_or_else(|| Trouble::protocol("it redirects to nowhere"))?;
    let next = from
        .join(text)
        .map_err(|_| Trouble::protocol("it redirects to something that is not a URL"))?;
    may_lead(from, &next).map_err(|why| Trouble::protocol(format!("its redirect is not followed: {why}")))?;
    Ok(next)
}

fn headers(ask: &Ask<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for media_type in ask.accept {
        headers.append(ACCEPT, HeaderValue::from_static(media_type));
    }
    if let Some((media_type, _)) = &ask.content
        && let Ok(value) = HeaderValue::from_str(media_type)
    {
        headers.insert(CONTENT_TYPE, value);
    }
    if let Some((name, value)) = &ask.header {
        headers.insert(name, value.clone());
    }
    headers
}

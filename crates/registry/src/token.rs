//! Access tokens: where they are fetched, what is shown for them, and how long they are used (distribution token and
//! OAuth 2 specifications).

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_image::json;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use moka::sync::Cache;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::backoff::Backoff;
use crate::credential::{Credential, CredentialScope};
use crate::flight::Flights;
use crate::host::{Endpoint, Hosts, may_lead, same_server};
use crate::secret::Secret;
use crate::site::same_site;
use crate::transport::{Answer, Call, Transport};
use crate::trouble::Trouble;

/// Most tokens that are kept.
const MAX_TOKENS: u64 = 10_000;
/// Largest answer of a token service, in bytes.
const MAX_ANSWER: u64 = 256 << 10;
/// What a token lasts if its service does not say (distribution token specification).
const UNSTATED_LIFE: Duration = Duration::from_secs(60);
/// What a token lasts at most, whatever its service says: a credential that was revoked stops working within the hour.
const LONGEST_LIFE: Duration = Duration::from_secs(60 * 60);
/// Time between the last use that we begin and the end of a token.
const MARGIN: Duration = Duration::from_secs(10);
/// How long one fetch may take, whoever waits for it.
const LONGEST_FETCH: Duration = Duration::from_secs(20);

/// What a token is for and who asked for it. Nothing else ever sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    pub(crate) authority: String,
    pub(crate) realm: String,
    pub(crate) service: Option<String>,
    pub(crate) scope: String,
    pub(crate) credential: CredentialScope,
}

#[derive(Clone, Debug)]
struct Token {
    value: HeaderValue,
    good_until: Instant,
}

/// The tokens at hand.
#[derive(Debug)]
pub(crate) struct Tokens {
    kept: Cache<TokenKey, Token>,
    flights: Flights<TokenKey, Result<Token, Trouble>>,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let kept = Cache::builder()
            .max_capacity(MAX_TOKENS)
            .time_to_live(LONGEST_LIFE)
            .build();
        Self {
            kept,
            flights: Flights::new(),
        }
    }

    /// A token that is at hand.
    pub(crate) fn at_hand(&self, key: &TokenKey) -> Option<HeaderValue> {
        self.kept
            .get(key)
            .filter(|token| Instant::now() < token.good_until)
            .map(|token| token.value)
    }

    /// The registry refused a token before its time. The one that another request fetched meanwhile stays.
    pub(crate) fn forget(&self, key: &TokenKey, refused: &HeaderValue) {
        if self.kept.get(key).is_some_and(|token| token.value == *refused) {
            self.kept.invalidate(key);
        }
    }

    /// A new token. Those who ask for the same one at the same time get the same one.
    pub(crate) async fn fetch(
        &self,
        transport: &Arc<Transport>,
        key: &TokenKey,
        request: TokenRequest,
        deadline: Instant,
    ) -> Result<HeaderValue, Trouble> {
        let began = Instant::now();
        let joined = self.flights.join(key, || {
            let (transport, kept, key) = (Arc::clone(transport), self.kept.clone(), key.clone());
            async move {
                let token = request.send(&transport, Instant::now() + LONGEST_FETCH).await?;
                kept.insert(key, token.clone());
                Ok(token)
            }
        });
        let (arrival, _) = joined?;
        match tokio::time::timeout_at(deadline.into(), arrival).await {
            Ok(Some(token)) => token.map(|token| token.value),
            Ok(None) => Err(Trouble::Unreachable {
                detail: "the request for a token broke off".to_owned(),
            }),
            Err(_) => Err(Trouble::TimedOut { after: began.elapsed() }),
        }
    }
}

/// A request to a token service that may see what it carries.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    call: Call,
}

impl TokenRequest {
    /// Refuses a realm that a registry should not lead us to, or that must not see the credential.
    pub(crate) fn new(
        hosts: &Hosts,
        endpoint: &Endpoint,
        key: &TokenKey,
        credential: &Credential,
    ) -> Result<Self, Trouble> {
        let realm = Url::parse(&key.realm).map_err(|_| Trouble::protocol("the realm of its challenge is not a URL"))?;
        may_lead(endpoint.root(), &realm)
            .map_err(|why| Trouble::protocol(format!("the realm of its challenge is not followed: {why}")))?;
        let secret = !matches!(credential, Credential::Anonymous);
        let plain = realm.scheme() != "https";
        if secret && plain && !same_server(&realm, endpoint.root()) && !hosts.speaks_plainly(&realm) {
            return Err(Trouble::protocol(
                "the realm of its challenge is not `https`, and credentials do not go there",
            ));
        }
        let led = !same_server(&realm, endpoint.root());
        Ok(Self {
            call: call(realm, key, credential, led)?,
        })
    }

    /// Where the token is to be had.
    pub(crate) fn realm(&self) -> &Url {
        &self.call.url
    }

    /// Whether a secret goes to somebody who is not the registry's owner.
    pub(crate) fn leaves_the_site(&self, endpoint: &Endpoint, credential: &Credential) -> bool {
        !matches!(credential, Credential::Anonymous) && !same_site(self.realm(), endpoint.root())
    }

    /// What becomes of a login that would give a secret away (CVE-2026-48978).
    pub(crate) fn withheld(&self, endpoint: &Endpoint) -> Trouble {
        let (realm, registry) = (self.realm().authority(), endpoint.authority());
        Trouble::Login {
            detail: format!(
                "`{registry}` sends us to `{realm}` for a token, and a credential goes to no other site; if it belongs there, \
                 let the docker configuration have it for `{realm}` too"
            ),
        }
    }

    async fn send(&self, transport: &Transport, deadline: Instant) -> Result<Token, Trouble> {
        let mut backoff = Backoff::new(deadline);
        loop {
            let trouble = match transport.send(&self.call, deadline).await {
                Ok(answer) => match refusal(&answer) {
                    None => return token(&answer),
                    Some(trouble) => trouble,
                },
                Err(failure) if !failure.passing => return Err(backoff.first_cause(failure.trouble)),
                Err(failure) => failure.trouble,
            };
            backoff.pause(trouble).await?;
        }
    }
}

fn call(mut realm: Url, key: &TokenKey, credential: &Credential, led: bool) -> Result<Call, Trouble> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let service = key.service.as_deref();
    if let Credential::IdentityToken(token) = credential {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "countersign");
        form.append_pair("scope", &key.scope)
            .append_pair("refresh_token", token.expose());
        if let Some(service) = service {
            form.append_pair("service", service);
        }
        let body = Some(Bytes::from(form.finish()));
        return Ok(Call {
            method: Method::POST,
            url: realm,
            headers,
            body,
            cap: MAX_ANSWER,
            led,
        });
    }
    for scope in key.scope.split(' ') {
        realm.query_pairs_mut().append_pair("scope", scope);
    }
    realm.query_pairs_mut().append_pair("client_id", "countersign");
    if let Some(service) = service {
        realm.query_pairs_mut().append_pair("service", service);
    }
    if let Credential::Basic { user, password } = credential {
        headers.insert(AUTHORIZATION, basic(user, password)?);
    }
    Ok(Call {
        method: Method::GET,
        url: realm,
        headers,
        body: None,
        cap: MAX_ANSWER,
        led,
    })
}

/// The `Authorization` header for a user and a password (RFC 7617).
pub(crate) fn basic(user: &str, password: &Secret) -> Result<HeaderValue, Trouble> {
    let encoded = STANDARD.encode(format!("{user}:{}", password.expose()));
    sensitive(&format!("Basic {encoded}"))
}

/// The `Authorization` header for a token (RFC 6750).
pub(crate) fn bearer(token: &Secret) -> Result<HeaderValue, Trouble> {
    sensitive(&format!("Bearer {}", token.expose()))
}

fn sensitive(text: &str) -> Result<HeaderValue, Trouble> {
    let unusable = |_| Trouble::Login {
        detail: "a credential holds characters that no header can carry".to_owned(),
    };
    let mut value = HeaderValue::from_str(text).map_err(unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a token service says instead of giving a token. A redirect is a refusal, too: credentials do not follow it.
fn refusal(answer: &Answer) -> Option<Trouble> {
    let status = answer.status;
    match status.as_u16() {
        200..=299 => None,
        300..=399 => Some(Trouble::protocol(
            "its token service redirects, and credentials do not follow",
        )),
        429 => Some(Trouble::Throttled {
            retry_after: crate::backoff::retry_after(&answer.headers),
        }),
        400..=499 => Some(Trouble::Denied {
            status: status.as_u16(),
        }),
        _ => Some(Trouble::Unavailable {
            status: status.as_u16(),
        }),
    }
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    expires_in: Option<u64>,
}

fn token(answer: &Answer) -> Result<Token, Trouble> {
    let unreadable = || Trouble::protocol("its token service answered something that is not a token");
    let written: Written = json::strict(&answer.body).map_err(|_| unreadable())?;
    let filled = |secret: Option<Secret>| secret.filter(|secret| !secret.expose().is_empty());
    let secret = filled(written.token)
        .or_else(|| filled(written.access_token))
        .ok_or_else(unreadable)?;
    let life = written
        .expires_in
        .map_or(UNSTATED_LIFE, Duration::from_secs)
        .min(LONGEST_LIFE);
    let good_until = Instant::now() + life.saturating_sub(MARGIN.min(life / 4));
    Ok(Token {
        value: bearer(&secret)?,
        good_until,
    })
}

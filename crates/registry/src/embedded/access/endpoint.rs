//! `/token`: a password in, a token out. GET with `Authorization: Basic` (distribution, "Token Authentication Specification"), or
//! POST with a form (distribution, "OAuth2 Token Authentication").

use std::collections::HashMap;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::scope::Scope;
use super::users::Login;
use super::{Access, Caller, token};
use crate::embedded::Limits;
use crate::embedded::receive::Receiving;
use crate::embedded::refusal::Refusal;
use crate::secret::Secret;

/// Largest form, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// Who wants a token, and what it should allow.
struct Asked {
    service: Option<String>,
    scopes: Vec<Scope>,
    /// None where nobody in particular asks.
    user: Option<(String, Secret)>,
}

impl Access {
    /// Answers `/token`: 1. read, 2. for this registry, 3. whoever has a name has its password, 4. what is asked for, as far as
    /// it is granted. Less than was asked for is no error here, but where it is missed.
    pub(in crate::embedded) async fn token(
        &self,
        parts: &Parts,
        body: Body,
        limits: &Limits,
    ) -> Result<Response, Refusal> {
        let asked = match parts.method {
            Method::GET => in_query(parts)?,
            Method::POST => in_form(body, limits).await?,
            _ => return Err(Refusal::Method { allowed: "GET, POST" }),
        };
        let ours = self.tokens.service();
        if asked.service.is_some_and(|service| service != ours) {
            return Err(Refusal::TokenRequest("`service` names another registry"));
        }
        let caller = match asked.user {
            Some((user, password)) => match self.users.login(&user, password).await {
                Login::In(user) => Caller::User(user),
                Login::Refused => return Err(Refusal::Login),
                Login::Busy => return Err(Refusal::TooManyLogins),
            },
            None if self.anonymous_pull => Caller::Nobody,
            None => return Err(Refusal::Login),
        };
        let granted: Vec<_> = asked
            .scopes
            .into_iter()
            .filter_map(|scope| self.granted(&caller, scope))
            .collect();
        let now = Timestamp::now();
        let token = self
            .tokens
            .seal(&caller, &granted, now)
            .map_err(|_| Refusal::Interrupted)?;
        Ok(answer(&token, &granted, now))
    }
}

fn in_query(parts: &Parts) -> Result<Asked, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let (mut service, mut scopes) = (None, Vec::new());
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "service" => service = Some(value.into_owned()),
            "scope" => scopes.push(value.into_owned()),
            _ => {}
        }
    }
    Ok(Asked {
        service,
        scopes: parsed(scopes.iter().map(String::as_str))?,
        user: basic(&parts.headers)?,
    })
}

async fn in_form(body: Body, limits: &Limits) -> Result<Asked, Refusal> {
    // All of it in the time that a blob has for its next bytes: whoever sends a form is nobody yet, and must not stay.
    let read = tokio::time::timeout(limits.stall, Receiving::new(body, limits.stall).whole(MAX_FORM)).await;
    let Ok(Ok(form)) = read else {
        return Err(Refusal::TokenRequest("the form is too long, too slow, or broke off"));
    };
    // The buffer that it came in is the connection's; what is copied out of it is wiped.
    let mut fields: HashMap<String, Zeroizing<String>> = HashMap::new();
    for (key, value) in url::form_urlencoded::parse(&form) {
        if fields
            .insert(key.into_owned(), Zeroizing::new(value.into_owned()))
            .is_some()
        {
            return Err(Refusal::TokenRequest("the form says something twice"));
        }
    }
    match fields.get("grant_type").map(|kind| kind.as_str()) {
        Some("password") => {}
        _ => return Err(Refusal::TokenRequest("`grant_type` is not `password`")),
    }
    let (Some(user), Some(password)) = (fields.get("username"), fields.get("password")) else {
        return Err(Refusal::TokenRequest("`username` and `password` are not both there"));
    };
    Ok(Asked {
        service: fields.get("service").map(|service| service.to_string()),
        scopes: parsed(fields.get("scope").map(|scopes| scopes.as_str()))?,
        user: Some((user.to_string(), Secret::new(password.as_str()))),
    })
}

fn parsed<'a>(lists: impl IntoIterator<Item = &'a str>) -> Result<Vec<Scope>, Refusal> {
    Scope::parse_all(lists).map_err(|many| Refusal::TooManyScopes { limit: many.limit })
}

/// RFC 7617. Something that is not read is no caller without a name: it is refused.
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let login = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .and_then(|(scheme, login)| {
            let decoded = scheme
                .eq_ignore_ascii_case("basic")
                .then(|| STANDARD.decode(login.trim()))?;
            let decoded = Zeroizing::new(decoded.ok()?);
            let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
            Some((user.to_owned(), Secret::new(password)))
        });
    login.map(Some).ok_or(Refusal::Login)
}

fn answer(token: &str, granted: &[Scope], now: Timestamp) -> Response {
    let scope: Vec<_> = granted.iter().map(ToString::to_string).collect();
    let body = json!({
        "token": token,
        "access_token": token,
        "expires_in": token::LIFETIME.as_secs(),
        "issued_at": now.to_string(),
        "scope": scope.join(" "),
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::OK, headers, body.to_string()).into_response()
}

//! Being known to a vault: a token, renewed before it ends, and got anew where it is refused.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_image::json;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::failure::{self, Refusal, VaultError};
use super::settings::Login;
use super::token::Token;
use super::transport::{Answer, Question, Transport};

/// The most a file with a token has, in bytes.
const LARGEST_FILE: u64 = 64 << 10;
/// While a renewal does not succeed, how long until it is tried again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) struct Session {
    transport: Transport,
    login: Login,
    held: Mutex<Option<Held>>,
}

/// A token and what is known of its life.
#[derive(Clone)]
struct Held {
    token: Arc<Token>,
    /// Nothing for one that does not end, and for one of which nothing may be asked.
    life: Option<Life>,
}

#[derive(Clone, Copy)]
struct Life {
    due: Instant,
    ends: Instant,
    renewable: bool,
    /// How long it was when it was first given. A renewal that gives much less is near the most that there is.
    first: Duration,
}

impl Life {
    /// Due at two thirds of the time, less up to a tenth of it: many that began together do not come back together.
    fn starting(now: Instant, lease: Duration, first: Duration, renewable: bool) -> Option<Self> {
        if lease.is_zero() {
            return None;
        }
        let early = lease.mul_f64(fastrand::f64() * 0.1);
        Some(Self {
            due: now + lease * 2 / 3 - early,
            ends: now + lease,
            renewable,
            first,
        })
    }
}

/// What a login shows. It is written as it is lent: no copy of a secret is left behind.
#[derive(Serialize)]
#[serde(untagged)]
enum Proof<'a> {
    Jwt { role: &'a str, jwt: &'a str },
    AppRole { role_id: &'a str, secret_id: &'a str },
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Option<Auth>,
}

#[derive(Deserialize)]
struct Auth {
    client_token: Token,
    lease_duration: u32,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct LookedUp {
    data: LookedUpData,
}

#[derive(Deserialize)]
struct LookedUpData {
    ttl: u32,
    #[serde(default)]
    renewable: bool,
}

/// What was to be done and with what, for the words of a refusal.
#[derive(Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) what: &'static str,
    pub(super) key: &'a str,
    pub(super) engine: &'a str,
    pub(super) version: u32,
}

impl<'a> Purpose<'a> {
    fn of_token(what: &'static str) -> Self {
        Self {
            what,
            key: "",
            engine: "",
            version: 0,
        }
    }
}

impl Session {
    pub(super) fn new(transport: Transport, login: Login) -> Self {
        Self {
            transport,
            login,
            held: Mutex::default(),
        }
    }

    /// Asks with a token. Where the token is not known (any more), there is one login and one more try.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
        purpose: Purpose<'_>,
    ) -> Result<Answer, VaultError> {
        let token = self.token().await?;
        match self.ask_with(&token, method.clone(), path, body, purpose).await {
            Err(VaultError::TokenRefused) => {
                let token = self.another(&token).await?;
                self.ask_with(&token, method, path, body, purpose).await
            }
            outcome => outcome,
        }
    }

    async fn ask_with(
        &self,
        token: &Token,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
        purpose: Purpose<'_>,
    ) -> Result<Answer, VaultError> {
        let question = Question {
            method,
            path,
            token: Some(token),
            body,
        };
        let answer = self.transport.ask(&question).await?;
        if answer.status == 200 {
            Ok(answer)
        } else {
            Err(meaning(&answer, path, purpose))
        }
    }

    /// A token that is believed to be good.
    async fn token(&self) -> Result<Arc<Token>, VaultError> {
        let mut held = self.held.lock().await;
        let now = Instant::now();
        let current = match held.clone() {
            None => self.log_in().await?,
            Some(current) => match current.life {
                Some(life) if now >= life.due => self.renewed(current, life, now).await?,
                _ => current,
            },
        };
        let token = Arc::clone(&current.token);
        *held = Some(current);
        Ok(token)
    }

    /// Another token than the one that was refused; whoever comes second takes what the first one got.
    async fn another(&self, refused: &Arc<Token>) -> Result<Arc<Token>, VaultError> {
        let mut held = self.held.lock().await;
        if let Some(current) = held.as_ref()
            && !Arc::ptr_eq(&current.token, refused)
        {
            return Ok(Arc::clone(&current.token));
        }
        debug!("the vault does not know our token any more: logging in again");
        *held = None;
        let new = self.log_in().await?;
        if new.token == *refused {
            return Err(VaultError::TokenRefused);
        }
        let token = Arc::clone(&new.token);
        *held = Some(new);
        Ok(token)
    }

    /// Renews, or logs in where that does not help. A token that is still good outlives an outage.
    async fn renewed(&self, current: Held, life: Life, now: Instant) -> Result<Held, VaultError> {
        let outcome = if life.renewable {
            self.renew(&current, life).await
        } else if matches!(self.login, Login::Token(_)) {
            return Ok(current);
        } else {
            self.log_in().await
        };
        match outcome {
            Err(VaultError::TokenRefused | VaultError::Forbidden { .. }) => self.log_in().await,
            Err(error) if error.is_passing() && now < life.ends => {
                warn!(%error, "the vault's token could not be renewed yet");
                let due = now + FIRST_WAIT;
                Ok(Held {
                    life: Some(Life { due, ..life }),
                    ..current
                })
            }
            outcome => outcome,
        }
    }

    async fn renew(&self, current: &Held, life: Life) -> Result<Held, VaultError> {
        let path = "auth/token/renew-self";
        let purpose = Purpose::of_token("renew itself");
        let asked = Instant::now();
        let answer = self
            .ask_with(&current.token, Method::POST, path, Some(b"{}"), purpose)
            .await?;
        let auth = auth(&answer, path)?;
        let lease = Duration::from_secs(auth.lease_duration.into());
        if lease < life.first / 3 && !matches!(self.login, Login::Token(_) | Login::TokenFile(_)) {
            return self.log_in().await;
        }
        Ok(Held {
            token: Arc::clone(&current.token),
            life: Life::starting(asked, lease, life.first, auth.renewable),
        })
    }

    async fn log_in(&self) -> Result<Held, VaultError> {
        match &self.login {
            Login::Token(token) => self.look_up(token.clone()).await,
            Login::TokenFile(file) => self.look_up(read_secret(file).await?).await,
            Login::Jwt { method, role, file } => {
                let jwt = read_secret(file).await?;
                let proof = Proof::Jwt {
                    role,
                    jwt: jwt.expose(),
                };
                self.log_in_at(method, &proof).await
            }
            Login::AppRole {
                method,
                role_id,
                secret_id,
            } => {
                let secret = read_secret(secret_id).await?;
                let proof = Proof::AppRole {
                    role_id,
                    secret_id: secret.expose(),
                };
                self.log_in_at(method, &proof).await
            }
        }
    }

    async fn log_in_at(&self, method: &str, proof: &Proof<'_>) -> Result<Held, VaultError> {
        let path = format!("auth/{method}/login");
        let body = Zeroizing::new(serde_json::to_vec(proof).expect("texts are always JSON"));
        let asked = Instant::now();
        let question = Question {
            method: Method::POST,
            path: &path,
            token: None,
            body: Some(&body),
        };
        let answer = self.transport.ask(&question).await?;
        if answer.status != 200 {
            return Err(refused_login(&answer, path));
        }
        let auth = auth(&answer, &path)?;
        let lease = Duration::from_secs(auth.lease_duration.into());
        Ok(Held {
            token: Arc::new(auth.client_token),
            life: Life::starting(asked, lease, lease, auth.renewable),
        })
    }

    /// A token that somebody gave us: how long it is good for is asked, and where that is forbidden, not known.
    async fn look_up(&self, token: Token) -> Result<Held, VaultError> {
        let path = "auth/token/lookup-self";
        let purpose = Purpose::of_token("ask how long it is good for");
        let asked = Instant::now();
        let life = match self.ask_with(&token, Method::GET, path, None, purpose).await {
            Ok(answer) => {
                let data = document::<LookedUp>(&answer, path)?.data;
                let lease = Duration::from_secs(data.ttl.into());
                Life::starting(asked, lease, lease, data.renewable)
            }
            Err(VaultError::Forbidden { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Held {
            token: Arc::new(token),
            life,
        })
    }

    /// Keeps the token good while nobody signs. It does not end.
    pub(super) async fn keep(&self) {
        let mut wait = FIRST_WAIT;
        loop {
            let life = self.held.lock().await.as_ref().and_then(|held| held.life);
            let now = Instant::now();
            // Whoever signs may log in anew meanwhile, so even a token that does not end is looked at again.
            let due = life.map_or(now + LONGEST_WAIT, |life| life.due.max(now));
            tokio::time::sleep_until(due.into()).await;
            match self.token().await {
                Ok(_) if self.still_due().await => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Ok(_) => wait = FIRST_WAIT,
                Err(error) => {
                    warn!(%error, "no token of the vault's");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) async fn make_due(&self) {
        if let Some(Held { life: Some(life), .. }) = self.held.lock().await.as_mut() {
            life.due = Instant::now();
        }
    }

    async fn still_due(&self) -> bool {
        let life = self.held.lock().await.as_ref().and_then(|held| held.life);
        life.is_some_and(|life| Instant::now() >= life.due)
    }
}

/// Reads an answer that was a success.
pub(super) fn document<T: DeserializeOwned>(answer: &Answer, path: &str) -> Result<T, VaultError> {
    json::strict(&answer.body).map_err(|source| VaultError::NotADocument {
        path: path.to_owned(),
        source,
    })
}

fn auth(answer: &Answer, path: &str) -> Result<Auth, VaultError> {
    document::<LoggedIn>(answer, path)?
        .auth
        .ok_or_else(|| VaultError::Malformed {
            path: path.to_owned(),
            detail: "it has no `auth`".to_owned(),
        })
}

fn meaning(answer: &Answer, path: &str, purpose: Purpose<'_>) -> VaultError {
    let (status, detail) = (answer.status, failure::words(&answer.body));
    match failure::refusal(status, &detail) {
        Refusal::Sealed => VaultError::Sealed,
        Refusal::NotServing => VaultError::NotServing { status, detail },
        Refusal::Token => VaultError::TokenRefused,
        Refusal::Policy => VaultError::Forbidden {
            what: purpose.what,
            path: path.to_owned(),
        },
        Refusal::NoKey if !purpose.key.is_empty() => VaultError::NoSuchKey {
            key: purpose.key.to_owned(),
            engine: purpose.engine.to_owned(),
        },
        Refusal::NoVersion if !purpose.key.is_empty() => VaultError::NoSuchVersion {
            key: purpose.key.to_owned(),
            version: purpose.version,
        },
        Refusal::NoKey | Refusal::NoVersion | Refusal::Other => VaultError::Refused {
            path: path.to_owned(),
            status,
            detail,
        },
    }
}

fn refused_login(answer: &Answer, path: String) -> VaultError {
    let (status, detail) = (answer.status, failure::words(&answer.body));
    match failure::refusal(status, &detail) {
        Refusal::Sealed => VaultError::Sealed,
        Refusal::NotServing => VaultError::NotServing { status, detail },
        _ => VaultError::LoginRefused { path, detail },
    }
}

async fn read_secret(path: &Path) -> Result<Token, VaultError> {
    let unreadable = |source| VaultError::LoginFile {
        path: path.to_owned(),
        source,
    };
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || super::read_to(&owned, LARGEST_FILE)).await;
    let bytes = read
        .map_err(|error| unreadable(std::io::Error::other(error)))?
        .map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| unreadable(std::io::Error::other(error)))?;
    Token::new(text.to_owned()).map_err(|source| VaultError::LoginText {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_due_before_two_thirds_of_its_time_and_not_for_all_at_once() {
        let (now, lease) = (Instant::now(), Duration::from_secs(600));
        let due: Vec<Duration> = (0..100)
            .map(|_| Life::starting(now, lease, lease, true).unwrap().due - now)
            .collect();
        assert!(due.iter().all(|due| (340..=400).contains(&due.as_secs())), "{due:?}");
        assert!(due.iter().any(|other| *other != due[0]));
        assert!(
            Life::starting(now, Duration::ZERO, lease, true).is_none(),
            "it does not end"
        );
    }
}

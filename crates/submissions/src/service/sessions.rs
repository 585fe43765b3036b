//! Sessions: a job's token, shown once, for something that is worth nothing elsewhere.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use countersign_identity::{Refused, SESSION_LIFETIME, SessionToken, Submitter};
use countersign_ledger::EventType;
use jiff::{SignedDuration, Timestamp};

use super::Service;
use super::records::{Job, job, record, stranger};
use crate::door::Refusal;

/// The most refused tokens that the ledger is told of in a minute.
const MOST_DENIALS: u32 = 60;

/// What came of a token.
pub(crate) enum Opened {
    Session {
        token: SessionToken,
        expires: Timestamp,
        submitter: Box<Submitter>,
    },
    Refused(Refused),
    Replayed,
}

impl Service {
    pub(crate) async fn open_session(&self, token: &str) -> Result<Opened, Refusal> {
        let now = self.now();
        let submitter = match self.issuers.verify(token, now).await {
            Ok(submitter) => submitter,
            Err(refused) => {
                self.turned_away(refused.code().name()).await?;
                return Ok(Opened::Refused(refused));
            }
        };
        let until = submitter.expires;
        if !self
            .store
            .use_token_id(&submitter.issuer_url, &submitter.token_id, until, now)
            .await?
        {
            self.turned_away("jti_replayed").await?;
            return Ok(Opened::Replayed);
        }
        let session = SessionToken::generate().map_err(|error| Refusal::internal(&error))?;
        let expires = now + SignedDuration::try_from(SESSION_LIFETIME).unwrap_or(SignedDuration::from_mins(15));
        let known = Job {
            salt: salt().map_err(|error| Refusal::internal(&error))?,
            submitter: submitter.clone(),
        };
        let text = serde_json::to_string(&known).map_err(|error| Refusal::internal(&error))?;
        self.store
            .keep_session(session.hash().as_bytes(), &text, expires)
            .await?;
        self.append(record(EventType::SessionOpened, job(&known), now)).await?;
        tracing::info!(
            issuer = submitter.issuer,
            repository = submitter.repository.repository_id,
            run = submitter.run_id,
            "a session was opened"
        );
        Ok(Opened::Session {
            token: session,
            expires,
            submitter: Box::new(submitter),
        })
    }

    /// The job of a session that is not over.
    pub(crate) async fn session(&self, token: &SessionToken) -> Result<Option<Job>, Refusal> {
        let Some(text) = self.store.session(token.hash().as_bytes(), self.now()).await? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Refusal::internal(&error))
    }

    async fn turned_away(&self, code: &'static str) -> Result<(), Refusal> {
        self.metrics.token_refused(code);
        tracing::info!(code, "a token was refused");
        if !self.may_tell() {
            return Ok(());
        }
        let refused = record(EventType::AuthenticationRefused, stranger(), self.now()).reason(code);
        self.append(refused).await?;
        Ok(())
    }
}

impl Service {
    /// Strangers cost nothing to refuse, and an entry is kept for ever: the first of each minute are written down, the rest
    /// are counted.
    fn may_tell(&self) -> bool {
        let mut told = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        if told.0.elapsed() > Duration::from_secs(60) {
            *told = (Instant::now(), 0);
        }
        told.1 += 1;
        told.1 <= MOST_DENIALS
    }
}

/// 128 random bits, hex.
fn salt() -> Result<String, aws_lc_rs::error::Unspecified> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

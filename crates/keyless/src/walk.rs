//! From an identity token to a bundle.

use std::sync::Arc;
use std::time::Instant;

use countersign_evidence::chain::Chain;
use countersign_evidence::{Draft, LogDemand, SctRule, SealError, Sealed, TimeDemand, TrustRoot, Trusted, Vouchers};
use futures_util::future::{try_join, try_join_all};

use crate::ephemeral::{Ephemeral, Failed};
use crate::log::Submission;
use crate::services::Chosen;
use crate::token::IdentityToken;
use crate::web::{Web, WebError};
use crate::{authority, clock, log};

/// All that it takes to sign without a key.
pub struct Keyless {
    web: Web,
    token: IdentityToken,
    services: Chosen,
    root: Arc<TrustRoot>,
}

/// A bundle that holds, and what holds in it.
#[derive(Debug)]
pub struct Minted {
    /// The bundle.
    pub sealed: Sealed,
    /// Who signed by its own certificate, in which logs it stands, which times are proved.
    pub chain: Arc<Chain>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum KeylessError {
    /// The library for the primitives could not.
    #[error("the cryptographic library could not make a key of the moment, or not sign with it")]
    Key,
    /// A service did not give what is needed.
    #[error(transparent)]
    Web(#[from] WebError),
    /// What the services gave makes no bundle that holds for whoever believes the trust root.
    #[error("what was just signed holds for nobody who believes this trust root")]
    Unverified(#[source] SealError),
}

impl From<Failed> for KeylessError {
    fn from(_: Failed) -> Self {
        Self::Key
    }
}

impl Keyless {
    /// What is signed will be judged by `root` before anybody sees it.
    #[must_use]
    pub fn new(web: Web, token: IdentityToken, services: Chosen, root: Arc<TrustRoot>) -> Self {
        Self {
            web,
            token,
            services,
            root,
        }
    }

    /// Whose token it is.
    #[must_use]
    pub fn token(&self) -> &IdentityToken {
        &self.token
    }

    /// Where it is signed.
    #[must_use]
    pub fn services(&self) -> &Chosen {
        &self.services
    }

    /// Signs, in six steps: 1. a key of the moment, 2. that the token's holder has it, 3. a certificate for it, 4. the
    /// signature, after which the key is gone, 5. log entries and timestamps, at the same time, 6. the bundle, judged.
    ///
    /// # Errors
    /// [`KeylessError`].
    pub async fn sign(&self, draft: Draft, deadline: Instant) -> Result<Minted, KeylessError> {
        // 1.
        let key = Ephemeral::generate()?;
        // 2.
        let possession = key.possession(self.token.unverified_subject())?;
        // 3.
        let Chosen {
            authority,
            logs,
            clocks,
        } = &self.services;
        let certificate =
            authority::certificate(&self.web, authority, &self.token, &key, &possession, deadline).await?;
        // 4.
        let signature = key.sign_draft(&draft)?;
        // 5.
        let envelope = draft.envelope(&signature);
        let submission = Submission {
            message: draft.message(),
            envelope: envelope.as_deref(),
            signature: &signature,
            certificate: &certificate,
        };
        let entered = logs.iter().map(|at| log::enter(&self.web, at, &submission, deadline));
        let stamped = clocks
            .iter()
            .map(|at| clock::stamp(&self.web, at, &signature, deadline));
        let (log_entries, timestamps) = try_join(try_join_all(entered), try_join_all(stamped)).await?;
        // 6.
        let vouchers = Vouchers {
            certificate,
            log_entries,
            timestamps,
        };
        let (sealed, chain) = draft
            .seal(&signature, &vouchers, &self.trusted())
            .map_err(KeylessError::Unverified)?;
        Ok(Minted { sealed, chain })
    }

    /// Every service that was asked has to be one that the root believes. Whether certificates are logged is the instance's
    /// way: a root without a log of certificates can ask for none.
    fn trusted(&self) -> Trusted {
        let root = &self.root;
        Trusted::Keyless {
            sct: if root.ct_logs().is_empty() {
                SctRule::Ignored
            } else {
                SctRule::Required
            },
            logs: Some(LogDemand::of(Arc::clone(root), self.services.logs.len())),
            times: Some(TimeDemand::of(Arc::clone(root), self.services.clocks.len())),
            root: Arc::clone(root),
        }
    }
}

//! Who submits: the token that the pipeline's system gives its job.

use std::path::Path;
use std::time::Instant;

use countersign_keyless::Web;
use countersign_keyless::token::{IdentityToken, Places, Source};

use crate::failure::Failure;
use crate::keyless::{Given, of_no_token};

/// The variable that GitLab is told to set (`id_tokens`).
const VARIABLE: &str = "COUNTERSIGN_ID_TOKEN";
/// Where a pod's projected token is expected.
const PROJECTED: &str = "/var/run/secrets/countersign/token";

const ADVICE: &str = "docs/identity.md says how a job gets its token, for each CI system";

/// Where the job's token is found.
pub(super) struct Who {
    given: Option<Given>,
    audience: String,
    web: Web,
}

impl Who {
    pub(super) fn new(given: Option<Given>, audience: String) -> Result<Self, Failure> {
        Ok(Self {
            given,
            audience,
            web: Web::new().map_err(Failure::misuse)?,
        })
    }

    /// A token. GitHub issues a new one each time; elsewhere it is the one that there is.
    pub(super) async fn token(&self, until: Instant) -> Result<(IdentityToken, Source), Failure> {
        let environment = |name: &str| std::env::var(name).ok();
        let places = Places {
            given: self.given.as_ref().map(Given::text),
            variable: VARIABLE,
            environment: &environment,
            projected: Path::new(PROJECTED),
            audience: &self.audience,
        };
        let found = places.find(&self.web, until).await;
        found.map_err(|error| of_no_token(error).hint(ADVICE))
    }
}

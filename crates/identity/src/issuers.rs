//! All issuers, and the one question: who is this?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_image::text::excerpt;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::config::{ConfigError, IssuerConfig, Kind, Kubernetes, kinds};
use crate::issuer::{Account, Verified, submitter};
use crate::keys::{Ring, Source};
use crate::refused::{Code, Refused};
use crate::review::Review;
use crate::submitter::Submitter;
use crate::times;
use crate::token::{Claims, Shown, missing, repeated};
use crate::web::{Secret, Webs};

/// How often is looked whether some issuer's keys are to be fetched again.
const TICK: Duration = Duration::from_secs(30);
/// Who issued the tokens that Kubernetes kept in secrets.
const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";

/// The issuers that are believed, with their keys.
pub struct Issuers {
    audience: String,
    by_url: BTreeMap<String, Issuer>,
}

struct Issuer {
    name: String,
    kind: Kind,
    ring: Arc<Ring>,
    review: Option<Review>,
}

impl Issuers {
    /// Issuers as configured, for tokens that are meant for `audience`: this service's public URL, to the letter. Nothing is
    /// asked of anybody yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(configs: &[IssuerConfig], audience: &str) -> Result<Self, ConfigError> {
        let is_url = url::Url::parse(audience).is_ok_and(|url| url.has_host());
        if !is_url || audience.contains(char::is_whitespace) {
            return Err(ConfigError::Audience {
                found: excerpt(audience, 100),
            });
        }
        let webs = Webs::default();
        let by_url = kinds(configs)?
            .into_iter()
            .map(|(name, kind)| Ok((kind.url().to_owned(), Issuer::new(name, kind, &webs)?)))
            .collect::<Result<_, ConfigError>>()?;
        Ok(Self {
            audience: audience.to_owned(),
            by_url,
        })
    }

    /// Who this is. Needs tokio.
    ///
    /// 1. The token is read under its limits; what two readers could read in two ways is refused.
    /// 2. Its `iss` is to the letter that of a configured issuer, and its `typ` that of such a token.
    /// 3. One of that issuer's keys has signed it, with the algorithm that the key is for. They lie ready; only a key that nobody knew
    ///    is asked for, and not often.
    /// 4. Its `aud` is our URL and nothing else.
    /// 5. It is good now, and for an hour at most.
    /// 6. Its claims say who asks, and the configuration lets that one in.
    /// 7. The cluster's API server still accepts it, where the issuer is a cluster with a reviewer.
    ///
    /// Whether it was shown before is the caller's to say, by [`Submitter::token_id`].
    ///
    /// # Errors
    /// [`Refused`], which never repeats the token.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Submitter, Refused> {
        let shown = Shown::read(token)?;
        let issuer = self.issuer(&shown)?;
        issuer.accepts_kind(shown.unverified_kind())?;
        let key = issuer.ring.key(&shown, now).await?;
        let claims = shown.signed_by(&key)?;
        self.is_audience(&claims)?;
        let verified = Verified {
            name: &issuer.name,
            claims: &claims,
            expires: times::check(&claims, now)?,
        };
        let submitter = submitter(&issuer.kind, &verified)?;
        if let Some(review) = &issuer.review {
            review.ask(token, &self.audience, &Account::of(&claims)?).await?;
        }
        Ok(submitter)
    }

    /// Keeps every issuer's keys fresh, for as long as it is polled: a task of its own, which never ends by itself.
    pub async fn follow(&self, clock: fn() -> Timestamp) {
        loop {
            self.refresh(clock()).await;
            tokio::time::sleep(TICK).await;
        }
    }

    /// Fetches what is due once. [`Self::follow`] is this, again and again.
    pub async fn refresh(&self, now: Timestamp) {
        join_all(self.by_url.values().map(|issuer| issuer.ring.refresh(now))).await;
    }

    fn issuer(&self, shown: &Shown<'_>) -> Result<&Issuer, Refused> {
        let found = shown.unverified_issuer();
        if found == LEGACY_ISSUER || shown.is_legacy_secret() {
            let what =
                "it is a service account's token out of a secret: expected one that Kubernetes projects into a pod";
            return Err(Refused::new(Code::LegacySecret, what));
        }
        self.by_url.get(found).ok_or_else(|| {
            let found = repeated(found);
            Refused::new(
                Code::Issuer,
                format!("its issuer `{found}` is none of those that are configured"),
            )
        })
    }

    fn is_audience(&self, claims: &Claims) -> Result<(), Refused> {
        let ours = &self.audience;
        let wrong = |found: &str| {
            let found = repeated(found);
            Err(Refused::new(
                Code::Audience,
                format!("expected `{ours}` alone as `aud`, found {found}"),
            ))
        };
        match claims.get("aud") {
            None => Err(missing("aud")),
            Some(Value::String(one)) if one == ours => Ok(()),
            Some(Value::Array(some)) if matches!(some.as_slice(), [Value::String(one)] if one == ours) => Ok(()),
            Some(Value::String(other)) => wrong(&format!("`{other}`")),
            Some(Value::Array(others)) => wrong(&format!("{} of them", others.len())),
            Some(_) => wrong("something else"),
        }
    }
}

impl Issuer {
    fn new(name: String, kind: Kind, webs: &Webs) -> Result<Self, ConfigError> {
        let source = source(&name, &kind, webs)?;
        let review = match &kind {
            Kind::Kubernetes(Kubernetes {
                token_review: Some(reviewer),
                ..
            }) => Some(Review::new(&name, reviewer, webs)?),
            _ => None,
        };
        Ok(Self {
            ring: Arc::new(Ring::new(name.clone(), source)),
            name,
            kind,
            review,
        })
    }

    /// RFC 8725, section 3.11. Kubernetes writes none; RFC 9068 and JWT-SVID have names of their own.
    fn accepts_kind(&self, found: Option<&str>) -> Result<(), Refused> {
        let Some(found) = found else { return Ok(()) };
        let is_usual = found.eq_ignore_ascii_case("JWT");
        let others = ["at+jwt", "application/at+jwt", "JOSE"];
        let is_other =
            matches!(self.kind, Kind::Generic(_)) && others.iter().any(|name| found.eq_ignore_ascii_case(name));
        if is_usual || is_other {
            return Ok(());
        }
        let found = repeated(found);
        Err(Refused::new(
            Code::Type,
            format!("expected `JWT` as `typ`, found `{found}`"),
        ))
    }
}

fn source(name: &str, kind: &Kind, webs: &Webs) -> Result<Source, ConfigError> {
    let keys = kind.keys();
    if let Some(path) = &keys.file {
        return Ok(Source::File(path.clone()));
    }
    let client = |authorities: Option<&std::path::Path>| {
        webs.with(authorities).map_err(|detail| ConfigError::Client {
            name: name.to_owned(),
            detail,
        })
    };
    // The cluster's own server has its keys, and we have a token for it.
    if let Kind::Kubernetes(Kubernetes {
        token_review: Some(reviewer),
        ..
    }) = kind
        && keys.url.is_none()
    {
        let mut url = reviewer.server.clone();
        url.set_path(&format!("{}/openid/v1/jwks", url.path().trim_end_matches('/')));
        return Ok(Source::Url {
            url,
            web: client(reviewer.certificate_authorities.as_deref())?,
            token: Some(Secret(reviewer.token_file.clone())),
        });
    }
    let (web, token) = (
        client(keys.certificate_authorities.as_deref())?,
        keys.token_file.clone().map(Secret),
    );
    Ok(match &keys.url {
        Some(url) => Source::Url {
            url: url.clone(),
            web,
            token,
        },
        None => Source::Discovery {
            issuer: kind.url().to_owned(),
            web,
            token,
        },
    })
}

//! Tokens: made here, shown by clients, and read here again (distribution, "Token Authentication Implementation"; RFC 7519).

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::Caller;
use super::scope::{Claim, Scope};

/// How long a token is good. Clients rely on a minute at least; a push that takes longer fetches another between two requests.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);
/// How far a clock that is set back may go before the tokens of just now are not good yet.
const SET_BACK: Duration = Duration::from_secs(30);
/// Longest token that is looked at, in bytes: more than the longest that is made.
const MAX_TOKEN: usize = 32 * 1024;

/// There is no randomness to make a key of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gives no random bytes for a key")]
pub struct NoRandomness;

/// A token is not one of ours, is for something else, or is over. Which of these is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotGood;

/// Makes and reads the tokens of one registry, with a key that nobody else has and that ends with the process.
pub(super) struct Tokens {
    service: String,
    seal: EncodingKey,
    open: DecodingKey,
    rules: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// Empty for a caller who is nobody.
    sub: String,
    aud: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    access: Vec<Claim>,
}

impl Tokens {
    pub(super) fn new(service: &str) -> Result<Self, NoRandomness> {
        let mut key = Zeroizing::new([0; 32]);
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        random.fill(&mut *key).map_err(|_| NoRandomness)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[service]);
        rules.set_issuer(&[service]);
        rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // One clock makes and reads them.
        rules.leeway = 0;
        rules.validate_nbf = true;
        Ok(Self {
            service: service.to_owned(),
            seal: EncodingKey::from_secret(&*key),
            open: DecodingKey::from_secret(&*key),
            rules,
        })
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// A token for what `access` says, good from `now` on.
    pub(super) fn seal(&self, caller: &Caller, access: &[Scope], now: Timestamp) -> Result<String, NotGood> {
        let now = u64::try_from(now.as_second()).map_err(|_| NotGood)?;
        let claims = Claims {
            iss: self.service.clone(),
            sub: caller.name().to_owned(),
            aud: self.service.clone(),
            exp: now + LIFETIME.as_secs(),
            nbf: now.saturating_sub(SET_BACK.as_secs()),
            iat: now,
            access: access.iter().map(Claim::from).collect(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.seal).map_err(|_| NotGood)
    }

    /// Who showed a token, and what it allows: 1. short enough to look at, 2. signed here, 3. for this registry, 4. good now.
    pub(super) fn open(&self, token: &str) -> Result<(Caller, Vec<Claim>), NotGood> {
        if token.len() > MAX_TOKEN {
            return Err(NotGood);
        }
        let claims = decode::<Claims>(token, &self.open, &self.rules)
            .map_err(|_| NotGood)?
            .claims;
        Ok((Caller::named(&claims.sub), claims.access))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(seconds: i64) -> Timestamp {
        Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap()
    }

    fn access() -> Vec<Scope> {
        Scope::parse_all(["repository:app:pull"]).unwrap()
    }

    #[test]
    fn a_token_says_who_and_what() {
        let tokens = Tokens::new("here").unwrap();
        for caller in [Caller::User("ci".into()), Caller::Nobody] {
            let token = tokens.seal(&caller, &access(), ago(0)).unwrap();
            let claims: Vec<_> = access().iter().map(Claim::from).collect();
            assert_eq!(tokens.open(&token), Ok((caller, claims)));
        }
    }

    #[test]
    fn a_token_of_another_time_key_or_registry_is_not_good() {
        let (here, there) = (Tokens::new("here").unwrap(), Tokens::new("here").unwrap());
        let made = |tokens: &Tokens, when| tokens.seal(&Caller::Nobody, &access(), when).unwrap();
        let lifetime = i64::try_from(LIFETIME.as_secs()).unwrap();
        assert!(here.open(&made(&here, ago(lifetime - 60))).is_ok());
        assert!(here.open(&made(&here, ago(lifetime + 1))).is_err());
        assert!(here.open(&made(&here, ago(-300))).is_err());
        assert!(here.open(&made(&there, ago(0))).is_err());

        let renamed = Tokens {
            service: "there".to_owned(),
            seal: here.seal.clone(),
            open: here.open.clone(),
            rules: here.rules.clone(),
        };
        assert!(here.open(&made(&renamed, ago(0))).is_err());
    }

    #[test]
    fn a_token_that_was_touched_is_not_good() {
        let tokens = Tokens::new("here").unwrap();
        let token = tokens.seal(&Caller::Nobody, &access(), ago(0)).unwrap();
        let [head, claims, signature] = *token.split('.').collect::<Vec<_>>() else {
            panic!("{token}")
        };
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
        for bad in [
            String::new(),
            format!("{head}.{claims}"),
            format!("{head}.{claims}."),
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{head}.{}.{signature}", claims.replace('J', "K")),
            format!("{token}x"),
        ] {
            assert_eq!(tokens.open(&bad), Err(NotGood), "{bad}");
        }
    }

    /// However well it is signed.
    #[test]
    fn a_token_over_its_cap_is_not_looked_at() {
        let tokens = Tokens::new("here").unwrap();
        let sealed = |length: usize| {
            let caller = Caller::User("u".repeat(length).into());
            tokens.seal(&caller, &access(), ago(0)).unwrap()
        };
        let (within, over) = (sealed(MAX_TOKEN / 2), sealed(MAX_TOKEN));
        assert!(within.len() <= MAX_TOKEN && over.len() > MAX_TOKEN);
        assert!(tokens.open(&within).is_ok());
        assert_eq!(tokens.open(&over), Err(NotGood));
    }
}

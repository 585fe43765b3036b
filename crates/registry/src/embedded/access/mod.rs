//! Who may do what: users log in at `/token`, and show the token with every request (distribution, "Token Authentication
//! Specification").
//!
//! Reading order: `users` (who may log in), `grants` (what each may do), `scope` (how both are said on the wire), `token` (what is
//! shown), `endpoint` (where it is had), `challenge` (how a client learns where), and here the decision.
//!
//! A token allows what it names and no more, whatever its user may do beside: whoever steals one that was made to push one
//! repository can read no other. It is signed with a key that is made at the start and kept nowhere, so it ends with
//! the process, and no other registry takes it.

mod challenge;
mod endpoint;
mod grants;
mod scope;
mod token;
mod users;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use http::Method;
use http::request::Parts;

use super::blobs::query;
use super::refusal::Refusal;
use super::route::{Name, Route};
pub use challenge::{Origin, Realm, RealmError};
pub use grants::{Action, Grant, Grants, Repositories, RepositoriesError};
use scope::{Claim, Scope};
pub use token::NoRandomness;
use token::Tokens;
pub use users::{LineFault, Users, UsersError};

/// Who may do what in a registry. Without one, whoever reaches a registry may do everything.
pub struct Access {
    users: Users,
    grants: Grants,
    /// Whether nobody in particular may pull, everywhere.
    anonymous_pull: bool,
    realm: Realm,
    tokens: Tokens,
}

/// Somebody who asks, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Caller {
    Nobody,
    User(Arc<str>),
}

/// What the one who asks may do.
pub(super) struct Permit<'a>(Held<'a>);

enum Held<'a> {
    /// The registry asks nobody who they are.
    Everything,
    Token {
        access: &'a Access,
        caller: Caller,
        claims: Vec<Claim>,
    },
}

impl Caller {
    fn named(name: &str) -> Self {
        match name {
            "" => Self::Nobody,
            name => Self::User(Arc::from(name)),
        }
    }

    /// Empty for nobody, as in tokens.
    fn name(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::User(name) => name,
        }
    }
}

impl Access {
    /// `users` may do what `grants` says, and everybody may pull if `anonymous_pull`; clients are told of `/token` at `realm`.
    pub fn new(users: Users, grants: Grants, anonymous_pull: bool, realm: Realm) -> Result<Self, NoRandomness> {
        let tokens = Tokens::new(&realm.service())?;
        Ok(Self {
            users,
            grants,
            anonymous_pull,
            realm,
            tokens,
        })
    }

    /// What a caller may ever do, whatever is in the token.
    fn may(&self, caller: &Caller, name: &Name, action: Action) -> bool {
        let everybody = self.anonymous_pull && action == Action::Pull;
        let granted = match caller {
            Caller::Nobody => false,
            Caller::User(user) => self.grants.allow(user, name, action),
        };
        everybody || granted
    }

    /// The part of a scope that a caller may have.
    fn granted(&self, caller: &Caller, scope: Scope) -> Option<Scope> {
        match scope {
            Scope::Repository(name, mut actions) => {
                actions.retain(|action| self.may(caller, &name, *action));
                (!actions.is_empty()).then_some(Scope::Repository(name, actions))
            }
            // The list itself shows only what the caller may pull.
            Scope::Catalog => (self.anonymous_pull || *caller != Caller::Nobody).then_some(Scope::Catalog),
        }
    }

    /// Lets a request in: 1. what everybody may do needs no token, 2. a token must be good, 3. it must allow what is wanted.
    fn admit(&self, wanted: &Wanted, parts: &Parts) -> Result<Permit<'_>, Refusal> {
        let (caller, claims) = match bearer(&parts.headers) {
            Shown::Nothing
                if wanted
                    .needed
                    .as_ref()
                    .is_some_and(|needed| self.is_for_everybody(needed)) =>
            {
                (Caller::Nobody, Vec::new())
            }
            Shown::Nothing => return Err(self.challenge(&wanted.asked, None, parts)),
            Shown::Token(token) => match self.tokens.open(token) {
                Ok(opened) => opened,
                Err(token::NotGood) => return Err(self.challenge(&wanted.asked, Some(INVALID), parts)),
            },
            Shown::SomethingElse => return Err(self.challenge(&wanted.asked, Some(INVALID), parts)),
        };
        let permit = Permit(Held::Token {
            access: self,
            caller,
            claims,
        });
        match &wanted.needed {
            Some(needed) if !permit.covers(needed) => Err(self.refuse(permit.caller(), needed, &wanted.asked, parts)),
            _ => Ok(permit),
        }
    }

    /// A good token is not enough: there is a better one, or there is none.
    fn refuse(&self, caller: &Caller, needed: &Scope, asked: &[Scope], parts: &Parts) -> Refusal {
        let better = self.granted(caller, needed.clone()).as_ref() == Some(needed);
        // Nobody can become somebody by logging in.
        match better || *caller == Caller::Nobody {
            true => self.challenge(asked, Some(INSUFFICIENT), parts),
            false => Refusal::Denied,
        }
    }

    fn is_for_everybody(&self, needed: &Scope) -> bool {
        self.granted(&Caller::Nobody, needed.clone()).as_ref() == Some(needed)
    }

    fn challenge(&self, asked: &[Scope], fault: Option<&'static str>, parts: &Parts) -> Refusal {
        match self.realm.of(parts) {
            Ok(realm) => Refusal::Unauthorized {
                challenge: challenge::bearer(&realm, self.tokens.service(), asked, fault),
            },
            Err(refusal) => refusal,
        }
    }
}

/// RFC 6750, section 3.1.
const INVALID: &str = "invalid_token";
const INSUFFICIENT: &str = "insufficient_scope";

impl Permit<'_> {
    pub(super) fn everything() -> Self {
        Self(Held::Everything)
    }

    fn caller(&self) -> &Caller {
        match &self.0 {
            Held::Everything => &Caller::Nobody,
            Held::Token { caller, .. } => caller,
        }
    }

    /// Who asks, where that is known.
    pub(super) fn user(&self) -> Option<Arc<str>> {
        match self.caller() {
            Caller::Nobody => None,
            Caller::User(name) => Some(Arc::clone(name)),
        }
    }

    /// Whether this may be done with what was shown.
    pub(super) fn allows(&self, name: &Name, action: Action) -> bool {
        match &self.0 {
            Held::Everything => true,
            Held::Token { access, claims, .. } => {
                let everybody = access.may(&Caller::Nobody, name, action);
                everybody || claims.iter().any(|claim| claim.allows(name, action))
            }
        }
    }

    /// Whether the list of repositories may show this one: whoever may not pull it need not know of it.
    pub(super) fn sees(&self, name: &Name) -> bool {
        match &self.0 {
            Held::Everything => true,
            Held::Token { access, caller, .. } => access.may(caller, name, Action::Pull),
        }
    }

    fn covers(&self, wanted: &Scope) -> bool {
        match (wanted, &self.0) {
            (_, Held::Everything) => true,
            (Scope::Repository(name, actions), _) => actions.iter().all(|action| self.allows(name, *action)),
            (Scope::Catalog, Held::Token { access, claims, .. }) => {
                access.anonymous_pull || claims.iter().any(Claim::allows_catalog)
            }
        }
    }

    /// Whether a blob of `from` may be mounted: who may mount may read. False if `from` is to be as if it had no such blob;
    /// refused where another token would do.
    pub(super) fn mounts(&self, from: &Name, to: &Name, parts: &Parts) -> Result<bool, Refusal> {
        match &self.0 {
            _ if self.allows(from, Action::Pull) => Ok(true),
            Held::Token { access, caller, .. } if access.may(caller, from, Action::Pull) => {
                Err(access.challenge(&[pushing(to), pulling(from)], Some(INSUFFICIENT), parts))
            }
            _ => Ok(false),
        }
    }
}

/// What a request is about.
struct Wanted {
    /// What it cannot do without. None where any token will do.
    needed: Option<Scope>,
    /// What its client is told to ask for: clients that push also look whether a blob is there, and one token should do for both.
    asked: Vec<Scope>,
}

impl Wanted {
    fn only(needed: Scope) -> Self {
        Self {
            asked: vec![needed.clone()],
            needed: Some(needed),
        }
    }

    fn push(name: &Name, mounted: Option<Name>) -> Self {
        let pulled = mounted.as_ref().map(pulling);
        Self {
            needed: Some(Scope::Repository(name.clone(), BTreeSet::from([Action::Push]))),
            asked: std::iter::once(pushing(name)).chain(pulled).collect(),
        }
    }

    fn of(route: &Route, parts: &Parts) -> Self {
        let reads = parts.method == Method::GET || parts.method == Method::HEAD;
        match route {
            Route::Support => Self {
                needed: None,
                asked: Vec::new(),
            },
            Route::Catalog => Self::only(Scope::Catalog),
            Route::Uploads(name) => {
                let from = query(parts).remove("from");
                Self::push(name, from.and_then(|from| Name::parse(&from).ok()))
            }
            // Whoever sends a blob asks how far it came, and gives it up; neither reads or deletes what is stored.
            Route::Upload(name, _) => Self::push(name, None),
            Route::Tags(name) | Route::Referrers(name, _) => Self::only(pulling(name)),
            Route::Blob(name, _) | Route::Manifest(name, _) if reads => Self::only(pulling(name)),
            Route::Blob(name, _) | Route::Manifest(name, _) if parts.method == Method::DELETE => {
                Self::only(Scope::Repository(name.clone(), BTreeSet::from([Action::Delete])))
            }
            Route::Blob(name, _) | Route::Manifest(name, _) => Self::push(name, None),
        }
    }
}

fn pulling(name: &Name) -> Scope {
    Scope::Repository(name.clone(), BTreeSet::from([Action::Pull]))
}

fn pushing(name: &Name) -> Scope {
    Scope::Repository(name.clone(), BTreeSet::from([Action::Pull, Action::Push]))
}

/// Lets a request in by its endpoint and method. What its query names beside is looked at where it is used.
pub(super) fn admit<'a>(access: Option<&'a Access>, route: &Route, parts: &Parts) -> Result<Permit<'a>, Refusal> {
    match access {
        None => Ok(Permit::everything()),
        Some(access) => access.admit(&Wanted::of(route, parts), parts),
    }
}

enum Shown<'a> {
    Nothing,
    Token(&'a str),
    /// A password, or more than one header: nothing that is taken here.
    SomethingElse,
}

fn bearer(headers: &HeaderMap) -> Shown<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match headers.contains_key(header::AUTHORIZATION) {
            true => Shown::SomethingElse,
            false => Shown::Nothing,
        };
    };
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Shown::Token(token.trim()),
        _ => Shown::SomethingElse,
    }
}

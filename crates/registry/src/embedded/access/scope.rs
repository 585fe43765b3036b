//! Scopes, as challenges and requests for tokens have them: `repository:team/app:pull,push` (distribution, "Token Scope
//! Documentation").

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::route::Name;
use super::grants::Action;

/// Most scopes that one token is asked for. A mount needs two.
const MAX_SCOPES: usize = 32;

/// What may be done, or is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Repository(Name, BTreeSet<Action>),
    /// `registry:catalog:*`
    Catalog,
}

/// Too many scopes for one token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyScopes {
    pub(super) limit: usize,
}

impl Scope {
    /// None for what is not known here: whoever asks for it is given the rest.
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        // The class in `repository(plugin)` is obsolete and says nothing.
        let kind = kind.split_once('(').map_or(kind, |(kind, _class)| kind);
        match kind {
            "registry" if name == "catalog" => Some(Self::Catalog),
            "repository" => {
                let name = Name::parse(name).ok()?;
                let actions = actions.split(',').flat_map(|action| match action {
                    "*" => Action::ALL.to_vec(),
                    named => Action::parse(named).into_iter().collect(),
                });
                Some(Self::Repository(name, actions.collect()))
            }
            _ => None,
        }
    }

    /// Reads scopes from one or more lists that are separated by spaces.
    pub(super) fn parse_all<'a>(lists: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, TooManyScopes> {
        let mut scopes = Vec::new();
        for text in lists.into_iter().flat_map(str::split_ascii_whitespace) {
            if scopes.len() == MAX_SCOPES {
                return Err(TooManyScopes { limit: MAX_SCOPES });
            }
            scopes.extend(Self::parse(text));
        }
        Ok(scopes)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(name, actions) => {
                let actions: Vec<_> = actions.iter().map(|action| action.name()).collect();
                write!(f, "repository:{name}:{}", actions.join(","))
            }
            Self::Catalog => f.write_str("registry:catalog:*"),
        }
    }
}

/// A scope as the `access` claim of a token has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    actions: Vec<String>,
}

impl From<&Scope> for Claim {
    fn from(scope: &Scope) -> Self {
        let (kind, name, actions) = match scope {
            Scope::Repository(name, actions) => {
                let actions = actions.iter().map(|action| action.name().to_owned());
                ("repository", name.as_str(), actions.collect())
            }
            Scope::Catalog => ("registry", "catalog", vec!["*".to_owned()]),
        };
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            actions,
        }
    }
}

impl Claim {
    pub(super) fn allows(&self, name: &Name, action: Action) -> bool {
        let named = self.kind == "repository" && self.name == name.as_str();
        named && self.actions.iter().any(|allowed| allowed == action.name())
    }

    pub(super) fn allows_catalog(&self) -> bool {
        self.kind == "registry" && self.name == "catalog" && self.actions.iter().any(|allowed| allowed == "*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_clients_write_them() {
        for (written, expected) in [
            ("repository:team/app:pull,push", "repository:team/app:pull,push"),
            ("repository:app:push,pull,push", "repository:app:pull,push"),
            ("repository:app:*", "repository:app:pull,push,delete"),
            ("repository:app:pull,fly", "repository:app:pull"),
            ("repository:app:", "repository:app:"),
            ("repository(plugin):app:pull", "repository:app:pull"),
            ("registry:catalog:*", "registry:catalog:*"),
            (
                "repository:a:pull  repository:b:pull",
                "repository:a:pull repository:b:pull",
            ),
            ("repository:host:5000/app:pull", ""),
            ("repository:App:pull", ""),
            ("repository:../etc:pull", ""),
            ("registry:keys:*", ""),
            ("namespace:app:pull", ""),
            ("repository:app", ""),
            ("repository", ""),
            ("", ""),
        ] {
            let found: Vec<_> = Scope::parse_all([written])
                .unwrap()
                .iter()
                .map(Scope::to_string)
                .collect();
            assert_eq!(found.join(" "), expected, "{written}");
        }
    }

    #[test]
    fn more_scopes_than_a_token_holds_are_refused() {
        let many = "repository:app:pull ".repeat(MAX_SCOPES);
        assert_eq!(Scope::parse_all([&*many]).unwrap().len(), MAX_SCOPES);
        let more = ["repository:app:pull", &many];
        assert_eq!(Scope::parse_all(more), Err(TooManyScopes { limit: MAX_SCOPES }));
    }

    #[test]
    fn a_claim_allows_what_its_scope_says() {
        let scopes = Scope::parse_all(["repository:app:pull", "registry:catalog:*"]).unwrap();
        let claims: Vec<_> = scopes.iter().map(Claim::from).collect();
        let (app, other) = (Name::parse("app").unwrap(), Name::parse("app/x").unwrap());
        assert!(claims[0].allows(&app, Action::Pull));
        assert!(!claims[0].allows(&app, Action::Push));
        assert!(!claims[0].allows(&other, Action::Pull));
        assert!(!claims[0].allows_catalog() && claims[1].allows_catalog());
        assert!(!claims[1].allows(&Name::parse("catalog").unwrap(), Action::Pull));
    }
}

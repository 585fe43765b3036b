//! What each user may do: grants of actions on repositories, by name or glob.

use std::collections::BTreeSet;
use std::fmt;

use regex_automata::meta::Regex;
use thiserror::Error;

use super::super::route::Name;

/// Longest glob, in bytes: longer than the longest name that it could match.
const MAX_GLOB: usize = 256;

/// Something that is done to a repository, by the names of the token specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Reading content, tags and referrers.
    Pull,
    /// Adding content, and moving tags.
    Push,
    /// Taking content and tags away.
    Delete,
}

impl Action {
    pub(super) const ALL: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// As scopes and tokens have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// A glob over names of repositories: `*` stands for anything but a slash, `**` for anything.
#[derive(Clone, Debug)]
pub struct Repositories {
    written: String,
    pattern: Regex,
}

/// Why a text is no glob over repositories.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{written}` matches no repository: expected lower-case letters, digits and `._-/`, with `*` or `**` for what varies, at most {MAX_GLOB} bytes"
)]
pub struct RepositoriesError {
    written: String,
}

impl Repositories {
    /// Reads a glob such as `team/**`.
    pub fn parse(text: &str) -> Result<Self, RepositoriesError> {
        let refused = || RepositoriesError {
            written: text.chars().take(MAX_GLOB).collect(),
        };
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/' | b'*');
        if text.is_empty() || text.len() > MAX_GLOB || !text.bytes().all(allowed) || text.contains("***") {
            return Err(refused());
        }
        let meant = text.replace('.', r"\.").replace("**", "\u{1}");
        let meant = meant.replace('*', "[^/]*").replace('\u{1}', ".*");
        Ok(Self {
            written: text.to_owned(),
            pattern: Regex::new(&format!(r"\A(?:{meant})\z")).map_err(|_| refused())?,
        })
    }

    fn matches(&self, name: &Name) -> bool {
        self.pattern.is_match(name.as_str())
    }
}

impl fmt::Display for Repositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Some users may do some things to some repositories.
#[derive(Clone, Debug)]
pub struct Grant {
    /// By name, as in the users file.
    pub users: BTreeSet<String>,
    /// Any of these.
    pub repositories: Vec<Repositories>,
    /// Each by itself: a client that pushes also wants to pull.
    pub actions: BTreeSet<Action>,
}

/// Everything that is granted.
#[derive(Clone, Debug)]
pub enum Grants {
    /// Every user may do everything.
    Everything,
    /// Each may do what one of these says.
    These(Vec<Grant>),
}

impl Grants {
    pub(super) fn allow(&self, user: &str, name: &Name, action: Action) -> bool {
        match self {
            Self::Everything => true,
            Self::These(grants) => grants.iter().any(|grant| {
                grant.users.contains(user)
                    && grant.actions.contains(&action)
                    && grant.repositories.iter().any(|repositories| repositories.matches(name))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_whole_names() {
        for (glob, matched, not) in [
            ("app", &["app"][..], &["apps", "my/app", "app/x"][..]),
            (
                "team/*",
                &["team/app", "team/a.b"],
                &["team", "team/app/x", "myteam/app"],
            ),
            ("team/**", &["team/app", "team/app/x"], &["team", "steam/app"]),
            ("**", &["app", "a/b/c"], &[]),
            ("*/app", &["team/app"], &["app", "a/b/app"]),
            ("**/app", &["a/b/app", "a/app"], &["app"]),
            ("a.b", &["a.b"], &["axb"]),
            ("rel-*", &["rel-1"], &["rel/1", "rel"]),
        ] {
            let repositories = Repositories::parse(glob).unwrap();
            for name in matched {
                assert!(repositories.matches(&Name::parse(name).unwrap()), "{glob} {name}");
            }
            for name in not {
                assert!(!repositories.matches(&Name::parse(name).unwrap()), "{glob} {name}");
            }
        }
    }

    #[test]
    fn what_can_match_nothing_is_no_glob() {
        for bad in [
            "",
            "Team/*",
            "a b",
            "a/***",
            "(a|b)",
            "a?",
            "[a]",
            "ä",
            &"a".repeat(MAX_GLOB + 1),
        ] {
            assert!(Repositories::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_grant_is_for_its_users_repositories_and_actions() {
        let grants = Grants::These(vec![
            Grant {
                users: BTreeSet::from(["ci".to_owned()]),
                repositories: vec![Repositories::parse("team/*").unwrap()],
                actions: BTreeSet::from([Action::Pull, Action::Push]),
            },
            Grant {
                users: BTreeSet::from(["ann".to_owned()]),
                repositories: vec![Repositories::parse("**").unwrap()],
                actions: BTreeSet::from([Action::Delete]),
            },
        ]);
        for (user, name, allowed) in [
            ("ci", "team/app", &["pull", "push"][..]),
            ("ci", "other/app", &[]),
            ("ann", "team/app", &["delete"]),
            ("bob", "team/app", &[]),
            ("", "team/app", &[]),
        ] {
            let name = Name::parse(name).unwrap();
            let found: Vec<_> = Action::ALL
                .into_iter()
                .filter(|action| grants.allow(user, &name, *action))
                .map(Action::name)
                .collect();
            assert_eq!(found, allowed, "{user} {name}");
        }
    }
}

//! Who may log in: a file of users and bcrypt hashes, as `htpasswd -B` writes it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use bcrypt::HashParts;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::secret::Secret;

/// Largest users file, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Highest cost that is accepted: a login takes about a second there, and every step more doubles it.
const MAX_COST: u32 = 14;
/// Longest password that is looked at, in bytes. bcrypt itself reads 72.
const MAX_PASSWORD: usize = 1024;
/// Logins that are looked at at once: each occupies a core.
const AT_ONCE: usize = 2;
/// How long a login waits for its turn.
const TURN: Duration = Duration::from_secs(10);

/// Why a users file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UsersError {
    /// The system said no.
    #[error("the users file `{}` cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is too large to be one.
    #[error("the users file `{}` has more than {MAX_FILE} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It has no entry: nobody could ever log in.
    #[error("the users file `{}` names no user", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line is no entry. What it holds is not repeated, for it may be a password.
    #[error("line {line} of the users file `{}` {fault}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from one.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line of a users file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LineFault {
    /// No colon, or nothing before it, or characters that no name has.
    #[error("is not `<user>:<bcrypt hash>`")]
    Form,
    /// Another algorithm's hash, or none.
    #[error("has no bcrypt hash after the user; expected `$2y$…`, as `htpasswd -B` writes it")]
    Algorithm,
    /// The hash is cut off or garbled.
    #[error("has a bcrypt hash that is malformed")]
    Hash,
    /// One login would take too long.
    #[error("has a bcrypt hash of cost {found}; at most {MAX_COST} is accepted")]
    Cost {
        /// The cost in the hash.
        found: u32,
    },
    /// The user has an entry already.
    #[error("names a user for the second time")]
    Twice,
}

/// The users, and turns to look at their passwords.
#[derive(Clone)]
pub struct Users {
    hashes: Arc<HashMap<Arc<str>, Hash>>,
    /// The most expensive hash: what a stranger's password is held against. Every login costs what this one does, so that
    /// time does not tell who has an account.
    decoy: Hash,
    turns: Arc<Semaphore>,
    patience: Duration,
}

/// A bcrypt hash, and the cost that is in it.
#[derive(Clone, PartialEq, Eq)]
struct Hash {
    text: Arc<str>,
    cost: u32,
}

/// Names only: a hash can be guessed at.
impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.hashes.keys()).finish()
    }
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// It is this user.
    In(Arc<str>),
    /// There is no such user, or it has another password. Nobody is told which.
    Refused,
    /// Too many others are logging in.
    Busy,
}

impl Users {
    /// Reads a users file: `<user>:<bcrypt hash>` a line; empty lines and those that begin with `#` count for nothing.
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let io = |source| UsersError::Io {
            path: path.to_owned(),
            source,
        };
        let mut text = String::new();
        let file = File::open(path).map_err(io)?;
        file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(io)?;
        if text.len() as u64 > MAX_FILE {
            return Err(UsersError::TooLarge { path: path.to_owned() });
        }
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, UsersError> {
        let mut hashes = HashMap::new();
        let mut decoy: Option<Hash> = None;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |fault| UsersError::Line {
                path: path.to_owned(),
                line: index + 1,
                fault,
            };
            let (user, hash) = entry(line).map_err(fault)?;
            if decoy.as_ref().is_none_or(|decoy| hash.cost > decoy.cost) {
                decoy = Some(hash.clone());
            }
            if hashes.insert(Arc::from(user), hash).is_some() {
                return Err(fault(LineFault::Twice));
            }
        }
        let decoy = decoy.ok_or_else(|| UsersError::Empty { path: path.to_owned() })?;
        Ok(Self {
            hashes: Arc::new(hashes),
            decoy,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            patience: TURN,
        })
    }

    /// Whether there is such a user.
    pub fn knows(&self, user: &str) -> bool {
        self.hashes.contains_key(user)
    }

    /// Looks at a password. Costs a stranger's attempt what it costs a user's.
    pub(super) async fn login(&self, user: &str, password: Secret) -> Login {
        let Ok(Ok(turn)) = tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await else {
            return Login::Busy;
        };
        let known = self.hashes.get_key_value(user).map(|(user, _)| Arc::clone(user));
        let hash = self.hashes.get(user).unwrap_or(&self.decoy).clone();
        let highest = self.decoy.cost;
        let fits = tokio::task::spawn_blocking(move || {
            // Given back when the work is done, not when the client hangs up: it cannot be stopped.
            let _turn = turn;
            let looked = hash.look_at(password.expose(), highest);
            tracing::trace!(rounds = looked.rounds, "a password was looked at");
            looked.fits
        });
        match (fits.await, known) {
            (Ok(true), Some(user)) => Login::In(user),
            (Ok(false), Some(user)) => {
                tracing::warn!(%user, "a login with a wrong password was refused");
                Login::Refused
            }
            // The name is not written down: people type passwords into the wrong field.
            (Ok(_), None) => {
                tracing::warn!("a login of nobody known was refused");
                Login::Refused
            }
            (Err(_), _) => Login::Refused,
        }
    }
}

/// What came of looking at a password.
struct Looked {
    fits: bool,
    /// How many rounds of bcrypt it took.
    rounds: u64,
}

impl Hash {
    /// Whether a password is the one that was hashed. It takes as many rounds as a hash of the cost `highest`: those of
    /// this one, and then of one more of each cost from it up, as 2^a + 2^a + 2^(a+1) + … + 2^(b-1) = 2^b.
    fn look_at(&self, password: &str, highest: u32) -> Looked {
        // A NUL would end the password where bcrypt reads it in C, and what follows would not count.
        let readable = password.len() <= MAX_PASSWORD && !password.contains('\0');
        let fits = bcrypt::verify(password, &self.text).is_ok_and(|fits| fits && readable);
        let mut rounds = 1 << self.cost;
        for cost in self.cost..highest {
            std::hint::black_box(bcrypt::hash_with_salt(password, cost, [0; 16]).is_ok());
            rounds += 1 << cost;
        }
        Looked { fits, rounds }
    }
}

fn entry(line: &str) -> Result<(&str, Hash), LineFault> {
    let (user, hash) = line.split_once(':').ok_or(LineFault::Form)?;
    if user.is_empty() || user.len() > 255 || user.chars().any(char::is_control) {
        return Err(LineFault::Form);
    }
    // `$2x$` marks hashes of an implementation that got non-ASCII passwords wrong.
    if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
        return Err(LineFault::Algorithm);
    }
    // The parser cuts the text into pieces by bytes.
    if !hash.is_ascii() || hash.len() != 60 {
        return Err(LineFault::Hash);
    }
    let cost = HashParts::from_str(hash).map_err(|_| LineFault::Hash)?.get_cost();
    match cost {
        4..=MAX_COST => Ok((
            user,
            Hash {
                text: Arc::from(hash),
                cost,
            },
        )),
        found => Err(LineFault::Cost { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `open sesame`, at bcrypt's lowest costs.
    const SESAME_5: &str = "$2b$05$i18C5BzxRkkw00EleXDuguHKuQ5jiljqa//GVsho3gN7lwO5ZDCyC";

    fn parse(text: &str) -> Result<Users, UsersError> {
        Users::parse(Path::new("users"), text)
    }

    #[test]
    fn entries_comments_and_empty_lines_are_read() {
        let text = format!(
            "# staff\n\n  ci:{SESAME_5}\nann@example.org:{}\r\n",
            SESAME_5.replace("2b", "2y")
        );
        let users = parse(&text).unwrap();
        assert!(users.knows("ci") && users.knows("ann@example.org") && !users.knows("# staff"));
        assert!(!format!("{users:?}").contains("$2"), "{users:?}");
    }

    #[test]
    fn a_file_that_is_not_all_users_is_refused_without_its_content() {
        let with = |hash: &str| format!("# first\nci:{hash}\n");
        for (text, fault) in [
            ("# first\nhunter2\n".to_owned(), LineFault::Form),
            (format!("# first\n:{SESAME_5}"), LineFault::Form),
            (with("hunter2"), LineFault::Algorithm),
            (with("$apr1$hunter2$x"), LineFault::Algorithm),
            (with("{SHA}hunter2="), LineFault::Algorithm),
            (with(&SESAME_5.replace("2b", "2x")), LineFault::Algorithm),
            (with(&SESAME_5[..59]), LineFault::Hash),
            (with(&format!("{}é", &SESAME_5[..58])), LineFault::Hash),
            (with(&SESAME_5.replace("$05$", "$05é")), LineFault::Hash),
            (with(&SESAME_5.replace("$05$", "$1a$")), LineFault::Hash),
            (with(&SESAME_5.replace("$05$", "$15$")), LineFault::Cost { found: 15 }),
            (with(&SESAME_5.replace("$05$", "$03$")), LineFault::Cost { found: 3 }),
            (format!("ci:{SESAME_5}\nci:{SESAME_5}"), LineFault::Twice),
        ] {
            let error = parse(&text).unwrap_err();
            let UsersError::Line {
                line: 2, fault: found, ..
            } = &error
            else {
                panic!("{text}: {error}")
            };
            assert_eq!(*found, fault, "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(matches!(parse("# nobody\n"), Err(UsersError::Empty { .. })));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        assert!(matches!(Users::read(&path), Err(UsersError::Io { .. })));
        std::fs::write(&path, b"ci:\xff").unwrap();
        assert!(matches!(Users::read(&path), Err(UsersError::Io { .. })));
        std::fs::write(&path, "#".repeat(MAX_FILE as usize + 1)).unwrap();
        assert!(matches!(Users::read(&path), Err(UsersError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn the_password_decides() {
        let users = parse(&format!("ci:{SESAME_5}")).unwrap();
        for (user, password, expected) in [
            ("ci", "open sesame", Login::In(Arc::from("ci"))),
            ("ci", "open sesame ", Login::Refused),
            ("ci", "open sesame\0and more", Login::Refused),
            ("ci", "", Login::Refused),
            ("CI", "open sesame", Login::Refused),
            // What the stranger's password is held against is a user's hash, and fitting it is still no login.
            ("stranger", "open sesame", Login::Refused),
            ("", "open sesame", Login::Refused),
        ] {
            assert_eq!(
                users.login(user, Secret::new(password)).await,
                expected,
                "{user} {password:?}"
            );
        }
    }

    /// However unlike the hashes are in the file.
    #[test]
    fn every_login_takes_as_many_rounds() {
        let cheap = bcrypt::hash("open sesame", 4).unwrap();
        let dear = bcrypt::hash("open sesame", 8).unwrap();
        let users = parse(&format!("cheap:{cheap}\nci:{SESAME_5}\ndear:{dear}")).unwrap();
        for user in ["cheap", "ci", "dear", "stranger"] {
            let hash = users.hashes.get(user).unwrap_or(&users.decoy);
            for (password, fits) in [("open sesame", true), ("shut", false), ("", false)] {
                let looked = hash.look_at(password, users.decoy.cost);
                assert_eq!((looked.fits, looked.rounds), (fits, 256), "{user} {password:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_login_that_finds_no_turn_is_told_to_come_again() {
        let mut users = parse(&format!("ci:{SESAME_5}")).unwrap();
        users.patience = Duration::ZERO;
        let _all = users.turns.acquire_many(AT_ONCE as u32).await.unwrap();
        assert_eq!(users.login("ci", Secret::new("open sesame")).await, Login::Busy);
    }
}

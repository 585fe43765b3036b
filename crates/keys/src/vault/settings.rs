//! Which vault, and how it knows us: what the environment says, in the names that the servers' own tools and cosign have.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use countersign_image::text::excerpt;
use url::{Host, Url};

use super::token::{NotAToken, Token};
use crate::pem::MAX_QUOTED;
use crate::reference::Dialect;

/// Where Kubernetes puts a service account's token.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// How long one question may take, with all redirects.
const DEADLINE: Duration = Duration::from_secs(15);
/// How many other addresses a server may send us to.
const MAX_REDIRECTS: usize = 16;

/// A vault, and how we log in to it.
#[derive(Debug, Clone)]
pub struct VaultSettings {
    /// The server. Its path, if it has one, goes before `/v1`.
    pub address: Url,
    /// Servers of the same cluster that it may send us to. Only their scheme, host and port count.
    pub redirects: Vec<Url>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The path that the transit engine is mounted at, without slashes at its ends.
    pub engine: String,
    /// A PEM file of certificate authorities to trust beside the system's.
    pub certificate_authorities: Option<PathBuf>,
    /// How we get a token.
    pub login: Login,
    /// The key's version to sign with; the latest one at the start, if none is given.
    pub version: Option<u32>,
    /// How long one question may take.
    pub deadline: Duration,
}

/// How a token is got.
#[derive(Clone)]
pub enum Login {
    /// There is one, and no way to another.
    Token(Token),
    /// It is in a file, which is read again where the token is refused.
    TokenFile(PathBuf),
    /// By a signed token of somebody else's: a JWT, or a Kubernetes service account's. The file is read at each login.
    Jwt {
        /// The path that the login method is mounted at.
        method: String,
        /// The role.
        role: String,
        /// The file with the signed token.
        file: PathBuf,
    },
    /// By AppRole. The file with the secret id is read at each login.
    AppRole {
        /// The path that the login method is mounted at.
        method: String,
        /// The role's id.
        role_id: String,
        /// The file with the secret id.
        secret_id: PathBuf,
    },
}

/// Why the environment names no vault that can be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultSettingsError {
    /// A variable that is needed is not there.
    #[error("{variable} is not set, and {what}")]
    Missing {
        /// The variable, or the two that would do.
        variable: &'static str,
        /// What it is needed for.
        what: &'static str,
    },
    /// An address that is no address.
    #[error("{variable} is no address of a vault: {detail}")]
    Address {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// A token in the clear over a network.
    #[error("{variable} has no TLS (`http://`), and a token goes in the clear to loopback addresses only")]
    Plain {
        /// The variable.
        variable: &'static str,
    },
    /// A path of an engine or of a login method that leads elsewhere.
    #[error("{variable} is `{found}`: expected names of letters, digits, `_`, `-` and `.`, with `/` between them")]
    Path {
        /// The variable.
        variable: &'static str,
        /// What it is, shortened.
        found: String,
    },
    /// Another way to log in.
    #[error("COUNTERSIGN_VAULT_LOGIN is `{found}`: expected `token`, `token-file`, `jwt`, `kubernetes` or `approle`")]
    Login {
        /// What it is, shortened.
        found: String,
    },
    /// A version that is no number from 1.
    #[error("COUNTERSIGN_VAULT_KEY_VERSION is `{found}`: expected a number from 1")]
    Version {
        /// What it is, shortened.
        found: String,
    },
    /// A token that is none.
    #[error("{variable} holds no token")]
    Token {
        /// The variable.
        variable: &'static str,
        /// Why it is none.
        source: NotAToken,
    },
}

/// A variable under both of its names, in the order in which they are asked for.
type Names = [&'static str; 2];

impl VaultSettings {
    /// Reads the environment through `look_up`, which answers as [`std::env::var`] does.
    ///
    /// `VAULT_ADDR`, `VAULT_TOKEN`, `VAULT_NAMESPACE` and `VAULT_CACERT` are also read as `BAO_…`, and that first for
    /// [`Dialect::OpenBao`]; `TRANSIT_SECRET_ENGINE_PATH` as cosign reads it. Without a token or another login it is
    /// `~/.vault-token`, which the servers' own `login` writes.
    ///
    /// # Errors
    /// [`VaultSettingsError`] names the variable.
    pub fn from_environment(
        dialect: Dialect,
        look_up: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, VaultSettingsError> {
        let look_up = |name: &str| look_up(name).filter(|value| !value.is_empty());
        let either = |names: Names| {
            let found = |name: &'static str| look_up(name).map(|value| (name, value));
            found(names[0]).or_else(|| found(names[1]))
        };
        let names = |bao: &'static str, vault: &'static str| match dialect {
            Dialect::OpenBao => [bao, vault],
            Dialect::HashiCorp => [vault, bao],
        };
        let (variable, text) = either(names("BAO_ADDR", "VAULT_ADDR")).ok_or(VaultSettingsError::Missing {
            variable: match dialect {
                Dialect::OpenBao => "BAO_ADDR (or VAULT_ADDR)",
                Dialect::HashiCorp => "VAULT_ADDR (or BAO_ADDR)",
            },
            what: "it says where the vault is",
        })?;
        let token = either(names("BAO_TOKEN", "VAULT_TOKEN"));
        Ok(Self {
            address: address(variable, &text)?,
            redirects: redirects(look_up("COUNTERSIGN_VAULT_REDIRECTS"))?,
            namespace: either(names("BAO_NAMESPACE", "VAULT_NAMESPACE")).map(|(_, value)| value),
            engine: path(
                "TRANSIT_SECRET_ENGINE_PATH",
                look_up("TRANSIT_SECRET_ENGINE_PATH"),
                "transit",
            )?,
            certificate_authorities: either(names("BAO_CACERT", "VAULT_CACERT")).map(|(_, value)| value.into()),
            login: Login::from_environment(token, &look_up)?,
            version: look_up("COUNTERSIGN_VAULT_KEY_VERSION")
                .map(|text| version(&text))
                .transpose()?,
            deadline: DEADLINE,
        })
    }
}

impl Login {
    fn from_environment(
        token: Option<(&'static str, String)>,
        look_up: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, VaultSettingsError> {
        let needed =
            |variable: &'static str, what| look_up(variable).ok_or(VaultSettingsError::Missing { variable, what });
        let method = |usual| {
            path(
                "COUNTERSIGN_VAULT_LOGIN_PATH",
                look_up("COUNTERSIGN_VAULT_LOGIN_PATH"),
                usual,
            )
        };
        let role = || needed("COUNTERSIGN_VAULT_ROLE", "a login by a signed token names a role");
        let jwt = look_up("COUNTERSIGN_VAULT_JWT_FILE");
        match (look_up("COUNTERSIGN_VAULT_LOGIN").as_deref(), token) {
            (None | Some("token"), Some((variable, text))) => Token::new(text)
                .map(Self::Token)
                .map_err(|source| VaultSettingsError::Token { variable, source }),
            (None | Some("token-file"), _) => {
                let home = || look_up("HOME").map(|home| format!("{home}/.vault-token"));
                let file = look_up("COUNTERSIGN_VAULT_TOKEN_FILE").or_else(home);
                file.map(|file| Self::TokenFile(file.into())).ok_or(NO_TOKEN)
            }
            (Some("token"), None) => Err(NO_TOKEN),
            (Some("jwt"), _) => Ok(Self::Jwt {
                method: method("jwt")?,
                role: role()?,
                file: jwt
                    .ok_or(VaultSettingsError::Missing {
                        variable: "COUNTERSIGN_VAULT_JWT_FILE",
                        what: "a login by JWT reads it from a file",
                    })?
                    .into(),
            }),
            (Some("kubernetes"), _) => Ok(Self::Jwt {
                method: method("kubernetes")?,
                role: role()?,
                file: jwt.unwrap_or_else(|| SERVICE_ACCOUNT.to_owned()).into(),
            }),
            (Some("approle"), _) => Ok(Self::AppRole {
                method: method("approle")?,
                role_id: needed("COUNTERSIGN_VAULT_ROLE_ID", "a login by AppRole names its role by it")?,
                secret_id: needed(
                    "COUNTERSIGN_VAULT_SECRET_ID_FILE",
                    "a login by AppRole reads the secret id from a file",
                )?
                .into(),
            }),
            (Some(other), _) => Err(VaultSettingsError::Login {
                found: excerpt(other, MAX_QUOTED),
            }),
        }
    }
}

const NO_TOKEN: VaultSettingsError = VaultSettingsError::Missing {
    variable: "VAULT_TOKEN (or BAO_TOKEN)",
    what: "no other login is named in COUNTERSIGN_VAULT_LOGIN",
};

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => formatter.write_str("Token"),
            Self::TokenFile(file) => formatter.debug_tuple("TokenFile").field(file).finish(),
            Self::Jwt { method, role, .. } => write!(formatter, "Jwt({method}, {role})"),
            Self::AppRole { method, .. } => write!(formatter, "AppRole({method})"),
        }
    }
}

fn address(variable: &'static str, text: &str) -> Result<Url, VaultSettingsError> {
    let refused = |detail| VaultSettingsError::Address { variable, detail };
    let mut url = Url::parse(text.trim()).map_err(|_| refused("it is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it has a login in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has more than a host and a path"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(VaultSettingsError::Plain { variable }),
        _ => return Err(refused("expected `https://HOST:PORT`")),
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn redirects(text: Option<String>) -> Result<Vec<Url>, VaultSettingsError> {
    const VARIABLE: &str = "COUNTERSIGN_VAULT_REDIRECTS";
    let text = text.unwrap_or_default();
    let urls = text.split(',').map(str::trim).filter(|url| !url.is_empty());
    let urls: Vec<Url> = urls.map(|url| address(VARIABLE, url)).collect::<Result<_, _>>()?;
    if urls.len() > MAX_REDIRECTS {
        return Err(VaultSettingsError::Address {
            variable: VARIABLE,
            detail: "it has more than 16 addresses",
        });
    }
    Ok(urls)
}

/// Of the shape that leads to no other path, whoever wrote it.
fn path(variable: &'static str, text: Option<String>, usual: &str) -> Result<String, VaultSettingsError> {
    let Some(text) = text else { return Ok(usual.to_owned()) };
    let path = text.trim_matches('/');
    let fits = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().any(|byte| byte != b'.')
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    if path.split('/').all(fits) {
        Ok(path.to_owned())
    } else {
        Err(VaultSettingsError::Path {
            variable,
            found: excerpt(&text, MAX_QUOTED),
        })
    }
}

fn version(text: &str) -> Result<u32, VaultSettingsError> {
    text.parse()
        .ok()
        .filter(|version| *version > 0)
        .ok_or_else(|| VaultSettingsError::Version {
            found: excerpt(text, MAX_QUOTED),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, variables: &[(&str, &str)]) -> Result<VaultSettings, VaultSettingsError> {
        VaultSettings::from_environment(dialect, |name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_dialect_has_its_own_names_first() {
        let both = [
            ("BAO_ADDR", "https://bao.example:8200/"),
            ("VAULT_ADDR", "https://vault.example/base/"),
            ("VAULT_TOKEN", "s.a"),
        ];
        let read = |dialect| read(dialect, &both).unwrap().address.to_string();
        assert_eq!(read(Dialect::OpenBao), "https://bao.example:8200/");
        assert_eq!(read(Dialect::HashiCorp), "https://vault.example/base");
    }

    #[test]
    fn a_token_goes_in_the_clear_to_this_machine_only() {
        for (address, goes) in [
            ("http://127.0.0.1:8200", true),
            ("http://[::1]:8200", true),
            ("http://localhost:8200", true),
            ("http://vault.example:8200", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://10.0.0.1", false),
        ] {
            let read = read(Dialect::HashiCorp, &[("VAULT_ADDR", address), ("VAULT_TOKEN", "s.a")]);
            assert_eq!(read.is_ok(), goes, "{address}: {read:?}");
        }
    }

    #[test]
    fn each_refusal_names_its_variable() {
        let good = [("VAULT_ADDR", "https://v.example"), ("VAULT_TOKEN", "s.a")];
        for (variable, value) in [
            ("VAULT_ADDR", ""),
            ("VAULT_ADDR", "v.example"),
            ("VAULT_ADDR", "unix:///run/bao.sock"),
            ("VAULT_ADDR", "https://me:tiger@v.example"),
            ("VAULT_ADDR", "https://v.example?x=tiger"),
            ("VAULT_TOKEN", "ti ger"),
            ("TRANSIT_SECRET_ENGINE_PATH", "../sys"),
            ("TRANSIT_SECRET_ENGINE_PATH", "a//b"),
            ("TRANSIT_SECRET_ENGINE_PATH", "a?b"),
            ("COUNTERSIGN_VAULT_KEY_VERSION", "0"),
            ("COUNTERSIGN_VAULT_KEY_VERSION", "latest"),
            ("COUNTERSIGN_VAULT_LOGIN", "ldap"),
            ("COUNTERSIGN_VAULT_REDIRECTS", "http://other.example"),
        ] {
            let mut variables = vec![(variable, value)];
            variables.extend(good.iter().filter(|(name, _)| *name != variable));
            let said = read(Dialect::HashiCorp, &variables).unwrap_err().to_string();
            assert!(
                said.contains(variable) && !said.contains("tiger"),
                "{variable}={value}: {said}"
            );
        }
    }

    #[test]
    fn each_login_says_what_it_needs() {
        for (login, given, needs) in [
            ("token", &[][..], "VAULT_TOKEN"),
            (
                "jwt",
                &[("COUNTERSIGN_VAULT_ROLE", "r")][..],
                "COUNTERSIGN_VAULT_JWT_FILE",
            ),
            (
                "jwt",
                &[("COUNTERSIGN_VAULT_JWT_FILE", "f")][..],
                "COUNTERSIGN_VAULT_ROLE",
            ),
            ("kubernetes", &[][..], "COUNTERSIGN_VAULT_ROLE"),
            ("approle", &[][..], "COUNTERSIGN_VAULT_ROLE_ID"),
            (
                "approle",
                &[("COUNTERSIGN_VAULT_ROLE_ID", "i")][..],
                "COUNTERSIGN_VAULT_SECRET_ID_FILE",
            ),
        ] {
            let mut variables = vec![("VAULT_ADDR", "https://v.example"), ("COUNTERSIGN_VAULT_LOGIN", login)];
            variables.extend(given);
            let said = read(Dialect::OpenBao, &variables).unwrap_err().to_string();
            assert!(said.contains(needs), "{login}: {said}");
        }
    }

    #[test]
    fn without_a_login_it_is_the_file_that_logging_in_writes() {
        let settings = read(
            Dialect::OpenBao,
            &[("BAO_ADDR", "https://v.example"), ("HOME", "/home/me")],
        )
        .unwrap();
        assert!(matches!(settings.login, Login::TokenFile(file) if file.ends_with(".vault-token")));
        assert_eq!(settings.engine, "transit");
    }
}

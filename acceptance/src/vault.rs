//! A vault that signs: the real OpenBao on loopback, with the policies that are in `deploy/`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, SigningKey as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http;
use crate::pki::Authority;
use crate::process::{Running, free_address};
use crate::programs::tool;
use crate::wait::{self, SOON};

/// The dev server's; a server with a disk makes its own.
const ROOT: &str = "root";
const AUDIT: &str = "audit.log";

/// A server with a transit engine at `transit` and AppRole logins.
pub struct Vault {
    _running: Running,
    address: SocketAddr,
    root: String,
    unseal: String,
    secure: Option<Secure>,
    folder: TempDir,
}

/// The same server with TLS, and who vouches for it.
pub struct Secure {
    pub url: String,
    pub authority: PathBuf,
}

impl Vault {
    /// One that keeps all it has in memory, and is never sealed.
    pub fn start() -> Result<Self> {
        let (folder, address) = (folder()?, free_address()?);
        let mut running = Running::start("bao", folder.path(), &tool("bao")?, |command| {
            command
                .args(["server", "-dev", "-dev-no-store-token", "-dev-root-token-id", ROOT])
                .args(["-dev-listen-address", &address.to_string()])
                .env("HOME", folder.path());
        })?;
        running.until_ready(|| http::get(address, "/v1/sys/health").is_ok_and(|answer| answer.status == 200))?;
        let vault = Self {
            _running: running,
            address,
            root: ROOT.to_owned(),
            unseal: String::new(),
            secure: None,
            folder,
        };
        vault.furnish()?;
        Ok(vault)
    }

    /// One with its data on a disk, which can be sealed and unsealed.
    pub fn with_a_seal() -> Result<Self> {
        let (folder, address, peers) = (folder()?, free_address()?, free_address()?);
        let secure = free_address()?;
        let authority = Authority::new(folder.path())?;
        let served = authority.serving("bao", &[])?;
        let config = folder.path().join("bao.hcl");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).with_context(|| format!("cannot create {}", data.display()))?;
        let settings = format!(
            "api_addr = \"http://{address}\"\ncluster_addr = \"http://{peers}\"\n\
             storage \"raft\" {{\n  path = \"{}\"\n  node_id = \"one\"\n}}\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  cluster_address = \"{peers}\"\n  tls_disable = true\n}}\n\
             listener \"tcp\" {{\n  address = \"{secure}\"\n  cluster_address = \"{}\"\n  tls_cert_file = \"{}\"\n  tls_key_file = \"{}\"\n}}\n\
             audit \"file\" \"to-file\" {{\n  options = {{\n    file_path = \"{}\"\n  }}\n}}\n",
            data.display(),
            free_address()?,
            served.certificate.display(),
            served.key.display(),
            folder.path().join(AUDIT).display(),
        );
        std::fs::write(&config, settings).with_context(|| format!("cannot write {}", config.display()))?;
        let mut running = Running::start("bao", folder.path(), &tool("bao")?, |command| {
            command
                .arg("server")
                .arg("-config")
                .arg(&config)
                .env("HOME", folder.path());
        })?;
        // 501: it is there, and nobody has made its keys.
        running.until_ready(|| http::get(address, "/v1/sys/health").is_ok_and(|answer| answer.status == 501))?;
        let mut vault = Self {
            _running: running,
            address,
            root: String::new(),
            unseal: String::new(),
            secure: Some(Secure {
                url: format!("https://{secure}"),
                authority: authority.certificate(),
            }),
            folder,
        };
        let made = vault.ask("PUT", "sys/init", &json!({ "secret_shares": 1, "secret_threshold": 1 }))?;
        vault.root = text(&made["root_token"])?;
        vault.unseal = text(&made["keys"][0])?;
        vault.unseal()?;
        vault.furnish()?;
        Ok(vault)
    }

    fn furnish(&self) -> Result<()> {
        self.ask("POST", "sys/mounts/transit", &json!({ "type": "transit" }))?;
        self.ask("POST", "sys/auth/approle", &json!({ "type": "approle" }))?;
        Ok(())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn secure(&self) -> Result<&Secure> {
        self.secure.as_ref().ok_or_else(|| anyhow!("this one has no TLS"))
    }

    /// The lines of the audit log, as the server writes them.
    pub fn audited(&self) -> Result<Vec<Value>> {
        let path = self.folder.path().join(AUDIT);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        text.lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON in the audit log: {line}")))
            .collect()
    }

    pub fn root(&self) -> &str {
        &self.root
    }

    pub fn seal(&self) -> Result<()> {
        self.ask("PUT", "sys/seal", &json!({})).map(drop)
    }

    pub fn unseal(&self) -> Result<()> {
        self.ask("PUT", "sys/unseal", &json!({ "key": self.unseal }))?;
        // Unsealed it still has to become the active one.
        wait::until("the vault to serve", SOON, || {
            let answer = http::get(self.address, "/v1/sys/health")?;
            Ok((answer.status == 200).then_some(()))
        })
    }

    /// Makes a key with nothing said but what is in `settings`.
    pub fn key(&self, name: &str, settings: &Value) -> Result<()> {
        self.ask("POST", &format!("transit/keys/{name}"), settings).map(drop)
    }

    pub fn rotate(&self, key: &str) -> Result<()> {
        self.ask("POST", &format!("transit/keys/{key}/rotate"), &json!({}))
            .map(drop)
    }

    /// The policy of `deploy/openbao/`, by the name of its file, with another key's name in it.
    pub fn policy(&self, file: &str, key: &str) -> Result<String> {
        let path = xtask::repository().join("deploy/openbao").join(file);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                if line.starts_with("path ") {
                    line.replace("release", key)
                } else {
                    line.to_owned()
                }
            })
            .collect();
        let name = format!("signs-with-{key}");
        self.ask(
            "PUT",
            &format!("sys/policies/acl/{name}"),
            &json!({ "policy": lines.join("\n") }),
        )?;
        Ok(name)
    }

    /// A token with these policies and no other.
    pub fn token(&self, policies: &[&str]) -> Result<String> {
        let wanted = json!({ "policies": policies, "no_default_policy": true, "ttl": "10m" });
        text(&self.ask("POST", "auth/token/create", &wanted)?["auth"]["client_token"])
    }

    /// A role that logs in for these policies: its id, and a secret that is good any number of times.
    pub fn role(&self, name: &str, ttl: &str, policies: &[&str]) -> Result<(String, String)> {
        let path = format!("auth/approle/role/{name}");
        let wanted = json!({ "token_policies": policies, "token_no_default_policy": true, "token_ttl": ttl });
        self.ask("POST", &path, &wanted)?;
        let id = self.ask("GET", &format!("{path}/role-id"), &Value::Null)?;
        let secret = self.ask("POST", &format!("{path}/secret-id"), &json!({}))?;
        Ok((text(&id["data"]["role_id"])?, text(&secret["data"]["secret_id"])?))
    }

    /// Every token but the root's is revoked; says how many there were.
    pub fn revoke_all(&self) -> Result<usize> {
        let others = self.accessors()?;
        for accessor in &others {
            self.ask("POST", "auth/token/revoke-accessor", &json!({ "accessor": accessor }))?;
        }
        Ok(others.len())
    }

    /// Whether any token but the root's was renewed in its life.
    pub fn has_renewed(&self) -> Result<bool> {
        for accessor in self.accessors()? {
            // One may end between the list and the question.
            let found = self.ask("POST", "auth/token/lookup-accessor", &json!({ "accessor": accessor }));
            if found.is_ok_and(|token| !token["data"]["last_renewal_time"].is_null()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What tokens are called by whoever may not use them; the root's is left out.
    fn accessors(&self) -> Result<Vec<Value>> {
        let own = text(&self.ask("GET", "auth/token/lookup-self", &Value::Null)?["data"]["accessor"])?;
        let listed = self.ask("LIST", "auth/token/accessors", &Value::Null)?;
        let all = listed["data"]["keys"].as_array().cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|accessor| *accessor != own.as_str()).collect())
    }

    /// Lets tokens be got by a JWT for this audience, signed by a key of whose public half this is the PEM.
    pub fn trust_jwts(&self, role: &str, audience: &str, public: &str, policies: &[&str]) -> Result<()> {
        self.ask("POST", "sys/auth/jwt", &json!({ "type": "jwt" }))?;
        self.ask(
            "POST",
            "auth/jwt/config",
            &json!({ "jwt_validation_pubkeys": [public] }),
        )?;
        let wanted = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": [audience], "bound_subject": role,
            "token_policies": policies, "token_no_default_policy": true, "token_ttl": "10m",
        });
        self.ask("POST", &format!("auth/jwt/role/{role}"), &wanted).map(drop)
    }

    /// Asks as root; anything but success is an error.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.ask_in("", method, path, body)
    }

    /// The same in a namespace.
    pub fn ask_in(&self, namespace: &str, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let login = [("X-Vault-Token", self.root.as_str()), ("X-Vault-Namespace", namespace)];
        let answer = http::request(self.address, method, &format!("/v1/{path}"), &login, &body)?;
        if !(200..300).contains(&answer.status) {
            bail!("{method} {path}: {} {}", answer.status, answer.body);
        }
        if answer.body.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer.body).with_context(|| format!("{method} {path} gave no JSON: {}", answer.body))
    }
}

/// Whoever vouches for jobs: signs JWTs (RS256) that a vault can be told to trust.
pub struct Issuer(KeyPair);

impl Issuer {
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        key.map(Self).context("cannot make a key for an issuer")
    }

    pub fn public_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// Good for a quarter of an hour.
    pub fn token(&self, subject: &str, audience: &str) -> Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("it is before 1970")?
            .as_secs();
        let claims = json!({ "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 900 });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let header = encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
        let signature = self.0.sign(signed.as_bytes()).context("cannot sign a token")?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }
}

/// Writes a secret where only a login reads it.
pub fn secret_file(folder: &Path, name: &str, secret: &str) -> Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, secret).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_string_lossy().into_owned())
}

fn text(value: &Value) -> Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("the vault gave no text where one belongs: {value}"))
}

fn folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("countersign-vault-")
        .tempdir()
        .context("no temporary folder")
}

//! The service that a registry sends its clients to: a password in, a short-lived token for one repository out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, SigningKey as _};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

const ISSUER: &str = "acceptance";
const SERVICE: &str = "registry";
const LIFETIME: u64 = 300;

pub(super) struct TokenService {
    address: SocketAddr,
    certificate: NamedTempFile,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a token is made from.
struct Issuer {
    login: String,
    key: KeyPair,
    certificate: String,
    issued: AtomicU64,
}

impl TokenService {
    pub(super) fn start(user: &str, password: &str) -> Result<Self> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let key = key.context("cannot make a key for tokens")?;
        let certificate = CertificateParams::default()
            .self_signed(&key)
            .context("cannot make a certificate for tokens")?;
        let file = NamedTempFile::new().context("no temporary file")?;
        std::fs::write(file.path(), certificate.pem()).context("cannot write the certificate for tokens")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let address = listener.local_addr().context("a listener has no address")?;
        let issuer = Issuer {
            login: format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
            certificate: STANDARD.encode(certificate.der()),
            key,
            issued: AtomicU64::new(0),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener
                .incoming()
                .flatten()
                .take_while(|_| !stopped.load(Ordering::Relaxed))
            {
                // A client that goes away in the middle is that client's loss.
                answer(&stream, &issuer).ok();
            }
        });
        Ok(Self {
            address,
            certificate: file,
            stop,
            thread: Some(thread),
        })
    }

    /// As the registry's configuration wants them.
    pub(super) fn settings(&self) -> [(&'static str, String); 4] {
        let bundle: PathBuf = self.certificate.path().to_owned();
        [
            // By name: careful clients follow no realm to an address that is private.
            ("realm", format!("http://localhost:{}/token", self.address.port())),
            ("service", SERVICE.to_owned()),
            ("issuer", ISSUER.to_owned()),
            ("rootcertbundle", bundle.display().to_string()),
        ]
    }
}

impl Drop for TokenService {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The listener looks at the flag once somebody calls.
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn answer(mut stream: &TcpStream, issuer: &Issuer) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut authorized = false;
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        authorized |= name.eq_ignore_ascii_case("authorization") && value.trim() == issuer.login;
    }
    let (status, body) = if authorized {
        let query = request
            .split(' ')
            .nth(1)
            .and_then(|target| target.split_once('?'))
            .map_or("", |(_, query)| query);
        ("200 OK", json!({"token": issuer.token(query)?, "expires_in": LIFETIME}))
    } else {
        ("401 Unauthorized", json!({"details": "who goes there?"}))
    };
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    Ok(())
}

impl Issuer {
    fn token(&self, query: &str) -> Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?
            .as_secs();
        let header = json!({"typ": "JWT", "alg": "RS256", "x5c": [self.certificate]});
        let claims = json!({
            "iss": ISSUER, "aud": SERVICE, "sub": "sentry", "access": access(query),
            "iat": now, "nbf": now.saturating_sub(60), "exp": now + LIFETIME,
            "jti": self.issued.fetch_add(1, Ordering::Relaxed).to_string(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(signed.as_bytes()).context("cannot sign a token")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What was asked for, all of it: whoever knows the password may do anything here.
fn access(query: &str) -> Vec<Value> {
    let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    let decoded = scopes.map(|scope| {
        scope
            .replace("%3A", ":")
            .replace("%2F", "/")
            .replace("%2C", ",")
            .replace('+', " ")
    });
    let decoded: Vec<String> = decoded.collect();
    let each = decoded.iter().flat_map(|scopes| scopes.split(' '));
    let parsed = each.filter_map(|scope| {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        Some(json!({"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()}))
    });
    parsed.collect()
}

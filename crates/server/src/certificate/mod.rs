//! The serving certificate, exchanged under running connections when its files change.
//!
//! A pair that cannot be served (unreadable, expired, a key that belongs to another certificate) stops the start with an
//! error that names the file and what to do; later it is told, counted, and the pair in force stays.

mod pair;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_image::Digest;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::admin::Condition;
use crate::metrics::Metrics;
pub use pair::{CertificateError, MAX_CHAIN, MAX_FILE};
use pair::{Pair, PairFiles};

/// How often the files are looked at by [`Certificates::watch`], unless something else is wanted. Content is compared, so that a change
/// of modification time alone, or a symbolic link swapped for one to the same bytes, is no change.
pub const WATCH_EVERY: Duration = Duration::from_secs(1);
/// How soon files that changed are looked at again: they are read once two looks in a row found the same.
const SETTLING: Duration = Duration::from_millis(200);
/// How many looks at files that keep changing are waited for; then they are taken as they are.
const MAX_LOOKS: u32 = 20;

/// A certificate and key in force, and the files they came from. Cheap to clone; all clones serve the same pair.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: PairFiles,
    provider: Arc<CryptoProvider>,
    in_force: ArcSwap<Pair>,
    seen: Mutex<Seen>,
}

/// What the files held when they were last looked at, in force or refused: a refusal is told once, not every second.
#[derive(Debug)]
struct Seen {
    /// None if they could not be read.
    fingerprint: Option<Digest>,
    /// When the same bytes may come out otherwise, because a certificate that was too young no longer is.
    again: Option<Timestamp>,
    /// What they held at the last look, if that was something else; and how often there was something else.
    changing: Option<(Option<Digest>, u32)>,
}

impl Seen {
    fn new(fingerprint: Option<Digest>) -> Self {
        Self {
            fingerprint,
            again: None,
            changing: None,
        }
    }

    /// Whether bytes that are new are the same as at the last look. Half a chain is a chain, and its key may be there already.
    fn have_settled(&mut self, found: Option<Digest>) -> bool {
        let looks = match self.changing {
            Some((last, _)) if last == found => return true,
            Some((_, looks)) => looks + 1,
            None => 1,
        };
        self.changing = Some((found, looks));
        looks > MAX_LOOKS
    }
}

/// What a look at the files brought.
#[derive(Debug)]
pub enum Reloaded {
    /// The same bytes as at the last look.
    Unchanged,
    /// Other bytes than at the last look, and perhaps about to be others again: look again in a moment.
    Changing,
    /// A new pair is in force for new connections.
    Loaded {
        /// When it expires.
        not_after: Timestamp,
    },
    /// The new pair cannot be served; the old one stays in force.
    Refused(CertificateError),
}

impl Certificates {
    /// Reads a PEM certificate chain, leaf first, and its PEM key.
    pub fn load(certificate: &Path, key: &Path, now: Timestamp) -> Result<Self, CertificateError> {
        let files = PairFiles {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let bytes = files.read()?;
        let seen = Mutex::new(Seen::new(Some(bytes.fingerprint())));
        let pair = files.parse(&bytes, &provider, now)?;
        Ok(Self(Arc::new(Inner {
            files,
            provider,
            in_force: ArcSwap::from_pointee(pair),
            seen,
        })))
    }

    /// TLS 1.2 and 1.3 as rustls chooses, HTTP/2 and HTTP/1.1 by ALPN, whatever name the client asks for.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.0.provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for the default versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(InForce(self.clone())));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// When the certificate in force expires.
    pub fn not_after(&self) -> Timestamp {
        self.0.in_force.load().not_after
    }

    /// Where the certificate in force came from.
    pub fn certificate_file(&self) -> &Path {
        &self.0.files.certificate
    }

    /// Looks at the files once. Reads them, so not to be called on a thread that answers requests.
    pub fn reload(&self, now: Timestamp) -> Reloaded {
        let read = self.0.files.read();
        let fingerprint = read.as_ref().ok().map(pair::PairBytes::fingerprint);
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.fingerprint != fingerprint {
            if !seen.have_settled(fingerprint) {
                return Reloaded::Changing;
            }
        } else if seen.again.is_none_or(|again| now < again) {
            seen.changing = None;
            return Reloaded::Unchanged;
        }
        *seen = Seen::new(fingerprint);
        match read.and_then(|bytes| self.0.files.parse(&bytes, &self.0.provider, now)) {
            Ok(pair) => {
                let not_after = pair.not_after;
                self.0.in_force.store(Arc::new(pair));
                Reloaded::Loaded { not_after }
            }
            Err(error) => {
                if let CertificateError::NotYetValid { not_before, .. } = error {
                    seen.again = Some(not_before);
                }
                Reloaded::Refused(error)
            }
        }
    }

    /// Looks at the files every so often, for ever: swaps, logs, counts, and says in `condition` whether what is served
    /// has expired.
    pub async fn watch(self, every: Duration, clock: fn() -> Timestamp, metrics: Metrics, condition: Condition) {
        metrics.certificate_loaded(self.not_after());
        condition.met();
        let mut pause = every;
        loop {
            tokio::time::sleep(pause).await;
            let looked = {
                let certificates = self.clone();
                tokio::task::spawn_blocking(move || certificates.reload(clock())).await
            };
            pause = match &looked {
                Ok(Reloaded::Changing) => SETTLING.min(every),
                _ => every,
            };
            match looked {
                Ok(reloaded) => self.tell(reloaded, &metrics),
                // What cannot even be looked at is not served; what is in force is as good as before.
                Err(error) if error.is_panic() => metrics.certificate_refused(),
                // The runtime is going down.
                Err(_) => return,
            }
            match clock() < self.not_after() {
                true => condition.met(),
                false => condition.unmet(format!("the serving certificate expired at {}", self.not_after())),
            }
        }
    }

    fn tell(&self, reloaded: Reloaded, metrics: &Metrics) {
        let file = self.0.files.certificate.display();
        match reloaded {
            Reloaded::Unchanged | Reloaded::Changing => {}
            Reloaded::Loaded { not_after } => {
                metrics.certificate_loaded(not_after);
                tracing::info!(%file, %not_after, "a new serving certificate is in force");
            }
            Reloaded::Refused(error) => {
                metrics.certificate_refused();
                let in_force_until = self.not_after();
                let error = &error as &dyn std::error::Error;
                tracing::error!(%file, error, %in_force_until, "the new serving certificate is refused; the old one stays");
            }
        }
    }
}

/// Answers every handshake with the pair in force.
#[derive(Debug)]
struct InForce(Certificates);

impl ResolvesServerCert for InForce {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.0.in_force.load().served))
    }
}

#[cfg(test)]
mod tests;

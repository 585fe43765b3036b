//! Where to sign: the services of a Sigstore instance, and which of them a signature goes to.
//!
//! Source: `SigningConfig` and `Service` of `sigstore_trustroot.proto` in `sigstore/protobuf-specs`.

use std::collections::BTreeSet;

use countersign_image::json::{self, JsonError};
use countersign_image::text::excerpt;
use jiff::Timestamp;
use url::Url;

mod wire;

/// The largest signing configuration that is read, in bytes.
pub const MAX_CONFIG_BYTES: usize = 1024 * 1024;
/// The most services of one kind.
pub const MAX_SERVICES: usize = 64;

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
const AUTHORITY_VERSIONS: &[u32] = &[1];
const LOG_VERSIONS: &[u32] = &[1, 2];
const CLOCK_VERSIONS: &[u32] = &[1];

/// The services of a Sigstore instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningConfig {
    authorities: Vec<Service>,
    logs: Vec<Service>,
    log_selector: Selector,
    clocks: Vec<Service>,
    clock_selector: Selector,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Where it is: the base that paths are appended to; of a timestamp authority the whole URL.
    pub url: Url,
    /// Of its interface.
    pub version: u32,
    /// The first instant at which it is to be used.
    pub start: Timestamp,
    /// The last, where there is one.
    pub end: Option<Timestamp>,
    /// Who runs it. Two services of one operator count as one.
    pub operator: String,
}

/// How many services of one kind are to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// All of them, one of each operator.
    All,
    /// One.
    Any,
    /// So many, each of another operator.
    Exactly(usize),
}

/// The services that a signature made now goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The certificate authority.
    pub authority: Service,
    /// The transparency logs; none where the configuration names none.
    pub logs: Vec<Service>,
    /// The timestamp authorities; none where the configuration names none.
    pub clocks: Vec<Service>,
}

/// Why a file is no signing configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningConfigError {
    /// It is too large.
    #[error("it has {found} bytes, and the limit is {limit}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// It is not the JSON that is expected.
    #[error("it is not the JSON of a signing configuration")]
    Json(#[source] JsonError),
    /// It is of another version, or another document.
    #[error("its `mediaType` is `{found}`, and `{MEDIA_TYPE}` is expected")]
    MediaType {
        /// What it is.
        found: String,
    },
    /// A list is too long.
    #[error("`{list}` has {found} services, and the limit is {MAX_SERVICES}")]
    TooMany {
        /// The list.
        list: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A service has a field that cannot be read, or lacks it.
    #[error("service {position} of `{list}` has the {field} `{found}`, and {expected} is expected")]
    Service {
        /// The list.
        list: &'static str,
        /// Its place in the list, from 1.
        position: usize,
        /// The field.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// A selector that is not one of the three.
    #[error("the selector of `{list}` is `{found}`, and `ALL`, `ANY` or `EXACT` with a count from 1 is expected")]
    Selector {
        /// The list.
        list: &'static str,
        /// What it says.
        found: String,
    },
}

/// Why a signature cannot be made with these services.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// No service of a kind can be used now.
    #[error(
        "none of the {listed} services in `{list}` can be used at {now}: each is of another interface than is spoken here, or its time has not come or is over"
    )]
    None {
        /// The list.
        list: &'static str,
        /// How many it names.
        listed: usize,
        /// The time for which was chosen.
        now: Timestamp,
    },
    /// There are too few of different operators.
    #[error("{wanted} services of `{list}` are wanted, each of another operator, and {found} can be used")]
    TooFew {
        /// The list.
        list: &'static str,
        /// How many are wanted.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// A service that is to be shown a secret would be shown it in the open.
    #[error("the certificate authority is at `{url}`: an identity token is sent by `https` only, or to this machine")]
    Open {
        /// Where it is.
        url: String,
    },
    /// Nothing would say when the signature was made.
    #[error(
        "nothing would prove when the signature was made: `tsaUrls` names no timestamp authority, and a log of version 2 says no time"
    )]
    NoTime,
}

impl SigningConfig {
    /// Reads `signing_config.v0.2.json`.
    ///
    /// # Errors
    /// [`SigningConfigError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SigningConfigError> {
        if bytes.len() > MAX_CONFIG_BYTES {
            return Err(SigningConfigError::TooLarge {
                limit: MAX_CONFIG_BYTES,
                found: bytes.len(),
            });
        }
        let wire: wire::SigningConfig = json::strict(bytes).map_err(SigningConfigError::Json)?;
        if wire.media_type != MEDIA_TYPE {
            return Err(SigningConfigError::MediaType {
                found: excerpt(&wire.media_type, 100),
            });
        }
        let logs = wire::services("rekorTlogUrls", wire.rekor_tlog_urls)?;
        let clocks = wire::services("tsaUrls", wire.tsa_urls)?;
        Ok(Self {
            authorities: wire::services("caUrls", wire.ca_urls)?,
            log_selector: wire::selector("rekorTlogUrls", wire.rekor_tlog_config, &logs)?,
            logs,
            clock_selector: wire::selector("tsaUrls", wire.tsa_config, &clocks)?,
            clocks,
        })
    }

    /// The services that a signature made now goes to: of each kind those of the highest interface version that is spoken
    /// here, in their time, at most one of each operator, the newest first.
    ///
    /// # Errors
    /// [`ChoiceError`].
    pub fn choose(&self, now: Timestamp) -> Result<Chosen, ChoiceError> {
        let authority = choose("caUrls", &self.authorities, AUTHORITY_VERSIONS, Selector::Any, now)?;
        let Some(authority) = authority.into_iter().next() else {
            return Err(ChoiceError::None {
                list: "caUrls",
                listed: 0,
                now,
            });
        };
        if !keeps_secrets(&authority.url) {
            return Err(ChoiceError::Open {
                url: authority.url.to_string(),
            });
        }
        let logs = choose("rekorTlogUrls", &self.logs, LOG_VERSIONS, self.log_selector, now)?;
        let clocks = choose("tsaUrls", &self.clocks, CLOCK_VERSIONS, self.clock_selector, now)?;
        if clocks.is_empty() && logs.iter().all(|log| log.version > 1) {
            return Err(ChoiceError::NoTime);
        }
        Ok(Chosen {
            authority,
            logs,
            clocks,
        })
    }
}

impl Service {
    fn usable_at(&self, now: Timestamp) -> bool {
        self.start <= now && self.end.is_none_or(|end| now <= end)
    }
}

/// What the list names none of is not used; what it names has to be had.
fn choose(
    list: &'static str,
    listed: &[Service],
    spoken: &[u32],
    selector: Selector,
    now: Timestamp,
) -> Result<Vec<Service>, ChoiceError> {
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let mut usable: Vec<&Service> = listed
        .iter()
        .filter(|service| spoken.contains(&service.version) && service.usable_at(now))
        .collect();
    let Some(highest) = usable.iter().map(|service| service.version).max() else {
        return Err(ChoiceError::None {
            list,
            listed: listed.len(),
            now,
        });
    };
    usable.retain(|service| service.version == highest);
    usable.sort_by_key(|service| std::cmp::Reverse(service.start));
    let mut operators = BTreeSet::new();
    usable.retain(|service| operators.insert(service.operator.as_str()));
    let wanted = match selector {
        Selector::All => usable.len(),
        Selector::Any => 1,
        Selector::Exactly(count) => count,
    };
    if usable.len() < wanted {
        return Err(ChoiceError::TooFew {
            list,
            wanted,
            found: usable.len(),
        });
    }
    Ok(usable.into_iter().take(wanted).cloned().collect())
}

/// Whether nobody on the way can read what is sent there.
pub(crate) fn keeps_secrets(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;

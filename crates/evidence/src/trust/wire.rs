//! `trusted_root.json` as written: protobuf's JSON of `sigstore_trustroot.proto`, which allows two spellings of a field's
//! name and of a value of an enumeration.

use countersign_image::json;
use countersign_image::text::excerpt;
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::Value;

use super::parts::{AuthorityParts, Listed, LogParts, Read};
use super::{Unusable, Window};
use crate::encoding;
use crate::key::PublicKey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrustedRoot {
    #[serde(alias = "media_type")]
    pub(super) media_type: String,
    #[serde(default, deserialize_with = "json::null_is_default")]
    tlogs: Vec<Log>,
    #[serde(
        default,
        alias = "certificate_authorities",
        deserialize_with = "json::null_is_default"
    )]
    certificate_authorities: Vec<Authority>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    ctlogs: Vec<Log>,
    #[serde(default, alias = "timestamp_authorities", deserialize_with = "json::null_is_default")]
    timestamp_authorities: Vec<Authority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(default, alias = "base_url", deserialize_with = "json::null_is_default")]
    base_url: String,
    #[serde(alias = "hash_algorithm")]
    hash_algorithm: Option<Enum>,
    #[serde(alias = "public_key")]
    public_key: Option<Key>,
    #[serde(alias = "log_id")]
    log_id: Option<Id>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    operator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    #[serde(alias = "raw_bytes")]
    raw_bytes: Option<String>,
    #[serde(alias = "key_details")]
    key_details: Option<Enum>,
    #[serde(alias = "valid_for")]
    valid_for: Option<TimeRange>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Id {
    #[serde(alias = "key_id")]
    key_id: Option<String>,
}

#[derive(Deserialize)]
struct TimeRange {
    start: Option<Value>,
    end: Option<Value>,
}

/// A value of an enumeration, by name or by number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Enum {
    Name(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authority {
    #[serde(default, deserialize_with = "json::null_is_default")]
    uri: String,
    #[serde(alias = "cert_chain")]
    cert_chain: Option<CertificateChain>,
    #[serde(alias = "valid_for")]
    valid_for: Option<TimeRange>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    operator: String,
}

#[derive(Deserialize)]
struct CertificateChain {
    #[serde(default, deserialize_with = "json::null_is_default")]
    certificates: Vec<Certificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    #[serde(alias = "raw_bytes")]
    raw_bytes: String,
}

impl TrustedRoot {
    pub(super) fn listed(self) -> Listed {
        Listed {
            logs: each("tlogs", self.tlogs, Log::read),
            ct_logs: each("ctlogs", self.ctlogs, Log::read),
            authorities: each("certificateAuthorities", self.certificate_authorities, Authority::read),
            time_authorities: each("timestampAuthorities", self.timestamp_authorities, Authority::read),
        }
    }
}

fn each<W, T>(list: &'static str, entries: Vec<W>, read: impl Fn(W) -> Result<T, String>) -> Vec<Read<T>> {
    let numbered = entries.into_iter().enumerate();
    let read = numbered.map(|(at, entry)| {
        let part = format!("{list}[{at}]");
        match read(entry) {
            Ok(read) => Ok((part, read)),
            Err(why) => Err(Unusable { part, why }),
        }
    });
    read.collect()
}

impl Log {
    fn read(self) -> Result<LogParts, String> {
        let is_sha256 = match &self.hash_algorithm {
            None => true,
            Some(Enum::Name(name)) => name == "SHA2_256",
            Some(Enum::Number(number)) => *number == 1,
        };
        if !is_sha256 {
            return Err("its tree is not hashed with SHA-256".to_owned());
        }
        let key = self.public_key.ok_or("it has no key")?;
        let id = self.log_id.and_then(|id| id.key_id).filter(|id| !id.is_empty());
        Ok(LogParts {
            base_url: self.base_url,
            operator: Some(self.operator).filter(|operator| !operator.is_empty()),
            id: id.map(|id| decode("its identity", &id)).transpose()?,
            window: window(key.valid_for.as_ref())?,
            key: key.read()?,
        })
    }
}

impl Key {
    fn read(self) -> Result<PublicKey, String> {
        let bytes = decode("its key", &self.raw_bytes.ok_or("it has no key")?)?;
        let is_pkcs1 = match &self.key_details {
            Some(Enum::Name(name)) => matches!(name.as_str(), "PKCS1_RSA_PKCS1V5" | "PKCS1_RSA_PSS"),
            Some(Enum::Number(number)) => matches!(number, 1 | 2),
            None => false,
        };
        let key = if is_pkcs1 {
            PublicKey::from_pkcs1_der(&bytes)
        } else {
            PublicKey::from_spki_der(&bytes)
        };
        key.map_err(|error| error.to_string())
    }
}

impl Authority {
    fn read(self) -> Result<AuthorityParts, String> {
        let certificates = self.cert_chain.map(|chain| chain.certificates).unwrap_or_default();
        let decoded = certificates
            .iter()
            .map(|certificate| decode("a certificate", &certificate.raw_bytes));
        Ok(AuthorityParts {
            uri: self.uri,
            operator: Some(self.operator).filter(|operator| !operator.is_empty()),
            chain: decoded.collect::<Result<_, _>>()?,
            window: window(self.valid_for.as_ref())?,
        })
    }
}

/// A window must say when it begins: what is believed for ever back would be believed with a certificate that was stolen
/// before there was a log.
fn window(range: Option<&TimeRange>) -> Result<Window, String> {
    let start = range.and_then(|range| range.start.as_ref());
    let start = start.ok_or("it does not say from when it is believed")?;
    let end = range.and_then(|range| range.end.as_ref());
    Ok(Window {
        start: Some(time("start", start)?),
        end: end.map(|end| time("end", end)).transpose()?,
    })
}

/// A time as protobuf's JSON has it (RFC 3339). What is later than we count, in the last days of the year 9999, is "never".
fn time(end: &str, written: &Value) -> Result<Timestamp, String> {
    let text = written.as_str().unwrap_or_default();
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let in_utc = text
        .strip_suffix(['Z', 'z'])
        .and_then(|civil| civil.parse::<DateTime>().ok());
    match in_utc {
        Some(civil) if civil.year() == 9999 => Ok(Timestamp::MAX),
        _ => {
            let found = excerpt(&written.to_string(), 100);
            Err(format!(
                "the {end} of the time in which it is believed is no time: {found}"
            ))
        }
    }
}

fn decode(what: &str, text: &str) -> Result<Vec<u8>, String> {
    encoding::decode(text).map_err(|error| format!("{what} is {}", excerpt(&error.to_string(), 100)))
}

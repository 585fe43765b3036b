//! Entries as bytes.

use std::collections::BTreeMap;

use countersign_image::text::excerpt;
use countersign_image::{Digest, Reference, json};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::LeafError;
use super::record::{KeyUse, MAX_DIGESTS, Record};
use super::{Actor, ActorKind, Commitment, EventType, Field, MAX_LEAF_BYTES, MAX_ROLES, VERSION};
use crate::canonical::canonical;
use crate::tree::MAX_SIZE;

/// When something was: always to the millisecond, always in UTC.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";
/// The longest text of a field, in bytes.
const MAX_TEXT_BYTES: usize = 512;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    seq: u64,
    ts: String,
    #[serde(rename = "type")]
    event: String,
    actor: WireActor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submission: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prev_state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    object_digests: BTreeMap<String, Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vault: Option<WireKeyUse>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sig_sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    justification: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireActor {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip_hash: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireKeyUse {
    key: String,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// An entry of this version.
    Known(Box<Record>),
    /// An entry of a later version.
    Later(Later),
}

/// An entry of a later version: what every version says, and all of it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// Its version.
    pub version: u64,
    /// Its number, which is its index in the tree.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// What happened, in a word that need not be known here.
    pub event: String,
    /// All of it. Nobody here knows what it means.
    pub document: Value,
}

impl Read {
    /// Its number, which is its index in the tree.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Known(record) => record.seq,
            Self::Later(later) => later.seq,
        }
    }

    /// When it was.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Known(record) => record.time,
            Self::Later(later) => later.time,
        }
    }

    /// What happened, as it is written.
    pub fn event(&self) -> &str {
        match self {
            Self::Known(record) => record.event.name(),
            Self::Later(later) => &later.event,
        }
    }
}

/// Reads an entry of this version or a later one. Whatever is read is in its canonical form: no two sequences of bytes say
/// the same.
pub fn read(bytes: &[u8]) -> Result<Read, LeafError> {
    within(bytes.len())?;
    let document: Value = json::strict(bytes)?;
    same(&canonical(&document)?, bytes)?;
    match document["v"].as_u64() {
        Some(VERSION) => {
            let record = known(document)?;
            // What says nothing, as `null` or an empty list, is left out.
            same(&write(&record)?, bytes)?;
            Ok(Read::Known(Box::new(record)))
        }
        Some(version) if version > VERSION => later(version, document).map(Read::Later),
        _ => Err(LeafError::Version),
    }
}

fn same(canonical: &[u8], bytes: &[u8]) -> Result<(), LeafError> {
    if canonical == bytes {
        return Ok(());
    }
    let same = canonical.iter().zip(bytes).take_while(|(one, other)| one == other);
    Err(LeafError::NotCanonical { at: same.count() })
}

fn later(version: u64, document: Value) -> Result<Later, LeafError> {
    let seq = document["seq"]
        .as_u64()
        .ok_or_else(|| wrong("seq", "a number from 0 on", ""))?;
    let event = document["type"].as_str().unwrap_or_default().to_owned();
    Ok(Later {
        version,
        seq: number("seq", seq)?,
        time: time(document["ts"].as_str().unwrap_or_default())?,
        event: word("type", event)?,
        document,
    })
}

fn known(document: Value) -> Result<Record, LeafError> {
    let wire: Wire = serde_json::from_value(document).map_err(|error| LeafError::Shape {
        detail: excerpt(&error.to_string(), 160),
    })?;
    let event = EventType::ALL.iter().find(|event| event.name() == wire.event);
    let event = *event.ok_or_else(|| LeafError::UnknownType {
        found: excerpt(&wire.event, 80),
    })?;
    let vault = wire.vault.map(|vault| KeyUse {
        key: vault.key,
        version: vault.version,
        request_id: vault.request_id,
    });
    let record = Record {
        seq: wire.seq,
        time: time(&wire.ts)?,
        event,
        actor: actor(wire.actor)?,
        submission: wire.submission,
        image: wire.image,
        previous_state: wire.prev_state,
        state: wire.state,
        object_digests: wire.object_digests,
        policy_digest: wire.policy_digest,
        reason_code: wire.reason_code,
        item: wire.item,
        destination: wire.destination,
        vault,
        signature: wire.sig_sha256,
        answers: wire.answers,
        justification: commitment("justification", wire.justification)?,
    };
    check(&record)?;
    Ok(record)
}

fn actor(wire: WireActor) -> Result<Actor, LeafError> {
    let kind = ActorKind::ALL.into_iter().find(|kind| kind.name() == wire.kind);
    Ok(Actor {
        kind: kind.ok_or_else(|| wrong("actor.kind", "a kind of actor of this version", &wire.kind))?,
        issuer: wire.iss,
        subject: commitment("actor.sub", wire.sub)?,
        roles: wire.roles,
        address: commitment("actor.ip_hash", wire.ip_hash)?,
    })
}

pub(super) fn write(record: &Record) -> Result<Vec<u8>, LeafError> {
    check(record)?;
    let actor = &record.actor;
    let text = |commitment: &Option<Commitment>| commitment.as_ref().map(Commitment::to_string);
    let record = record.clone();
    let wire = Wire {
        v: VERSION,
        seq: record.seq,
        ts: Offset::UTC.to_datetime(record.time).strftime(TIME).to_string(),
        event: record.event.name().to_owned(),
        actor: WireActor {
            kind: actor.kind.name().to_owned(),
            iss: actor.issuer.clone(),
            sub: text(&actor.subject),
            roles: actor.roles.clone(),
            ip_hash: text(&actor.address),
        },
        submission: record.submission,
        image: record.image,
        prev_state: record.previous_state,
        state: record.state,
        object_digests: record.object_digests,
        policy_digest: record.policy_digest,
        reason_code: record.reason_code,
        item: record.item,
        destination: record.destination,
        vault: record.vault.map(|vault| WireKeyUse {
            key: vault.key,
            version: vault.version,
            request_id: vault.request_id,
        }),
        sig_sha256: record.signature,
        answers: record.answers,
        justification: text(&record.justification),
    };
    let document = serde_json::to_value(wire).map_err(|error| LeafError::Shape {
        detail: excerpt(&error.to_string(), 160),
    })?;
    let bytes = canonical(&document)?;
    within(bytes.len())?;
    Ok(bytes)
}

/// What holds for every entry of this version, written or read.
fn check(record: &Record) -> Result<(), LeafError> {
    let event = record.event;
    if let Some(field) = event.needs().iter().find(|field| !record.has(**field)) {
        return Err(LeafError::Missing { event, field: *field });
    }
    let foreseen = |field: &Field| event.needs().contains(field) || event.may().contains(field);
    if let Some(field) = Field::ALL.iter().find(|field| record.has(**field) && !foreseen(field)) {
        return Err(LeafError::Unforeseen { event, field: *field });
    }
    number("seq", record.seq)?;
    if let Some(answered) = record.answers.filter(|answered| *answered >= record.seq) {
        return Err(wrong("answers", "an earlier entry", &answered.to_string()));
    }
    if !(1970..=9999).contains(&Offset::UTC.to_datetime(record.time).year()) {
        return Err(wrong("ts", "a time from 1970 on", &record.time.to_string()));
    }
    check_actor(&record.actor)?;
    let words = [
        ("submission", &record.submission),
        ("prev_state", &record.previous_state),
        ("state", &record.state),
        ("reason_code", &record.reason_code),
        ("item", &record.item),
        ("destination", &record.destination),
    ];
    for (field, text) in words {
        text.iter().try_for_each(|text| is_word(field, text))?;
    }
    record.image.iter().try_for_each(|image| is_image(image))?;
    if record.object_digests.len() > MAX_DIGESTS {
        let found = record.object_digests.len().to_string();
        return Err(wrong("object_digests", "256 digests at most", &found));
    }
    record
        .object_digests
        .keys()
        .try_for_each(|name| is_word("object_digests", name))?;
    if let Some(vault) = &record.vault {
        is_word("vault.key", &vault.key)?;
        vault
            .request_id
            .iter()
            .try_for_each(|id| is_word("vault.request_id", id))?;
    }
    Ok(())
}

fn check_actor(actor: &Actor) -> Result<(), LeafError> {
    actor
        .issuer
        .iter()
        .try_for_each(|issuer| is_word("actor.iss", issuer))?;
    if actor.roles.len() > MAX_ROLES {
        return Err(wrong("actor.roles", "32 roles at most", &actor.roles.len().to_string()));
    }
    actor.roles.iter().try_for_each(|role| is_word("actor.roles", role))
}

fn within(found: usize) -> Result<(), LeafError> {
    if found > MAX_LEAF_BYTES {
        Err(LeafError::TooLong { found })
    } else {
        Ok(())
    }
}

fn number(field: &'static str, number: u64) -> Result<u64, LeafError> {
    if number > MAX_SIZE {
        Err(wrong(
            field,
            "a number that every reader has whole",
            &number.to_string(),
        ))
    } else {
        Ok(number)
    }
}

/// Texts of an entry are words of ours and names: what people write freely is committed to instead.
fn is_word(field: &'static str, text: &str) -> Result<(), LeafError> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if plain && !text.is_empty() && text.len() <= MAX_TEXT_BYTES {
        Ok(())
    } else {
        Err(wrong(
            field,
            "1 to 512 characters of ASCII without spaces, `\"` and `\\`",
            text,
        ))
    }
}

fn word(field: &'static str, text: String) -> Result<String, LeafError> {
    is_word(field, &text).map(|()| text)
}

fn is_image(image: &str) -> Result<(), LeafError> {
    let named = Reference::parse(image).ok().and_then(|reference| {
        let digest = reference.digest()?;
        Some(format!("{}@{digest}", reference.repository()))
    });
    if named.as_deref() == Some(image) {
        Ok(())
    } else {
        Err(wrong("image", "`registry/repository@digest`", image))
    }
}

fn time(text: &str) -> Result<Timestamp, LeafError> {
    let time: Option<Timestamp> = text.parse().ok();
    let same = time.filter(|time| Offset::UTC.to_datetime(*time).strftime(TIME).to_string() == text);
    same.ok_or_else(|| wrong("ts", "a time like 2027-01-31T23:59:59.999Z", text))
}

fn commitment(field: &'static str, text: Option<String>) -> Result<Option<Commitment>, LeafError> {
    let parsed = text.map(|text| Commitment::parse(&text).ok_or_else(|| wrong(field, "a commitment", &text)));
    parsed.transpose()
}

fn wrong(field: &'static str, expected: &'static str, found: &str) -> LeafError {
    LeafError::Field {
        field,
        expected,
        found: excerpt(found, 80),
    }
}

//! Which vulnerabilities matter: `OpenVEX`, versions 0.0.1 to 0.2.0 (`OPENVEX-SPEC.md` of `openvex/spec`).

use countersign_image::json;
use jiff::Timestamp;
use serde::Deserialize;

use super::material::cap;
use super::{PredicateError, Written};

/// A document that says which vulnerabilities affect which products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vex {
    /// Its name, an IRI.
    pub id: String,
    /// Who says so, by the document's own word: whoever signed it is who is believed or not.
    pub author: String,
    /// When it was last changed, by its own word.
    pub time: Timestamp,
    /// What it says, in its order. Of two statements about one thing the later one holds.
    pub statements: Vec<VexStatement>,
}

/// What is said about one vulnerability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VexStatement {
    /// The vulnerability's name.
    pub vulnerability: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Since when this is so, by its own word.
    pub time: Timestamp,
    /// The products that it is said of, by every name that they are given; empty where it is about the attestation's own
    /// subject.
    pub products: Vec<String>,
    /// Whether they are affected.
    pub status: VexStatus,
    /// Why not, where they are not: a label of the specification.
    pub justification: Option<String>,
    /// Why not, in words.
    pub impact: Option<String>,
}

/// Whether a product is affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// It is not.
    NotAffected,
    /// It is.
    Affected,
    /// It was, and is no longer.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "@id")]
    id: String,
    author: String,
    timestamp: Timestamp,
    #[serde(default)]
    last_updated: Option<Timestamp>,
    statements: Vec<WireStatement>,
}

#[derive(Deserialize)]
struct WireStatement {
    vulnerability: Vulnerability,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    last_updated: Option<Timestamp>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    products: Vec<Product>,
    status: VexStatus,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    impact_statement: Option<String>,
}

/// A name until version 0.0.1, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Object {
        name: String,
        #[serde(default, deserialize_with = "json::null_is_default")]
        aliases: Vec<String>,
    },
}

/// A name until version 0.0.1, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Product {
    Name(String),
    Object {
        #[serde(rename = "@id", default)]
        id: Option<String>,
        #[serde(default, deserialize_with = "json::null_is_default")]
        identifiers: std::collections::BTreeMap<String, String>,
    },
}

pub(super) fn read(predicate: &Written<'_>) -> Result<Vex, PredicateError> {
    let wire: Wire = predicate.as_it_is()?;
    cap("statements", wire.statements.len())?;
    let time = wire.last_updated.unwrap_or(wire.timestamp);
    let issued = wire.timestamp;
    let statements = wire.statements.into_iter().map(|statement| {
        if statement.status == VexStatus::NotAffected
            && statement.justification.is_none()
            && statement.impact_statement.is_none()
        {
            return Err(predicate.fault("a statement of `not_affected` without a justification"));
        }
        let (vulnerability, aliases) = match statement.vulnerability {
            Vulnerability::Name(name) => (name, Vec::new()),
            Vulnerability::Object { name, aliases } => (name, aliases),
        };
        Ok(VexStatement {
            vulnerability,
            aliases,
            time: statement.last_updated.or(statement.timestamp).unwrap_or(issued),
            products: statement.products.into_iter().flat_map(Product::names).collect(),
            status: statement.status,
            justification: statement.justification,
            impact: statement.impact_statement,
        })
    });
    Ok(Vex {
        id: wire.id,
        author: wire.author,
        time,
        statements: statements.collect::<Result<_, _>>()?,
    })
}

impl Product {
    fn names(self) -> Vec<String> {
        match self {
            Self::Name(name) => vec![name],
            Self::Object { id, identifiers } => id.into_iter().chain(identifiers.into_values()).collect(),
        }
    }
}

//! Who signed what was just published: a key, or somebody by a certificate that a log and a time stand behind.

use countersign_evidence::chain::Chain;
use countersign_image::text::excerpt;
use countersign_keys::Recorded;
use serde_json::{Value, json};

use crate::printer::Printer;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignedWith {
    /// A key.
    Key {
        fingerprint: String,
        /// What a vault has written down about it.
        recorded: Option<Recorded>,
    },
    /// A certificate.
    Identity {
        subjects: Vec<String>,
        issuer: Option<String>,
        /// Name of the log, and the entry's index in it.
        logs: Vec<(String, u64)>,
        /// The time, and who vouches for it.
        times: Vec<(String, String)>,
    },
}

impl SignedWith {
    pub(crate) fn of_chain(chain: &Chain) -> Self {
        let Some(identity) = chain.signer().identity() else {
            return Self::Key {
                fingerprint: chain.signer().key().fingerprint().to_string(),
                recorded: None,
            };
        };
        let subjects = identity.subjects.iter();
        let logs = chain.logs().iter();
        let times = chain.times().iter();
        Self::Identity {
            subjects: subjects.map(|subject| excerpt(subject.as_str(), 300)).collect(),
            issuer: identity.issuer.as_deref().map(|issuer| excerpt(issuer, 300)),
            logs: logs.map(|log| (log.log_name().to_owned(), log.index())).collect(),
            times: times
                .map(|proved| (proved.time.to_string(), proved.by.to_string()))
                .collect(),
        }
    }

    pub(crate) fn print(&self, printer: &mut Printer) {
        match self {
            Self::Key { fingerprint, recorded } => {
                printer.line(format!("key        {fingerprint}"));
                if let Some(recorded) = recorded {
                    printer.line(format!(
                        "vault      {} version {}, request {}",
                        recorded.key, recorded.version, recorded.request_id
                    ));
                }
            }
            Self::Identity {
                subjects,
                issuer,
                logs,
                times,
            } => {
                printer.line(format!("identity   {}", subjects.join(", ")));
                if let Some(issuer) = issuer {
                    printer.line(format!("issuer     {issuer}"));
                }
                for (log, index) in logs {
                    printer.line(format!("log        {log} entry {index}"));
                }
                for (time, by) in times {
                    printer.line(format!("time       {time} by {by}"));
                }
            }
        }
    }

    pub(crate) fn add_to(&self, document: &mut Value) {
        match self {
            Self::Key { fingerprint, recorded } => {
                document["key"] = json!(fingerprint);
                if let Some(recorded) = recorded {
                    document["vault"] = json!({
                        "key": recorded.key.as_str(),
                        "version": recorded.version,
                        "requestId": recorded.request_id,
                    });
                }
            }
            Self::Identity {
                subjects,
                issuer,
                logs,
                times,
            } => {
                document["identity"] = json!({"subjects": subjects, "issuer": issuer});
                let logs = logs.iter().map(|(log, index)| json!({"log": log, "index": index}));
                document["logs"] = logs.collect();
                let times = times.iter().map(|(time, by)| json!({"time": time, "by": by}));
                document["times"] = times.collect();
            }
        }
    }
}

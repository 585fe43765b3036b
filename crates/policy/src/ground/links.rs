//! The chain of trust behind a signature, for people: each link, and who vouched for it.

use std::fmt;

use countersign_evidence::certificate::{LoggedCertificate, Subject};
use countersign_evidence::{Chain, Identity, Logged, ProvedTime, Vouched};
use countersign_image::Digest;
use countersign_image::text::excerpt;
use jiff::Timestamp;

/// The longest name that is repeated, in characters.
const MAX_NAME: usize = 300;

/// What holds between a signature and whom an authority believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    pub(super) certified: Option<Certified>,
    logs: Vec<Logged>,
    times: Vec<ProvedTime>,
}

/// The certificate that says who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    identity: Identity,
    fingerprint: Digest,
    serial: String,
    not_before: Timestamp,
    not_after: Timestamp,
    authority: String,
    logged: Option<LoggedCertificate>,
}

impl Links {
    pub(super) fn of(chain: &Chain) -> Self {
        Self {
            certified: chain.signer().vouched().map(Certified::of),
            logs: chain.logs().to_vec(),
            times: chain.times().to_vec(),
        }
    }

    /// The certificate; `None` if a key is believed by itself.
    pub fn certified(&self) -> Option<&Certified> {
        self.certified.as_ref()
    }

    /// The log entries that hold.
    pub fn logs(&self) -> &[Logged] {
        &self.logs
    }

    /// The times that are proved.
    pub fn times(&self) -> &[ProvedTime] {
        &self.times
    }

    /// Log entries and times in a few words, each with a comma before it.
    pub(super) fn in_brief(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for logged in &self.logs {
            write!(
                f,
                ", entry {} of {}",
                logged.index(),
                excerpt(logged.log_name(), MAX_NAME)
            )?;
        }
        for proved in &self.times {
            write!(
                f,
                ", at {} by {}",
                proved.time,
                excerpt(&proved.by.to_string(), MAX_NAME)
            )?;
        }
        Ok(())
    }

    /// Each link on a line: what it is called, and what holds. Nothing where a key is believed by itself.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = self.certified.as_ref().map(Certified::lines).unwrap_or_default();
        for logged in &self.logs {
            let mut shown = Vec::new();
            if logged.promised() {
                shown.push("promised".to_owned());
            }
            if logged.included() {
                shown.push("inclusion proved".to_owned());
            }
            if !logged.witnesses().is_empty() {
                shown.push(format!("seen by {}", excerpt(&logged.witnesses().join(", "), MAX_NAME)));
            }
            let log = excerpt(logged.log_name(), MAX_NAME);
            lines.push((
                "log entry",
                format!("{} in {log} ({})", logged.index(), shown.join(", ")),
            ));
        }
        for proved in &self.times {
            let by = excerpt(&proved.by.to_string(), MAX_NAME);
            lines.push(("time", format!("{}, by {by}", proved.time)));
        }
        lines
    }
}

impl Certified {
    fn of(vouched: &Vouched) -> Self {
        let leaf = vouched.leaf();
        Self {
            identity: vouched.identity().clone(),
            fingerprint: Digest::sha256(leaf.der()),
            serial: leaf.serial().to_owned(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            authority: vouched.authority().to_string(),
            logged: vouched.logged().cloned(),
        }
    }

    /// Whom it names.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// SHA-256 of the certificate in DER.
    pub fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// Its serial number, in hexadecimal.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The first second of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Who vouched for it.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The promise of a log of certificates, where one was asked for.
    pub fn logged(&self) -> Option<&LoggedCertificate> {
        self.logged.as_ref()
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines: Vec<(&'static str, String)> = self
            .identity
            .subjects
            .iter()
            .map(|subject| {
                let name = excerpt(subject.as_str(), MAX_NAME);
                ("subject", format!("{name} ({})", subject.kind()))
            })
            .collect();
        if let Some(issuer) = &self.identity.issuer {
            lines.push(("issuer", excerpt(issuer, MAX_NAME)));
        }
        let authority = excerpt(&self.authority, MAX_NAME);
        let serial = &self.serial;
        lines.push((
            "certificate",
            format!(
                "serial {serial}, {} to {}, by {authority}",
                self.not_before, self.not_after
            ),
        ));
        match &self.logged {
            Some(logged) => {
                let log = excerpt(&logged.base_url, MAX_NAME);
                lines.push(("sct", format!("{}, by {log}", logged.time)));
            }
            None => lines.push(("sct", "not asked for".to_owned())),
        }
        lines
    }
}

/// Who signed, in a few words.
impl fmt::Display for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects: Vec<String> = self
            .identity
            .subjects
            .iter()
            .map(|subject: &Subject| excerpt(subject.as_str(), MAX_NAME))
            .collect();
        write!(f, "{}", subjects.join(", "))?;
        if let Some(issuer) = &self.identity.issuer {
            write!(f, " by issuer {}", excerpt(issuer, MAX_NAME))?;
        }
        write!(f, " (certificate {})", self.serial)
    }
}

//! The certificates of an authority of the trust root, checked once: each of them can then be where a path ends.
//!
//! rustls-webpki believes an anchor without looking at it. So what an authority's own certificates say is asked here: who
//! signed whom, for what, how deep, and from when to when.

use jiff::Timestamp;

use super::extension::{EXTENDED_KEY_USAGE, Purpose, SUBJECT_KEY_IDENTIFIER};
use super::{Certificate, Unreadable, algorithm, name};
use crate::key::PublicKey;

/// The most certificates of an authority.
pub(crate) const MAX_CHAIN: usize = 8;

/// An authority's certificate at which a path may end.
#[derive(Clone, Debug)]
pub(crate) struct Anchor {
    /// Its name, as the content of a Name in DER.
    pub(crate) subject: Vec<u8>,
    /// Its key, as the content of a SubjectPublicKeyInfo in DER.
    pub(crate) spki: Vec<u8>,
    /// The same, to check signatures with.
    pub(crate) key: PublicKey,
    /// Its name for people.
    pub(crate) shown: String,
    /// The first second in which it and all certificates above it are valid.
    pub(crate) not_before: Timestamp,
    /// The last such second.
    pub(crate) not_after: Timestamp,
    /// How many authorities may be between it and the leaf.
    pub(crate) path_len: Option<u8>,
}

/// The certificate that a time authority signs with, checked as far as a time is not needed.
#[derive(Clone, Debug)]
pub(crate) struct TimeSigner {
    pub(crate) key: PublicKey,
    pub(crate) der: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) key_id: Option<Vec<u8>>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// An authority's certificates, checked.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// From the one nearest to the leaf to the root.
    pub(crate) anchors: Vec<Anchor>,
    /// What a time authority signs with, where its chain begins with that.
    pub(crate) signer: Option<TimeSigner>,
}

/// What was checked of the certificate above.
struct Above<'a> {
    certificate: Certificate<'a>,
    key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
    path_len: Option<u8>,
}

impl Chain {
    /// Whether the trust root says one certificate alone, and so not who is below it.
    pub(crate) fn is_lone(&self) -> bool {
        self.anchors.len() == 1 && self.signer.is_none()
    }

    /// Checks an authority's certificates, given from the leaf's side to the root.
    pub(crate) fn of(certificates: &[Vec<u8>], purpose: Purpose) -> Result<Self, String> {
        if certificates.is_empty() || certificates.len() > MAX_CHAIN {
            return Err(format!(
                "it has {} certificates, and 1 to {MAX_CHAIN} are read",
                certificates.len()
            ));
        }
        let mut chain = Self {
            anchors: Vec::new(),
            signer: None,
        };
        let mut above: Option<Above<'_>> = None;
        for (at, der) in certificates.iter().enumerate().rev() {
            let wrong = |what: String| format!("certificate {at} of its chain: {what}");
            let certificate = Certificate::read(der).map_err(|error| wrong(error.detail()))?;
            if let Some(above) = &above {
                issued(&certificate, above).map_err(|what| wrong(what.to_owned()))?;
            }
            let is_ca = certificate
                .basic_constraints()
                .map_err(|error| wrong(error.detail()))?
                .is_ca;
            if purpose == Purpose::TimeStamping
                && at == 0
                && !is_ca
                && let Some(above) = &above
            {
                chain.signer = Some(TimeSigner::of(&certificate, above.not_before, above.not_after).map_err(wrong)?);
                break;
            }
            let checked = authority(certificate, above.as_ref(), purpose).map_err(wrong)?;
            chain.anchors.insert(0, Anchor::of(&checked));
            above = Some(checked);
        }
        Ok(chain)
    }
}

/// Whether one certificate has issued the other.
fn issued(certificate: &Certificate<'_>, above: &Above<'_>) -> Result<(), &'static str> {
    if certificate.issuer != above.certificate.subject {
        return Err("the next one is not its issuer's");
    }
    let scheme = algorithm::scheme(&certificate.algorithm).ok_or("its signature algorithm is not supported")?;
    algorithm::verify(&above.key, scheme, certificate.tbs, certificate.signature)
        .map_err(|_| "its signature is not by the next one's key")
}

fn authority<'a>(
    certificate: Certificate<'a>,
    above: Option<&Above<'a>>,
    purpose: Purpose,
) -> Result<Above<'a>, String> {
    if let Some(flaw) = certificate.flaw_as_authority(purpose).map_err(|error| error.detail())? {
        return Err(flaw.to_owned());
    }
    let own = certificate
        .basic_constraints()
        .map_err(|error| error.detail())?
        .path_len;
    let left = match above.map(|above| above.path_len) {
        Some(Some(0)) => return Err("the next one allows no authority below it".to_owned()),
        Some(Some(path_len)) => Some(path_len - 1),
        Some(None) | None => None,
    };
    let key = PublicKey::from_spki_der(certificate.spki).map_err(|error| error.to_string())?;
    let (not_before, not_after) = (certificate.not_before, certificate.not_after);
    Ok(Above {
        key,
        not_before: above.map_or(not_before, |above| above.not_before.max(not_before)),
        not_after: above.map_or(not_after, |above| above.not_after.min(not_after)),
        path_len: match (own, left) {
            (Some(own), Some(left)) => Some(own.min(left)),
            (own, left) => own.or(left),
        },
        certificate,
    })
}

impl Anchor {
    fn of(checked: &Above<'_>) -> Self {
        let certificate = &checked.certificate;
        let content = |der| super::sequence(der).unwrap_or_default().to_vec();
        Self {
            subject: content(certificate.subject),
            spki: content(certificate.spki),
            key: checked.key.clone(),
            shown: name::shown(certificate.subject),
            not_before: checked.not_before,
            not_after: checked.not_after,
            path_len: checked.path_len,
        }
    }

    /// Whether it and all certificates above it are valid at a time.
    pub(crate) fn is_valid_at(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }
}

impl TimeSigner {
    /// Checks what RFC 3161, section 2.3, asks of a certificate that signs times; `not_before` and `not_after` are the
    /// ends of what is above it.
    pub(crate) fn of(
        certificate: &Certificate<'_>,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Self, String> {
        let unreadable = |error: Unreadable| error.detail();
        if certificate.basic_constraints().map_err(unreadable)?.is_ca {
            return Err("it is an authority's, and no authority's certificate signs times".to_owned());
        }
        let signs = certificate.key_usage().map_err(unreadable)?;
        if signs.is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation()) {
            return Err("its key is not for signing".to_owned());
        }
        let purposes = certificate.purposes().map_err(unreadable)?;
        let is_critical = certificate
            .extension(EXTENDED_KEY_USAGE)
            .is_some_and(|extension| extension.critical);
        if purposes.as_deref() != Some(&[Purpose::TimeStamping.oid()]) || !is_critical {
            return Err("its extended key usage is not time stamping alone, and critical (RFC 3161, 2.3)".to_owned());
        }
        if certificate.unknown_critical().is_some() {
            return Err("it has a critical extension that is not known".to_owned());
        }
        let key_id = certificate.extension(SUBJECT_KEY_IDENTIFIER);
        Ok(Self {
            key: PublicKey::from_spki_der(certificate.spki).map_err(|error| error.to_string())?,
            der: certificate.der.to_vec(),
            issuer: certificate.issuer.to_vec(),
            serial: certificate.serial.to_vec(),
            key_id: key_id.map(|extension| extension.value.to_vec()),
            not_before: not_before.max(certificate.not_before),
            not_after: not_after.min(certificate.not_after),
        })
    }

    /// Whether it and all certificates above it are valid at a time.
    pub(crate) fn is_valid_at(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }
}

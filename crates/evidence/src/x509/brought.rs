//! Which of the certificates that somebody brought an authority of the trust root has signed, directly or through one
//! another.
//!
//! rustls-webpki looks at signatures only where a path of names has reached an anchor, and tries every path until then: of
//! sixteen certificates of one name there are millions. Only what is signed may reach that search (CVE-2026-32280).

use super::anchor::Anchor;
use super::extension::Purpose;
use super::{Certificate, algorithm, sequence};
use crate::key::PublicKey;

/// The most signatures that are checked to find out. Each certificate is held against each issuer of the right name once,
/// so that more are needed only where a trust root has many authorities of one name.
pub(super) const MAX_CHECKS: usize = 64;

/// Certificates that hang below an anchor.
pub(super) struct Signed<'a> {
    /// They, in DER.
    pub(super) certificates: Vec<&'a [u8]>,
    /// How many signatures were checked.
    #[cfg_attr(not(test), expect(dead_code, reason = "what it costs is what the tests hold"))]
    pub(super) checks: usize,
}

/// Who may have signed a certificate.
struct Issuer<'a> {
    /// The content of its Name in DER.
    subject: &'a [u8],
    key: PublicKey,
}

/// Finds the certificates that one of the anchors has signed, or an authority that one of the anchors has signed.
pub(super) fn signed<'a>(
    others: &'a [Vec<u8>],
    anchors: impl Iterator<Item = &'a Anchor>,
    purpose: Purpose,
) -> Signed<'a> {
    let mut issuers: Vec<Issuer<'a>> = anchors
        .map(|anchor| Issuer {
            subject: &anchor.subject,
            key: anchor.key.clone(),
        })
        .collect();
    // What is no certificate hides none.
    let mut left: Vec<Certificate<'a>> = others.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    let (mut certificates, mut checks, mut next) = (Vec::new(), 0, 0);
    while let Some(issuer) = issuers.get(next) {
        next += 1;
        let (subject, key) = (issuer.subject, issuer.key.clone());
        for certificate in std::mem::take(&mut left) {
            let is_named = sequence(certificate.issuer).is_ok_and(|name| name == subject);
            if !is_named || checks == MAX_CHECKS {
                left.push(certificate);
                continue;
            }
            checks += 1;
            if !is_signed(&certificate, &key) {
                left.push(certificate);
                continue;
            }
            certificates.push(certificate.der);
            issuers.extend(below(&certificate, purpose));
        }
    }
    Signed { certificates, checks }
}

fn is_signed(certificate: &Certificate<'_>, key: &PublicKey) -> bool {
    algorithm::scheme(&certificate.algorithm)
        .is_some_and(|scheme| algorithm::verify(key, scheme, certificate.tbs, certificate.signature).is_ok())
}

/// A certificate as an issuer, if it is an authority's: anybody has a certificate that an authority has signed.
fn below<'a>(certificate: &Certificate<'a>, purpose: Purpose) -> Option<Issuer<'a>> {
    let is_authority = matches!(certificate.flaw_as_authority(purpose), Ok(None));
    Some(Issuer {
        subject: sequence(certificate.subject).ok().filter(|_| is_authority)?,
        key: PublicKey::from_spki_der(certificate.spki).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use countersign_mint::{Authority, Kind, oid};

    use super::super::anchor::Chain;
    use super::super::path::MAX_OTHERS;
    use super::*;

    fn now() -> jiff::Timestamp {
        "2026-03-04T05:06:07Z".parse().unwrap()
    }

    /// An authority that says to be of a name, with an issuer of a name, and is signed by nobody who counts.
    fn forged(subject: &str, issuer: &str) -> Vec<u8> {
        Authority::root(issuer, Kind::P256, now())
            .below(subject, Kind::P256, oid::CODE_SIGNING, now())
            .certificate
    }

    fn among(others: &[Vec<u8>], chains: &[Chain]) -> (usize, usize) {
        let anchors = chains.iter().flat_map(|chain| &chain.anchors);
        let signed = signed(others, anchors, Purpose::CodeSigning);
        (signed.certificates.len(), signed.checks)
    }

    fn chain(authority: &Authority) -> Chain {
        Chain::of(&authority.chain(), Purpose::CodeSigning).unwrap()
    }

    /// CVE-2026-32280: names that lead in circles, under keys that are all different.
    #[test]
    fn certificates_that_nobody_signed_cost_one_check_each_and_are_not_searched() {
        let root = Authority::root("S", Kind::P256, now());
        let circle: Vec<Vec<u8>> = (0..16).map(|_| forged("S", "S")).collect();
        assert_eq!(among(&circle, &[chain(&root)]), (0, 16));
        let pairs: Vec<Vec<u8>> = (0..8).flat_map(|_| [forged("S", "T"), forged("T", "S")]).collect();
        assert_eq!(among(&pairs, &[chain(&root)]), (0, 8));
        // However many authorities of one name a trust root has.
        let many: Vec<Chain> = (0..16)
            .map(|_| chain(&Authority::root("S", Kind::P256, now())))
            .collect();
        assert_eq!(among(&circle, &many), (0, MAX_CHECKS));
    }

    #[test]
    fn a_certificate_that_is_no_authoritys_signs_none() {
        let root = Authority::root("S", Kind::P256, now());
        let key = countersign_mint::Key::new(Kind::P256);
        let mut spec = root.below_spec("S", &key, oid::CODE_SIGNING, now());
        spec = spec.without(oid::BASIC_CONSTRAINTS);
        let person = root.certified(key, spec);
        let mut others = vec![person.certificate.clone()];
        others.extend((0..7).map(|_| person.below("S", Kind::P256, oid::CODE_SIGNING, now()).certificate));
        assert_eq!(among(&others, &[chain(&root)]), (1, 8));
    }

    #[test]
    fn what_an_authority_signed_is_found_in_any_order_at_any_depth() {
        let root = Authority::root("root", Kind::P256, now());
        let mut lowest = Authority::root("root", Kind::P256, now());
        lowest.certificate = root.certificate.clone();
        lowest.key = root.key;
        let mut others = Vec::new();
        for depth in 0..MAX_OTHERS {
            lowest = lowest.below(&format!("{depth}"), Kind::P256, oid::CODE_SIGNING, now());
            others.insert(0, lowest.certificate.clone());
        }
        let anchors = [Chain::of(&[root.certificate], Purpose::CodeSigning).unwrap()];
        assert_eq!(among(&others, &anchors), (MAX_OTHERS, MAX_OTHERS));
        others.remove(MAX_OTHERS - 1);
        assert_eq!(among(&others, &anchors), (0, 0), "nothing hangs below the root");
    }
}

//! The path from a certificate to an authority of the trust root, at every time that was proved.
//!
//! rustls-webpki finds the path and checks names, signatures, purposes, depth and critical extensions of what was brought.
//! It sees only what an authority of the trust root has signed, as its search is long otherwise (see [`super::brought`]).
//! What it leaves out is asked here: the windows and validity of the authority's own certificates, the key usage of each
//! authority on the way, and that all holds at *each* time and to the fraction of a second.

use std::cell::RefCell;
use std::time::Duration;

use countersign_image::Digest;
use countersign_image::text::excerpt;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, Der, TrustAnchor, UnixTime};
use thiserror::Error;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::anchor::Anchor;
use super::extension::Purpose;
use super::{Certificate, brought, name};
use crate::trust::{Authority, AuthorityName, Window};

/// The most certificates that may be brought for a path. Sigstore's paths have at most three below the root.
pub const MAX_OTHERS: usize = 8;

/// The most characters of what the library says.
const MAX_DETAIL: usize = 200;

/// Where a path ends.
pub(crate) struct Path<'a> {
    pub(crate) authority: &'a Authority,
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub(crate) issuer_key_hash: Digest,
}

/// Why no path leads from a certificate to an authority of the trust root.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// More certificates were brought than are looked at.
    #[error("{found} certificates were brought beside it, and {limit} are the most")]
    TooMany {
        /// The most.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// No authority of the trust root has the issuer's name.
    #[error("no authority of the trust root is its issuer, `{issuer}`")]
    UnknownIssuer {
        /// The issuer's name.
        issuer: String,
    },
    /// The authority was not believed at a proved time.
    #[error("the trust root believes `{authority}` from {window}, and the certificate was used at {time}")]
    Window {
        /// The authority.
        authority: AuthorityName,
        /// When it is believed.
        window: Window,
        /// The proved time.
        time: Timestamp,
    },
    /// A certificate of an authority was not valid at a proved time.
    #[error("`{issuer}` is valid from {not_before} to {not_after}, and the certificate was used at {time}")]
    IssuerValidity {
        /// Its name.
        issuer: String,
        /// The first second of its validity and of what is above it.
        not_before: Timestamp,
        /// The last such second.
        not_after: Timestamp,
        /// The proved time.
        time: Timestamp,
    },
    /// A certificate on the way is not an authority's for this purpose.
    #[error("`{issuer}` cannot have issued it: {what}")]
    NotAnAuthority {
        /// Its name.
        issuer: String,
        /// Why not.
        what: String,
    },
    /// The path does not hold.
    #[error("no path to an authority of the trust root holds: {detail}")]
    Refused {
        /// What is wrong, in the words of the library that checks it.
        detail: String,
    },
}

/// Finds a path that holds at all times.
pub(crate) fn find<'a>(
    leaf: &Certificate<'_>,
    others: &[Vec<u8>],
    times: &[Timestamp],
    authorities: impl Iterator<Item = &'a Authority> + Clone,
    purpose: Purpose,
) -> Result<Path<'a>, PathError> {
    if others.len() > MAX_OTHERS {
        return Err(PathError::TooMany {
            limit: MAX_OTHERS,
            found: others.len(),
        });
    }
    // An anchor that does not hold at these times is not offered: of several with one name, only the right one is tried.
    let mut offered: Vec<(&Authority, &Anchor)> = Vec::new();
    let mut excuse = None;
    for authority in authorities {
        for anchor in &authority.chain.anchors {
            match excluded(authority, anchor, times) {
                None => offered.push((authority, anchor)),
                Some(why) if super::sequence(leaf.issuer).is_ok_and(|issuer| issuer == anchor.subject) => {
                    excuse = Some(why);
                }
                Some(_) => {}
            }
        }
    }
    // An authority whose intermediates are in the trust root has no others: who takes one out of it revokes it.
    let lone = offered.iter().filter(|(authority, _)| authority.chain.is_lone());
    let anchors = lone.map(|(_, anchor)| *anchor);
    let signed = brought::signed(others, anchors, purpose).certificates;
    search(leaf, &signed, times, &offered, purpose).map_err(|error| match (error, excuse) {
        (PathError::UnknownIssuer { .. }, Some(excuse)) => excuse,
        (error, _) => error,
    })
}

/// Why an anchor does not hold at one of the times.
fn excluded(authority: &Authority, anchor: &Anchor, times: &[Timestamp]) -> Option<PathError> {
    times.iter().find_map(|time| {
        if !authority.window.contains(*time) {
            return Some(PathError::Window {
                authority: authority.name.clone(),
                window: authority.window,
                time: *time,
            });
        }
        (!anchor.is_valid_at(*time)).then(|| PathError::IssuerValidity {
            issuer: anchor.shown.clone(),
            not_before: anchor.not_before,
            not_after: anchor.not_after,
            time: *time,
        })
    })
}

fn search<'a>(
    leaf: &Certificate<'_>,
    others: &[&[u8]],
    times: &[Timestamp],
    offered: &[(&'a Authority, &'a Anchor)],
    purpose: Purpose,
) -> Result<Path<'a>, PathError> {
    // The library shows all that it was given.
    let refused = |error: &webpki::Error| PathError::Refused {
        detail: excerpt(&error.to_string(), MAX_DETAIL),
    };
    let anchors: Vec<TrustAnchor<'_>> = offered.iter().map(|(_, anchor)| webpki_anchor(anchor)).collect();
    let intermediates: Vec<CertificateDer<'_>> = others.iter().map(|der| CertificateDer::from(*der)).collect();
    let der = CertificateDer::from(leaf.der);
    let end = EndEntityCert::try_from(&der).map_err(|error| refused(&error))?;
    let seconds = times
        .first()
        .and_then(|time| u64::try_from(time.as_second()).ok())
        .unwrap_or_default();
    let why = RefCell::new(None);
    let index_of = |path: &VerifiedPath<'_>| anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
    let check = |path: &VerifiedPath<'_>| {
        let holds = index_of(path).map(|at| path_holds(path, offered[at], times, purpose));
        match holds {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                *why.borrow_mut() = Some(error);
                Err(webpki::Error::UnknownIssuer)
            }
            None => Err(webpki::Error::UnknownIssuer),
        }
    };
    let found = end.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &intermediates,
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        // That a leaf says its purpose at all is asked of the leaf; an authority need not.
        KeyUsage::required_if_present(purpose.encoded()),
        None,
        Some(&check),
    );
    let path = found.map_err(|error| match (why.take(), &error) {
        (Some(why), _) => why,
        (None, webpki::Error::UnknownIssuer) => PathError::UnknownIssuer {
            issuer: name::shown(leaf.issuer),
        },
        (None, error) => refused(error),
    })?;
    let (authority, _) = index_of(&path)
        .map(|at| offered[at])
        .ok_or_else(|| refused(&webpki::Error::UnknownIssuer))?;
    Ok(Path {
        authority,
        issuer_key_hash: Digest::sha256(&path.issuer_spki()),
    })
}

fn webpki_anchor(anchor: &Anchor) -> TrustAnchor<'_> {
    TrustAnchor {
        subject: Der::from_slice(&anchor.subject),
        subject_public_key_info: Der::from_slice(&anchor.spki),
        // Authorities with name constraints are not taken into a trust root.
        name_constraints: None,
    }
}

/// What is asked of each authority between the leaf and the anchor, beyond what the library has asked.
fn path_holds(
    path: &VerifiedPath<'_>,
    (authority, anchor): (&Authority, &Anchor),
    times: &[Timestamp],
    purpose: Purpose,
) -> Result<(), PathError> {
    let mut between = 0_usize;
    for intermediate in path.intermediate_certificates() {
        between += 1;
        let der = intermediate.der();
        let unreadable = |detail: String| PathError::Refused { detail };
        let certificate = Certificate::read(&der).map_err(|error| unreadable(error.detail()))?;
        let issuer = name::shown(certificate.subject);
        if let Some(what) = certificate
            .flaw_as_authority(purpose)
            .map_err(|error| unreadable(error.detail()))?
        {
            let what = what.to_owned();
            return Err(PathError::NotAnAuthority { issuer, what });
        }
        if let Some(time) = times.iter().find(|time| !certificate.is_valid_at(**time)) {
            return Err(PathError::IssuerValidity {
                issuer,
                not_before: certificate.not_before,
                not_after: certificate.not_after,
                time: *time,
            });
        }
    }
    if between > 0 && !authority.chain.is_lone() {
        return Err(PathError::NotAnAuthority {
            issuer: anchor.shown.clone(),
            what: "the trust root says which authorities are below it, and this is none of them".to_owned(),
        });
    }
    if anchor.path_len.is_some_and(|path_len| between > usize::from(path_len)) {
        return Err(PathError::NotAnAuthority {
            issuer: anchor.shown.clone(),
            what: format!("{between} authorities are below it"),
        });
    }
    Ok(())
}

//! Predicate types: their URIs, and the short names that people use for them.

/// The predicate type of cosign 3's image signature. A statement of this type signs its subject; a statement of any other
/// type says something about it.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// The short names that cosign and policy-controller know, and what each stands for.
pub const SHORT_NAMES: [(&str, &str); 10] = [
    ("custom", "https://cosign.sigstore.dev/attestation/v1"),
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("spdx", "https://spdx.dev/Document"),
    ("spdxjson", "https://spdx.dev/Document"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("link", "https://in-toto.io/Link/v1"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    ("openvex", "https://openvex.dev/ns"),
];

/// The URI that a short name stands for; anything else is taken for a URI, as it is.
pub fn uri_of(short: &str) -> &str {
    SHORT_NAMES
        .iter()
        .find(|(name, _)| *name == short)
        .map_or(short, |(_, uri)| uri)
}

/// A type that is read into something of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Provenance02,
    Provenance1,
    Summary,
    SimpleResult,
    CosignVulnerabilities,
    Vulnerabilities,
    Vex,
    Spdx,
    CycloneDx,
    Tests,
}

impl Kind {
    pub(super) fn of(predicate_type: &str) -> Option<Self> {
        Some(match predicate_type {
            "https://slsa.dev/provenance/v0.2" => Self::Provenance02,
            "https://slsa.dev/provenance/v1" => Self::Provenance1,
            "https://slsa.dev/verification_summary/v1" => Self::Summary,
            "https://in-toto.io/attestation/svr/v0.1" | "https://in-toto.io/attestation/svr/v0.2" => Self::SimpleResult,
            // Without a scheme it stands in policies and attestations of the wild.
            "https://cosign.sigstore.dev/attestation/vuln/v1" | "cosign.sigstore.dev/attestation/vuln/v1" => {
                Self::CosignVulnerabilities
            }
            "https://in-toto.io/attestation/vulns/v0.1" | "https://in-toto.io/attestation/vulns/v0.2" => {
                Self::Vulnerabilities
            }
            "https://in-toto.io/attestation/test-result/v0.1" => Self::Tests,
            _ => return Self::of_family(predicate_type),
        })
    }

    /// Types that carry the version of what they hold at their end, or none: cosign writes them without.
    fn of_family(predicate_type: &str) -> Option<Self> {
        let families = [
            ("https://openvex.dev/ns", Self::Vex),
            ("https://spdx.dev/Document", Self::Spdx),
            ("https://cyclonedx.org/bom", Self::CycloneDx),
        ];
        families.into_iter().find_map(|(family, kind)| {
            let version = predicate_type.strip_prefix(family)?;
            (version.is_empty() || version.starts_with("/v")).then_some(kind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_its_uri_and_a_uri_is_itself() {
        assert_eq!(uri_of("vuln"), "https://cosign.sigstore.dev/attestation/vuln/v1");
        for uri in [
            COSIGN_SIGN,
            "https://example.com/x",
            "Vuln",
            "cosign.sigstore.dev/attestation/vuln/v1",
            "",
        ] {
            assert_eq!(uri_of(uri), uri);
        }
    }

    #[test]
    fn a_type_is_known_by_its_whole_name() {
        for (predicate_type, expected) in [
            ("https://spdx.dev/Document", Some(Kind::Spdx)),
            ("https://spdx.dev/Document/v2.3", Some(Kind::Spdx)),
            ("https://cyclonedx.org/bom/v1.6", Some(Kind::CycloneDx)),
            ("https://openvex.dev/ns/v0.2.0", Some(Kind::Vex)),
            ("https://spdx.dev/Documents", None),
            ("https://spdx.dev/Document/", None),
            ("https://slsa.dev/provenance/v1.1", None),
            ("https://slsa.dev/provenance/v1 ", None),
            ("HTTPS://slsa.dev/provenance/v1", None),
            (COSIGN_SIGN, None),
            ("", None),
        ] {
            assert_eq!(Kind::of(predicate_type), expected, "{predicate_type}");
        }
    }
}

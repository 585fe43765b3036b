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
}

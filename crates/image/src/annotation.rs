//! The annotation keys under which cosign and Sigstore put things beside an image.

/// The signature over a simple-signing payload, base64, on the layer that holds the payload.
pub const COSIGN_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The signer's certificate, PEM.
pub const COSIGN_CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// The intermediates and root of the signer's certificate, PEM.
pub const COSIGN_CHAIN: &str = "dev.sigstore.cosign/chain";
/// The log entry of a signature, as cosign's own JSON.
pub const COSIGN_BUNDLE: &str = "dev.sigstore.cosign/bundle";
/// The RFC 3161 timestamp of a signature, as cosign's own JSON.
pub const COSIGN_RFC3161: &str = "dev.sigstore.cosign/rfc3161timestamp";
/// The predicate type of an attestation in cosign's `.att` layout, unsigned.
pub const COSIGN_PREDICATE_TYPE: &str = "predicateType";
/// What a Sigstore bundle holds: `dsse-envelope` or `message-signature`, unsigned.
pub const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
/// The predicate type of the statement in a Sigstore bundle, unsigned.
pub const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
/// When an artifact was made, RFC 3339 (OCI), unsigned.
pub const OCI_CREATED: &str = "org.opencontainers.image.created";

//! Every kind of key with every scheme; every text that is no key.

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as aws, RsaPssSaltLength, RsaSignatureEncoding};
use proptest::prelude::*;

use super::*;
use crate::testing::{self, TestKey};

const MESSAGE: &[u8] = b"what was signed";

static PSS_LONG: RsaSignatureEncoding = aws::RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);
static PSS_ODD: RsaSignatureEncoding = aws::RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(20));

/// The scheme of the key's signature, and whether the natural rule accepts it.
fn keys() -> Vec<(TestKey, KeyKind, Scheme, bool)> {
    use Hash::{Sha224, Sha256, Sha384, Sha512};
    use KeyKind::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519};
    let (ecdsa, rsa) = (testing::ecdsa, |encoding| testing::rsa(KeySize::Rsa2048, encoding));
    let rsa_2048 = KeyKind::Rsa { bits: 2048 };
    vec![
        (
            ecdsa(&aws::ECDSA_P256_SHA256_ASN1_SIGNING),
            EcdsaP256,
            Scheme::Ecdsa(Sha256),
            true,
        ),
        (
            ecdsa(&aws::ECDSA_P384_SHA384_ASN1_SIGNING),
            EcdsaP384,
            Scheme::Ecdsa(Sha384),
            true,
        ),
        (
            ecdsa(&aws::ECDSA_P521_SHA512_ASN1_SIGNING),
            EcdsaP521,
            Scheme::Ecdsa(Sha512),
            true,
        ),
        (
            ecdsa(&aws::ECDSA_P521_SHA384_ASN1_SIGNING),
            EcdsaP521,
            Scheme::Ecdsa(Sha384),
            false,
        ),
        (
            ecdsa(&aws::ECDSA_P521_SHA256_ASN1_SIGNING),
            EcdsaP521,
            Scheme::Ecdsa(Sha256),
            true,
        ),
        (
            ecdsa(&aws::ECDSA_P521_SHA224_ASN1_SIGNING),
            EcdsaP521,
            Scheme::Ecdsa(Sha224),
            false,
        ),
        (testing::ed25519(), Ed25519, Scheme::Ed25519, true),
        (testing::ed25519ph(), Ed25519, Scheme::Ed25519ph, true),
        (rsa(&aws::RSA_PKCS1_SHA256), rsa_2048, Scheme::RsaPkcs1(Sha256), true),
        (rsa(&aws::RSA_PKCS1_SHA384), rsa_2048, Scheme::RsaPkcs1(Sha384), false),
        (rsa(&aws::RSA_PKCS1_SHA512), rsa_2048, Scheme::RsaPkcs1(Sha512), false),
        (rsa(&aws::RSA_PSS_SHA256), rsa_2048, Scheme::RsaPss(Sha256), true),
        (rsa(&aws::RSA_PSS_SHA384), rsa_2048, Scheme::RsaPss(Sha384), false),
        (rsa(&aws::RSA_PSS_SHA512), rsa_2048, Scheme::RsaPss(Sha512), false),
        (rsa(&PSS_LONG), rsa_2048, Scheme::RsaPss(Sha256), true),
    ]
}

#[test]
fn a_signature_counts_under_the_hash_that_the_rule_names_and_no_other() {
    for (key, kind, scheme, natural) in keys() {
        let signature = key.sign(MESSAGE);
        assert_eq!(key.public.kind(), kind);
        let not_by_this_key = SignatureError::NotByThisKey { kind };
        let expected = if natural {
            Ok(scheme)
        } else {
            Err(not_by_this_key.clone())
        };
        assert_eq!(
            key.public.verify(HashRule::Natural, MESSAGE, &signature),
            expected,
            "{kind} {scheme}"
        );
        for hash in Hash::ALL {
            let expected = match kind {
                KeyKind::Ed25519 => Ok(scheme),
                _ if scheme.hash() == hash => Ok(scheme),
                KeyKind::EcdsaP521 => Err(not_by_this_key.clone()),
                _ if hash == Hash::Sha224 => Err(SignatureError::Unsupported { kind, hash }),
                _ => Err(not_by_this_key.clone()),
            };
            let found = key.public.verify(HashRule::Exactly(hash), MESSAGE, &signature);
            assert_eq!(found, expected, "{kind} {scheme}, exactly {hash}");
        }
        assert_eq!(
            key.public.verify(HashRule::Exactly(scheme.hash()), b"else", &signature),
            Err(not_by_this_key)
        );
    }
}

#[test]
fn a_signature_counts_over_a_digest_of_its_own_hash_and_no_other() {
    for (key, kind, scheme, natural) in keys() {
        let signature = key.sign(MESSAGE);
        let digest_of = |hash: Hash, message: &[u8]| aws_lc_rs::digest::digest(hash.function(), message);
        for hash in Hash::ALL {
            let verify = |rule, message: &[u8], signature: &[u8]| {
                key.public
                    .verify_digest(rule, hash, digest_of(hash, message).as_ref(), signature)
            };
            let own = hash == scheme.hash() && kind != KeyKind::Ed25519;
            let exactly = verify(HashRule::Exactly(hash), MESSAGE, &signature);
            assert_eq!(exactly.is_ok(), own, "{kind} {scheme}, {hash}: {exactly:?}");
            assert_eq!(verify(HashRule::Natural, MESSAGE, &signature).is_ok(), own && natural);
            if own {
                let refused = Err(SignatureError::NotByThisKey { kind });
                assert_eq!(exactly, Ok(scheme));
                assert_eq!(verify(HashRule::Exactly(hash), b"else", &signature), refused);
                let mut flipped = signature.clone();
                *flipped.last_mut().unwrap() ^= 1;
                assert_eq!(verify(HashRule::Exactly(hash), MESSAGE, &flipped), refused);
            }
            if kind == KeyKind::Ed25519 {
                assert_eq!(exactly, Err(SignatureError::NeedsMessage { kind }));
            }
            let short = key
                .public
                .verify_digest(HashRule::Exactly(hash), hash, &[0; 7], &signature);
            assert!(short.is_err(), "a digest of another length");
        }
    }
}

#[test]
fn what_is_no_signature_is_refused() {
    for (key, kind, scheme, _) in keys() {
        let rule = HashRule::Exactly(scheme.hash());
        let signature = key.sign(MESSAGE);
        let longer = [signature.as_slice(), b"\0"].concat();
        let mut flipped = signature.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for wrong in [&[][..], &[0; 64], &signature[..signature.len() - 1], &longer, &flipped] {
            let expected = Err(SignatureError::NotByThisKey { kind });
            assert_eq!(key.public.verify(rule, MESSAGE, wrong), expected, "{kind} {scheme}");
        }
        let endless = vec![0; MAX_SIGNATURE_BYTES + 1];
        let expected = Err(SignatureError::TooLong {
            limit: MAX_SIGNATURE_BYTES,
            found: endless.len(),
        });
        assert_eq!(key.public.verify(rule, MESSAGE, &endless), expected);
    }
}

#[test]
fn a_signature_by_one_key_is_none_by_another() {
    let keys = keys();
    for (signer, ..) in &keys {
        let signature = signer.sign(MESSAGE);
        for (other, _, scheme, _) in keys.iter().filter(|(other, ..)| other.public != signer.public) {
            assert!(
                other
                    .public
                    .verify(HashRule::Exactly(scheme.hash()), MESSAGE, &signature)
                    .is_err()
            );
            assert!(other.public.verify(HashRule::Natural, MESSAGE, &signature).is_err());
        }
    }
}

#[test]
fn an_rsa_signature_with_a_salt_of_another_length_does_not_count() {
    let key = testing::rsa(KeySize::Rsa2048, &PSS_ODD);
    assert!(
        key.public
            .verify(HashRule::Natural, MESSAGE, &key.sign(MESSAGE))
            .is_err()
    );
}

#[test]
fn a_key_reads_back_from_what_is_written_and_keeps_its_fingerprint() {
    for (key, ..) in keys() {
        let pem = key.public.to_pem();
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n") && pem.ends_with("-----END PUBLIC KEY-----\n"));
        assert!(pem.lines().all(|line| line.len() <= 64));
        let read = PublicKey::from_pem(&pem).unwrap();
        assert_eq!(read, key.public);
        assert_eq!(read.fingerprint(), Digest::sha256(key.public.spki_der()));
    }
}

/// A key that was made for this test, with OpenSSL.
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDxgRz3pN/nYHjyca00z0uhR7CbEg
PsNe3LVQnSkLniMw0xm1dlfH4ca3oFgNiF4UH3zuup4UklP30epPRkx0Mg==
-----END PUBLIC KEY-----
";

#[test]
fn the_hint_is_the_fingerprint_in_base64() {
    let key = PublicKey::from_pem(P256).unwrap();
    assert_eq!(key.hint(), "a9lF1iuvuyzX7mBm+e47ngtiTsx8sWKqVVZSCYV/uLE=");
    assert_eq!(key.to_pem(), P256);
}

#[test]
fn pem_is_read_as_people_paste_it() {
    let key = PublicKey::from_pem(P256).unwrap();
    let one_line = P256.replace("bEg\nPsN", "bEgPsN");
    let second = testing::p256().public.to_pem();
    for text in [
        P256.trim().to_owned(),
        P256.replace('\n', "\r\n"),
        P256.replace('\n', "  \n  "),
        one_line,
        format!("# our key\n{P256}"),
        format!("{P256}{second}"),
        format!("{P256}-----BEGIN GARBAGE"),
    ] {
        assert_eq!(PublicKey::from_pem(&text), Ok(key.clone()), "{text}");
    }
    let first = PublicKey::from_pem(&format!("{second}{P256}")).unwrap();
    assert_ne!(first, key, "only the first block counts");
}

#[test]
fn a_pkcs1_key_is_the_same_key() {
    let key = testing::rsa(KeySize::Rsa2048, &aws::RSA_PKCS1_SHA256).public;
    let spki = spki_parts(key.spki_der());
    let block = encoding::encode(&spki);
    let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{block}\n-----END RSA PUBLIC KEY-----\n");
    assert_eq!(PublicKey::from_pem(&pem), Ok(key));
}

fn spki_parts(der: &[u8]) -> Vec<u8> {
    use der::Decode as _;
    ::spki::SubjectPublicKeyInfoRef::from_der(der)
        .unwrap()
        .subject_public_key
        .raw_bytes()
        .to_vec()
}

#[test]
fn what_is_no_public_key_is_refused_by_name() {
    let body = P256.lines().nth(1).unwrap();
    let block = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let label = |label: &str| label.to_owned();
    for (text, expected) in [
        (String::new(), KeyError::NoPem),
        (body.to_owned(), KeyError::NoPem),
        ("-----BEGIN PUBLIC KEY".to_owned(), KeyError::NoPem),
        (
            format!("-----BEGIN PUBLIC KEY-----\n{body}"),
            KeyError::Unfinished {
                label: label("PUBLIC KEY"),
            },
        ),
        (
            P256.replace("END PUBLIC", "END PRIVATE"),
            KeyError::Unfinished {
                label: label("PUBLIC KEY"),
            },
        ),
        (
            block("PRIVATE KEY", body),
            KeyError::Private {
                label: label("PRIVATE KEY"),
            },
        ),
        (
            block("ENCRYPTED SIGSTORE PRIVATE KEY", body),
            KeyError::Private {
                label: label("ENCRYPTED SIGSTORE PRIVATE KEY"),
            },
        ),
        (
            format!("{}{P256}", block("EC PRIVATE KEY", "")),
            KeyError::Private {
                label: label("EC PRIVATE KEY"),
            },
        ),
        (block("CERTIFICATE", body), KeyError::Certificate),
        (
            block("PGP PUBLIC KEY BLOCK", body),
            KeyError::UnknownLabel {
                label: label("PGP PUBLIC KEY BLOCK"),
            },
        ),
        (
            " ".repeat(MAX_PEM_BYTES + 1),
            KeyError::TooLong {
                limit: MAX_PEM_BYTES,
                found: MAX_PEM_BYTES + 1,
            },
        ),
    ] {
        assert_eq!(PublicKey::from_pem(&text), Err(expected), "{text}");
    }
    assert!(matches!(
        PublicKey::from_pem(&block("PUBLIC KEY", "?")),
        Err(KeyError::Base64 { .. })
    ));
    assert!(matches!(
        PublicKey::from_pem(&block("PUBLIC KEY", body)),
        Err(KeyError::Malformed { .. })
    ));
}

/// A SubjectPublicKeyInfo from hex: algorithm, and the key's bits.
fn spki_of(algorithm: &str, key: &[u8]) -> Result<PublicKey, KeyError> {
    use der::asn1::{AnyRef, BitStringRef};
    use der::{Decode as _, Encode as _};
    let algorithm = hex::decode(algorithm).unwrap();
    let algorithm = ::spki::AlgorithmIdentifier::<AnyRef<'_>>::from_der(&algorithm).unwrap();
    let subject_public_key = BitStringRef::from_bytes(key).unwrap();
    let der = ::spki::SubjectPublicKeyInfo {
        algorithm,
        subject_public_key,
    }
    .to_der()
    .unwrap();
    PublicKey::from_spki_der(&der)
}

#[test]
fn keys_that_are_none_or_not_ours_are_refused_by_name() {
    let p256 = "301306072a8648ce3d020106082a8648ce3d030107";
    let p256k1 = "301006072a8648ce3d020106052b8104000a";
    let ed25519 = "300506032b6570";
    let x25519 = "300506032b656e";
    let no_key = |kind| KeyError::NoKey { kind };
    let point = PublicKey::from_pem(P256).unwrap().spki_der()[26..].to_vec();
    assert!(spki_of(p256, &point).is_ok());
    let mut off_curve = point.clone();
    off_curve[64] ^= 1;
    let compressed = [&[3], &point[1..33]].concat();
    let mut identity = [0; 32];
    identity[0] = 1;
    for (found, expected) in [
        (spki_of(p256, &off_curve), no_key(KeyKind::EcdsaP256)),
        (spki_of(p256, &compressed), no_key(KeyKind::EcdsaP256)),
        (spki_of(p256, &[0]), no_key(KeyKind::EcdsaP256)),
        (
            spki_of(p256k1, &point),
            KeyError::UnknownCurve {
                oid: "1.3.132.0.10".into(),
            },
        ),
        (spki_of("300906072a8648ce3d0201", &point), KeyError::Parameters),
        (spki_of("300706032b65700500", &identity), KeyError::Parameters),
        (spki_of(ed25519, &identity), no_key(KeyKind::Ed25519)),
        (spki_of(ed25519, &[0; 32]), no_key(KeyKind::Ed25519)),
        (spki_of(ed25519, &[7; 31]), no_key(KeyKind::Ed25519)),
        (
            spki_of(x25519, &[9; 32]),
            KeyError::UnknownAlgorithm {
                oid: "1.3.101.110".into(),
            },
        ),
    ] {
        assert_eq!(found, Err(expected));
    }
    let malformed = |der: &[u8]| matches!(PublicKey::from_spki_der(der), Err(KeyError::Malformed { .. }));
    let der = PublicKey::from_pem(P256).unwrap().spki_der().to_vec();
    assert!(malformed(b"") && malformed(&der[1..]) && malformed(&[der.as_slice(), b"\0"].concat()));
}

#[test]
fn rsa_keys_have_from_2048_to_8192_bits() {
    use der::Encode as _;
    use der::asn1::UintRef;
    let rsa = "300d06092a864886f70d0101010500";
    let key = |bytes: usize, last: u8| {
        let mut modulus = vec![0xc5; bytes];
        modulus[bytes - 1] = last;
        let exponent = UintRef::new(&[1, 0, 1]).unwrap();
        let key = pkcs1::RsaPublicKey {
            modulus: UintRef::new(&modulus).unwrap(),
            public_exponent: exponent,
        };
        key.to_der().unwrap()
    };
    let size = |found| KeyError::RsaSize {
        least: 2048,
        most: 8192,
        found,
    };
    assert_eq!(spki_of(rsa, &key(128, 1)), Err(size(1024)));
    assert_eq!(spki_of(rsa, &key(255, 1)), Err(size(2040)));
    assert_eq!(spki_of(rsa, &key(1025, 1)), Err(size(8200)));
    assert_eq!(
        spki_of(rsa, &key(256, 1)).map(|key| key.kind()),
        Ok(KeyKind::Rsa { bits: 2048 })
    );
    assert_eq!(
        spki_of(rsa, &key(1024, 1)).map(|key| key.kind()),
        Ok(KeyKind::Rsa { bits: 8192 })
    );
    assert!(spki_of(rsa, &key(256, 2)).is_err(), "an even modulus");
    assert!(matches!(
        spki_of("300b06092a864886f70d010101", &key(256, 1)),
        Err(KeyError::Parameters)
    ));
}

#[test]
fn hashes_are_named_as_policy_controller_names_them() {
    for (text, hash) in [
        ("sha256", Hash::Sha256),
        (" SHA512\n", Hash::Sha512),
        ("Sha224", Hash::Sha224),
    ] {
        assert_eq!(text.parse(), Ok(hash));
    }
    assert_eq!(
        "sha-256".parse::<Hash>(),
        Err(UnknownHash {
            found: "sha-256".into()
        })
    );
    assert_eq!("".parse::<Hash>(), Err(UnknownHash { found: String::new() }));
}

proptest! {
    #[test]
    fn any_text_is_a_key_or_refused(text in "\\PC{0,80}", cut in 0..P256.len(), byte: u8) {
        let _ = PublicKey::from_pem(&text);
        let mut mutated = P256.as_bytes().to_vec();
        mutated[cut] = byte & 0x7f;
        let _ = PublicKey::from_pem(std::str::from_utf8(&mutated).unwrap());
    }

    #[test]
    fn any_der_is_a_key_or_refused(at in 0_usize..91, byte: u8) {
        let mut der = PublicKey::from_pem(P256).unwrap().spki_der().to_vec();
        der[at] = byte;
        let _ = PublicKey::from_spki_der(&der);
    }
}

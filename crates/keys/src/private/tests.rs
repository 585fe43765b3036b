//! What is generated comes back from every form it can be written in, and what is altered does not.

use std::sync::LazyLock;

use aws_lc_rs::encoding::EcPrivateKeyRfc5915Der;
use proptest::prelude::*;

use super::*;

const KINDS: [KeyKind; 5] = [
    KeyKind::EcdsaP256,
    KeyKind::EcdsaP384,
    KeyKind::EcdsaP521,
    KeyKind::Ed25519,
    KeyKind::Rsa { bits: 2048 },
];

fn tiger() -> Password {
    Password::new("tiger")
}

fn plain(file: &str) -> Result<PrivateKey, PrivateKeyError> {
    PrivateKey::parse(file.as_bytes(), None)
}

fn refusal(file: &str) -> PrivateKeyError {
    plain(file).expect_err("this key is refused")
}

/// The algorithm-specific structure (SEC1, PKCS#1) inside a key's PKCS#8.
fn inner(key: &PrivateKey) -> Vec<u8> {
    match &key.secret {
        Secret::Ecdsa(pair) => {
            let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
            der.as_ref().to_vec()
        }
        Secret::Ed25519(_) | Secret::Rsa(_) => PrivateKeyInfo::try_from(key.to_pkcs8().as_slice())
            .unwrap()
            .private_key
            .to_vec(),
    }
}

fn pkcs8(oid: ObjectIdentifier, curve: Option<ObjectIdentifier>, key: &[u8]) -> String {
    let curve = curve.map(|oid| oid.to_der().unwrap());
    let parameters = curve.as_ref().map(|der| der::asn1::AnyRef::from_der(der).unwrap());
    let info = PrivateKeyInfo::new(AlgorithmIdentifierRef { oid, parameters }, key);
    pem::encode("PRIVATE KEY", &info.to_der().unwrap())
}

#[test]
fn every_kind_comes_back_from_pkcs8() {
    for kind in KINDS {
        let key = PrivateKey::generate(kind).unwrap();
        assert_eq!(key.public().kind(), kind);
        assert_eq!(plain(&key.to_pkcs8_pem()).unwrap().public(), key.public(), "{kind:?}");
    }
}

#[test]
fn every_kind_comes_back_from_cosigns_form() {
    for kind in KINDS {
        let key = PrivateKey::generate(kind).unwrap();
        let file = key.to_cosign_pem(&tiger());
        let opened = PrivateKey::parse(file.as_bytes(), Some(&tiger())).unwrap();
        assert_eq!(opened.public(), key.public(), "{kind:?}");
    }
}

#[test]
fn cosigns_form_opens_under_either_label_with_its_password_alone() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let file = key.to_cosign_pem(&tiger());
    assert!(
        file.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"),
        "{file}"
    );
    let older = PrivateKey::parse(file.replace("SIGSTORE", "COSIGN").as_bytes(), Some(&tiger())).unwrap();
    assert_eq!(older.public(), key.public());
    let wrong = PrivateKey::parse(file.as_bytes(), Some(&Password::new("lion"))).unwrap_err();
    assert!(
        matches!(wrong, PrivateKeyError::Sealed(SealedKeyError::WrongPassword)),
        "{wrong}"
    );
    let none = refusal(&file);
    assert!(matches!(none, PrivateKeyError::PasswordNeeded), "{none}");
}

#[test]
fn the_empty_password_is_a_password() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let file = key.to_cosign_pem(&Password::new(""));
    assert!(PrivateKey::parse(file.as_bytes(), Some(&Password::new(""))).is_ok());
    assert!(matches!(refusal(&file), PrivateKeyError::PasswordNeeded));
}

#[test]
fn two_files_of_one_key_share_neither_salt_nor_nonce() {
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    assert_ne!(key.to_cosign_pem(&tiger()), key.to_cosign_pem(&tiger()));
}

#[test]
fn sec1_and_pkcs1_are_read() {
    for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521] {
        let key = PrivateKey::generate(kind).unwrap();
        let read = plain(&pem::encode("EC PRIVATE KEY", &inner(&key))).unwrap();
        assert_eq!(read.public(), key.public(), "{kind:?}");
    }
    let key = PrivateKey::generate(KeyKind::Rsa { bits: 3072 }).unwrap();
    let read = plain(&pem::encode("RSA PRIVATE KEY", &inner(&key))).unwrap();
    assert_eq!(read.public(), key.public());
}

#[test]
fn other_algorithms_and_curves_are_named() {
    let x25519 = ObjectIdentifier::new_unwrap("1.3.101.110");
    let error = refusal(&pkcs8(x25519, None, &[4, 32]));
    assert!(
        matches!(error, PrivateKeyError::Algorithm { oid } if oid == x25519),
        "{error}"
    );
    let secp256k1 = ObjectIdentifier::new_unwrap("1.3.132.0.10");
    let error = refusal(&pkcs8(EC_PUBLIC_KEY, Some(secp256k1), b"never read"));
    assert!(
        matches!(&error, PrivateKeyError::Curve { found } if found == "1.3.132.0.10"),
        "{error}"
    );
    let error = refusal(&pkcs8(EC_PUBLIC_KEY, None, b"never read"));
    assert!(
        matches!(&error, PrivateKeyError::Curve { found } if found == "without a name"),
        "{error}"
    );
    let error = refusal(&pem::encode("PRIVATE KEY", b"no DER"));
    assert!(matches!(error, PrivateKeyError::Malformed { .. }), "{error}");
}

#[test]
fn rsa_keys_outside_2048_to_8192_bits_are_refused_by_their_size() {
    for bits in [1024, 2047, 8200, 16384] {
        let mut modulus = vec![0xff_u8; bits_to_bytes(bits)];
        modulus[0] >>= modulus.len() * 8 - bits;
        let number = |bytes: &[u8]| pkcs1::UintRef::new(bytes).unwrap().to_der().unwrap();
        let one = number(&[1]);
        let content = [number(&[0]), number(&modulus), number(&[1, 0, 1]), one.repeat(6)].concat();
        let error = refusal(&pem::encode("RSA PRIVATE KEY", &sequence(&content)));
        assert!(
            matches!(error, PrivateKeyError::RsaSize { bits: found } if found as usize == bits),
            "{bits}: {error}"
        );
    }
    for bits in [1024, 2049, 8192] {
        assert_eq!(
            PrivateKey::generate(KeyKind::Rsa { bits }).unwrap_err(),
            GenerateError::RsaSize { bits }
        );
    }
}

fn bits_to_bytes(bits: usize) -> usize {
    bits.div_ceil(8)
}

fn sequence(content: &[u8]) -> Vec<u8> {
    der::asn1::Any::new(der::Tag::Sequence, content)
        .unwrap()
        .to_der()
        .unwrap()
}

#[test]
fn a_public_half_that_belongs_to_another_key_is_refused() {
    let [one, other] = [0, 1].map(|_| PrivateKey::generate(KeyKind::Ed25519).unwrap());
    let (Secret::Ed25519(one), Secret::Ed25519(other)) = (&one.secret, &other.secret) else {
        panic!("Ed25519")
    };
    let seed = OctetStringRef::new(one.as_bytes()).unwrap().to_der().unwrap();
    let algorithm = AlgorithmIdentifierRef {
        oid: ED25519,
        parameters: None,
    };
    for (claimed, accepted) in [(one.verifying_key(), true), (other.verifying_key(), false)] {
        let info = PrivateKeyInfo {
            algorithm,
            private_key: &seed,
            public_key: Some(claimed.as_bytes()),
        };
        let read = plain(&pem::encode("PRIVATE KEY", &info.to_der().unwrap()));
        assert_eq!(read.is_ok(), accepted);
    }
    let [one, other] = [0, 1].map(|_| inner(&PrivateKey::generate(KeyKind::EcdsaP256).unwrap()));
    // The public point stands at the end of the structure.
    let mixed = [&one[..one.len() - 64], &other[other.len() - 64..]].concat();
    let error = refusal(&pem::encode("EC PRIVATE KEY", &mixed));
    assert!(
        matches!(error, PrivateKeyError::Inconsistent { kind: "ECDSA" }),
        "{error}"
    );
}

#[test]
fn a_key_prints_no_secret() {
    for kind in KINDS {
        let key = PrivateKey::generate(kind).unwrap();
        let shown = format!("{key:?}");
        let fingerprint = key.public().fingerprint();
        assert_eq!(
            shown,
            format!("PrivateKey {{ kind: {kind:?}, fingerprint: {fingerprint:?}, .. }}")
        );
    }
}

static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let keys = KINDS.map(|kind| PrivateKey::generate(kind).unwrap());
    let mut files: Vec<String> = keys.iter().map(|key| key.to_pkcs8_pem().to_string()).collect();
    files.push(pem::encode("EC PRIVATE KEY", &inner(&keys[0])));
    files.push(pem::encode("RSA PRIVATE KEY", &inner(&keys[4])));
    files
});

static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let file = PrivateKey::generate(KeyKind::Ed25519).unwrap().to_cosign_pem(&tiger());
    pem::key_block(file.as_bytes()).unwrap().body.to_vec()
});

fn mutated(bytes: &mut [u8], changes: &[(prop::sample::Index, u8)]) {
    for (place, byte) in changes {
        let place = place.index(bytes.len());
        bytes[place] = *byte;
    }
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)
}

proptest! {
    #[test]
    fn a_mutated_file_never_panics(which in any::<prop::sample::Index>(), changes in changes(), cut in any::<prop::sample::Index>()) {
        let mut file = which.get(&FILES).clone().into_bytes();
        mutated(&mut file, &changes);
        file.truncate(cut.index(file.len()) + 1);
        PrivateKey::parse(&file, None).ok();
    }

    #[test]
    fn a_mutated_structure_never_panics_and_gives_a_key_that_verifies_itself(which in any::<prop::sample::Index>(), changes in changes()) {
        let block = pem::key_block(which.get(&FILES).as_bytes()).unwrap();
        let label = match block.form { Form::Sec1 => "EC PRIVATE KEY", Form::Pkcs1 => "RSA PRIVATE KEY", _ => "PRIVATE KEY" };
        let mut body = block.body.to_vec();
        mutated(&mut body, &changes);
        if let Ok(key) = plain(&pem::encode(label, &body)) {
            prop_assert_eq!(plain(&key.to_pkcs8_pem()).unwrap().public(), key.public());
        }
    }

    #[test]
    fn a_cut_and_mutated_encrypted_document_never_panics(changes in changes(), cut in any::<prop::sample::Index>()) {
        let mut body = SEALED.clone();
        mutated(&mut body, &changes);
        body.truncate(cut.index(body.len()));
        PrivateKey::parse(pem::encode(cosign::LABEL, &body).as_bytes(), Some(&tiger())).ok();
    }
}

proptest! {
    // Many of these reach scrypt, which takes a tenth of a second and more.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_mutated_encrypted_document_opens_only_unchanged(place in any::<prop::sample::Index>(), byte in prop::sample::select(b"Aa0/{\",:".to_vec())) {
        let mut body = SEALED.clone();
        let place = place.index(body.len());
        let changed = std::mem::replace(&mut body[place], byte) != byte;
        let read = PrivateKey::parse(pem::encode(cosign::LABEL, &body).as_bytes(), Some(&tiger()));
        prop_assert!(!changed || read.is_err());
    }
}

//! What we write is what cosign 3 writes: byte for byte, given the same image and the same signature.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Layout, PublicKey, Sealed, ToBeSigned, predicate};
use countersign_image::{Digest, Pinned, Reference};
use serde_json::Value;

use crate::corpus;

const IMAGE: &str = "0c417d147585ba73696326f2845b075d840262c865e5cc17ac3c178f7a8c14ed";
const OTHER: &str = "19e1ab181fb9aea5110916dd3b3e898678cb154097eded6696fadaadfcf2034b";

fn image(repository: &str, hex: &str) -> Pinned {
    let digest: Digest = format!("sha256:{hex}").parse().unwrap();
    Reference::parse(&format!("127.0.0.1:5058/demo/{repository}:v1"))
        .unwrap()
        .resolved(digest)
}

/// A stored blob of the corpus, and the key that signed it.
fn stored(repository: &str, hex: &str) -> Option<(Vec<u8>, PublicKey)> {
    let directory = corpus::root()?.join("cosign-3.1.3-generated");
    let key = PublicKey::from_pem(&corpus::text(&directory.join("k1.pub"))).unwrap();
    Some((
        corpus::read(&directory.join(format!("demo/{repository}/blobs/{hex}"))),
        key,
    ))
}

/// The signature of an envelope, alone or in a bundle, and the predicate of its statement.
fn inside(stored: &[u8]) -> (Vec<u8>, Value) {
    let document: Value = serde_json::from_slice(stored).unwrap();
    let envelope = document.get("dsseEnvelope").unwrap_or(&document);
    let signature = STANDARD
        .decode(envelope["signatures"][0]["sig"].as_str().unwrap())
        .unwrap();
    let statement: Value =
        serde_json::from_slice(&STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap()).unwrap();
    (signature, statement["predicate"].clone())
}

fn assert_same(sealed: &[u8], stored: &[u8]) {
    assert_eq!(String::from_utf8_lossy(sealed), String::from_utf8_lossy(stored));
}

#[test]
fn a_simple_signature() {
    for (repository, digest, blob, signature, annotations) in [
        (
            "app",
            IMAGE,
            "7900f8e51a1f1b347e8cf2919d27c89e8bb541db1f4574eab462ff4511590db8",
            "MEUCIQDoXBVwIulM9IgD34TopZXheBjk4ZjZEUO1Q9ldBNE6nQIgClSWzqePmCB0ePFiAN9bn9XFqa+tpw8RJJsLWXsWnhA=",
            BTreeMap::new(),
        ),
        (
            "other",
            OTHER,
            "56b9d278adfbf7c8de352eb5558db27be5bb0513125df8e454ad41bf7c16c3b0",
            "MEQCICOgn3CLWuZwJmCOD2ryD1Wtp4cFlaQIqLa2BovbWjnOAiBUpnwXL27OThTS8JEY7VqFD4VHXZ6V0AAQBuQLzZHLjQ==",
            BTreeMap::from([
                ("env".to_owned(), "prod".to_owned()),
                ("build".to_owned(), "42".to_owned()),
            ]),
        ),
    ] {
        let Some((stored, key)) = stored(repository, blob) else {
            return;
        };
        let to_be_signed = ToBeSigned::simple(&image(repository, digest), &annotations);
        assert_same(to_be_signed.message(), &stored);
        let sealed = to_be_signed
            .seal(Layout::Tag, &STANDARD.decode(signature).unwrap(), &key)
            .unwrap();
        assert_eq!(
            sealed,
            Sealed::Simple {
                payload: stored,
                signature_b64: signature.to_owned()
            }
        );
    }
}

#[test]
fn a_signature_in_a_bundle() {
    let hex = "f09732f0d3ae1447ea22cc2e44b342477a4af614594e4ad2e3177e80e572bfca";
    let Some((stored, key)) = stored("app", hex) else {
        return;
    };
    let (signature, _) = inside(&stored);
    let sealed = ToBeSigned::cosign_sign(&image("app", IMAGE), &BTreeMap::new());
    let Sealed::Bundle(bytes) = sealed.seal(Layout::Bundle, &signature, &key).unwrap() else {
        panic!("a bundle")
    };
    assert_same(&bytes, &stored);
}

#[test]
fn an_attestation_alone_and_in_a_bundle() {
    let alone = "385b1311f2e76e703a6a7f9cbd468b067ccb1d23a3bf4ac84bbd4c3d65c95050";
    let in_bundle = "5181eb47134df532087c6676ea88ad992c476fda572c52a8a5023bca05b90133";
    for (layout, hex) in [
        (Layout::Tag, alone),
        (Layout::Referrer, alone),
        (Layout::Bundle, in_bundle),
    ] {
        let Some((stored, key)) = stored("app", hex) else {
            return;
        };
        let (signature, predicate) = inside(&stored);
        let to_be_signed = ToBeSigned::statement(&image("app", IMAGE), predicate::uri_of("vuln"), &predicate);
        let sealed = to_be_signed.seal(layout, &signature, &key).unwrap();
        assert_eq!(sealed.predicate_type().as_deref(), Some(predicate::uri_of("vuln")));
        match sealed {
            Sealed::Envelope(bytes) | Sealed::Bundle(bytes) => assert_same(&bytes, &stored),
            Sealed::Simple { .. } => panic!("an envelope"),
        }
    }
}

//! Edge cases of the primitives: what Wycheproof calls valid verifies, what it calls invalid does not.

use countersign_evidence::{Hash, HashRule, PublicKey, Scheme};
use serde::Deserialize;

use crate::corpus;

const CASES: usize = 2670;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "publicKeyPem")]
    pem: String,
    #[serde(rename = "publicKeyDer")]
    der: String,
    sha: Option<String>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(rename = "tcId")]
    id: u32,
    comment: String,
    msg: String,
    sig: String,
    result: String,
}

#[test]
fn signatures_are_what_wycheproof_says_they_are() {
    let Some(root) = corpus::root() else { return };
    let mut judged = 0;
    for path in corpus::list(&root.join("wycheproof")) {
        let file: File = serde_json::from_slice(&corpus::read(&path)).unwrap();
        for group in file.groups {
            let key = PublicKey::from_pem(&group.pem).unwrap();
            assert_eq!(
                key,
                PublicKey::from_spki_der(&hex::decode(&group.der).unwrap()).unwrap()
            );
            let rule = match group.sha.as_deref() {
                // Only this file leaves the hash to the scheme.
                None => HashRule::Natural,
                Some(sha) => HashRule::Exactly(sha.replace('-', "").parse::<Hash>().unwrap()),
            };
            for test in group.tests {
                let (message, signature) = (hex::decode(&test.msg).unwrap(), hex::decode(&test.sig).unwrap());
                // The RSA files are about PKCS#1 v1.5; one of their invalid signatures is a valid one of PSS.
                let scheme = key.verify(rule, &message, &signature);
                let verified = scheme.is_ok_and(|scheme| !matches!(scheme, Scheme::RsaPss(_)));
                let case = format!(
                    "{} {}: {} ({})",
                    corpus::name(&path),
                    test.id,
                    test.comment,
                    test.result
                );
                match test.result.as_str() {
                    "valid" => assert!(verified, "{case}"),
                    "invalid" => assert!(!verified, "{case}"),
                    result => assert_eq!(result, "acceptable"),
                }
                judged += 1;
            }
        }
    }
    assert_eq!(judged, CASES);
}

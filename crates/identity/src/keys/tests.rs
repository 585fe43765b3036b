//! What of a key set is kept.

use super::*;

#[test]
fn a_key_is_found_by_its_name_and_its_algorithm() {
    let ed = r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let set =
        KeySet::read(format!(r#"{{"keys":[{ed},{{"kty":"oct","kid":"2","k":"c2VjcmV0"}}]}}"#).as_bytes()).unwrap();
    let code = |id: Option<&str>, with| set.find(id, with).map(drop).map_err(|refused| refused.code());
    assert_eq!(code(Some("1"), SignedWith::EdDsa), Ok(()));
    assert_eq!(code(None, SignedWith::EdDsa), Ok(()), "the only one that can sign");
    assert_eq!(code(Some("1"), SignedWith::Es256), Err(Code::KeyUnknown));
    assert_eq!(code(Some("2"), SignedWith::EdDsa), Err(Code::KeyUnknown));
    assert_eq!(code(None, SignedWith::Rs256), Err(Code::KeyUnknown));
}

/// RFC 8037, appendix A.4: an example that others have signed.
#[test]
fn the_example_of_the_rfc_is_signed() {
    let ed = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let key = KeySet::read(ed.as_bytes())
        .unwrap()
        .find(None, SignedWith::EdDsa)
        .unwrap();
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert!(key.has_signed(message, signature, SignedWith::EdDsa));
    assert!(!key.has_signed(message, signature, SignedWith::Es256));
    assert!(!key.has_signed(&message[1..], signature, SignedWith::EdDsa));
}

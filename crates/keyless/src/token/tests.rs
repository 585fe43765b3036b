//! What is a token, and whom it names.

use serde_json::{Value, json};

use super::*;

/// A token that says this; its signature is nobody's.
pub(crate) fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(claims))
}

fn refusal(text: &str) -> TokenError {
    IdentityToken::parse(text).unwrap_err()
}

#[test]
fn a_job_is_named_by_its_subject_and_a_person_by_a_mailbox_that_is_theirs() {
    let job = IdentityToken::parse(&token(&json!({"iss": "https://i", "sub": "repo:a/b"}))).unwrap();
    assert_eq!(
        (job.unverified_issuer(), job.unverified_subject()),
        ("https://i", "repo:a/b")
    );
    for flag in [json!(true), json!("true")] {
        let claims = json!({"iss": "https://i", "sub": "7", "email": "a@b.c", "email_verified": flag});
        let person = IdentityToken::parse(&format!("\n{}\n", token(&claims))).unwrap();
        assert_eq!(person.unverified_subject(), "a@b.c");
    }
}

#[test]
fn a_mailbox_that_may_be_anybodys_is_refused() {
    for flag in [json!(false), json!("false"), json!("yes"), Value::Null] {
        let claims = json!({"iss": "https://i", "sub": "7", "email": "a@b.c", "email_verified": flag});
        let email = "a@b.c".to_owned();
        assert_eq!(refusal(&token(&claims)), TokenError::UnverifiedEmail { email });
    }
}

#[test]
fn what_is_no_token_is_refused_and_not_repeated() {
    let whole = token(&json!({"iss": "https://i", "sub": "s"}));
    let (unsigned, _) = whole.rsplit_once('.').unwrap();
    for text in [
        "",
        "secret",
        "secret.secret",
        "secret.secret.secret.secret",
        "e30.secret!.c2ln",
        "e30.c2VjcmV0.c2ln",
        "e30.W10.c2ln",
        unsigned,
        &format!("{unsigned}."),
        &token(&json!({"iss": 7})),
    ] {
        let error = refusal(text);
        assert!(matches!(error, TokenError::Form { .. }), "{text}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(
        refusal(&token(&json!({"sub": "s"}))),
        TokenError::Missing { claim: "iss" }
    );
    assert_eq!(
        refusal(&token(&json!({"iss": "i", "sub": ""}))),
        TokenError::Missing { claim: "sub" }
    );
    let (limit, found) = (MAX_TOKEN_BYTES, MAX_TOKEN_BYTES + 1);
    assert_eq!(refusal(&"a".repeat(found)), TokenError::TooLarge { limit, found });
}

#[test]
fn a_token_is_stale_at_the_second_that_it_names() {
    let token = IdentityToken::parse(&token(&json!({"iss": "i", "sub": "s", "exp": 1000}))).unwrap();
    let at = |second| Timestamp::from_second(second).unwrap();
    assert_eq!(token.fresh_at(at(999)), Ok(()));
    let expired = TokenError::Expired {
        at: at(1000),
        now: at(1000),
    };
    assert_eq!(token.fresh_at(at(1000)), Err(expired));
}

#[test]
fn a_token_is_never_printed() {
    let text = token(&json!({"iss": "https://i", "sub": "s"}));
    let printed = format!("{:?}", IdentityToken::parse(&text).unwrap());
    assert_eq!(printed, "IdentityToken(of `https://i` for `s`)");
}

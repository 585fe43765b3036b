//! Where a token is looked for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::token::tests::token;

/// A token of this issuer.
fn of(issuer: &str) -> String {
    token(&json!({"iss": issuer, "sub": "s"}))
}

struct Looked<'a> {
    given: Option<&'a str>,
    environment: BTreeMap<&'static str, String>,
    projected: PathBuf,
}

impl Looked<'_> {
    fn nowhere() -> Self {
        Self {
            given: None,
            environment: BTreeMap::new(),
            projected: "/nowhere/oidc-token".into(),
        }
    }

    /// The issuer of the token that is found, and where.
    async fn find(&self) -> Result<(String, Source), NoToken> {
        let environment = |name: &str| self.environment.get(name).cloned();
        let places = Places {
            given: self.given,
            variable: VARIABLE,
            environment: &environment,
            projected: &self.projected,
            audience: AUDIENCE,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        let (token, source) = places.find(&Web::new().unwrap(), deadline).await?;
        Ok((token.unverified_issuer().to_owned(), source))
    }
}

#[tokio::test]
async fn the_first_place_that_has_something_decides() {
    let folder = tempfile::tempdir().unwrap();
    let (named, projected) = (folder.path().join("named"), folder.path().join("projected"));
    std::fs::write(&named, of("named")).unwrap();
    std::fs::write(&projected, of("projected")).unwrap();
    let (given, path) = (of("given"), named.to_str().unwrap());

    let mut looked = Looked {
        given: Some(&given),
        environment: [(VARIABLE, of("variable"))].into(),
        projected: projected.clone(),
    };
    assert_eq!(looked.find().await.unwrap(), ("given".into(), Source::Given));
    looked.given = Some(path);
    assert_eq!(
        looked.find().await.unwrap(),
        ("named".into(), Source::File(named.clone()))
    );
    looked.given = None;
    assert_eq!(
        looked.find().await.unwrap(),
        ("variable".into(), Source::Variable(VARIABLE))
    );
    looked.environment.insert(VARIABLE, " ".into());
    assert_eq!(
        looked.find().await.unwrap(),
        ("projected".into(), Source::Projected(projected))
    );
}

#[tokio::test]
async fn a_broken_token_is_no_reason_to_take_another() {
    let mut looked = Looked::nowhere();
    looked.environment.insert(VARIABLE, "secret.secret".into());
    let error = looked.find().await.unwrap_err();
    assert!(
        matches!(
            &error,
            NoToken::NotAToken {
                place: Source::Variable(VARIABLE),
                ..
            }
        ),
        "{error}"
    );
    looked.given = Some("/nowhere/token");
    let error = looked.find().await.unwrap_err();
    assert!(matches!(&error, NoToken::NeitherTokenNorFile(_)), "{error}");
}

#[tokio::test]
async fn who_finds_none_is_told_where_was_looked() {
    let error = Looked::nowhere().find().await.unwrap_err().to_string();
    for place in [
        VARIABLE,
        GITHUB_URL,
        GITHUB_TOKEN,
        "id-token: write",
        "/nowhere/oidc-token",
    ] {
        assert!(error.contains(place), "{error}");
    }
}

/// Answers one request with this, and gives back what it was asked.
async fn github(answer: String) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token?api-version=2.0", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, served)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn github_is_asked_for_the_audience_with_the_jobs_secret() {
    let body = json!({"count": 1, "value": of("github")}).to_string();
    let (url, served) = github(answer("200 OK", &body)).await;
    let mut looked = Looked::nowhere();
    looked.environment = [(GITHUB_URL, url), (GITHUB_TOKEN, "job-secret".into())].into();
    assert_eq!(looked.find().await.unwrap(), ("github".into(), Source::GitHub));
    let asked = served.await.unwrap();
    assert!(
        asked.starts_with("GET /token?api-version=2.0&audience=sigstore HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("authorization: bearer job-secret\r\n"), "{asked}");
}

#[tokio::test]
async fn what_github_refuses_is_said_and_its_secret_is_not() {
    let (url, served) = github(answer("403 Forbidden", "no id-token permission")).await;
    let mut looked = Looked::nowhere();
    looked.environment = [(GITHUB_URL, url), (GITHUB_TOKEN, "job-secret".into())].into();
    let NoToken::GitHub(error) = looked.find().await.unwrap_err() else {
        panic!("GitHub's answer decides")
    };
    served.await.unwrap();
    let said = error.to_string();
    assert!(
        said.contains("403") && said.contains("no id-token permission"),
        "{said}"
    );
    assert!(!said.contains("job-secret"), "{said}");
}

#[tokio::test]
async fn a_secret_is_not_sent_in_the_open() {
    let mut looked = Looked::nowhere();
    looked.environment = [
        (GITHUB_URL, "http://github.example/token".into()),
        (GITHUB_TOKEN, "job-secret".into()),
    ]
    .into();
    let error = looked.find().await.unwrap_err();
    assert!(matches!(&error, NoToken::GitHub(WebError::Open { .. })), "{error:?}");
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let (url, served) = github(answer("200 OK", &"a".repeat(4 * MAX_TOKEN_BYTES + 1))).await;
    let mut looked = Looked::nowhere();
    looked.environment = [(GITHUB_URL, url), (GITHUB_TOKEN, "s".into())].into();
    let error = looked.find().await.unwrap_err();
    assert!(
        matches!(&error, NoToken::GitHub(WebError::TooLarge { .. })),
        "{error:?}"
    );
    served.await.unwrap();
}

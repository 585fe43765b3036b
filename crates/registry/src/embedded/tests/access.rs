//! Who is let in: the token flow as clients go through it, and everything that somebody may try instead.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::access::{Access, Action, Grant, Grants, Origin, Realm, Repositories, Users};
use super::*;

/// `open sesame`, as bcrypt at nearly its lowest cost.
const HASH: &str = "$2b$05$i18C5BzxRkkw00EleXDuguHKuQ5jiljqa//GVsho3gN7lwO5ZDCyC";

fn users() -> Users {
    let file = tempfile::NamedTempFile::new().unwrap();
    let names = ["root", "ci", "reader", "dropbox"];
    std::fs::write(file.path(), names.map(|name| format!("{name}:{HASH}\n")).concat()).unwrap();
    Users::read(file.path()).unwrap()
}

fn grant(user: &str, repositories: &str, actions: &[Action]) -> Grant {
    Grant {
        users: BTreeSet::from([user.to_owned()]),
        repositories: vec![Repositories::parse(repositories).unwrap()],
        actions: actions.iter().copied().collect(),
    }
}

fn grants() -> Grants {
    use Action::{Delete, Pull, Push};
    Grants::These(vec![
        grant("root", "**", &[Pull, Push, Delete]),
        grant("ci", "team/*", &[Pull, Push]),
        grant("reader", "**", &[Pull]),
        grant("dropbox", "inbox", &[Push]),
    ])
}

fn guarded(anonymous_pull: bool) -> Caller {
    let access = Access::new(users(), grants(), anonymous_pull, Realm::AsAsked { tls: false }).unwrap();
    Caller(Registry::guarded(Storage::memory(), Limits::memory(), access).router())
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

impl Caller {
    async fn login(&self, authorization: &str, query: &str) -> Answer {
        let headers: &[_] = match authorization {
            "" => &[],
            login => &[("authorization", login)],
        };
        self.call("GET", &format!("/token?{query}"), headers, "").await
    }

    /// A token of a user, or of nobody, for these scopes.
    async fn token(&self, user: &str, scopes: &[&str]) -> String {
        let login = if user.is_empty() {
            String::new()
        } else {
            basic(user, "open sesame")
        };
        let query: Vec<_> = scopes.iter().map(|scope| format!("scope={scope}")).collect();
        let answer = self.login(&login, &query.join("&")).await.is(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json()["token"], answer.json()["access_token"]);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    async fn with(&self, token: &str, method: &str, uri: &str, body: impl Into<Body>) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers: &[_] = match token {
            "" => &[("host", "registry.lab:5000")],
            _ => &[("host", "registry.lab:5000"), ("authorization", &bearer)],
        };
        self.call(method, uri, headers, body).await
    }

    /// A blob and an image of it, by somebody who may do everything.
    async fn stocked(&self, name: &str) -> (Digest, Digest) {
        let token = self.token("root", &[&format!("repository:{name}:pull,push")]).await;
        let blob = Digest::sha256(b"{}");
        let uri = format!("/v2/{name}/blobs/uploads/?digest={blob}");
        self.with(&token, "POST", &uri, "{}").await.is(201);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "config": descriptor(media::OCI_EMPTY, &blob, 2),
            "layers": [],
        });
        let uri = format!("/v2/{name}/manifests/v1");
        let put = self.with(&token, "PUT", &uri, manifest.to_string()).await.is(201);
        (blob, Digest::parse(put.header("docker-content-digest")).unwrap())
    }
}

impl Answer {
    /// A 401 that tells how to do better.
    #[track_caller]
    fn challenges(self, scope: &str, error: &str) {
        let answer = self.refuses(401, "UNAUTHORIZED");
        let mut expected =
            "Bearer realm=\"http://registry.lab:5000/token\",service=\"countersign-registry\"".to_owned();
        for (name, value) in [("scope", scope), ("error", error)] {
            if !value.is_empty() {
                expected.push_str(&format!(",{name}=\"{value}\""));
            }
        }
        assert_eq!(answer.header("www-authenticate"), expected);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn whoever_shows_nothing_is_told_what_to_ask_for_and_where() {
    let caller = guarded(false);
    let digest = Digest::sha256(b"");
    for (method, uri, scope) in [
        ("GET", "/v2/".to_owned(), ""),
        ("GET", "/v2/_catalog".to_owned(), "registry:catalog:*"),
        ("GET", "/v2/a/b/tags/list".to_owned(), "repository:a/b:pull"),
        ("GET", format!("/v2/a/b/referrers/{digest}"), "repository:a/b:pull"),
        ("GET", format!("/v2/a/b/blobs/{digest}"), "repository:a/b:pull"),
        ("GET", "/v2/a/b/manifests/v1".to_owned(), "repository:a/b:pull"),
        ("PUT", "/v2/a/b/manifests/v1".to_owned(), "repository:a/b:pull,push"),
        ("DELETE", "/v2/a/b/manifests/v1".to_owned(), "repository:a/b:delete"),
        ("DELETE", format!("/v2/a/b/blobs/{digest}"), "repository:a/b:delete"),
        ("POST", "/v2/a/b/blobs/uploads/".to_owned(), "repository:a/b:pull,push"),
        (
            "PATCH",
            "/v2/a/b/blobs/uploads/1".to_owned(),
            "repository:a/b:pull,push",
        ),
        ("GET", "/v2/a/b/blobs/uploads/1".to_owned(), "repository:a/b:pull,push"),
        (
            "DELETE",
            "/v2/a/b/blobs/uploads/1".to_owned(),
            "repository:a/b:pull,push",
        ),
        (
            "POST",
            format!("/v2/a/blobs/uploads/?mount={digest}&from=b"),
            "repository:a:pull,push repository:b:pull",
        ),
    ] {
        caller.with("", method, &uri, "").await.challenges(scope, "");
        caller
            .with("x.y.z", method, &uri, "")
            .await
            .challenges(scope, "invalid_token");
    }
    caller.with("", "HEAD", "/v2/a/b/manifests/v1", "").await.is(401);
    // A password is for `/token`.
    let login = basic("root", "open sesame");
    let headers = [("host", "registry.lab:5000"), ("authorization", &*login)];
    caller
        .call("GET", "/v2/", &headers, "")
        .await
        .challenges("", "invalid_token");
    let twice = [headers[0], ("authorization", "Bearer x"), ("authorization", "Bearer y")];
    caller
        .call("GET", "/v2/", &twice, "")
        .await
        .challenges("", "invalid_token");
    caller.ask("GET", "/v2/").await.refuses(400, "UNSUPPORTED");
}

#[tokio::test]
async fn a_token_is_given_for_the_right_password_and_for_what_is_granted() {
    let caller = guarded(false);
    for (login, query, status, code) in [
        (basic("ci", "open sesam"), "", 401, "UNAUTHORIZED"),
        (basic("nobody", "open sesame"), "", 401, "UNAUTHORIZED"),
        (basic("", ""), "", 401, "UNAUTHORIZED"),
        (String::new(), "", 401, "UNAUTHORIZED"),
        ("Basic !".to_owned(), "", 401, "UNAUTHORIZED"),
        ("Bearer x".to_owned(), "", 401, "UNAUTHORIZED"),
        (
            basic("ci", "open sesame"),
            "service=elsewhere.example",
            400,
            "UNSUPPORTED",
        ),
    ] {
        let answer = caller.login(&login, query).await.refuses(status, code);
        assert_eq!(
            answer.header("www-authenticate").starts_with("Basic "),
            status == 401,
            "{login}"
        );
        assert!(!String::from_utf8_lossy(&answer.body).contains("sesam"));
    }
    let many = "scope=repository:app:pull&".repeat(33);
    let login = basic("ci", "open sesame");
    caller.login(&login, &many).await.refuses(400, "UNSUPPORTED");
    caller.ask("PUT", "/token").await.refuses(405, "UNSUPPORTED");

    for (user, asked, given) in [
        ("ci", "repository:team/app:pull,push", "repository:team/app:pull,push"),
        ("ci", "repository:team/app:*", "repository:team/app:pull,push"),
        ("ci", "repository:other/app:pull,push", ""),
        (
            "ci",
            "repository:team/app:pull&scope=repository:other:pull",
            "repository:team/app:pull",
        ),
        (
            "reader",
            "repository:other/app:pull,push,delete",
            "repository:other/app:pull",
        ),
        ("dropbox", "repository:inbox:pull,push", "repository:inbox:push"),
        ("ci", "registry:catalog:*", "registry:catalog:*"),
        ("ci", "", ""),
    ] {
        let query = format!("service=countersign-registry&account=x&client_id=y&scope={asked}");
        let answer = caller.login(&basic(user, "open sesame"), &query).await.is(200);
        assert_eq!(answer.json()["scope"], given, "{user} {asked}");
        assert_eq!(answer.json()["expires_in"], 300);
    }
}

#[tokio::test]
async fn a_form_is_answered_like_a_query() {
    let caller = guarded(false);
    let post = |form: String| caller.call("POST", "/token", &[], form);
    let good = "grant_type=password&username=ci&password=open+sesame&service=countersign-registry&client_id=x\
                &scope=repository:team/app:pull+repository:other:pull";
    let answer = post(good.to_owned()).await.is(200);
    assert_eq!(answer.json()["scope"], "repository:team/app:pull");
    post(good.replace("sesame", "barley"))
        .await
        .refuses(401, "UNAUTHORIZED");
    for bad in [
        good.replace("grant_type=password", "grant_type=refresh_token"),
        good.replace("&password=open+sesame", ""),
        good.replace("service=countersign-registry", "service=elsewhere"),
        format!("{good}&username=root"),
        format!("{good}&x={}", "y".repeat(64 << 10)),
        String::new(),
    ] {
        post(bad).await.refuses(400, "UNSUPPORTED");
    }
}

#[tokio::test]
async fn a_form_that_drips_is_not_waited_for() {
    let limits = Limits {
        stall: Duration::from_millis(50),
        ..Limits::memory()
    };
    let access = Access::new(users(), grants(), false, Realm::AsAsked { tls: false }).unwrap();
    let caller = Caller(Registry::guarded(Storage::memory(), limits, access).router());
    let dripping = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok::<_, std::io::Error>("x"), ()))
    });
    // Without an end to the waiting the form would be refused as well, once it is as long as a form may be: in five minutes.
    let asked = caller.call("POST", "/token", &[], Body::from_stream(dripping));
    let answer = tokio::time::timeout(Duration::from_secs(60), asked).await.unwrap();
    answer.refuses(400, "UNSUPPORTED");
}

/// Every token a user can get, held against every request.
#[tokio::test]
async fn a_token_allows_what_it_names_and_no_more() {
    let caller = guarded(false);
    let (_, image) = caller.stocked("team/app").await;
    caller.stocked("other").await;
    let pull = caller.token("root", &["repository:team/app:pull"]).await;
    let push = caller.token("root", &["repository:team/app:push"]).await;
    let delete = caller.token("root", &["repository:team/app:delete"]).await;
    let empty = caller.token("root", &[]).await;

    let manifest = "/v2/team/app/manifests/v1";
    let uploads = "/v2/team/app/blobs/uploads/";
    caller.with(&pull, "GET", manifest, "").await.is(200);
    caller.with(&pull, "GET", "/v2/", "").await.is(200);
    caller.with(&empty, "GET", "/v2/", "").await.is(200);
    caller.with(&push, "POST", uploads, "").await.is(202);

    let insufficient = "insufficient_scope";
    let team = "repository:team/app:";
    for (token, method, uri, asked) in [
        (&pull, "POST", uploads, format!("{team}pull,push")),
        (&pull, "PUT", manifest, format!("{team}pull,push")),
        (&pull, "DELETE", manifest, format!("{team}delete")),
        (
            &pull,
            "GET",
            "/v2/other/manifests/v1",
            "repository:other:pull".to_owned(),
        ),
        (&pull, "GET", "/v2/_catalog", "registry:catalog:*".to_owned()),
        (&push, "GET", manifest, format!("{team}pull")),
        (&push, "DELETE", manifest, format!("{team}delete")),
        (&delete, "GET", manifest, format!("{team}pull")),
        (&delete, "PUT", manifest, format!("{team}pull,push")),
        (&empty, "GET", manifest, format!("{team}pull")),
    ] {
        caller
            .with(token, method, uri, "{}")
            .await
            .challenges(&asked, insufficient);
    }
    let manifest = format!("/v2/team/app/manifests/{image}");
    caller.with(&delete, "DELETE", &manifest, "").await.is(202);
}

#[tokio::test]
async fn whoever_may_not_is_told_that_no_token_will_do() {
    let caller = guarded(false);
    caller.stocked("other").await;
    for (user, method, uri) in [
        ("ci", "GET", "/v2/other/manifests/v1"),
        ("ci", "GET", "/v2/missing/manifests/v1"),
        ("ci", "PUT", "/v2/other/manifests/v1"),
        ("ci", "DELETE", "/v2/team/app/manifests/v1"),
        ("reader", "POST", "/v2/other/blobs/uploads/"),
        ("dropbox", "GET", "/v2/inbox/tags/list"),
    ] {
        let name = uri.trim_start_matches("/v2/").split("/manifests").next().unwrap();
        let token = caller.token(user, &[&format!("repository:{name}:*")]).await;
        caller.with(&token, method, uri, "").await.refuses(403, "DENIED");
    }
}

#[tokio::test]
async fn a_blob_is_mounted_only_by_who_may_read_it_there() {
    let caller = guarded(false);
    let (blob, _) = caller.stocked("other").await;
    caller.stocked("team/lib").await;
    let push = |from: &str| format!("/v2/team/app/blobs/uploads/?mount={blob}{from}");
    let narrow = caller.token("ci", &["repository:team/app:pull,push"]).await;
    let wide = [
        "repository:team/app:pull,push",
        "repository:team/lib:pull",
        "repository:other:pull",
    ];
    let wide = caller.token("ci", &wide).await;
    let held = format!("/v2/team/app/blobs/{blob}");

    // What the user may never read is as if it were not there, and so is what this token may not read.
    for (token, from) in [
        (&narrow, "&from=other"),
        (&wide, "&from=other"),
        (&wide, "&from=missing"),
        (&narrow, ""),
    ] {
        caller.with(token, "POST", &push(from), "").await.is(202);
        caller.with(&narrow, "GET", &held, "").await.is(404);
    }
    let both = "repository:team/app:pull,push repository:team/lib:pull";
    caller
        .with(&narrow, "POST", &push("&from=team/lib"), "")
        .await
        .challenges(both, "insufficient_scope");
    caller.with(&narrow, "GET", &held, "").await.is(404);
    caller.with(&wide, "POST", &push("&from=team/lib"), "").await.is(201);
    caller.with(&narrow, "GET", &held, "").await.is(200);
    let token = caller.token("reader", &["repository:team/lib:pull"]).await;
    let uri = format!("/v2/team/lib/blobs/uploads/?mount={blob}&from=other");
    caller.with(&token, "POST", &uri, "").await.refuses(403, "DENIED");
}

#[tokio::test]
async fn a_mount_without_a_source_takes_from_what_the_token_may_read() {
    let caller = guarded(false);
    let (blob, _) = caller.stocked("team/lib").await;
    let uri = format!("/v2/team/app/blobs/uploads/?mount={blob}");
    let wide = ["repository:team/app:push", "repository:team/lib:pull"];
    let wide = caller.token("ci", &wide).await;
    caller.with(&wide, "POST", &uri, "").await.is(201);
}

#[tokio::test]
async fn everybody_may_pull_where_that_is_so_and_nothing_else() {
    let caller = guarded(true);
    let (blob, image) = caller.stocked("other").await;
    let read = [
        "/v2/other/manifests/v1".to_owned(),
        "/v2/other/tags/list".to_owned(),
        format!("/v2/other/blobs/{blob}"),
        format!("/v2/other/referrers/{image}"),
    ];
    let nobody = caller
        .token("", &["repository:other:pull,push", "registry:catalog:*"])
        .await;
    let ci = caller.token("ci", &[]).await;
    for uri in &read {
        for token in ["", &nobody, &ci] {
            caller.with(token, "GET", uri, "").await.is(200);
        }
        // A token that is over is not the same as none.
        caller
            .with("x.y.z", "GET", uri, "")
            .await
            .challenges("repository:other:pull", "invalid_token");
    }
    // Without it clients would never learn that they may log in.
    caller.with("", "GET", "/v2/", "").await.challenges("", "");
    let uploads = "/v2/other/blobs/uploads/";
    caller
        .with("", "POST", uploads, "")
        .await
        .challenges("repository:other:pull,push", "");
    let again = caller.with(&nobody, "POST", uploads, "").await;
    again.challenges("repository:other:pull,push", "insufficient_scope");
    caller.with(&ci, "POST", uploads, "").await.refuses(403, "DENIED");
    caller
        .login(&basic("ci", "wrong"), "")
        .await
        .refuses(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn the_list_of_repositories_shows_what_the_caller_may_pull() {
    let caller = guarded(false);
    for name in ["inbox", "team/app", "team/lib", "zoo"] {
        caller.stocked(name).await;
    }
    for (user, expected) in [
        ("root", json!(["inbox", "team/app", "team/lib", "zoo"])),
        ("ci", json!(["team/app", "team/lib"])),
        ("dropbox", json!([])),
    ] {
        let token = caller.token(user, &["registry:catalog:*"]).await;
        let list = caller.with(&token, "GET", "/v2/_catalog", "").await.is(200).json();
        assert_eq!(list["repositories"], expected, "{user}");
    }
    let token = caller.token("ci", &["registry:catalog:*"]).await;
    let page = caller.with(&token, "GET", "/v2/_catalog?n=1", "").await.is(200);
    assert_eq!(page.json()["repositories"], json!(["team/app"]));
    assert_eq!(page.header("link"), "</v2/_catalog?n=1&last=team%2Fapp>; rel=\"next\"");
}

#[tokio::test]
async fn a_token_of_another_registry_is_not_good_here() {
    let token = guarded(false).token("root", &["repository:app:pull"]).await;
    let here = guarded(false);
    here.with(&token, "GET", "/v2/app/tags/list", "")
        .await
        .challenges("repository:app:pull", "invalid_token");
}

#[tokio::test]
async fn the_address_that_clients_are_told_can_be_given() {
    let realm = Realm::At(Origin::parse("https://registry.example.org").unwrap());
    let access = Access::new(users(), Grants::Everything, false, realm).unwrap();
    let caller = Caller(Registry::guarded(Storage::memory(), Limits::memory(), access).router());
    let answer = caller.with("", "GET", "/v2/", "").await.refuses(401, "UNAUTHORIZED");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"https://registry.example.org/token\",service=\"registry.example.org\""
    );
    // Without grants every user may do everything.
    let query = "service=registry.example.org&scope=repository:any/thing:*";
    let answer = caller.login(&basic("ci", "open sesame"), query).await.is(200);
    assert_eq!(answer.json()["scope"], "repository:any/thing:pull,push,delete");
}

#[tokio::test]
async fn a_registry_without_users_has_no_tokens() {
    Caller::memory().ask("GET", "/token").await.is(404);
}

/// Whoever may push to one repository keeps nobody else from pushing.
#[tokio::test]
async fn one_who_opens_uploads_without_end_leaves_half_the_places() {
    let limits = Limits {
        open_uploads: 8,
        ..Limits::memory()
    };
    let access = Access::new(users(), grants(), false, Realm::AsAsked { tls: false }).unwrap();
    let caller = Caller(Registry::guarded(Storage::memory(), limits, access).router());
    let greedy = caller.token("dropbox", &["repository:inbox:push"]).await;
    let other = caller.token("ci", &["repository:team/app:push"]).await;
    for _ in 0..4 {
        caller
            .with(&greedy, "POST", "/v2/inbox/blobs/uploads/", "")
            .await
            .is(202);
    }
    let refused = caller.with(&greedy, "POST", "/v2/inbox/blobs/uploads/", "").await;
    refused.refuses(429, "TOOMANYREQUESTS");
    caller
        .with(&other, "POST", "/v2/team/app/blobs/uploads/", "")
        .await
        .is(202);
    caller
        .with(&other, "POST", "/v2/team/app/blobs/uploads/", "")
        .await
        .is(202);
}

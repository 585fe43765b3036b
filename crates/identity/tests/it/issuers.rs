//! Whom each kind of issuer lets in, and whom it does not.

use countersign_identity::{Class, Code, IssuerKind, Runner, Submitter};
use serde_json::{Value, json};

use crate::provider::{Provider, at, with};

/// Rows of what is different, and the code that comes of it; none is somebody who is let in.
async fn check(provider: &Provider, more: &str, usual: &Value, rows: &[(&str, Value, Option<Code>)]) {
    let issuers = provider.issuers_with(more);
    for (what, others, expected) in rows {
        let shown = provider.signed(&with(usual.clone(), others));
        let found = issuers.verify(&shown, at(0)).await;
        let code = found.as_ref().err().map(countersign_identity::Refused::code);
        assert_eq!(code, *expected, "{what}: {found:?}");
    }
}

async fn submitter(provider: &Provider, claims: &Value) -> Submitter {
    provider
        .issuers()
        .verify(&provider.signed(claims), at(0))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_job_of_github_is_known_by_numbers() {
    let provider = Provider::start().await;
    let found = submitter(&provider, &provider.github()).await;
    assert_eq!((found.issuer.as_str(), found.kind), ("hub", IssuerKind::GitHub));
    assert_eq!(found.issuer_url, format!("{}/hub", provider.url));
    assert_eq!(found.repository.issuer, found.issuer_url);
    assert_eq!(found.repository.repository_id, "4711");
    assert_eq!(found.repository.owner_id.as_deref(), Some("42"));
    assert_eq!(found.repository.display, "acme/shop");
    assert_eq!(
        found.commit.as_deref(),
        Some("5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233")
    );
    assert_eq!(
        (found.run_id.as_deref(), found.run_attempt.as_deref()),
        (Some("1001"), Some("2"))
    );
    assert_eq!(
        found.job_workflow.as_deref(),
        Some("acme/ci/.github/workflows/release.yaml@refs/tags/v3")
    );
    assert_eq!(
        (found.runner, found.environment.as_deref()),
        (Runner::Hosted, Some("release"))
    );
    // It is kept with its session.
    let kept = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Submitter>(&kept).unwrap(), found);
    // Whatever `sub` looks like: it is not taken apart.
    for subject in ["repo:acme/shop:ref:refs/heads/main", "repo:evil/fork:pull_request", "x"] {
        let others = with(provider.github(), &json!({"sub": subject}));
        assert_eq!(submitter(&provider, &others).await.repository, found.repository);
    }
}

#[tokio::test]
async fn a_job_of_github_that_strangers_steer_is_refused() {
    let provider = Provider::start().await;
    let event = |event: &str| json!({"event_name": event});
    let refused = Some(Code::Event);
    check(
        &provider,
        "",
        &provider.github(),
        &[
            (
                "a pull request",
                json!({"event_name": "pull_request", "ref": "refs/pull/7/merge"}),
                refused,
            ),
            (
                "a pull request with the target's secrets",
                event("pull_request_target"),
                refused,
            ),
            ("a review", event("pull_request_review"), refused),
            ("a comment in a review", event("pull_request_review_comment"), refused),
            ("after a run", event("workflow_run"), refused),
            ("a comment", event("issue_comment"), refused),
            ("an issue", event("issues"), refused),
            ("a fork", event("fork"), refused),
            ("something new", event("moon_landing"), refused),
            ("no event", json!({"event_name": null}), Some(Code::Claim)),
            ("a tag", json!({"ref": "refs/tags/v1", "event_name": "release"}), None),
            ("by hand", event("workflow_dispatch"), None),
            ("by the clock", event("schedule"), None),
            (
                "a merge queue",
                json!({"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/main/pr-7"}),
                None,
            ),
            (
                "the ref of a pull request",
                json!({"ref": "refs/pull/7/merge"}),
                Some(Code::Ref),
            ),
            ("a ref that is a short name", json!({"ref": "main"}), Some(Code::Ref)),
            (
                "a name as the repository's number",
                json!({"repository_id": "acme/shop"}),
                Some(Code::Claim),
            ),
            (
                "a name as the owner's number",
                json!({"repository_owner_id": "acme"}),
                Some(Code::Claim),
            ),
            ("no number", json!({"repository_id": null}), Some(Code::Claim)),
            ("no commit", json!({"sha": "main"}), Some(Code::Claim)),
            ("not protected", json!({"ref_protected": "false"}), None),
            (
                "on a machine of one's own",
                json!({"runner_environment": "self-hosted"}),
                None,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_organisation_asks_for_more_of_github_or_allows_more() {
    let provider = Provider::start().await;
    let lines = "github: owners: [42, '43']\ngithub: refs: [refs/heads/main, refs/heads/release/*, refs/pull/*]\n\
                 github: protectedRefsOnly: true\ngithub: hostedRunnersOnly: true\ngithub: moreEvents: [pull_request]";
    check(
        &provider,
        lines,
        &provider.github(),
        &[
            ("as usual", json!({}), None),
            ("another owner", json!({"repository_owner_id": "7"}), Some(Code::Owner)),
            ("another branch", json!({"ref": "refs/heads/main2"}), Some(Code::Ref)),
            ("a release", json!({"ref": "refs/heads/release/1"}), None),
            (
                "the beginning alone",
                json!({"ref": "refs/heads/release/"}),
                Some(Code::Ref),
            ),
            (
                "not protected",
                json!({"ref_protected": "false"}),
                Some(Code::RefNotProtected),
            ),
            ("who knows", json!({"ref_protected": null}), Some(Code::RefNotProtected)),
            (
                "neither yes nor no",
                json!({"ref_protected": "maybe"}),
                Some(Code::Claim),
            ),
            (
                "on a machine of one's own",
                json!({"runner_environment": "self-hosted"}),
                Some(Code::Runner),
            ),
            (
                "on who knows what",
                json!({"runner_environment": null}),
                Some(Code::Runner),
            ),
            (
                "a pull request, if you insist",
                json!({"event_name": "pull_request", "ref": "refs/pull/7/merge"}),
                None,
            ),
            (
                "a comment all the same",
                json!({"event_name": "issue_comment"}),
                Some(Code::Event),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_job_of_gitlab_is_known_by_where_it_runs() {
    let provider = Provider::start().await;
    let found = submitter(&provider, &provider.gitlab()).await;
    assert_eq!(found.repository.repository_id, "4711");
    assert_eq!(found.repository.owner_id.as_deref(), Some("42"));
    assert_eq!(
        (found.run_id.as_deref(), found.job.as_deref()),
        (Some("1001"), Some("2002"))
    );
    assert_eq!(
        (found.runner, found.ref_protected, found.job_workflow),
        (Runner::Hosted, Some(true), None)
    );
    let merge_request = |kind: &str, others: Value| {
        with(
            json!({
                "pipeline_source": "merge_request_event", "pipeline_source_event": kind, "ref_path": "refs/merge-requests/7/train",
                "ref_protected": "false", "target_ref": "main", "target_ref_protected": "true",
            }),
            &others,
        )
    };
    let event = |event: &str| json!({"pipeline_source": event});
    check(&provider, "", &provider.gitlab(), &[
        ("a fork", json!({"project_id": "9"}), Some(Code::Event)),
        ("a fork's merge request", merge_request("merge_request", json!({"project_id": "9"})), Some(Code::Event)),
        ("a fork in a merge train", merge_request("merge_train", json!({"project_id": "9"})), Some(Code::Event)),
        ("a merge request", merge_request("merge_request", json!({})), Some(Code::Event)),
        ("of an older GitLab", json!({"pipeline_source": "merge_request_event"}), Some(Code::Event)),
        ("a merge request of a protected branch", json!({"pipeline_source": "merge_request_event", "pipeline_source_event": "merge_request"}), Some(Code::Event)),
        ("a merge train", merge_request("merge_train", json!({})), None),
        ("a merge train into any branch", merge_request("merge_train", json!({"target_ref_protected": "false"})), Some(Code::RefNotProtected)),
        ("a merge train to nowhere", merge_request("merge_train", json!({"target_ref": null})), Some(Code::Claim)),
        ("a push that says it is a train", json!({"pipeline_source_event": "merge_train", "ref_protected": "false", "target_ref": "main", "target_ref_protected": "true"}), Some(Code::RefNotProtected)),
        ("a request from outside", event("external_pull_request_event"), Some(Code::Event)),
        ("a chat", event("chat"), Some(Code::Event)),
        ("something new", event("moon_landing"), Some(Code::Event)),
        ("by the clock", event("schedule"), None),
        ("of another pipeline", event("parent_pipeline"), None),
        ("not protected", json!({"ref_protected": "false"}), Some(Code::RefNotProtected)),
        ("who knows", json!({"ref_protected": null}), Some(Code::RefNotProtected)),
        ("protected by another word", json!({"ref_protected": "yes"}), Some(Code::Claim)),
        ("of a GitLab that does not say where", json!({"job_project_id": null}), Some(Code::Claim)),
        ("a path as the project's number", json!({"job_project_id": "acme/shop", "project_id": "acme/shop"}), Some(Code::Claim)),
    ]).await;
    let lines = "gitlab: namespaces: [42]\ngitlab: protectedRefsOnly: false\ngitlab: refs: [refs/heads/main]\ngitlab: moreEvents: [chat]";
    check(
        &provider,
        lines,
        &provider.gitlab(),
        &[
            ("another namespace", json!({"job_namespace_id": "7"}), Some(Code::Owner)),
            (
                "the source's namespace does not count",
                json!({"namespace_id": "7"}),
                None,
            ),
            ("not protected", json!({"ref_protected": "false"}), None),
            ("a chat", event("chat"), None),
            (
                "another branch",
                json!({"ref_path": "refs/heads/next"}),
                Some(Code::Ref),
            ),
            (
                "a train into another branch",
                merge_request("merge_train", json!({"target_ref": "next"})),
                Some(Code::Ref),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_service_account_is_known_by_its_names_and_bound_to_a_pod() {
    let provider = Provider::start().await;
    let usual = provider.kubernetes();
    let found = submitter(&provider, &usual).await;
    assert_eq!(found.repository.repository_id, "ci-shop/builder");
    assert_eq!(found.repository.owner_id.as_deref(), Some("ci-shop"));
    assert_eq!(
        (found.workflow.as_deref(), found.job.as_deref(), found.commit),
        (Some("builder"), Some("p-uid"), None)
    );
    let bound = |others: Value| json!({"kubernetes.io": with(usual["kubernetes.io"].clone(), &others)});
    let secret = json!({
        "iss": "kubernetes/serviceaccount", "kubernetes.io/serviceaccount/namespace": "ci-shop", "exp": null, "aud": null,
        "kubernetes.io/serviceaccount/secret.name": "builder-token-x", "kubernetes.io": null,
    });
    check(
        &provider,
        "",
        &usual,
        &[
            ("no pod", bound(json!({"pod": null})), Some(Code::PodRequired)),
            (
                "a pod without a number",
                bound(json!({"pod": {"name": "build-1"}})),
                Some(Code::PodRequired),
            ),
            (
                "bound to a secret",
                bound(json!({"pod": null, "secret": {"name": "s", "uid": "u"}})),
                Some(Code::PodRequired),
            ),
            ("bound to a node", bound(json!({"pod": null})), Some(Code::PodRequired)),
            ("out of a secret", secret, Some(Code::LegacySecret)),
            (
                "out of a secret, with our issuer",
                json!({"kubernetes.io/serviceaccount/secret.name": "builder-token-x"}),
                Some(Code::LegacySecret),
            ),
            (
                "another subject",
                json!({"sub": "system:serviceaccount:kube-system:builder"}),
                Some(Code::Claim),
            ),
            ("no account", bound(json!({"serviceaccount": null})), Some(Code::Claim)),
            (
                "nothing of a cluster",
                json!({"kubernetes.io": null}),
                Some(Code::Claim),
            ),
            ("a text", json!({"kubernetes.io": "ci-shop"}), Some(Code::Claim)),
        ],
    )
    .await;
    check(
        &provider,
        "kubernetes: namespaces: [ci-shop]",
        &usual,
        &[
            ("as usual", json!({}), None),
            (
                "another namespace",
                json!({
                    "sub": "system:serviceaccount:other:builder",
                    "kubernetes.io": with(usual["kubernetes.io"].clone(), &json!({"namespace": "other"})),
                }),
                Some(Code::Owner),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn any_other_issuer_means_what_the_configuration_says() {
    let provider = Provider::start().await;
    let found = submitter(&provider, &provider.generic()).await;
    assert_eq!(found.repository.repository_id, "spiffe://acme.example/ci/shop");
    assert_eq!(found.repository.display, found.repository.repository_id);
    assert_eq!(found.commit.as_deref(), Some("5f0d2bc"));
    let lines = "generic: require: {/build/number: ['7', '8'], sub: ['spiffe://acme.example/ci/shop']}";
    check(
        &provider,
        lines,
        &provider.generic(),
        &[
            ("as usual", json!({}), None),
            ("the other number", json!({"build": {"number": 8}}), None),
            (
                "no such number",
                json!({"build": {"number": 9}}),
                Some(Code::ClaimNotAllowed),
            ),
            ("no number", json!({"build": {}}), Some(Code::Claim)),
            ("a list", json!({"build": {"number": [7]}}), Some(Code::Claim)),
            (
                "a longer name",
                json!({"sub": "spiffe://acme.example/ci/shop/x"}),
                Some(Code::ClaimNotAllowed),
            ),
        ],
    )
    .await;
    for kind in ["at+jwt", "JOSE", "application/at+jwt"] {
        let header = json!({"alg": "RS256", "kid": "rsa", "typ": kind});
        let shown = crate::provider::token(&provider.rsa, &header, &provider.generic());
        assert!(provider.issuers().verify(&shown, at(0)).await.is_ok(), "{kind}");
    }
}

/// All of one provider, and still nobody speaks for another: what counts is `iss`, and whose keys have signed.
#[tokio::test]
async fn an_issuer_speaks_for_itself_only() {
    let (provider, other) = (Provider::start().await, Provider::start().await);
    let issuers = provider.issuers();
    let forged = other.signed(&provider.github());
    let refused = issuers.verify(&forged, at(0)).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.class()),
        (Code::Signature, Class::Token),
        "the same `kid`, another key"
    );
    let claims = with(provider.github(), &json!({"iss": format!("{}/lab", provider.url)}));
    let refused = issuers.verify(&provider.signed(&claims), at(0)).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Code::Claim,
        "claims of one kind mean nothing in another"
    );
}

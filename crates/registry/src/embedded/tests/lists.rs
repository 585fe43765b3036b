//! Lists in pages: tags, repositories, referrers.

use super::*;

/// All pages of a list, as a client that follows `Link` sees them.
async fn pages(caller: &Caller, uri: &str, field: &str) -> Vec<Vec<Value>> {
    let (mut uri, mut pages) = (uri.to_owned(), Vec::new());
    loop {
        let answer = caller.get(&uri).await.is(200);
        pages.push(answer.json()[field].as_array().unwrap().clone());
        let link = answer.header("link");
        if link.is_empty() {
            return pages;
        }
        uri = link
            .strip_prefix('<')
            .unwrap()
            .strip_suffix(">; rel=\"next\"")
            .unwrap()
            .to_owned();
        assert!(pages.len() < 100, "the pages do not end");
    }
}

#[tokio::test]
async fn tags_are_listed_in_the_order_of_bytes_and_in_pages() {
    let caller = Caller::memory();
    caller.get("/v2/app/tags/list").await.refuses(404, "NAME_UNKNOWN");
    for tag in ["v1", "V1", "1.10", "1.9", "_x", "latest"] {
        caller.image("app", tag, "layer").await;
    }
    let all = json!({ "name": "app", "tags": ["1.10", "1.9", "V1", "_x", "latest", "v1"] });
    let answer = caller.get("/v2/app/tags/list").await.is(200);
    assert_eq!((answer.json(), answer.header("link")), (all, ""));

    let tags = pages(&caller, "/v2/app/tags/list?n=4", "tags").await;
    assert_eq!(tags, [vec!["1.10", "1.9", "V1", "_x"], vec!["latest", "v1"]]);
    assert_eq!(pages(&caller, "/v2/app/tags/list?n=6", "tags").await.len(), 1);
    let after = async |uri: &str| caller.get(uri).await.is(200).json()["tags"].clone();
    assert_eq!(after("/v2/app/tags/list?last=latest").await, json!(["v1"]));
    assert_eq!(
        after("/v2/app/tags/list?n=1&last=nothing-of-that-name").await,
        json!(["v1"])
    );
    assert_eq!(after("/v2/app/tags/list?last=v1").await, json!([]));

    let none = caller.get("/v2/app/tags/list?n=0").await.is(200);
    assert_eq!((none.json()["tags"].clone(), none.header("link")), (json!([]), ""));
    for bad in ["-1", "x", ""] {
        caller
            .get(&format!("/v2/app/tags/list?n={bad}"))
            .await
            .refuses(400, "UNSUPPORTED");
    }
}

#[tokio::test]
async fn a_page_is_never_larger_than_the_limit() {
    let caller = Caller::limited(Limits {
        page: 2,
        ..Limits::memory()
    });
    for tag in ["a", "b", "c"] {
        caller.image("app", tag, "layer").await;
    }
    for uri in ["/v2/app/tags/list", "/v2/app/tags/list?n=100"] {
        assert_eq!(pages(&caller, uri, "tags").await, [vec!["a", "b"], vec!["c"]]);
    }
}

#[tokio::test]
async fn repositories_are_listed_while_they_hold_something() {
    let caller = Caller::memory();
    let digest = caller.blob("b/c", b"x").await;
    caller.blob("a", b"x").await;
    caller.open_upload("not-yet").await;
    assert_eq!(
        pages(&caller, "/v2/_catalog?n=1", "repositories").await,
        [vec!["a"], vec!["b/c"]]
    );
    caller.ask("DELETE", &format!("/v2/b/c/blobs/{digest}")).await.is(202);
    assert_eq!(
        caller.get("/v2/_catalog").await.is(200).json(),
        json!({ "repositories": ["a"] })
    );
}

async fn referrer(caller: &Caller, subject: &Digest, artifact_type: Option<&str>, note: &str) -> Digest {
    let mut manifest = caller.manifest("app", note).await;
    manifest["subject"] = descriptor(media::OCI_MANIFEST, subject, 400);
    manifest["annotations"] = json!({ "note": note });
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = json!(artifact_type);
    }
    let digest = Digest::sha256(manifest.to_string().as_bytes());
    caller.put("app", &digest.to_string(), &manifest).await.is(201);
    digest
}

#[tokio::test]
async fn referrers_carry_the_type_and_annotations_of_their_manifests() {
    let caller = Caller::memory();
    let subject = caller.image("app", "v1", "layer").await;
    let typed = referrer(&caller, &subject, Some("application/x-signature"), "typed").await;
    let by_config = referrer(&caller, &subject, None, "by config").await;
    let empty_type = referrer(&caller, &subject, Some(""), "empty type").await;
    let list = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_INDEX,
        "manifests": [],
        "subject": descriptor(media::OCI_MANIFEST, &subject, 400),
    });
    caller.put("app", "list", &list).await.is(201);
    let list_digest = Digest::sha256(list.to_string().as_bytes());

    let answer = caller.get(&format!("/v2/app/referrers/{subject}")).await.is(200);
    assert_eq!(answer.header("content-type"), media::OCI_INDEX);
    assert_eq!((answer.header("oci-filters-applied"), answer.header("link")), ("", ""));
    let index = answer.json();
    assert_eq!(
        (&index["schemaVersion"], &index["mediaType"]),
        (&json!(2), &json!(media::OCI_INDEX))
    );
    let found = |digest: &Digest| {
        let manifests = index["manifests"].as_array().unwrap();
        manifests
            .iter()
            .find(|descriptor| descriptor["digest"] == digest.to_string())
            .unwrap()
            .clone()
    };
    assert_eq!(index["manifests"].as_array().unwrap().len(), 4);
    assert_eq!(found(&typed)["artifactType"], "application/x-signature");
    assert_eq!(found(&typed)["annotations"], json!({ "note": "typed" }));
    assert_eq!(found(&typed)["mediaType"], media::OCI_MANIFEST);
    assert_eq!(found(&by_config)["artifactType"], media::OCI_EMPTY);
    assert_eq!(found(&empty_type)["artifactType"], media::OCI_EMPTY);
    assert_eq!(found(&list_digest).get("artifactType"), None);
    let size = caller.get(&format!("/v2/app/manifests/{typed}")).await.body.len();
    assert_eq!(found(&typed)["size"], size);

    caller
        .ask("DELETE", &format!("/v2/app/manifests/{typed}"))
        .await
        .is(202);
    let left = caller.get(&format!("/v2/app/referrers/{subject}")).await.is(200).json();
    assert_eq!(left["manifests"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn referrers_are_filtered_by_type_and_the_registry_says_so() {
    let caller = Caller::memory();
    let subject = Digest::sha256(b"not here");
    let wanted = referrer(&caller, &subject, Some("application/x+signature"), "one").await;
    referrer(&caller, &subject, Some("application/x-sbom"), "two").await;
    let uri = format!("/v2/app/referrers/{subject}?artifactType=application%2Fx%2Bsignature");
    let answer = caller.get(&uri).await.is(200);
    assert_eq!(answer.header("oci-filters-applied"), "artifactType");
    let manifests = answer.json()["manifests"].clone();
    assert_eq!(
        (manifests.as_array().unwrap().len(), &manifests[0]["digest"]),
        (1, &json!(wanted.to_string()))
    );
}

#[tokio::test]
async fn there_are_no_referrers_rather_than_no_endpoint() {
    let caller = Caller::memory();
    let subject = Digest::sha256(b"x");
    let empty = caller
        .get(&format!("/v2/nowhere/referrers/{subject}"))
        .await
        .is(200)
        .json();
    assert_eq!(empty["manifests"], json!([]));
    caller
        .get("/v2/nowhere/referrers/sha256:abc")
        .await
        .refuses(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn referrers_come_in_pages_that_keep_the_filter() {
    let caller = Caller::limited(Limits {
        page: 2,
        ..Limits::memory()
    });
    let subject = Digest::sha256(b"x");
    for number in 0..5 {
        referrer(
            &caller,
            &subject,
            Some(if number % 2 == 0 { "a/even" } else { "a/odd" }),
            &number.to_string(),
        )
        .await;
    }
    let all = pages(&caller, &format!("/v2/app/referrers/{subject}"), "manifests").await;
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let even = pages(
        &caller,
        &format!("/v2/app/referrers/{subject}?artifactType=a/even"),
        "manifests",
    )
    .await;
    assert_eq!(even.concat().len(), 3);
    assert!(
        even.concat()
            .iter()
            .all(|descriptor| descriptor["artifactType"] == "a/even")
    );
}

#[tokio::test]
async fn a_page_of_referrers_stays_readable_however_large_their_annotations_are() {
    let caller = Caller::memory();
    let subject = Digest::sha256(b"x");
    for number in 0..4 {
        referrer(&caller, &subject, None, &number.to_string().repeat(1_500_000)).await;
    }
    let uri = format!("/v2/app/referrers/{subject}");
    assert!(caller.get(&uri).await.body.len() < super::super::MAX_MANIFEST);
    assert_eq!(pages(&caller, &uri, "manifests").await.concat().len(), 4);
}

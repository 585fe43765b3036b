//! Manifests: what is accepted, what is kept, what is refused.

use super::*;

#[tokio::test]
async fn a_manifest_is_kept_byte_for_byte_under_tag_and_digest() {
    let caller = Caller::memory();
    let manifest = caller.manifest("app", "layer").await;
    // Unusual spacing is part of the bytes.
    let text = format!("{manifest:#}\n");
    let digest = Digest::sha256(text.as_bytes());
    let content_type = format!("{}; charset=utf-8", media::OCI_MANIFEST);
    let headers = [("content-type", content_type.as_str())];
    let pushed = caller
        .call("PUT", "/v2/app/manifests/v1", &headers, text.clone())
        .await
        .is(201);
    assert_eq!(pushed.header("docker-content-digest"), digest.to_string());
    assert_eq!(pushed.location(), "/v2/app/manifests/v1");

    for reference in ["v1".to_owned(), digest.to_string()] {
        let uri = format!("/v2/app/manifests/{reference}");
        let got = caller.get(&uri).await.is(200);
        assert_eq!(got.body, text);
        assert_eq!(got.header("content-type"), media::OCI_MANIFEST);
        let head = caller.ask("HEAD", &uri).await.is(200);
        assert_eq!(head.header("content-length"), text.len().to_string());
        assert_eq!(head.header("docker-content-digest"), digest.to_string());
        let etag = head.header("etag").to_owned();
        caller.call("GET", &uri, &[("if-none-match", &etag)], "").await.is(304);
    }
}

#[tokio::test]
async fn a_push_by_digest_must_hash_to_it_and_may_set_tags() {
    let caller = Caller::memory();
    let manifest = caller.manifest("app", "layer").await;
    let text = manifest.to_string();
    caller
        .put("app", &Digest::sha256(b"other").to_string(), &manifest)
        .await
        .refuses(400, "DIGEST_INVALID");
    for digest in [Digest::sha256(text.as_bytes()), sha512(text.as_bytes())] {
        let pushed = caller
            .put("app", &format!("{digest}?tag=1&tag=1.2&tag=latest"), &manifest)
            .await
            .is(201);
        assert_eq!(pushed.header("docker-content-digest"), digest.to_string());
        let tags: Vec<_> = pushed.headers.get_all("oci-tag").iter().collect();
        assert_eq!(tags, ["1", "1.2", "latest"]);
        let got = caller.get("/v2/app/manifests/1.2").await.is(200);
        assert_eq!(got.header("docker-content-digest"), digest.to_string());
    }
    let too_many = "?tag=a".to_owned() + &"&tag=b".repeat(64);
    let digest = Digest::sha256(text.as_bytes());
    caller
        .put("app", &format!("{digest}{too_many}"), &manifest)
        .await
        .refuses(414, "MANIFEST_INVALID");
    caller
        .put("app", &format!("{digest}?tag=.bad"), &manifest)
        .await
        .refuses(400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn ambiguous_documents_are_refused() {
    let caller = Caller::memory();
    let good = caller.manifest("app", "layer").await;
    let text = good.to_string();
    let mut both = good.clone();
    both["manifests"] = json!([]);
    let mut neither = good.clone();
    neither.as_object_mut().unwrap().remove("layers");
    neither.as_object_mut().unwrap().remove("config");
    for (what, document, declared) in [
        ("both an image and an index", both.to_string(), media::OCI_MANIFEST),
        ("neither", neither.to_string(), media::OCI_MANIFEST),
        ("a media type unlike the header", text.clone(), media::OCI_INDEX),
        (
            "a key twice",
            text.replacen('{', r#"{"schemaVersion":2,"#, 1),
            media::OCI_MANIFEST,
        ),
        (
            "schema 1",
            r#"{"schemaVersion":1,"name":"app","tag":"v1"}"#.to_owned(),
            media::DOCKER_SCHEMA1,
        ),
        ("no JSON", "hello".to_owned(), media::OCI_MANIFEST),
        ("nothing", String::new(), media::OCI_MANIFEST),
    ] {
        let answer = caller
            .call("PUT", "/v2/app/manifests/v1", &[("content-type", declared)], document)
            .await;
        assert_eq!(answer.status, 400, "{what}");
        answer.refuses(400, "MANIFEST_INVALID");
    }
    caller
        .get("/v2/app/manifests/v1")
        .await
        .refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn what_a_manifest_refers_to_must_be_in_the_repository() {
    let caller = Caller::memory();
    let manifest = caller.manifest("app", "layer").await;
    let refused = caller
        .put("elsewhere", "v1", &manifest)
        .await
        .refuses(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 2);

    let missing = Digest::sha256(b"missing");
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_INDEX,
        "manifests": [descriptor(media::OCI_MANIFEST, &missing, 7)],
    });
    let refused = caller
        .put("app", "list", &index)
        .await
        .refuses(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(refused.json()["errors"][0]["detail"]["digest"], missing.to_string());

    let image = caller.image("app", "v1", "layer").await;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_INDEX,
        "manifests": [descriptor(media::OCI_MANIFEST, &image, 400)],
    });
    caller.put("app", "list", &index).await.is(201);
}

#[tokio::test]
async fn layers_that_may_not_be_distributed_need_not_be_pushed() {
    let caller = Caller::memory();
    let mut manifest = caller.manifest("app", "layer").await;
    let missing = Digest::sha256(b"on another server");
    for media_type in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        manifest["layers"] = json!([descriptor(media_type, &missing, 17)]);
        caller.put("app", "v1", &manifest).await.is(201);
    }
}

#[tokio::test]
async fn too_large_a_manifest_is_told_so() {
    let caller = Caller::memory();
    let mut manifest = caller.manifest("app", "layer").await;
    manifest["annotations"] = json!({ "padding": "x".repeat(super::super::MAX_MANIFEST) });
    caller.put("app", "v1", &manifest).await.refuses(413, "SIZE_INVALID");
    let length = manifest.to_string().len().to_string();
    let headers = [
        ("content-type", media::OCI_MANIFEST),
        ("content-length", length.as_str()),
    ];
    caller
        .call("PUT", "/v2/app/manifests/v1", &headers, manifest.to_string())
        .await
        .refuses(413, "SIZE_INVALID");
}

#[tokio::test]
async fn references_that_are_none_are_not_found_or_refused() {
    let caller = Caller::memory();
    let manifest = caller.manifest("app", "layer").await;
    for bad in [".bad", "-bad", "sha256:abc", "a%2Fb", &"t".repeat(129)] {
        caller
            .get(&format!("/v2/app/manifests/{bad}"))
            .await
            .refuses(404, "MANIFEST_UNKNOWN");
        caller.put("app", bad, &manifest).await.refuses(400, "MANIFEST_INVALID");
    }
    caller
        .get("/v2/nowhere/manifests/v1")
        .await
        .refuses(404, "NAME_UNKNOWN");
    caller
        .get("/v2/app/manifests/v1")
        .await
        .refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest_and_deleting_a_manifest_takes_its_tags() {
    let caller = Caller::memory();
    let digest = caller.image("app", "v1", "layer").await;
    caller.image("app", "v2", "layer").await;
    caller.image("app", "other", "another layer").await;

    caller.ask("DELETE", "/v2/app/manifests/v1").await.is(202);
    caller
        .get("/v2/app/manifests/v1")
        .await
        .refuses(404, "MANIFEST_UNKNOWN");
    caller
        .ask("DELETE", "/v2/app/manifests/v1")
        .await
        .refuses(404, "MANIFEST_UNKNOWN");
    caller.get(&format!("/v2/app/manifests/{digest}")).await.is(200);

    caller
        .ask("DELETE", &format!("/v2/app/manifests/{digest}"))
        .await
        .is(202);
    caller
        .get(&format!("/v2/app/manifests/{digest}"))
        .await
        .refuses(404, "MANIFEST_UNKNOWN");
    caller
        .get("/v2/app/manifests/v2")
        .await
        .refuses(404, "MANIFEST_UNKNOWN");
    assert_eq!(
        caller.get("/v2/app/tags/list").await.is(200).json()["tags"],
        json!(["other"])
    );
    caller
        .ask("DELETE", &format!("/v2/nowhere/manifests/{digest}"))
        .await
        .refuses(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_tag_is_moved_only_by_who_saw_where_it_was() {
    let caller = Caller::memory();
    let first = caller.image("app", "sig", "one").await;
    let next = caller.manifest("app", "two").await;
    let put = async |condition: (&str, &str)| {
        let headers = [("content-type", media::OCI_MANIFEST), condition];
        caller
            .call("PUT", "/v2/app/manifests/sig", &headers, next.to_string())
            .await
    };
    let seen = format!("\"{first}\"");
    put(("if-none-match", "*")).await.refuses(412, "DENIED");
    put(("if-match", "\"something\"")).await.refuses(412, "DENIED");
    put(("if-match", &format!("\"{}\"", Digest::sha256(b"older"))))
        .await
        .refuses(412, "DENIED");
    put(("if-match", &seen)).await.is(201);
    put(("if-match", &seen)).await.refuses(412, "DENIED");
    put(("if-match", "*")).await.is(201);
}

#[tokio::test]
async fn a_subject_is_acknowledged_whether_it_is_there_or_not() {
    let caller = Caller::memory();
    let subject = Digest::sha256(b"not pushed yet");
    let mut manifest = caller.manifest("app", "signature").await;
    manifest["subject"] = descriptor(media::OCI_MANIFEST, &subject, 14);
    let pushed = caller.put("app", "sig", &manifest).await.is(201);
    assert_eq!(pushed.header("oci-subject"), subject.to_string());
}

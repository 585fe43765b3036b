//! Blobs: whole, in chunks, mounted, in parts.

use super::*;

#[tokio::test]
async fn a_blob_is_pushed_in_one_request_and_read_back() {
    let caller = Caller::memory();
    let digest = Digest::sha256(b"hello");
    let uri = format!("/v2/team/app/blobs/uploads/?digest={digest}");
    let created = caller
        .call("POST", &uri, &[("content-length", "5")], "hello")
        .await
        .is(201);
    assert_eq!(created.header("docker-content-digest"), digest.to_string());
    let location = created.location();
    assert_eq!(location, format!("/v2/team/app/blobs/{digest}"));

    let got = caller.get(&location).await.is(200);
    assert_eq!((got.header("content-length"), &*got.body), ("5", b"hello".as_slice()));
    assert_eq!(got.header("docker-content-digest"), digest.to_string());
    let head = caller.ask("HEAD", &location).await.is(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("5", 0));
}

#[tokio::test]
async fn sha512_is_a_digest_too_whether_announced_or_not() {
    for query in ["", "?digest-algorithm=sha512"] {
        let caller = Caller::memory();
        let digest = sha512(b"hello");
        let opened = caller
            .ask("POST", &format!("/v2/app/blobs/uploads/{query}"))
            .await
            .is(202)
            .location();
        let next = caller
            .call("PATCH", &opened, &[("content-range", "0-1")], "he")
            .await
            .is(202)
            .location();
        caller
            .call("PUT", &format!("{next}?digest={digest}"), &[], "llo")
            .await
            .is(201);
        assert_eq!(
            caller.get(&format!("/v2/app/blobs/{digest}")).await.is(200).body,
            "hello"
        );
    }
}

#[tokio::test]
async fn chunks_come_in_order_and_the_registry_says_where_to_continue() {
    let caller = Caller::memory();
    let upload = caller.open_upload("app").await;
    let first = caller
        .call("PATCH", &upload, &[("content-range", "0-3")], "0123")
        .await
        .is(202);
    assert_eq!((first.header("range"), first.location()), ("0-3", upload.clone()));

    for out_of_order in ["0-3", "5-8"] {
        let refused = caller
            .call("PATCH", &upload, &[("content-range", out_of_order)], "4567")
            .await;
        let refused = refused.refuses(416, "BLOB_UPLOAD_INVALID");
        assert_eq!((refused.header("range"), refused.location()), ("0-3", upload.clone()));
    }
    let digest = Digest::sha256(b"01234567");
    let finish = format!("{upload}?digest={digest}");
    caller
        .call("PUT", &finish, &[("content-range", "9-12")], "4567")
        .await
        .refuses(416, "BLOB_UPLOAD_INVALID");

    let status = caller.get(&upload).await.is(204);
    assert_eq!((status.header("range"), status.location()), ("0-3", upload.clone()));
    caller
        .call("PUT", &finish, &[("content-range", "4-7")], "4567")
        .await
        .is(201);
    assert_eq!(
        caller.get(&format!("/v2/app/blobs/{digest}")).await.is(200).body,
        "01234567"
    );
    caller.get(&upload).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_chunk_is_what_its_headers_say_or_the_upload_ends() {
    for (range, length, body) in [("0-3", "3", "012"), ("0-3", "", "012"), ("0-3", "", "01234")] {
        let caller = Caller::memory();
        let upload = caller.open_upload("app").await;
        let headers: Vec<_> = [("content-range", range), ("content-length", length)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        caller
            .call("PATCH", &upload, &headers, body)
            .await
            .refuses(400, "SIZE_INVALID");
        caller.get(&upload).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    }
    let caller = Caller::memory();
    let upload = caller.open_upload("app").await;
    caller
        .call("PATCH", &upload, &[("content-range", "bytes 0-3/9")], "0123")
        .await
        .refuses(400, "BLOB_UPLOAD_INVALID");
    caller.get(&upload).await.is(204);
}

#[tokio::test]
async fn content_that_is_not_what_was_announced_is_not_kept() {
    let caller = Caller::memory();
    let other = Digest::sha256(b"other");
    let uri = format!("/v2/app/blobs/uploads/?digest={other}");
    caller
        .call("POST", &uri, &[], "hello")
        .await
        .refuses(400, "DIGEST_INVALID");
    let upload = caller.open_upload("app").await;
    caller
        .call("PUT", &format!("{upload}?digest={other}"), &[], "hello")
        .await
        .refuses(400, "DIGEST_INVALID");
    caller
        .get(&format!("/v2/app/blobs/{other}"))
        .await
        .refuses(404, "NAME_UNKNOWN");
    caller.get(&upload).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_digest_that_is_none_is_refused() {
    let caller = Caller::memory();
    let upload = caller.open_upload("app").await;
    for digest in [
        "",
        "sha256:abc",
        "md5:5d41402abc4b2a76b9719d911017c592",
        "sha256:../../../etc/passwd",
    ] {
        caller
            .call("PUT", &format!("{upload}?digest={digest}"), &[], "")
            .await
            .refuses(400, "DIGEST_INVALID");
        caller
            .ask("POST", &format!("/v2/app/blobs/uploads/?digest={digest}"))
            .await
            .refuses(400, "DIGEST_INVALID");
    }
    caller
        .get("/v2/app/blobs/sha256:abc")
        .await
        .refuses(400, "DIGEST_INVALID");
    caller
        .ask("POST", "/v2/app/blobs/uploads/?digest-algorithm=md5")
        .await
        .refuses(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository_and_can_be_cancelled() {
    let caller = Caller::memory();
    let upload = caller.open_upload("app").await;
    let elsewhere = upload.replace("/app/", "/other/");
    caller
        .call("PATCH", &elsewhere, &[], "x")
        .await
        .refuses(404, "BLOB_UPLOAD_UNKNOWN");
    caller
        .ask("DELETE", &elsewhere)
        .await
        .refuses(404, "BLOB_UPLOAD_UNKNOWN");
    caller
        .get("/v2/app/blobs/uploads/not-a-uuid")
        .await
        .refuses(404, "BLOB_UPLOAD_UNKNOWN");
    caller.ask("DELETE", &upload).await.is(204);
    caller.get(&upload).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_blob_is_mounted_from_a_repository_that_holds_it() {
    let caller = Caller::memory();
    let digest = caller.blob("from", b"layer").await;
    let mounted = caller
        .ask("POST", &format!("/v2/to/blobs/uploads/?mount={digest}&from=from"))
        .await
        .is(201);
    assert_eq!(mounted.location(), format!("/v2/to/blobs/{digest}"));
    caller.get(&mounted.location()).await.is(200);

    // The content stays for as long as one repository holds it.
    caller.ask("DELETE", &format!("/v2/from/blobs/{digest}")).await.is(202);
    assert_eq!(caller.get(&mounted.location()).await.is(200).body, "layer");
    caller
        .ask("POST", &format!("/v2/third/blobs/uploads/?mount={digest}"))
        .await
        .is(201);

    // From one that does not, an upload begins instead.
    let opened = caller
        .ask("POST", &format!("/v2/fourth/blobs/uploads/?mount={digest}&from=from"))
        .await
        .is(202);
    caller
        .call("PUT", &format!("{}?digest={digest}", opened.location()), &[], "layer")
        .await
        .is(201);
}

#[tokio::test]
async fn a_blob_is_deleted_once() {
    let caller = Caller::memory();
    let digest = caller.blob("app", b"layer").await;
    let kept = caller.blob("app", b"other").await;
    let uri = format!("/v2/app/blobs/{digest}");
    caller.ask("DELETE", &uri).await.is(202);
    caller.get(&uri).await.refuses(404, "BLOB_UNKNOWN");
    caller.ask("DELETE", &uri).await.refuses(404, "BLOB_UNKNOWN");
    caller.get(&format!("/v2/app/blobs/{kept}")).await.is(200);
    caller
        .ask("DELETE", &format!("/v2/nowhere/blobs/{digest}"))
        .await
        .refuses(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_part_of_a_blob_is_read() {
    let directory = tempfile::tempdir().unwrap();
    for caller in [Caller::memory(), Caller::disk(directory.path())] {
        let digest = caller.blob("app", b"0123456789").await;
        let uri = format!("/v2/app/blobs/{digest}");
        let part = caller.call("GET", &uri, &[("range", "bytes=3-5")], "").await.is(206);
        assert_eq!(
            (part.header("content-range"), part.header("content-length")),
            ("bytes 3-5/10", "3")
        );
        assert_eq!(part.body, "345");
        let outside = caller.call("GET", &uri, &[("range", "bytes=10-")], "").await.is(416);
        assert_eq!(outside.header("content-range"), "bytes */10");
        let empty = caller.blob("app", b"").await;
        assert_eq!(
            caller
                .get(&format!("/v2/app/blobs/{empty}"))
                .await
                .is(200)
                .header("content-length"),
            "0"
        );
    }
}

#[tokio::test]
async fn a_client_that_has_it_is_told_so() {
    let caller = Caller::memory();
    let digest = caller.blob("app", b"layer").await;
    let uri = format!("/v2/app/blobs/{digest}");
    let etag = caller.get(&uri).await.header("etag").to_owned();
    caller.call("GET", &uri, &[("if-none-match", &etag)], "").await.is(304);
    caller
        .call("GET", &uri, &[("if-none-match", "\"another\"")], "")
        .await
        .is(200);
}

#[tokio::test]
async fn every_limit_has_its_refusal() {
    let caller = Caller::limited(Limits {
        blob: 8,
        total: 20,
        open_uploads: 2,
        ..Limits::memory()
    });
    let nine = Digest::sha256(b"123456789");
    let uri = format!("/v2/app/blobs/uploads/?digest={nine}");
    caller
        .call("POST", &uri, &[("content-length", "9")], "123456789")
        .await
        .refuses(413, "SIZE_INVALID");
    caller
        .call("POST", &uri, &[], "123456789")
        .await
        .refuses(413, "SIZE_INVALID");

    let upload = caller.open_upload("app").await;
    caller.call("PATCH", &upload, &[], "12345678").await.is(202);
    caller
        .call("PATCH", &upload, &[], "9")
        .await
        .refuses(413, "SIZE_INVALID");
    caller.get(&upload).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");

    caller.open_upload("app").await;
    caller.open_upload("app").await;
    let refused = caller
        .ask("POST", "/v2/app/blobs/uploads/")
        .await
        .refuses(429, "TOOMANYREQUESTS");
    assert_eq!(refused.header("retry-after"), "10");

    // Twenty bytes are the whole of it, and what goes away makes room again.
    caller.blob("app", b"aaaaaaaa").await;
    let second = caller.blob("app", b"bbbbbbbb").await;
    let third = Digest::sha256(b"cccccccc");
    let uri = format!("/v2/app/blobs/uploads/?digest={third}");
    caller.call("POST", &uri, &[], "cccccccc").await.refuses(507, "DENIED");
    caller.ask("DELETE", &format!("/v2/app/blobs/{second}")).await.is(202);
    caller.call("POST", &uri, &[], "cccccccc").await.is(201);
    // The same content again takes no room for longer than its way here.
    caller.ask("DELETE", &format!("/v2/app/blobs/{third}")).await.is(202);
    for name in ["one", "two", "three"] {
        caller.blob(name, b"aaaaaaaa").await;
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up_and_the_upload_goes_on_where_it_was() {
    let limits = Limits {
        stall: Duration::from_millis(50),
        ..Limits::memory()
    };
    let caller = Caller::limited(limits);
    let stalls = || {
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>("0123")]);
        Body::from_stream(futures_util::StreamExt::chain(first, futures_util::stream::pending()))
    };
    let upload = caller.open_upload("app").await;
    caller
        .call("PATCH", &upload, &[], stalls())
        .await
        .refuses(408, "BLOB_UPLOAD_INVALID");
    assert_eq!(caller.get(&upload).await.is(204).header("range"), "0-3");
    let digest = Digest::sha256(b"01234567");
    let finish = format!("{upload}?digest={digest}");
    caller
        .call("PUT", &finish, &[("content-range", "4-7")], "4567")
        .await
        .is(201);
    caller
        .call("PUT", "/v2/app/manifests/v1", &[], stalls())
        .await
        .refuses(408, "BLOB_UPLOAD_INVALID");
}

#[tokio::test]
async fn an_upload_that_was_left_gives_its_place_away() {
    let limits = Limits {
        open_uploads: 1,
        upload_idle: Duration::ZERO,
        ..Limits::memory()
    };
    let caller = Caller::limited(limits);
    let left = caller.open_upload("app").await;
    caller.open_upload("app").await;
    caller.get(&left).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn names_are_limited_in_number() {
    let caller = Caller::limited(Limits {
        repositories: 1,
        per_repository: 2,
        ..Limits::memory()
    });
    caller.blob("app", b"1").await;
    let one = Digest::sha256(b"1");
    let uri = format!("/v2/another/blobs/uploads/?digest={one}");
    caller.call("POST", &uri, &[], "1").await.refuses(507, "DENIED");
    caller.blob("app", b"2").await;
    let three = Digest::sha256(b"3");
    caller
        .call("POST", &format!("/v2/app/blobs/uploads/?digest={three}"), &[], "3")
        .await
        .refuses(507, "DENIED");
}

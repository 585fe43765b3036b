//! Memory and disk give the same answers to any sequence of requests, and so does the disk after a restart.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    PushBlob {
        name: &'static str,
        content: u8,
    },
    DeleteBlob {
        name: &'static str,
        content: u8,
    },
    Mount {
        from: &'static str,
        to: &'static str,
        content: u8,
    },
    PushImage {
        name: &'static str,
        tag: &'static str,
        layer: u8,
        subject: Option<u8>,
    },
    DeleteTag {
        name: &'static str,
        tag: &'static str,
    },
    DeleteImage {
        name: &'static str,
        layer: u8,
        subject: Option<u8>,
    },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = prop::sample::select(vec!["app", "team/app", "team"]);
    let tag = prop::sample::select(vec!["v1", "latest"]);
    let content = 0..3u8;
    let subject = prop::option::of(0..2u8);
    let step = prop_oneof![
        (name.clone(), content.clone()).prop_map(|(name, content)| Step::PushBlob { name, content }),
        (name.clone(), content.clone()).prop_map(|(name, content)| Step::DeleteBlob { name, content }),
        (name.clone(), name.clone(), content.clone()).prop_map(|(from, to, content)| Step::Mount { from, to, content }),
        (name.clone(), tag.clone(), content.clone(), subject.clone()).prop_map(|(name, tag, layer, subject)| {
            Step::PushImage {
                name,
                tag,
                layer,
                subject,
            }
        }),
        (name.clone(), tag).prop_map(|(name, tag)| Step::DeleteTag { name, tag }),
        (name, content, subject).prop_map(|(name, layer, subject)| Step::DeleteImage { name, layer, subject }),
        Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..24)
}

fn blob(content: u8) -> Vec<u8> {
    vec![content; usize::from(content) * 10]
}

/// Its layer is its configuration, so that one blob makes an image.
fn image(layer: u8, subject: Option<u8>) -> Value {
    let digest = Digest::sha256(&blob(layer));
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": descriptor("application/x-config", &digest, blob(layer).len()),
        "layers": [],
    });
    if let Some(subject) = subject {
        let about = Digest::sha256(image(subject, None).to_string().as_bytes());
        manifest["subject"] = descriptor(media::OCI_MANIFEST, &about, 300);
    }
    manifest
}

async fn take(caller: &Caller, step: &Step) -> Option<Answer> {
    let digest = |content| Digest::sha256(&blob(content));
    Some(match *step {
        Step::PushBlob { name, content } => {
            let uri = format!("/v2/{name}/blobs/uploads/?digest={}", digest(content));
            caller.call("POST", &uri, &[], blob(content)).await
        }
        Step::DeleteBlob { name, content } => {
            caller
                .ask("DELETE", &format!("/v2/{name}/blobs/{}", digest(content)))
                .await
        }
        Step::Mount { from, to, content } => {
            caller
                .ask(
                    "POST",
                    &format!("/v2/{to}/blobs/uploads/?mount={}&from={from}", digest(content)),
                )
                .await
        }
        Step::PushImage {
            name,
            tag,
            layer,
            subject,
        } => caller.put(name, tag, &image(layer, subject)).await,
        Step::DeleteTag { name, tag } => caller.ask("DELETE", &format!("/v2/{name}/manifests/{tag}")).await,
        Step::DeleteImage { name, layer, subject } => {
            let digest = Digest::sha256(image(layer, subject).to_string().as_bytes());
            caller.ask("DELETE", &format!("/v2/{name}/manifests/{digest}")).await
        }
        Step::Restart => return None,
    })
}

/// Everything that can be read.
async fn all(caller: &Caller) -> Vec<(String, StatusCode, String, Bytes)> {
    let mut uris = vec!["/v2/_catalog".to_owned()];
    for name in ["app", "team/app", "team"] {
        uris.push(format!("/v2/{name}/tags/list"));
        uris.extend(["v1", "latest"].map(|tag| format!("/v2/{name}/manifests/{tag}")));
        for content in 0..3 {
            uris.push(format!("/v2/{name}/blobs/{}", Digest::sha256(&blob(content))));
            for subject in [None, Some(0), Some(1)] {
                let digest = Digest::sha256(image(content, subject).to_string().as_bytes());
                uris.push(format!("/v2/{name}/manifests/{digest}"));
                uris.push(format!("/v2/{name}/referrers/{digest}"));
            }
        }
    }
    let mut answers = Vec::new();
    for uri in uris {
        let answer = caller.get(&uri).await;
        answers.push((
            uri,
            answer.status,
            answer.header("content-type").to_owned(),
            answer.body,
        ));
    }
    answers
}

/// An upload's identifier is the one thing that is different every time.
fn comparable(answer: &Answer) -> (StatusCode, Vec<(String, String)>, Bytes) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "docker-upload-uuid")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(_, value)| !value.contains("/blobs/uploads/"))
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

async fn compare(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let memory = Caller::memory();
    let mut disk = Some(Caller::disk(directory.path()));
    for step in &steps {
        if let Step::Restart = step {
            drop(disk.take());
        }
        let on_disk = disk.get_or_insert_with(|| Caller::disk(directory.path()));
        match (take(&memory, step).await, take(on_disk, step).await) {
            (Some(one), Some(other)) => assert_eq!(comparable(&one), comparable(&other), "{step:?}"),
            (None, None) => {}
            _ => unreachable!("a step is taken by both or by none"),
        }
    }
    drop(disk);
    let reopened = Caller::disk(directory.path());
    assert_eq!(all(&memory).await, all(&reopened).await);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_disk_give_the_same_answers(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(compare(steps));
    }
}

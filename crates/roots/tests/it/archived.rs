//! Repositories that TrustRoot documents carry packed, and those from before `trusted_root.json`.

use std::collections::BTreeMap;
use std::io::Write as _;

use bytes::Bytes;
use countersign_evidence::trust::TrustRoot;
use countersign_roots::embedded::Instance;
use countersign_roots::tuf::{ArchiveError, MAX_ENTRIES, MAX_UNPACKED, from_archive};
use countersign_roots::{Archive, Outcome, RefreshError, TARGETS, TRUSTED_ROOT};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::mint::{BEGIN, Mint, days};
use crate::scene::{Scene, first, refresh_error, second, told};

fn packed<'a>(files: impl IntoIterator<Item = (String, &'a [u8])>) -> Bytes {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if name.len() > 100 {
            archive.append_data(&mut header, &name, bytes).unwrap();
            continue;
        }
        // By hand: the library refuses to write the names that a stranger would.
        let field = header.as_old_mut().name.split_at_mut(name.len()).0;
        field.copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap().into()
}

fn of(mint: &Mint, prefix: &str) -> Archive {
    let files = mint
        .files
        .iter()
        .map(|(name, bytes)| (format!("{prefix}{name}"), bytes.as_slice()));
    Archive {
        initial_root: mint.initial_root().into(),
        packed: packed(files),
        targets: TARGETS.to_owned(),
        target: TRUSTED_ROOT.to_owned(),
    }
}

fn plain(trusted_root: &[u8]) -> Mint {
    let mut mint = Mint::new(trusted_root);
    mint.consistent = false;
    mint.files.clear();
    mint.sign_root();
    mint.sign_all();
    mint
}

#[test]
fn a_packed_repository_is_read_as_any_other() {
    for mint in [Mint::new(second()), plain(second())] {
        for prefix in ["repository/", "./repository/"] {
            let archive = of(&mint, prefix);
            let root = from_archive(&archive, BEGIN).unwrap();
            assert_eq!(root.generation(), TrustRoot::parse(second()).unwrap().generation());
            let error = from_archive(&archive, BEGIN + days(7)).unwrap_err();
            assert!(
                matches!(&error, ArchiveError::Metadata(error) if error.outcome() == Outcome::Expired),
                "{error}"
            );
        }
    }
    // Another's root does not open it.
    let archive = Archive {
        initial_root: Mint::new(first()).initial_root().into(),
        ..of(&plain(second()), "repository/")
    };
    let error = from_archive(&archive, BEGIN).unwrap_err();
    assert!(
        matches!(&error, ArchiveError::Metadata(error) if error.outcome() == Outcome::Unproven),
        "{error}"
    );
}

#[test]
fn an_archive_has_limits_and_no_names_that_lead_elsewhere() {
    let mint = plain(second());
    let with = |packed: Bytes| Archive {
        packed,
        ..of(&mint, "repository/")
    };
    let refused = |archive: &Archive| from_archive(archive, BEGIN).unwrap_err();
    assert!(matches!(
        refused(&with(Bytes::from_static(b"not gzip"))),
        ArchiveError::Unpacking(_)
    ));
    assert!(matches!(refused(&with(packed([]))), ArchiveError::Empty));
    assert!(matches!(refused(&of(&mint, "elsewhere/")), ArchiveError::Empty));
    assert!(matches!(
        refused(&of(&mint, "repository/../repository/")),
        ArchiveError::Empty
    ));
    assert!(matches!(refused(&of(&mint, "/repository/")), ArchiveError::Empty));

    let many = (0..=MAX_ENTRIES).map(|number| (format!("repository/{number}"), &b""[..]));
    assert!(matches!(refused(&with(packed(many))), ArchiveError::TooMany));

    // A few kilobytes that are gigabytes when they are unpacked: one file that says so, and one that does not end.
    let zeros = vec![0_u8; usize::try_from(MAX_UNPACKED).unwrap()];
    let large = [
        ("repository/a".to_owned(), zeros.as_slice()),
        ("repository/b".to_owned(), &b"b"[..]),
    ];
    assert!(matches!(refused(&with(packed(large))), ArchiveError::TooLarge));
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&zeros).unwrap();
    bomb.write_all(&zeros).unwrap();
    let error = refused(&with(bomb.finish().unwrap().into()));
    // Zeros end a `tar`, whatever comes after them.
    assert!(matches!(error, ArchiveError::Empty), "{error:?}");
}

// Repositories with a target for each key.

fn pem(certificate: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// Certificate and keys of staging, out of its `trusted_root.json`.
fn material() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let root: Value = serde_json::from_slice(Instance::Staging.trusted_root()).unwrap();
    let bytes = |value: &Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(value.as_str().unwrap())
            .unwrap()
    };
    let chain = &root["certificateAuthorities"][0]["certChain"]["certificates"];
    let chain: String = chain
        .as_array()
        .unwrap()
        .iter()
        .map(|one| pem(&bytes(&one["rawBytes"])))
        .collect();
    let key = |log: &Value| {
        let text = pem(&bytes(&log["publicKey"]["rawBytes"]));
        text.replace("CERTIFICATE", "PUBLIC KEY").into_bytes()
    };
    let is_elliptic = |log: &&Value| log["publicKey"]["keyDetails"].as_str().unwrap().contains("ECDSA");
    let first = |logs: &Value| key(logs.as_array().unwrap().iter().find(is_elliptic).unwrap());
    (chain.into_bytes(), first(&root["tlogs"]), first(&root["ctlogs"]))
}

fn marked(usage: &str, uri: &str) -> Option<Value> {
    Some(json!({"sigstore": {"usage": usage, "status": "Active", "uri": uri}}))
}

fn old_mint(contents: BTreeMap<String, (Vec<u8>, Option<Value>)>) -> Mint {
    let mut mint = Mint::new(first());
    mint.contents = contents;
    mint.publish();
    mint
}

#[tokio::test]
async fn keys_that_are_marked_make_a_root_where_no_target_is_one() {
    let (fulcio, rekor, ctfe) = material();
    let contents: BTreeMap<_, _> = [
        (
            "fulcio.crt.pem".to_owned(),
            (fulcio.clone(), marked("Fulcio", "https://fulcio.example")),
        ),
        (
            "keys/rekor.pub".to_owned(),
            (rekor, marked("Rekor", "https://rekor.example")),
        ),
        ("ctfe.pub".to_owned(), (ctfe, marked("CTFE", ""))),
        ("readme.txt".to_owned(), (b"not a key".to_vec(), None)),
        ("other.pem".to_owned(), (b"not a key".to_vec(), marked("Unknown", ""))),
    ]
    .into();
    let scene = Scene::unread(old_mint(contents.clone()), None).await;
    scene.refreshed().await;
    let root = scene.root().unwrap();
    assert_eq!(
        (root.authorities().len(), root.logs().len(), root.ct_logs().len()),
        (1, 1, 1)
    );
    assert_eq!(root.logs()[0].origin(), "rekor.example");
    assert_eq!(root.authorities()[0].name().as_str(), "https://fulcio.example");

    // Somebody has to issue certificates, and what is marked has to be what it says.
    let mut without = contents.clone();
    without.remove("fulcio.crt.pem");
    let mut wrong = contents;
    wrong.insert("keys/rekor.pub".to_owned(), (b"no key".to_vec(), marked("Rekor", "")));
    for (contents, expected) in [(without, "neither"), (wrong, "`keys/rekor.pub` is marked as Rekor's")] {
        let scene = Scene::unread(old_mint(contents), None).await;
        let error = scene.refused().await;
        assert!(
            matches!(
                refresh_error(&error),
                RefreshError::NoSuchTarget { .. } | RefreshError::Marked { .. }
            ),
            "{}",
            told(&error)
        );
        assert!(told(&error).contains(expected), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_target_that_is_no_trust_root_is_told_and_changes_nothing() {
    let mut scene = Scene::new().await;
    for wrong in [&b"{}"[..], b"", b"[1]"] {
        scene.mint.replace(wrong);
        scene.mint.publish();
        scene.serve();
        let error = scene.refused().await;
        assert!(
            matches!(refresh_error(&error), RefreshError::NotATrustRoot { .. }),
            "{}",
            told(&error)
        );
    }
    assert!(scene.believes(first()));
}

//! Blobs that are damaged, too large, unfinished or not needed any more.

use std::process::Command;
use std::time::{Duration, SystemTime};

use super::*;

#[test]
fn a_blob_is_what_was_put_or_is_named_as_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 10).unwrap();
    let digest = blobs.put(b"evidence").unwrap();
    assert_eq!(digest, Digest::sha256(b"evidence"));
    assert_eq!(blobs.get(&digest).unwrap(), b"evidence");
    let hex = digest.hex();
    let path = dir.path().join("blobs/sha256").join(&hex[..2]).join(&hex);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let found = Digest::sha256(&bytes);
    match blobs.get(&digest) {
        Err(BlobError::Corrupt {
            digest: named,
            found: told,
        }) => assert_eq!((*named, *told), (digest, found)),
        other => panic!("{other:?}"),
    }
    // Who brings it again has mended it.
    blobs.put(b"evidence").unwrap();
    assert_eq!(blobs.get(&digest).unwrap(), b"evidence");
    let none = Digest::sha256(b"none");
    assert!(matches!(blobs.get(&none), Err(BlobError::Missing { digest }) if digest == none));
}

#[test]
fn a_blob_that_is_too_large_or_not_finished_was_never_there() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 10).unwrap();
    let mut upload = blobs.begin().unwrap();
    upload.write(b"12345").unwrap();
    upload.write(b"67890").unwrap();
    assert!(matches!(upload.write(b"1"), Err(BlobError::TooLarge { most: 10 })));
    drop(upload);
    assert_eq!(dir.path().join("arriving").read_dir().unwrap().count(), 0);
    assert!(matches!(
        blobs.get(&Digest::sha256(b"1234567890")),
        Err(BlobError::Missing { .. })
    ));
    assert!(blobs.put(b"1234567890").is_ok());
}

#[test]
fn only_what_is_old_and_not_needed_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 10).unwrap();
    let (needed, other) = (blobs.put(b"needed").unwrap(), blobs.put(b"other").unwrap());
    let hour = Duration::from_secs(3600);
    assert_eq!(blobs.sweep(SystemTime::now() - hour, |_| false).unwrap(), 0);
    assert_eq!(
        blobs
            .sweep(SystemTime::now() + hour, |digest| *digest == needed)
            .unwrap(),
        1
    );
    assert!(blobs.get(&needed).is_ok());
    assert!(matches!(blobs.get(&other), Err(BlobError::Missing { .. })));
}

/// On a runtime of one thread, which has something to do before the disk can answer.
#[tokio::test(flavor = "current_thread")]
async fn who_must_not_wait_for_the_disk_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), 10).unwrap();
    let digest = blobs.keep(b"evidence".to_vec()).await.unwrap();
    // Whoever reads a pipe waits for somebody who writes, and that is this thread.
    let hex = digest.hex();
    let path = dir.path().join("blobs/sha256").join(&hex[..2]).join(&hex);
    std::fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let reading = blobs.fetch(&digest);
    let writing = async {
        let pipe = std::fs::OpenOptions::new().write(true).open(&path);
        std::io::Write::write_all(&mut pipe.unwrap(), b"evidence").unwrap();
    };
    let (read, ()) = tokio::join!(reading, writing);
    assert_eq!(read.unwrap(), b"evidence");
}

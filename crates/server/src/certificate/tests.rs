//! Which pairs are served, what is said of the others, and that the one in force stays.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;
use crate::admin::Readiness;

const NOW: &str = "2026-06-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A directory with a pair that is valid from the one year to the other.
struct Files(TempDir);

impl Files {
    fn new(from: i32, to: i32) -> Self {
        let files = Self(TempDir::new().unwrap());
        files.write(from, to);
        files
    }

    fn certificate(&self) -> PathBuf {
        self.0.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("tls.key")
    }

    fn write(&self, from: i32, to: i32) {
        let (certificate, key) = pair(from, to);
        fs::write(self.certificate(), certificate).unwrap();
        fs::write(self.key(), key).unwrap();
    }

    fn load(&self) -> Result<Certificates, CertificateError> {
        Certificates::load(&self.certificate(), &self.key(), now())
    }
}

fn pair(from: i32, to: i32) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// Looks until the files have settled.
fn look(certificates: &Certificates, now: Timestamp) -> Reloaded {
    loop {
        match certificates.reload(now) {
            Reloaded::Changing => {}
            reloaded => return reloaded,
        }
    }
}

#[test]
fn a_pair_is_loaded_and_says_when_it_ends() {
    let certificates = Files::new(2026, 2027).load().unwrap();
    assert_eq!(certificates.not_after().to_string(), "2027-01-01T00:00:00Z");
}

#[test]
fn an_expired_certificate_is_refused_with_the_date_and_what_to_do() {
    let files = Files::new(2020, 2021);
    let error = files.load().unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the certificate in `{}` expired at 2021-01-01T00:00:00Z (it is now {NOW}): renew it; new files are picked up \
             without a restart once this runs",
            files.certificate().display()
        )
    );
}

#[test]
fn a_certificate_of_tomorrow_is_refused_and_taken_when_its_time_comes() {
    let files = Files::new(2026, 2028);
    let certificates = files.load().unwrap();
    files.write(2027, 2029);
    let Reloaded::Refused(error) = look(&certificates, now()) else {
        panic!("served before its time")
    };
    assert!(
        error.to_string().contains("is not valid before 2027-01-01T00:00:00Z"),
        "{error}"
    );
    assert!(matches!(look(&certificates, now()), Reloaded::Unchanged));
    let Reloaded::Loaded { not_after } = look(&certificates, "2027-01-02T00:00:00Z".parse().unwrap()) else {
        panic!("not served in its time")
    };
    assert_eq!(not_after.to_string(), "2029-01-01T00:00:00Z");
}

#[test]
fn a_key_of_another_certificate_is_refused_by_name() {
    let files = Files::new(2026, 2027);
    fs::write(files.key(), pair(2026, 2027).1).unwrap();
    let error = files.load().unwrap_err();
    assert!(matches!(error, CertificateError::Mismatched { .. }));
    assert!(
        error
            .to_string()
            .contains("does not belong to the first certificate in"),
        "{error}"
    );

    // A chain with the issuer first is the same mistake.
    let (leaf, key) = pair(2026, 2027);
    let (issuer, _) = pair(2026, 2027);
    fs::write(files.certificate(), format!("{issuer}{leaf}")).unwrap();
    fs::write(files.key(), &key).unwrap();
    assert!(matches!(files.load(), Err(CertificateError::Mismatched { .. })));
    fs::write(files.certificate(), format!("{leaf}{issuer}")).unwrap();
    assert!(files.load().is_ok());
}

#[test]
fn what_is_no_pair_is_told_by_file_and_reason() {
    let (certificate, key) = pair(2026, 2027);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let large = "x".repeat(1024 * 1024 + 1);
    for (certificate, key, expected) in [
        ("", key.as_str(), "tls.crt` holds no `CERTIFICATE` block"),
        (key.as_str(), key.as_str(), "tls.crt` holds no `CERTIFICATE` block"),
        (broken, key.as_str(), "tls.crt` is malformed"),
        (
            "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----",
            key.as_str(),
            "tls.crt` is not PEM",
        ),
        (
            &certificate.repeat(17),
            key.as_str(),
            "tls.crt` holds more than 16 certificates",
        ),
        (&large, key.as_str(), "tls.crt` is larger than 1048576 bytes"),
        (
            certificate.as_str(),
            certificate.as_str(),
            "tls.key` holds no private key that can be used",
        ),
        (
            certificate.as_str(),
            &encrypted,
            "tls.key` holds no private key that can be used",
        ),
    ] {
        let files = Files::new(2026, 2027);
        fs::write(files.certificate(), certificate).unwrap();
        fs::write(files.key(), key).unwrap();
        let error = files.load().unwrap_err().to_string();
        assert!(error.contains(expected), "{error} does not say: {expected}");
    }
    let files = Files::new(2026, 2027);
    fs::remove_file(files.key()).unwrap();
    let error = files.load().unwrap_err().to_string();
    assert!(error.ends_with("tls.key` cannot be read"), "{error}");
}

#[test]
fn a_new_pair_that_cannot_be_served_leaves_the_old_one_and_is_told_once() {
    let files = Files::new(2026, 2027);
    let certificates = files.load().unwrap();
    let before = certificates.not_after();
    assert!(matches!(look(&certificates, now()), Reloaded::Unchanged));

    files.write(2020, 2021);
    assert!(matches!(
        look(&certificates, now()),
        Reloaded::Refused(CertificateError::Expired { .. })
    ));
    assert!(matches!(look(&certificates, now()), Reloaded::Unchanged));
    fs::remove_file(files.key()).unwrap();
    assert!(matches!(
        look(&certificates, now()),
        Reloaded::Refused(CertificateError::Unreadable { .. })
    ));
    assert!(matches!(look(&certificates, now()), Reloaded::Unchanged));
    assert_eq!(certificates.not_after(), before);

    files.write(2026, 2030);
    assert!(matches!(look(&certificates, now()), Reloaded::Loaded { .. }));
    assert_eq!(certificates.not_after().to_string(), "2030-01-01T00:00:00Z");
}

/// The half of a chain is a chain, and with its key before it a pair: clients would miss the issuer.
#[test]
fn a_chain_that_is_being_written_is_not_served() {
    let files = Files::new(2026, 2027);
    let certificates = files.load().unwrap();
    let length = || certificates.0.in_force.load().served.cert.len();
    let ((leaf, key), (issuer, _)) = (pair(2026, 2030), pair(2026, 2030));
    fs::write(files.key(), key).unwrap();
    assert!(matches!(certificates.reload(now()), Reloaded::Changing));
    for certificate in ["", &leaf, &format!("{leaf}{issuer}")] {
        fs::write(files.certificate(), certificate).unwrap();
        assert!(
            matches!(certificates.reload(now()), Reloaded::Changing),
            "{certificate}"
        );
        assert_eq!(certificates.not_after().to_string(), "2027-01-01T00:00:00Z");
    }
    assert!(matches!(certificates.reload(now()), Reloaded::Loaded { .. }));
    assert_eq!(length(), 2);
    assert!(matches!(certificates.reload(now()), Reloaded::Unchanged));
}

#[test]
fn files_that_never_settle_are_taken_in_the_end() {
    let files = Files::new(2026, 2027);
    let certificates = files.load().unwrap();
    let taken = (1..).find(|_| {
        files.write(2026, 2030);
        !matches!(certificates.reload(now()), Reloaded::Changing)
    });
    assert_eq!(taken, Some(1 + MAX_LOOKS));
}

/// A volume as the kubelet writes it: `tls.crt` → `..data/tls.crt`, `..data` → a directory that is swapped whole.
fn swap(volume: &TempDir, version: &str, to: i32) {
    let (certificate, key) = pair(2026, to);
    let directory = volume.path().join(version);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("tls.crt"), certificate).unwrap();
    fs::write(directory.join("tls.key"), key).unwrap();
    symlink(version, volume.path().join("..data_tmp")).unwrap();
    fs::rename(volume.path().join("..data_tmp"), volume.path().join("..data")).unwrap();
}

#[tokio::test]
async fn a_mounted_secret_is_followed_and_its_state_is_told() {
    let volume = TempDir::new().unwrap();
    swap(&volume, "..1", 2027);
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), volume.path().join(file)).unwrap();
    }
    let certificates =
        Certificates::load(&volume.path().join("tls.crt"), &volume.path().join("tls.key"), now()).unwrap();
    let (metrics, readiness) = (Metrics::new(), Readiness::new());
    let condition = readiness.condition("certificate", "not looked at yet");
    let watching = certificates
        .clone()
        .watch(Duration::from_millis(5), now, metrics.clone(), condition);
    let watching = tokio::spawn(watching);

    swap(&volume, "..2", 2028);
    let followed = async {
        while certificates.not_after().to_string() != "2028-01-01T00:00:00Z" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), followed).await.unwrap();
    swap(&volume, "..3", 2026);
    let refused = async {
        while !metrics
            .text()
            .contains(r#"countersign_certificate_reloads_total{outcome="refused"} 1"#)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap();
    assert!(
        metrics
            .text()
            .contains("countersign_certificate_expiry_timestamp_seconds 1830297600")
    );
    assert!(readiness.is_ready());
    assert!(!watching.is_finished());
    watching.abort();
}

#[tokio::test]
async fn a_certificate_that_expires_while_served_makes_the_door_unready() {
    fn later() -> Timestamp {
        "2027-06-01T00:00:00Z".parse().unwrap()
    }
    let files = Files::new(2026, 2027);
    let certificates = files.load().unwrap();
    let readiness = Readiness::new();
    let condition = readiness.condition("certificate", "not looked at yet");
    let watching = tokio::spawn(certificates.watch(Duration::from_millis(1), later, Metrics::new(), condition));
    let unready = async {
        while !readiness
            .unmet()
            .iter()
            .any(|unmet| unmet.reason.contains("expired at 2027-01-01T00:00:00Z"))
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), unready).await.unwrap();
    watching.abort();
}

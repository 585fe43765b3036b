//! Reviews of other people, read in place: a real API server's (1.36), and those that Connaisseur tests itself with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_admission::{Carried, Question, Review, ReviewErrorKind, WorkloadError, question};

const POD: &str = "spec.containers[0].image";
const TEMPLATE: &str = "spec.template.spec.containers[0].image";

/// What every review of the real API server names.
const LEGACY: &str = "127.0.0.1:5000/legacy@sha256:a97624c6e84545ac61a316aaafb372b0feaa5fa52155554a139883bd25b80faa";
const CHARLIE: &str =
    "securesystemsengineering/charlie-image@sha256:91ac9b26df583762234c1cdb2fc930364754ccc59bc752a2bfe298d2ea68f9ff";
const REDIS: &str =
    "docker.io/library/redis:latest@sha256:1111111111111111111111111111111111111111111111111111111111111111";

enum Expected {
    /// Path, image, and whether it is carried over unjudged.
    Uses(&'static [(&'static str, &'static str, bool)]),
    /// A review of a version that is not answered.
    OldVersion,
    /// A kind that carries no Pod.
    UnknownKind,
    /// A request without a uid.
    NoUid,
}

use Expected::{NoUid, OldVersion, UnknownKind, Uses};

const REVIEWS: &[(&str, Expected)] = &[
    ("admissionreview-1-CREATE-pods-dryrun", Uses(&[(POD, LEGACY, false)])),
    ("admissionreview-2-CREATE-pods", Uses(&[(POD, LEGACY, false)])),
    (
        "admissionreview-3-CREATE-deployments",
        Uses(&[(TEMPLATE, LEGACY, false)]),
    ),
    (
        "admissionreview-4-CREATE-replicasets",
        Uses(&[(TEMPLATE, LEGACY, false)]),
    ),
    (
        "admissionreview-5-CREATE-statefulsets",
        Uses(&[(TEMPLATE, LEGACY, false)]),
    ),
    ("admissionreview-6-CREATE-pods", Uses(&[(POD, LEGACY, false)])),
    ("admissionreview-7-CREATE-pods", Uses(&[(POD, LEGACY, false)])),
    (
        "admissionreview-8-CREATE-daemonsets",
        Uses(&[(TEMPLATE, LEGACY, false)]),
    ),
    ("admissionreview-9-CREATE-pods", Uses(&[(POD, LEGACY, false)])),
    ("admissionreview-10-CREATE-jobs", Uses(&[(TEMPLATE, LEGACY, false)])),
    ("admissionreview-11-CREATE-pods", Uses(&[(POD, LEGACY, false)])),
    (
        "admissionreview-12-CREATE-cronjobs",
        Uses(&[("spec.jobTemplate.spec.template.spec.containers[0].image", LEGACY, false)]),
    ),
    (
        "admissionreview-13-UPDATE-pods-ephemeralcontainers",
        Uses(&[
            (POD, LEGACY, true),
            ("spec.ephemeralContainers[0].image", LEGACY, false),
        ]),
    ),
    ("admissionreview-14-CREATE-jobs", Uses(&[(TEMPLATE, LEGACY, false)])),
    ("admissionreview-15-CREATE-pods", Uses(&[(POD, LEGACY, false)])),
];

const CONNAISSEUR: &[(&str, Expected)] = &[
    ("02_pod", Uses(&[(POD, CHARLIE, false)])),
    ("03_replicaset", OldVersion),
    ("04_cronjob", OldVersion),
    ("05_replication_controller", Uses(&[(TEMPLATE, "nginx", false)])),
    (
        "07_statefulset",
        Uses(&[(TEMPLATE, "registry.k8s.io/nginx-slim:0.8", false)]),
    ),
    ("08_job", Uses(&[(TEMPLATE, "perl:5.34.0", false)])),
    // Scaled down from four Pods to two.
    ("10_update", Uses(&[(TEMPLATE, REDIS, true)])),
    ("11_role", UnknownKind),
    ("13_unknown_parent", OldVersion),
    (
        "14_deny_me_job",
        Uses(&[(
            TEMPLATE,
            "my.reg/deny-me@sha256:91ac9b26df583762234c1cdb2fc930364754ccc59bc752a2bfe298d2ea68f9ff",
            false,
        )]),
    ),
    (
        "15_allow_me_job",
        Uses(&[(
            TEMPLATE,
            "my.reg/allow-me@sha256:91ac9b26df583762234c1cdb2fc930364754ccc59bc752a2bfe298d2ea68f9ff",
            false,
        )]),
    ),
    ("16_mismatch_uid", Uses(&[(POD, CHARLIE, false)])),
    (
        "17_deny_me_pod",
        Uses(&[(
            POD,
            "my.reg/deny-me@sha256:91ac9b26df583762234c1cdb2fc930364754ccc59bc752a2bfe298d2ea68f9ff",
            false,
        )]),
    ),
    (
        "18_allow_me_pod",
        Uses(&[(
            POD,
            "my.reg/allow-me@sha256:91ac9b26df583762234c1cdb2fc930364754ccc59bc752a2bfe298d2ea68f9ff",
            false,
        )]),
    ),
    (
        "19_pod_initcontainer",
        Uses(&[("spec.initContainers[0].image", "nginx", false), (POD, CHARLIE, false)]),
    ),
    ("21_broken_admission_request", NoUid),
    ("23_alice_digest_dpl", OldVersion),
    ("24_alice_tag_digest_dpl", OldVersion),
];

#[test]
fn the_reviews_of_a_real_api_server_are_read() {
    check("reviews", REVIEWS);
}

#[test]
fn the_reviews_of_connaisseur_are_read_or_refused_by_name() {
    check("connaisseur/admission_requests", CONNAISSEUR);
}

fn check(folder: &str, expected: &[(&str, Expected)]) {
    let Some(mut bodies) = bodies(folder) else {
        println!("corpus not found: {} cases did not run", expected.len());
        return;
    };
    for (name, expected) in expected {
        let body = bodies
            .remove(*name)
            .unwrap_or_else(|| panic!("{folder}/{name}.json is gone"));
        check_one(name, body, expected);
    }
    let new: Vec<_> = bodies.keys().collect();
    assert!(
        new.is_empty(),
        "{folder} has reviews that nobody expects anything of: {new:?}"
    );
}

fn check_one(name: &str, body: Vec<u8>, expected: &Expected) {
    let review = Review::parse(body.into());
    match expected {
        OldVersion => {
            let error = review.expect_err(name);
            assert!(error.uid.is_some(), "{name}");
            let found = "admission.k8s.io/v1beta1".to_owned();
            assert_eq!(error.kind, ReviewErrorKind::Version { found }, "{name}");
        }
        NoUid => {
            let error = review.expect_err(name);
            assert_eq!(error.uid, None, "{name}");
            assert_eq!(error.kind, ReviewErrorKind::Missing { field: "request.uid" }, "{name}");
        }
        UnknownKind => {
            let error = question(&review.expect(name)).expect_err(name);
            assert!(matches!(error, WorkloadError::UnknownKind { .. }), "{name}: {error}");
        }
        Uses(expected) => {
            let Ok(Question::Uses(uses)) = question(&review.expect(name)) else {
                panic!("{name}: no images");
            };
            let found: Vec<(String, &str, bool)> = uses
                .iter()
                .map(|found| {
                    let carried = found.carried == Carried::Unchanged;
                    (found.path.to_string(), found.image.as_str(), carried)
                })
                .collect();
            let expected: Vec<(String, &str, bool)> = expected
                .iter()
                .map(|(path, image, carried)| ((*path).to_owned(), *image, *carried))
                .collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}

/// Every review of a folder, by the name of its file.
#[expect(clippy::disallowed_methods, reason = "a test may read files; the crate may not")]
fn bodies(folder: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let corpus = std::env::var_os("COUNTERSIGN_CORPUS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus")),
        PathBuf::from,
    );
    let mut bodies = BTreeMap::new();
    for entry in corpus.join(folder).read_dir().ok()? {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            bodies.insert(name, std::fs::read(&path).unwrap());
        }
    }
    Some(bodies)
}

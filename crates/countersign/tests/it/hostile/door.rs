//! One door, and many registries that mean it harm at the same time.

use std::path::Path;

use countersign_hostile::{Behaviour as B, HostileRegistry, Stock};
use serde_json::Value;

use super::row::{Expected, row};
use super::run::{leaks, peak, start};
use crate::rig::{Certificate, Door, Folder, policy};

/// What all of them together may take more memory than an honest one, in bytes.
const MEMORY: u64 = 256 << 20;

/// How often an answer is asked for that did not come in time.
const RETRIES: usize = 4;

const ATTACKS: &[(B, Stock, Expected)] = &[
    (
        B::OtherManifestForDigest,
        Stock::Bundled,
        Expected::Denied("signature.unreadable"),
    ),
    (
        B::OtherBlobForDigest,
        Stock::Tagged,
        Expected::Denied("signature.unreadable"),
    ),
    (
        B::SignatureOfAnother,
        Stock::Unsigned,
        Expected::Denied("signature.wrong_image"),
    ),
    (
        B::EndlessManifest,
        Stock::Tagged,
        Expected::Denied("signature.unreadable"),
    ),
    (B::EndlessBlob, Stock::Bundled, Expected::Denied("signature.unreadable")),
    (B::EndlessReferrersPages, Stock::Bundled, Expected::Admitted),
    (
        B::HundredThousandSignatureLayers,
        Stock::Tagged,
        Expected::Denied("signature.unreadable"),
    ),
    (B::TenThousandReferrers, Stock::Bundled, Expected::Admitted),
    (
        B::TenThousandBundles,
        Stock::Bundled,
        Expected::Denied("signature.too_many"),
    ),
    (
        B::ManyEndlessManifests,
        Stock::Bundled,
        Expected::Denied("signature.too_many"),
    ),
    (B::GzipBomb, Stock::Tagged, Expected::Denied("signature.unreadable")),
    (
        B::DeeplyNestedJson,
        Stock::Tagged,
        Expected::Denied("signature.unreadable"),
    ),
    (
        B::RedirectToLinkLocal,
        Stock::Tagged,
        Expected::Denied("signature.unreadable"),
    ),
    (
        B::RealmElsewhere,
        Stock::Tagged,
        Expected::Undecided("registry.unreachable"),
    ),
    (
        B::RealmLinkLocal,
        Stock::Tagged,
        Expected::Denied("signature.unreadable"),
    ),
    (
        B::TokenOfAGibibyte,
        Stock::Tagged,
        Expected::Denied("signature.unreadable"),
    ),
    (B::SlowBody, Stock::Tagged, Expected::Undecided("registry.timeout")),
    (B::SlowHeaders, Stock::Tagged, Expected::Undecided("registry.timeout")),
    (B::Silent, Stock::Tagged, Expected::Undecided("registry.timeout")),
    (
        B::ThrottledForever,
        Stock::Tagged,
        Expected::Undecided("registry.throttled"),
    ),
];

/// Every registry with its key in a policy and its password in the docker configuration, and a door before them.
fn open<'a>(folder: &'a Folder, registries: &[&HostileRegistry]) -> Door<'a> {
    let documents = registries.iter().enumerate().map(|(number, registry)| {
        let key = registry.goods().public_key_pem();
        policy(&format!("policy-{number}"), registry.host(), &key)
    });
    folder.write("policy.yaml", documents.collect::<Vec<_>>().join("\n---\n"));
    let mut docker = serde_json::json!({ "auths": {} });
    for registry in registries {
        let own: Value = serde_json::from_str(&registry.docker_config()).unwrap();
        docker["auths"][registry.host()] = own["auths"][registry.host()].clone();
    }
    folder.write("docker.json", docker.to_string());
    let certificate = Certificate::write(folder, 30);
    let arguments =
        "--listen 127.0.0.1:0 --tls-cert tls.crt --tls-key tls.key --policies policy.yaml --docker-config docker.json";
    Door::open(folder, &certificate, &arguments.split(' ').collect::<Vec<_>>())
}

fn image(registry: &HostileRegistry, stock: Stock) -> String {
    registry.goods().image(stock).pinned.written()
}

#[test]
fn a_door_bears_all_of_them_at_once_and_lets_the_honest_in() {
    let folder = Folder::new();
    let honest = start(&row(B::Honest, Stock::Bundled, Expected::Admitted));
    let attackers: Vec<_> = ATTACKS
        .iter()
        .map(|(behaviour, stock, expected)| start(&row(*behaviour, *stock, *expected)))
        .collect();
    let all: Vec<_> = attackers.iter().chain([&honest]).collect();
    let door = open(&folder, &all);
    let welcome = door.ask_at_once("validate", &[image(&honest, Stock::Bundled)]);
    assert_eq!(welcome[0]["allowed"], true, "{welcome:?}");
    let before = memory(&door);

    let mut images: Vec<_> = ATTACKS
        .iter()
        .zip(&attackers)
        .map(|((_, stock, _), registry)| image(registry, *stock))
        .collect();
    images.push(image(&honest, Stock::Tagged));
    let answers = door.ask_at_once("validate", &images);
    assert_eq!(
        answers.last().unwrap()["allowed"],
        true,
        "the honest one waits for the others"
    );
    let mut faults = Vec::new();
    for ((((behaviour, _, expected), registry), image), answer) in
        ATTACKS.iter().zip(&attackers).zip(&images).zip(answers)
    {
        let answer = settled(&door, image, *expected, answer);
        if !is_as_expected(*expected, &answer) {
            faults.push(format!("{behaviour}: expected {expected:?}, found {answer}"));
        }
        for (name, log) in [
            ("elsewhere", registry.elsewhere()),
            ("the neighbour", registry.neighbour()),
        ] {
            faults.extend(leaks(name, log).into_iter().map(|leak| format!("{behaviour}: {leak}")));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let more = memory(&door).saturating_sub(before);
    assert!(
        more <= MEMORY,
        "took {more} bytes of memory more, and {MEMORY} are the most"
    );
    assert!(
        door.serving.log().iter().all(|line| line["level"] != "ERROR"),
        "{:?}",
        door.serving.log()
    );
}

/// A busy machine may run out of time with all of them at once. Then nothing is allowed, and who asks again is answered.
fn settled(door: &Door<'_>, image: &str, expected: Expected, first: Value) -> Value {
    let mut answer = first;
    for _ in 0..RETRIES {
        let ran_out = message(&answer).contains("registry.timeout") || message(&answer).contains("server.deadline");
        if !ran_out || is_as_expected(expected, &answer) {
            break;
        }
        assert_eq!(answer["allowed"], false, "{answer}");
        answer = door.ask_at_once("validate", &[image.to_owned()]).remove(0);
    }
    answer
}

fn is_as_expected(expected: Expected, answer: &Value) -> bool {
    let is_allowed = answer["allowed"] == true;
    is_allowed == (expected == Expected::Admitted) && message(answer).contains(expected.code().unwrap_or_default())
}

fn message(answer: &Value) -> &str {
    answer["status"]["message"].as_str().unwrap_or_default()
}

/// CVE-2022-47633: what is admitted is what was judged, though the tag names another image whenever it is asked again.
#[test]
fn a_door_admits_what_it_pinned_and_never_what_the_tag_became() {
    let folder = Folder::new();
    let registry = start(&row(B::MovedTag, Stock::Tagged, Expected::Admitted));
    let door = open(&folder, &[&registry]);
    let image = registry.goods().image(Stock::Tagged);
    let mutated = door.ask("mutate", "a", &image.by_tag());
    assert_eq!(mutated["allowed"], true, "{mutated}");
    let patch = decoded(&mutated["patch"]);
    let (signed, other) = (image.pinned.digest().to_string(), image.other.digest().to_string());
    assert!(patch.contains(&signed) && !patch.contains(&other), "{patch}");
    assert_eq!(door.ask("validate", "b", &image.pinned.written())["allowed"], true);
    let denied = door.ask("validate", "c", &image.other.written());
    assert_eq!(denied["allowed"], false, "{denied}");
    let asked = registry.log().seen();
    let by_tag = asked
        .iter()
        .filter(|seen| seen.path.ends_with("/manifests/1.0"))
        .count();
    // Once in vain, because the registry wants a login first.
    assert!(by_tag <= 2, "the tag was resolved more than once: {asked:?}");
}

fn decoded(patch: &Value) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(patch.as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn memory(door: &Door<'_>) -> u64 {
    assert!(Path::new("/proc").exists(), "memory is read from /proc");
    peak(door.serving.id()).unwrap()
}

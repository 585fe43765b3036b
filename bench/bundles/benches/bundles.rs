//! How long a bundle takes to be verified, beside the bare signature checks that it cannot do without:
//! `cargo bench -p countersign-bench-bundles`
//!
//! The bundles are those of Sigstore's conformance suite, read where they lie (`COUNTERSIGN_CORPUS`, else `../shared/corpus`
//! beside the repository). First both are run in turns, and what one costs is given as a multiple of the other, so that what
//! else the machine does meets both alike; then each alone, with its allocations.
#![expect(clippy::print_stdout, reason = "a bench prints what it found")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use countersign_evidence::{
    Bundle, HashRule, LogDemand, Message, PublicKey, TimeDemand, TrustRoot, Trusted, verify_artifact,
};
use countersign_image::Blob;
use countersign_mint::{Key, Kind};
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// The most that a bundle should cost, as a multiple of its bare checks.
const WANTED: f64 = 1.5;
const ROUNDS: usize = 60;

fn main() {
    if CASES.is_empty() {
        println!("corpus not found: no bundle was measured");
        return;
    }
    println!("bundle                              verified        bare   multiple (wanted: under {WANTED})");
    for case in CASES.iter() {
        let (verified, bare) = case.in_turns();
        let multiple = verified.as_secs_f64() / bare.as_secs_f64();
        let missed = if multiple < WANTED { "" } else { " (missed)" };
        println!("{case:<30} {verified:>13.1?} {bare:>11.1?}   {multiple:.2}{missed}");
    }
    divan::main();
}

#[divan::bench(args = CASES.iter())]
fn verified(bencher: Bencher<'_, '_>, case: &Case) {
    bencher.bench(|| case.verify());
}

#[divan::bench(args = CASES.iter())]
fn bare(bencher: Bencher<'_, '_>, case: &Case) {
    bencher.bench(|| case.check());
}

/// A bundle with what it is about and whom to believe, and as many bare checks as it needs.
struct Case {
    what: &'static str,
    bundle: Vec<u8>,
    artifact: Blob,
    trusted: Trusted,
    checks: Vec<Check>,
}

/// A signature that verifies.
struct Check {
    key: PublicKey,
    signature: Vec<u8>,
}

const SIGNED: &[u8] = b"as short as what is signed in a bundle, or as its hash";

impl Check {
    fn new(kind: Kind) -> Self {
        let key = Key::new(kind);
        Self {
            key: PublicKey::from_spki_der(&key.spki()).expect("the key is one"),
            signature: key.sign(SIGNED),
        }
    }

    fn run(&self) {
        let found = self.key.verify(HashRule::Natural, black_box(SIGNED), &self.signature);
        assert!(found.is_ok(), "the key signed it");
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.what)
    }
}

/// What a bundle is to show.
enum Wanted {
    /// A signature by its key.
    Key,
    /// That, in a log and stamped, where it is.
    KeyInLog,
    /// A signature by whoever its certificate names.
    Keyless,
}

impl Case {
    fn read(suite: &Path, what: &'static str, name: &str, wanted: &Wanted, kinds: &[Kind]) -> Self {
        let file = |path: &str| std::fs::read(suite.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let own = suite.join(name).join("trusted_root.json");
        let root = if own.exists() {
            own
        } else {
            suite.join("../../trusted-roots/prod-root-signing-2026.json")
        };
        let root = std::fs::read(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        let root = Arc::new(TrustRoot::parse(&root).expect("the trust root is one"));
        let key = || {
            let pem = String::from_utf8(file(&format!("{name}/key.pub"))).expect("PEM is text");
            PublicKey::from_pem(&pem).expect("the key is one")
        };
        let trusted = match wanted {
            Wanted::Key => Trusted::key(key(), HashRule::Natural),
            Wanted::KeyInLog => Trusted::Key {
                key: key(),
                rule: HashRule::Natural,
                logs: Some(LogDemand::of(root.clone(), 1)),
                times: Some(TimeDemand::of(root, 0)),
            },
            Wanted::Keyless => Trusted::keyless(root),
        };
        Self {
            what,
            bundle: file(&format!("{name}/bundle.sigstore.json")),
            artifact: Blob::new(file("a.txt")),
            trusted,
            checks: kinds.iter().copied().map(Check::new).collect(),
        }
    }

    /// From the bytes to the proof.
    fn verify(&self) {
        let bundle = Bundle::parse(black_box(&self.bundle)).expect("the bundle is one");
        let proof = verify_artifact(&bundle, Message::Bytes(&self.artifact), &self.trusted);
        black_box(proof.expect("the suite says that it is accepted"));
    }

    fn check(&self) {
        self.checks.iter().for_each(Check::run);
    }

    /// The best of many rounds of each, which take turns.
    fn in_turns(&self) -> (Duration, Duration) {
        let timed = |work: &dyn Fn()| {
            let begun = Instant::now();
            (0..20).for_each(|_| work());
            begun.elapsed() / 20
        };
        let mut best = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            best.0 = best.0.min(timed(&|| self.verify()));
            best.1 = best.1.min(timed(&|| self.check()));
        }
        best
    }
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    use Kind::{Ed25519, P256, P384};
    use Wanted::{Key, KeyInLog, Keyless};
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let corpus = std::env::var_os("COUNTERSIGN_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    let suite = corpus.join("sigstore-conformance/bundle-verify");
    if !suite.is_dir() {
        return Vec::new();
    }
    let read = |what, name, wanted, kinds: &[Kind]| Case::read(&suite, what, name, &wanted, kinds);
    vec![
        // The signature.
        read("key", "managed-key-happy-path", Key, &[P256]),
        // The signature, the promise, the checkpoint; the timestamp.
        read(
            "key, log and timestamp",
            "managed-key-happy-path",
            KeyInLog,
            &[P256, P256, P256, P384],
        ),
        // The signature, the promise, the checkpoint, the log of certificates; the certificate.
        read(
            "keyless, proof",
            "happy-path-v0.3",
            Keyless,
            &[P256, P256, P256, P256, P384],
        ),
        read(
            "keyless, proof, attestation",
            "happy-path-intoto-in-dsse-v3",
            Keyless,
            &[P256, P256, P256, P256, P384],
        ),
        // The signature, the log of certificates; the checkpoint; the certificate, the timestamp.
        read(
            "keyless, proof and timestamp",
            "rekor2-happy-path",
            Keyless,
            &[P256, P256, Ed25519, P384, P384],
        ),
    ]
});

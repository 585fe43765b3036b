//! Certificates of a private Sigstore, and every way in which one is not as it should be.

use countersign_mint::{Authority, CtLog, Extension, Key, Kind, San, Sigstore, Spec, TrustedRoot, oid, sequence, utf8};
use jiff::{Timestamp, ToSpan as _};

use super::*;

mod names;
mod paths;
mod promises;
use crate::trust::Window;

const URI: &str = "https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A private Sigstore, a key, and what a certificate for it should say.
struct Rig {
    sigstore: Sigstore,
    key: Key,
}

impl Rig {
    fn new() -> Self {
        Self {
            sigstore: Sigstore::new(),
            key: Key::new(Kind::P256),
        }
    }

    fn spec(&self) -> Spec {
        let spec = self.sigstore.leaf(&self.key, &[San::Uri(URI)]);
        spec.with(Extension::fulcio(1, ISSUER))
            .with(Extension::fulcio(8, ISSUER))
    }

    fn now(&self) -> Timestamp {
        self.sigstore.now
    }

    fn root(&self) -> TrustRoot {
        TrustRoot::parse(&self.sigstore.trusted_root().to_json()).unwrap()
    }

    fn vouch(&self, der: &[u8]) -> Result<Vouched, CertificateError> {
        self.vouch_at(der, &[self.now()])
    }

    fn vouch_at(&self, der: &[u8], times: &[Timestamp]) -> Result<Vouched, CertificateError> {
        vouch(&Leaf::parse(der)?, &[], times, &self.root(), &SctRule::Required)
    }
}

fn chain_of(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[track_caller]
fn refused(outcome: Result<Vouched, CertificateError>, says: &str) {
    match outcome {
        Ok(vouched) => panic!("vouched for by {}, and `{says}` was expected", vouched.authority()),
        Err(error) => {
            let chain = chain_of(&error);
            assert!(chain.contains(says), "`{chain}` does not say `{says}`");
        }
    }
}

#[test]
fn a_certificate_of_the_private_authority_is_vouched_for() {
    let rig = Rig::new();
    let der = rig.sigstore.certify(rig.spec());
    let vouched = rig.vouch(&der).unwrap();
    assert_eq!(vouched.leaf().der(), der);
    assert_eq!(vouched.key().spki_der(), rig.key.spki());
    assert_eq!(vouched.authority().as_str(), "https://fulcio.mint.example");
    assert_eq!(vouched.identity().subjects, [Subject::Uri(URI.to_owned())]);
    assert_eq!(vouched.identity().issuer.as_deref(), Some(ISSUER));
    let logged = vouched.logged().unwrap();
    assert_eq!(
        (logged.base_url.as_str(), logged.time),
        ("https://ctfe.mint.example", rig.now())
    );
    assert_eq!(logged.log.bytes(), rig.sigstore.ct_log.key.id());
}

#[test]
fn every_kind_of_key_issues_and_logs_and_signs() {
    let now = "2026-03-04T05:06:07Z".parse().unwrap();
    for kind in Kind::ALL {
        let authority = Authority::root("root", kind, now);
        let log = CtLog::new("https://ct.example", kind, now);
        let key = Key::new(kind);
        let der = authority.issue_logged(authority.leaf(&key, &[San::Email("a@b.c")], now), &[&log], now);
        let mut root = TrustedRoot::new();
        root.authority("https://ca.example", &authority.chain(), now, None);
        root.ct_log("https://ct.example", &log.key, now, None);
        let root = TrustRoot::parse(&root.to_json()).unwrap();
        let leaf = Leaf::parse(&der).unwrap();
        let vouched = vouch(&leaf, &[], &[now], &root, &SctRule::Required);
        assert!(vouched.is_ok(), "{kind:?}: {}", chain_of(&vouched.unwrap_err()));
    }
}

#[test]
fn it_holds_from_the_first_second_to_the_last_and_not_a_moment_longer() {
    let rig = Rig::new();
    let der = rig.sigstore.certify(rig.spec());
    let (first, last) = (rig.now(), rig.now() + 10.minutes());
    for time in [first, first + 1.nanosecond(), last - 1.nanosecond(), last] {
        assert!(rig.vouch_at(&der, &[time]).is_ok(), "{time}");
    }
    for time in [
        first - 1.nanosecond(),
        last + 1.nanosecond(),
        first - 1.second(),
        last + 1.second(),
    ] {
        refused(rig.vouch_at(&der, &[time]), "is valid from");
        // One time outside is enough, wherever it stands.
        refused(rig.vouch_at(&der, &[first, time]), "is valid from");
        refused(rig.vouch_at(&der, &[time, last]), "is valid from");
    }
    assert_eq!(rig.vouch_at(&der, &[]).unwrap_err(), CertificateError::NoTime);
}

#[test]
fn a_certificate_that_is_not_one_to_sign_with_is_refused() {
    let rig = Rig::new();
    let cases: &[(&str, &dyn Fn(Spec) -> Spec)] = &[
        ("it is an authority's", &|spec| {
            spec.with(Extension::basic_constraints(true, None))
        }),
        ("key usage is not digital signature", &|spec| {
            spec.without(oid::KEY_USAGE)
        }),
        ("key usage is not digital signature", &|spec| {
            spec.with(Extension::key_usage(0x40))
        }),
        ("key usage is not digital signature", &|spec| {
            spec.with(Extension::key_usage(0x84))
        }),
        ("not code signing", &|spec| spec.without(oid::EXTENDED_KEY_USAGE)),
        ("not code signing", &|spec| {
            spec.with(Extension::extended_key_usage(&[]))
        }),
        ("not code signing", &|spec| {
            spec.with(Extension::extended_key_usage(&[oid::SERVER_AUTH]))
        }),
        ("not code signing", &|spec| {
            spec.with(Extension::extended_key_usage(&[oid::TIME_STAMPING]))
        }),
        ("not code signing", &|spec| {
            spec.with(Extension::extended_key_usage(&["2.5.29.37.0"]))
        }),
        ("critical extension that is not known", &|spec| {
            spec.with(Extension::new("1.2.3.4", vec![5, 0]).critical())
        }),
        ("critical extension that is not known", &|spec| {
            spec.with(Extension::fulcio(20, "push").critical())
        }),
    ];
    for (says, change) in cases {
        refused(rig.vouch(&rig.sigstore.certify(change(rig.spec()))), says);
    }
    let fine: &[&dyn Fn(Spec) -> Spec] = &[
        &|spec| spec.with(Extension::basic_constraints(false, None)),
        &|spec| spec.with(Extension::key_usage(0xc0)),
        &|spec| spec.with(Extension::extended_key_usage(&[oid::SERVER_AUTH, oid::CODE_SIGNING])),
        &|spec| spec.with(Extension::new("1.2.3.4", vec![5, 0])),
    ];
    for change in fine {
        let outcome = rig.vouch(&rig.sigstore.certify(change(rig.spec())));
        assert!(outcome.is_ok(), "{}", chain_of(&outcome.unwrap_err()));
    }
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let rig = Rig::new();
    let now = rig.now();
    // Of the same name, which is all that a name says.
    let impostor = Authority::root("mint intermediate", Kind::P384, now);
    let der = impostor.issue_logged(
        impostor.leaf(&rig.key, &[San::Uri(URI)], now),
        &[&rig.sigstore.ct_log],
        now,
    );
    refused(rig.vouch(&der), "no path to an authority");
    let stranger = Authority::root("stranger", Kind::P384, now);
    let der = stranger.issue_logged(
        stranger.leaf(&rig.key, &[San::Uri(URI)], now),
        &[&rig.sigstore.ct_log],
        now,
    );
    refused(
        rig.vouch(&der),
        "no authority of the trust root is its issuer, `stranger`",
    );
    // What it brings makes it no better, nor does a chain of many.
    let leaf = Leaf::parse(&der).unwrap();
    let root = rig.root();
    let outcome = vouch(&leaf, &stranger.chain(), &[now], &root, &SctRule::Required);
    refused(outcome, "no authority of the trust root is its issuer");
    let many = vec![stranger.certificate.clone(); 500];
    refused(
        vouch(&leaf, &many, &[now], &root, &SctRule::Required),
        "500 certificates were brought",
    );
}

#[test]
fn a_root_certificate_vouches_for_nobody_by_itself() {
    let rig = Rig::new();
    for der in rig.sigstore.authority.chain() {
        refused(rig.vouch(&der), "it is an authority's");
    }
    assert_eq!(is_root(&rig.sigstore.authority.above[0]), Ok(true));
    assert_eq!(is_root(&rig.sigstore.authority.certificate), Ok(false));
}

#[test]
fn no_bit_of_a_certificate_can_be_changed() {
    let rig = Rig::new();
    let der = rig.sigstore.certify(rig.spec());
    let root = rig.root();
    assert!(rig.vouch(&der).is_ok());
    for at in 0..der.len() {
        let mut mutant = der.clone();
        mutant[at] ^= 1 << (at % 8);
        let outcome = Leaf::parse(&mutant).and_then(|leaf| vouch(&leaf, &[], &[rig.now()], &root, &SctRule::Required));
        assert!(outcome.is_err(), "byte {at}");
    }
    for longer in [[der.clone(), vec![0]].concat(), [vec![0], der.clone()].concat()] {
        assert!(Leaf::parse(&longer).is_err());
    }
    assert!(matches!(
        Leaf::parse(&vec![0x30; MAX_CERTIFICATE_BYTES + 1]),
        Err(CertificateError::TooLong { .. })
    ));
}

#[test]
fn what_is_no_certificate_of_version_three_is_refused() {
    let rig = Rig::new();
    let issue = |spec: &Spec| rig.sigstore.authority.issue(spec);
    let version_one = Spec {
        version: 0,
        ..rig.spec()
    };
    refused(rig.vouch(&issue(&version_one)), "not of version 3");
    let mut twice = rig.spec();
    twice.extensions.push(Extension::fulcio(1, ISSUER));
    refused(rig.vouch(&issue(&twice)), "an extension twice");
    let mut many = rig.spec();
    many.extensions
        .extend((0..64).map(|number| Extension::new(format!("1.2.3.{number}"), vec![5, 0])));
    refused(rig.vouch(&issue(&many)), "more extensions than are read");
    let two_algorithms = Spec {
        algorithm: Some(Key::new(Kind::P256).algorithm()),
        ..rig.spec()
    };
    refused(rig.vouch(&issue(&two_algorithms)), "two signature algorithms");
    let mut no_key = rig.spec();
    no_key.spki = sequence(&[]);
    refused(rig.vouch(&issue(&no_key)), "key cannot be used");
}

#[test]
fn a_window_that_is_open_says_so() {
    assert_eq!(Window::ALWAYS.to_string(), "the beginning on");
}

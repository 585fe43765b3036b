//! Certificates of a private Sigstore, and every way in which one is not as it should be.

use countersign_mint::{Authority, CtLog, Extension, Key, Kind, San, Sigstore, Spec, TrustedRoot, oid, sequence, utf8};
use jiff::{Timestamp, ToSpan as _};

use super::*;
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
        vouch(&Leaf::parse(der)?, &[], times, &self.root(), SctRule::Required, None)
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
        let vouched = vouch(&leaf, &[], &[now], &root, SctRule::Required, None);
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
    let outcome = vouch(&leaf, &stranger.chain(), &[now], &root, SctRule::Required, None);
    refused(outcome, "no authority of the trust root is its issuer");
    let many = vec![stranger.certificate.clone(); 500];
    refused(
        vouch(&leaf, &many, &[now], &root, SctRule::Required, None),
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

/// A root alone in the trust root, and an intermediate that is brought.
struct Brought {
    rig: Rig,
    root: Authority,
}

impl Brought {
    fn new() -> Self {
        let rig = Rig::new();
        let root = Authority::root("lone root", Kind::P256, rig.now());
        Self { rig, root }
    }

    fn outcome(&self, intermediate: &Authority, times: &[Timestamp]) -> Result<Vouched, CertificateError> {
        self.outcome_with(intermediate, &[intermediate.certificate.clone()], times)
    }

    fn outcome_with(
        &self,
        issuer: &Authority,
        others: &[Vec<u8>],
        times: &[Timestamp],
    ) -> Result<Vouched, CertificateError> {
        let now = self.rig.now();
        let der = issuer.issue(&issuer.leaf(&self.rig.key, &[San::Uri(URI)], now));
        let mut root = TrustedRoot::new();
        root.authority("https://lone.example", &self.root.chain(), now - 1.hour(), None);
        let root = TrustRoot::parse(&root.to_json()).unwrap();
        vouch(
            &Leaf::parse(&der).unwrap(),
            others,
            times,
            &root,
            SctRule::Ignored,
            None,
        )
    }

    fn spec(&self, key: &Key) -> Spec {
        self.root.below_spec("brought", key, oid::CODE_SIGNING, self.rig.now())
    }
}

#[test]
fn an_intermediate_that_is_brought_counts_if_it_is_an_authoritys_at_every_time() {
    let brought = Brought::new();
    let now = brought.rig.now();
    let with = |change: &dyn Fn(Spec) -> Spec| {
        let key = Key::new(Kind::P384);
        let spec = change(brought.spec(&key));
        brought.root.certified(key, spec)
    };
    let fine = with(&|spec| spec);
    assert!(brought.outcome(&fine, &[now]).is_ok());
    // Others beside it do not hide it.
    let stranger = Authority::root("brought", Kind::P256, now);
    let others = [vec![0x30], stranger.certificate.clone(), fine.certificate.clone()];
    assert!(brought.outcome_with(&fine, &others, &[now]).is_ok());
    assert!(
        brought
            .outcome(&with(&|spec| spec.without(oid::EXTENDED_KEY_USAGE)), &[now])
            .is_ok()
    );

    refused(
        brought.outcome_with(&fine, &[], &[now]),
        "no authority of the trust root is its issuer, `brought`",
    );
    let cases: &[(&str, &dyn Fn(Spec) -> Spec)] = &[
        ("EndEntityUsedAsCa", &|spec| spec.without(oid::BASIC_CONSTRAINTS)),
        ("EndEntityUsedAsCa", &|spec| {
            spec.with(Extension::basic_constraints(false, None))
        }),
        ("not for signing certificates", &|spec| {
            spec.with(Extension::key_usage(0x80))
        }),
        ("RequiredEku", &|spec| {
            spec.with(Extension::extended_key_usage(&[oid::TIME_STAMPING]))
        }),
        ("CriticalExtension", &|spec| {
            spec.with(Extension::new("1.2.3.4", vec![5, 0]).critical())
        }),
        ("name constraints", &|spec| {
            spec.with(Extension::new("2.5.29.30", sequence(&[])).critical())
        }),
    ];
    for (says, change) in cases {
        refused(brought.outcome(&with(change), &[now]), says);
    }
    let short = with(&|mut spec| {
        spec.not_after = now + 5.minutes();
        spec
    });
    assert!(brought.outcome(&short, &[now, now + 5.minutes()]).is_ok());
    refused(
        brought.outcome(&short, &[now, now + 6.minutes()]),
        "`brought` is valid from",
    );
    let late = with(&|mut spec| {
        spec.not_before = now + 5.minutes();
        spec
    });
    refused(
        brought.outcome(&late, &[now + 6.minutes(), now]),
        "`brought` is valid from",
    );
}

#[test]
fn an_authority_with_a_depth_of_none_has_none_below_it() {
    let brought = Brought::new();
    let now = brought.rig.now();
    let middle = brought.root.below("middle", Kind::P256, oid::CODE_SIGNING, now);
    let lower = middle.below("lower", Kind::P256, oid::CODE_SIGNING, now);
    let others = [middle.certificate.clone(), lower.certificate.clone()];
    refused(brought.outcome_with(&lower, &others, &[now]), "no path to an authority");
    // The same where the anchor is what allows none: the library does not look at that.
    let rig = Rig::new();
    let lower = rig
        .sigstore
        .authority
        .below("lower", Kind::P256, oid::CODE_SIGNING, rig.now());
    let der = lower.issue(&lower.leaf(&rig.key, &[San::Uri(URI)], rig.now()));
    let leaf = Leaf::parse(&der).unwrap();
    let outcome = vouch(
        &leaf,
        &[lower.certificate],
        &[rig.now()],
        &rig.root(),
        SctRule::Ignored,
        None,
    );
    refused(outcome, "1 authorities are below it");
}

#[test]
fn the_authoritys_window_and_its_own_certificates_hold_at_every_time() {
    let rig = Rig::new();
    let now = rig.now();
    let der = rig.sigstore.certify(rig.spec());
    let leaf = Leaf::parse(&der).unwrap();
    let chain = rig.sigstore.authority.chain();
    let with = |chain: &[Vec<u8>], start, end, times: &[Timestamp]| {
        let mut root = TrustedRoot::new();
        root.authority("https://ca.example", chain, start, end);
        vouch(
            &leaf,
            &[],
            times,
            &TrustRoot::parse(&root.to_json()).unwrap(),
            SctRule::Ignored,
            None,
        )
    };
    let minute = now + 1.minute();
    assert!(
        with(&chain, now, Some(minute), &[now, minute]).is_ok(),
        "both ends are inside"
    );
    let says = "believes `https://ca.example` from";
    refused(with(&chain, now + 1.second(), None, &[now]), says);
    refused(with(&chain, now - 1.hour(), Some(now - 1.nanosecond()), &[now]), says);
    refused(with(&chain, now, Some(minute), &[now, minute + 1.nanosecond()]), says);

    // The root ends before the leaf does, and before the intermediate.
    let root_key = Key::new(Kind::P384);
    let mut root_spec = rig.sigstore.authority.spec.clone();
    root_spec = root_spec.with(Extension::basic_constraints(true, None));
    root_spec.spki = root_key.spki();
    root_spec.issuer = root_spec.subject.clone();
    root_spec.not_after = minute;
    let root = Authority {
        certificate: root_spec.signed_by(&root_key),
        key: root_key,
        spec: root_spec,
        above: Vec::new(),
    };
    let authority = root.below("below", Kind::P256, oid::CODE_SIGNING, now);
    let leaf = Leaf::parse(&authority.issue(&authority.leaf(&rig.key, &[San::Uri(URI)], now))).unwrap();
    let with = |time| {
        let mut root = TrustedRoot::new();
        root.authority("https://ca.example", &authority.chain(), now, None);
        vouch(
            &leaf,
            &[],
            &[time],
            &TrustRoot::parse(&root.to_json()).unwrap(),
            SctRule::Ignored,
            None,
        )
    };
    assert!(with(minute).is_ok());
    refused(with(minute + 1.second()), "`below` is valid from");
}

#[test]
fn of_two_authorities_with_one_name_the_right_one_is_found() {
    let rig = Rig::new();
    let now = rig.now();
    let other =
        Authority::root("mint root", Kind::P384, now).below("mint intermediate", Kind::P384, oid::CODE_SIGNING, now);
    let der = rig.sigstore.certify(rig.spec());
    for first in [true, false] {
        let mut root = rig.sigstore.trusted_root();
        let mut both = TrustedRoot::new();
        both.authority("https://other.example", &other.chain(), now, None);
        let list = root.0["certificateAuthorities"].as_array_mut().unwrap();
        list.insert(usize::from(!first), both.0["certificateAuthorities"][0].take());
        let root = TrustRoot::parse(&root.to_json()).unwrap();
        let vouched = vouch(&Leaf::parse(&der).unwrap(), &[], &[now], &root, SctRule::Required, None).unwrap();
        assert_eq!(vouched.authority().as_str(), "https://fulcio.mint.example");
    }
}

#[test]
fn two_trust_roots_never_mix() {
    let (one, two) = (Rig::new(), Rig::new());
    refused(two.vouch(&one.sigstore.certify(one.spec())), "no path to an authority");
    // Nor does one root's log vouch for another root's authority.
    let der = one
        .sigstore
        .authority
        .issue_logged(one.spec(), &[&two.sigstore.ct_log], one.now());
    refused(one.vouch(&der), "which the trust root does not know");
}

#[test]
fn a_certificate_must_be_promised_to_be_logged() {
    let rig = Rig::new();
    let (now, log) = (rig.now(), &rig.sigstore.ct_log);
    let authority = &rig.sigstore.authority;
    refused(
        rig.vouch(&authority.issue(&rig.spec())),
        "no signed certificate timestamp",
    );
    let empty = rig.spec().with(CtLog::list(&[]));
    refused(rig.vouch(&authority.issue(&empty)), "no signed certificate timestamp");

    let stranger = CtLog::new("https://ct.example", Kind::P256, now);
    let good = log.promise(&rig.spec(), authority, now);
    let other = log.promise(&rig.spec().with(Extension::fulcio(20, "push")), authority, now);
    let elsewhere = {
        let impostor = Authority::root("mint intermediate", Kind::P384, now);
        log.promise(&rig.spec(), &impostor, now)
    };
    let unknown = stranger.promise(&rig.spec(), authority, now);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut later = good.clone();
    later[40] ^= 1;
    let mut version = good.clone();
    version[0] = 1;
    let mut weak = good.clone();
    weak[43] = 2;
    let bad: &[(&str, &[u8])] = &[
        ("over this certificate", &other),
        ("over this certificate", &elsewhere),
        ("does not know", &unknown),
        ("over this certificate", &flipped),
        ("over this certificate", &later),
        ("not of version 1", &version),
        ("algorithm is not supported", &weak),
        ("cannot be read", &good[..good.len() - 1]),
        ("not of version 1", &[]),
    ];
    let issue = |scts: &[&[u8]]| {
        let scts: Vec<Vec<u8>> = scts.iter().map(|sct| sct.to_vec()).collect();
        authority.issue(&rig.spec().with(CtLog::list(&scts)))
    };
    for (says, sct) in bad {
        refused(rig.vouch(&issue(&[sct])), says);
        for both in [[*sct, &good], [&good, *sct]] {
            let outcome = rig.vouch(&issue(&both));
            assert!(outcome.is_ok(), "a bad one hides a good one: {says}");
        }
    }
    refused(rig.vouch(&issue(&vec![unknown.as_slice(); 17])), "more than 16");
    let torn = rig
        .spec()
        .with(Extension::new(oid::SCT_LIST, countersign_mint::octets(&[0, 9, 1])));
    refused(rig.vouch(&authority.issue(&torn)), "the list of them");
    let leaf = Leaf::parse(&issue(&[&flipped])).unwrap();
    assert!(
        vouch(&leaf, &[], &[now], &rig.root(), SctRule::Ignored, None).is_ok(),
        "none is looked at"
    );
}

#[test]
fn the_extensions_of_a_promise_are_signed_with_it() {
    let mut rig = Rig::new();
    rig.sigstore.ct_log.extensions = vec![0, 0, 5, 1, 2, 3, 4, 5];
    let der = rig.sigstore.certify(rig.spec());
    assert!(rig.vouch(&der).is_ok());
    let at = der.windows(5).position(|window| window == [1, 2, 3, 4, 5]).unwrap();
    let mut other = der.clone();
    other[at] = 9;
    assert!(rig.vouch(&other).is_err());
}

#[test]
fn where_the_promise_stands_in_the_certificate_does_not_matter() {
    let rig = Rig::new();
    let sct = CtLog::list(&[rig
        .sigstore
        .ct_log
        .promise(&rig.spec(), &rig.sigstore.authority, rig.now())]);
    for at in 0..=rig.spec().extensions.len() {
        let mut spec = rig.spec();
        spec.extensions.insert(at, sct.clone());
        assert!(rig.vouch(&rig.sigstore.authority.issue(&spec)).is_ok(), "at {at}");
    }
}

#[test]
fn the_window_of_a_log_holds_at_the_time_of_its_promise() {
    let rig = Rig::new();
    let now = rig.now();
    let der = rig.sigstore.certify(rig.spec());
    let with = |start, end| {
        let mut root = rig.sigstore.trusted_root();
        root.0["ctlogs"] = serde_json::json!([]);
        root.ct_log("https://ct.example", &rig.sigstore.ct_log.key, start, end);
        let root = TrustRoot::parse(&root.to_json()).unwrap();
        vouch(&Leaf::parse(&der).unwrap(), &[], &[now], &root, SctRule::Required, None)
    };
    assert!(with(now, Some(now)).is_ok());
    refused(with(now + 1.millisecond(), None), "believes log `https://ct.example`");
    refused(
        with(now - 1.hour(), Some(now - 1.millisecond())),
        "believes log `https://ct.example`",
    );
}

#[test]
fn a_log_is_known_by_its_key_and_not_by_what_is_written_beside_it() {
    let rig = Rig::new();
    let der = rig.sigstore.certify(rig.spec());
    let mut root = rig.sigstore.trusted_root();
    let stranger = CtLog::new("https://ct.example", Kind::P256, rig.now());
    let own_id = root.0["ctlogs"][0]["logId"].clone();
    root.0["ctlogs"] = serde_json::json!([]);
    root.ct_log("https://ct.example", &stranger.key, rig.now(), None);
    root.0["ctlogs"][0]["logId"] = own_id;
    let root = TrustRoot::parse(&root.to_json()).unwrap();
    let outcome = vouch(
        &Leaf::parse(&der).unwrap(),
        &[],
        &[rig.now()],
        &root,
        SctRule::Required,
        None,
    );
    refused(outcome, "which the trust root does not know");
}

#[test]
fn a_detached_promise_counts_in_both_forms() {
    let rig = Rig::new();
    let (now, log) = (rig.now(), &rig.sigstore.ct_log);
    let der = rig.sigstore.authority.issue(&rig.spec());
    let leaf = Leaf::parse(&der).unwrap();
    let with = |detached: &[u8]| vouch(&leaf, &[], &[now], &rig.root(), SctRule::Required, Some(detached));
    assert!(with(&log.promise_of_issued(&der, now)).is_ok());
    let answer = log.answer(&der, now);
    assert!(with(answer.as_bytes()).is_ok());
    // Beside an embedded one that is broken.
    let broken = rig
        .sigstore
        .authority
        .issue(&rig.spec().with(CtLog::list(&[vec![0; 9]])));
    let promise = log.promise_of_issued(&broken, now);
    let outcome = vouch(
        &Leaf::parse(&broken).unwrap(),
        &[],
        &[now],
        &rig.root(),
        SctRule::Required,
        Some(&promise),
    );
    assert!(outcome.is_ok());

    refused(
        with(&log.promise(&rig.spec(), &rig.sigstore.authority, now)),
        "over this certificate",
    );
    refused(with(b""), "cannot be read");
    refused(with(b"{}"), "not a log's answer");
    refused(
        with(answer.replacen('}', ",\"timestamp\":1}", 1).as_bytes()),
        "not a log's answer",
    );
    refused(
        with(answer.replace("\"sct_version\":0", "\"sct_version\":1").as_bytes()),
        "not of version 1",
    );
    refused(with(&vec![0; MAX_DETACHED_SCT_BYTES + 1]), "longer than is read");
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
        let outcome =
            Leaf::parse(&mutant).and_then(|leaf| vouch(&leaf, &[], &[rig.now()], &root, SctRule::Required, None));
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
fn names_of_every_kind_are_read_to_the_byte() {
    let rig = Rig::new();
    let names = [
        San::Email("Jane.Doe+x@Example.COM"),
        San::Uri(URI),
        San::Dns("*.example.com"),
        San::Other("1.3.6.1.4.1.57264.1.7", "foo!oidc.local"),
        San::Other("1.3.6.1.4.1.311.20.2.3", "passed over"),
        San::Raw(0x87, &[127, 0, 0, 1]),
    ];
    let der = rig.sigstore.certify(rig.spec().with(Extension::names(&names)));
    let vouched = rig.vouch(&der).unwrap();
    let expected = [
        ("email", "Jane.Doe+x@Example.COM"),
        ("uri", URI),
        ("dns", "*.example.com"),
        ("other name", "foo!oidc.local"),
    ];
    let subjects = vouched.identity().subjects.iter();
    assert!(subjects.map(|subject| (subject.kind(), subject.as_str())).eq(expected));
}

#[test]
fn a_name_that_others_would_read_as_another_is_refused() {
    let rig = Rig::new();
    let cases: &[(&str, San<'_>)] = &[
        ("control character", San::Email("jane@example.com\0@evil.example")),
        (
            "control character",
            San::Uri("https://github.com/acme/app@main\nhttps://evil.example"),
        ),
        ("control character", San::Uri("https://github.com/acme/app@main\n")),
        ("control character", San::Other("1.3.6.1.4.1.57264.1.7", "foo\0bar")),
        ("empty", San::Email("")),
        ("not ASCII", San::Raw(0x81, "jané@example.com".as_bytes())),
        ("not ASCII", San::Raw(0x86, &[0xff, 0xfe])),
        ("not DER", San::Raw(0xa0, b"junk")),
        ("not DER", San::Raw(0x0c, b"jane@example.com")),
    ];
    for (says, name) in cases {
        let der = rig.sigstore.certify(rig.spec().with(Extension::names(&[*name])));
        refused(rig.vouch(&der), says);
    }
}

#[test]
fn the_issuer_is_read_from_either_extension_and_two_that_differ_are_refused() {
    let rig = Rig::new();
    let issuer = |spec: Spec| {
        rig.vouch(&rig.sigstore.certify(spec))
            .map(|vouched| vouched.identity().issuer.clone())
    };
    let (old, new) = (format!("{}.1", oid::FULCIO), format!("{}.8", oid::FULCIO));
    assert_eq!(issuer(rig.spec()), Ok(Some(ISSUER.to_owned())));
    assert_eq!(issuer(rig.spec().without(&old)), Ok(Some(ISSUER.to_owned())));
    assert_eq!(issuer(rig.spec().without(&new)), Ok(Some(ISSUER.to_owned())));
    assert_eq!(issuer(rig.spec().without(&old).without(&new)), Ok(None));
    let wrong: &[(&str, Extension)] = &[
        ("two issuers", Extension::fulcio(1, "https://evil.example")),
        ("two issuers", Extension::fulcio(8, "https://evil.example")),
        ("two issuers", Extension::new(old.clone(), utf8(ISSUER))),
        (
            "not a UTF8String",
            Extension::new(new.clone(), ISSUER.as_bytes().to_vec()),
        ),
        (
            "not a UTF8String",
            Extension::new(new.clone(), [utf8(ISSUER), vec![0]].concat()),
        ),
        ("not UTF-8", Extension::new(old, vec![0xff])),
    ];
    for (says, extension) in wrong {
        let spec = rig.spec().with(extension.clone());
        refused(rig.vouch(&rig.sigstore.certify(spec)), says);
    }
}

#[test]
fn every_claim_is_read_by_name() {
    let rig = Rig::new();
    let mut spec = rig.spec();
    for claim in Claim::all() {
        spec = spec.with(Extension::fulcio(claim.number(), &format!("value of {claim} ✓")));
    }
    let vouched = rig.vouch(&rig.sigstore.certify(spec)).unwrap();
    let claims = &vouched.identity().claims;
    assert_eq!(claims.iter().count(), 21);
    for (claim, value) in claims.iter() {
        assert_eq!(value, format!("value of {claim} ✓"));
        assert_eq!(Claim::named(claim.name()), Some(claim));
        assert_eq!(claims.get(claim), Some(value));
    }
    assert!(Claim::all().map(Claim::number).eq((2..=6).chain(9..=24)));
    for (name, number) in [
        ("github-workflow-ref", 6),
        ("source-repository-ref", 14),
        ("token-subject", 24),
    ] {
        assert_eq!(Claim::named(name).map(Claim::number), Some(number));
    }
    assert_eq!(Claim::named("issuer"), None);
    for (number, value) in [
        (3, vec![0xff]),
        (9, b"raw".to_vec()),
        (24, [utf8("a"), vec![0]].concat()),
    ] {
        let extension = Extension::new(format!("{}.{number}", oid::FULCIO), value);
        refused(
            rig.vouch(&rig.sigstore.certify(rig.spec().with(extension))),
            "a claim is not",
        );
    }
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
    let mut no_key = rig.spec();
    no_key.spki = sequence(&[]);
    refused(rig.vouch(&issue(&no_key)), "key cannot be used");
}

#[test]
fn a_window_that_is_open_says_so() {
    assert_eq!(Window::ALWAYS.to_string(), "the beginning on");
}

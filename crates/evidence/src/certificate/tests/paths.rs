//! From a certificate to an authority, and all that is on the way.

use super::*;

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
        self.outcome_with(intermediate, std::slice::from_ref(&intermediate.certificate), times)
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
        vouch(&Leaf::parse(&der).unwrap(), others, times, &root, &SctRule::Ignored)
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

/// CVE-2026-32280, from outside: how much it costs is told in `x509::brought`.
#[test]
fn a_heap_of_certificates_that_nobody_signed_is_refused() {
    let brought = Brought::new();
    let now = brought.rig.now();
    let circle = |n: usize| -> Vec<Vec<u8>> {
        let forged =
            || Authority::root("lone root", Kind::P256, now).below("lone root", Kind::P256, oid::CODE_SIGNING, now);
        (0..n).map(|_| forged().certificate).collect()
    };
    let impostor = Authority::root("lone root", Kind::P256, now);
    refused(
        brought.outcome_with(&impostor, &circle(16), &[now]),
        "16 certificates were brought",
    );
    let most = circle(MAX_OTHERS);
    refused(
        brought.outcome_with(&impostor, &most, &[now]),
        "no path to an authority",
    );
    // Nor do they hide what is right.
    assert!(brought.outcome_with(&brought.root, &most, &[now]).is_ok());
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
    let mut brought = Brought::new();
    let spec = brought
        .root
        .spec
        .clone()
        .with(Extension::basic_constraints(true, Some(0)));
    brought.root.certificate = spec.signed_by(&brought.root.key);
    let lower = brought.root.below("lower", Kind::P256, oid::CODE_SIGNING, now);
    refused(brought.outcome(&lower, &[now]), "1 authorities are below it");
}

/// Else an authority that was taken out of the trust root would still be one, for whoever brings its certificate.
#[test]
fn where_the_trust_root_says_who_is_below_a_root_nobody_else_is() {
    let rig = Rig::new();
    let now = rig.now();
    let root = Authority::root("root", Kind::P256, now);
    let [listed, withdrawn] = ["listed", "withdrawn"].map(|name| root.below(name, Kind::P256, oid::CODE_SIGNING, now));
    let outcome = |issuer: &Authority, chains: &[&[Vec<u8>]]| {
        let mut trusted = TrustedRoot::new();
        for chain in chains {
            trusted.authority("https://ca.example", chain, now - 1.hour(), None);
        }
        let trusted = TrustRoot::parse(&trusted.to_json()).unwrap();
        let leaf = Leaf::parse(&issuer.issue(&issuer.leaf(&rig.key, &[San::Uri(URI)], now))).unwrap();
        vouch(&leaf, &issuer.chain(), &[now], &trusted, &SctRule::Ignored)
    };
    let (whole, lone) = (listed.chain(), root.chain());
    assert!(outcome(&listed, &[&whole]).is_ok());
    refused(
        outcome(&withdrawn, &[&whole]),
        "no authority of the trust root is its issuer, `withdrawn`",
    );
    // A root that stands there alone says nothing about who is below it, whatever stands beside it.
    for chains in [vec![&lone[..]], vec![&whole, &lone], vec![&lone, &whole]] {
        assert!(outcome(&withdrawn, &chains).is_ok());
    }
}

/// The library's errors show what was brought: a certificate may name thousands of purposes.
#[test]
fn an_error_does_not_grow_with_the_certificate() {
    let brought = Brought::new();
    let key = Key::new(Kind::P256);
    let purposes = vec![oid::SERVER_AUTH; 4000];
    let spec = brought.spec(&key).with(Extension::extended_key_usage(&purposes));
    let error = brought
        .outcome(&brought.root.certified(key, spec), &[brought.rig.now()])
        .unwrap_err();
    assert!(chain_of(&error).len() < 500, "{} bytes", chain_of(&error).len());
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
            &SctRule::Ignored,
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
}

#[test]
fn an_authority_is_believed_only_while_all_its_certificates_are_valid() {
    let rig = Rig::new();
    let now = rig.now();
    let (first, last) = (now + 1.minute(), now + 2.minutes());
    let root = Authority::root("short root", Kind::P384, now);
    let spec = Spec {
        not_before: first,
        not_after: last,
        ..root.spec.clone()
    };
    let root = Authority {
        certificate: spec.signed_by(&root.key),
        spec,
        ..root
    };
    let authority = root.below("below", Kind::P256, oid::CODE_SIGNING, now);
    let leaf = Leaf::parse(&authority.issue(&authority.leaf(&rig.key, &[San::Uri(URI)], now))).unwrap();
    let with = |times: &[Timestamp]| {
        let mut root = TrustedRoot::new();
        root.authority("https://ca.example", &authority.chain(), now, None);
        let root = TrustRoot::parse(&root.to_json()).unwrap();
        vouch(&leaf, &[], times, &root, &SctRule::Ignored)
    };
    assert!(with(&[first, last]).is_ok());
    for outside in [first - 1.second(), last + 1.second()] {
        refused(with(&[outside]), "`below` is valid from");
        refused(with(&[first, outside]), "`below` is valid from");
    }
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
        let vouched = vouch(&Leaf::parse(&der).unwrap(), &[], &[now], &root, &SctRule::Required).unwrap();
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

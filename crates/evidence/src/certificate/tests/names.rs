//! Whom a certificate names, and what is claimed of him.

use super::*;

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
    for (number, value) in [(6, b"refs/heads/main\nevil".to_vec()), (14, utf8("refs/heads/main\0"))] {
        let extension = Extension::new(format!("{}.{number}", oid::FULCIO), value);
        refused(
            rig.vouch(&rig.sigstore.certify(rig.spec().with(extension))),
            "a claim has a control character",
        );
    }
}

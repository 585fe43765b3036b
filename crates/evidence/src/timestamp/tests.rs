//! Timestamps of a private Sigstore, and every way in which one is not as it should be.

use countersign_mint::{
    Authority, Extension, Hash, Key, Kind, Sigstore, Spec, Stamp, TimeAuthority, TrustedRoot, element, explicit,
    integer, object_identifier, octets, oid, sequence,
};
use jiff::ToSpan as _;

use super::*;

const SIGNATURE: &[u8] = b"a signature";
const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";

fn root_of(chain: &[Vec<u8>], start: Timestamp, end: Option<Timestamp>) -> TrustRoot {
    let mut root = TrustedRoot::new();
    root.time_authority("https://time.example", chain, start, end);
    let root = TrustRoot::parse(&root.to_json()).unwrap();
    assert_eq!(root.unusable(), []);
    root
}

#[track_caller]
fn refused(outcome: Result<Stamped, TimestampError>, says: &str) {
    match outcome {
        Ok(stamped) => panic!("{} was proved, and `{says}` was expected", stamped.time()),
        Err(error) => {
            let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            let chain = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
            assert!(chain.contains(says), "`{chain}` does not say `{says}`");
        }
    }
}

/// A private Sigstore, whose time authority's certificate is in its trust root.
struct Rig {
    sigstore: Sigstore,
    root: TrustRoot,
}

impl Rig {
    fn new() -> Self {
        let sigstore = Sigstore::new();
        let root = TrustRoot::parse(&sigstore.trusted_root().to_json()).unwrap();
        Self { sigstore, root }
    }

    fn stamp(&self) -> Stamp {
        Stamp::new(&self.sigstore.time, SIGNATURE, self.sigstore.now)
    }

    fn verify(&self, stamp: &Stamp) -> Result<Stamped, TimestampError> {
        verify_timestamp(&stamp.sealed_by(&self.sigstore.time), SIGNATURE, &self.root)
    }
}

#[test]
fn a_timestamp_of_the_private_authority_proves_its_time() {
    let rig = Rig::new();
    let stamped = rig.verify(&rig.stamp()).unwrap();
    assert_eq!(stamped.time(), rig.sigstore.now);
    assert_eq!(stamped.authority().as_str(), "https://time.mint.example");
    assert_eq!((stamped.counts_as(), stamped.operator()), ("time.mint.example", None));
}

#[test]
fn every_kind_of_key_signs_times() {
    let now = "2026-03-04T05:06:07Z".parse().unwrap();
    for kind in Kind::ALL {
        let root = Authority::root("time root", kind, now);
        let authority = TimeAuthority::below(&root, "", kind, now);
        let outcome = verify_timestamp(
            &authority.stamp(SIGNATURE, now),
            SIGNATURE,
            &root_of(&authority.chain, now, None),
        );
        assert!(outcome.is_ok(), "{kind:?}: {outcome:?}");
    }
}

type Change = fn(&mut Stamp);

/// What others may write, and nobody here asks for.
const FINE: &[Change] = &[
    |stamp| stamp.status = None,
    |stamp| stamp.status = Some(1),
    |stamp| stamp.tail = Vec::new(),
    |stamp| {
        let name = explicit(0, &explicit(4, &countersign_mint::name("mint time")));
        stamp.tail = [element(1, &[0xff]), integer(u64::MAX), name].concat();
    },
    |stamp| stamp.tail = explicit(1, &sequence(&[&object_identifier("1.2.3.4"), &octets(&[5, 0])])),
    |stamp| stamp.certificates = vec![stamp.signer.clone()],
    |stamp| stamp.certificates = vec![sequence(&[])],
    |stamp| (stamp.imprint_hash, stamp.imprint) = (Hash::Sha256, Hash::Sha256.of(SIGNATURE)),
    |stamp| (stamp.imprint_hash, stamp.imprint) = (Hash::Sha512, Hash::Sha512.of(SIGNATURE)),
    |stamp| stamp.digest_hash = Hash::Sha256,
    // The signing certificate by SHA-1, as it was before RFC 5816.
    |stamp| {
        let id = sequence(&[&octets(&Hash::Sha1.of(&stamp.signer))]);
        let id = Stamp::attribute(SIGNING_CERTIFICATE, &sequence(&[&sequence(&[&id])]));
        let attributes = stamp.usual_attributes();
        stamp.attributes = Some(vec![attributes[0].clone(), attributes[1].clone(), id]);
    },
];

#[test]
fn what_others_may_write_is_read() {
    let rig = Rig::new();
    let verify = |change: Change| {
        let mut stamp = rig.stamp();
        change(&mut stamp);
        rig.verify(&stamp).map(|stamped| stamped.time())
    };
    for (at, change) in FINE.iter().enumerate() {
        assert_eq!(verify(*change), Ok(rig.sigstore.now), "{at}");
    }
    let precise = verify(|stamp| stamp.time = "20260304050607.25Z".into());
    assert_eq!(precise, Ok(rig.sigstore.now + 250.milliseconds()));
}

/// What proves nothing, and why.
const WRONG: &[(&str, Change)] = &[
    ("its status is 2", |stamp| stamp.status = Some(2)),
    ("its status is 5", |stamp| stamp.status = Some(5)),
    ("not a timestamp's", |stamp| {
        stamp.content_type = "1.2.840.113549.1.7.1".into();
    }),
    ("not of version 1", |stamp| stamp.version = 2),
    ("over something else", |stamp| {
        stamp.imprint = Hash::Sha384.of(b"another signature");
    }),
    ("over something else", |stamp| stamp.imprint = Vec::new()),
    ("over something else", |stamp| stamp.imprint_hash = Hash::Sha256),
    ("1.3.14.3.2.26, which is not supported", |stamp| {
        (stamp.imprint_hash, stamp.imprint) = (Hash::Sha1, Hash::Sha1.of(SIGNATURE));
    }),
    ("1.3.14.3.2.26, which is not supported", |stamp| {
        stamp.digest_hash = Hash::Sha1;
    }),
    ("its time is not", |stamp| stamp.time = "20260304050607+0000".into()),
    ("critical extension", |stamp| {
        let critical = [object_identifier("1.2.3.4"), element(1, &[0xff]), octets(&[5, 0])].concat();
        stamp.tail = explicit(1, &sequence(&[&critical]));
    }),
    ("two signers", |stamp| stamp.signers = 2),
    ("not as RFC", |stamp| stamp.signers = 0),
    ("is not signed by", |stamp| {
        stamp.message_digest = Some(Hash::Sha384.of(b"other"));
    }),
    ("by no timestamp authority", |stamp| {
        stamp.signer_id = Stamp::named("mint time root", 4712);
    }),
    ("by no timestamp authority", |stamp| {
        stamp.signer_id = Stamp::named("another root", 4711);
    }),
    ("more certificates", |stamp| {
        stamp.certificates = vec![stamp.signer.clone(); 17];
    }),
    // The certificate under the signature is another than the one that signs.
    ("is not signed by", |stamp| stamp.signer.push(0)),
    ("another type of content", |stamp| {
        stamp.attributes = Some(stamp.usual_attributes()[1..].to_vec());
    }),
    ("another type of content", |stamp| {
        let mut attributes = stamp.usual_attributes();
        attributes[0] = Stamp::attribute("1.2.840.113549.1.9.3", &object_identifier("1.2.840.113549.1.7.1"));
        stamp.attributes = Some(attributes);
    }),
    ("signed no digest", |stamp| {
        let mut attributes = stamp.usual_attributes();
        attributes.remove(1);
        stamp.attributes = Some(attributes);
    }),
    ("not as RFC", |stamp| {
        let mut attributes = stamp.usual_attributes();
        attributes[1] = Stamp::attribute("1.2.840.113549.1.9.4", &[octets(&[1]), octets(&[2])].concat());
        stamp.attributes = Some(attributes);
    }),
    ("an attribute twice", |stamp| {
        let attributes = stamp.usual_attributes();
        stamp.attributes = Some([attributes.clone(), attributes].concat());
    }),
    ("says not which certificate", |stamp| {
        stamp.attributes = Some(stamp.usual_attributes()[..2].to_vec());
    }),
];

#[test]
fn a_timestamp_that_is_not_as_it_should_be_proves_nothing() {
    let rig = Rig::new();
    for (says, change) in WRONG {
        let mut stamp = rig.stamp();
        change(&mut stamp);
        refused(rig.verify(&stamp), says);
    }
    let der = rig.stamp().sealed_by(&rig.sigstore.time);
    refused(
        verify_timestamp(&der[..der.len() - 1], SIGNATURE, &rig.root),
        "not as RFC",
    );
    refused(
        verify_timestamp(&[der, vec![0]].concat(), SIGNATURE, &rig.root),
        "not as RFC",
    );
    refused(
        verify_timestamp(&vec![0; MAX_TIMESTAMP_BYTES + 1], SIGNATURE, &rig.root),
        "65537 bytes",
    );
}

#[test]
fn no_bit_of_a_timestamp_can_be_changed() {
    let rig = Rig::new();
    let stamp = Stamp {
        // What is around the signed content is not signed: the list of algorithms, and the status.
        status: None,
        ..rig.stamp()
    };
    let der = stamp.sealed_by(&rig.sigstore.time);
    let mut unsigned = Vec::new();
    for at in 0..der.len() {
        for bit in 0..8 {
            let mut mutant = der.clone();
            mutant[at] ^= 1 << bit;
            if let Ok(stamped) = verify_timestamp(&mutant, SIGNATURE, &rig.root) {
                assert_eq!(stamped.time(), rig.sigstore.now);
                unsigned.push(at);
            }
        }
    }
    // The two version numbers and the unsigned list of digest algorithms: nothing is read from them.
    unsigned.dedup();
    let digests = Hash::Sha384.algorithm();
    assert!(unsigned.len() <= 2 + digests.len() + 2, "{unsigned:?}");
}

#[test]
fn a_timestamp_of_somebody_else_proves_nothing() {
    let rig = Rig::new();
    let other = TimeAuthority::new("https://time.other.example", rig.sigstore.now);
    // Of the same name and number, under another key.
    refused(
        verify_timestamp(&other.stamp(SIGNATURE, rig.sigstore.now), SIGNATURE, &rig.root),
        "is not signed by",
    );
    // Nor does it help to bring the certificates of either.
    for certificates in [&other.chain, &rig.sigstore.time.chain] {
        let stamp = Stamp {
            certificates: certificates.clone(),
            ..Stamp::new(&other, SIGNATURE, rig.sigstore.now)
        };
        refused(
            verify_timestamp(&stamp.sealed_by(&other), SIGNATURE, &rig.root),
            "is not signed by",
        );
    }
    let only_logs = TrustRoot::parse(&{
        let mut root = rig.sigstore.trusted_root();
        root.0["timestampAuthorities"] = serde_json::json!([]);
        root.to_json()
    });
    let stamp = rig.stamp().sealed_by(&rig.sigstore.time);
    assert_eq!(
        verify_timestamp(&stamp, SIGNATURE, &only_logs.unwrap()),
        Err(TimestampError::NoAuthority)
    );
}

#[test]
fn windows_and_certificates_hold_at_the_time_that_is_signed() {
    let sigstore = Sigstore::new();
    let (now, authority) = (sigstore.now, &sigstore.time);
    let with = |start, end, time| {
        let stamp = authority.stamp(SIGNATURE, time);
        verify_timestamp(&stamp, SIGNATURE, &root_of(&authority.chain, start, end))
    };
    assert!(with(now, Some(now), now).is_ok(), "both ends are inside");
    refused(
        with(now + 1.nanosecond(), None, now),
        "believes `https://time.example` from",
    );
    refused(
        with(now - 1.hour(), Some(now - 1.nanosecond()), now),
        "believes `https://time.example` from",
    );

    let year = now - 1_000_000.hours();
    let (first, last) = (authority.spec.not_before, authority.spec.not_after);
    for time in [first, last] {
        assert_eq!(with(year, None, time).map(|stamped| stamped.time()), Ok(time));
    }
    for time in [first - 1.second(), last + 1.second()] {
        refused(with(year, None, time), "are valid from");
    }
    let late = Stamp {
        time: "20280614130607.001Z".into(),
        ..Stamp::new(authority, SIGNATURE, now)
    };
    assert_eq!(last, "2028-06-14T13:06:07Z".parse().unwrap());
    let late = late.sealed_by(authority);
    refused(
        verify_timestamp(&late, SIGNATURE, &root_of(&authority.chain, year, None)),
        "are valid from",
    );

    // What is above the certificate ends first.
    let root = Authority::root("short root", Kind::P384, now);
    let mut spec = root.spec.clone();
    spec.not_after = now;
    let root = Authority {
        certificate: spec.signed_by(&root.key),
        spec,
        ..root
    };
    let authority = TimeAuthority::below(&root, "", Kind::P384, now);
    let root = root_of(&authority.chain, year, None);
    assert!(verify_timestamp(&authority.stamp(SIGNATURE, now), SIGNATURE, &root).is_ok());
    refused(
        verify_timestamp(&authority.stamp(SIGNATURE, now + 1.second()), SIGNATURE, &root),
        "are valid from",
    );
}

/// A time authority in the trust root that does not say which certificate signs: a timestamp brings it.
struct Brought {
    now: Timestamp,
    root: Authority,
    authority: TimeAuthority,
}

impl Brought {
    fn new() -> Self {
        let now = "2026-03-04T05:06:07Z".parse().unwrap();
        let root = Authority::root("time root", Kind::P384, now);
        let authority = TimeAuthority::below(&root, "", Kind::P256, now);
        Self { now, root, authority }
    }

    fn verify(&self, by: &TimeAuthority, certificates: &[Vec<u8>]) -> Result<Stamped, TimestampError> {
        let stamp = Stamp {
            certificates: certificates.to_vec(),
            ..Stamp::new(by, SIGNATURE, self.now)
        };
        let root = root_of(&self.root.chain(), self.now - 1.hour(), None);
        verify_timestamp(&stamp.sealed_by(by), SIGNATURE, &root)
    }
}

#[test]
fn a_certificate_that_is_brought_counts_if_the_authority_vouches_for_it() {
    let brought = Brought::new();
    let own = &brought.authority.chain[0];
    assert!(brought.verify(&brought.authority, &brought.authority.chain).is_ok());
    assert!(brought.verify(&brought.authority, std::slice::from_ref(own)).is_ok());
    refused(brought.verify(&brought.authority, &[]), "by no timestamp authority");
    refused(
        brought.verify(&brought.authority, &brought.root.chain()),
        "by no timestamp authority",
    );

    let with = |change: &dyn Fn(Spec) -> Spec| {
        let key = Key::new(Kind::P256);
        let spec = change(TimeAuthority::spec(&brought.root, &key, brought.now));
        let authority = TimeAuthority::certified(&brought.root, "", key, spec);
        brought.verify(&authority, &authority.chain)
    };
    assert!(with(&|spec| spec).is_ok());
    let for_times = Extension::extended_key_usage(&[oid::TIME_STAMPING]);
    refused(with(&|spec| spec.with(for_times.clone())), "cannot sign times");
    let for_code = Extension::extended_key_usage(&[oid::CODE_SIGNING]).critical();
    refused(with(&|spec| spec.with(for_code.clone())), "cannot sign times");
    refused(
        with(&|spec| spec.with(Extension::basic_constraints(true, None))),
        "cannot sign times",
    );
    refused(
        with(&|mut spec| {
            spec.not_after = brought.now - 1.second();
            spec
        }),
        "no path to an authority",
    );
}

#[test]
fn a_signer_may_be_named_by_its_key() {
    let brought = Brought::new();
    let named = |id: &[u8]| {
        let key = Key::new(Kind::P256);
        let spec = TimeAuthority::spec(&brought.root, &key, brought.now);
        let spec = spec.with(Extension::new("2.5.29.14", octets(b"the key's own identifier")));
        let authority = TimeAuthority::certified(&brought.root, "", key, spec);
        let mut stamp = Stamp::new(&authority, SIGNATURE, brought.now);
        stamp.signer_id = element(0x80, id);
        stamp.certificates = vec![authority.chain[0].clone()];
        let token = stamp.sealed_by(&authority);
        // With the certificate in the trust root, and with that above it alone.
        [&authority.chain[..], &authority.chain[1..]]
            .map(|chain| verify_timestamp(&token, SIGNATURE, &root_of(chain, brought.now, None)))
    };
    for outcome in named(b"the key's own identifier") {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    for outcome in [named(b"another key's identifier"), named(b"")].into_iter().flatten() {
        refused(outcome, "by no timestamp authority");
    }
}

/// CVE-2026-39984: what was asked of the signer's certificate was asked of another one in the bag.
#[test]
fn a_forged_certificate_in_the_bag_neither_helps_nor_hides() {
    let brought = Brought::new();
    let forger = TimeAuthority::below(
        &Authority::root("time root", Kind::P384, brought.now),
        "",
        Kind::P256,
        brought.now,
    );
    let (forged, own) = (&forger.chain[0], &brought.authority.chain[0]);
    for bag in [vec![forged.clone(), own.clone()], vec![own.clone(), forged.clone()]] {
        refused(brought.verify(&forger, &bag), "");
        assert!(brought.verify(&brought.authority, &bag).is_ok());
    }
    // A certificate that the authority vouches for, but not to sign times: with a good one before it in the bag.
    let key = Key::new(Kind::P256);
    let mut spec = TimeAuthority::spec(&brought.root, &key, brought.now);
    spec = spec.with(Extension::extended_key_usage(&[oid::CODE_SIGNING]).critical());
    spec.serial = 1;
    let signer = TimeAuthority::certified(&brought.root, "", key, spec);
    let bag = [own.clone(), signer.chain[0].clone()];
    refused(brought.verify(&signer, &bag), "cannot sign times");
}

/// CVE-2026-32280, by way of timestamps: a path is looked for only from who has signed.
#[test]
fn what_the_bag_holds_is_not_searched_for_who_has_not_signed() {
    let brought = Brought::new();
    let forger = || Authority::root("time root", Kind::P256, brought.now);
    let circle = (0..15).map(|_| {
        forger()
            .below("time root", Kind::P256, oid::TIME_STAMPING, brought.now)
            .certificate
    });
    let [signer, named] = [(); 2].map(|()| TimeAuthority::below(&forger(), "", Kind::P256, brought.now));
    let bag: Vec<Vec<u8>> = std::iter::once(named.chain[0].clone()).chain(circle).collect();
    refused(brought.verify(&signer, &bag), "is not signed by");
    refused(brought.verify(&named, &bag), "16 certificates were brought");
    refused(brought.verify(&named, &bag[..8]), "no path to an authority");
}

#[test]
fn of_several_authorities_the_one_that_signed_is_named() {
    let now = "2026-03-04T05:06:07Z".parse().unwrap();
    let authorities: Vec<TimeAuthority> = ["https://a.example", "https://b.example"]
        .map(|uri| TimeAuthority::new(uri, now))
        .into();
    let mut root = TrustedRoot::new();
    for authority in &authorities {
        root.time_authority(&authority.uri, &authority.chain, now, None);
    }
    let root = TrustRoot::parse(&root.to_json()).unwrap();
    for authority in &authorities {
        let stamped = verify_timestamp(&authority.stamp(SIGNATURE, now), SIGNATURE, &root).unwrap();
        assert_eq!(stamped.authority().as_str(), authority.uri);
    }
}

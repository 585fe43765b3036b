//! The promises of certificate transparency logs.

use super::*;

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
        vouch(&leaf, &[], &[now], &rig.root(), &SctRule::Ignored).is_ok(),
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
        vouch(&Leaf::parse(&der).unwrap(), &[], &[now], &root, &SctRule::Required)
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
        &SctRule::Required,
    );
    refused(outcome, "which the trust root does not know");
}

#[test]
fn a_detached_promise_counts_in_both_forms() {
    let rig = Rig::new();
    let (now, log) = (rig.now(), &rig.sigstore.ct_log);
    let der = rig.sigstore.authority.issue(&rig.spec());
    let leaf = Leaf::parse(&der).unwrap();
    let rule = |detached: &[u8]| {
        DetachedSct::parse(detached)
            .map(SctRule::RequiredOr)
            .map_err(CertificateError::Sct)
    };
    let with = |detached: &[u8]| vouch(&leaf, &[], &[now], &rig.root(), &rule(detached)?);
    assert!(with(&log.promise_of_issued(&der, now)).is_ok());
    let answer = log.answer(&der, now);
    assert!(with(answer.as_bytes()).is_ok());
    // Beside an embedded one that is broken, or a list that is.
    for list in [
        CtLog::list(&[vec![0; 9]]),
        CtLog::list(&vec![Vec::new(); MAX_SCTS + 1]),
        Extension::new(oid::SCT_LIST, countersign_mint::octets(b"junk")),
    ] {
        let broken = rig.sigstore.authority.issue(&rig.spec().with(list));
        let promise = log.promise_of_issued(&broken, now);
        let leaf = Leaf::parse(&broken).unwrap();
        let outcome = vouch(&leaf, &[], &[now], &rig.root(), &rule(&promise).unwrap());
        assert!(outcome.is_ok(), "{}", chain_of(&outcome.unwrap_err()));
    }

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

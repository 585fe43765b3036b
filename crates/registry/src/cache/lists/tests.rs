//! How long what is known is good for, and what it is worth when the registry is gone.

use std::collections::BTreeMap;

use countersign_evidence::{Gap, GapCause, Item, Layout, Layouts, Look, Origin, Place};
use countersign_image::{Blob, Reference};
use jiff::Timestamp;

use super::*;

fn repository() -> Repository {
    Repository::parse("r.example/app").unwrap()
}

fn client() -> Client {
    Client::new(crate::ClientConfig::default()).unwrap()
}

fn key() -> ListKey {
    let image = Reference::parse("r.example/app:v1")
        .unwrap()
        .resolved(Digest::sha256(b"image"));
    let request = GatherRequest {
        places: Vec::new(),
        signatures: true,
        attestations: true,
        layouts: Layouts::ALL,
        manifest: false,
    };
    ListKey::of(&client(), &image, &request, &Credentials::anonymous())
}

fn signature(name: &str) -> Item {
    let payload = Blob::new(name.as_bytes().to_vec());
    Item {
        origin: Origin {
            repository: repository(),
            layout: Layout::Tag,
            tag_prefix: None,
            manifest: Digest::sha256(b"holder"),
            blob: *payload.digest(),
        },
        content: Content::Simple {
            payload,
            signature: name.to_owned(),
            annotations: BTreeMap::new(),
        },
    }
}

const SIGNATURES: Place = Place::SignatureTag { prefix: None };

fn evidence(items: &[&str], gaps: &[(Place, GapCause)]) -> Evidence {
    let outages = gaps.iter().map(|(place, _)| place);
    let answered = [SIGNATURES, Place::Referrers]
        .into_iter()
        .filter(|place| !outages.clone().any(|gap| gap == place));
    Evidence {
        image: Reference::parse("r.example/app:v1")
            .unwrap()
            .resolved(Digest::sha256(b"image")),
        items: items.iter().map(|name| signature(name)).collect(),
        gaps: gaps
            .iter()
            .map(|(place, cause)| gap(place.clone(), cause.clone()))
            .collect(),
        looked: answered
            .map(|place| Look {
                repository: repository(),
                place,
                found: 1,
            })
            .collect(),
        manifest: None,
        as_of: Timestamp::UNIX_EPOCH,
        stale: false,
    }
}

fn gap(place: Place, cause: GapCause) -> Gap {
    Gap {
        repository: repository(),
        place,
        cause,
    }
}

fn down() -> GapCause {
    GapCause::Unreachable {
        detail: "refused".to_owned(),
    }
}

fn cache() -> ListCache {
    let config = CacheConfig::standard();
    ListCache::new(&config, Arc::new(ContentCache::new(&config, None)), None)
}

fn is_fresh(cache: &ListCache, at: Instant) -> bool {
    matches!(cache.get(&key(), at), Known::Fresh(_) | Known::Ageing(_))
}

#[test]
fn what_was_found_is_fresh_for_minutes_and_renewed_before_that() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let after = |seconds| cache.get(&key(), now + Duration::from_secs(seconds));
    assert!(matches!(after(0), Known::Fresh(_)));
    assert!(matches!(after(239), Known::Fresh(_)));
    assert!(matches!(after(240), Known::Ageing(_)));
    assert!(matches!(after(299), Known::Ageing(_)));
    assert!(matches!(after(300), Known::Old { evidence, failing: false } if evidence.stale));
    assert!(matches!(after(24 * 60 * 60), Known::Old { .. }));
    assert!(matches!(after(24 * 60 * 60 + 1), Known::Nothing));
}

#[test]
fn nothing_found_is_known_for_seconds_and_a_failure_for_a_moment() {
    for (gaps, life) in [
        (vec![], 5),
        (
            vec![(Place::Referrers, GapCause::Malformed { detail: String::new() })],
            5,
        ),
        (vec![(SIGNATURES, GapCause::Denied { status: 403 })], 1),
        (vec![(SIGNATURES, down())], 1),
        (vec![(SIGNATURES, GapCause::TimedOut { after: Duration::ZERO })], 1),
    ] {
        let (cache, now) = (cache(), Instant::now());
        cache.put(&key(), evidence(&[], &gaps), now);
        assert!(
            is_fresh(&cache, now + Duration::from_secs(life) - Duration::from_millis(1)),
            "{gaps:?}"
        );
        assert!(!is_fresh(&cache, now + Duration::from_secs(life)), "{gaps:?}");
    }
}

#[test]
fn while_the_registry_is_down_what_was_known_counts_and_says_that_it_is_old() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let later = now + Duration::from_secs(600);
    let known = cache.put(
        &key(),
        evidence(&[], &[(SIGNATURES, down()), (Place::Referrers, down())]),
        later,
    );
    assert!(known.stale);
    assert_eq!(known.items, [signature("a")]);
    assert_eq!(known.gaps, []);
    let back = cache.put(&key(), evidence(&["b"], &[]), later + Duration::from_secs(60));
    assert!(!back.stale);
    assert_eq!(back.items, [signature("b")]);
}

#[test]
fn what_one_place_answers_in_an_outage_of_another_stays_answered() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let later = now + Duration::from_secs(600);
    for (items, seconds) in [(&["b"][..], 0), (&[][..], 60)] {
        let asked = later + Duration::from_secs(seconds);
        cache.put(&key(), evidence(items, &[(Place::Referrers, down())]), asked);
        let expected: Vec<_> = items.iter().map(|name| signature(name)).collect();
        for moment in [0, 2, 50] {
            let Some(known) = cache.known(&key(), asked + Duration::from_secs(moment)) else {
                panic!("{items:?} is known after {moment} s");
            };
            assert!(known.stale);
            assert_eq!(known.items, expected, "after {moment} s");
        }
    }
}

#[test]
fn what_is_older_than_a_day_counts_no_more() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let later = now + Duration::from_secs(24 * 60 * 60 + 1);
    let known = cache.put(&key(), evidence(&[], &[(SIGNATURES, down())]), later);
    assert!(!known.stale);
    assert_eq!((known.items.len(), known.gaps.len()), (0, 1));
}

#[test]
fn an_outage_does_not_make_the_old_younger() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    for hour in 1..24 {
        let known = cache.put(
            &key(),
            evidence(&[], &[(SIGNATURES, down())]),
            now + Duration::from_secs(hour * 60 * 60),
        );
        assert!(known.stale, "hour {hour}");
    }
    let known = cache.put(
        &key(),
        evidence(&[], &[(SIGNATURES, down())]),
        now + Duration::from_secs(25 * 60 * 60),
    );
    assert!(!known.stale);
}

#[test]
fn what_is_new_counts_beside_what_is_old() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let later = now + Duration::from_secs(600);
    let blob = *Blob::new(&b"a"[..]).digest();
    let known = cache.put(&key(), evidence(&["b"], &[(Place::Blob(blob), down())]), later);
    assert_eq!(known.items, [signature("b"), signature("a")]);
    let unknown = Place::Blob(Digest::sha256(b"never seen"));
    let later = later + Duration::from_secs(600);
    let known = cache.put(&key(), evidence(&["c"], &[(unknown.clone(), down())]), later);
    assert_eq!(known.gaps, [gap(unknown, down())], "what was not known stays unknown");
}

#[test]
fn a_refusal_is_an_answer_and_hides_what_was_seen_before() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let later = now + Duration::from_secs(600);
    let denied = GapCause::Denied { status: 403 };
    let known = cache.put(&key(), evidence(&[], &[(SIGNATURES, denied.clone())]), later);
    assert_eq!((known.items.len(), known.stale), (0, false));
    let known = cache.put(
        &key(),
        evidence(&[], &[(SIGNATURES, down())]),
        later + Duration::from_secs(5),
    );
    assert_eq!(
        (known.items.len(), known.stale),
        (0, false),
        "and an outage does not bring it back"
    );
}

#[test]
fn a_renewal_that_fails_leaves_what_is_still_fresh() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let ageing = now + Duration::from_secs(250);
    let known = cache.put(&key(), evidence(&[], &[(SIGNATURES, down())]), ageing);
    assert_eq!((known.items.len(), known.stale), (1, false));
    assert!(
        matches!(cache.get(&key(), ageing + Duration::from_secs(14)), Known::Fresh(_)),
        "not asked again at once"
    );
    assert!(matches!(
        cache.get(&key(), ageing + Duration::from_secs(15)),
        Known::Ageing(_)
    ));
    assert!(
        matches!(cache.get(&key(), now + Duration::from_secs(300)), Known::Old { .. }),
        "and not for longer"
    );
}

#[test]
fn who_shows_other_credentials_is_told_nothing() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a"], &[]), now);
    let credential = crate::Credential::Basic {
        user: "bob".to_owned(),
        password: crate::Secret::new("p"),
    };
    let bob = Credentials::anonymous().with_host("r.example", credential);
    let image = Reference::parse("r.example/app:v1")
        .unwrap()
        .resolved(Digest::sha256(b"image"));
    let key = ListKey::of(&client(), &image, &key().request, &bob);
    assert!(matches!(cache.get(&key, now), Known::Nothing));
}

#[test]
fn what_lay_under_another_prefix_does_not_fill_a_gap() {
    let prefixed = Place::SignatureTag {
        prefix: Some("p-".to_owned()),
    };
    let mut old = evidence(&["plain", "prefixed"], &[]);
    old.items[1].origin.tag_prefix = Some("p-".to_owned());
    old.looked.push(Look {
        repository: repository(),
        place: prefixed.clone(),
        found: 1,
    });
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), old.clone(), now);
    let later = now + Duration::from_secs(600);
    let known = cache.put(&key(), evidence(&[], &[(prefixed, down())]), later);
    assert_eq!(
        known.items,
        old.items[1..],
        "the plain tag answered: it holds nothing now"
    );
}

#[test]
fn through_an_outage_the_answer_is_the_very_same_evidence() {
    let (cache, now) = (cache(), Instant::now());
    cache.put(&key(), evidence(&["a", "b"], &[]), now);
    let known = |at| match cache.get(&key(), at) {
        Known::Old { evidence, .. } => evidence,
        _ => panic!("it is old"),
    };
    let first = known(now + Duration::from_secs(600));
    assert!(first.stale);
    assert!(Arc::ptr_eq(&first, &known(now + Duration::from_secs(601))));
    for tries in 1..=3 {
        let at = now + Duration::from_secs(700 * tries);
        let outage = evidence(&[], &[(SIGNATURES, down()), (Place::Referrers, down())]);
        let answer = cache.put(&key(), outage, at);
        assert!(Arc::ptr_eq(&first, &answer), "nothing was learnt");
        assert!(Arc::ptr_eq(&first, &known(at + Duration::from_secs(2))));
    }
    let learnt = cache.put(
        &key(),
        evidence(&["a"], &[(Place::Referrers, down())]),
        now + Duration::from_secs(9000),
    );
    assert_eq!(learnt.items, [signature("a")]);
}

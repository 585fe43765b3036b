//! A registry that is gone, stalls or fails: what it holds up, what it does not, and what people are told.

use std::time::{Duration, Instant};

use countersign_evidence::Layout;
use countersign_image::Pinned;
use countersign_server::serve::AdmissionPlan;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::api_server::{create, pod};
use super::rig::shop::{Fault, Shop, key_authority, policy, policy_with};
use super::rig::{Rig, eventually};

#[tokio::test]
async fn a_registry_that_is_gone_holds_up_what_is_new_and_nothing_else() {
    let mut shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let known = shop.push_signed("team/known", "1.0").await.written();
    let new = shop.push_signed("team/new", "1.0").await;
    rig.validate(&create(&pod(&[&known]))).await.expect_allowed();
    shop.stop().await;

    let undecided = rig.validate(&create(&pod(&[&new.written()]))).await;
    let host = shop.address.to_string();
    undecided.expect_refused(
        503,
        &[
            "undecided policy: signed",
            "registry.unreachable",
            &host,
            "Connection refused",
            "this is not a denial",
        ],
    );
    rig.validate(&create(&pod(&[&known]))).await.expect_allowed();
    let both = rig.validate(&create(&pod(&[&known, &new.written()]))).await;
    both.expect_refused(503, &["spec.containers[1].image", "registry.unreachable"]);
    let tag = shop.name("team/new", "1.0");
    let unresolved = rig.mutate(&create(&pod(&[&tag]))).await;
    unresolved.expect_refused(503, &["registry.unreachable", &host, &tag, "spec.containers[0].image"]);

    shop.start_again().await;
    is_let_in(&rig, &new).await;
    let resolved = async || rig.mutate(&create(&pod(&[&tag]))).await.allowed().then_some(());
    eventually("the tag is resolved after the outage", resolved).await;
}

/// Asked again, as whoever is turned away with 503 does.
async fn is_let_in(rig: &Rig, image: &Pinned) {
    let let_in = async || {
        let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
        assert!(
            answer.allowed() || answer.code() == 503,
            "an outage is no denial: {}",
            answer.message()
        );
        answer.allowed().then_some(())
    };
    eventually("the image is let in after the outage", let_in).await;
}

/// How a registry goes away.
#[derive(Clone, Copy)]
enum Goes {
    /// Nobody listens.
    Away,
    /// Connections are made, and nobody takes them.
    Deaf,
    /// What is asked under such a path fails so.
    Wrong(&'static str, Fault),
}

/// One way of being away.
struct Outage {
    goes: Goes,
    /// Under which code, and with which words, an image that nobody has seen is turned away.
    told: (&'static str, &'static str),
    /// Whether who waits hears of it only when the time is up.
    hangs: bool,
    /// Whether it keeps the lists of an image that was seen before from being read again.
    hides_lists: bool,
}

const fn outage(goes: Goes, code: &'static str, words: &'static str) -> Outage {
    Outage {
        goes,
        told: (code, words),
        hangs: false,
        hides_lists: true,
    }
}

const fn hanging(outage: Outage) -> Outage {
    Outage { hangs: true, ..outage }
}

/// Content that was read before is not read again.
const fn of_content(outage: Outage) -> Outage {
    Outage {
        hides_lists: false,
        ..outage
    }
}

const fn answers(status: u16, retry_after: Option<u32>) -> Goes {
    Goes::Wrong("/v2/", Fault::Answers(status, retry_after))
}

const OUTAGES: [Outage; 14] = [
    outage(Goes::Away, "registry.unreachable", "Connection refused"),
    hanging(outage(Goes::Deaf, "registry.timeout", "no answer within 4.")),
    hanging(outage(
        Goes::Wrong("/v2/", Fault::Hangs),
        "registry.timeout",
        "no answer within 4.",
    )),
    hanging(outage(
        Goes::Wrong("/v2/", Fault::Forgets),
        "registry.timeout",
        "no answer within 4.",
    )),
    hanging(outage(
        Goes::Wrong("/v2/", Fault::Trickles),
        "registry.timeout",
        "no answer within 4.",
    )),
    outage(answers(429, None), "registry.throttled", "asked to be left alone"),
    outage(
        answers(429, Some(3600)),
        "registry.throttled",
        "asked to be left alone for a while, 3600 s",
    ),
    hanging(outage(
        answers(429, Some(9)),
        "registry.throttled",
        "asked to be left alone for a while, 9 s",
    )),
    outage(answers(500, None), "registry.unavailable", "status 500"),
    outage(answers(502, None), "registry.unavailable", "status 502"),
    outage(answers(503, None), "registry.unavailable", "status 503"),
    outage(
        Goes::Wrong("/referrers/", Fault::Dies),
        "registry.unreachable",
        "broke off",
    ),
    of_content(outage(
        Goes::Wrong("/manifests/sha256:", Fault::Dies),
        "registry.unreachable",
        "broke off",
    )),
    of_content(outage(
        Goes::Wrong("/blobs/", Fault::Dies),
        "registry.unreachable",
        "broke off",
    )),
];

/// Whatever becomes of one registry: another's images, and another namespace, are not held up; an image that was seen
/// before is let in on what was read then, and the ground says how long ago; a new one is undecided in time, for a cause
/// that is named; and once the registry is back, who waited and who asks again is let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_whatever_kind_holds_up_what_is_new_and_nothing_else() {
    join_all(OUTAGES.iter().map(|outage| async move { outage.check().await })).await;
}

impl Outage {
    async fn check(&self) {
        let (mut shop, well) = (Shop::open().await, Shop::open().await);
        let files = [
            ("1.yaml", policy("ill", &shop.everything(), &key_authority(&shop.key))),
            ("2.yaml", policy("well", &well.everything(), &key_authority(&well.key))),
        ];
        let lists_age_at_once = |plan: &mut AdmissionPlan| {
            plan.cache.lists = Duration::ZERO;
            plan.cache.patience = Duration::from_millis(200);
        };
        let rig = Rig::open_with(&files, lists_age_at_once).await;
        let known = shop.push_signed("team/known", "1.0").await;
        let new = shop.push_signed("team/new", "1.0").await;
        let waiting = shop.push_signed("team/waiting", "1.0").await.written();
        let another = well.push_signed("team/another", "1.0").await.written();
        rig.validate(&create(&pod(&[&known.written()]))).await.expect_allowed();

        match self.goes {
            Goes::Away => shop.stop().await,
            Goes::Deaf => shop.goes_deaf().await,
            Goes::Wrong(part, fault) => shop.traffic.fails(part, fault),
        }
        let api_server = rig.another_api_server();
        let request = create(&pod(&[&waiting]));
        let waits = self
            .hangs
            .then(|| tokio::spawn(async move { api_server.ask_with_timeout("validate", "30s", &request).await }));
        let mut elsewhere = create(&pod(&[&another]));
        elsewhere["namespace"] = json!("another");
        rig.validate(&elsewhere).await.expect_allowed();
        assert!(waits.as_ref().is_none_or(|waits| !waits.is_finished()), "it hangs");

        self.lets_in_what_it_knows(&rig, &known).await;
        let (code, words) = self.told;
        let host = shop.address.to_string();
        let refused = rig
            .api_server
            .ask_with_timeout("validate", "5s", &create(&pod(&[&new.written()])))
            .await;
        refused.expect_refused(
            503,
            &["undecided policy: ill", code, &host, words, "this is not a denial"],
        );

        match self.goes {
            Goes::Away | Goes::Deaf => shop.start_again().await,
            Goes::Wrong(..) => shop.traffic.recovers(),
        }
        if let Some(waits) = waits {
            let answer = waits.await.unwrap();
            // What resets every connection when it comes back has failed once more, and has to be asked again.
            if !matches!(self.goes, Goes::Deaf) {
                answer.expect_allowed();
            }
        }
        is_let_in(&rig, &new).await;
    }

    /// Under another name for the same digest: the verdict is another one, and the evidence the same.
    async fn lets_in_what_it_knows(&self, rig: &Rig, known: &Pinned) {
        let by_digest = format!("{}@{}", known.repository(), known.digest());
        let request = create(&pod(&[&by_digest]));
        let answer = rig.validate(&request).await;
        answer.expect_allowed();
        let grounds = answer.0["response"]["auditAnnotations"]["grounds"].as_str().unwrap();
        assert_eq!(grounds.contains("stale"), self.hides_lists, "{grounds}");
        let record = rig.record(request["uid"].as_str().unwrap()).await;
        let ground = &record["images"][0]["rulings"][0]["grounds"][0];
        assert_eq!(ground["stale"], json!(self.hides_lists), "{record:#}");
        assert_eq!(ground["listsAgeSeconds"].is_u64(), self.hides_lists, "{record:#}");
        let text = ground["text"].as_str().unwrap();
        let says = text.contains("(from lists read ") && text.ends_with(" ago, as the registry cannot be reached)");
        assert_eq!(says, self.hides_lists, "{text}");
    }
}

/// What is known is not verified again for everybody who asks while the registry is gone.
#[tokio::test]
async fn in_an_outage_a_verdict_is_reached_once() {
    let mut shop = Shop::open().await;
    let no_list_is_fresh = |plan: &mut AdmissionPlan| {
        plan.cache.lists = Duration::ZERO;
        plan.clock = || jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    };
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], no_list_is_fresh).await;
    let image = shop.push_signed("team/app", "1.0").await.written();
    let judged = async || {
        let series = r#"countersign_cache_lookups_total{cache="verdicts",lookup="miss"}"#;
        rig.metric(series).await.unwrap()
    };
    let asks = async || {
        rig.validate(&create(&pod(&[&image]))).await.expect_allowed();
    };
    asks().await;
    shop.stop().await;
    asks().await;
    let before = judged().await;
    for _ in 0..20 {
        asks().await;
    }
    assert_eq!(judged().await, before);
}

#[tokio::test]
async fn what_is_older_than_a_cache_may_be_is_not_used() {
    let mut shop = Shop::open().await;
    let nothing_keeps = |plan: &mut AdmissionPlan| {
        plan.cache.lists = Duration::ZERO;
        plan.cache.stale = Duration::ZERO;
    };
    let rig = Rig::open_with(&[("shop.yaml", shop.policy())], nothing_keeps).await;
    let image = shop.push_signed("team/app", "1.0").await;
    rig.validate(&create(&pod(&[&image.written()]))).await.expect_allowed();
    shop.stop().await;
    let by_digest = format!("{}@{}", image.repository(), image.digest());
    let answer = rig.validate(&create(&pod(&[&by_digest]))).await;
    answer.expect_refused(503, &["registry.unreachable"]);
}

/// A connection that died without a word costs the moment that it takes to try another.
#[tokio::test]
async fn connections_that_died_keep_nobody_out() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let (first, second) = (
        shop.push_signed("team/app", "1.0").await.written(),
        shop.push_signed("team/app", "2.0").await.written(),
    );
    rig.validate(&create(&pod(&[&first]))).await.expect_allowed();
    shop.traffic.fails("/v2/", Fault::ForgetsConnections);
    let answer = rig
        .api_server
        .ask_with_timeout("validate", "30s", &create(&pod(&[&second])))
        .await;
    answer.expect_allowed();
}

/// What waits for a registry that hangs leaves room for all others, however many wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_that_wait_for_one_registry_turn_nobody_else_away() {
    const API_SERVERS: usize = 6;
    const EACH: usize = 250;
    let (ill, well) = (Shop::open().await, Shop::open().await);
    let files = [
        ("1.yaml", policy("ill", &ill.everything(), &key_authority(&ill.key))),
        ("2.yaml", policy("well", &well.everything(), &key_authority(&well.key))),
    ];
    let rig = Rig::open(&files).await;
    let known = ill.push_signed("team/known", "1.0").await.written();
    let another = well.push_signed("team/another", "1.0").await.written();
    rig.validate(&create(&pod(&[&known]))).await.expect_allowed();
    ill.traffic.fails("/v2/", Fault::Forgets);

    let api_servers: Vec<_> = (0..API_SERVERS).map(|_| rig.another_api_server()).collect();
    for api_server in &api_servers {
        // From here on it has its one connection.
        api_server
            .ask("validate", &create(&pod(&[&known])))
            .await
            .expect_allowed();
    }
    let asked: Vec<_> = (0..API_SERVERS * EACH)
        .map(|number| {
            let (api_server, image) = (api_servers[number % API_SERVERS].clone(), distinct(&ill, number));
            tokio::spawn(async move {
                let request = create(&pod(&[&image]));
                api_server.ask_with_timeout("validate", "30s", &request).await
            })
        })
        .collect();
    // Half of 2048 places are waited in; who comes after is told at once.
    let busy = r#"countersign_reasons_total{code="server.busy"}"#;
    rig.counts(busy, (API_SERVERS * EACH - 1024) as u64).await;
    rig.counts(r#"countersign_requests_in_flight{door="admission"}"#, 1024)
        .await;

    let host = ill.address.to_string();
    let one_more = rig.validate(&create(&pod(&[&distinct(&ill, usize::MAX)]))).await;
    one_more.expect_refused(503, &["server.busy", &host, "this is not a denial"]);
    rig.validate(&create(&pod(&[&known]))).await.expect_allowed();
    let mut elsewhere = create(&pod(&[&another]));
    elsewhere["namespace"] = json!("another");
    rig.validate(&elsewhere).await.expect_allowed();
    rig.counts(r#"countersign_requests_shed_total{door="admission"}"#, 0)
        .await;
    for task in asked {
        task.abort();
    }
}

/// An image that nobody has pushed.
fn distinct(shop: &Shop, number: usize) -> String {
    let digest = countersign_image::Digest::sha256(&number.to_be_bytes());
    format!("{}/team/app@{digest}", shop.address)
}

/// The bound that is asserted is the next longer one that a review could run into, so that a slow machine fails nothing.
#[tokio::test]
async fn a_registry_that_stalls_delays_only_its_own_images_and_those_no_longer_than_asked() {
    let (stalled, well) = (Shop::open().await, Shop::open().await);
    let files = [
        (
            "1.yaml",
            policy("stalled", &stalled.everything(), &key_authority(&stalled.key)),
        ),
        ("2.yaml", policy("well", &well.everything(), &key_authority(&well.key))),
    ];
    let rig = Rig::open(&files).await;
    let slow = stalled.push_signed("team/app", "1.0").await;
    let quick = well.push_signed("team/app", "1.0").await;
    stalled.traffic.take();
    stalled.traffic.fails("/v2/", Fault::Hangs);

    let began = Instant::now();
    let slow_request = create(&pod(&[&slow.written()]));
    let tag_request = create(&pod(&[&stalled.name("team/app", "1.0")]));
    let undecided = async {
        let answers = tokio::join!(
            rig.api_server.ask_with_timeout("validate", "2s", &slow_request),
            rig.api_server.ask_with_timeout("mutate", "2s", &tag_request),
        );
        (answers, began.elapsed())
    };
    let unaffected = async {
        stalled.traffic.is_asked().await;
        let mutated = rig.mutate(&create(&pod(&[&well.name("team/app", "1.0")]))).await;
        mutated.expect_allowed();
        rig.validate(&create(&pod(&[&quick.written()]))).await.expect_allowed();
    };
    let (((validated, mutated), took), ()) = tokio::join!(undecided, unaffected);
    let host = stalled.address.to_string();
    validated.expect_refused(503, &["registry.timeout", &host, "undecided policy: stalled"]);
    mutated.expect_refused(503, &["registry.timeout", &host]);
    assert!(took < Duration::from_secs(9), "{took:?}");

    stalled.traffic.recovers();
    is_let_in(&rig, &slow).await;
}

#[tokio::test]
async fn each_trouble_has_its_code() {
    let troubles = [
        (
            Fault::Answers(401, None),
            (503, "registry.denied"),
            (503, "registry.denied"),
        ),
        (
            Fault::Answers(403, None),
            (503, "registry.denied"),
            (503, "registry.denied"),
        ),
        (
            Fault::Answers(429, Some(3600)),
            (503, "registry.throttled"),
            (503, "registry.throttled"),
        ),
        (
            Fault::Answers(500, None),
            (503, "registry.unavailable"),
            (503, "registry.unavailable"),
        ),
        (
            Fault::Answers(503, Some(3600)),
            (503, "registry.throttled"),
            (503, "registry.throttled"),
        ),
        (
            Fault::Answers(404, None),
            (400, "image.unsigned"),
            (400, "image.not_found"),
        ),
        (Fault::Page, (400, "signature.unreadable"), (400, "registry.content")),
    ];
    let check = async |(fault, validated, mutated): (Fault, (u64, &str), (u64, &str))| {
        let shop = Shop::open().await;
        let files = [("1.yaml", shop.policy())];
        let (rig, another) = tokio::join!(Rig::open(&files), Rig::open(&files));
        let image = shop.push_signed("team/app", "1.0").await;
        shop.traffic.fails("/v2/", fault);
        let host = shop.address.to_string();
        let (code, reason) = validated;
        rig.validate(&create(&pod(&[&image.written()])))
            .await
            .expect_refused(code, &[reason, &host]);
        let (code, reason) = mutated;
        another
            .mutate(&create(&pod(&[&shop.name("team/app", "1.0")])))
            .await
            .expect_refused(code, &[reason, &host]);
        shop.traffic.recovers();
        if validated.0 == 503 {
            is_let_in(&rig, &image).await;
        }
    };
    join_all(troubles.map(check)).await;
}

/// What is found in one place counts, whatever becomes of the others; what is not found is not missing while one of them
/// is silent.
#[tokio::test]
async fn one_silent_place_hides_nothing_and_excuses_nothing() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    for (number, (layout, silent, admitted)) in [
        (Some(Layout::Tag), "/referrers/", true),
        (Some(Layout::Bundle), ".sig", true),
        (Some(Layout::Referrer), ".sig", true),
        (Some(Layout::Tag), ".sig", false),
        (Some(Layout::Bundle), "/referrers/", false),
        (None, ".sig", false),
        (None, "/referrers/", false),
    ]
    .into_iter()
    .enumerate()
    {
        let image = shop
            .push(&format!("team/app{number}"), "1.0", &number.to_string())
            .await;
        if let Some(layout) = layout {
            shop.sign(&image, layout, &shop.key).await;
        }
        shop.traffic.fails(silent, Fault::Answers(429, Some(3600)));
        let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
        shop.traffic.recovers();
        if admitted {
            answer.expect_allowed();
        } else {
            answer.expect_refused(503, &["registry.throttled"]);
        }
    }
}

/// A mode that only warns warns of an outage, too.
#[tokio::test]
async fn in_warn_mode_an_outage_keeps_nothing_out() {
    let mut shop = Shop::open().await;
    let warns = policy_with(
        "warns",
        &shop.everything(),
        &key_authority(&shop.key),
        &json!({ "mode": "warn" }),
    );
    let rig = Rig::open(&[("1.yaml", warns)]).await;
    let image = shop.push("team/app", "1.0", "any").await;
    shop.stop().await;
    let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
    let warnings = answer.expect_allowed().warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("registry.unreachable"),
        "{warnings:#?}"
    );
    assert_eq!(answer.patch(), [Value::Null; 0]);
}

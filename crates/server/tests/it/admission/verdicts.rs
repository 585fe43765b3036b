//! What policies say, as the API server hears it.

use countersign_evidence::{KeyKind, Layout, ToBeSigned};
use countersign_keys::PrivateKey;
use countersign_policy::{NoMatch, Settings};
use serde_json::json;

use super::rig::Rig;
use super::rig::api_server::{create, pod};
use super::rig::shop::{Shop, key_authority, policy, policy_with};

#[tokio::test]
async fn an_unsigned_image_is_turned_away_with_everything_that_one_needs_to_know() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let image = shop.push("team/app", "1.0", "unsigned").await;
    let file = rig.policy_file("shop.yaml");
    rig.validate(&create(&pod(&[&image.written()]))).await.expect_refused(
        400,
        &[
            "failed policy: signed: spec.containers[0].image",
            &image.written(),
            "image.unsigned",
            "no signatures found",
            &shop.key.public().fingerprint().to_string(),
            &format!("signature tag `{}.sig`", image.digest().tag_form()),
            &format!("countersign explain {}", image.repository()),
            &format!("--policy {}", file.display()),
        ],
    );
}

#[tokio::test]
async fn what_does_not_prove_the_image_does_not_admit_it() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let stranger = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();

    let by_stranger = shop.push("team/stranger", "1.0", "stranger").await;
    shop.sign(&by_stranger, Layout::Bundle, &stranger).await;
    let passed_off = shop.push("team/forged", "1.0", "forged").await;
    let signed = shop.push_signed("team/app", "1.0").await;
    let what = ToBeSigned::simple(&signed, &Default::default());
    shop.attach(&passed_off, Layout::Tag, what, &shop.key).await;
    let attested = shop.push("team/attested", "1.0", "attested").await;
    shop.attest(
        &attested,
        Layout::Bundle,
        "https://example.com/reviewed",
        &json!({ "by": "jane" }),
    )
    .await;

    for (image, code) in [
        (by_stranger, "signature.wrong_key"),
        (passed_off, "signature.wrong_image"),
        (attested, "image.unsigned"),
    ] {
        rig.validate(&create(&pod(&[&image.written()])))
            .await
            .expect_refused(400, &[code, "failed policy: signed"]);
    }
}

#[tokio::test]
async fn validate_resolves_nothing() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    shop.push_signed("team/app", "1.0").await;
    let name = shop.name("team/app", "1.0");
    shop.traffic.take();
    let refused = rig.validate(&create(&pod(&[&name]))).await;
    refused.expect_refused(
        400,
        &[
            "must be an image digest",
            "spec.containers[0].image",
            "image.unpinned",
            &name,
        ],
    );
    assert_eq!(shop.traffic.take(), [""; 0]);
}

#[tokio::test]
async fn every_image_that_fails_is_told_and_one_is_enough_to_refuse() {
    let shop = Shop::open().await;
    let rig = Rig::open(&[("shop.yaml", shop.policy())]).await;
    let signed = shop.push_signed("team/app", "1.0").await.written();
    let first = shop.push("team/first", "1.0", "first").await.written();
    let second = shop.push("team/second", "1.0", "second").await.written();
    let refused = rig.validate(&create(&pod(&[&first, &signed, &second, &first]))).await;
    refused.expect_refused(
        400,
        &[&first, &second, "spec.containers[0].image, spec.containers[3].image"],
    );
    assert!(!refused.message().contains("containers[1]"), "{}", refused.message());
}

#[tokio::test]
async fn in_warn_mode_each_failing_policy_warns_once_and_nothing_is_kept_out() {
    let shop = Shop::open().await;
    let warn = json!({ "mode": "warn" });
    let stranger = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let rig = Rig::open(&[
        (
            "1.yaml",
            policy_with("by-the-shop", &shop.everything(), &key_authority(&shop.key), &warn),
        ),
        (
            "2.yaml",
            policy_with("by-a-stranger", &shop.everything(), &key_authority(&stranger), &warn),
        ),
        (
            "3.yaml",
            policy(
                "anything",
                &shop.everything(),
                &json!({ "static": { "action": "pass" } }),
            ),
        ),
    ])
    .await;

    let unsigned = shop.push("team/unsigned", "1.0", "unsigned").await.written();
    let answer = rig.validate(&create(&pod(&[&unsigned, &unsigned]))).await;
    let warnings = answer.expect_allowed().warnings();
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    for (warning, name) in warnings.iter().zip(["by-a-stranger", "by-the-shop"]) {
        let start = format!("failed policy: {name}: spec.containers[0].image, spec.containers[1].image");
        assert!(warning.starts_with(&start) && warning.len() <= 256, "{warning}");
        assert!(warning.contains("image.unsigned"), "{warning}");
    }

    let signed = shop.push_signed("team/app", "1.0").await.written();
    let answer = rig.validate(&create(&pod(&[&signed]))).await;
    let warnings = answer.expect_allowed().warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("by-a-stranger"),
        "{warnings:#?}"
    );
}

#[tokio::test]
async fn warnings_come_with_a_refusal_too() {
    let shop = Shop::open().await;
    let warns = policy_with(
        "warns",
        &shop.everything(),
        &key_authority(&shop.key),
        &json!({ "mode": "warn" }),
    );
    let refuses = policy(
        "refuses",
        &shop.everything(),
        &json!({ "static": { "action": "fail", "message": "not today" } }),
    );
    let rig = Rig::open(&[("1.yaml", warns), ("2.yaml", refuses)]).await;
    let image = shop.push("team/app", "1.0", "unsigned").await.written();
    let answer = rig.validate(&create(&pod(&[&image]))).await;
    answer.expect_refused(400, &["failed policy: refuses", "policy.static_fail", "not today"]);
    assert!(
        answer.warnings().len() == 1 && answer.warnings()[0].contains("warns"),
        "{:#?}",
        answer.warnings()
    );
}

#[tokio::test]
async fn what_no_policy_governs_fares_as_the_settings_say() {
    let shop = Shop::open().await;
    let image = shop.push("team/app", "1.0", "not governed").await.written();
    let elsewhere = policy("elsewhere", "registry.example/**", &key_authority(&shop.key));
    for (no_match, allowed, warnings) in [
        (NoMatch::Deny, false, 0),
        (NoMatch::Warn, true, 1),
        (NoMatch::Allow, true, 0),
    ] {
        let rig = Rig::open_with(&[("1.yaml", elsewhere.clone())], |plan| {
            plan.settings = Settings::new(no_match);
        })
        .await;
        shop.traffic.take();
        let answer = rig.validate(&create(&pod(&[&image]))).await;
        assert_eq!(
            (answer.allowed(), answer.warnings().len()),
            (allowed, warnings),
            "{no_match:?}: {answer:#?}"
        );
        if !allowed {
            answer.expect_refused(400, &["no matching policies", "policy.none_matched", &image]);
        }
        assert_eq!(shop.traffic.take(), [""; 0], "nobody wants to know anything of it");
    }
}

#[tokio::test]
async fn all_policies_have_to_be_satisfied_and_one_authority_of_each() {
    let shop = Shop::open().await;
    let second = PrivateKey::generate(KeyKind::EcdsaP384).unwrap();
    let third = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let either = policy_with(
        "either",
        &shop.everything(),
        &json!({}),
        &json!({ "authorities": [key_authority(&second), key_authority(&third)] }),
    );
    let rig = Rig::open(&[("shop.yaml", shop.policy()), ("either.yaml", either)]).await;
    for (keys, failing) in [
        (vec![], vec!["either", "signed"]),
        (vec![&shop.key], vec!["either"]),
        (vec![&second, &third], vec!["signed"]),
        (vec![&shop.key, &third], vec![]),
        (vec![&second, &shop.key], vec![]),
    ] {
        let image = shop
            .push("team/app", "1.0", &format!("{failing:?} {}", keys.len()))
            .await;
        for key in &keys {
            shop.sign(&image, Layout::Tag, key).await;
        }
        let answer = rig.validate(&create(&pod(&[&image.written()]))).await;
        if failing.is_empty() {
            answer.expect_allowed();
            continue;
        }
        answer.expect_refused(400, &[]);
        for policy in ["either", "signed"] {
            let told = answer.message().contains(&format!("failed policy: {policy}:"));
            assert_eq!(told, failing.contains(&policy), "{}", answer.message());
        }
    }
}

#[tokio::test]
async fn an_attestation_is_asked_for_by_its_type() {
    let shop = Shop::open().await;
    let wanted = "https://example.com/reviewed";
    let mut authority = key_authority(&shop.key);
    authority["attestations"] = json!([{ "name": "reviewed", "predicateType": wanted }]);
    let rig = Rig::open(&[("1.yaml", policy("reviewed", &shop.everything(), &authority))]).await;
    for layout in [Layout::Tag, Layout::Referrer, Layout::Bundle] {
        let image = shop
            .push(&format!("team/{layout}"), "1.0", &format!("attested {layout}"))
            .await;
        shop.attest(&image, layout, wanted, &json!({ "by": "jane" })).await;
        rig.validate(&create(&pod(&[&image.written()]))).await.expect_allowed();
    }
    let other = shop.push("team/other", "1.0", "other").await;
    shop.attest(&other, Layout::Bundle, "https://example.com/scanned", &json!({}))
        .await;
    rig.validate(&create(&pod(&[&other.written()])))
        .await
        .expect_refused(400, &["attestation.missing", wanted, "\"https://example.com/scanned\""]);
}

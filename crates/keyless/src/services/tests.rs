//! The selection of services.

use serde_json::{Value, json};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn service(url: &str, version: u32, start: &str, operator: &str) -> Value {
    json!({"url": url, "majorApiVersion": version, "validFor": {"start": start}, "operator": operator})
}

fn document(logs: &[Value], log_config: &Value, clocks: &[Value], clock_config: &Value) -> Value {
    json!({
        "mediaType": MEDIA_TYPE,
        "caUrls": [service("https://ca", 1, "2024-01-01T00:00:00Z", "a")],
        "rekorTlogUrls": logs, "rekorTlogConfig": log_config,
        "tsaUrls": clocks, "tsaConfig": clock_config,
    })
}

fn parse(document: &Value) -> Result<SigningConfig, SigningConfigError> {
    SigningConfig::parse(document.to_string().as_bytes())
}

/// The logs that are chosen of these at the beginning of 2026, with a timestamp authority beside them.
fn logs(listed: &[Value], selector: &Value) -> Result<Vec<String>, ChoiceError> {
    let clocks = [service("https://tsa", 1, "2024-01-01T00:00:00Z", "a")];
    let config = parse(&document(listed, selector, &clocks, &json!({"selector": "ANY"}))).unwrap();
    let chosen = config.choose(at("2026-01-01T00:00:00Z"))?;
    let hosts = chosen.logs.iter().map(|log| log.url.host_str().unwrap().to_owned());
    Ok(hosts.collect())
}

#[test]
fn the_highest_interface_that_is_spoken_here_in_its_time_and_the_newest_of_it() {
    let listed = [
        service("https://first", 1, "2021-01-01T00:00:00Z", "a"),
        service("https://old", 2, "2025-01-01T00:00:00Z", "a"),
        service("https://new", 2, "2026-01-01T00:00:00Z", "a"),
        service("https://next", 2, "2026-01-01T00:00:01Z", "a"),
        service("https://foreign", 3, "2025-01-01T00:00:00Z", "a"),
    ];
    assert_eq!(logs(&listed, &json!({"selector": "ANY"})).unwrap(), ["new"]);
    assert_eq!(logs(&listed[..1], &json!({"selector": 2})).unwrap(), ["first"]);
}

#[test]
fn a_window_is_closed_at_both_ends() {
    for (end, usable) in [("2026-01-01T00:00:00Z", true), ("2025-12-31T23:59:59Z", false)] {
        let mut listed = service("https://log", 2, "2025-01-01T00:00:00Z", "a");
        listed["validFor"]["end"] = json!(end);
        assert_eq!(logs(&[listed], &json!({"selector": "ANY"})).is_ok(), usable, "{end}");
    }
}

#[test]
fn one_of_each_operator_and_as_many_as_are_wanted() {
    let listed = [
        service("https://a1", 2, "2025-01-01T00:00:00Z", "a"),
        service("https://a2", 2, "2025-02-01T00:00:00Z", "a"),
        service("https://b", 2, "2024-01-01T00:00:00Z", "b"),
    ];
    assert_eq!(logs(&listed, &json!({"selector": "ALL"})).unwrap(), ["a2", "b"]);
    assert_eq!(
        logs(&listed, &json!({"selector": "EXACT", "count": 2})).unwrap(),
        ["a2", "b"]
    );
    assert_eq!(
        logs(&listed, &json!({"selector": "EXACT", "count": 1})).unwrap(),
        ["a2"]
    );
    let few = ChoiceError::TooFew {
        list: "rekorTlogUrls",
        wanted: 3,
        found: 2,
    };
    assert_eq!(logs(&listed, &json!({"selector": "EXACT", "count": 3})), Err(few));
}

#[test]
fn an_older_interface_is_no_substitute_for_one_of_two() {
    let listed = [
        service("https://a", 2, "2025-01-01T00:00:00Z", "a"),
        service("https://b", 1, "2025-01-01T00:00:00Z", "b"),
    ];
    let error = logs(&listed, &json!({"selector": "EXACT", "count": 2})).unwrap_err();
    assert!(matches!(error, ChoiceError::TooFew { found: 1, .. }), "{error}");
}

#[test]
fn what_is_named_and_cannot_be_used_is_not_left_out() {
    let listed = [service("https://foreign", 3, "2025-01-01T00:00:00Z", "a")];
    let error = logs(&listed, &json!({"selector": "ANY"})).unwrap_err();
    assert!(matches!(error, ChoiceError::None { listed: 1, .. }), "{error}");
}

#[test]
fn a_log_that_says_no_time_wants_a_timestamp_authority() {
    let (any, now) = (json!({"selector": "ANY"}), at("2026-01-01T00:00:00Z"));
    let config = |logs: &[Value]| parse(&document(logs, &any, &[], &any)).unwrap();
    let (v1, v2) = (
        service("https://log", 1, "2024-01-01T00:00:00Z", "a"),
        service("https://log", 2, "2024-01-01T00:00:00Z", "a"),
    );
    assert_eq!(config(&[v2]).choose(now), Err(ChoiceError::NoTime));
    assert_eq!(config(&[]).choose(now), Err(ChoiceError::NoTime));
    assert!(config(&[v1]).choose(now).is_ok());
}

#[test]
fn a_token_is_shown_to_nobody_in_the_open() {
    let any = json!({"selector": "ANY"});
    let clocks = [service("http://tsa.example/api", 1, "2024-01-01T00:00:00Z", "a")];
    for (url, kept) in [
        ("https://ca.example", true),
        ("http://127.0.0.1:5555", true),
        ("http://localhost", true),
        ("http://[::1]:5555", true),
        ("http://ca.example", false),
        ("http://10.0.0.1", false),
        ("http://localhost.example", false),
    ] {
        let mut written = document(&[], &any, &clocks, &any);
        written["caUrls"][0]["url"] = json!(url);
        let choice = parse(&written).unwrap().choose(at("2026-01-01T00:00:00Z"));
        assert_eq!(choice.is_ok(), kept, "{url}: {choice:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let any = json!({"selector": "ANY"});
    let good = service("https://log", 2, "2024-01-01T00:00:00Z", "a");
    let with = |field: &str, value: Value| {
        let mut service = good.clone();
        service[field] = value;
        document(&[service], &any, &[], &any)
    };
    let mut other = document(&[], &any, &[], &any);
    other["mediaType"] = json!("application/vnd.dev.sigstore.signingconfig.v0.1+json");
    for (written, says) in [
        (with("url", json!("log")), "url `log`"),
        (with("url", json!("ftp://log")), "url `ftp://log`"),
        (with("url", json!("https://me:secret@log")), "no login"),
        (with("validFor", json!({})), "validFor.start"),
        (with("validFor", json!({"start": "yesterday"})), "yesterday"),
        (with("operator", json!("")), "operator"),
        (
            document(std::slice::from_ref(&good), &json!({}), &[], &any),
            "selector of `rekorTlogUrls` is ``",
        ),
        (
            document(std::slice::from_ref(&good), &json!({"selector": "EXACT"}), &[], &any),
            "`EXACT`",
        ),
        (document(&vec![good; 65], &any, &[], &any), "65 services"),
        (other, "signingconfig.v0.1+json"),
    ] {
        let error = parse(&written).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

//! Conditions, gates and bindings as they are written.

use std::collections::BTreeMap;

use countersign_expression::Condition;
use countersign_gate::condition::declared;
use countersign_gate::{Gate, RepositoryBinding};
use serde_json::json;

use super::text;
use crate::Target;
use crate::seeds::Seeds;

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "condition",
        run: condition,
        seeds: conditions,
        words: &[
            "findings",
            "image",
            "source",
            "evidence",
            "document",
            ".all(f, ",
            ".exists(f, ",
            ".filter(f, ",
            ".map(f, ",
            "has(",
            "size(",
            ".matches('",
            "f.severity",
            "==",
            "!=",
            "&&",
            "||",
            "!",
            "-",
            "in",
            "?",
            ":",
            "'",
            "\"",
            "r'",
            "//",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "null",
            "1e999",
            "0x",
            "9223372036854775808",
            "\\u0000",
        ],
        mutations: 300,
    },
    Target {
        name: "gate",
        run: gate,
        seeds: gates,
        words: &[
            "spec:\n",
            "  checks:\n",
            "  - {id: a, class: sbom, bind: image}\n",
            "floor: true",
            "oneOf: ",
            "leeway: {high: 7d}",
            "fail: {kev: any}",
            "image: {user: non-root}",
            "condition: \"true\"",
            "publish: ",
            "{name}",
            "{tag}",
            "**",
            "&a ",
            "*a",
            "<<: *a",
            "!!binary ",
            "99999999999d",
        ],
        mutations: 300,
    },
];

/// What is read is refused, or asked: it comes to the same each time, and within its steps.
fn condition(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(condition) = Condition::parse(text, declared()) else {
        return;
    };
    assert_eq!(condition.text(), text);
    let variables = BTreeMap::from([
        (
            "findings",
            json!([{"id": "CVE-1", "severity": "high", "aliases": ["a"], "line": 3}, {}]),
        ),
        ("image", json!({"tag": "1", "platforms": [{"user": "0"}]})),
        ("source", json!({"labels": {"a": "b"}})),
        ("evidence", json!([{"proof": 1}])),
        ("document", json!({"a": [1, 2.5, null, {"b": "c"}]})),
    ]);
    let first = condition.holds_within(&variables, 20_000);
    assert_eq!(first, condition.holds_within(&variables, 20_000));
    // More steps change no answer.
    if first.is_ok() {
        assert_eq!(first, condition.holds_within(&variables, 40_000));
    }
}

fn conditions(seeds: &mut Seeds) {
    for text in [
        "findings.all(f, f.severity != 'critical' && !(f.id in ['a', 'b']))",
        "size(findings.filter(f, f.kev)) == 0 || source.labels['class'] == 'x'",
        "image.platforms.exists_one(p, p.user.matches('^[0-9]+$')) ? document.a[0] == 1 : has(document.b)",
        "evidence.exists(e, e.proof >= 2 && e.tools.exists(t, t.startsWith('T')))",
    ] {
        seeds.add(text);
    }
}

/// What is read above itself as a floor asks for no less, and has its checks once.
fn gate(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Err(error) = RepositoryBinding::read(text) {
        assert!(error.to_string().len() < 4_000);
    }
    match Gate::read(text) {
        Ok(gate) => {
            let above = gate.above(&gate).unwrap();
            assert_eq!(above.checks, gate.checks);
        }
        Err(error) => assert!(error.to_string().len() < 4_000),
    }
}

fn gates(seeds: &mut Seeds) {
    let page = include_str!("../../../docs/gate.md");
    for example in page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|part| part.split("```").next())
    {
        seeds.add(example);
    }
}

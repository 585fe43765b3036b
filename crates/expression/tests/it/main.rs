//! Conditions: what is refused when they are read, what they come to, and that none takes longer than it may.

mod asked;
mod limits;
mod refused;

use std::collections::BTreeMap;

use countersign_expression::{Condition, ConditionError, Declared, EvaluationError, Type};
use serde_json::{Value, json};

fn declared() -> Declared {
    let finding = Type::record([
        ("id", Type::Text),
        ("severity", Type::Text),
        ("line", Type::Number),
        ("aliases", Type::list(Type::Text)),
        ("kev", Type::Bool),
    ]);
    Declared::new([
        ("findings", Type::list(finding)),
        (
            "image",
            Type::record([("user", Type::Text), ("labels", Type::Map(Box::new(Type::Text)))]),
        ),
        ("document", Type::Any),
    ])
}

fn variables() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        (
            "findings",
            json!([
                {"id": "CVE-2026-1", "severity": "high", "line": 3, "aliases": ["GHSA-1"], "kev": true},
                {"id": "CVE-2026-2", "severity": "low", "aliases": []},
            ]),
        ),
        ("image", json!({"user": "1000", "labels": {"class": "IIb"}})),
        (
            "document",
            json!({"score": 7.5, "big": 9_007_199_254_740_993_i64, "huge": u64::MAX, "list": [1, 2, 3], "nothing": null, "odd": "ä"}),
        ),
    ])
}

fn condition(text: &str) -> Result<Condition, ConditionError> {
    Condition::parse(text, &declared())
}

fn asked(text: &str) -> Result<bool, EvaluationError> {
    let condition = condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    condition.holds(&variables())
}

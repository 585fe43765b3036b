//! That no condition nests, repeats or costs without end.

use proptest::prelude::*;

use super::*;

/// A test's thread has two megabytes of stack, as a worker's has.
#[test]
fn what_nests_or_repeats_without_end_is_refused_and_does_not_overflow() {
    for text in [
        format!("{}true{}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("{}true{}", "(".repeat(9), ")".repeat(9)),
        // What closes in a text, or in a comment, closes nothing.
        format!("{}true{}", "(')))'==')))' && ".repeat(9), ")".repeat(9)),
        format!("{}true{}", "(//)\n".repeat(9), ")".repeat(9)),
        format!("{}true{}", "(r'\\'=='' || ".repeat(9), ")".repeat(9)),
        "true ? true : ".repeat(9) + "true",
        format!("{}true{}", "((')'==')')&&".repeat(90), ""),
        "!".repeat(4_000) + "true",
        "!!true".to_owned(),
        "! !true".to_owned(),
        "!\n!true".to_owned(),
        "- -1 == 1".to_owned(),
        "1 - -1 == 2".to_owned(),
        "-".repeat(4_000) + "1 == 1",
        "[".repeat(90) + &"]".repeat(90) + " == []",
        "true ? ".repeat(90) + "true" + &" : true".repeat(90),
        "true && ".repeat(600) + "true",
        "1+".repeat(2_000) + "1 == 1",
        "document".to_owned() + &".a".repeat(2_000),
        "document".to_owned() + &"[0]".repeat(1_000),
        "[1].all(a, ".repeat(20) + "true" + &")".repeat(20),
        "[1].filter(x, true)".to_owned() + &".filter(x, true)".repeat(200) + " == []",
        format!("'{}' == ''", "x".repeat(5_000)),
        "true".to_owned() + &" || true".repeat(2_000),
    ] {
        let error = condition(&text).expect_err(&text);
        assert!(error.to_string().len() < 1_000, "{error}");
    }
}

/// As deep and as long as they may be.
#[test]
fn the_longest_conditions_are_read_and_asked() {
    for text in [
        "true".to_owned() + &" && true".repeat(60),
        "0".to_owned() + &"+1".repeat(118) + " == 118",
        format!("{}true{}", "(".repeat(8), ")".repeat(8)),
        "true ? true : ".repeat(8) + "true",
        format!(
            "{}1{} == {}1{}",
            "[".repeat(8),
            "]".repeat(8),
            "[".repeat(8),
            "]".repeat(8)
        ),
        "[1].all(a, [1].all(b, [1].all(c, (((a == b))))))".to_owned(),
        "[1].all(a, [1].all(b, [1].all(c, true)))".to_owned(),
        "[1].filter(x, true)".to_owned() + &".filter(x, true)".repeat(15) + " == [1]",
    ] {
        assert_eq!(asked(&text), Ok(true), "{text}");
    }
}

#[test]
fn no_condition_takes_more_steps_than_it_may() {
    let many: Vec<Value> = (0..2_000).map(|number| json!({"id": number.to_string()})).collect();
    let variables = BTreeMap::from([
        ("findings", Value::Array(many)),
        ("document", json!({"text": "a".repeat(10_000_000)})),
    ]);
    for text in [
        "findings.all(a, findings.all(b, findings.all(c, a.id != '-' && b.id != '-' && c.id != '-')))",
        "findings.all(a, findings == findings)",
        "findings.all(a, document.text.contains('ab') == false)",
        "document.text.matches('a*b') == false",
        // A loop that is out of steps is no error that another side decides over.
        "findings.all(a, findings.all(b, findings.all(c, a.id != '-'))) || true",
        "findings.exists(a, findings.all(b, findings.all(c, a.id != '-')) || true)",
    ] {
        let condition = condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let limit = 100_000;
        assert_eq!(
            condition.holds_within(&variables, limit),
            Err(EvaluationError::Steps { limit }),
            "{text}"
        );
    }
    let within = condition("findings.all(a, a.id != '-')").unwrap();
    assert_eq!(within.holds(&variables), Ok(true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_is_written_is_read_or_refused(
        parts in prop::collection::vec(prop::sample::select(vec![
            "findings", "image", "document", ".all(", ".exists(", "f", ",", ")", "(", "[", "]", "{", "}", "==", "&&", "||",
            "!", "-", "1", "1.5", "'a'", "\"", "'", "\\", "r'", "null", "true", "in", "?", ":", ".", ".id", "has(", "size(",
            ".matches(", " ", "\n", "@", "ä", "0x", "u", "b'", "//", "*", "%",
        ]), 0..30),
    ) {
        let text = parts.concat();
        if let Ok(condition) = condition(&text) {
            let first = condition.holds(&variables());
            prop_assert_eq!(first, condition.holds(&variables()));
        }
    }
}

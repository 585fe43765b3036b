//! What conditions come to.

use super::*;

#[test]
fn conditions_come_to_what_cel_says() {
    for (text, expected) in [
        ("true", true),
        ("!(!true) && 1 - (-1) == 2", true),
        (
            "1 + 2 * 3 == 7 && 1 - 2 - 3 == -4 && 8 / 2 / 2 == 2 && (1 + 2) * 3 == 9",
            true,
        ),
        ("true || false && false", true),
        ("false && false || true", true),
        ("!false == true", true),
        ("false ? true : false ? false : true", true),
        ("true ? false : true", false),
        (
            r#"'a\'b' == "a'b" && r'\d' == '\\d' && '\u00e4' == 'ä' && '''A''' == 'A'"#,
            true,
        ),
        ("0x10 == 16 && 1e3 == 1000.0 && 5u == 5 && -5 == 0 - 5", true),
        ("1 < 2 == true", true),
        ("!false && (1 < 2 || false)", true),
        ("size(findings) == 2", true),
        ("findings.size() == 2", true),
        ("findings.all(f, f.severity != 'critical')", true),
        (
            "findings.exists(f, f.severity == 'high' && f.id.startsWith('CVE-'))",
            true,
        ),
        ("findings.exists_one(f, f.severity == 'low')", true),
        ("findings.exists_one(f, true)", false),
        ("size(findings.filter(f, 'GHSA-1' in f.aliases)) == 1", true),
        ("findings.filter(f, f.severity == 'high')[0].id == 'CVE-2026-1'", true),
        ("findings.all(f, has(f.line) || f.severity == 'low')", true),
        ("has(findings[0].line) && !has(findings[1].line)", true),
        ("image.labels['class'] == 'IIb' && image.labels.class == 'IIb'", true),
        ("'class' in image.labels && !('data' in image.labels)", true),
        ("image.labels.exists(name, name == 'class')", true),
        ("image['user'] == '1000'", true),
        ("image.user.matches('^[1-9][0-9]*$')", true),
        ("'x1000x'.matches('^[1-9][0-9]*$')", false),
        ("'x1000x'.matches('[0-9]+')", true),
        ("image.user.contains('00') && image.user.endsWith('0')", true),
        ("document.score >= 7.5 && document.score < 8", true),
        ("document.big == 9007199254740993", true),
        ("document.big == 9007199254740992", false),
        ("document.huge > 0", true),
        ("document.list == [1, 2, 3]", true),
        ("document.list == [1, 2]", false),
        ("document.list == [1, 2, 3.0]", true),
        ("document == document", true),
        ("document.nothing == null", true),
        (
            "document.list[1] * 3 - 1 == 5 && 7 / 2 == 3 && 7 % 2 == 1 && -(1) == -1",
            true,
        ),
        ("size(document.odd) == 1", true),
        ("document.list.all(x, x > 0 ? true : false)", true),
        ("[1, 2].exists(x, document.list.exists(y, x == y && y == 2))", true),
        ("findings.exists(f, f.severity == 'none')", false),
        ("[].all(x, false)", true),
        ("[].exists(x, true)", false),
        ("'a' < 'b'", true),
        ("document.list == 'text'", false),
    ] {
        assert_eq!(asked(text), Ok(expected), "{text}");
    }
}

/// One side that decides is enough, as in CEL, whatever is wrong with the other.
#[test]
fn what_is_wrong_counts_where_nothing_else_decides() {
    let missing = || EvaluationError::Missing {
        name: "line".to_owned(),
    };
    for (text, expected) in [
        ("findings[1].line == 3 || true", Ok(true)),
        ("true || findings[1].line == 3", Ok(true)),
        ("findings[1].line == 3 && false", Ok(false)),
        ("findings[1].line == 3 && true", Err(missing())),
        ("findings[1].line == 3 || false", Err(missing())),
        ("findings.exists(f, f.line == 3)", Ok(true)),
        ("findings.all(f, f.line == 4)", Ok(false)),
        ("findings.all(f, f.line == 3)", Err(missing())),
        ("findings.exists(f, f.line == 4)", Err(missing())),
        ("findings.exists_one(f, f.line == 3)", Err(missing())),
        ("size(findings.filter(f, f.line == 3)) == 1", Err(missing())),
        ("!(findings[1].line == 3)", Err(missing())),
    ] {
        assert_eq!(asked(text), expected, "{text}");
    }
}

#[test]
fn what_has_no_answer_is_no_yes() {
    for text in [
        "document.score",
        "document.list[3] == 1",
        "document.list[-1] == 1",
        "document.list['a'] == 1",
        "document.none",
        "document.score.inner == 1",
        "document.list.inner == 1",
        "document.odd > 1",
        "document.list < document.list",
        "document.nothing && true",
        "document.list[0] / 0 == 0",
        "document.list[0] % 0 == 0",
        "document.score / 0.0 == 0.0",
        "document.big * document.big == 0",
        "document.huge + 1 > 0",
        "-document.odd == 1",
        "document.odd.all(x, true)",
        "1 in document.odd",
        "document.score.contains('7')",
        "document.list.contains('7')",
        "document.score.matches('7')",
        "size(document.score) == 1",
        "document.score % 2.0 == 1.0",
        "document.odd + document.odd == 1",
        "document.list ? true : false",
    ] {
        assert!(asked(text).is_err(), "{text}: {:?}", asked(text));
    }
    let condition = condition("size(findings) == 0").unwrap();
    let unset = condition.holds(&BTreeMap::new());
    assert_eq!(
        unset,
        Err(EvaluationError::Unset {
            name: "findings".to_owned()
        })
    );
}

//! What is refused when a condition is read.

use super::*;

#[test]
fn what_is_not_known_is_refused_when_it_is_read() {
    for (text, expected) in [
        ("", "from 1 to 4096 bytes"),
        ("  ", "from 1 to 4096 bytes"),
        (
            "finding.all(f, true)",
            "`finding` is no variable here; `document`, `findings`, `image` are",
        ),
        (
            "findings.all(f, f.severty == 'high')",
            "`severty` is no field of an object; `aliases`, `id`, `kev`, `line`, `severity` are",
        ),
        ("findings.all(f, g.id == '')", "`g` is no variable here"),
        ("findings.all(f, true) && f.kev", "`f` is no variable here"),
        ("image['usr'] == ''", "`usr` is no field"),
        ("has(image.usr)", "`usr` is no field"),
        ("size(findings)", "the condition is a number, and has to be a boolean"),
        ("findings", "the condition is a list"),
        ("findings.all(f, f.severity)", "a text, and has to be a boolean"),
        ("findings.all(f, f.severity == 3)", "has to be a text"),
        ("findings.all(f, f.severity >= f.line)", "has to be a text"),
        ("image.user == findings", "has to be a text"),
        (
            "3 in findings[0].aliases",
            "before `in` is a number, and has to be a text",
        ),
        ("image.user in image.user", "behind `in`"),
        ("image.user.all(f, true)", "a list or an object"),
        ("image.user.user == ''", "before `.user`"),
        ("image[image.user] == ''", "written there"),
        ("!image.user", "behind `!` is a text"),
        ("-image.user == 1", "behind `-` is a text"),
        ("image.user ? true : false", "before `?` is a text"),
        ("size(true) == 1", "in `size` is a boolean"),
        ("image.user + 'x' == ''", "no addition of texts"),
        ("findings + findings == findings", "has to be a number"),
        ("findings.map(f, f.id) == []", "no `map`"),
        ("findings.map(f, f.kev, f.id) == []", "no `map`"),
        ("{'a': 1} == {}", "no maps"),
        ("b'x' == b'x'", "no bytes"),
        (
            "timestamp('2026-01-01T00:00:00Z') < timestamp('2027-01-01T00:00:00Z')",
            "`timestamp` is not there in conditions",
        ),
        ("now() > 1", "`now` is not there"),
        ("contains('a', 'b')", "`contains` is not there"),
        ("image.user.matches(image.user)", "written there"),
        ("image.user.matches('(')", "the pattern `(` is not read"),
        ("image.user.matches('(a{1000}){1000}')", "is not read"),
        ("true &&", "not CEL"),
        ("true true", "not CEL"),
        ("findings.all(f, ", "not CEL"),
        ("findings.all(1, true)", "not CEL"),
        ("'", "not CEL"),
        ("a?.b", "not CEL"),
        ("99999999999999999999 == 1", "not CEL"),
    ] {
        match condition(text) {
            Ok(_) => panic!("`{text}` is read"),
            Err(error) => assert!(error.to_string().contains(expected), "{text}: {error}"),
        }
    }
}

#[test]
fn two_conditions_are_one_where_their_texts_are() {
    let of = |text| condition(text).unwrap();
    assert_eq!(of("true"), of("true"));
    assert_ne!(of("true"), of("(true)"));
    assert_eq!(of("1 == 1").text(), "1 == 1");
}

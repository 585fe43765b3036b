//! What is refused, wherever it stands, and that nothing else is.

use proptest::prelude::*;
use serde_json::Value;

use super::error::MAX_QUOTED;
use super::*;

fn refusal(text: &str) -> JsonError {
    strict::<Value>(text.as_bytes()).unwrap_err()
}

fn duplicate(key: &str, path: &str) -> JsonError {
    JsonError::DuplicateKey {
        key: key.into(),
        path: path.into(),
    }
}

#[test]
fn a_key_that_appears_twice_is_refused_wherever_it_is() {
    #[derive(Debug, Deserialize)]
    struct Known {
        #[expect(dead_code, reason = "the shape is what matters")]
        a: u8,
    }
    assert_eq!(refusal(r#"{"a":1,"a":1}"#), duplicate("a", ""));
    assert_eq!(
        refusal(r#"{"a":[0,{"b/c":{"x":1,"y":2,"x":3}}]}"#),
        duplicate("x", "/a/1/b~1c")
    );
    // Escapes spell the same key.
    assert_eq!(refusal(r#"{"a":1,"\u0061":2}"#), duplicate("a", ""));
    // The second key is in a part that the type does not know.
    assert_eq!(
        strict::<Known>(br#"{"a":1,"unknown":{"b":[],"b":[]}}"#).unwrap_err(),
        duplicate("b", "/unknown")
    );
    assert_eq!(
        refusal(r#"{"a":1,"a":1}"#).to_string(),
        "key `a` appears twice in the document"
    );
}

#[test]
fn a_key_that_hides_a_document_in_a_text_is_refused() {
    for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
        let hidden = format!(r#"{{"a":[{{"{key}":"{{\"b\":1,\"b\":2}}"}}]}}"#);
        let expected = JsonError::ReservedKey {
            key: key.into(),
            path: "/a/0".into(),
        };
        assert_eq!(refusal(&hidden), expected);
    }
}

#[test]
fn the_same_key_in_different_objects_is_fine() {
    assert!(strict::<Value>(br#"[{"a":{"a":1},"b":{"a":1}},{"a":2,"A":3}]"#).is_ok());
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(strict::<Value>(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(refusal(&nested(MAX_DEPTH + 1)), JsonError::TooDeep { limit: MAX_DEPTH });
    assert_eq!(refusal(&"[".repeat(1_000_000)), JsonError::TooDeep { limit: MAX_DEPTH });
    assert_eq!(
        refusal(&r#"{"a":"#.repeat(1_000)),
        JsonError::TooDeep { limit: MAX_DEPTH }
    );
}

#[test]
fn what_is_not_one_json_document_is_refused_with_its_position() {
    let at = |line, column, detail: &str| JsonError::Malformed {
        line,
        column,
        detail: detail.into(),
    };
    assert_eq!(refusal(""), at(1, 0, "EOF while parsing a value"));
    assert_eq!(refusal("{}{}"), at(1, 3, "trailing characters"));
    assert_eq!(refusal("{}\n x"), at(2, 2, "trailing characters"));
    assert_eq!(refusal("{\"a\":\n,}"), at(2, 1, "expected value"));
    assert_eq!(refusal("{'a':1}"), at(1, 2, "key must be a string"));
    assert_eq!(refusal("[1e999]"), at(1, 6, "number out of range"));
    assert_eq!(
        strict::<u8>(b"\"x\"").unwrap_err(),
        at(1, 3, "invalid type: string \"x\", expected u8")
    );
    assert_eq!(
        strict::<Value>(b"[\"ok\", \"\xff\"]").unwrap_err(),
        JsonError::NotUtf8 { at: 8 }
    );
    assert!(
        matches!(refusal(r#"["\ud800"]"#), JsonError::Malformed { .. }),
        "a lone surrogate is no text"
    );
    assert!(
        matches!(refusal("\u{feff}{}"), JsonError::Malformed { .. }),
        "a byte order mark is no JSON"
    );
}

#[test]
fn an_error_repeats_little_of_what_it_refuses() {
    let key = "k".repeat(10_000);
    let JsonError::DuplicateKey { key: quoted, .. } = refusal(&format!(r#"{{"{key}":1,"{key}":2}}"#)) else {
        panic!("a duplicate key");
    };
    assert_eq!(quoted.len(), MAX_QUOTED);
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-c~/]{0,2}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_without_duplicates_is_read_as_serde_reads_it(value in document()) {
        let text = serde_json::to_vec(&value).unwrap();
        prop_assert_eq!(strict::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_is_accepted_serde_accepts_too(mut text in document().prop_map(|v| v.to_string()), cut in any::<u16>(), junk in "[{}\\[\\],:\"a0\\\\ ]{0,3}") {
        let mut at = usize::from(cut) % (text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.insert_str(at, &junk);
        if let Ok(value) = strict::<Value>(text.as_bytes()) {
            prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = strict::<Value>(&bytes);
    }
}

static WANTED: Wanted = Wanted::Fields(&[
    ("itself", Wanted::Itself),
    ("fields", Wanted::Fields(&[("a", Wanted::Itself)])),
    ("map", Wanted::Map),
    (
        "list",
        Wanted::Elements {
            of: &Wanted::Itself,
            limit: 2,
        },
    ),
]);

fn kept(text: &str) -> Object {
    let Kept::Object(object) = keep(text.as_bytes(), &WANTED).unwrap() else {
        panic!("{text} is an object");
    };
    object
}

fn text(kept: Option<&Kept>) -> Option<&str> {
    match kept? {
        Kept::Text(text) => Some(text),
        other => panic!("{other:?} is no text"),
    }
}

#[test]
fn what_is_wanted_is_kept_wherever_it_stands_and_nothing_else() {
    let object =
        kept(r#"{"other":{"a":"no"},"fields":{"b":"no","\u0061":"\u0062"},"map":{"x":"1","y":[2]},"list":["c"]}"#);
    assert!(object.field("itself").is_none());
    let Some(Kept::Object(fields)) = object.field("fields") else {
        panic!("fields are an object");
    };
    assert_eq!(text(fields.field("a")), Some("b"));
    let Some(Kept::Object(map)) = object.field("map") else {
        panic!("a map is an object");
    };
    let [(x, one), (y, Kept::Array(_))] = map.map() else {
        panic!("{map:?}");
    };
    assert_eq!((&**x, text(Some(one)), &**y), ("x", Some("1"), "y"));
    let Some(Kept::Array(list)) = object.field("list") else {
        panic!("a list is an array");
    };
    let [only] = list.elements() else { panic!("{list:?}") };
    assert_eq!((text(Some(only)), list.has_more()), (Some("c"), false));
}

#[test]
fn a_list_is_kept_up_to_its_limit() {
    for (list, length, more) in [
        ("[]", 0, false),
        ("[1,2]", 2, false),
        ("[1,2,3]", 2, true),
        ("[1,2,3,4]", 2, true),
    ] {
        let object = kept(&format!(r#"{{"list":{list}}}"#));
        let Some(Kept::Array(array)) = object.field("list") else {
            panic!("{list} is an array");
        };
        assert_eq!((array.elements().len(), array.has_more()), (length, more), "{list}");
    }
}

#[test]
fn a_value_is_kept_as_what_it_is() {
    for (value, is) in [
        ("null", "Null"),
        ("true", "Boolean(true)"),
        ("-9223372036854775808", "Integer(-9223372036854775808)"),
        ("9223372036854775807", "Integer(9223372036854775807)"),
        ("9223372036854775808", "Number"),
        ("1.0", "Number"),
        ("1e3", "Number"),
        ("-0", "Number"),
        (r#""\ud83d\ude00""#, "Text(\"😀\")"),
    ] {
        let object = kept(&format!(r#"{{"itself":{value}}}"#));
        assert_eq!(format!("{:?}", object.field("itself").unwrap()), is, "{value}");
    }
}

#[test]
#[should_panic(expected = "only what was wanted is asked for")]
fn a_field_that_was_not_wanted_does_not_pass_for_absent() {
    let _ = kept(r#"{"other":1}"#).field("other");
}

#[test]
#[should_panic(expected = "only what was wanted is asked for")]
fn elements_that_were_not_wanted_do_not_pass_for_none() {
    let object = kept(r#"{"itself":[1]}"#);
    let Some(Kept::Array(array)) = object.field("itself") else {
        panic!("an array");
    };
    let _ = array.elements();
}

#[test]
fn what_is_kept_is_refused_as_anything_else() {
    for text in [
        r#"{"fields":{"a":1,"a":2}}"#,
        r#"{"list":[{"x":{"y":1,"y":2}}]}"#,
        r#"{"map":{"a":1,"\u0061":2}}"#,
        r#"{"itself":"\ud800"}"#,
        r#"{"itself":1}}"#,
    ] {
        let refused = keep(text.as_bytes(), &WANTED).unwrap_err();
        assert_eq!(refused, strict::<Value>(text.as_bytes()).unwrap_err(), "{text}");
    }
}

#[test]
fn the_last_of_many_keys_is_compared_with_all_of_them() {
    let many: Vec<String> = (0..100)
        .map(|number| format!(r#""k{number}":{{"k{number}":1}}"#))
        .collect();
    assert!(strict::<Value>(format!("{{{}}}", many.join(",")).as_bytes()).is_ok());
    for again in [0, 15, 16, 17, 99] {
        let text = format!(r#"{{{},"k{again}":1}}"#, many.join(","));
        assert_eq!(refusal(&text), duplicate(&format!("k{again}"), ""));
    }
}

proptest! {
    #[test]
    fn what_is_kept_is_what_serde_reads(value in document()) {
        static ANY: Wanted = Wanted::Map;
        let wrapped = serde_json::json!({"a": value, "b": 1});
        let Kept::Object(object) = keep(&serde_json::to_vec(&wrapped).unwrap(), &ANY).unwrap() else {
            panic!("it is an object");
        };
        let [(_, kept), (_, Kept::Integer(1))] = object.map() else {
            panic!("{object:?}");
        };
        let same = match (kept, &value) {
            (Kept::Null, Value::Null) | (Kept::Array(_), Value::Array(_)) | (Kept::Object(_), Value::Object(_)) => true,
            (Kept::Boolean(kept), Value::Bool(value)) => kept == value,
            (Kept::Integer(kept), Value::Number(value)) => value.as_i64() == Some(*kept),
            (Kept::Number, Value::Number(value)) => value.as_i64().is_none(),
            (Kept::Text(kept), Value::String(value)) => kept == value,
            _ => false,
        };
        prop_assert!(same, "{kept:?} is not {value}");
    }
}

/// What the quick walk makes of a text: whether it accepts it, and what it keeps.
fn quickly(text: &str, wanted: &'static Wanted) -> Option<Kept> {
    let mut kept = Kept::Null;
    quick::all(text, Some((wanted, &mut kept))).map(|()| kept)
}

fn slowly(text: &str, wanted: &'static Wanted) -> Result<Kept, JsonError> {
    let mut kept = Kept::Null;
    walk::all(text, Some((wanted, &mut kept))).map(|()| kept)
}

/// Whatever the quick walk accepts, the other one accepts as well, and keeps the same of it.
fn agree(text: &str) {
    for wanted in [&WANTED, &Wanted::Map, &Wanted::Itself] {
        if let Some(kept) = quickly(text, wanted) {
            let other = slowly(text, wanted).unwrap_or_else(|error| panic!("{text} is refused: {error}"));
            assert_eq!(format!("{kept:?}"), format!("{other:?}"), "{text}");
        }
    }
    if quick::all(text, None).is_some() {
        walk::all(text, None).unwrap_or_else(|error| panic!("{text} is refused: {error}"));
    }
}

#[test]
fn what_machines_write_is_walked_over_quickly() {
    for text in [
        "{}",
        " [ ] ",
        r#"{"a":null,"b":[true,false],"c":{"a":{}}}"#,
        "[0,-1,12,-105,3.25,0.5,123456789012345678,-12345678901234567]",
        r#"{"f:containers":{"k:{\"name\":\"c0\"}":{".":{}},"k:{\"name\":\"c1\"}":{}},"a\\b":1}"#,
        r#"["a \"quoted\" text \u0026\u00ff\u003c \\ \/ \b\f\n\r\t","größe"]"#,
        "{\n\t\"a\" : [ 1 , 2 ]\r\n}",
    ] {
        assert!(quick::all(text, None).is_some(), "{text}");
        agree(text);
    }
}

/// Each of these is either refused or rare, and for the other walk to tell.
#[test]
fn what_is_wrong_or_rare_is_not_accepted_quickly() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "}",
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[[1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{'a':1}",
        "{}{}",
        "{} x",
        "[] ]",
        "\"",
        "\"a",
        "\"a\u{1}b\"",
        "\"a sentence with a tab\tin it\"",
        "{\"a\nb\":1}",
        "\"\u{0}\"",
        r#""\"#,
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        r#""\ud800""#,
        r#""\ud83d\ude00""#,
        r#""\udc00""#,
        r#"{"\u0061":1}"#,
        r#"{"a\/b":1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"b":{},"a":2}"#,
        r#"{"a\"":1,"a\"":2}"#,
        r#"{"$serde_json::private::RawValue":"{}"}"#,
        "01",
        "-01",
        "-0",
        "-",
        "+1",
        "1.",
        ".5",
        "1.e1",
        "1e3",
        "1E3",
        "1e999",
        "9223372036854775808",
        "1x",
        "tru",
        "truex",
        "nul",
        "NaN",
        "null null",
        "\u{feff}{}",
        "\u{a0}1",
        "\u{b}1",
    ] {
        assert!(quick::all(text, None).is_none(), "{text}");
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(quick::all(&nested(MAX_DEPTH), None).is_some());
    assert!(quick::all(&nested(MAX_DEPTH + 1), None).is_none());
}

/// A text that is kept, and a key beside what is kept, have no escapes that would have to be read.
#[test]
fn what_is_kept_stands_there_as_it_is() {
    for (text, is) in [
        (r#"{"itself":"größe"}"#, true),
        (r#"{"itself":"a\"b"}"#, false),
        (r#"{"other":"a\"b"}"#, true),
        (r#"{"map":{"a\"b":1}}"#, false),
        (r#"{"other":{"a\"b":1}}"#, true),
    ] {
        assert_eq!(quickly(text, &WANTED).is_some(), is, "{text}");
        assert!(slowly(text, &WANTED).is_ok());
        agree(text);
    }
}

proptest! {
    #[test]
    fn both_walks_agree_on_documents(value in document()) {
        let text = value.to_string();
        agree(&text);
        agree(&serde_json::json!({"map": value, "list": [value, value], "itself": value}).to_string());
    }

    #[test]
    fn both_walks_agree_on_what_is_nearly_a_document(
        mut text in document().prop_map(|value| serde_json::json!({"map": value, "list": [1, value]}).to_string()),
        at in any::<u16>(),
        junk in "[{}\\[\\],:\"a0-9\\\\u.eE\\-+ \\n\u{1}\u{7f}é]{1,3}",
        removed in 0..3_usize,
    ) {
        let boundary = |text: &str, mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let begin = boundary(&text, usize::from(at) % (text.len() + 1));
        let end = boundary(&text, begin + removed).max(begin);
        text.replace_range(begin..end, &junk);
        agree(&text);
    }
}

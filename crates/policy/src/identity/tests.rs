//! Which names are meant, and which only look like them.

use countersign_evidence::certificate::{Claims, Identity, Subject};

use super::*;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SUBJECT: &str = "https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main";

fn identity(subjects: &[&str], issuer: Option<&str>) -> Identity {
    Identity {
        subjects: subjects.iter().map(|name| Subject::Uri((*name).to_owned())).collect(),
        issuer: issuer.map(str::to_owned),
        claims: Claims::default(),
    }
}

fn exact(name: &str) -> NamePattern {
    NamePattern::Exact(name.to_owned())
}

fn searched(text: &str) -> NamePattern {
    NamePattern::Expression(Expression::parse(text, Anchoring::Anywhere).unwrap())
}

fn whole(text: &str) -> NamePattern {
    NamePattern::Expression(Expression::parse(text, Anchoring::Whole).unwrap())
}

/// Each row: a pattern for the subject, a subject, and whether it is such a one.
#[test]
fn a_subject_is_what_the_pattern_says_and_nothing_like_it() {
    let before = |name: &str| format!("https://evil.example/{name}");
    let after = |name: &str| format!("{name}-evil");
    for (pattern, name, expected) in [
        (exact(SUBJECT), SUBJECT.to_owned(), true),
        (exact(SUBJECT), before(SUBJECT), false),
        (exact(SUBJECT), after(SUBJECT), false),
        (exact(SUBJECT), format!("{SUBJECT}\n"), false),
        (exact(SUBJECT), format!("{SUBJECT}\0"), false),
        (exact(SUBJECT), SUBJECT.to_uppercase(), false),
        (exact(SUBJECT), format!("{SUBJECT}/"), false),
        // A ClusterImagePolicy's expression is searched for, as policy-controller does.
        (searched("acme/app"), before(&after(SUBJECT)), true),
        (searched("^https://github.com/acme/.*$"), SUBJECT.to_owned(), true),
        (searched("^https://github.com/acme/.*$"), before(SUBJECT), false),
        (searched("^https://github.com/acme/.*$"), format!("{SUBJECT}\nx"), false),
        // The dot that nobody escaped.
        (
            searched("^https://github.com/acme/.*$"),
            "https://githubxcom/acme/app".to_owned(),
            true,
        ),
        (
            searched(r"^https://github\.com/acme/.*$"),
            "https://githubxcom/acme/app".to_owned(),
            false,
        ),
        // One on the command line is held against the whole name, alternatives included.
        (whole("acme/app"), "acme/app".to_owned(), true),
        (whole("acme/app"), "acme/app-evil".to_owned(), false),
        (whole("acme/a|acme/b"), "acme/b".to_owned(), true),
        (whole("acme/a|acme/b"), "acme/a-evil".to_owned(), false),
        (whole("acme/a|acme/b"), "evil/acme/b".to_owned(), false),
        (whole("(?m)^acme$"), "acme\nevil".to_owned(), false),
        (whole(".*"), "a\nb".to_owned(), false),
    ] {
        assert_eq!(pattern.matches(&name), expected, "{pattern} {name:?}");
    }
}

/// Each row: an expression, a text that Go's engine matches, and one that it does not.
#[test]
fn an_expression_means_what_go_reads_in_it() {
    for (text, matching, other) in [
        (r"^v\d+$", "v12", "v\u{664}"),
        (r"^\w+$", "a_1", "é"),
        (r"^\s$", "\t", "\u{a0}"),
        (r"^\s$", " ", "\u{b}"),
        (r"^\D$", "é", "1"),
        (r"^\W$", "é", "_"),
        (r"^\S$", "\u{a0}", " "),
        (r"^[\d.]+$", "1.2", "1-2"),
        (r"^[^\d]$", "é", "1"),
        (r"^[\D]$", "\u{664}", "1"),
        (r"^.$", "é", "\n"),
        (r"(?s)^.$", "\n", "ab"),
        (r"\bapp\b", "éappé", "_app"),
        (r"(?i)^ACME$", "acme", "acne"),
        (r"^[[:alpha:]]+$", "ab", "é"),
        (r"^\p{Greek}$", "λ", "l"),
        (r"^(?P<n>a)(?:b)$", "ab", "a"),
        (r"^a{2,3}$", "aa", "a"),
        (r"\Aa\z", "a", "a\n"),
        (r"^a$", "a", "a\n"),
        (r"^\x{e9}$", "é", "e"),
        (r"", "anything", "\u{0}"),
    ] {
        let expression = Expression::parse(text, Anchoring::Anywhere).unwrap();
        assert!(expression.matches(matching), "{text} {matching:?}");
        assert!(!expression.matches(other) || text.is_empty(), "{text} {other:?}");
    }
}

#[test]
fn what_go_reads_otherwise_is_refused() {
    for text in [
        r"[a&&b]",
        r"[a--b]",
        r"[a~~b]",
        r"[a[b]]",
        r"(?x)a b",
        r"(?R)a$",
        r"(?-u)a",
        r"(?x: a)",
        r"\<a",
        r"\b{start}a",
        r"a{1001}",
        r"a{2,1001}",
        r"\C",
        r"\Qa\E",
        r"(?=a)",
        r"(a)\1",
        "****",
        "(",
        "[",
    ] {
        let error = Expression::parse(text, Anchoring::Anywhere).unwrap_err();
        assert!(!error.to_string().contains('\n'), "{text}: {error}");
    }
    let nested = |depth: usize| format!("{}{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(50), Anchoring::Whole).is_ok());
    assert!(Expression::parse(&nested(200), Anchoring::Whole).is_err());
    assert!(Expression::parse(&"a".repeat(MAX_EXPRESSION_BYTES + 1), Anchoring::Whole).is_err());
    assert_eq!(
        Expression::parse(r"(?:\pL{1000}){1000}", Anchoring::Whole),
        Err(ExpressionError::TooLarge)
    );
}

#[test]
fn an_expression_knows_whether_it_is_anchored() {
    for (text, expected) in [
        ("^a$", true),
        (r"\Aa\z", true),
        ("^(a|b)$", true),
        ("^a|b$", false),
        ("a$", false),
        ("^a", false),
        ("(?m)^a$", false),
        ("^$", true),
    ] {
        let expression = Expression::parse(text, Anchoring::Anywhere).unwrap();
        assert_eq!(expression.is_anchored(), expected, "{text}");
    }
}

#[test]
fn issuer_and_subject_have_to_match_one_certificate() {
    let pattern = |issuer: &str, subject: &str| IdentityPattern {
        issuer: exact(issuer),
        subject: exact(subject),
    };
    let ours = [pattern(ISSUER, SUBJECT), pattern("https://gitlab.example", "job")];
    let cases: &[(Identity, Result<usize, Stranger>)] = &[
        (identity(&[SUBJECT], Some(ISSUER)), Ok(0)),
        (identity(&["job"], Some("https://gitlab.example")), Ok(1)),
        (identity(&["other", "job"], Some("https://gitlab.example")), Ok(1)),
        // The halves of two patterns are no pattern.
        (identity(&["job"], Some(ISSUER)), Err(Stranger::OtherIssuer)),
        (identity(&["other"], Some(ISSUER)), Err(Stranger::OtherSubject)),
        (
            identity(&["other"], Some("https://evil.example")),
            Err(Stranger::Nothing),
        ),
        (identity(&[SUBJECT], None), Err(Stranger::NoIssuer)),
        (identity(&[SUBJECT], Some("")), Err(Stranger::OtherIssuer)),
        (identity(&[], Some(ISSUER)), Err(Stranger::OtherSubject)),
        (
            identity(&[SUBJECT], Some(&format!("{ISSUER}/"))),
            Err(Stranger::OtherIssuer),
        ),
        (
            identity(&[SUBJECT], Some(&format!("{ISSUER}.evil.example"))),
            Err(Stranger::OtherIssuer),
        ),
    ];
    for (identity, expected) in cases {
        let found = find(&ours, identity).map(|(number, _)| number);
        assert_eq!(found, *expected, "{identity:?}");
    }
    assert_eq!(
        find(&[], &identity(&[SUBJECT], Some(ISSUER))).map(|_| ()),
        Err(Stranger::Nothing)
    );
    // An expression that matches everything does not stand for an issuer that is not there.
    let any = [IdentityPattern {
        issuer: searched(""),
        subject: searched(""),
    }];
    assert!(find(&any, &identity(&[SUBJECT], None)).is_err());
    assert!(find(&any, &identity(&[], Some(ISSUER))).is_err());
}

#[test]
fn an_identity_is_told_in_the_words_that_people_search_for() {
    let found = described(&identity(&["a", "b\n"], Some(ISSUER)));
    assert_eq!(found, format!("subjects [a, b\u{fffd}] with issuer {ISSUER}"));
}

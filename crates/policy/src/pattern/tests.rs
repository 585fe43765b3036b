//! Globs against a matcher that is slow and obviously right, and against the table of policy-controller's documentation.

use countersign_image::Reference;
use proptest::prelude::*;

use super::{Glob, GlobError, MAX_GLOB_BYTES, doubts, name_of, open_ended};
use crate::lint::LintCode;

const DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

fn matches(glob: &str, image: &str) -> bool {
    let image = Reference::parse(&format!("{image}@{DIGEST}"))
        .unwrap()
        .pinned()
        .unwrap();
    Glob::parse(glob).unwrap().matches(&image)
}

/// What each glob does to an image as the webhook sees it: without its tag, with its digest.
#[test]
fn globs_match_as_in_policy_controllers_webhook() {
    let cases = [
        ("nginx", "nginx", false),
        ("nginx*", "nginx", false),
        ("library/nginx*", "nginx", false),
        ("docker.io/**", "nginx", false),
        ("index.docker.io/library/nginx*", "nginx", true),
        ("index.docker.io/library/nginx@sha256:*", "nginx", true),
        ("index.docker.io/library/nginx@*", "nginx:1.27", true),
        ("index.docker.io/library/nginx@*", "nginx-evil", false),
        ("index.docker.io/library/nginx", "nginx", false),
        ("*", "nginx", true),
        ("*", "myuser/app", false),
        ("*", "ghcr.io/app", false),
        ("*/*", "nginx", true),
        ("*/*", "myuser/app", true),
        ("*/*", "ghcr.io/foo", false),
        ("myuser/*", "myuser/app", false),
        ("ghcr.io/foo/bar", "ghcr.io/foo/bar:v1", false),
        ("ghcr.io/foo/bar:v1", "ghcr.io/foo/bar:v1", false),
        ("ghcr.io/foo/bar:*", "ghcr.io/foo/bar:v1", false),
        ("ghcr.io/foo/bar:**", "ghcr.io/foo/bar:v1", false),
        ("ghcr.io/foo/bar*", "ghcr.io/foo/bar:v1", true),
        ("ghcr.io/foo/*", "ghcr.io/foo/bar:v1", true),
        ("ghcr.io/foo/*", "ghcr.io/foo/bar/baz", false),
        ("ghcr.io/foo/**", "ghcr.io/foo/bar/baz", true),
        ("*.io/**", "ghcr.io/foo/bar", true),
        ("**/bar*", "ghcr.io/foo/bar", true),
        ("**demo**", "registry.local:5000/x/demo", true),
        ("ghcr.io/foo/**", "ghcrxio/foo/bar", false),
        ("icr.io/team*", "evil.com/icr.io/team", false),
        ("**", "localhost:5000/a/b/c", true),
        ("***", "localhost:5000/a/b/c", true),
    ];
    for (glob, image, expected) in cases {
        assert_eq!(matches(glob, image), expected, "`{glob}` and {image}");
    }
}

#[test]
fn what_is_no_glob_is_refused_with_the_reason() {
    let character = |found, position| GlobError::Character { found, position };
    let cases = [
        ("", GlobError::Empty),
        (".+", character('+', 2)),
        ("[a-z]*", character('[', 1)),
        ("ghcr.io/foo?", character('?', 12)),
        ("ghcr.io/foo bar", character(' ', 12)),
        ("ghcr.io/ö", character('ö', 9)),
    ];
    for (text, expected) in cases {
        assert_eq!(Glob::parse(text), Err(expected), "{text}");
    }
    let long = "a".repeat(MAX_GLOB_BYTES + 1);
    assert_eq!(Glob::parse(&long), Err(GlobError::TooLong { found: 513 }));
    assert_eq!(
        Glob::parse("a b").unwrap_err().to_string(),
        "glob is invalid: ` ` at character 2; letters, digits and `-_:/*.@` are allowed"
    );
}

#[test]
fn doubts_say_what_to_write_instead() {
    let cases = [
        ("nginx*", "index.docker.io/library/nginx*"),
        ("nginx", "index.docker.io/library/nginx@*"),
        ("ghcr.io*", "ghcr.io/**"),
        ("images.*", "index.docker.io/library/images.*"),
        ("nginx:1.27", "index.docker.io/library/nginx@*"),
        ("library/nginx*", "index.docker.io/library/nginx*"),
        ("myuser/*", "index.docker.io/myuser/*"),
        ("docker.io/**", "index.docker.io/**"),
        ("docker.io/nginx", "index.docker.io/library/nginx@*"),
        ("docker.io/library/nginx:1", "index.docker.io/library/nginx@*"),
        ("ghcr.io/foo/bar", "ghcr.io/foo/bar@*"),
        ("ghcr.io/foo/bar:v1", "ghcr.io/foo/bar@*"),
        ("ghcr.io/foo/bar:*", "ghcr.io/foo/bar@*"),
        ("ghcr.io/foo/bar:**", "ghcr.io/foo/bar@*"),
        ("ghcr.io/foo/*:v1", "ghcr.io/foo/*"),
        ("localhost:5000/app", "localhost:5000/app@*"),
    ];
    for (text, instead) in cases {
        let doubt = doubts(&Glob::parse(text).unwrap()).unwrap_or_else(|| panic!("no doubt about `{text}`"));
        assert_eq!(doubt.code, LintCode::GlobNeverMatches, "{text}");
        assert_eq!(doubt.advice, format!("write `{instead}`"), "{text}");
        assert_eq!(
            doubts(&Glob::parse(instead).unwrap()),
            None,
            "what is advised is itself in doubt: {instead}"
        );
    }
    for text in ["*", "*/*"] {
        assert_eq!(doubts(&Glob::parse(text).unwrap()).unwrap().code, LintCode::GlobHubOnly);
    }
    let good = [
        "**",
        "ghcr.io/foo/bar@*",
        "localhost:5000/**",
        "inde**",
        "*.io/**",
        "ghcr.io/foo/*:*",
        "**3c6ef",
    ];
    for text in good {
        assert_eq!(doubts(&Glob::parse(text).unwrap()), None, "{text}");
    }
}

#[test]
fn a_glob_that_goes_on_inside_a_word_is_open_ended() {
    for (text, open) in [
        ("ghcr.io**", true),
        ("ghcr.io/acme**", true),
        ("ghcr.io/acme/app*", true),
        ("ghcr.io/acme/**", false),
        ("ghcr.io/acme/app@*", false),
        ("**", false),
    ] {
        assert_eq!(open_ended(&Glob::parse(text).unwrap()).is_some(), open, "{text}");
    }
}

/// The definition, written down: try everything.
fn naive(glob: &[u8], text: &[u8]) -> bool {
    match glob {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
        [b'*', rest @ ..] => (0..=text.len())
            .take_while(|taken| !text[..*taken].contains(&b'/'))
            .any(|taken| naive(rest, &text[taken..])),
        [byte, rest @ ..] => text.first() == Some(byte) && naive(rest, &text[1..]),
    }
}

fn name() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-b]{1,2}\\.[a-b]{1,2}",
        "localhost(:[12]{1,2})?",
        Just("index.docker.io".to_owned())
    ];
    (host, "[ab]{1,2}(/[ab]{1,2}){0,2}", "[0-9a-f]{64}")
        .prop_map(|(host, path, hex)| format!("{host}/{path}@sha256:{hex}"))
}

/// A glob made from a name by putting wildcards in the place of parts: often one that matches it.
fn glob_of(name: &str, cuts: &[(usize, usize, bool)]) -> String {
    let mut glob = name.to_owned();
    for (start, length, double) in cuts {
        let start = start % (glob.len() + 1);
        let end = (start + length).min(glob.len());
        glob.replace_range(start..end, if *double { "**" } else { "*" });
    }
    glob
}

proptest! {
    #[test]
    fn matching_is_what_the_definition_says(glob in "[ab/*]{1,12}", text in "[ab/]{0,12}") {
        let parsed = Glob::parse(&glob).unwrap();
        prop_assume!(parsed.as_str() != "*" && parsed.as_str() != "*/*");
        prop_assert_eq!(parsed.matches_name(&text), naive(glob.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn a_glob_that_is_said_never_to_match_never_matches(
        name in name(),
        other in name(),
        cuts in prop::collection::vec((0_usize..100, 0_usize..80, any::<bool>()), 0..4),
    ) {
        let text = glob_of(&other, &cuts);
        if let Ok(glob) = Glob::parse(&text) {
            let never = doubts(&glob).is_some_and(|doubt| doubt.code == LintCode::GlobNeverMatches);
            for name in [&name, &other] {
                prop_assert!(!(never && glob.matches_name(name)), "`{}` matches {}", text, name);
            }
        }
    }

    #[test]
    fn the_longest_literal_is_in_every_name_that_matches(
        name in name(),
        cuts in prop::collection::vec((0_usize..100, 0_usize..40, any::<bool>()), 0..4),
    ) {
        let glob = Glob::parse(&glob_of(&name, &cuts)).unwrap();
        prop_assert!(!glob.matches_name(&name) || name.contains(&glob.longest_literal()));
    }

    #[test]
    fn nothing_panics(text in ".{0,40}", name in ".{0,40}") {
        if let Ok(glob) = Glob::parse(&text) {
            glob.matches_name(&name);
            doubts(&glob);
            open_ended(&glob);
        }
    }
}

#[test]
fn names_have_a_host_and_a_digest_and_no_tag() {
    let image = Reference::parse(&format!("nginx:1.27@{DIGEST}"))
        .unwrap()
        .pinned()
        .unwrap();
    assert_eq!(name_of(&image), format!("index.docker.io/library/nginx@{DIGEST}"));
}

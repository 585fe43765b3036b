//! `docs/reasons.md` is what the catalogue says.

use std::path::Path;

use countersign_policy::ReasonCode;
use countersign_policy::reason::markdown;

#[test]
fn the_page_of_reasons_is_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reasons.md");
    let expected = markdown();
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == expected,
        "docs/reasons.md is not what the catalogue says: run `COUNTERSIGN_BLESS=1 cargo test -p countersign-policy`"
    );
}

#[test]
fn codes_are_what_they_are_called_and_each_is_explained() {
    for code in ReasonCode::ALL {
        assert_eq!(ReasonCode::parse(code.as_str()), Some(*code));
        assert!(
            code.as_str()
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte)),
            "{code}"
        );
        assert!(code.meaning().ends_with('.'), "{code}: the meaning is full sentences");
        assert!(
            !code.remedy().ends_with('.') && !code.remedy().contains('\n'),
            "{code}: the remedy is one line"
        );
        assert!(!code.title().is_empty(), "{code}");
    }
    let mut codes: Vec<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), ReasonCode::ALL.len());
}

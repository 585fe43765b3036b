//! What is described is what is served: the documents are made from the code. `COUNTERSIGN_BLESS=1` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use countersign_submissions::wire::{Code, Kind};

use crate::stage::{GATE, Stage, ask, http};

fn same(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/{name} is not what the code says: run with COUNTERSIGN_BLESS=1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_of_what_is_served() {
    let made = countersign_submissions::openapi().to_pretty_json().unwrap() + "\n";
    same("openapi.json", &made);
    let stage = Stage::with(GATE).await;
    let served = ask(http().get(format!("http://{}/openapi.json", stage.address))).await;
    let documented: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(served.body, documented);
}

#[test]
fn every_code_is_in_the_document() {
    let mut made = String::from(
        "# Codes of the signing door\n\n\
         Made from the code: `COUNTERSIGN_BLESS=1 cargo test -p countersign-submissions`. A code is never used again for \
         something else.\n\n\
         ## Problems\n\n\
         An answer that is no success is `application/problem+json` (RFC 9457), and its `code` is one of these.\n\n\
         | code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        if let Kind::Problem(status) = code.kind() {
            writeln!(made, "| `{}` | {status} | {} |", code.name(), code.meaning()).unwrap();
        }
    }
    made.push_str(
        "\n## Failures\n\n\
         A submission that is `FAILED` says why in `reason.code`. It was no decision: when what was in the way is gone, `retry` goes on.\n\n\
         | code | meaning |\n|---|---|\n",
    );
    for code in Code::ALL.iter().filter(|code| code.kind() == Kind::Failure) {
        writeln!(made, "| `{}` | {} |", code.name(), code.meaning()).unwrap();
    }
    made.push_str(
        "\n## Tokens\n\n\
         The `reason` of `token_refused`, `event_not_allowed`, `job_not_allowed` and `unavailable`, where a token was shown.\n\n\
         | reason | status | meaning |\n|---|---|---|\n",
    );
    for code in countersign_identity::Code::ALL {
        writeln!(
            made,
            "| `{}` | {} | {} |",
            code.name(),
            code.class().status(),
            code.meaning()
        )
        .unwrap();
    }
    same("codes.md", &made);
}

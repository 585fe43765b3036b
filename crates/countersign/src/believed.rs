//! The trust roots of a command: what it is given, or what the binary brings along. Nothing is fetched.

use std::path::Path;
use std::sync::Arc;

use countersign_evidence::TrustRoot;
use countersign_policy::{PolicySet, TrustRoots};
use countersign_roots::tuf::from_archive;
use countersign_roots::{Source, embedded, file};
use countersign_server::policies;
use jiff::Timestamp;

use crate::failure::Failure;

/// The trust root of whoever names none.
pub(crate) fn standing(given: Option<&Path>) -> Result<Arc<TrustRoot>, Failure> {
    match given {
        Some(path) => file::read(path).map_err(|error| {
            Failure::misuse(error)
                .context("the trust root cannot be used")
                .hint("it is a `trusted_root.json`, such as `cosign trusted-root create` writes")
        }),
        None => embedded::public_good()
            .map_err(|error| Failure::misuse(error).context("the trust root of this binary cannot be used")),
    }
}

/// The trust roots that policies rest on at a time, beside those that their documents hold.
pub(crate) fn beside(set: &PolicySet, given: Option<&Path>, at: Timestamp) -> Result<TrustRoots, Failure> {
    let mut roots = TrustRoots::none().with_standing(standing(given)?);
    for document in policies::documents(set) {
        let obtained = match &document.source {
            Source::Archive(archive) => from_archive(archive, at).map_err(|error| chain(&error)),
            _ => Err("it lies in a repository that a door follows, and a command fetches nothing".to_owned()),
        };
        roots = roots.with_obtained(&document.digest, obtained);
    }
    Ok(roots)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

//! From a name that somebody typed to the image that it names, for commands that do something to an image.

use std::time::Instant;

use countersign_image::{Pinned, Reference, Repository};
use countersign_registry::{Client, Credentials, Trouble};
use countersign_server::trouble;

use crate::exit::Exit;
use crate::failure::Failure;

/// A name, or the error that repeats it.
pub(crate) fn parse(text: &str) -> Result<Reference, Failure> {
    Reference::parse(text).map_err(|error| {
        Failure::misuse(error)
            .context(format!("`{text}` is no image name"))
            .hint("write it as `registry/repository:tag` or `registry/repository@sha256:…`")
    })
}

/// What a name means now.
pub(crate) async fn resolve(
    client: &Client,
    credentials: &Credentials,
    reference: &Reference,
    deadline: Instant,
) -> Result<Pinned, Failure> {
    if let Some(pinned) = reference.pinned() {
        return Ok(pinned);
    }
    match client.resolve(reference, credentials, deadline).await {
        Ok(digest) => Ok(reference.resolved(digest)),
        Err(error) => {
            let what = format!("`{}` could not be resolved to a digest", reference.written());
            Err(of_trouble(reference.repository(), error, what))
        }
    }
}

/// A registry's trouble, with what to do about it.
pub(crate) fn of_trouble(repository: &Repository, trouble: Trouble, what: impl Into<String>) -> Failure {
    let advice = trouble::next(repository, &trouble);
    let exit = match trouble {
        Trouble::NotFound | Trouble::Misplaced { .. } => Exit::Refused,
        _ => Exit::Undecided,
    };
    Failure::new(exit, trouble).context(what.into()).hint(advice)
}

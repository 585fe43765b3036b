//! What kept an image from being judged, as a reason for the person who asked.

use countersign_image::{Reference, ReferenceError, Repository};
use countersign_policy::{Reason, ReasonCode};
use countersign_registry::Trouble;

/// A name that is none.
#[must_use]
pub fn unreadable(image: &str, error: &ReferenceError) -> Reason {
    Reason::new(
        ReasonCode::ImageUnparsable,
        format!("`{image}` is no image name: {error}"),
    )
    .with_next("write it as `registry/repository:tag` or `registry/repository@sha256:…`")
}

/// A name without a digest, where only a digest says what will run.
#[must_use]
pub fn unpinned(image: &str) -> Reason {
    Reason::new(
        ReasonCode::ImageUnpinned,
        format!("`{image}` names no digest, so what would run cannot be judged"),
    )
    .with_next("register `/mutate` too, which pins tags, or write the image as `name:tag@sha256:…`")
}

/// A tag that could not be resolved: denied where the registry says that there is no such image, undecided otherwise.
#[must_use]
pub fn unresolved(reference: &Reference, trouble: &Trouble) -> Reason {
    let repository = reference.repository();
    let what = match trouble {
        Trouble::NotFound => format!("`{}` has no tag `{}`", repository, reference.effective_tag()),
        _ => format!(
            "the tag of `{}` could not be resolved at `{}`: {}",
            reference.written(),
            repository.host(),
            chain(trouble)
        ),
    };
    Reason::new(code(trouble), what).with_next(next(repository, trouble))
}

/// The stable code that a trouble is told under.
#[must_use]
pub fn code(trouble: &Trouble) -> ReasonCode {
    match trouble {
        Trouble::NotFound => ReasonCode::ImageNotFound,
        Trouble::Denied { .. } | Trouble::Login { .. } => ReasonCode::RegistryDenied,
        Trouble::Throttled { .. } => ReasonCode::RegistryThrottled,
        Trouble::TimedOut { .. } => ReasonCode::RegistryTimeout,
        Trouble::Unreachable { .. } => ReasonCode::RegistryUnreachable,
        Trouble::BreakerOpen { cause, .. } => code(cause),
        Trouble::Content(_) => ReasonCode::RegistryContent,
        // Whatever else comes to be told apart is trouble of the registry's until it has a code of its own.
        _ => ReasonCode::RegistryUnavailable,
    }
}

/// What to do about a trouble.
#[must_use]
pub fn next(repository: &Repository, trouble: &Trouble) -> String {
    let host = repository.host();
    match trouble {
        Trouble::NotFound => "check the name and the tag, or push the image first".to_owned(),
        Trouble::Denied { .. } | Trouble::Login { .. } => {
            format!("give countersign a credential that may read `{repository}` (registries.dockerConfig)")
        }
        Trouble::Content(_) => {
            format!("the registry `{host}` answers what it should not: look at it, or at what lies between")
        }
        _ => format!("try again in a moment; if it goes on, look at the registry `{host}` and the way to it"),
    }
}

/// An error with its causes, outermost first.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

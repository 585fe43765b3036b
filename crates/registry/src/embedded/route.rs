//! Which endpoint a path means.
//!
//! A repository's name holds slashes and may even hold components called `blobs` or `tags`, so a path is read from its end.

use std::fmt;
use std::sync::Arc;

use countersign_image::{Digest, Repository, Tag};
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;

/// Longest name of a repository, in bytes: with a host such as `registry.example.org:5000` before it clients stay below the
/// 255 that many of them allow (specification, "Pulling manifests").
pub(super) const MAX_NAME: usize = 229;

/// The name of a repository in this registry, by the specification's grammar. No component is empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(Arc<str>);

/// What stands where a manifest is asked for.
#[derive(Clone, Debug)]
pub(super) enum ManifestName {
    Tag(Tag),
    Digest(Digest),
}

/// An endpoint, with what the path says. Digests and references are still text: what a malformed one means differs by endpoint.
#[derive(Debug)]
pub(super) enum Route {
    Support,
    Catalog,
    Tags(Name),
    Referrers(Name, String),
    Blob(Name, String),
    Uploads(Name),
    Upload(Name, String),
    Manifest(Name, String),
}

impl Name {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        // One grammar for names in this product: the one of references, under a host that needs no rule of its own.
        let repository = Repository::parse(&format!("registry.invalid/{text}")).ok();
        match repository.filter(|repository| repository.path() == text && text.len() <= MAX_NAME) {
            Some(_) => Ok(Self(Arc::from(text))),
            None => Err(Refusal::NameInvalid {
                name: text.chars().take(MAX_NAME).collect(),
                max: MAX_NAME,
            }),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ManifestName {
    /// Only a digest holds a colon, and no tag does.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let parsed = match text.contains(':') {
            true => Digest::parse(text).ok().map(Self::Digest),
            false => Tag::parse(text).ok().map(Self::Tag),
        };
        parsed.ok_or_else(|| Refusal::ReferenceInvalid {
            reference: text.chars().take(256).collect(),
        })
    }
}

impl fmt::Display for ManifestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag.as_str()),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A digest where only a digest may stand.
pub(super) fn digest(text: &str) -> Result<Digest, Refusal> {
    Digest::parse(text).map_err(|source| Refusal::DigestInvalid {
        text: text.chars().take(256).collect(),
        source: Some(Box::new(source)),
    })
}

impl Route {
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let mut segments = Vec::new();
        for segment in path.strip_prefix("/v2").ok_or(Refusal::Path)?.split('/').skip(1) {
            let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| Refusal::Path)?;
            segments.push(decoded.into_owned());
        }
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        // Whoever stands before this registry, and lets some in where others may not, reads `a%2Fb` as one component.
        let name = |components: &[&str]| match components.iter().any(|component| component.contains('/')) {
            true => Err(Refusal::Path),
            false => Name::parse(&components.join("/")),
        };
        match segments.as_slice() {
            [] | [""] => Ok(Self::Support),
            ["_catalog"] => Ok(Self::Catalog),
            [of @ .., "tags", "list"] => Ok(Self::Tags(name(of)?)),
            [of @ .., "blobs", "uploads", ""] | [of @ .., "blobs", "uploads"] => Ok(Self::Uploads(name(of)?)),
            [of @ .., "blobs", "uploads", id] => Ok(Self::Upload(name(of)?, (*id).to_owned())),
            [of @ .., "blobs", digest] => Ok(Self::Blob(name(of)?, (*digest).to_owned())),
            [of @ .., "referrers", digest] => Ok(Self::Referrers(name(of)?, (*digest).to_owned())),
            [of @ .., "manifests", reference] => Ok(Self::Manifest(name(of)?, (*reference).to_owned())),
            _ => Err(Refusal::Path),
        }
    }

    /// What `Allow` says.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Support => "GET, HEAD",
            Self::Catalog | Self::Tags(_) | Self::Referrers(..) => "GET",
            Self::Blob(..) => "GET, HEAD, DELETE",
            Self::Uploads(_) => "POST",
            Self::Upload(..) => "GET, PATCH, PUT, DELETE",
            Self::Manifest(..) => "GET, HEAD, PUT, DELETE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str) -> String {
        match Route::parse(path) {
            Ok(Route::Support) => "support".to_owned(),
            Ok(Route::Catalog) => "catalog".to_owned(),
            Ok(Route::Tags(name)) => format!("tags {name}"),
            Ok(Route::Referrers(name, digest)) => format!("referrers {name} {digest}"),
            Ok(Route::Blob(name, digest)) => format!("blob {name} {digest}"),
            Ok(Route::Uploads(name)) => format!("uploads {name}"),
            Ok(Route::Upload(name, id)) => format!("upload {name} {id}"),
            Ok(Route::Manifest(name, reference)) => format!("manifest {name} {reference}"),
            Err(Refusal::NameInvalid { name, .. }) => format!("no name: {name}"),
            Err(Refusal::Path) => "no path".to_owned(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn paths_are_read_from_their_end() {
        for (path, expected) in [
            ("/v2", "support"),
            ("/v2/", "support"),
            ("/v2/_catalog", "catalog"),
            ("/v2/app/tags/list", "tags app"),
            ("/v2/team/app/manifests/latest", "manifest team/app latest"),
            ("/v2/team/app/manifests/sha256%3Aab", "manifest team/app sha256:ab"),
            ("/v2/a/blobs/b/manifests/v1", "manifest a/blobs/b v1"),
            ("/v2/tags/list/tags/list", "tags tags/list"),
            ("/v2/app/blobs/uploads/", "uploads app"),
            ("/v2/app/blobs/uploads", "uploads app"),
            ("/v2/app/blobs/uploads/17", "upload app 17"),
            ("/v2/app/blobs/sha256:ab", "blob app sha256:ab"),
            ("/v2/app/referrers/sha256:ab", "referrers app sha256:ab"),
            ("/v2/App/tags/list", "no name: App"),
            ("/v2/a/../b/tags/list", "no name: a/../b"),
            ("/v2/a%2F..%2Fb/tags/list", "no path"),
            ("/v2/a%2Fb/tags/list", "no path"),
            ("/v2/a%2fb/manifests/v1", "no path"),
            ("/v2/a/tags%2Flist", "no path"),
            ("/v2/a/manifests/v%2F1", "manifest a v/1"),
            ("/v2/a%252Fb/tags/list", "no name: a%2Fb"),
            ("/v2//tags/list", "no name: "),
            ("/v2/tags/list", "no name: "),
            ("/v2/app", "no path"),
            ("/v2/app/%ff/list", "no path"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }

    #[test]
    fn names_follow_the_specification() {
        for good in [
            "a",
            "a0",
            "a.b",
            "a_b",
            "a__b",
            "a-b",
            "a---b",
            "a/b-c/d",
            &"a".repeat(MAX_NAME),
        ] {
            assert!(Name::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", ".", "..", "a/..", "-a", "a-", "a___b", "a_.b", "a:b", "a@b", "é",
        ] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
        assert!(Name::parse(&"a".repeat(MAX_NAME + 1)).is_err());
    }
}

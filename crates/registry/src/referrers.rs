//! Everything that names an image as its subject: what the referrers API lists, and what the fallback tag lists
//! (distribution specification, "Listing Referrers" and "Referrers Tag Schema").
//!
//! Both are asked at the same time and both count. cosign writes the tag where the API was missing when it signed, and a
//! registry that learnt the API since then does not always list what is only in the tag.

use std::time::Instant;

use countersign_image::manifest::MAX_MANIFESTS;
use countersign_image::{Blob, Descriptor, Digest, Document, Repository, Tag, media};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, LINK};
use serde::Deserialize;
use tracing::debug;
use url::Url;

use crate::client::Client;
use crate::credential::Credentials;
use crate::exchange::{Access, Ask, To, mirror_deadline};
use crate::fetch::MANIFEST_CAP;
use crate::host::{Endpoint, same_server};
use crate::transport::Answer;
use crate::trouble::{ContentTrouble, Trouble};

/// What was listed, and what kept the list from being whole.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) descriptors: Vec<Descriptor>,
    pub(crate) troubles: Vec<Trouble>,
}

impl Client {
    /// Everything that names `digest` as its subject: what the referrers API lists and what the fallback tag lists.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Vec<Descriptor>, Trouble> {
        let listing = self.list_referrers(repository, digest, credentials, deadline).await;
        match listing.troubles.into_iter().next() {
            Some(trouble) => Err(trouble),
            None => Ok(listing.descriptors),
        }
    }

    /// The same, with whatever could be had.
    pub(crate) async fn list_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Listing {
        let (mut listing, tagged) = futures_util::future::join(
            self.ask_api(repository, digest, credentials, deadline),
            self.ask_tag(repository, digest, credentials, deadline),
        )
        .await;
        match tagged {
            Ok(tagged) => {
                for descriptor in tagged {
                    if !listing
                        .descriptors
                        .iter()
                        .any(|listed| listed.digest == descriptor.digest)
                    {
                        listing.descriptors.push(descriptor);
                    }
                }
            }
            Err(trouble) => listing.troubles.push(trouble),
        }
        listing
    }

    async fn ask_api(
        &self,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Listing {
        for mirror in self.mirrors(repository.host()) {
            let listing = self
                .pages(mirror, repository, digest, credentials, mirror_deadline(deadline))
                .await;
            if listing.troubles.is_empty() && !listing.descriptors.is_empty() {
                return listing;
            }
            debug!(mirror = mirror.authority(), "asking the registry itself for referrers");
        }
        match self.inner.hosts.origin(repository.host()) {
            Ok(origin) => self.pages(&origin, repository, digest, credentials, deadline).await,
            Err(trouble) => Listing {
                troubles: vec![trouble],
                ..Listing::default()
            },
        }
    }

    /// All pages of the API's list, as far as they could be had.
    async fn pages(
        &self,
        endpoint: &Endpoint,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Listing {
        let mut listing = Listing::default();
        if self.lacks_referrers(endpoint, repository) {
            return listing;
        }
        let tail = format!("referrers/{digest}");
        let first = endpoint.url(repository.path(), &tail);
        let mut ask = Ask::get(repository, tail, &[media::OCI_INDEX], MANIFEST_CAP);
        for page in 0..self.limits().pages {
            let answer = match self.ask(endpoint, &ask, credentials, deadline).await {
                Ok(answer) => answer,
                Err(trouble) => {
                    listing.troubles.push(trouble);
                    return listing;
                }
            };
            if page == 0 && matches!(answer.status.as_u16(), 400 | 404 | 405 | 406 | 501) {
                self.remember_lack(endpoint, repository, &answer);
                return listing;
            }
            match read_page(answer, &first) {
                Ok((descriptors, next)) => {
                    // What this page lists counts, wherever it says that the next one is.
                    listing.descriptors.extend(descriptors);
                    let next = match next {
                        Ok(Some(next)) => next,
                        Ok(None) => return listing,
                        Err(trouble) => {
                            listing.troubles.push(trouble);
                            return listing;
                        }
                    };
                    ask = Ask {
                        to: To::Url(next),
                        access: Access::Pull,
                        ..ask
                    };
                }
                Err(trouble) => {
                    listing.troubles.push(trouble);
                    return listing;
                }
            }
            if listing.descriptors.len() > MAX_MANIFESTS {
                break;
            }
        }
        listing.descriptors.truncate(MAX_MANIFESTS);
        let limit = listing.descriptors.len() as u64;
        listing
            .troubles
            .push(Trouble::Content(ContentTrouble::TooMany { limit }));
        listing
    }

    /// What the fallback tag lists. Anything there that is not a list of referrers is somebody's image under an odd name,
    /// or the image itself, which some registries give for every tag that looks like its digest.
    async fn ask_tag(
        &self,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Vec<Descriptor>, Trouble> {
        match self
            .tagged(repository, &fallback_tag(digest), credentials, deadline)
            .await
        {
            Ok((blob, Document::Index(index))) if !digest.matches(blob.bytes()) => Ok(index.manifests),
            Ok(_) | Err(Trouble::NotFound) => Ok(Vec::new()),
            Err(trouble) => Err(trouble),
        }
    }

    pub(crate) fn lacks_referrers(&self, endpoint: &Endpoint, repository: &Repository) -> bool {
        let known = &self.inner.without_referrers;
        let authority = endpoint.authority().to_owned();
        known.contains_key(&(authority.clone(), None))
            || known.contains_key(&(authority, Some(repository.path().to_owned())))
    }

    /// A registry that answers with an error of the distribution protocol may mean this repository only. One that does
    /// not speak the protocol under this path at all does so for none.
    fn remember_lack(&self, endpoint: &Endpoint, repository: &Repository, answer: &Answer) {
        #[derive(Deserialize)]
        struct ProtocolError {
            #[serde(rename = "errors")]
            _errors: Vec<serde_json::Value>,
        }
        let of_protocol = serde_json::from_slice::<ProtocolError>(&answer.body).is_ok();
        let path = of_protocol.then(|| repository.path().to_owned());
        self.inner
            .without_referrers
            .insert((endpoint.authority().to_owned(), path), ());
    }
}

/// The tag that stands in for the API. Both parts are cut as the specification says, so that SHA-512 fits.
pub(crate) fn fallback_tag(digest: &Digest) -> Tag {
    let hex = digest.hex();
    Tag::parse(&format!("{}-{}", digest.algorithm(), &hex[..64]))
        .expect("an algorithm, `-` and 64 hex digits are a tag")
}

/// The page of an answer, and which page comes next.
type Page = (Vec<Descriptor>, Result<Option<Url>, Trouble>);

fn read_page(answer: Answer, first: &Url) -> Result<Page, Trouble> {
    let answer = answer.success()?;
    let content_type = answer.header(CONTENT_TYPE).unwrap_or_default().to_owned();
    if media::essence(&content_type) != media::OCI_INDEX {
        return Err(Trouble::protocol(format!(
            "its list of referrers is of type `{}`, expected `{}`",
            content_type.chars().take(80).collect::<String>(),
            media::OCI_INDEX
        )));
    }
    if answer
        .header("oci-filters-applied")
        .is_some_and(|filters| !filters.trim().is_empty())
    {
        return Err(Trouble::protocol(
            "its list of referrers is filtered, though that was not asked for",
        ));
    }
    let next = next_page(&answer.headers, first);
    let blob = Blob::new(answer.body);
    match Document::parse(&blob, Some(&content_type), None) {
        Ok(Document::Index(index)) => Ok((index.manifests, next)),
        Ok(Document::Manifest(_)) => Err(Trouble::protocol("its list of referrers is a manifest")),
        Err(error) => Err(Trouble::Content(ContentTrouble::Manifest(error))),
    }
}

/// Where the list that begins at `first` goes on, if the headers of one of its pages say that it does.
pub fn next_page(headers: &HeaderMap, first: &Url) -> Result<Option<Url>, Trouble> {
    let mut links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let link = links.find_map(next_link);
    link.map(|link| own_page(&link, first)).transpose()
}

/// The next page has to be a page of the same list: a `Link` is no way to make us ask somebody else.
fn own_page(link: &str, first: &Url) -> Result<Url, Trouble> {
    let next = first
        .join(link)
        .map_err(|_| Trouble::protocol("the link to its next page is not a URL"))?;
    if !same_server(&next, first) || next.path() != first.path() || !next.username().is_empty() {
        return Err(Trouble::protocol(
            "the link to its next page leads out of its list of referrers",
        ));
    }
    Ok(next)
}

/// The target of `rel="next"` in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let is_next = after[..end].split(';').any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else {
                return false;
            };
            let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel") && value.split(' ').any(|word| word.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = &after[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use countersign_image::Algorithm;

    use super::*;

    #[test]
    fn the_next_page_as_registries_write_it() {
        for (header, expected) in [
            (r#"</v2/a/referrers/d?n=2>; rel="next""#, Some("/v2/a/referrers/d?n=2")),
            (r"</x>;rel=next", Some("/x")),
            (
                r#"</prev>; rel="prev", </next>; title="a"; rel="last next""#,
                Some("/next"),
            ),
            (r#"</x>; rel="nextish""#, None),
            ("</x>", None),
            ("", None),
            ("<<<>", None),
        ] {
            assert_eq!(next_link(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn a_page_of_another_list_is_not_asked_for() {
        let first = Url::parse("https://r.example/v2/a/referrers/sha256:0").unwrap();
        for link in [
            "?page=2",
            "/v2/a/referrers/sha256:0?page=2",
            "https://r.example/v2/a/referrers/sha256:0?x",
        ] {
            assert!(own_page(link, &first).is_ok(), "{link}");
        }
        for link in [
            "/v2/b/referrers/sha256:0",
            "//evil.example/v2/a/referrers/sha256:0",
            "http://r.example/v2/a/referrers/sha256:0",
        ] {
            assert!(own_page(link, &first).is_err(), "{link}");
        }
    }

    #[test]
    fn the_fallback_tag_of_a_long_digest_is_cut() {
        let digest = Digest::of(Algorithm::Sha512, b"x");
        assert_eq!(
            fallback_tag(&digest).as_str(),
            &digest.tag_form()[.."sha512-".len() + 64]
        );
        let digest = Digest::sha256(b"x");
        assert_eq!(fallback_tag(&digest).as_str(), digest.tag_form());
    }
}

//! Putting blobs and manifests into a registry, and taking manifests out (distribution specification, "Push").

use std::time::Instant;

use bytes::Bytes;
use countersign_image::{Digest, Repository, Tag};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::credential::Credentials;
use crate::exchange::{Access, Ask, To, location};
use crate::fetch::MANIFEST_TYPES;
use crate::host::{Endpoint, same_server};
use crate::transport::Answer;
use crate::trouble::Trouble;

/// Largest answer to a push that is read, in bytes.
const ANSWER_CAP: u64 = 64 << 10;

/// How a manifest is named in its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestName {
    /// By a tag, which moves.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
}

impl std::fmt::Display for ManifestName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// What a registry said about a manifest that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The manifest's digest.
    pub digest: Digest,
    /// The subject under which the registry lists it (`OCI-Subject`), if it does.
    pub subject: Option<Digest>,
}

impl Client {
    /// Puts a blob, unless it is there.
    pub async fn put_blob(
        &self,
        repository: &Repository,
        bytes: Bytes,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Digest, Trouble> {
        let digest = Digest::sha256(&bytes);
        self.put_blob_as(repository, &digest, bytes, credentials, deadline)
            .await?;
        Ok(digest)
    }

    /// Puts a blob under the digest that it is known by, unless it is there.
    pub(crate) async fn put_blob_as(
        &self,
        repository: &Repository,
        digest: &Digest,
        bytes: Bytes,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let mut backoff = Backoff::with_attempts(self.limits().attempts, deadline);
        loop {
            if self.has_blob(repository, digest, credentials, deadline).await? {
                return Ok(());
            }
            // An upload that broke off is begun anew, unless all of it arrived.
            match self
                .upload(repository, digest, bytes.clone(), credentials, deadline)
                .await
            {
                Ok(()) => return Ok(()),
                Err(trouble) => backoff.pause(trouble).await?,
            }
        }
    }

    /// Whether the registry itself has a manifest.
    pub(crate) async fn has_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<bool, Trouble> {
        let origin = self.inner.hosts.origin(repository.host())?;
        let ask = Ask {
            accept: MANIFEST_TYPES,
            ..push(repository, Method::HEAD, To::Tail(format!("manifests/{digest}")))
        };
        match self.ask(&origin, &ask, credentials, deadline).await?.success() {
            Ok(_) => Ok(true),
            Err(Trouble::NotFound | Trouble::Unavailable { .. }) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// Makes a blob of another repository on the same host a blob of this one. `false` if the registry does not do that.
    pub async fn mount_blob(
        &self,
        repository: &Repository,
        from: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<bool, Trouble> {
        let origin = self.inner.hosts.origin(repository.host())?;
        let mut url = origin.url(repository.path(), "blobs/uploads/");
        url.query_pairs_mut()
            .append_pair("mount", &digest.to_string())
            .append_pair("from", from.path());
        let ask = Ask {
            access: Access::PushFrom(from),
            ..push(repository, Method::POST, To::Url(url))
        };
        let answer = self.ask(&origin, &ask, credentials, deadline).await?;
        match answer.status {
            StatusCode::CREATED => Ok(true),
            StatusCode::ACCEPTED => Ok(false),
            _ => answer.success().map(|_| false),
        }
    }

    /// Puts a manifest or index under a name.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        name: &ManifestName,
        media_type: &str,
        bytes: Bytes,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Put, Trouble> {
        let ask = Ask {
            content: Some((media_type, bytes.clone())),
            ..push(repository, Method::PUT, To::Tail(format!("manifests/{name}")))
        };
        let origin = self.inner.hosts.origin(repository.host())?;
        let answer = self.ask(&origin, &ask, credentials, deadline).await?.success()?;
        let digest = match name {
            ManifestName::Digest(digest) => Digest::of(digest.algorithm(), &bytes),
            ManifestName::Tag(_) => Digest::sha256(&bytes),
        };
        let subject = answer
            .header("oci-subject")
            .and_then(|text| Digest::parse(text.trim()).ok());
        Ok(Put { digest, subject })
    }

    /// Puts a manifest or index under a tag, if nobody has put another there meanwhile. `false` if somebody has, and the
    /// registry minds.
    pub(crate) async fn replace(
        &self,
        repository: &Repository,
        tag: &Tag,
        replaced: Option<&Digest>,
        content: (&str, Bytes),
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<bool, Trouble> {
        let condition = match replaced {
            Some(digest) => (IF_MATCH, HeaderValue::from_str(&format!("\"{digest}\"")).ok()),
            None => (IF_NONE_MATCH, Some(HeaderValue::from_static("*"))),
        };
        let ask = Ask {
            content: Some(content),
            header: condition.1.map(|value| (condition.0, value)),
            ..push(repository, Method::PUT, To::Tail(format!("manifests/{tag}")))
        };
        let origin = self.inner.hosts.origin(repository.host())?;
        let answer = self.ask(&origin, &ask, credentials, deadline).await?;
        if answer.status == StatusCode::PRECONDITION_FAILED {
            return Ok(false);
        }
        answer.success().map(|_| true)
    }

    /// Deletes a manifest, or a tag where the registry can.
    pub async fn delete_manifest(
        &self,
        repository: &Repository,
        name: &ManifestName,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let origin = self.inner.hosts.origin(repository.host())?;
        let to = To::Tail(format!("manifests/{name}"));
        let ask = Ask {
            access: Access::Delete,
            ..push(repository, Method::DELETE, to)
        };
        self.ask(&origin, &ask, credentials, deadline)
            .await?
            .success()
            .map(drop)
    }

    pub(crate) async fn has_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<bool, Trouble> {
        let origin = self.inner.hosts.origin(repository.host())?;
        let ask = push(repository, Method::HEAD, To::Tail(format!("blobs/{digest}")));
        match self.ask(&origin, &ask, credentials, deadline).await?.success() {
            Ok(_) => Ok(true),
            // A registry that cannot say is a registry that is told again.
            Err(Trouble::NotFound | Trouble::Unavailable { .. }) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// 1. open an upload, 2. send everything to where the registry says.
    async fn upload(
        &self,
        repository: &Repository,
        digest: &Digest,
        bytes: Bytes,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let origin = self.inner.hosts.origin(repository.host())?;
        let open = push(repository, Method::POST, To::Tail("blobs/uploads/".to_owned()));
        let opened = self.ask(&origin, &open, credentials, deadline).await?.success()?;
        let mut url = upload_location(&opened, &origin, repository)?;
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let send = Ask {
            content: Some(("application/octet-stream", bytes)),
            ..push(repository, Method::PUT, To::Url(url))
        };
        self.ask(&origin, &send, credentials, deadline)
            .await?
            .success()
            .map(drop)
    }
}

pub(crate) fn push(repository: &Repository, method: Method, to: To) -> Ask<'_> {
    Ask {
        method,
        repository,
        to,
        access: Access::Push,
        accept: &[],
        content: None,
        header: None,
        cap: ANSWER_CAP,
    }
}

/// Content and credentials go to the registry itself and nowhere else.
pub(crate) fn upload_location(
    opened: &Answer,
    origin: &Endpoint,
    repository: &Repository,
) -> Result<url::Url, Trouble> {
    let url = location(opened, &origin.url(repository.path(), "blobs/uploads/"))?;
    if same_server(&url, origin.root()) {
        Ok(url)
    } else {
        Err(Trouble::protocol(
            "it wants the upload sent to another server, and credentials do not go there",
        ))
    }
}

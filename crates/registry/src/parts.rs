//! A blob from one repository to another, in parts: a layer may have gigabytes, and no more than one part is ever held.

use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256, SHA512};
use countersign_image::{Algorithm, Descriptor, Digest, Repository};
use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::credential::Credentials;
use crate::exchange::{Ask, To};
use crate::push::{push, upload_location};
use crate::trouble::{ContentTrouble, Trouble};

/// Size of a part, in bytes. Registries that keep parts in an object store take none below 5 MiB but the last.
const PART: u64 = 8 << 20;
/// Largest blob that is taken whole from a registry that gives no parts, in bytes.
const WHOLE: u64 = 256 << 20;

/// How a blob got to where it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It was there.
    There,
    /// The registry took it over from the other repository.
    Mounted,
    /// It went through here.
    Copied,
}

impl Client {
    /// Makes a blob of one repository a blob of another.
    pub(crate) async fn copy_blob(
        &self,
        from: &Repository,
        to: &Repository,
        blob: &Descriptor,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Way, Trouble> {
        if self.has_blob(to, &blob.digest, credentials, deadline).await? {
            return Ok(Way::There);
        }
        // What may not be mounted may be copied all the same.
        if from.host() == to.host()
            && let Ok(true) = self.mount_blob(to, from, &blob.digest, credentials, deadline).await
        {
            return Ok(Way::Mounted);
        }
        if blob.size <= PART {
            self.copy_whole(from, to, blob, credentials, deadline).await?;
            return Ok(Way::Copied);
        }
        let mut backoff = Backoff::with_attempts(self.limits().attempts, deadline);
        loop {
            match self.copy_in_parts(from, to, blob, credentials, deadline).await {
                Err(Trouble::Content(ContentTrouble::TooLarge { .. })) => {
                    // The whole came where a part was asked for.
                    self.copy_whole(from, to, blob, credentials, deadline).await?;
                    return Ok(Way::Copied);
                }
                Err(trouble @ Trouble::Content(_)) => return Err(trouble),
                Err(trouble) => backoff.pause(trouble).await?,
                Ok(()) => return Ok(Way::Copied),
            }
        }
    }

    async fn copy_whole(
        &self,
        from: &Repository,
        to: &Repository,
        blob: &Descriptor,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let found = self.blob(from, blob, WHOLE, credentials, deadline).await?;
        self.put_blob_as(to, &blob.digest, found.bytes().clone(), credentials, deadline)
            .await
    }

    /// 1. open an upload 2. part after part, read and sent 3. close it with the digest, if the parts hash to it.
    async fn copy_in_parts(
        &self,
        from: &Repository,
        to: &Repository,
        blob: &Descriptor,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let origin = self.inner.hosts.origin(to.host())?;
        let open = push(to, Method::POST, To::Tail("blobs/uploads/".to_owned()));
        let opened = self.ask(&origin, &open, credentials, deadline).await?.success()?;
        let mut url = upload_location(&opened, &origin, to)?;
        let mut hash = Running::of(&blob.digest);
        let mut start = 0;
        while start < blob.size {
            let end = (start + PART).min(blob.size);
            let part = self.part(from, blob, (start, end), credentials, deadline).await?;
            hash.update(&part);
            let range = HeaderValue::from_str(&format!("{start}-{}", end - 1)).map_err(|_| too_long(&blob.digest))?;
            let send = Ask {
                content: Some(("application/octet-stream", part)),
                header: Some((CONTENT_RANGE, range)),
                ..push(to, Method::PATCH, To::Url(url))
            };
            let sent = self.ask(&origin, &send, credentials, deadline).await?.success()?;
            url = upload_location(&sent, &origin, to)?;
            start = end;
        }
        if !hash.is(&blob.digest) {
            return Err(Trouble::protocol(format!(
                "what it gives for `{}` is something else",
                blob.digest
            )));
        }
        url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let close = push(to, Method::PUT, To::Url(url));
        self.ask(&origin, &close, credentials, deadline)
            .await?
            .success()
            .map(drop)
    }

    /// The bytes from `start` to before `end`.
    async fn part(
        &self,
        from: &Repository,
        blob: &Descriptor,
        (start, end): (u64, u64),
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<bytes::Bytes, Trouble> {
        let range = HeaderValue::from_str(&format!("bytes={start}-{}", end - 1)).map_err(|_| too_long(&blob.digest))?;
        let ask = Ask {
            header: Some((RANGE, range)),
            ..Ask::get(from, format!("blobs/{}", blob.digest), &["*/*"], end - start)
        };
        let origin = self.inner.hosts.origin(from.host())?;
        let answer = self.ask(&origin, &ask, credentials, deadline).await?.success()?;
        if answer.status != StatusCode::PARTIAL_CONTENT || answer.body.len() as u64 != end - start {
            return Err(Trouble::protocol(format!(
                "it was asked for the bytes from {start} to {end} of `{}`, and gave {} others",
                blob.digest,
                answer.body.len()
            )));
        }
        Ok(answer.body)
    }
}

fn too_long(digest: &Digest) -> Trouble {
    Trouble::protocol(format!("`{digest}` cannot be named in parts"))
}

/// A digest in the making.
struct Running {
    algorithm: Algorithm,
    context: Context,
}

impl Running {
    fn of(digest: &Digest) -> Self {
        let algorithm = digest.algorithm();
        let function = match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        };
        Self {
            algorithm,
            context: Context::new(function),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    fn is(self, digest: &Digest) -> bool {
        Digest::from_raw(self.algorithm, self.context.finish().as_ref()).as_ref() == Some(digest)
    }
}

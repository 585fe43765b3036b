//! From a name to the digest that it means now.

use std::time::Instant;

use countersign_image::{Digest, Reference, media};
use http::Method;
use http::header::CONTENT_TYPE;

use crate::client::Client;
use crate::credential::Credentials;
use crate::exchange::Ask;
use crate::fetch::{MANIFEST_CAP, MANIFEST_TYPES, readable};
use crate::transport::Answer;
use crate::trouble::Trouble;

impl Client {
    /// The digest that a name means now. A digest in the name is the answer, without a question.
    ///
    /// The registry's word for it is enough: whatever it says is what is gathered, judged and run from then on. Where
    /// it says nothing usable, the manifest is fetched and hashed.
    pub async fn resolve(
        &self,
        reference: &Reference,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Digest, Trouble> {
        if let Some(digest) = reference.digest() {
            return Ok(*digest);
        }
        let tail = format!("manifests/{}", reference.effective_tag());
        let get = Ask::get(reference.repository(), tail, MANIFEST_TYPES, MANIFEST_CAP);
        let head = Ask {
            method: Method::HEAD,
            ..get.clone()
        };
        match self.read(&head, credentials, deadline, stated).await? {
            Some(digest) => Ok(digest),
            None => self.read(&get, credentials, deadline, hashed).await,
        }
    }
}

/// The digest that a registry states, if its answer is one that can be taken at its word.
fn stated(answer: Answer) -> Result<Option<Digest>, Trouble> {
    if matches!(answer.status.as_u16(), 400 | 405 | 406 | 501) {
        return Ok(None);
    }
    let answer = answer.success()?;
    let is_image = |media_type: &str| {
        let media_type = media::essence(media_type);
        media::is_manifest(media_type) || media::is_index(media_type)
    };
    let digest = answer
        .header("docker-content-digest")
        .and_then(|text| Digest::parse(text).ok());
    Ok(digest.filter(|_| answer.header(CONTENT_TYPE).is_some_and(is_image)))
}

fn hashed(answer: Answer) -> Result<Digest, Trouble> {
    readable(answer).map(|(blob, _)| *blob.digest())
}

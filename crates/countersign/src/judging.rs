//! What `verify`, `explain` and `policy test` share: the same resolve, gather and judge as an admission's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_evidence::Evidence;
use countersign_image::Reference;
use countersign_policy::{Enforcement, Judgement, ObjectFacts, PolicySet, Verdict, judge};
use countersign_registry::{Credentials, Gatherer};
use countersign_server::{trouble, wants};
use futures_util::{Stream, StreamExt, stream};
use jiff::Timestamp;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::registries::ReachArguments;
use crate::resting::Sources;

/// How many images are gathered at the same time: enough to hide the way to a registry, too few to be a burden to it.
const AT_ONCE: usize = 8;

/// One image, judged, with what it was judged on.
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    pub(crate) evidence: Option<Arc<Evidence>>,
}

/// A way to registries, and how long one image may take.
pub(crate) struct Reach {
    gatherer: Gatherer,
    credentials: Credentials,
    timeout: Duration,
}

impl Reach {
    /// The way, and where trust roots come from.
    pub(crate) fn open(registries: &ReachArguments) -> Result<(Self, Sources), Failure> {
        let (client, credentials, sources) = registries.open()?;
        let reach = Self {
            gatherer: Gatherer::uncached(client),
            credentials,
            timeout: registries.timeout(),
        };
        Ok((reach, sources))
    }

    /// Judges several images at the same time, and hands them on in the order in which they were named.
    pub(crate) fn judge_all<'a>(
        &'a self,
        images: impl IntoIterator<Item = (&'a str, &'a ObjectFacts), IntoIter: 'a>,
        policies: &'a PolicySet,
    ) -> impl Stream<Item = Judged> + Unpin + 'a {
        let judging = images
            .into_iter()
            .map(|(image, object)| self.judge(image, policies, object));
        Box::pin(stream::iter(judging).buffered(AT_ONCE))
    }

    /// Resolves a tag once, then gathers and judges by its digest.
    pub(crate) async fn judge(&self, image: &str, policies: &PolicySet, object: &ObjectFacts) -> Judged {
        let refused = |reason| Judged {
            judgement: Judgement::refused(image, reason),
            evidence: None,
        };
        let deadline = Instant::now() + self.timeout;
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return refused(trouble::unreadable(image, &error)),
        };
        let pinned = match reference.pinned() {
            Some(pinned) => pinned,
            None => match self.gatherer.resolve(&reference, &self.credentials, deadline).await {
                Ok(digest) => reference.resolved(digest),
                Err(trouble) => return refused(trouble::unresolved(&reference, &trouble)),
            },
        };
        let governing = policies.governing(&pinned, object);
        let request = wants::request(&governing.wants(&pinned));
        let evidence = self
            .gatherer
            .gather(&pinned, &request, &self.credentials, deadline)
            .await;
        Judged {
            judgement: judge(&evidence, &governing, Timestamp::now()),
            evidence: Some(evidence),
        }
    }
}

/// The exit code of several judgements: a denial outranks an undecided one, and a policy that only warns keeps nothing out.
pub(crate) fn exit_of<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Exit {
    let mut exit = Exit::Done;
    for ruling in judged.into_iter().flat_map(|each| each.judgement.rulings().iter()) {
        match (ruling.enforcement(), ruling.verdict()) {
            (Enforcement::Warn, _) | (_, Verdict::Admit(_)) => {}
            (Enforcement::Enforce, Verdict::Deny(_)) => return Exit::Refused,
            (Enforcement::Enforce, Verdict::Undecided(_)) => exit = Exit::Undecided,
        }
    }
    exit
}

//! What `verify`, `explain`, `replay` and `policy test` share: the same gather and judge as an admission's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use countersign_evidence::{Evidence, PublicKey};
use countersign_image::{Pinned, Reference, Repository};
use countersign_policy::{Enforcement, Judgement, ObjectFacts, PolicySet, Settings, Verdict, judge};
use countersign_registry::{Client, Credentials, Gatherer, Trouble};
use countersign_server::{policies, trouble, wants};
use jiff::Timestamp;

use crate::configuration::NoMatch;
use crate::exit::Exit;
use crate::failure::{Failure, unreadable};

/// By what images are judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judged by")]
pub(crate) struct Yardstick {
    /// Policy file, or directory with policy files
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    policy: Vec<PathBuf>,

    /// Public key (PEM) that must have signed the image; several: any of them
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,

    /// With --key: demand an attestation of this type instead of a signature (a URI, or one of cosign's short names);
    /// several: all of them
    #[arg(long = "type", value_name = "TYPE", requires = "key")]
    types: Vec<String>,

    /// With --policy: what becomes of an image that no policy governs
    #[arg(long, value_enum, default_value_t = NoMatch::Deny, value_name = "VERDICT")]
    no_match: NoMatch,
}

impl Yardstick {
    pub(crate) fn policies(&self) -> Result<PolicySet, Failure> {
        if self.policy.is_empty() {
            return self.of_keys();
        }
        read_policies(&self.policy, Settings::new(self.no_match.into()))
    }

    fn of_keys(&self) -> Result<PolicySet, Failure> {
        let mut keys = Vec::with_capacity(self.key.len());
        for path in &self.key {
            let pem = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
            let key = PublicKey::from_pem(&pem).map_err(|error| {
                Failure::misuse(error)
                    .context(format!("`{}` holds no public key", path.display()))
                    .hint("`countersign key public --key FILE` prints the public half of a private key")
            })?;
            keys.push(key);
        }
        PolicySet::of_keys("--key", &keys, &self.types)
            .ok_or_else(|| Failure::misuse(anyhow::anyhow!("nothing to judge by: neither --policy nor --key is given")))
    }
}

/// Policies that are all understood: on the command line one that is not is the caller's to mend.
pub(crate) fn read_policies(paths: &[PathBuf], settings: Settings) -> Result<PolicySet, Failure> {
    let texts = policies::read(paths).map_err(Failure::misuse)?;
    let set = PolicySet::compile(policies::parse(&texts), settings);
    match set.errors() {
        [] => Ok(set),
        errors => {
            let lines: Vec<_> = errors.iter().map(|error| format!("\n  {error}")).collect();
            Err(Failure::misuse(anyhow::anyhow!("the policies cannot be read:{}", lines.concat()))
                .hint("`countersign policy check FILE…` says what else is wrong with them"))
        }
    }
}

/// One image, judged, with what it was judged on.
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    pub(crate) evidence: Option<Arc<Evidence>>,
}

/// A way to registries, and how long it may take.
pub(crate) struct Reach {
    pub(crate) gatherer: Gatherer,
    pub(crate) credentials: Credentials,
    pub(crate) deadline: Instant,
}

impl Reach {
    pub(crate) fn new(registries: &crate::registries::RegistryArguments) -> Result<Self, Failure> {
        let configuration = registries.configuration()?;
        let (client, credentials) = registries.client(configuration.as_ref())?;
        Ok(Self { gatherer: Gatherer::uncached(client), credentials, deadline: registries.deadline() })
    }

    /// Resolves a tag once, then gathers and judges by its digest, as an admission does.
    pub(crate) async fn judge(&self, image: &str, policies: &PolicySet, object: &ObjectFacts) -> Judged {
        let refused = |reason| Judged { judgement: Judgement::refused(image, reason), evidence: None };
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return refused(trouble::unreadable(image, &error)),
        };
        let pinned = match reference.pinned() {
            Some(pinned) => pinned,
            None => match self.gatherer.resolve(&reference, &self.credentials, self.deadline).await {
                Ok(digest) => reference.resolved(digest),
                Err(trouble) => return refused(trouble::unresolved(&reference, &trouble)),
            },
        };
        let governing = policies.governing(&pinned, object);
        let request = wants::request(&governing.wants(&pinned));
        let evidence = self.gatherer.gather(&pinned, &request, &self.credentials, self.deadline).await;
        Judged { judgement: judge(&evidence, &governing, Timestamp::now()), evidence: Some(evidence) }
    }
}

/// A name, or the error that repeats it.
pub(crate) fn parse_reference(text: &str) -> Result<Reference, Failure> {
    Reference::parse(text).map_err(|error| {
        Failure::misuse(error)
            .context(format!("`{text}` is no image name"))
            .hint("write it as `registry/repository:tag` or `registry/repository@sha256:…`")
    })
}

/// What a name means now; for commands that do something to an image rather than judge it.
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
        Err(trouble) => Err(of_trouble(
            reference.repository(),
            trouble,
            format!("the tag of `{}` could not be resolved", reference.written()),
        )),
    }
}

/// A registry's trouble, with what to do about it.
pub(crate) fn of_trouble(repository: &Repository, trouble: Trouble, what: impl Into<String>) -> Failure {
    let advice = trouble::next(repository, &trouble);
    let exit = if trouble == Trouble::NotFound { Exit::Refused } else { Exit::Undecided };
    Failure::new(exit, trouble).context(what.into()).hint(advice)
}

/// The exit code of several judgements: a denial outranks an undecided one, and a policy that only warns keeps nothing out.
pub(crate) fn exit_of<'a>(judgements: impl IntoIterator<Item = &'a Judgement>) -> Exit {
    let mut exit = Exit::Done;
    for ruling in judgements.into_iter().flat_map(|judgement| judgement.rulings().iter()) {
        match (ruling.enforcement(), ruling.verdict()) {
            (Enforcement::Warn, _) | (_, Verdict::Admit(_)) => {}
            (Enforcement::Enforce, Verdict::Deny(_)) => return Exit::Refused,
            (Enforcement::Enforce, Verdict::Undecided(_)) => exit = Exit::Undecided,
        }
    }
    exit
}

//! What an OIDC issuer said about who or what signs: Fulcio's extensions 1.3.6.1.4.1.57264.1.2 to .24, by name.

use std::fmt;

use der::asn1::Utf8StringRef;
use der::{Decode as _, oid::ObjectIdentifier};

/// The names of the claims, in the order of their extensions' numbers. `.1` and `.8` are the issuer and `.7` is a kind of
/// subject, so that they are no claims.
const CLAIMS: &[(u32, Claim, &str)] = &[
    (2, Claim::GithubWorkflowTrigger, "github-workflow-trigger"),
    (3, Claim::GithubWorkflowSha, "github-workflow-sha"),
    (4, Claim::GithubWorkflowName, "github-workflow-name"),
    (5, Claim::GithubWorkflowRepository, "github-workflow-repository"),
    (6, Claim::GithubWorkflowRef, "github-workflow-ref"),
    (9, Claim::BuildSignerUri, "build-signer-uri"),
    (10, Claim::BuildSignerDigest, "build-signer-digest"),
    (11, Claim::RunnerEnvironment, "runner-environment"),
    (12, Claim::SourceRepositoryUri, "source-repository-uri"),
    (13, Claim::SourceRepositoryDigest, "source-repository-digest"),
    (14, Claim::SourceRepositoryRef, "source-repository-ref"),
    (15, Claim::SourceRepositoryIdentifier, "source-repository-identifier"),
    (16, Claim::SourceRepositoryOwnerUri, "source-repository-owner-uri"),
    (
        17,
        Claim::SourceRepositoryOwnerIdentifier,
        "source-repository-owner-identifier",
    ),
    (18, Claim::BuildConfigUri, "build-config-uri"),
    (19, Claim::BuildConfigDigest, "build-config-digest"),
    (20, Claim::BuildTrigger, "build-trigger"),
    (21, Claim::RunInvocationUri, "run-invocation-uri"),
    (
        22,
        Claim::SourceRepositoryVisibilityAtSigning,
        "source-repository-visibility-at-signing",
    ),
    (23, Claim::DeploymentEnvironment, "deployment-environment"),
    (24, Claim::TokenSubject, "token-subject"),
];

/// The last number whose extension is the text itself; later ones hold a UTF8String in DER.
const LAST_RAW: u32 = 6;

/// A claim that Fulcio writes into a certificate (its `docs/oid-info.md`). The first five are for GitHub alone, and
/// superseded by those for every provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Claim {
    /// `.2`: the event that started a GitHub workflow.
    GithubWorkflowTrigger,
    /// `.3`: the commit that a GitHub workflow ran for.
    GithubWorkflowSha,
    /// `.4`: what a GitHub workflow is called.
    GithubWorkflowName,
    /// `.5`: the repository that a GitHub workflow ran for, as `owner/name`.
    GithubWorkflowRepository,
    /// `.6`: the git reference that a GitHub workflow ran for.
    GithubWorkflowRef,
    /// `.9`: the build instructions that sign, such as a reusable workflow.
    BuildSignerUri,
    /// `.10`: the immutable version of those.
    BuildSignerDigest,
    /// `.11`: whether the provider's own machines ran the build, such as `github-hosted` or `self-hosted`.
    RunnerEnvironment,
    /// `.12`: where the source is.
    SourceRepositoryUri,
    /// `.13`: the immutable version of the source.
    SourceRepositoryDigest,
    /// `.14`: the git reference of the source.
    SourceRepositoryRef,
    /// `.15`: the provider's immutable number of the source's repository.
    SourceRepositoryIdentifier,
    /// `.16`: who owns the source's repository.
    SourceRepositoryOwnerUri,
    /// `.17`: the provider's immutable number of the owner.
    SourceRepositoryOwnerIdentifier,
    /// `.18`: the build instructions at the top, which may call those that sign.
    BuildConfigUri,
    /// `.19`: the immutable version of those.
    BuildConfigDigest,
    /// `.20`: the event that started the build.
    BuildTrigger,
    /// `.21`: this very run.
    RunInvocationUri,
    /// `.22`: who could see the source when it was signed, such as `public`.
    SourceRepositoryVisibilityAtSigning,
    /// `.23`: the environment that the build deploys to.
    DeploymentEnvironment,
    /// `.24`: the subject of the token.
    TokenSubject,
}

impl Claim {
    /// Every claim, in the order of their extensions' numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        CLAIMS.iter().map(|(_, claim, _)| *claim)
    }

    /// The claim of that name.
    pub fn named(name: &str) -> Option<Self> {
        CLAIMS
            .iter()
            .find(|(_, _, known)| *known == name)
            .map(|(_, claim, _)| *claim)
    }

    /// Its name: that of Fulcio's documents, in small letters with hyphens, as cosign's flags
    /// `--certificate-github-workflow-…` have it.
    pub fn name(self) -> &'static str {
        CLAIMS
            .iter()
            .find(|(_, claim, _)| *claim == self)
            .map_or("", |(_, _, name)| name)
    }

    /// The last number of its object identifier, 1.3.6.1.4.1.57264.1.N.
    pub fn number(self) -> u32 {
        CLAIMS
            .iter()
            .find(|(_, claim, _)| *claim == self)
            .map_or(0, |(number, ..)| *number)
    }

    fn numbered(number: u32) -> Option<Self> {
        CLAIMS
            .iter()
            .find(|(known, ..)| *known == number)
            .map(|(_, claim, _)| *claim)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The claims of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(Vec<(Claim, String)>);

impl Claims {
    /// What is claimed under a name, exactly as it is written.
    pub fn get(&self, claim: Claim) -> Option<&str> {
        self.iter().find(|(found, _)| *found == claim).map(|(_, value)| value)
    }

    /// Every claim with its value, in the order of the extensions' numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Claim, &str)> {
        self.0.iter().map(|(claim, value)| (*claim, &**value))
    }

    /// Reads the value of Fulcio's extension of a number, if it is a claim.
    pub(super) fn read(&mut self, number: u32, value: &[u8]) -> Result<(), &'static str> {
        let Some(claim) = Claim::numbered(number) else {
            return Ok(());
        };
        let text = if number <= LAST_RAW {
            std::str::from_utf8(value).map_err(|_| "a claim is not UTF-8")?
        } else {
            utf8_string(value).ok_or("a claim is not a UTF8String")?
        };
        // A pattern that ends at a line end would take it for another, as it would a name.
        if text.chars().any(char::is_control) {
            return Err("a claim has a control character");
        }
        let at = self.0.partition_point(|(other, _)| *other < claim);
        self.0.insert(at, (claim, text.to_owned()));
        Ok(())
    }
}

/// The text in a UTF8String in DER, with nothing behind it.
pub(super) fn utf8_string(der: &[u8]) -> Option<&str> {
    Utf8StringRef::from_der(der).ok().map(|text| text.as_str())
}

/// The N of 1.3.6.1.4.1.57264.1.N, under which Fulcio's extensions are.
pub(super) fn fulcio_number(oid: &ObjectIdentifier) -> Option<u32> {
    let mut arcs = oid.arcs();
    let is_fulcio = [1, 3, 6, 1, 4, 1, 57264, 1]
        .into_iter()
        .all(|arc| arcs.next() == Some(arc));
    let number = arcs.next()?;
    (is_fulcio && arcs.next().is_none()).then_some(number)
}

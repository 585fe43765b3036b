//! What an OIDC issuer said about who or what signs: Fulcio's extensions 1.3.6.1.4.1.57264.1.2 to .24, by name.

/// A claim that Fulcio writes into a certificate (its `docs/oid-info.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Claim {
    /// `.2`: the event that started a GitHub workflow. Written for GitHub alone; superseded by `.20`.
    GithubWorkflowTrigger,
}

impl Claim {
    /// Its name, as Fulcio's documents have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GithubWorkflowTrigger => "githubWorkflowTrigger",
        }
    }
}

/// The claims of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(Vec<(Claim, String)>);

impl Claims {
    /// What is claimed under a name.
    pub fn get(&self, claim: Claim) -> Option<&str> {
        self.iter().find(|(found, _)| *found == claim).map(|(_, value)| value)
    }

    /// Every claim with its value, in the order of the extensions' numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Claim, &str)> {
        self.0.iter().map(|(claim, value)| (*claim, &**value))
    }
}

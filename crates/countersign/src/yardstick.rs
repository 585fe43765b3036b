//! By what images are judged: policies, or keys and identities that must have signed.

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_evidence::certificate::{DetachedSct, MAX_DETACHED_SCT_BYTES};
use countersign_evidence::{PublicKey, SctRule};
use countersign_keys::KeyReference;
use countersign_policy::identity::{Anchoring, Expression, IdentityPattern, NamePattern};
use countersign_policy::set::ByHand;
use countersign_policy::{PolicySet, Settings};
use countersign_server::policies;
use jiff::Timestamp;

use crate::configuration::NoMatch;
use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};
use crate::printer::Printer;
use crate::private_key;
use crate::resting::{self, Roots, Sources};
use crate::vault;

#[derive(Debug, Args)]
#[command(next_help_heading = "Judged by")]
pub(crate) struct Yardstick {
    /// Policy file, or directory with policy files; TrustRoot documents may stand beside the policies
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    policy: Vec<PathBuf>,

    /// Public key that must have signed the image: a file (PEM), env://VARIABLE, openbao://KEY or hashivault://KEY; of
    /// several, any
    #[arg(long, value_name = "KEY")]
    key: Vec<PathBuf>,

    #[command(flatten)]
    identity: IdentityArguments,

    /// Trust root to believe (`trusted_root.json`) instead of the one of sigstore's public-good instance that this binary
    /// brings along
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,

    /// With --key or an identity: demand an attestation of this type instead of a signature (a URI, or one of cosign's short
    /// names); of several, all
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "policy")]
    types: Vec<String>,

    /// With --policy: what becomes of an image that no policy governs
    #[arg(long, value_enum, default_value_t = NoMatch::Deny, value_name = "VERDICT")]
    no_match: NoMatch,
}

/// Who must have signed without a key, in cosign's words.
#[derive(Debug, Args)]
struct IdentityArguments {
    /// Whom the signer's certificate must name, exactly: an e-mail address, or the URI of a workflow
    #[arg(long, value_name = "IDENTITY", conflicts_with_all = ["policy", "key"])]
    certificate_identity: Option<String>,

    /// Whom it must name, as a regular expression (RE2) over the whole name
    #[arg(long, value_name = "REGEXP", conflicts_with_all = ["policy", "key", "certificate_identity"])]
    certificate_identity_regexp: Option<String>,

    /// Who must have vouched for that name, exactly: the OIDC issuer
    #[arg(long, value_name = "URL", conflicts_with_all = ["policy", "key"])]
    certificate_oidc_issuer: Option<String>,

    /// Who must have vouched, as a regular expression (RE2) over the whole name
    #[arg(long, value_name = "REGEXP", conflicts_with_all = ["policy", "key", "certificate_oidc_issuer"])]
    certificate_oidc_issuer_regexp: Option<String>,

    /// Whether a certificate that is in no log of certificates is accepted
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        conflicts_with_all = ["policy", "key"]
    )]
    insecure_ignore_sct: Option<bool>,

    /// Detached signed certificate timestamp (a log's answer in JSON, RFC 6962): it counts for a certificate that has none in
    /// itself which holds
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "key"])]
    sct: Option<PathBuf>,

    /// Whether a signature that is in no transparency log is accepted. An identity needs a log entry unless this is said; an
    /// entry that is there still proves a time, and refuses where it is broken, and without one a timestamp has to. A key
    /// needs one only with `=false`
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        conflicts_with = "policy"
    )]
    insecure_ignore_tlog: Option<bool>,
}

impl Yardstick {
    /// As they stand at the time of judgement: packed trust roots end.
    pub(crate) async fn policies(
        &self,
        sources: Sources,
        at: Timestamp,
        printer: &mut Printer,
    ) -> Result<PolicySet, Failure> {
        let trusted_root = self.trusted_root.clone();
        let set = if self.policy.is_empty() {
            self.by_hand(|| sources.open(trusted_root, at, printer)).await?
        } else {
            let roots = sources.open(trusted_root, at, printer)?;
            read_policies(&self.policy, &roots, Settings::new(self.no_match.into())).await?
        };
        resting::tell_unusable(&set, printer);
        Ok(set)
    }

    async fn by_hand(&self, roots: impl FnOnce() -> Result<Roots, Failure>) -> Result<PolicySet, Failure> {
        let identities = self.identity.pattern()?;
        let log_of_key = self.identity.insecure_ignore_tlog == Some(false);
        if self.trusted_root.is_some() && !self.key.is_empty() && !log_of_key {
            let what = "a key needs no trust root, so that `--trusted-root` would say nothing";
            return Err(Failure::misuse(anyhow::anyhow!(what)).hint(
                "leave it away, or demand an entry in a transparency log of that root with `--insecure-ignore-tlog=false`",
            ));
        }
        let demanded = ByHand {
            name: if identities.is_some() {
                "--certificate-identity"
            } else {
                "--key"
            }
            .to_owned(),
            keys: self.keys().await?,
            root: match identities.is_some() || log_of_key {
                true => Some(roots()?.standing().await),
                false => None,
            },
            identities: identities.into_iter().collect(),
            sct: self.identity.sct_rule()?,
            log_of_key,
            log_of_identity: self.identity.insecure_ignore_tlog != Some(true),
            predicate_types: self.types.clone(),
        };
        PolicySet::by_hand(demanded).ok_or_else(|| {
            Failure::misuse(anyhow::anyhow!(
                "nothing to judge by: neither a policy nor a key nor an identity is given"
            ))
            .hint(
                "add `--policy FILE`, `--key FILE` with the public key that must have signed, or `--certificate-identity` and \
                 `--certificate-oidc-issuer`",
            )
        })
    }

    async fn keys(&self) -> Result<Vec<PublicKey>, Failure> {
        let mut keys = Vec::with_capacity(self.key.len());
        for name in &self.key {
            keys.push(public_key(name).await?);
        }
        Ok(keys)
    }
}

impl IdentityArguments {
    fn sct_rule(&self) -> Result<SctRule, Failure> {
        match (&self.sct, self.insecure_ignore_sct == Some(true)) {
            (None, true) => Ok(SctRule::Ignored),
            (None, false) => Ok(SctRule::Required),
            (Some(_), true) => {
                let what = "a signed certificate timestamp that is ignored would say nothing";
                Err(Failure::misuse(anyhow::anyhow!(what)).hint("leave `--sct` or `--insecure-ignore-sct` away"))
            }
            (Some(path), false) => {
                let bytes = files::read(path, MAX_DETACHED_SCT_BYTES as u64)?;
                let detached = DetachedSct::parse(&bytes).map_err(|error| {
                    Failure::misuse(error)
                        .context(format!("`{}` holds no signed certificate timestamp", path.display()))
                })?;
                Ok(SctRule::RequiredOr(detached))
            }
        }
    }

    /// Whom to believe; nothing if no identity is named. One half is not enough: a name is worth what its issuer is.
    fn pattern(&self) -> Result<Option<IdentityPattern>, Failure> {
        let subject = name_of(
            self.certificate_identity.as_deref(),
            self.certificate_identity_regexp.as_deref(),
            "--certificate-identity-regexp",
        )?;
        let issuer = name_of(
            self.certificate_oidc_issuer.as_deref(),
            self.certificate_oidc_issuer_regexp.as_deref(),
            "--certificate-oidc-issuer-regexp",
        )?;
        let incomplete = |given: &str, missing: &str| {
            Failure::misuse(anyhow::anyhow!("{given} is given, and not {missing}"))
                .hint("an identity is a name and who vouches for it: give both")
        };
        match (subject, issuer) {
            (Some(subject), Some(issuer)) => Ok(Some(IdentityPattern { issuer, subject })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(incomplete("a certificate identity", "its OIDC issuer")),
            (None, Some(_)) => Err(incomplete("an OIDC issuer", "a certificate identity")),
        }
    }
}

fn name_of(exact: Option<&str>, pattern: Option<&str>, flag: &str) -> Result<Option<NamePattern>, Failure> {
    match (exact, pattern) {
        (Some(""), _) | (_, Some("")) => Err(Failure::misuse(anyhow::anyhow!("an empty name is nobody's"))
            .hint("`countersign verify --help` says what an identity is")),
        (Some(name), _) => Ok(Some(NamePattern::Exact(name.to_owned()))),
        (None, Some(text)) => {
            let expression = Expression::parse(text, Anchoring::Whole).map_err(|error| {
                Failure::misuse(error).context(format!("{flag} `{text}` is no regular expression that can be used"))
            })?;
            Ok(Some(NamePattern::Expression(expression)))
        }
        (None, None) => Ok(None),
    }
}

async fn public_key(name: &Path) -> Result<PublicKey, Failure> {
    let reference = private_key::reference(name)?;
    let pem = match &reference {
        KeyReference::File(path) => files::read_text(path, MAX_SMALL)?,
        KeyReference::Environment(name) => private_key::variable(name)?,
        KeyReference::Vault(dialect, key) => return vault::public_half(*dialect, key).await,
    };
    PublicKey::from_pem(&pem).map_err(|error| {
        Failure::misuse(error)
            .context(format!("`{reference}` holds no public key"))
            .hint("`countersign key public --key KEY` prints the public half of a private key")
    })
}

/// Policies as a door compiles them: what is not understood leaves undecided what it may govern.
pub(crate) async fn compile(paths: &[PathBuf], roots: &Roots, settings: Settings) -> Result<PolicySet, Failure> {
    let texts = policies::read(paths).map_err(Failure::misuse)?;
    let set = PolicySet::compile(policies::parse(&texts), settings);
    Ok(roots.under(set).await)
}

/// Policies that are all understood: on the command line one that is not is the caller's to mend.
pub(crate) async fn read_policies(paths: &[PathBuf], roots: &Roots, settings: Settings) -> Result<PolicySet, Failure> {
    let set = compile(paths, roots, settings).await?;
    match set.errors() {
        [] => Ok(set),
        errors => {
            let lines: Vec<_> = errors.iter().map(|error| format!("\n  {error}")).collect();
            Err(
                Failure::misuse(anyhow::anyhow!("the policies cannot be read:{}", lines.concat()))
                    .hint("`countersign policy check FILE…` says what else is wrong with them"),
            )
        }
    }
}

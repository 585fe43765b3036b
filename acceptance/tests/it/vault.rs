//! Keys that OpenBao keeps: signed with by our command line, verified by cosign and by us, and every way in which it goes
//! wrong told as what it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use countersign_acceptance::cli::Cli;
use countersign_acceptance::command::Output;
use countersign_acceptance::cosign::{Cosign, Key, Layout};
use countersign_acceptance::foreign::{Image, Registry};
use countersign_acceptance::vault::{Issuer, Vault, secret_file};
use countersign_acceptance::wait::SOON;
use countersign_evidence::ToBeSigned;
use countersign_image::{Pinned, Reference};
use countersign_keys::{Dialect, KeyName, VaultError, VaultKey, VaultSettings};
use serde_json::{Value, json};

const MINIMAL: &str = "countersign-signing.hcl";
const NOTHING: &[(&str, &str)] = &[];
const TYPE: &str = "https://countersign.dev/acceptance/v1";

/// Type of key, the policy that its tokens have, and whether we warn.
const TYPES: [(&str, &str, bool); 4] = [
    ("ecdsa-p256", MINIMAL, false),
    ("rsa-4096", MINIMAL, false),
    ("ed25519", "countersign-signing-ed25519.hcl", false),
    ("ecdsa-p384", MINIMAL, true),
];

#[test]
fn what_it_signs_verifies_with_cosign_and_with_us() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    for (kind, policy, warns) in TYPES {
        let key = bench.key(kind, policy)?;
        for layout in Layout::ALL {
            bench
                .signs_in(layout, &key, warns)
                .with_context(|| format!("{kind}, {layout:?}"))?;
        }
        for layout in Layout::OF_ATTESTATIONS {
            bench
                .attests_in(layout, &key)
                .with_context(|| format!("an attestation, {kind}, {layout:?}"))?;
        }
    }
    Ok(())
}

#[test]
fn a_token_that_may_not_is_told_of_the_policy_and_one_that_may_more_of_that() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let image = bench.image("policies")?;
    let sign = |token: &str| bench.run(token, &["sign", &image.tagged(), "--key", &key.uri]);

    let stranger = bench.vault.token(&["default"])?;
    sign(&stranger)?
        .with_code(1)?
        .saying(&["forbid", "transit/keys/ecdsa-p256", "countersign-signing.hcl"])?;
    sign("s.nobody")?.with_code(1)?.saying(&["does not know our token"])?;

    // Reads the key, and signs with another one.
    bench.vault.ask(
        "PUT",
        "sys/policies/acl/reads",
        &json!({ "policy": "path \"transit/keys/ecdsa-p256\" { capabilities = [\"read\"] }" }),
    )?;
    let reader = bench.vault.token(&["default", "reads"])?;
    bench.run(&reader, &["key", "public", "--key", &key.uri])?.success()?;
    sign(&reader)?
        .with_code(1)?
        .saying(&["sign with this key", "transit/sign/ecdsa-p256/sha2-256"])?;

    let silent = sign(&key.token)?.success()?;
    assert!(!silent.stderr.contains("warning"), "the minimal policy warns: {silent}");
    sign(bench.vault.root())?
        .success()?
        .saying(&["warning", "root token"])?;
    bench.vault.ask(
        "PUT",
        "sys/policies/acl/exports",
        &json!({ "policy": "path \"transit/export/*\" { capabilities = [\"read\"] }" }),
    )?;
    let more = bench.vault.token(&[&key.policy, "exports"])?;
    sign(&more)?
        .success()?
        .saying(&["warning", "export the key", "transit/export/signing-key/ecdsa-p256"])?;
    Ok(())
}

#[test]
fn a_key_that_can_leave_or_is_none_signs_nothing() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    let image = bench.image("refused")?;
    for (name, settings, said) in [
        (
            "exportable",
            json!({ "type": "ecdsa-p256", "exportable": true }),
            "`exportable`",
        ),
        (
            "backup",
            json!({ "type": "ecdsa-p256", "allow_plaintext_backup": true }),
            "`allow_plaintext_backup`",
        ),
        ("cipher", json!({ "type": "aes256-gcm96" }), "`aes256-gcm96`"),
    ] {
        bench.vault.key(name, &settings)?;
        let uri = format!("openbao://{name}");
        let sign = ["sign", &image.tagged(), "--key", &uri];
        bench.run(bench.vault.root(), &sign)?.with_code(1)?.saying(&[said])?;
    }
    // What it has signed may still have to be verified.
    let shown = ["key", "public", "--key", "openbao://exportable"];
    bench.run(bench.vault.root(), &shown)?.success()?;
    let sign = ["sign", &image.tagged(), "--key", "openbao://nowhere"];
    bench
        .run(bench.vault.root(), &sign)?
        .with_code(1)?
        .saying(&["no key `nowhere`"])?;
    let sign = ["sign", &image.tagged(), "--key", "awskms:///alias/release"];
    bench
        .run(bench.vault.root(), &sign)?
        .with_code(2)?
        .saying(&["`openbao://KEY`"])?;
    Ok(())
}

#[tokio::test]
async fn sealed_it_is_told_as_sealed_and_signs_again_when_it_is_not() -> Result<()> {
    let bench = Bench::new(Vault::with_a_seal()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let opened = bench.open(&key, NOTHING).await?;
    opened.sign(&something()?).await?;

    bench.vault.seal()?;
    let sealed = opened.sign(&something()?).await;
    assert!(
        matches!(&sealed, Err(error @ VaultError::Sealed) if error.is_passing()),
        "{sealed:?}"
    );
    let image = bench.image("sealed")?;
    let sign = ["sign", &image.tagged(), "--key", &key.uri];
    bench
        .run(&key.token, &sign)?
        .with_code(3)?
        .saying(&["the vault is sealed"])?;

    bench.vault.unseal()?;
    opened.sign(&something()?).await?;
    bench.run(&key.token, &sign)?.success()?;
    Ok(())
}

#[tokio::test]
async fn a_revoked_token_costs_one_login_and_a_withdrawn_role_ends_it() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let login = bench.login(&key, "10m")?;
    let opened = bench.open(&key, &login).await?;
    assert!(opened.warnings().is_empty(), "{:?}", opened.warnings());
    opened.sign(&something()?).await?;
    // The token that `key` made, and the login's.
    assert_eq!(bench.vault.revoke_all()?, 2);
    let what = something()?;
    let (one, other) = tokio::join!(opened.sign(&what), opened.sign(&what));
    assert_ne!(one?.request_id, other?.request_id);
    assert_eq!(bench.vault.revoke_all()?, 1, "two that were refused log in once");

    bench
        .vault
        .ask("DELETE", "auth/approle/role/countersign", &Value::Null)?;
    let refused = opened.sign(&something()?).await;
    assert!(matches!(refused, Err(VaultError::LoginRefused { .. })), "{refused:?}");

    // A token that somebody gave has no other behind it.
    let given = Made {
        token: bench.vault.token(&[&key.policy])?,
        ..key
    };
    let opened = bench.open(&given, NOTHING).await?;
    bench.vault.revoke_all()?;
    let refused = opened.sign(&something()?).await;
    assert!(matches!(refused, Err(VaultError::TokenRefused)), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_token_is_renewed_while_nobody_signs() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let login = bench.login(&key, "6s")?;
    let opened = bench.open(&key, &login).await?;
    let renewed = async {
        while !bench.vault.has_renewed()? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        () = opened.keep() => bail!("keeping a token good came to an end"),
        outcome = tokio::time::timeout(SOON, renewed) => outcome.context("the token was not renewed")??,
    }
    opened.sign(&something()?).await?;
    Ok(())
}

#[tokio::test]
async fn a_version_stays_pinned_across_a_rotation() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let first = bench.open(&key, NOTHING).await?;
    bench.vault.rotate("ecdsa-p256")?;
    assert_eq!(first.sign(&something()?).await?.version, 1);

    let second = bench.open(&key, NOTHING).await?;
    assert_eq!(second.sign(&something()?).await?.version, 2);
    assert_ne!(first.public_key(), second.public_key());
    let pinned = bench.open(&key, &[("COUNTERSIGN_VAULT_KEY_VERSION", "1")]).await?;
    assert_eq!(pinned.public_key(), first.public_key());
    assert_eq!(pinned.sign(&something()?).await?.version, 1);
    let missing = bench.open(&key, &[("COUNTERSIGN_VAULT_KEY_VERSION", "3")]).await;
    let missing = missing
        .err()
        .ok_or_else(|| anyhow!("a version that is not there was opened"))?;
    assert!(missing.to_string().contains("no version 3"), "{missing:#}");

    // Its old versions trimmed away under a process that signs with one of them.
    bench.vault.ask(
        "POST",
        "transit/keys/ecdsa-p256/config",
        &json!({ "min_decryption_version": 2, "min_encryption_version": 2 }),
    )?;
    let trimmed = first.sign(&something()?).await;
    assert!(
        matches!(trimmed, Err(VaultError::NoSuchVersion { version: 1, .. })),
        "{trimmed:?}"
    );
    Ok(())
}

#[tokio::test]
async fn each_signature_stands_in_the_audit_log_under_the_name_that_we_give() -> Result<()> {
    let bench = Bench::new(Vault::with_a_seal()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let image = bench.image("audited")?;
    let sign = ["sign", &image.tagged(), "--key", &key.uri, "-o", "json"];
    let said = bench.run(&key.token, &sign)?.success()?;
    let said: Value = serde_json::from_str(&said.stdout)?;
    let named = [
        said["signed"][0]["vault"]["requestId"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        bench.open(&key, NOTHING).await?.sign(&something()?).await?.request_id,
    ];
    let audited = bench.vault.audited()?;
    let signed: Vec<&Value> = audited
        .iter()
        .filter(|line| line["type"] == "response" && line["request"]["path"] == "transit/sign/ecdsa-p256/sha2-256")
        .map(|line| &line["request"]["id"])
        .collect();
    assert_eq!(signed, named.iter().collect::<Vec<_>>());
    Ok(())
}

#[test]
fn over_tls_it_is_spoken_to_only_if_somebody_trusted_vouches_for_it() -> Result<()> {
    let bench = Bench::new(Vault::with_a_seal()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let secure = bench.vault.secure()?;
    let authority = secure.authority.to_string_lossy();
    let show = |variables: &[(&str, &str)]| {
        let usual = [("VAULT_ADDR", secure.url.as_str()), ("VAULT_TOKEN", key.token.as_str())];
        let words = ["key", "public", "--key", "hashivault://ecdsa-p256"];
        bench
            .cli
            .run_with(bench.registry.docker(), &[&usual, variables].concat(), &words)
    };
    show(&[("VAULT_CACERT", &authority)])?.success()?;
    for variables in [&[][..], &[("VAULT_SKIP_VERIFY", "true")][..]] {
        show(variables)?
            .with_code(2)?
            .saying(&["is not trusted", "VAULT_CACERT"])?;
    }
    Ok(())
}

#[test]
fn a_namespace_and_another_mount_are_where_the_key_is_looked_for() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    bench.vault.ask("POST", "sys/namespaces/team", &json!({}))?;
    bench
        .vault
        .ask_in("team", "POST", "sys/mounts/keys/images", &json!({ "type": "transit" }))?;
    let made = json!({ "type": "ecdsa-p256" });
    bench.vault.ask_in("team", "POST", "keys/images/keys/release", &made)?;
    let url = bench.vault.url();
    let show = |variables: &[(&str, &str)]| {
        let usual = [("BAO_ADDR", url.as_str()), ("BAO_TOKEN", bench.vault.root())];
        let words = ["key", "public", "--key", "openbao://release"];
        bench
            .cli
            .run_with(bench.registry.docker(), &[&usual, variables].concat(), &words)
    };
    let (namespace, mount) = (("BAO_NAMESPACE", "team"), ("TRANSIT_SECRET_ENGINE_PATH", "keys/images"));
    show(&[namespace, mount])?.success()?;
    for elsewhere in [&[namespace][..], &[mount][..], &[][..]] {
        show(elsewhere)?.with_code(1)?.saying(&["no key `release`"])?;
    }
    Ok(())
}

#[tokio::test]
async fn a_job_logs_in_by_a_token_that_somebody_else_signed() -> Result<()> {
    let bench = Bench::new(Vault::start()?)?;
    let key = bench.key("ecdsa-p256", MINIMAL)?;
    let issuer = Issuer::new()?;
    bench
        .vault
        .trust_jwts("signer", "https://bao.example", &issuer.public_pem(), &[&key.policy])?;
    let logged_in = async |audience: &str| {
        let file = secret_file(bench.registry.docker(), "jwt", &issuer.token("signer", audience)?)?;
        let login = [
            ("COUNTERSIGN_VAULT_LOGIN", "jwt"),
            ("COUNTERSIGN_VAULT_ROLE", "signer"),
            ("COUNTERSIGN_VAULT_JWT_FILE", file.as_str()),
        ];
        bench.open(&key, &login).await
    };
    logged_in("https://bao.example").await?.sign(&something()?).await?;
    let refused = logged_in("https://elsewhere.example").await.err();
    let refused = refused.and_then(|error| error.downcast::<VaultError>().ok());
    assert!(matches!(refused, Some(VaultError::LoginRefused { .. })), "{refused:?}");
    Ok(())
}

/// A key in the vault, and a token that may sign with it.
struct Made {
    uri: String,
    policy: String,
    token: String,
    public: PathBuf,
}

struct Bench {
    vault: Vault,
    registry: Registry,
    cosign: Cosign,
    cli: Cli,
    other: Key,
}

impl Bench {
    fn new(vault: Vault) -> Result<Self> {
        let registry = Registry::ours()?;
        let cosign = Cosign::new()?.with_logins(registry.docker());
        Ok(Self {
            vault,
            other: cosign.generate("other")?,
            cosign,
            cli: Cli::new()?,
            registry,
        })
    }

    /// A key that is called after its type, and its public half as a verifier would keep it.
    fn key(&self, kind: &str, policy: &str) -> Result<Made> {
        self.vault.key(kind, &json!({ "type": kind }))?;
        let policy = self.vault.policy(policy, kind)?;
        let token = self.vault.token(&[&policy])?;
        let uri = format!("openbao://{kind}");
        let pem = self.run(&token, &["key", "public", "--key", &uri])?.success()?.stdout;
        let public = self.registry.docker().join(format!("{kind}.pub"));
        std::fs::write(&public, pem).context("cannot write a public key")?;
        Ok(Made {
            uri,
            policy,
            token,
            public,
        })
    }

    /// A login by AppRole for tokens that may sign with this key, as the environment has it.
    fn login(&self, key: &Made, ttl: &str) -> Result<[(&'static str, String); 3]> {
        let (role, secret) = self.vault.role("countersign", ttl, &[&key.policy])?;
        Ok([
            ("COUNTERSIGN_VAULT_LOGIN", "approle".to_owned()),
            ("COUNTERSIGN_VAULT_ROLE_ID", role),
            (
                "COUNTERSIGN_VAULT_SECRET_ID_FILE",
                secret_file(self.registry.docker(), "secret-id", &secret)?,
            ),
        ])
    }

    fn signs_in(&self, layout: Layout, key: &Made, warns: bool) -> Result<()> {
        let image = self.image(&format!("signed-{}-{}", layout.name(), key.policy))?;
        let what = ["sign", &image.tagged(), "--key", &key.uri, "--layout", layout.name()];
        let said = self
            .run(&key.token, &what)?
            .success()?
            .saying(&["version 1, request "])?;
        assert_eq!(said.stderr.contains("warning"), warns, "{said}");
        let public = key.public.to_string_lossy();
        for whose in [&*public, &key.uri] {
            self.run(&key.token, &["verify", &image.tagged(), "--key", whose])?
                .success()?;
        }
        self.cosign
            .verify(layout, &Key::public_half(key.public.clone()), &image)?
            .success()?;
        let another = self.cosign.verify(layout, &self.other, &image)?;
        assert!(
            !another.succeeded(),
            "another key verifies the vault's signature: {another}"
        );
        Ok(())
    }

    fn attests_in(&self, layout: Layout, key: &Made) -> Result<()> {
        let image = self.image(&format!("attested-{}-{}", layout.name(), key.policy))?;
        let predicate = secret_file(self.registry.docker(), "predicate.json", r#"{"clean": true}"#)?;
        let (tagged, name) = (image.tagged(), layout.name());
        let what = [
            "attest",
            &tagged,
            "--key",
            &key.uri,
            "--type",
            TYPE,
            "--predicate",
            &predicate,
            "--layout",
            name,
        ];
        self.run(&key.token, &what)?.success()?;
        self.cosign
            .verify_attestation(layout, &Key::public_half(key.public.clone()), &image, TYPE)?
            .success()?;
        Ok(())
    }

    fn image(&self, name: &str) -> Result<Image> {
        self.registry.image(name, "1", name)
    }

    fn run(&self, token: &str, words: &[&str]) -> Result<Output> {
        let url = self.vault.url();
        let variables = [("BAO_ADDR", url.as_str()), ("BAO_TOKEN", token)];
        self.cli.run_with(self.registry.docker(), &variables, words)
    }

    async fn open<T: AsRef<str>>(&self, key: &Made, more: &[(&str, T)]) -> Result<VaultKey> {
        let url = self.vault.url();
        let mut variables = BTreeMap::from([("VAULT_ADDR", url.as_str()), ("VAULT_TOKEN", key.token.as_str())]);
        variables.extend(more.iter().map(|(name, value)| (*name, value.as_ref())));
        let settings = VaultSettings::from_environment(Dialect::HashiCorp, |name| {
            variables.get(name).map(|value| (*value).to_owned())
        })?;
        let name = key.uri.trim_start_matches("openbao://");
        Ok(VaultKey::open(settings, KeyName::parse(name)?).await?)
    }
}

fn something() -> Result<ToBeSigned> {
    Ok(ToBeSigned::cosign_sign(&pinned()?, &BTreeMap::new()))
}

fn pinned() -> Result<Pinned> {
    let text = format!("registry.example/app@sha256:{}", "0".repeat(64));
    Reference::parse(&text)?
        .pinned()
        .ok_or_else(|| anyhow!("`{text}` has a digest"))
}

//! What a release leaves in a registry, read by the real cosign in each of its modes and by us.

mod promotion;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_acceptance::cli::Cli;
use countersign_acceptance::command::Output;
use countersign_acceptance::cosign::{Key, Layout};
use countersign_acceptance::foreign::{Image, Registry};
use countersign_acceptance::scene::{Mode, policy};
use serde_json::Value;

use self::promotion::Promotion;

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// What cosign is asked for, and what the statement then says it is.
const ATTESTED: [(&str, &str); 8] = [
    (VSA, VSA),
    (
        "https://in-toto.io/attestation/svr/v0.2",
        "https://in-toto.io/attestation/svr/v0.2",
    ),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    (
        "https://in-toto.io/attestation/vulns/v0.2",
        "https://in-toto.io/attestation/vulns/v0.2",
    ),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("spdxjson", "https://spdx.dev/Document"),
    (
        "https://in-toto.io/attestation/test-result/v0.1",
        "https://in-toto.io/attestation/test-result/v0.1",
    ),
    (
        "https://in-toto.io/attestation/reference/v0.1",
        "https://in-toto.io/attestation/reference/v0.1",
    ),
];

#[tokio::test]
async fn on_our_registry() -> Result<()> {
    let registry = Registry::ours()?;
    promoted_and_believed(&registry, &registry).await
}

/// It lists no referrers: they are in a tag.
#[tokio::test]
async fn on_distribution() -> Result<()> {
    let registry = Registry::distribution()?;
    promoted_and_believed(&registry, &registry).await
}

#[tokio::test]
async fn from_our_registry_to_one_behind_tokens() -> Result<()> {
    promoted_and_believed(&Registry::ours()?, &Registry::distribution_with_tokens()?).await
}

#[tokio::test]
async fn from_distribution_to_our_registry() -> Result<()> {
    promoted_and_believed(&Registry::distribution()?, &Registry::ours()?).await
}

async fn promoted_and_believed(from: &Registry, to: &Registry) -> Result<()> {
    let promotion = Promotion::of(from, to).await?;
    let image = promotion.release().await?;
    same_to_the_byte(&promotion, &image).context("the image itself")?;
    cosign_believes(&promotion, &image)?;
    we_believe(&promotion, &image).context("by us")?;

    // cosign looks at bundles alone where there is one: with somebody else's alone it would not look at ours under the tag.
    promotion.cosign.sign(Layout::Bundle, &promotion.other, &image)?;
    cosign_believes_the_signature(&promotion, &image).context("beside a foreign bundle")?;
    let again = promotion.release().await.context("a second time")?;
    ensure!(again.digest == image.digest, "released twice, it is two images");
    cosign_believes_the_signature(&promotion, &image).context("released twice")
}

fn cosign_believes(promotion: &Promotion<'_>, image: &Image) -> Result<()> {
    cosign_believes_the_signature(promotion, image)?;
    for (asked, said) in ATTESTED {
        for layout in Layout::OF_ATTESTATIONS {
            cosign_reads(promotion, image, layout, (asked, said)).with_context(|| format!("{asked}, {layout:?}"))?;
        }
    }
    // Its builder's word is there as the builder signed it, and under no other key.
    let provenance = ["verify-attestation", "--type", "slsaprovenance1"];
    let by = |key| promotion.cosign.verify_with(&provenance, Layout::Bundle, key, image);
    let copied = by(&promotion.builder)?.success()?;
    attested(&copied, image, PROVENANCE)?;
    refused(by(&promotion.attest)?)
}

fn cosign_believes_the_signature(promotion: &Promotion<'_>, image: &Image) -> Result<()> {
    for layout in Layout::ALL {
        let verify = |words: &[&str], key, image| promotion.cosign.verify_with(words, layout, key, image);
        let believed = || -> Result<()> {
            verify(&["verify"], &promotion.release, image)?.success()?;
            verify(&["verify", "-a", "env=prod"], &promotion.release, image)?.success()?;
            refused(verify(&["verify", "-a", "env=staging"], &promotion.release, image)?)?;
            refused(verify(&["verify"], &promotion.stranger, image)?)?;
            refused(verify(&["verify"], &promotion.release, &promotion.source)?)
        };
        believed().with_context(|| format!("{layout:?}"))?;
    }
    Ok(())
}

fn cosign_reads(promotion: &Promotion<'_>, image: &Image, layout: Layout, (asked, said): (&str, &str)) -> Result<()> {
    let what = ["verify-attestation", "--type", asked];
    let by = |key| promotion.cosign.verify_with(&what, layout, key, image);
    attested(&by(&promotion.attest)?.success()?, image, said)?;
    // The key of the signature attests nothing.
    refused(by(&promotion.release)?)
}

/// cosign gives out the envelopes that it believes: every one has to be of the type, and about the image.
fn attested(output: &Output, image: &Image, predicate_type: &str) -> Result<()> {
    let mut found = 0;
    for line in output.stdout.lines().filter(|line| line.starts_with('{')) {
        let envelope: Value = serde_json::from_str(line).with_context(|| format!("no envelope: {line}"))?;
        let payload = envelope["payload"].as_str().context("an envelope without a payload")?;
        let statement: Value = serde_json::from_slice(&STANDARD.decode(payload)?)?;
        ensure!(
            statement["predicateType"] == predicate_type,
            "expected `{predicate_type}`: {statement}"
        );
        let digest = statement["subject"][0]["digest"]["sha256"].as_str().unwrap_or_default();
        ensure!(
            image.digest == format!("sha256:{digest}"),
            "it is about another image: {statement}"
        );
        found += 1;
    }
    ensure!(found > 0, "expected an envelope of\n{output}");
    Ok(())
}

fn refused(output: Output) -> Result<()> {
    if output.succeeded() {
        bail!("expected a refusal of\n{output}");
    }
    Ok(())
}

fn same_to_the_byte(promotion: &Promotion<'_>, image: &Image) -> Result<()> {
    let (from, to) = (promotion.from, promotion.to);
    ensure!(promotion.source.digest == image.digest, "another digest");
    let index = manifest(to, &image.pinned())?;
    ensure!(index == manifest(from, &promotion.source.pinned())?, "another index");
    let parsed: Value = serde_json::from_str(&index)?;
    let children = parsed["manifests"].as_array().context("an index of manifests")?;
    ensure!(children.len() == 2, "{index}");
    for child in children {
        let digest = child["digest"].as_str().context("a manifest with a digest")?;
        let at = |repository: &str| format!("{repository}@{digest}");
        let same = manifest(to, &at(&image.repository))? == manifest(from, &at(&promotion.source.repository))?;
        ensure!(same, "another manifest for {child}");
    }
    // Every layer is there, and is what its digest says.
    to.crane_command(&["validate", "--remote", &image.pinned()])?
        .success()?;
    let tag = to.crane_command(&["digest", &image.tagged()])?.success()?;
    ensure!(tag.stdout.trim() == image.digest, "the tag is for {tag}");
    Ok(())
}

fn manifest(registry: &Registry, name: &str) -> Result<String> {
    Ok(registry.crane_command(&["manifest", name])?.success()?.stdout)
}

fn we_believe(promotion: &Promotion<'_>, image: &Image) -> Result<()> {
    let (cli, docker) = (Cli::new()?, promotion.to.docker());
    let file = docker.join("policy.yaml");
    let policy = policy("released", Mode::Enforce, promotion.to, &promotion.release)?;
    std::fs::write(&file, policy.to_string()).context("cannot write a policy")?;
    let file = file.to_string_lossy();
    // The unsigned one as if it were where the policy looks.
    let twin = promotion.unsigned_twin()?;
    let public = |key: &Key| key.public.to_string_lossy().into_owned();
    let (release, attest) = (public(&promotion.release), public(&promotion.attest));
    let by_policy = ["--policy", &*file];
    let by_key = ["--key", &*release];
    let by_summary = ["--key", &*attest, "--type", VSA];
    let by_attesting_key = ["--key", &*attest];
    for (how, promoted) in [
        (&by_policy[..], 0),
        (&by_key[..], 0),
        (&by_summary[..], 0),
        // What it attests is no signature of its.
        (&by_attesting_key[..], 1),
    ] {
        let run = |image: &str| cli.run(docker, &[&["verify", image], how].concat());
        run(&image.tagged())?.with_code(promoted)?;
        run(&image.pinned())?.with_code(promoted)?;
        run(&twin)?.with_code(1)?;
    }
    Ok(())
}

/// Somebody signed it first: both signatures stay.
#[tokio::test]
async fn another_signer_s_signature_stays_beside_ours() -> Result<()> {
    for registry in [Registry::ours()?, Registry::distribution()?] {
        let promotion = Promotion::of(&registry, &registry).await?;
        let early = promotion.put_at_destination()?;
        promotion.cosign.sign(Layout::Tag, &promotion.other, &early)?;
        let image = promotion.release().await?;
        let tag = image.digest.replace(':', "-");
        let signatures: Value =
            serde_json::from_str(&manifest(&registry, &format!("{}:{tag}.sig", image.repository))?)?;
        let layers = signatures["layers"].as_array().context("layers")?;
        ensure!(layers.len() == 2, "{signatures}");
        promotion
            .cosign
            .verify(Layout::Tag, &promotion.other, &image)?
            .success()?;
        cosign_believes_the_signature(&promotion, &image).context("behind another's")?;

        // And somebody who comes after: whatever cosign makes of the manifest, ours is still found in every way.
        promotion.cosign.sign(Layout::Tag, &promotion.builder, &image)?;
        for key in [&promotion.other, &promotion.builder] {
            promotion.cosign.verify(Layout::Tag, key, &image)?.success()?;
        }
        cosign_believes_the_signature(&promotion, &image).context("before another's")?;
        promotion.release().await.context("released again")?;
        for key in [&promotion.other, &promotion.builder] {
            promotion.cosign.verify(Layout::Tag, key, &image)?.success()?;
        }
        cosign_believes_the_signature(&promotion, &image).context("put again")?;
    }
    Ok(())
}

#[tokio::test]
async fn cosign_copies_and_shows_what_is_beside_it() -> Result<()> {
    for registry in [Registry::ours()?, Registry::distribution()?] {
        let promotion = Promotion::of(&registry, &registry).await?;
        let image = promotion.release().await?;
        let tag = image.digest.replace(':', "-");
        promotion.cosign.tree(&image, false)?.saying(&[
            &format!("{tag}.sig"),
            &format!("{tag}.att"),
            "Signatures",
            "Attestations",
        ])?;
        let types = ATTESTED.map(|(_, said)| said);
        let beside = ["application/vnd.dev.cosign.artifact.sig.v1+json", SIGN, PROVENANCE];
        promotion
            .cosign
            .tree(&image, true)?
            .saying(&[&types[..], &beside].concat())?;

        let copy = Image {
            repository: format!("{}/copied/app", registry.address()),
            ..image.clone()
        };
        promotion.cosign.copy(&image, &copy.tagged())?;
        promotion
            .cosign
            .verify(Layout::Tag, &promotion.release, &copy)?
            .success()?;
        for (asked, said) in ATTESTED {
            cosign_reads(&promotion, &copy, Layout::Tag, (asked, said)).with_context(|| format!("{asked}, copied"))?;
        }
    }
    Ok(())
}

/// Two services, or one that was thought dead: on a registry without conditional requests they write over each other.
#[tokio::test(flavor = "multi_thread")]
async fn two_who_release_at_the_same_time_end_whole() -> Result<()> {
    for registry in [Registry::ours()?, Registry::distribution()?] {
        let promotion = Promotion::of(&registry, &registry).await?;
        let (one, other) = tokio::join!(promotion.release(), promotion.release());
        let (one, other) = (one.context("the one")?, other.context("the other")?);
        ensure!(one.digest == other.digest, "two images");
        cosign_believes(&promotion, &one)?;
    }
    Ok(())
}

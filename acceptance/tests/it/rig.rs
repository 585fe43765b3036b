//! The rig by itself, without our binary: a failure here is the rig's, wherever else it shows.

use anyhow::{Context, Result};
use countersign_acceptance::cosign::{Cosign, Layout};
use countersign_acceptance::foreign::Registry;
use countersign_acceptance::objects;
use countersign_acceptance::plane::Plane;
use countersign_acceptance::wait::{self, SOON};
use rcgen::KeyPair;

/// The type of the attestations of this suite, and what they say.
pub(crate) const TYPE: &str = "https://countersign.dev/acceptance/v1";
pub(crate) const PREDICATE: &str = r#"{"scanner": "none", "clean": true}"#;

#[test]
fn the_plane_stores_pods_and_its_controllers_make_them() -> Result<()> {
    let plane = Plane::shared()?;
    plane.namespace("rig")?;
    let pod = objects::pod("alone", "example.org/app:1").to_string();
    plane
        .kubectl_with(&["create", "-n", "rig", "-f", "-"], &pod)?
        .success()?;
    assert_eq!(
        objects::first_image(&plane.stored("rig", "pod", "alone")?),
        Some("example.org/app:1")
    );
    for (api_version, kind) in objects::WORKLOADS {
        let name = kind.to_lowercase();
        let object = objects::workload(api_version, kind, &name, "example.org/app:1").to_string();
        plane
            .kubectl_with(&["create", "-n", "rig", "-f", "-"], &object)?
            .success()?;
    }
    for (_, kind) in objects::WORKLOADS {
        let label = format!("app={}", kind.to_lowercase());
        let made = || Ok(plane.list("rig", "pods", &label)?.pop());
        wait::until(&format!("a Pod of the {kind}"), SOON, made)?;
    }
    plane
        .kubectl(&["delete", "namespace", "rig", "--wait=false"])?
        .success()?;
    Ok(())
}

#[test]
fn the_plane_reports_the_release_that_is_pinned() -> Result<()> {
    let said = Plane::shared()?.kubectl(&["version"])?.success()?;
    let version = |whose: &str| {
        said.stdout
            .lines()
            .find_map(|line| line.strip_prefix(whose))
            .map(str::trim)
    };
    assert!(
        version("Client Version:").is_some_and(|version| version.starts_with("v1.")),
        "{said}"
    );
    assert_eq!(version("Client Version:"), version("Server Version:"), "{said}");
    Ok(())
}

#[test]
fn cosign_signs_in_every_layout_on_cranes_registry() -> Result<()> {
    signs_in_every_layout(&Registry::crane()?)
}

#[test]
fn cosign_signs_in_every_layout_on_distribution() -> Result<()> {
    signs_in_every_layout(&Registry::distribution()?)
}

#[test]
fn cosign_signs_in_every_layout_behind_a_password() -> Result<()> {
    signs_in_every_layout(&Registry::distribution_with_password()?)
}

#[test]
fn cosign_signs_in_every_layout_behind_tokens() -> Result<()> {
    signs_in_every_layout(&Registry::distribution_with_tokens()?)
}

#[test]
fn a_registry_behind_a_login_turns_strangers_away() -> Result<()> {
    for registry in [
        Registry::distribution_with_password()?,
        Registry::distribution_with_tokens()?,
    ] {
        let image = registry.image("closed", "1", "closed")?;
        let stranger = Cosign::new()?;
        let key = stranger.generate("release")?;
        let refused = stranger.verify(Layout::Tag, &key, &image)?;
        assert!(
            !refused.succeeded() && refused.stderr.to_uppercase().contains("UNAUTHORIZED"),
            "{refused}"
        );
    }
    Ok(())
}

#[test]
fn cosign_signs_with_keys_that_were_made_elsewhere() -> Result<()> {
    let (registry, cosign) = (Registry::crane()?, Cosign::new()?);
    for foreign in foreign_keys()? {
        let key = cosign.import(foreign.name, foreign.hash, &foreign.pem)?;
        for layout in Layout::ALL {
            let image = registry.image(&format!("{}-{}", foreign.name, layout.name()), "1", foreign.name)?;
            cosign
                .sign(layout, &key, &image)
                .with_context(|| format!("{}, {layout:?}", foreign.name))?;
            cosign.verify(layout, &key, &image)?.success()?;
        }
    }
    Ok(())
}

/// cosign signs with Ed25519ph and verifies plain Ed25519, so that it cannot read its own signatures; a bundle it does
/// read at once, and gives up. Should this fail, cosign has come to agree with itself: `foreign_keys` can have Ed25519.
#[test]
fn cosign_still_disagrees_with_itself_about_ed25519() -> Result<()> {
    let (registry, cosign) = (Registry::crane()?, Cosign::new()?);
    let key = cosign.import("ed25519", "sha512", &ed25519()?)?;
    let image = registry.image("app", "1", "ed25519")?;
    cosign.sign(Layout::Tag, &key, &image)?;
    assert!(!cosign.verify(Layout::Tag, &key, &image)?.succeeded());
    assert!(cosign.sign(Layout::Bundle, &key, &image).is_err());
    Ok(())
}

/// A key that was not made by cosign, whose own are P-256.
pub(crate) struct ForeignKey {
    pub(crate) name: &'static str,
    pub(crate) hash: &'static str,
    pub(crate) pem: String,
}

pub(crate) fn foreign_keys() -> Result<[ForeignKey; 2]> {
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_3072)?;
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)?;
    Ok([
        ForeignKey {
            name: "rsa",
            hash: "sha256",
            pem: rsa.serialize_pem(),
        },
        ForeignKey {
            name: "p384",
            hash: "sha384",
            pem: p384.serialize_pem(),
        },
    ])
}

pub(crate) fn ed25519() -> Result<String> {
    Ok(KeyPair::generate_for(&rcgen::PKCS_ED25519)?.serialize_pem())
}

fn signs_in_every_layout(registry: &Registry) -> Result<()> {
    let cosign = Cosign::new()?.with_logins(registry.docker());
    let (key, other) = (cosign.generate("release")?, cosign.generate("other")?);
    for layout in Layout::ALL {
        let image = registry.image(&format!("signed-{}", layout.name()), "1", layout.name())?;
        cosign.sign(layout, &key, &image)?;
        cosign.verify(layout, &key, &image)?.success()?;
        assert!(
            !cosign.verify(layout, &other, &image)?.succeeded(),
            "another key verifies the {} layout",
            layout.name()
        );
    }
    for layout in Layout::OF_ATTESTATIONS {
        let image = registry.image(&format!("attested-{}", layout.name()), "1", layout.name())?;
        cosign.attest(layout, &key, &image, TYPE, r#"{"clean": true}"#)?;
        cosign.verify_attestation(layout, &key, &image, TYPE)?.success()?;
    }
    Ok(())
}

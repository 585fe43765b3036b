//! The list of promoted images as others read it: fetched with crane, verified with cosign, queried as JSON.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use countersign_acceptance::cosign::{Cosign, PASSWORD};
use countersign_acceptance::foreign::{Image, Registry};
use countersign_evidence::image_list::TRUSTED_IMAGES;
use countersign_evidence::{ImageList, Layout, ListedImage, Sealed, SignedImageList, ToBeSigned};
use countersign_image::{Blob, Digest, Repository};
use countersign_keys::{Password, PrivateKey, Signer as _};
use countersign_registry::{Client, ClientConfig, Credentials, image_list};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

const ISSUER: &str = "https://sign.example.com";

fn signed(key: &PrivateKey, version: u64, images: &[&Image]) -> Result<SignedImageList> {
    let now = Timestamp::now();
    let listed = images.iter().map(|image| {
        Ok(ListedImage {
            repository: Repository::parse(&image.repository)?,
            digest: Digest::parse(&image.digest)?,
            published: now,
        })
    });
    let week = now.checked_add(SignedDuration::from_hours(7 * 24))?;
    let list = ImageList::new(ISSUER, version, now, week, listed.collect::<Result<_>>()?)?;
    let what = ToBeSigned::trusted_images(&list);
    let signature = key.sign(&what)?;
    let Sealed::Bundle(bytes) = what.seal(Layout::Bundle, &signature, key.public_key())? else {
        bail!("a list is sealed as a bundle");
    };
    Ok(SignedImageList::verify(Blob::new(bytes), key.public_key(), ISSUER)?)
}

fn publish(registry: &Registry, list: &SignedImageList) -> Result<()> {
    let repository = Repository::parse(&format!("{}/trusted-images", registry.address()))?;
    let (client, nobody) = (Client::new(ClientConfig::default())?, Credentials::anonymous());
    let deadline = Instant::now() + Duration::from_secs(60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(image_list::publish(&client, &nobody, &repository, list, deadline))?;
    Ok(())
}

/// The two files of a list, as the page for users has them fetched: by the titles of the layers.
fn fetched(registry: &Registry, tag: &str, folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let repository = format!("{}/trusted-images", registry.address());
    let manifest = registry
        .crane_command(&["manifest", &format!("{repository}:{tag}")])?
        .success()?;
    let manifest: Value = serde_json::from_str(&manifest.stdout)?;
    let file = |title: &str| {
        let mut layers = manifest["layers"].as_array().into_iter().flatten();
        let layer = layers
            .find(|layer| layer["annotations"]["org.opencontainers.image.title"] == title)
            .with_context(|| format!("no layer is called {title}: {manifest}"))?;
        let digest = layer["digest"].as_str().unwrap_or_default();
        let blob = registry
            .crane_command(&["blob", &format!("{repository}@{digest}")])?
            .success()?;
        let path = folder.join(format!("{tag}-{title}"));
        std::fs::write(&path, blob.stdout)?;
        anyhow::Ok(path)
    };
    Ok((file("trusted-images.json")?, file("trusted-images.sigstore.json")?))
}

#[test]
fn cosign_verifies_a_list_and_jq_would_find_the_images() -> Result<()> {
    let (registry, cosign, folder) = (Registry::distribution()?, Cosign::new()?, TempDir::new()?);
    let (app, other) = (
        registry.image("app", "1", "app")?,
        registry.image("other", "1", "other")?,
    );
    let ours = cosign.generate("attest")?;
    let strangers = cosign.generate("strangers")?;
    let pem = std::fs::read(&ours.private)?;
    let key = PrivateKey::parse(&pem, Some(&Password::new(PASSWORD)))?;
    publish(&registry, &signed(&key, 1, &[&app])?)?;
    publish(&registry, &signed(&key, 2, &[&app, &other])?)?;
    let (first, first_bundle) = fetched(&registry, "v1", folder.path())?;
    let (latest, bundle) = fetched(&registry, "latest", folder.path())?;

    let verify = |key: &Path, bundle: &Path, file: &Path, of: &str| cosign.verify_file_statement(key, bundle, file, of);
    verify(&ours.public, &first_bundle, &first, TRUSTED_IMAGES)?.success()?;
    verify(&ours.public, &bundle, &latest, TRUSTED_IMAGES)?.success()?;
    let digests = |list: &Path| {
        let list: Value = serde_json::from_slice(&std::fs::read(list)?)?;
        let images = list["images"].as_array().cloned().unwrap_or_default();
        let digest = |image: &Value| image["digest"].as_str().unwrap_or_default().to_owned();
        anyhow::Ok(images.iter().map(digest).collect::<Vec<_>>())
    };
    ensure!(digests(&first)? == std::slice::from_ref(&app.digest));
    ensure!(digests(&latest)? == [app.digest.clone(), other.digest.clone()]);

    // Another's key, the bundle of another list, a list with one image more, another type: none is verified.
    let forged = folder.path().join("forged.json");
    let text = std::fs::read_to_string(&first)?.replace(&app.digest, &other.digest);
    std::fs::write(&forged, text)?;
    for (what, key, bundle, file, of) in [
        ("another key", &strangers.public, &bundle, &latest, TRUSTED_IMAGES),
        ("another bundle", &ours.public, &first_bundle, &latest, TRUSTED_IMAGES),
        ("another list", &ours.public, &first_bundle, &forged, TRUSTED_IMAGES),
        ("another type", &ours.public, &bundle, &latest, "https://example.com/x"),
    ] {
        let refused = verify(key, bundle, file, of)?;
        ensure!(!refused.succeeded(), "{what}: {refused}");
    }
    Ok(())
}

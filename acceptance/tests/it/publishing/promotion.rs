//! An image that a gate opened for, what was signed of it, and its way into the repository that clusters run from.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use countersign_acceptance::cosign::{Cosign, Key, Layout as Manner};
use countersign_acceptance::foreign::{Image, Registry};
use countersign_evidence::{Content, Evidence as Gathered, KeyKind, Layout, Layouts, Sealed};
use countersign_gate::{
    Clearance, Cleared, Closure, Configuration, Evidence, Gate, Image as Submission, KeyRole, Kind, Known, Opening,
    Platform, Proof, Report, Runner, Source, Submitted, Tools, Verifier,
};
use countersign_image::{Digest, Pinned, Reference, Repository, Tag};
use countersign_keys::{PrivateKey, Signer as _};
use countersign_registry::publish::{Release, release};
use countersign_registry::{Client, ClientConfig, Credentials, GatherRequest, gather};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What the whole of a release may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Promotion<'a> {
    pub(super) from: &'a Registry,
    pub(super) to: &'a Registry,
    pub(super) cosign: Cosign,
    /// As it was built, signed by nobody but its builder.
    pub(super) source: Image,
    /// The public halves of our keys.
    pub(super) release: Key,
    pub(super) attest: Key,
    /// Keys of others, who sign with cosign.
    pub(super) builder: Key,
    pub(super) other: Key,
    pub(super) stranger: Key,
    repository: Repository,
    tags: Vec<Tag>,
    pieces: Vec<(Layout, Sealed)>,
    created: Timestamp,
}

impl<'a> Promotion<'a> {
    /// Builds an image and signs what may be signed of it. Nothing is at its destination yet.
    pub(super) async fn of(from: &'a Registry, to: &'a Registry) -> Result<Self> {
        let cosign = Cosign::new()?.with_logins(to.docker());
        let (builder, other, stranger) = (
            cosign.generate("builder")?,
            cosign.generate("other")?,
            cosign.generate("stranger")?,
        );
        let source = from.index("unsigned/app", "1.0", "built")?;
        let provenance = json!({
            "buildDefinition": {"buildType": "https://builder.test/v1", "externalParameters": {}},
            "runDetails": {"builder": {"id": "https://builder.test"}},
        });
        cosign.attest(
            Manner::Bundle,
            &builder,
            &source,
            "slsaprovenance1",
            &provenance.to_string(),
        )?;
        let bundle = builders_bundle(from, &source).await?;

        let (release, attest) = (
            PrivateKey::generate(KeyKind::EcdsaP256)?,
            PrivateKey::generate(KeyKind::EcdsaP256)?,
        );
        let created = Timestamp::now();
        let clearance = cleared(from, to, &source, &bundle, created)?;
        ensure!(clearance.copies() == ["provenance"], "copies: {:?}", clearance.copies());
        let mut pieces = Vec::new();
        for cleared in clearance.statements() {
            let key = match cleared.key() {
                KeyRole::Release => &release,
                KeyRole::Attest => &attest,
            };
            pieces.extend(sealed(&clearance, cleared, key)?);
        }
        pieces.push((Layout::Bundle, Sealed::Bundle(bundle)));
        let public = |name: &str, key: &PrivateKey| public_half(to.docker(), name, key);
        Ok(Self {
            from,
            to,
            source,
            release: public("release.pem", &release)?,
            attest: public("attest.pem", &attest)?,
            builder,
            other,
            stranger,
            cosign,
            repository: clearance.destination().repository().clone(),
            tags: clearance.tags().to_vec(),
            pieces,
            created,
        })
    }

    /// Releases it, by a client that knows nothing of any other.
    pub(super) async fn release(&self) -> Result<Image> {
        let client = Client::new(ClientConfig::default())?;
        let source = pinned(&self.source)?;
        let asked = Release {
            source: &source,
            destination: &self.repository,
            tags: &self.tags,
            move_tags: false,
            pieces: &self.pieces,
            created: self.created,
        };
        let whole = |evidence: &Gathered| match evidence.gaps.first() {
            None => Ok(()),
            Some(gap) => Err(gap.cause.to_string()),
        };
        let deadline = Instant::now() + PATIENCE;
        let credentials = logins(self.to)?;
        let released = release(&client, &credentials, &asked, &(), &whole, deadline).await?;
        Ok(Image {
            repository: self.repository.to_string(),
            tag: self.source.tag.clone(),
            digest: released.image.digest().to_string(),
        })
    }

    /// The image at its destination, by somebody else's hand.
    pub(super) fn put_at_destination(&self) -> Result<Image> {
        let image = Image {
            repository: self.repository.to_string(),
            ..self.source.clone()
        };
        let copy = ["copy", &self.source.pinned(), &image.tagged()];
        self.to.crane_command(&copy)?.success()?;
        Ok(image)
    }

    /// The same image beside its promoted self, in a repository where nobody signed it.
    pub(super) fn unsigned_twin(&self) -> Result<String> {
        let twin = format!("{}/unsigned/twin:1.0", self.to.address());
        let copy = ["copy", &self.source.pinned(), &twin];
        self.to.crane_command(&copy)?.success()?;
        Ok(twin)
    }
}

/// Each statement in both layouts, of one signature.
fn sealed(clearance: &Clearance, cleared: &Cleared, key: &PrivateKey) -> Result<Vec<(Layout, Sealed)>> {
    let layouts: &[Layout] = match cleared.kind() {
        Kind::Simple => &[Layout::Tag],
        Kind::Sign => &[Layout::Bundle],
        _ => &[Layout::Tag, Layout::Bundle],
    };
    let what = clearance.to_be_signed(cleared);
    let signature = key.sign(&what)?;
    let mut pieces = Vec::new();
    for layout in layouts {
        let sealed = what.clone().seal(*layout, &signature, key.public_key())?;
        pieces.push((*layout, sealed));
    }
    Ok(pieces)
}

/// The bundle that the builder put beside the image that it built.
async fn builders_bundle(registry: &Registry, image: &Image) -> Result<Vec<u8>> {
    let client = Client::new(ClientConfig::default())?;
    let request = GatherRequest {
        places: Vec::new(),
        signatures: true,
        attestations: true,
        layouts: Layouts::of(&[Layout::Bundle]),
        manifest: false,
    };
    let deadline = Instant::now() + PATIENCE;
    let evidence = gather(&client, &pinned(image)?, &request, &logins(registry)?, deadline).await;
    let bundle = evidence.items.iter().find_map(|item| match &item.content {
        Content::Bundle(blob) => Some(blob.bytes().to_vec()),
        Content::Simple { .. } | Content::Envelope { .. } => None,
    });
    bundle.with_context(|| format!("no bundle beside {}: {:?}", image.pinned(), evidence.gaps))
}

fn logins(registry: &Registry) -> Result<Credentials> {
    let file = registry.docker().join("config.json");
    Ok(match file.is_file() {
        true => Credentials::from_docker_config(&file)?,
        false => Credentials::anonymous(),
    })
}

fn pinned(image: &Image) -> Result<Pinned> {
    Reference::parse(&image.pinned())?.pinned().context("a digest pins")
}

fn public_half(folder: &Path, name: &str, key: &PrivateKey) -> Result<Key> {
    let path = folder.join(name);
    std::fs::write(&path, key.public().to_pem()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Key::public_half(path))
}

/// One that opens for what is handed in below.
fn gate(to: &Registry) -> Result<Gate> {
    Ok(Gate::read(
        &json!({
            "apiVersion": "countersign.dev/v1alpha1",
            "kind": "Gate",
            "metadata": {"name": "prod"},
            "spec": {
                "checks": [
                    {"id": "vulns", "class": "vulnerabilities", "bind": "image", "coverage": "any-platform", "fail": {"fixable": "critical"}},
                    {"id": "tests", "class": "tests", "bind": "commit", "fail": {"failed": 0}},
                    {"id": "sbom", "class": "sbom", "bind": "image", "coverage": "any-platform"},
                ],
                "publish": {
                    "to": format!("{}/approved/{{name}}", to.address()),
                    "tags": ["{tag}"],
                    "keys": {"signature": "release", "attestations": "attest"},
                    "attest": ["vsa", "svr", "vulns", "sbom", "tests", "provenance-copy"],
                    "annotations": {"env": "prod"},
                },
                "validity": "30d",
            },
        })
        .to_string(),
    )?)
}

fn job() -> Source {
    Source {
        issuer: "github".to_owned(),
        repository_id: "456".to_owned(),
        repository: "corp/app".to_owned(),
        reference: Some("refs/heads/main".to_owned()),
        reference_protected: true,
        event: Some("push".to_owned()),
        workflow: None,
        runner: Runner::Hosted,
        environment: "prod".to_owned(),
        labels: BTreeMap::default(),
    }
}

/// Asks a gate that opens, with reports as their tools write them.
fn cleared(from: &Registry, to: &Registry, image: &Image, bundle: &[u8], now: Timestamp) -> Result<Clearance> {
    let gate = gate(to)?;
    let digest = Digest::parse(&image.digest)?;
    let reports = handed_in(image, bundle);
    let mut read = Vec::new();
    for (slot, proof, bytes) in &reports {
        let mut report = Report::read(bytes, &Tools::default()).with_context(|| format!("the report in `{slot}`"))?;
        report.subject.digests.insert(image.digest.clone());
        read.push((*slot, *proof, bytes, report));
    }
    let evidence: Vec<Evidence<'_>> = read
        .iter()
        .map(|(slot, proof, bytes, report)| Evidence {
            slot,
            digest: Digest::sha256(bytes),
            report,
            proof: *proof,
            job_commit: Some("00ff"),
            platform: None,
            received: now,
            reused: false,
            workflow: None,
            reused_for: &[],
            custom: None,
        })
        .collect();
    let parsed: Value = platforms(from, image)?;
    let closure = Closure {
        digest,
        platforms: of_index(&parsed)?,
    };
    let submission = Submission {
        repository: Repository::parse(&image.repository)?,
        tag: Some(Tag::parse(&image.tag)?),
        configurations: closure
            .platforms
            .keys()
            .map(|name| (name.clone(), Configuration::default()))
            .collect(),
        bases: BTreeMap::default(),
        first_release: false,
    };
    let bodies: BTreeMap<&str, &[u8]> = reports.iter().map(|(slot, _, bytes)| (*slot, &bytes[..])).collect();
    Ok(Clearance::open(&Opening {
        gate: &gate,
        submitted: &Submitted {
            closure: &closure,
            commit: Some("00ff"),
            evidence: &evidence,
            source: &job(),
            image: &submission,
            known: &Known::default(),
        },
        bodies: &bodies,
        submission: "01J",
        verifier: &Verifier {
            id: "https://signer.test/gate/v1".to_owned(),
            version: "1.0.0".to_owned(),
            gates: "https://signer.test/v1/policies".to_owned(),
        },
        view_digest: Some("abcd"),
        log_index: Some(7),
        now,
    })?)
}

fn platforms(registry: &Registry, image: &Image) -> Result<Value> {
    let said = registry.crane_command(&["manifest", &image.pinned()])?.success()?;
    said.document()
}

fn of_index(index: &Value) -> Result<BTreeMap<String, Platform>> {
    let mut platforms = BTreeMap::new();
    for child in index["manifests"].as_array().context("an index of manifests")? {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        let manifest = Digest::parse(&text(&child["digest"])?)?;
        let (os, architecture) = (
            text(&child["platform"]["os"])?,
            text(&child["platform"]["architecture"])?,
        );
        // The gate compares the configuration's digest with what reports name, and these name the index.
        let platform = Platform {
            manifest,
            config: manifest,
        };
        platforms.insert(format!("{os}/{architecture}"), platform);
    }
    Ok(platforms)
}

fn handed_in(image: &Image, bundle: &[u8]) -> Vec<(&'static str, Proof, Vec<u8>)> {
    let trivy = json!({
        "SchemaVersion": 2, "CreatedAt": "2026-01-01T00:00:00Z", "ArtifactName": image.tagged(), "ArtifactType": "container_image",
        "Metadata": {"RepoDigests": [image.pinned()]},
        "Trivy": {"Version": "0.60.0"},
        "Results": [{
            "Target": "app", "Class": "os-pkgs", "Type": "debian",
            "Vulnerabilities": [{
                "VulnerabilityID": "CVE-2026-1", "PkgName": "zlib", "InstalledVersion": "1.2", "FixedVersion": "1.3",
                "Severity": "HIGH", "Status": "fixed",
            }],
        }],
    });
    let component = json!({"type": "library", "name": "zlib", "version": "1.2", "purl": "pkg:deb/debian/zlib@1.2"});
    let cyclonedx = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"timestamp": "2026-01-01T00:00:00Z", "component": {"type": "container", "name": "app"}},
        "components": [component],
    });
    let spdx = json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "app",
        "documentNamespace": "https://builder.test/spdx/app",
        "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: syft-1.0.0"]},
        "packages": [{
            "name": "zlib", "SPDXID": "SPDXRef-zlib", "versionInfo": "1.2", "downloadLocation": "NOASSERTION",
        }],
    });
    let junit = "<testsuites><testsuite name=\"all\" tests=\"2\" failures=\"0\"><testcase name=\"a\"/><testcase name=\"b\"/></testsuite></testsuites>";
    vec![
        ("trivy", Proof::E1, trivy.to_string().into_bytes()),
        ("cyclonedx", Proof::E1, cyclonedx.to_string().into_bytes()),
        ("spdx", Proof::E1, spdx.to_string().into_bytes()),
        ("junit", Proof::E1, junit.as_bytes().to_vec()),
        ("provenance", Proof::E3, bundle.to_vec()),
    ]
}

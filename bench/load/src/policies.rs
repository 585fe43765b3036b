//! Policy files as the doors of a run read them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use countersign_keys::PrivateKey;
use serde_json::{Value, json};

use crate::minted;

/// One file: a policy that wants everything that matches `glob` signed by `key`, and `others` that govern other images.
pub fn write(folder: &Path, name: &str, glob: &str, key: &PrivateKey, others: usize) -> Result<PathBuf> {
    let own = policy("signed-by-the-shop", glob, key);
    let others = (0..others).map(|number| {
        let glob = format!("registry-{number}.example/team-{number}/**");
        policy(&format!("of-team-{number}"), &glob, key)
    });
    // JSON is YAML.
    let documents: Vec<String> = others.chain([own]).map(|document| document.to_string()).collect();
    let path = folder.join(format!("{name}.yaml"));
    std::fs::write(&path, documents.join("\n---\n")).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// One file: a policy that wants everything that matches `glob` signed by whom a private Sigstore's certificates name.
pub fn keyless(folder: &Path, glob: &str) -> Result<PathBuf> {
    let policy = json!({
        "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": { "name": "keyless" },
        "spec": {
            "images": [{ "glob": glob }],
            "authorities": [{ "name": "shop", "keyless": {
                "url": "https://fulcio.mint.example",
                "identities": [{ "issuer": minted::ISSUER, "subject": minted::SUBJECT }],
            } }],
        },
    });
    let path = folder.join("keyless.yaml");
    std::fs::write(&path, policy.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn policy(name: &str, glob: &str, key: &PrivateKey) -> Value {
    json!({
        "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": { "name": name },
        "spec": {
            "images": [{ "glob": glob }],
            "authorities": [{ "name": "shop-key", "key": { "data": key.public().to_pem() } }],
        },
    })
}

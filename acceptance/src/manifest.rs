//! What the examples have people apply. The rig registers and starts this and nothing else, so that it is what is tested.

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::plane::Plane;

/// The objects of `examples/FILE`, read by kubectl, with `filled` in the place of the words that it says to replace.
pub fn objects(plane: &Plane, file: &str, filled: &[(&str, &str)]) -> Result<Vec<Value>> {
    let text = text(file, filled)?;
    let words = [
        "create",
        "--dry-run=client",
        "--validate=false",
        "-o",
        "json",
        "-f",
        "-",
    ];
    let said = plane.kubectl_with(&words, &text)?.success()?;
    let documents = serde_json::Deserializer::from_str(&said.stdout).into_iter::<Value>();
    let documents: Vec<Value> = documents
        .collect::<Result<_, _>>()
        .with_context(|| format!("kubectl did not print JSON of {file}"))?;
    Ok(documents
        .into_iter()
        .flat_map(|document| match document["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![document],
        })
        .collect())
}

/// `examples/FILE`, with `filled` in the place of the words that it says to replace.
pub fn text(file: &str, filled: &[(&str, &str)]) -> Result<String> {
    let path = xtask::repository().join("examples").join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(filled.iter().fold(text, |text, (word, with)| text.replace(word, with)))
}

/// The object of this kind.
pub fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Result<&'o Value> {
    let found = objects.iter().find(|object| object["kind"] == kind);
    found.ok_or_else(|| anyhow!("there is no {kind} among the objects"))
}

/// A webhook configuration under another name, and for one namespace alone, as several tests share an API server.
pub fn confined(configuration: &Value, name: &str, namespace: &str, certificates: &str) -> Value {
    let mut configuration = configuration.clone();
    configuration["metadata"] = json!({"name": name});
    for webhook in configuration["webhooks"].as_array_mut().into_iter().flatten() {
        webhook["namespaceSelector"] = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
        webhook["clientConfig"]["caBundle"] = json!(STANDARD.encode(certificates));
    }
    configuration
}

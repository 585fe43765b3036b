//! What the pure crates are built from: an allow-list, so that whatever reads a clock or a socket has to be argued for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::{Fault, PURE};

const LISTED_IN: &str = "xtask/pure-closure.txt";
const LIST: &str = include_str!("../../pure-closure.txt");

/// Not even by a line in the list: a runtime, a network, a source of chance, a second provider of cryptography.
const NEVER: &[&str] = &["tokio", "hyper", "reqwest", "kube", "rand", "rustls", "ring", "openssl"];

/// What is true of every machine must not depend on the one that asks.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// By cargo's id of a package, not by its name: two versions of one crate are linked into different things.
pub(super) struct Graph(BTreeMap<String, Package>);

struct Package {
    name: String,
    /// The ids of what is linked into it.
    linked: BTreeSet<String>,
}

impl Graph {
    pub(super) fn of_workspace(root: &Path) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let arguments = ["metadata", "--format-version", "1", "--filter-platform", PLATFORM];
        let output = Command::new(cargo)
            .args(arguments)
            .current_dir(root)
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            bail!(
                "`cargo metadata` failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let metadata = serde_json::from_slice(&output.stdout).context("`cargo metadata` did not print JSON")?;
        Self::of_metadata(&metadata)
            .ok_or_else(|| anyhow!("`cargo metadata` has no resolved graph of the form known here"))
    }

    fn of_metadata(metadata: &Value) -> Option<Self> {
        let packages = metadata["packages"].as_array()?;
        let names: BTreeMap<&str, &Value> = packages
            .iter()
            .map(|package| Some((package["id"].as_str()?, package)))
            .collect::<Option<_>>()?;
        let mut graph = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array()? {
            let id = node["id"].as_str()?;
            let package = names.get(id)?;
            let mut linked = BTreeSet::new();
            for dependency in node["deps"].as_array()? {
                let to = dependency["pkg"].as_str()?;
                let target = names.get(to)?;
                // A macro runs in the compiler: neither it nor what it is made from is in the verdict.
                if is_normal(dependency) && !is_macro(target) && is_wanted(package, node, target) {
                    linked.insert(to.to_owned());
                }
            }
            let name = package["name"].as_str()?.to_owned();
            graph.insert(id.to_owned(), Package { name, linked });
        }
        Some(Self(graph))
    }

    /// The names of everything linked into the package, its own left out, each with the way there.
    fn closure<'a>(&'a self, name: &'a str) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut seen = BTreeSet::new();
        let mut ways: BTreeMap<&'a str, Vec<&'a str>> = BTreeMap::new();
        let named = self.0.values().filter(|package| package.name == name);
        let mut open: Vec<_> = named.map(|package| (package, Vec::new())).collect();
        while let Some((package, way)) = open.pop() {
            let way: Vec<&str> = way.iter().copied().chain([package.name.as_str()]).collect();
            for (id, next) in package.linked.iter().filter_map(|id| self.0.get_key_value(id)) {
                if next.name != name && seen.insert(id) {
                    ways.entry(&next.name).or_insert_with(|| way.clone());
                    open.push((next, way.clone()));
                }
            }
        }
        ways
    }
}

fn is_normal(dependency: &Value) -> bool {
    dependency["dep_kinds"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|kind| kind["kind"].is_null())
}

/// Cargo resolves an optional dependency as soon as a feature mentions it weakly (`name?/feature`), and links it only if
/// another one wants it.
fn is_wanted(package: &Value, node: &Value, target: &Value) -> bool {
    let declared = package["dependencies"].as_array().into_iter().flatten();
    let mut declared =
        declared.filter(|dependency| dependency["name"] == target["name"] && dependency["kind"].is_null());
    let enabled = || node["features"].as_array().into_iter().flatten();
    declared.all(|dependency| {
        let key = dependency["rename"]
            .as_str()
            .or(dependency["name"].as_str())
            .unwrap_or_default();
        let wants = |feature: &Value| {
            let brings = package["features"][feature.as_str().unwrap_or_default()].as_array();
            let mut brings = brings.into_iter().flatten().filter_map(Value::as_str);
            brings.any(|brought| {
                brought.strip_prefix("dep:") == Some(key)
                    || brought.split_once('/').is_some_and(|(name, _)| name == key)
            })
        };
        dependency["optional"] != true || enabled().any(wants)
    })
}

fn is_macro(package: &Value) -> bool {
    let kinds = package["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|target| target["kind"].as_array());
    kinds.flatten().any(|kind| kind == "proc-macro")
}

pub(super) fn check(graph: &Graph) -> Vec<Fault> {
    let packages: Vec<String> = PURE.iter().map(|name| format!("countersign-{name}")).collect();
    against(graph, &packages, LIST)
}

fn against(graph: &Graph, packages: &[String], list: &str) -> Vec<Fault> {
    let allowed = allowed(list);
    let mut faults = Vec::new();
    let mut reached = BTreeSet::new();
    for package in packages {
        for (name, way) in graph.closure(package) {
            if !reached.insert(name) {
                continue;
            }
            let way = way.join(" → ");
            if NEVER.contains(&name) {
                faults.push(Fault::at(
                    package,
                    format!("`{name}` must never be in a pure crate, and comes by {way}"),
                ));
            } else if !allowed.contains(name) {
                let what =
                    format!("`{name}` comes by {way}, and is not in {LISTED_IN}: do without it, or argue for it there");
                faults.push(Fault::at(package, what));
            }
        }
    }
    let stale = allowed.iter().filter(|name| !reached.contains(*name));
    faults.extend(stale.map(|name| {
        Fault::at(
            LISTED_IN,
            format!("no pure crate is built from `{name}`: take it off the list"),
        )
    }));
    faults
}

fn allowed(list: &str) -> BTreeSet<&str> {
    list.lines()
        .filter_map(|line| line.split('#').next().map(str::trim).filter(|name| !name.is_empty()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(dependencies: &Value, list: &str) -> Vec<Fault> {
        let package = |name: &str, kind: &str| json!({"id": name, "name": name, "targets": [{"kind": [kind]}]});
        let metadata = json!({
            "packages": [package("pure", "lib"), package("hex", "lib"), package("tokio", "lib"), package("derive", "proc-macro")],
            "resolve": {"nodes": [
                {"id": "pure", "deps": dependencies},
                {"id": "hex", "deps": [{"pkg": "tokio", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "tokio", "deps": []},
            ]},
        });
        let graph = Graph::of_metadata(&metadata).expect("the fixture has the form of cargo's metadata");
        against(&graph, &["pure".to_owned()], list)
    }

    fn on(name: &str, kind: Option<&str>) -> Value {
        json!({"pkg": name, "dep_kinds": [{"kind": kind}]})
    }

    #[test]
    fn a_listed_dependency_and_one_that_is_not_linked_are_none() {
        let dependencies = json!([
            on("hex", None),
            on("tokio", Some("dev")),
            on("tokio", Some("build")),
            on("derive", None)
        ]);
        assert_eq!(faults(&dependencies, "hex  # digests as text\n"), []);
    }

    #[test]
    fn an_unlisted_dependency_is_a_fault_that_shows_the_way() {
        let faults = faults(&json!([on("hex", None)]), "");
        assert!(faults[0].what.contains("`hex` comes by pure"), "{}", faults[0]);
    }

    #[test]
    fn a_forbidden_dependency_is_a_fault_even_if_listed() {
        let faults = faults(&json!([on("tokio", None)]), "tokio\n");
        assert!(faults[0].what.contains("must never"), "{}", faults[0]);
    }

    #[test]
    fn an_optional_dependency_is_one_if_a_feature_wants_it() {
        let faults = |features: &Value| {
            let optional = json!([{"name": "tokio", "kind": null, "optional": true}]);
            let brings = json!({"weak": ["tokio?/rt"], "strong": ["tokio/rt"], "named": ["dep:tokio"]});
            let pure = json!({"id": "pure", "name": "pure", "dependencies": optional, "features": brings});
            let metadata = json!({
                "packages": [pure, {"id": "tokio", "name": "tokio"}],
                "resolve": {"nodes": [{"id": "pure", "features": features, "deps": [on("tokio", None)]}, {"id": "tokio", "deps": []}]},
            });
            let graph = Graph::of_metadata(&metadata).expect("the fixture has the form of cargo's metadata");
            against(&graph, &["pure".to_owned()], "").len()
        };
        assert_eq!((faults(&json!([])), faults(&json!(["weak"]))), (0, 0));
        assert_eq!((faults(&json!(["strong"])), faults(&json!(["weak", "named"]))), (1, 1));
    }

    #[test]
    fn what_another_version_is_built_from_is_not_in_this_one() {
        let faults = |pure: &str| {
            let package = |id: &str, name: &str| json!({"id": id, "name": name});
            let metadata = json!({
                "packages": [package("pure", "pure"), package("store", "store"), package("sha2@0.10", "sha2"), package("sha2@0.11", "sha2"), package("cmov", "cmov")],
                "resolve": {"nodes": [
                    {"id": "pure", "deps": [on(pure, None)]},
                    {"id": "store", "deps": [on("sha2@0.11", None)]},
                    {"id": "sha2@0.10", "deps": []},
                    {"id": "sha2@0.11", "deps": [on("cmov", None)]},
                    {"id": "cmov", "deps": []},
                ]},
            });
            let graph = Graph::of_metadata(&metadata).expect("the fixture has the form of cargo's metadata");
            against(&graph, &["pure".to_owned()], "sha2\n")
        };
        assert_eq!(faults("sha2@0.10"), []);
        let faults = faults("sha2@0.11");
        assert!(faults[0].what.contains("`cmov` comes by pure → sha2"), "{}", faults[0]);
    }

    #[test]
    fn a_line_that_nothing_needs_any_more_is_a_fault() {
        let faults = faults(&json!([]), "hex\n");
        assert!(faults[0].what.contains("take it off"), "{}", faults[0]);
    }
}

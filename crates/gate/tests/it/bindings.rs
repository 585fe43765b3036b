//! Who may submit what, and which gate is asked.

use countersign_gate::{Bindings, Gate, Gates, GatesError, RepositoryBinding, RepositoryRef};
use countersign_image::Repository;

fn binding(name: &str, source: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1
kind: RepositoryBinding
metadata: {{name: {name}}}
spec:
  source: {{{source}}}
  images: [\"registry.corp/unsigned/payments/*\", registry.corp/unsigned/tool]
  gates: {{prod: prod-default, staging: staging-light}}
  labels: {{class: IIb}}
"
    )
}

fn read(name: &str, source: &str) -> RepositoryBinding {
    RepositoryBinding::read(&binding(name, source)).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn repository(text: &str) -> Repository {
    Repository::parse(text).unwrap()
}

#[test]
fn a_repository_submits_its_own_images_and_no_others() {
    let binding = read(
        "api",
        "issuer: github, repositoryId: 456, ownerId: 123, display: corp/api",
    );
    for (name, expected) in [
        ("registry.corp/unsigned/payments/api", true),
        ("registry.corp/unsigned/tool", true),
        ("registry.corp/unsigned/payments/team/api", false),
        ("registry.corp/unsigned/payments", false),
        ("registry.corp/unsigned/tool2", false),
        ("registry.evil/unsigned/payments/api", false),
    ] {
        assert_eq!(binding.may_touch(&repository(name)), expected, "{name}");
    }
    assert_eq!(binding.gate("prod"), Some("prod-default"));
    assert_eq!(binding.gate("dev"), None);
    assert_eq!(binding.labels["class"], "IIb");
}

#[test]
fn a_binding_names_the_destinations_or_leaves_them_to_who_came_first() {
    let approved = repository("registry.corp/approved/api");
    assert_eq!(
        read("api", "issuer: github, repositoryId: 456").may_publish_to(&approved),
        None
    );
    let text = binding("api", "issuer: github, repositoryId: 456")
        .replace("  gates:", "  destinations: [registry.corp/approved/api]\n  gates:");
    let named = RepositoryBinding::read(&text).unwrap();
    assert_eq!(named.may_publish_to(&approved), Some(true));
    assert_eq!(
        named.may_publish_to(&repository("registry.corp/approved/web")),
        Some(false)
    );
}

#[test]
fn a_repository_is_its_number_whatever_it_is_called() {
    let bindings = Bindings::new([
        read(
            "api",
            "issuer: github, repositoryId: 456, ownerId: 123, display: corp/api",
        ),
        read("web", "issuer: gitlab, repositoryId: \"456\""),
        read("tekton", "issuer: cluster, repositoryId: ci/builder"),
    ])
    .unwrap();
    for (issuer, repository_id, owner_id, expected) in [
        ("github", "456", Some("123"), Some("api")),
        ("github", "456", Some("999"), None),
        ("github", "456", None, None),
        ("github", "corp/api", Some("123"), None),
        ("github", "0456", Some("123"), None),
        ("gitlab", "456", None, Some("web")),
        ("gitlab", "456", Some("7"), Some("web")),
        ("cluster", "ci/builder", None, Some("tekton")),
        ("other", "456", None, None),
    ] {
        let source = RepositoryRef {
            issuer,
            repository_id,
            owner_id,
        };
        let found = bindings.of(&source).map(|binding| binding.name.as_str());
        assert_eq!(found, expected, "{source:?}");
    }
}

#[test]
fn bindings_that_nobody_could_tell_apart_are_refused() {
    let one = || read("a", "issuer: github, repositoryId: 1");
    for (other, expected) in [
        (
            read("a", "issuer: github, repositoryId: 2"),
            "there are two bindings `a`",
        ),
        (
            read("b", "issuer: github, repositoryId: \"1\", ownerId: 5"),
            "the bindings `a` and `b` are about one repository",
        ),
    ] {
        assert_eq!(Bindings::new([one(), other]).unwrap_err().to_string(), expected);
    }
}

#[test]
fn what_a_binding_does_not_know_it_does_not_pass_over() {
    let good = binding("a", "issuer: github, repositoryId: 1");
    for (old, new, expected) in [
        ("labels", "label", "unknown field `label`"),
        ("images:", "image:", "unknown field `image`"),
        ("repositoryId: 1", "repository: 1", "unknown field `repository`"),
        ("repositoryId: 1", "repositoryId: \"\"", "the number or the identifier"),
        (
            "repositoryId: 1",
            "repositoryId: \"a b\"",
            "the number or the identifier",
        ),
        (
            "kind: RepositoryBinding",
            "kind: Gate",
            "expected `countersign.dev/v1alpha1, RepositoryBinding`",
        ),
        (
            "{prod: prod-default, staging: staging-light}",
            "{}",
            "at least one environment",
        ),
        ("metadata: {name: a}", "metadata: {name: \"\"}", "needs a name"),
        (
            "[\"registry.corp/unsigned/payments/*\", registry.corp/unsigned/tool]",
            "[]",
            "from 1 to 200 patterns",
        ),
    ] {
        let text = good.replace(old, new);
        assert_ne!(text, good, "{old}");
        let error = RepositoryBinding::read(&text).expect_err(&text).to_string();
        assert!(error.contains(expected), "{new}: {error}");
    }
}

fn gate(name: &str, spec: &str) -> Gate {
    let text = format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {{name: {name}}}\nspec:\n  checks: [{{id: {name}, class: sbom, bind: image}}]\n{spec}"
    );
    Gate::read(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

const PUBLISH: &str = "  publish: {to: r.corp/a, keys: {signature: s, attestations: a}}\n";

#[test]
fn a_gate_is_asked_above_every_floor_that_is_about_the_image() {
    let gates = Gates::new([
        gate("prod", &format!("  match: {{environments: [prod]}}\n{PUBLISH}")),
        gate("floor", "  floor: true\n  sources: {refs: [refs/heads/main]}\n"),
        gate("elsewhere", "  floor: true\n  match: {images: [\"other.corp/**\"]}\n"),
    ])
    .unwrap();
    let image = repository("r.corp/unsigned/a");
    let governing = gates.governing("prod", "prod", &image).unwrap();
    let ids: Vec<&str> = governing.checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["floor", "prod"]);
    assert!(!governing.sources.refs.accept("refs/heads/other"));
    let alone = gate("prod", &format!("  match: {{environments: [prod]}}\n{PUBLISH}"));
    assert_ne!(governing.digest, alone.digest, "a floor that changes is another gate");
    for (name, environment, expected) in [
        ("other", "prod", "there is no gate `other`"),
        ("floor", "prod", "there is no gate `floor`"),
        (
            "prod",
            "staging",
            "not about `r.corp/unsigned/a` in the environment `staging`",
        ),
    ] {
        let error = gates.governing(name, environment, &image).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_gate_that_says_otherwise_than_its_floor_opens_nothing() {
    let image = repository("r.corp/unsigned/a");
    for (own, floor, expected) in [
        (
            "  publish: {to: r.corp/b, keys: {signature: s, attestations: a}}\n".to_owned(),
            PUBLISH.to_owned(),
            "`publish.to`: the floor has `r.corp/a`, and the gate above it has `r.corp/b`",
        ),
        (
            PUBLISH.replace("signature: s", "signature: weak"),
            PUBLISH.to_owned(),
            "`publish.keys.signature`",
        ),
        (
            format!("{PUBLISH}  sources: {{issuers: [gitlab]}}\n"),
            "  sources: {issuers: [github]}\n".to_owned(),
            "`sources.issuers`",
        ),
    ] {
        let gates = Gates::new([gate("prod", &own), gate("floor", &format!("  floor: true\n{floor}"))]).unwrap();
        match gates.governing("prod", "prod", &image) {
            Err(GatesError::Loosened { loosened, .. }) => {
                assert!(loosened.to_string().contains(expected), "{loosened}");
            }
            other => panic!("{other:?}"),
        }
    }
    let without = Gates::new([gate("prod", "")]).unwrap();
    assert!(matches!(
        without.governing("prod", "prod", &image),
        Err(GatesError::NoPublish { .. })
    ));
    let endless = PUBLISH.replace("attestations: a}", "attestations: a}, attest: [vsa]");
    assert!(matches!(
        Gates::new([gate("prod", &endless)])
            .unwrap()
            .governing("prod", "prod", &image),
        Err(GatesError::NoValidity { .. })
    ));
    assert!(matches!(
        Gates::new([gate("prod", ""), gate("prod", "  floor: true\n")]),
        Err(GatesError::SameName { .. })
    ));
}

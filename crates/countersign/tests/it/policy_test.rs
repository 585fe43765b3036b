//! `policy test`: images, and the images of Kubernetes objects.

use insta::assert_snapshot;

use crate::rig::{Folder, Registry};

#[test]
fn images_are_judged_by_themselves() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("signed-by-the-team", &registry, &key);
    registry.push("app:1.0");
    registry.push("other:1.0");
    let (signed, unsigned) = (&registry.name("app:1.0"), &registry.name("other:1.0"));
    folder.run_unlocked(&["sign", signed, "--key", "team.key"]).with_code(0);
    let test = ["policy", "test", "--policy", "signed-by-the-team.yaml", "--image"];
    folder.run(&[&test[..], &[signed]].concat()).with_code(0);
    folder
        .run(&[&test[..], &[signed, "--image", unsigned]].concat())
        .with_code(1);
    folder
        .run(&[&test[..], &[signed, "--image", "127.0.0.1:1/app:1.0"]].concat())
        .with_code(3);
}

#[test]
fn objects_are_looked_through_as_the_door_does() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("signed-by-the-team", &registry, &key);
    registry.push("app:1.0");
    registry.push("other:1.0");
    let (signed, unsigned) = (&registry.name("app:1.0"), &registry.name("other:1.0"));
    folder.run_unlocked(&["sign", signed, "--key", "team.key"]).with_code(0);
    folder.write("app.yaml", manifests(signed, unsigned));
    let test = [
        "policy",
        "test",
        "--policy",
        "signed-by-the-team.yaml",
        "--resource",
        "app.yaml",
    ];
    folder.tell(&folder.run(&test));

    let document = folder
        .run(&[&test[..], &["-o", "json"]].concat())
        .with_code(1)
        .document();
    let images = document["images"].as_array().unwrap();
    let told: Vec<_> = images
        .iter()
        .map(|one| {
            (
                one["object"]["kind"].as_str().unwrap(),
                one["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("Pod", "admit"),
            ("Deployment", "admit"),
            ("Deployment", "deny"),
            ("CronJob", "deny")
        ]
    );
    assert_eq!(document["withoutImages"][0]["kind"], "Service");
    assert_snapshot!(folder.told());
}

fn manifests(signed: &str, unsigned: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: one}}
spec:
  containers: [{{name: app, image: {signed}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
---
# An empty document is nothing.
---
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {{name: web}}
  spec:
    selector: {{matchLabels: {{app: web}}}}
    template:
      metadata: {{labels: {{app: web}}}}
      spec:
        initContainers: [{{name: first, image: {signed}}}]
        containers: [{{name: app, image: {signed}}}, {{name: sidecar, image: {unsigned}}}]
- apiVersion: batch/v1
  kind: CronJob
  metadata: {{name: nightly}}
  spec:
    schedule: '@daily'
    jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: app, image: {unsigned}}}]}}}}}}}}
"
    )
}

#[test]
fn a_pipe_is_a_file_too() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("signed-by-the-team", &registry, &key);
    folder.write("pod.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":"127.0.0.1:1/a:1"}]}}"#);
    let mut command = folder.command(&[
        "policy",
        "test",
        "--policy",
        "signed-by-the-team.yaml",
        "--resource",
        "/dev/stdin",
    ]);
    command.stdin(std::fs::File::open(folder.path("pod.json")).unwrap());
    folder.ran(command).with_code(3);
}

#[test]
fn objects_that_cannot_be_looked_through_are_misuse() {
    let folder = Folder::new();
    let registry = Registry::new(&folder);
    let key = folder.key("team");
    folder.policy("policy", &registry, &key);
    let test = |text: &str| {
        folder.write("object.yaml", text);
        folder.run(&["policy", "test", "--policy", "policy.yaml", "--resource", "object.yaml"])
    };
    folder.tell(&test("kind: Pod\n"));
    folder.tell(&test("apiVersion: v1\nkind: Pod\nspec: {containers: {}}\n"));
    folder.tell(&test("a: [\n"));
    folder.tell(&test("---\n"));
    folder.tell(&folder.run(&["policy", "test", "--policy", "policy.yaml"]));
    assert_snapshot!(folder.told());
}

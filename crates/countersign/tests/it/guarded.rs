//! `serve registry` that lets in only whom it knows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::rig::{Certificate, Folder, Ran, Registry, USERS};

/// A folder with users, a certificate, and a registry's directory in which `app:1.0` is.
fn stocked() -> Folder {
    let folder = Folder::new();
    folder.key("team");
    folder.write("users", USERS);
    Certificate::write(&folder, 30);
    folder.write(
        "countersign.yaml",
        "apiVersion: countersign.dev/v1alpha1
kind: Configuration
registries:
  certificateAuthorities: [tls.crt]
",
    );
    Registry::with(&folder, &["--storage", "images"]).push("app:1.0");
    folder
}

/// Runs a command about `app:1.0`, with this password or without one.
fn run(folder: &Folder, registry: &Registry<'_>, command: &[&str], password: Option<&str>) -> Ran {
    let login = password.map(|password| STANDARD.encode(format!("sentry:{password}")));
    let auths = login.map_or(json!({}), |login| json!({ registry.address(): { "auth": login } }));
    folder.write("docker.json", json!({ "auths": auths }).to_string());
    let (name, files) = (
        registry.name("app:1.0"),
        ["--config", "countersign.yaml", "--docker-config", "docker.json"],
    );
    folder.run_unlocked(&[&command[..1], &[&*name], &command[1..], &files].concat())
}

const SIGN: &[&str] = &["sign", "--key", "team.key"];
const VERIFY: &[&str] = &["verify", "--key", "team.pub"];

#[test]
fn a_password_lets_users_sign_and_verify_and_nobody_else() {
    let folder = stocked();
    let registry = Registry::with(&folder, &["--storage", "images", "--htpasswd", "users"]);
    for password in [None, Some("open barley")] {
        run(&folder, &registry, SIGN, password).with_code(3);
        run(&folder, &registry, VERIFY, password).with_code(3);
    }
    run(&folder, &registry, SIGN, Some("open sesame")).with_code(0);
    run(&folder, &registry, VERIFY, Some("open sesame")).with_code(0);
    let log = folder.read("registry.err");
    assert!(log.contains("a login with a wrong password was refused"), "{log}");
    assert!(
        !log.contains("sesame") && !log.contains("barley") && !log.contains("eyJ"),
        "{log}"
    );
}

/// Our own client speaks no TLS to loopback addresses, so this is another one.
#[test]
fn under_tls_the_token_is_had_under_tls_too() {
    let folder = stocked();
    let tls = ["--tls-cert", "tls.crt", "--tls-key", "tls.key"];
    let registry = Registry::with(
        &folder,
        &[&["--storage", "images", "--htpasswd", "users"][..], &tls].concat(),
    );
    let authority = reqwest::Certificate::from_pem(folder.read("tls.crt").as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let base = format!("https://{}", registry.address());
    runtime.block_on(async {
        let image = format!("{base}/v2/app/manifests/1.0");
        let refused = client.get(&image).send().await.unwrap();
        assert_eq!(
            (refused.status().as_u16(), refused.version()),
            (401, reqwest::Version::HTTP_2)
        );
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.starts_with(&format!("Bearer realm=\"{base}/token\",")),
            "{challenge}"
        );

        let login = format!("Basic {}", STANDARD.encode("sentry:open sesame"));
        let asked = client
            .get(format!("{base}/token?scope=repository:app:pull"))
            .header("authorization", login);
        let answer: Value = serde_json::from_slice(&asked.send().await.unwrap().bytes().await.unwrap()).unwrap();
        let bearer = format!("Bearer {}", answer["token"].as_str().unwrap());
        assert_eq!(
            client
                .get(&image)
                .header("authorization", bearer)
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    });
}

#[test]
fn everybody_may_pull_where_that_was_said_and_only_users_push() {
    let folder = stocked();
    let arguments = ["--storage", "images", "--htpasswd", "users", "--anonymous-pull"];
    let registry = Registry::with(&folder, &arguments);
    run(&folder, &registry, SIGN, None).with_code(3);
    run(&folder, &registry, SIGN, Some("open sesame")).with_code(0);
    run(&folder, &registry, VERIFY, None).with_code(0);
}

#[test]
fn grants_are_read_from_the_configuration() {
    let folder = stocked();
    folder.write(
        "registry.yaml",
        "apiVersion: countersign.dev/v1alpha1
kind: Configuration
registry:
  storage: images
  auth:
    htpasswd: users
    anonymousPull: true
    grants:
    - users: [sentry]
      repositories: [\"other/**\"]
      actions: [pull, push, delete]
",
    );
    let registry = Registry::with(&folder, &["--config", "registry.yaml"]);
    run(&folder, &registry, SIGN, Some("open sesame")).with_code(3);
    run(&folder, &registry, VERIFY, Some("open sesame")).with_code(1);
}

#[test]
fn what_would_let_in_the_wrong_ones_keeps_it_from_starting() {
    let folder = Folder::new();
    folder.write("users", USERS);
    folder.write("weak", "# staff\nsentry:$apr1$hunter2\n");
    folder.write("nobody", "");
    let configured = |name: &str, auth: &str| {
        let head = "apiVersion: countersign.dev/v1alpha1\nkind: Configuration\nregistry:\n";
        folder.write(name, format!("{head}{auth}"));
    };
    let grant = |users: &str, repositories: &str| {
        format!(
            "  auth:\n    htpasswd: users\n    grants:\n    - {{users: [{users}], repositories: [{repositories}], actions: [pull]}}\n"
        )
    };
    configured("stranger.yaml", &grant("sentri", "app"));
    configured("glob.yaml", &grant("sentry", "Team/*"));
    configured("empty.yaml", &grant("sentry", ""));
    configured("url.yaml", "  externalUrl: registry.lab\n  auth: {htpasswd: users}\n");
    configured("typo.yaml", "  auth: {htpasswd: users, anonymousPul: true}\n");
    configured("silent.yaml", "  auth:\n");
    configured("nothing-granted.yaml", "  auth:\n    htpasswd: users\n    grants:\n");
    for arguments in [
        &["--htpasswd", "missing"][..],
        &["--htpasswd", "weak"],
        &["--htpasswd", "nobody"],
        &["--anonymous-pull"],
        &["--listen", "0.0.0.0:0", "--htpasswd", "users"],
        &["--tls-cert", "tls.crt", "--tls-key", "tls.key"],
        &["--config", "stranger.yaml"],
        &["--config", "glob.yaml"],
        &["--config", "empty.yaml"],
        &["--config", "url.yaml"],
        &["--config", "typo.yaml"],
        &["--config", "silent.yaml"],
        &["--config", "nothing-granted.yaml"],
    ] {
        let ran = folder.run(&[&["serve", "registry"], arguments].concat()).with_code(2);
        folder.tell(&ran);
    }
    assert_snapshot!(folder.told());
}

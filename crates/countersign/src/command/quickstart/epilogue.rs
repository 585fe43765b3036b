//! After the story: how to go on, and what is still there.

use serde_json::json;

use super::builds::Built;
use super::scenes::{self, Outcome};
use super::stage::Stage;
use super::story::Told;
use crate::printer::Printer;

pub(super) fn how_to_go_on(told: &Told, printer: &mut Printer) {
    printer.line("");
    if !told.as_told() {
        printer.line("This is not how the story goes: please report it, with everything above.");
        return;
    }
    let program = program();
    printer.line(
        "One image was signed and came in; what was not signed was turned away, each with its reason. How to go on:",
    );
    for (command, what) in [
        ("quickstart --stay", "keep all of this up, and try the `next` lines"),
        ("key generate release", "make a key of your own"),
        ("sign IMAGE --key release.key", "sign an image where it is"),
        ("verify IMAGE --key release.pub", "judge it as the door would"),
        (
            "serve admission --help",
            "run the door; docs/install.md has the webhooks",
        ),
        (
            "serve signing --help",
            "run the service; docs/signing.md says how, examples/ has pipelines",
        ),
    ] {
        printer.line(format!("  {program} {command:<32} {what}"));
    }
}

/// For `--stay`: everything that somebody needs to go on by hand.
pub(super) fn what_stays(stage: &Stage, printer: &mut Printer) {
    let program = program();
    let policy = stage.policy_file().display().to_string();
    let unsigned = scenes::SCENES[1].image(&stage.shop);
    printer.line("");
    printer.line("It all stays up until Ctrl-C:");
    printer.line(format!(
        "  registry     {}   (plain HTTP: cosign and crane work against it)",
        stage.registry
    ));
    printer.line(format!("  door         {}/validate and /mutate", stage.base_url));
    printer.line(format!(
        "  policy       {policy}   (edit it: it is read again within a second)"
    ));
    printer.line(format!("  public key   {}", stage.public_key_file().display()));
    if let Some(key) = stage.private_key_file() {
        let key = key.display();
        printer.line(format!("  private key  {key}   (its password is empty)"));
        printer.line("");
        printer.line("Sign the image that was turned away, and ask again:");
        printer.line(format!("  COUNTERSIGN_PASSWORD= {program} sign {unsigned} --key {key}"));
        printer.line(format!("  {program} verify {unsigned} --policy {policy}"));
    }
}

/// `stays` is the stage, where it is still there when somebody reads this.
pub(super) fn document(told: &Told, stays: Option<&Stage>, printer: &mut Printer) {
    let mut document = json!({
        "asTold": told.as_told(),
        "submissions": told.builds.iter().map(Built::document).collect::<Vec<_>>(),
        "scenes": told.outcomes.iter().map(Outcome::document).collect::<Vec<_>>(),
    });
    if let Some(stage) = stays {
        document["stays"] = json!({
            "registry": stage.registry.to_string(),
            "door": stage.base_url,
            "policy": stage.policy_file(),
            "privateKey": stage.private_key_file(),
            "publicKey": stage.public_key_file(),
        });
    }
    printer.document("Quickstart", document);
}

/// This program as it was called, so that the commands that are shown can be typed.
fn program() -> String {
    let called = std::env::args().next().filter(|name| name.contains('/'));
    called.unwrap_or_else(|| "countersign".to_owned())
}

//! What the examples have people apply, as a real API server takes it.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_acceptance::plane::Plane;

#[test]
fn the_webhooks_are_registered_as_their_comment_says() -> Result<()> {
    let plane = Plane::shared()?;
    let path = xtask::repository().join("examples/webhooks.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let filled = text
        .replace("ADDRESS", "10.0.0.5:8443")
        .replace("CA_BUNDLE", &STANDARD.encode(plane.authority().pem()));
    // Not stored: another test's Pods would be asked about at a door that is not there.
    let said = plane
        .kubectl_with(&["apply", "--dry-run=server", "-f", "-"], &filled)?
        .success()?;
    said.saying(&["mutatingwebhookconfiguration", "validatingwebhookconfiguration"])?;
    Ok(())
}

//! Our registry under other people's clients, who have to log in to it.

use anyhow::Result;
use countersign_acceptance::cosign::{Cosign, Layout};
use countersign_acceptance::foreign::Registry;

use crate::rig::TYPE;

#[test]
fn cosign_signs_and_verifies_behind_our_tokens() -> Result<()> {
    let registry = Registry::ours_with_tokens()?;
    let (cosign, stranger) = (Cosign::new()?.with_logins(registry.docker()), Cosign::new()?);
    let key = cosign.generate("release")?;
    for layout in Layout::ALL {
        let image = registry.image(&format!("signed-{}", layout.name()), "1", layout.name())?;
        cosign.sign(layout, &key, &image)?;
        cosign.verify(layout, &key, &image)?.success()?;
        let refused = stranger.verify(layout, &key, &image)?;
        assert!(
            !refused.succeeded() && refused.stderr.to_uppercase().contains("UNAUTHORIZED"),
            "{refused}"
        );
    }
    for layout in Layout::OF_ATTESTATIONS {
        let image = registry.image(&format!("attested-{}", layout.name()), "1", layout.name())?;
        cosign.attest(layout, &key, &image, TYPE, r#"{"clean": true}"#)?;
        cosign.verify_attestation(layout, &key, &image, TYPE)?.success()?;
    }
    Ok(())
}

#[test]
fn crane_copies_lists_and_deletes_behind_our_tokens() -> Result<()> {
    let registry = Registry::ours_with_tokens()?;
    let image = registry.image("team/app", "1", "copied")?;
    let copy = format!("{}/other/app:1", registry.address());
    let copied = registry.crane_command(&["copy", &image.tagged(), &copy])?.success()?;
    copied.saying(&["mounted blob"])?;
    let said = registry.crane_command(&["digest", &copy])?.success()?;
    assert_eq!(said.stdout.trim(), image.digest);
    let listed = registry
        .crane_command(&["catalog", &registry.address().to_string()])?
        .success()?;
    assert_eq!(listed.stdout, "other/app\nteam/app\n");
    registry.crane_command(&["delete", &image.pinned()])?.success()?;
    let gone = registry.crane_command(&["digest", &image.tagged()])?;
    assert!(!gone.succeeded(), "{gone}");
    registry.crane_command(&["digest", &copy])?.success()?;
    Ok(())
}

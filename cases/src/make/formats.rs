//! What a policy accepts: formats, and the places where it looks.

use countersign_evidence::{Item, Layout};
use countersign_image::Repository;

use super::draft::Draft;
use super::items::{behind, stored};
use super::layouts::{alice, bob};
use super::policy_text::{Authority, policy};
use super::sample::app;
use super::workshop::Workshop;

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = formats(workshop);
    drafts.extend(sources(workshop));
    drafts.extend(both_tags(workshop));
    drafts
}

fn under(authority: Authority, name: &'static str, about: &'static str) -> Draft {
    Draft::new(name, &app(), about).policies(&[policy("signed", [authority])])
}

fn formats(workshop: &Workshop) -> Vec<Draft> {
    let case = |format, name, about, layout| {
        under(alice(workshop).format(format), name, about).items([workshop.signature("alice", &app(), layout)])
    };
    let unsigned = &["image.unsigned"];
    vec![
        case(
            "legacy",
            "format-legacy-with-bundle-only-deny",
            "Promise: the registry never chooses the format. Under `signatureFormat: legacy` a bundle is not looked at.",
            Layout::Bundle,
        )
        .rules("signed", "deny", unsigned),
        case(
            "bundle",
            "format-bundle-with-tag-only-deny",
            "Promise: under `signatureFormat: bundle` a signature under the tag is not looked at: hiding the bundle relaxes\n\
             nothing.",
            Layout::Tag,
        )
        .rules("signed", "deny", unsigned),
        case("legacy", "format-legacy-with-tag-admit", "Promise: `signatureFormat: legacy` accepts the tag.", Layout::Tag)
            .rules("signed", "admit", &["signed"]),
        case(
            "bundle",
            "format-bundle-with-key-admit",
            "Promise: `signatureFormat: bundle` works with a key and for signatures, which policy-controller does not do yet.",
            Layout::Bundle,
        )
        .rules("signed", "admit", &["signed"]),
    ]
}

fn sources(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let elsewhere = "    source:\n    - oci: registry.example/signatures\n";
    let repository = Repository::parse("registry.example/signatures").expect("it is a repository");
    let signature = || workshop.signature("alice", &image, Layout::Tag);
    let there = || stored(&repository, Layout::Tag, signature().content);
    vec![
        under(
            alice(workshop).with(elsewhere),
            "source-elsewhere-admit",
            "Promise: with `source.oci` the signature is looked for in that repository.",
        )
        .items([there()])
        .rules("signed", "admit", &["signed"]),
        under(
            alice(workshop).with("    source:\n    - oci: registry.example/shop/app\n      tagPrefix: release-\n"),
            "source-tag-prefix-admit",
            "Promise: with `tagPrefix` the signature is looked for under the prefixed tag.",
        )
        .items([behind("release-", signature())])
        .prefixes(&[Some("release-")])
        .rules("signed", "admit", &["signed"]),
    ]
}

/// Two policies look in one repository, one of them under a prefix, and both tags are there.
fn both_tags(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let released = "    source:\n    - oci: registry.example/shop/app\n      tagPrefix: release-\n";
    let by = |signer| workshop.signature(signer, &image, Layout::Tag);
    let case = |name, about, releaser: Authority, items: Vec<Item>| {
        Draft::new(name, &image, about)
            .policies(&[
                policy("a-built", [alice(workshop)]),
                policy("b-released", [releaser.with(released)]),
            ])
            .prefixes(&[None, Some("release-")])
            .items(items)
            .rules("a-built", "admit", &["signed"])
    };
    vec![
        case(
            "source-tag-prefix-beside-the-plain-tag-admit",
            "Promise: where one policy looks under a prefix and another under none, each is met by what lies under its own tag.",
            bob(workshop),
            vec![by("alice"), behind("release-", by("bob"))],
        )
        .rules("b-released", "admit", &["signed"]),
        case(
            "source-tag-prefix-signed-under-the-plain-tag-deny",
            "Attack: whoever may write the plain tag, and not the prefixed one, puts a signature of the right key there. It\n\
             does not lie where the policy looks, and proves nothing to it.",
            alice(workshop),
            vec![by("alice"), behind("release-", by("bob"))],
        )
        .rules("b-released", "deny", &["signature.wrong_key"]),
    ]
}

//! Policies: all of them hold, any authority of one is enough, and what cannot be understood is not passed over.

use countersign_evidence::{Item, Layout};
use countersign_policy::NoMatch;

use super::draft::Draft;
use super::layouts::{alice, bob, under_alice};
use super::policy_text::{Authority, policy};
use super::sample::{app, sample};
use super::workshop::Workshop;

const IN_A_KMS: &str =
    "  - name: job\n    key:\n      kms: gcpkms://projects/shop/locations/global/keyRings/release/cryptoKeys/app\n";

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = several(workshop);
    drafts.extend(statics(workshop));
    drafts.extend(unmatched(workshop));
    drafts.extend(unsupported(workshop));
    drafts.extend(broken(workshop));
    drafts.extend(matched(workshop));
    drafts
}

fn several(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let by = |signers: &[&str]| -> Vec<Item> {
        signers
            .iter()
            .map(|signer| workshop.signature(signer, &image, Layout::Tag))
            .collect()
    };
    let two_policies = [
        policy("a-by-alice", [alice(workshop)]),
        policy("b-by-bob", [bob(workshop)]),
    ];
    let either = [policy("signed", [alice(workshop), bob(workshop)])];
    vec![
        Draft::new(
            "policies-two-both-met-admit",
            &image,
            "Promise: every policy that governs an image must admit it, each on grounds of its own.",
        )
        .policies(&two_policies)
        .items(by(&["alice", "bob"]))
        .rules("a-by-alice", "admit", &["signed"])
        .rules("b-by-bob", "admit", &["signed"]),
        Draft::new(
            "policies-two-one-unmet-deny",
            &image,
            "Promise: one policy that is not met denies.",
        )
        .policies(&two_policies)
        .items(by(&["alice"]))
        .rules("a-by-alice", "admit", &["signed"])
        .rules("b-by-bob", "deny", &["signature.wrong_key"]),
        Draft::new(
            "authorities-two-one-met-admit",
            &image,
            "Promise: any one authority of a policy is enough.",
        )
        .policies(&either)
        .items(by(&["bob"]))
        .rules("signed", "admit", &["signed"]),
        Draft::new(
            "authorities-two-none-met-deny",
            &image,
            "Promise: where no authority is met, the denial has a reason for each.",
        )
        .policies(&either)
        .items([workshop.signature("ed25519", &image, Layout::Tag)])
        .rules("signed", "deny", &["signature.wrong_key", "signature.wrong_key"]),
        Draft::new(
            "mode-warn-unsigned-deny",
            &image,
            "Promise: `mode: warn` changes what is answered, not what is judged: the verdict is the same.",
        )
        .policies(&[policy("signed", [alice(workshop)]).with("  mode: warn\n")])
        .ruling(Some("signed"), "warn", "deny", &["image.unsigned"]),
    ]
}

fn statics(workshop: &Workshop) -> Vec<Draft> {
    let pass = Authority::other("  - name: pass\n    static:\n      action: pass\n");
    let fail =
        Authority::other("  - name: fail\n    static:\n      action: fail\n      message: use the golden images\n");
    vec![
        Draft::new(
            "static-pass-admit",
            &app(),
            "Promise: a static policy that passes is the ground, and says so.",
        )
        .policies(&[policy("static", [pass])])
        .rules("static", "admit", &["static"]),
        Draft::new(
            "static-fail-deny",
            &app(),
            "Promise: a static policy that fails denies, with its author's message.",
        )
        .policies(&[policy("static", [fail.clone()])])
        .rules("static", "deny", &["policy.static_fail"]),
        Draft::new(
            "static-fail-beside-signed-deny",
            &app(),
            "Promise: a signature that one policy is content with does not outvote another policy that says no.",
        )
        .policies(&[policy("a-signed", [alice(workshop)]), policy("b-frozen", [fail])])
        .items([workshop.signature("alice", &app(), Layout::Tag)])
        .rules("a-signed", "admit", &["signed"])
        .rules("b-frozen", "deny", &["policy.static_fail"]),
    ]
}

fn unmatched(workshop: &Workshop) -> Vec<Draft> {
    let elsewhere = [policy("elsewhere", [alice(workshop)]).glob("registry.example/other/**")];
    let case = |name, about| Draft::new(name, &app(), about).policies(&elsewhere);
    let none = &["policy.none_matched"];
    vec![
        case(
            "unmatched-by-default-deny",
            "Promise: an image that no policy governs is denied unless the settings say otherwise.",
        )
        .ruling(None, "enforce", "deny", none),
        case(
            "unmatched-allowed-admit",
            "Promise: where the settings let such images in, that is the ground.",
        )
        .no_match(NoMatch::Allow)
        .ruling(None, "enforce", "admit", &["not-governed"]),
        case(
            "unmatched-warned-deny",
            "Promise: where the settings only warn, it is still judged a denial, in warn mode.",
        )
        .no_match(NoMatch::Warn)
        .ruling(None, "warn", "deny", none),
        Draft::new(
            "no-policies-at-all-deny",
            &app(),
            "Promise: an empty policy file admits nothing.",
        )
        .policy_text("# nothing here\n".to_owned())
        .ruling(None, "enforce", "deny", none),
    ]
}

fn unsupported(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let in_a_kms = || Authority::other(IN_A_KMS);
    let signed = || workshop.signature("alice", &image, Layout::Tag);
    let case = |name, about| Draft::new(name, &image, about);
    let cue = alice(workshop).with(
        "    attestations:\n    - name: provenance\n      predicateType: https://slsa.dev/provenance/v1\n      policy:\n        \
         type: cue\n        data: |\n          predicateType: \"https://slsa.dev/provenance/v1\"\n",
    );
    vec![
        case(
            "unsupported-authority-alone-undecided",
            "Promise: an authority that this version cannot ask is not passed over: alone, it leaves the image undecided.",
        )
        .policies(&[policy("kms", [in_a_kms()])])
        .items([signed()])
        .rules("kms", "undecided", &["policy.unsupported"]),
        case(
            "unsupported-authority-beside-a-met-one-admit",
            "Promise: an authority that is met is enough, whatever the others ask.",
        )
        .policies(&[policy("either", [in_a_kms(), alice(workshop)])])
        .items([signed()])
        .rules("either", "admit", &["signed"]),
        case(
            "unsupported-authority-beside-an-unmet-one-undecided",
            "Promise: where the authority that can be asked says no, the one that cannot might have said yes.",
        )
        .policies(&[policy("either", [in_a_kms(), bob(workshop)])])
        .items([signed()])
        .rules("either", "undecided", &["policy.unsupported"]),
        case(
            "unsupported-constraint-undecided",
            "Promise: a constraint that is stated and cannot be applied (CUE here) never counts as met.",
        )
        .policies(&[policy("constrained", [cue])])
        .items([workshop.attestation("alice", &image, Layout::Bundle, super::items::SLSA)])
        .rules("constrained", "undecided", &["policy.unsupported"]),
    ]
}

fn broken(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let signed = || workshop.signature("alice", &image, Layout::Tag);
    let misspelt = |glob: &str| {
        policy("misspelt", [bob(workshop)])
            .glob(glob)
            .with("  mode: enforced\n")
            .to_string()
    };
    let good = policy("signed", [alice(workshop)]).to_string();
    let case = |name, about, text: String| Draft::new(name, &image, about).policy_text(text).items([signed()]);
    vec![
        case(
            "policy-broken-undecided",
            "Promise: a policy that cannot be understood does not drop out of force: its images are undecided.",
            misspelt("registry.example/shop/**"),
        )
        .rules("misspelt", "undecided", &["policy.unreadable"]),
        case(
            "policy-broken-beside-a-good-one-undecided",
            "Promise: what one policy admits, another that cannot be understood might have denied.",
            format!("{}---\n{good}", misspelt("registry.example/shop/**")),
        )
        .rules("misspelt", "undecided", &["policy.unreadable"])
        .rules("signed", "admit", &["signed"]),
        case(
            "policy-broken-for-other-images-admit",
            "Promise: a policy that cannot be understood harms only the images that it names.",
            format!("{}---\n{good}", misspelt("registry.example/other/**")),
        )
        .rules("signed", "admit", &["signed"]),
        case(
            "policy-without-authorities-undecided",
            "Attack: a policy whose list of authorities is empty asks for nothing, and nothing is easily met. It is refused.",
            policy("open", []).with("  authorities: []\n").to_string(),
        )
        .rules("open", "undecided", &["policy.unreadable"]),
        case(
            "policy-with-empty-identities-undecided",
            "Attack: an authority that asks for a keyless signature by nobody in particular would believe everybody.",
            policy("anybody", [Authority::other(
                "  - name: job\n    keyless:\n      url: https://fulcio.sigstore.dev\n      identities: []\n",
            )])
            .to_string(),
        )
        .rules("anybody", "undecided", &["policy.unreadable"]),
        case(
            "policy-with-unknown-field-undecided",
            "Attack: a constraint under a misspelt name would constrain nothing. Unknown fields are refused, so the images\n\
             are undecided until somebody looks.",
            good.replace("    key:\n", "    keyles: {}\n    key:\n"),
        )
        .rules("signed", "undecided", &["policy.unreadable"]),
    ]
}

fn matched(workshop: &Workshop) -> Vec<Draft> {
    let hub = sample("docker.io/library/nginx");
    let of_hub = |glob: &str| [policy("hub", [alice(workshop)]).glob(glob)];
    let only_pods = policy("pods", [bob(workshop)])
        .with("  match:\n  - group: \"\"\n    version: v1\n    resource: pods\n    selector:\n      matchLabels:\n        tier: front\n");
    let selecting = [policy("signed", [alice(workshop)]), only_pods];
    let admitted = |name, about| {
        under_alice(workshop, name, about)
            .policies(&selecting)
            .items([workshop.signature("alice", &app(), Layout::Tag)])
    };
    vec![
        Draft::new(
            "glob-docker-hub-admit",
            &hub,
            "Promise: Docker Hub's images are matched as policy-controller matches them, under `index.docker.io`.",
        )
        .policies(&of_hub("index.docker.io/library/nginx*"))
        .items([workshop.signature("alice", &hub, Layout::Tag)])
        .rules("hub", "admit", &["signed"]),
        Draft::new(
            "glob-is-anchored-deny",
            &sample("evil.example/registry.example/shop/app"),
            "Attack: an image whose path contains a trusted name is not under that name (Portieris 0.14.2, unanchored\n\
             wildcard).",
        )
        .policies(&[policy(
            "trusted",
            [Authority::other("  - name: pass\n    static:\n      action: pass\n")],
        )])
        .ruling(None, "enforce", "deny", &["policy.none_matched"]),
        admitted(
            "match-other-labels-admit",
            "Promise: a policy with `match` governs only the objects that it selects.",
        )
        .object("", "pods", &[("tier", "back")])
        .rules("signed", "admit", &["signed"]),
        admitted(
            "match-selected-deny",
            "Promise: a policy with `match` governs the objects that it selects.",
        )
        .object("", "pods", &[("tier", "front")])
        .rules("pods", "deny", &["signature.wrong_key"])
        .rules("signed", "admit", &["signed"]),
    ]
}

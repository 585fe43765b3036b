//! Keyless signatures: whom a policy believes, and which link of the chain breaks.

mod minted;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Content, Item, Layout};
use countersign_image::{Blob, annotation};

pub(super) use self::minted::Minted;
use self::minted::{ISSUER, STRANGER, SUBJECT, payload};
use super::draft::Draft;
use super::items::{SLSA, item};
use super::layouts::alice;
use super::policy_text::{Authority, file, policy};
use super::sample::app;
use super::workshop::Workshop;

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = identities(workshop);
    drafts.extend(links(workshop));
    drafts.extend(beside_keys(workshop));
    drafts.extend(windows(workshop));
    drafts.extend(attestations(workshop));
    drafts
}

/// What lies beside the image under a name of the minted ones.
fn signed(workshop: &Workshop, name: &str) -> Item {
    let signed = &workshop.minted().signed[name];
    let image = app();
    let mut annotations = signed.annotations.clone();
    let content = match &signed.envelope {
        Some(envelope) => Content::Envelope {
            envelope: Blob::new(envelope.clone().into_bytes()),
            annotations,
        },
        None => {
            annotations.insert(annotation::COSIGN_SIGNATURE.to_owned(), signed.signature.clone());
            Content::Simple {
                payload: Blob::new(payload(&image)),
                signature: signed.signature.clone(),
                annotations,
            }
        }
    };
    item(&image, Layout::Tag, content)
}

/// A keyless authority, with lines of `keyless` that come after its identity.
fn keyless(subject: &str, issuer: &str, more: &str) -> Authority {
    Authority::other(&format!(
        "  - name: release\n    keyless:\n      url: https://fulcio.mint.example\n      identities:\n      - {issuer}\n        {subject}\n{more}"
    ))
}

const OF_OURS: &str = "      trustRootRef: acme\n";

fn ours() -> Authority {
    keyless(&format!("subject: {SUBJECT}"), &format!("issuer: {ISSUER}"), OF_OURS)
}

/// A case under one authority, with the TrustRoot `acme` in the file.
fn under(workshop: &Workshop, authority: Authority, name: &'static str, about: &'static str) -> Draft {
    let lists = &workshop.minted().lists;
    let lists: String = lists
        .iter()
        .map(|(name, list)| format!("    {name}: {list}\n"))
        .collect();
    let root = format!(
        "---\napiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata:\n  name: acme\nspec:\n  sigstoreKeys:\n{lists}"
    );
    Draft::new(name, &app(), about).policy_text(file(&[policy("released", [authority])]) + &root)
}

fn identities(workshop: &Workshop) -> Vec<Draft> {
    let case = |subject: &str, issuer: &str, name, about, by| {
        under(workshop, keyless(subject, issuer, OF_OURS), name, about).items([signed(workshop, by)])
    };
    let subject = format!("subject: {SUBJECT}");
    let issuer = format!("issuer: {ISSUER}");
    let other = &["signature.identity"];
    vec![
        case(
            &subject,
            &issuer,
            "keyless-identity-admit",
            "Promise: a signature with a certificate for the workflow that the policy names, logged while it was valid.",
            "ours",
        )
        .rules("released", "admit", &["signed"]),
        case(
            &subject,
            "issuer: https://accounts.google.com",
            "keyless-other-issuer-deny",
            "Attack: the right name, vouched for by another issuer than the policy believes.",
            "ours",
        )
        .rules("released", "deny", other),
        case(
            &subject,
            &issuer,
            "keyless-longer-name-deny",
            "Attack: a repository whose name only begins like the one that the policy names.",
            "by a stranger",
        )
        .rules("released", "deny", other),
        case(
            &format!("subject: {STRANGER}"),
            &issuer,
            "keyless-shorter-name-deny",
            "Attack: the other way round: a name that is only the beginning of the one in the policy.",
            "ours",
        )
        .rules("released", "deny", other),
        case(
            "subjectRegExp: https://github.com/acme/shop",
            &issuer,
            "keyless-unanchored-expression-admit",
            "Promise: a ClusterImagePolicy's expression is searched for, as policy-controller does, and so lets in a stranger\n\
             whose name contains it. `policy check` warns of it.",
            "by a stranger",
        )
        .rules("released", "admit", &["signed"]),
        case(
            "subjectRegExp: ^https://github\\.com/acme/shop/.*$",
            &issuer,
            "keyless-anchored-expression-deny",
            "Attack: the same stranger before an expression that is anchored and ends at the slash.",
            "by a stranger",
        )
        .rules("released", "deny", other),
    ]
}

fn links(workshop: &Workshop) -> Vec<Draft> {
    let case = |authority, name, about, by| under(workshop, authority, name, about).items([signed(workshop, by)]);
    let denies = |name, about, by, code: &str| case(ours(), name, about, by).rules("released", "deny", &[code]);
    let ignoring = || {
        let more = format!("{OF_OURS}      insecureIgnoreSCT: true\n");
        keyless(&format!("subject: {SUBJECT}"), &format!("issuer: {ISSUER}"), &more)
    };
    vec![
        denies(
            "keyless-no-sct-deny",
            "Attack: a certificate that is in no log of certificates, so that nobody could have seen that it was issued.",
            "without SCT",
            "signature.sct",
        ),
        case(
            ignoring(),
            "keyless-sct-ignored-admit",
            "Promise: with `insecureIgnoreSCT` such a certificate counts.",
            "without SCT",
        )
        .rules("released", "admit", &["signed"]),
        denies(
            "keyless-no-proved-time-deny",
            "Attack: nothing proves when the certificate was used. No clock is asked instead.",
            "without log entry",
            "signature.timestamp",
        ),
        denies(
            "keyless-expired-at-proved-time-deny",
            "Attack: a log promises that the signature was there an hour after the certificate had expired.",
            "logged an hour later",
            "signature.certificate",
        ),
        case(
            ours(),
            "keyless-expired-today-admit",
            "Promise: a certificate that was valid at the proved time counts for ever. The case is judged fifty years later.",
            "ours",
        )
        .time("2076-01-01T00:00:00Z")
        .rules("released", "admit", &["signed"]),
        denies(
            "keyless-entry-of-another-signature-deny",
            "Attack: a genuine log entry, of another signature by the same certificate (CVE-2022-36056, CVE-2026-22703).",
            "with the entry of another signature",
            "signature.log",
        ),
        case(
            ours().with("    rfc3161timestamp:\n      trustRootRef: acme\n"),
            "keyless-timestamp-instead-of-log-admit",
            "Promise: with `rfc3161timestamp` a signed timestamp is enough, and no log is asked for.",
            "stamped, not logged",
        )
        .rules("released", "admit", &["signed"]),
        case(
            ours().with("    rfc3161timestamp:\n      trustRootRef: acme\n"),
            "keyless-log-instead-of-timestamp-deny",
            "Promise: with `rfc3161timestamp` a log entry is not enough.",
            "ours",
        )
        .rules("released", "deny", &["signature.timestamp"]),
        case(
            ours().with("    ctlog:\n      trustRootRef: acme\n    rfc3161timestamp:\n      trustRootRef: acme\n"),
            "keyless-timestamp-beside-stated-log-deny",
            "Promise: where `ctlog` and `rfc3161timestamp` are both stated, a timestamp alone is not enough.",
            "stamped, not logged",
        )
        .rules("released", "deny", &["signature.log"]),
        case(
            keyless(
                &format!("subject: {SUBJECT}"),
                &format!("issuer: {ISSUER}"),
                "      trustRootRef: nobody\n",
            ),
            "keyless-trust-root-missing-undecided",
            "Promise: a policy that names a TrustRoot which is not there stays in force, and says so.",
            "ours",
        )
        .rules("released", "undecided", &["policy.trust_root"]),
    ]
}

fn beside_keys(workshop: &Workshop) -> Vec<Draft> {
    let logged = |entry: Option<&String>| {
        let mut item = workshop.signature("alice", &app(), Layout::Tag);
        if let (Content::Simple { annotations, .. }, Some(entry)) = (&mut item.content, entry) {
            annotations.insert(annotation::COSIGN_BUNDLE.to_owned(), entry.clone());
        }
        item
    };
    let entry = &workshop.minted().entry_of_key;
    let demanding = || alice(workshop).with("    ctlog:\n      trustRootRef: acme\n");
    vec![
        under(
            workshop,
            demanding(),
            "key-log-entry-admit",
            "Promise: with `ctlog` a key's signature needs an entry in a log of the trust root, which comes with it.",
        )
        .items([logged(Some(entry))])
        .rules("released", "admit", &["signed"]),
        under(
            workshop,
            demanding(),
            "key-no-log-entry-deny",
            "Attack: the right key, and no entry in the log, so that nobody could have seen that it was used.",
        )
        .items([logged(None)])
        .rules("released", "deny", &["signature.log"]),
        under(
            workshop,
            alice(workshop),
            "key-log-not-asked-for-admit",
            "Promise: without `ctlog` a key's signature needs no log, and an entry of another signature is nobody's business.",
        )
        .items([logged(
            workshop.minted().signed["ours"].annotations.get(annotation::COSIGN_BUNDLE),
        )])
        .rules("released", "admit", &["signed"]),
    ]
}

/// Under the trust root of policies that name none, which has windows.
fn windows(workshop: &Workshop) -> Vec<Draft> {
    let authority = || keyless(&format!("subject: {SUBJECT}"), &format!("issuer: {ISSUER}"), "");
    let case = |root: &str, name, about| {
        under(workshop, authority(), name, about)
            .trusted_root(&workshop.minted().trusted_roots[root])
            .items([signed(workshop, "ours")])
    };
    vec![
        case(
            "whole",
            "keyless-standing-trust-root-admit",
            "Promise: a policy that names no trust root believes the one that stands for all, as public-good does.",
        )
        .rules("released", "admit", &["signed"]),
        case(
            "authority retired",
            "keyless-authority-retired-deny",
            "Attack: a certificate of an authority that the trust root had ceased to believe by then.",
        )
        .rules("released", "deny", &["signature.certificate"]),
        case(
            "log retired",
            "keyless-log-retired-deny",
            "Attack: an entry by the key of a log that the trust root had ceased to believe by then.",
        )
        .rules("released", "deny", &["signature.log"]),
        case(
            "log of certificates retired",
            "keyless-ct-log-retired-deny",
            "Attack: the promise of a log of certificates that the trust root had ceased to believe by then.",
        )
        .rules("released", "deny", &["signature.sct"]),
        under(
            workshop,
            authority(),
            "keyless-no-standing-trust-root-undecided",
            "Promise: without any trust root that stands for policies which name none, nothing is believed.",
        )
        .items([signed(workshop, "ours")])
        .rules("released", "undecided", &["policy.trust_root"]),
    ]
}

fn attestations(workshop: &Workshop) -> Vec<Draft> {
    let case = |name, about, by| under(workshop, ours().attests(&[SLSA]), name, about).items([signed(workshop, by)]);
    vec![
        case(
            "keyless-attestation-admit",
            "Promise: provenance with a certificate for the workflow that the policy names.",
            "attested",
        )
        .rules("released", "admit", &["attested"]),
        case(
            "keyless-attestation-by-a-stranger-deny",
            "Attack: provenance of the right type about the right image, by a workflow that nobody asked.",
            "attested by a stranger",
        )
        .rules("released", "deny", &["attestation.identity"]),
        case(
            "keyless-signature-for-attestation-deny",
            "Attack: a signature by the right workflow, where the policy asks for provenance.",
            "ours",
        )
        .rules("released", "deny", &["attestation.missing"]),
    ]
}

/// Alice's signature of the image, as it is logged.
pub(super) fn signature_to_log(workshop: &Workshop) -> Vec<u8> {
    match workshop.signature("alice", &app(), Layout::Tag).content {
        Content::Simple { signature, .. } => STANDARD.decode(signature).expect("what was sealed is base64"),
        Content::Envelope { .. } | Content::Bundle(_) => Vec::new(),
    }
}

//! What a policy may say: the checks of policy-controller, one row each, and the lints.

use countersign_evidence::{Hash, HashRule, Layout, Layouts, SctRule};

mod log_proof;
mod trust_roots;

use super::{Beside, Demand, Policy, RootName, SignedDemand, Signer};
use crate::document::{Document, parse};
use crate::lint::{LintCode, Severity};

const P256: &str = "{data: \"-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEX3OgWLt0eCOZ7NIqWrxJCnWCzZ6z\\n\
                    9lfChoA48q3Ogz7ISJicBPatbh+3kThjhGnQf53t3Dp9W6nabQzWEqrhHQ==\\n-----END PUBLIC KEY-----\\n\"";
const IDENTITY: &str = "{issuer: i, subject: s}";

/// A policy with this `spec`, whose missing parts are filled in; `@k` stands for a key without its closing brace.
fn text(spec: &str) -> String {
    let mut spec = spec.replace("@k", P256).replace("@i", IDENTITY);
    if !spec.contains("images:") {
        spec = format!("images: [{{glob: '**'}}], {spec}");
    }
    if !spec.contains("authorities:") {
        spec = format!("{spec}, authorities: [{{static: {{action: fail}}}}]");
    }
    format!(
        "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: p}}\nspec: {{{spec}}}\n"
    )
}

fn errors(spec: &str) -> String {
    let parsed = parse("p.yaml", &text(spec));
    parsed
        .errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn policy(spec: &str) -> Policy {
    let parsed = parse("p.yaml", &text(spec));
    match &parsed.documents[..] {
        [Document::Policy(policy)] => Policy::clone(policy),
        _ => panic!("{spec}: {:?}", parsed.errors),
    }
}

fn demand(authority: &str) -> SignedDemand {
    match &policy(&format!("authorities: [{authority}]")).authorities[0].demand {
        Demand::Signed(demand) => SignedDemand::clone(demand),
        other => panic!("{authority}: {other:?}"),
    }
}

fn rule(demand: &SignedDemand) -> Option<HashRule> {
    match demand.signer() {
        Signer::Key { rule, .. } => Some(*rule),
        Signer::Keyless { .. } => None,
    }
}

fn lints(spec: &str) -> Vec<(LintCode, String)> {
    policy(spec)
        .lints
        .iter()
        .map(|lint| (lint.code, lint.path.clone()))
        .collect()
}

/// Each row: what is written, and what policy-controller says to it. `A` stands for `spec.authorities[0]`.
const REFUSED: &[(&str, &str)] = &[
    ("images: []", "missing field(s): spec.images"),
    ("images: [{}]", "missing field(s): spec.images[0].glob"),
    ("images: [{glob: ''}]", "missing field(s): spec.images[0].glob"),
    (
        "images: [{glob: '['}]",
        "invalid value: [: spec.images[0].glob; glob is invalid: ",
    ),
    ("authorities: []", "missing field(s): spec.authorities"),
    ("mode: wran", "invalid value: wran: spec.mode; unsupported mode"),
    (
        "authorities: [{}]",
        "expected exactly one, got neither: A.key, A.keyless, A.static",
    ),
    (
        "authorities: [{key: @k}, static: {action: pass}}]",
        "expected exactly one, got both: A.key, A.keyless, A.static",
    ),
    (
        "authorities: [{key: {}}]",
        "expected exactly one, got neither: A.key.data, A.key.kms, A.key.secretref",
    ),
    (
        "authorities: [{key: @k, kms: 'gcpkms://k'}}]",
        "expected exactly one, got both: A.key.data, A.key.kms, A.key.secretref",
    ),
    (
        "authorities: [{key: {data: nonsense}}]",
        "invalid value: nonsense: A.key.data",
    ),
    (
        "authorities: [{key: @k, hashAlgorithm: md5}}]",
        "invalid value: md5: A.key.hashAlgorithm",
    ),
    (
        "authorities: [{key: {secretRef: {}}}]",
        "missing field(s): A.key.secretRef.name",
    ),
    (
        "authorities: [{key: {kms: 'openbao://k'}}]",
        "invalid value: openbao://k: A.key.kms; malformed KMS format, should be prefixed by any of the supported providers: \
         [awskms:// gcpkms:// azurekms:// hashivault://]",
    ),
    (
        "authorities: [{key: {kms: 'awskms:///1234abcd'}}]",
        "invalid value: awskms:///1234abcd: A.key.kms",
    ),
    (
        "authorities: [{key: {kms: 'awskms:///alias/a'}}]",
        "invalid value: awskms:///alias/a: A.key.kms",
    ),
    ("authorities: [{keyless: {}}]", "missing field(s): A.keyless.identities"),
    (
        "authorities: [{keyless: {url: u, ca-cert: @k}, identities: [@i]}}]",
        "expected exactly one, got both: A.keyless.ca-cert, A.keyless.url",
    ),
    (
        "authorities: [{keyless: {ca-cert: {}, identities: [@i]}}]",
        "expected exactly one, got neither: A.keyless.ca-cert.data, A.keyless.ca-cert.kms, A.keyless.ca-cert.secretref",
    ),
    (
        "authorities: [{keyless: {identities: [{subject: s}]}}]",
        "missing field(s): A.keyless.identities[0].issuer, A.keyless.identities[0].issuerRegExp",
    ),
    (
        "authorities: [{keyless: {identities: [{issuer: i}]}}]",
        "missing field(s): A.keyless.identities[0].subject, A.keyless.identities[0].subjectRegExp",
    ),
    (
        "authorities: [{keyless: {identities: [{issuer: i, issuerRegExp: i, subject: s}]}}]",
        "expected exactly one, got both: A.keyless.identities[0].issuer, A.keyless.identities[0].issuerRegExp",
    ),
    (
        "authorities: [{keyless: {identities: [{issuer: i, subjectRegExp: '****'}]}}]",
        "invalid value: ****: A.keyless.identities[0].subjectRegExp; regex is invalid: ",
    ),
    ("authorities: [{static: {}}]", "missing field(s): A.static.action"),
    (
        "authorities: [{static: {action: maybe}}]",
        "invalid value: maybe: A.static.action; unsupported action",
    ),
    (
        "authorities: [{static: {action: pass}, source: [{oci: ghcr.io/a}], ctlog: {}, attestations: []}]",
        "expected exactly one, got both: A.attestations, A.ctlog, A.source, A.static",
    ),
    (
        "authorities: [{key: @k}, source: [{}, {}]}]",
        "invalid value: source: A.source; only single source is supported",
    ),
    (
        "authorities: [{key: @k}, source: [{oci: 'A b'}]}]",
        "invalid value: A b: A.source[0].oci",
    ),
    (
        "authorities: [{key: @k}, source: [{oci: 'registry.example.com:5000'}]}]",
        "invalid value: registry.example.com:5000: A.source[0].oci",
    ),
    (
        "authorities: [{key: @k}, source: [{oci: ghcr.io}]}]",
        "invalid value: ghcr.io: A.source[0].oci; it names a registry",
    ),
    (
        "authorities: [{key: @k}, source: [{tagPrefix: 'a b'}]}]",
        "invalid value: a b: A.source[0].tagPrefix",
    ),
    (
        "authorities: [{key: @k}, source: [{tagPrefix: -a}]}]",
        "invalid value: -a: A.source[0].tagPrefix",
    ),
    (
        "authorities: [{key: @k}, source: [{signaturePullSecrets: [{name: a}, {}]}]}]",
        "missing field(s): A.source[0].signaturePullSecrets[1].name",
    ),
    (
        "authorities: [{key: @k}, attestations: [{predicateType: custom}]}]",
        "missing field(s): A.attestations[0].name",
    ),
    (
        "authorities: [{key: @k}, attestations: [{name: n}]}]",
        "missing field(s): A.attestations[0].predicateType",
    ),
    (
        "authorities: [{key: @k}, attestations: [{name: n, predicateType: custom, policy: {type: cue, data: x, fetchConfigFile: true}}]}]",
        "must not set the field(s): A.attestations[0].policy.fetchConfigFile",
    ),
    (
        "policy: {type: cel, data: x}",
        "invalid value: cel: spec.policy.type; only [cue,rego] are supported at the moment",
    ),
    ("policy: {data: x}", "only [cue,rego] are supported at the moment"),
    (
        "policy: {type: cue}",
        "missing field(s): spec.policy.configMapRef, spec.policy.data, spec.policy.remote",
    ),
    (
        "policy: {type: cue, data: x, configMapRef: {name: n, key: k}}",
        "expected exactly one, got both: spec.policy.configMapRef, spec.policy.data, spec.policy.remote",
    ),
    (
        "policy: {type: cue, remote: {url: 'http://a', sha256sum: x}}",
        "invalid value: http://a: spec.policy.remote.url",
    ),
    (
        "policy: {type: cue, remote: {url: 'https://', sha256sum: x}}",
        "invalid value: https://: spec.policy.remote.url",
    ),
    (
        "policy: {type: cue, remote: {url: 'https://a'}}",
        "missing field(s): spec.policy.remote.sha256sum",
    ),
    (
        "policy: {type: cue, configMapRef: {name: n}}",
        "missing field(s): spec.policy.configMapRef.key",
    ),
    (
        "match: [{resource: apple}]",
        "invalid value: apple: spec.match[0].resource; unsupported resource name",
    ),
    (
        "match: [{selector: {}}]",
        "spec.match[0].selector; selector requires a resource type",
    ),
    (
        "match: [{resource: pods, version: v1, selector: {matchExpressions: [{key: a, operator: Near}]}}]",
        "invalid value: Near: spec.match[0].selector.matchExpressions[0].operator",
    ),
    (
        "match: [{resource: pods, version: v1, selector: {matchExpressions: [{key: a, operator: In}]}}]",
        "missing field(s): spec.match[0].selector.matchExpressions[0].values",
    ),
    (
        "match: [{resource: pods, version: v1, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}]",
        "must not set the field(s): spec.match[0].selector.matchExpressions[0].values",
    ),
];

#[test]
fn policies_are_refused_in_policy_controllers_words() {
    for (spec, expected) in REFUSED {
        let (found, expected) = (errors(spec), expected.replace("A.", "spec.authorities[0]."));
        assert!(
            found.contains(&expected),
            "{spec}\nexpected: {expected}\nfound: {found}"
        );
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let found = errors("mode: x, images: [{glob: '['}], authorities: [{}, {static: {}}]");
    assert_eq!(found.lines().count(), 4, "{found}");
}

#[test]
fn a_private_key_is_never_repeated() {
    let secret = "AAAAsecretAAAA".repeat(20);
    let pem = format!("-----BEGIN PRIVATE KEY-----\\n{secret}\\n-----END PRIVATE KEY-----\\n");
    let found = errors(&format!("authorities: [{{key: {{data: \"{pem}\"}}}}]"));
    assert!(found.contains("spec.authorities[0].key.data"), "{found}");
    assert!(!found.contains("AAAAsecret"), "{found}");
    let bare = errors(&format!("authorities: [{{key: {{data: {secret}}}}}]"));
    assert!(!bare.contains(&secret[..40]), "{bare}");
}

#[test]
fn a_key_authority_means_what_it_says() {
    let plain = demand("{key: @k}}");
    assert_eq!(
        (rule(&plain), plain.layouts, plain.repository()),
        (Some(HashRule::Natural), Layouts::ALL, None)
    );
    assert_eq!((plain.tag_prefix(), plain.attestations().len()), (None, 0));
    let full = demand(
        "{key: @k, hashAlgorithm: ' SHA512 '}, signatureFormat: legacy, source: [{oci: ghcr.io/acme/sig, signaturePullSecrets: [{name: s}]}], \
         attestations: [{name: n, predicateType: vuln}]}",
    );
    assert_eq!(
        (rule(&full), full.layouts),
        (Some(HashRule::Exactly(Hash::Sha512)), Layouts::LEGACY)
    );
    assert_eq!(full.repository().unwrap().to_string(), "ghcr.io/acme/sig");
    assert_eq!(full.pull_secrets, ["s"]);
    assert_eq!(full.attestations[0].written(), "vuln");
    assert_eq!(
        full.attestations[0].predicate_type(),
        "https://cosign.sigstore.dev/attestation/vuln/v1"
    );
    let prefixed = demand("{key: @k}, source: [{tagPrefix: prod-}]}");
    assert_eq!(
        (prefixed.tag_prefix(), prefixed.layouts),
        (Some("prod-"), Layouts::of(&[Layout::Tag]))
    );
}

#[test]
fn authorities_have_names() {
    let policy = policy("authorities: [{key: @k}}, {name: 'the second', key: @k}}]");
    let names: Vec<_> = policy.authorities.iter().map(super::Authority::name).collect();
    assert_eq!(names, ["authority-0", "the second"]);
}

/// Each row: what is written, and what its author probably did not mean, with the field; `A` as above.
const DOUBTFUL: &[(&str, &[(LintCode, &str)])] = &[
    ("authorities: [{key: @k}}]", &[]),
    (
        "images: [{glob: '**'}, {glob: nginx}]",
        &[(LintCode::GlobNeverMatches, "spec.images[1].glob")],
    ),
    (
        "images: [{glob: '*'}]",
        &[(LintCode::GlobHubOnly, "spec.images[0].glob")],
    ),
    ("images: [{glob: 'ghcr.io**'}], authorities: [{key: @k}}]", &[]),
    (
        "images: [{glob: 'ghcr.io**'}], authorities: [{static: {action: pass}}]",
        &[(LintCode::GlobOpenEnded, "spec.images[0].glob")],
    ),
    ("match: [{resource: pods, version: v1}]", &[]),
    (
        "match: [{resource: pods}]",
        &[(LintCode::MatchNeverMatches, "spec.match[0]")],
    ),
    (
        "match: [{version: v1}]",
        &[(LintCode::MatchNeverMatches, "spec.match[0]")],
    ),
    (
        "match: [{resource: deployments, version: v1}]",
        &[(LintCode::MatchNeverMatches, "spec.match[0]")],
    ),
    (
        "authorities: [{name: n, key: @k}}, {name: n, key: @k}}]",
        &[(LintCode::AuthorityDuplicateName, "spec.authorities[1]")],
    ),
    (
        "authorities: [{key: @k}}, {static: {action: pass}}]",
        &[(LintCode::AuthorityNeverNeeded, "A")],
    ),
    (
        "authorities: [{static: {action: pass, message: m}}]",
        &[(LintCode::FieldAsksNothing, "A.static.message")],
    ),
    (
        "authorities: [{key: @k}, ctlog: {}}]",
        &[(LintCode::FieldAsksNothing, "A.ctlog")],
    ),
    (
        "authorities: [{key: @k}, rfc3161timestamp: {}}]",
        &[(LintCode::FieldAsksNothing, "A.rfc3161timestamp")],
    ),
    ("authorities: [{key: @k}, ctlog: {url: u}}]", &[]),
    (
        "authorities: [{key: @k}, ctlog: {url: u}, rfc3161timestamp: {trustRootRef: r}}]",
        &[],
    ),
    (
        "authorities: [{key: @k}, ctlog: {}, rfc3161timestamp: {trustRootRef: r}}]",
        &[(LintCode::FieldAsksNothing, "A.ctlog")],
    ),
    (
        "authorities: [{keyless: {trustRootRef: r, identities: [@i]}, ctlog: {trustRootRef: other}, signatureFormat: bundle}]",
        &[(LintCode::PolicyUnsupported, "A.ctlog.trustRootRef")],
    ),
    (
        "authorities: [{key: {secretRef: {name: n}}}]",
        &[(LintCode::PolicyUnsupported, "A.key.secretRef")],
    ),
    (
        "authorities: [{key: {kms: 'gcpkms://k'}}]",
        &[(LintCode::PolicyUnsupported, "A.key.kms")],
    ),
    (
        "authorities: [{key: @k, hashAlgorithm: sha224}}]",
        &[(LintCode::PolicyUnsupported, "A.key.data")],
    ),
    (
        "authorities: [{key: @k}, signatureFormat: x}]",
        &[(LintCode::PolicyUnsupported, "A.signatureFormat")],
    ),
    (
        "authorities: [{key: @k}, attestations: [{name: n, predicateType: custom}, {name: n, predicateType: sbom}]}]",
        &[
            (LintCode::AttestationShortType, "A.attestations[0].predicateType"),
            (LintCode::AttestationUnknownType, "A.attestations[1].predicateType"),
            (LintCode::AttestationDuplicateName, "A.attestations[1]"),
        ],
    ),
    (
        "authorities: [{keyless: {identities: [{issuer: i, subjectRegExp: '^s$'}]}}]",
        &[],
    ),
    (
        "authorities: [{keyless: {identities: [{issuerRegExp: '^i', subjectRegExp: '.*s.*'}]}}]",
        &[
            (LintCode::IdentityUnanchored, "A.keyless.identities[0].issuerRegExp"),
            (LintCode::IdentityUnanchored, "A.keyless.identities[0].subjectRegExp"),
        ],
    ),
    (
        "authorities: [{keyless: {ca-cert: @k}, identities: [@i]}}]",
        &[
            (LintCode::IdentityCaCert, "A.keyless.ca-cert"),
            (LintCode::PolicyUnsupported, "A.keyless.ca-cert.data"),
        ],
    ),
    (
        "policy: {type: rego, data: x}",
        &[(LintCode::PolicyUnsupported, "spec.policy")],
    ),
];

#[test]
fn what_is_probably_not_meant_is_said() {
    for (spec, expected) in DOUBTFUL {
        let full = |path: &str| match path.strip_prefix('A') {
            Some(rest) => format!("spec.authorities[0]{rest}"),
            None => path.to_owned(),
        };
        let expected: Vec<_> = expected.iter().map(|(code, path)| (*code, full(path))).collect();
        assert_eq!(lints(spec), expected, "{spec}");
    }
}

#[test]
fn a_lint_says_where_and_what_instead() {
    let policy = policy("images: [{glob: 'ghcr.io/acme/app:v1'}]");
    let lint = &policy.lints()[0];
    assert_eq!(lint.severity(), Severity::Warning);
    assert_eq!(
        lint.to_string(),
        "p.yaml:4:24: warning [glob.never_matches] spec.images[0].glob: `ghcr.io/acme/app:v1` never matches: tags are taken off \
         before names are held against it; write `ghcr.io/acme/app@*`"
    );
}

#[test]
fn several_keys_in_one_text_are_a_lint() {
    let twice = P256.trim_end_matches('"').to_owned() + &P256.replacen("{data: \"", "", 1);
    let found = lints(&format!("authorities: [{{key: {twice}}}}}]"));
    assert_eq!(
        found,
        [(LintCode::KeyFirstOnly, "spec.authorities[0].key.data".to_owned())]
    );
}

/// What has to stand beside a signature, in short: nothing looked at, welcome or demanded, and by which trust root.
fn beside(beside: &Beside) -> String {
    let (word, reference) = match beside {
        Beside::Ignored => return "ignored".to_owned(),
        Beside::Welcome(reference) => ("welcome", reference),
        Beside::Demanded(reference) => ("demanded", reference),
    };
    match &reference.root {
        RootName::Standing => word.to_owned(),
        RootName::Named(name) => format!("{word} {name}"),
        RootName::Given(_) => format!("{word} given"),
    }
}

/// The matrix of policy-controller: each row an authority, the log entry and the timestamp that it looks for. Where both are
/// stated, both are looked for, which policy-controller does not do.
#[test]
fn what_has_to_stand_beside_a_signature_is_what_policy_controller_makes_of_it() {
    let keyless = "keyless: {url: u, identities: [@i]}";
    let of_root = "keyless: {url: u, trustRootRef: r, identities: [@i]}";
    for (authority, log, time) in [
        ("key: @k}".to_owned(), "ignored", "ignored"),
        ("key: @k}, ctlog: {}".to_owned(), "ignored", "ignored"),
        ("key: @k}, ctlog: {url: u}".to_owned(), "demanded", "ignored"),
        ("key: @k}, ctlog: {trustRootRef: l}".to_owned(), "demanded l", "ignored"),
        (
            "key: @k}, ctlog: {url: u, trustRootRef: l}".to_owned(),
            "demanded l",
            "ignored",
        ),
        ("key: @k}, rfc3161timestamp: {}".to_owned(), "ignored", "ignored"),
        (
            "key: @k}, rfc3161timestamp: {trustRootRef: t}".to_owned(),
            "ignored",
            "demanded t",
        ),
        (keyless.to_owned(), "demanded", "welcome"),
        (format!("{keyless}, ctlog: {{}}"), "welcome", "welcome"),
        (format!("{keyless}, ctlog: {{url: u}}"), "demanded", "welcome"),
        (
            format!("{keyless}, ctlog: {{trustRootRef: l}}"),
            "demanded l",
            "welcome",
        ),
        (
            format!("{keyless}, rfc3161timestamp: {{trustRootRef: t}}"),
            "ignored",
            "demanded t",
        ),
        (of_root.to_owned(), "welcome r", "welcome r"),
        (format!("{of_root}, ctlog: {{}}"), "welcome r", "welcome r"),
        (format!("{of_root}, ctlog: {{url: u}}"), "demanded", "welcome r"),
        (
            format!("{of_root}, ctlog: {{trustRootRef: r}}"),
            "demanded r",
            "welcome r",
        ),
        (
            format!("{of_root}, rfc3161timestamp: {{trustRootRef: r}}"),
            "ignored",
            "demanded r",
        ),
        (
            format!("{of_root}, ctlog: {{}}, rfc3161timestamp: {{trustRootRef: r}}"),
            "ignored",
            "demanded r",
        ),
        (
            format!("{of_root}, ctlog: {{url: u}}, rfc3161timestamp: {{trustRootRef: r}}"),
            "demanded",
            "demanded r",
        ),
        (
            "key: @k}, ctlog: {trustRootRef: l}, rfc3161timestamp: {trustRootRef: t}".to_owned(),
            "demanded l",
            "demanded t",
        ),
        (format!("{of_root}, signatureFormat: bundle"), "demanded r", "welcome r"),
        (
            format!("{of_root}, signatureFormat: bundle, rfc3161timestamp: {{trustRootRef: r}}"),
            "ignored",
            "demanded r",
        ),
    ] {
        let demand = demand(&format!("{{{authority}}}"));
        let found = (beside(&demand.belief.log), beside(&demand.belief.time));
        assert_eq!(found, (log.to_owned(), time.to_owned()), "{authority}");
    }
}

#[test]
fn a_keyless_authority_means_what_it_says() {
    let identities = |authority: &str| match demand(authority).signer() {
        Signer::Keyless { identities, sct, .. } => {
            let lines: Vec<String> = identities.iter().map(ToString::to_string).collect();
            (lines.join("; "), sct.clone())
        }
        Signer::Key { .. } => panic!("{authority}"),
    };
    let several = "{keyless: {identities: [{issuer: i, subject: s}, {issuerRegExp: 'a|b', subjectRegExp: '.*'}]}}";
    let expected = "`s` by issuer `i`; /.*/ by issuer /a|b/".to_owned();
    assert_eq!(identities(several), (expected, SctRule::Required));
    let ignored = "{keyless: {insecureIgnoreSCT: true, identities: [@i]}}";
    assert_eq!(identities(ignored).1, SctRule::Ignored);
    let said = "{keyless: {insecureIgnoreSCT: false, identities: [@i]}}";
    assert_eq!(identities(said).1, SctRule::Required);
}

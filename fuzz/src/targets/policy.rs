//! Policies as written, globs, and verdicts on whatever evidence there is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_evidence::{Content, Evidence, Gap, GapCause, Layout, Place};
use countersign_image::{Digest, Reference, json};
use countersign_policy::document::MAX_DOCUMENTS;
use countersign_policy::pattern::{MAX_GLOB_BYTES, name_of};
use countersign_policy::{
    Document, Glob, GroundKind, Judgement, NoMatch, ObjectFacts, Parsed, PolicySet, Settings, Verdict, judge, parse,
};
use jiff::Timestamp;
use serde_json::Value;

use super::text;
use crate::seeds::{Seeds, named};
use crate::signed::{self, DESK, evidence};
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "policy",
        run: policy,
        seeds: policies,
        words: POLICIES,
        mutations: 500,
    },
    Target {
        name: "glob",
        run: glob,
        seeds: globs,
        words: &[
            "*",
            "**",
            "/",
            "*/*",
            "@",
            ":",
            "\n",
            ".",
            "docker.io",
            "index.docker.io/library/",
            "sha256:",
        ],
        mutations: 3_000,
    },
    Target {
        name: "judge",
        run: judged,
        seeds: judgements,
        words: super::signatures::WORDS,
        mutations: 500,
    },
];

const POLICIES: &[&str] = &[
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "apiVersion: policy.sigstore.dev/v1beta1\n",
    "kind: ClusterImagePolicy\n",
    "kind: List\n",
    "items:\n",
    "metadata: {name: x}\n",
    "spec:\n",
    "  images: [{glob: \"**\"}]\n",
    "  authorities:\n",
    "  - static: {action: pass}\n",
    "  - key: {data: \"\"}\n",
    "  mode: warn\n",
    "  match: [{group: apps, version: v1, resource: deployments}]\n",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!binary ",
    "? ",
    "| ",
    "> ",
    "{",
    "}",
    "[",
    "]",
    "null",
    "\u{feff}",
    "\u{85}",
    "\t",
    "\r",
];

fn policies(seeds: &mut Seeds) {
    seeds.add_files("examples/policies", |path, bytes| {
        named(path, &[".yaml"]).then(|| bytes.to_vec())
    });
    for case in [
        "policy-broken-undecided",
        "match-selected-deny",
        "layout-all-three-admit",
    ] {
        seeds.add_files(&format!("cases/data/{case}"), |path, bytes| {
            named(path, &["policy.yaml"]).then(|| bytes.to_vec())
        });
    }
    seeds.add(
        r#"{"apiVersion":"policy.sigstore.dev/v1beta1","kind":"ClusterImagePolicyList","items":[{"apiVersion":"policy.sigstore.dev/v1beta1","kind":"ClusterImagePolicy","metadata":{"name":"a"},"spec":{"images":[{"glob":"*"}],"authorities":[{"static":{"action":"pass"}}]}}]}"#,
    );
    seeds.add("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n");
    seeds.add_corpus(&["policies"], |path, bytes| {
        (named(path, &[".yaml", ".yml"]) && bytes.len() <= 3 << 10).then(|| bytes.to_vec())
    });
}

/// Nothing is lost: a document is a policy, or broken with an error that says where; policies compiled twice are the same;
/// and where nothing was gathered, only what asks for nothing lets anything in.
fn policy(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let parsed = parse("policy.yaml", text);
    promises_of_parsed(&parsed, text);
    let compile = |parsed: &Parsed| PolicySet::compile(vec![parsed.clone()], Settings::deny_unmatched());
    let set = compile(&parsed);
    assert_eq!(set.generation(), compile(&parse("policy.yaml", text)).generation());
    let roots = |document: &&Document| matches!(document, Document::TrustRoot(_) | Document::BrokenTrustRoot(_));
    let roots = parsed.documents.iter().filter(roots).count();
    assert_eq!(set.len() + set.broken().count() + roots, parsed.documents.len());
    for lint in set.lints() {
        spoken::line(&lint.to_string());
    }
    // A set that lost nothing keeps nothing.
    let again = compile(&parsed).with_last_good(&set);
    assert!(set.broken().next().is_some() || again.generation() == set.generation());
    for image in [signed::IMAGE, "nginx", "ghcr.io/a/b:v1"] {
        let image = Reference::parse(image).unwrap().resolved(*DESK.image.digest());
        let governing = set.governing(&image, &object());
        governing.wants(&image);
        let judgement = judge(&evidence(&image, Layout::Tag, []), &governing, Timestamp::UNIX_EPOCH);
        promises_of_judgement(&judgement);
        let admits_nothing_seen = |kind: &GroundKind| matches!(kind, GroundKind::Static);
        assert!(
            judgement
                .verdict()
                .grounds()
                .all(|ground| admits_nothing_seen(ground.kind()))
        );
    }
    // JSON is YAML: however it is laid out, it is the same policy.
    if let Ok(value) = json::strict::<Value>(data)
        && set.broken().next().is_none()
    {
        let printed = serde_json::to_string_pretty(&value).unwrap();
        if json::strict::<Value>(printed.as_bytes()).as_ref() == Ok(&value) {
            let digests = |set: &PolicySet| set.policies().map(|policy| *policy.digest()).collect::<Vec<_>>();
            let mut printed = digests(&compile(&parse("policy.yaml", &printed)));
            let mut written = digests(&set);
            printed.sort_unstable();
            written.sort_unstable();
            assert_eq!(printed, written);
        }
    }
}

fn promises_of_parsed(parsed: &Parsed, text: &str) {
    assert!(parsed.documents.len() <= MAX_DOCUMENTS + 1);
    let lines = text.lines().count() as u64;
    for error in &parsed.errors {
        spoken::refusal(error);
        assert!(error.line >= 1 && error.column >= 1, "{error}");
        assert!(error.line <= lines + 1, "line {} of {lines}: {error}", error.line);
    }
    for document in &parsed.documents {
        match document {
            Document::Policy(policy) => spoken::line(policy.name()),
            Document::Broken(broken) => assert!(!broken.errors().is_empty(), "broken, and nothing says why"),
            Document::TrustRoot(root) => spoken::line(root.name()),
            Document::BrokenTrustRoot(broken) => assert!(!broken.errors().is_empty(), "broken, and nothing says why"),
        }
    }
}

/// A verdict says why, in words that can be shown.
pub(super) fn promises_of_judgement(judgement: &Judgement) {
    for ruling in judgement.rulings().iter() {
        let verdict = ruling.verdict();
        assert_eq!(verdict.grounds().next().is_some(), matches!(verdict, Verdict::Admit(_)));
        assert_eq!(verdict.reasons().next().is_none(), matches!(verdict, Verdict::Admit(_)));
        for reason in verdict.reasons() {
            spoken::lines(&reason.to_string());
        }
        for ground in verdict.grounds() {
            spoken::lines(&ground.to_string());
        }
    }
}

fn object() -> ObjectFacts {
    ObjectFacts {
        group: "apps".into(),
        version: "v1".into(),
        resource: "deployments".into(),
        labels: BTreeMap::from([("app".into(), "shop".into())]),
    }
}

fn globs(seeds: &mut Seeds) {
    for seed in [
        "**\nregistry.example/shop/app",
        "*\nnginx",
        "*/*\nbitnami/redis:7",
        "registry.example/shop/**\nregistry.example/shop/a/b/c",
        "*a*b**c*/d\nxa.yb/cc/cd",
        "index.docker.io/library/nginx@sha256:*\nnginx:1.25",
        "localhost:5000/*\nlocalhost:5000/x",
    ] {
        seeds.add(seed);
    }
    seeds.add(format!("{}x\n{}", "*a".repeat(200), "a".repeat(250)));
}

/// A glob matches what a slow matcher of our own says, and the index of a set finds what the glob matches.
fn glob(data: &[u8]) {
    let Some((glob, name)) = text(data).and_then(|text| text.split_once('\n')) else {
        return;
    };
    let parsed = match Glob::parse(glob) {
        Ok(parsed) => parsed,
        Err(error) => return spoken::refusal(&error),
    };
    assert!(glob.len() <= MAX_GLOB_BYTES && parsed.as_str() == glob);
    let meant = match glob {
        "*" => "index.docker.io/library/*",
        "*/*" => "index.docker.io/*/*",
        other => other,
    };
    assert_eq!(parsed.matches_name(name), slow(meant.as_bytes(), name.as_bytes()));
    let Ok(reference) = Reference::parse(name) else { return };
    let image = reference.resolved(Digest::sha256(b"image"));
    let matches = slow(meant.as_bytes(), name_of(&image).as_bytes());
    assert_eq!(parsed.matches(&image), matches);
    let text = format!(
        "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: a}}\nspec:\n  images: \
         [{{glob: \"{glob}\"}}]\n  authorities: [{{static: {{action: pass}}}}]\n"
    );
    let set = PolicySet::compile(vec![parse("a", &text)], Settings::deny_unmatched());
    assert_eq!(set.len(), 1, "{:?}", set.errors());
    assert_eq!(!set.governing(&image, &ObjectFacts::none()).is_empty(), matches);
}

/// Which beginnings of the name each beginning of the glob matches, one after the other.
fn slow(glob: &[u8], name: &[u8]) -> bool {
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < glob.len() {
        let stars = glob[at..].iter().take_while(|byte| **byte == b'*').count();
        let mut next = vec![false; name.len() + 1];
        for end in 0..=name.len() {
            next[end] = match stars {
                0 => end > 0 && reached[end - 1] && name[end - 1] == glob[at],
                1 => reached[end] || (end > 0 && next[end - 1] && name[end - 1] != b'/'),
                _ => reached[end] || (end > 0 && next[end - 1]),
            };
        }
        reached = next;
        at += stars.max(1);
    }
    reached[name.len()]
}

/// The sets of policies that an input chooses from, and whether each asks for proof.
pub(super) static SETS: LazyLock<Vec<(PolicySet, Asks)>> = LazyLock::new(|| {
    let pem = |key: &countersign_evidence::PublicKey| key.to_pem().replace('\n', "\\n");
    let (ours, alice) = (pem(&DESK.ours), pem(&DESK.alice));
    let ours = format!("{{name: ours, key: {{data: \"{ours}\"}}");
    let alice = format!("{{name: alice, key: {{data: \"{alice}\"}}");
    let vuln = format!("attestations: [{{name: scan, predicateType: \"{}\"}}]", signed::VULN);
    let policy = |name: &str, mode: &str, authorities: &[String]| {
        format!(
            "---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {name}}}\nspec:\n  mode: \
             {mode}\n  images: [{{glob: \"**\"}}]\n  authorities: [{}]\n",
            authorities.join(", ")
        )
    };
    let signature = policy("signed", "enforce", &[format!("{ours}}}"), format!("{alice}}}")]);
    let attestation = policy("scanned", "enforce", &[format!("{ours}, {vuln}}}")]);
    let warned = policy("warned", "warn", &[format!("{ours}}}")]);
    let allowed = policy("open", "enforce", &["{static: {action: pass}}".into()]);
    let broken = "---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: broken}\nspec: \
                  {images: [{glob: \"**\"}], unknown: 1}\n";
    let sets = [
        (signature.clone(), NoMatch::Deny, Asks::Proof),
        (attestation.clone(), NoMatch::Deny, Asks::Proof),
        (signature.clone() + &attestation, NoMatch::Allow, Asks::Proof),
        (signature.clone() + &allowed, NoMatch::Deny, Asks::Proof),
        (signature + broken, NoMatch::Allow, Asks::TheImpossible),
        (warned, NoMatch::Deny, Asks::NothingEnforced),
        (allowed, NoMatch::Deny, Asks::NothingEnforced),
        (String::new(), NoMatch::Deny, Asks::TheImpossible),
        (String::new(), NoMatch::Warn, Asks::NothingEnforced),
    ];
    let compile = |(text, no_match, asks): (String, NoMatch, Asks)| {
        let parsed = parse("set.yaml", &text);
        (PolicySet::compile(vec![parsed], Settings::new(no_match)), asks)
    };
    sets.into_iter().map(compile).collect()
});

/// What a set of policies asks of every image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// That one of our keys has signed it.
    Proof,
    /// What no image has.
    TheImpossible,
    /// Nothing that keeps it out.
    NothingEnforced,
}

/// The set that a number chooses.
pub(super) fn set(number: u8) -> &'static (PolicySet, Asks) {
    &SETS[usize::from(number) % SETS.len()]
}

fn judgements(seeds: &mut Seeds) {
    for number in 0..u8::try_from(SETS.len()).unwrap() {
        for (index, item) in DESK.items.iter().enumerate() {
            let circumstances = u8::try_from(index % 3).unwrap();
            seeds.add([&[number, circumstances][..], &signed::written(item)].concat());
        }
    }
}

/// An image is let in only on grounds, and on a signature only if it is one.
fn judged(data: &[u8]) {
    let [number, circumstances, item @ ..] = data else {
        return;
    };
    let (set, asks) = set(*number);
    let content = signed::read(item);
    let evidence = gathered(content.clone(), *circumstances);
    let governing = set.governing(&DESK.image, &object());
    let judgement = judge(&evidence, &governing, Timestamp::UNIX_EPOCH);
    promises_of_judgement(&judgement);
    assert_eq!(
        judge(&evidence, &governing, Timestamp::UNIX_EPOCH),
        judgement,
        "judged twice, it is the same"
    );
    if matches!(judgement.verdict(), Verdict::Admit(_)) {
        let truly_signed = content.is_some_and(|content| DESK.signed(&content));
        assert!(
            *asks == Asks::NothingEnforced || (*asks == Asks::Proof && truly_signed),
            "let in on a forgery"
        );
    }
}

/// Evidence with one item, or none, in one of the layouts, with a gap or without, fresh or stale.
pub(super) fn gathered(content: Option<Content>, circumstances: u8) -> Evidence {
    let layout = Layout::ALL[usize::from(circumstances & 3) % 3];
    let mut evidence = evidence(&DESK.image, layout, content);
    evidence.stale = circumstances & 4 != 0;
    if circumstances & 8 != 0 {
        evidence.gaps.push(Gap {
            repository: DESK.image.repository().clone(),
            place: Place::Referrers,
            cause: GapCause::Unavailable { status: 502 },
        });
    }
    evidence
}

//! Judgements for the tests, from policies and evidence: there is no other way to one.

use std::fmt::Write as _;
use std::time::Duration;

use countersign_evidence::{Evidence, Gap, GapCause, Look, Place};
use countersign_image::{Pinned, Reference};
use countersign_policy::{Judgement, NoMatch, ObjectFacts, PolicySet, Settings, judge, parse};
use jiff::Timestamp;

use crate::asking::digest;

/// A public key that has signed nothing.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETwPAqVt538d1TukfyY9aQCkwBS5O
        PV4mwpvEfRS4U5Wkn739VVFL1cR2ZR/2MTjI3ExX6n4zhGHUYBOgDGgjZQ==
        -----END PUBLIC KEY-----";

/// What a policy of the tests asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    TheImpossible,
    Signature,
}

/// A policy of the tests.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) asks: Asks,
    pub(crate) warns: bool,
}

pub(crate) fn rule(name: &str, asks: Asks) -> Rule {
    Rule {
        name: name.to_owned(),
        asks,
        warns: false,
    }
}

impl Rule {
    pub(crate) fn warning(self) -> Self {
        Self { warns: true, ..self }
    }
}

/// Whether the registry could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registry {
    Empty,
    TimesOut,
}

pub(crate) fn pinned(name: &str) -> Pinned {
    let reference = Reference::parse(&format!("{name}@{}", digest('a'))).unwrap();
    reference.pinned().unwrap()
}

/// What these policies, which govern every image, say of one that nobody has signed.
pub(crate) fn judged(image: &str, rules: &[Rule], registry: Registry) -> Judgement {
    under(image, rules, NoMatch::Deny, registry)
}

/// What is said of an image that no policy governs.
pub(crate) fn ungoverned(image: &str, no_match: NoMatch) -> Judgement {
    under(image, &[], no_match, Registry::Empty)
}

fn under(image: &str, rules: &[Rule], no_match: NoMatch, registry: Registry) -> Judgement {
    let image = pinned(image);
    let parsed = parse("rules.yaml", &document(rules));
    assert!(parsed.errors.is_empty(), "{:?}", parsed.errors);
    let policies = PolicySet::compile(vec![parsed], Settings::new(no_match));
    let governing = policies.governing(&image, &ObjectFacts::none());
    judge(&evidence(&image, registry), &governing, Timestamp::UNIX_EPOCH)
}

fn document(rules: &[Rule]) -> String {
    let mut text = String::new();
    for Rule { name, asks, warns } in rules {
        let authority = match asks {
            Asks::Nothing => "static: {action: pass}".to_owned(),
            Asks::TheImpossible => "static: {action: fail, message: \"never this one\"}".to_owned(),
            Asks::Signature => format!("key:\n      data: |\n        {KEY}"),
        };
        let mode = if *warns { "warn" } else { "enforce" };
        write!(
            text,
            "---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {name}}}\n\
             spec:\n  mode: {mode}\n  images: [{{glob: \"**\"}}]\n  authorities:\n  - name: release\n    {authority}\n"
        )
        .unwrap();
    }
    text
}

fn evidence(image: &Pinned, registry: Registry) -> Evidence {
    let repository = image.repository();
    let places = [
        Place::SignatureTag { prefix: None },
        Place::AttestationTag { prefix: None },
        Place::Referrers,
    ];
    let look = |place| Look {
        repository: repository.clone(),
        place,
        found: 0,
    };
    let gap = |place| Gap {
        repository: repository.clone(),
        place,
        cause: GapCause::TimedOut {
            after: Duration::from_secs(5),
        },
    };
    let (looked, gaps) = match registry {
        Registry::Empty => (places.into_iter().map(look).collect(), Vec::new()),
        Registry::TimesOut => (Vec::new(), places.into_iter().map(gap).collect()),
    };
    Evidence {
        image: image.clone(),
        items: Vec::new(),
        gaps,
        looked,
        manifest: None,
        as_of: Timestamp::UNIX_EPOCH,
        stale: false,
    }
}

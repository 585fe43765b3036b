//! What each step of an answer costs, apart from the others: the steps themselves are the crates' own functions, and what
//! they are given are cases of this repository and a Pod like those that people write.
//!
//! Both benches measure the same [`Step`]s: `time` with a clock, `instructions` by counting, which no busy machine disturbs.
#![warn(missing_docs)]

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use countersign_admission::{FieldPath, Outcome, Question, Review, question, respond};
use countersign_cases::case::Case;
use countersign_cases::check::judged;
use countersign_evidence::{Evidence, HashRule, Layouts, PublicKey, Trusted, signatures};
use countersign_image::Pinned;
use countersign_policy::set::Governing;
use countersign_policy::{Judgement, ObjectFacts, PolicySet, Settings, judge, parse};
use jiff::Timestamp;

/// One step, with all that it needs made ready, so that running it is the step and nothing else.
pub enum Step {
    /// A review's bytes, to the images that it names.
    Parse(Bytes),
    /// A policy's text, to a compiled policy.
    Read(String),
    /// An image, to the policies that govern it.
    Match(Box<(PolicySet, Pinned, ObjectFacts)>),
    /// Signatures of one image, to what one key proves.
    Verify(Box<(Evidence, PublicKey)>),
    /// Evidence and the policies that govern its image, to a judgement.
    Judge(Box<(Evidence, Governing, Timestamp)>),
    /// Judgements, to the bytes of an answer.
    Respond(Vec<Outcome>),
}

impl Step {
    /// Does it, and gives back a number that depends on what came of it.
    ///
    /// # Panics
    /// Where the step does not do what it is there for, as a measure of that would mean nothing.
    #[must_use]
    pub fn run(&self) -> usize {
        match self {
            Self::Parse(body) => {
                let review = Review::parse(body.clone()).expect("the review is one");
                match question(&review).expect("the Pod is one") {
                    Question::Uses(uses) => uses.len(),
                    Question::NothingToJudge(why) => panic!("a Pod names images: {why}"),
                }
            }
            Self::Read(text) => {
                let set = PolicySet::compile(vec![parse("policy.yaml", text)], Settings::deny_unmatched());
                assert!(set.errors().is_empty(), "the policy is good");
                set.len()
            }
            Self::Match(known) => {
                let (set, image, object) = &**known;
                set.governing(image, object).entries().len()
            }
            Self::Verify(known) => {
                let (evidence, key) = &**known;
                let (proved, _) = signatures(evidence, &Trusted::key(key.clone(), HashRule::Natural), &Layouts::ALL);
                assert!(!proved.is_empty(), "the key signed it");
                proved.len()
            }
            Self::Judge(known) => {
                let (evidence, governing, now) = &**known;
                judge(evidence, governing, *now).rulings().len()
            }
            Self::Respond(outcomes) => respond(UID, outcomes, None).to_bytes().len(),
        }
    }
}

const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// A Pod's creation, as the API server asks about it.
///
/// # Panics
/// Never: the text is fixed.
#[must_use]
pub fn parse_pod() -> Step {
    let container = |name: &str| {
        format!(
            r#"{{"name":"{name}","image":"registry.example/shop/{name}:1.4@sha256:{}","resources":{{"requests":{{"cpu":"100m",
            "memory":"128Mi"}}}},"env":[{{"name":"MODE","value":"production"}}],"volumeMounts":[{{"name":"token",
            "readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}}],"terminationMessagePath":
            "/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}}"#,
            "a".repeat(64)
        )
    };
    let text = format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"{UID}","kind":{{"group":"",
        "version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},"requestKind":{{"group":"",
        "version":"v1","kind":"Pod"}},"requestResource":{{"group":"","version":"v1","resource":"pods"}},"name":"shop-0",
        "namespace":"shop","operation":"CREATE","userInfo":{{"username":"system:serviceaccount:kube-system:replicaset-controller",
        "groups":["system:serviceaccounts","system:authenticated"]}},"object":{{"kind":"Pod","apiVersion":"v1","metadata":
        {{"name":"shop-0","namespace":"shop","labels":{{"app":"shop","pod-template-hash":"5d4f8c7b9"}}}},"spec":{{"volumes":
        [{{"name":"token","projected":{{"sources":[{{"serviceAccountToken":{{"expirationSeconds":3607,"path":"token"}}}}],
        "defaultMode":420}}}}],"initContainers":[{}],"containers":[{},{}],"restartPolicy":"Always","nodeSelector":
        {{"kubernetes.io/os":"linux"}},"serviceAccountName":"default","securityContext":{{}},"schedulerName":
        "default-scheduler","tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",
        "tolerationSeconds":300}}],"priority":0,"enableServiceLinks":true}},"status":{{}}}},"oldObject":null,"dryRun":false,
        "options":{{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}}}}"#,
        container("migrate"),
        container("app"),
        container("proxy"),
    );
    Step::Parse(text.into())
}

/// A policy with one key.
#[must_use]
pub fn read_policy() -> Step {
    Step::Read(case("layout-tag-admit").policy)
}

/// One image among `policies` policies, of which one governs it.
#[must_use]
pub fn match_among(policies: usize) -> Step {
    let case = case("layout-tag-admit");
    let mut text = case.policy.clone();
    for number in 1..policies {
        write!(
            text,
            "\n---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata:\n  name: other-{number}\nspec:\n  \
             images:\n  - glob: \"registry.example/team-{number}/**\"\n  authorities:\n  - static:\n      action: pass\n"
        )
        .expect("a string takes all text");
    }
    let set = PolicySet::compile(vec![parse("policy.yaml", &text)], case.settings);
    assert_eq!(set.len(), policies, "{:?}", set.errors());
    Step::Match(Box::new((set, case.image, case.object)))
}

/// What the key of a case's policy proves about its image.
///
/// # Panics
/// Where the policy of the case has no key.
#[must_use]
pub fn verify_signature(name: &str) -> Step {
    let case = case(name);
    let lines = case.policy.lines().map(str::trim);
    let pem: Vec<_> = lines.skip_while(|line| !line.starts_with("-----BEGIN")).collect();
    let end = pem
        .iter()
        .position(|line| line.starts_with("-----END"))
        .expect("a PEM block ends");
    let key = PublicKey::from_pem(&pem[..=end].join("\n")).expect("the key is one");
    Step::Verify(Box::new((case.evidence, key)))
}

/// The judgement of a case.
#[must_use]
pub fn judge_case(name: &str) -> Step {
    let case = case(name);
    let set = PolicySet::compile(vec![parse("policy.yaml", &case.policy)], case.settings);
    let governing = set.governing(&case.image, &case.object);
    Step::Judge(Box::new((case.evidence, governing, case.now)))
}

/// The answer to a Pod with one image of each of these cases.
#[must_use]
pub fn respond_to(names: &[&str]) -> Step {
    let outcome = |(number, name): (usize, &&str)| {
        let judgement: Judgement = judged(&case(name));
        Outcome {
            paths: vec![
                FieldPath::root()
                    .field("spec")
                    .field("containers")
                    .index(number)
                    .field("image"),
            ],
            image: judgement.image().to_owned(),
            judgement: judgement.into(),
        }
    };
    Step::Respond(names.iter().enumerate().map(outcome).collect())
}

fn cases() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases"))
}

fn case(name: &str) -> Case {
    Case::read(&cases().join("data").join(name)).unwrap_or_else(|error| panic!("case {name}: {error}"))
}

//! The scenes: four images come to the door, and what must become of each.

use countersign_policy::ReasonCode;
use serde_json::{Value, json};

use super::shop::Shop;

pub(super) struct Scene {
    pub(super) title: &'static str,
    repository: &'static str,
    /// The reason for which it must be turned away; without one it must come in.
    turned_away_for: Option<ReasonCode>,
}

pub(super) const SCENES: [Scene; 4] = [
    Scene {
        title: "A signed image comes in, pinned to its digest",
        repository: SIGNED,
        turned_away_for: None,
    },
    Scene {
        title: "Its unsigned twin, where the build left it, is turned away",
        repository: UNSIGNED,
        turned_away_for: Some(ReasonCode::ImageUnsigned),
    },
    Scene {
        title: "A tampered image with the true image's signature beside it is turned away",
        repository: TAMPERED,
        turned_away_for: Some(ReasonCode::SignatureWrongImage),
    },
    Scene {
        title: "A tag that was moved to another image after signing is turned away",
        repository: RETAGGED,
        turned_away_for: Some(ReasonCode::ImageUnsigned),
    },
];

pub(super) const SIGNED: &str = "shop/signed";
pub(super) const UNSIGNED: &str = "shop/unsigned";
pub(super) const TAMPERED: &str = "shop/tampered";
pub(super) const RETAGGED: &str = "shop/retagged";
/// The tag of all images in the story.
pub(super) const TAG: &str = "1.0";

impl Scene {
    pub(super) fn image(&self, shop: &Shop) -> String {
        shop.name(self.repository, TAG)
    }

    pub(super) fn pod_name(&self) -> String {
        self.repository.replace('/', "-")
    }

    pub(super) fn pod(&self, shop: &Shop) -> Value {
        pod(&self.pod_name(), &self.image(shop))
    }

    /// The answer must be the expected one, for the expected reason: a door that is wrong for another reason is wrong.
    fn is_as_told(&self, answer: &Answer) -> bool {
        match (self.turned_away_for, answer) {
            (None, Answer::Stored(image)) => image.contains("@sha256:"),
            (Some(code), Answer::TurnedAway(words)) => words.contains(code.as_str()),
            (None, Answer::TurnedAway(_)) | (Some(_), Answer::Stored(_)) => false,
        }
    }
}

pub(super) fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name },
        "spec": { "containers": [{ "name": "app", "image": image }] },
    })
}

/// What became of a Pod.
pub(super) enum Answer {
    /// It is stored, with its image named like this.
    Stored(String),
    /// It is turned away, with these words.
    TurnedAway(String),
}

/// What became of a scene.
pub(super) struct Outcome {
    image: String,
    as_told: bool,
    answer: Answer,
}

impl Outcome {
    pub(super) fn of(scene: &Scene, shop: &Shop, answer: Answer) -> Self {
        Self {
            image: scene.image(shop),
            as_told: scene.is_as_told(&answer),
            answer,
        }
    }

    /// `admitted` or `denied`, and the words that follow it.
    pub(super) fn words(&self) -> (&'static str, String) {
        match &self.answer {
            Answer::Stored(image) => ("admitted", format!("stored as {image}")),
            Answer::TurnedAway(words) => ("denied", words.clone()),
        }
    }

    pub(super) fn document(&self) -> Value {
        let verdict = match self.answer {
            Answer::Stored(_) => "admit",
            Answer::TurnedAway(_) => "deny",
        };
        json!({ "image": self.image, "verdict": verdict, "asTold": self.as_told, "words": self.words().1 })
    }
}

pub(super) fn as_told(outcomes: &[Outcome]) -> bool {
    outcomes.len() == SCENES.len() && outcomes.iter().all(|outcome| outcome.as_told)
}

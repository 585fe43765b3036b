//! The floor of an organisation and the gates of its teams: who writes above a floor can tighten it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use countersign_image::{Digest, Repository};
use thiserror::Error;

use super::{Attest, Check, Gate, Match, Publish, Sources, Timeouts};

impl Gate {
    /// A floor and a gate of a team together: every check of both, and where both have one of the same name, the stricter of
    /// each demand; what both allow of sources, builders and keys.
    ///
    /// # Errors
    /// Where there is nothing that both allow, so that no image could ever pass, or where the team publishes otherwise than
    /// the floor says.
    pub fn above(&self, floor: &Self) -> Result<Self, Loosened> {
        let own: BTreeMap<&str, &Check> = self.checks.iter().map(|check| (check.id.as_str(), check)).collect();
        let of_floor = floor.checks.iter().flat_map(|below| match own.get(below.id.as_str()) {
            Some(check) => crate::check::stricter(below, check),
            None => vec![below.clone()],
        });
        let floored: BTreeSet<&str> = floor.checks.iter().map(|check| check.id.as_str()).collect();
        let added = self
            .checks
            .iter()
            .filter(|check| !floored.contains(check.id.as_str()))
            .cloned();
        Ok(Self {
            name: self.name.clone(),
            owner: self.owner.clone(),
            expires: self.expires.into_iter().chain(floor.expires).min(),
            floor: self.floor,
            digest: Digest::sha256(format!("{}\n{}\n", self.digest, floor.digest).as_bytes()),
            matches: Match {
                environments: both("environments", &self.matches.environments, &floor.matches.environments)?,
                images: self.matches.images.and(&floor.matches.images),
            },
            sources: Sources {
                issuers: both("sources.issuers", &self.sources.issuers, &floor.sources.issuers)?,
                refs: self.sources.refs.and(&floor.sources.refs),
                forbid_self_hosted_runners: self.sources.forbid_self_hosted_runners
                    || floor.sources.forbid_self_hosted_runners,
            },
            trusted_workflows: self.trusted_workflows.and(&floor.trusted_workflows),
            checks: of_floor.chain(added).collect(),
            timeouts: Timeouts {
                total: self.timeouts.total.into_iter().chain(floor.timeouts.total).min(),
            },
            publish: match (&self.publish, &floor.publish) {
                (Some(own), Some(floor)) => Some(own.above(floor)?),
                (own, floor) => own.clone().or_else(|| floor.clone()),
            },
            validity: self.validity.into_iter().chain(floor.validity).min(),
            controls: &self.controls | &floor.controls,
        })
    }
}

impl Publish {
    fn above(&self, floor: &Self) -> Result<Self, Loosened> {
        for (place, own, below) in [
            ("publish.to", self.to.to_string(), floor.to.to_string()),
            (
                "publish.keys.signature",
                self.keys.signature.clone(),
                floor.keys.signature.clone(),
            ),
            (
                "publish.keys.attestations",
                self.keys.attestations.clone(),
                floor.keys.attestations.clone(),
            ),
        ] {
            if own != below {
                return Err(Loosened {
                    place,
                    floor: below,
                    own,
                });
            }
        }
        let mut annotations = self.annotations.clone();
        annotations.extend(floor.annotations.clone());
        Ok(Self {
            to: self.to.clone(),
            tags: self.tags.clone(),
            keys: self.keys.clone(),
            attest: &self.attest | &floor.attest,
            annotations,
        })
    }
}

/// What both accept, where empty is everything.
fn both(place: &'static str, one: &BTreeSet<String>, floor: &BTreeSet<String>) -> Result<BTreeSet<String>, Loosened> {
    let both = match one.is_empty() || floor.is_empty() {
        true => one | floor,
        false => one & floor,
    };
    if both.is_empty() && !one.is_empty() {
        let listed = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        return Err(Loosened {
            place,
            floor: listed(floor),
            own: listed(one),
        });
    }
    Ok(both)
}

/// A gate that says otherwise than its floor, where there is no stricter of the two.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{place}`: the floor has `{floor}`, and the gate above it has `{own}`: nothing is what both allow")]
pub struct Loosened {
    place: &'static str,
    floor: String,
    own: String,
}

/// Every gate of a service, with its floors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gates {
    floors: Vec<Gate>,
    named: BTreeMap<String, Gate>,
}

impl Gates {
    /// All of them together.
    pub fn new(gates: impl IntoIterator<Item = Gate>) -> Result<Self, GatesError> {
        let (floors, named): (Vec<Gate>, Vec<Gate>) = gates.into_iter().partition(|gate| gate.floor);
        let mut names: BTreeSet<String> = BTreeSet::new();
        for gate in floors.iter().chain(&named) {
            if !names.insert(gate.name.clone()) {
                return Err(GatesError::SameName {
                    name: gate.name.clone(),
                });
            }
        }
        Ok(Self {
            floors,
            named: named.into_iter().map(|gate| (gate.name.clone(), gate)).collect(),
        })
    }

    /// The gate of this name as it is asked about a repository in an environment: above every floor that is about it.
    pub fn governing(&self, name: &str, environment: &str, repository: &Repository) -> Result<Gate, GatesError> {
        let gate = self.named.get(name).ok_or_else(|| GatesError::Unknown {
            name: countersign_image::text::excerpt(name, 100),
        })?;
        if !gate.governs(environment, repository) {
            return Err(GatesError::NotAbout {
                name: gate.name.clone(),
                repository: repository.policy_name(),
                environment: countersign_image::text::excerpt(environment, 100),
            });
        }
        let floors = self
            .floors
            .iter()
            .filter(|floor| floor.governs(environment, repository));
        let mut governing = gate.clone();
        for floor in floors {
            governing = governing.above(floor).map_err(|loosened| GatesError::Loosened {
                name: gate.name.clone(),
                floor: floor.name.clone(),
                loosened,
            })?;
        }
        let publish = governing.publish.as_ref().ok_or_else(|| GatesError::NoPublish {
            name: gate.name.clone(),
        })?;
        if publish.attest.contains(&Attest::Vsa) && governing.validity.is_none() {
            return Err(GatesError::NoValidity {
                name: gate.name.clone(),
            });
        }
        Ok(governing)
    }

    /// Each gate that is no floor.
    pub fn iter(&self) -> impl Iterator<Item = &Gate> {
        self.named.values()
    }
}

/// Why gates do not go together, or none is about an image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GatesError {
    /// Two have one name.
    #[error("there are two gates `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
    /// There is none of this name.
    #[error("there is no gate `{name}`")]
    Unknown {
        /// The name, shortened.
        name: String,
    },
    /// It is about other images, or other environments.
    #[error("the gate `{name}` is not about `{repository}` in the environment `{environment}`")]
    NotAbout {
        /// The gate.
        name: String,
        /// The repository that was submitted.
        repository: String,
        /// The environment.
        environment: String,
    },
    /// It says otherwise than a floor below it.
    #[error("the gate `{name}` does not go with the floor `{floor}`")]
    Loosened {
        /// The gate.
        name: String,
        /// The floor.
        floor: String,
        /// Where.
        #[source]
        loosened: Loosened,
    },
    /// Neither it nor a floor says where to what is signed goes.
    #[error("the gate `{name}` has no `publish`, and no floor below it has")]
    NoPublish {
        /// The gate.
        name: String,
    },
    /// A verification summary without an end.
    #[error("the gate `{name}` attests a `vsa`, which needs `validity`: how long what was decided holds")]
    NoValidity {
        /// The gate.
        name: String,
    },
}

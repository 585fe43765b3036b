//! Who waits for registries, and how many may: so that neither a registry that hangs nor a namespace that asks for
//! thousands of images takes up every place.
//!
//! Nobody has a share of their own that lies idle while others need it. Each namespace, and each registry, may have as many
//! waiting as there are places left: one alone gets half of them, two that both ask for everything a third each, and
//! whoever comes next always finds as many free.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_policy::{Reason, ReasonCode};

/// Most looks at registries that are waited for at once.
const PLACES: usize = 2048;

/// Everybody who waits.
#[derive(Debug)]
pub(super) struct Waiting {
    places: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<Party, usize>,
}

/// For whom, or for what, is waited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Party {
    Namespace(String),
    Registry(String),
}

/// A place among those who wait, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    waiting: &'a Waiting,
    parties: Vec<Party>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self::with_places(PLACES)
    }

    fn with_places(places: usize) -> Self {
        Self {
            places,
            taken: Mutex::default(),
        }
    }

    /// A place for one who waits for each of `registries` on behalf of a namespace; none of objects that are in none.
    pub(super) fn place<'r>(
        &self,
        namespace: Option<&str>,
        registries: impl IntoIterator<Item = &'r str>,
    ) -> Result<Place<'_>, Box<Reason>> {
        let registries: BTreeSet<&str> = registries.into_iter().collect();
        let namespace = Party::Namespace(namespace.unwrap_or_default().to_owned());
        let each = registries
            .iter()
            .map(|registry| Party::Registry((*registry).to_owned()));
        let parties: Vec<Party> = std::iter::once(namespace).chain(each).collect();
        let mut taken = self.taken();
        let left = self.places - taken.all;
        for party in &parties {
            let theirs = taken.by.get(party).copied().unwrap_or_default();
            if theirs >= left {
                return Err(too_many(party, theirs, registries.first().copied().unwrap_or_default()));
            }
        }
        taken.all += 1;
        for party in &parties {
            *taken.by.entry(party.clone()).or_default() += 1;
        }
        Ok(Place { waiting: self, parties })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing in here can break off half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.waiting.taken();
        taken.all -= 1;
        for party in &self.parties {
            if let Some(theirs) = taken.by.get_mut(party) {
                *theirs -= 1;
                if *theirs == 0 {
                    taken.by.remove(party);
                }
            }
        }
    }
}

fn too_many(party: &Party, theirs: usize, first: &str) -> Box<Reason> {
    let (registry, why) = match party {
        Party::Namespace(namespace) => (
            first,
            format!("namespace `{namespace}` waits for {theirs} other images already"),
        ),
        Party::Registry(registry) => (
            registry.as_str(),
            format!("{theirs} other images wait for its answers already"),
        ),
    };
    let what = format!("the registry `{registry}` is not asked: {why}");
    Box::new(Reason::new(ReasonCode::ServerBusy, what).with_next(format!(
        "try again in a moment; if it goes on, look at the registry `{registry}` and the way to it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes places until there is none, and gives back how many there were.
    fn fill<'a>(
        waiting: &'a Waiting,
        namespace: &str,
        mut registry: impl FnMut(usize) -> String,
    ) -> (Vec<Place<'a>>, Box<Reason>) {
        let mut places = Vec::new();
        loop {
            match waiting.place(Some(namespace), [&*registry(places.len())]) {
                Ok(place) => places.push(place),
                Err(reason) => return (places, reason),
            }
        }
    }

    #[test]
    fn one_that_asks_for_everything_leaves_half() {
        let waiting = Waiting::with_places(100);
        let (greedy, reason) = fill(&waiting, "greedy", |number| format!("r{number}.example"));
        assert_eq!(greedy.len(), 50);
        assert_eq!(reason.code(), ReasonCode::ServerBusy);
        assert!(
            reason.what().contains("`r50.example`") && reason.what().contains("namespace `greedy` waits for 50"),
            "{}",
            reason.what()
        );
        let (second, _) = fill(&waiting, "as greedy", |number| format!("s{number}.example"));
        assert_eq!(second.len(), 25);
        assert!(waiting.place(Some("modest"), ["r.example"]).is_ok());
    }

    /// Also where signatures are looked for in two registries, and it is the second that hangs.
    #[test]
    fn a_registry_that_hangs_leaves_half_whoever_asks() {
        for beside in ["hangs.example", "another.example", "well beside.example"] {
            let waiting = Waiting::with_places(100);
            let mut places = Vec::new();
            let reason = loop {
                let beside = if beside.starts_with("well") {
                    format!("{}{beside}", places.len())
                } else {
                    beside.to_owned()
                };
                match waiting.place(Some(&format!("n{}", places.len())), [&*beside, "hangs.example"]) {
                    Ok(place) => places.push(place),
                    Err(reason) => break reason,
                }
            };
            assert_eq!(places.len(), 50);
            assert!(reason.what().contains("50 other images wait"), "{}", reason.what());
            assert!(waiting.place(Some("n1"), ["hangs.example"]).is_err());
            assert!(waiting.place(Some("n1"), ["well.example"]).is_ok());
        }
    }

    #[test]
    fn a_place_is_given_back() {
        let waiting = Waiting::with_places(2);
        for _ in 0..100 {
            let place = waiting.place(None, ["r.example", "s.example", "r.example"]).unwrap();
            assert!(waiting.place(None, ["r.example"]).is_err());
            drop(place);
        }
        assert!(waiting.taken().by.is_empty());
    }
}

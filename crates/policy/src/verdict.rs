//! The verdict: an image is let in on grounds, kept out for reasons, or left undecided for causes. Nothing else exists.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::ground::Ground;
use crate::meaning::Enforcement;
use crate::reason::Reason;

/// A list that has a first element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonEmpty<T> {
    first: T,
    rest: Vec<T>,
}

impl<T> NonEmpty<T> {
    /// The list of just this.
    pub fn one(first: T) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }

    /// A list, if it has a first element.
    pub fn from_vec(list: Vec<T>) -> Option<Self> {
        let mut list = list.into_iter();
        let first = list.next()?;
        let mut rest: Vec<T> = list.collect();
        // Most lists have one element, and the room that it had is kept as long as the verdict.
        rest.shrink_to_fit();
        Some(Self { first, rest })
    }

    /// Adds an element at the end.
    pub fn push(&mut self, next: T) {
        self.rest.push(next);
    }

    /// Adds all elements of another list at the end.
    pub fn append(&mut self, other: Self) {
        self.rest.push(other.first);
        self.rest.extend(other.rest);
    }

    /// The first element.
    pub fn first(&self) -> &T {
        &self.first
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        1 + self.rest.len()
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// Why an image is let in.
pub type Grounds = NonEmpty<Ground>;
/// Why an image is kept out.
pub type Reasons = NonEmpty<Reason>;
/// Why it could not be told whether an image may run.
pub type Causes = NonEmpty<Reason>;

/// What comes of judging an image by one policy, or by all of them.
///
/// There is no default, no boolean and no way back from text:
/// ```compile_fail
/// let verdict = countersign_policy::Verdict::default();
/// ```
/// ```compile_fail
/// fn read(text: &str) -> countersign_policy::Verdict { serde_json::from_str(text).unwrap() }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may run, on these grounds.
    Admit(Grounds),
    /// It may not run, for these reasons.
    Deny(Reasons),
    /// It may not run either, but another try may tell otherwise.
    Undecided(Causes),
}

impl Verdict {
    /// The worse of two: `Deny` before `Undecided` before `Admit`; two of a kind are joined.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Deny(mut ours), Self::Deny(theirs)) => {
                ours.append(theirs);
                Self::Deny(ours)
            }
            (Self::Undecided(mut ours), Self::Undecided(theirs)) => {
                ours.append(theirs);
                Self::Undecided(ours)
            }
            (Self::Admit(mut ours), Self::Admit(theirs)) => {
                ours.append(theirs);
                Self::Admit(ours)
            }
            (deny @ Self::Deny(_), _) | (_, deny @ Self::Deny(_)) => deny,
            (undecided @ Self::Undecided(_), _) | (_, undecided @ Self::Undecided(_)) => undecided,
        }
    }

    /// `admit`, `deny` or `undecided`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Admit(_) => "admit",
            Self::Deny(_) => "deny",
            Self::Undecided(_) => "undecided",
        }
    }

    /// The reasons of a `Deny` or the causes of an `Undecided`; nothing of an `Admit`.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        let list = match self {
            Self::Admit(_) => None,
            Self::Deny(list) | Self::Undecided(list) => Some(list),
        };
        list.into_iter().flat_map(NonEmpty::iter)
    }

    /// The grounds of an `Admit`; nothing otherwise.
    pub fn grounds(&self) -> impl Iterator<Item = &Ground> {
        let list = match self {
            Self::Admit(list) => Some(list),
            Self::Deny(_) | Self::Undecided(_) => None,
        };
        list.into_iter().flat_map(NonEmpty::iter)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What one policy says about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    policy: Option<Arc<str>>,
    enforcement: Enforcement,
    verdict: Verdict,
}

impl Ruling {
    pub(crate) fn new(policy: Option<Arc<str>>, enforcement: Enforcement, verdict: Verdict) -> Self {
        Self {
            policy,
            enforcement,
            verdict,
        }
    }

    /// The policy's name; `None` where no policy governs, or the image never came before one.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// Whether a verdict that does not admit keeps the object out, or is a warning only.
    pub fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// The verdict.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

/// What all governing policies say about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    image: String,
    rulings: NonEmpty<Ruling>,
    /// The worst of the rulings, joined once: it is asked for several times in each decision. None where there is one ruling.
    joined: Option<Verdict>,
    until: Option<Timestamp>,
}

impl Judgement {
    pub(crate) fn new(image: String, rulings: NonEmpty<Ruling>) -> Self {
        let joined = (rulings.len() > 1).then(|| {
            let first = rulings.first.verdict.clone();
            let rest = rulings.rest.iter();
            rest.fold(first, |worst, ruling| worst.and(ruling.verdict.clone()))
        });
        Self {
            image,
            rulings,
            joined,
            until: None,
        }
    }

    /// An image that is refused before any policy is asked (`image.unpinned`, `review.malformed`, …). Whether that is a
    /// denial or undecided is the code's to say.
    pub fn refused(image: impl Into<String>, reason: Reason) -> Self {
        let verdict = reason.into_verdict();
        Self::new(
            image.into(),
            NonEmpty::one(Ruling::new(None, Enforcement::Enforce, verdict)),
        )
    }

    /// An image that needs no judging: it was there before, unchanged.
    pub fn unchanged(image: impl Into<String>) -> Self {
        Self::let_in(image.into(), Ground::unchanged())
    }

    /// A request that brings no image in; `why` says what it does instead.
    pub fn nothing_to_judge(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::let_in(what.into(), Ground::nothing_to_judge(why.into()))
    }

    fn let_in(image: String, ground: Ground) -> Self {
        let verdict = Verdict::Admit(NonEmpty::one(ground));
        Self::new(image, NonEmpty::one(Ruling::new(None, Enforcement::Enforce, verdict)))
    }

    /// The image, as it was named.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// One ruling per governing policy, in the order of their names; one without a policy where none governs.
    pub fn rulings(&self) -> &NonEmpty<Ruling> {
        &self.rulings
    }

    /// The worst of all rulings, whether they are enforced or only warn.
    pub fn verdict(&self) -> &Verdict {
        self.joined.as_ref().unwrap_or(&self.rulings.first.verdict)
    }

    /// When the verdict stops being true although nothing else changes, if ever. Keys do not expire.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::ReasonCode;

    fn admit() -> Verdict {
        Verdict::Admit(NonEmpty::one(Ground::unchanged()))
    }

    fn refuse(code: ReasonCode) -> Verdict {
        Reason::new(code, "so it is").into_verdict()
    }

    #[test]
    fn the_worse_verdict_wins_and_equals_are_joined() {
        let deny = || refuse(ReasonCode::ImageUnsigned);
        let wait = || refuse(ReasonCode::RegistryTimeout);
        let cases = [
            (admit(), admit(), "admit", 2),
            (admit(), wait(), "undecided", 1),
            (wait(), admit(), "undecided", 1),
            (wait(), wait(), "undecided", 2),
            (admit(), deny(), "deny", 1),
            (wait(), deny(), "deny", 1),
            (deny(), wait(), "deny", 1),
            (deny(), deny(), "deny", 2),
        ];
        for (one, other, word, count) in cases {
            let worst = one.and(other);
            assert_eq!(worst.to_string(), word);
            assert_eq!(worst.reasons().count() + worst.grounds().count(), count, "{word}");
        }
    }

    #[test]
    fn a_judgement_without_policies_is_what_its_code_says() {
        let of = |code| {
            Judgement::refused("image", Reason::new(code, "so it is"))
                .verdict()
                .clone()
        };
        assert_eq!(of(ReasonCode::ImageUnpinned).word(), "deny");
        assert_eq!(of(ReasonCode::ServerNotReady).word(), "undecided");
        assert_eq!(Judgement::unchanged("image").verdict().word(), "admit");
        let deleting = Judgement::nothing_to_judge("pods/app", "the object is being deleted");
        let verdict = deleting.verdict();
        assert_eq!(
            verdict.grounds().next().unwrap().to_string(),
            "nothing to judge: the object is being deleted"
        );
        assert_eq!(
            (deleting.image(), deleting.rulings().len(), deleting.until()),
            ("pods/app", 1, None)
        );
    }

    #[test]
    fn a_list_that_has_a_first_element_has_one() {
        assert_eq!(NonEmpty::<u8>::from_vec(Vec::new()), None);
        let mut list = NonEmpty::from_vec(vec![1, 2]).unwrap();
        list.push(3);
        list.append(NonEmpty::one(4));
        assert_eq!((*list.first(), list.len()), (1, 4));
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}

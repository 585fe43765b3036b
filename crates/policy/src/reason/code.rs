//! The stable codes: what alerts, dashboards and people look up.

use std::fmt;

use super::catalogue::ReasonCode;

/// Whether asking again can change the answer without anybody changing the image or the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is no.
    Denied,
    /// The answer is no for now: something could not be told.
    Undecided,
}

/// The page of one code in `docs/reasons.md`.
pub(super) struct Entry {
    pub(super) outcome: Outcome,
    /// A few words, as a heading.
    pub(super) title: &'static str,
    /// Full sentences.
    pub(super) meaning: &'static str,
    /// One sentence that says what to do, without a full stop; it also stands under a denial that says nothing better.
    pub(super) remedy: &'static str,
    pub(super) shown: Shown,
    /// What such a reason says.
    pub(super) example: &'static str,
}

/// How a reason stands in a denial.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    /// Under the name of a policy.
    OfPolicy,
    /// By itself.
    Bare,
}

macro_rules! codes {
    ($($name:ident = $text:literal, $outcome:ident, $shown:ident {
        title: $title:literal,
        meaning: $meaning:literal,
        remedy: $remedy:literal,
        example: $example:literal,
    })*) => {
        /// A stable reason code. Codes are added, never renamed and never used again for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ReasonCode {
            $(
                #[doc = $title]
                $name,
            )*
        }

        impl ReasonCode {
            /// Every code, in the order in which `docs/reasons.md` has them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as text, `image.unsigned`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            pub(super) fn entry(self) -> super::code::Entry {
                match self {
                    $(Self::$name => super::code::Entry {
                        outcome: super::code::Outcome::$outcome,
                        title: $title,
                        meaning: $meaning,
                        remedy: $remedy,
                        shown: super::code::Shown::$shown,
                        example: $example,
                    },)*
                }
            }
        }
    };
}

pub(super) use codes;

impl ReasonCode {
    /// Reads a code.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Whether the code belongs to a denial or to an undecided verdict.
    pub fn outcome(self) -> Outcome {
        self.entry().outcome
    }

    /// What it is, in a few words.
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// What to do about it: one sentence without a full stop.
    pub fn remedy(self) -> &'static str {
        self.entry().remedy
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

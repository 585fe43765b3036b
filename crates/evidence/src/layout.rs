//! The ways in which evidence is stored beside an image.

use std::fmt;

/// One way of storing evidence beside an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// The tags `sha256-<hex>.sig` and `sha256-<hex>.att`: what cosign 2 writes.
    Tag,
    /// A manifest that names the image as its `subject` (OCI 1.1) and holds the same layers as a tag would.
    Referrer,
    /// A manifest that names the image as its `subject` and holds a Sigstore bundle: what cosign 3 writes.
    Bundle,
}

impl Layout {
    /// Every layout.
    pub const ALL: [Self; 3] = [Self::Tag, Self::Referrer, Self::Bundle];
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tag => "tag",
            Self::Referrer => "referrer",
            Self::Bundle => "bundle",
        })
    }
}

/// A set of layouts: those that a policy accepts, or that somebody wants looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layouts {
    tag: bool,
    referrer: bool,
    bundle: bool,
}

impl Layouts {
    /// Every layout, which is what the absence of a stated format means.
    pub const ALL: Self = Self {
        tag: true,
        referrer: true,
        bundle: true,
    };
    /// Bundles only (`signatureFormat: bundle`).
    pub const BUNDLE: Self = Self {
        tag: false,
        referrer: false,
        bundle: true,
    };
    /// Tags and referrers with the legacy layers (`signatureFormat: legacy`).
    pub const LEGACY: Self = Self {
        tag: true,
        referrer: true,
        bundle: false,
    };
    /// No layout: the beginning of a union.
    pub const NONE: Self = Self {
        tag: false,
        referrer: false,
        bundle: false,
    };

    /// The set of just these.
    pub fn of(layouts: &[Layout]) -> Self {
        layouts.iter().fold(Self::NONE, |set, layout| set.with(*layout))
    }

    /// This set and one more.
    #[must_use]
    pub fn with(self, layout: Layout) -> Self {
        match layout {
            Layout::Tag => Self { tag: true, ..self },
            Layout::Referrer => Self { referrer: true, ..self },
            Layout::Bundle => Self { bundle: true, ..self },
        }
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            tag: self.tag | other.tag,
            referrer: self.referrer | other.referrer,
            bundle: self.bundle | other.bundle,
        }
    }

    /// Whether a layout is in the set.
    pub fn contains(self, layout: Layout) -> bool {
        match layout {
            Layout::Tag => self.tag,
            Layout::Referrer => self.referrer,
            Layout::Bundle => self.bundle,
        }
    }

    /// The layouts in the set.
    pub fn iter(self) -> impl Iterator<Item = Layout> {
        Layout::ALL.into_iter().filter(move |layout| self.contains(*layout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        assert_eq!(Layouts::of(&Layout::ALL), Layouts::ALL);
        assert_eq!(Layouts::LEGACY.union(Layouts::BUNDLE), Layouts::ALL);
        assert_eq!(
            Layouts::LEGACY.iter().collect::<Vec<_>>(),
            [Layout::Tag, Layout::Referrer]
        );
        assert_eq!(Layouts::NONE.iter().count(), 0);
        for layout in Layout::ALL {
            assert!(Layouts::ALL.contains(layout) && !Layouts::NONE.contains(layout));
            assert_eq!(Layouts::of(&[layout]).iter().collect::<Vec<_>>(), [layout]);
        }
    }
}

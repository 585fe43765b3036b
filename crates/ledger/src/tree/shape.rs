//! Which parts a tree of some size has: arithmetic on indices, without a hash.

/// The leaves from `start` up to `end`, which is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
}

impl Range {
    pub(super) fn len(self) -> u64 {
        self.end - self.start
    }

    /// Where the range is split: its left half has the largest power of two of leaves that is smaller than all
    /// (RFC 6962, section 2.1). For two leaves and more.
    pub(super) fn halves(self) -> (Self, Self) {
        let middle = self.start + (1 << (self.len() - 1).ilog2());
        let left = Self {
            start: self.start,
            end: middle,
        };
        let right = Self {
            start: middle,
            end: self.end,
        };
        (left, right)
    }

    /// The full subtrees that it consists of, the largest first, as level and index. Its start is a multiple of the largest,
    /// as it is in each range that splitting makes.
    pub fn subtrees(self) -> impl DoubleEndedIterator<Item = (u32, u64)> {
        let size = self.len();
        let levels = (0..u64::BITS).rev().filter(move |level| size >> level & 1 == 1);
        levels.map(move |level| {
            let before = size
                .checked_shr(level + 1)
                .unwrap_or(0)
                .checked_shl(level + 1)
                .unwrap_or(0);
            (level, (self.start + before) >> level)
        })
    }
}

/// The ranges beside the way from the root to a leaf, from the root down.
pub(super) fn beside(index: u64, size: u64) -> Vec<Range> {
    let mut at = Range { start: 0, end: size };
    let mut ranges = Vec::new();
    while at.len() > 1 {
        let (left, right) = at.halves();
        let (way, other) = if index < right.start {
            (left, right)
        } else {
            (right, left)
        };
        ranges.push(other);
        at = way;
    }
    ranges
}

/// The ranges of a proof from a tree of `old` leaves to one of `new`, from the root down (RFC 6962, section 2.1.2).
///
/// Empty if one of them proves nothing: no tree, or the same.
pub(super) fn between(old: u64, new: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    if old == 0 || old >= new {
        return ranges;
    }
    let mut at = Range { start: 0, end: new };
    while at.end != old {
        let (left, right) = at.halves();
        let (way, other) = if old <= right.start {
            (left, right)
        } else {
            (right, left)
        };
        ranges.push(other);
        at = way;
    }
    // The whole old tree is known to whoever asks.
    if at.start != 0 {
        ranges.push(at);
    }
    ranges
}

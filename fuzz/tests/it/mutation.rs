//! Mutations: a few edits of one seed, which a failing run makes fewer until none can be left out.

use proptest::prelude::*;
use proptest::sample::Index;

/// The longest input that is tried, in bytes.
const LONGEST: usize = 64 << 10;

/// One seed, and what is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    seed: usize,
    edits: Vec<Edit>,
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index, u8),
    Repeat(Index, u8, u8),
    Cut(Index),
    Word(Index, usize),
    Graft(Index, usize, Index, Index),
}

/// Mutations of these seeds, with these words.
pub(crate) fn of(seeds: &[&[u8]], words: &[&str]) -> impl Strategy<Value = Mutation> + use<> {
    let at = any::<Index>;
    let seed = 0..seeds.len();
    let word = 0..words.len().max(1);
    let telling = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\"\\{}[]:,/@ \n\r\t-=0\x00\x7f\x80\xff".to_vec())
    ];
    let edit = prop_oneof![
        2 => (at(), telling.clone()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), 0_u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        2 => (at(), telling).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        2 => (at(), 1_u8..32).prop_map(|(at, count)| Edit::Remove(at, count)),
        1 => (at(), 1_u8..64, 1_u8..8).prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        1 => at().prop_map(Edit::Cut),
        3 => (at(), word).prop_map(|(at, word)| Edit::Word(at, word)),
        1 => (at(), seed.clone(), at(), at()).prop_map(|(at, seed, from, to)| Edit::Graft(at, seed, from, to)),
    ];
    (seed, prop::collection::vec(edit, 1..6)).prop_map(|(seed, edits)| Mutation { seed, edits })
}

impl Mutation {
    /// The mutated seed.
    pub(crate) fn applied(&self, seeds: &[&[u8]], words: &[&str]) -> Vec<u8> {
        let mut bytes = seeds[self.seed].to_vec();
        for edit in &self.edits {
            edit.apply(&mut bytes, seeds, words);
            bytes.truncate(LONGEST);
        }
        bytes
    }
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, seeds: &[&[u8]], words: &[&str]) {
        let end = |start: usize, count: u8| (start + usize::from(count)).min(bytes.len());
        match self {
            Self::Set(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Flip(at, bit) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Set(..) | Self::Flip(..) => {}
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            Self::Remove(at, count) => {
                let start = at.index(bytes.len() + 1);
                bytes.drain(start..end(start, *count));
            }
            Self::Repeat(at, count, times) => {
                let start = at.index(bytes.len() + 1);
                let piece = bytes[start..end(start, *count)].repeat(usize::from(*times));
                bytes.splice(start..start, piece);
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Self::Word(at, word) => {
                let start = at.index(bytes.len() + 1);
                let word = words.get(*word).map_or(&b""[..], |word| word.as_bytes());
                bytes.splice(start..start, word.iter().copied());
            }
            Self::Graft(at, seed, from, to) => {
                let start = at.index(bytes.len() + 1);
                let other = seeds[*seed];
                let (from, to) = (from.index(other.len() + 1), to.index(other.len() + 1));
                let piece = &other[from.min(to)..from.max(to)];
                bytes.splice(start..start, piece.iter().copied());
            }
        }
    }
}

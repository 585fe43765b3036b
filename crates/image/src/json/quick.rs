//! The same walk over the bytes themselves, for documents as they mostly are. It is several times quicker.
//!
//! It accepts a document, or leaves it to [`walk`](super::walk): where anything is wrong, which that one then says, and where
//! something is written as machines seldom write it. So it may give up anywhere, but accepts nothing that the other refuses,
//! and keeps what the other keeps.

use super::kept::{Array, Object};
use super::keys::Keys;
use super::walk::{Keep, RESERVED};
use super::{Kept, MAX_DEPTH};

/// The most bytes of a number: none of them is out of range.
const MAX_NUMBER: usize = 18;

/// What stands for the byte after the last: no document has it but within a text, and there only by mistake.
const END: u8 = 0;

/// Walks over the whole of `text`; nothing, if it is to be read in the other way. What was kept till then is worth nothing.
pub(super) fn all(text: &str, keep: Keep<'_>) -> Option<()> {
    let mut walk = Walk {
        text,
        bytes: text.as_bytes(),
        at: 0,
        keys: Keys::new(),
    };
    walk.value(0, keep)?;
    walk.next();
    (walk.at == walk.bytes.len()).then_some(())
}

struct Walk<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The byte that comes next.
    at: usize,
    keys: Keys<&'t str>,
}

impl<'t> Walk<'t> {
    #[inline]
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(END)
    }

    /// The next byte that is no space, which is not taken.
    #[inline]
    fn next(&mut self) -> u8 {
        loop {
            let byte = self.byte();
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize, keep: Keep<'_>) -> Option<()> {
        match self.next() {
            b'"' => self.string(keep),
            b'{' => self.object(depth, keep),
            b'[' => self.array(depth, keep),
            b'-' | b'0'..=b'9' => self.number(keep),
            b't' => self.word("true", Kept::Boolean(true), keep),
            b'f' => self.word("false", Kept::Boolean(false), keep),
            b'n' => self.word("null", Kept::Null, keep),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize, keep: Keep<'_>) -> Option<()> {
        if depth == MAX_DEPTH {
            return None;
        }
        self.at += 1;
        let mut kept = match keep {
            Some((wanted, place)) => {
                *place = Kept::Object(Object::new(wanted));
                match place {
                    Kept::Object(object) => Some(object),
                    _ => None,
                }
            }
            None => None,
        };
        if self.next() == b'}' {
            self.at += 1;
            return Some(());
        }
        let mut seen = self.keys.enter();
        loop {
            if self.next() != b'"' {
                return None;
            }
            let key = self.key(kept.is_some())?;
            if !self.keys.note(&mut seen, key) || self.next() != b':' {
                return None;
            }
            self.at += 1;
            let keep = kept.as_mut().and_then(|object| object.place(key));
            self.value(depth + 1, keep)?;
            let next = self.next();
            self.at += 1;
            match next {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.keys.leave(&seen);
        Some(())
    }

    fn array(&mut self, depth: usize, keep: Keep<'_>) -> Option<()> {
        if depth == MAX_DEPTH {
            return None;
        }
        self.at += 1;
        let mut kept = keep.map(|(wanted, place)| (wanted, place, Array::new(wanted)));
        if self.next() == b']' {
            self.at += 1;
        } else {
            loop {
                let wanted = kept.as_ref().and_then(|(wanted, _, array)| array.next(wanted));
                let mut element = wanted.map(|wanted| (wanted, Kept::Null));
                self.value(depth + 1, element.as_mut().map(|(wanted, kept)| (*wanted, kept)))?;
                if let Some((_, _, array)) = &mut kept {
                    array.came(element.map(|(_, kept)| kept));
                }
                let next = self.next();
                self.at += 1;
                match next {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
        }
        if let Some((_, place, array)) = kept {
            *place = Kept::Array(array);
        }
        Some(())
    }

    /// A key as it is written. Of escapes it has at most those that no two ways of writing share (`\"` and `\\`), so that keys
    /// are the same where they are written the same; and none at all where it is to be `plain`.
    fn key(&mut self, plain: bool) -> Option<&'t str> {
        self.at += 1;
        let begin = self.at;
        loop {
            match self.special() {
                b'"' => break,
                b'\\' if !plain => {
                    self.at += 1;
                    let (b'"' | b'\\') = self.byte() else { return None };
                    self.at += 1;
                }
                _ => return None,
            }
        }
        let key = self.text.get(begin..self.at)?;
        self.at += 1;
        // The other one knows which of them it is.
        (!key.starts_with(RESERVED)).then_some(key)
    }

    fn string(&mut self, keep: Keep<'_>) -> Option<()> {
        self.at += 1;
        let begin = self.at;
        loop {
            match self.special() {
                b'"' => break,
                b'\\' if keep.is_none() => self.escape()?,
                _ => return None,
            }
        }
        if let Some((_, place)) = keep {
            *place = Kept::Text(self.text.get(begin..self.at)?.to_owned());
        }
        self.at += 1;
        Some(())
    }

    /// Goes over an escape, but for one that means half a character.
    fn escape(&mut self) -> Option<()> {
        self.at += 1;
        let escaped = self.byte();
        self.at += 1;
        match escaped {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                let unit = u16::from_str_radix(digits, 16).ok()?;
                (!matches!(unit, 0xd800..=0xdfff)).then_some(())
            }
            _ => None,
        }
    }

    /// The next byte at which a string ends, or is not as it is written; it is not taken.
    #[inline]
    fn special(&mut self) -> u8 {
        const ONES: u64 = u64::from_le_bytes([1; 8]);
        // A byte's highest bit is set where it is less than `than`; above the first such byte also where it is not.
        let less = |bytes: u64, than: u8| bytes.wrapping_sub(ONES * u64::from(than)) & !bytes;
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        while let Some((eight, more)) = rest.split_first_chunk() {
            let eight = u64::from_le_bytes(*eight);
            // With this bit turned, control characters stay below a space, and the quote comes to be the space itself.
            let ends = less(eight ^ (ONES * u64::from(b'"' ^ b' ')), b' ' + 1);
            let escapes = less(eight ^ (ONES * u64::from(b'\\')), 1);
            let found = (ends | escapes) & (ONES << 7);
            if found != 0 {
                self.at = self.bytes.len() - rest.len() + found.trailing_zeros() as usize / 8;
                return self.byte();
            }
            rest = more;
        }
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        self.at = self.bytes.len() - rest.len() + end;
        self.byte()
    }

    /// A number without an exponent, not too long, and not a zero that is less than nothing.
    fn number(&mut self, keep: Keep<'_>) -> Option<()> {
        let begin = self.at;
        self.at += usize::from(self.byte() == b'-');
        let (whole, is_zero) = (self.at, self.byte() == b'0');
        self.digits();
        let end = self.at;
        if end == whole || (is_zero && end - begin > 1) {
            return None;
        }
        if self.byte() == b'.' {
            self.at += 1;
            let fraction = self.at;
            self.digits();
            if self.at == fraction {
                return None;
            }
        }
        if self.at - begin > MAX_NUMBER || matches!(self.byte(), b'e' | b'E') {
            return None;
        }
        if let Some((_, place)) = keep {
            *place = if self.at == end {
                Kept::Integer(self.text.get(begin..end)?.parse().ok()?)
            } else {
                Kept::Number
            };
        }
        Some(())
    }

    fn digits(&mut self) {
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, means: Kept, keep: Keep<'_>) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then_some(())?;
        self.at += word.len();
        if let Some((_, place)) = keep {
            *place = means;
        }
        Some(())
    }
}

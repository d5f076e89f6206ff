//! New inputs from old ones: bits and numbers changed, pieces cut, repeated, moved and borrowed, words of the format
//! put in.

use fastrand::Rng;
use std::ops::Range;

/// Numbers at which something may go wrong.
const NUMBERS: [u64; 16] = [
    0,
    1,
    0x7f,
    0x80,
    0xfa,
    0xfb,
    0xff,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    u64::MAX / 2,
    u64::MAX - 1,
    u64::MAX,
];

/// A mutation of `input`, of at most `longest` bytes. `other` lends pieces.
pub fn mutate(rng: &mut Rng, input: &[u8], other: &[u8], words: &[&str], longest: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..1 << rng.u32(0..4) {
        once(rng, &mut bytes, other, words);
        // A few mutations of a few bytes each may double a long input often.
        bytes.truncate(longest);
    }
    bytes
}

fn once(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let at = rng.usize(..=bytes.len());
    match rng.u8(..12) {
        0 | 1 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        2 if at < bytes.len() => bytes[at] = rng.u8(..),
        3 => {
            // A number in one of the widths and orders that formats use, in place of what is there.
            let number = NUMBERS[rng.usize(..NUMBERS.len())];
            let width = 1 << rng.u32(0..4);
            let mut digits = number.to_le_bytes()[..width].to_vec();
            if rng.bool() {
                digits.reverse();
            }
            let end = (at + width).min(bytes.len());
            bytes.splice(at..end, digits);
        }
        4 => {
            // The same, with the mark of a variable-length integer before it.
            let number = NUMBERS[rng.usize(..NUMBERS.len())];
            let end = (at + 1).min(bytes.len());
            let mark = rng.u8(251..=253);
            let width = 1 << (mark - 250);
            bytes.splice(at..end, [vec![mark], number.to_le_bytes()[..width].to_vec()].concat());
        }
        5 => drop(bytes.drain(piece(rng, bytes.len()))),
        6 => {
            let copy = bytes[piece(rng, bytes.len())].to_vec();
            bytes.splice(at..at, copy);
        }
        7 => {
            // Deep nesting and long lists come from repetition.
            let unit = bytes[piece(rng, bytes.len())].iter().copied().take(32).collect::<Vec<_>>();
            bytes.splice(at..at, unit.repeat(1 << rng.u32(0..12)));
        }
        8 => {
            let lent = other[piece(rng, other.len())].to_vec();
            bytes.splice(at..at, lent);
        }
        9 => {
            let keep = rng.usize(..=bytes.len().min(other.len()));
            bytes.truncate(keep);
            bytes.extend_from_slice(&other[keep..]);
        }
        10 if !words.is_empty() => {
            let word = words[rng.usize(..words.len())].as_bytes();
            let end = if rng.bool() { at } else { (at + word.len()).min(bytes.len()) };
            bytes.splice(at..end, word.iter().copied());
        }
        _ => {
            // A number written in digits.
            let number = NUMBERS[rng.usize(..NUMBERS.len())].to_string();
            let sign = if rng.bool() { "" } else { "-" };
            let digit = |byte: &u8| byte.is_ascii_digit();
            let start = bytes[at..].iter().position(digit).map_or(at, |found| at + found);
            let end = bytes[start..].iter().position(|byte| !digit(byte)).map_or(bytes.len(), |found| start + found);
            bytes.splice(start..end, format!("{sign}{number}").into_bytes());
        }
    }
}

/// A piece of something `len` long.
fn piece(rng: &mut Rng, len: usize) -> Range<usize> {
    let start = rng.usize(..=len);
    let most = (len - start).min(1 << rng.u32(0..10));
    start..start + rng.usize(..=most)
}

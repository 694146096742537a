//! Ranges and bits: the reason why every packed word has one reading and every comparison is one of integers.
//!
//! All decompositions are into boolean wires, one row a bit. Widths are below the 254 bits of the field by so much
//! that no decomposition has a second reading modulo p; where a full-size number is taken apart, [`digits_at_most`]
//! compares it with a bound.

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use tacit_core::field::{F, Integer, pow2};

use crate::builder::{Builder, Lc};

/// Label of the bits of every decomposition.
pub const BIT: &str = "bit";
/// Label of the bits by which [`digits_at_most`] says how far a number equals its bound.
pub const PREFIX: &str = "equal prefix";

/// The widest number that is taken apart into bits: `2^253 < p`, so no second reading exists.
const MAX_BITS: u32 = 253;

/// `x ∈ [0, 2ⁿ)`: n rows named `check`, n − 1 new wires. Returns the bits, least significant first.
///
/// The top bit is no wire but `(x − lower bits) / 2ⁿ⁻¹`; its booleanity is the whole check. Where the bits are used
/// often take [`bits_full`].
pub fn bits(b: &mut Builder, check: &'static str, x: &Lc, n: u32) -> Vec<Lc> {
    assert!((1..=MAX_BITS).contains(&n), "a range of {n} bits is not one of 1 to {MAX_BITS}");
    let mut bits = low_bits(b, check, x.value(), n - 1);
    let top = (x - Lc::from_bits(&bits)).scale(pow2(n - 1).inverse().expect("a power of two is not zero"));
    b.enforce(check, &top, &top, &top);
    bits.push(top);
    bits
}

/// As [`bits`], but every bit is a wire of its own: n + 1 rows, n wires.
pub fn bits_full(b: &mut Builder, check: &'static str, x: &Lc, n: u32) -> Vec<Lc> {
    assert!((1..=MAX_BITS).contains(&n), "a range of {n} bits is not one of 1 to {MAX_BITS}");
    let bits = low_bits(b, check, x.value(), n);
    b.equal(check, &Lc::from_bits(&bits), x);
    bits
}

/// A new number of n bits, given by its bits alone: n rows, n wires. Returns the number (n terms) and its bits.
///
/// An override of `label` replaces the number; what exceeds n bits of it cannot be expressed and is cut off.
pub fn new_bits(b: &mut Builder, label: &'static str, value: F, n: u32) -> (Lc, Vec<Lc>) {
    assert!((1..=MAX_BITS).contains(&n), "a range of {n} bits is not one of 1 to {MAX_BITS}");
    let value = b.choose(label, value);
    let bits = low_bits(b, label, value, n);
    (Lc::from_bits(&bits), bits)
}

/// A new witness in `[0, 2ⁿ)`: one wire for the number and n − 1 for its bits, n rows.
pub fn ranged(b: &mut Builder, label: &'static str, value: F, n: u32) -> Lc {
    let x = b.witness(label, value);
    bits(b, label, &x, n);
    x
}

/// A new witness in `[−2ⁿ⁻¹, 2ⁿ⁻¹)`, n rows.
pub fn ranged_signed(b: &mut Builder, label: &'static str, value: F, n: u32) -> Lc {
    ranged_signed_bits(b, label, value, n).0
}

/// As [`ranged_signed`], with the bit `[x ≥ 0]`.
pub fn ranged_signed_bits(b: &mut Builder, label: &'static str, value: F, n: u32) -> (Lc, Lc) {
    let x = b.witness(label, value);
    let non_negative = is_non_negative(b, label, &x, n);
    (x, non_negative)
}

/// The bit `[x ≥ 0]` of an `x ∈ [−2ⁿ⁻¹, 2ⁿ⁻¹)`, which it proves: n rows. A difference of two n-bit numbers takes n + 1.
pub fn is_non_negative(b: &mut Builder, check: &'static str, x: &Lc, n: u32) -> Lc {
    let offset = x.add_constant(pow2(n - 1));
    bits(b, check, &offset, n).pop().expect("at least one bit")
}

/// The number of the given digits (least significant first, each known to be in `[0, 2^width)`) is at most `bound`.
///
/// Cut into chunks of `chunk` digits, the number is compared from the top: `prefix` bits that only fall say how many
/// chunks equal the bound's; the next one must be smaller, or be the last and not larger. Rows: three for each chunk
/// but the first, and `chunk · width` for the range of the one difference that decides. It is below 2²⁵³ in size, so
/// it has one reading modulo p.
pub fn digits_at_most(b: &mut Builder, check: &'static str, digits: &[Lc], width: u32, chunk: usize, bound: &Integer) {
    let excesses = chunk_excesses(digits, width, chunk, bound);
    let mut prefix = Lc::one();
    let mut deciding = Lc::zero();
    let mut undecided = true;
    for (i, excess) in excesses.iter().enumerate() {
        deciding += b.mul(excess, &prefix);
        if i + 1 < excesses.len() {
            undecided &= excess.value() == F::ZERO;
            let next = b.witness(PREFIX, F::from(undecided));
            b.enforce(check, &next, &(&prefix - &next), &Lc::zero());
            b.enforce(check, excess, &next, &Lc::zero());
            prefix = next;
        }
    }
    bits(b, check, &(prefix.add_constant(-F::ONE) - deciding), chunk as u32 * width);
}

/// What each chunk of the number exceeds the bound's chunk by, most significant first.
fn chunk_excesses(digits: &[Lc], width: u32, chunk: usize, bound: &Integer) -> Vec<Lc> {
    let bound_bits = bound.to_bits_le();
    let bits_a_chunk = chunk * width as usize;
    let excess = |(i, digits): (usize, &[Lc])| {
        let bits = bound_bits.iter().skip(i * bits_a_chunk).take(bits_a_chunk);
        let here = F::from_bigint(Integer::from_bits_le(&bits.copied().collect::<Vec<_>>())).expect("a chunk is small");
        Lc::pack(digits, width).add_constant(-here)
    };
    let mut excesses: Vec<Lc> = digits.chunks(chunk).enumerate().map(excess).collect();
    excesses.reverse();
    excesses
}

/// The 2ᵏ selectors of k bits: selector i is 1 exactly where the bits are those of i. `2ᵏ − 1 − k` rows.
///
/// The selectors so far add up to 1, so of their products with the next bit the last is what the others leave of it.
pub fn one_hot(b: &mut Builder, bits: &[Lc]) -> Vec<Lc> {
    let mut hot = vec![Lc::one()];
    for bit in bits {
        let mut high: Vec<Lc> = hot[1..].iter().map(|selector| b.mul(selector, bit)).collect();
        high.insert(0, bit - Lc::sum(&high));
        let low: Vec<Lc> = hot.iter().zip(&high).map(|(selector, high)| selector - high).collect();
        hot = [low, high].concat();
    }
    hot
}

/// The n low bits of a value as boolean wires, the rows named `check`.
fn low_bits(b: &mut Builder, check: &'static str, value: F, n: u32) -> Vec<Lc> {
    let integer = value.into_bigint();
    (0..n as usize)
        .map(|i| {
            let bit = b.witness(BIT, F::from(integer.get_bit(i)));
            b.enforce(check, &bit, &bit, &bit);
            bit
        })
        .collect()
}

/// Plain twin of [`is_non_negative`]: `None` where x is not in the range.
#[must_use]
pub fn is_non_negative_plain(x: F, n: u32) -> Option<bool> {
    let offset = (x + pow2(n - 1)).into_bigint();
    (offset.num_bits() <= n).then(|| offset.get_bit(n as usize - 1))
}

/// Plain twin of [`one_hot`]: the selectors of `index` among `2ᵏ`.
#[must_use]
pub fn one_hot_plain(index: usize, k: usize) -> Vec<F> {
    (0..1 << k).map(|i| if i == index { F::ONE } else { F::ZERO }).collect()
}

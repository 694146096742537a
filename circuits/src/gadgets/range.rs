//! Ranges and bits: the reason why every packed word has one reading and every comparison is one of integers.
//!
//! All decompositions are into boolean wires, one row a bit. Widths are below the 254 bits of the field by so much that no
//! decomposition has a second reading modulo p; where a full-size number is taken apart, [`bits_at_most`] compares it with a bound.

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use tacit_core::field::{F, Integer, pow2};

use crate::builder::{Builder, Lc};

/// Label of the bits of every decomposition but [`bits_at_most`], whose bits bear the name of its check.
pub const BIT: &str = "bit";

/// The widest number that the gadgets other than [`bits_at_most`] take apart: `2^253 < p`, so no second reading exists.
const MAX_BITS: u32 = 253;

/// `x ∈ [0, 2ⁿ)`: n rows named `check`, n − 1 new wires. Returns the bits, least significant first.
///
/// The top bit is no wire but `(x − lower bits) / 2ⁿ⁻¹`; its booleanity is the whole check. Where the bits are used often take
/// [`bits_full`].
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

/// The n bits of a new number that is at most `bound`: the number (n terms) and its bits, least significant first.
///
/// `value` is given as an integer, since it may have more than one representative modulo p; the bits' label is `check`.
/// Costs n rows and one for each one-bit of the bound above its lowest zero. From the top, `run` says that all bits so far where
/// the bound has a one are ones; where the bound has a zero, the row `(1 − run − bit) · bit = 0` forces the bit to 0 while
/// `run = 1` and is its booleanity when `run = 0`. Below the lowest zero of the bound every bit is allowed.
pub fn bits_at_most(
    b: &mut Builder,
    check: &'static str,
    value: &Integer,
    n: u32,
    bound: &Integer,
) -> (Lc, Vec<Lc>) {
    let bits: Vec<Lc> = (0..n as usize).map(|i| b.witness(check, F::from(value.get_bit(i)))).collect();
    let free = (0..n as usize).take_while(|i| bound.get_bit(*i)).count();
    let mut run = Lc::one();
    for (i, bit) in bits.iter().enumerate().rev() {
        if bound.get_bit(i) {
            b.enforce(check, bit, bit, bit);
            run = if i >= free { b.mul(&run, bit) } else { run };
        } else {
            b.enforce(check, &(run.not() - bit), bit, &Lc::zero());
        }
    }
    (Lc::from_bits(&bits), bits)
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

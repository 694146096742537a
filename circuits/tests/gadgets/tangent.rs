//! The gadgets leave no wire free to first order, and none with another value where propagation can tell.

use tacit_circuits::builder::{Builder, Lc};
use tacit_circuits::gadgets::eddsa::{PreparedKey, R8, verify};
use tacit_circuits::gadgets::transcript::Transcript;
use tacit_circuits::gadgets::{lookup, merkle, pad, range};
use tacit_core::eddsa::SigningKey;
use tacit_core::field::F;
use tacit_core::poseidon;

use crate::some;
use crate::uniqueness::{free_wires, undetermined};

const GIVEN: &str = "given";

fn given(b: &mut Builder, n: u64) -> Vec<Lc> {
    (0..n).map(|i| b.witness(GIVEN, some(i))).collect()
}

/// Labels of the wires that stay free when those labelled [`GIVEN`] or as in `chosen` are held.
fn free(chosen: &[&str], build: impl Fn(&mut Builder)) -> Vec<&'static str> {
    let mut b = Builder::rows();
    build(&mut b);
    assert_eq!(b.violations(), []);
    let labels: Vec<&'static str> = (0..b.values().len()).map(|wire| b.label(wire).map_or("", |l| l.0)).collect();
    let (matrices, z) = b.into_parts();
    let held = |wire: usize| labels[wire] == GIVEN || chosen.contains(&labels[wire]);
    free_wires(&matrices, &z, held).into_iter().map(|wire| labels[wire]).collect()
}

#[test]
fn a_wire_that_nothing_binds_is_found() {
    let free = free(&[], |b| {
        let x = given(b, 1);
        let (loose, bound) = (b.witness("loose", some(7)), b.witness("bound", some(0)));
        b.mul(&loose, &x[0]);
        b.equal("bound", &bound, &x[0]);
    });
    assert_eq!(free, ["loose", "product"]);
}

#[test]
fn two_wires_of_which_only_the_sum_is_bound_are_found() {
    let free = free(&[], |b| {
        let x = given(b, 1);
        let (left, right) = (b.witness("left", some(0) - some(1)), b.witness("right", some(1)));
        b.equal("sum", &(left + right), &x[0]);
    });
    assert_eq!(free, ["left", "right"]);
}

#[test]
fn ranges_comparisons_and_selections_leave_nothing_free() {
    let free = free(&[], |b| {
        let x = b.witness(GIVEN, F::from(0b1010_1101u64));
        let bits = range::bits(b, "range", &x, 9);
        range::bits_full(b, "range", &x, 8);
        range::is_non_negative(b, "sign", &(&x - Lc::constant(F::from(300u64))), 10);
        range::one_hot(b, &bits[..3]);
        range::digits_at_most(b, "at most", &bits, 1, 3, &179u64.into());
        b.is_zero("zero", &x);
        b.select(&bits[0], &x, &bits[1]);
        lookup::term(b, "term", &x, &bits[2].add_constant(some(1)), &x);
    });
    assert_eq!(free, [] as [&str; 0]);
}

#[test]
fn the_inverse_of_zero_is_free_and_nothing_else() {
    let free = free(&[], |b| {
        let x = given(b, 1);
        b.is_zero("zero", &(&x[0] - &x[0]));
    });
    assert_eq!(free, [tacit_circuits::builder::INVERSE]);
}

#[test]
fn hashes_leave_nothing_free() {
    let free = free(&[], |b| {
        let x = given(b, 11);
        let mut transcript = Transcript::new(9, 11);
        x.iter().for_each(|element| transcript.absorb(b, element));
        let _ = transcript.digest(b);
        pad::stream(b, &x[0], &x[1], &x[2], &x[3], 1);
    });
    assert_eq!(free, [] as [&str; 0]);
}

#[test]
fn a_path_leaves_nothing_free_beside_the_siblings() {
    let mut children = [0u64; 8].map(F::from);
    children[5] = some(0);
    let above: [F; 8] = std::array::from_fn(|i| if i == 2 { poseidon::hash(&children) } else { some(50 + i as u64) });
    let free = free(&[merkle::CHILDREN], |b| {
        let x = given(b, 2);
        let (_, index) = range::new_bits(b, "index", F::from(2u64 << 3 | 5), 6);
        merkle::update(b, &index, &[children, above], &x[0], &x[1]);
    });
    assert_eq!(free, [] as [&str; 0]);
}

#[test]
fn a_signature_leaves_nothing_free() {
    let signing = SigningKey::from_seed(&[3; 32]);
    let (key, signature) = (signing.public_key(), signing.sign(some(0)));
    for live in [true, false] {
        // R8 is the signer's choice; everything else follows from it.
        let free = free(&R8, |b| {
            let message = b.witness(GIVEN, some(0));
            let (x, y) = (b.witness(GIVEN, key.x), b.witness(GIVEN, key.y));
            let live = b.witness(GIVEN, F::from(live));
            let key = PreparedKey::new(b, &x, &y, &live);
            verify(b, &key, &message, &signature, &live);
        });
        assert_eq!(free, [] as [&str; 0], "live: {live}");
    }
}

/// Labels of the wires that propagation leaves open when those labelled [`GIVEN`] are known.
fn open(build: impl Fn(&mut Builder)) -> Vec<&'static str> {
    let mut b = Builder::rows();
    build(&mut b);
    assert_eq!(b.violations(), []);
    let labels: Vec<&'static str> = (0..b.values().len()).map(|wire| b.label(wire).map_or("", |l| l.0)).collect();
    let (matrices, z) = b.into_parts();
    undetermined(&matrices, &z, |wire| labels[wire] == GIVEN, |_| true).into_iter().map(|wire| labels[wire]).collect()
}

#[test]
fn ranges_comparisons_and_splits_have_one_reading() {
    let open = open(|b| {
        let x = b.witness(GIVEN, F::from(123_456u64));
        let small = b.witness(GIVEN, F::from(5u8));
        range::bits(b, "range", &x, 17);
        range::bits_full(b, "range", &x, 253);
        range::is_non_negative(b, "sign", &(&small - &x), 18);
        let bits = range::bits(b, "range", &small, 3);
        range::one_hot(b, &bits);
        b.select(&bits[0], &x, &small);
        // x = 1000 · quotient + remainder
        let quotient = range::ranged(b, "quotient", F::from(123u8), 20);
        let remainder = range::ranged(b, "remainder", F::from(456u64), 10);
        range::bits(b, "remainder", &Lc::constant(F::from(999u64)).sub(&remainder), 10);
        b.equal("split", &(&quotient.scale(F::from(1_000u64)) + &remainder), &x);
    });
    assert_eq!(open, [] as [&str; 0]);
}

#[test]
fn propagation_claims_nothing_that_has_another_value() {
    // 254 bits have a second reading modulo p; two bits of which only the sum is known may be swapped.
    let bits = open(|b| {
        let x = b.witness(GIVEN, F::from(5u8));
        let bits: Vec<Lc> = (0..254).map(|i| b.boolean("bit", 5u64 >> i.min(63) & 1 == 1)).collect();
        b.equal("bits", &Lc::from_bits(&bits), &x);
    });
    assert!(bits.len() > 200, "{}", bits.len());
    let swapped = open(|b| {
        let x = b.witness(GIVEN, F::from(1u8));
        let bits = [true, false].map(|bit| b.boolean("bit", bit));
        b.equal("one of them", &Lc::sum(&bits), &x);
    });
    assert_eq!(swapped, ["bit", "bit"]);
    // A remainder of up to 1023 of a division by 1000.
    let split = open(|b| {
        let x = b.witness(GIVEN, F::from(5_005u64));
        let quotient = range::ranged(b, "quotient", F::from(5u8), 20);
        let remainder = range::ranged(b, "remainder", F::from(5u8), 10);
        b.equal("split", &(&quotient.scale(F::from(1_000u64)) + &remainder), &x);
    });
    assert!(split.contains(&"quotient") && split.contains(&"remainder"), "{split:?}");
}

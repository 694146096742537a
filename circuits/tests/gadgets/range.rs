//! Ranges and comparisons.

use std::collections::BTreeSet;

use tacit_circuits::builder::{Builder, Lc};
use tacit_circuits::gadgets::range::{
    self, BIT, PREFIX, bits, bits_full, digits_at_most, is_non_negative, is_non_negative_plain, new_bits, one_hot,
    one_hot_plain, ranged, ranged_signed_bits,
};
use tacit_core::field::{F, Integer, from_i128, pow2};

use crate::{checked, rows_of, some, values, violated, witnesses};

const CHECK: &str = "in range";

fn refused(x: F, check: impl Fn(&mut Builder, &Lc)) -> bool {
    let names = violated(|b| {
        let x = b.witness("x", x);
        check(b, &x);
    });
    assert!(names.is_subset(&BTreeSet::from([CHECK])), "{names:?}");
    !names.is_empty()
}

#[test]
fn exactly_the_numbers_below_a_power_of_two_are_in_range() {
    for n in [1, 2, 7, 32, 64, 92, 253] {
        let inside = [F::from(0u8), F::from(1u8), pow2(n) - F::from(1u8), pow2(n - 1)];
        let outside = [pow2(n), pow2(n) + F::from(5u8), -F::from(1u8), -pow2(n - 1)];
        for gadget in
            [|b: &mut Builder, x: &Lc, n| bits(b, CHECK, x, n), |b: &mut Builder, x: &Lc, n| bits_full(b, CHECK, x, n)]
        {
            assert!(inside.iter().all(|x| !refused(*x, |b, x| drop(gadget(b, x, n)))), "{n} bits");
            assert!(outside.iter().all(|x| refused(*x, |b, x| drop(gadget(b, x, n)))), "{n} bits");
        }
    }
}

#[test]
fn the_bits_are_those_of_the_number() {
    let x = 0b1011_0010u64;
    let expected: Vec<F> = (0..8).map(|i| F::from(x >> i & 1)).collect();
    let ((top_substituted, (number, new)), names) = checked(|b| {
        let given = b.witness("x", F::from(x));
        (bits(b, CHECK, &given, 8), new_bits(b, "new", F::from(x), 8))
    });
    assert!(names.is_empty());
    assert_eq!(values(&top_substituted), expected);
    assert_eq!(values(&new), expected);
    assert_eq!(number.value(), F::from(x));
}

#[test]
fn a_wrong_bit_is_refused_wherever_it_stands() {
    for bit in 0..7 {
        for lie in [F::from(2u8), -F::from(1u8), some(1)] {
            let names = violated(|b| {
                b.override_witness(BIT, bit, move |_| lie);
                let x = b.witness("x", F::from(77u8));
                bits(b, CHECK, &x, 8)
            });
            assert_eq!(names, BTreeSet::from([CHECK]));
        }
        let flipped = violated(|b| {
            b.override_witness(BIT, bit, |honest| F::from(1u8) - honest);
            let x = b.witness("x", F::from(77u8));
            bits(b, CHECK, &x, 8)
        });
        assert_eq!(flipped, BTreeSet::from([CHECK]), "the other bits no longer add up");
    }
}

#[test]
fn an_overridden_number_is_ranged_as_it_stands() {
    let names = violated(|b| {
        b.override_witness("quantity", 0, |_| pow2(32));
        ranged(b, "quantity", F::from(5u8), 32)
    });
    assert_eq!(names, BTreeSet::from(["quantity"]));
}

#[test]
fn signs_of_signed_numbers_are_told() {
    for x in [-128i128, -127, -1, 0, 1, 127] {
        let ((number, sign), names) = checked(|b| ranged_signed_bits(b, CHECK, from_i128(x), 8));
        assert!(names.is_empty());
        assert_eq!((number.value(), sign.value()), (from_i128(x), F::from(x >= 0)));
        assert_eq!(is_non_negative_plain(from_i128(x), 8), Some(x >= 0));
    }
    for x in [-129i128, 128, 1 << 100] {
        assert!(refused(from_i128(x), |b, x| drop(is_non_negative(b, CHECK, x, 8))));
        assert_eq!(is_non_negative_plain(from_i128(x), 8), None);
    }
}

#[test]
fn one_hot_selects_the_index() {
    for k in 1..=4u32 {
        for index in 0..1u64 << k {
            let (hot, names) = checked(|b| {
                let (_, bits) = new_bits(b, "index", F::from(index), k);
                one_hot(b, &bits)
            });
            assert!(names.is_empty());
            assert_eq!(values(&hot), one_hot_plain(index as usize, k as usize));
        }
    }
    let three = rows_of(|b| {
        let bits = witnesses(b, &[F::from(1u8); 3]);
        one_hot(b, &bits)
    });
    assert_eq!(three, 4);
}

/// Digits of a number in base 2^width, compared with a bound in chunks.
fn compare(b: &mut Builder, number: &Integer, bound: &Integer, width: u32, chunk: usize) {
    let bits = tacit_core::field::bits(number);
    let digits: Vec<F> = bits[..252]
        .chunks(width as usize)
        .map(|bits| F::from(bits.iter().rev().fold(0u64, |digit, bit| 2 * digit + u64::from(*bit))))
        .collect();
    let digits = witnesses(b, &digits);
    digits_at_most(b, CHECK, &digits, width, chunk, bound);
}

fn bounds() -> Vec<Integer> {
    let parse = |text| tacit_core::field::parse_integer(text).unwrap();
    let order = tacit_core::babyjub::SUBGROUP_ORDER;
    vec![
        order,
        parse("1"),
        parse("0x1000000000000000000000000000000"),
        parse("0xfffffffffffffffffffffff0000000000000000ffff"),
    ]
}

#[test]
fn a_number_of_digits_is_compared_exactly() {
    use ark_ff::BigInteger;
    for bound in bounds() {
        for (width, chunk) in [(2, 16), (3, 10), (1, 63), (3, 84)] {
            let mut above = bound;
            above.add_with_carry(&Integer::from(1u8));
            let mut below = bound;
            below.sub_with_borrow(&Integer::from(1u8));
            for (number, holds) in [(bound, true), (below, true), (above, false), (Integer::from(0u8), true)] {
                let names = violated(|b| compare(b, &number, &bound, width, chunk));
                assert_eq!(names.is_empty(), holds, "{number} against {bound}");
            }
        }
    }
}

#[test]
fn no_claim_about_the_equal_prefix_makes_a_larger_number_pass() {
    use ark_ff::BigInteger;
    let bound = tacit_core::babyjub::SUBGROUP_ORDER;
    for shift in [0u32, 40, 100, 200, 240] {
        let mut number = bound;
        number.add_with_carry(&(Integer::from(1u8) << shift));
        for claims in 0u32..1 << 8 {
            let names = violated(|b| {
                for chunk in 0..8 {
                    b.override_witness(PREFIX, chunk, move |_| F::from(claims >> chunk & 1));
                }
                compare(b, &number, &bound, 3, 10);
            });
            assert_eq!(names, BTreeSet::from([CHECK]), "claims {claims:08b}");
        }
    }
}

#[test]
fn equal_so_far_is_no_decision() {
    let bound = Integer::from(5u64) << 60;
    let mut larger = bound;
    ark_ff::BigInteger::add_with_carry(&mut larger, &Integer::from(1u8));
    let names = violated(|b| {
        (0..5).for_each(|chunk| b.override_witness(PREFIX, chunk, |_| F::from(0u8)));
        compare(b, &larger, &bound, 3, 10);
    });
    assert_eq!(names, BTreeSet::from([CHECK]));
}

#[test]
fn rows_of_ranges_are_as_stated() {
    let count = |gadget: fn(&mut Builder, &Lc)| {
        rows_of(|b| {
            let x = b.witness("x", F::from(9u8));
            gadget(b, &x);
        })
    };
    assert_eq!(count(|b, x| drop(range::bits(b, CHECK, x, 20))), 20);
    assert_eq!(count(|b, x| drop(range::bits_full(b, CHECK, x, 20))), 21);
    assert_eq!(count(|b, x| drop(range::is_non_negative(b, CHECK, x, 20))), 20);
    assert_eq!(rows_of(|b| range::ranged(b, CHECK, F::from(9u8), 20)), 20);
    assert_eq!(rows_of(|b| range::new_bits(b, CHECK, F::from(9u8), 20)), 20);
}

//! Small instances of ranges, tests for zero and comparisons, tried with every assignment of their wires over a set
//! of small numbers, negative ones and fractions: no alternative is missing from the lists because nobody thought of
//! it.

use std::collections::BTreeSet;

use ark_ff::{Field, PrimeField};
use tacit_circuits::builder::{Builder, INVERSE, Lc};
use tacit_circuits::gadgets::range::{self, BIT, PREFIX};
use tacit_core::field::{F, Integer};

use crate::parts::n;

/// −3 … 4, ±1/2, and the inverse of 5.
fn candidates() -> Vec<F> {
    let fractions = [n(2), n(-2), n(5)].map(|x| x.inverse().unwrap());
    (-3..=4).map(n).chain(fractions).collect()
}

/// What `build` returns under each assignment of candidates to the wires of these labels that satisfies every row.
fn solutions<R>(wires: &[(&'static str, usize)], build: impl Fn(&mut Builder) -> R) -> Vec<R> {
    let candidates = candidates();
    let tried = candidates.len().pow(wires.len() as u32);
    let solution = |assignment: usize| {
        let mut b = Builder::assignment();
        let mut rest = assignment;
        for (label, at) in wires {
            let value = candidates[rest % candidates.len()];
            rest /= candidates.len();
            b.override_witness(label, *at, move |_| value);
        }
        let result = build(&mut b);
        b.violations().is_empty().then_some(result)
    };
    (0..tried).filter_map(solution).collect()
}

#[test]
fn a_number_has_one_set_of_bits_or_none() {
    for x in -3..20 {
        let found = solutions(&[(BIT, 0), (BIT, 1), (BIT, 2)], |b| {
            let given = b.witness("given", n(x));
            range::bits(b, "in range", &given, 4).iter().map(Lc::value).collect::<Vec<F>>()
        });
        let expected = (0..16).contains(&x).then(|| (0..4).map(|i| n(x >> i & 1)).collect::<Vec<F>>());
        assert_eq!(found, Vec::from_iter(expected), "{x}");
    }
}

#[test]
fn a_sign_has_one_answer() {
    for x in -6..6 {
        let found = solutions(&[(BIT, 0), (BIT, 1)], |b| {
            let given = b.witness("given", n(x));
            range::is_non_negative(b, "in range", &given, 3).value()
        });
        let expected = (-4..4).contains(&x).then(|| F::from(x >= 0));
        assert_eq!(found, Vec::from_iter(expected), "{x}");
    }
}

#[test]
fn a_test_for_zero_has_one_answer() {
    for x in -5..6 {
        let found = solutions(&[(INVERSE, 0), ("is none", 0)], |b| {
            let given = b.witness("given", n(x));
            b.is_zero("is none", &given).value()
        });
        let answers: BTreeSet<Integer> = found.iter().map(|bit| bit.into_bigint()).collect();
        let known = candidates().contains(&n(x).inverse().unwrap_or_default());
        let expected = known.then(|| F::from(x == 0).into_bigint());
        assert_eq!(answers, BTreeSet::from_iter(expected), "{x}: and none where its inverse is no candidate");
    }
}

#[test]
fn selectors_are_those_of_their_index() {
    for index in 0..4u64 {
        let found = solutions(&[("product", 0)], |b| {
            let (_, bits) = range::new_bits(b, "index", F::from(index), 2);
            range::one_hot(b, &bits).iter().map(Lc::value).collect::<Vec<F>>()
        });
        assert_eq!(found, [range::one_hot_plain(index as usize, 2)]);
    }
}

#[test]
fn a_number_above_its_bound_has_no_prefix() {
    // Three digits of two bits, a chunk each: two prefixes and one bit of the difference that decides.
    for bound in [0u64, 27] {
        for number in 0..64u64 {
            let wires = [(PREFIX, 0), (PREFIX, 1), (BIT, 0)];
            let found = solutions(&wires, |b| {
                let digits: Vec<Lc> = (0..3).map(|i| b.witness("digit", F::from(number >> (2 * i) & 3))).collect();
                range::digits_at_most(b, "at most", &digits, 2, 1, &Integer::from(bound));
            });
            assert_eq!(!found.is_empty(), number <= bound, "{number} against {bound}");
        }
    }
}

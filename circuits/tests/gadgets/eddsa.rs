//! EdDSA: accepts what circomlib accepts, refuses what it refuses, and each named check refuses what only it can.

use std::collections::BTreeSet;

use num_bigint::BigUint;
use serde_json::Value;
use tacit_circuits::builder::{Builder, PRODUCT};
use tacit_circuits::gadgets::eddsa::{
    ADDITION, CHALLENGE_BELOW_P, CHALLENGE_DIGIT, CHALLENGE_IS_HASH, EQUATION, KEY_FORM, KEY_ON_CURVE, KEY_ORDER,
    LAST_SUM, PreparedKey, R8, SCALAR_BELOW_L, SCALAR_DIGIT, SUM_U, SUM_V, verify,
};
use tacit_core::babyjub::{BASE8, GENERATOR, Point, SUBGROUP_ORDER};
use tacit_core::eddsa::{Signature, SigningKey, challenge};
use tacit_core::field::{self, F, Integer};

use crate::{checked, external, some, violated};

/// A key, a message and what claims to be its signature.
#[derive(Clone, Copy)]
struct Case {
    key: Point,
    message: F,
    signature: Signature,
}

/// Which parts of a case are in use.
#[derive(Clone, Copy)]
struct Live {
    key: bool,
    signature: bool,
}

const LIVE: Live = Live { key: true, signature: true };
/// The key is checked; the signature is an unused slot, so that R8 is free.
const KEY_ONLY: Live = Live { key: true, signature: false };

fn build(b: &mut Builder, case: &Case, live: Live) {
    let [key_live, live] = [live.key, live.signature].map(|live| b.boolean("live", live));
    let (x, y) = (b.witness("x", case.key.x), b.witness("y", case.key.y));
    let message = b.witness("message", case.message);
    let key = PreparedKey::new(b, &x, &y, &key_live);
    verify(b, &key, &message, &case.signature, &live);
}

fn refused(case: &Case) -> BTreeSet<&'static str> {
    let refused = violated(|b| build(b, case, LIVE));
    let plain = tacit_core::eddsa::verify(&case.key, case.message, &case.signature);
    assert_eq!(plain, refused.is_empty(), "circuit and core agree");
    refused
}

fn cases(list: &str) -> Vec<Case> {
    let number = |value: &Value| field::parse(value.as_str().unwrap()).unwrap();
    let point = |value: &Value| Point { x: number(&value[0]), y: number(&value[1]) };
    let case = |vector: &Value| Case {
        key: point(&vector["A"]),
        message: number(&vector["msg"]),
        signature: Signature {
            r8: point(&vector["R8"]),
            s: field::parse_integer(vector["S"].as_str().unwrap()).unwrap(),
        },
    };
    external("eddsa_poseidon_babyjub.json")[list].as_array().unwrap().iter().map(case).collect()
}

/// An honest case.
fn signed(seed: u8, message: F) -> Case {
    let key = SigningKey::from_seed(&[seed; 32]);
    Case { key: key.public_key(), message, signature: key.sign(message) }
}

fn order() -> BigUint {
    SUBGROUP_ORDER.into()
}

fn integer(number: &BigUint) -> Integer {
    number.clone().try_into().unwrap()
}

/// `(nonce + 8·h·secret) mod l`.
fn scalar(nonce: &BigUint, h: &BigUint, secret: &BigUint) -> Integer {
    integer(&((nonce + BigUint::from(8u8) * h * secret) % order()))
}

/// A point of order 2ᵏ.
fn low_order(k: u32) -> Point {
    let eighth = GENERATOR.times(&SUBGROUP_ORDER);
    (k..3).fold(eighth, |point, _| point.double())
}

/// Overrides of the digits under `label` by those of `number`.
fn override_digits(b: &mut Builder, label: &'static str, number: &BigUint, width: u32, count: usize) {
    let mask = (1u64 << width) - 1;
    for i in 0..count {
        let digit = (number >> (i * width as usize)) & BigUint::from(mask);
        let odd = F::from(BigUint::from(2u8) * digit) - F::from(mask);
        b.override_witness(label, i, move |_| odd);
    }
}

#[test]
fn every_external_signature_is_accepted() {
    let cases = cases("vectors");
    assert_eq!(cases.len(), 28);
    cases.iter().for_each(|case| assert_eq!(refused(case), BTreeSet::new()));
}

#[test]
fn every_external_non_signature_is_refused() {
    let cases = cases("negative");
    assert_eq!(cases.len(), 25);
    cases.iter().for_each(|case| assert_ne!(refused(case), BTreeSet::new()));
}

/// What refuses a slot that checks no hash, told the digits of `h` and `s` and this R8: the multiplications by
/// themselves.
fn refused_multiples(key: Point, h: &BigUint, s: &BigUint, r8: Point) -> BTreeSet<&'static str> {
    let case = Case { key, message: some(1), signature: Signature { r8, s: Integer::from(0u8) } };
    violated(|b| {
        override_digits(b, CHALLENGE_DIGIT, h, 2, 127);
        override_digits(b, SCALAR_DIGIT, s, 3, 84);
        b.override_witness(R8[0], 0, move |_| r8.x);
        b.override_witness(R8[1], 0, move |_| r8.y);
        build(b, &case, KEY_ONLY);
    })
}

#[test]
fn every_external_multiple_of_the_base_is_computed_and_no_other() {
    let file = external("babyjub.json");
    let vectors = file["scalar_mul_base8"].as_array().unwrap();
    assert_eq!(vectors.len(), 26);
    let (key, zero) = (signed(1, some(1)).key, BigUint::from(0u8));
    for vector in vectors {
        let k: BigUint = field::parse_integer(vector["k"].as_str().unwrap()).unwrap().into();
        let [x, y] = [0, 1].map(|i| field::parse(vector["P"][i].as_str().unwrap()).unwrap());
        let multiple = Point { x, y };
        assert_eq!(refused_multiples(key, &zero, &(&k % order()), multiple), BTreeSet::new(), "{k}");
        for other in [multiple.negated(), multiple.add(&BASE8), multiple.add(&low_order(3))] {
            let refused = refused_multiples(key, &zero, &(&k % order()), other);
            assert_eq!(refused, if other == multiple { BTreeSet::new() } else { BTreeSet::from([EQUATION]) }, "{k}");
        }
        // As it stands the number is no scalar where it is not below l.
        if k >= order() && k.bits() <= 252 {
            assert_eq!(refused_multiples(key, &zero, &k, multiple), BTreeSet::from([SCALAR_BELOW_L]), "{k}");
        }
    }
}

#[test]
fn every_external_multiple_of_a_key_is_computed_and_no_other() {
    // A shared secret a·B is 8·h·B for h = a/8: with S = 0, R8 is its inverse.
    let file = external("babyjub.json");
    let vectors = file["ecdh"].as_array().unwrap();
    assert_eq!(vectors.len(), 25);
    let eighth = BigUint::from(8u8).modpow(&(order() - 2u8), &order());
    let point = |value: &Value| Point {
        x: field::parse(value[0].as_str().unwrap()).unwrap(),
        y: field::parse(value[1].as_str().unwrap()).unwrap(),
    };
    for vector in vectors {
        let a: BigUint = field::parse_integer(vector["a"].as_str().unwrap()).unwrap().into();
        let (key, shared) = (point(&vector["B"]), point(&vector["shared"]));
        let h = a * &eighth % order();
        let zero = BigUint::from(0u8);
        assert_eq!(refused_multiples(key, &h, &zero, shared.negated()), BTreeSet::new());
        assert_eq!(refused_multiples(key, &h, &zero, shared), BTreeSet::from([EQUATION]));
        assert_eq!(refused_multiples(key, &(h + 1u8), &zero, shared.negated()), BTreeSet::from([EQUATION]));
    }
}

#[test]
fn honest_signatures_of_many_keys_are_accepted() {
    for seed in 0..12 {
        assert_eq!(refused(&signed(seed, some(u64::from(seed)))), BTreeSet::new());
    }
}

#[test]
fn one_key_serves_many_signatures() {
    let cases: Vec<Case> = (0..4).map(|i| signed(1, some(i))).collect();
    let build = |b: &mut Builder| {
        let live = b.boolean("live", true);
        let (x, y) = (b.witness("x", cases[0].key.x), b.witness("y", cases[0].key.y));
        let key = PreparedKey::new(b, &x, &y, &live);
        for case in &cases {
            let message = b.witness("message", case.message);
            verify(b, &key, &message, &case.signature, &live);
        }
    };
    assert_eq!(violated(build), BTreeSet::new());
}

#[test]
fn rows_are_as_stated() {
    let mut b = Builder::rows();
    build(&mut b, &signed(1, some(1)), LIVE);
    let counts = b.counts();
    assert_eq!(counts["key"], 1_164);
    let signature: usize =
        counts.iter().filter(|(scope, _)| scope.starts_with("signature")).map(|(_, rows)| rows).sum();
    assert_eq!(signature, 2_122);
}

#[test]
fn another_message_key_or_nonce_point_is_refused_by_the_equation() {
    let honest = signed(1, some(1));
    let nonce = honest.signature.r8;
    let with_r8 = |r8: Point| Case { signature: Signature { r8, ..honest.signature }, ..honest };
    let cheats = [
        Case { message: some(2), ..honest },
        Case { key: signed(2, some(1)).key, ..honest },
        // The other square root of the curve equation, in either coordinate.
        with_r8(nonce.negated()),
        with_r8(Point { y: -nonce.y, ..nonce }),
        // Off the curve.
        with_r8(Point { x: nonce.x + F::from(1u8), ..nonce }),
        // Torsion.
        with_r8(nonce.add(&low_order(1))),
        with_r8(nonce.add(&low_order(3))),
        with_r8(Point::IDENTITY),
    ];
    cheats.iter().for_each(|cheat| assert_eq!(refused(cheat), BTreeSet::from([EQUATION])));
}

#[test]
fn a_scalar_increased_by_the_order_is_refused() {
    for seed in 0..6 {
        let honest = signed(seed, some(9));
        let s: BigUint = honest.signature.s.into();
        let s = integer(&(s + order()));
        let cheat = Case { signature: Signature { s, ..honest.signature }, ..honest };
        assert_eq!(refused(&cheat), BTreeSet::from([SCALAR_BELOW_L]));
    }
}

#[test]
fn a_scalar_of_more_than_252_bits_is_not_cut() {
    let honest = signed(1, some(9));
    let s: BigUint = honest.signature.s.into();
    let s = integer(&(s + (BigUint::from(1u8) << 252)));
    let cheat = Case { signature: Signature { s, ..honest.signature }, ..honest };
    assert!(refused(&cheat).contains(SCALAR_DIGIT));
}

#[test]
fn the_challenge_plus_p_is_refused() {
    let p: BigUint = (-F::from(1u8)).into();
    let p = p + 1u8;
    let secret = BigUint::from(123_456_789u32);
    let key = BASE8.times(&integer(&secret));
    let nonce = BigUint::from(987_654_321u32);
    let r8 = BASE8.times(&integer(&nonce));
    // About every fourth hash leaves room for p below 2^254.
    let message = (0..).map(some).find(|m| {
        let h: BigUint = challenge(&r8, &key, *m).into();
        (h + &p).bits() <= 254
    });
    let message = message.unwrap();
    let h: BigUint = challenge(&r8, &key, message).into();
    let h = h + &p;
    let case = Case { key, message, signature: Signature { r8, s: scalar(&nonce, &h, &secret) } };
    let names = violated(|b| {
        override_digits(b, CHALLENGE_DIGIT, &h, 2, 127);
        build(b, &case, LIVE);
    });
    assert_eq!(names, BTreeSet::from([CHALLENGE_BELOW_P]), "all but the comparison holds for the second reading");
}

#[test]
fn a_nonce_point_made_for_another_challenge_is_refused() {
    let key = signed(1, some(1)).key;
    let h = BigUint::from(0xdead_beefu32);
    let s = BigUint::from(42u8);
    let r8 = BASE8.times(&integer(&s)).add(&key.times_cofactor().times(&integer(&h)).negated());
    let case = Case { key, message: some(1), signature: Signature { r8, s: integer(&s) } };
    let names = violated(|b| {
        override_digits(b, CHALLENGE_DIGIT, &h, 2, 127);
        build(b, &case, LIVE);
    });
    assert_eq!(names, BTreeSet::from([CHALLENGE_IS_HASH]));
}

#[test]
fn keys_off_the_curve_are_refused() {
    let honest = signed(1, some(1));
    for (x, y) in [(honest.key.x + F::from(1u8), honest.key.y), (some(5), some(6)), (honest.key.y, honest.key.x)] {
        let case = Case { key: Point { x, y }, ..honest };
        assert!(refused(&case).contains(KEY_ON_CURVE));
        assert_eq!(refused_with_matching_r8(&case, |_| ()), BTreeSet::from([KEY_ON_CURVE]));
    }
}

#[test]
fn keys_of_low_order_are_refused() {
    let honest = signed(1, some(1));
    for k in 0..=3 {
        for key in [low_order(k), low_order(k).negated()] {
            assert!(key.is_on_curve() && key.is_of_low_order());
            let r8 = BASE8.times(&honest.signature.s);
            let case = Case { key, signature: Signature { r8, ..honest.signature }, ..honest };
            let check = if k == 0 { KEY_FORM } else { KEY_ORDER };
            assert!(refused(&case).contains(check), "order {}", 1 << k);
        }
    }
}

#[test]
fn a_key_with_torsion_signs_as_in_circomlib() {
    let secret = BigUint::from(77_777u32);
    let nonce = BigUint::from(55_555u32);
    for k in 1..=3 {
        let key = BASE8.times(&integer(&secret)).add(&low_order(k));
        assert!(key.is_on_curve() && !key.is_in_subgroup());
        let r8 = BASE8.times(&integer(&nonce));
        let h: BigUint = challenge(&r8, &key, some(3)).into();
        let case = Case { key, message: some(3), signature: Signature { r8, s: scalar(&nonce, &h, &secret) } };
        assert_eq!(refused(&case), BTreeSet::new());
    }
}

#[test]
fn degenerate_but_valid_nonces_and_scalars_are_accepted() {
    // A trader may choose them; a valid signature that the circuit could not take would stop a sealed batch.
    let secret = BigUint::from(424_242u32);
    let key = BASE8.times(&integer(&secret));
    for nonce in [BigUint::from(0u8), BigUint::from(1u8), order() - 1u8] {
        let r8 = BASE8.times(&integer(&nonce));
        let h: BigUint = challenge(&r8, &key, some(4)).into();
        let case = Case { key, message: some(4), signature: Signature { r8, s: scalar(&nonce, &h, &secret) } };
        assert_eq!(refused(&case), BTreeSet::new());
    }
    let small_keys = [BASE8, BASE8.negated(), BASE8.double(), GENERATOR];
    for (key, eightfold_secret) in small_keys.iter().zip([8u32, 0, 16, 1]) {
        let r8 = BASE8;
        let h: BigUint = challenge(&r8, key, some(4)).into();
        let eightfold = if eightfold_secret == 0 { order() - 8u8 } else { BigUint::from(eightfold_secret) };
        let s = integer(&((BigUint::from(1u8) + h * eightfold) % order()));
        assert_eq!(refused(&Case { key: *key, message: some(4), signature: Signature { r8, s } }), BTreeSet::new());
    }
}

#[test]
fn the_scalar_zero_has_digits() {
    let key = BASE8.times(&Integer::from(9u8));
    // Nobody can find R8 = −8hA for the h of R8 itself, so the digits of 0 are tried in an unused slot.
    let case = Case { key, message: some(1), signature: Signature { r8: Point::IDENTITY, s: Integer::from(0u8) } };
    assert_eq!(violated(|b| build(b, &case, KEY_ONLY)), BTreeSet::new());
}

#[test]
fn an_unused_slot_asks_nothing_of_message_and_signature() {
    let honest = signed(1, some(1));
    let rubbish = Case {
        message: some(100),
        signature: Signature { r8: Point { x: some(7), y: some(8) }, s: SUBGROUP_ORDER },
        ..honest
    };
    assert_eq!(violated(|b| build(b, &rubbish, KEY_ONLY)), BTreeSet::new());
}

#[test]
fn an_unused_key_may_be_anything() {
    let honest = signed(1, some(1));
    let keys = [
        Point { x: some(1), y: some(2) },
        Point::IDENTITY,
        low_order(1),
        low_order(3),
        Point { x: some(1), y: F::from(1u8) },
    ];
    for key in keys {
        let none = Live { key: false, signature: false };
        assert_eq!(violated(|b| build(b, &Case { key, ..honest }, none)), BTreeSet::new());
    }
}

#[test]
fn an_unused_key_never_signs() {
    // B8 stands in: what its owner (secret 1) signs does not pass for the key that was given.
    let honest = signed(1, some(1));
    let (prepared, _) = checked(|b| {
        let live = b.boolean("live", false);
        let (x, y) = (b.witness("x", honest.key.x), b.witness("y", honest.key.y));
        let key = PreparedKey::new(b, &x, &y, &live);
        (key.x.value(), key.y.value())
    });
    assert_eq!(prepared, (BASE8.x, BASE8.y));
}

/// The last running sum of a tampered unused slot.
fn last_sum(case: &Case, tamper: impl Fn(&mut Builder)) -> Point {
    let mut b = Builder::rows();
    tamper(&mut b);
    build(&mut b, case, KEY_ONLY);
    let at = |label| (1..b.values().len()).find(|wire| b.label(*wire).unwrap().0 == label).unwrap();
    let [x, y] = LAST_SUM.map(|label| b.values()[at(label)]);
    Point { x, y }
}

/// What a tampered unused slot is refused by once R8 is what its equation says.
///
/// In an unused slot R8 is free, so a cheat inside the computation is carried through to R8 and only the check that it
/// breaks is left to refuse it.
fn refused_with_matching_r8(case: &Case, tamper: impl Fn(&mut Builder)) -> BTreeSet<&'static str> {
    // An honest unused slot has R8 = (0, 1): the law's constant end is the inverse of its last sum.
    let end = last_sum(&signed(1, some(1)), |_| ()).negated();
    let r8 = last_sum(case, &tamper).add(&end);
    violated(|b| {
        tamper(b);
        b.override_witness(R8[0], 0, move |_| r8.x);
        b.override_witness(R8[1], 0, move |_| r8.y);
        build(b, case, KEY_ONLY);
    })
}

#[test]
fn each_check_alone_refuses_its_broken_witness() {
    let case = signed(1, some(1));
    let plus = |honest: F, k: i64| honest + field::from_i128(k.into());
    // The label that is tampered with, at which occurrences, and the only check that refuses it.
    let cheats: [(&'static str, &[usize], &'static str); 9] = [
        (KEY_ORDER, &[0, 1, 2, 60, 128], KEY_ORDER),
        (ADDITION, &[0, 1, 2, 253, 254, 255, 300, 381, 400, 466], ADDITION),
        (SUM_U, &[0, 1, 2, 5, 381, 382, 400, 594], ADDITION),
        (SUM_V, &[0, 1, 2, 5, 254, 381, 400, 465], ADDITION),
        (LAST_SUM[0], &[0], ADDITION),
        (LAST_SUM[1], &[0], ADDITION),
        (CHALLENGE_DIGIT, &[3, 70, 126], CHALLENGE_DIGIT),
        (SCALAR_DIGIT, &[3, 40, 82], SCALAR_DIGIT),
        (PRODUCT, &[600, 700, 968, 1_250, 1_312], PRODUCT),
    ];
    for (label, occurrences, check) in cheats {
        for occurrence in occurrences {
            let names = refused_with_matching_r8(&case, |b| {
                b.override_witness(label, *occurrence, move |honest| plus(honest, 1));
            });
            assert!(names.contains(check), "{label} {occurrence}: {names:?}");
            assert!(
                names.is_subset(&BTreeSet::from([check, CHALLENGE_BELOW_P, SCALAR_BELOW_L])),
                "{label} {occurrence}: {names:?}"
            );
        }
    }
}

#[test]
fn a_digit_out_of_range_is_refused_by_its_own_check() {
    // Digit i is 4 (or 8) too large and digit i + 1 is 1 too small: the number is the same.
    let case = signed(1, some(1));
    for (label, carry) in [(CHALLENGE_DIGIT, 4i64), (SCALAR_DIGIT, 8)] {
        let names = refused_with_matching_r8(&case, |b| {
            b.override_witness(label, 5, move |honest| honest - F::from(2 * carry as u64));
            b.override_witness(label, 6, |honest| honest + F::from(2u8));
        });
        assert_eq!(names, BTreeSet::from([label]));
    }
}

#[test]
fn the_montgomery_form_of_another_key_is_refused() {
    let case = signed(1, some(1));
    let other = signed(2, some(1)).key.to_montgomery().unwrap();
    let names = refused_with_matching_r8(&case, |b| {
        b.override_witness(KEY_FORM, 0, move |_| other.u);
        b.override_witness(KEY_FORM, 1, move |_| other.v);
    });
    assert_eq!(names, BTreeSet::from([KEY_FORM]));
}

#[test]
fn a_wrong_nonce_point_is_refused_by_the_equation_in_either_coordinate() {
    let case = signed(1, some(1));
    for coordinate in R8 {
        let names = violated(|b| {
            b.override_witness(coordinate, 0, |honest| honest + F::from(1u8));
            build(b, &case, KEY_ONLY);
        });
        assert_eq!(names, BTreeSet::from([EQUATION]));
    }
}

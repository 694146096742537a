//! Promises of the gadgets: equal to their plain twins, the same in both modes, and every check refuses what it names.

#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod eddsa;
mod hashing;
mod merkle;
mod range;
#[path = "../support/record.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod record;
mod tangent;
mod uniqueness;

use std::collections::BTreeSet;

use serde_json::Value;
use tacit_circuits::builder::{Builder, Lc};
use tacit_core::field::F;

/// Builds in both modes and insists that they agree and, evaluated from the matrices, mean the same; returns the result
/// of `build` in rows mode and the names of the violated checks.
pub fn checked<R>(build: impl Fn(&mut Builder) -> R) -> (R, BTreeSet<&'static str>) {
    let (mut rows, mut values) = (Builder::rows(), Builder::assignment());
    let result = build(&mut rows);
    build(&mut values);
    assert_eq!(rows.counts(), values.counts(), "both modes have the same rows");
    assert_eq!(rows.values(), values.values(), "both modes have the same wires");
    assert_eq!(rows.violations(), values.violations(), "both modes see the same violations");
    let violated = rows.violated_checks();
    record::refusal(&record::units("gadget", rows.violations()), &BTreeSet::new());
    let (matrices, wires) = rows.into_parts();
    assert_eq!(matrices.check(&wires).is_ok(), violated.is_empty(), "values and matrices agree");
    (result, violated)
}

/// The violated checks of [`checked`].
pub fn violated<R>(build: impl Fn(&mut Builder) -> R) -> BTreeSet<&'static str> {
    checked(build).1
}

/// Rows that `build` adds.
pub fn rows_of<R>(build: impl Fn(&mut Builder) -> R) -> usize {
    let mut b = Builder::assignment();
    build(&mut b);
    b.n_rows()
}

/// Fresh witnesses with the given values.
pub fn witnesses(b: &mut Builder, values: &[F]) -> Vec<Lc> {
    values.iter().map(|value| b.witness("given", *value)).collect()
}

/// The values of combinations.
pub fn values(lcs: &[Lc]) -> Vec<F> {
    lcs.iter().map(Lc::value).collect()
}

/// A field element that looks random, different for each `seed`.
pub fn some(seed: u64) -> F {
    tacit_core::poseidon::hash(&[F::from(seed)])
}

/// An external vector file.
pub fn external(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/external/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_lookup_term_is_its_plain_twin_and_no_other() {
    use tacit_circuits::gadgets::lookup::{term, term_plain};
    let [numerator, beta, key] = [some(1), some(2), some(3)];
    let build = |b: &mut Builder| {
        let given = witnesses(b, &[numerator, beta, key]);
        term(b, "term", &given[0], &given[1], &given[2])
    };
    let (quotient, refused) = checked(build);
    assert!(refused.is_empty());
    assert_eq!(quotient.value(), term_plain(numerator, beta, key));
    let cheat = |b: &mut Builder| {
        b.override_witness("term", 0, |honest| honest + F::from(1u8));
        build(b)
    };
    assert_eq!(violated(cheat), BTreeSet::from(["term"]));
}

#[test]
fn a_lookup_of_beta_itself_has_no_witness() {
    let refused = violated(|b| {
        let given = witnesses(b, &[F::from(1u8), some(2)]);
        tacit_circuits::gadgets::lookup::term(b, "term", &given[0], &given[1], &given[1])
    });
    assert_eq!(refused, BTreeSet::from(["term"]));
}

//! Promises of the gadgets: equal to their plain twins, the same in both modes, and every check refuses what it names.

mod eddsa;

use std::collections::BTreeSet;

use tacit_circuits::builder::Builder;
use tacit_core::field::F;

/// Builds in both modes and insists that they agree and, evaluated from the matrices, mean the same; returns the violated checks.
pub fn violated(mut build: impl FnMut(&mut Builder)) -> BTreeSet<&'static str> {
    let (mut rows, mut values) = (Builder::rows(), Builder::assignment());
    build(&mut rows);
    build(&mut values);
    assert_eq!(rows.counts(), values.counts(), "both modes have the same rows");
    assert_eq!(rows.values(), values.values(), "both modes have the same wires");
    assert_eq!(rows.violations(), values.violations(), "both modes see the same violations");
    let violated = rows.violated_checks();
    let (matrices, wires) = rows.into_parts();
    assert_eq!(matrices.check(&wires).is_ok(), violated.is_empty(), "values and matrices agree");
    violated
}

/// A field element that looks random, different for each `seed`.
pub fn some(seed: u64) -> F {
    tacit_core::poseidon::hash(&[F::from(seed)])
}

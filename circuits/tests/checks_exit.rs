//! Each check of the exit circuit refuses what it is there for: for every name a request that breaks it and nothing else.
//!
//! Four checks of the signature fall with the equation of necessity (`support/owners.rs`). A check that is added without an entry here
//! fails the test that compares names.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::BTreeSet;

use support::owners::{Case, Which, assert_with_the_equation, on, signature_cases, with_the_equation};
use tacit_circuits::builder::Builder;
use tacit_core::field::pow2;

const EXIT: Which = Which::Exit;

/// Requests that no contract takes, signed by the owner; and forgeries.
fn table() -> Vec<(&'static str, Case)> {
    let mut all = vec![
        ("index", on(EXIT).stating(|told| told.exit.0.index = pow2(21))),
        ("recipient", on(EXIT).stating(|told| told.exit.0.recipient = pow2(160))),
        ("amount", on(EXIT).stating(|told| told.exit.0.amount = pow2(64))),
        ("number", on(EXIT).stating(|told| told.exit.0.number = pow2(32))),
    ];
    all.extend(signature_cases(EXIT));
    all
}

/// The public input that the circuit computes: the row that ties it.
const OUTPUTS: [(&str, usize); 1] = [("owner", 1)];

#[test]
fn every_check_of_the_exit_circuit_has_a_case() {
    let named: BTreeSet<&str> = EXIT.shape().checks().into_keys().collect();
    let mut covered: BTreeSet<&str> = table().iter().map(|(name, _)| *name).collect();
    covered.extend(with_the_equation(EXIT).iter().map(|(name, _)| *name));
    covered.extend(OUTPUTS.iter().map(|(name, _)| *name));
    assert_eq!(named, covered);
}

#[test]
fn the_honest_request_violates_nothing() {
    assert!(on(EXIT).violated().is_empty());
}

#[test]
fn each_check_refuses_alone() {
    let mut wrong = Vec::new();
    for (name, case) in table() {
        let violated = case.violated();
        if violated != BTreeSet::from([name]) {
            wrong.push(format!("{name}: {violated:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_makes_points_of_none_is_refused_with_the_equation_it_breaks() {
    assert_with_the_equation(EXIT);
}

#[test]
fn computed_inputs_are_tied_to_what_was_computed() {
    let b = on(EXIT).built(Builder::assignment());
    for (name, input) in OUTPUTS {
        assert_eq!(EXIT.rows().broken_by_input(&b, input), BTreeSet::from([name]));
    }
}

//! Nothing that a prover is asked for is left to his choice: every witness of both circuits, changed alone with everything downstream
//! recomputed, is refused somewhere. Those few that are free are listed with the reason why nobody is harmed.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::Circuit::{self, Closing, Segment};
use support::{Attack, market};
use tacit_circuits::builder::{Builder, INVERSE, MATERIALIZED, PRODUCT};
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::shapes;
use tacit_core::field::F;
use tacit_core::params::Params;

/// Rows of shared gadgets, tested on their own: thousands of wires each.
const GADGETS: [&str; 4] = [PRODUCT, MATERIALIZED, BIT, INVERSE];

/// How many witnesses each label has.
fn labels(shape: &Builder) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for wire in 1 + shape.n_inputs()..shape.values().len() {
        *counts.entry(shape.label(wire).unwrap().0).or_insert(0) += 1;
    }
    counts.retain(|label, _| !GADGETS.contains(label));
    counts
}

/// Labels of which one of the given occurrences can be raised by one and nobody refuses.
fn free(shape: &Builder, circuit: Circuit, places: impl Fn(usize) -> Vec<usize>) -> BTreeSet<&'static str> {
    let mut free = BTreeSet::new();
    for (label, count) in labels(shape) {
        for at in places(count) {
            let verdict = attack().lie(circuit, label, at, |x| x + F::from(1u8)).run();
            if verdict.reasons().is_empty() {
                free.insert(label);
            }
        }
    }
    free
}

/// The market, to be lied about.
fn attack() -> Attack {
    Attack::on(&market())
}

#[test]
fn every_witness_of_an_account_that_trades_is_bound() {
    // The second half of a segment's witnesses is its second touch, here account 1: two orders, three positions, one of them expired.
    let found =
        free(&shapes(&Params::DEV).0, Segment(0), |count| BTreeSet::from([count / 2, count - 1]).into_iter().collect());
    // Salts of digests are the prover's to draw. The flag of an empty position says nothing of any position.
    assert_eq!(found, BTreeSet::from(["rho", "sums salt", "expired"]));
}

#[test]
fn every_witness_of_an_account_that_exits_is_bound() {
    // The first half of segment 2: account 4, which holds an expired position and has no orders.
    let last_of_first_half = |count: usize| if count.is_multiple_of(2) { vec![count / 2 - 1] } else { vec![] };
    let found = free(&shapes(&Params::DEV).0, Segment(2), last_of_first_half);
    // What an inactive slot would have as its order goes nowhere: no hash, no row, no sum.
    let inactive = [
        "cancel",
        "first batch",
        "highest fee rate",
        "instrument",
        "last batch",
        "limit",
        "order epoch",
        "order salt",
        "quantity",
        "recipient",
        "side",
        "survives",
        "withdraw",
    ];
    assert_eq!(found, BTreeSet::from(inactive));
}

#[test]
fn every_witness_of_a_used_row_is_bound() {
    // The first risk row and, of what both kinds of rows have, the first settled row.
    let first = |count: usize| if count.is_multiple_of(12) { vec![0, count / 12 * 8] } else { vec![0] };
    let found = free(&shapes(&Params::DEV).1, Closing, first);
    assert_eq!(found, BTreeSet::from(["rho", "auction salt"]));
}

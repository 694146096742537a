//! Nothing in either circuit is left to its prover beyond what is declared (`circuits.rs`):
//!
//! * no wire is free to first order, once public inputs and choices are held;
//! * each choice, moved alone, breaks a row or moves a public input;
//! * no wire has another value at all, once those numbers are known too that only a hash or an identity binds.
//!
//! A constraint that is missing between such a wire and an output would show here: `planted.rs` shows that it does, by which of the
//! three, and which mistakes take a witness that means something else.

#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod circuits;
mod degenerate;
mod planted;
#[path = "../support/mod.rs"]
mod support;
#[path = "../uniqueness/mod.rs"]
mod uniqueness;

use std::collections::BTreeSet;

use circuits::Circuit;
use degenerate::KINDS;
use support::scene;
use tacit_circuits::settlement::Plan;
use tacit_core::batch::ClearedBatch;
use tacit_core::params::Params;
use uniqueness::Tangent;

/// Whether every batch is taken, and not a sample.
fn full() -> bool {
    std::env::var("TACIT_FULL").is_ok_and(|full| full == "1")
}

/// Insists that a batch satisfies both circuits, that nothing in them is free, that every choice is bound; and, if `exact`, that no
/// wire has another value.
#[track_caller]
fn assert_unique(circuits: &[Circuit], cleared: &ClearedBatch, exact: bool, what: &str) {
    let plan = Plan::new(cleared, support::QUEUES, [9; 20], support::SEED);
    for circuit in circuits {
        for witness in circuit.witnesses(&plan, what) {
            let tangent = Tangent::at(&circuit.matrices, &witness.wires);
            assert_eq!(circuit.free(&tangent, &witness, |_| true), BTreeSet::new(), "free wires, {what}");
            let unbound = circuit.unbound(&tangent, &witness, |_| true);
            assert_eq!(unbound, BTreeSet::new(), "choices that nothing binds, {what}");
            if exact {
                let undetermined = circuit.undetermined(&witness, |_| true);
                assert_eq!(undetermined, BTreeSet::new(), "wires with another value, {what}");
            }
        }
    }
}

/// Random batches: every other one busy, every other one full of refusals. Each `step`-th is tested for other values too.
fn random_batches(params: Params, count: u64, step: u64) {
    let circuits = Circuit::both(params);
    for seed in 0..count {
        let scene = if seed % 2 == 0 { support::busy(params, seed) } else { scene::random(params, seed) };
        assert_unique(&circuits, &scene.clear(), seed % step == 1, &format!("{} batch {seed}", params.name));
    }
}

/// Each `every`-th of `KINDS`, at its edge; of these each `step`-th is tested for other values too.
fn degenerate_batches(params: Params, every: usize, step: usize) {
    let circuits = Circuit::both(params);
    for (at, kind) in KINDS.iter().step_by(every).enumerate() {
        let what = format!("{}, {}", params.name, kind.name);
        let cleared = (kind.batch)(params);
        assert!((kind.shows)(&cleared), "{what}: this batch no longer shows what its name says");
        assert_unique(&circuits, &cleared, at % step == 0, &what);
    }
}

#[test]
fn random_dev_batches_leave_nothing_to_the_prover() {
    random_batches(Params::DEV, if full() { 200 } else { 8 }, 3);
}

#[test]
fn random_standard_batches_leave_nothing_to_the_prover() {
    random_batches(Params::STANDARD, if full() { 200 } else { 1 }, 20);
}

#[test]
fn degenerate_dev_batches_leave_nothing_to_the_prover() {
    degenerate_batches(Params::DEV, if full() { 1 } else { 6 }, 1);
}

#[test]
fn degenerate_standard_batches_leave_nothing_to_the_prover() {
    degenerate_batches(Params::STANDARD, if full() { 1 } else { 40 }, 8);
}

#[test]
fn there_are_fifty_degenerate_batches_of_different_names() {
    let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert!(names.len() >= 50 && names.len() == KINDS.len(), "{} kinds, {} names", KINDS.len(), names.len());
}

#[test]
fn every_planted_mistake_is_found_by_what_the_list_says() {
    let names: BTreeSet<&str> = planted::PLANTED.iter().map(|planted| planted.name).collect();
    assert_eq!(names.len(), planted::try_all(), "names differ");
    assert!(names.len() >= 12);
}

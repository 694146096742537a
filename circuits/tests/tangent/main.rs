//! Both circuits leave no wire free to first order, once the wires are held that the prover brings; and each of these is bound by what
//! is said of it. A constraint that is missing between such a wire and an output would show here: `planted` shows that it does, and
//! which mistakes take another kind of test.

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

/// Insists that a batch satisfies both circuits, that nothing in them is free, and that every choice is bound.
#[track_caller]
fn assert_unique(circuits: &[Circuit], cleared: &ClearedBatch, what: &str) {
    let plan = Plan::new(cleared, support::QUEUES, [9; 20], support::SEED);
    for circuit in circuits {
        for witness in circuit.witnesses(&plan, what) {
            let tangent = Tangent::at(&circuit.matrices, &witness.wires);
            assert_eq!(circuit.free(&tangent, &witness, |_| true), BTreeSet::new(), "free wires, {what}");
            assert_eq!(
                circuit.unbound(&tangent, &witness, |_| true),
                BTreeSet::new(),
                "choices that nothing binds, {what}"
            );
        }
    }
}

/// Random batches: every other one busy, every other one full of refusals.
fn random_batches(params: Params, count: u64) {
    let circuits = Circuit::both(params);
    for seed in 0..count {
        let scene = if seed % 2 == 0 { support::busy(params, seed) } else { scene::random(params, seed) };
        assert_unique(&circuits, &scene.clear(), &format!("{} batch {seed}", params.name));
    }
}

/// The kinds of `KINDS` at their edges: each `step`-th.
fn degenerate_batches(params: Params, step: usize) {
    let circuits = Circuit::both(params);
    for kind in KINDS.iter().step_by(step) {
        let cleared = (kind.batch)(params);
        assert!(
            (kind.shows)(&cleared),
            "{}, {}: this batch no longer shows what its name says",
            params.name,
            kind.name
        );
        assert_unique(&circuits, &cleared, &format!("{}, {}", params.name, kind.name));
    }
}

#[test]
fn random_dev_batches_leave_nothing_free_and_no_choice_unbound() {
    random_batches(Params::DEV, if full() { 200 } else { 10 });
}

#[test]
fn random_standard_batches_leave_nothing_free_and_no_choice_unbound() {
    random_batches(Params::STANDARD, if full() { 200 } else { 2 });
}

#[test]
fn degenerate_dev_batches_leave_nothing_free_and_no_choice_unbound() {
    degenerate_batches(Params::DEV, if full() { 1 } else { 4 });
}

#[test]
fn degenerate_standard_batches_leave_nothing_free_and_no_choice_unbound() {
    degenerate_batches(Params::STANDARD, if full() { 1 } else { 40 });
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

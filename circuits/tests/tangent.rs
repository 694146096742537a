//! Both circuits leave no wire free to first order, once the wires are held that the prover brings and only a hash, a
//! signature or the other circuit binds. A constraint that is missing between such a wire and an output would show
//! here.

#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

#[path = "../../rust/core/tests/scene/mod.rs"]
#[allow(unused_imports, missing_docs)]
mod scene;
#[path = "gadgets/uniqueness.rs"]
mod uniqueness;

use std::collections::BTreeSet;

use tacit_circuits::builder::{Builder, INVERSE};
use tacit_circuits::settlement::{Plan, Queues};
use tacit_circuits::{closing, segment};
use tacit_core::params::Params;
use uniqueness::free_wires;

/// What a segment's prover brings, and what binds it.
const SEGMENT_CHOICES: [&str; 13] = [
    // The owner hash in the leaf.
    "key x",
    "key y",
    "viewing key",
    "subaccount",
    // The state root.
    "old salt",
    "children",
    // The order hash, which is signed.
    "order salt",
    "recipient",
    // The closing circuit, by the margin identity.
    "mark value",
    "short requirement",
    // The commitment of the segment before.
    "sum in",
    // Blinding.
    "rho",
    "sums salt",
];

/// What the closing circuit's prover brings, and what binds it.
const CLOSING_CHOICES: [&str; 10] = [
    // The risk root.
    "greeks",
    // The segments, by the identities at challenges drawn after τ_G.
    "group long",
    "group short",
    "at-price count",
    "buy volume",
    "multiplicity",
    "sentinel multiplicity",
    // The segments' commitment.
    "sum",
    // Blinding.
    "rho",
    "auction salt",
];

/// Inverses that exist to show that something is not zero: free where it is zero, and nothing depends on them.
const INVERSES: [&str; 2] = [INVERSE, "count inverse"];

fn plan(params: Params, seed: u64) -> Plan {
    let queues = Queues { deposit_end: 0, exit_end: 0 };
    Plan::new(&scene::random(params, seed).clear(), queues, [9; 20], [seed as u8; 32])
}

/// Labels and scopes of the wires that are free while inputs and choices are held.
fn free(b: Builder, choices: &[&str]) -> BTreeSet<String> {
    assert_eq!(b.violations(), []);
    let inputs = b.n_inputs();
    let named = |wire: usize| b.label(wire).map_or(("", String::new()), |(label, scope)| (label, scope.to_owned()));
    let names: Vec<(&str, String)> = (0..b.values().len()).map(named).collect();
    let (matrices, wires) = b.into_parts();
    let held = |wire: usize| wire <= inputs || choices.contains(&names[wire].0);
    let free = free_wires(&matrices, &wires, held).into_iter().filter(|wire| !INVERSES.contains(&names[*wire].0));
    free.map(|wire| format!("{} in {}", names[wire].0, names[wire].1)).collect()
}

#[test]
fn a_segment_leaves_nothing_free_beside_what_hashes_and_the_closing_circuit_bind() {
    for seed in 0..12 {
        let plan = plan(Params::DEV, seed);
        for (public, private) in &plan.segments {
            let mut b = Builder::rows();
            segment::synthesize(&mut b, &plan.params, public, private);
            assert_eq!(free(b, &SEGMENT_CHOICES), BTreeSet::new(), "seed {seed}");
        }
    }
}

#[test]
fn the_closing_circuit_leaves_nothing_free_beside_what_hashes_and_segments_bind() {
    for seed in 0..12 {
        let plan = plan(Params::DEV, seed);
        let mut b = Builder::rows();
        closing::synthesize(&mut b, &plan.params, &plan.closing.0, &plan.closing.1);
        assert_eq!(free(b, &CLOSING_CHOICES), BTreeSet::new(), "seed {seed}");
    }
}

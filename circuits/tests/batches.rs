//! Honest batches satisfy both circuits, and the circuits derive what the core computed: roots, digests, sums, data values.

#[path = "../../rust/core/tests/scene/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs)]
mod scene;

use tacit_circuits::settlement::{Plan, Queues};
use tacit_core::params::Params;

const QUEUES: Queues = Queues { deposit_end: 0, exit_end: 0 };

fn plan(params: Params, seed: u64) -> Plan {
    Plan::new(&scene::random(params, seed).clear(), QUEUES, [9; 20], [seed as u8; 32])
}

fn assert_satisfied(plan: &Plan, what: &str) {
    for j in 0..plan.segments.len() {
        plan.segment_assignment(j).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    plan.closing_assignment().unwrap_or_else(|e| panic!("{what}: {e}"));
}

#[test]
fn random_dev_batches_satisfy_both_circuits() {
    for seed in 0..40 {
        assert_satisfied(&plan(Params::DEV, seed), &format!("dev batch {seed}"));
    }
}

#[test]
fn random_standard_batches_satisfy_both_circuits() {
    for seed in 0..4 {
        assert_satisfied(&plan(Params::STANDARD, seed), &format!("standard batch {seed}"));
    }
}

//! The circuits are what they were: sizes and a hash of the matrices are pinned, and do not depend on the witness.
//!
//! A change of a circuit fails here until the pin (`cargo run --release -p tacit-circuits --example pin`) and the keys are renewed on purpose.

#[path = "../../rust/core/tests/scene/mod.rs"]
#[allow(unused_imports, missing_docs)]
mod scene;

use tacit_circuits::builder::Builder;
use tacit_circuits::fingerprint::{Fingerprint, Pin, Pins};
use tacit_circuits::settlement::{Plan, Queues, matrices};
use tacit_circuits::{closing, segment};
use tacit_core::params::Params;

fn pinned(params: &Params) -> Pins {
    let path = format!("{}/fingerprints/{}.json", env!("CARGO_MANIFEST_DIR"), params.name);
    Pins::parse(&std::fs::read_to_string(path).expect("a pin for each parameter set")).expect("a well-formed pin")
}

fn assert_pinned(params: Params) {
    let (segment, closing) = matrices(&params);
    let pins = pinned(&params);
    pins.compare("segment", &Pin::of(&segment)).expect("the segment circuit as pinned");
    pins.compare("closing", &Pin::of(&closing)).expect("the closing circuit as pinned");
}

#[test]
fn dev_circuits_are_as_pinned() {
    assert_pinned(Params::DEV);
}

#[test]
fn standard_circuits_are_as_pinned() {
    assert_pinned(Params::STANDARD);
}

#[test]
fn large_circuits_are_as_pinned() {
    assert_pinned(Params::LARGE);
}

#[test]
fn rows_do_not_depend_on_the_witness() {
    let params = Params::DEV;
    let (blank_segment, blank_closing) = matrices(&params);
    for seed in [1, 2, 3] {
        let queues = Queues { deposit_end: 0, exit_end: 0 };
        let plan = Plan::new(&scene::random(params, seed).clear(), queues, [0; 20], [7; 32]);
        for (public, private) in &plan.segments {
            let mut b = Builder::rows();
            segment::synthesize(&mut b, &params, public, private);
            assert_eq!(Fingerprint::of(&b.into_parts().0), Fingerprint::of(&blank_segment));
        }
        let mut b = Builder::rows();
        closing::synthesize(&mut b, &params, &plan.closing.0, &plan.closing.1);
        assert_eq!(Fingerprint::of(&b.into_parts().0), Fingerprint::of(&blank_closing));
    }
}

#[test]
fn standard_circuits_keep_their_budgets() {
    let p = Params::STANDARD;
    let (segment, closing) = matrices(&p);
    assert!(p.touches >= 7 && segment.rows() <= 9_300 * p.touches * p.orders, "{} rows", segment.rows());
    assert!(segment.domain_size() <= 1 << 18, "{} rows", segment.rows());
    assert!(closing.rows() <= 2_300 * p.rows, "{} rows", closing.rows());
}

//! The circuits are what they were: sizes and a hash of the matrices are pinned, and do not depend on the witness.
//!
//! A change of a circuit fails here until the pin (`cargo run --release -p tacit-circuits --example pin`) and the keys are renewed on purpose.
//! Set-up builds a circuit from a blank witness, a proof its wires from a real one. Would a row stand or fall with what a witness
//! holds, the key would be one of another circuit: so the rows are built from witnesses as different as there are, and compared.

#[path = "../../rust/core/tests/scene/mod.rs"]
#[allow(unused_imports, missing_docs)]
mod scene;

use scene::{BATCH, QUOTE, Scene, cancel, order, withdrawal};
use tacit_circuits::builder::Builder;
use tacit_circuits::fingerprint::{Fingerprint, Pin, Pins};
use tacit_circuits::settlement::{Plan, Queues, matrices};
use tacit_circuits::statement::{ClosingPublic, SegmentPublic};
use tacit_circuits::{closing, escape, exit, segment};
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::units::TOP;

fn pinned(params: &Params) -> Pins {
    let path = format!("{}/fingerprints/{}.json", env!("CARGO_MANIFEST_DIR"), params.name);
    Pins::parse(&std::fs::read_to_string(path).expect("a pin for each parameter set")).expect("a well-formed pin")
}

fn assert_pinned(params: Params) {
    let (segment, closing) = matrices(&params);
    let pins = pinned(&params);
    pins.compare("segment", &Pin::of(&segment)).expect("the segment circuit as pinned");
    pins.compare("closing", &Pin::of(&closing)).expect("the closing circuit as pinned");
    let [exit, escape] = [exit::shape(), escape::shape(&params)].map(|shape| shape.into_parts().0);
    pins.compare("exit", &Pin::of(&exit)).expect("the exit circuit as pinned");
    pins.compare("escape", &Pin::of(&escape)).expect("the escape circuit as pinned");
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

/// Tables and an account as full as they get, both ends of every range, an expiry, a deposit, an exit, a tie at the cut.
fn crowded(params: Params) -> Scene {
    let mut s = Scene::new(params);
    (s.context.num, s.context.den, s.context.fee_rate) = (5, 1, 9_999);
    let highest = (1 << 42) - 1;
    for i in 0..params.rows as u32 {
        let row = s.row(1 + i, 1_000);
        (row.short_minimum, row.values[0]) = (highest, highest);
        row.mark = if i == 0 { highest } else { row.mark };
    }
    (0..params.settled as u32).for_each(|i| s.settle(TOP - 1 - i, highest));
    let held: Vec<(u32, i64)> =
        (0..params.positions as u32).map(|i| (2 + i, if i % 2 == 0 { 7 } else { -7 })).collect();
    s.account(1, QUOTE, &held).bitmap = u64::MAX >> 1;
    s.account(2, -(1 << 80), &[(TOP - 1, -5)]);
    for index in [3, 4] {
        s.account(index, 1_000 * QUOTE, &[]);
        s.order(order(index, 2, Side::Buy, 5, 1_001));
    }
    s.account(5, 1_000_000 * QUOTE, &[]).epoch = u32::MAX;
    s.order(Order { epoch: u32::MAX, ..order(5, 2, Side::Sell, 5, 1) });
    s.order(Order { slot: 63, ..order(1, 1, Side::Sell, u32::MAX, 0) });
    s.plans.entry(2).or_default().exit = Some(u64::MAX);
    s.plans.entry(6).or_default().deposit = u64::MAX;
    s
}

/// Nothing but orders that are refused, a cancel, and touches of nobody.
fn refused(params: Params) -> Scene {
    let mut s = Scene::new(params);
    s.account(1, 0, &[]);
    s.order(order(1, 9, Side::Buy, 1, 1));
    s.order(Order { slot: 1, ..withdrawal(1, 1) });
    s.order(Order { last_batch: BATCH - 1, ..order(2, 9, Side::Sell, 1, 1) });
    s.order(cancel(2, u32::MAX));
    s.plans.entry(3).or_default().exit = Some(5);
    s
}

fn plan(scene: &Scene) -> Plan {
    Plan::new(&scene.clear(), Queues { deposit_end: 0, exit_end: 0 }, [0; 20], [7; 32])
}

/// Witnesses that have little in common: as things go, nothing at all, nothing but refusals, every number at its end.
fn witnesses(params: Params) -> Vec<(&'static str, Plan)> {
    let scenes = [
        ("random", scene::random(params, 1)),
        ("the fund alone", Scene::new(params)),
        ("refused", refused(params)),
        ("crowded", crowded(params)),
    ];
    scenes.iter().map(|(name, scene)| (*name, plan(scene))).collect()
}

/// A deep run looks at every segment of every batch; a short one at the first, and of `large` at the closing circuit alone.
fn segments_compared(params: &Params, plan: &Plan) -> usize {
    match std::env::var_os("TACIT_FULL") {
        Some(_) => plan.segments.len(),
        None => usize::from(params.name != "large"),
    }
}

fn assert_same_rows(params: Params) {
    let (segment_rows, closing_rows) = matrices(&params);
    let (segment_print, closing_print) = (Fingerprint::of(&segment_rows), Fingerprint::of(&closing_rows));
    let build = |synthesize: &dyn Fn(&mut Builder)| {
        let mut b = Builder::rows();
        synthesize(&mut b);
        b.into_parts()
    };
    for (name, plan) in witnesses(params) {
        for (j, (public, private)) in plan.segments[..segments_compared(&params, &plan)].iter().enumerate() {
            let (rows, wires) = build(&|b| segment::synthesize(b, &params, public, private));
            assert_eq!(Fingerprint::of(&rows), segment_print, "{name}: segment");
            assert!(segment_rows.check(&wires).is_ok(), "{name}: segment");
            // What is proven is built without rows: the same wires, of which the rows of the key hold.
            assert!(plan.segment_assignment(j).expect("a sound batch") == wires, "{name}: segment's assignment");
        }
        let (rows, wires) = build(&|b| closing::synthesize(b, &params, &plan.closing.0, &plan.closing.1));
        assert_eq!(Fingerprint::of(&rows), closing_print, "{name}: closing");
        assert!(closing_rows.check(&wires).is_ok(), "{name}: closing");
        assert!(plan.closing_assignment().expect("a sound batch") == wires, "{name}: closing assignment");
    }
}

#[test]
fn dev_rows_do_not_depend_on_the_witness() {
    assert_same_rows(Params::DEV);
}

#[test]
fn standard_rows_do_not_depend_on_the_witness() {
    assert_same_rows(Params::STANDARD);
}

#[test]
fn large_rows_do_not_depend_on_the_witness() {
    assert_same_rows(Params::LARGE);
}

#[test]
fn rows_do_not_depend_on_a_witness_that_nothing_holds_of() {
    // Inputs of no batch, and the witness of one batch beside the inputs of another: what a cheat would build.
    let params = Params::DEV;
    let (segment_rows, closing_rows) = matrices(&params);
    let plans = witnesses(params);
    for (at, (name, plan)) in plans.iter().enumerate() {
        let (_, other) = &plans[(at + 1) % plans.len()];
        let mixed = &other.segments[0].0.to_array();
        let rubbish = mixed.map(|value| -value - value);
        for public in [SegmentPublic::from_array(*mixed), SegmentPublic::from_array(rubbish)] {
            let mut b = Builder::rows();
            segment::synthesize(&mut b, &params, &public, &plan.segments[0].1);
            assert!(!b.violations().is_empty(), "{name}: segment");
            assert_eq!(Fingerprint::of(&b.into_parts().0), Fingerprint::of(&segment_rows), "{name}: segment");
        }
        let rubbish = ClosingPublic::from_array(other.closing.0.to_array().map(|value| -value - value));
        let mut b = Builder::rows();
        closing::synthesize(&mut b, &params, &rubbish, &plan.closing.1);
        assert!(!b.violations().is_empty(), "{name}: closing");
        assert_eq!(Fingerprint::of(&b.into_parts().0), Fingerprint::of(&closing_rows), "{name}: closing");
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

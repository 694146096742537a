//! What would be noticed if a line of a circuit were missing. The rows of each check are left out call by call: without them some wire
//! must be free to first order, or a witness that only they refuse must stand in this suite. This file has the first part and, for bits,
//! which are never free to first order, the second: every decomposition is given another reading. The rest is in the tables of one
//! witness a check and in the attacks; `python -m tests.assurance` adds all of it up.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

#[path = "tangent/circuits.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod circuits;
mod support;
mod uniqueness;

use std::collections::{BTreeMap, BTreeSet};

use ark_ff::{AdditiveGroup, Field};
use circuits::Circuit;
use support::record::{self, Unit};
use support::{dev_rows, market};
use tacit_circuits::builder::{Builder, MATERIALIZED, PRODUCT, RowFilter};
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::matrices::Matrices;
use tacit_circuits::settlement::{Plan, shapes};
use tacit_circuits::{closing, segment};
use tacit_core::field::F;
use tacit_core::params::Params;
use uniqueness::Tangent;

const NAMES: [&str; 2] = ["segment", "closing"];

/// Checks whose rows define a wire, and nothing else.
const DEFINITIONS: [&str; 3] = [PRODUCT, MATERIALIZED, "point addition"];

fn plan(scene: &support::scene::Scene) -> Plan {
    Plan::new(&scene.clear(), support::QUEUES, [9; 20], support::SEED)
}

fn plans() -> Vec<Plan> {
    [market(), support::busy(Params::DEV, 0)].iter().map(plan).collect()
}

/// What is free in some witness once the rows of `unit` are left out.
fn freed(circuit: &Circuit, at: &[(Tangent<'_>, circuits::Witness<'_>)], rows: &BTreeSet<usize>) -> BTreeSet<String> {
    let free = |(tangent, witness): &(Tangent<'_>, _)| circuit.free(tangent, witness, |row| !rows.contains(&row));
    at.iter().map(free).find(|free| !free.is_empty()).unwrap_or_default()
}

#[test]
fn every_row_has_a_check_and_a_place() {
    let (segment, closing) = shapes(&Params::DEV);
    for (name, b) in NAMES.into_iter().zip([&segment, &closing]) {
        record::inventory(name, b);
        let units = record::units_of(name, b);
        assert_eq!(units.iter().map(|(_, rows)| rows.len()).sum::<usize>(), b.n_rows());
    }
}

#[test]
fn a_wire_is_free_without_the_rows_that_define_it() {
    let plans = plans();
    let (segment, closing) = shapes(&Params::DEV);
    let mut found = 0;
    for ((name, shape), circuit) in NAMES.into_iter().zip([&segment, &closing]).zip(&Circuit::both(Params::DEV)) {
        let witnesses = plans.iter().flat_map(|plan| circuit.witnesses(plan, name));
        let at: Vec<_> = witnesses.map(|w| (Tangent::at(&circuit.matrices, &w.wires), w)).collect();
        assert_eq!(
            freed(circuit, &at, &BTreeSet::new()),
            BTreeSet::new(),
            "with all its rows the {name} leaves nothing free"
        );
        for (unit, rows) in record::units_of(name, shape) {
            let wires = freed(circuit, &at, &rows.into_iter().collect());
            if !wires.is_empty() {
                record::freed(&unit, &wires);
                found += 1;
            }
        }
    }
    assert!(found > 100, "the test of uniqueness finds {found} deletions");
}

/// What becomes of a wire.
#[derive(Clone, Copy)]
enum Move {
    By(F),
    To(F),
}

/// A circuit of the market with its shape, its rows and where the wires of a label stand.
struct Target {
    circuit: usize,
    shape: Builder,
    matrices: Matrices,
    /// Of each wire: how many of its label come before it.
    ordinals: Vec<usize>,
    plan: Plan,
}

impl Target {
    fn both() -> [Self; 2] {
        let (segment, closing) = shapes(&Params::DEV);
        [(0, segment), (1, closing)].map(|(circuit, shape)| {
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            let mut ordinal = |wire| {
                let count = seen.entry(shape.label(wire).map_or("", |label| label.0)).or_default();
                *count += 1;
                *count - 1
            };
            let ordinals = (0..shape.values().len()).map(&mut ordinal).collect();
            let matrices = shape.matrices(&RowFilter::default());
            Self { circuit, shape, matrices, ordinals, plan: plan(&market()) }
        })
    }

    fn units(&self) -> Vec<(Unit, Vec<usize>)> {
        record::units_of(NAMES[self.circuit], &self.shape)
    }

    /// What refuses the witness of segment `j` (or the closing circuit's) in which wires are moved and all else follows.
    fn refusal(&self, j: usize, moves: &[(u32, Move)]) -> BTreeSet<Unit> {
        let mut b = Builder::assignment();
        for (wire, moved) in moves {
            let (wire, moved) = (*wire as usize, *moved);
            b.override_witness(self.shape.label(wire).unwrap().0, self.ordinals[wire], move |honest| match moved {
                Move::By(difference) => honest + difference,
                Move::To(value) => value,
            });
        }
        if self.circuit == 1 {
            closing::synthesize(&mut b, &self.plan.params, &self.plan.closing.0, &self.plan.closing.1);
            return dev_rows().1.broken_units(b.values());
        }
        let (public, private) = &self.plan.segments[j];
        segment::synthesize(&mut b, &self.plan.params, public, private);
        dev_rows().0.broken_units(b.values())
    }

    fn segments(&self) -> usize {
        if self.circuit == 1 { 1 } else { self.plan.segments.len() }
    }
}

#[test]
fn no_product_and_no_sum_is_another() {
    for target in Target::both() {
        for (unit, rows) in target.units().into_iter().filter(|(unit, _)| DEFINITIONS.contains(&unit.check)) {
            // The wire defined stands on the right or, of a slope, on the left of the row, and is its newest.
            let sides = [&target.matrices.c, &target.matrices.b];
            let newest = sides.map(|side| side.row(rows[0]).map(|term| term.1).max());
            let witnesses = newest.into_iter().flatten().filter(|wire| *wire as usize > target.shape.n_inputs());
            let refused = |wire: u32| target.refusal(0, &[(wire, Move::By(F::ONE))]).contains(&unit);
            assert!(witnesses.filter(|wire| refused(*wire)).count() > 0, "{unit:?}");
            // In padding and in unused rows less depends on it, so that often nothing else refuses.
            let last = target
                .matrices
                .c
                .row(rows[rows.len() - 1])
                .map(|term| term.1)
                .max()
                .filter(|wire| *wire as usize > target.shape.n_inputs());
            assert!(last.is_none_or(|wire| !target.refusal(0, &[(wire, Move::By(F::ONE))]).is_empty()), "{unit:?}");
        }
    }
}

#[test]
fn an_epoch_that_no_order_attained_is_refused_by_the_products_that_say_so() {
    let [segment, _] = Target::both();
    let label = |wire: &u32| segment.shape.label(*wire as usize).is_some_and(|(label, _)| label == "touch epoch");
    let epoch = (1..segment.shape.values().len() as u32).find(label).unwrap();
    let products = segment
        .units()
        .into_iter()
        .filter(|(unit, _)| unit.check == PRODUCT && unit.place.file().ends_with("order.rs"));
    let refused_alone = |(unit, rows): (Unit, Vec<usize>)| {
        // Account 6, the first of segment 3, has two orders: the second product of each kind is the last over them.
        let product = segment.matrices.c.row(rows[1]).map(|term| term.1).max().unwrap();
        let lies = [(epoch, Move::To(F::from(9u8))), (product, Move::To(F::ZERO))];
        segment.refusal(3, &lies) == BTreeSet::from([unit])
    };
    // The product over all orders, and the order's distance from the epoch, gated by its window.
    assert_eq!(products.filter(|product| refused_alone(product.clone())).count(), 2);
}

/// The bits below the top of the decomposition that ends in `row`, least significant first.
fn low_bits(target: &Target, row: usize) -> Vec<u32> {
    let is_bit = |wire: &u32| target.shape.label(*wire as usize).is_some_and(|(label, _)| label == BIT);
    let ends: Vec<u32> = target.matrices.a.row(row).map(|term| term.1).filter(is_bit).collect();
    // The bits of what is decomposed may stand there too, but were made before.
    let mut run = vec![*ends.iter().max().expect("a decomposition of several bits")];
    while let Some(before) = run[0].checked_sub(1).filter(|wire| ends.contains(wire)) {
        run.insert(0, before);
    }
    run
}

#[test]
fn no_decomposition_has_a_second_reading() {
    // Two bits that are none, their number the same; and the top bit, which is no wire, made another by the one below it.
    let mut unrefused = Vec::new();
    for target in Target::both() {
        let tops = target.units().into_iter().filter(|(unit, _)| unit.place.file().ends_with("gadgets/range.rs"));
        for (unit, rows) in tops.filter(|(unit, rows)| is_top(&target, unit, rows)) {
            let places = || rows.iter().rev().flat_map(|row| (0..target.segments()).map(move |j| (*row, j)));
            let flips = |(row, j): (usize, usize)| {
                let top = *low_bits(&target, row).last().unwrap();
                let alone = BTreeSet::from([unit.clone()]);
                [F::ONE, -F::ONE].into_iter().any(|by| target.refusal(j, &[(top, Move::By(by))]) == alone)
            };
            let splits = |(row, j): (usize, usize)| {
                let bits = low_bits(&target, row);
                let refused = target.refusal(j, &[(bits[0], Move::By(F::from(2u8))), (bits[1], Move::By(-F::ONE))]);
                refused.len() == 1 && refused.iter().all(|other| other.check == unit.check)
            };
            if !places().take(TRIES).any(flips) {
                unrefused.push(format!("top of {}", unit.check));
            }
            if low_bits(&target, rows[0]).len() > 1 && !places().take(TRIES).any(splits) {
                unrefused.push(format!("bits of {}", unit.check));
            }
        }
    }
    assert_eq!(unrefused, [] as [&str; 0]);
}

/// How many decompositions of a check are tried until one is refused by its own rows alone: others are used on by other checks.
const TRIES: usize = 8;

/// Whether the unit's rows close decompositions: their top bit is a combination of the number and the bits below.
fn is_top(target: &Target, unit: &Unit, rows: &[usize]) -> bool {
    let bit = |(_, wire): (F, u32)| target.shape.label(wire as usize).is_some_and(|(label, _)| label == BIT);
    unit.check != PRODUCT && target.matrices.a.row(rows[0]).filter(|term| bit(*term)).count() > 1
}

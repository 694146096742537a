//! The circuits by which an owner acts alone leave nothing to who proves beyond what is declared here, and would not lose a line unnoticed.
//!
//! As `deletion` and `tangent` for the circuits of a batch: no wire is free to first order once public inputs and choices are held, each
//! choice moves a public input or breaks a row, no wire has another value at all once what only a hash binds is known; without the rows
//! of a check some wire must be free, or a witness that only they refuse must stand in this suite. The rest of these stands in
//! `checks_exit` and `checks_escape`; `python -m tests.assurance` adds it up.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;
mod uniqueness;

use std::collections::{BTreeMap, BTreeSet};

use support::owners::{Case, INDEX, Told, Which, on};
use support::record::{self, Unit};
use tacit_circuits::builder::{Builder, INVERSE, MATERIALIZED, PRODUCT, RowFilter};
use tacit_circuits::gadgets::eddsa::ADDITION;
use tacit_circuits::gadgets::merkle::CHILDREN;
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::matrices::Matrices;
use tacit_core::field::F;
use tacit_core::params::Params;
use uniqueness::{Tangent, exact};

const P: Params = Params::DEV;

/// What an owner brings, and what binds it.
const CHOICES: [(&str, &str); 9] = [
    ("key x", "the owner word, which the contract knows or the leaf holds"),
    ("key y", "as key x"),
    ("viewing key", "as key x"),
    ("subaccount", "as key x"),
    ("updates", "the state root"),
    ("salt", "the state root"),
    (CHILDREN, "the root above; held but for the child on the path"),
    ("greeks", "the risk root, where the row values a place"),
    ("scenario values", "as greeks"),
];

/// What is ranged, and so no choice to first order. With these known every other wire has one value.
const PREIMAGES: [(&str, &str); 9] = [
    ("cash", "the state root"),
    ("nonces", "the state root"),
    ("position id", "the state root"),
    ("position quantity", "the state root"),
    ("listed", "the words published, which the contract compares"),
    ("position value", "the risk root, or the words published"),
    ("short minimum", "the risk root"),
    ("challenge digit", "the rows \"challenge …\", one reading below p"),
    ("scalar digit", "the signature equation"),
];

/// Public inputs that the circuits derive.
const OUTPUTS: [&str; 4] = ["owner", "root", "equity", "settled positions"];

/// Checks whose rows define a wire, and nothing else.
const DEFINITIONS: [&str; 3] = [PRODUCT, MATERIALIZED, ADDITION];

/// A circuit's rows, with label and number of each wire among those of its label.
struct Circuit {
    which: Which,
    shape: Builder,
    matrices: Matrices,
    names: Vec<(&'static str, usize)>,
    /// Bits of decompositions: the check that makes them bits.
    bits: BTreeMap<usize, &'static str>,
}

impl Circuit {
    fn both() -> [Self; 2] {
        Which::BOTH.map(Self::of)
    }

    fn of(which: Which) -> Self {
        let shape = which.shape();
        let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
        let name = |wire: usize| {
            let label = shape.label(wire).map_or("one", |named| named.0);
            let count = seen.entry(label).or_default();
            *count += 1;
            (label, *count - 1)
        };
        let names = (0..shape.values().len()).map(name).collect();
        let matrices = shape.matrices(&RowFilter::default());
        let mut circuit = Self { which, shape, matrices, names, bits: BTreeMap::new() };
        circuit.bits = circuit.bits_by_check();
        circuit
    }

    fn bits_by_check(&self) -> BTreeMap<usize, &'static str> {
        let single = |row: usize| match self.matrices.a.row(row).collect::<Vec<_>>().as_slice() {
            [(_, wire)] => Some(*wire as usize),
            _ => None,
        };
        let bit = |row: usize| single(row).filter(|wire| self.names[*wire].0 == BIT).map(|wire| (row, wire));
        let rows = (0..self.matrices.rows()).filter_map(bit);
        rows.map(|(row, wire)| (wire, self.shape.row_name(row).unwrap().0)).collect()
    }

    fn wires(&self, told: &Told) -> Vec<F> {
        let case = on(self.which).edit(|honest| *honest = told.clone());
        let b = case.built(Builder::assignment());
        assert!(b.violations().is_empty(), "an honest witness");
        b.values().to_vec()
    }

    fn is_output(&self, wire: usize) -> bool {
        (1..=self.matrices.n_inputs).contains(&wire) && OUTPUTS.contains(&self.names[wire].0)
    }

    fn is_given(&self, wire: usize) -> bool {
        wire <= self.matrices.n_inputs && !self.is_output(wire)
    }

    fn is_chosen(&self, wire: usize, told: &Told) -> bool {
        let (label, at) = self.names[wire];
        let listed = wire > self.matrices.n_inputs && CHOICES.iter().any(|(choice, _)| *choice == label);
        listed && !(label == CHILDREN && on_path(at, told))
    }

    fn is_brought(&self, wire: usize, told: &Told) -> bool {
        let label = self.names[wire].0;
        let bit = self.bits.get(&wire).is_some_and(|check| *check == "row place");
        let preimage = wire > self.matrices.n_inputs && PREIMAGES.iter().any(|(name, _)| *name == label);
        self.is_given(wire) || self.is_chosen(wire, told) || preimage || bit
    }

    /// Free wires but for inverses of zero, on which nothing depends.
    fn free(&self, tangent: &Tangent<'_>, told: &Told, keep: impl Fn(usize) -> bool) -> BTreeSet<String> {
        let held = |wire: usize| self.is_given(wire) || self.is_chosen(wire, told);
        let free = tangent.free(held, keep).into_iter().filter(|wire| self.names[*wire].0 != INVERSE);
        free.map(|wire| self.names[wire].0.to_owned()).collect()
    }
}

/// Of the children of the state's path, then of each place's row: which path and level the `at`-th belongs to, and which child it is.
fn place_of(at: usize) -> (Option<usize>, usize, usize) {
    let (level, child) = (at / 8, at % 8);
    match level.checked_sub(P.depth) {
        None => (None, level, child),
        Some(level) => (Some(level / P.risk_levels()), level % P.risk_levels(), child),
    }
}

fn on_path(at: usize, told: &Told) -> bool {
    let (place, level, child) = place_of(at);
    let index = place.map_or(INDEX as usize, |place| told.escape.1.places[place].place);
    child == index >> (3 * level) & 7
}

/// Whether the choice is about a row that values nothing.
fn is_idle(label: &str, at: usize, told: &Told) -> bool {
    let words = P.scenarios.div_ceil(6);
    let place = match label {
        CHILDREN => place_of(at).0,
        "greeks" => Some(at),
        "scenario values" => Some(at / words),
        _ => None,
    };
    place.is_some_and(|place| !told.escape.1.places[place].listed)
}

/// An account with something of everything, and one in debt.
fn witnesses() -> [Told; 2] {
    let mut debtor = Told::honest();
    debtor.escape.1.leaf.cash = -1_000_000_000_000_000;
    debtor.settle_path();
    [Told::honest(), debtor]
}

#[test]
fn every_row_has_a_check_and_a_place() {
    for Circuit { which, shape, .. } in Circuit::both() {
        record::inventory(which.name(), &shape);
        let rows = record::units_of(which.name(), &shape).iter().map(|(_, rows)| rows.len()).sum::<usize>();
        assert_eq!(rows, shape.n_rows());
    }
}

#[test]
fn every_choice_moves_what_is_public_or_breaks_a_row() {
    for circuit in Circuit::both() {
        for told in witnesses() {
            let wires = circuit.wires(&told);
            let chosen = |wire: usize| circuit.is_chosen(wire, &told);
            let tangent = Tangent::at(&circuit.matrices, &wires);
            let unbound = tangent.unbound(|w| circuit.is_given(w), chosen, |w| circuit.is_output(w), |_| true);
            let mut names = unbound.into_iter().map(|wire| circuit.names[wire]);
            assert_eq!(names.find(|(label, at)| !is_idle(label, *at, &told)), None);
        }
    }
}

#[test]
fn no_wire_has_another_value_once_what_a_hash_binds_is_known() {
    for circuit in Circuit::both() {
        for told in witnesses() {
            let wires = circuit.wires(&told);
            let known = |wire: usize| circuit.is_brought(wire, &told);
            let found = exact::undetermined(&circuit.matrices, &wires, known, |_| true);
            let names: BTreeSet<_> = found.into_iter().map(|wire| circuit.names[wire].0).collect();
            assert!(names.is_subset(&BTreeSet::from([INVERSE])), "{:?}: {names:?}", circuit.which);
        }
    }
}

#[test]
fn a_wire_is_free_without_the_rows_that_define_it() {
    let told = witnesses();
    for circuit in Circuit::both() {
        let wires = told.each_ref().map(|told| circuit.wires(told));
        let at: Vec<_> = wires.iter().map(|wires| Tangent::at(&circuit.matrices, wires)).zip(&told).collect();
        let mut found = 0;
        let freed = |rows: &BTreeSet<usize>| {
            let free = |(tangent, told): &(Tangent<'_>, &Told)| circuit.free(tangent, told, |row| !rows.contains(&row));
            at.iter().map(free).find(|free| !free.is_empty()).unwrap_or_default()
        };
        assert_eq!(freed(&BTreeSet::new()), BTreeSet::new(), "with all its rows nothing is free");
        for (unit, rows) in record::units_of(circuit.which.name(), &circuit.shape) {
            let wires = freed(&rows.into_iter().collect());
            if !wires.is_empty() {
                record::freed(&unit, &wires);
                found += 1;
            }
        }
        assert!(found > 20, "the test of uniqueness finds {found} deletions");
    }
}

/// What refuses the account or request of which wires are moved, and all else follows.
fn refusal(circuit: &Circuit, told: &Told, moves: &[(u32, F)]) -> BTreeSet<Unit> {
    let case = on(circuit.which).edit(|honest| *honest = told.clone());
    let moved = moves.iter().fold(case, |case: Case, (wire, by)| {
        let ((label, at), by) = (circuit.names[*wire as usize], *by);
        case.lie(label, at, move |honest| honest + by)
    });
    circuit.which.rows().broken_units(moved.built(Builder::assignment()).values())
}

#[test]
fn no_product_and_no_sum_is_another() {
    let told = Told::honest();
    for circuit in Circuit::both() {
        let units = record::units_of(circuit.which.name(), &circuit.shape);
        for (unit, rows) in units.into_iter().filter(|(unit, _)| DEFINITIONS.contains(&unit.check)) {
            // The wire defined stands on the right or, of a slope, on the left of the row, and is its newest.
            let sides = [&circuit.matrices.c, &circuit.matrices.b];
            let newest = sides.map(|side| side.row(rows[0]).map(|term| term.1).max());
            let mut defined = newest.into_iter().flatten().filter(|wire| *wire as usize > circuit.matrices.n_inputs);
            let refused = |wire: u32| refusal(&circuit, &told, &[(wire, F::from(1u8))]).contains(&unit);
            assert!(defined.any(refused), "{unit:?}");
        }
    }
}

/// The bits below the top of the decomposition that ends in `row`, least significant first.
fn low_bits(circuit: &Circuit, row: usize) -> Vec<u32> {
    let ends: Vec<u32> = circuit.matrices.a.row(row).map(|term| term.1).collect();
    let check = circuit.shape.row_name(row).unwrap().0;
    let is_bit = |wire: &u32| circuit.bits.get(&(*wire as usize)) == Some(&check) && ends.contains(wire);
    // The bits of what is decomposed may stand there too, but were made before.
    let mut run = vec![ends.iter().copied().filter(is_bit).max().expect("a decomposition of several bits")];
    while let Some(before) = run[0].checked_sub(1).filter(is_bit) {
        run.insert(0, before);
    }
    run
}

#[test]
fn no_decomposition_has_a_second_reading() {
    // Two bits that are none, their number the same; and the top bit, which is no wire, made another by the one below it.
    let told = nothing_depends();
    let mut unrefused = Vec::new();
    for circuit in Circuit::both() {
        let is_bit = |(_, wire): (F, u32)| circuit.names[wire as usize].0 == BIT;
        let top = |row: usize| circuit.matrices.a.row(row).filter(|term| is_bit(*term)).count() > 1;
        let units = record::units_of(circuit.which.name(), &circuit.shape).into_iter();
        let ranges = units.filter(|(unit, rows)| unit.place.file().ends_with("gadgets/range.rs") && top(rows[0]));
        for (unit, rows) in ranges.filter(|(unit, _)| unit.check != PRODUCT) {
            let alone = BTreeSet::from([unit.clone()]);
            let flips = |row: usize, told: &Told| {
                let top = *low_bits(&circuit, row).last().unwrap();
                [1i8, -1].into_iter().any(|by| refusal(&circuit, told, &[(top, F::from(by))]) == alone)
            };
            let splits = |row: usize, told: &Told| {
                let bits = low_bits(&circuit, row);
                let refused = refusal(&circuit, told, &[(bits[0], F::from(2u8)), (bits[1], -F::from(1u8))]);
                refused.len() == 1 && refused.iter().all(|other| other.check == unit.check)
            };
            let mut places = rows.iter().flat_map(|row| told.iter().map(move |told| (*row, told)));
            if !places.clone().any(|(row, told)| flips(row, told)) {
                unrefused.push(format!("top of {} in {:?}", unit.check, circuit.which));
            }
            if !places.any(|(row, told)| splits(row, told)) {
                unrefused.push(format!("bits of {} in {:?}", unit.check, circuit.which));
            }
        }
    }
    assert_eq!(unrefused, [] as [String; 0]);
}

/// Accounts that stand at every index, so that its digits do not matter; and one of them worth 0, so that its sign does not.
fn nothing_depends() -> [Told; 2] {
    let mut wealthy = Told::honest();
    wealthy.stand_everywhere();
    let mut poor = Told::honest();
    poor.escape.1.leaf.cash = -1_000_000_000_000;
    poor.stand_everywhere();
    [wealthy, poor]
}

#[test]
fn every_witness_is_bound_but_those_that_value_nothing() {
    let told = Told::honest();
    for circuit in Circuit::both() {
        let honest = circuit.wires(&told);
        let outputs = 1..=circuit.matrices.n_inputs;
        let gadgets = [PRODUCT, MATERIALIZED, BIT, INVERSE];
        let mut free = BTreeSet::new();
        for wire in circuit.matrices.n_inputs + 1..honest.len() {
            let (label, at) = circuit.names[wire];
            let signature = circuit.shape.label(wire).unwrap().1.contains("owner and key/");
            if gadgets.contains(&label) || signature && at > 0 {
                continue;
            }
            let case = on(circuit.which).lie(label, at, |x| x + F::from(1u8));
            let b = case.built(Builder::assignment());
            if b.violations().is_empty() && b.values()[outputs.clone()] == honest[outputs.clone()] {
                free.insert((label, at));
            }
        }
        assert!(free.iter().all(|(label, at)| is_idle(label, *at, &told)), "{:?}: {free:?}", circuit.which);
    }
}

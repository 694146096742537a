//! Each check of the closing circuit refuses what it is there for: for every name a witness that breaks it and nothing else.
//!
//! As `checks_segment`: a check without an entry fails a test.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use ark_ff::{AdditiveGroup, Field};
use support::{QUEUES, SEED, bits_of, dev_rows, market};
use tacit_circuits::builder::{Builder, MATERIALIZED, PRODUCT};
use tacit_circuits::closing;
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::{Plan, shapes};
use tacit_circuits::statement::{ClosingPrivate, ClosingPublic};
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::params::Params;
use tacit_core::units::TOP;

type Replace = Box<dyn Fn(F) -> F + Send>;
type Edit = Box<dyn Fn(&ClosingPublic, &mut ClosingPrivate)>;

/// Rows of the market: 10, 20 and 30 at places 0 to 2 of 8, settled 15 and 40 at places 8 and 9 of 8 … 11. Place 5 is unused.
const UNUSED: usize = 5;
/// Row 30: nobody trades or looks it up.
const QUIET: usize = 2;

/// The closing circuit about to be lied to.
#[derive(Default)]
struct Case {
    lies: Vec<(&'static str, usize, Replace)>,
    edits: Vec<Edit>,
}

fn set(label: &'static str, occurrence: usize, value: F) -> Case {
    Case::default().set(label, occurrence, value)
}

/// The same term, more under one row and less under another: their sum stays.
fn shifted(label: &'static str) -> Case {
    Case::default().lie(label, 0, |x| x + F::ONE).lie(label, 1, |x| x - F::ONE)
}

fn edit(change: impl Fn(&ClosingPublic, &mut ClosingPrivate) + 'static) -> Case {
    Case::default().edit(change)
}

impl Case {
    fn set(self, label: &'static str, occurrence: usize, value: F) -> Self {
        self.lie(label, occurrence, move |_| value)
    }

    fn lie(mut self, label: &'static str, occurrence: usize, replace: impl Fn(F) -> F + Send + 'static) -> Self {
        self.lies.push((label, occurrence, Box::new(replace)));
        self
    }

    fn edit(mut self, change: impl Fn(&ClosingPublic, &mut ClosingPrivate) + 'static) -> Self {
        self.edits.push(Box::new(change));
        self
    }

    fn violated(self) -> BTreeSet<&'static str> {
        let cleared = market().clear();
        let (public, mut private) = Plan::new(&cleared, QUEUES, [9; 20], SEED).closing;
        self.edits.iter().for_each(|edit| edit(&public, &mut private));
        let mut b = Builder::assignment();
        let told: Vec<(&'static str, usize)> = self.lies.iter().map(|(label, at, _)| (*label, *at)).collect();
        for (label, at, replace) in self.lies {
            b.override_witness(label, at, replace);
        }
        closing::synthesize(&mut b, &cleared.params, &public, &private);
        for (label, at) in told {
            assert!(b.occurrences(label) > at, "there is no `{label}` number {at}");
        }
        let violated = b.violated_checks();
        assert_eq!(
            violated,
            dev_rows().1.broken(b.values()),
            "what the rows say when they are evaluated without the builder"
        );
        violated
    }
}

fn closing_bits() -> &'static BTreeMap<&'static str, Vec<usize>> {
    static BITS: std::sync::OnceLock<BTreeMap<&'static str, Vec<usize>>> = std::sync::OnceLock::new();
    BITS.get_or_init(|| bits_of(&shapes(&Params::DEV).1))
}

/// The `at`-th bit of a check's decompositions is moved.
fn bit(check: &'static str, at: usize, by: F) -> Case {
    let ordinal = closing_bits()[check][at];
    Case::default().lie(BIT, ordinal, move |honest| honest + by)
}

/// Products of the whole circuit: the last one belongs to the value of the public words alone.
fn last_product() -> usize {
    let cleared = market().clear();
    let (public, private) = Plan::new(&cleared, QUEUES, [9; 20], SEED).closing;
    let mut b = Builder::assignment();
    b.override_witness(PRODUCT, usize::MAX, |x| x);
    closing::synthesize(&mut b, &cleared.params, &public, &private);
    b.occurrences(PRODUCT) - 1
}

/// `1/(β − key)`.
fn fraction(public: &ClosingPublic, key: F) -> F {
    (public.beta - key).inverse().unwrap()
}

/// Ranges and flags, mostly in a row that is not used, where nothing else depends on them.
fn range_cases() -> Vec<(&'static str, Case)> {
    let two = from_u64(2);
    vec![
        ("context", edit(|_, private| private.context.time += 1)),
        (
            "context part",
            Case::default().lie("context part", 2, |x| x + pow2(40)).lie("context part", 3, |x| x - F::ONE),
        ),
        ("clearing price", bit("clearing price", 0, two)),
        ("mark", bit("mark", 0, two)),
        ("cut", set("cut", UNUSED, pow2(33))),
        ("cut side", set("cut side", UNUSED, two)),
        ("short minimum", set("short minimum", UNUSED, pow2(42))),
        ("scenario value", set("scenario value", 4 * UNUSED, pow2(42))),
        ("settlement value", set("settlement value", 3, pow2(42))),
        ("first id", bit("first id", 0, two)),
        ("row id", bit("row id", 0, two)),
        ("row used", {
            // Uses that add up to none, all pointing from 0 to the same id.
            let uses = set("row used", 5, two).set("row used", 6, -F::ONE).set("row used", 7, -F::ONE);
            (5..8).fold(uses, |case, at| case.set("row next id", at, from_u64(5)))
        }),
        ("next id above id", set("row next id", UNUSED, -F::ONE)),
        ("unused row has no id", set("row id", UNUSED, from_u64(3)).set("row next id", UNUSED, from_u64(9))),
        ("unused row adds nothing", {
            set("group long", UNUSED, F::ONE)
                .edit(|public, private| private.sums.sums.positions += fraction(public, F::ZERO))
        }),
        ("traded", set("traded", UNUSED, F::ZERO)),
        ("price against the mark", bit("price against the mark", 42 * UNUSED, pow2(42))),
        ("price at the mark", {
            let counted = set("price at the mark", QUIET, F::ZERO).set("at-price count", QUIET, F::ONE);
            counted.edit(|public, private| private.sums.sums.trades += fraction(public, from_u64(30) + pow2(34)))
        }),
        (MATERIALIZED, Case::default().lie(MATERIALIZED, 2 + UNUSED, |x| x + F::ONE)),
        (PRODUCT, Case::default().lie(PRODUCT, last_product(), |x| x + F::ONE)),
    ]
}

/// Identities, and the terms that they add up.
fn identity_cases() -> Vec<(&'static str, Case)> {
    vec![
        ("margin identity", edit(|_, private| private.sums.sums.margin += F::ONE)),
        ("group-by identity", edit(|_, private| private.sums.sums.positions += F::ONE)),
        ("net fill identity", edit(|_, private| private.sums.sums.trades += F::ONE)),
        ("look-up identity", edit(|_, private| private.sums.sums.lookups += F::ONE)),
        ("fees credited", edit(|_, private| private.sums.sums.fees += F::ONE)),
        ("ids form one increasing chain", edit(|_, private| private.risk[QUIET].next = TOP)),
        ("price rule", edit(|_, private| private.risk[QUIET].price += 1)),
        ("counts of the row", shifted("counts of the row")),
        ("volume of the row", shifted("volume of the row")),
        ("long positions of the row", shifted("long positions of the row")),
        ("short positions of the row", shifted("short positions of the row")),
        ("look-ups of the row", shifted("look-ups of the row")),
        ("row is pointed at", shifted("row is pointed at")),
        ("row points at its next id", shifted("row points at its next id")),
        ("sentinel look-ups", {
            let more = Case::default().lie("sentinel look-ups", 0, |x| x + F::ONE);
            more.edit(|_, private| private.sums.sums.lookups += F::ONE)
        }),
    ]
}

/// Ends of the list of ids moved, under terms that say they were not.
fn end_cases() -> Vec<(&'static str, Case)> {
    let cleared = market().clear();
    let (public, private) = Plan::new(&cleared, QUEUES, [9; 20], SEED).closing;
    let told = std::sync::Arc::new(std::sync::Mutex::new(F::ZERO));
    let mut b = Builder::assignment();
    let heard = std::sync::Arc::clone(&told);
    b.override_witness("sentinel look-ups", 0, move |term| {
        *heard.lock().unwrap() = term;
        term
    });
    closing::synthesize(&mut b, &cleared.params, &public, &private);
    let term = *told.lock().unwrap();
    vec![
        // Whoever looks up nothing would be told that the first instrument is 9.
        ("sentinel points at the first id", {
            let first = set("sentinel points at the first id", 0, fraction(&public, from_u64(10)));
            first.edit(move |_, private| {
                (private.first, private.sentinel_multiplicity) = (9, 0);
                private.sums.sums.lookups -= term;
            })
        }),
        // The last row would no longer be the last.
        (
            "top is pointed at",
            set("top is pointed at", 0, fraction(&public, from_u64(u64::from(TOP) - 1)))
                .edit(|_, private| private.settled[1].next = TOP - 1),
        ),
    ]
}

fn table() -> Vec<(&'static str, Case)> {
    let mut all = range_cases();
    all.extend(end_cases());
    all.extend(identity_cases());
    all
}

/// Public inputs that the circuit computes: the row that ties each.
const OUTPUTS: [(&str, usize); 6] =
    [("risk root", 2), ("auction root", 3), ("tau", 4), ("data value", 10), ("sums", 11), ("sequence product", 12)];

#[test]
fn every_check_of_the_closing_circuit_has_a_case() {
    let named: BTreeSet<&str> = shapes(&Params::DEV).1.checks().into_keys().collect();
    let mut covered: BTreeSet<&str> = table().iter().map(|(name, _)| *name).collect();
    covered.extend(OUTPUTS.iter().map(|(name, _)| *name));
    assert_eq!(named, covered);
}

#[test]
fn the_honest_closing_violates_nothing() {
    assert!(Case::default().violated().is_empty());
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
fn computed_inputs_are_tied_to_what_was_computed() {
    let cleared = market().clear();
    let (public, private) = Plan::new(&cleared, QUEUES, [9; 20], SEED).closing;
    let mut b = Builder::assignment();
    closing::synthesize(&mut b, &cleared.params, &public, &private);
    for (name, input) in OUTPUTS {
        assert_eq!(dev_rows().1.broken_by_input(&b, input), BTreeSet::from([name]));
    }
}

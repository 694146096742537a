//! Witnesses that mean something else: for each gadget and each part of the circuits that takes apart, compares,
//! divides or selects, what a prover would write in the place of the honest witness, consistent in everything but the
//! rows that hold the promise.
//!
//! An [`Alternative`] names its kind, the part it attacks, what it would mean, and exactly the checks (with their
//! number of rows) that refuse it. Its test insists that the honest counterpart satisfies every row, that these rows
//! and no others refuse the alternative, and that it satisfies all that remains once they are left out: it is this
//! check that holds the promise, not another by luck. Where more than one check refuses, the entry says why that
//! cannot be otherwise. `checks_segment` and `checks_closing` hold one broken witness a check; here stand the
//! meanings.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod batches;
mod circuits;
mod parts;
mod signatures;
mod small;
#[path = "../support/mod.rs"]
mod support;

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use circuits::Told;
use support::{Attack, record};
use tacit_circuits::builder::{Builder, RowFilter};
use tacit_circuits::settlement::shapes;
use tacit_core::params::Params;

/// What sorts of second meanings there are, each with what it is.
macro_rules! kinds {
    ($($kind:ident: $text:literal,)*) => {
        /// What sort of a second meaning it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $text] $kind,)*
        }

        impl Kind {
            const ALL: &[(Self, &str)] = &[$((Self::$kind, $text),)*];
        }
    };
}
kinds! {
    PlusModulus: "the digits of x + p",
    Wrap: "x ± 2ⁿ in n bits",
    Boundary: "a comparison at its boundary answered falsely",
    NotABit: "a bit that is none",
    SelectorsAtOdds: "no selector, two, or 2 beside −1",
    SignFlipped: "−x for |x|, the sign's bit flipped",
    Remainder: "another quotient: (q − 1, r + d), (q + 1, r − d), r = d, towards zero",
    ZeroTest: "a test for zero answered falsely",
    ZeroDenominator: "a fraction over zero",
    MovedNumerator: "a numerator moved to another term",
    KeyOverflow: "a key that overflows into another's",
    Carry: "a packed word read with a carry between its fields",
    OtherInput: "the witness of another input",
    Length: "another length: H(a) for H(a, 0)",
    SplitElement: "the same elements, cut elsewhere",
    OtherTag: "the tag of another transcript",
    OtherPad: "the pad of another index or counter",
    OtherPosition: "a node at another position",
    SwappedSiblings: "siblings swapped",
    BeyondTheTree: "index ± 8^depth",
    ShiftedPath: "a path one level short or long: leaf as node, node as leaf",
    OtherRoot: "the other square root: −x",
    PlusOrder: "S + k·l",
    Torsion: "torsion added",
    LowOrder: "a point of low order",
    OffTheCurve: "a point off the curve",
    OtherForm: "coordinates of the a = 1 form",
    FreeSlope: "an addition P + P, whose slope is free",
    ChosenChallenge: "a challenge that was chosen",
    SwappedTie: "a tie in another order",
    Exchanged: "two values exchanged",
    EmptyInDisguise: "nothing that is encoded as something",
}

impl Kind {
    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).unwrap().1
    }
}

/// A circuit of a part alone; the flag says whether its prover lies.
type PartCircuit = Box<dyn Fn(&mut Builder, bool)>;

/// How the witness comes about.
pub enum Witness {
    /// A circuit of the part alone.
    Part(PartCircuit),
    /// A segment of a batch.
    Segment(Box<dyn Fn() -> Told>),
    /// A batch's closing circuit.
    Closing(Box<dyn Fn() -> Told>),
    /// A whole batch, everything downstream recomputed.
    Batch(Box<dyn Fn() -> Attack>),
}

/// One witness that means something else.
pub struct Alternative {
    kind: Kind,
    part: &'static str,
    means: &'static str,
    /// Checks and the number of their rows that refuse. Of a batch: names alone, numbers 0.
    refused_by: Vec<(&'static str, usize)>,
    /// Why more than one check refuses.
    because: &'static str,
    witness: Witness,
}

impl Alternative {
    fn new(
        (kind, part, means): (Kind, &'static str, &'static str),
        refused_by: &[(&'static str, usize)],
        witness: Witness,
    ) -> Self {
        Self { kind, part, means, refused_by: refused_by.to_vec(), because: "", witness }
    }

    /// Why it cannot be one check alone.
    fn because(self, because: &'static str) -> Self {
        Self { because, ..self }
    }

    fn names(&self) -> BTreeSet<&'static str> {
        self.refused_by.iter().map(|(check, _)| *check).collect()
    }

    /// What is wrong with the entry, if anything; `rows` are those of both circuits.
    fn fault(&self, rows: &LazyCell<(Builder, Builder)>) -> Option<String> {
        let fault = match &self.witness {
            Witness::Part(build) => self.fault_of_part(build),
            Witness::Segment(told) => self.fault_of_circuit(&told(), &rows.0, true),
            Witness::Closing(told) => self.fault_of_circuit(&told(), &rows.1, false),
            Witness::Batch(attack) => {
                let reasons = attack().run().reasons();
                (reasons != self.names()).then(|| format!("refused by {reasons:?}"))
            }
        };
        fault.map(|fault| format!("{} [{}]: {fault}", self.means, self.part))
    }

    fn fault_of_part(&self, build: &dyn Fn(&mut Builder, bool)) -> Option<String> {
        let [honest, lying] = [false, true].map(|lies| {
            let mut b = Builder::rows();
            build(&mut b, lies);
            b
        });
        record::refusal(&record::units("gadget", lying.violations()), &BTreeSet::new());
        if !honest.violations().is_empty() {
            return Some(format!("the honest counterpart breaks {:?}", honest.violated_checks()));
        }
        if lying.matrices(&RowFilter::default()).check(lying.values()).is_ok() {
            return Some("the matrices are satisfied".to_owned());
        }
        self.fault_of_rows(&lying, &lying)
    }

    fn fault_of_circuit(&self, told: &Told, shape: &Builder, segment: bool) -> Option<String> {
        let [honest, lying] = told.both();
        if !honest.violations().is_empty() {
            return Some(format!("the honest counterpart breaks {:?}", honest.violated_checks()));
        }
        let rows = support::dev_rows();
        let rows = if segment { &rows.0 } else { &rows.1 };
        let broken = rows.broken(lying.values());
        if broken != lying.violated_checks() {
            return Some(format!("the matrices say {broken:?}"));
        }
        self.fault_of_rows(&lying, shape)
    }

    /// Exactly the named rows are broken, and without them nothing is.
    fn fault_of_rows(&self, lying: &Builder, shape: &Builder) -> Option<String> {
        let mut found: BTreeMap<&'static str, usize> = BTreeMap::new();
        lying.violations().iter().for_each(|violation| *found.entry(violation.check).or_default() += 1);
        if found != self.refused_by.iter().copied().collect() {
            return Some(format!("refused by {found:?}"));
        }
        let rest = shape.matrices(&RowFilter::dropping(self.names()));
        rest.check(lying.values()).err().map(|row| format!("without them {row:?} still refuses"))
    }
}

fn table() -> Vec<Alternative> {
    let parts = [parts::table(), signatures::table(), circuits::table(), batches::table()];
    parts.into_iter().flatten().collect()
}

/// Insists on every entry of a list.
fn refused(table: &[Alternative]) {
    let rows: LazyCell<(Builder, Builder)> = LazyCell::new(|| shapes(&Params::DEV));
    let faults: Vec<String> = table.iter().filter_map(|entry| entry.fault(&rows)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for entry in table {
        let checks: Vec<&str> = entry.refused_by.iter().map(|(check, _)| *check).collect();
        record::line("alternatives", &[entry.part, entry.kind.text(), entry.means, &checks.join(", "), entry.because]);
    }
}

#[test]
fn no_alternative_of_a_gadget_satisfies() {
    refused(&parts::table());
}

#[test]
fn no_alternative_of_a_signature_satisfies() {
    refused(&signatures::table());
}

#[test]
fn no_alternative_in_the_circuits_satisfies() {
    refused(&circuits::table());
}

#[test]
fn no_alternative_of_a_batch_is_accepted() {
    refused(&batches::table());
}

#[test]
fn every_kind_has_an_alternative() {
    let present: BTreeSet<Kind> = table().iter().map(|entry| entry.kind).collect();
    let missing: Vec<&str> =
        Kind::ALL.iter().filter(|(kind, _)| !present.contains(kind)).map(|(_, text)| *text).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Chapters of the circuits that are no gadgets.
const CHAPTERS: [&str; 8] = ["builder", "account", "order", "margin", "auction", "touch", "closing", "context"];

#[test]
fn every_gadget_and_chapter_has_an_alternative() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let gadgets = std::fs::read_dir(source.join("gadgets")).unwrap();
    let gadgets = gadgets.map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned());
    let chapters = CHAPTERS.iter().map(|chapter| {
        assert!(source.join(format!("{chapter}.rs")).exists(), "{chapter} is a chapter no more");
        (*chapter).to_owned()
    });
    let expected: BTreeSet<String> = gadgets.chain(chapters).collect();
    let present: BTreeSet<String> = table().iter().map(|entry| entry.part.to_owned()).collect();
    assert_eq!(present, expected);
}

#[test]
fn an_alternative_that_several_checks_refuse_says_why() {
    for entry in table() {
        assert_eq!(entry.refused_by.len() > 1, !entry.because.is_empty(), "{}", entry.means);
    }
}

#[test]
fn every_range_and_comparison_of_the_circuits_has_an_alternative() {
    let named: BTreeSet<&str> = table().iter().flat_map(Alternative::names).collect();
    let ranged = support::segment_bits().keys().chain(circuits::closing_bits().keys());
    let missing: Vec<&str> = ranged.copied().filter(|check| !named.contains(check)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

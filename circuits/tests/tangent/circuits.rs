//! What both circuits leave to their prover, and what binds each of these choices: the assumptions of the test of uniqueness, few and
//! each of them tested in its turn.
//!
//! Everything else follows from the public inputs and these: also the public inputs that the circuit derives, which are not held. Of a
//! path only the siblings are held, of the segments' sums in the closing circuit only the product and the salt: so a row that ties
//! a node to the one below, or a sum to what the rows make of it, is missed if it is missing.

use std::collections::{BTreeMap, BTreeSet};

use tacit_circuits::builder::{Builder, INVERSE, RowFilter};
use tacit_circuits::gadgets::merkle::CHILDREN;
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::matrices::Matrices;
use tacit_circuits::settlement::{Plan, shapes};
use tacit_circuits::statement::{SegmentPrivate, TouchWitness};
use tacit_core::field::F;
use tacit_core::params::Params;

use crate::uniqueness::{Tangent, exact};

/// What a segment's prover brings, and what binds it.
pub const SEGMENT_CHOICES: [(&str, &str); 13] = [
    ("key x", "the owner hash in the leaf; in a leaf that opens, the owner is published"),
    ("key y", "as key x"),
    ("viewing key", "as key x, and the salt of L"),
    ("subaccount", "as key x"),
    ("old salt", "the state root"),
    (CHILDREN, "the state root; held but for the child on the path"),
    ("order salt", "the order hash, which is signed and stands in L"),
    ("recipient", "as order salt"),
    ("mark value", "τ, and by the margin identity the risk table"),
    ("short requirement", "as mark value"),
    ("sum in", "the commitment that the segment before derives"),
    ("rho", "nothing: blinds τ"),
    ("sums salt", "nothing: blinds the sums"),
];

/// What the closing circuit's prover brings, and what binds it.
pub const CLOSING_CHOICES: [(&str, &str); 10] = [
    ("greeks", "the risk root"),
    ("group long", "τ_G, and by the group-by identity the segments"),
    ("group short", "as group long"),
    ("at-price count", "τ_G, and by the net fill identity the segments"),
    ("buy volume", "as at-price count"),
    ("multiplicity", "τ_G, and by the look-up identity the segments"),
    ("sentinel multiplicity", "as multiplicity"),
    ("sum", "the commitment that the last segment derives; only product and salt are held"),
    ("rho", "nothing: blinds τ_G"),
    ("auction salt", "nothing: blinds the auction root"),
];

/// What a segment's prover brings beside: ranged, and so no choice to first order. With these known every other wire has one value.
/// Those that a row forces in padding, in an inactive slot, in an empty leaf are not held there, nor is a fill beside the cut.
pub const SEGMENT_PREIMAGES: [(&str, &str); 43] = [
    ("live", "word 0"),
    ("index", "word 0 (its bits)"),
    ("exit", "word 0"),
    ("deposit or request", "word 0"),
    ("exit amount", "the rows \"exit …\", a case apart that propagation does not try"),
    ("empty", "the state root"),
    ("old cash", "the state root"),
    ("old epoch", "the state root"),
    ("old bitmap", "the state root (its bits)"),
    ("old updates", "the state root"),
    ("old position id", "the state root"),
    ("old position quantity", "the state root"),
    ("expired", "the group-by identity"),
    ("expiry value", "τ, and by the margin identity the settled rows"),
    ("margin claim", "τ, and by the margin identity the risk table; the claim at the mark is not held"),
    ("active", "L and the sequence product"),
    ("sequence", "L"),
    ("instrument", "the order hash"),
    ("side", "the order hash"),
    ("quantity", "the order hash"),
    ("limit", "the order hash"),
    ("highest fee rate", "the order hash"),
    ("order epoch", "the order hash"),
    ("nonce slot", "the order hash (its bits)"),
    ("first batch", "the order hash"),
    ("last batch", "the order hash"),
    ("survives", "the order hash"),
    ("withdraw", "the order hash"),
    ("cancel", "the order hash"),
    ("scalar digit", "the signature equation"),
    ("challenge digit", "the rows \"challenge …\", one reading below p"),
    ("row id", "the look-up identity"),
    ("row next", "the look-up identity"),
    ("row price", "the look-up identity"),
    ("row cut", "the look-up identity"),
    ("row cut side", "the look-up identity"),
    ("row settled", "the look-up identity"),
    ("row direction", "the look-up identity"),
    ("row minimum", "the look-up identity"),
    ("row W", "the look-up identity"),
    ("touch epoch", "\"epoch attained\", a product of unknowns; held beside orders only"),
    ("fill", "the net fill identity; held at the cut only"),
    ("fee credit", "the sum of fees; held of leaf 0 only"),
];

/// New positions are the prover's too, and bound by the netting identity of their touch, at β.
pub const NETTED: [&str; 2] = ["new position id", "new position quantity"];

/// What the closing circuit's prover brings beside; see `SEGMENT_PREIMAGES`.
pub const CLOSING_PREIMAGES: [(&str, &str); 11] = [
    ("row used", "the risk root and the auction root"),
    ("row id", "the risk root and the auction root"),
    ("row next id", "the auction root, and the chain of ids"),
    ("first id", "the auction root, and the chain of ids"),
    ("mark", "the risk root"),
    ("short minimum", "the risk root"),
    ("scenario value", "the risk root"),
    ("clearing price", "the auction root"),
    ("cut", "the auction root"),
    ("cut side", "the auction root"),
    ("settlement value", "the auction root"),
];

/// Checks whose bits are a number that the prover brings.
const BROUGHT_AS_BITS: [&str; 3] = ["index", "old bitmap", "nonce slot"];
/// Wires that are free where nothing depends on them: inverses, and what an exit leaves where it does not take all cash, with its bits.
const UNREAD: [&str; 4] = [INVERSE, "count inverse", "exit remainder", "exit remainder below 10⁸"];
/// Numbers of a row that are 0 where it is unused.
const GATED: [&str; 5] = ["group long", "group short", "at-price count", "buy volume", "multiplicity"];

/// Public inputs that a segment derives.
const SEGMENT_OUTPUTS: [&str; 8] =
    ["root out", "theta out", "index out", "sums in", "sums out", "tau", "open value", "encrypted value"];
/// Public inputs that the closing circuit derives.
const CLOSING_OUTPUTS: [&str; 6] = ["risk root", "auction root", "tau", "data value", "sums", "sequence product"];
/// Inverses that exist to show that something is not zero: free where it is zero, and nothing depends on them.
const INVERSES: [&str; 2] = [INVERSE, "count inverse"];
/// The first of the closing circuit's sums that no row computes: product, then salt.
const FIRST_HELD_SUM: usize = 5;

/// A wire's label and scope, and how many wires with that label there are before it.
pub struct Name {
    pub label: &'static str,
    pub scope: String,
    pub occurrence: usize,
}

/// Which circuit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Segment,
    Closing,
}

/// A circuit's rows with the names of rows and wires: the same for every witness.
pub struct Circuit {
    pub kind: Kind,
    pub params: Params,
    pub matrices: Matrices,
    /// Of each wire, the constant included.
    pub names: Vec<Name>,
    /// Check and scope of each row.
    pub rows: Vec<(&'static str, String)>,
    /// Bits of decompositions: their check, and how many of its bits come before.
    bits: BTreeMap<usize, (&'static str, usize)>,
    /// Use flags of the closing circuit's rows.
    used: Vec<usize>,
}

/// A satisfying witness of a circuit.
pub struct Witness<'p> {
    pub wires: Vec<F>,
    /// What a segment was told; none for the closing circuit.
    pub segment: Option<&'p SegmentPrivate>,
}

impl Circuit {
    /// Segment and closing circuit.
    pub fn both(params: Params) -> [Self; 2] {
        let (segment, closing) = shapes(&params);
        [Self::of(Kind::Segment, params, &segment), Self::of(Kind::Closing, params, &closing)]
    }

    fn of(kind: Kind, params: Params, shape: &Builder) -> Self {
        let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
        let name = |wire: usize| {
            let (label, scope) = shape.label(wire).unwrap_or(("one", ""));
            let count = seen.entry(label).or_default();
            *count += 1;
            Name { label, scope: scope.to_owned(), occurrence: *count - 1 }
        };
        let names: Vec<Name> = (0..shape.values().len()).map(name).collect();
        let row = |row: usize| shape.row_name(row).map(|(check, scope)| (check, scope.to_owned()));
        let rows: Vec<(&'static str, String)> = (0..shape.n_rows()).filter_map(row).collect();
        let matrices = shape.matrices(&RowFilter::default());
        let bits = bits_by_check(&matrices, &rows, &names);
        let used = (0..names.len()).filter(|wire| names[*wire].label == "row used").collect();
        Self { kind, params, matrices, names, rows, bits, used }
    }

    /// The witnesses of a batch for this circuit.
    ///
    /// # Panics
    /// If a row does not hold or an output is not what the core computed.
    pub fn witnesses<'p>(&self, plan: &'p Plan, what: &str) -> Vec<Witness<'p>> {
        let sound = |wires: Result<Vec<F>, _>| {
            wires.unwrap_or_else(|e: tacit_circuits::settlement::SettlementError| panic!("{what}: {e}"))
        };
        match self.kind {
            Kind::Closing => vec![Witness { wires: sound(plan.closing_assignment()), segment: None }],
            Kind::Segment => (0..plan.segments.len())
                .map(|j| Witness { wires: sound(plan.segment_assignment(j)), segment: Some(&plan.segments[j].1) })
                .collect(),
        }
    }

    /// Whether the wire is a public input that is not derived.
    pub fn is_given(&self, wire: usize) -> bool {
        wire <= self.matrices.n_inputs && !self.is_output(wire)
    }

    /// Whether the wire is a public input that the circuit derives.
    pub fn is_output(&self, wire: usize) -> bool {
        let outputs: &[&str] = match self.kind {
            Kind::Segment => &SEGMENT_OUTPUTS,
            Kind::Closing => &CLOSING_OUTPUTS,
        };
        (1..=self.matrices.n_inputs).contains(&wire) && outputs.contains(&self.names[wire].label)
    }

    /// Whether the wire is a declared choice.
    pub fn is_chosen(&self, wire: usize, witness: &Witness<'_>) -> bool {
        let choices: &[(&str, &str)] = match self.kind {
            Kind::Segment => &SEGMENT_CHOICES,
            Kind::Closing => &CLOSING_CHOICES,
        };
        let name = &self.names[wire];
        if wire <= self.matrices.n_inputs || !choices.iter().any(|(label, _)| *label == name.label) {
            return false;
        }
        match (name.label, witness.segment) {
            (CHILDREN, Some(segment)) => !self.on_path(name.occurrence, segment),
            ("sum", _) => name.occurrence >= FIRST_HELD_SUM,
            (label, None) if GATED.contains(&label) => self.is_used(name.occurrence, witness),
            _ => true,
        }
    }

    /// Whether a row of the closing circuit is used; risk rows come before settled ones.
    fn is_used(&self, row: usize, witness: &Witness<'_>) -> bool {
        witness.wires[self.used[row]] == F::from(1u8)
    }

    fn on_path(&self, occurrence: usize, segment: &SegmentPrivate) -> bool {
        let touch = &segment.touches[occurrence / (8 * self.params.depth)];
        let level = occurrence / 8 % self.params.depth;
        occurrence % 8 == (touch.index >> (3 * level)) as usize % 8
    }

    /// The touch that a segment's choice belongs to, and its slot if it is an order's.
    fn place<'p>(&self, name: &Name, segment: &'p SegmentPrivate) -> Option<(&'p TouchWitness, Option<usize>)> {
        let a_touch = match name.label {
            CHILDREN => 8 * self.params.depth,
            "order salt" | "recipient" => self.params.orders,
            "sum in" | "rho" | "sums salt" => return None,
            _ => 1,
        };
        let slot = matches!(name.label, "order salt" | "recipient").then_some(name.occurrence % a_touch);
        Some((&segment.touches[name.occurrence / a_touch], slot))
    }

    /// Whether nothing follows from a choice where it stands: in padding, in an inactive slot, in an unused row, of an account that
    /// does not exist.
    fn is_idle(&self, wire: usize, witness: &Witness<'_>) -> bool {
        let name = &self.names[wire];
        let Some(segment) = witness.segment else {
            // The Greeks are hashed into a leaf that is replaced by 0.
            return name.label == "greeks" && !self.is_used(name.occurrence, witness);
        };
        let Some((touch, slot)) = self.place(name, segment) else { return false };
        let exists = touch.new.is_some();
        match name.label {
            // τ covers them in every touch.
            "mark value" | "short requirement" => false,
            _ if !touch.live => true,
            "order salt" | "recipient" => slot.is_some_and(|slot| !touch.orders[slot].active),
            "old salt" => touch.old.is_none(),
            "key x" | "key y" | "subaccount" => !exists,
            _ => false,
        }
    }

    /// Wires that the kept rows leave free once given inputs and choices are held, as `label in scope`. Inverses of zero do not count.
    pub fn free(&self, tangent: &Tangent<'_>, witness: &Witness<'_>, keep: impl Fn(usize) -> bool) -> BTreeSet<String> {
        let held = |wire: usize| self.is_given(wire) || self.is_chosen(wire, witness);
        let free = tangent.free(held, keep).into_iter().filter(|wire| !INVERSES.contains(&self.names[*wire].label));
        free.map(|wire| self.text(wire)).collect()
    }

    /// Choices that, moved alone, break no kept row and move no public input, although something follows from them.
    pub fn unbound(
        &self,
        tangent: &Tangent<'_>,
        witness: &Witness<'_>,
        keep: impl Fn(usize) -> bool,
    ) -> BTreeSet<String> {
        let chosen = |wire: usize| self.is_chosen(wire, witness);
        let unbound = tangent.unbound(|wire| self.is_given(wire), chosen, |wire| self.is_output(wire), keep);
        unbound.into_iter().filter(|wire| !self.is_idle(*wire, witness)).map(|wire| self.text(wire)).collect()
    }

    /// Whether a wire counts as known when propagation starts: public inputs that are not derived, choices, preimages.
    pub fn is_brought(&self, wire: usize, witness: &Witness<'_>) -> bool {
        if wire <= self.matrices.n_inputs {
            return self.is_given(wire);
        }
        let Name { label, occurrence, .. } = self.names[wire];
        if self.is_chosen(wire, witness) {
            return true;
        }
        match witness.segment {
            None if label == "row id" => self.is_used(occurrence, witness),
            None => CLOSING_PREIMAGES.iter().any(|(name, _)| *name == label),
            Some(segment) => {
                let bit = self.bits.get(&wire).filter(|(check, _)| BROUGHT_AS_BITS.contains(check));
                let (label, occurrence) = bit.copied().unwrap_or((label, occurrence));
                let listed = NETTED.contains(&label) || SEGMENT_PREIMAGES.iter().any(|(name, _)| *name == label);
                listed && self.is_open(label, occurrence, segment)
            }
        }
    }

    /// Whether nothing forces a preimage where it stands.
    fn is_open(&self, label: &str, occurrence: usize, segment: &SegmentPrivate) -> bool {
        let p = &self.params;
        let touch = |a_touch: usize| &segment.touches[occurrence / a_touch];
        let order = || &touch(p.orders).orders[occurrence % p.orders];
        match label {
            "exit" | "empty" | "deposit or request" => touch(1).live,
            "exit amount" => touch(1).exit,
            "fee credit" => touch(1).index == 0 && touch(1).new.is_some(),
            "touch epoch" => touch(1).orders.iter().any(|order| order.active),
            "old cash" | "old epoch" | "old updates" => touch(1).old.is_some(),
            "old bitmap" => touch(64).old.is_some(),
            "old position id" | "old position quantity" => touch(p.positions).old.is_some(),
            "margin claim" => occurrence % (p.scenarios + 1) < p.scenarios,
            "active" => touch(p.orders).live,
            "sequence" => order().active,
            "fill" => order().active && u64::from(order().row.cut) == u64::from(order().sealed.sequence),
            _ => true,
        }
    }

    /// Wires that may have another value once given inputs, choices and preimages are known, as far as propagation sees. Those that
    /// nothing reads do not count.
    pub fn undetermined(&self, witness: &Witness<'_>, keep: impl Fn(usize) -> bool) -> BTreeSet<String> {
        let known = |wire: usize| self.is_brought(wire, witness);
        let found = exact::undetermined(&self.matrices, &witness.wires, known, keep);
        let read = |wire: &usize| {
            let check = self.bits.get(wire).map_or(self.names[*wire].label, |(check, _)| check);
            !UNREAD.contains(&check)
        };
        found.into_iter().filter(read).map(|wire| self.text(wire)).collect()
    }

    fn text(&self, wire: usize) -> String {
        let Name { label, scope, .. } = &self.names[wire];
        if scope.is_empty() { (*label).to_owned() } else { format!("{label} in {scope}") }
    }
}

/// The bits of all decompositions, by the check of the row that makes them bits.
fn bits_by_check(
    matrices: &Matrices,
    rows: &[(&'static str, String)],
    names: &[Name],
) -> BTreeMap<usize, (&'static str, usize)> {
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut bits = BTreeMap::new();
    for (row, (check, _)) in rows.iter().enumerate() {
        let mut terms = matrices.a.row(row);
        let (Some((_, wire)), None) = (terms.next(), terms.next()) else { continue };
        if names[wire as usize].label == BIT && matrices.a.row(row).eq(matrices.b.row(row)) {
            let count = seen.entry(check).or_default();
            bits.insert(wire as usize, (*check, *count));
            *count += 1;
        }
    }
    bits
}

//! Order of binding (docs/protocol.md, section 10): what a prover still chooses after a challenge is known moves no sum that is tested at it.
//!
//! Challenges are hashes of τ, roots, the seal and the data words; sums and identities are then tested at them. That catches a false
//! statement only if every value that enters a sum was fixed before: a witness that moves a sum and none of those hashes could be solved
//! for once the challenges are known. So each named witness of both circuits is changed alone, everything downstream recomputed:
//!
//! - in a segment, what moves the sums, or the netting of a touch, must move τ, a data value or a root, or be held by what no challenge
//!   enters: the row that defines it from bound values, the path to the old root, `context`, the rows of the fee credit, the sums that the
//!   predecessor ended in. [`HELD`] lists all that are held in this way, and by what;
//! - in the closing circuit, what moves no digest must be held by its own row or be met by no identity: a value in an unused row.
//!   Group sums, counts, volumes and multiplicities are bound by τ_G, after y, θ and γ and before β: [`AFTER_THETA`] names them all.
//!
//! Bits, products and inverses are defined by one row each and no prover's choice; `tangent` and `uniqueness` take all wires.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{QUEUES, SEED, market, record};
use tacit_circuits::builder::{Builder, INVERSE, MATERIALIZED, PRODUCT};
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::{Plan, shapes};
use tacit_circuits::statement::{ClosingPublic, SegmentPublic};
use tacit_circuits::{closing, segment};
use tacit_core::field::F;
use tacit_core::params::Params;

/// Witnesses of a segment that move a sum, or the netting at β, and nothing that the challenges are hashed from: each with the checks of
/// which one refuses it, whatever the challenges.
const HELD: [(&str, &[&str]); 15] = [
    // Quotients and a comparison: their own rows, of values that are bound.
    ("at-price count", &["at-price count"]),
    ("buy volume", &["buy volume"]),
    ("limit at the clearing price", &["limit at the clearing price"]),
    ("net fill", &["net fill"]),
    ("new position", &["new position"]),
    ("old position", &["old position"]),
    ("position by key", &["position by key"]),
    ("row is in the table", &["row is in the table"]),
    // Public, and the contract's own.
    ("context part", &["context"]),
    // Leaf 0's credit moves its new cash, and so its new leaf; of an account that does not exist there is no leaf to move.
    ("fee credit", &["fees to an open leaf only"]),
    // The root after a segment is that of its last live touch: an earlier old leaf does not move it, and is the tree's all the same.
    ("old position id", &["old leaf under the root", "empty leaf has no positions"]),
    ("old position quantity", &["old leaf under the root", "empty leaf has no positions"]),
    // Where there is no account the new leaf is the value 0: nothing follows from what would stand in it.
    ("new position quantity", &["ids strictly increasing"]),
    // Public: what the predecessor ended in.
    ("sum in", &["sums in"]),
    // Moves the commitment to the sums and no sum.
    ("sums salt", &[]),
];

/// What the closing circuit is told of sums that depend on θ: bound by τ_G, before β.
const AFTER_THETA: [&str; 7] =
    ["at-price count", "buy volume", "group long", "group short", "multiplicity", "rho", "sentinel multiplicity"];

/// What stands in an unused row of the tables: no digest binds it, and nothing reads it.
const UNUSED: [&str; 11] = [
    "clearing price",
    "cut",
    "cut side",
    "greeks",
    "mark",
    "row id",
    "row next id",
    "row used",
    "scenario value",
    "settlement value",
    "short minimum",
];

/// What a touch tests at β by itself.
const NETTING: &str = "positions net";

/// What the closing circuit tests of the sums and of its rows.
const IDENTITIES: [&str; 6] = [
    "fees credited",
    "group-by identity",
    "ids form one increasing chain",
    "look-up identity",
    "margin identity",
    "net fill identity",
];

/// Every name's witnesses, and not a sample.
fn full() -> bool {
    std::env::var_os("TACIT_FULL").is_some()
}

/// How many witnesses each name has.
fn named(shape: &Builder) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for wire in 1 + shape.n_inputs()..shape.values().len() {
        *counts.entry(shape.label(wire).unwrap().0).or_insert(0) += 1;
    }
    counts.retain(|label, _| ![PRODUCT, MATERIALIZED, BIT, INVERSE].contains(label));
    counts
}

/// Which of a name's witnesses are changed: all (of the hundreds in signatures a hundred), or one that differs from segment to segment.
fn chosen(count: usize, segment: usize) -> Vec<usize> {
    if full() { (0..count).step_by(1 + count / 100).collect() } else { vec![(count - 1) * segment / 3] }
}

/// A circuit in which one witness is one more than it should be.
fn changed(witness: Option<(&'static str, usize)>, synthesize: impl FnOnce(&mut Builder)) -> Builder {
    let mut b = Builder::assignment();
    if let Some((label, at)) = witness {
        b.override_witness(label, at, |honest| honest + F::from(1u8));
    }
    synthesize(&mut b);
    b
}

/// What r₁ is hashed from, of a segment's public inputs.
fn bound(public: &SegmentPublic) -> [F; 5] {
    [public.tau, public.open_value, public.encrypted_value, public.root_out, public.index_out]
}

#[test]
fn what_moves_a_sum_of_a_segment_is_bound_before_the_challenges_or_held_whatever_they_are() {
    let plan = Plan::new(&market().clear(), QUEUES, [9; 20], SEED);
    let labels = named(&shapes(&Params::DEV).0);
    let held = BTreeMap::from(HELD);
    let (mut late, mut loose) = (BTreeSet::new(), BTreeSet::new());
    for (j, (public, private)) in plan.segments.iter().enumerate() {
        let build = |witness| changed(witness, |b| segment::synthesize(b, &plan.params, public, private));
        let honest = segment::public(&build(None));
        let places = labels.iter().flat_map(|(label, count)| chosen(*count, j).into_iter().map(move |at| (*label, at)));
        for (label, at) in places {
            let b = build(Some((label, at)));
            let derived = segment::public(&b);
            let mut refused = b.violated_checks();
            let tested = derived.sums_out != honest.sums_out || refused.contains(NETTING);
            if !tested || bound(&derived) != bound(&honest) {
                continue;
            }
            let link = (derived.sums_in != honest.sums_in).then_some("sums in");
            refused.extend(link);
            match held.get(label) {
                Some(by) if by.is_empty() || by.iter().any(|check| refused.contains(check)) => {
                    late.insert(label);
                    record::refusal(&record::units("segment", b.violations()), &link.into_iter().collect());
                }
                _ => drop(loose.insert(format!("`{label}` number {at} of segment {j}, refused by {refused:?}"))),
            }
        }
    }
    assert_eq!(loose, BTreeSet::new(), "bound too late");
    let own_row = HELD.iter().filter(|(label, by)| by == &[*label] && *label != "limit at the clearing price");
    assert!(own_row.clone().all(|(label, _)| late.contains(label)), "met only {late:?}");
    if full() {
        assert_eq!(late, held.into_keys().collect());
    }
}

/// Digests of the closing circuit that a change moves, by when they are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// Before all challenges: a root, a data word, the sums of the last segment.
    First,
    /// By τ_G, before β.
    BeforeBeta,
    /// By none.
    Never,
}

fn moved(derived: &ClosingPublic, honest: &ClosingPublic) -> Bound {
    let roots = |p: &ClosingPublic| (p.risk_root, p.auction_root, p.sums);
    if roots(derived) != roots(honest) || derived.tau == honest.tau && derived.data_value != honest.data_value {
        Bound::First
    } else if derived.tau != honest.tau {
        Bound::BeforeBeta
    } else {
        Bound::Never
    }
}

#[test]
fn what_no_digest_of_the_closing_circuit_binds_is_held_by_its_row_or_meets_no_identity() {
    let plan = Plan::new(&market().clear(), QUEUES, [9; 20], SEED);
    let (public, private) = &plan.closing;
    let build = |witness| changed(witness, |b| closing::synthesize(b, &plan.params, public, private));
    let honest = closing::public(&build(None));
    let (mut before_beta, mut unused) = (BTreeSet::new(), BTreeSet::new());
    for (label, count) in named(&shapes(&Params::DEV).1) {
        for at in 0..count {
            let b = build(Some((label, at)));
            let refused = b.violated_checks();
            match moved(&closing::public(&b), &honest) {
                Bound::First => continue,
                Bound::BeforeBeta => drop(before_beta.insert(label)),
                Bound::Never => {
                    let own = if label == "context part" { "context" } else { label };
                    if refused.contains(own) {
                        record::refusal(&record::units("closing", b.violations()), &BTreeSet::new());
                    } else {
                        let met: Vec<_> = IDENTITIES.iter().filter(|name| refused.contains(*name)).collect();
                        assert!(met.is_empty(), "`{label}` number {at} meets {met:?} and is bound by nothing");
                        unused.insert(label);
                    }
                }
            }
        }
    }
    assert_eq!(before_beta, BTreeSet::from(AFTER_THETA));
    // Where the price is the mark and nothing stands at it, the price rule asks for no inverse.
    assert_eq!(unused, UNUSED.into_iter().chain(["count inverse"]).collect());
}

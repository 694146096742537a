//! From a cleared batch to what each circuit is told.
//!
//! Only look-ups and regrouping happen here: every number was decided by `tacit_core`, and the circuits check it again.

use ark_ff::AdditiveGroup;
use tacit_core::account::Leaf;
use tacit_core::babyjub;
use tacit_core::batch::{ClearedBatch, Context, SealedBatch};
use tacit_core::eddsa::Signature;
use tacit_core::field::F;
use tacit_core::order::{Kind, Order, SealedOrder, Side};
use tacit_core::params::Params;
use tacit_core::risk::{LookupRow, RiskTable, Table, Valuation};
use tacit_core::transcript::{ClosingParts, OrderRow};
use tacit_core::tree::empty_node;
use tacit_core::units::TOP;
use tacit_core::witness::{Segment, SegmentTouch};

use crate::statement::{
    ClosingPrivate, OrderWitness, RiskRowWitness, SaltedSums, SegmentPrivate, SettledRowWitness, TouchWitness,
};

/// Randomness of one segment.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSalts {
    /// First element of the transcript.
    pub rho: F,
    /// Salt of the sums it ends in.
    pub sums: F,
}

/// Randomness of the closing proof.
#[derive(Clone, Copy, Debug)]
pub struct ClosingSalts {
    /// First element of the transcript.
    pub rho: F,
    /// Salt of the auction root.
    pub auction: F,
}

/// The witness of a segment; sums in are filled in when the challenges are known.
pub fn segment(cleared: &ClearedBatch, segment: &Segment, salts: SegmentSalts) -> SegmentPrivate {
    let table = cleared.table();
    let touches = segment.touches.iter().map(|touch| touch_witness(cleared, &table, touch)).collect();
    SegmentPrivate {
        context: cleared.context,
        touches,
        sums_in: SaltedSums::START,
        salt_out: salts.sums,
        rho: salts.rho,
    }
}

fn touch_witness(cleared: &ClearedBatch, table: &Table<'_>, t: &SegmentTouch) -> TouchWitness {
    let (sealed, touch) = (&t.touch, &t.cleared);
    let p = &cleared.params;
    let empty_path = || (0..p.depth).map(|level| [empty_node(level as u8); 8]).collect();
    TouchWitness {
        live: t.live,
        index: sealed.index,
        holder: sealed.holder.clone(),
        old: touch.old.clone(),
        new: touch.new.clone(),
        expired: touch.expired.clone(),
        path: if t.live { touch.path.clone() } else { empty_path() },
        exit: sealed.exit.is_some(),
        amount: sealed.exit.unwrap_or(sealed.deposit),
        exit_payment: sealed.exit.map_or(0, |_| u64::try_from(touch.withdrawal).unwrap_or(u64::MAX)),
        credit: touch.fee_credit,
        epoch: touch.epoch,
        scenario_values: scenario_values(p, table, touch.old.as_ref()),
        mark_value: touch.x_mark,
        expiry_value: touch.expiry_value,
        short_requirement: touch.short_requirement,
        orders: order_slots(cleared, t),
    }
}

/// `Σ q·V_s` over the positions that are not settled.
fn scenario_values(p: &Params, table: &Table<'_>, old: Option<&Leaf>) -> Vec<i128> {
    let mut sums = vec![0; p.scenarios];
    for position in old.map_or(&[][..], |leaf| &leaf.positions) {
        if let Some(Valuation::Open(row)) = table.valuation(position.instrument) {
            for (sum, value) in sums.iter_mut().zip(&row.values) {
                *sum += i128::from(position.quantity) * i128::from(*value);
            }
        }
    }
    sums
}

fn order_slots(cleared: &ClearedBatch, t: &SegmentTouch) -> Vec<OrderWitness> {
    let rows = cleared.order_rows(&t.cleared.orders);
    let slots = rows.into_iter().enumerate();
    slots
        .map(|(slot, row)| match (t.touch.orders.get(slot), t.cleared.orders.get(slot)) {
            (Some(sealed), Some(outcome)) => {
                OrderWitness { active: true, sealed: sealed.clone(), row, fill: outcome.fill }
            }
            _ => inactive_slot(row),
        })
        .collect()
}

fn inactive_slot(row: OrderRow) -> OrderWitness {
    let order = Order {
        account: 0,
        instrument: 0,
        side: Side::Sell,
        quantity: 0,
        limit: 0,
        max_fee_rate: 0,
        epoch: 0,
        slot: 0,
        first_batch: 0,
        last_batch: 0,
        survives_void: false,
        kind: Kind::Trade,
        recipient: [0; 20],
        salt: F::ZERO,
    };
    let signature = Signature { r8: babyjub::BASE8, s: 0u64.into() };
    OrderWitness { active: false, sealed: SealedOrder { order, signature, sequence: 0 }, row, fill: 0 }
}

/// The witness of the closing proof; the last segment's sums are filled in when β is known.
pub fn closing(cleared: &ClearedBatch, theta: F, salts: ClosingSalts) -> ClosingPrivate {
    let table = cleared.table();
    let parts = ClosingParts::new(cleared, theta);
    let risk =
        cleared.sealed.risk.rows.iter().zip(&cleared.auctions).enumerate().map(|(at, (row, auction))| RiskRowWitness {
            row: row.clone(),
            price: auction.price,
            cut: auction.cut.into(),
            cut_is_buy: auction.cut_side.is_buy(),
            next: table.next(LookupRow::Risk(at)),
            count: auction.count,
            volume: auction.volume,
            group_long: parts.open[at].0,
            group_short: parts.open[at].1,
            multiplicity: parts.open_multiplicities[at],
        });
    let settled = cleared.sealed.settled.iter().enumerate().map(|(at, row)| SettledRowWitness {
        row: *row,
        next: table.next(LookupRow::Settled(at)),
        group_long: parts.settled[at].0,
        group_short: parts.settled[at].1,
        multiplicity: parts.settled_multiplicities[at],
    });
    ClosingPrivate {
        context: cleared.context,
        risk: risk.collect(),
        settled: settled.collect(),
        first: cleared.least_id(),
        sentinel_multiplicity: parts.sentinel_multiplicity,
        auction_salt: salts.auction,
        rho: salts.rho,
        sums: SaltedSums::START,
    }
}

/// A segment witness without a batch: the shape of the circuit, for set-up and counting.
pub fn blank_segment(p: &Params) -> SegmentPrivate {
    let cleared = blank_batch(p);
    let padding = Segment {
        number: 0,
        first_touch: 0,
        root_in: F::ZERO,
        root_out: F::ZERO,
        next_index_in: 0,
        next_index_out: 0,
        touches: (0..p.touches).map(|_| SegmentTouch::padding(p)).collect(),
    };
    segment(&cleared, &padding, SegmentSalts { rho: F::ZERO, sums: F::ZERO })
}

/// A closing witness without a batch.
pub fn blank_closing() -> ClosingPrivate {
    ClosingPrivate {
        context: blank_context(),
        risk: Vec::new(),
        settled: Vec::new(),
        first: TOP,
        sentinel_multiplicity: 0,
        auction_salt: F::ZERO,
        rho: F::ZERO,
        sums: SaltedSums::START,
    }
}

fn blank_context() -> Context {
    Context { domain: F::ZERO, batch: 1, last_void: 0, time: 0, fee_rate: 0, num: 1, den: 1 }
}

fn blank_batch(p: &Params) -> ClearedBatch {
    let risk = RiskTable { rows: Vec::new() };
    ClearedBatch {
        params: *p,
        context: blank_context(),
        sealed: SealedBatch { context: blank_context(), risk, settled: Vec::new(), touches: Vec::new() },
        touches: Vec::new(),
        auctions: Vec::new(),
        start_root: F::ZERO,
        end_root: F::ZERO,
        active_orders: 0,
        seal_root: [0; 32],
        risk_root: F::ZERO,
        closing_words: Vec::new(),
    }
}

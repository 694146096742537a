//! An account leaf inside a touch: opening the old one, closing the new one.
//!
//! The old leaf is taken apart under range checks, so that its packed words have one reading; an empty leaf forces every field to
//! zero. The new leaf's ranges, order of ids and absence of zero quantities are what later batches rely on.

use tacit_core::account::{Leaf, Position};
use tacit_core::field::{F, from_i128, pow2};
use tacit_core::params::Params;

use crate::builder::{Builder, Lc};
use crate::gadgets::{poseidon, range};

/// Poseidon tag of a leaf.
pub(crate) const TAG_LEAF: u64 = 1;
/// Bits of an instrument id.
pub const ID_BITS: u32 = 27;
/// Bits of a position's offset quantity.
pub const QUANTITY_BITS: u32 = 36;
/// Bits of offset cash.
pub const CASH_BITS: u32 = 92;

/// One position slot of the old leaf.
pub struct PositionVars {
    /// Instrument id, 0 if empty.
    pub id: Lc,
    /// Signed lots.
    pub quantity: Lc,
    /// 1 if quantity < 0.
    pub short: Lc,
    /// 1 if its instrument is a settled row: fixed by the group-by identity, whose settled keys only settled rows have.
    pub expired: Lc,
}

/// The old leaf.
pub struct OldLeaf {
    /// 1 if the leaf is the value 0.
    pub empty: Lc,
    /// Cash before the touch.
    pub cash: Lc,
    /// Nonce epoch.
    pub epoch: Lc,
    /// The bitmap's eight bytes.
    pub bitmap: Vec<Lc>,
    /// Live touches so far.
    pub updates: Lc,
    /// P slots.
    pub positions: Vec<PositionVars>,
    /// The leaf's value: 0 if empty.
    pub value: Lc,
}

pub(crate) fn position_value(leaf: Option<&Leaf>, slot: usize, positions: usize) -> (u32, i64) {
    let held: &[Position] = leaf.map_or(&[], |l| &l.positions);
    let empties = positions - held.len();
    if slot < empties { (0, 0) } else { (held[slot - empties].instrument, held[slot - empties].quantity) }
}

pub(crate) fn packed_positions(ids: &[Lc], quantities: &[Lc]) -> Vec<Lc> {
    let packed: Vec<Lc> = ids
        .iter()
        .zip(quantities)
        .map(|(id, q)| id + &q.add_constant(pow2(QUANTITY_BITS - 1)).scale(pow2(ID_BITS)))
        .collect();
    packed.chunks(4).map(|four| Lc::pack(four, ID_BITS + QUANTITY_BITS)).collect()
}

/// The word of four empty slots.
fn empty_word() -> F {
    (0..4).map(|i| pow2(63 * i + ID_BITS + QUANTITY_BITS - 1)).sum()
}

/// Opens the old leaf of `owner`; `expired` tells which of the P slots the prover calls expired.
pub fn open(b: &mut Builder, p: &Params, owner: &Lc, leaf: Option<&Leaf>, expired: &[bool]) -> OldLeaf {
    let zero = F::from(0u64);
    let cash_value = leaf.map_or(0, |l| l.cash);
    let empty = b.boolean("empty", leaf.is_none());
    let cash = range::ranged_signed(b, "old cash", from_i128(cash_value), CASH_BITS);
    let epoch = range::ranged(b, "old epoch", leaf.map_or(zero, |l| F::from(l.epoch)), 32);
    let (bitmap, bits) = range::new_bits(b, "old bitmap", leaf.map_or(zero, |l| F::from(l.bitmap)), 64);
    let updates = range::ranged(b, "old updates", leaf.map_or(zero, |l| F::from(l.updates)), 32);
    let salt = b.witness("old salt", leaf.map_or(zero, |l| l.salt));
    let positions: Vec<PositionVars> = (0..p.positions)
        .map(|slot| {
            let (id, quantity) = position_value(leaf, slot, p.positions);
            open_position(b, id, quantity, expired[slot])
        })
        .collect();
    let ids: Vec<Lc> = positions.iter().map(|x| x.id.clone()).collect();
    let quantities: Vec<Lc> = positions.iter().map(|x| x.quantity.clone()).collect();
    let packed = packed_positions(&ids, &quantities);
    let state = state_word(&cash, &epoch, &bitmap);
    force_empty(b, &empty, &state, &updates, &packed);
    let mut words = vec![owner.clone(), state, updates.clone(), salt];
    words.extend(packed);
    let hash = b.scoped("leaf hashes", |b| poseidon::sponge(b, TAG_LEAF, &words));
    let value = b.mul(&empty.not(), &hash);
    let bitmap = bits.chunks(8).map(|byte| Lc::pack(byte, 1)).collect();
    OldLeaf { empty, cash, epoch, bitmap, updates, positions, value }
}

fn open_position(b: &mut Builder, id: u32, quantity: i64, expired: bool) -> PositionVars {
    let id = range::ranged(b, "old position id", F::from(id), ID_BITS);
    let (quantity, sign) =
        range::ranged_signed_bits(b, "old position quantity", from_i128(quantity.into()), QUANTITY_BITS);
    let expired = b.boolean("expired", expired);
    PositionVars { id, quantity, short: sign.not(), expired }
}

fn state_word(cash: &Lc, epoch: &Lc, bitmap: &Lc) -> Lc {
    let cash = cash.add_constant(pow2(CASH_BITS - 1));
    Lc::linear([(&cash, F::from(1u64)), (epoch, pow2(92)), (bitmap, pow2(124))])
}

/// An empty leaf has no cash, nonce, updates or positions (hole 10: an empty leaf opened with balances).
fn force_empty(b: &mut Builder, empty: &Lc, state: &Lc, updates: &Lc, packed: &[Lc]) {
    let zero = Lc::zero();
    b.enforce("empty leaf has no state", empty, &state.add_constant(-pow2(CASH_BITS - 1)), &zero);
    b.enforce("empty leaf has no updates", empty, updates, &zero);
    for word in packed {
        b.enforce("empty leaf has no positions", empty, &word.add_constant(-empty_word()), &zero);
    }
}

/// One position slot of the new leaf.
pub struct NewPosition {
    /// Instrument id, 0 if empty.
    pub id: Lc,
    /// Signed lots.
    pub quantity: Lc,
}

/// Positions of the new leaf: empties first, ids strictly increasing, quantity 0 exactly where the id is.
pub fn new_positions(b: &mut Builder, p: &Params, leaf: Option<&Leaf>) -> Vec<NewPosition> {
    let mut previous = Lc::zero();
    let mut positions = Vec::with_capacity(p.positions);
    for slot in 0..p.positions {
        let (id, quantity) = position_value(leaf, slot, p.positions);
        let id = b.witness("new position id", F::from(id));
        let quantity = range::ranged_signed(b, "new position quantity", from_i128(quantity.into()), QUANTITY_BITS);
        let no_quantity = b.is_zero("new position empty", &quantity);
        let used = no_quantity.not();
        b.enforce("no id without quantity", &no_quantity, &id, &Lc::zero());
        range::bits(b, "ids strictly increasing", &(&(&id - &previous) - &used), ID_BITS);
        previous = id.clone();
        positions.push(NewPosition { id, quantity });
    }
    range::bits(b, "largest id in range", &previous, ID_BITS);
    positions
}

/// The words of the new leaf that depend on balances: the state word and the packed positions.
pub struct NewWords {
    /// `w_1`.
    pub state: Lc,
    /// `updates`, one more than before.
    pub updates: Lc,
    /// `w_4 …`.
    pub positions: Vec<Lc>,
}

/// Packs the new leaf; `cash` is ranged here.
pub fn new_words(
    b: &mut Builder,
    cash: &Lc,
    epoch: &Lc,
    bitmap: &Lc,
    updates: &Lc,
    positions: &[NewPosition],
) -> NewWords {
    let state = state_word(cash, epoch, bitmap);
    range::bits(b, "new cash in range", &cash.add_constant(pow2(CASH_BITS - 1)), CASH_BITS);
    let ids: Vec<Lc> = positions.iter().map(|x| x.id.clone()).collect();
    let quantities: Vec<Lc> = positions.iter().map(|x| x.quantity.clone()).collect();
    NewWords {
        state: b.materialize(&state),
        updates: updates.add_constant(F::from(1u64)),
        positions: packed_positions(&ids, &quantities).iter().map(|w| b.materialize(w)).collect(),
    }
}

/// Hash of the new leaf.
pub fn close(b: &mut Builder, owner: &Lc, words: &NewWords, salt: &Lc) -> Lc {
    let mut all = vec![owner.clone(), words.state.clone(), words.updates.clone(), salt.clone()];
    all.extend(words.positions.iter().cloned());
    b.scoped("leaf hashes", |b| poseidon::sponge(b, TAG_LEAF, &all))
}

//! One order slot of a touch: its fields, hash and signature, the row it looks up, and the tests of state that come before margin.
//!
//! The tests follow docs/protocol.md, section 4, in their order; each variable `after_…` is 1 for an order that passed all tests so
//! far, so that the reason is the first that applies and nothing else.

use tacit_core::field::{F, pow2};
use tacit_core::order::{Kind, Side};
use tacit_core::params::Params;
use tacit_core::transcript::OrderRow;

use crate::account::{ID_BITS, OldLeaf};
use crate::builder::{Builder, Lc};
use crate::context::{ChallengeVars, ContextVars};
use crate::gadgets::transcript::Transcript;
use crate::gadgets::{lookup, poseidon, range};
use crate::statement::OrderWitness;

/// Poseidon tag of an order, above the recipient.
const TAG_ORDER: u64 = 2;
/// Bits of a price.
pub const PRICE_BITS: u32 = 42;
/// Bits of an order's quantity.
pub const LOT_BITS: u32 = 32;
/// Bits of the gap between an order's instrument and its row's id, and of that up to the next id.
const GAP_BITS: u32 = ID_BITS + 1;

/// The signed fields.
pub struct OrderVars {
    /// 1 if the slot holds an order.
    pub active: Lc,
    /// Instrument id, 0 unless a trade.
    pub instrument: Lc,
    /// 1 buy, 0 sell.
    pub side: Lc,
    /// `2·side − 1`.
    pub sign: Lc,
    /// Lots.
    pub quantity: Lc,
    /// Price units.
    pub limit: Lc,
    /// Basis points.
    pub max_fee_rate: Lc,
    /// Nonce epoch.
    pub epoch: Lc,
    /// Bits of the nonce slot.
    pub slot: Vec<Lc>,
    /// First batch.
    pub first: Lc,
    /// Last batch.
    pub last: Lc,
    /// 1 if it outlives a void batch.
    pub survives: Lc,
    /// 1 if kind = withdraw.
    pub withdraw: Lc,
    /// 1 if kind = cancel.
    pub cancel: Lc,
    /// Address as a number.
    pub recipient: Lc,
    /// Sequence number, 0 if inactive.
    pub sequence: Lc,
    /// The hash that is signed.
    pub hash: Lc,
}

impl OrderVars {
    /// 1 if kind = trade.
    pub fn trade(&self) -> Lc {
        &self.withdraw.not() - &self.cancel
    }
}

/// Allocates and ranges the fields (section 4) and hashes them.
pub fn fields(b: &mut Builder, w: &OrderWitness, domain: &Lc, index: &Lc) -> OrderVars {
    let o = &w.sealed.order;
    let zero = Lc::zero();
    let active = b.boolean("active", w.active);
    let instrument = range::ranged(b, "instrument", F::from(o.instrument), ID_BITS);
    let side = b.boolean("side", o.side == Side::Buy);
    let quantity = range::ranged(b, "quantity", F::from(o.quantity), LOT_BITS);
    let limit = range::ranged(b, "limit", F::from(o.limit), PRICE_BITS);
    let max_fee_rate = range::ranged(b, "highest fee rate", F::from(o.max_fee_rate), 14);
    let epoch = range::ranged(b, "order epoch", F::from(o.epoch), 32);
    let (slot_word, slot) = range::new_bits(b, "nonce slot", F::from(o.slot), 6);
    let first = range::ranged(b, "first batch", F::from(o.first_batch), 32);
    let last = range::ranged(b, "last batch", F::from(o.last_batch), 32);
    let survives = b.boolean("survives", o.survives_void);
    let withdraw = b.boolean("withdraw", o.kind == Kind::Withdraw);
    let cancel = b.boolean("cancel", o.kind == Kind::Cancel);
    let recipient = b.witness("recipient", o.recipient_field());
    let salt = b.witness("order salt", o.salt);
    let sequence = range::ranged(b, "sequence", F::from(w.sealed.sequence), 32);
    b.enforce("one kind", &withdraw, &cancel, &zero);
    let no_instrument = b.is_zero("no instrument", &instrument);
    b.enforce("instrument only in trades", &active, &(&(&no_instrument - &withdraw) - &cancel), &zero);
    b.enforce("no sequence number in an inactive slot", &active.not(), &sequence, &zero);
    let one = F::from(1u64);
    let packed = Lc::linear([
        (index, one),
        (&instrument, pow2(21)),
        (&side, pow2(48)),
        (&quantity, pow2(49)),
        (&limit, pow2(81)),
        (&max_fee_rate, pow2(123)),
        (&epoch, pow2(137)),
        (&slot_word, pow2(169)),
        (&first, pow2(175)),
        (&last, pow2(207)),
        (&survives, pow2(239)),
        (&withdraw, pow2(240)),
        (&cancel, pow2(241)),
    ]);
    let tagged = recipient.add_constant(pow2(160) * F::from(TAG_ORDER));
    let hash = b.scoped("order hashes", |b| poseidon::hash(b, &[domain.clone(), packed, tagged, salt]));
    let hash = b.materialize(&hash);
    let sign = side.scale(F::from(2u64)).add_constant(-one);
    OrderVars {
        active,
        instrument,
        side,
        sign,
        quantity,
        limit,
        max_fee_rate,
        epoch,
        slot,
        first,
        last,
        survives,
        withdraw,
        cancel,
        recipient,
        sequence,
        hash,
    }
}

/// The row an order looks up.
pub struct RowVars {
    /// Clearing price.
    pub price: Lc,
    /// Cut.
    pub cut: Lc,
    /// 1 if the cut's side is buy.
    pub cut_side: Lc,
    /// 1 if the id is a settled row.
    pub settled: Lc,
    /// 1 if the clearing price is above the mark.
    pub direction: Lc,
    /// Short minimum.
    pub minimum: Lc,
    /// `W_0 … W_{S−1}, W_mark`.
    pub losses: Vec<Lc>,
    /// 1 if the row is the order's instrument, not a neighbour.
    pub known: Lc,
}

/// Looks up the row: bound in the transcript, adjacent to the instrument, found in the table by its random combination.
pub fn look_up(
    b: &mut Builder,
    p: &Params,
    w: &OrderRow,
    instrument: &Lc,
    ch: &ChallengeVars,
    transcript: &mut Transcript,
) -> (RowVars, Lc) {
    let id = b.witness("row id", F::from(w.id));
    let next = b.witness("row next", F::from(w.next));
    let price = b.witness("row price", F::from(w.price));
    let cut = b.witness("row cut", F::from(w.cut));
    let cut_side = b.boolean("row cut side", w.cut_buys);
    let settled = b.boolean("row settled", w.settled);
    let direction = b.boolean("row direction", w.above_mark);
    let minimum = range::ranged(b, "row minimum", F::from(w.minimum), PRICE_BITS);
    let losses: Vec<Lc> = w.weighted.iter().map(|x| b.witness("row W", tacit_core::field::from_i128(*x))).collect();
    debug_assert_eq!(losses.len(), p.scenarios + 1);
    let above = instrument - &id;
    range::bits(b, "row id at or below the instrument", &above, GAP_BITS);
    range::bits(b, "row next above the instrument", &(&next - instrument).add_constant(-F::from(1u64)), GAP_BITS);
    let known = b.is_zero("row known", &above);
    let word = row_word(&RowWord {
        id: &id,
        next: &next,
        price: &price,
        cut: &cut,
        cut_side: &cut_side,
        settled: &settled,
        direction: &direction,
        minimum: &minimum,
    });
    transcript.absorb(b, &word);
    for five in losses.chunks(5) {
        transcript.absorb(b, &Lc::pack(five, 50));
    }
    let term = b.scoped("row look-up", |b| {
        let mut key = word;
        for loss in losses.iter().rev() {
            key = &b.mul(&key, &ch.y_powers[1]) + loss;
        }
        lookup::term(b, "row is in the table", &Lc::one(), &ch.beta, &key)
    });
    (RowVars { price, cut, cut_side, settled, direction, minimum, losses, known }, term)
}

/// Parts of a row word, as in the closing circuit.
pub struct RowWord<'a> {
    /// Instrument id.
    pub id: &'a Lc,
    /// Least id above.
    pub next: &'a Lc,
    /// Clearing price.
    pub price: &'a Lc,
    /// Cut.
    pub cut: &'a Lc,
    /// Cut's side.
    pub cut_side: &'a Lc,
    /// Settled flag.
    pub settled: &'a Lc,
    /// Whether price > mark.
    pub direction: &'a Lc,
    /// Short minimum.
    pub minimum: &'a Lc,
}

/// Packs a row word: slots wide enough for every value that the comparisons admit.
pub fn row_word(w: &RowWord<'_>) -> Lc {
    Lc::linear([
        (w.id, F::from(1u64)),
        (w.next, pow2(36)),
        (w.price, pow2(72)),
        (w.cut, pow2(118)),
        (w.cut_side, pow2(154)),
        (w.settled, pow2(155)),
        (w.direction, pow2(156)),
        (w.minimum, pow2(157)),
    ])
}

/// Which tests an order passed, as bits.
pub struct Standing {
    /// Its account exists.
    pub has_account: Lc,
    /// Inside its window.
    pub in_window: Lc,
    /// A cancel that did its work.
    pub cancelled: Lc,
    /// A withdrawal that passed the nonce test.
    pub withdraw: Lc,
    /// A trade that passed the nonce test.
    pub trade_nonce: Lc,
    /// … in a known instrument.
    pub trade_known: Lc,
    /// … not settled.
    pub trade_open: Lc,
    /// … at an acceptable fee rate.
    pub trade_fee: Lc,
    /// … with room for the position.
    pub trade: Lc,
    /// The slot's bit in the bitmap, if it is to be marked.
    pub slot_bit: Lc,
}

/// Test 2: first ≤ batch ≤ last, and it outlives voids or first > last void.
pub fn window(b: &mut Builder, o: &OrderVars, c: &ContextVars) -> Lc {
    let begun = range::is_non_negative(b, "first ≤ batch", &(&c.batch - &o.first), 33);
    let open = range::is_non_negative(b, "batch ≤ last", &(&o.last - &c.batch), 33);
    let fresh =
        range::is_non_negative(b, "first > last void", &(&o.first - &c.last_void).add_constant(-F::from(1u64)), 33);
    let inside = b.mul(&begun, &open);
    let dead = b.mul(&o.survives.not(), &fresh.not());
    b.mul(&inside, &dead.not())
}

/// The running bitmap of a touch: eight bytes, cleared when the epoch rises.
pub struct Nonces {
    /// The touch's epoch, at least the leaf's and each live order's.
    pub epoch: Lc,
    /// Bits taken so far, as bytes.
    pub bytes: Vec<Lc>,
    /// Product that vanishes exactly if the epoch is attained.
    pub attained: Lc,
    /// The bitmap that the new leaf starts from.
    pub start: Lc,
}

impl Nonces {
    /// Starts from the old leaf; `epoch` is the prover's claim.
    pub fn open(b: &mut Builder, old: &OldLeaf, epoch: u32) -> Self {
        let epoch = b.witness("touch epoch", F::from(epoch));
        let rise = &epoch - &old.epoch;
        range::bits(b, "epoch does not fall", &rise, 32);
        let same = b.is_zero("epoch unchanged", &rise);
        let bytes: Vec<Lc> = old.bitmap.iter().map(|byte| b.mul(&same, byte)).collect();
        let start = Lc::pack(&bytes, 8);
        Self { epoch, bytes, attained: rise, start }
    }

    /// Raises for one order; returns whether the order's epoch is the touch's.
    pub fn raise(&mut self, b: &mut Builder, o: &OrderVars, in_window: &Lc) -> Lc {
        let behind = &self.epoch - &o.epoch;
        let gated = b.mul(in_window, &behind);
        range::bits(b, "epoch at least each live order's", &gated, 32);
        let factor = (&gated - in_window).add_constant(F::from(1u64));
        self.attained = b.mul(&self.attained, &factor);
        b.is_zero("order epoch current", &behind)
    }

    /// The epoch is one that the leaf or a live order has.
    pub fn close(&self, b: &mut Builder) {
        b.zero("epoch attained", &self.attained);
    }
}

/// A nonce slot as selectors.
struct Slot {
    byte: Vec<Lc>,
    mask: Lc,
}

/// Whether the slot is taken, and the selectors to take it.
fn slot_taken(b: &mut Builder, nonces: &Nonces, slot: &[Lc]) -> (Lc, Slot) {
    let byte = range::one_hot(b, &slot[3..6]);
    let mut selected = Lc::zero();
    for (hot, value) in byte.iter().zip(&nonces.bytes) {
        selected = &selected + &b.mul(hot, value);
    }
    let bits = range::bits(b, "bitmap byte", &selected, 8);
    let bit = range::one_hot(b, &slot[..3]);
    let mut taken = Lc::zero();
    for (hot, value) in bit.iter().zip(&bits) {
        taken = &taken + &b.mul(hot, value);
    }
    (taken, Slot { byte, mask: Lc::pack(&bit, 1) })
}

fn take_slot(b: &mut Builder, nonces: &mut Nonces, slot: &Slot, taking: &Lc) {
    let mask = b.mul(taking, &slot.mask);
    for (hot, value) in slot.byte.iter().zip(&mut nonces.bytes) {
        *value = &*value + &b.mul(hot, &mask);
    }
}

/// Positions a touch holds or may hold: what test 7 counts.
pub struct Room {
    /// Unexpired ids of the old leaf (0 where none).
    pub held: Vec<Lc>,
    /// Ids of earlier survivors of the test (0 where none).
    pub traded: Vec<Lc>,
    /// How many distinct ones.
    pub count: Lc,
}

/// Results of tests 1 and 2 of an order, and whether its epoch is the touch's.
pub struct LiveOrder {
    /// Active, and its account exists.
    pub has_account: Lc,
    /// … and inside its window.
    pub in_window: Lc,
    /// Order epoch = touch epoch.
    pub current: Lc,
}

/// Tests 3 to 7 of one order, with the results of tests 1 and 2.
#[allow(clippy::too_many_arguments)] // one argument a thing that the tests read or advance
pub fn tests(
    b: &mut Builder,
    p: &Params,
    o: &OrderVars,
    row: &RowVars,
    context: &ContextVars,
    nonces: &mut Nonces,
    room: &mut Room,
    live: LiveOrder,
) -> Standing {
    let LiveOrder { has_account, in_window, current } = live;
    let (taken, slot) = slot_taken(b, nonces, &o.slot);
    let free = b.mul(&current, &taken.not());
    let fresh = b.mul(&in_window, &free);
    let cancelled = b.mul(&in_window, &o.cancel);
    let withdraw = b.mul(&fresh, &o.withdraw);
    let trade_nonce = b.mul(&fresh, &o.trade());
    take_slot(b, nonces, &slot, &(&withdraw + &trade_nonce));
    let high = Lc::linear(slot.byte.iter().enumerate().map(|(i, hot)| (hot, pow2(8 * i as u32))));
    let slot_bit = b.mul(&slot.mask, &high);
    let trade_known = b.mul(&trade_nonce, &row.known);
    let trade_open = b.mul(&trade_known, &row.settled.not());
    let fee_ok = range::is_non_negative(b, "fee rate accepted", &(&o.max_fee_rate - &context.rate), 15);
    let trade_fee = b.mul(&trade_open, &fee_ok);
    let trade = b.scoped("position room", |b| position_room(b, p, o, room, &trade_fee));
    Standing {
        has_account,
        in_window,
        cancelled,
        withdraw,
        trade_nonce,
        trade_known,
        trade_open,
        trade_fee,
        trade,
        slot_bit,
    }
}

/// Test 7: a new instrument needs a free position.
fn position_room(b: &mut Builder, p: &Params, o: &OrderVars, room: &mut Room, alive: &Lc) -> Lc {
    let mut product = Lc::one();
    for id in room.held.iter().chain(&room.traded) {
        product = b.mul(&product, &(&o.instrument - id));
    }
    let held = b.is_zero("instrument held", &product);
    let full = b.is_zero("positions full", &(&Lc::constant(F::from(p.positions as u64)) - &room.count));
    let refused = b.mul(&held.not(), &full);
    let passed = b.mul(alive, &refused.not());
    let added = b.mul(&passed, &held.not());
    room.count = &room.count + &added;
    let id = b.mul(&passed, &o.instrument);
    room.traded.push(id);
    passed
}

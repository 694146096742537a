//! What an operator who cheats does: he clears a batch that he would like instead of the one that is true, and proves what he can of it.
//!
//! The *truth* is a scene as chain, seal and owners have it: leaves under the contract's root, orders as signed, queues, tables. The
//! *world* is a scene in which what he wants is lawful. [`Attack::pretending`] takes all witnesses from the world, cleared by the honest
//! core, and everything that the contract holds from the truth; the rest of the methods put true parts back, and lie where that helps
//! him. Roots, paths, positions, cash, digests, sums and challenges then follow from the witnesses.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use tacit_circuits::builder::PRODUCT;
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::{Expected, LockedDeposit, shapes};
use tacit_circuits::statement::{OrderWitness, TouchWitness};
use tacit_core::account::Position;
use tacit_core::batch::{ClearedBatch, ClearedOrder, ClearedTouch};
use tacit_core::field::{F, from_i128, pow2};
use tacit_core::netting::net;
use tacit_core::order::{Kind, Order};
use tacit_core::params::Params;
use tacit_core::risk::LookupRow;
use tacit_core::seal::{seal_leaf, seal_root, touch_hash};

use crate::support::Circuit::{Closing, Segment};
use crate::support::scene::{Dice, Scene, key_of};
use crate::support::{Attack, QUEUES, segment_bits, tree_of};

/// A batch that is accepted, to be attacked.
pub struct Valid {
    /// As it was made.
    pub scene: Scene,
    /// As it was cleared.
    pub cleared: ClearedBatch,
}

/// Place of an order: its touch and its slot there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Number of the touch in the batch.
    pub touch: usize,
    /// Number of the order in the touch.
    pub slot: usize,
}

/// An order of an account that exists, with what became of it.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Its place.
    pub at: At,
    /// The order.
    pub order: &'a Order,
    /// Its sequence number.
    pub sequence: u32,
    /// What became of it.
    pub result: &'a ClearedOrder,
    /// The touch that it stands in.
    pub touch: &'a ClearedTouch,
    /// Its instrument's auction, if it is open.
    pub auction: Option<Auction>,
}

/// What clears an instrument.
#[derive(Clone, Copy)]
pub struct Auction {
    /// Number of the risk row.
    pub row: usize,
    /// p*.
    pub price: u64,
    /// Mark.
    pub mark: u64,
    /// Cut.
    pub cut: u32,
    /// Whether the cut buys.
    pub cut_buys: bool,
}

impl Seen<'_> {
    /// Filled in any part.
    pub fn filled(&self) -> bool {
        self.result.fill > 0
    }

    /// The auction of a trade that was admitted.
    pub fn admitted(&self) -> Option<Auction> {
        self.auction.filter(|_| self.result.admitted && self.order.kind == Kind::Trade)
    }

    /// Its limit is the clearing price.
    pub fn at_price(&self) -> bool {
        self.auction.is_some_and(|auction| auction.price == self.order.limit)
    }

    /// It is the order at which the instrument's fills end.
    pub fn is_cut(&self) -> bool {
        let cut = |a: Auction| a.cut == self.sequence && a.cut_buys == self.order.side.is_buy();
        self.at_price() && self.admitted().is_some_and(cut)
    }

    /// The touch withdraws or exits.
    pub fn pays_out(&self) -> bool {
        self.touch.withdrawal > 0
    }
}

impl Valid {
    /// Clears the scene; none if the core refuses it.
    pub fn of(scene: Scene) -> Option<Self> {
        let cleared = scene.try_clear().ok()?;
        Some(Self { scene, cleared })
    }

    /// All orders of accounts that exist.
    pub fn orders(&self) -> Vec<Seen<'_>> {
        let touches = self.cleared.sealed.touches.iter().zip(&self.cleared.touches).enumerate();
        let existing = touches.filter(|(_, (_, result))| result.new.is_some());
        existing
            .flat_map(|(touch, (sealed, result))| {
                sealed.orders.iter().zip(&result.orders).enumerate().map(move |(slot, (sealed, order))| Seen {
                    at: At { touch, slot },
                    order: &sealed.order,
                    sequence: sealed.sequence,
                    result: order,
                    touch: result,
                    auction: self.auction(order.row),
                })
            })
            .collect()
    }

    /// The auction of a row, unless it is settled or the sentinel.
    pub fn auction(&self, row: LookupRow) -> Option<Auction> {
        let LookupRow::Risk(row) = row else { return None };
        let (auction, mark) = (&self.cleared.auctions[row], self.cleared.sealed.risk.rows[row].mark);
        let cut_buys = auction.cut_side.is_buy();
        Some(Auction { row, price: auction.price, mark, cut: auction.cut, cut_buys })
    }

    /// One of the orders for which a condition holds.
    pub fn draw(&self, dice: &mut Dice, wanted: impl Fn(&Seen<'_>) -> bool) -> Option<Seen<'_>> {
        drawn(dice, self.orders().into_iter().filter(|seen| wanted(seen)).collect())
    }

    /// One of the touches for which a condition holds.
    pub fn draw_touch(&self, dice: &mut Dice, wanted: impl Fn(usize, &ClearedTouch) -> bool) -> Option<usize> {
        let touches = self.cleared.touches.iter().enumerate();
        drawn(dice, touches.filter(|(at, touch)| wanted(*at, touch)).map(|(at, _)| at).collect())
    }

    /// Account index of a touch.
    pub fn index(&self, touch: usize) -> u32 {
        self.cleared.sealed.touches[touch].index
    }

    /// The batch, attacked by changed witnesses alone.
    pub fn attacked(&self) -> Attack {
        Attack::of(self.cleared.clone(), tree_of(&self.scene))
    }

    /// Whether every claim of the touch would stand if it fell by this much.
    pub fn margin_left(&self, touch: usize, less: i128) -> bool {
        self.cleared.touches[touch].claims.iter().all(|claim| *claim >= less)
    }
}

/// One of the choices.
pub fn drawn<T>(dice: &mut Dice, mut choices: Vec<T>) -> Option<T> {
    let at = dice.below(choices.len().max(1) as u64) as usize;
    (!choices.is_empty()).then(|| choices.swap_remove(at))
}

/// The account that a touch is of.
pub fn account(scene: &Scene, touch: usize) -> u32 {
    *scene.plans.keys().nth(touch).unwrap()
}

/// The scene with one order changed and signed again by its owner.
pub fn rewritten(scene: &Scene, at: At, edit: impl FnOnce(&mut Order)) -> Scene {
    let mut scene = scene.clone();
    let (index, domain) = (account(&scene, at.touch), scene.context.domain);
    let sealed = &mut scene.plans.get_mut(&index).unwrap().orders[at.slot];
    edit(&mut sealed.order);
    sealed.signature = key_of(index).sign(sealed.order.hash(domain));
    scene
}

/// The scene without a touch's orders; sequence numbers stay 1 … n.
pub fn without_orders(scene: &Scene, index: u32) -> Scene {
    let mut scene = scene.clone();
    scene.plans.get_mut(&index).unwrap().orders.clear();
    renumber(&mut scene);
    scene
}

/// Sequence numbers 1 … n in the order that they had.
pub fn renumber(scene: &mut Scene) {
    let left: BTreeSet<u32> = scene.plans.values().flat_map(|plan| &plan.orders).map(|order| order.sequence).collect();
    for sealed in scene.plans.values_mut().flat_map(|plan| &mut plan.orders) {
        sealed.sequence = left.iter().position(|s| *s == sealed.sequence).unwrap() as u32 + 1;
    }
    scene.sequence = left.len() as u32;
}

/// What a contract holds that sealed the scene.
pub fn held_by_contract(truth: &Scene) -> Expected {
    let batch = truth.batch();
    let leaf = |t: &tacit_core::batch::Touch| {
        seal_leaf(t.index, touch_hash(t, &truth.params, truth.context.domain, truth.context.batch))
    };
    let leaves: Vec<[u8; 32]> = batch.touches.iter().map(leaf).collect();
    let deposits = batch.touches.iter().filter(|t| t.deposit > 0);
    Expected {
        context: truth.context,
        start_root: tree_of(truth).root(),
        seal_root: seal_root(&leaves),
        active_orders: batch.active_orders() as u32,
        queues: QUEUES,
        risk_root: batch.risk.root(&truth.params),
        deposits: deposits.map(|t| (t.index, LockedDeposit { amount: t.deposit, owner: t.holder.owner() })).collect(),
        exits: batch.touches.iter().filter_map(|t| t.exit.map(|amount| (t.index, amount))).collect(),
        settled: truth.settled.clone(),
    }
}

impl Attack {
    /// The witnesses of the world, what is sent and held by the contract of the truth. None if the world is no batch.
    pub fn pretending(truth: &Scene, world: &Scene) -> Option<Self> {
        let mut attack = Self::of(world.try_clear().ok()?, tree_of(world));
        let held = held_by_contract(truth);
        let sent = &mut attack.honest;
        (sent.context, sent.start_root, sent.risk_root) = (held.context, held.start_root, held.risk_root);
        (sent.seal_root, sent.active_orders) = (held.seal_root, held.active_orders);
        attack.forks.insert(0, tree_of(truth));
        Some(attack.trusting(move |expected| *expected = held.clone()))
    }

    /// Orders, signatures and sequence numbers are those that the truth holds.
    pub fn signed(mut self, truth: &Scene) -> Self {
        for touch in self.segments.iter_mut().flat_map(|s| &mut s.touches).filter(|t| t.live) {
            let sealed = truth.plans.get(&touch.index).map_or(&[][..], |plan| &plan.orders);
            for (order, sealed) in touch.orders.iter_mut().zip(sealed) {
                order.sealed = sealed.clone();
            }
        }
        self
    }

    /// Old leaves are those under the contract's root.
    pub fn held(mut self, truth: &Scene) -> Self {
        for touch in self.segments.iter_mut().flat_map(|s| &mut s.touches).filter(|t| t.live) {
            touch.old = truth.leaves.get(&touch.index).cloned();
        }
        self
    }

    /// The witness of a touch.
    pub fn told(&self, touch: usize) -> &TouchWitness {
        let size = self.cleared.params.touches;
        &self.segments[touch / size].touches[touch % size]
    }

    /// Tampers with the witness of an order.
    pub fn order(self, at: At, edit: impl FnOnce(&mut OrderWitness)) -> Self {
        self.touch(at.touch, |touch| edit(&mut touch.orders[at.slot]))
    }

    /// Segment of a place, and how many orders of the segment stand before it.
    fn ordinal(&self, at: At) -> (usize, usize) {
        let (touches, orders) = (self.cleared.params.touches, self.cleared.params.orders);
        (at.touch / touches, at.touch % touches * orders + at.slot)
    }

    /// Replaces a witness that each order has once.
    pub fn order_lie(self, at: At, label: &'static str, value: F) -> Self {
        let (segment, ordinal) = self.ordinal(at);
        self.lie(Segment(segment), label, ordinal, move |_| value)
    }

    /// Answers a comparison of `n` bits that each order has once, against the truth.
    pub fn order_answer(self, at: At, check: &'static str, n: u32, claim: bool) -> Self {
        let (segment, ordinal) = self.ordinal(at);
        self.claim(segment, check, ordinal, n, claim)
    }

    /// Replaces the `nth` of the witnesses under a label of which each touch has `each`.
    pub fn touch_lie(
        self,
        touch: usize,
        label: &'static str,
        (nth, each): (usize, usize),
        lie: impl Fn(F) -> F + Send + Sync + 'static,
    ) -> Self {
        let touches = self.cleared.params.touches;
        self.lie(Segment(touch / touches), label, touch % touches * each + nth, lie)
    }

    /// As `order_answer` for a comparison of which each touch has `each`.
    pub fn touch_answer(
        self,
        touch: usize,
        check: &'static str,
        (nth, each): (usize, usize),
        n: u32,
        claim: bool,
    ) -> Self {
        let touches = self.cleared.params.touches;
        self.claim(touch / touches, check, touch % touches * each + nth, n, claim)
    }

    /// Says of an order's nonce slot that it is taken or free, though the bitmap says the contrary.
    pub fn nonce_answer(self, at: At, slot: u8, taken: bool) -> Self {
        let (segment, ordinal) = self.ordinal(at);
        let bits = &segment_bits()["bitmap byte"][7 * ordinal..][..7];
        let bit = usize::from(slot % 8);
        match bits.get(bit) {
            Some(wire) => self.lie(Segment(segment), BIT, *wire, move |_| F::from(taken)),
            // The top bit is no wire but what the others leave.
            None => {
                let by = if taken { -pow2(7) } else { pow2(7) };
                self.lie(Segment(segment), BIT, bits[0], move |honest| honest + by)
            }
        }
    }

    /// Positions of all touches net what their orders were filled, and the fund is credited the fees of these fills. None if a leaf has
    /// no room.
    pub fn settled_again(mut self) -> Option<Self> {
        let params = self.cleared.params;
        let mut fees = 0;
        for touch in self.segments.iter_mut().flat_map(|s| &mut s.touches) {
            let held = touch.old.iter().flat_map(|leaf| leaf.slots(&params)).zip(&touch.expired);
            let open = held.filter(|(position, expired)| position.instrument != 0 && !**expired).map(|(p, _)| p);
            let filled = touch.orders.iter().filter(|o| o.fill > 0);
            fees += filled.clone().map(|o| i128::from(o.fill) * i128::from(o.row.price)).sum::<i128>();
            let change = |o: &OrderWitness| (o.sealed.order.instrument, signed_lots(o));
            let positions = net(open, filled.map(change));
            if positions.len() > params.positions {
                return None;
            }
            if let Some(new) = &mut touch.new {
                new.positions = positions;
            }
        }
        let rate = i128::from(self.segments[0].context.fee_rate);
        self.segments[0].touches[0].credit = rate * fees;
        Some(self)
    }

    /// At-price counts are those that the segments now add up to, as elements of the field. None where the price rule, which is not
    /// meant to be met here, would refuse.
    pub fn recounted(self) -> Option<Self> {
        let rows = self.cleared.sealed.risk.rows.len();
        let counts: Vec<i128> = (0..rows).map(|row| self.count(row)).collect();
        let holds = |row: usize| {
            let witness = self.order_row(row);
            counts[row] != 0 || witness.is_none_or(|(price, mark)| price == mark)
        };
        if !(0..rows).all(holds) {
            return None;
        }
        let lie = |attack: Self, (row, count): (usize, i128)| {
            attack.lie(Closing, "at-price count", row, move |_| from_i128(count))
        };
        Some(counts.into_iter().enumerate().fold(self, lie))
    }

    /// Clearing price and mark of a row that is looked up.
    fn order_row(&self, row: usize) -> Option<(u64, u64)> {
        let risk = &self.cleared.sealed.risk.rows[row];
        let mut orders = self.segments.iter().flat_map(|s| &s.touches).flat_map(|t| &t.orders);
        orders.find(|o| o.row.id == risk.instrument && !o.row.settled).map(|o| (o.row.price, risk.mark))
    }

    /// The at-price count of a row.
    pub fn count(&self, row: usize) -> i128 {
        let id = self.cleared.sealed.risk.rows[row].instrument;
        let touches = self.segments.iter().flat_map(|s| &s.touches).zip(&self.cleared.touches);
        let orders = touches.flat_map(|(told, cleared)| told.orders.iter().zip(&cleared.orders));
        let counted = orders.filter(|(told, cleared)| {
            let order = &told.sealed.order;
            let here = order.kind == Kind::Trade && order.instrument == id && order.limit == told.row.price;
            here && cleared.admitted
        });
        let part = |(told, _): (&OrderWitness, &ClearedOrder)| {
            let (order, fill) = (&told.sealed.order, i128::from(told.fill));
            if order.side.is_buy() == told.row.above_mark { i128::from(order.quantity) - fill } else { fill }
        };
        counted.map(part).sum()
    }

    /// An instrument clears at another price and cut, in its row and in what every order looks up.
    pub fn repriced(mut self, row: usize, price: u64, cut: u32, cut_is_buy: bool) -> Self {
        let risk = &self.cleared.sealed.risk.rows[row];
        let (id, mark) = (risk.instrument, risk.mark);
        for order in self.segments.iter_mut().flat_map(|s| &mut s.touches).flat_map(|t| &mut t.orders) {
            if order.row.id == id && !order.row.settled {
                (order.row.price, order.row.cut, order.row.cut_buys) = (price, cut, cut_is_buy);
                order.row.above_mark = price > mark;
            }
        }
        self.closing(move |c| {
            (c.risk[row].price, c.risk[row].cut, c.risk[row].cut_is_buy) = (price, cut.into(), cut_is_buy);
        })
    }

    /// Replaces the positions of a touch's new leaf.
    pub fn positions(self, touch: usize, positions: Vec<Position>) -> Self {
        self.touch(touch, |t| t.new.as_mut().unwrap().positions = positions)
    }
}

/// Lots of an order's fill, negative for sells.
pub fn signed_lots(order: &OrderWitness) -> i64 {
    order.sealed.order.side.sign() * i64::from(order.fill)
}

/// Which of all wires under a label stand in the scope: their numbers among those of the label, in a segment of `dev`.
pub fn in_scope(label: &'static str, scope: &str) -> Vec<usize> {
    static LABELS: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();
    let labels = LABELS.get_or_init(|| {
        let shape = shapes(&Params::DEV).0;
        let labels = (1..shape.values().len()).filter_map(|wire| shape.label(wire));
        labels.map(|(label, path)| (label, path.to_owned())).collect()
    });
    let labelled = labels.iter().filter(|(name, _)| *name == label).enumerate();
    labelled.filter(|(_, (_, path))| path == scope).map(|(at, _)| at).collect()
}

/// The products in a scope.
pub fn products(scope: &str) -> Vec<usize> {
    in_scope(PRODUCT, scope)
}

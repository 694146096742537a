//! Whatever core clears can be proven, at the ends of every range: a sound batch without a proof would stop the exchange.
//!
//! `batches.rs` sets one extreme at a time. Here they are drawn together: ids 1 and 2²⁷ − 1, prices 0 and 2⁴² − 1, every fee rate and margin
//! ratio at its ends, cash and positions near theirs, deposits, exits and withdrawals of any size, spent nonces, the last batch numbers and
//! the last leaf. Every other batch is a crossing book of the rich, so that extremes trade. What the batches hold is counted, so that none
//! of it is missing by chance.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::BTreeMap;

use support::scene::{Dice, Scene, cancel, order};
use support::{Attack, scene_slot};
use tacit_core::account::Position;
use tacit_core::batch::{ClearedBatch, Context};
use tacit_core::order::{Kind, Order, Side};
use tacit_core::params::Params;
use tacit_core::units::TOP;

/// The largest price, and the bound of test 8 in value units and in lots.
const PRICE: u64 = (1 << 42) - 1;
const VALUE_BOUND: i128 = 1 << 77;
const LOT_BOUND: i128 = 1 << 34;
/// Cash units in a value unit.
const VALUE: i128 = 10_000;
/// Instruments that a batch may know, the first and the last among them.
const IDS: [u32; 7] = [1, 2, 77, 1 << 20, (1 << 26) + 5, TOP - 2, TOP - 1];
/// One that no batch knows.
const UNKNOWN: u32 = 9;
/// The largest position.
const POSITION: i64 = (1 << 35) - 1;

fn full() -> bool {
    std::env::var_os("TACIT_FULL").is_some()
}

fn price(d: &mut Dice) -> u64 {
    let (any, small) = (d.below(PRICE), d.below(1_000));
    d.pick(&[0, 1, PRICE, PRICE - 1, 1 << 41, any, small])
}

/// Any ratio that a contract may have, batch numbers up to the last.
fn context(s: &mut Scene, d: &mut Dice) {
    let ratios: Vec<(u8, u8)> = (1..=4).flat_map(|den| (den..=5).map(move |num| (num, den))).collect();
    let batch = d.pick(&[1, 10, u32::MAX - 1, u32::MAX]);
    let (num, den) = d.pick(&ratios);
    s.context = Context {
        batch,
        last_void: d.pick(&[0, batch / 2, batch - 1]),
        time: d.pick(&[0, (1 << 40) - 1]),
        fee_rate: d.pick(&[0, 1, 5_000, 9_999]),
        num,
        den,
        ..s.context
    };
}

/// Open and settled instruments, the first and the last id among the candidates; the open ones, then the settled.
fn tables(s: &mut Scene, d: &mut Dice) -> (Vec<u32>, Vec<u32>) {
    let (mut open, mut settled) = (Vec::new(), Vec::new());
    for id in IDS {
        if settled.len() < s.params.settled && d.once_in(4) {
            s.settle(id, price(d));
            settled.push(id);
        } else if !d.once_in(8) {
            let mark = price(d);
            let minimum = if d.once_in(2) { mark / 100 } else { price(d) };
            let row = s.row(id, mark);
            row.short_minimum = minimum;
            row.values.iter_mut().for_each(|value| *value = if d.once_in(2) { mark } else { price(d) });
            open.push(id);
        }
    }
    (open, settled)
}

/// Up to P positions of any size within test 8, or one as large as positions get; and how many lots they are.
fn positions(s: &Scene, d: &mut Dice, ids: &[u32]) -> (Vec<Position>, i128) {
    let (alone, every) = (d.once_in(8), d.once_in(3));
    let mut held: Vec<Position> = Vec::new();
    let mut lots = 0;
    for &instrument in ids {
        if held.len() < s.params.positions && (every || d.once_in(2)) && !(alone && held.len() == 1) {
            let any = 1 + d.below(1 << 33) as i64;
            let quantity = if alone { POSITION } else { d.pick(&[1, 3, 1 << 31, (1 << 33) - 1, any]) };
            let quantity = if alone || lots + i128::from(quantity) < LOT_BOUND { quantity } else { 1 };
            lots += i128::from(quantity);
            held.push(Position { instrument, quantity: if d.once_in(2) { quantity } else { -quantity } });
        }
    }
    (held, lots)
}

/// ⌊cash/10⁴⌋ up to what an account can come to (section 10: |⌊cash/10⁴⌋| + 2⁴² lots below 1.58·2⁷⁷), most often what test 8 still admits.
fn whole_cash(d: &mut Dice, lots: i128, rich: bool) -> i128 {
    let room = (VALUE_BOUND / 100 * 158 - (lots << 42) - 1).max(0);
    let admitted = (VALUE_BOUND - (lots << 43) - 1).max(0);
    if rich {
        return d.pick(&[admitted / 2, admitted / 4, admitted - admitted / 64]);
    }
    let any = i128::from(d.roll()) * 7 % room.max(1);
    let whole = d.pick(&[0, 1, 1 << 40, admitted, admitted / 2, any, room]).min(room);
    if d.once_in(3) { -whole } else { whole }
}

/// A leaf with everything that it holds at an end of its range.
fn account(s: &mut Scene, d: &mut Dice, index: u32, ids: &[u32], rich: bool) {
    let (positions, lots) = if rich { (Vec::new(), 1 << 33) } else { positions(s, d, ids) };
    let cash = VALUE * whole_cash(d, lots, rich) + d.pick(&[0, 1, VALUE - 1]);
    let leaf = s.account(index, cash, &[]);
    leaf.positions = positions;
    leaf.epoch = d.pick(&[0, 1, u32::MAX]);
    leaf.bitmap = if rich { 0 } else { d.pick(&[0, 0, 0, 0, u64::MAX, 1 << 63, 5]) };
    leaf.updates = d.pick(&[0, u32::MAX - 1]);
}

/// A trade in the first open instrument, at its mark or a step from it.
fn crossing(s: &Scene, d: &mut Dice, index: u32, open: &[u32]) -> Order {
    let id = *open.first().unwrap_or(&UNKNOWN);
    let mark = s.risk.get(&id).map_or(5, |row| row.mark);
    let limit = d.pick(&[mark, mark.saturating_sub(1), (mark + 1).min(PRICE), mark - mark / 1_000]);
    let lots = d.pick(&[1, 1_000, 1 << 20, 1 << 31, u32::MAX]);
    order(index, id, if d.once_in(2) { Side::Buy } else { Side::Sell }, lots, limit)
}

/// Anything that an account may sign, most of it refused.
fn any_order(s: &Scene, d: &mut Dice, index: u32, open: &[u32], withdrew: &mut bool) -> Order {
    let lots = d.pick(&[1, 1_000, 1 << 20, 1 << 31, u32::MAX]);
    match d.below(8) {
        0 | 1 if !*withdrew => {
            *withdrew = true;
            let amount = d.pick(&[0, 1, 1 << 30, PRICE]);
            Order { kind: Kind::Withdraw, recipient: [255; 20], ..order(index, 0, Side::Buy, lots, amount) }
        }
        2 => cancel(index, d.pick(&[0, 5, u32::MAX])),
        3 => order(index, d.pick(&[UNKNOWN, IDS[0], IDS[2], TOP - 1]), Side::Buy, lots, price(d)),
        _ if open.is_empty() => order(index, UNKNOWN, Side::Sell, lots, price(d)),
        _ => {
            let id = d.pick(open);
            let near = s.risk[&id].mark;
            let limit = if d.once_in(2) { near } else { price(d) };
            order(index, id, if d.once_in(2) { Side::Buy } else { Side::Sell }, lots, limit)
        }
    }
}

/// Orders of an account, in the batch's window but for a few, of its epoch but for a few.
fn orders(s: &mut Scene, d: &mut Dice, index: u32, open: &[u32], rich: bool) {
    let (epoch, batch) = (s.leaves.get(&index).map_or(0, |leaf| leaf.epoch), s.context.batch);
    let mut withdrew = false;
    for place in 0..s.params.orders as u8 {
        if d.once_in(6) {
            continue;
        }
        let crossing_here = rich && !d.once_in(8);
        let mut o =
            if crossing_here { crossing(s, d, index, open) } else { any_order(s, d, index, open, &mut withdrew) };
        (o.first_batch, o.last_batch) = (batch, batch);
        if o.kind != Kind::Cancel {
            o.epoch = if d.once_in(8) { epoch.saturating_sub(1) } else { epoch };
        }
        o.max_fee_rate = d.pick(&[9_999, 16_383, 16_383, 0]);
        if d.once_in(10) {
            o.first_batch = d.pick(&[0, batch, u32::MAX]);
            o.last_batch = d.pick(&[0, batch, u32::MAX]);
            o.survives_void = d.once_in(2);
        }
        s.order(scene_slot(o, d.pick(&[place, 63 - place, 7])));
    }
}

/// A batch of extremes: of the rich, who trade, or of anybody.
fn scene(params: Params, seed: u64) -> Scene {
    let mut dice = Dice(seed);
    let d = &mut dice;
    let mut s = Scene::new(params);
    let rich = seed.is_multiple_of(2);
    context(&mut s, d);
    let (open, settled) = tables(&mut s, d);
    let mut ids = [open.clone(), settled].concat();
    ids.sort_unstable();
    let last = params.capacity() - 1;
    for index in (1..=1 + d.below(5) as u32).chain([last]) {
        if !d.once_in(6) {
            let wealthy = rich && !d.once_in(4);
            account(&mut s, d, index, &ids, wealthy);
        }
        let plan = s.plans.entry(index).or_default();
        if d.once_in(6) {
            plan.exit = Some(d.pick(&[0, 1, 1 << 60, u64::MAX]));
            continue;
        }
        if d.once_in(3) {
            plan.deposit = d.pick(&[1, 1 << 40, 1 << 60]);
        }
        orders(&mut s, d, index, &open, rich);
    }
    s
}

/// What all batches held.
#[derive(Default, Debug)]
struct Seen {
    cleared: u32,
    reasons: BTreeMap<u8, u32>,
    filled: u32,
    partly: u32,
    exits: u32,
    withdrawals: u32,
    expired: u32,
}

impl Seen {
    fn count(&mut self, cleared: &ClearedBatch) {
        self.cleared += 1;
        for (touch, result) in cleared.sealed.touches.iter().zip(&cleared.touches) {
            for (sealed, outcome) in touch.orders.iter().zip(&result.orders) {
                *self.reasons.entry(outcome.reason.code()).or_default() += 1;
                self.filled += u32::from(outcome.fill > 0);
                self.partly += u32::from(outcome.fill > 0 && outcome.fill < sealed.order.quantity);
            }
            let paid = u32::from(result.paid > 0);
            self.exits += if touch.exit.is_some() { paid } else { 0 };
            self.withdrawals += if touch.exit.is_some() { 0 } else { paid };
            self.expired += u32::from(result.expired.contains(&true));
        }
    }

    /// Each of these at least so often, and a fill in every third batch.
    #[track_caller]
    fn assert_all(&self, least: u32) {
        let [partly, exits, withdrawals, expired] = [self.partly, self.exits, self.withdrawals, self.expired];
        assert!([partly, exits, withdrawals, expired].iter().all(|times| *times >= least), "{self:?}");
        assert!((0..=10).all(|reason| self.reasons.get(&reason).is_some_and(|times| *times >= least)), "{self:?}");
        assert!(self.filled >= self.cleared / 3, "{self:?}");
    }
}

/// Clears and proves batches, of which core refuses at most one in twenty: a number has left its range.
fn prove(params: Params, seeds: std::ops::Range<u64>) -> Seen {
    let (mut seen, all) = (Seen::default(), seeds.end as u32);
    for seed in seeds {
        let scene = scene(params, seed);
        let Ok(cleared) = scene.try_clear() else { continue };
        seen.count(&cleared);
        let mut honest = Attack::on(&scene);
        // Every circuit is built, not only what an attack touches.
        honest.proving = true;
        let verdict = honest.run();
        let refused = (verdict.reasons(), &verdict.contract);
        assert!(refused.0.is_empty(), "{} batch {seed} is sound, but refused: {refused:?}", params.name);
    }
    assert!(seen.cleared >= all - all / 20, "of {all} batches core clears {}", seen.cleared);
    seen
}

#[test]
fn batches_of_extremes_that_core_clears_satisfy_both_circuits_and_the_contract() {
    let seen = prove(Params::DEV, 0..if full() { 2_500 } else { 60 });
    seen.assert_all(if full() { 60 } else { 2 });
}

#[test]
fn standard_batches_of_extremes_satisfy_both_circuits_and_the_contract() {
    let seen = prove(Params::STANDARD, 0..if full() { 40 } else { 3 });
    assert!(seen.filled > 0, "{seen:?}");
}

//! What a trader can send that the state refuses, reason by reason: the clauses of each test of section 4 and the edges of its numbers.

use tacit_core::babyjub::Point;
use tacit_core::batch::SealedBatch;
use tacit_core::eddsa::Signature;
use tacit_core::field::{F, Integer, from_u64};
use tacit_core::order::{Kind, Order, Side};
use tacit_core::units::TOP;

use crate::support::scene::{BATCH, LAST_VOID, QUOTE, Scene, cancel, order, withdrawal};
use crate::support::scene_slot;
use crate::{
    ABSENT, BOUND, Case, EPOCH, HOSTILE, LOTS, MARK, OPEN, OTHER, PRICE, SETTLED, TOKEN, USED_SLOT, VALUE,
    cash_at_bound, good, good_sell, good_withdrawal, leaf, position, withdrawal_of,
};

/// Every number at the end of its range, in an order that is none of the static wrongs.
fn extreme(account: u32, kind: Kind, side: Side) -> Order {
    Order {
        instrument: if kind == Kind::Trade { TOP - 1 } else { 0 },
        quantity: LOTS,
        limit: PRICE,
        max_fee_rate: (1 << 14) - 1,
        epoch: u32::MAX,
        slot: 63,
        first_batch: 0,
        last_batch: u32::MAX,
        survives_void: true,
        kind,
        recipient: if kind == Kind::Withdraw { [0xff; 20] } else { [0; 20] },
        salt: -F::from(1u8),
        ..order(account, OPEN, side, 1, 1)
    }
}

fn no_account() -> Vec<Case> {
    let trade = || Order { account: ABSENT, ..good() };
    let rubbish = |batch: &mut SealedBatch| {
        let touch = batch.touches.iter_mut().find(|touch| touch.index == ABSENT).unwrap();
        let r8 = Point { x: from_u64(1), y: from_u64(2) };
        touch.orders.iter_mut().for_each(|order| order.signature = Signature { r8, s: Integer::new([u64::MAX; 4]) });
    };
    let key = |key: Point| {
        move |batch: &mut SealedBatch| {
            let touch = batch.touches.iter_mut().find(|touch| touch.index == ABSENT).unwrap();
            touch.holder.key = key;
        }
    };
    let two = || [(trade(), 1), (Order { slot: 4, ..trade() }, 1)];
    let extreme = |kind, side| [(extreme(ABSENT, kind, side), 1)];
    vec![
        Case::new(1, "a trade", [(trade(), 1)]),
        Case::new(1, "all slots of the touch", two()),
        Case::new(1, "a withdrawal", [(withdrawal(ABSENT, 5), 1)]),
        Case::new(1, "a cancel", [(cancel(ABSENT, u32::MAX), 1)]),
        Case::new(1, "the last leaf of the tree", [(Order { account: 511, ..good() }, 1)]),
        Case::new(1, "an index just below one that exists", [(Order { account: 1, ..good() }, 1)]),
        Case::new(1, "no signature", [(trade(), 1)]).sealing(rubbish),
        Case::new(1, "two orders, no signature", two()).sealing(rubbish),
        Case::new(1, "a key off the curve", two()).sealing(key(Point { x: from_u64(1), y: from_u64(1) })),
        Case::new(1, "the neutral key", two()).sealing(key(Point::IDENTITY)),
        Case::new(1, "a key of order 2", [(trade(), 1)]).sealing(key(Point { x: from_u64(0), y: -F::from(1u8) })),
        Case::new(1, "every bound, buy", extreme(Kind::Trade, Side::Buy)),
        Case::new(1, "every bound, sell", extreme(Kind::Trade, Side::Sell)),
        Case::new(1, "every bound, withdrawal", extreme(Kind::Withdraw, Side::Buy)),
        Case::new(1, "every bound, cancel", extreme(Kind::Cancel, Side::Sell)),
        Case::new(
            1,
            "and outside its window, in a settled instrument",
            [(Order { last_batch: 1, instrument: SETTLED, max_fee_rate: 0, ..trade() }, 1)],
        ),
    ]
}

fn window() -> Vec<Case> {
    let order = |first_batch, last_batch, survives_void| Order { first_batch, last_batch, survives_void, ..good() };
    let early = || order(BATCH + 1, BATCH + 9, true);
    vec![
        Case::new(2, "begins with the next batch", [(early(), 2)]),
        Case::new(2, "ended with the last batch", [(order(1, BATCH - 1, true), 2)]),
        Case::new(2, "begins and ends with the last batch that can be", [(order(u32::MAX, u32::MAX, true), 2)]),
        Case::new(2, "batch 0 alone", [(order(0, 0, true), 2)]),
        Case::new(2, "ends before it begins, this batch between", [(order(BATCH + 2, BATCH - 2, true), 2)]),
        Case::new(2, "ends before it begins, with this batch", [(order(BATCH + 1, BATCH, true), 2)]),
        Case::new(2, "begins in the void batch", [(order(LAST_VOID, BATCH, false), 2)]),
        Case::new(2, "begins before the void batch", [(order(0, u32::MAX, false), 2)]),
        Case::new(2, "void, though no batch ever was", [(order(0, BATCH, false), 2)]).on(|s| s.context.last_void = 0),
        Case::new(2, "void, the last batch being it", [(order(BATCH - 1, BATCH, false), 2)])
            .on(|s| s.context.last_void = BATCH - 1),
        Case::new(2, "a withdrawal that is void", [(Order { first_batch: 1, ..good_withdrawal() }, 2)]),
        Case::new(
            2,
            "a cancel that is early raises nothing",
            [
                (Order { first_batch: BATCH + 1, last_batch: BATCH + 1, ..cancel(HOSTILE, 9) }, 2),
                (scene_slot(good(), 4), 0),
            ],
        )
        .leaving(EPOCH, 1 << USED_SLOT | 1 << 4),
        Case::new(2, "an early order takes no slot", [(early(), 2), (good(), 0)])
            .leaving(EPOCH, 1 << USED_SLOT | 1 << 1),
        Case::new(
            2,
            "an early order of a later epoch raises nothing",
            [(Order { epoch: u32::MAX, ..early() }, 2), (good(), 0)],
        )
        .leaving(EPOCH, 1 << USED_SLOT | 1 << 1),
        Case::new(2, "both orders of the touch", [(early(), 2), (order(1, BATCH - 1, false), 2)]),
    ]
}

fn nonce() -> Vec<Case> {
    let used = || Order { slot: USED_SLOT, ..good() };
    let all = u64::MAX;
    vec![
        Case::new(3, "slot used", [(used(), 3)]),
        Case::new(3, "slot used, withdrawal", [(Order { slot: USED_SLOT, ..good_withdrawal() }, 3)]),
        Case::new(3, "first slot used", [(scene_slot(good(), 0), 3)]).on(|s| leaf(s).bitmap = 1).leaving(EPOCH, 1),
        Case::new(3, "last slot used", [(scene_slot(good(), 63), 3)])
            .on(|s| leaf(s).bitmap = 1 << 63)
            .leaving(EPOCH, 1 << 63),
        Case::new(3, "all slots used", [(good(), 3), (good_sell(), 3)])
            .on(|s| leaf(s).bitmap = u64::MAX)
            .leaving(EPOCH, all),
        Case::new(3, "epoch just before", [(Order { epoch: EPOCH - 1, ..good() }, 3)]),
        Case::new(3, "first epoch of all", [(Order { epoch: 0, ..good() }, 3)]),
        Case::new(3, "old epoch, withdrawal", [(Order { epoch: 0, ..good_withdrawal() }, 3)]),
        Case::new(3, "account in the last epoch", [(Order { epoch: u32::MAX - 1, ..good() }, 3)])
            .on(|s| leaf(s).epoch = u32::MAX)
            .leaving(u32::MAX, 1 << USED_SLOT),
        Case::new(
            3,
            "slot taken by an earlier order that is filled",
            [(good(), 0), (Order { slot: 1, ..good_sell() }, 3)],
        )
        .leaving(EPOCH, 1 << USED_SLOT | 1 << 1),
        Case::new(
            3,
            "slot taken by an earlier order in an unknown instrument",
            [(Order { instrument: 11, ..good() }, 4), (good(), 3)],
        ),
        Case::new(
            3,
            "slot taken by an earlier order of too low a fee rate",
            [(Order { max_fee_rate: 4, ..good() }, 6), (good(), 3)],
        ),
        Case::new(
            3,
            "slot taken by an earlier order that fails margin",
            [(Order { quantity: 50_000_000, limit: 1, slot: 1, ..good_sell() }, 10), (good(), 3)],
        ),
        Case::new(
            3,
            "slot taken by an earlier withdrawal that is not covered",
            [(Order { slot: 1, ..withdrawal_of(LOTS, PRICE) }, 9), (good(), 3)],
        ),
        Case::new(3, "epoch raised by a later order", [(good(), 3), (Order { epoch: EPOCH + 1, ..good_sell() }, 0)])
            .leaving(EPOCH + 1, 1 << 2),
        Case::new(
            3,
            "epoch raised by a later order that is itself refused",
            [(good(), 3), (Order { epoch: 77, max_fee_rate: 0, ..good_sell() }, 6)],
        )
        .leaving(77, 0),
        Case::new(
            3,
            "epoch raised as far as it goes by a later order in a settled instrument",
            [(good(), 3), (Order { epoch: u32::MAX, instrument: SETTLED, ..good_sell() }, 5)],
        )
        .leaving(u32::MAX, 0),
        Case::new(
            3,
            "epoch raised by a cancel after it",
            [(good(), 3), (Order { epoch: EPOCH + 1, ..cancel(HOSTILE, 0) }, 0)],
        )
        .leaving(EPOCH + 1, 0),
        Case::new(
            3,
            "epoch raised by a cancel before it",
            [(Order { epoch: u32::MAX, ..cancel(HOSTILE, 0) }, 0), (good(), 3)],
        )
        .leaving(u32::MAX, 0),
        Case::new(
            3,
            "a cancel of the account's own epoch changes nothing, and gives no slot back",
            [(Order { slot: USED_SLOT, ..cancel(HOSTILE, EPOCH) }, 0), (used(), 3)],
        ),
        Case::new(
            3,
            "a cancel of an old epoch changes nothing",
            [(cancel(HOSTILE, EPOCH - 1), 0), (Order { epoch: EPOCH - 1, ..good() }, 3)],
        ),
        Case::new(3, "every bound but the slot", [(Order { slot: 0, ..extreme(HOSTILE, Kind::Trade, Side::Sell) }, 3)])
            .on(|s| (leaf(s).epoch, leaf(s).bitmap) = (u32::MAX, 1))
            .leaving(u32::MAX, 1),
    ]
}

fn unknown_instrument() -> Vec<Case> {
    let of = |instrument| Order { instrument, ..good() };
    vec![
        Case::new(4, "below all", [(of(1), 4)]),
        Case::new(4, "just above an open one", [(of(OPEN + 1), 4)]),
        Case::new(4, "just below an open one", [(of(OTHER - 1), 4)]),
        Case::new(4, "just below a settled one", [(of(SETTLED - 1), 4)]),
        Case::new(4, "just above a settled one", [(of(SETTLED + 1), 4)]),
        Case::new(4, "just above all", [(of(OTHER + 1), 4)]),
        Case::new(4, "the last id", [(of(TOP - 1), 4)]),
        Case::new(4, "sold", [(Order { instrument: OPEN + 1, ..good_sell() }, 4)]),
        Case::new(4, "bought and sold", [(of(OPEN + 1), 4), (Order { instrument: OPEN + 1, ..good_sell() }, 4)]),
        Case::new(4, "every bound", [(extreme(HOSTILE, Kind::Trade, Side::Buy), 4)]).leaving(u32::MAX, 0),
        Case::new(4, "every bound, sold", [(extreme(HOSTILE, Kind::Trade, Side::Sell), 4)]).leaving(u32::MAX, 0),
        Case::new(4, "an instrument that was settled and that no account of the batch holds", [(of(SETTLED), 4)])
            .on(|s| s.settled.clear()),
        Case::new(4, "by an account that could not pay for it", [(Order { quantity: LOTS, ..of(TOP - 1) }, 4)])
            .on(|s| leaf(s).cash = -QUOTE),
    ]
}

fn settled_instrument() -> Vec<Case> {
    let of = |instrument| Order { instrument, ..good() };
    vec![
        Case::new(5, "bought", [(of(SETTLED), 5)]),
        Case::new(5, "sold", [(Order { instrument: SETTLED, ..good_sell() }, 5)]),
        Case::new(5, "every bound", [(extreme(HOSTILE, Kind::Trade, Side::Buy), 5)])
            .on(|s| s.settle(TOP - 1, PRICE))
            .leaving(u32::MAX, 0),
        Case::new(5, "below all open ones, at no value", [(of(1), 5)]).on(|s| s.settle(1, 0)),
        Case::new(5, "just beside an open one", [(of(OPEN + 1), 5)]).on(|s| s.settle(OPEN + 1, PRICE)),
        Case::new(5, "two settled ones", [(of(SETTLED), 5), (Order { instrument: 16, ..good_sell() }, 5)])
            .on(|s| s.settle(16, 1)),
        Case::new(5, "while the account's own position in it expires", [(of(SETTLED), 5)])
            .on(|s| leaf(s).positions = vec![position(SETTLED, 7)]),
        Case::new(5, "while the account's short in it expires", [(of(SETTLED), 5)])
            .on(|s| leaf(s).positions = vec![position(SETTLED, -7)]),
        Case::new(5, "with a fee rate too low", [(Order { max_fee_rate: 0, ..of(SETTLED) }, 5)]),
    ]
}

fn fee_rate() -> Vec<Case> {
    let at = |max_fee_rate| Order { max_fee_rate, ..good() };
    vec![
        Case::new(6, "one basis point too low", [(at(4), 6)]),
        Case::new(6, "no fee at all", [(at(0), 6)]),
        Case::new(6, "sold", [(Order { max_fee_rate: 4, ..good_sell() }, 6)]),
        Case::new(6, "the highest of a batch", [(at(9_998), 6)]).on(|s| s.context.fee_rate = 9_999),
        Case::new(6, "both orders of the touch", [(at(4), 6), (Order { max_fee_rate: 0, ..good_sell() }, 6)]),
        Case::new(
            6,
            "beside a withdrawal, which has no fee",
            [(at(4), 6), (Order { max_fee_rate: 0, ..good_withdrawal() }, 0)],
        )
        .leaving(EPOCH, 1 << USED_SLOT | 1 << 3),
        Case::new(6, "the largest order", [(Order { quantity: LOTS, limit: PRICE, ..at(4) }, 6)]),
    ]
}

fn too_many_positions() -> Vec<Case> {
    let full = |held: &'static [u32]| {
        move |s: &mut Scene| {
            for id in [31, 32, 33, 34] {
                s.row(id, MARK);
            }
            leaf(s).positions = held.iter().map(|id| position(*id, 5)).collect();
        }
    };
    let of = |instrument, slot| Order { instrument, slot, ..good() };
    vec![
        Case::new(7, "bought into a full account", [(good(), 7)]).on(full(&[31, 32, 33, 34])),
        Case::new(7, "sold from a full account", [(good_sell(), 7)]).on(full(&[31, 32, 33, 34])),
        Case::new(7, "two new ones, one place", [(of(31, 4), 0), (good(), 7)])
            .on(full(&[OTHER, 32, 33]))
            .leaving(EPOCH, 1 << USED_SLOT),
        Case::new(
            7,
            "the place taken by an order that margin refuses",
            [(Order { quantity: 50_000_000, ..of(31, 4) }, 10), (good(), 7)],
        )
        .on(full(&[OTHER, 32, 33])),
        Case::new(
            7,
            "a position that the touch closes leaves no place",
            [(Order { side: Side::Sell, quantity: 5, limit: MARK, ..of(OTHER, 4) }, 0), (good(), 7)],
        )
        .on(full(&[OTHER, 32, 33, 34]))
        .leaving(EPOCH, 1 << USED_SLOT | 1 << 4),
        Case::new(7, "both orders of the touch", [(good(), 7), (good_sell(), 7)]).on(full(&[31, 32, 33, 34])),
        Case::new(7, "shorts take places too", [(good(), 7)]).on(move |s| {
            full(&[31, 32, 33, 34])(s);
            leaf(s).positions.iter_mut().for_each(|position| position.quantity = -1);
        }),
        Case::new(7, "the largest order", [(Order { quantity: LOTS, limit: PRICE, ..good() }, 7)])
            .on(full(&[31, 32, 33, 34])),
    ]
}

fn out_of_range() -> Vec<Case> {
    let lots = |quantity, slot| Order { quantity, limit: 1, slot, ..good() };
    let cash = |cash: i128| move |s: &mut Scene| leaf(s).cash = cash;
    vec![
        Case::new(8, "at the bound exactly", [(good(), 8)]).on(cash(cash_at_bound(100))),
        Case::new(8, "at the bound from below", [(good(), 8)]).on(cash(-cash_at_bound(100))),
        Case::new(8, "sold", [(good_sell(), 8)]).on(cash(cash_at_bound(100))),
        Case::new(8, "each fine alone", [(lots(50, 1), 8), (lots(50, 2), 8)]).on(cash(cash_at_bound(100))),
        Case::new(8, "bought and sold do not net", [(good(), 8), (good_sell(), 8)]).on(cash(cash_at_bound(200))),
        Case::new(8, "a withdrawal beside it", [(good(), 8), (good_withdrawal(), 8)]).on(cash(cash_at_bound(100))),
        Case::new(8, "a withdrawal alone", [(good_withdrawal(), 8)]).on(cash(cash_at_bound(0))),
        Case::new(8, "positions weigh", [(good(), 8)]).on(|s| {
            leaf(s).cash = cash_at_bound(150);
            leaf(s).positions = vec![position(OTHER, -50)];
        }),
        Case::new(
            8,
            "the largest orders on the largest positions",
            [
                (Order { quantity: LOTS, limit: PRICE, ..good() }, 8),
                (Order { quantity: LOTS, limit: 0, ..good_sell() }, 8),
            ],
        )
        .on(|s| leaf(s).positions = vec![position(OPEN, 1 << 33), position(OTHER, -(1 << 33) + 1)]),
        Case::new(8, "cash at the end of its range", [(good(), 8)]).on(cash((1 << 91) - 1)),
        Case::new(8, "debt at the end of its range", [(good(), 8)]).on(cash(-(1 << 91))),
    ]
}

fn not_covered() -> Vec<Case> {
    let cash = |cash: i128| move |s: &mut Scene| leaf(s).cash = cash;
    let of = |amount: u64| Order { limit: amount, ..good_withdrawal() };
    // 100 lots at 1,100,000: premium and fee of the worst fill.
    let reserve = 10_005 * 100 * i128::from(MARK + 100_000);
    vec![
        Case::new(9, "one unit more than there is", [(of(8), 9)]).on(cash(8 * TOKEN - 1)),
        Case::new(9, "from nothing", [(of(1), 9)]).on(cash(0)),
        Case::new(9, "nothing, from debt", [(of(0), 9)]).on(cash(-1)),
        Case::new(9, "from the largest debt of test 8", [(of(1), 9)]).on(cash(-VALUE * (BOUND - 1))),
        Case::new(9, "the largest", [(withdrawal_of(LOTS, PRICE), 9)]),
        Case::new(9, "every bound", [(extreme(HOSTILE, Kind::Withdraw, Side::Buy), 9)]).leaving(u32::MAX, 0),
        Case::new(9, "a buy before it needs the cash", [(good(), 0), (of(8), 9)])
            .on(cash(reserve + 8 * TOKEN - 1))
            .leaving(EPOCH, 1 << USED_SLOT | 1 << 1),
        Case::new(9, "a buy after it needs the cash", [(of(8), 9), (good(), 0)])
            .on(cash(reserve + 8 * TOKEN - 1))
            .leaving(EPOCH, 1 << USED_SLOT | 1 << 1),
        Case::new(9, "held in positions, not in cash", [(of(1), 9)]).on(|s| {
            leaf(s).cash = 0;
            leaf(s).positions = vec![position(OPEN, 1_000_000)];
        }),
        Case::new(9, "cash lost by expiry in this batch", [(of(1), 9)]).on(|s| {
            leaf(s).cash = VALUE * 300_000;
            leaf(s).positions = vec![position(SETTLED, -1)];
        }),
        Case::new(
            9,
            "beside a sell that margin refuses",
            [(of(8), 9), (Order { quantity: 50_000_000, limit: 1, ..good_sell() }, 10)],
        )
        .on(cash(8 * TOKEN - 1)),
    ]
}

/// In instrument 30, a sell at 1,100,000 loses in scenario `losing` (4: at the mark) only, if at all.
pub fn one_scenario(s: &mut Scene, losing: Option<usize>) {
    let row = s.row(30, if losing == Some(4) { 3 * MARK } else { MARK });
    row.values = vec![100_000; 4];
    if let Some(at) = losing.filter(|at| *at < 4) {
        row.values[at] = 2 * MARK;
    }
    leaf(s).cash = QUOTE;
}

pub fn sold_in_one_scenario() -> Order {
    Order { instrument: 30, quantity: 100_000, limit: 1_100_000, ..good_sell() }
}

fn margin() -> Vec<Case> {
    let mut cases: Vec<Case> = (0..5)
        .map(|at| {
            let name = if at == 4 { "the mark alone".to_owned() } else { format!("scenario {at} alone") };
            Case::new(10, name, [(sold_in_one_scenario(), 10)]).on(move |s| one_scenario(s, Some(at)))
        })
        .collect();
    let cash = |cash: i128| move |s: &mut Scene| leaf(s).cash = cash;
    let all_at_mark = |s: &mut Scene| s.risk.get_mut(&OPEN).unwrap().values = vec![MARK; 4];
    let half = |slot| Order { quantity: 50, slot, ..good() };
    // What 50 lots bought at 1,100,000 take at worst, by hand: in scenario 0 an option of mark 1,000,000 is worth 500,000.
    // W = 5·500,000 − 1,000,000 = 1,500,000; loss 50·(4·1,100,000 − 1,500,000) + 50·2,200 = 145,110,000 quarters of a unit of value.
    let half_loss = VALUE * 145_110_000 / 4;
    cases.extend([
        Case::new(10, "no cash, bought", [(good(), 10)]).on(cash(0)),
        Case::new(10, "no cash, sold", [(good_sell(), 10)]).on(cash(0)),
        Case::new(10, "in debt, though it would lower the risk", [(good_sell(), 10)]).on(|s| {
            leaf(s).cash = -1_000 * QUOTE;
            leaf(s).positions = vec![position(OPEN, 1_000)];
        }),
        Case::new(10, "the fee alone", [(Order { limit: MARK, quantity: 1, ..good() }, 10)]).on(move |s| {
            all_at_mark(s);
            leaf(s).cash = 0;
        }),
        Case::new(10, "the short minimum alone", [(Order { limit: 2 * MARK, ..good_sell() }, 10)]).on(move |s| {
            all_at_mark(s);
            s.risk.get_mut(&OPEN).unwrap().short_minimum = 10_000_000_000;
            leaf(s).cash = QUOTE;
        }),
        Case::new(10, "two orders that are each fine alone", [(half(1), 10), (half(2), 10)])
            .on(cash(2 * half_loss - VALUE)),
        Case::new(
            10,
            "an order that an earlier one of the touch leaves no margin for",
            [(Order { quantity: 99, ..good() }, 10), (Order { quantity: 1, ..half(2) }, 10)],
        )
        .on(cash(2 * half_loss - VALUE)),
        Case::new(10, "a withdrawal that is covered, under a short position", [(good_withdrawal(), 10)]).on(|s| {
            leaf(s).cash = QUOTE / 100;
            leaf(s).positions = vec![position(OPEN, -1_000)];
        }),
        // 50 lots sold at 900,000 take 50·(5·1,250,000 − 1,000,000 − 4·900,000) + 50·1,800 in scenario 3, the withdrawal 4·10⁴·1,000.
        Case::new(
            10,
            "a covered withdrawal and a trade, together",
            [(Order { limit: 1_000, ..good_withdrawal() }, 10), (Order { quantity: 50, ..good_sell() }, 10)],
        )
        .on(cash(VALUE * 122_590_000 / 4 - 1)),
        Case::new(10, "the largest order that is in range", [(Order { quantity: LOTS, limit: PRICE, ..good() }, 10)]),
        Case::new(
            10,
            "the largest sell that is in range, for nothing",
            [(Order { quantity: LOTS, limit: 0, ..good_sell() }, 10)],
        ),
    ]);
    cases
}

/// An account that this batch's deposit opens: it exists, with nonces from the start, and its orders are refused like any other's.
fn opened() -> Vec<Case> {
    let new = |order: Order| Order { account: ABSENT, epoch: 0, ..order };
    let open = |deposit| move |s: &mut Scene| s.plans.entry(ABSENT).or_default().deposit = deposit;
    let rich = 1_000_000_000;
    let cases = [
        Case::new(2, "opened, window", [(new(Order { last_batch: 1, ..good() }), 2)]).on(open(rich)),
        Case::new(
            3,
            "opened, a slot twice",
            [(new(Order { max_fee_rate: 0, ..good() }), 6), (new(Order { slot: 1, ..good_sell() }), 3)],
        )
        .on(open(rich)),
        Case::new(4, "opened, unknown", [(new(Order { instrument: OPEN + 1, ..good() }), 4)]).on(open(rich)),
        Case::new(5, "opened, settled", [(new(Order { instrument: SETTLED, ..good() }), 5)]).on(open(rich)),
        Case::new(6, "opened, fee rate", [(new(Order { max_fee_rate: 0, ..good() }), 6)]).on(open(rich)),
        Case::new(
            10,
            "opened, the largest orders",
            [(new(Order { quantity: LOTS, ..good() }), 10), (new(Order { quantity: LOTS, ..good_sell() }), 10)],
        )
        .on(open(rich)),
        Case::new(9, "opened, a unit more than was deposited", [(new(Order { limit: 8, ..good_withdrawal() }), 9)])
            .on(open(7)),
        Case::new(10, "opened with a unit", [(new(good()), 10)]).on(open(1)),
    ];
    cases.into_iter().map(|case| case.leaving(0, 0)).collect()
}

/// All of them.
pub fn all() -> Vec<Case> {
    let of: [fn() -> Vec<Case>; 11] = [
        no_account,
        window,
        nonce,
        unknown_instrument,
        settled_instrument,
        fee_rate,
        too_many_positions,
        out_of_range,
        not_covered,
        margin,
        opened,
    ];
    of.iter().flat_map(|cases| cases()).collect()
}

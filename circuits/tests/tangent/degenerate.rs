//! Named batches at the edges of the protocol: books, positions, margin, nonces, refusals, cash, exits and tables at the ends of what
//! is possible. Each says what it must show, so that it stays what its name promises.

use tacit_core::account::Leaf;
use tacit_core::babyjub::Point;
use tacit_core::batch::{ClearedBatch, ClearedOrder, clear};
use tacit_core::field::F;
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::units::TOP;

use crate::support::scene::{QUOTE, Scene, cancel, holder_of, order, withdrawal};
use crate::support::scene_slot as at_slot;

/// A batch at an edge.
pub struct Degenerate {
    /// What is special about it.
    pub name: &'static str,
    /// The batch of a parameter set.
    pub batch: fn(Params) -> ClearedBatch,
    /// Whether it shows what its name says.
    pub shows: fn(&ClearedBatch) -> bool,
}

const MARK: u64 = 1_000_000;
const ID: u32 = 100;
const RICH: i128 = 1_000 * QUOTE;
/// The largest quantity of an order and the largest price.
const LOTS: u32 = u32::MAX;
const PRICE: u64 = (1 << 42) - 1;
/// The ends of cash.
const CASH: i128 = (1 << 91) - 1;
const DEBT: i128 = -(1 << 91);
/// Cash units in a token unit.
const TOKEN: i128 = 100_000_000;

/// Some rich traders (accounts 1, 2, …) and one instrument.
fn book(p: Params, traders: u32) -> Scene {
    let mut s = Scene::new(p);
    rich(&mut s, traders);
    s.row(ID, MARK);
    s
}

/// Accounts 1 … `last` with much cash.
fn rich(s: &mut Scene, last: u32) {
    for index in 1..=last {
        s.account(index, RICH, &[]);
    }
}

fn buy(account: u32, quantity: u32, limit: u64) -> Order {
    order(account, ID, Side::Buy, quantity, limit)
}

fn sell(account: u32, quantity: u32, limit: u64) -> Order {
    order(account, ID, Side::Sell, quantity, limit)
}

/// Orders in a batch of three rich traders.
fn orders(p: Params, orders: impl IntoIterator<Item = Order>) -> Scene {
    let mut s = book(p, 4);
    add(&mut s, orders);
    s
}

fn add(s: &mut Scene, orders: impl IntoIterator<Item = Order>) {
    for order in orders {
        s.order(order);
    }
}

/// A row whose scenario values are all the mark.
fn flat_row(s: &mut Scene, id: u32, mark: u64) {
    s.row(id, mark).values.iter_mut().for_each(|value| *value = mark);
}

fn exit_of(s: &mut Scene, index: u32, request: u64) {
    s.plans.entry(index).or_default().exit = Some(request);
}

fn deposit_to(s: &mut Scene, index: u32, amount: u64) {
    s.plans.entry(index).or_default().deposit = amount;
}

/// The least cash above `refused` with which account 1 passes margin.
fn smallest_cover(refused: i128, set_up: impl Fn(i128) -> Scene) -> i128 {
    let admitted = |cash: i128| set_up(cash).clear().touches[1].admitted;
    let (mut refused, mut enough) = (refused, RICH);
    assert!(admitted(enough) && !admitted(refused), "margin depends on cash");
    while enough - refused > 1 {
        let middle = (enough + refused) / 2;
        *(if admitted(middle) { &mut enough } else { &mut refused }) = middle;
    }
    enough
}

/// A short that grows, on so much cash.
fn growing_short(p: Params, cash: i128) -> Scene {
    let mut s = book(p, 2);
    s.row(ID, MARK).short_minimum = 400;
    s.account(1, cash, &[(ID, -6)]);
    add(&mut s, [sell(1, 4, MARK), buy(2, 4, MARK)]);
    s
}

/// An exit from a short position, on so much cash.
fn exit_beside_a_short(p: Params, cash: i128) -> Scene {
    let mut s = book(p, 1);
    s.account(1, cash, &[(ID, -8)]);
    exit_of(&mut s, 1, 40);
    s
}

/// An account of so many lots, with cash that leaves room for exactly 60 lots more when `over` is 0.
fn at_range(p: Params, over: i128) -> Scene {
    let mut s = book(p, 2);
    flat_row(&mut s, ID, 1);
    let lots = (1 << 34) - 100;
    let room = (1 << 77) - 1 - (1 << 43) * (i128::from(lots) + 60);
    s.account(1, 10_000 * (room + over) + 9_999, &[(ID, lots)]);
    add(&mut s, [sell(1, 60, 1), buy(2, 60, 1)]);
    s
}

/// A withdrawal beside a buy whose limit and fee leave exactly enough when `shortfall` is 0.
fn at_cover(p: Params, shortfall: i128) -> Scene {
    let mut s = book(p, 2);
    flat_row(&mut s, ID, MARK);
    (s.context.num, s.context.den) = (1, 1);
    s.account(1, (10_000 + 5) * 4 * i128::from(MARK) + TOKEN * 250 - shortfall, &[]);
    add(&mut s, [buy(1, 4, MARK), Order { quantity: 10, ..at_slot(withdrawal(1, 25), 1) }, sell(2, 4, MARK)]);
    s
}

/// As many positions of one lot as asked for, from `ID` on, long and short in turn, with rows for them and two more.
fn holding(p: Params, count: usize) -> Scene {
    let mut s = book(p, 2);
    let held: Vec<(u32, i64)> = (0..count as u32).map(|i| (ID + i, if i % 2 == 0 { 1 } else { -1 })).collect();
    for i in 0..p.positions as u32 + 2 {
        s.row(ID + i, MARK);
    }
    s.account(1, RICH, &held);
    s
}

/// Tables as full as they get, ids up to the last, every price at an end of its range.
fn full_tables(p: Params) -> Scene {
    let mut s = Scene::new(p);
    let count = (p.rows + p.settled) as u32;
    for i in 0..count {
        let id = TOP - count + i;
        let high = if i % 2 == 0 { PRICE } else { 0 };
        if (i as usize) < p.rows {
            let row = s.row(id, high);
            row.short_minimum = PRICE;
            row.values
                .iter_mut()
                .enumerate()
                .for_each(|(at, value)| *value = if at % 2 == 0 { PRICE - high } else { high });
        } else {
            s.settle(id, high);
        }
    }
    s
}

fn with_ratio(p: Params, num: u8, den: u8, fee_rate: u16) -> Scene {
    let mut s = orders(p, [buy(1, 5, MARK + 1), sell(2, 5, MARK), sell(3, LOTS, MARK)]);
    (s.context.num, s.context.den, s.context.fee_rate) = (num, den, fee_rate);
    s
}

/// The batch with other keys than the holders' at some accounts.
fn with_keys(s: &Scene, keys: &[(u32, Point)]) -> ClearedBatch {
    let (mut s, mut batch) = (s.clone(), s.batch());
    for (index, key) in keys {
        let touch = batch.touches.iter_mut().find(|touch| touch.index == *index).expect("the account is touched");
        touch.holder.key = *key;
        if let Some(leaf) = s.leaves.get_mut(index) {
            leaf.owner = touch.holder.owner();
        }
    }
    clear(&s.params, &mut s.state(), &batch).expect("a sound batch")
}

fn results(c: &ClearedBatch) -> Vec<&ClearedOrder> {
    c.touches.iter().flat_map(|touch| &touch.orders).collect()
}

fn reasons(c: &ClearedBatch) -> Vec<u8> {
    results(c).iter().map(|result| result.reason.code()).collect()
}

fn fills(c: &ClearedBatch) -> Vec<u32> {
    results(c).iter().map(|result| result.fill).collect()
}

fn traded(c: &ClearedBatch) -> bool {
    c.auctions.iter().any(|row| row.volume > 0)
}

fn paid(c: &ClearedBatch) -> u128 {
    c.touches.iter().map(|touch| touch.paid).sum()
}

fn after(c: &ClearedBatch, index: u32) -> &Leaf {
    let at = c.sealed.touches.iter().position(|touch| touch.index == index).expect("the account is touched");
    c.touches[at].new.as_ref().expect("the account exists")
}

/// All edges.
pub const KINDS: &[Degenerate] = &[
    // ---- books
    Degenerate {
        name: "the fund alone, and padding",
        batch: |p| Scene::new(p).clear(),
        shows: |c| c.touches.len() == 1 && c.active_orders == 0,
    },
    Degenerate { name: "empty book", batch: |p| book(p, 3).clear(), shows: |c| c.active_orders == 0 && !traded(c) },
    Degenerate {
        name: "buys only",
        batch: |p| orders(p, [buy(1, 5, MARK - 1), buy(2, 5, MARK + 7)]).clear(),
        shows: |c| fills(c) == [0, 0] && reasons(c) == [0, 0],
    },
    Degenerate {
        name: "sells only",
        batch: |p| orders(p, [sell(1, 5, MARK + 1), sell(2, 5, MARK - 7)]).clear(),
        shows: |c| fills(c) == [0, 0] && reasons(c) == [0, 0],
    },
    Degenerate {
        name: "bid below ask",
        batch: |p| orders(p, [buy(1, 5, MARK - 1), sell(2, 5, MARK + 1)]).clear(),
        shows: |c| !traded(c),
    },
    Degenerate {
        name: "book wholly above the mark, not crossing",
        batch: |p| orders(p, [buy(1, 5, MARK + 10), sell(2, 5, MARK + 20)]).clear(),
        shows: |c| !traded(c) && c.auctions[0].price > MARK,
    },
    Degenerate {
        name: "balanced book at the mark",
        batch: |p| orders(p, [buy(1, 5, MARK), sell(2, 5, MARK)]).clear(),
        shows: |c| fills(c) == [5, 5] && c.auctions[0].price == MARK && c.auctions[0].cut == 3,
    },
    Degenerate {
        name: "tie at the price, cut in the middle",
        batch: |p| orders(p, [buy(1, 5, MARK), buy(2, 5, MARK), buy(3, 5, MARK), sell(4, 7, MARK)]).clear(),
        shows: |c| fills(c) == [5, 2, 0, 7],
    },
    Degenerate {
        name: "tie at the price, cut between two orders",
        batch: |p| orders(p, [sell(1, 5, MARK), sell(2, 5, MARK), sell(3, 5, MARK), buy(4, 10, MARK)]).clear(),
        shows: |c| fills(c) == [5, 5, 0, 10] && c.auctions[0].cut == 3,
    },
    Degenerate {
        name: "tie served by sequence, not by index",
        batch: |p| orders(p, [buy(3, 4, MARK), buy(1, 4, MARK), buy(2, 4, MARK), sell(4, 6, MARK)]).clear(),
        shows: |c| fills(c) == [2, 0, 4, 6],
    },
    Degenerate {
        name: "cut starved by better limits",
        batch: |p| orders(p, [buy(1, 5, MARK + 10), buy(2, 5, MARK), sell(3, 5, MARK)]).clear(),
        shows: |c| fills(c) == [5, 0, 5],
    },
    Degenerate {
        name: "price below the mark",
        batch: |p| orders(p, [buy(1, 5, MARK - 10), sell(2, 5, MARK - 30)]).clear(),
        shows: |c| traded(c) && c.auctions[0].price == MARK - 10,
    },
    Degenerate {
        name: "price above the mark",
        batch: |p| orders(p, [buy(1, 5, MARK + 30), sell(2, 5, MARK + 10)]).clear(),
        shows: |c| traded(c) && c.auctions[0].price == MARK + 10,
    },
    Degenerate {
        name: "one trader crossing itself",
        batch: |p| orders(p, [buy(1, 5, MARK + 3), at_slot(sell(1, 5, MARK + 1), 1)]).clear(),
        shows: |c| fills(c) == [5, 5] && after(c, 1).positions.is_empty(),
    },
    Degenerate {
        name: "one trader only",
        batch: |p| {
            let mut s = book(p, 1);
            s.order(sell(1, 5, MARK));
            s.clear()
        },
        shows: |c| fills(c) == [0],
    },
    Degenerate {
        name: "two orders of an account at one price, the cut among them",
        batch: |p| orders(p, [buy(1, 5, MARK), at_slot(buy(1, 5, MARK), 1), sell(2, 7, MARK)]).clear(),
        shows: |c| fills(c) == [5, 2, 7],
    },
    Degenerate {
        name: "price of zero",
        batch: |p| {
            let mut s = book(p, 2);
            s.row(ID, 0);
            add(&mut s, [buy(1, 5, 0), sell(2, 5, 0)]);
            s.clear()
        },
        shows: |c| traded(c) && c.auctions[0].price == 0,
    },
    Degenerate {
        name: "highest price and largest quantity, traded at nearly the whole premium as fee",
        batch: |p| {
            let mut s = Scene::new(p);
            (s.context.num, s.context.den, s.context.fee_rate) = (1, 1, 9_999);
            flat_row(&mut s, ID, PRICE);
            s.account(1, 10_000 * ((1 << 76) - 1), &[]);
            s.account(2, 10_000 * ((1 << 76) - 1), &[]);
            add(&mut s, [buy(1, LOTS, PRICE), sell(2, LOTS, PRICE)]);
            s.clear()
        },
        shows: |c| fills(c) == [LOTS, LOTS],
    },
    Degenerate {
        name: "largest orders at every limit, refused",
        batch: |p| {
            orders(p, [buy(1, LOTS, PRICE), at_slot(buy(1, LOTS, 0), 1), sell(2, LOTS, 0), sell(3, LOTS, PRICE)])
                .clear()
        },
        shows: |c| !traded(c) && reasons(c).contains(&10),
    },
    Degenerate {
        name: "no fee, and none allowed",
        batch: |p| {
            let mut s = book(p, 2);
            s.context.fee_rate = 0;
            let free = |order| Order { max_fee_rate: 0, ..order };
            add(&mut s, [free(buy(1, 5, MARK)), free(sell(2, 5, MARK))]);
            s.clear()
        },
        shows: |c| traded(c) && c.touches[0].fee_credit == 0,
    },
    Degenerate {
        name: "the fund trades",
        batch: |p| {
            let mut s = book(p, 1);
            deposit_to(&mut s, 0, 1_000_000_000);
            add(&mut s, [sell(0, 5, MARK), buy(1, 5, MARK)]);
            s.clear()
        },
        shows: |c| fills(c) == [5, 5] && c.touches[0].fee_credit > 0,
    },
    // ---- positions
    Degenerate {
        name: "positions netted to nothing",
        batch: |p| {
            let mut s = book(p, 2);
            s.account(1, RICH, &[(ID, -5)]);
            s.account(2, RICH, &[(ID, 5)]);
            add(&mut s, [buy(1, 5, MARK), sell(2, 5, MARK)]);
            s.clear()
        },
        shows: |c| after(c, 1).positions.is_empty() && after(c, 2).positions.is_empty(),
    },
    Degenerate {
        name: "position turned round",
        batch: |p| {
            let mut s = book(p, 2);
            s.account(1, RICH, &[(ID, -5)]);
            add(&mut s, [buy(1, 9, MARK), sell(2, 9, MARK)]);
            s.clear()
        },
        shows: |c| after(c, 1).positions[0].quantity == 4,
    },
    Degenerate {
        name: "full list of positions, one too many",
        batch: |p| {
            let mut s = holding(p, p.positions);
            s.order(order(1, ID + p.positions as u32, Side::Buy, 1, MARK));
            s.order(at_slot(order(1, ID, Side::Buy, 1, MARK), 1));
            s.clear()
        },
        shows: |c| reasons(c) == [7, 0],
    },
    Degenerate {
        name: "the last place of the list, taken by two orders in one instrument",
        batch: |p| {
            let mut s = holding(p, p.positions - 1);
            let id = ID + p.positions as u32;
            s.order(order(1, id, Side::Buy, 1, MARK));
            s.order(at_slot(order(1, id, Side::Buy, 1, MARK + 1), 1));
            s.order(order(2, id, Side::Sell, 2, MARK));
            s.clear()
        },
        shows: |c| fills(c) == [1, 1, 2] && after(c, 1).positions.len() == c.params.positions,
    },
    Degenerate {
        name: "expiry makes room",
        batch: |p| {
            let mut s = holding(p, p.positions - 1);
            s.settle(ID - 50, 3);
            s.leaves
                .get_mut(&1)
                .unwrap()
                .positions
                .insert(0, tacit_core::account::Position { instrument: ID - 50, quantity: 1 });
            s.order(order(1, ID + p.positions as u32, Side::Buy, 1, MARK));
            s.order(order(2, ID + p.positions as u32, Side::Sell, 1, MARK));
            s.clear()
        },
        shows: |c| {
            traded(c) && c.touches[1].expired.contains(&true) && after(c, 1).positions.len() == c.params.positions
        },
    },
    Degenerate {
        name: "everything an account holds expires",
        batch: |p| {
            let mut s = Scene::new(p);
            let count = p.settled.min(p.positions) as u32;
            (0..count).for_each(|i| s.settle(ID + i, 1_000_000 * u64::from(i)));
            let held: Vec<(u32, i64)> = (0..count).map(|i| (ID + i, 7 - 4 * i64::from(i))).collect();
            s.account(1, RICH, &held);
            s.clear()
        },
        shows: |c| after(c, 1).positions.is_empty() && c.touches[1].expired.contains(&true),
    },
    Degenerate {
        name: "expiry at the highest value leaves a debt",
        batch: |p| {
            let mut s = Scene::new(p);
            s.settle(ID, PRICE);
            s.account(1, 5, &[(ID, -(1 << 20))]);
            s.clear()
        },
        shows: |c| after(c, 1).cash < 0,
    },
    Degenerate {
        name: "expiry at zero",
        batch: |p| {
            let mut s = Scene::new(p);
            s.settle(ID, 0);
            s.account(1, 5, &[(ID, -3)]);
            s.clear()
        },
        shows: |c| after(c, 1).cash == 5 && after(c, 1).positions.is_empty(),
    },
    Degenerate {
        name: "positions as large as test 8 allows, on cash at its ends",
        batch: |p| {
            let mut s = Scene::new(p);
            (1..=4).for_each(|id| s.row(id, PRICE / 2).short_minimum = PRICE);
            let lots = (1 << 32) - 1;
            for (index, cash) in [(1, CASH), (2, DEBT), (3, 0)] {
                s.account(index, cash, &[(1, lots), (2, -lots), (3, lots), (4, -lots)]);
                s.order(order(index, 1, Side::Sell, LOTS, 0));
            }
            s.clear()
        },
        shows: |c| reasons(c).contains(&8),
    },
    Degenerate {
        name: "account at its limits: last ids, last epoch, full bitmap, last update",
        batch: |p| {
            let mut s = Scene::new(p);
            (0..4).for_each(|i| flat_row(&mut s, TOP - 4 + i, 1 << 20));
            let held: Vec<(u32, i64)> =
                (0..4).map(|i| (TOP - 4 + i, (1 << 32) - 1 - (1 << 33) * i64::from(i % 2))).collect();
            let leaf = s.account(p.capacity() - 1, -(1 << 77), &held);
            (leaf.epoch, leaf.bitmap, leaf.updates) = (u32::MAX, u64::MAX, u32::MAX - 1);
            s.clear()
        },
        shows: |c| c.touches[1].new.as_ref().is_some_and(|leaf| (leaf.bitmap, leaf.updates) == (u64::MAX, u32::MAX)),
    },
    // ---- margin
    Degenerate {
        name: "margin exactly met",
        batch: |p| growing_short(p, smallest_cover(0, |cash| growing_short(p, cash))).clear(),
        shows: |c| reasons(c) == [0, 0] && c.touches[1].claims.iter().any(|claim| (0..4).contains(claim)),
    },
    Degenerate {
        name: "margin missed by one unit of cash",
        batch: |p| growing_short(p, smallest_cover(0, |cash| growing_short(p, cash)) - 1).clear(),
        shows: |c| reasons(c) == [10, 0] && fills(c) == [0, 0],
    },
    Degenerate {
        name: "admitted below margin, since no scenario gets worse",
        batch: |p| {
            let mut s = book(p, 2);
            s.context.fee_rate = 0;
            s.row(ID, MARK).values.iter_mut().for_each(|value| *value = MARK - 1);
            s.account(1, -RICH, &[(ID, 4)]);
            add(&mut s, [sell(1, 4, 5 * MARK), buy(2, 4, 6 * MARK)]);
            s.clear()
        },
        shows: |c| fills(c) == [4, 4] && c.touches[1].claims.iter().all(|claim| *claim < 0),
    },
    Degenerate {
        name: "each order fine, both together not",
        batch: |p| {
            let two = |cash: i128, orders: usize| {
                let mut s = book(p, 2);
                s.row(ID + 1, MARK);
                s.account(1, cash, &[]);
                add(
                    &mut s,
                    [buy(1, 100, MARK), at_slot(order(1, ID + 1, Side::Buy, 100, MARK), 1)].into_iter().take(orders),
                );
                add(&mut s, [sell(2, 100, MARK)]);
                s
            };
            two(smallest_cover(0, |cash| two(cash, 1)) + 1, 2).clear()
        },
        shows: |c| reasons(c) == [10, 10, 0],
    },
    Degenerate { name: "ratio 1/1", batch: |p| with_ratio(p, 1, 1, 0).clear(), shows: traded },
    Degenerate { name: "ratio 5/4", batch: |p| with_ratio(p, 5, 4, 1).clear(), shows: traded },
    Degenerate { name: "ratio 4/4", batch: |p| with_ratio(p, 4, 4, 5).clear(), shows: traded },
    Degenerate { name: "ratio 5/3", batch: |p| with_ratio(p, 5, 3, 300).clear(), shows: traded },
    Degenerate { name: "ratio 2/1", batch: |p| with_ratio(p, 2, 1, 9_998).clear(), shows: traded },
    Degenerate { name: "ratio 5/1, the highest fee", batch: |p| with_ratio(p, 5, 1, 9_999).clear(), shows: traded },
    // ---- nonces, windows, refusals
    Degenerate {
        name: "slot used in an earlier batch",
        batch: |p| {
            let mut s = book(p, 2);
            s.account(1, RICH, &[]).bitmap = 1 << 5;
            add(&mut s, [at_slot(buy(1, 5, MARK), 5), sell(2, 5, MARK)]);
            s.clear()
        },
        shows: |c| reasons(c) == [3, 0],
    },
    Degenerate {
        name: "last slot twice in a touch",
        batch: |p| orders(p, [at_slot(buy(1, 5, MARK), 63), at_slot(buy(1, 5, MARK), 63), sell(2, 5, MARK)]).clear(),
        shows: |c| reasons(c) == [0, 3, 0],
    },
    Degenerate {
        name: "slot taken by an order that is refused later",
        batch: |p| orders(p, [Order { max_fee_rate: 0, ..buy(1, 5, MARK) }, buy(1, 5, MARK), sell(2, 5, MARK)]).clear(),
        shows: |c| reasons(c) == [6, 3, 0],
    },
    Degenerate {
        name: "full bitmap cleared by a higher epoch",
        batch: |p| {
            let mut s = book(p, 2);
            let leaf = s.account(1, RICH, &[]);
            (leaf.epoch, leaf.bitmap) = (4, u64::MAX);
            add(&mut s, [Order { epoch: 5, ..at_slot(buy(1, 5, MARK), 5) }, sell(2, 5, MARK)]);
            s.clear()
        },
        shows: |c| traded(c) && after(c, 1).bitmap == 1 << 5,
    },
    Degenerate {
        name: "full bitmap",
        batch: |p| {
            let mut s = book(p, 2);
            s.account(1, RICH, &[]).bitmap = u64::MAX;
            add(&mut s, [buy(1, 5, MARK), at_slot(withdrawal(1, 1), 63)]);
            s.clear()
        },
        shows: |c| reasons(c) == [3, 3],
    },
    Degenerate {
        name: "the last epoch kills an older order before it",
        batch: |p| orders(p, [buy(1, 5, MARK), Order { epoch: u32::MAX, ..buy(1, 5, MARK) }, sell(2, 5, MARK)]).clear(),
        shows: |c| reasons(c) == [3, 0, 0],
    },
    Degenerate {
        name: "cancel kills what is older",
        batch: |p| orders(p, [buy(1, 5, MARK), cancel(1, 1), sell(2, 5, MARK)]).clear(),
        shows: |c| reasons(c) == [3, 0, 0],
    },
    Degenerate {
        name: "all expired or not yet good",
        batch: |p| {
            let early = |order| Order { first_batch: 1, last_batch: 9, ..order };
            let late = |order| Order { first_batch: 11, last_batch: u32::MAX, epoch: 7, ..order };
            orders(p, [early(buy(1, 5, MARK)), late(buy(2, 5, MARK)), early(sell(3, 5, MARK)), early(sell(4, 5, MARK))])
                .clear()
        },
        shows: |c| reasons(c) == [2, 2, 2, 2],
    },
    Degenerate {
        name: "a void kills what did not choose to survive",
        batch: |p| {
            let since = |first_batch, order| Order { first_batch, ..order };
            let survivor = Order { survives_void: true, ..since(3, sell(2, 5, MARK)) };
            orders(p, [since(3, buy(1, 5, MARK)), at_slot(since(4, buy(1, 5, MARK)), 1), survivor]).clear()
        },
        shows: |c| reasons(c) == [2, 0, 0] && traded(c),
    },
    Degenerate {
        name: "last batch number, window as wide as it gets",
        batch: |p| {
            let mut s = book(p, 2);
            (s.context.batch, s.context.last_void, s.context.time) = (u32::MAX, u32::MAX - 1, (1 << 40) - 1);
            let wide = |order| Order { first_batch: 0, last_batch: u32::MAX, survives_void: true, ..order };
            let exact = |order| Order { first_batch: u32::MAX, last_batch: u32::MAX, ..order };
            add(&mut s, [wide(buy(1, 5, MARK)), exact(sell(2, 5, MARK))]);
            s.clear()
        },
        shows: traded,
    },
    Degenerate {
        name: "orders of nobody",
        batch: |p| {
            let mut s = Scene::new(p);
            s.row(ID, MARK);
            add(&mut s, [buy(5, 5, MARK), cancel(5, 9)]);
            s.clear()
        },
        shows: |c| reasons(c) == [1, 1],
    },
    Degenerate {
        name: "unknown ids below, between and above all rows, the last id among them",
        batch: |p| {
            let mut s = book(p, 2);
            s.settle(ID + 4, 0);
            for (account, slot, id) in [(1, 0, ID - 1), (1, 1, ID + 1), (2, 0, ID + 5), (2, 1, TOP - 1)] {
                s.order(at_slot(order(account, id, Side::Buy, 5, MARK), slot));
            }
            s.clear()
        },
        shows: |c| reasons(c) == [4, 4, 4, 4],
    },
    Degenerate {
        name: "no open instrument",
        batch: |p| {
            let mut s = book(p, 2);
            s.risk.clear();
            s.settle(ID, MARK);
            add(&mut s, [buy(1, 5, MARK), order(2, ID + 1, Side::Sell, 5, MARK)]);
            s.clear()
        },
        shows: |c| reasons(c) == [5, 4],
    },
    Degenerate {
        name: "no row at all",
        batch: |p| {
            let mut s = book(p, 1);
            s.risk.clear();
            s.order(buy(1, 5, MARK));
            s.clear()
        },
        shows: |c| reasons(c) == [4] && c.auctions.is_empty(),
    },
    Degenerate {
        name: "fee rate exactly allowed, and one less",
        batch: |p| {
            let at_most = |max_fee_rate, order| Order { max_fee_rate, ..order };
            orders(
                p,
                [at_most(5, buy(1, 5, MARK)), at_most(4, at_slot(buy(1, 5, MARK), 1)), at_most(5, sell(2, 5, MARK))],
            )
            .clear()
        },
        shows: |c| reasons(c) == [0, 6, 0] && traded(c),
    },
    Degenerate {
        name: "just within range",
        batch: |p| at_range(p, 0).clear(),
        shows: |c| reasons(c) == [0, 0] && traded(c),
    },
    Degenerate { name: "out of range by one", batch: |p| at_range(p, 1).clear(), shows: |c| reasons(c) == [8, 0] },
    Degenerate {
        name: "every reason for a refusal",
        batch: |p| {
            let mut s = book(p, 12);
            s.settle(ID + 1, 5);
            let leaf = s.account(2, RICH, &[]);
            (leaf.epoch, leaf.bitmap) = (1, 2);
            s.account(7, 10_000 << 77, &[]);
            let full = holding(p, p.positions);
            s.risk.extend(full.risk.iter().filter(|(id, _)| **id != ID + 1).map(|(id, row)| (*id, row.clone())));
            let held: Vec<(u32, i64)> = (0..=p.positions as u32).filter(|i| *i != 1).map(|i| (ID + i, 1)).collect();
            s.account(6, RICH, &held);
            add(
                &mut s,
                [
                    Order { last_batch: 9, first_batch: 1, ..buy(1, 5, MARK) },
                    at_slot(buy(2, 5, MARK), 2),
                    Order { epoch: 1, ..at_slot(buy(2, 5, MARK), 1) },
                    order(3, ID + 90, Side::Buy, 5, MARK),
                    order(4, ID + 1, Side::Buy, 5, MARK),
                    Order { max_fee_rate: 4, ..buy(5, 5, MARK) },
                    order(6, ID + p.positions as u32 + 1, Side::Buy, 5, MARK),
                    withdrawal(7, 1),
                    Order { quantity: LOTS, ..withdrawal(8, MARK) },
                    sell(9, 1 << 31, MARK),
                    buy(13, 5, MARK),
                ],
            );
            s.clear()
        },
        shows: |c| reasons(c) == [2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 1],
    },
    // ---- deposits, withdrawals, exits
    Degenerate {
        name: "only deposits, the smallest among them",
        batch: |p| {
            let mut s = book(p, 1);
            [(0, 1), (1, 1_000_000), (7, 1_000_000), (8, 1)]
                .into_iter()
                .for_each(|(to, amount)| deposit_to(&mut s, to, amount));
            s.clear()
        },
        shows: |c| c.active_orders == 0 && after(c, 8).cash == TOKEN,
    },
    Degenerate {
        name: "largest deposit, to an account and to nobody",
        batch: |p| {
            let mut s = book(p, 1);
            deposit_to(&mut s, 1, u64::MAX);
            deposit_to(&mut s, 2, u64::MAX);
            s.order(buy(2, 5, MARK));
            s.clear()
        },
        shows: |c| reasons(c) == [8] && after(c, 2).updates == 1,
    },
    Degenerate {
        name: "last leaf of the tree, opened by a deposit, trades at once",
        batch: |p| {
            let mut s = book(p, 1);
            let last = p.capacity() - 1;
            deposit_to(&mut s, last, 1_000_000_000);
            add(&mut s, [buy(last, 5, MARK), sell(1, 5, MARK)]);
            s.clear()
        },
        shows: |c| fills(c) == [5, 5] && c.sealed.touches.last().is_some_and(|t| t.index == c.params.capacity() - 1),
    },
    Degenerate {
        name: "account opened while its order is refused",
        batch: |p| {
            let mut s = book(p, 1);
            deposit_to(&mut s, 9, 1);
            add(&mut s, [buy(9, 5, MARK), sell(1, 5, MARK)]);
            s.clear()
        },
        shows: |c| reasons(c) == [0, 10] && after(c, 9).updates == 1,
    },
    Degenerate {
        name: "withdrawal exactly covered",
        batch: |p| at_cover(p, 0).clear(),
        shows: |c| reasons(c) == [0, 0, 0] && paid(c) == 250,
    },
    Degenerate {
        name: "withdrawal missed by one unit of cash",
        batch: |p| at_cover(p, 1).clear(),
        shows: |c| reasons(c) == [0, 9, 0] && paid(c) == 0,
    },
    Degenerate {
        name: "withdrawal refused for margin",
        batch: |p| {
            let mut s = book(p, 1);
            s.account(1, 1_000_000_000_000, &[(ID, -10_000)]);
            s.order(withdrawal(1, 1));
            s.clear()
        },
        shows: |c| reasons(c) == [10],
    },
    Degenerate {
        name: "withdrawals of nothing and of what just expired",
        batch: |p| {
            let mut s = book(p, 1);
            s.settle(ID + 1, 10_000);
            s.account(2, 0, &[(ID + 1, 10_000)]);
            add(&mut s, [withdrawal(1, 0), withdrawal(2, 10_000)]);
            s.clear()
        },
        shows: |c| reasons(c) == [0, 0] && paid(c) == 10_000 && after(c, 2).cash == 0,
    },
    Degenerate {
        name: "largest withdrawal, from cash at both its ends",
        batch: |p| {
            let mut s = Scene::new(p);
            s.account(1, DEBT, &[]);
            s.account(2, CASH, &[]);
            add(&mut s, [1, 2].map(|index| Order { quantity: LOTS, ..withdrawal(index, PRICE) }));
            s.clear()
        },
        shows: |c| reasons(c) == [8, 8],
    },
    Degenerate {
        name: "only exits: of more than there is, of a part, of nothing, of nobody",
        batch: |p| {
            let mut s = Scene::new(p);
            rich(&mut s, 3);
            s.account(1, TOKEN * 77 + TOKEN - 1, &[]);
            [(1, u64::MAX), (2, 12_345), (3, 0), (4, 5)].into_iter().for_each(|(index, x)| exit_of(&mut s, index, x));
            s.clear()
        },
        shows: |c| c.touches[1..].iter().map(|t| t.paid).eq([77, 12_345, 0, 0]) && after(c, 1).cash == TOKEN - 1,
    },
    Degenerate {
        name: "exit of all cash to the unit",
        batch: |p| {
            let mut s = Scene::new(p);
            s.account(1, TOKEN * 77, &[]);
            exit_of(&mut s, 1, 77);
            s.clear()
        },
        shows: |c| paid(c) == 77 && after(c, 1).cash == 0,
    },
    Degenerate {
        name: "exits from cash at its ends and just below nothing",
        batch: |p| {
            let mut s = Scene::new(p);
            for (index, cash) in [(1, CASH), (2, DEBT), (3, -1), (4, 0), (5, TOKEN - 1)] {
                s.account(index, cash, &[]);
                exit_of(&mut s, index, u64::MAX);
            }
            s.clear()
        },
        shows: |c| c.touches[1].paid == u128::from(u64::MAX) && c.touches[2..].iter().all(|t| t.paid == 0),
    },
    Degenerate {
        name: "exit stopped by margin",
        batch: |p| exit_beside_a_short(p, smallest_cover(40 * TOKEN, |cash| exit_beside_a_short(p, cash)) - 1).clear(),
        shows: |c| paid(c) == 0 && after(c, 1).cash > 40 * TOKEN,
    },
    Degenerate {
        name: "exit that meets margin exactly",
        batch: |p| exit_beside_a_short(p, smallest_cover(40 * TOKEN, |cash| exit_beside_a_short(p, cash))).clear(),
        shows: |c| paid(c) == 40,
    },
    Degenerate {
        name: "exit and account under keys that no signature could be checked with",
        batch: |p| {
            let mut s = Scene::new(p);
            let off_the_curve = Point { x: F::from(1u8), y: F::from(1u8) };
            let of_low_order = Point { x: F::from(0u8), y: -F::from(1u8) };
            rich(&mut s, 2);
            exit_of(&mut s, 1, 7);
            deposit_to(&mut s, 3, 5);
            s.plans.entry(4).or_default();
            s.order(buy(5, 5, MARK));
            with_keys(
                &s,
                &[(1, of_low_order), (2, off_the_curve), (3, off_the_curve), (4, Point::IDENTITY), (5, off_the_curve)],
            )
        },
        shows: |c| paid(c) == 7 && reasons(c) == [1] && c.sealed.touches[1].holder.key != holder_of(1).key,
    },
    Degenerate {
        name: "touches without content, of nobody too",
        batch: |p| {
            let mut s = book(p, 4);
            s.plans.entry(6).or_default();
            s.clear()
        },
        shows: |c| c.active_orders == 0 && c.touches.last().is_some_and(|t| t.new.is_none()),
    },
    // ---- tables and segments
    Degenerate {
        name: "full tables up to the last id, prices at their ends",
        batch: |p| {
            let mut s = full_tables(p);
            let ids: Vec<u32> = s.risk.keys().copied().collect();
            rich(&mut s, 2);
            s.order(order(1, ids[1], Side::Buy, 1, 1));
            s.order(order(2, ids[1], Side::Sell, 1, 0));
            s.order(at_slot(order(1, TOP - 1, Side::Buy, 1, PRICE), 1));
            s.clear()
        },
        shows: |c| c.sealed.risk.rows.len() == c.params.rows && c.sealed.settled.len() == c.params.settled,
    },
    Degenerate {
        name: "settled rows only, all of them",
        batch: |p| {
            let mut s = Scene::new(p);
            (1..=p.settled as u32).for_each(|id| s.settle(id, PRICE));
            s.account(1, 0, &[(1, 1), (2, -1)]);
            s.clear()
        },
        shows: |c| c.auctions.is_empty() && after(c, 1).cash == 0,
    },
    Degenerate {
        name: "adjacent ids from 1, open and settled in turn",
        batch: |p| {
            let mut s = book(p, 2);
            s.risk.clear();
            for id in 1..=p.settled as u32 {
                s.row(2 * id - 1, MARK);
                s.settle(2 * id, MARK);
            }
            for (slot, id) in [(0, 1), (1, 2)] {
                s.order(at_slot(order(1, id, Side::Buy, 5, MARK), slot));
                s.order(at_slot(order(2, id, Side::Sell, 5, MARK), slot));
            }
            s.clear()
        },
        shows: |c| reasons(c) == [0, 5, 0, 5] && c.auctions[0].volume == 5,
    },
    Degenerate {
        name: "the first id and the last, nothing between",
        batch: |p| {
            let mut s = book(p, 2);
            s.risk.clear();
            s.row(1, MARK);
            s.row(TOP - 1, MARK);
            add(&mut s, [order(1, TOP - 1, Side::Buy, 5, MARK), order(2, TOP - 1, Side::Sell, 5, MARK)]);
            add(&mut s, [at_slot(order(1, 1, Side::Buy, 5, MARK), 1), at_slot(order(2, 1, Side::Sell, 5, MARK), 1)]);
            s.clear()
        },
        shows: |c| c.auctions.iter().all(|row| row.volume == 5),
    },
    Degenerate {
        name: "two segments without padding, every slot taken",
        batch: |p| {
            let count = 2 * p.touches as u32 - 1;
            let mut s = book(p, count);
            for index in 0..=count {
                for slot in 0..p.orders as u8 {
                    let bad = Order { last_batch: 1, ..at_slot(buy(index, 5, MARK), slot) };
                    s.order(if slot == 0 && index > 0 { buy(index, 5, MARK) } else { bad });
                }
            }
            s.clear()
        },
        shows: |c| c.touches.len() == 2 * c.params.touches && results(c).len() == c.touches.len() * c.params.orders,
    },
    Degenerate {
        name: "a last segment of one touch, the rest padding",
        batch: |p| book(p, p.touches as u32).clear(),
        shows: |c| c.touches.len() == c.params.touches + 1,
    },
];

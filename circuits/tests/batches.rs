//! Honest batches satisfy both circuits, and the circuits derive what the core computed: roots, digests, sums, data values.
//!
//! Random ones, and every number at the end of its range: a batch that is sound but cannot be proven would stop the exchange.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use support::busy;
use support::scene::{self, Dice, QUOTE, Scene, cancel, order, withdrawal};
use tacit_circuits::settlement::{Plan, Queues};
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::units::TOP;

const QUEUES: Queues = Queues { deposit_end: 0, exit_end: 0 };
/// The largest quantity of an order and the largest price.
const LOTS: u32 = u32::MAX;
const PRICE: u64 = (1 << 42) - 1;
/// The ends of cash.
const CASH: i128 = (1 << 91) - 1;
const DEBT: i128 = -(1 << 91);

fn plan(scene: &Scene, seed: u64) -> Plan {
    Plan::new(&scene.clear(), QUEUES, [9; 20], [seed as u8; 32])
}

#[track_caller]
fn assert_satisfied(plan: &Plan, what: &str) {
    for j in 0..plan.segments.len() {
        plan.segment_assignment(j).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    plan.closing_assignment().unwrap_or_else(|e| panic!("{what}: {e}"));
}

#[track_caller]
fn assert_provable(scene: &Scene, what: &str) {
    assert_satisfied(&plan(scene, 1), what);
}

/// Reasons of all orders, touch by touch.
fn reasons(scene: &Scene) -> Vec<u8> {
    scene.clear().touches.iter().flat_map(|t| t.orders.iter().map(|o| o.reason.code())).collect()
}

/// An order in the `slot`-th place of the bitmap.
fn at_slot(order: Order, slot: u8) -> Order {
    Order { slot, ..order }
}

#[test]
fn random_dev_batches_satisfy_both_circuits() {
    for seed in 0..40 {
        assert_satisfied(&plan(&scene::random(Params::DEV, seed), seed), &format!("dev batch {seed}"));
    }
}

#[test]
fn a_random_large_batch_satisfies_both_circuits() {
    assert_satisfied(&plan(&scene::random(Params::LARGE, 1), 1), "large batch");
}

#[test]
fn random_standard_batches_satisfy_both_circuits() {
    for seed in 0..4 {
        assert_satisfied(&plan(&scene::random(Params::STANDARD, seed), seed), &format!("standard batch {seed}"));
    }
}

#[test]
fn busy_batches_satisfy_both_circuits() {
    let (mut filled, mut partial, mut waiting, mut above, mut below, mut at_mark, mut cut_sides) =
        (0, 0, 0, 0, 0, 0, [0, 0]);
    for (params, seeds) in [(Params::DEV, 60), (Params::STANDARD, 3)] {
        for seed in 0..seeds {
            let scene = busy(params, seed);
            let cleared = scene.clear();
            for (touch, result) in cleared.sealed.touches.iter().zip(&cleared.touches) {
                for (sealed, outcome) in touch.orders.iter().zip(&result.orders) {
                    filled += u32::from(outcome.fill > 0);
                    partial += u32::from(outcome.fill > 0 && outcome.fill < sealed.order.quantity);
                    waiting += u32::from(outcome.fill == 0 && outcome.admitted);
                }
            }
            for (row, auction) in cleared.sealed.risk.rows.iter().zip(&cleared.auctions).filter(|(_, a)| a.volume > 0) {
                above += u32::from(auction.price > row.mark);
                below += u32::from(auction.price < row.mark);
                at_mark += u32::from(auction.price == row.mark);
                cut_sides[usize::from(auction.cut_side.is_buy())] += 1;
            }
            assert_satisfied(
                &Plan::new(&cleared, QUEUES, [9; 20], [1; 32]),
                &format!("busy {} batch {seed}", params.name),
            );
        }
    }
    let met = [filled, partial, waiting, above, below, at_mark, cut_sides[0], cut_sides[1]];
    assert!(met.iter().all(|times| *times >= 3), "filled, partial, waiting, above, below, at the mark, cuts: {met:?}");
}

#[test]
fn batches_without_instruments_accounts_or_orders() {
    assert_provable(&Scene::new(Params::DEV), "the fund alone");
    assert_provable(&Scene::new(Params::STANDARD), "the fund alone, standard");
    let mut s = Scene::new(Params::DEV);
    s.account(1, 5 * QUOTE, &[]);
    s.order(order(1, 7, Side::Buy, 5, 100));
    assert_eq!(reasons(&s), [4], "no instrument is known");
    assert_provable(&s, "no instrument");
    let mut s = Scene::new(Params::DEV);
    s.settle(7, 5);
    s.account(1, 0, &[(7, -3)]);
    s.order(order(1, 7, Side::Buy, 5, 100));
    assert_eq!(reasons(&s), [5]);
    assert_provable(&s, "settled instruments alone");
}

/// Tables as full as they get, ids up to the last, every price at an end of its range.
fn full_tables(params: Params) -> Scene {
    let mut s = Scene::new(params);
    let count = (params.rows + params.settled) as u32;
    for i in 0..count {
        let id = if i == 0 { 1 } else { TOP - count + i };
        if (i as usize) < params.rows {
            let high = i % 2 == 0;
            let row = s.row(id, if high { PRICE } else { 0 });
            row.short_minimum = PRICE;
            row.values
                .iter_mut()
                .enumerate()
                .for_each(|(at, value)| *value = if high ^ (at % 2 == 0) { PRICE } else { 0 });
        } else {
            s.settle(id, if i % 2 == 0 { PRICE } else { 0 });
        }
    }
    s
}

#[test]
fn full_tables_and_prices_at_their_ends() {
    for params in [Params::DEV, Params::STANDARD] {
        let mut s = full_tables(params);
        let ids: Vec<u32> = s.risk.keys().copied().chain(s.settled.keys().copied()).collect();
        s.account(1, 1_000 * QUOTE, &[]);
        s.account(2, 1_000 * QUOTE, &[]);
        for (at, id) in [ids[0], *ids.last().unwrap(), TOP - 1].into_iter().enumerate().take(params.orders) {
            s.order(at_slot(order(1, id, Side::Buy, 1, PRICE), at as u8));
            s.order(at_slot(order(2, id, Side::Sell, 1, 0), at as u8));
        }
        assert_provable(&s, params.name);
    }
}

#[test]
fn every_margin_ratio_and_fee_rate_with_the_largest_orders() {
    for (num, den, fee_rate) in [(1, 1, 0), (5, 1, 9_999), (5, 4, 9_999), (4, 4, 1), (2, 1, 5), (5, 3, 300)] {
        for cash in [0, 1, CASH >> 1, -(CASH >> 1)] {
            let mut s = full_tables(Params::DEV);
            (s.context.num, s.context.den, s.context.fee_rate) = (num, den, fee_rate);
            s.account(1, cash, &[]);
            s.account(2, cash, &[(1, 4), (TOP - 11, -4)]);
            for (slot, limit) in [(0, PRICE), (1, 0)] {
                s.order(at_slot(order(1, 1, Side::Buy, LOTS, limit), slot));
                s.order(at_slot(order(2, 1, Side::Sell, LOTS, limit), slot));
            }
            assert_provable(&s, &format!("{num}/{den}, fee {fee_rate}, cash {cash}"));
        }
    }
}

#[test]
fn the_largest_trade_is_executed() {
    // One lot short of the range of test 8 on each side; fees of nearly the whole premium.
    let mut s = Scene::new(Params::DEV);
    (s.context.num, s.context.den, s.context.fee_rate) = (1, 1, 9_999);
    let row = s.row(1, PRICE);
    row.values.iter_mut().for_each(|value| *value = PRICE);
    let wealth = 10_000 * ((1 << 76) - 1);
    s.account(1, wealth, &[]);
    s.account(2, wealth, &[]);
    s.order(order(1, 1, Side::Buy, LOTS, PRICE));
    s.order(order(2, 1, Side::Sell, LOTS, PRICE));
    assert_eq!(reasons(&s), [0, 0]);
    let cleared = s.clear();
    assert_eq!(cleared.touches[1].orders[0].fill, LOTS);
    assert_provable(&s, "2^32 − 1 lots at 2^42 − 1");
}

#[test]
fn cash_at_both_ends_of_its_range() {
    for cash in [CASH, CASH - 1, 0, -1, -9_999, -10_000, -10_001, DEBT, DEBT + 1] {
        let mut s = Scene::new(Params::DEV);
        s.row(5, 1_000);
        s.account(1, cash, &[(5, 1)]);
        s.account(2, cash, &[(5, -1)]);
        s.account(3, cash, &[]);
        s.order(order(1, 5, Side::Sell, 1, 1));
        s.order(at_slot(withdrawal(1, 1), 1));
        s.order(order(2, 5, Side::Buy, 1, 2_000));
        s.plans.get_mut(&3).unwrap().exit = Some(u64::MAX);
        assert_provable(&s, &format!("cash {cash}"));
    }
}

#[test]
fn exits_of_any_size_from_any_cash() {
    let token = 100_000_000;
    for cash in [DEBT, -1, 0, 1, token - 1, token, token + 1, 7 * token + 5, CASH] {
        for request in [0, 1, 7, 8, u64::MAX] {
            let mut s = Scene::new(Params::DEV);
            s.row(5, 1_000_000);
            s.account(1, cash, &[(5, -1_000)]);
            s.account(2, cash, &[]);
            for index in [1, 2, 3] {
                s.plans.entry(index).or_default().exit = Some(request);
            }
            assert_provable(&s, &format!("exit of {request} from {cash}"));
        }
    }
}

#[test]
fn withdrawals_of_any_size() {
    for (quantity, limit) in [(LOTS, PRICE), (1, 0), (1, 1), (LOTS, 1), (1, PRICE)] {
        for cash in [DEBT, 0, 100_000_000, CASH] {
            let mut s = Scene::new(Params::DEV);
            s.account(1, cash, &[]);
            s.account(2, cash, &[]);
            let large = Order { quantity, ..withdrawal(1, limit) };
            s.order(large.clone());
            s.order(Order { account: 2, ..large });
            s.order(at_slot(order(2, 9, Side::Buy, LOTS, PRICE), 1));
            assert_provable(&s, &format!("withdrawal of {quantity} · {limit} from {cash}"));
        }
    }
}

#[test]
fn deposits_of_any_size() {
    for amount in [1, u64::MAX] {
        for cash in [DEBT, 0, -(CASH >> 1)] {
            let mut s = Scene::new(Params::DEV);
            s.account(1, cash, &[]);
            s.plans.get_mut(&1).unwrap().deposit = amount;
            s.plans.entry(2).or_default().deposit = amount;
            s.order(withdrawal(2, 1));
            assert_provable(&s, &format!("deposit of {amount} on {cash}"));
        }
    }
}

#[test]
fn nonces_and_windows_at_their_ends() {
    let mut s = Scene::new(Params::DEV);
    (s.context.batch, s.context.last_void, s.context.time) = (u32::MAX, u32::MAX - 1, (1 << 40) - 1);
    s.row(5, 1_000);
    for index in 1..=4 {
        let leaf = s.account(index, QUOTE, &[]);
        (leaf.epoch, leaf.bitmap, leaf.updates) = (u32::MAX, u64::MAX >> 1, u32::MAX - 1);
    }
    let open = |account| Order {
        first_batch: 0,
        last_batch: u32::MAX,
        survives_void: true,
        ..order(account, 5, Side::Buy, 1, 10)
    };
    s.order(Order { epoch: u32::MAX, slot: 63, ..open(1) });
    s.order(Order { epoch: u32::MAX, slot: 62, ..open(1) });
    s.order(Order { epoch: 0, slot: 63, ..open(2) });
    s.order(Order { first_batch: u32::MAX, epoch: u32::MAX, slot: 63, survives_void: false, ..open(2) });
    s.order(Order { first_batch: u32::MAX, last_batch: 0, ..open(3) });
    s.order(Order { first_batch: u32::MAX - 1, epoch: u32::MAX, slot: 63, survives_void: false, ..open(3) });
    s.leaves.get_mut(&4).unwrap().epoch = 0;
    s.order(Order { epoch: u32::MAX, first_batch: 0, last_batch: u32::MAX, survives_void: true, ..cancel(4, 0) });
    s.order(Order { epoch: u32::MAX, slot: 0, ..open(4) });
    assert_eq!(reasons(&s), [0, 3, 3, 0, 2, 2, 0, 0]);
    assert_provable(&s, "last epoch, batch and slot");
}

#[test]
fn full_accounts_and_accounts_that_expire_whole() {
    for params in [Params::DEV, Params::STANDARD] {
        let places = params.positions as u32;
        let mut s = Scene::new(params);
        for id in 1..=places + 1 {
            s.row(id, 1_000_000);
        }
        let settled = params.settled as u32;
        for id in 1..=settled {
            s.settle(1_000 + id, 1_000_000);
        }
        let held = |first: u32, count: u32| {
            (0..count).map(|i| (first + i, if i % 2 == 0 { 5 } else { -5 })).collect::<Vec<_>>()
        };
        s.account(1, QUOTE, &held(1, places));
        s.account(2, QUOTE, &held(1_001, settled.min(places)));
        s.account(3, QUOTE, &held(2, places));
        // Full: no new instrument, unless a held one; expiry makes room.
        s.order(order(1, places + 1, Side::Buy, 1, 1_100_000));
        s.order(at_slot(order(1, 1, Side::Sell, 5, 900_000), 1));
        for slot in 0..params.orders.min(2) as u32 {
            s.order(at_slot(order(2, slot + 1, Side::Buy, 3, 1_100_000), slot as u8));
        }
        s.order(order(3, 1, Side::Sell, 3, 900_000));
        s.order(at_slot(order(3, places + 1, Side::Sell, 2, 900_000), 1));
        let found = reasons(&s);
        assert_eq!((found[0], found[4]), (7, 7), "{found:?}");
        assert_provable(&s, params.name);
    }
}

#[test]
fn positions_as_large_as_test_8_allows() {
    // The sum of all quantities stays below 2^34 lots; scenario values at both ends.
    let mut s = Scene::new(Params::DEV);
    for id in 1..=4 {
        let row = s.row(id, PRICE / 2);
        row.values
            .iter_mut()
            .enumerate()
            .for_each(|(at, value)| *value = if (at + id as usize).is_multiple_of(2) { PRICE } else { 0 });
        row.short_minimum = PRICE;
    }
    let lots = (1 << 32) - 1;
    for (index, cash) in [(1, CASH), (2, DEBT), (3, 0)] {
        for (num, den) in [(5, 4), (5, 1), (1, 1)] {
            (s.context.num, s.context.den) = (num, den);
            s.account(index, cash, &[(1, lots), (2, -lots), (3, lots), (4, -lots)]);
            s.plans.get_mut(&index).unwrap().orders.clear();
            s.sequence = 0;
            s.plans.values_mut().for_each(|plan| plan.orders.clear());
            s.order(order(index, 1, Side::Sell, LOTS, 0));
            s.order(at_slot(order(index, 2, Side::Buy, LOTS, PRICE), 1));
            assert_provable(&s, &format!("account {index}, {num}/{den}"));
        }
    }
}

#[test]
fn all_slots_of_all_touches_refused() {
    let mut s = Scene::new(Params::STANDARD);
    s.context.fee_rate = 300;
    s.row(1, 1_000_000);
    s.settle(2, 1_000_000);
    let mut dice = Dice(5);
    for index in 1..=13 {
        if index != 13 {
            s.account(index, 0, &[]).bitmap = 1;
        }
        s.plans.entry(index).or_default();
        for slot in 0..4 {
            let good = at_slot(order(index, 1, Side::Buy, 1_000, 1_000_000), slot + 1);
            let refused = match dice.below(8) {
                0 => Order { last_batch: 1, ..good },
                1 => Order { slot: 0, ..good },
                2 => Order { instrument: 9, ..good },
                3 => Order { instrument: 2, ..good },
                4 => Order { max_fee_rate: 299, ..good },
                5 => Order { quantity: LOTS, limit: PRICE, ..good },
                _ => good,
            };
            s.order(refused);
        }
    }
    assert!(reasons(&s).iter().all(|reason| *reason != 0));
    assert_provable(&s, "nothing but refusals");
}

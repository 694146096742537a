//! Refused orders together: two reasons at once, every order of a touch, in the place where the market would have met them, the fund's,
//! and of accounts whose keys are good for nothing. And the proofs of a batch that holds every reason.

use std::collections::BTreeMap;

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use tacit_circuits::keys;
use tacit_circuits::proof::{self, Blinding, Options};
use tacit_circuits::settlement::{Plan, VerifyingKeys, matrices, verify};
use tacit_core::account::Holder;
use tacit_core::babyjub::Point;
use tacit_core::batch::{ClearedTouch, clear};
use tacit_core::field::{F, from_u64};
use tacit_core::order::{Kind, Order, Side};
use tacit_core::params::Params;
use tacit_core::units::TOP;

use crate::cases::{one_scenario, sold_in_one_scenario};
use crate::support::scene::{BATCH, Dice, LAST_VOID, Plan as TouchPlan, QUOTE, Scene, cancel, holder_of, order};
use crate::support::{QUEUES, SEED, expected};
use crate::{
    BUYER, Cleared, EPOCH, HOSTILE, LOTS, MARK, OPEN, OTHER, PRICE, SELLER, SETTLED, TOKEN, USED_SLOT, VALUE,
    assert_proven, cash_at_bound, exchange, full, good, good_sell, good_withdrawal, leaf, others_trade, position,
    reasons_of_the_protocol, withdrawal_of,
};

/// Instruments of [`crowd`] beside those of the exchange.
const MORE: [u32; 4] = [31, 32, 33, 34];

/// The exchange with instruments that fill an account.
fn crowd(params: Params) -> Scene {
    let mut s = Scene { params, ..exchange() };
    s.leaves = Scene::new(params).leaves;
    s.plans = BTreeMap::from([(0, TouchPlan::default())]);
    for id in [OPEN, OTHER].into_iter().chain(40..40 + params.positions as u32 - 4).chain(MORE) {
        s.row(id, if id == OTHER { 2 * MARK } else { MARK });
    }
    s.account(BUYER, 1_000 * QUOTE, &[]);
    s.account(SELLER, 1_000 * QUOTE, &[]);
    s
}

/// Every place of the account taken by instruments that it does not trade.
fn fill_up(s: &mut Scene, index: u32) {
    let ids = s.risk.keys().filter(|id| ![OPEN, OTHER].contains(id));
    s.leaves.get_mut(&index).unwrap().positions = ids.map(|id| position(*id, 5)).collect();
}

/// Makes a good order of the account one that the test of this code refuses, whatever the later ones say.
fn spoil(s: &mut Scene, o: &mut Order, codes: &[u8]) {
    for code in codes {
        let leaf = s.leaves.get_mut(&o.account).unwrap();
        match *code {
            2 => o.last_batch = BATCH - 1,
            3 => (o.slot, leaf.bitmap) = (USED_SLOT, 1 << USED_SLOT),
            4 => o.instrument = OPEN + 1,
            5 => o.instrument = SETTLED,
            6 => o.max_fee_rate = 4,
            7 => fill_up(s, o.account),
            8 => {
                leaf.cash =
                    cash_at_bound(if o.kind == Kind::Trade { 100 + 5 * leaf.positions.len() as i128 } else { 0 })
            }
            9 => leaf.cash = -1,
            _ => leaf.cash = if leaf.cash.abs() > VALUE << 76 { -leaf.cash } else { -1_000 * QUOTE },
        }
    }
}

#[test]
fn of_two_reasons_the_first_of_the_protocol_counts() {
    let mut s = crowd(Params::DEV);
    let mut wanted = BTreeMap::new();
    let mut add = |s: &mut Scene, order: fn() -> Order, codes: &[u8]| {
        let account = 10 + wanted.len() as u32;
        s.account(account, 1_000 * QUOTE, &[]).epoch = EPOCH;
        let mut bad = Order { account, ..order() };
        spoil(s, &mut bad, codes);
        wanted.insert(account, codes[0]);
        s.order(bad);
    };
    let trades = [2, 3, 4, 5, 6, 7, 8, 10];
    for (at, first) in trades.iter().enumerate() {
        for second in trades[at + 1..].iter().filter(|second| (*first, **second) != (4, 5)) {
            add(&mut s, if at % 2 == 0 { good } else { good_sell }, &[*first, *second]);
        }
    }
    for codes in [[2, 3], [2, 8], [2, 9], [2, 10], [3, 8], [3, 9], [3, 10], [8, 10], [9, 10]] {
        add(&mut s, good_withdrawal, &codes);
    }
    for codes in [&trades[..], &trades[1..], &[4, 6, 7, 8, 10], &[5, 6, 7, 8, 10], &[6, 7, 8, 10], &[7, 8, 10]] {
        add(&mut s, good, codes);
    }
    others_trade(&mut s);
    let cleared = Cleared { batch: s.clear(), scene: s };
    for (account, code) in wanted {
        assert_eq!(cleared.reasons(account), [code], "account {account}");
    }
    assert_eq!(cleared.batch.auctions[0].volume, 40);
    assert_proven(&cleared.batch, "two reasons");
}

/// An account, what is done to it first, and its orders with their reasons.
type Refused<const N: usize> = (u32, fn(&mut Scene, u32), [(Order, u8); N]);

/// Touches of four orders, each refused for a reason of its own; with what the account is for it.
fn mixed_touches(s: &mut Scene) -> BTreeMap<u32, Vec<u8>> {
    let at = |account, slot, order: Order| Order { account, slot, ..order };
    let touches: [Refused<4>; 8] = [
        (
            10,
            |_, _| (),
            [
                (Order { last_batch: 1, ..good() }, 2),
                (Order { slot: 63, ..good() }, 3),
                (Order { max_fee_rate: 0, ..good() }, 6),
                (Order { quantity: 50_000_000, ..good() }, 10),
            ],
        ),
        (
            11,
            fill_up,
            [
                (Order { instrument: TOP - 1, ..good() }, 4),
                (Order { instrument: SETTLED, ..good() }, 5),
                (good(), 7),
                (withdrawal_of(LOTS, PRICE), 9),
            ],
        ),
        (
            12,
            |s, index| s.leaves.get_mut(&index).unwrap().cash = cash_at_bound(100),
            [
                (Order { first_batch: 0, ..good() }, 2),
                (Order { max_fee_rate: 4, ..good() }, 6),
                (Order { slot: 63, ..good_withdrawal() }, 3),
                (good(), 8),
            ],
        ),
        (
            13,
            |s, index| {
                fill_up(s, index);
                s.leaves.get_mut(&index).unwrap().cash = cash_at_bound(100);
            },
            [
                (Order { instrument: 1, ..good() }, 4),
                (good(), 7),
                (Order { instrument: SETTLED, ..good_sell() }, 5),
                (Order { instrument: 40, ..good_sell() }, 8),
            ],
        ),
        (
            14,
            |_, _| (),
            [
                (withdrawal_of(LOTS, PRICE), 9),
                (Order { quantity: 50_000_000, ..good() }, 10),
                (Order { first_batch: BATCH + 1, last_batch: BATCH + 1, ..good_sell() }, 2),
                (Order { slot: 63, ..good_sell() }, 3),
            ],
        ),
        (
            15,
            |_, _| (),
            [
                (Order { last_batch: 1, ..cancel(15, 99) }, 2),
                (good(), 3),
                (Order { epoch: 98, instrument: OPEN + 1, ..good() }, 4),
                (Order { epoch: 97, ..cancel(15, 0) }, 0),
            ],
        ),
        (
            16,
            |s, index| drop(s.leaves.remove(&index)),
            [(good(), 1), (good_sell(), 1), (good_withdrawal(), 1), (cancel(16, 3), 1)],
        ),
        (
            17,
            |s, index| s.leaves.get_mut(&index).unwrap().cash = -1,
            [
                (good(), 10),
                (good_sell(), 10),
                (withdrawal_of(1, 0), 9),
                (Order { instrument: TOP - 1, ..good_sell() }, 4),
            ],
        ),
    ];
    let mut wanted = BTreeMap::new();
    for (account, prepare, orders) in touches {
        let leaf = s.account(account, 1_000 * QUOTE, &[]);
        (leaf.epoch, leaf.bitmap) = (EPOCH, 1 << 63);
        prepare(s, account);
        for (slot, (order, _)) in orders.iter().enumerate() {
            let slot = if order.slot == 63 { 63 } else { slot as u8 };
            s.order(at(account, slot, order.clone()));
        }
        wanted.insert(account, orders.iter().map(|(_, reason)| *reason).collect());
    }
    wanted
}

#[test]
fn every_order_of_a_touch_may_be_refused_for_a_reason_of_its_own() {
    for trade in [true, false] {
        // Once between orders that trade, once with nothing but refusals.
        let mut s = crowd(Params::STANDARD);
        let wanted = mixed_touches(&mut s);
        if trade {
            others_trade(&mut s);
        }
        let cleared = Cleared { batch: s.clear(), scene: s };
        for (account, reasons) in wanted {
            assert_eq!(cleared.reasons(account), reasons, "account {account}");
            let unchanged = |touch: &ClearedTouch| {
                touch.new.as_ref().map(|leaf| (leaf.cash, leaf.positions.clone()))
                    == touch.old.as_ref().map(|leaf| (leaf.cash, leaf.positions.clone()))
            };
            assert!(unchanged(cleared.touch(account)), "account {account}");
        }
        let volumes: u64 = cleared.batch.auctions.iter().map(|auction| auction.volume).sum();
        assert_eq!(volumes, if trade { 50 } else { 0 });
        let fund = cleared.touch(0).new.as_ref().unwrap();
        // 40 lots at 1,000,010 and 10 at 2,000,000, five basis points of each side.
        assert_eq!(fund.cash, if trade { 2 * 5 * (40 * 1_000_010 + 10 * 2_000_000) } else { 0 });
        assert_proven(&cleared.batch, "four reasons a touch");
    }
}

/// What makes an order one that is refused.
type Spoil = fn(&mut Scene, &mut Order);

/// Four ways to refuse the hostile account's order, none of which touches its price.
fn refusals() -> [(u8, Spoil); 4] {
    [
        (2, |_, order| order.first_batch = LAST_VOID),
        (3, |_, order| order.slot = USED_SLOT),
        (6, |_, order| order.max_fee_rate = 4),
        (10, |s, _| leaf(s).cash = -QUOTE),
    ]
}

/// Price, volume, cut and its side, and the fill of the first order of the buyer.
fn book(cleared: &Cleared) -> (u64, u64, u32, Side, u32) {
    let row = cleared.batch.auctions[0];
    (row.price, row.volume, row.cut, row.cut_side, cleared.touch(BUYER).orders[0].fill)
}

#[test]
fn a_refused_order_is_no_cut_no_margin_of_the_price_and_no_counterparty() {
    // The order as it would be without its fault, who else is there, and the book with and without it, by hand.
    type Book = (u64, u64, u32, Side, u32);
    let buyer = |limit| order(BUYER, OPEN, Side::Buy, 60, limit);
    let seller = || order(SELLER, OPEN, Side::Sell, 40, MARK - 10);
    let situations: [(&str, Order, Vec<Order>, Book, Book); 3] = [
        (
            "the cut: first at the price of both buyers",
            Order { limit: MARK + 10, ..good() },
            vec![buyer(MARK + 10), seller()],
            (MARK + 10, 40, 1, Side::Buy, 0),
            (MARK + 10, 40, 2, Side::Buy, 40),
        ),
        (
            "the price: the better bid",
            good(),
            vec![buyer(MARK + 10), seller()],
            (MARK + 100_000, 40, 1, Side::Buy, 0),
            (MARK + 10, 40, 2, Side::Buy, 40),
        ),
        (
            "the only counterparty",
            good_sell(),
            vec![buyer(MARK - 20)],
            (MARK - 100_000, 60, 1, Side::Sell, 60),
            (MARK, 0, 3, Side::Buy, 0),
        ),
    ];
    for (what, hostile, others, admitted, refused) in situations {
        let cleared = |spoil: Option<Spoil>| {
            let (mut s, mut hostile) = (exchange(), hostile.clone());
            if let Some(spoil) = spoil {
                spoil(&mut s, &mut hostile);
            }
            s.order(hostile);
            for order in &others {
                s.order(order.clone());
            }
            Cleared { batch: s.clear(), scene: s }
        };
        assert_eq!(book(&cleared(None)), admitted, "{what}: admitted");
        for (code, spoil) in refusals() {
            let found = cleared(Some(spoil));
            assert_eq!(found.reasons(HOSTILE), [code], "{what}");
            assert_eq!(book(&found), refused, "{what}: reason {code}");
            assert_proven(&found.batch, what);
        }
    }
}

#[test]
fn each_scenario_alone_refuses_and_none_does_without_it() {
    for losing in [None, Some(0), Some(1), Some(2), Some(3), Some(4)] {
        let mut s = exchange();
        one_scenario(&mut s, losing);
        s.order(sold_in_one_scenario());
        let cleared = Cleared { batch: s.clear(), scene: s };
        let touch = cleared.touch(HOSTILE);
        let failing: Vec<usize> = (0..5).filter(|at| touch.claims[*at] < 0 && touch.losses[*at] != 0).collect();
        assert_eq!(failing, losing.into_iter().collect::<Vec<_>>());
        assert_eq!(cleared.reasons(HOSTILE), [if losing.is_some() { 10 } else { 0 }]);
    }
}

#[test]
fn deposits_and_exits_of_unusable_keys_are_proven_and_so_is_a_touch_of_nobody() {
    let keys = [
        Point { x: from_u64(1), y: from_u64(1) },
        Point::IDENTITY,
        Point { x: from_u64(0), y: -F::from(1u8) },
        Point { x: -F::from(1u8), y: -F::from(1u8) },
    ];
    let mut s = exchange();
    others_trade(&mut s);
    for (at, key) in keys.into_iter().enumerate() {
        let (opened, left, nobody) = (10 + at as u32, 20 + at as u32, 30 + at as u32);
        s.plans.insert(opened, TouchPlan { deposit: 5, ..TouchPlan::default() });
        let owner = Holder { key, ..holder_of(left) }.owner();
        s.account(left, QUOTE, &[(OPEN, 3), (SETTLED, -4)]).owner = owner;
        s.plans.insert(left, TouchPlan { exit: Some(7), ..TouchPlan::default() });
        s.plans.insert(nobody, TouchPlan { exit: (at % 2 == 0).then_some(u64::MAX), ..TouchPlan::default() });
    }
    let mut batch = s.batch();
    for touch in batch.touches.iter_mut().filter(|touch| touch.index >= 10) {
        touch.holder.key = keys[touch.index as usize % 10];
    }
    let cleared = clear(&s.params, &mut s.state(), &batch).unwrap();
    for (touch, sealed) in cleared.touches.iter().zip(&batch.touches).filter(|(_, sealed)| sealed.index >= 10) {
        let cash = touch.new.as_ref().map(|leaf| leaf.cash);
        let expected = match sealed.index / 10 {
            1 => Some(5 * TOKEN),
            2 => Some(QUOTE - 7 * TOKEN - 4 * 300_000 * VALUE),
            _ => None,
        };
        assert_eq!(cash, expected, "account {}", sealed.index);
    }
    assert_proven(&cleared, "unusable keys");
}

#[test]
fn the_fund_is_refused_like_anyone_and_gets_its_fees_all_the_same() {
    // 40 lots at 1,000,010 and 10 at 2,000,000, five basis points of each side.
    let fees: i128 = 2 * 5 * (40 * 1_000_010 + 10 * 2_000_000);
    let fund = |order: Order| Order { account: 0, ..order };
    let refused: [(&str, [(Order, u8); 2]); 3] = [
        ("margin and fee rate", [(fund(good()), 10), (fund(Order { max_fee_rate: 0, ..good_sell() }), 6)]),
        ("withdrawal of the fees of this batch", [(fund(withdrawal_of(1, 6)), 9), (fund(cancel(0, 1)), 0)]),
        (
            "window and settled",
            [(fund(Order { last_batch: 1, ..good() }), 2), (fund(Order { instrument: SETTLED, ..good_sell() }), 5)],
        ),
    ];
    for (what, orders) in refused {
        let mut s = exchange();
        for (order, _) in &orders {
            s.order(order.clone());
        }
        others_trade(&mut s);
        let cleared = Cleared { batch: s.clear(), scene: s };
        assert_eq!(cleared.reasons(0), orders.map(|(_, reason)| reason), "{what}");
        assert_eq!(cleared.touch(0).new.as_ref().map(|leaf| leaf.cash), Some(fees), "{what}");
        assert_proven(&cleared.batch, what);
    }
    // An exit of the fund is paid from what it had, not from what the batch brings.
    let mut s = exchange();
    s.leaves.get_mut(&0).unwrap().cash = 3 * TOKEN;
    s.plans.get_mut(&0).unwrap().exit = Some(u64::MAX);
    others_trade(&mut s);
    let cleared = Cleared { batch: s.clear(), scene: s };
    assert_eq!((cleared.touch(0).paid, cleared.touch(0).new.as_ref().map(|leaf| leaf.cash)), (3, Some(fees)));
    assert_proven(&cleared.batch, "exit of the fund");
}

/// A batch of numbers at the ends of their ranges, drawn without regard for sense.
fn wild(seed: u64) -> Scene {
    let mut dice = Dice(seed ^ 0x5ea1);
    let mut s = Scene::new(Params::DEV);
    let context = &mut s.context;
    context.batch = dice.pick(&[1, 2, 10, u32::MAX]);
    context.last_void = dice.pick(&[0, 1, 9, u32::MAX - 1]).min(context.batch - 1);
    context.time = dice.pick(&[0, (1 << 40) - 1]);
    context.fee_rate = dice.pick(&[0, 1, 5, 9_998, 9_999]);
    (context.num, context.den) = dice.pick(&[(1, 1), (5, 1), (5, 4), (4, 4), (5, 3), (2, 2)]);
    for id in [1, 2, 3, 1 << 26, TOP - 2, TOP - 1] {
        if dice.once_in(3) && s.settled.len() < s.params.settled {
            s.settle(id, dice.pick(&[0, 1, MARK, PRICE]));
        } else if !dice.once_in(4) {
            let row = s.row(id, dice.pick(&[0, 1, MARK, PRICE]));
            row.values.iter_mut().for_each(|value| *value = dice.pick(&[0, 1, MARK, PRICE]));
            row.short_minimum = dice.pick(&[0, 0, 1, PRICE]);
        }
    }
    let valued: Vec<u32> = s.risk.keys().chain(s.settled.keys()).copied().collect();
    for index in 1..=5 {
        s.plans.insert(index, TouchPlan::default());
        if !dice.once_in(6) {
            let edge = cash_at_bound(i128::from(dice.below(3)) * i128::from(LOTS));
            let cash = dice.pick(&[0, 1, -1, TOKEN, QUOTE, 1_000_000 * QUOTE, edge, edge - 1, -edge, (1 << 91) - 1]);
            let lots = [1, -1, i64::from(LOTS), -i64::from(LOTS), 1 << 33];
            let most = dice.pick(&[2, 8]);
            let mut held: Vec<(u32, i64)> =
                valued.iter().filter(|_| dice.below(10) < most).map(|id| (*id, lots[*id as usize % 5])).collect();
            held.truncate(s.params.positions);
            held.sort_unstable();
            let leaf = s.account(index, cash, &held);
            leaf.epoch = dice.pick(&[0, 1, u32::MAX]);
            leaf.bitmap = dice.pick(&[0, 1, 1 << 63, u64::MAX, u64::MAX - 1]);
            leaf.updates = dice.pick(&[0, 1, u32::MAX - 1]);
        }
        if dice.once_in(6) {
            s.plans.get_mut(&index).unwrap().exit = Some(dice.pick(&[0, 1, u64::MAX]));
            continue;
        }
        s.plans.get_mut(&index).unwrap().deposit = dice.pick(&[0, 0, 1, 1 << 60]);
        wild_orders(&mut s, &mut dice, index);
    }
    s
}

fn wild_orders(s: &mut Scene, dice: &mut Dice, index: u32) {
    let batch = s.context.batch;
    let epoch = s.leaves.get(&index).map_or(0, |leaf| leaf.epoch);
    for place in 0..dice.below(s.params.orders as u64 + 1) {
        let kind = dice.pick(&[Kind::Trade, Kind::Trade, Kind::Trade, Kind::Withdraw, Kind::Cancel]);
        let kind = if kind == Kind::Withdraw && place > 0 { Kind::Cancel } else { kind };
        let side = if kind == Kind::Withdraw || dice.once_in(2) { Side::Buy } else { Side::Sell };
        let order = Order {
            instrument: if kind == Kind::Trade { dice.pick(&[1, 2, 3, 4, 1 << 26, TOP - 2, TOP - 1]) } else { 0 },
            side,
            quantity: dice.pick(&[1, 2, 1_000, LOTS - 1, LOTS]),
            limit: dice.pick(&[0, 1, MARK - 1, MARK, PRICE - 1, PRICE]),
            max_fee_rate: dice.pick(&[0, 5, 9_999, (1 << 14) - 1]),
            epoch: dice.pick(&[0, epoch, epoch, epoch, u32::MAX]),
            slot: dice.pick(&[0, 1, 2, 31, 62, 63]),
            first_batch: dice.pick(&[0, 1, batch, batch, batch, batch, batch.saturating_add(1)]),
            last_batch: dice.pick(&[batch - 1, batch, batch, batch, u32::MAX, u32::MAX]),
            survives_void: !dice.once_in(4),
            kind,
            recipient: if kind == Kind::Withdraw { dice.pick(&[[0; 20], [1; 20], [0xff; 20]]) } else { [0; 20] },
            salt: dice.pick(&[F::from(0u8), F::from(1u8), -F::from(1u8)]),
            ..order(index, 1, side, 1, 1)
        };
        s.order(order);
    }
}

#[test]
fn whatever_clears_can_be_proven() {
    let batches = if full() { 1_500 } else { 60 };
    let (mut cleared, mut reasons) = (0, BTreeMap::new());
    for seed in 0..batches {
        // Cash, claims or fees beyond their range are refused before a seal; everything else is settled.
        let Ok(batch) = wild(seed).try_clear() else { continue };
        cleared += 1;
        for order in batch.touches.iter().flat_map(|touch| &touch.orders) {
            *reasons.entry(order.reason.code()).or_insert(0) += 1;
        }
        assert_proven(&batch, &format!("wild batch {seed}"));
    }
    assert!(3 * cleared > batches, "{cleared} of {batches} cleared");
    assert!(reasons.len() >= if full() { 11 } else { 9 }, "{reasons:?}");
}

/// Touches of one batch with every reason, most of them twice.
fn everything() -> (Scene, BTreeMap<u32, Vec<u8>>) {
    let mut s = crowd(Params::DEV);
    let touches: [Refused<2>; 7] = [
        (1, |s, index| drop(s.leaves.remove(&index)), [(good(), 1), (good_withdrawal(), 1)]),
        (3, |_, _| (), [(Order { last_batch: 1, ..good() }, 2), (Order { slot: USED_SLOT, ..good_sell() }, 3)]),
        (
            4,
            |_, _| (),
            [(Order { instrument: TOP - 1, ..good() }, 4), (Order { instrument: SETTLED, ..good_sell() }, 5)],
        ),
        (5, fill_up, [(Order { max_fee_rate: 4, ..good() }, 6), (good_sell(), 7)]),
        (
            7,
            |s, index| s.leaves.get_mut(&index).unwrap().cash = cash_at_bound(100),
            [(good(), 8), (good_withdrawal(), 8)],
        ),
        (8, |_, _| (), [(withdrawal_of(LOTS, PRICE), 9), (Order { quantity: 50_000_000, ..good() }, 10)]),
        (9, |_, _| (), [(Order { epoch: 99, ..cancel(9, 0) }, 0), (good(), 3)]),
    ];
    let mut wanted = BTreeMap::new();
    for (account, prepare, orders) in touches {
        let leaf = s.account(account, 1_000 * QUOTE, &[]);
        (leaf.epoch, leaf.bitmap) = (EPOCH, 1 << USED_SLOT);
        prepare(&mut s, account);
        for (order, _) in &orders {
            s.order(Order { account, ..order.clone() });
        }
        wanted.insert(account, orders.map(|(_, reason)| reason).to_vec());
    }
    others_trade(&mut s);
    (s, wanted)
}

#[test]
fn a_batch_with_every_reason_is_settled_with_real_proofs() {
    let (s, wanted) = everything();
    let mut met: Vec<u8> = wanted.values().flatten().copied().filter(|code| *code != 0).collect();
    met.sort_unstable();
    met.dedup();
    let protocol: Vec<u8> = reasons_of_the_protocol().into_iter().map(|(code, _)| code).collect();
    assert_eq!(met, protocol);
    let cleared = Cleared { batch: s.clear(), scene: s };
    for (account, reasons) in wanted {
        assert_eq!(cleared.reasons(account), reasons, "account {account}");
    }
    let mut rng = StdRng::seed_from_u64(1);
    let (segment, closing) = matrices(&Params::DEV);
    let (segment, segment_key) = keys::setup(segment, &mut rng).unwrap();
    let (closing, closing_key) = keys::setup(closing, &mut rng).unwrap();
    let plan = Plan::new(&cleared.batch, QUEUES, [9; 20], SEED);
    let mut prove = |key: &keys::ProvingKey, wires: Vec<F>| {
        proof::prove(key, &wires, Blinding::draw(&mut rng), Options::default()).unwrap()
    };
    let mut settlement = plan.settlement.clone();
    assert_eq!(settlement.segments.len(), 5);
    for j in 0..settlement.segments.len() {
        settlement.segments[j].proof = Some(prove(&segment, plan.segment_assignment(j).unwrap()));
    }
    settlement.closing.proof = Some(prove(&closing, plan.closing_assignment().unwrap()));
    let keys = VerifyingKeys { params: Params::DEV, segment: segment_key, closing: closing_key };
    assert_eq!(verify(&settlement, &keys, &expected(&cleared.batch)), Ok(cleared.batch.end_root));
}

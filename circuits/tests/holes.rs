//! One test for each hole that an earlier draft of the protocol had, and for each promise to a trader: the attack, carried through
//! to the end, and what refuses it. Hole 9 and those of exits (19, 21) are the contract's.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::BTreeSet;

use ark_ff::AdditiveGroup;
use num_bigint::BigUint;
use support::Circuit::{Closing, Segment};
use support::scene::{BATCH, QUOTE, Scene, holder_of, key_of, order};
use support::{Attack, QUEUES, SEED, market, scene_slot};
use tacit_circuits::builder::{Builder, MATERIALIZED};
use tacit_circuits::closing;
use tacit_circuits::settlement::{Plan, shapes};
use tacit_core::babyjub::{BASE8, Point, SUBGROUP_ORDER, hash_to_curve};
use tacit_core::field::{F, from_i128, from_u64, pow2, to_i128};
use tacit_core::order::{Kind, Order, Side};
use tacit_core::params::Params;
use tacit_core::poseidon;
use tacit_core::units::TOP;

fn n(value: i128) -> F {
    from_i128(value)
}

/// Account 1 buys 1,000 of instrument 10 at up to 1.05, account 2 sells as much from 1.02: mark 1, clearing price 1.02, no fees.
/// Segments hold accounts (0, 1) and (2, padding).
fn pair() -> Scene {
    let mut s = Scene::new(Params::DEV);
    s.context.fee_rate = 0;
    s.row(10, 1_000_000);
    s.account(1, 1_000 * QUOTE, &[]);
    s.account(2, 1_000 * QUOTE, &[]);
    s.order(order(1, 10, Side::Buy, 1_000, 1_050_000));
    s.order(order(2, 10, Side::Sell, 1_000, 1_020_000));
    s
}

/// Account 1 bids 0.9 for 1,000 of instrument 10, whose mark is 1; nobody sells.
fn lonely(cash: i128) -> Scene {
    let mut s = Scene::new(Params::DEV);
    s.row(10, 1_000_000);
    s.account(1, cash, &[]);
    s.order(order(1, 10, Side::Buy, 1_000, 900_000));
    s
}

/// Instrument 10 clears at another price and cut: in its row and in what every order looks up.
fn repriced(mut attack: Attack, price: u64, cut: u32, cut_is_buy: bool) -> Attack {
    let mark = attack.cleared.sealed.risk.rows[0].mark;
    for order in attack.segments.iter_mut().flat_map(|s| &mut s.touches).flat_map(|t| &mut t.orders) {
        if order.row.id == 10 {
            (order.row.price, order.row.cut, order.row.cut_buys) = (price, cut, cut_is_buy);
            order.row.above_mark = price > mark;
        }
    }
    attack.closing(move |c| (c.risk[0].price, c.risk[0].cut, c.risk[0].cut_is_buy) = (price, cut.into(), cut_is_buy))
}

/// Nothing comes after instrument 10 in what orders look up.
fn last_id(mut attack: Attack) -> Attack {
    for order in attack.segments.iter_mut().flat_map(|s| &mut s.touches).flat_map(|t| &mut t.orders) {
        if order.row.id == 10 {
            order.row.next = TOP;
        }
    }
    attack
}

fn unfilled(attack: Attack, touch: usize) -> Attack {
    attack.touch(touch, |t| {
        t.orders[0].fill = 0;
        t.new.as_mut().unwrap().positions.clear();
    })
}

#[test]
fn honest_batches_are_accepted() {
    for scene in [market(), pair(), lonely(1_000 * QUOTE)] {
        Attack::on(&scene).run().accepted();
    }
}

// ---- holes --------------------------------------------------------------------------------------------------------------

#[test]
fn hole_01_duplicate_ids_in_the_table() {
    let mut s = pair();
    s.settle(40, 5);
    // The open instrument 10 a second time, as a settled row: an order could choose its row.
    let both = last_id(Attack::on(&s)).closing(|c| {
        c.settled[0].row.instrument = 10;
        (c.first, c.risk[0].next, c.settled[0].next) = (10, TOP, TOP);
    });
    both.trusting(|e| e.settled = [(10, 5)].into()).run().refused_by(&["ids form one increasing chain"]);
    // A settled row twice, pointing at itself.
    let mut s = pair();
    s.settle(40, 5);
    s.settle(41, 6);
    let twice = Attack::on(&s).closing(|c| {
        c.settled[1].row.instrument = 40;
        (c.settled[0].next, c.settled[1].next) = (40, TOP);
    });
    twice.trusting(|e| e.settled = [(40, 6), (41, 6)].into()).run().refused_by(&["next id above id", "contract"]);
}

#[test]
fn hole_02_two_leaves_of_one_owner_replay_an_order() {
    // The order of account 1 in leaf 2, which the contract assigned to the same owner.
    let mut s = pair();
    s.leaves.remove(&2);
    s.plans.get_mut(&2).unwrap().deposit = 1_000_000_000;
    s.plans.get_mut(&2).unwrap().orders.clear();
    s.sequence = 1;
    s.order(order(2, 10, Side::Buy, 1_000, 1_050_000));
    let replay = Attack::on(&s).touch(2, |t| {
        t.holder = holder_of(1);
        let signed = Order { salt: t.orders[0].sealed.order.salt, ..order(1, 10, Side::Buy, 1_000, 1_050_000) };
        t.orders[0].sealed.signature = key_of(1).sign(signed.hash(support::scene::domain()));
    });
    let replay = replay.trusting(|e| e.deposits.get_mut(&2).unwrap().owner = holder_of(1).owner());
    replay.resealed().run().refused_by(&["signature equation"]);
}

#[test]
fn hole_03_some_order_at_the_price_admits_a_price_far_from_the_mark() {
    // 0.9 is feasible and an order stands there, but 1, the mark, is feasible too.
    let far = repriced(Attack::on(&lonely(1_000 * QUOTE)), 900_000, 1, true);
    far.run().refused_by(&["price rule"]);
}

#[test]
fn hole_04_a_crossing_book_declared_quiet() {
    // At 1.05 the buyer may be a cut that gets nothing; the seller then must not be left out.
    let quiet = unfilled(unfilled(Attack::on(&pair()), 1), 2);
    repriced(quiet, 1_050_000, 1, true).run().refused_by(&["filled in full"]);
    // At 1.02 the same of the seller.
    let quiet = unfilled(unfilled(Attack::on(&pair()), 1), 2);
    repriced(quiet, 1_020_000, 2, false).run().refused_by(&["filled in full", "price rule"]);
    // And at the mark, where no order need stand.
    let quiet = unfilled(unfilled(Attack::on(&pair()), 1), 2);
    repriced(quiet, 1_000_000, 3, true).run().refused_by(&["filled in full"]);
    // And one side alone cannot trade.
    let alone = unfilled(Attack::on(&pair()), 1);
    repriced(alone, 1_050_000, 1, true).run().refused_by(&["net fill identity"]);
}

/// Every scenario claim of a touch that is negative is raised to zero.
fn claims_raised(attack: Attack, segment: usize, touch: usize) -> Attack {
    (5 * touch..5 * touch + 4).fold(attack, |attack, at| {
        attack.lie(
            Segment(segment),
            "margin claim",
            at,
            |claim| if to_i128(&claim).unwrap() < 0 { F::ZERO } else { claim },
        )
    })
}

fn reason(scene: &Scene, touch: usize, slot: usize) -> u8 {
    scene.clear().touches[touch].orders[slot].reason.code()
}

#[test]
fn hole_05_margin_without_fees_new_shorts_or_the_move_of_the_mark() {
    // A bid of 0.9 for 0.1 contracts of what may fall to 0.5, at 5/4: lose 0.05 and the margin's quarter of the fall.
    let lots = 1_000_i128;
    let with = |cash: i128, edit: &dyn Fn(&mut Scene)| {
        let mut s = lonely(cash);
        s.context.fee_rate = 0;
        edit(&mut s);
        s
    };
    let enough = (0..).map(|step| step * QUOTE / 1_000).find(|cash| reason(&with(*cash, &|_| ()), 1, 0) == 0).unwrap();
    assert!(enough > lots, "margin asks for something");
    let fee = with(enough, &|s| s.context.fee_rate = 3_000);
    let wide = with(enough, &|s| (s.context.num, s.context.den) = (5, 1));
    let mut short = with(enough, &|s| s.risk.get_mut(&10).unwrap().short_minimum = 2_000_000);
    short.plans.get_mut(&1).unwrap().orders.clear();
    short.sequence = 0;
    short.order(order(1, 10, Side::Sell, 1_000, 1_100_000));
    for scene in [fee, wide, short] {
        assert_eq!(reason(&scene, 1, 0), 10, "margin refuses");
        Attack::on(&scene).run().accepted();
        let reasons = claims_raised(Attack::on(&scene), 0, 1).run().reasons();
        // Where the claim at the mark is negative too it is no claim at all but computed.
        assert!(reasons == BTreeSet::from(["margin identity"]) || reasons.is_empty(), "{reasons:?}");
        let mark = claims_raised(Attack::on(&scene), 0, 1).lie(Segment(0), "margin claim", 9, |_| F::ZERO);
        let mark = mark.run().reasons();
        assert!(mark.contains("claim at the mark") && mark.contains("margin identity"), "{mark:?}");
    }
}

#[test]
fn hole_06_cash_missing_in_the_identity() {
    // More from an expiry than the position is worth.
    let richer = Attack::on(&market()).touch(1, |t| t.expiry_value += 1_000);
    richer.run().refused_by(&["margin identity"]);
    // A floor above the cash.
    let floor = Attack::on(&market()).lie(Segment(0), "cash floor", 1, |x| x + F::from(1u8));
    floor.run().refused_by(&["cash = 10⁴·floor + remainder"]);
}

#[test]
fn hole_07_admission_that_depends_on_what_is_seen_later() {
    // An order that margin admits is refused: a scenario's claim below zero.
    let s = lonely(1_000 * QUOTE);
    let refused = Attack::on(&s).lie(Segment(0), "margin claim", 5, |_| n(-1));
    refused.run().refused_by(&["margin identity"]);
    // A deposit of another size than the queue's.
    let deposit = Attack::on(&market()).touch(3, |t| t.amount += 1);
    deposit.run().refused_by(&["contract"]);
    // An order left out, its slot called inactive.
    let dropped = Attack::on(&market()).touch(6, |t| {
        (t.orders[1].active, t.orders[1].sealed.sequence) = (false, 0);
        t.orders[1].sealed.order.instrument = 15;
    });
    dropped.run().refused_by(&["sequence product", "contract"]);
}

/// A key for which the start of its signatures' sums would be H + H or H − H: `±H/(4·(4¹²⁷ − 1))`.
fn degenerate_key(negated: bool) -> Point {
    let order = BigUint::from(SUBGROUP_ORDER);
    let factor = BigUint::from(4u8) * (BigUint::from(4u8).pow(127) - 1u8) % &order;
    let inverse = factor.modpow(&(&order - 2u8), &order);
    let key = hash_to_curve("tacit.eddsa.start", 0).times(&inverse.try_into().unwrap());
    if negated { key.negated() } else { key }
}

#[test]
fn hole_08_a_key_that_signs_nothing_blocks_no_batch() {
    let low_order = Point { x: F::ZERO, y: -F::from(1u8) };
    let off_curve = Point { x: n(5), y: n(6) };
    for key in [degenerate_key(false), degenerate_key(true), low_order, off_curve, Point::IDENTITY] {
        let mut s = market();
        s.plans.get_mut(&3).unwrap().orders.clear();
        let orders: Vec<u32> = s.plans.values().flat_map(|p| &p.orders).map(|o| o.sequence).collect();
        for sealed in s.plans.values_mut().flat_map(|p| &mut p.orders) {
            sealed.sequence = 1 + orders.iter().filter(|x| **x < sealed.sequence).count() as u32;
        }
        // A deposit opens an account of that key: key and owner only, all else is the honest batch.
        let attack = Attack::on(&s).touch(3, |t| t.holder.key = key);
        let owner = tacit_core::account::Holder { key, ..holder_of(3) }.owner();
        attack.trusting(move |e| e.deposits.get_mut(&3).unwrap().owner = owner).resealed().run().accepted();
    }
}

#[test]
fn hole_08_extreme_requests_and_orders_block_no_batch() {
    let mut s = market();
    s.plans.get_mut(&4).unwrap().exit = Some(u64::MAX);
    s.leaves.get_mut(&4).unwrap().cash = -(1 << 80);
    s.order(Order {
        first_batch: u32::MAX,
        last_batch: 0,
        epoch: u32::MAX,
        ..scene_slot(order(5, TOP - 1, Side::Buy, u32::MAX, (1 << 42) - 1), 63)
    });
    Attack::on(&s).run().accepted();
}

#[test]
fn hole_10_an_empty_leaf_opened_with_balances() {
    // Account 3 is opened in segment 1; a wealthy empty leaf.
    let cash = Attack::on(&market()).lie(Segment(1), "old cash", 1, |_| n(7 * QUOTE));
    cash.run().refused_by(&["empty leaf has no state"]);
    let nonces = Attack::on(&market()).lie(Segment(1), "old updates", 1, |_| F::from(1u8));
    nonces.run().refused_by(&["empty leaf has no updates"]);
    // A claim to an account that exists, and that it is empty: the tree says otherwise.
    let emptied = Attack::on(&market()).touch(4, |t| t.old = None);
    assert!(emptied.run().reasons().contains("child at the index"));
    // Opened without a deposit.
    let gift = Attack::on(&market()).lie(Segment(2), "no deposit", 1, |_| F::ZERO);
    assert!(gift.run().reasons().is_superset(&BTreeSet::from(["no deposit", "contract"])));
}

#[test]
fn hole_11_padding_that_acts() {
    let ordering = Attack::on(&market()).touch(7, |t| {
        (t.orders[0].active, t.orders[0].sealed.order.kind, t.orders[0].sealed.sequence) = (true, Kind::Withdraw, 10);
    });
    ordering
        .sent(|s| s.active_orders = 10)
        .trusting(|e| e.active_orders = 10)
        .run()
        .refused_by(&["no orders in padding"]);
    Attack::on(&market()).touch(7, |t| t.exit = true).run().refused_by(&["padding has no account and no exit"]);
    let rich = Attack::on(&market()).touch(7, |t| t.amount = 5);
    assert!(rich.run().reasons().contains("padding has no amount"));
}

#[test]
fn hole_11_an_inactive_slot_that_hides_an_order() {
    // It is filled, though it is not there.
    let s = lonely(1_000 * QUOTE);
    let hidden = Attack::on(&s).touch(1, |t| {
        t.orders[1].fill = 5;
        t.orders[1].sealed.order.quantity = 5;
        t.orders[1].sealed.order.instrument = 10;
        t.orders[1].row = t.orders[0].row.clone();
        t.new.as_mut().unwrap().positions = vec![tacit_core::account::Position { instrument: 10, quantity: -5 }];
    });
    assert!(hidden.run().reasons().contains("not filled"));
    // An order behind an inactive slot.
    let behind = Attack::on(&market()).touch(5, |t| t.orders.swap(0, 1));
    assert!(behind.resealed().run().reasons().contains("active slots first"));
    // An inactive slot with a sequence number, to take it away from an order.
    let taken = Attack::on(&market()).touch(0, |t| t.orders[0].sealed.sequence = 3);
    taken.resealed().run().refused_by(&["no sequence number in an inactive slot"]);
}

#[test]
fn hole_12_repeated_sequence_numbers() {
    let repeated = Attack::on(&pair()).touch(2, |t| t.orders[0].sealed.sequence = 1);
    repeated.resealed().run().refused_by(&["sequence product"]);
    let gap = Attack::on(&pair()).touch(2, |t| t.orders[0].sealed.sequence = 3);
    gap.resealed().run().refused_by(&["sequence product"]);
    let within =
        Attack::on(&market()).touch(1, |t| (t.orders[0].sealed.sequence, t.orders[1].sealed.sequence) = (2, 1));
    within.resealed().run().refused_by(&["sequence numbers increase"]);
}

#[test]
fn hole_12_one_order_or_slot_twice_in_a_touch() {
    let mut s = lonely(1_000 * QUOTE);
    s.order(order(1, 10, Side::Buy, 1_000, 900_000));
    assert_eq!(reason(&s, 1, 1), 3, "the slot is taken by the first");
    // Slot 1 of touch 1 is the fourth order of segment 0; bit 0 of its byte is denied.
    let twice = Attack::on(&s).lie(Segment(0), tacit_circuits::gadgets::range::BIT, bitmap_bit(3, 0), |_| F::ZERO);
    twice.run().refused_by(&["bitmap byte"]);
}

/// Ordinal of bit `bit` of the byte that the `at`-th order of a segment looks at.
fn bitmap_bit(at: usize, bit: usize) -> usize {
    support::segment_bits()["bitmap byte"][7 * at + bit]
}

#[test]
fn hole_13_a_value_bound_after_its_challenge() {
    // Whatever enters an identity, changed once the challenges are known, changes a digest that they were drawn from.
    let segment: [(&str, usize); 12] = [
        ("expired", 5),
        ("fill", 2),
        ("row id", 2),
        ("row next", 2),
        ("row price", 2),
        ("row cut", 2),
        ("row minimum", 2),
        ("row W", 10),
        ("margin claim", 5),
        ("mark value", 1),
        ("expiry value", 1),
        ("short requirement", 1),
    ];
    for (label, at) in segment {
        let late = Attack::on(&market()).late_lie(Segment(0), label, at, |x, _| x + F::from(1u8));
        assert!(late.run().reasons().contains("tau"), "{label}");
    }
    let closing: [(&str, usize); 6] = [
        ("group long", 0),
        ("group short", 1),
        ("at-price count", 0),
        ("buy volume", 0),
        ("multiplicity", 0),
        ("sentinel multiplicity", 0),
    ];
    for (label, at) in closing {
        let late = Attack::on(&market()).late_lie(Closing, label, at, |x, _| x + F::from(1u8));
        assert!(late.run().reasons().contains("tau"), "{label}");
    }
    for (label, at) in [("clearing price", 0), ("cut", 0), ("cut side", 1), ("row next id", 0), ("settlement value", 0)]
    {
        let late = Attack::on(&market()).late_lie(Closing, label, at, |x, _| F::from(1u8) - x);
        assert!(late.run().reasons().contains("auction root"), "{label}");
    }
    for (label, at) in [("mark", 0), ("short minimum", 0), ("scenario value", 0)] {
        let late = Attack::on(&market()).late_lie(Closing, label, at, |x, _| x + F::from(1u8));
        assert!(late.run().reasons().contains("risk root"), "{label}");
    }
    // A leaf that changes late changes the root that they were drawn from.
    let late = Attack::on(&market()).late_lie(Segment(3), "new position id", 3, |_, _| F::from(1u8));
    assert!(late.run().reasons().is_superset(&BTreeSet::from(["root out", "tau", "open value", "encrypted value"])));
}

#[test]
fn hole_13_an_unused_row_takes_no_look_ups_by_becoming_beta() {
    // Values of an unused row are bound by nothing. If its key were free, one equal to β would leave the term undetermined.
    let cleared = market().clear();
    let (public, private) = Plan::new(&cleared, QUEUES, [9; 20], SEED).closing;
    let unused = private.risk.len();
    let num = from_u64(cleared.context.num.into());
    for (label, at, value) in [
        ("scenario value", 4 * unused, public.beta * ark_ff::Field::inverse(&num).unwrap()),
        (
            "row next id",
            unused,
            public.beta * ark_ff::Field::inverse(&(ark_ff::Field::pow(&public.y, [5]) * pow2(36))).unwrap(),
        ),
        (
            "row next id",
            8 + private.settled.len(),
            (public.beta * ark_ff::Field::inverse(&ark_ff::Field::pow(&public.y, [5])).unwrap() - pow2(155))
                * ark_ff::Field::inverse(&pow2(36)).unwrap(),
        ),
    ] {
        let mut b = Builder::assignment();
        b.override_witness(label, at, move |_| value);
        let row = if label == "row next id" { at } else { unused };
        b.override_witness("look-ups of the row", row, |term| term + F::from(1u8));
        closing::synthesize(&mut b, &cleared.params, &public, &private);
        assert!(b.violated_checks().contains("look-ups of the row"), "{label}: a term over nothing is nothing");
    }
}

#[test]
fn hole_13_an_inactive_slot_has_one_reading_of_its_row() {
    // Values W of a row that nobody ordered from, ranged against a threshold that is a fraction, would have another packing into the
    // same word: a choice between two keys after β in every inactive slot, and so a subset sum that hides a false row of an active one.
    let mut s = pair();
    (s.context.num, s.context.den, s.context.fee_rate) = (5, 4, 30);
    let fraction = from_u64(639) * ark_ff::Field::inverse(&from_u64(10_000)).unwrap();
    let gaps: [i128; 5] =
        [-144_921_797_510_090, 17_509_917_716_392, 1_160_397_025_581, -121_189_385_109_413, -44_949_587_033_007];
    let limit = 1_i128 << 41;
    let threshold = 4 * limit + (120 * limit + 9_999) / 10_000;
    let bought = || Attack::on(&s).lie(Segment(0), "side", 0, |_| F::from(1u8));
    let whole = bought().lie(Segment(0), "limit", 0, move |_| n(limit));
    let split = bought().lie(Segment(0), "fee reserve", 0, move |_| fraction);
    let values = gaps.map(|gap| {
        let other_gain = (threshold + gap).clamp(-(1 << 46), (1 << 46) - 1);
        (other_gain - gap, other_gain)
    });
    let (whole, split) = values.into_iter().enumerate().fold((whole, split), |(whole, split), (at, (one, other))| {
        let whole = whole.lie(Segment(0), "row W", at, move |_| n(one));
        (whole, split.lie(Segment(0), "row W", at, move |_| n(other) + fraction))
    });
    let (whole, split) = (whole.run(), split.run());
    assert_eq!(whole.settlement.segments[0].tau, split.settlement.segments[0].tau, "two rows, one digest");
    whole.refused_by(&["look-up identity"]);
    split.refused_by(&["fee reserve", "look-up identity"]);
}

#[test]
fn hole_14_words_swapped_between_segments() {
    let size = Params::DEV.words_per_touch();
    let swapped = Attack::on(&market()).sent(move |s| (5..size).for_each(|i| s.words.swap(i, 2 * size + i)));
    swapped.run().refused_by(&["encrypted value"]);
    let one = Attack::on(&market()).sent(|s| s.words[6] += F::from(1u8));
    one.run().refused_by(&["encrypted value"]);
}

#[test]
fn hole_15_time_epoch_fee_or_domain_chosen_by_the_prover() {
    type Edit = fn(&mut tacit_core::batch::Context);
    let edits: [Edit; 3] = [|c| c.time += 1, |c| c.last_void += 1, |c| c.num -= 1];
    for edit in edits {
        // Segment 2 trades nothing, so that nothing else notices.
        let mut attack = Attack::on(&market());
        edit(&mut attack.segments[2].context);
        let reasons = attack.run().reasons();
        assert!(reasons.contains("context"), "{reasons:?}");
    }
    let mut free = Attack::on(&market());
    free.segments.iter_mut().for_each(|s| s.context.fee_rate = 0);
    assert!(free.run().reasons().is_superset(&BTreeSet::from(["context", "fees credited"])));
    let risk = Attack::on(&market()).closing(|c| c.risk[0].row.values[0] += 1);
    assert!(risk.run().reasons().contains("risk root"));
    let elsewhere = Attack::on(&market()).sent(|s| s.context.domain += F::from(1u8));
    assert!(elsewhere.run().reasons().contains("contract"));
}

#[test]
fn hole_16_incomplete_point_addition() {
    // A slope of one's own choice where the sum starts, in the middle and at its end.
    for at in [0, 100, 400, 560] {
        let slope = Attack::on(&pair()).lie(Segment(0), "point addition", at, |x| x + F::from(1u8));
        assert!(slope.run().reasons().contains("point addition"), "slope {at}");
    }
    // Keys for which additions could be incomplete sign nothing.
    for key in [Point { x: F::ZERO, y: -F::from(1u8) }, Point::IDENTITY] {
        let mut s = pair();
        s.leaves.remove(&2);
        s.plans.get_mut(&2).unwrap().deposit = 1_000_000_000;
        let owner = tacit_core::account::Holder { key, ..holder_of(2) }.owner();
        let low = Attack::on(&s).touch(2, |t| t.holder.key = key).resealed();
        let reasons = low.trusting(move |e| e.deposits.get_mut(&2).unwrap().owner = owner).run().reasons();
        assert!(reasons.contains("key not of low order") || reasons.contains("key in Montgomery form"), "{reasons:?}");
    }
    assert_ne!(hash_to_curve("tacit.eddsa.start", 0), BASE8, "nobody knows how it is made of the base");
}

#[test]
fn hole_17_minus_zero_and_empties_in_two_encodings() {
    // Account 6 holds nothing. The fourth place is the last of touch 0 of segment 3.
    let named = Attack::on(&market()).lie(Segment(3), "new position id", 3, |_| F::from(9u8));
    named.run().refused_by(&["no id without quantity"]);
    let nameless = Attack::on(&market()).lie(Segment(3), "new position quantity", 3, |_| F::from(9u8));
    assert!(nameless.run().reasons().contains("ids strictly increasing"));
    // Empties behind positions: account 2 ends with 10 and 30 in places 2 and 3 of segment 1.
    let behind =
        [(1, 10, -1_000), (2, 30, 40), (3, 0, 0)].into_iter().fold(Attack::on(&market()), |attack, (at, id, lots)| {
            attack.lie(Segment(1), "new position id", at, move |_| n(id)).lie(
                Segment(1),
                "new position quantity",
                at,
                move |_| n(lots),
            )
        });
    behind.run().refused_by(&["ids strictly increasing"]);
    // One position in two places.
    let split = [(1, 10, -999), (2, 10, -1)].into_iter().fold(Attack::on(&market()), |attack, (at, id, lots)| {
        attack.lie(Segment(1), "new position id", at, move |_| n(id)).lie(
            Segment(1),
            "new position quantity",
            at,
            move |_| n(lots),
        )
    });
    split.run().refused_by(&["ids strictly increasing"]);
}

#[test]
fn hole_18_salt_withheld_or_pad_used_twice() {
    // v and the salt are derived: their only wires are bound by the rows that derive them.
    let (shape, _) = shapes(&Params::DEV);
    let mut ordinal = 0;
    let mut derived = Vec::new();
    for wire in 1..shape.values().len() {
        if let Some((MATERIALIZED, scope)) = shape.label(wire) {
            if scope == "encryption" {
                derived.push(ordinal);
            }
            ordinal += 1;
        }
    }
    assert_eq!(derived.len(), 2 * Params::DEV.touches, "v and salt of each touch");
    for at in derived {
        let chosen = Attack::on(&market()).lie(Segment(0), MATERIALIZED, at, |x| x + F::from(1u8));
        chosen.run().refused_by(&[MATERIALIZED]);
    }
    // Pads depend on every hidden word and on the number of updates, so that no two touches share one.
    let (first, mut second) = (market().clear(), market());
    second.leaves.get_mut(&1).unwrap().updates += 1;
    let second = second.clear();
    assert_ne!(first.touches[1].iv, second.touches[1].iv);
    let ciphers = first.touches[1].cipher.iter().zip(&second.touches[1].cipher);
    assert!(ciphers.skip(1).all(|(a, b)| a != b), "equal words under other pads");
}

#[test]
fn hole_20_settlement_values_that_change() {
    // Another value, everything recomputed: the contract knows better. (500 lots of instrument 15.)
    let value = Attack::on(&market())
        .touch(1, |t| t.expiry_value = 500 * 300_001)
        .closing(|c| c.settled[0].row.value = 300_001);
    value.run().refused_by(&["contract"]);
    let quiet = Attack::on(&market()).closing(|c| c.settled[0].row.value = 300_001);
    quiet.run().refused_by(&["margin identity", "contract"]);
}

#[test]
fn hole_20_rows_dropped_while_held() {
    let mut s = pair();
    s.settle(15, 300_000);
    s.account(1, 1_000 * QUOTE, &[(15, 500)]);
    let dropped = |attack: Attack| {
        let rows = attack.closing(|c| {
            c.settled.clear();
            c.risk[0].next = TOP;
        });
        rows.trusting(|e| e.settled.clear())
    };
    // The position expires into nothing.
    let lost = last_id(dropped(Attack::on(&s).touch(1, |t| t.expiry_value = 0)));
    lost.run().refused_by(&["group-by identity"]);
    // The position is kept, valued by nothing.
    let kept = last_id(dropped(Attack::on(&s).touch(1, |t| {
        (t.expiry_value, t.expired) = (0, vec![false; 4]);
        t.new.as_mut().unwrap().positions.push(tacit_core::account::Position { instrument: 15, quantity: 500 });
    })));
    kept.run().refused_by(&["group-by identity"]);
    // The row stands, the flag lies: kept though settled; and expired though open.
    let kept = Attack::on(&s).touch(1, |t| {
        (t.expiry_value, t.expired) = (0, vec![false; 4]);
        t.new.as_mut().unwrap().positions.push(tacit_core::account::Position { instrument: 15, quantity: 500 });
    });
    kept.run().refused_by(&["group-by identity"]);
    let mut s = pair();
    s.account(1, 1_000 * QUOTE, &[(10, 500)]);
    let gone = Attack::on(&s).touch(1, |t| {
        t.expired = vec![false, false, false, true];
        (t.mark_value, t.scenario_values) = (0, vec![0; 4]);
        t.new.as_mut().unwrap().positions = vec![tacit_core::account::Position { instrument: 10, quantity: 1_000 }];
    });
    gone.run().refused_by(&["group-by identity"]);
}

#[test]
fn hole_22_digests_guessable_for_want_of_salt() {
    let cleared = market().clear();
    let [one, other] = [[1; 32], [2; 32]].map(|seed| Plan::new(&cleared, QUEUES, [9; 20], seed).settlement);
    assert_eq!(one.words, other.words, "the same batch");
    assert_ne!(one.closing.auction_root, other.closing.auction_root);
    assert_ne!(one.closing.tau, other.closing.tau);
    for (a, b) in one.segments.iter().zip(&other.segments) {
        assert_ne!(a.tau, b.tau);
        assert_ne!(a.sums, b.sums);
    }
}

#[test]
fn hole_23_a_challenge_answered_with_a_signature_that_is_an_order() {
    // What a key signs beside orders is a sponge under another tag: no signature of one holds for an order.
    let s = pair();
    let message = poseidon::sponge(12, &[s.context.domain, from_u64(5)]);
    let answered = Attack::on(&s).touch(1, |t| t.orders[0].sealed.signature = key_of(1).sign(message));
    answered.run().refused_by(&["signature equation"]);
    for tag in 11..=14 {
        let sealed = &s.batch().touches[1].orders[0];
        let inputs = [
            s.context.domain,
            sealed.order.fields(),
            sealed.order.recipient_field() + from_u64(2) * pow2(160),
            sealed.order.salt,
        ];
        assert_ne!(poseidon::sponge(tag, &inputs), sealed.order.hash(s.context.domain));
    }
}

// ---- promises to a trader -----------------------------------------------------------------------------------------------

#[test]
fn an_order_is_executed_only_if_its_owner_signed_it() {
    let forged = Attack::on(&pair()).touch(1, |t| {
        let hash = t.orders[0].sealed.order.hash(support::scene::domain());
        t.orders[0].sealed.signature = key_of(7).sign(hash);
    });
    forged.run().refused_by(&["signature equation"]);
    // Nor with a field changed after signing: its own old signature no longer holds, and the seal names another order.
    type Edit = fn(&mut Order);
    let edits: [Edit; 4] = [|o| o.limit += 1, |o| o.quantity += 1, |o| o.last_batch += 1, |o| o.max_fee_rate -= 1];
    for edit in edits {
        let mut s = lonely(1_000 * QUOTE);
        s.context.fee_rate = 0;
        let reasons = Attack::on(&s).touch(1, |t| edit(&mut t.orders[0].sealed.order)).run().reasons();
        assert!(reasons.is_superset(&BTreeSet::from(["signature equation", "contract"])), "{reasons:?}");
    }
}

#[test]
fn an_order_is_never_executed_past_its_limit() {
    // 1.06 is past the buyer's 1.05.
    repriced(Attack::on(&pair()), 1_060_000, 3, true).run().refused_by(&["not filled", "price rule"]);
    // 1.01 past the seller's 1.02.
    repriced(Attack::on(&pair()), 1_010_000, 3, true).run().refused_by(&["not filled", "price rule"]);
    // A comparison answered falsely.
    let denied = repriced(Attack::on(&pair()), 1_060_000, 3, true);
    let denied = denied.claim(0, "limit no worse than the clearing price", 2, 44, true);
    denied.run().refused_by(&["limit no worse than the clearing price", "price rule"]);
    // Another price in the look-up than the row's.
    let private = Attack::on(&pair()).touch(1, |t| t.orders[0].row.price = 1_010_000);
    assert!(private.run().reasons().contains("look-up identity"));
}

#[test]
fn an_order_is_never_executed_beyond_its_quantity() {
    let more = Attack::on(&pair()).touch(1, |t| {
        t.orders[0].fill = 1_001;
        t.new.as_mut().unwrap().positions[0].quantity = 1_001;
    });
    let reasons = more.run().reasons();
    assert!(reasons.is_superset(&BTreeSet::from(["fill within quantity", "net fill identity"])), "{reasons:?}");
}

#[test]
fn an_order_is_executed_at_most_once() {
    let mut s = lonely(1_000 * QUOTE);
    s.leaves.get_mut(&1).unwrap().bitmap = 1;
    assert_eq!(reason(&s, 1, 0), 3, "its slot was used in a batch before");
    let again = Attack::on(&s).lie(Segment(0), tacit_circuits::gadgets::range::BIT, bitmap_bit(2, 0), |_| F::ZERO);
    again.run().refused_by(&["bitmap byte"]);
    // A filled order whose slot is not marked could come again.
    let unmarked = Attack::on(&pair()).lie(Segment(0), "unfilled", 2, |_| F::from(1u8));
    unmarked.run().refused_by(&["unfilled"]);
    // An epoch raised without an order that has it clears the bitmap.
    let raised = Attack::on(&s).touch(1, |t| t.epoch = 1);
    assert!(raised.run().reasons().contains("epoch attained"));
    // An epoch that falls lets old orders back in.
    s.leaves.get_mut(&1).unwrap().epoch = 2;
    let fallen = Attack::on(&s).touch(1, |t| t.epoch = 0);
    fallen.run().refused_by(&["epoch does not fall"]);
}

#[test]
fn an_order_is_executed_in_its_window_only() {
    // The order of touch 1 is the third of the segment; comparisons of each kind come one an order.
    let with = |edit: fn(&mut Order)| {
        let mut s = lonely(1_000 * QUOTE);
        let mut late = order(1, 10, Side::Buy, 1_000, 900_000);
        edit(&mut late);
        s.plans.get_mut(&1).unwrap().orders.clear();
        s.sequence = 0;
        s.order(late);
        assert_eq!(reason(&s, 1, 0), 2);
        Attack::on(&s)
    };
    let early = with(|o| (o.first_batch, o.last_batch) = (BATCH + 1, BATCH + 1));
    early.claim(0, "first ≤ batch", 2, 33, true).run().refused_by(&["first ≤ batch"]);
    let over = with(|o| (o.first_batch, o.last_batch) = (BATCH - 1, BATCH - 1));
    over.claim(0, "batch ≤ last", 2, 33, true).run().refused_by(&["batch ≤ last"]);
    let void = with(|o| o.first_batch = 3);
    void.claim(0, "first > last void", 2, 33, true).run().refused_by(&["first > last void"]);
}

#[test]
fn an_order_pays_no_more_than_its_fee_rate() {
    let mut s = lonely(1_000 * QUOTE);
    s.plans.get_mut(&1).unwrap().orders.clear();
    s.sequence = 0;
    s.order(Order { max_fee_rate: 4, ..order(1, 10, Side::Buy, 1_000, 900_000) });
    assert_eq!(reason(&s, 1, 0), 6);
    Attack::on(&s).claim(0, "fee rate accepted", 2, 15, true).run().refused_by(&["fee rate accepted"]);
}

#[test]
fn at_the_price_earlier_orders_fill_first() {
    // Account 3 behind the cut, account 2: 300 of the 1,000 go to it.
    let position = |instrument, quantity| tacit_core::account::Position { instrument, quantity };
    let queue = Attack::on(&market())
        .touch(2, |t| {
            t.orders[0].fill = 700;
            t.new.as_mut().unwrap().positions[0] = position(10, -700);
        })
        .touch(3, |t| {
            t.orders[0].fill = 300;
            t.new.as_mut().unwrap().positions = vec![position(10, -300), position(20, 200)];
        });
    queue.run().refused_by(&["not filled"]);
}

#[test]
fn a_refusal_names_the_first_reason_and_cannot_be_invented() {
    // Instrument 10 called unknown: the look-up must lie below it.
    let unknown = Attack::on(&lonely(1_000 * QUOTE)).lie(Segment(0), "row known", 2, |_| F::ZERO);
    unknown.run().refused_by(&["row known"]);
    let mut sentinel = Attack::on(&lonely(1_000 * QUOTE));
    sentinel.segments[0].touches[1].orders[0].row = sentinel.segments[0].touches[0].orders[0].row.clone();
    assert!(sentinel.run().reasons().contains("row next above the instrument"));
    let full = Attack::on(&lonely(1_000 * QUOTE)).lie(Segment(0), "positions full", 2, |_| F::from(1u8));
    full.run().refused_by(&["positions full"]);
    let range = Attack::on(&lonely(1_000 * QUOTE)).claim(0, "balances in range", 1, 84, false);
    range.run().refused_by(&["balances in range"]);
}

#[test]
fn values_of_positions_are_those_of_the_risk_table() {
    // Account 1 of the market holds 100 lots of 10 and is short 300 of 20.
    Attack::on(&market()).touch(1, |t| t.mark_value += 1).run().refused_by(&["margin identity"]);
    Attack::on(&market()).touch(1, |t| t.short_requirement -= 1).run().refused_by(&["margin identity"]);
    Attack::on(&market()).touch(1, |t| t.scenario_values[2] += 1).run().refused_by(&["margin identity"]);
    Attack::on(&market()).touch(1, |t| t.expiry_value -= 1).run().refused_by(&["margin identity"]);
}

#[test]
fn money_comes_from_deposits_alone() {
    // Fees to the fund that nobody paid, and withdrawals that nobody may make.
    Attack::on(&market()).touch(0, |t| t.credit += 1).run().refused_by(&["fees credited"]);
    Attack::on(&market()).touch(1, |t| t.credit += 1).run().refused_by(&["fees to leaf 0 only", "fees credited"]);
    let uncovered = {
        let mut s = market();
        s.leaves.get_mut(&2).unwrap().cash = 4 * QUOTE;
        assert_eq!(reason(&s, 2, 1), 9);
        Attack::on(&s).claim(1, "withdrawal covered", 0, 103, true)
    };
    let reasons = uncovered.run().reasons();
    assert!(reasons.contains("withdrawal covered"), "{reasons:?}");
    // An exit pays what the account has, not what it asks for.
    let more = Attack::on(&market()).touch(4, |t| t.exit_payment += 1);
    assert!(more.run().reasons().contains("exit pays at most what was asked"));
    let recipient = Attack::on(&market()).touch(2, |t| t.orders[1].sealed.order.recipient = [8; 20]);
    assert!(recipient.run().reasons().is_superset(&BTreeSet::from(["signature equation", "contract"])));
}

#[test]
fn sums_start_from_nothing_and_end_where_they_are_compared() {
    // Five cash units more for the fund, taken from where the sums start, and from where they are opened.
    let mut start = Attack::on(&market()).touch(0, |t| t.credit += 5);
    start.start.sums.fees = n(5);
    start.run().refused_by(&["sums in"]);
    let end = Attack::on(&market()).touch(0, |t| t.credit += 5).late_closing(|c| c.sums.sums.fees = F::ZERO);
    end.run().refused_by(&["sums"]);
}

#[test]
fn a_leaf_is_touched_once_and_in_order() {
    let again = Attack::on(&market()).touch(2, |t| t.index = 1);
    assert!(again.run().reasons().contains("indices strictly increasing"));
    let swapped = {
        let mut attack = Attack::on(&market());
        attack.segments[1].touches.swap(0, 1);
        attack
    };
    assert!(swapped.run().reasons().contains("indices strictly increasing"));
}

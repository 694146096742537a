//! Attacks 13, 18 and 22: cash that comes from nowhere, goes to the wrong place, or leaves though it is not free.

use tacit_circuits::builder::{MATERIALIZED, PRODUCT};
use tacit_core::batch::{ClearedTouch, Reason};
use tacit_core::field::{F, from_i128};
use tacit_core::order::{Order, Side};

use crate::pretence::{At, Valid, account, in_scope, products, renumber, rewritten, without_orders};
use crate::prices::Poor;
use crate::support::Attack;
use crate::support::Circuit::Segment;
use crate::support::scene::{Dice, QUOTE, Scene, cancel, withdrawal};
use crate::{Mutator, tried};

/// Cash units of a token unit.
const TOKEN: i128 = 100_000_000;

pub const MUTATORS: &[Mutator] = &[
    tried(8, 'n', "a sealed withdrawal called not covered by cash", &["withdrawal covered"], |v, dice| {
        let (truth, touch) = withdrawing(v, dice, |_, _| 1_000)?;
        let more = v.cleared.touches[touch].cash / TOKEN + 1 + i128::from(dice.below(1_000));
        let world = rewritten(&truth, At { touch, slot: 0 }, |o| o.limit = more as u64);
        let attack = Attack::pretending(&truth, &world)?.signed(&truth);
        let covered = v.cleared.touches[touch].cash >= TOKEN * 1_000;
        let refused = attack.cleared.touches[touch].orders[0].reason == Reason::NotCovered;
        (covered && refused).then(|| attack.touch_answer(touch, "withdrawal covered", (0, 1), 103, false))
    }),
    tried(13, 'a', "more cash in the word of the new leaf", &[MATERIALIZED], |v, dice| {
        let touch = v.draw_touch(dice, |_, t| t.new.is_some())?;
        let more = 1 + dice.below(1_000_000_000);
        let (segment, at) = place(v, touch, in_scope(MATERIALIZED, "new leaf"));
        Some(v.attacked().lie(Segment(segment), MATERIALIZED, at, move |word| word + F::from(more)))
    }),
    tried(13, 'b', "more from an expiry than the positions are worth", &["margin identity"], |v, dice| {
        let richer = |t: &ClearedTouch| t.old.is_some() && t.orders.iter().all(|o| o.reason.code() < 8);
        let touch = v.draw_touch(dice, |at, t| richer(t) && !exits(v, at))?;
        let more = 1 + i128::from(dice.below(1_000_000));
        Some(v.attacked().touch(touch, |t| t.expiry_value += more))
    }),
    tried(13, 'c', "more credited to the fund than the fees", &["fees credited"], |v, dice| {
        let more = 1 + i128::from(dice.below(1_000_000_000));
        Some(v.attacked().touch(0, |t| t.credit += more))
    }),
    tried(13, 'd', "fees credited to a friend", &["fees to leaf 0 only"], |v, dice| {
        let touch = v.draw_touch(dice, |at, t| at > 0 && t.new.is_some())?;
        let fees = v.cleared.touches[0].fee_credit;
        (fees > 0).then(|| v.attacked().touch(0, |t| t.credit = 0).touch(touch, |t| t.credit = fees))
    }),
    tried(13, 'e', "a deposit of another size than the queue's", &["contract"], |v, dice| {
        let mut truth = v.scene.clone();
        let touch = v.draw_touch(dice, |at, t| at > 0 && t.old.is_some() && !exits(v, at))?;
        truth.plans.get_mut(&v.index(touch))?.deposit += 1 + dice.below(1_000);
        // The operator makes it more, or less.
        if dice.once_in(2) { Attack::pretending(&truth, &v.scene) } else { Attack::pretending(&v.scene, &truth) }
    }),
    tried(13, 'f', "an empty leaf opened with cash", &["empty leaf has no state"], |v, dice| {
        let opened = opened(v, dice)?;
        let cash = i128::from(1 + dice.below(1_000)) * QUOTE;
        Some(opened.0.touch_lie(opened.1, "old cash", (0, 1), move |_| from_i128(cash)))
    }),
    tried(13, 'g', "a fill paid for by less than its premium", &[PRODUCT], |v, dice| {
        let seen = v.draw(dice, |x| x.filled() && x.order.side == Side::Buy)?;
        priced(v, seen.at, PREMIUM, -1)
    }),
    tried(13, 'h', "a sale paid more than its premium", &[PRODUCT], |v, dice| {
        let seen = v.draw(dice, |x| x.filled() && x.order.side == Side::Sell)?;
        priced(v, seen.at, PREMIUM, -1)
    }),
    tried(13, 'i', "a fee that is not the rate's", &[PRODUCT], |v, dice| {
        let seen = v.draw(dice, |x| x.filled())?;
        let by = dice.pick(&[-5, -1, 1, 5]);
        let attack = priced(v, seen.at, FEE, by)?;
        Some(attack.touch(0, |t| t.credit += by))
    }),
    tried(13, 'j', "a fee above what the order accepts", &["fee rate accepted"], |v, dice| {
        let rate = v.cleared.context.fee_rate;
        let seen = v.draw(dice, |x| x.filled() && rate > 0)?;
        let truth = rewritten(&v.scene, seen.at, |o| o.max_fee_rate = dice.below(rate.into()) as u16);
        let attack = Attack::pretending(&truth, &v.scene)?.signed(&truth);
        Some(attack.order_answer(seen.at, "fee rate accepted", 15, true))
    }),
    tried(13, 'k', "a fee rate of the operator's choice", &["context"], |v, dice| {
        let mut world = v.scene.clone();
        world.context.fee_rate = (world.context.fee_rate + 1 + dice.below(20) as u16).min(9_999);
        Attack::pretending(&v.scene, &world)
    }),
    tried(13, 'l', "a margin ratio of the operator's choice", &["context"], |v, dice| {
        let mut world = v.scene.clone();
        let choices =
            [(5, 4), (1, 1), (2, 1), (5, 3)].into_iter().filter(|r| *r != (world.context.num, world.context.den));
        (world.context.num, world.context.den) = crate::pretence::drawn(dice, choices.collect())?;
        Attack::pretending(&v.scene, &world)
    }),
    tried(13, 'm', "cash rounded up for margin", &["cash = 10⁴·floor + remainder"], |v, dice| {
        let touch = v.draw_touch(dice, |at, t| t.old.is_some() && v.margin_left(at, 1))?;
        Some(v.attacked().touch_lie(touch, "cash floor", (0, 1), |floor| floor + F::from(1u8)))
    }),
    tried(18, 'a', "a withdrawal that cash does not cover", &["withdrawal covered"], |v, dice| {
        let (world, touch) = withdrawing(v, dice, |v, touch| v.cleared.touches[touch].cash / TOKEN)?;
        let paid = Valid::of(world)?;
        let result = &paid.cleared.touches[touch];
        (result.paid > 0 && result.orders.len() == 1).then_some(())?;
        let left = result.cash - TOKEN * result.paid.cast_signed();
        let less = left / 10_000 + 1;
        paid.margin_left(touch, i128::from(v.cleared.context.den) * less).then_some(())?;
        let truth = poorer(&paid.scene, touch, 10_000 * less);
        let attack = Attack::pretending(&truth, &paid.scene)?.held(&truth);
        Some(attack.touch_answer(touch, "withdrawal covered", (0, 1), 103, true))
    }),
    tried(18, 'b', "a withdrawal that margin does not allow", &["margin holds"], |v, dice| {
        let (world, touch) = withdrawing(v, dice, |_, _| 1_000)?;
        let paid = Valid::of(world)?;
        (paid.cleared.touches[touch].paid > 0).then_some(())?;
        let poor = Poor::in_touch(&paid, touch)?;
        let index = account(&paid.scene, touch);
        let spent = paid.scene.leaves[&index].cash - poor.truth.leaves[&index].cash;
        // Short positions ask for margin, so that cash covers the withdrawal still.
        (paid.cleared.touches[touch].cash - spent >= TOKEN * 1_000).then_some(())?;
        Some(poor.attack(&paid)?.touch_lie(touch, "margin holds", (0, 1), |_| from_i128(1)))
    }),
    tried(18, 'c', "two withdrawals at once", &["one withdrawal"], |v, dice| {
        let (mut world, touch) = withdrawing(v, dice, |_, _| 1_000)?;
        let index = account(&world, touch);
        let second = world.leaves[&index].clone();
        let free = (0..64u8).rev().find(|slot| second.bitmap >> slot & 1 == 0)?;
        world.order(Order { slot: free, ..cancel(index, second.epoch) });
        let paid = Valid::of(world)?;
        (paid.cleared.touches[touch].paid > 0).then_some(())?;
        paid.margin_left(touch, 5 * 10_000 * 1_000 + 1).then_some(())?;
        (paid.cleared.touches[touch].cash > 3 * TOKEN * 1_000).then_some(())?;
        let at = At { touch, slot: 1 };
        let truth = rewritten(&paid.scene, at, |o| {
            *o = Order { slot: free, epoch: second.epoch, ..withdrawal(index, 1 + dice.below(1_000)) };
        });
        Some(Attack::pretending(&truth, &paid.scene)?.signed(&truth))
    }),
    tried(18, 'd', "a withdrawal paid to the operator", &["signature equation"], |v, dice| {
        let (world, touch) = withdrawing(v, dice, |_, _| 1_000)?;
        let paid = Valid::of(world)?;
        (paid.cleared.touches[touch].paid > 0).then_some(())?;
        Some(paid.attacked().order(At { touch, slot: 0 }, |o| o.sealed.order.recipient = [0xee; 20]).resealed())
    }),
    tried(18, 'e', "an exit that pays more than the account has", &["exit pays at most cash"], |v, dice| {
        let (paid, touch) = exiting(v, dice, |cash| (cash / TOKEN) as u64)?;
        let result = &paid.cleared.touches[touch];
        let less =
            10_000 * ((result.cash - TOKEN * result.paid.cast_signed()) / 10_000 + 1 + i128::from(dice.below(1_000)));
        paid.margin_left(touch, i128::from(v.cleared.context.den) * (less / 10_000 + 1)).then_some(())?;
        let truth = poorer(&paid.scene, touch, less);
        Some(Attack::pretending(&truth, &paid.scene)?.held(&truth))
    }),
    tried(18, 'f', "an exit that pays more than was asked", &["exit pays at most what was asked"], |v, dice| {
        let (paid, touch) = exiting(v, dice, |_| u64::MAX)?;
        let request = u64::try_from(paid.cleared.touches[touch].paid).ok()?.checked_sub(1 + dice.below(1_000))?;
        let mut truth = paid.scene.clone();
        truth.plans.get_mut(&account(&truth, touch))?.exit = Some(request);
        Some(Attack::pretending(&truth, &paid.scene)?.touch(touch, |t| t.amount = request))
    }),
    tried(18, 'g', "an exit that pays from a debt", &["exit pays nothing from negative cash"], |v, dice| {
        let (paid, touch) = exiting(v, dice, |_| 1)?;
        let less = paid.cleared.touches[touch].cash + 1 + i128::from(dice.below(1_000));
        paid.margin_left(touch, i128::from(v.cleared.context.den) * (less / 10_000 + 1)).then_some(())?;
        let truth = poorer(&paid.scene, touch, less);
        Some(Attack::pretending(&truth, &paid.scene)?.held(&truth))
    }),
    tried(18, 'h', "an exit that margin does not allow", &["margin holds"], |v, dice| {
        let (paid, touch) = exiting(v, dice, |_| 1_000)?;
        let poor = Poor::in_touch(&paid, touch)?;
        let index = account(&paid.scene, touch);
        let spent = paid.scene.leaves[&index].cash - poor.truth.leaves[&index].cash;
        (paid.cleared.touches[touch].cash - spent >= TOKEN * 1_000).then_some(())?;
        Some(poor.attack(&paid)?.touch_lie(touch, "margin holds", (0, 1), |_| from_i128(1)))
    }),
    tried(18, 'i', "an exit that pays less than is there", &["exit pays all cash or all asked"], |v, dice| {
        let (paid, touch) = exiting(v, dice, |cash| (cash / TOKEN) as u64)?;
        (paid.cleared.touches[touch].paid > 1).then(|| paid.attacked().touch(touch, |t| t.exit_payment -= 1))
    }),
    tried(18, 'j', "an exit that pays less, the rest called a fraction", &["exit remainder below 10⁸"], |v, dice| {
        let (paid, touch) = exiting(v, dice, |cash| (cash / TOKEN) as u64)?;
        let result = &paid.cleared.touches[touch];
        let rest = result.cash - TOKEN * result.paid.cast_signed() + TOKEN;
        // A number of 27 bits, but not below 10⁸.
        (result.paid > 1 && rest < 1 << 27).then_some(())?;
        let attack = paid.attacked().touch(touch, |t| t.exit_payment -= 1);
        Some(attack.touch_lie(touch, "exit remainder", (0, 1), move |_| from_i128(rest)))
    }),
    tried(22, 'a', "settling at another value than the contract's", &["contract"], |v, dice| {
        let mut world = v.scene.clone();
        let held = v.cleared.touches.iter().any(|t| t.expired.contains(&true));
        held.then_some(())?;
        let by = 1 + dice.below(1_000);
        world.settled.values_mut().for_each(|value| *value += by);
        Attack::pretending(&v.scene, &world)
    }),
    tried(22, 'b', "the same in what an account is paid alone", &["margin identity"], |v, dice| {
        let richer = |t: &ClearedTouch| t.expired.contains(&true) && t.orders.iter().all(|o| o.reason.code() < 8);
        let touch = v.draw_touch(dice, |at, t| richer(t) && v.margin_left(at, 0) && !exits(v, at))?;
        let more = 1 + i128::from(dice.below(1_000));
        Some(v.attacked().touch(touch, |t| t.expiry_value += more))
    }),
];

/// Whether a touch is an exit: one that pays out all cash would have to pay another amount if the account had other cash.
fn exits(v: &Valid, touch: usize) -> bool {
    v.cleared.sealed.touches[touch].exit.is_some()
}

/// Segment of a touch, and the first of its wires among those under a label, of which all touches have as many.
fn place(v: &Valid, touch: usize, wires: Vec<usize>) -> (usize, usize) {
    let touches = v.cleared.params.touches;
    (touch / touches, wires[touch % touches * wires.len() / touches])
}

/// Which products of an order's fill: the signed premium is the third from the start of those that pay, the fee the one before.
const FEE: usize = 1;
const PREMIUM: usize = 2;

/// The premium (× price · lots) or the fee of a fill becomes another.
fn priced(v: &Valid, at: At, which: usize, by: i128) -> Option<Attack> {
    let (touches, orders) = (v.cleared.params.touches, v.cleared.params.orders);
    let fills = products("fills");
    let each = fills.len() / (touches * orders);
    // Executed, five of the entitlement before, then fill · price, the fee, the premium.
    let order = at.touch % touches * orders + at.slot;
    let seen = v.attacked().told(at.touch).orders[at.slot].clone();
    let value = |rate: i128| i128::from(seen.fill) * i128::from(seen.row.price) * rate;
    let sign = if seen.sealed.order.side.is_buy() { 1 } else { -1 };
    let expected = if which == FEE { value(v.cleared.context.fee_rate.into()) } else { value(sign) };
    let offset = fill_offset(each) + which;
    let ordinal = fills[order * each + offset];
    let attack = v.attacked().lie(Segment(at.touch / touches), PRODUCT, ordinal, move |product| {
        assert_eq!(product, from_i128(expected), "the wire of the fill that is meant");
        product + from_i128(by)
    });
    Some(attack)
}

/// Products of a fill before the first that pays.
fn fill_offset(each: usize) -> usize {
    each - 8
}

/// A batch in which an account opens with a deposit, and its touch.
fn opened(v: &Valid, dice: &mut Dice) -> Option<(Attack, usize)> {
    let touch = v.draw_touch(dice, |at, _| at > 0)?;
    let mut scene = without_orders(&v.scene, v.index(touch));
    let index = v.index(touch);
    scene.leaves.remove(&index);
    let plan = scene.plans.get_mut(&index)?;
    (plan.exit, plan.deposit) = (None, 1 + dice.below(1_000_000));
    Some((Valid::of(scene)?.attacked(), touch))
}

/// A scene in which an account's only order is a withdrawal of so many token units.
fn withdrawing(v: &Valid, dice: &mut Dice, amount: impl Fn(&Valid, usize) -> i128) -> Option<(Scene, usize)> {
    let touch = v.draw_touch(dice, |at, t| {
        at > 0 && t.old.is_some() && t.cash > TOKEN && v.cleared.sealed.touches[at].exit.is_none()
    })?;
    let index = v.index(touch);
    let amount = u64::try_from(amount(v, touch)).ok().filter(|amount| (1..1 << 42).contains(amount))?;
    let mut scene = without_orders(&v.scene, index);
    let leaf = &scene.leaves[&index];
    let slot = (0..64u8).find(|slot| leaf.bitmap >> slot & 1 == 0)?;
    let order = Order { slot, epoch: leaf.epoch, ..withdrawal(index, amount) };
    scene.order(order);
    // It is the last in the queue; all others keep their order.
    renumber(&mut scene);
    Some((scene, touch))
}

/// A batch in which an account exits and is paid.
fn exiting(v: &Valid, dice: &mut Dice, request: impl Fn(i128) -> u64) -> Option<(Valid, usize)> {
    let touch = v.draw_touch(dice, |at, t| at > 0 && t.old.is_some() && t.cash > TOKEN)?;
    let index = v.index(touch);
    let mut scene = without_orders(&v.scene, index);
    let deposit = scene.plans[&index].deposit;
    let plan = scene.plans.get_mut(&index)?;
    plan.deposit = 0;
    plan.exit = Some(request(v.cleared.touches[touch].cash - TOKEN * i128::from(deposit)));
    let paid = Valid::of(scene)?;
    (paid.cleared.touches[touch].paid > 0).then_some((paid, touch))
}

/// The scene if an account had less cash.
fn poorer(scene: &Scene, touch: usize, less: i128) -> Scene {
    let mut truth = scene.clone();
    let index = account(scene, touch);
    truth.leaves.get_mut(&index).unwrap().cash -= less;
    truth
}

//! Each reason of section 4 by the smallest scene that has it, the order of the tests, and the edges of section 6.

mod scene;

use scene::{BATCH, LAST_VOID, QUOTE, Scene, cancel, order, withdrawal};
use tacit_core::batch::{BatchError, ClearedTouch, Reason};
use tacit_core::error::CoreError;
use tacit_core::margin::{Scenario, by_scenario, first_failure};
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;

const MARK: u64 = 1_000_000;

/// Account 1 with 1,000 quote, instrument 5 open and 7 settled.
fn scene() -> Scene {
    let mut scene = Scene::new(Params::DEV);
    scene.row(5, MARK);
    scene.settle(7, MARK);
    scene.account(1, 1_000 * QUOTE, &[]);
    scene
}

fn buy(lots: u32) -> Order {
    order(1, 5, Side::Buy, lots, MARK)
}

/// The touch of account 1 after clearing.
fn cleared(scene: &Scene) -> ClearedTouch {
    scene.clear().touches[1].clone()
}

fn reasons(scene: &Scene) -> Vec<Reason> {
    cleared(scene).orders.iter().map(|order| order.reason).collect()
}

fn reason_of(scene: &mut Scene, order: Order) -> Reason {
    scene.plans.insert(1, scene::Plan::default());
    scene.sequence = 0;
    scene.order(order);
    reasons(scene)[0]
}

#[test]
fn no_account() {
    let mut scene = scene();
    scene.leaves.remove(&1);
    assert_eq!(reason_of(&mut scene, buy(1)), Reason::NoAccount);
    assert_eq!(reason_of(&mut scene, cancel(1, 9)), Reason::NoAccount);
    let touch = cleared(&scene);
    assert_eq!((touch.old, touch.new), (None, None));
}

#[test]
fn no_signature_is_asked_of_an_account_that_does_not_exist() {
    let mut scene = scene();
    scene.leaves.remove(&1);
    scene.order(buy(1));
    scene.plans.get_mut(&1).expect("a plan").orders[0].order.quantity = 2;
    assert_eq!(reasons(&scene), [Reason::NoAccount]);
}

#[test]
fn a_deposit_opens_an_account_and_its_orders_count_at_once() {
    let mut scene = scene();
    scene.leaves.remove(&1);
    scene.order(buy(10));
    scene.plans.get_mut(&1).expect("a plan").deposit = 10_000_000;
    let touch = cleared(&scene);
    assert_eq!(touch.orders[0].reason, Reason::None);
    let leaf = touch.new.expect("an account");
    assert_eq!((leaf.cash, leaf.updates, touch.words[3]), (10 * QUOTE, 1, leaf.owner));
}

#[test]
fn outside_its_window() {
    let mut scene = scene();
    let window = |first_batch, last_batch, survives_void| Order { first_batch, last_batch, survives_void, ..buy(1) };
    assert_eq!(reason_of(&mut scene, window(BATCH + 1, BATCH + 2, true)), Reason::Window);
    assert_eq!(reason_of(&mut scene, window(1, BATCH - 1, true)), Reason::Window);
    assert_eq!(reason_of(&mut scene, window(LAST_VOID, BATCH, false)), Reason::Window);
    assert_eq!(reason_of(&mut scene, window(LAST_VOID, BATCH, true)), Reason::None);
    assert_eq!(reason_of(&mut scene, window(LAST_VOID + 1, BATCH, false)), Reason::None);
}

#[test]
fn nonces_are_used_once() {
    let mut scene = scene();
    scene.leaves.get_mut(&1).expect("an account").bitmap = 1 << 63 | 1;
    let slot = |slot| Order { slot, ..buy(1) };
    assert_eq!(reason_of(&mut scene, slot(0)), Reason::Nonce);
    assert_eq!(reason_of(&mut scene, slot(63)), Reason::Nonce);
    assert_eq!(reason_of(&mut scene, slot(1)), Reason::None);
    scene.order(slot(1));
    assert_eq!(reasons(&scene), [Reason::None, Reason::Nonce]);
}

#[test]
fn an_epoch_only_rises_and_clears_the_slots() {
    let mut scene = scene();
    let leaf = scene.leaves.get_mut(&1).expect("an account");
    (leaf.epoch, leaf.bitmap) = (4, u64::MAX);
    let epoch = |epoch| Order { epoch, ..buy(1) };
    assert_eq!(reason_of(&mut scene, epoch(3)), Reason::Nonce);
    assert_eq!(reason_of(&mut scene, epoch(4)), Reason::Nonce);
    assert_eq!(reason_of(&mut scene, epoch(5)), Reason::None);
    let leaf = cleared(&scene).new.expect("an account");
    assert_eq!((leaf.epoch, leaf.bitmap), (5, 0));
}

#[test]
fn a_cancel_raises_the_epoch_for_the_other_orders_and_uses_no_slot() {
    let mut scene = scene();
    scene.order(buy(1));
    scene.order(cancel(1, 1));
    let touch = cleared(&scene);
    assert_eq!((touch.orders[0].reason, touch.orders[1].reason), (Reason::Nonce, Reason::None));
    assert!(!touch.orders[1].survived && !touch.orders[1].admitted);
    assert_eq!(touch.new.map(|leaf| (leaf.epoch, leaf.bitmap)), Some((1, 0)));
}

#[test]
fn an_order_outside_its_window_raises_no_epoch() {
    let mut scene = scene();
    scene.order(buy(1));
    scene.order(Order { last_batch: BATCH - 1, first_batch: 1, ..cancel(1, 9) });
    assert_eq!(reasons(&scene), [Reason::None, Reason::Window]);
    assert_eq!(cleared(&scene).epoch, 0);
}

#[test]
fn unknown_and_settled_instruments() {
    let mut scene = scene();
    for id in [4, 6, 8, (1 << 27) - 1] {
        assert_eq!(reason_of(&mut scene, order(1, id, Side::Buy, 1, 1)), Reason::UnknownInstrument);
    }
    assert_eq!(reason_of(&mut scene, order(1, 7, Side::Buy, 1, 1)), Reason::SettledInstrument);
}

#[test]
fn fee_rate() {
    let mut scene = scene();
    assert_eq!(reason_of(&mut scene, Order { max_fee_rate: 4, ..buy(1) }), Reason::FeeRate);
    assert_eq!(reason_of(&mut scene, Order { max_fee_rate: 5, ..buy(1) }), Reason::None);
}

#[test]
fn too_many_positions_counts_survivors_of_its_own_test() {
    let mut scene = scene();
    for id in [1, 2, 3, 9] {
        scene.row(id, MARK);
    }
    scene.account(1, 1_000 * QUOTE, &[(1, 10), (2, 10), (3, 10), (7, 10)]);
    // Three held and one expired: one new id has a place, two have not.
    let new = |id, slot| Order { slot, ..order(1, id, Side::Buy, 1, MARK) };
    scene.order(new(5, 0));
    scene.order(new(9, 1));
    assert_eq!(reasons(&scene), [Reason::None, Reason::TooManyPositions]);
    scene.plans.insert(1, scene::Plan::default());
    scene.sequence = 0;
    scene.order(Order { max_fee_rate: 0, ..new(5, 0) });
    scene.order(new(9, 1));
    assert_eq!(reasons(&scene), [Reason::FeeRate, Reason::None]);
    scene.account(1, 1_000 * QUOTE, &[(1, 10), (2, 10), (3, 10), (5, 10)]);
    assert_eq!(reason_of(&mut scene, new(9, 0)), Reason::TooManyPositions);
    assert_eq!(reason_of(&mut scene, new(5, 0)), Reason::None);
}

#[test]
fn out_of_range_refuses_all_survivors_and_nothing_else() {
    let mut scene = scene();
    let edge = (1i128 << 77) - (1 << 43);
    scene.leaves.get_mut(&1).expect("an account").cash = 10_000 * edge - 1;
    assert_eq!(reason_of(&mut scene, order(1, 5, Side::Buy, 1, 0)), Reason::None);
    scene.leaves.get_mut(&1).expect("an account").cash = 10_000 * edge;
    assert_eq!(reason_of(&mut scene, order(1, 5, Side::Buy, 1, 0)), Reason::OutOfRange);
    scene.order(Order { slot: 1, ..withdrawal(1, 1) });
    assert_eq!(reasons(&scene), [Reason::OutOfRange; 2]);
    assert_eq!(reason_of(&mut scene, withdrawal(1, 1)), Reason::None);
}

#[test]
fn a_withdrawal_is_covered_by_cash_after_all_buys_and_their_fees() {
    let mut scene = scene();
    scene.leaves.get_mut(&1).expect("an account").cash = 10_005 * MARK as i128 + 100_000_000 * 7;
    let with_buy = |scene: &mut Scene, amount| {
        scene.plans.insert(1, scene::Plan::default());
        scene.sequence = 0;
        scene.order(buy(1));
        scene.order(Order { slot: 1, ..withdrawal(1, amount) });
        reasons(scene)
    };
    assert_eq!(with_buy(&mut scene, 8), [Reason::None, Reason::NotCovered]);
    scene.context.num = 4;
    assert_eq!(with_buy(&mut scene, 8), [Reason::None, Reason::NotCovered]);
    assert_eq!(reason_of(&mut scene, withdrawal(1, 100)), Reason::None);
}

#[test]
fn a_withdrawal_made_pays_marks_its_slot_and_names_its_recipient() {
    let mut scene = scene();
    scene.order(Order { slot: 9, ..withdrawal(1, 250_000_000) });
    let touch = cleared(&scene);
    assert_eq!((touch.paid, touch.orders[0].fill), (250_000_000, 0));
    assert_eq!(touch.recipient, withdrawal(1, 0).recipient_field());
    let leaf = touch.new.expect("an account");
    assert_eq!((leaf.cash, leaf.bitmap), (750 * QUOTE, 1 << 9));
}

#[test]
fn margin_refuses_all_survivors_together_and_names_the_first_failing_scenario() {
    let mut scene = scene();
    scene.leaves.get_mut(&1).expect("an account").cash = QUOTE;
    scene.order(order(1, 5, Side::Sell, 1_000_000, MARK));
    scene.order(Order { slot: 1, ..withdrawal(1, 1) });
    let touch = cleared(&scene);
    assert_eq!(reasons(&scene), [Reason::Margin; 2]);
    assert!(touch.orders.iter().all(|order| order.survived && !order.admitted));
    assert_eq!(touch.paid, 0);
    let failure = first_failure(&touch.claims, &touch.losses, &scene.context).expect("a failing scenario");
    // Scenario values are 0.5, 0.75, 1 and 1.25 marks: selling at the mark loses in the last, and a fee in the one before.
    assert_eq!(failure.scenario, Scenario::Number(3));
    let told = by_scenario(&touch.claims, &touch.losses, &scene.context);
    assert_eq!(told.iter().position(|margin| !margin.holds), Some(3));
    assert_eq!(told[3].worst_loss - told[3].before, failure.shortfall);
    assert_eq!(told[4].scenario, Scenario::Mark);
    scene.leaves.get_mut(&1).expect("an account").cash += failure.shortfall;
    let again = cleared(&scene);
    assert!(again.claims[3] >= 0, "cash of the shortfall makes the scenario hold");
}

#[test]
fn margin_lets_an_order_pass_that_makes_no_scenario_worse() {
    let mut scene = scene();
    // Deep under water, but buying at a price of zero with a limit of zero takes nothing in any scenario.
    scene.account(1, -1_000 * QUOTE, &[(5, -10)]);
    assert_eq!(reason_of(&mut scene, order(1, 5, Side::Buy, 10, 0)), Reason::None);
    assert_eq!(reason_of(&mut scene, order(1, 5, Side::Buy, 10, MARK)), Reason::Margin);
}

#[test]
fn the_first_reason_wins() {
    let mut scene = scene();
    let bad = Order { last_batch: 1, max_fee_rate: 0, ..order(1, 7, Side::Buy, u32::MAX, MARK) };
    assert_eq!(reason_of(&mut scene, bad.clone()), Reason::Window);
    let bad = Order { last_batch: BATCH, ..bad };
    scene.leaves.get_mut(&1).expect("an account").bitmap = 1;
    assert_eq!(reason_of(&mut scene, bad.clone()), Reason::Nonce);
    let bad = Order { slot: 1, ..bad };
    assert_eq!(reason_of(&mut scene, bad.clone()), Reason::SettledInstrument);
    assert_eq!(reason_of(&mut scene, Order { instrument: 5, ..bad }), Reason::FeeRate);
}

#[test]
fn an_exit_pays_whole_tokens_that_cash_and_margin_allow() {
    let mut scene = scene();
    let exit = |scene: &mut Scene, cash: i128, positions: &[(u32, i64)], request| {
        scene.account(1, cash, positions);
        scene.plans.get_mut(&1).expect("a plan").exit = Some(request);
        let touch = cleared(scene);
        (touch.withdrawal, touch.paid)
    };
    assert_eq!(exit(&mut scene, 5 * 100_000_000 + 99, &[], u64::MAX), (5, 5));
    assert_eq!(exit(&mut scene, 5 * 100_000_000 + 99, &[], 3), (3, 3));
    assert_eq!(exit(&mut scene, -1, &[], 3), (0, 0));
    assert_eq!(exit(&mut scene, QUOTE, &[(5, -10_000_000)], 3), (3, 0));
    scene.leaves.remove(&1);
    let touch = cleared(&scene);
    assert_eq!((touch.withdrawal, touch.paid, touch.new), (0, 0, None));
}

#[test]
fn expiry_turns_positions_into_cash_before_orders() {
    let mut scene = scene();
    scene.account(1, 0, &[(5, 3), (7, -20)]);
    scene.plans.get_mut(&1).expect("a plan").deposit = 1_000_000;
    let touch = cleared(&scene);
    let leaf = touch.new.expect("an account");
    assert_eq!(leaf.cash, QUOTE - 20 * 10_000 * MARK as i128);
    assert_eq!(leaf.positions.iter().map(|p| (p.instrument, p.quantity)).collect::<Vec<_>>(), [(5, 3)]);
    assert_eq!(touch.expired, [false, false, false, true]);
    assert_eq!(touch.expiry_value, -20 * MARK as i128);
}

#[test]
fn a_position_that_nothing_values_is_named() {
    let mut scene = scene();
    scene.account(1, 0, &[(6, 3)]);
    let refused = CoreError::Batch(BatchError::UnvaluedPosition { index: 1, instrument: 6 });
    assert_eq!(scene.try_clear().err(), Some(refused));
}

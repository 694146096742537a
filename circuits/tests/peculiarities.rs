//! What the rules allow and a reader might not expect: docs/protocol.md, section 11, and docs/margin.md, section 1, say so in a sentence
//! each. Here each stands as a batch that both circuits accept, with the bound that the sentence gives.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use support::Attack;
use support::scene::{QUOTE, Scene, order};
use tacit_core::account::Leaf;
use tacit_core::batch::{ClearedBatch, ClearedTouch};
use tacit_core::order::Side;
use tacit_core::params::Params;
use tacit_core::units::TOP;

/// Cash units in a value unit.
const VALUE: i128 = 10_000;

/// Both circuits and the contract accept the honest batch, every circuit being built.
#[track_caller]
fn assert_proven(scene: &Scene) {
    let mut honest = Attack::on(scene);
    honest.proving = true;
    honest.run().accepted();
}

/// Reasons of a touch's orders.
fn reasons(touch: &ClearedTouch) -> Vec<u8> {
    touch.orders.iter().map(|order| order.reason.code()).collect()
}

/// All leaves after a batch but for their salts, which depend on the outcomes that they hide.
fn leaves(cleared: &ClearedBatch) -> Vec<Option<Leaf>> {
    let plain = |touch: &ClearedTouch| touch.new.clone().map(|leaf| Leaf { salt: 0u64.into(), ..leaf });
    cleared.touches.iter().map(plain).collect()
}

/// Section 11, "One seal, two reasons": "refused for reason 5 if the operator lists the row, for reason 4 if not; neither changes
/// anything but the code".
#[test]
fn an_unheld_settled_instrument_is_refused_as_unknown_or_as_settled_and_nothing_else_differs() {
    let mut s = Scene::new(Params::DEV);
    s.row(10, 1_000_000);
    s.account(1, 1_000 * QUOTE, &[]);
    s.account(2, 1_000 * QUOTE, &[]);
    s.order(order(1, 15, Side::Buy, 1, 5));
    s.order(support::scene_slot(order(1, 10, Side::Buy, 30, 1_010_000), 1));
    s.order(order(2, 10, Side::Sell, 20, 1_000_000));
    let without = s.clear();
    assert_proven(&s);
    s.settle(15, 7);
    let with = s.clear();
    assert_proven(&s);

    assert_eq!((reasons(&without.touches[1]), reasons(&with.touches[1])), (vec![4, 0], vec![5, 0]));
    assert_eq!(without.seal_root, with.seal_root);
    assert_eq!(leaves(&without), leaves(&with));
    assert_eq!(without.auctions, with.auctions);
    for (left, right) in without.touches.iter().zip(&with.touches) {
        let fills = |touch: &ClearedTouch| touch.orders.iter().map(|o| (o.fill, o.admitted)).collect::<Vec<_>>();
        assert_eq!(
            (fills(left), left.paid, &left.claims, &left.losses),
            (fills(right), right.paid, &right.claims, &right.losses)
        );
    }
}

/// The same section: the settled rows "are those that its accounts' positions need". Where an account holds the instrument there is no
/// choice: core refuses to clear, and a position that no row values meets no group.
#[test]
fn a_held_settled_instrument_cannot_be_left_out() {
    let mut s = Scene::new(Params::DEV);
    s.row(10, 1_000_000);
    s.account(1, 1_000 * QUOTE, &[(15, -3)]);
    s.try_clear().expect_err("no row values the position");
    s.settle(15, 7);
    let left_out = Attack::on(&s).touch(1, |t| {
        (t.expired, t.expiry_value) = (vec![false; 4], 0);
        let (new, old) = (t.new.as_mut().unwrap(), t.old.as_ref().unwrap());
        (new.cash, new.positions) = (old.cash, old.positions.clone());
    });
    let left_out = left_out.closing(|c| {
        c.settled.clear();
        c.risk[0].next = TOP;
    });
    left_out.run().refused_by(&["group-by identity"]);
}

/// One contract of instrument 10, whose mark is one price unit and which is worth nothing in each scenario.
fn penny(cash: i128, held: &[(u32, i64)]) -> Scene {
    let mut s = Scene::new(Params::DEV);
    (s.context.fee_rate, s.context.num, s.context.den) = (1, 5, 2);
    s.row(10, 1).values = vec![0; 4];
    s.account(1, cash, held);
    s
}

/// Section 11, "Units of admission": "an account admitted with C = 0 may stand below 0 by less than den of them after its fill, in exact
/// cash it does not".
#[test]
fn a_claim_of_0_may_fall_below_0_by_less_than_den_value_units_after_the_fill_but_not_in_exact_cash() {
    let mut s = penny(3 * VALUE, &[]);
    s.account(2, 1_000 * QUOTE, &[]);
    s.order(order(1, 10, Side::Buy, 1, 1));
    s.order(order(2, 10, Side::Sell, 1, 1));
    let cleared = s.clear();
    assert_proven(&s);
    assert_eq!(cleared.touches[1].claims[..4], [0; 4], "admitted with nothing to spare");
    let leaf = cleared.touches[1].new.clone().unwrap();
    assert_eq!((cleared.touches[1].orders[0].fill, leaf.cash), (1, 2 * VALUE - 1));

    // What the next batch says of the account, with nothing asked for.
    let next = penny(leaf.cash, &[(10, 1)]);
    let (num, den) = (i128::from(next.context.num), i128::from(next.context.den));
    let claim = next.clear().touches[1].claims[0];
    assert!(-den < claim && claim < 0, "claim {claim}");
    assert_proven(&next);
    // C_s in cash units: the contract is worth 0 in the scenario and one value unit at the mark.
    assert!(num * leaf.cash - (num - den) * (leaf.cash + VALUE) >= 0);
}

/// docs/margin.md, section 1, "Accounts below water": for an account "whose worth at the mark is negative it asks for less … an order may
/// still take a little more of it".
#[test]
fn an_account_below_water_everywhere_may_take_on_a_position_that_makes_a_scenario_worse() {
    let mut s = Scene::new(Params::DEV);
    (s.context.fee_rate, s.context.num, s.context.den) = (0, 5, 4);
    s.row(10, 1_000).values = vec![1_000, 1_000, 1_000, 1_900];
    s.row(20, 100).values = vec![100, 100, 100, 0];
    s.account(1, -200_000 * VALUE, &[(10, 100)]);
    s.account(2, 1_000 * QUOTE, &[]);
    s.order(order(1, 20, Side::Buy, 100, 100));
    s.order(order(2, 20, Side::Sell, 100, 100));
    let cleared = s.clear();
    assert_proven(&s);

    let touch = &cleared.touches[1];
    assert_eq!((reasons(touch), touch.orders[0].fill), (vec![0], 100));
    let worth = |value: i128| -200_000 + 100 * value;
    let (at_mark, scenario) = (worth(1_000), worth(1_900));
    assert!(at_mark < 0 && scenario < 0, "worth {at_mark} at the mark, {scenario} in the last scenario");
    assert!(touch.losses[3] < 0 && touch.claims[3] >= 0, "the order costs {} there", touch.losses[3]);
    let (num, den) = (i128::from(s.context.num), i128::from(s.context.den));
    assert!(num * scenario >= (num - den) * at_mark, "X_s ≥ (1 − den/num)·X_mark");
}

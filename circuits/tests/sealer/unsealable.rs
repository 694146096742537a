//! What must not be sealed: refused by clearing before a seal, and by a row of the circuit after one, or, as section 11 says, of no
//! consequence. Nothing else that a seal may hold stops a batch.

use ark_ff::BigInteger;
use tacit_circuits::statement::TouchWitness;
use tacit_core::babyjub::SUBGROUP_ORDER;
use tacit_core::batch::{BatchError, SealedBatch, clear};
use tacit_core::error::CoreError;
use tacit_core::field::{F, Integer};
use tacit_core::order::{Kind, Order, SealedOrder, Side};
use tacit_core::params::Params;
use tacit_core::units::TOP;

use crate::support::Attack;
use crate::support::scene::{QUOTE, Scene, domain, key_of, order};
use crate::{
    ABSENT, BUYER, HOSTILE, LOTS, PRICE, SETTLED, VALUE, assert_proven, exchange, good, good_sell, good_withdrawal,
    leaf, others_trade, position,
};

/// A batch in which the hostile account's two orders are refused, so that nothing follows from what they hold.
fn idle() -> Scene {
    let mut s = exchange();
    s.order(Order { last_batch: 1, ..good() });
    s.order(Order { last_batch: 1, ..good_sell() });
    others_trade(&mut s);
    s
}

/// Place of the hostile account's touch in [`idle`].
const AT: usize = 2;

fn signed(order: &mut SealedOrder) {
    order.signature = key_of(HOSTILE).sign(order.order.hash(domain()));
}

/// A change of the hostile account's two orders, signed anew.
type Edit = fn(&mut [&mut SealedOrder]);

/// What section 4 calls statically wrong, of orders: how it is written, what the core says before a seal and which rows refuse it after one.
const STATIC: [(&str, Edit, &str, &[&str]); 12] = [
    ("instrument out of range", |o| o[0].order.instrument = TOP, "not below 2^27", &["instrument"]),
    ("limit out of range", |o| o[0].order.limit = PRICE + 1, "not below 2^42", &["limit"]),
    ("fee rate out of range", |o| o[0].order.max_fee_rate = 1 << 14, "not below 2^14", &["highest fee rate"]),
    // A slot is six bits from the start: a seventh has no place but in what was signed.
    ("slot out of range", |o| o[0].order.slot = 64, "not below 64", &["signature equation"]),
    ("a trade without instrument", |o| o[0].order.instrument = 0, "an instrument must", &["instrument only in trades"]),
    (
        "a cancel with an instrument",
        |o| o[0].order.kind = Kind::Cancel,
        "an instrument must",
        &["instrument only in trades"],
    ),
    (
        "a withdrawal with an instrument",
        |o| o[0].order.kind = Kind::Withdraw,
        "an instrument must",
        &["instrument only in trades"],
    ),
    (
        "two withdrawals",
        |o| {
            for order in o.iter_mut() {
                order.order = Order { slot: order.order.slot, last_batch: 1, ..good_withdrawal() };
            }
        },
        "two withdrawals",
        &["one withdrawal"],
    ),
    ("of another account", |o| o[0].order.account = BUYER, "account is not the touch's", &["signature equation"]),
    (
        "a signature of something else",
        |o| o[0].order.salt += F::from(1u8),
        "signature does not verify",
        &["signature equation"],
    ),
    (
        "S + l",
        |o| {
            o[0].signature.s.add_with_carry(&SUBGROUP_ORDER);
        },
        "signature does not verify",
        &["scalar below l"],
    ),
    ("R8 off the curve", |o| o[0].signature.r8.x += F::from(1u8), "signature does not verify", &["signature equation"]),
];

/// Whether the edit changes the signature or what was signed behind it; all others are signed anew.
const UNSIGNED: [&str; 3] = ["a signature of something else", "S + l", "R8 off the curve"];

fn edited(what: &str, edit: Edit, orders: &mut [&mut SealedOrder]) {
    edit(orders);
    if !UNSIGNED.contains(&what) {
        orders.iter_mut().for_each(|order| signed(order));
    }
}

#[test]
fn what_is_statically_wrong_is_refused_before_a_seal_and_cannot_be_proven_after_one() {
    for (what, edit, message, rows) in STATIC {
        let s = idle();
        let mut batch = s.batch();
        edited(what, edit, &mut batch.touches[AT].orders.iter_mut().collect::<Vec<_>>());
        let mut state = s.state();
        let error = clear(&s.params, &mut state, &batch).expect_err(what);
        let said = error.to_string();
        assert!(said.contains(message) && said.contains("must not be sealed"), "{what}: {said}");
        assert_eq!(state, s.state(), "{what}: a refused batch leaves no trace");
        let verdict = Attack::on(&s)
            .touch(AT, |touch: &mut TouchWitness| {
                let orders = touch.orders.iter_mut().map(|order| &mut order.sealed);
                edited(what, edit, &mut orders.collect::<Vec<_>>());
            })
            .resealed()
            .run();
        assert!(rows.iter().all(|row| verdict.reasons().contains(row)), "{what}: {:?}", verdict.reasons());
    }
}

/// What section 4 calls statically wrong, of touches.
#[test]
fn a_touch_that_is_statically_wrong_is_refused_before_a_seal_and_cannot_be_proven_after_one() {
    type Change = (fn(&mut SealedBatch), fn(&mut [TouchWitness]));
    let cases: [(&str, Change, &str, &[&str]); 5] = [
        (
            "sequence numbers that fall in a touch",
            (
                |batch| {
                    let orders = &mut batch.touches[AT].orders;
                    (orders[0].sequence, orders[1].sequence) = (2, 1);
                },
                |touches| {
                    let orders = &mut touches[AT].orders;
                    (orders[0].sealed.sequence, orders[1].sealed.sequence) = (2, 1);
                },
            ),
            "sequence numbers do not increase",
            &["sequence numbers increase"],
        ),
        (
            "a sequence number left out",
            (|batch| batch.touches[3].orders[1].sequence = 9, |touches| touches[3].orders[1].sealed.sequence = 9),
            "sequence numbers of its 6 active orders",
            &["sequence product"],
        ),
        (
            "a holder who is not the owner",
            (
                |batch| batch.touches[AT].holder.viewing_key += F::from(1u8),
                |touches| touches[AT].holder.viewing_key += F::from(1u8),
            ),
            "not the owner of the leaf",
            // Which one depends on the path that the operator shows.
            &["old leaf under the root", "child at the index"],
        ),
        (
            "an exit beside orders",
            (|batch| batch.touches[AT].exit = Some(0), |touches| touches[AT].exit = true),
            "an exit stands beside",
            &["no orders beside an exit"],
        ),
        (
            "touches out of order",
            (|batch| batch.touches.swap(1, 2), |touches| touches[1].index = touches[2].index),
            "not above its predecessor's",
            &["indices strictly increasing"],
        ),
    ];
    for (what, (seal, witness), message, rows) in cases {
        let s = idle();
        let mut batch = s.batch();
        seal(&mut batch);
        let error = clear(&s.params, &mut s.state(), &batch).expect_err(what).to_string();
        assert!(error.contains(message), "{what}: {error}");
        let mut attack = Attack::on(&s);
        let mut touches: Vec<TouchWitness> =
            attack.segments.iter_mut().flat_map(|segment| std::mem::take(&mut segment.touches)).collect();
        witness(&mut touches);
        for segment in attack.segments.iter_mut().rev() {
            segment.touches = touches.split_off(touches.len() - s.params.touches);
        }
        let verdict = attack.resealed().run();
        assert!(rows.iter().any(|row| verdict.reasons().contains(row)), "{what}: {:?}", verdict.reasons());
    }
}

#[test]
fn the_three_wrongs_that_no_row_refuses_are_of_no_consequence() {
    // Section 11: a quantity of 0, a recipient in an order that is no withdrawal, the side of a withdrawal.
    type Right = fn(&mut Order);
    let cases: [(&str, Order, Right); 3] = [
        ("the quantity is zero", Order { quantity: 0, ..good() }, |order| order.quantity = 1),
        ("a recipient stands", Order { recipient: [7; 20], ..good() }, |order| order.recipient = [0; 20]),
        ("side is not buy", Order { side: Side::Sell, ..good_withdrawal() }, |order| order.side = Side::Buy),
    ];
    for (message, wrong, right) in cases {
        let wrong = Order { last_batch: 1, ..wrong };
        let mut honest = wrong.clone();
        right(&mut honest);
        let mut s = exchange();
        s.order(honest);
        others_trade(&mut s);
        let mut batch = s.batch();
        batch.touches[AT].orders[0].order = wrong.clone();
        signed(&mut batch.touches[AT].orders[0]);
        let error = clear(&s.params, &mut s.state(), &batch).expect_err(message).to_string();
        assert!(error.contains(message) && error.contains("must not be sealed"), "{error}");
        let honest = Attack::on(&s).run();
        let verdict = Attack::on(&s)
            .touch(AT, |touch: &mut TouchWitness| {
                touch.orders[0].sealed.order = wrong.clone();
                signed(&mut touch.orders[0].sealed);
            })
            .resealed()
            .run();
        verdict.accepted();
        // Nothing published differs but the touch's hash.
        let differing: Vec<usize> = (0..honest.settlement.words.len())
            .filter(|at| honest.settlement.words[*at] != verdict.settlement.words[*at])
            .collect();
        assert_eq!(differing, [AT * s.params.words_per_touch() + 1], "{message}");
    }
}

#[test]
fn a_signature_counts_as_soon_as_a_deposit_of_the_same_batch_opens_the_account() {
    // Unsigned orders of nobody are sealed at no risk; the same touch with the deposit that opens the account must not be.
    let mut s = exchange();
    s.order(Order { account: ABSENT, ..good() });
    others_trade(&mut s);
    let mut batch = s.batch();
    let at = batch.touches.iter().position(|touch| touch.index == ABSENT).unwrap();
    batch.touches[at].orders[0].signature.s = Integer::from(1u8);
    let nobody = clear(&s.params, &mut s.state(), &batch).unwrap();
    assert_eq!(nobody.touches[at].orders[0].reason.code(), 1);
    assert_proven(&nobody, "an unsigned order of nobody");
    batch.touches[at].deposit = 1;
    let refused = clear(&s.params, &mut s.state(), &batch).expect_err("an unsigned order of an account");
    assert!(refused.to_string().contains("signature does not verify"), "{refused}");
}

/// What no order and no touch alone shows: clearing before the seal refuses it, and the state stays what it was.
#[track_caller]
fn refused_whole(s: &Scene) -> BatchError {
    let mut state = s.state();
    match clear(&s.params, &mut state, &s.batch()) {
        Err(CoreError::Batch(error)) => {
            assert_eq!(state, s.state(), "a refused batch leaves no trace");
            error
        }
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn accounts_that_need_more_settled_rows_than_there_are_must_not_be_sealed_together() {
    // Refused orders, both of them: what stops the batch is the expired positions of those who send them.
    let account = |s: &mut Scene, index: u32, first: u32| {
        s.account(index, QUOTE, &[(first, 1), (first + 1, 1), (first + 2, 1), (first + 3, 1)]);
        s.order(Order { account: index, last_batch: 1, ..good() });
        (first..first + 4).for_each(|id| s.settle(id, 5));
    };
    let mut s = exchange();
    s.settled.clear();
    account(&mut s, 10, 100);
    assert_proven(&s.clear(), "one account, four expired positions");
    account(&mut s, 11, 200);
    assert_eq!(refused_whole(&s), BatchError::TooManyRows { kind: "settled", rows: 8, most: 4 });
    s.settled.retain(|id, _| *id < 200);
    assert_eq!(refused_whole(&s), BatchError::UnvaluedPosition { index: 11, instrument: 200 });
}

#[test]
fn fees_beyond_the_range_of_cash_must_not_be_sealed() {
    // Seven of the largest trades at nearly the whole premium. Deposits as capped could not fund them; the core does not rely on it.
    let mut s = Scene::new(Params::DEV);
    (s.context.num, s.context.den, s.context.fee_rate) = (1, 1, 9_999);
    s.row(1, PRICE).values = vec![PRICE; 4];
    for index in 1..=14 {
        s.account(index, VALUE * ((1 << 76) - 1), &[]);
        let side = if index % 2 == 0 { Side::Buy } else { Side::Sell };
        s.order(order(index, 1, side, LOTS, PRICE));
    }
    assert!(matches!(refused_whole(&s), BatchError::Leaf { index: 0, .. }));
    s.context.fee_rate = 0;
    assert_eq!(s.clear().auctions[0].volume, 7 * u64::from(LOTS));
}

#[test]
fn cash_and_touches_beyond_their_range_must_not_be_sealed() {
    let with = |edit: fn(&mut Scene)| {
        let mut s = idle();
        edit(&mut s);
        refused_whole(&s)
    };
    let deposit = with(|s| {
        leaf(s).cash = (1 << 91) - 1;
        s.plans.get_mut(&HOSTILE).unwrap().deposit = 1;
    });
    let expiry = with(|s| {
        leaf(s).cash = -(1 << 91);
        leaf(s).positions = vec![position(SETTLED, -1)];
    });
    let touched = with(|s| leaf(s).updates = u32::MAX);
    for (what, error) in [("deposit", deposit), ("expiry", expiry), ("touched", touched)] {
        assert!(matches!(error, BatchError::Leaf { index: HOSTILE, .. }), "{what}: {error}");
    }
}

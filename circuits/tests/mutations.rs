//! Nothing that a prover is asked for is left to his choice: every witness of both circuits, changed alone with everything downstream
//! recomputed, is refused somewhere. Those few that are free are listed with the reason why nobody is harmed.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::Circuit::{self, Closing, Segment};
use support::scene::Dice;
use support::{Attack, market};
use tacit_circuits::builder::{Builder, INVERSE, MATERIALIZED, PRODUCT};
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::shapes;
use tacit_circuits::statement::TouchWitness;
use tacit_core::batch::ClearedOrder;
use tacit_core::field::F;
use tacit_core::order::Order;
use tacit_core::params::Params;
use tacit_core::risk::LookupRow;

/// Rows of shared gadgets, tested on their own: thousands of wires each.
const GADGETS: [&str; 4] = [PRODUCT, MATERIALIZED, BIT, INVERSE];

/// How many witnesses each label has.
fn labels(shape: &Builder) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for wire in 1 + shape.n_inputs()..shape.values().len() {
        *counts.entry(shape.label(wire).unwrap().0).or_insert(0) += 1;
    }
    counts.retain(|label, _| !GADGETS.contains(label));
    counts
}

/// Labels of which one of the given occurrences can be raised by one and nobody refuses.
fn free(shape: &Builder, circuit: Circuit, places: impl Fn(usize) -> Vec<usize>) -> BTreeSet<&'static str> {
    let mut free = BTreeSet::new();
    for (label, count) in labels(shape) {
        for at in places(count) {
            let verdict = attack().lie(circuit, label, at, |x| x + F::from(1u8)).run();
            if verdict.reasons().is_empty() {
                free.insert(label);
            }
        }
    }
    free
}

/// The market, to be lied about.
fn attack() -> Attack {
    Attack::on(&market())
}

#[test]
fn every_witness_of_an_account_that_trades_is_bound() {
    // The second half of a segment's witnesses is its second touch, here account 1: two orders, three positions, one of them expired.
    let found =
        free(&shapes(&Params::DEV).0, Segment(0), |count| BTreeSet::from([count / 2, count - 1]).into_iter().collect());
    // Salts of digests are the prover's to draw. The flag of an empty position says nothing of any position.
    assert_eq!(found, BTreeSet::from(["rho", "sums salt", "expired"]));
}

#[test]
fn every_witness_of_an_account_that_exits_is_bound() {
    // The first half of segment 2: account 4, which holds an expired position and has no orders.
    let last_of_first_half = |count: usize| if count.is_multiple_of(2) { vec![count / 2 - 1] } else { vec![] };
    let found = free(&shapes(&Params::DEV).0, Segment(2), last_of_first_half);
    // What an inactive slot would have as its order goes nowhere: no hash, no row, no sum.
    let inactive = [
        "cancel",
        "first batch",
        "highest fee rate",
        "instrument",
        "last batch",
        "limit",
        "order epoch",
        "order salt",
        "quantity",
        "recipient",
        "side",
        "survives",
        "withdraw",
    ];
    assert_eq!(found, BTreeSet::from(inactive));
}

#[test]
fn every_witness_of_a_used_row_is_bound() {
    // The first risk row and, of what both kinds of rows have, the first settled row.
    let first = |count: usize| if count.is_multiple_of(12) { vec![0, count / 12 * 8] } else { vec![0] };
    let found = free(&shapes(&Params::DEV).1, Closing, first);
    assert_eq!(found, BTreeSet::from(["rho", "auction salt"]));
}

// ---- a hostile operator, on random batches ------------------------------------------------------------------------------

/// What an operator may try on any batch: the attack, or none where the batch gives no occasion.
type Mutator = fn(Attack, &mut Dice) -> Option<Attack>;

/// Touch and slot of the orders of accounts that exist for which a condition holds, one of them drawn.
fn drawn(attack: &Attack, dice: &mut Dice, wanted: impl Fn(&ClearedOrder, &Order) -> bool) -> Option<(usize, usize)> {
    let touches = attack.cleared.sealed.touches.iter().zip(&attack.cleared.touches).enumerate();
    let places: Vec<(usize, usize)> = touches
        .filter(|(_, (_, result))| result.new.is_some())
        .flat_map(|(at, (touch, result))| {
            let orders = touch.orders.iter().zip(&result.orders).enumerate();
            let found = orders.filter(|(_, (sealed, result))| wanted(result, &sealed.order));
            found.map(move |(slot, _)| (at, slot)).collect::<Vec<_>>()
        })
        .collect();
    (!places.is_empty()).then(|| places[dice.below(places.len() as u64) as usize])
}

/// A live touch that a condition holds for, drawn.
fn drawn_touch(attack: &Attack, dice: &mut Dice, wanted: impl Fn(&TouchWitness) -> bool) -> Option<usize> {
    let touches = attack.segments.iter().flat_map(|s| &s.touches).enumerate();
    let places: Vec<usize> = touches.filter(|(_, t)| t.live && wanted(t)).map(|(at, _)| at).collect();
    (!places.is_empty()).then(|| places[dice.below(places.len() as u64) as usize])
}

/// Risk row `at` clears at another price.
fn repriced(mut attack: Attack, at: usize, price: u64) -> Attack {
    let (id, mark) = (attack.cleared.sealed.risk.rows[at].instrument, attack.cleared.sealed.risk.rows[at].mark);
    for order in attack.segments.iter_mut().flat_map(|s| &mut s.touches).flat_map(|t| &mut t.orders) {
        if order.row.id == id && !order.row.settled {
            (order.row.price, order.row.above_mark) = (price, price > mark);
        }
    }
    attack.closing(move |c| c.risk[at].price = price)
}

const MUTATORS: [(&str, Mutator); 18] = [
    ("an order under another's signature", |attack, dice| {
        let (touch, slot) = drawn(&attack, dice, |_, _| true)?;
        let hash = attack.cleared.sealed.touches[touch].orders[slot].order.hash(attack.cleared.context.domain);
        let signature = support::scene::key_of(99).sign(hash);
        Some(attack.touch(touch, move |t| t.orders[slot].sealed.signature = signature))
    }),
    ("a fill above the quantity", |attack, dice| {
        let (touch, slot) = drawn(&attack, dice, |result, order| result.fill > 0 && order.quantity < u32::MAX)?;
        Some(attack.touch(touch, move |t| t.orders[slot].fill = t.orders[slot].sealed.order.quantity + 1))
    }),
    ("a fill withheld", |attack, dice| {
        let (touch, slot) = drawn(&attack, dice, |result, _| result.fill > 0)?;
        Some(attack.touch(touch, move |t| t.orders[slot].fill -= 1))
    }),
    ("a fill where there is none", |attack, dice| {
        let (touch, slot) = drawn(&attack, dice, |result, _| result.fill == 0)?;
        Some(attack.touch(touch, move |t| t.orders[slot].fill = 1))
    }),
    ("a clearing price off by one", |attack, dice| {
        let rows = attack.cleared.auctions.len();
        let at = dice.below(rows.max(1) as u64) as usize;
        let price = attack.cleared.auctions.get(at)?.price;
        let other = if dice.once_in(2) { price + 1 } else { price.checked_sub(1)? };
        Some(repriced(attack, at, other))
    }),
    ("the limit of some order as the clearing price", |attack, dice| {
        let (touch, slot) = drawn(&attack, dice, |result, _| matches!(result.row, LookupRow::Risk(_)))?;
        let LookupRow::Risk(at) = attack.cleared.touches[touch].orders[slot].row else { return None };
        let limit = attack.cleared.sealed.touches[touch].orders[slot].order.limit;
        (limit != attack.cleared.auctions[at].price).then(|| repriced(attack, at, limit))
    }),
    ("an order left out", |attack, dice| {
        let (touch, slot) = drawn(&attack, dice, |_, _| true)?;
        Some(attack.touch(touch, move |t| (t.orders[slot].active, t.orders[slot].sealed.sequence) = (false, 0)))
    }),
    ("a place in the queue given to another", |attack, dice| {
        let (touch, slot) = drawn(&attack, dice, |_, _| true)?;
        Some(attack.touch(touch, move |t| t.orders[slot].sealed.sequence += 1).resealed())
    }),
    ("a position's expiry denied or invented", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |t| t.old.as_ref().is_some_and(|leaf| !leaf.positions.is_empty()))?;
        Some(attack.touch(touch, |t| *t.expired.last_mut().unwrap() ^= true))
    }),
    ("positions valued otherwise", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |_| true)?;
        let at = dice.below(4) as usize;
        Some(attack.touch(touch, move |t| t.scenario_values[at] += 1))
    }),
    ("scenarios swapped", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |t| t.scenario_values[0] != t.scenario_values[1])?;
        Some(attack.touch(touch, |t| t.scenario_values.swap(0, 1)))
    }),
    ("a mark, a minimum, an expiry valued otherwise", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |_| true)?;
        let which = dice.below(3);
        Some(attack.touch(touch, move |t| match which {
            0 => t.mark_value -= 1,
            1 => t.short_requirement -= 1,
            _ => t.expiry_value += 1,
        }))
    }),
    ("fees to somebody, or to nobody", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |t| t.old.is_some())?;
        Some(attack.touch(touch, |t| t.credit += 1))
    }),
    ("an exit paid otherwise", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |t| t.exit)?;
        let more = dice.once_in(2);
        Some(attack.touch(touch, move |t| {
            t.exit_payment =
                if more || t.exit_payment == 0 { t.exit_payment.wrapping_add(1) } else { t.exit_payment - 1 };
        }))
    }),
    ("a deposit of another size", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |t| !t.exit)?;
        Some(attack.touch(touch, |t| t.amount += 1))
    }),
    ("a position more in the new leaf", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |t| t.new.as_ref().is_some_and(|leaf| !leaf.positions.is_empty()))?;
        Some(attack.touch(touch, |t| t.new.as_mut().unwrap().positions[0].quantity += 1))
    }),
    ("a nonce epoch of one's own", |attack, dice| {
        let touch = drawn_touch(&attack, dice, |t| t.new.is_some())?;
        Some(attack.touch(touch, |t| t.epoch += 7))
    }),
    ("another settlement value", |attack, dice| {
        let rows = attack.cleared.sealed.settled.len();
        let at = dice.below(rows.max(1) as u64) as usize;
        (rows > 0).then(|| attack.closing(move |c| c.settled[at].row.value += 1))
    }),
];

#[test]
fn a_hostile_operator_gets_nothing_past_random_batches() {
    let mut tried = BTreeMap::from(MUTATORS.map(|(name, _)| (name, 0)));
    for seed in 0..14 {
        // Half of them busy, half full of refusals.
        let scene =
            if seed % 2 == 0 { support::busy(Params::DEV, seed) } else { support::scene::random(Params::DEV, seed) };
        Attack::on(&scene).run().accepted();
        for (name, mutate) in MUTATORS {
            let Some(attack) = mutate(Attack::on(&scene), &mut Dice(seed)) else { continue };
            assert!(!attack.run().reasons().is_empty(), "{name}, batch {seed}");
            *tried.get_mut(name).unwrap() += 1;
        }
    }
    assert!(tried.values().all(|times| *times >= 3), "{tried:?}");
}

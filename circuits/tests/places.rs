//! A promise that is said of many places (bits of an index, fields of an empty leaf, numbers of an unused row, kinds of orders) holds at
//! each of them. One witness a check attacks one place; here each place has its own, since a row may read one digit of an index, one
//! field of a word, or one number of a row, and still refuse that one witness. The tests of fees, cuts, digits and signatures
//! were written for mistakes that were planted by hand and that no other test noticed.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

#[path = "tangent/circuits.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod circuits;
mod support;
mod uniqueness;

use std::collections::BTreeSet;

use ark_ff::BigInteger;
use circuits::Circuit;
use support::{QUEUES, SEED, dev_rows, market, scene};
use tacit_circuits::builder::{Builder, PRODUCT};
use tacit_circuits::gadgets::eddsa::{CHALLENGE_DIGIT, PreparedKey, SCALAR_DIGIT, verify};
use tacit_circuits::settlement::{Plan, shapes};
use tacit_circuits::statement::SegmentPrivate;
use tacit_circuits::{closing, segment};
use tacit_core::account::Position;
use tacit_core::data::OPEN_WORDS;
use tacit_core::eddsa::SigningKey;
use tacit_core::field::{F, from_i128};
use tacit_core::order::Side;
use tacit_core::params::Params;
use uniqueness::Tangent;

/// A witness's label, which one under it, and the value that it gets.
type Lie = (&'static str, usize, u64);

fn told(lies: &[Lie]) -> Builder {
    let mut b = Builder::assignment();
    for (label, at, value) in lies {
        let value = F::from(*value);
        b.override_witness(label, *at, move |_| value);
    }
    b
}

fn met(b: &Builder, lies: &[Lie]) {
    for (label, at, _) in lies {
        assert!(b.occurrences(label) > *at, "there is no `{label}` number {at}");
    }
}

/// What refuses segment `j` of a batch, edited and lied about.
fn segment_refusal(
    batch: &scene::Scene,
    j: usize,
    edit: impl FnOnce(&mut SegmentPrivate),
    lies: &[Lie],
) -> BTreeSet<&'static str> {
    let cleared = batch.clear();
    let (public, mut private) = Plan::new(&cleared, QUEUES, [9; 20], SEED).segments.swap_remove(j);
    edit(&mut private);
    let mut b = told(lies);
    segment::synthesize(&mut b, &cleared.params, &public, &private);
    met(&b, lies);
    let violated = b.violated_checks();
    assert_eq!(violated, dev_rows().0.broken(b.values()), "what the rows say when evaluated without the builder");
    violated
}

/// What refuses the market's closing proof, lied about.
fn closing_refusal(lies: &[Lie]) -> BTreeSet<&'static str> {
    let cleared = market().clear();
    let plan = Plan::new(&cleared, QUEUES, [9; 20], SEED);
    let mut b = told(lies);
    closing::synthesize(&mut b, &cleared.params, &plan.closing.0, &plan.closing.1);
    met(&b, lies);
    let violated = b.violated_checks();
    assert_eq!(violated, dev_rows().1.broken(b.values()), "what the rows say when evaluated without the builder");
    violated
}

/// Leaf 0 and one account, which deposits.
fn depositor(index: u32, exists: bool) -> scene::Scene {
    let mut batch = scene::Scene::new(Params::DEV);
    if exists {
        batch.account(index, scene::QUOTE, &[]);
    }
    batch.plans.entry(index).or_default().deposit = 7;
    batch
}

#[test]
fn fees_are_credited_to_no_other_index_whichever_bit_tells_it_from_0() {
    for bit in 0..3 * Params::DEV.depth {
        let batch = depositor(1 << bit, true);
        assert_eq!(segment_refusal(&batch, 0, |_| {}, &[]), BTreeSet::new(), "bit {bit}, no credit");
        let refused = segment_refusal(&batch, 0, |_| {}, &[("fee credit", 1, 5)]);
        assert_eq!(refused, BTreeSet::from(["fees to leaf 0 only"]), "bit {bit}");
    }
}

#[test]
fn an_account_opens_with_none_of_the_fields_of_its_state() {
    let cases: [&[Lie]; 3] =
        [&[("old cash", 1, 5)], &[("old epoch", 1, 1), ("touch epoch", 1, 1)], &[("old bitmap", 1, 1)]];
    for lies in cases {
        let refused = segment_refusal(&depositor(3, false), 0, |_| {}, lies);
        assert_eq!(refused, BTreeSet::from(["empty leaf has no state"]), "{lies:?}");
    }
}

#[test]
fn each_number_of_an_unused_row_is_0() {
    let (last_risk, last_settled) = (Params::DEV.rows - 1, Params::DEV.rows + Params::DEV.settled - 1);
    let of_risk = ["group long", "group short", "at-price count", "buy volume", "multiplicity"].map(|x| (x, last_risk));
    let of_settled = ["group long", "group short", "multiplicity"].map(|x| (x, last_settled));
    for (label, at) in of_risk.into_iter().chain(of_settled) {
        let refused = closing_refusal(&[(label, at, 1)]);
        assert!(refused.contains("unused row adds nothing"), "`{label}` number {at}: {refused:?}");
    }
}

#[test]
fn an_order_that_was_refused_is_not_filled_as_the_cut() {
    // Account 6's trade in a settled instrument is told a row that clears at its limit and names it the cut, and 1 lot is netted.
    let refused = segment_refusal(
        &market(),
        3,
        |private| {
            let touch = &mut private.touches[0];
            let order = &mut touch.orders[1];
            order.row.price = order.sealed.order.limit;
            order.row.cut = order.sealed.sequence;
            order.row.cut_buys = order.sealed.order.side.is_buy();
            order.fill = 1;
            let instrument = order.sealed.order.instrument;
            touch.new.as_mut().unwrap().positions = vec![Position { instrument, quantity: -1 }];
        },
        &[],
    );
    assert_eq!(refused, BTreeSet::from(["not filled"]));
}

#[test]
fn a_touch_of_nobody_stands_under_the_root_too() {
    let mut batch = scene::Scene::new(Params::DEV);
    batch.order(scene::order(3, 10, Side::Buy, 1, 5));
    assert_eq!(segment_refusal(&batch, 0, |_| {}, &[]), BTreeSet::new(), "as it is");
    // Another tree, in which nobody stands at the index either: its root would become the batch's.
    let refused = segment_refusal(&batch, 0, |private| private.touches[1].path[2][7] += F::from(1u8), &[]);
    assert_eq!(refused, BTreeSet::from(["old leaf under the root"]));
}

/// What refuses a signature in which the digit `at` under a label is another.
fn digit_refusal(label: &'static str, at: usize, digit: i128) -> BTreeSet<&'static str> {
    let key = SigningKey::from_seed(&[1; 32]);
    let mut b = Builder::assignment();
    b.override_witness(label, at, move |_| from_i128(digit));
    let public = key.public_key();
    let [x, y, message, live] = [public.x, public.y, F::from(7u8), F::from(1u8)].map(|value| b.witness("given", value));
    let prepared = PreparedKey::new(&mut b, &x, &y, &live);
    verify(&mut b, &prepared, &message, &key.sign(F::from(7u8)), &live);
    b.violated_checks()
}

#[test]
fn no_digit_is_beyond_those_of_its_base() {
    for (label, largest, ats) in [(CHALLENGE_DIGIT, 3, [0, 64, 126]), (SCALAR_DIGIT, 7, [0, 41, 83])] {
        for digit in -11..=11_i128 {
            let holds = digit % 2 != 0 && digit.abs() <= largest;
            for at in ats {
                assert_eq!(digit_refusal(label, at, digit).contains(label), !holds, "{label} {at}: {digit}");
            }
        }
    }
}

/// Lists of positions and orders without an empty place: one position expired, one closed, the last new in its place.
fn full_lists() -> Plan {
    let mut batch = scene::Scene::new(Params::DEV);
    for id in [20, 21, 22, 24] {
        batch.row(id, 1_000_000);
    }
    batch.settle(23, 500_000);
    batch.account(1, 10_000 * scene::QUOTE, &[(20, 5), (21, -4), (22, 3), (23, 2)]);
    batch.account(2, 10_000 * scene::QUOTE, &[(20, 1), (21, 1), (22, 1), (23, -1)]);
    for (account, side) in [(1, Side::Sell), (2, Side::Buy)] {
        batch.order(scene::order(account, 20, side, 5, 1_000_000));
        batch.order(support::scene_slot(scene::order(account, 24, side, 5, 1_000_000), 1));
    }
    let cleared = batch.clear();
    assert!(cleared.touches[1..3].iter().all(|touch| touch.orders.iter().all(|order| order.fill == 5)));
    Plan::new(&cleared, QUEUES, [9; 20], SEED)
}

#[test]
fn nothing_is_free_where_every_place_of_a_list_is_taken() {
    let plan = full_lists();
    for circuit in Circuit::both(Params::DEV) {
        for witness in circuit.witnesses(&plan, "full lists") {
            let tangent = Tangent::at(&circuit.matrices, &witness.wires);
            assert_eq!(circuit.free(&tangent, &witness, |_| true), BTreeSet::new());
        }
    }
}

#[test]
fn netting_determines_each_new_position_from_the_others() {
    // Ranges hold every quantity to first order; without those of the new leaf only the netting identity holds one of them.
    const QUANTITY: &str = "new position quantity";
    let plan = full_lists();
    let shape = shapes(&Params::DEV).0;
    let quantities: Vec<usize> = (1..shape.values().len())
        .filter(|wire| shape.label(*wire).is_some_and(|(label, _)| label == QUANTITY))
        .collect();
    let ranges = |row: usize| shape.row_name(row).is_some_and(|(check, _)| check == QUANTITY);
    let [circuit, _] = Circuit::both(Params::DEV);
    for witness in circuit.witnesses(&plan, "full lists") {
        let tangent = Tangent::at(&circuit.matrices, &witness.wires);
        for sought in &quantities {
            let known = |wire: usize| {
                circuit.is_given(wire)
                    || circuit.is_chosen(wire, &witness)
                    || (quantities.contains(&wire) && wire != *sought)
            };
            assert!(!tangent.free(known, |row| !ranges(row)).contains(sought), "quantity, wire {sought}");
        }
    }
}

#[test]
fn each_word_moves_the_value_of_its_kind_and_no_other() {
    // Replicas may sign the value of encrypted words: an open word in it, or one value made of both, would be theirs to choose.
    let params = Params::DEV;
    let plan = Plan::new(&market().clear(), QUEUES, [9; 20], SEED);
    let (public, private) = &plan.segments[0];
    let values = |product: Option<usize>| {
        let mut b = Builder::assignment();
        if let Some(at) = product {
            b.override_witness(PRODUCT, at, |word| word + F::from(1u8));
        }
        segment::synthesize(&mut b, &params, public, private);
        let derived = segment::public(&b);
        (derived.open_value, derived.encrypted_value)
    };
    let honest = values(None);
    let shape = shapes(&params).0;
    let labels = (1..shape.values().len()).filter_map(|wire| shape.label(wire));
    let products = labels.filter(|(label, _)| *label == PRODUCT).enumerate();
    let (mut open, mut encrypted) = (0, 0);
    for (at, _) in products.filter(|(_, (_, scope))| *scope == "public words") {
        let moved = values(Some(at));
        assert!((moved.0 == honest.0) != (moved.1 == honest.1), "product {at} moves one of both values");
        *(if moved.0 == honest.0 { &mut encrypted } else { &mut open }) += 1;
    }
    // Gates of index, L and owner, and of v and the ciphertexts; then a step of a value a word, but for the first.
    let words = params.words_per_touch() - OPEN_WORDS;
    assert_eq!(open, params.touches * (3 + OPEN_WORDS) - 1);
    assert_eq!(encrypted, params.touches * (words + words) - 1);
}

#[test]
fn each_order_is_signed_whatever_its_kind_and_its_outcome() {
    // Trades, a withdrawal and a cancel; filled, resting and refused ones; of an account that its deposit opens.
    let cleared = market().clear();
    let mut signed = 0;
    for (at, touch) in cleared.touches.iter().enumerate().filter(|(_, touch)| touch.new.is_some()) {
        for slot in 0..touch.orders.len() {
            let size = cleared.params.touches;
            let forged = |private: &mut SegmentPrivate| {
                let signature = &mut private.touches[at % size].orders[slot].sealed.signature;
                signature.s.add_with_carry(&1u64.into());
            };
            let refused = segment_refusal(&market(), at / size, forged, &[]);
            assert_eq!(refused, BTreeSet::from(["signature equation"]), "touch {at}, order {slot}");
            signed += 1;
        }
    }
    assert_eq!(signed, 8);
}

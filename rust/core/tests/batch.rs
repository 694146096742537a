//! Whole batches: what is conserved, what may not matter, what is refused, and that a refused batch leaves no trace.

mod scene;

use std::collections::BTreeMap;

use proptest::prelude::*;
use scene::{BATCH, QUOTE, Scene, domain, holder_of, order, random, withdrawal};
use tacit_core::account::Holder;
use tacit_core::babyjub::Point;
use tacit_core::batch::{BatchError, ClearedBatch, ClearedOrder, Reason, SealedBatch, State, clear};
use tacit_core::error::CoreError;
use tacit_core::field::F;
use tacit_core::json;
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::seal::decrypt_touch;
use tacit_core::tree::root_of_path;

const MARK: u64 = 1_000_000;

fn pair() -> Scene {
    let mut scene = Scene::new(Params::DEV);
    scene.row(5, MARK);
    scene.account(1, 1_000 * QUOTE, &[]);
    scene.account(2, 1_000 * QUOTE, &[(5, 40)]);
    scene.order(order(1, 5, Side::Buy, 60, MARK + 10));
    scene.order(order(2, 5, Side::Sell, 40, MARK - 10));
    scene
}

/// Σ lots an instrument over all leaves.
fn positions(state: &State) -> BTreeMap<u32, i128> {
    let mut sums = BTreeMap::new();
    for position in state.leaves().flat_map(|(_, leaf)| &leaf.positions) {
        *sums.entry(position.instrument).or_insert(0) += i128::from(position.quantity);
    }
    sums
}

fn cash(state: &State) -> i128 {
    state.leaves().map(|(_, leaf)| leaf.cash).sum()
}

fn touched(scene: &Scene) -> (State, State, ClearedBatch) {
    let before = scene.state();
    let mut after = before.clone();
    let cleared = clear(&scene.params, &mut after, &scene.batch()).expect("a sound batch");
    (before, after, cleared)
}

fn refused(scene: &Scene, batch: &SealedBatch) -> CoreError {
    let mut state = scene.state();
    let error = clear(&scene.params, &mut state, batch).expect_err("an unsound batch");
    assert_eq!(state, scene.state(), "a refused batch leaves no trace");
    error
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn cash_and_values_change_by_deposits_and_payments_only(seed: u64) {
        let scene = random(Params::DEV, seed);
        let (before, after, cleared) = touched(&scene);
        let deposits: i128 = cleared.sealed.touches.iter().map(|touch| i128::from(touch.deposit)).sum();
        let paid: i128 = cleared.touches.iter().map(|touch| touch.paid.cast_signed()).sum();
        let expired: i128 = cleared.touches.iter().map(|touch| touch.expiry_value).sum();
        prop_assert_eq!(cash(&after) - cash(&before), 100_000_000 * (deposits - paid) + 10_000 * expired);
    }

    #[test]
    fn positions_change_by_expiry_only(seed: u64) {
        let scene = random(Params::DEV, seed);
        let (before, after, _) = touched(&scene);
        let mut expected = positions(&before);
        for id in scene.settled.keys() {
            expected.remove(id);
        }
        let mut found = positions(&after);
        expected.retain(|_, lots| *lots != 0);
        found.retain(|_, lots| *lots != 0);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_replayed_order_is_refused(seed: u64) {
        let scene = random(Params::DEV, seed);
        let (_, mut after, cleared) = touched(&scene);
        let mut batch = scene.batch();
        for touch in &mut batch.touches {
            (touch.deposit, touch.exit) = (0, None);
        }
        let again = clear(&scene.params, &mut after, &batch).expect("a sound batch");
        let outcomes = |batch: &ClearedBatch| -> Vec<ClearedOrder> { batch.touches.iter().flat_map(|t| t.orders.clone()).collect() };
        let orders = scene.batch().touches.into_iter().flat_map(|touch| touch.orders);
        for ((sealed, first), second) in orders.zip(outcomes(&cleared)).zip(outcomes(&again)) {
            let paid = first.admitted && sealed.order.instrument == 0;
            prop_assert!(!(first.fill > 0 || paid) || second.reason == Reason::Nonce);
        }
    }

    #[test]
    fn the_path_of_a_touch_holds_its_leaf_under_the_root_before_it(seed: u64) {
        let scene = random(Params::DEV, seed);
        let (before, after, cleared) = touched(&scene);
        let mut root = before.root();
        for (touch, result) in cleared.sealed.touches.iter().zip(&cleared.touches) {
            let old = result.old.as_ref().map_or(F::from(0u64), |leaf| leaf.hash(&scene.params));
            prop_assert_eq!(root_of_path(touch.index, old, &result.path), Some(root));
            let mut path = result.path.clone();
            let mut node = result.words[2];
            for (level, children) in path.iter_mut().enumerate() {
                children[(touch.index as usize >> (3 * level)) % 8] = node;
                node = tacit_core::poseidon::hash(children);
            }
            root = node;
        }
        prop_assert_eq!((root, cleared.end_root), (after.root(), after.root()));
    }

    #[test]
    fn an_owner_reads_leaf_and_outcomes_from_the_words(seed: u64) {
        let scene = random(Params::DEV, seed);
        let (_, after, cleared) = touched(&scene);
        for (touch, result) in cleared.sealed.touches.iter().zip(&cleared.touches) {
            let read = decrypt_touch(&result.words, &holder_of(touch.index), &scene.params, domain(), touch.index);
            if result.new.is_some() {
                let (leaf, outcomes) = read.expect("the owner reads");
                prop_assert_eq!(Some(&leaf), after.leaf(touch.index));
                prop_assert!(outcomes.iter().zip(&result.orders).all(|(read, order)| *read == order.outcome()));
            } else {
                prop_assert!(read.is_err());
            }
            let stranger = holder_of(touch.index + 1);
            prop_assert!(decrypt_touch(&result.words, &stranger, &scene.params, domain(), touch.index).is_err());
        }
    }

    #[test]
    fn accounts_in_other_places_trade_the_same(seed: u64) {
        // Accounts i and 17 − i change places; sequence numbers stay with their orders.
        let scene = random(Params::DEV, seed);
        let mirrored = mirrored(&scene);
        let (first, second) = (scene.clear(), mirrored.clear());
        prop_assert_eq!(&first.auctions, &second.auctions);
        let by_sequence = |batch: &ClearedBatch| -> BTreeMap<u32, (Reason, u32)> {
            let touches = batch.sealed.touches.iter().zip(&batch.touches);
            let orders = touches.flat_map(|(touch, result)| touch.orders.iter().zip(&result.orders));
            orders.map(|(sealed, order)| (sealed.sequence, (order.reason, order.fill))).collect()
        };
        prop_assert_eq!(by_sequence(&first), by_sequence(&second));
    }

    #[test]
    fn json_keeps_batch_and_state(seed: u64) {
        let scene = random(Params::DEV, seed);
        let batch = json::read_batch(&json::write_batch(&scene.params, &scene.batch())).expect("a batch");
        prop_assert_eq!(batch, (scene.params, scene.batch()));
        let state = json::read_state(&json::write_state(&scene.state())).expect("a state");
        prop_assert_eq!(&state, &scene.state());
        prop_assert_eq!(State::from_bytes(&scene.params, &state.to_bytes()), Ok(state));
    }
}

/// The same scene with accounts other than the fund in mirrored places.
fn mirrored(scene: &Scene) -> Scene {
    let place = |index: u32| if index == 0 { 0 } else { 17 - index };
    let mut other = Scene { leaves: BTreeMap::new(), plans: BTreeMap::new(), ..scene.clone() };
    for (&index, leaf) in &scene.leaves {
        let mut leaf = leaf.clone();
        leaf.owner = holder_of(place(index)).owner();
        other.leaves.insert(place(index), leaf);
    }
    for (&index, plan) in &scene.plans {
        let mut plan = plan.clone();
        for sealed in &mut plan.orders {
            sealed.order.account = place(index);
            sealed.signature = scene::key_of(place(index)).sign(sealed.order.hash(domain()));
        }
        other.plans.insert(place(index), plan);
    }
    other
}

#[test]
fn random_batches_meet_every_reason_and_case() {
    let mut reasons = BTreeMap::new();
    let (mut partial, mut expiries, mut payments, mut opened) = (0, 0, 0, 0);
    for seed in 0..300 {
        let cleared = random(Params::DEV, seed).clear();
        for (touch, result) in cleared.sealed.touches.iter().zip(&cleared.touches) {
            for (sealed, order) in touch.orders.iter().zip(&result.orders) {
                *reasons.entry(order.reason).or_insert(0) += 1;
                partial += i32::from(0 < order.fill && order.fill < sealed.order.quantity);
            }
            expiries += i32::from(result.expired.contains(&true));
            payments += i32::from(result.paid > 0);
            opened += i32::from(result.old.is_none() && result.new.is_some());
        }
    }
    for reason in Reason::ALL {
        assert!(reasons.get(&reason).copied().unwrap_or(0) >= 5, "{reason:?} of {reasons:?}");
    }
    assert!(
        partial >= 10 && expiries >= 10 && payments >= 10 && opened >= 10,
        "{partial} {expiries} {payments} {opened}"
    );
}

#[test]
fn a_trade_moves_contracts_premium_and_fees_to_the_unit() {
    let (_, after, cleared) = touched(&pair());
    let auction = cleared.auctions[0];
    // Any price from 999,990 to 1,000,010 clears 40 lots; the mark is the nearest to itself, but buyers are left at every one.
    assert_eq!((auction.price, auction.volume, auction.cut_side, auction.cut), (MARK + 10, 40, Side::Buy, 1));
    let premium = 10_000 * 40 * i128::from(MARK + 10);
    let fee = 5 * 40 * i128::from(MARK + 10);
    let cash_of = |index| after.leaf(index).map(|leaf| leaf.cash);
    assert_eq!(cash_of(0), Some(2 * fee));
    assert_eq!(cash_of(1), Some(1_000 * QUOTE - premium - fee));
    assert_eq!(cash_of(2), Some(1_000 * QUOTE + premium - fee));
    assert_eq!(after.leaf(1).map(|leaf| leaf.positions[0].quantity), Some(40));
    assert_eq!(after.leaf(2).map(|leaf| leaf.positions.len()), Some(0), "a position netted to nothing is gone");
    assert_eq!(cleared.touches[0].fee_credit, 2 * fee);
}

#[test]
fn the_next_batch_starts_at_the_root_of_the_last() {
    let scene = pair();
    let (_, mut after, first) = touched(&scene);
    let mut next = Scene { plans: BTreeMap::from([(0, scene::Plan::default())]), sequence: 0, ..scene };
    next.context.batch += 1;
    next.order(Order { first_batch: BATCH + 1, last_batch: BATCH + 1, slot: 3, ..withdrawal(2, 5) });
    let second = clear(&next.params, &mut after, &next.batch()).expect("a sound batch");
    assert_eq!((second.start_root, second.end_root), (first.end_root, after.root()));
    assert_eq!(after.leaf(2).map(|leaf| leaf.updates), Some(2));
}

#[test]
fn a_rollback_restores_root_and_leaves() {
    let scene = pair();
    let mut state = scene.state();
    let snapshot = state.snapshot();
    clear(&scene.params, &mut state, &scene.batch()).expect("a sound batch");
    assert_ne!(state, scene.state());
    state.rollback(&snapshot);
    assert_eq!(state.root(), scene.state().root());
    assert!(state.leaves().eq(scene.state().leaves()));
}

#[test]
fn statically_wrong_batches_are_refused_by_touch_and_reason() {
    type Change = fn(&mut SealedBatch);
    let cases: [(Change, &str); 18] = [
        (|b| b.touches[1].orders[0].order.quantity += 1, "signature does not verify"),
        (|b| b.touches[1].orders[0].order.account = 2, "account is not the touch's"),
        (|b| b.touches[1].orders[0].order.instrument = 0, "an instrument must stand in trades"),
        (|b| b.touches[1].orders[0].order.instrument = 1 << 27, "not below 2^27"),
        (|b| b.touches[1].orders[0].order.limit = 1 << 42, "not below 2^42"),
        (|b| b.touches[1].orders[0].order.quantity = 0, "quantity is zero"),
        (|b| b.touches[1].orders[0].order.slot = 64, "not below 64"),
        (|b| b.touches[1].orders[0].order.max_fee_rate = 1 << 14, "not below 2^14"),
        (|b| b.touches[1].orders[0].order.recipient = [1; 20], "recipient"),
        (|b| b.touches[1].holder.key.x += F::from(1u64), "not the owner"),
        (|b| b.touches[1].holder.viewing_key += F::from(1u64), "not the owner"),
        (|b| b.touches[1].exit = Some(1), "an exit stands beside"),
        (|b| b.touches[1].orders[0].sequence = 3, "sequence numbers"),
        (|b| b.touches[1].orders[0].sequence = 2, "sequence numbers"),
        (|b| b.touches.swap(1, 2), "not above its predecessor's"),
        (|b| drop(b.touches.remove(0)), "not that of account 0"),
        (|b| b.touches[2].index = 512, "outside the state tree"),
        (|b| b.context.fee_rate = 10_000, "fee rate 10000 is outside"),
    ];
    for (change, expected) in cases {
        let scene = pair();
        let mut batch = scene.batch();
        change(&mut batch);
        let error = refused(&scene, &batch).to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
    }
}

#[test]
fn an_unusable_key_signs_nothing_but_blocks_no_deposit_and_no_exit() {
    for key in [Point { x: F::from(1u64), y: F::from(1u64) }, Point::IDENTITY] {
        let mut scene = pair();
        let holder = Holder { key, ..holder_of(1) };
        scene.leaves.get_mut(&1).expect("an account").owner = holder.owner();
        let mut batch = scene.batch();
        batch.touches[1].holder = holder;
        assert!(refused(&scene, &batch).to_string().contains("signature does not verify"));
        batch.touches.iter_mut().for_each(|touch| touch.orders.clear());
        batch.touches[1].deposit = 5;
        assert!(clear(&scene.params, &mut scene.state(), &batch).is_ok());
        (batch.touches[1].deposit, batch.touches[1].exit) = (0, Some(5));
        assert!(clear(&scene.params, &mut scene.state(), &batch).is_ok());
    }
}

#[test]
fn two_withdrawals_and_too_many_orders_are_refused() {
    let mut scene = pair();
    scene.order(Order { slot: 1, ..withdrawal(1, 1) });
    let mut two = scene.clone();
    two.plans.get_mut(&1).expect("a plan").orders.remove(0);
    for (sealed, sequence) in two.plans.get_mut(&1).expect("a plan").orders.iter_mut().zip([1]) {
        sealed.sequence = sequence;
    }
    two.sequence = 2;
    two.order(Order { slot: 2, ..withdrawal(1, 1) });
    assert!(refused(&two, &two.batch()).to_string().contains("two withdrawals"));
    scene.order(Order { slot: 2, ..order(1, 5, Side::Buy, 1, 1) });
    assert!(refused(&scene, &scene.batch()).to_string().contains("more orders than"));
}

#[test]
fn malformed_tables_are_refused_by_row() {
    type Change = fn(&mut SealedBatch);
    let cases: [(Change, &str); 8] = [
        (|b| b.risk.rows[0].values.truncate(1), "one value a scenario"),
        (|b| b.risk.rows[0].mark = 1 << 42, "mark is not below"),
        (|b| b.risk.rows[0].values[2] = 1 << 42, "scenario value is not below"),
        (|b| b.risk.rows[0].instrument = 0, "not in 1"),
        (|b| b.risk.rows.push(b.risk.rows[0].clone()), "not above its predecessor's"),
        (|b| b.risk.rows = vec![b.risk.rows[0].clone(); 9], "9 risk rows are too many"),
        (|b| b.settled.push(tacit_core::risk::SettledRow { instrument: 5, value: 1 }), "in the risk table too"),
        (|b| b.settled.push(tacit_core::risk::SettledRow { instrument: 6, value: 1 << 42 }), "value is not below"),
    ];
    for (change, expected) in cases {
        let scene = pair();
        let mut batch = scene.batch();
        change(&mut batch);
        let error = refused(&scene, &batch).to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
    }
}

#[test]
fn cash_beyond_its_range_is_refused_and_leaves_no_trace() {
    let mut scene = pair();
    scene.account(1, (1 << 91) - 1, &[]);
    scene.plans.get_mut(&1).expect("a plan").orders.clear();
    scene.plans.get_mut(&2).expect("a plan").orders[0].sequence = 1;
    scene.plans.get_mut(&1).expect("a plan").deposit = 1;
    assert!(matches!(refused(&scene, &scene.batch()), CoreError::Batch(BatchError::Leaf { index: 1, .. })));
}

#[test]
fn damaged_files_are_refused_without_their_content() {
    let scene = pair();
    let text = json::write_batch(&scene.params, &scene.batch());
    let cases = [
        (text.replace("\"limit\": \"1000010\"", "\"limit\": 1000010"), "expected a string"),
        (text.replace("\"limit\": \"1000010\"", "\"limit\": \"01000010\""), "decimal digits in a string"),
        (text.replace("\"side\": \"buy\"", "\"side\": \"bye\""), "expected `buy` or `sell`"),
        (text.replace("\"slot\"", "\"slit\""), "unknown field `slit`"),
        (text.replace("tacit.batch.1", "tacit.batch.2"), "not `tacit.batch.1`"),
        (text[..text.len() / 2].to_owned(), "EOF"),
    ];
    for (text, expected) in cases {
        let error = json::read_batch(&text).expect_err("a damaged file").to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
        assert!(!error.contains("1000010") && !error.contains("bye"), "{error} quotes the file");
    }
}

#[test]
fn a_stored_state_is_whole_or_refused() {
    let state = pair().state();
    let bytes = state.to_bytes();
    assert_eq!(State::from_bytes(&Params::DEV, &bytes), Ok(state));
    for cut in [0, 7, 40, bytes.len() - 1] {
        assert!(State::from_bytes(&Params::DEV, &bytes[..cut]).is_err());
    }
    assert!(State::from_bytes(&Params::STANDARD, &bytes).is_err());
    let longer = [bytes.clone(), vec![0]].concat();
    assert!(State::from_bytes(&Params::DEV, &longer).is_err());
    for at in [20, 60, 100, bytes.len() - 3] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(State::from_bytes(&Params::DEV, &changed).is_err(), "byte {at}");
    }
}

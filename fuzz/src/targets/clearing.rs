//! Differential: any batch of `dev` through the core, and what the core makes of it through both circuits and the settlement's check.
//!
//! The bytes choose accounts, tables, touches and orders, extremes among them, from states that the protocol can reach (section 10, ranges). What
//! the core clears must satisfy every row, derive the planned public inputs and settle; its owners must read their accounts back. What
//! it refuses must be refused for a reason, with the state as it was.

use tacit_circuits::settlement::{Plan, verify};
use tacit_core::batch::{ClearedBatch, Outcome, SealedBatch, State, Touch, clear};
use tacit_core::json;
use tacit_core::order::{Kind, Order, Side};
use tacit_core::params::Params;
use tacit_core::seal::decrypt_touch;
use tacit_core::units::{CASH_A_VALUE, PRICE_END, TOP};

use super::says_why;
use crate::input::Input;
use crate::material::{BENEFICIARY, QUEUES, SEED, expected, settled, verifying_keys};
use crate::scene::{self, Scene, holder_of};

const PARAMS: Params = Params::DEV;
const ACCOUNTS: usize = 6;
/// Reachable accounts: |⌊cash/10⁴⌋| + 2⁴²·Σ|q| is below this, 1.58·2⁷⁷.
const REACH: i128 = 158 * (1 << 77) / 100;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let scene = scene(&mut input);
    let mut batch = scene.batch();
    if input.once_in(16) {
        (0..2).for_each(|_| tamper(&mut batch, &mut input));
    }
    let before = scene.state();
    let mut after = before.clone();
    match clear(&PARAMS, &mut after, &batch) {
        Ok(cleared) => agree(&cleared, &after),
        Err(error) => {
            says_why(&error);
            assert_eq!(after.to_bytes(), before.to_bytes(), "a refused batch changed the state");
        }
    }
}

fn agree(cleared: &ClearedBatch, after: &State) {
    let plan = Plan::new(cleared, QUEUES, BENEFICIARY, SEED);
    for segment in 0..plan.segments.len() {
        let assignment = plan.segment_assignment(segment);
        assert!(assignment.is_ok(), "core and segment {segment} disagree: {:?}", assignment.err());
    }
    let assignment = plan.closing_assignment();
    assert!(assignment.is_ok(), "core and closing circuit disagree: {:?}", assignment.err());
    let verified = verify(&settled(&plan), &verifying_keys(), &expected(cleared));
    assert_eq!(verified.as_ref(), Ok(&after.root()), "the settlement of a sound batch is refused");
    balanced(cleared);
    cleared.sealed.touches.iter().enumerate().for_each(|(at, touch)| owner_reads(cleared, after, at, touch));
    assert_eq!(State::from_bytes(&PARAMS, &after.to_bytes()).as_ref(), Ok(after));
    let text = json::write_batch(&PARAMS, &cleared.sealed);
    assert_eq!(json::read_batch(&text).map(|(_, sealed)| sealed).as_ref(), Ok(&cleared.sealed));
}

/// Buys equal sells in every instrument, and no fill is above its quantity or beyond its limit.
fn balanced(cleared: &ClearedBatch) {
    for (row, auction) in cleared.sealed.risk.rows.iter().zip(&cleared.auctions) {
        let mut net = 0;
        for (touch, result) in cleared.sealed.touches.iter().zip(&cleared.touches) {
            for (sealed, outcome) in touch.orders.iter().zip(&result.orders) {
                let order = &sealed.order;
                if outcome.fill == 0 || order.instrument != row.instrument {
                    continue;
                }
                let kept =
                    if order.side.is_buy() { auction.price <= order.limit } else { auction.price >= order.limit };
                assert!(outcome.fill <= order.quantity && kept && outcome.admitted, "a fill beyond its order");
                net += order.side.sign() * i64::from(outcome.fill);
            }
        }
        assert_eq!(net, 0, "buys and sells of instrument {} differ", row.instrument);
    }
}

fn owner_reads(cleared: &ClearedBatch, after: &State, at: usize, touch: &Touch) {
    let result = &cleared.touches[at];
    let domain = cleared.context.domain;
    match (&result.new, decrypt_touch(&result.words, &touch.holder, &PARAMS, domain, touch.index)) {
        (Some(leaf), Ok((read, outcomes))) => {
            assert!(read == *leaf && after.leaf(touch.index) == Some(leaf), "the owner reads another account");
            let made: Vec<Outcome> = result.orders.iter().map(|order| order.outcome()).collect();
            assert_eq!(outcomes[..made.len()], made);
        }
        (None, Err(error)) => says_why(&error),
        (_, read) => panic!("account {} exists or not, its owner reads {read:?}", touch.index),
    }
}

// ---- a batch of bytes ---------------------------------------------------------------------------------------------------

fn scene(input: &mut Input<'_>) -> Scene {
    let mut scene = Scene::new(PARAMS);
    scene.context.batch = input.pick(&[scene::BATCH, 1, 2, u32::MAX]);
    scene.context.last_void = input.pick(&[0, 3, 9, u32::MAX - 1]).min(scene.context.batch - 1);
    scene.context.time = input.pick(&[0, 1_700_000_000, (1 << 40) - 1]);
    scene.context.fee_rate = input.pick(&[5, 0, 1, 300, 9_999]);
    (scene.context.num, scene.context.den) = input.pick(&[(5, 4), (1, 1), (2, 1), (5, 3), (5, 1), (4, 4)]);
    let ids = tables(&mut scene, input);
    let indices = accounts(&mut scene, input, &ids);
    let orders = 2 + input.below(3 * indices.len());
    for _ in 0..orders {
        order(&mut scene, input, &indices, &ids);
    }
    scene
}

/// Rows of both kinds by increasing ids.
fn tables(scene: &mut Scene, input: &mut Input<'_>) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut id = 0;
    for _ in 0..input.below(PARAMS.rows + PARAMS.settled + 1) {
        id += input.pick(&[1, 2, 7, 1 << 20]);
        let settles = input.once_in(4);
        if settles && scene.settled.len() < PARAMS.settled {
            scene.settle(id, price(input));
        } else if scene.risk.len() < PARAMS.rows {
            row(scene, id, input);
        } else {
            continue;
        }
        ids.push(id);
    }
    if input.once_in(8) && scene.risk.len() < PARAMS.rows {
        row(scene, TOP - 1, input);
        ids.push(TOP - 1);
    }
    ids
}

fn price(input: &mut Input<'_>) -> u64 {
    let usual = 1_000_000;
    let base = input.pick(&[usual, usual, usual, usual, 0, 1, 5_000, PRICE_END - 1]);
    (base + u64::from(input.byte() % 16) * 1_000).min(PRICE_END - 1)
}

fn row(scene: &mut Scene, id: u32, input: &mut Input<'_>) {
    let mark = price(input);
    let shapes = input.byte();
    let row = scene.row(id, mark);
    row.values.iter_mut().for_each(|value| *value = (*value).min(PRICE_END - 1));
    if shapes % 8 == 7 {
        row.values.iter_mut().for_each(|value| *value = price(input));
    }
    row.short_minimum = [0, 0, 0, mark / 10, mark / 10, mark, 1, PRICE_END - 1][usize::from(shapes / 8 % 8)];
}

fn accounts(scene: &mut Scene, input: &mut Input<'_>, ids: &[u32]) -> Vec<u32> {
    let mut indices = vec![0];
    let mut index = 0;
    for _ in 0..input.below(ACCOUNTS) {
        index += input.pick(&[1, 2, 8, 63, 100]);
        account(scene, input, index, ids);
        indices.push(index);
    }
    if input.once_in(8) {
        account(scene, input, PARAMS.capacity() - 1, ids);
        indices.push(PARAMS.capacity() - 1);
    }
    if input.once_in(4) {
        fund(scene, input);
    }
    indices
}

fn account(scene: &mut Scene, input: &mut Input<'_>, index: u32, ids: &[u32]) {
    scene.plans.entry(index).or_default();
    let kind = input.byte();
    if kind % 8 != 7 {
        let positions = positions(input, ids);
        let room = REACH - positions.iter().map(|(_, lots)| i128::from(lots.abs()) << 42).sum::<i128>();
        let most = room.max(0) * CASH_A_VALUE;
        let cash = input.pick(&[1_000, 1_000, 1_000, 100_000, 100_000, 100_000_000, 1, 0, -1, 1 << 40, -(1 << 40)])
            * scene::QUOTE;
        let cash = (cash + i128::from(input.byte())).clamp(-most, most);
        let leaf = scene.account(index, cash, &positions);
        leaf.epoch = input.pick(&[0, 1, 2, u32::MAX]);
        leaf.bitmap = input.pick(&[0, 0, 0, 0, 1, 2, 0xff, u64::MAX]);
        leaf.updates = if input.once_in(64) { u32::MAX } else { input.pick(&[0, 1, u32::MAX - 1]) };
    }
    let plan = scene.plans.get_mut(&index).expect("just inserted");
    match kind / 8 % 8 {
        1 => plan.exit = Some(input.pick(&[0, 1, 1_000_000, 1_000_000_000, u64::MAX])),
        2 | 3 => plan.deposit = input.pick(&[1, 1_000_000, 1_000_000_000_000, (1 << 60) - 1]),
        _ => {}
    }
}

/// Positions whose lots a reachable account can hold.
fn positions(input: &mut Input<'_>, ids: &[u32]) -> Vec<(u32, i64)> {
    let mut left = 1 << 35;
    let mut positions = Vec::new();
    let held = input.byte();
    for (at, id) in ids.iter().enumerate().take(8) {
        if held >> at & 1 == 1 && positions.len() < PARAMS.positions {
            let extreme = input.once_in(32);
            let lots: i64 = input.pick(if extreme { &[(1 << 35) - 1, -(1 << 35)] } else { &[1, -1, 5, -5, 60, -900] });
            let lots = lots.clamp(-left, left.min((1 << 35) - 1));
            left -= lots.abs();
            positions.extend((lots != 0).then_some((*id, lots)));
        }
    }
    positions
}

/// The fund as it may be later than at genesis.
fn fund(scene: &mut Scene, input: &mut Input<'_>) {
    let leaf = scene.leaves.get_mut(&0).expect("the fund is there from the start");
    leaf.cash = input.pick(&[0, 1, -1, 1_000_000]) * scene::QUOTE;
    leaf.updates = input.pick(&[0, 1, u32::MAX - 1]);
    let plan = scene.plans.get_mut(&0).expect("the fund is touched");
    plan.deposit = input.pick(&[0, 0, 1, 1_000_000]);
    plan.exit = (plan.deposit == 0 && input.once_in(4)).then_some(1_000_000);
}

fn order(scene: &mut Scene, input: &mut Input<'_>, indices: &[u32], ids: &[u32]) {
    let index = input.pick(indices);
    let plan = &scene.plans[&index];
    if plan.exit.is_some() || plan.orders.len() == PARAMS.orders {
        return;
    }
    let withdraws = plan.orders.iter().any(|sealed| sealed.order.kind == Kind::Withdraw);
    let slot = 20 + plan.orders.len() as u8;
    let kind = input.byte();
    let mut order = match kind % 16 {
        14 if !withdraws => withdrawal(index, input),
        15 => scene::cancel(index, input.pick(&[0, 1, 2, 3, u32::MAX])),
        _ => trade(scene, input, index, ids),
    };
    let batch = scene.context.batch;
    (order.first_batch, order.last_batch) = (batch, batch);
    (order.slot, order.survives_void) = (slot, true);
    if order.kind != Kind::Cancel {
        order.epoch = scene.leaves.get(&index).map_or(0, |leaf| leaf.epoch);
    }
    if kind / 16 % 8 == 7 {
        unusual(&mut order, input, batch);
    }
    scene.order(order);
    let unsigned = !scene.leaves.contains_key(&index) && scene.plans[&index].deposit == 0;
    if input.once_in(if unsigned { 2 } else { 128 }) {
        spoil_signature(scene, index, input);
    }
}

fn withdrawal(index: u32, input: &mut Input<'_>) -> Order {
    let quantity = input.pick(&[1, 7, u32::MAX]);
    let limit = input.pick(&[0, 1, 1_000_000, 600_000_000, PRICE_END - 1]);
    let order = scene::order(index, 0, Side::Buy, quantity, limit);
    Order { kind: Kind::Withdraw, recipient: [input.byte(); 20], ..order }
}

fn trade(scene: &Scene, input: &mut Input<'_>, index: u32, ids: &[u32]) -> Order {
    let unknown = [3, 11, TOP - 2];
    // Few instruments trade, so that books cross.
    let busy: Vec<u32> = scene.risk.keys().copied().take(2).collect();
    let instrument = match input.byte() % 16 {
        0..13 if !busy.is_empty() => input.pick(&busy),
        13..15 if !ids.is_empty() => input.pick(ids),
        _ => input.pick(&unknown),
    };
    let mark = scene.risk.get(&instrument).map_or(1_000, |row| row.mark);
    let step = i128::from(input.below(9) as u8) - 4;
    let near = i128::from(mark) + step * i128::from(mark / 1_000 + 1);
    let limit = u64::try_from(near.clamp(0, i128::from(PRICE_END) - 1)).expect("clamped to prices");
    let limit = if input.once_in(16) { input.pick(&[0, PRICE_END - 1]) } else { limit };
    let side = input.pick(&[Side::Buy, Side::Sell]);
    let lots = input.pick(&[10, 10, 10, 1, 3, 7, 50, 50, 900, 20_000, 10, 3, u32::MAX]);
    scene::order(index, instrument, side, lots, limit)
}

/// What the ten tests look at.
fn unusual(order: &mut Order, input: &mut Input<'_>, batch: u32) {
    match input.below(6) {
        0 => order.first_batch = input.pick(&[0, 1, batch.saturating_add(1), batch.saturating_sub(1)]),
        1 => order.last_batch = input.pick(&[0, batch.saturating_sub(1), u32::MAX]),
        2 => (order.survives_void, order.first_batch) = (false, input.pick(&[0, 1, 3, batch])),
        3 => order.max_fee_rate = input.pick(&[0, 4, 5, 16_383]),
        4 => order.epoch = input.pick(&[0, 1, 2, u32::MAX]),
        _ => order.slot = input.byte() % 64,
    }
}

/// Of an account that does not exist, no signature is asked for.
fn spoil_signature(scene: &mut Scene, index: u32, input: &mut Input<'_>) {
    let sealed = scene.plans.get_mut(&index).and_then(|plan| plan.orders.last_mut()).expect("just added");
    match input.below(3) {
        0 => sealed.signature.r8 = holder_of(index).key,
        1 => sealed.signature.s.0[0] ^= 1,
        _ => sealed.signature.s.0[3] = u64::MAX,
    }
}

/// What a sealer can get wrong: each of it must be refused or harmless.
fn tamper(batch: &mut SealedBatch, input: &mut Input<'_>) {
    let at = input.below(batch.touches.len().max(1));
    let kind = input.below(12);
    let Some(touch) = batch.touches.get_mut(at) else { return };
    match kind {
        0 => touch.index = input.pick(&[0, 1, 511, 512, u32::MAX]),
        1 => touch.deposit = input.long(),
        2 => touch.exit = Some(input.long()),
        3 => touch.holder.subaccount ^= 1,
        4 => touch.holder.key.x += touch.holder.key.x,
        5 => touch.orders.iter_mut().for_each(|sealed| sealed.sequence = input.word()),
        6 => touch.orders.reverse(),
        7 => touch.orders.iter_mut().for_each(|sealed| sealed.order.quantity = input.pick(&[0, 1, u32::MAX])),
        8 => batch.context.time = input.long(),
        9 => (batch.context.num, batch.context.den) = (input.byte(), input.byte()),
        10 => batch.risk.rows.iter_mut().for_each(|row| row.mark = input.long()),
        _ => drop(batch.touches.remove(at)),
    }
}

/// Of many rolls of dice, those in which most orders are filled.
pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let rolled = |number: u64| {
        let mut dice = scene::Dice(number);
        let bytes: Vec<u8> = (0..160).map(|_| (dice.roll() >> 13) as u8).collect();
        (fills(&bytes), number, bytes)
    };
    let mut all: Vec<_> = (0..200).map(rolled).collect();
    all.sort_by_key(|(fills, ..)| std::cmp::Reverse(*fills));
    all.truncate(12);
    all.into_iter().map(|(_, number, bytes)| (format!("batch {number}"), bytes)).collect()
}

fn fills(bytes: &[u8]) -> usize {
    let cleared = scene(&mut Input::new(bytes)).try_clear();
    let orders = cleared.iter().flat_map(|cleared| &cleared.touches).flat_map(|touch| &touch.orders);
    orders.filter(|order| order.fill > 0).count()
}

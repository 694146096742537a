//! Sets a scene for one batch in a few readable lines: accounts, both tables, orders, deposits, exits; or a random one from a seed.
//!
//! Keys and salts derive from indices, so a scene is the same each time it is set.
#![allow(dead_code, reason = "each test file uses its part of the scene")]

use std::collections::BTreeMap;

use tacit_core::account::{Holder, Leaf, Position};
use tacit_core::batch::{ClearedBatch, Context, SealedBatch, State, Touch, clear};
use tacit_core::eddsa::SigningKey;
use tacit_core::error::CoreError;
use tacit_core::field::{F, from_u64};
use tacit_core::order::{Kind, Order, SealedOrder, Side};
use tacit_core::params::Params;
use tacit_core::poseidon;
use tacit_core::risk::{RiskRow, RiskTable, SettledRow};
use tacit_core::seal;

/// One quote unit in cash units.
pub const QUOTE: i128 = 100_000_000_000_000;
/// Batch number of scenes.
pub const BATCH: u32 = 10;
/// Last void batch of scenes.
pub const LAST_VOID: u32 = 3;

/// The domain of scenes.
pub fn domain() -> F {
    seal::domain(31_337, &[7; 20])
}

/// The key of an account's holder.
pub fn key_of(index: u32) -> SigningKey {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&index.to_be_bytes());
    SigningKey::from_seed(&seed)
}

/// The holder of an account.
pub fn holder_of(index: u32) -> Holder {
    let viewing_key = poseidon::hash(&[from_u64(u64::from(index)), from_u64(1)]);
    Holder { key: key_of(index).public_key(), viewing_key, subaccount: index % 3 }
}

/// An order that every test admits in a scene: a trade good for the scene's batch, at any fee rate.
pub fn order(account: u32, instrument: u32, side: Side, quantity: u32, limit: u64) -> Order {
    Order {
        account,
        instrument,
        side,
        quantity,
        limit,
        max_fee_rate: 9_999,
        epoch: 0,
        slot: 0,
        first_batch: BATCH,
        last_batch: BATCH,
        survives_void: false,
        kind: Kind::Trade,
        recipient: [0; 20],
        salt: from_u64(u64::from(account) + 1_000),
    }
}

/// A withdrawal of `amount` token units.
pub fn withdrawal(account: u32, amount: u64) -> Order {
    let recipient = [account.to_be_bytes()[3] + 1; 20];
    Order { kind: Kind::Withdraw, recipient, ..order(account, 0, Side::Buy, 1, amount) }
}

/// A cancel of everything older than an epoch.
pub fn cancel(account: u32, epoch: u32) -> Order {
    Order { kind: Kind::Cancel, epoch, ..order(account, 0, Side::Sell, 1, 0) }
}

/// What a touch is to hold.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub deposit: u64,
    pub exit: Option<u64>,
    pub orders: Vec<SealedOrder>,
}

/// A batch in the making.
#[derive(Clone, Debug)]
pub struct Scene {
    pub params: Params,
    pub context: Context,
    pub leaves: BTreeMap<u32, Leaf>,
    pub risk: BTreeMap<u32, RiskRow>,
    pub settled: BTreeMap<u32, u64>,
    pub plans: BTreeMap<u32, Plan>,
    pub sequence: u32,
}

impl Scene {
    /// The fund at genesis, no instrument, nothing asked for.
    pub fn new(params: Params) -> Self {
        let genesis = State::genesis(&params, &holder_of(0), domain()).expect("a state");
        let context = Context {
            domain: domain(),
            batch: BATCH,
            last_void: LAST_VOID,
            time: 1_700_000_000,
            fee_rate: 5,
            num: 5,
            den: 4,
        };
        Self {
            params,
            context,
            leaves: genesis.leaves().map(|(index, leaf)| (index, leaf.clone())).collect(),
            risk: BTreeMap::new(),
            settled: BTreeMap::new(),
            plans: BTreeMap::from([(0, Plan::default())]),
            sequence: 0,
        }
    }

    /// An account with cash (in cash units) and positions `(instrument, lots)` in the order of ids.
    pub fn account(&mut self, index: u32, cash: i128, positions: &[(u32, i64)]) -> &mut Leaf {
        let positions = positions.iter().map(|&(instrument, quantity)| Position { instrument, quantity }).collect();
        let salt = from_u64(u64::from(index) + 7);
        let leaf = Leaf { owner: holder_of(index).owner(), cash, epoch: 0, bitmap: 0, updates: 0, salt, positions };
        self.leaves.insert(index, leaf);
        self.plans.entry(index).or_default();
        self.leaves.get_mut(&index).expect("just inserted")
    }

    /// An open instrument whose scenario values spread from half of the mark to one and a half of it.
    pub fn row(&mut self, instrument: u32, mark: u64) -> &mut RiskRow {
        let count = self.params.scenarios as u64;
        let values = (0..count).map(|s| mark * (count + 2 * s) / (2 * count)).collect();
        let row = RiskRow { instrument, mark, short_minimum: 0, greeks: from_u64(u64::from(instrument)), values };
        self.risk.insert(instrument, row);
        self.risk.get_mut(&instrument).expect("just inserted")
    }

    /// A settled instrument.
    pub fn settle(&mut self, instrument: u32, value: u64) {
        self.settled.insert(instrument, value);
    }

    /// Adds an order to its account's touch, signed, in the next free place of the queue; its sequence number.
    pub fn order(&mut self, order: Order) -> u32 {
        self.sequence += 1;
        let signature = key_of(order.account).sign(order.hash(self.context.domain));
        let plan = self.plans.entry(order.account).or_default();
        plan.orders.push(SealedOrder { order, signature, sequence: self.sequence });
        self.sequence
    }

    /// The state before the batch.
    pub fn state(&self) -> State {
        let leaves = self.leaves.iter().map(|(index, leaf)| (*index, leaf.clone()));
        State::from_leaves(&self.params, leaves).expect("leaves in range")
    }

    /// The sealed batch.
    pub fn batch(&self) -> SealedBatch {
        let touch = |(index, plan): (&u32, &Plan)| Touch {
            index: *index,
            holder: holder_of(*index),
            deposit: plan.deposit,
            exit: plan.exit,
            orders: plan.orders.clone(),
        };
        SealedBatch {
            context: self.context,
            risk: RiskTable { rows: self.risk.values().cloned().collect() },
            settled: self.settled.iter().map(|(&instrument, &value)| SettledRow { instrument, value }).collect(),
            touches: self.plans.iter().map(touch).collect(),
        }
    }

    /// Clears the batch on the scene's state.
    pub fn try_clear(&self) -> Result<ClearedBatch, CoreError> {
        clear(&self.params, &mut self.state(), &self.batch())
    }

    /// Clears the batch, which must be sound.
    pub fn clear(&self) -> ClearedBatch {
        self.try_clear().expect("a sound batch")
    }
}

/// Deterministic dice (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// True once in `n` times on average.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of the choices.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// A random batch: crossing books around the marks, and now and then everything that can go wrong with an order.
pub fn random(params: Params, seed: u64) -> Scene {
    let mut dice = Dice(seed);
    let mut scene = Scene::new(params);
    scene.context.fee_rate = dice.pick(&[0, 1, 5, 300]);
    (scene.context.num, scene.context.den) = dice.pick(&[(5, 4), (1, 1), (2, 1), (5, 3)]);
    let ids = random_tables(&mut scene, &mut dice);
    let accounts = 1 + dice.below(3 * params.touches as u64) as u32;
    for index in 1..=accounts {
        random_account(&mut scene, &mut dice, index, &ids);
    }
    random_orders(&mut scene, &mut dice, accounts, &ids);
    scene
}

fn random_tables(scene: &mut Scene, dice: &mut Dice) -> Vec<u32> {
    let (rows, settled) = (dice.below(scene.params.rows as u64 + 1), dice.below(scene.params.settled as u64 + 1));
    let mut id = 0;
    let mut ids = Vec::new();
    let mut kinds = vec![true; rows as usize];
    kinds.resize((rows + settled) as usize, false);
    for at in (1..kinds.len()).rev() {
        kinds.swap(at, dice.below(at as u64 + 1) as usize);
    }
    for open in kinds {
        id += 1 + dice.below(3) as u32;
        ids.push(id);
        if open {
            let mark = dice.pick(&[0, 1, 5_000, 1_000_000, 30_000_000_000]);
            let mark = mark + dice.below(mark / 2 + 2);
            scene.row(id, mark).short_minimum = dice.below(mark / 10 + 1);
        } else {
            scene.settle(id, dice.below(2_000_000));
        }
    }
    ids
}

fn random_account(scene: &mut Scene, dice: &mut Dice, index: u32, ids: &[u32]) {
    scene.plans.insert(index, Plan::default());
    if !dice.once_in(12) {
        let mut positions = Vec::new();
        let full = dice.once_in(3);
        let most = scene.params.positions as u64;
        let wanted = if full { most } else { dice.below(most + 1) } as usize;
        for &id in ids {
            if positions.len() < wanted && (full && !dice.once_in(4) || dice.once_in(2)) {
                let lots = 1 + dice.below(50_000) as i64;
                positions.push((id, if dice.once_in(2) { lots } else { -lots }));
            }
        }
        let cash = dice.pick(&[-1, 0, 1, 500, 100_000, 100_000_000]) * QUOTE + i128::from(dice.roll() as u32);
        let cash = if dice.once_in(20) { (5 << 88) + 12_345 } else { cash };
        let leaf = scene.account(index, cash, &positions);
        leaf.epoch = dice.below(3) as u32;
        leaf.bitmap = dice.roll() & dice.roll();
        leaf.updates = dice.below(9) as u32;
    }
    let plan = scene.plans.get_mut(&index).expect("just inserted");
    if dice.once_in(5) {
        plan.exit = Some(dice.pick(&[0, 1, 1_000_000, 600_000_000, u64::MAX]));
    } else if dice.once_in(4) {
        plan.deposit = 1 + dice.below(1_000_000_000_000);
    }
}

fn random_orders(scene: &mut Scene, dice: &mut Dice, accounts: u32, ids: &[u32]) {
    let places = accounts as usize * scene.params.orders;
    for _ in 0..dice.below(places as u64 + 1) {
        let index = 1 + dice.below(u64::from(accounts)) as u32;
        let plan = &scene.plans[&index];
        if plan.exit.is_some() || plan.orders.len() == scene.params.orders {
            continue;
        }
        let withdraws = plan.orders.iter().any(|sealed| sealed.order.kind == Kind::Withdraw);
        let order = random_order(scene, dice, index, ids, withdraws);
        scene.order(order);
    }
}

fn random_order(scene: &Scene, dice: &mut Dice, index: u32, ids: &[u32], withdraws: bool) -> Order {
    let mut order = if dice.once_in(8) && !withdraws {
        withdrawal(index, dice.pick(&[0, 1, 1_000_000, 600_000_000]))
    } else if dice.once_in(12) {
        cancel(index, dice.below(5) as u32)
    } else {
        random_trade(scene, dice, index, ids)
    };
    order.epoch = if dice.once_in(6) { dice.below(4) as u32 } else { order.epoch.max(2) };
    order.slot = dice.below(64) as u8;
    order.salt = from_u64(dice.roll());
    if dice.once_in(12) {
        order.first_batch = dice.pick(&[2, 3, 4, BATCH, BATCH + 1]);
        order.last_batch = dice.pick(&[BATCH - 1, BATCH, BATCH + 5]);
        order.survives_void = dice.once_in(2);
    }
    if dice.once_in(12) {
        order.max_fee_rate = dice.pick(&[0, 4, 5, 16_383]);
    }
    order
}

fn random_trade(scene: &Scene, dice: &mut Dice, index: u32, ids: &[u32]) -> Order {
    // Few instruments trade, so that books cross; any id now and then, so that some are unknown or settled.
    let open: Vec<u32> = scene.risk.keys().copied().take(3).collect();
    let top = ids.last().copied().unwrap_or(0) + 3;
    let instrument =
        if open.is_empty() || dice.once_in(8) { 1 + dice.below(u64::from(top)) as u32 } else { dice.pick(&open) };
    let mark = scene.risk.get(&instrument).map_or(1_000, |row| row.mark);
    let offset = dice.below(7) * (mark / 100 + 1);
    let limit = if dice.once_in(2) { mark + offset } else { mark.saturating_sub(offset) };
    let lots = if dice.once_in(40) { u32::MAX } else { 1 + dice.below(20_000) as u32 };
    let side = if dice.once_in(2) { Side::Buy } else { Side::Sell };
    order(index, instrument, side, lots, limit)
}

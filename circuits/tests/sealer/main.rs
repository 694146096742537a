//! A sealer who seals whatever traders send: every kind of order that the state refuses (protocol section 4) is proven all the same, for the first
//! reason that applies, and changes nothing but what the protocol says.
//!
//! Each [`Case`] puts orders into an exchange in which two others trade, and says by hand what becomes of them. The batch is then compared with
//! the one without the refused orders: no other account, price, volume, cut or fee may differ. `combinations` has refused orders together,
//! `unsealable` what must not be sealed at all.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod cases;
mod combinations;
#[path = "../support/mod.rs"]
mod support;
mod unsealable;

use std::collections::BTreeMap;

use support::scene::{QUOTE, Scene, order, withdrawal};
use support::{QUEUES, SEED, record, scene_slot};
use tacit_circuits::settlement::Plan;
use tacit_core::account::{Leaf, Position};
use tacit_core::batch::{AuctionRow, ClearedBatch, ClearedTouch, Reason, SealedBatch, clear};
use tacit_core::field::from_u64;
use tacit_core::order::{Kind, Order, Side};
use tacit_core::params::Params;

/// The account whose orders are refused, between those that trade, and what it has used of its nonces.
const HOSTILE: u32 = 4;
const EPOCH: u32 = 2;
const USED_SLOT: u8 = 9;
/// An account that does not exist.
const ABSENT: u32 = 5;
/// Those that trade.
const BUYER: u32 = 2;
const SELLER: u32 = 6;
/// Instruments: two open ones, one settled; ids below, between and above them are unknown.
const OPEN: u32 = 10;
const OTHER: u32 = 20;
const SETTLED: u32 = 15;
const MARK: u64 = 1_000_000;
/// The largest quantity of an order and the largest price.
const LOTS: u32 = u32::MAX;
const PRICE: u64 = (1 << 42) - 1;
/// Test 8 by weight of a lot and bound, in units of value.
const A_LOT: i128 = 1 << 43;
const BOUND: i128 = 1 << 77;
/// Cash units of a token unit and of a unit of value.
const TOKEN: i128 = 100_000_000;
const VALUE: i128 = 10_000;

/// Orders that the state refuses, what they meet, and what the protocol says becomes of them.
struct Case {
    /// The reason it is there for.
    reason: u8,
    name: String,
    prepare: Box<dyn Fn(&mut Scene)>,
    orders: Vec<(Order, u8)>,
    seal: Box<dyn Fn(&mut SealedBatch)>,
    /// Epoch and bitmap of the hostile account afterwards.
    nonces: (u32, u64),
}

impl Case {
    /// Orders in sequence, each with the reason that the protocol gives it.
    fn new(reason: u8, name: impl Into<String>, orders: impl Into<Vec<(Order, u8)>>) -> Self {
        let nonces = (EPOCH, 1 << USED_SLOT);
        let (prepare, seal) = (Box::new(|_: &mut Scene| ()), Box::new(|_: &mut SealedBatch| ()));
        Self { reason, name: name.into(), prepare, orders: orders.into(), seal, nonces }
    }

    /// With other accounts, tables or context.
    fn on(mut self, prepare: impl Fn(&mut Scene) + 'static) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    /// With something else in the seal.
    fn sealing(mut self, seal: impl Fn(&mut SealedBatch) + 'static) -> Self {
        self.seal = Box::new(seal);
        self
    }

    /// With these nonces of the hostile account in the end.
    fn leaving(mut self, epoch: u32, bitmap: u64) -> Self {
        self.nonces = (epoch, bitmap);
        self
    }

    /// The batch, hostile orders before or after those of the others; without the refused ones if `refused` is false.
    fn batch(&self, hostile_first: bool, refused: bool) -> Cleared {
        let mut scene = exchange();
        (self.prepare)(&mut scene);
        let hostile = |scene: &mut Scene| {
            for (order, _) in self.orders.iter().filter(|(_, reason)| refused || *reason == 0) {
                scene.order(order.clone());
            }
            for (order, _) in &self.orders {
                scene.plans.entry(order.account).or_default();
            }
        };
        if hostile_first {
            hostile(&mut scene);
        }
        others_trade(&mut scene);
        if !hostile_first {
            hostile(&mut scene);
        }
        let mut batch = scene.batch();
        (self.seal)(&mut batch);
        let mut state = scene.state();
        let cleared = clear(&scene.params, &mut state, &batch);
        Cleared { scene, batch: cleared.unwrap_or_else(|e| panic!("{}: {e}", self.name)) }
    }
}

/// A batch with the scene it was set in.
struct Cleared {
    scene: Scene,
    batch: ClearedBatch,
}

impl Cleared {
    fn touch(&self, index: u32) -> &ClearedTouch {
        let at = self.batch.sealed.touches.iter().position(|touch| touch.index == index).unwrap();
        &self.batch.touches[at]
    }

    /// Reasons of an account's orders.
    fn reasons(&self, index: u32) -> Vec<u8> {
        self.touch(index).orders.iter().map(|order| order.reason.code()).collect()
    }
}

/// Two accounts that trade in two instruments, one that will not, and an instrument that is settled.
fn exchange() -> Scene {
    let mut s = Scene::new(Params::DEV);
    s.row(OPEN, MARK);
    s.row(OTHER, 2 * MARK);
    s.settle(SETTLED, 300_000);
    s.account(BUYER, 1_000 * QUOTE, &[]);
    s.account(SELLER, 1_000 * QUOTE, &[]);
    let leaf = s.account(HOSTILE, 1_000 * QUOTE, &[]);
    (leaf.epoch, leaf.bitmap) = (EPOCH, 1 << USED_SLOT);
    s
}

/// 40 of 60 lots change hands at a price above the mark, the buyer being the cut; 10 lots of the other instrument at its mark.
fn others_trade(s: &mut Scene) {
    s.order(order(BUYER, OPEN, Side::Buy, 60, MARK + 10));
    s.order(order(SELLER, OPEN, Side::Sell, 40, MARK - 10));
    s.order(scene_slot(order(SELLER, OTHER, Side::Buy, 10, 2 * MARK + 5), 1));
    s.order(scene_slot(order(BUYER, OTHER, Side::Sell, 10, 2 * MARK - 5), 1));
}

/// The hostile account's leaf.
fn leaf(s: &mut Scene) -> &mut Leaf {
    s.leaves.get_mut(&HOSTILE).unwrap()
}

/// Cash such that exactly `lots` lots more are beyond test 8.
fn cash_at_bound(lots: i128) -> i128 {
    VALUE * (BOUND - A_LOT * lots)
}

/// Would be admitted, and takes the whole book of [`OPEN`]: it has the best price of all.
fn good() -> Order {
    Order { epoch: EPOCH, slot: 1, ..order(HOSTILE, OPEN, Side::Buy, 100, MARK + 100_000) }
}

/// The same on the other side.
fn good_sell() -> Order {
    Order { epoch: EPOCH, slot: 2, ..order(HOSTILE, OPEN, Side::Sell, 100, MARK - 100_000) }
}

/// Would be paid.
fn good_withdrawal() -> Order {
    Order { epoch: EPOCH, slot: 3, ..withdrawal(HOSTILE, 5) }
}

fn withdrawal_of(quantity: u32, limit: u64) -> Order {
    Order { quantity, limit, ..good_withdrawal() }
}

fn position(instrument: u32, quantity: i64) -> Position {
    Position { instrument, quantity }
}

/// Full depth: every case with its orders before and after those of the others.
fn full() -> bool {
    std::env::var_os("TACIT_FULL").is_some()
}

#[track_caller]
fn assert_proven(cleared: &ClearedBatch, what: &str) {
    let plan = Plan::new(cleared, QUEUES, [9; 20], SEED);
    for j in 0..plan.segments.len() {
        plan.segment_assignment(j).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    plan.closing_assignment().unwrap_or_else(|e| panic!("{what}: {e}"));
}

/// The reasons are those of the protocol, in the order of the case.
#[track_caller]
fn assert_reasons(case: &Case, found: &Cleared) {
    let mut wanted: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for (order, reason) in &case.orders {
        wanted.entry(order.account).or_default().push(*reason);
    }
    for (account, reasons) in wanted {
        assert_eq!(found.reasons(account), reasons, "reason {}, {}: account {account}", case.reason, case.name);
    }
}

/// What is left of the batch is that without the refused orders, but for sequence numbers.
#[track_caller]
fn assert_no_op(case: &Case, hostile_first: bool, with: &Cleared, without: &Cleared) {
    let what = format!("reason {}, {}", case.reason, case.name);
    let mut kept: Vec<bool> = case.orders.iter().map(|(_, reason)| *reason == 0).collect();
    let others = kept.len();
    kept.resize(others + 4, true);
    if !hostile_first {
        kept.rotate_left(others);
    }
    let sequences: Vec<u32> = (1..).zip(&kept).filter(|(_, kept)| **kept).map(|(sequence, _)| sequence).collect();
    let cut = |cut: u32| sequences.get(cut as usize - 1).copied().unwrap_or(with.batch.active_orders + 1);
    for (row, other) in with.batch.auctions.iter().zip(&without.batch.auctions) {
        let expected = AuctionRow { cut: cut(other.cut), ..*other };
        assert_eq!(*row, expected, "{what}: auction");
    }
    let hostile: Vec<u32> = case.orders.iter().map(|(order, _)| order.account).collect();
    for (at, touch) in with.batch.sealed.touches.iter().enumerate() {
        let (found, other) = (&with.batch.touches[at], &without.batch.touches[at]);
        if hostile.contains(&touch.index) {
            assert_untouched(case, touch.index, with, without);
            continue;
        }
        assert_eq!((&found.new, &found.orders), (&other.new, &other.orders), "{what}: account {}", touch.index);
        let published = |touch: &ClearedTouch| [&touch.words[..1], &touch.words[2..]].concat();
        assert_eq!(published(found), published(other), "{what}: account {}", touch.index);
    }
}

/// An account keeps what it has; nonces are what the case says.
#[track_caller]
fn assert_untouched(case: &Case, index: u32, with: &Cleared, without: &Cleared) {
    let what = format!("reason {}, {}: account {index}", case.reason, case.name);
    let (found, other) = (with.touch(index), without.touch(index));
    let Some(new) = &found.new else {
        assert_eq!((&found.old, &other.new), (&None, &None), "{what}");
        assert!(found.words[2..].iter().all(|word| *word == from_u64(0)), "{what}: published");
        return;
    };
    let other = other.new.as_ref().unwrap();
    assert_eq!(
        (new.cash, &new.positions, new.owner, new.updates),
        (other.cash, &other.positions, other.owner, other.updates),
        "{what}"
    );
    assert_eq!((new.epoch, new.bitmap), case.nonces, "{what}: nonces");
    let Some(before) = with.scene.leaves.get(&index) else {
        let deposit = with.scene.plans[&index].deposit;
        assert_eq!((new.cash, new.positions.len()), (TOKEN * i128::from(deposit), 0), "{what}: opened");
        return;
    };
    let expires = before.positions.iter().any(|position| with.scene.settled.contains_key(&position.instrument));
    if !expires && case.orders.iter().all(|(order, reason)| *reason != 0 || order.kind == Kind::Cancel) {
        assert_eq!((new.cash, &new.positions, new.owner), (before.cash, &before.positions, before.owner), "{what}");
        assert_eq!(new.updates, before.updates + 1, "{what}");
        assert_eq!(found.paid, 0, "{what}");
    }
}

/// Codes and names in the table of section 4.
fn reasons_of_the_protocol() -> Vec<(u8, String)> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md")).unwrap();
    let table = text.split_once("| code | reason |").unwrap().1.split_once("\n\n").unwrap().0;
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        Some((cells.next()?.parse().ok()?, cells.next()?.to_owned()))
    };
    table.lines().filter_map(row).collect()
}

#[test]
fn every_reason_has_its_cases() {
    // How many ways to each reason at least: as many as its test has clauses and edges.
    let wanted = [(1, 10), (2, 10), (3, 15), (4, 8), (5, 6), (6, 5), (7, 6), (8, 8), (9, 8), (10, 12)];
    let core: Vec<u8> = Reason::ALL.iter().map(|reason| reason.code()).filter(|code| *code != 0).collect();
    let protocol: Vec<u8> = reasons_of_the_protocol().into_iter().map(|(code, _)| code).collect();
    assert_eq!(core, protocol, "reasons of the core and of section 4");
    let cases = cases::all();
    for code in core {
        let (_, least) = wanted.iter().find(|(reason, _)| *reason == code).expect("a reason without cases");
        let of: Vec<&Case> = cases.iter().filter(|case| case.reason == code).collect();
        assert!(of.len() >= *least, "{} cases of reason {code}, wanted {least}", of.len());
        assert!(of.iter().all(|case| case.orders.iter().any(|(_, reason)| *reason == code)), "reason {code}");
    }
}

#[test]
fn a_refused_order_is_proven_and_changes_nothing() {
    for (at, case) in cases::all().iter().enumerate() {
        for hostile_first in [false, true] {
            let (with, without) = (case.batch(hostile_first, true), case.batch(hostile_first, false));
            assert_reasons(case, &with);
            assert_no_op(case, hostile_first, &with, &without);
            if full() || hostile_first == (at % 2 == 0) {
                assert_proven(&with.batch, &format!("reason {}, {}", case.reason, case.name));
            }
        }
    }
    for (code, name) in reasons_of_the_protocol() {
        let ways: Vec<String> =
            cases::all().into_iter().filter(|case| case.reason == code).map(|case| case.name).collect();
        let result = format!("{} ways, each proven and a no-op for this reason", ways.len());
        record::line("sealer", &[&code.to_string(), &name, &ways.join("; "), &result]);
    }
}

//! A venue of 100,000 accounts: its state built, written, read again after a restart, and a batch that touches 1,000 of the accounts
//! with 4,000 signed orders cleared on it.
//!
//! One JSON object on standard output; times are medians, in seconds; `RAYON_NUM_THREADS` sets the threads.

#[path = "../tests/scene/mod.rs"]
mod scene;

use std::hint::black_box;
use std::time::Instant;

use scene::{Dice, QUOTE, Scene, holder_of};
use serde_json::json;
use tacit_core::account::{Leaf, Position};
use tacit_core::batch::{SealedBatch, State, clear};
use tacit_core::field::from_u64;
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;

const ACCOUNTS: u32 = 100_000;
const TOUCHES: u32 = 1_000;
const ORDERS_A_TOUCH: u8 = 4;
const INSTRUMENTS: u32 = 64;
const POSITIONS: u32 = 4;
const RUNS: usize = 3;

fn mark_of(instrument: u32) -> u64 {
    1_000_000 + 37_000 * u64::from(instrument)
}

/// Every account's leaf; the keys of those that are not touched matter to nobody, so all share one.
fn leaves() -> Vec<(u32, Leaf)> {
    let resting = holder_of(u32::MAX).owner();
    (0..ACCOUNTS).map(|index| (index, leaf(index, resting))).collect()
}

fn leaf(index: u32, resting: tacit_core::field::F) -> Leaf {
    let positions = (0..POSITIONS).map(|place| position(index, place)).collect();
    let touched = index.is_multiple_of(ACCOUNTS / TOUCHES);
    let owner = if touched { holder_of(index).owner() } else { resting };
    let salt = from_u64(u64::from(index) + 7);
    Leaf { owner, cash: 1_000_000 * QUOTE, epoch: 0, bitmap: 0, updates: 0, salt, positions }
}

fn position(index: u32, place: u32) -> Position {
    Position { instrument: 1 + place * (INSTRUMENTS / POSITIONS), quantity: 1 + i64::from(index % 10_000) }
}

/// Four orders of each of 1,000 accounts, spread evenly over the tree; account 0 among them has none.
fn busy_batch() -> SealedBatch {
    let mut scene = Scene::new(Params::STANDARD);
    let mut dice = Dice(1);
    for id in 1..=INSTRUMENTS {
        scene.row(id, mark_of(id));
    }
    for index in (0..ACCOUNTS).step_by((ACCOUNTS / TOUCHES) as usize).skip(1) {
        for slot in 0..ORDERS_A_TOUCH {
            let id = 1 + dice.below(u64::from(INSTRUMENTS)) as u32;
            let limit = mark_of(id) * (98 + dice.below(5)) / 100;
            let side = dice.pick(&[Side::Buy, Side::Sell]);
            scene.order(Order { slot, ..scene::order(index, id, side, 1 + dice.below(10_000) as u32, limit) });
        }
    }
    scene.batch()
}

fn median_seconds(mut run: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..RUNS).map(|_| timed(&mut run).1).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[RUNS / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

fn measure() -> serde_json::Value {
    let params = Params::STANDARD;
    let leaves = leaves();
    let (state, build) = timed(|| State::from_leaves(&params, leaves).expect("leaves in range"));
    let file = std::env::temp_dir().join(format!("tacit-accounts-bench-{}", std::process::id()));
    let save = median_seconds(|| std::fs::write(&file, state.to_bytes()).expect("a writable temporary folder"));
    let restart = median_seconds(|| {
        let stored = std::fs::read(&file).expect("the file just written");
        black_box(State::from_bytes(&params, &stored).expect("the bytes just written"));
    });
    std::fs::remove_file(&file).expect("the file just written");
    let batch = busy_batch();
    let mut moving = state.clone();
    let before = moving.snapshot();
    let mut cleared = Vec::new();
    let mut rolled_back = Vec::new();
    for _ in 0..RUNS {
        cleared.push(timed(|| drop(black_box(clear(&params, &mut moving, &batch).expect("a sound batch")))).1);
        rolled_back.push(timed(|| moving.rollback(&before)).1);
    }
    assert!(moving.root() == state.root(), "a rollback leaves no trace");
    cleared.sort_by(f64::total_cmp);
    rolled_back.sort_by(f64::total_cmp);
    json!({
        "accounts": state.accounts(),
        "touches": batch.touches.len(),
        "orders": batch.active_orders(),
        "disk_bytes": state.to_bytes().len(),
        "build_s": build,
        "save_s": save,
        "restart_s": restart,
        "snapshot_s": median_seconds(|| drop(black_box(state.snapshot()))),
        "clear_s": cleared[RUNS / 2],
        "rollback_s": rolled_back[RUNS / 2],
    })
}

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` measures.
    if std::env::args().any(|argument| argument == "--bench") {
        println!("{:#}", json!({ "accounts": measure() }));
    }
}

//! Clearing at its largest: an auction of 100,000 orders over 1,000 instruments in one call; and a whole batch of 1,000 accounts with
//! 4,000 signed orders, from its check to the new root.
//!
//! One JSON object on standard output; times are the best and the median of several runs, in seconds.

#[path = "../tests/scene/mod.rs"]
mod scene;

use std::hint::black_box;
use std::time::Instant;

use scene::{Dice, QUOTE, Scene};
use serde_json::json;
use tacit_core::auction::{AuctionOrder, Mark, clear_orders};
use tacit_core::batch::clear;
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::units::{InstrumentId, Price, Quantity, Sequence};

const ORDERS: u32 = 100_000;
const INSTRUMENTS: u32 = 1_000;
const RUNS: usize = 9;
const ACCOUNTS: u32 = 1_000;
const BATCH_RUNS: usize = 3;

/// Deterministic numbers (SplitMix64).
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn mark_of(instrument: u32) -> u64 {
    1_000_000 + 37_000 * u64::from(instrument)
}

fn order(state: &mut u64, sequence: u32) -> AuctionOrder {
    let instrument = 1 + (roll(state) % u64::from(INSTRUMENTS)) as u32;
    let spread = mark_of(instrument) / 50;
    AuctionOrder {
        instrument: InstrumentId::new(instrument).expect("an id"),
        side: if roll(state).is_multiple_of(2) { Side::Buy } else { Side::Sell },
        quantity: Quantity::new(1 + (roll(state) % 100_000) as u32).expect("lots"),
        limit: Price::new(mark_of(instrument) - spread / 2 + roll(state) % spread).expect("a price"),
        sequence: Sequence::new(sequence).expect("a place"),
    }
}

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` measures.
    if std::env::args().any(|argument| argument == "--bench") {
        println!("{:#}", json!({ "clearing": clearing_times(), "batch": batch_times() }));
    }
}

fn clearing_times() -> serde_json::Value {
    let mut state = 1;
    let orders: Vec<AuctionOrder> = (1..=ORDERS).map(|sequence| order(&mut state, sequence)).collect();
    let marks: Vec<Mark> = (1..=INSTRUMENTS).map(mark).collect();
    let mut seconds = Vec::new();
    let mut lots = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        let clearing = clear_orders(&marks, &orders, ORDERS).expect("a sound book");
        seconds.push(start.elapsed().as_secs_f64());
        lots = clearing.rows.iter().map(|row| row.volume).sum::<u64>();
    }
    seconds.sort_by(f64::total_cmp);
    json!({
        "orders": ORDERS,
        "instruments": INSTRUMENTS,
        "lots_traded": lots,
        "best_s": seconds[0],
        "median_s": seconds[RUNS / 2],
    })
}

fn batch_times() -> serde_json::Value {
    let scene = busy_scene();
    let (batch, state) = (scene.batch(), scene.state());
    let mut seconds: Vec<f64> = (0..BATCH_RUNS)
        .map(|_| {
            let mut state = state.clone();
            let start = Instant::now();
            black_box(clear(&scene.params, &mut state, &batch).expect("a sound batch"));
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    json!({
        "touches": batch.touches.len(),
        "orders": batch.active_orders(),
        "best_s": seconds[0],
        "median_s": seconds[BATCH_RUNS / 2],
    })
}

/// Four orders of each account around the marks of 64 instruments.
fn busy_scene() -> Scene {
    let mut scene = Scene::new(Params::STANDARD);
    let mut dice = Dice(1);
    for id in 1..=64 {
        scene.row(id, mark_of(id));
    }
    for index in 1..=ACCOUNTS {
        scene.account(index, 1_000_000 * QUOTE, &[]);
        for slot in 0..4 {
            let id = 1 + dice.below(64) as u32;
            let limit = mark_of(id) * (98 + dice.below(5)) / 100;
            let side = dice.pick(&[Side::Buy, Side::Sell]);
            scene.order(Order { slot, ..scene::order(index, id, side, 1 + dice.below(10_000) as u32, limit) });
        }
    }
    scene
}

fn mark(id: u32) -> Mark {
    let price = Price::new(mark_of(id)).expect("a price");
    Mark { instrument: InstrumentId::new(id).expect("an id"), price }
}

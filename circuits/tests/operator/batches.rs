//! The batches that are attacked: busy ones, ones whose limits stand a price unit apart, and random ones full of refusals.

use std::sync::{Arc, Mutex};

use tacit_core::order::Side;
use tacit_core::params::Params;

use crate::pretence::Valid;
use crate::support::busy;
use crate::support::scene::{Dice, QUOTE, Scene, order, random};

/// An attack that finds no occasion in so many batches is none.
pub const MOST: u64 = 2_000;

/// How many batches each attack is tried on.
pub fn wanted() -> u64 {
    if std::env::var_os("TACIT_FULL").is_some() { 100 } else { 6 }
}

/// The batch of a seed.
pub fn valid(seed: u64) -> Arc<Valid> {
    static MADE: Mutex<Vec<Option<Arc<Valid>>>> = Mutex::new(Vec::new());
    let at = seed as usize;
    let known = |made: &Vec<Option<Arc<Valid>>>| made.get(at).cloned().flatten();
    if let Some(valid) = known(&MADE.lock().unwrap()) {
        return valid;
    }
    let scene = match seed % 4 {
        0 => busy(Params::DEV, seed),
        1 | 2 => close(seed),
        _ => random(Params::DEV, seed),
    };
    let valid = Arc::new(Valid::of(scene).expect("a sound batch"));
    let mut made = MADE.lock().unwrap();
    if made.len() <= at {
        made.resize(at + 1, None);
    }
    made[at] = Some(Arc::clone(&valid));
    valid
}

/// A batch whose limits stand one price unit apart around the marks, with accounts that hold what has value and withdrawals.
fn close(seed: u64) -> Scene {
    let mut dice = Dice(seed ^ 0xc105e);
    let mut s = Scene::new(Params::DEV);
    s.context.fee_rate = dice.pick(&[1, 5, 300]);
    (s.context.num, s.context.den) = dice.pick(&[(5, 4), (1, 1), (5, 3)]);
    let drift = dice.below(8);
    let open = if dice.once_in(3) { vec![10, 20] } else { vec![10] };
    let mark = 1_000_000 + dice.below(1_000);
    for id in &open {
        s.row(*id, mark).short_minimum = dice.below(50_000);
    }
    s.settle(15, 1 + dice.below(2_000_000));
    let accounts = 4 + dice.below(3) as u32;
    // Equal lots make books that many prices clear; few limits make many orders stand at one.
    let (equal, steps) = (dice.once_in(2), 2 + dice.below(5));
    for index in 1..=accounts {
        let lots = 1 + dice.below(5_000) as i64;
        let held: &[(u32, i64)] = if dice.once_in(2) { &[(10, lots), (15, -lots)] } else { &[(15, lots)] };
        s.account(index, (100 + i128::from(dice.below(1_000))) * QUOTE, held);
        for slot in 0..Params::DEV.orders as u8 {
            let side = if dice.once_in(2) { Side::Buy } else { Side::Sell };
            let lots = if equal { 10 } else { 1 + dice.below(20) as u32 };
            let limit = s.risk[&10].mark + dice.below(steps) + drift - 5;
            s.order(tacit_core::order::Order { slot, ..order(index, dice.pick(&open), side, lots, limit) });
        }
    }
    s
}

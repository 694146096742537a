//! circomlib's Poseidon and the sponge `S` as rows, written down from the precomputed template of
//! `tacit_core::poseidon`.
//!
//! An s-box is three rows. Between s-boxes everything is linear: the template states the input of each partial
//! round's s-box over the outputs of those before, so no combination grows by substitution. Constant inputs are
//! folded: the capacity's first s-box costs nothing. The plain twins are `tacit_core::poseidon::{hash, permute,
//! sponge, sponge_squeeze}`.

use ark_ff::AdditiveGroup;
use tacit_core::field::{F, from_u128};
use tacit_core::poseidon::{FULL_ROUNDS, MAX_WIDTH, MIN_WIDTH, SPONGE_RATE, Template, template};

use crate::builder::{Builder, Lc};

/// Full rounds before the partial ones, and as many after.
const HALF_FULL_ROUNDS: usize = FULL_ROUNDS / 2;

/// circomlib's `Poseidon(k)` of k = 1 … 16 inputs: 402 rows for k = 8, 321 for 5, 297 for 4 (without constant inputs).
///
/// # Panics
/// If there are no inputs or more than 16.
pub fn hash(b: &mut Builder, inputs: &[Lc]) -> Lc {
    assert!(
        (MIN_WIDTH..=MAX_WIDTH).contains(&(inputs.len() + 1)),
        "Poseidon takes 1 to 16 inputs, not {}",
        inputs.len()
    );
    let state: Vec<Lc> = [&[Lc::zero()], inputs].concat();
    let sboxes = last_sboxes(b, &state);
    mixed(&sboxes, template(state.len()), 0)
}

/// The permutation of a state of 2 … 17 elements.
pub fn permute(b: &mut Builder, state: &[Lc]) -> Vec<Lc> {
    let sboxes = last_sboxes(b, state);
    (0..state.len()).map(|element| mixed(&sboxes, template(state.len()), element)).collect()
}

/// The sponge `S(tag; inputs)`: 402 rows for each eight inputs begun, 405 for every block after the first.
pub fn sponge(b: &mut Builder, tag: u64, inputs: &[Lc]) -> Lc {
    sponge_squeeze(b, tag, inputs).swap_remove(0)
}

/// `S₈(tag; inputs)`: the whole rate, elements 1 … 8, after the last permutation.
pub fn sponge_squeeze(b: &mut Builder, tag: u64, inputs: &[Lc]) -> Vec<Lc> {
    let mut state = sponge_start(tag, inputs.len());
    let mut blocks = inputs.chunks(SPONGE_RATE);
    for _ in 0..inputs.len().div_ceil(SPONGE_RATE).max(1) {
        absorb(b, &mut state, blocks.next().unwrap_or_default());
    }
    state.split_off(1)
}

/// The state of a sponge before its first block: `tag · 2⁶⁴ + length` in the capacity.
pub(crate) fn sponge_start(tag: u64, length: usize) -> Vec<Lc> {
    let mut state = vec![Lc::zero(); 1 + SPONGE_RATE];
    state[0] = Lc::constant(from_u128((u128::from(tag) << 64) + length as u128));
    state
}

/// Adds a block of at most eight elements to the rate and permutes.
pub(crate) fn absorb(b: &mut Builder, state: &mut Vec<Lc>, block: &[Lc]) {
    for (element, input) in state[1..].iter_mut().zip(block) {
        *element += input;
    }
    *state = permute(b, state);
}

/// All rounds up to the s-boxes of the last one.
fn last_sboxes(b: &mut Builder, state: &[Lc]) -> Vec<Lc> {
    let template = template(state.len());
    let (width, partial) = (template.width, template.partial_rounds);
    let mut outputs = sboxes(b, (0..width).map(|i| state[i].add_constant(template.ark[i])).collect());
    for round in 1..HALF_FULL_ROUNDS {
        outputs = full_round(b, template, &outputs, round);
    }
    for row in &template.rows[..partial] {
        let input = dense(row, &outputs);
        let output = sbox(b, &input);
        outputs.push(output);
    }
    let inputs = template.rows[partial..].iter().map(|row| dense(row, &outputs)).collect();
    outputs = sboxes(b, inputs);
    for round in HALF_FULL_ROUNDS + partial + 1..FULL_ROUNDS + partial {
        outputs = full_round(b, template, &outputs, round);
    }
    outputs
}

/// The matrix after the round before, this round's constants and s-boxes.
fn full_round(b: &mut Builder, template: &Template, outputs: &[Lc], round: usize) -> Vec<Lc> {
    let constants = &template.ark[round * template.width..];
    sboxes(b, (0..template.width).map(|i| mixed(outputs, template, i).add_constant(constants[i])).collect())
}

fn sboxes(b: &mut Builder, inputs: Vec<Lc>) -> Vec<Lc> {
    inputs.iter().map(|input| sbox(b, input)).collect()
}

/// `x⁵`. The last product has the dense factor on the left: proving pays for the right side twice.
fn sbox(b: &mut Builder, x: &Lc) -> Lc {
    let square = b.mul(x, x);
    let fourth = b.mul(&square, &square);
    b.mul(x, &fourth)
}

/// Element `i` of the state after the matrix.
fn mixed(outputs: &[Lc], template: &Template, i: usize) -> Lc {
    Lc::linear(outputs.iter().zip(template.mds[i].iter().copied()))
}

/// A row of the template over the s-box outputs so far.
fn dense(row: &[F], outputs: &[Lc]) -> Lc {
    let factors = row[1..].iter().copied();
    Lc::linear(outputs.iter().zip(factors).filter(|(_, factor)| *factor != F::ZERO)).add_constant(row[0])
}

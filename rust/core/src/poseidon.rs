//! Poseidon over BN254 exactly as circomlib computes it, and the sponge built on its permutation.
//!
//! Width t = 2 … 17, s-box x⁵, 8 full rounds and [`PARTIAL_ROUNDS`]; constants as the Poseidon paper generates them. Two forms of
//! the partial rounds are derived from these constants, once a width:
//!
//! - [`Template`], for a circuit: every s-box input as a fixed linear form of the state that enters the partial
//!   rounds and of the s-box outputs before it, so that only s-boxes cost rows;
//! - a change of basis that leaves 2t − 1 products a partial round, for speed outside a circuit.
//!
//! Both are checked against the definition, round by round, by the tests.

use std::sync::OnceLock;

use ark_ff::{AdditiveGroup, Field};

use crate::field::{F, from_u128};
use crate::grain;

/// Smallest width of the permutation.
pub const MIN_WIDTH: usize = 2;
/// Greatest width of the permutation.
pub const MAX_WIDTH: usize = 17;
/// Full rounds, half of them before the partial rounds and half after.
pub const FULL_ROUNDS: usize = 8;
/// Partial rounds of the widths 2, 3, …, 17, as circomlib has them.
pub const PARTIAL_ROUNDS: [usize; 16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];
/// Elements the sponge takes in and gives out with one permutation.
pub const SPONGE_RATE: usize = 8;

const SPONGE_WIDTH: usize = SPONGE_RATE + 1;
const HALF_FULL_ROUNDS: usize = FULL_ROUNDS / 2;

/// The permutation of one width, with its partial rounds as linear forms.
#[derive(Debug)]
pub struct Template {
    /// Number t of state elements.
    pub width: usize,
    /// Number R of partial rounds.
    pub partial_rounds: usize,
    /// Round constants: `ark[round · t + i]` is added to element i before the s-boxes of a round, 8 + R rounds in all.
    pub ark: Vec<F>,
    /// `new[i] = Σ_j mds[i][j] · old[j]`, after the s-boxes of every round.
    pub mds: Vec<Vec<F>>,
    /// Linear forms, each over the basis `[1, the t outputs of the s-boxes of the fourth full round, the R outputs of
    /// the partial rounds' s-boxes]`, so of length 1 + t + R.
    ///
    /// `rows[r]` for r < R is the input of the s-box of partial round r; it is zero beyond the outputs before r.
    /// `rows[R + i]` is the input of s-box i of the first full round after the partial ones.
    pub rows: Vec<Vec<F>>,
}

/// Everything precomputed for one width.
struct Parameters {
    template: Template,
    partial: PartialRounds,
}

/// The partial rounds after a change of basis.
///
/// With the matrix split as `[[m, v], [w, N]]`, the state elements 1 … t−1 before partial round r are written as `Nʳ(z + k_r)`, k_r
/// constant. Then a round adds a fixed multiple of the s-box output to z and nothing else.
struct PartialRounds {
    /// For each round: constant, factor of the s-box output, then factors of z in the next first element.
    first: Vec<(F, Vec<F>)>,
    /// For each round: what one unit of s-box output adds to z.
    spread: Vec<Vec<F>>,
    /// From z to the elements 1 … t−1 after the last partial round: constant and factors of each.
    last: Vec<(F, Vec<F>)>,
}

static PARAMETERS: [OnceLock<Parameters>; MAX_WIDTH + 1] = [const { OnceLock::new() }; MAX_WIDTH + 1];

fn parameters(width: usize) -> &'static Parameters {
    assert!((MIN_WIDTH..=MAX_WIDTH).contains(&width), "Poseidon has widths {MIN_WIDTH} to {MAX_WIDTH}, not {width}");
    PARAMETERS[width].get_or_init(|| Parameters::new(width))
}

/// The precomputed permutation of a width.
///
/// # Panics
/// Where the width is not between [`MIN_WIDTH`] and [`MAX_WIDTH`].
#[must_use]
pub fn template(width: usize) -> &'static Template {
    &parameters(width).template
}

/// circomlib's `Poseidon(k)` of k = 1 … 16 inputs.
///
/// # Panics
/// Where there are no inputs or more than 16.
#[must_use]
pub fn hash(inputs: &[F]) -> F {
    let width = inputs.len() + 1;
    assert!((MIN_WIDTH..=MAX_WIDTH).contains(&width), "Poseidon takes 1 to 16 inputs, not {}", inputs.len());
    let mut state = [F::ZERO; MAX_WIDTH];
    state[1..width].copy_from_slice(inputs);
    permute(&mut state[..width]);
    state[0]
}

/// The permutation, in place, of a state of 2 … 17 elements.
///
/// # Panics
/// Where the state has another length.
pub fn permute(state: &mut [F]) {
    let Parameters { template, partial } = parameters(state.len());
    let half = HALF_FULL_ROUNDS;
    for round in 0..half {
        template.full_round(round, state);
    }
    partial.apply(template.ark[half * template.width], state);
    // The constants of the first full round after the partial ones are inside `partial.last`.
    sbox_all(state);
    mix(&template.mds, state);
    for round in half + template.partial_rounds + 1..FULL_ROUNDS + template.partial_rounds {
        template.full_round(round, state);
    }
}

/// The sponge `S(tag; inputs)`: one element bound to the tag, the number of inputs and each of them.
///
/// Width 9: element 0 is the capacity and starts at `tag · 2⁶⁴ + length`; inputs are added eight at a time to the
/// elements 1 … 8, each block followed by a permutation (an empty input is one block of nothing); the result is element 1.
#[must_use]
pub fn sponge(tag: u64, inputs: &[F]) -> F {
    sponge_squeeze(tag, inputs)[0]
}

/// As [`sponge`], but the whole rate, elements 1 … 8, after the last permutation.
#[must_use]
pub fn sponge_squeeze(tag: u64, inputs: &[F]) -> [F; SPONGE_RATE] {
    let mut state = [F::ZERO; SPONGE_WIDTH];
    state[0] = from_u128(u128::from(tag) << 64 | inputs.len() as u128);
    let blocks = inputs.len().div_ceil(SPONGE_RATE).max(1);
    let mut chunks = inputs.chunks(SPONGE_RATE);
    for _ in 0..blocks {
        for (element, input) in state[1..].iter_mut().zip(chunks.next().unwrap_or_default()) {
            *element += input;
        }
        permute(&mut state);
    }
    let [_, rate @ ..] = state;
    rate
}

fn sbox(x: F) -> F {
    x.square().square() * x
}

fn sbox_all(state: &mut [F]) {
    for element in state {
        *element = sbox(*element);
    }
}

fn mix(matrix: &[Vec<F>], state: &mut [F]) {
    let mut mixed = [F::ZERO; MAX_WIDTH];
    for (out, row) in mixed.iter_mut().zip(matrix) {
        *out = dot(row, state);
    }
    state.copy_from_slice(&mixed[..state.len()]);
}

/// The inner product over the shorter of the two. Three products at a time share one reduction.
fn dot(a: &[F], b: &[F]) -> F {
    let length = a.len().min(b.len());
    let ((threes_a, rest_a), (threes_b, rest_b)) = (a[..length].as_chunks::<3>(), b[..length].as_chunks::<3>());
    let threes = threes_a.iter().zip(threes_b).map(|(a, b)| F::sum_of_products(a, b));
    let rest = rest_a.iter().zip(rest_b).map(|(a, b)| *a * b);
    threes.chain(rest).sum()
}

impl Template {
    /// One full round: constants, s-boxes, matrix.
    fn full_round(&self, round: usize, state: &mut [F]) {
        for (element, constant) in state.iter_mut().zip(&self.ark[round * self.width..]) {
            *element += constant;
        }
        sbox_all(state);
        mix(&self.mds, state);
    }

    fn new(width: usize) -> Self {
        let partial_rounds = PARTIAL_ROUNDS[width - MIN_WIDTH];
        let (ark, mds) = grain::constants(width, FULL_ROUNDS, partial_rounds);
        let rows = linear_forms(&ark, &mds, partial_rounds);
        Self { width, partial_rounds, ark, mds, rows }
    }
}

/// [`Template::rows`]: the partial rounds run on linear forms instead of values.
fn linear_forms(ark: &[F], mds: &[Vec<F>], partial_rounds: usize) -> Vec<Vec<F>> {
    let width = mds.len();
    let length = 1 + width + partial_rounds;
    let constants = |round: usize| &ark[(HALF_FULL_ROUNDS + round) * width..][..width];
    let mut rows = Vec::with_capacity(width + partial_rounds);
    let mut state: Vec<Vec<F>> = mds.iter().map(|row| on_basis(length, 1, row)).collect();
    for round in 0..partial_rounds {
        add_constants(&mut state, constants(round));
        let output = on_basis(length, 1 + width + round, &[F::ONE]);
        rows.push(std::mem::replace(&mut state[0], output));
        state = mds.iter().map(|row| combine(row, &state)).collect();
    }
    add_constants(&mut state, constants(partial_rounds));
    rows.extend(state);
    rows
}

/// A linear form with the given factors from a position of the basis on.
fn on_basis(length: usize, position: usize, factors: &[F]) -> Vec<F> {
    let mut form = vec![F::ZERO; length];
    form[position..position + factors.len()].copy_from_slice(factors);
    form
}

fn add_constants(forms: &mut [Vec<F>], constants: &[F]) {
    for (form, constant) in forms.iter_mut().zip(constants) {
        form[0] += constant;
    }
}

fn combine(factors: &[F], forms: &[Vec<F>]) -> Vec<F> {
    let mut sum = vec![F::ZERO; forms[0].len()];
    for (factor, form) in factors.iter().zip(forms) {
        for (total, part) in sum.iter_mut().zip(form).filter(|(_, part)| **part != F::ZERO) {
            *total += *factor * part;
        }
    }
    sum
}

impl Parameters {
    fn new(width: usize) -> Self {
        let template = Template::new(width);
        let partial = PartialRounds::new(&template);
        Self { template, partial }
    }
}

impl PartialRounds {
    fn new(template: &Template) -> Self {
        let Template { width, partial_rounds, ark, mds, .. } = template;
        let side = 1..*width;
        let from_first: Vec<F> = mds[side.clone()].iter().map(|row| row[0]).collect();
        let core: Vec<Vec<F>> = mds[side.clone()].iter().map(|row| row[side.clone()].to_vec()).collect();
        let inverse = inverted(&core);

        // Column j of `power` is Nʳ e_j; `undo` is N^(−r−1) w; `offset` is k_r, starting with the constants of round 0.
        let mut power = identity(*width - 1);
        let mut undo = from_first;
        let mut inverse_power = inverse.clone();
        let mut offset: Vec<F> = ark[HALF_FULL_ROUNDS * width..][side.clone()].to_vec();
        let (mut first, mut spread) = (Vec::new(), Vec::new());
        for round in 0..*partial_rounds {
            let next_constants = &ark[(HALF_FULL_ROUNDS + round + 1) * width..][..*width];
            let to_first = row_times(&mds[0][1..], &power);
            let constant = dot(&to_first, &offset) + next_constants[0];
            let factors = [&[mds[0][0]], to_first.as_slice()].concat();
            first.push((constant, factors));
            undo = times(&inverse, &undo);
            spread.push(undo.clone());
            for (sum, extra) in offset.iter_mut().zip(times(&inverse_power, &next_constants[1..])) {
                *sum += extra;
            }
            power = product(&core, &power);
            inverse_power = product(&inverse, &inverse_power);
        }
        let last = power.iter().map(|row| (dot(row, &offset), row.clone())).collect();
        Self { first, spread, last }
    }

    /// All partial rounds, and the constants of the full round that follows.
    fn apply(&self, first_constant: F, state: &mut [F]) {
        // From here on `state` is the s-box output and z behind it, so that the next first element is one dot product.
        let mut first = state[0] + first_constant;
        for ((constant, factors), spread) in self.first.iter().zip(&self.spread) {
            state[0] = sbox(first);
            first = *constant + dot(factors, state);
            let output = state[0];
            for (element, factor) in state[1..].iter_mut().zip(spread) {
                *element += output * factor;
            }
        }
        let mut last = [F::ZERO; MAX_WIDTH];
        last[0] = first;
        for (out, (constant, factors)) in last[1..].iter_mut().zip(&self.last) {
            *out = *constant + dot(factors, &state[1..]);
        }
        state.copy_from_slice(&last[..state.len()]);
    }
}

fn identity(size: usize) -> Vec<Vec<F>> {
    (0..size).map(|i| on_basis(size, i, &[F::ONE])).collect()
}

fn times(matrix: &[Vec<F>], vector: &[F]) -> Vec<F> {
    matrix.iter().map(|row| dot(row, vector)).collect()
}

fn row_times(row: &[F], matrix: &[Vec<F>]) -> Vec<F> {
    combine(row, matrix)
}

fn product(a: &[Vec<F>], b: &[Vec<F>]) -> Vec<Vec<F>> {
    a.iter().map(|row| combine(row, b)).collect()
}

/// The inverse by Gauss and Jordan. Every square part of an MDS matrix is invertible, so a pivot is always found.
fn inverted(matrix: &[Vec<F>]) -> Vec<Vec<F>> {
    let size = matrix.len();
    let mut rows: Vec<Vec<F>> =
        matrix.iter().zip(identity(size)).map(|(row, unit)| [row.clone(), unit].concat()).collect();
    for column in 0..size {
        let pivot = (column..size)
            .find(|row| rows[*row][column] != F::ZERO)
            .expect("a square part of an MDS matrix is regular");
        rows.swap(column, pivot);
        let scale = rows[column][column].inverse().expect("the pivot is not zero");
        rows[column].iter_mut().for_each(|element| *element *= scale);
        let pivot_row = rows[column].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let factor = row[column];
            row.iter_mut().zip(&pivot_row).for_each(|(element, pivot)| *element -= factor * pivot);
        }
    }
    rows.into_iter().map(|row| row[size..].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: constants, s-boxes (all, or the first), matrix, round by round.
    fn permuted_by_definition(state: &[F]) -> Vec<F> {
        let template = template(state.len());
        let mut state = state.to_vec();
        for round in 0..FULL_ROUNDS + template.partial_rounds {
            for (i, element) in state.iter_mut().enumerate() {
                *element += template.ark[round * template.width + i];
            }
            let partial = (HALF_FULL_ROUNDS..HALF_FULL_ROUNDS + template.partial_rounds).contains(&round);
            let boxes = if partial { 1 } else { template.width };
            sbox_all(&mut state[..boxes]);
            mix(&template.mds, &mut state);
        }
        state
    }

    fn permuted_by_template(state: &[F]) -> Vec<F> {
        let template = template(state.len());
        let (width, partial_rounds) = (template.width, template.partial_rounds);
        let mut state = state.to_vec();
        for round in 0..HALF_FULL_ROUNDS - 1 {
            template.full_round(round, &mut state);
        }
        for (element, constant) in state.iter_mut().zip(&template.ark[(HALF_FULL_ROUNDS - 1) * width..]) {
            *element = sbox(*element + constant);
        }
        let mut basis = [vec![F::ONE], state].concat();
        for row in &template.rows[..partial_rounds] {
            basis.push(sbox(dot(row, &basis)));
        }
        let mut state: Vec<F> = template.rows[partial_rounds..].iter().map(|row| dot(row, &basis)).collect();
        sbox_all(&mut state);
        mix(&template.mds, &mut state);
        for round in HALF_FULL_ROUNDS + partial_rounds + 1..FULL_ROUNDS + partial_rounds {
            template.full_round(round, &mut state);
        }
        state
    }

    fn some_state(width: usize) -> Vec<F> {
        (0..width).map(|i| F::from(i as u64 * 7 + 3).pow([11])).collect()
    }

    #[test]
    fn fast_form_and_template_equal_the_definition_at_every_width() {
        for width in MIN_WIDTH..=MAX_WIDTH {
            let mut state = some_state(width);
            let expected = permuted_by_definition(&state);
            assert_eq!(permuted_by_template(&state), expected, "template of width {width}");
            permute(&mut state);
            assert_eq!(state, expected, "fast form of width {width}");
        }
    }

    #[test]
    fn a_template_row_uses_no_later_sbox_output() {
        for width in MIN_WIDTH..=MAX_WIDTH {
            let template = template(width);
            assert_eq!(template.rows.len(), template.partial_rounds + width);
            for (round, row) in template.rows[..template.partial_rounds].iter().enumerate() {
                assert_eq!(row.len(), 1 + width + template.partial_rounds);
                assert!(row[1 + width + round..].iter().all(|factor| *factor == F::ZERO));
            }
        }
    }

    #[test]
    #[should_panic(expected = "1 to 16 inputs, not 17")]
    fn seventeen_inputs_are_refused() {
        let _ = hash(&[F::ONE; 17]);
    }
}

//! Sums of many scalar multiples of curve points: four fifths of the time of a proof.
//!
//! Pippenger's method with signed digits, where each bucket is summed pairwise in affine coordinates and one inversion is
//! shared by a thousand additions: six field products an addition where extended coordinates need ten. Scalars of a witness
//! are mostly zeros, ones and small numbers of either sign. Zeros are dropped, a scalar above half the modulus becomes the
//! negative of a small one, and what fits one digit is met in one window only, so such a scalar costs one addition.
//! The result is exact for all input: equal points, opposite points and the identity among them.
//! Running time depends on the scalars; a prover is not observed at this grain by whom secrets are kept from.

use ark_bn254::Fr;
use ark_ec::AdditiveGroup;
use ark_ec::short_weierstrass::{Affine, Bucket, Projective, SWCurveConfig};
use ark_ff::{BigInteger, PrimeField, Zero};
use rayon::prelude::*;

use crate::batch_add::BatchAdder;

/// Bits of a scalar's magnitude, one more than of (p − 1)/2, so that the highest digit has room for a carry.
pub(crate) const MAGNITUDE_BITS: usize = 254;
/// Fewer terms than this are multiplied one by one.
const FEW: usize = 16;

/// A scalar's magnitude, lowest limb first.
pub(crate) type Limbs = [u64; 4];

/// `Σ scalars[i] · points[i]`.
///
/// # Panics
/// If the two lists differ in length.
pub fn sum_of_products<C: SWCurveConfig<ScalarField = Fr>>(points: &[Affine<C>], scalars: &[Fr]) -> Projective<C> {
    assert_eq!(points.len(), scalars.len(), "a scalar for every point");
    let mut terms = Terms::of(scalars);
    if terms.len() < FEW {
        return points.iter().zip(scalars).map(|(point, scalar)| *point * *scalar).sum();
    }
    let bits = window_bits(terms.len());
    terms.put_wide_first(bits);
    let windows = MAGNITUDE_BITS.div_ceil(bits);
    let shift = digit_offset(bits, windows);
    terms.magnitudes.par_iter_mut().for_each(|magnitude| *magnitude = add(magnitude, &shift));
    let sums: Vec<Projective<C>> = (0..windows)
        .into_par_iter()
        .with_max_len(1)
        .map(|at| Window { at, bits, windows }.sum(points, &terms))
        .collect();
    sums.into_iter().rev().fold(Projective::zero(), |mut total, sum| {
        for _ in 0..bits {
            total.double_in_place();
        }
        total + sum
    })
}

/// The non-zero scalars as sign and magnitude. `places` holds position · 2 + sign.
struct Terms {
    places: Vec<u32>,
    magnitudes: Vec<Limbs>,
    /// The first so many have more than one digit.
    wide: usize,
}

impl Terms {
    fn of(scalars: &[Fr]) -> Self {
        let (places, magnitudes) = scalars
            .par_iter()
            .enumerate()
            .filter(|(_, scalar)| !scalar.is_zero())
            .map(|(at, scalar)| {
                let (negative, magnitude) = sign_and_magnitude(scalar);
                (u32::try_from(2 * at + usize::from(negative)).expect("fewer than 2^31 terms"), magnitude)
            })
            .unzip();
        Self { places, magnitudes, wide: 0 }
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn put_wide_first(&mut self, bits: usize) {
        let narrow = |limbs: &Limbs| limbs[1] | limbs[2] | limbs[3] == 0 && limbs[0] < 1 << (bits - 1);
        let mut wide = 0;
        for at in 0..self.len() {
            if !narrow(&self.magnitudes[at]) {
                self.places.swap(at, wide);
                self.magnitudes.swap(at, wide);
                wide += 1;
            }
        }
        self.wide = wide;
    }
}

/// Whether the scalar is above half the modulus, and its distance to the nearest multiple of the modulus.
pub(crate) fn sign_and_magnitude(scalar: &Fr) -> (bool, Limbs) {
    let value = scalar.into_bigint();
    if value <= Fr::MODULUS_MINUS_ONE_DIV_TWO {
        return (false, value.0);
    }
    let mut negated = Fr::MODULUS;
    negated.sub_with_borrow(&value);
    (true, negated.0)
}

/// The width of a digit that makes the work smallest, in field products: six an addition, measured as much again to move its
/// points, and two additions in extended coordinates a bucket.
fn window_bits(terms: usize) -> usize {
    let products = |bits: usize| MAGNITUDE_BITS.div_ceil(bits) * (12 * terms + (26 << (bits - 1)));
    (3..=16).min_by_key(|&bits| products(bits)).expect("the range is not empty")
}

/// Half a digit's range at every digit but the highest. Added to a magnitude it makes each signed digit readable in place,
/// without carries: a digit is what stands there minus that half.
pub(crate) fn digit_offset(bits: usize, windows: usize) -> Limbs {
    let mut offset = [0; 4];
    for window in 0..windows - 1 {
        let bit = window * bits + bits - 1;
        offset[bit / 64] |= 1 << (bit % 64);
    }
    offset
}

pub(crate) fn add(a: &Limbs, b: &Limbs) -> Limbs {
    let mut carry = 0;
    let mut sum = [0; 4];
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        let wide = u128::from(*a) + u128::from(*b) + carry;
        *sum = wide as u64;
        carry = wide >> 64;
    }
    sum
}

/// One digit of all magnitudes.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// Its place, from the lowest.
    pub(crate) at: usize,
    /// Bits of a digit.
    pub(crate) bits: usize,
    /// Number of digits.
    pub(crate) windows: usize,
}

impl Window {
    fn sum<C: SWCurveConfig>(self, points: &[Affine<C>], terms: &Terms) -> Projective<C> {
        let (order, lengths) = self.sorted_by_bucket(terms);
        weigh(&pairwise_sums(points, &order, lengths))
    }

    /// The signed digit of a magnitude to which [`digit_offset`] was added; at most half its range from zero.
    pub(crate) fn digit(self, limbs: &Limbs) -> i32 {
        let bit = self.at * self.bits;
        let (limb, shift) = (bit / 64, bit % 64);
        let mut value = limbs[limb] >> shift;
        if shift + self.bits > 64 && limb < 3 {
            value |= limbs[limb + 1] << (64 - shift);
        }
        if self.at + 1 == self.windows {
            return value as i32;
        }
        (value & ((1 << self.bits) - 1)) as i32 - (1 << (self.bits - 1))
    }

    /// Places (position · 2 + sign of the term) in order of their bucket, and how many each bucket holds.
    /// Bucket `b` is for digits ± (b + 1).
    fn sorted_by_bucket(self, terms: &Terms) -> (Vec<u32>, Vec<u32>) {
        let used = if self.at == 0 { terms.len() } else { terms.wide };
        let digits: Vec<i32> = terms.magnitudes[..used].iter().map(|limbs| self.digit(limbs)).collect();
        let mut lengths = vec![0u32; 1 << (self.bits - 1)];
        digits.iter().filter(|digit| **digit != 0).for_each(|digit| lengths[digit.unsigned_abs() as usize - 1] += 1);
        let mut next = Vec::with_capacity(lengths.len());
        let mut total = 0;
        for length in &lengths {
            next.push(total);
            total += length;
        }
        let mut order = vec![0; total as usize];
        for (digit, place) in digits.iter().zip(&terms.places).filter(|(digit, _)| **digit != 0) {
            let slot = &mut next[digit.unsigned_abs() as usize - 1];
            order[*slot as usize] = place ^ u32::from(*digit < 0);
            *slot += 1;
        }
        (order, lengths)
    }
}

/// The sum of each bucket: pairs are added, then pairs of the results, until one point is left.
fn pairwise_sums<C: SWCurveConfig>(points: &[Affine<C>], order: &[u32], mut lengths: Vec<u32>) -> Vec<Affine<C>> {
    let mut adder = BatchAdder::new(order.len().div_ceil(2) + lengths.len());
    let term = |at: usize| {
        let point = points[(order[at] >> 1) as usize];
        if order[at] & 1 == 1 { -point } else { point }
    };
    adder.halve(&mut lengths, term);
    while lengths.iter().any(|length| *length > 1) {
        let previous = std::mem::take(&mut adder.sums);
        adder.halve(&mut lengths, |at| previous[at]);
    }
    let mut sums = adder.sums.into_iter();
    let mut bucket = |length: &u32| if *length == 0 { None } else { sums.next() };
    lengths.iter().map(|length| bucket(length).unwrap_or_else(Affine::identity)).collect()
}

/// `Σ (b + 1) · sums[b]`.
fn weigh<C: SWCurveConfig>(sums: &[Affine<C>]) -> Projective<C> {
    let mut running = Bucket::<C>::default();
    let mut total = Bucket::<C>::default();
    for sum in sums.iter().rev() {
        running += sum;
        total += &running;
    }
    total.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{G1Projective, G2Projective, g1, g2};
    use ark_ec::CurveGroup;
    use ark_std::UniformRand;
    use ark_std::rand::Rng;

    fn naive<C: SWCurveConfig<ScalarField = Fr>>(points: &[Affine<C>], scalars: &[Fr]) -> Projective<C> {
        points.iter().zip(scalars).map(|(point, scalar)| *point * *scalar).sum()
    }

    fn scalar(rng: &mut impl Rng) -> Fr {
        let small = Fr::from(rng.gen_range(0..5000u64));
        match rng.gen_range(0..8) {
            0 => Fr::zero(),
            1 => Fr::from(1u64),
            2 => -Fr::from(1u64),
            3 => small,
            4 => -small,
            5 => Fr::from(rng.r#gen::<u64>()),
            6 => Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO) + Fr::from(rng.gen_range(0..3u64)),
            _ => Fr::rand(rng),
        }
    }

    fn agrees<C: SWCurveConfig<ScalarField = Fr>>(len: usize, point: impl Fn(usize) -> Projective<C>) {
        let mut rng = ark_std::test_rng();
        let points = Projective::normalize_batch(&(0..len).map(point).collect::<Vec<_>>());
        let scalars: Vec<Fr> = (0..len).map(|_| scalar(&mut rng)).collect();
        assert_eq!(sum_of_products(&points, &scalars), naive(&points, &scalars), "{len} terms");
    }

    #[test]
    fn equals_the_sum_of_single_products() {
        let g1 = G1Projective::rand(&mut ark_std::test_rng());
        let g2 = G2Projective::rand(&mut ark_std::test_rng());
        for len in [0, 1, 15, 16, 17, 100, 1000, 5000] {
            agrees::<g1::Config>(len, |at| g1 * Fr::from(at as u64 * 7919 + 3));
            agrees::<g2::Config>(len / 4, |at| g2 * Fr::from(at as u64 * 7919 + 3));
        }
    }

    #[test]
    fn equal_opposite_and_identity_points_are_added_rightly() {
        let g1 = G1Projective::rand(&mut ark_std::test_rng());
        let few = [g1, -g1, Projective::zero(), g1, g1.double()];
        agrees::<g1::Config>(3000, |at| few[at % few.len()]);
        agrees::<g1::Config>(3000, |_| g1);
        agrees::<g1::Config>(300, |_| Projective::zero());
    }

    #[test]
    fn every_digit_width_holds_the_extreme_scalars() {
        let half = Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO);
        let extremes = [half, half + Fr::from(1u64), -Fr::from(1u64), Fr::from(1u64 << 15), -Fr::from(1u64 << 15)];
        for bits in 3..=16 {
            let windows = MAGNITUDE_BITS.div_ceil(bits);
            let terms = Terms::of(&extremes);
            for (magnitude, place) in terms.magnitudes.iter().zip(&terms.places) {
                let shifted = add(magnitude, &digit_offset(bits, windows));
                let digits = (0..windows).map(|at| Window { at, bits, windows }.digit(&shifted));
                let value = digits.rev().fold(Fr::zero(), |value, digit| {
                    assert!(digit.unsigned_abs() <= 1 << (bits - 1), "a digit beyond the last bucket");
                    value * Fr::from(1u64 << bits) + Fr::from(digit)
                });
                let signed = if place & 1 == 1 { -value } else { value };
                assert_eq!(signed, extremes[(place >> 1) as usize], "{bits} bits");
            }
        }
    }
}

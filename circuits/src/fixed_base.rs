//! Many multiples of one point: what a set-up consists of.
//!
//! A table holds the multiples of the point for every signed digit, so a multiple is a sum of one entry a digit; the sums of many
//! scalars go digit by digit in affine coordinates. Two to three times as fast as arkworks' table.

use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{AdditiveGroup, CurveGroup};
use rayon::prelude::*;

use crate::batch_add::BatchAdder;
use crate::msm::{Limbs, MAGNITUDE_BITS, Window, add, digit_offset, sign_and_magnitude};

/// The widest digit: its entries fit the second-level cache.
const MOST_BITS: usize = 12;
/// Scalars taken through all digits together.
const CHUNK: usize = 2048;

/// The multiples of a point for every digit: at most 3 MB in G1, twice that in G2.
pub struct FixedBase<C: SWCurveConfig> {
    bits: usize,
    /// `table[w][d − 1]` is `d · 2^(bits · w)` times the point.
    table: Vec<Vec<Affine<C>>>,
}

impl<C: SWCurveConfig<ScalarField = Fr>> FixedBase<C> {
    /// The table of `base`, of the width that is best for about `count` multiples.
    #[must_use]
    pub fn new(base: Projective<C>, count: usize) -> Self {
        let bits = digit_bits(count);
        let bases: Vec<Projective<C>> =
            std::iter::successors(Some(base), |base| Some((0..bits).fold(*base, |power, _| power.double())))
                .take(MAGNITUDE_BITS.div_ceil(bits))
                .collect();
        let multiples = |base: &Projective<C>| {
            let all: Vec<_> =
                std::iter::successors(Some(*base), |sum| Some(*sum + base)).take(1 << (bits - 1)).collect();
            Projective::normalize_batch(&all)
        };
        Self { bits, table: bases.par_iter().map(multiples).collect() }
    }

    /// `scalar · base` of each scalar.
    #[must_use]
    pub fn multiples(&self, scalars: &[Fr]) -> Vec<Affine<C>> {
        scalars.par_chunks(CHUNK).flat_map_iter(|chunk| self.chunk_multiples(chunk)).collect()
    }

    fn chunk_multiples(&self, scalars: &[Fr]) -> Vec<Affine<C>> {
        let offset = digit_offset(self.bits, self.table.len());
        let shifted = |scalar: &Fr| {
            let (negative, magnitude) = sign_and_magnitude(scalar);
            (negative, add(&magnitude, &offset))
        };
        let shifted: Vec<(bool, Limbs)> = scalars.iter().map(shifted).collect();
        let mut adder = BatchAdder::new(scalars.len());
        adder.sums.extend(shifted.iter().map(|term| self.entry(0, term)));
        for at in 1..self.table.len() {
            let sums = std::mem::take(&mut adder.sums);
            adder.sums.reserve(sums.len());
            adder.add(sums.len(), |term| (sums[term], self.entry(at, &shifted[term])));
        }
        adder.sums
    }

    fn entry(&self, at: usize, (negative, magnitude): &(bool, Limbs)) -> Affine<C> {
        let digit = Window { at, bits: self.bits, windows: self.table.len() }.digit(magnitude);
        if digit == 0 {
            return Affine::identity();
        }
        let entry = self.table[at][digit.unsigned_abs() as usize - 1];
        if (digit < 0) == *negative { entry } else { -entry }
    }
}

fn digit_bits(count: usize) -> usize {
    // A table's entry costs an addition in projective coordinates and its share of an inversion.
    let products = |bits: usize| MAGNITUDE_BITS.div_ceil(bits) * ((20 << (bits - 1)) + 6 * count);
    (2..=MOST_BITS).min_by_key(|&bits| products(bits)).expect("the range is not empty")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{G1Projective, G2Projective, g1, g2};
    use ark_ff::{PrimeField, UniformRand};

    fn agrees<C: SWCurveConfig<ScalarField = Fr>>(base: Projective<C>, scalars: &[Fr]) {
        let expected: Vec<Projective<C>> = scalars.iter().map(|scalar| base * scalar).collect();
        for count in [1, 100, 1 << 20] {
            assert_eq!(FixedBase::new(base, count).multiples(scalars), Projective::normalize_batch(&expected));
        }
    }

    #[test]
    fn every_multiple_is_the_product() {
        let mut rng = ark_std::test_rng();
        let half = Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO);
        let one = Fr::from(1u64);
        let mut scalars = vec![Fr::from(0u64), one, -one, half, half + one, Fr::from(2048u64), Fr::from(2049u64)];
        scalars.extend((0..600).map(|_| Fr::rand(&mut rng)));
        agrees::<g1::Config>(G1Projective::rand(&mut rng), &scalars);
        agrees::<g2::Config>(G2Projective::rand(&mut rng), &scalars[..60]);
    }
}

//! Poseidon's constants, generated as the Poseidon paper lays down (appendix F): a Grain LFSR seeded by the parameters.
//!
//! So the constants need no table and no trust in who copied it; the external vectors check every width against circomlib.

use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};

use crate::field::F;

/// Bits of an element of the BN254 scalar field.
const FIELD_BITS: u32 = 254;

/// The bit generator: 80 bits of state, the next bit to leave in the least significant place.
struct Grain(u128);

/// Round constants, in the order of use, and the MDS matrix of a Poseidon permutation with s-box x⁵ over BN254.
pub(crate) fn constants(width: usize, full_rounds: usize, partial_rounds: usize) -> (Vec<F>, Vec<Vec<F>>) {
    let mut grain = Grain::new(width, full_rounds, partial_rounds);
    let ark = (0..width * (full_rounds + partial_rounds)).map(|_| grain.element()).collect();
    let points: Vec<F> = (0..2 * width).map(|_| grain.reduced_element()).collect();
    (ark, cauchy(&points[..width], &points[width..]))
}

/// The matrix `1 / (x_i + y_j)`. That no sum is 0 for the widths in use is part of what the external vectors check.
fn cauchy(xs: &[F], ys: &[F]) -> Vec<Vec<F>> {
    let entry = |x: F, y: F| (x + y).inverse().unwrap_or(F::ZERO);
    xs.iter().map(|x| ys.iter().map(|y| entry(*x, *y)).collect()).collect()
}

impl Grain {
    /// Seed: prime field (2 bits), s-box xᵅ (4), field bits (12), width (12), full (10) and partial rounds (10), thirty ones.
    /// The first 160 bits are thrown away.
    fn new(width: usize, full_rounds: usize, partial_rounds: usize) -> Self {
        let parts = [
            (1, 2),
            (0, 4),
            (u128::from(FIELD_BITS), 12),
            (width as u128, 12),
            (full_rounds as u128, 10),
            (partial_rounds as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        let seed = parts.iter().fold(0, |bits, (value, size)| bits << size | value);
        let mut grain = Self(u128::reverse_bits(seed) >> (128 - 80));
        for _ in 0..160 {
            grain.clock();
        }
        grain
    }

    fn clock(&mut self) -> bool {
        let tap = |place: u32| self.0 >> place;
        let bit = (tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0)) & 1;
        self.0 = self.0 >> 1 | bit << 79;
        bit == 1
    }

    /// Self-shrinking: of each pair of bits the second counts, and only where the first is 1.
    fn bit(&mut self) -> bool {
        loop {
            let (first, second) = (self.clock(), self.clock());
            if first {
                return second;
            }
        }
    }

    /// A number of as many bits as the field's order has, most significant bit first.
    fn integer(&mut self) -> BigInt<4> {
        let mut limbs = [0_u64; 4];
        for place in (0..FIELD_BITS as usize).rev() {
            limbs[place / 64] |= u64::from(self.bit()) << (place % 64);
        }
        BigInt(limbs)
    }

    /// The next number that is below the order.
    fn element(&mut self) -> F {
        loop {
            if let Some(element) = F::from_bigint(self.integer()) {
                return element;
            }
        }
    }

    /// The next number modulo the order, which is more than half of what the bits can hold.
    fn reduced_element(&mut self) -> F {
        let mut number = self.integer();
        while number >= F::MODULUS {
            ark_ff::BigInteger::sub_with_borrow(&mut number, &F::MODULUS);
        }
        F::from_bigint(number).expect("reduced just above")
    }
}

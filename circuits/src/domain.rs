//! Polynomials by their values: from the domain of the rows to the coset on which the quotient is committed.
//!
//! A proof needs the products of two polynomials at points where the vanishing polynomial is not zero. They are taken on the
//! odd powers of a 2n-th root of unity, where that polynomial is the constant −2, and the key holds the quotient's
//! commitment in the Lagrange basis of these points: so a proof takes six transforms where the textbook takes seven, and
//! no division. Roots are computed once a key. The inverse transform leaves its result in bit-reversed order, in which the
//! forward one takes it: nothing is permuted.

use ark_bn254::Fr;
use ark_ff::{FftField, Field, One, Zero, batch_inversion};

/// Below this length a transform stays on one thread.
const SERIAL: usize = 1 << 12;

/// The `n`-th roots of unity, and the odd powers of a 2n-th root.
#[derive(Clone, Debug)]
pub struct Domain {
    size: usize,
    root: Fr,
    /// A 2n-th root of unity whose square is `root`.
    shift: Fr,
    tables: Tables,
}

/// `forward[g + k]` is the `k`-th power of the 2g-th root, `backward` the same of its inverse; `twist[i]` is
/// `shift^k / n` for the bit-reversed `k` of `i`.
#[derive(Clone, Debug, Default)]
struct Tables {
    forward: Vec<Fr>,
    backward: Vec<Fr>,
    twist: Vec<Fr>,
}

impl Domain {
    /// The domain of `size` points; `None` if that is not a power of two from 2 to 2²⁷.
    #[must_use]
    pub fn new(size: usize) -> Option<Self> {
        if !size.is_power_of_two() || size < 2 {
            return None;
        }
        let shift = Fr::get_root_of_unity(2 * size as u64)?;
        Some(Self { size, root: shift.square(), shift, tables: Tables::new(size, shift) })
    }

    /// Number of points.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Turns values at the domain's points into the values of the same polynomial at the coset's points.
    ///
    /// # Panics
    /// If `values` is not as long as the domain.
    pub fn to_coset(&self, values: &mut [Fr]) {
        assert_eq!(values.len(), self.size, "a value for every point");
        interpolate(values, &self.tables.backward);
        values.iter_mut().zip(&self.tables.twist).for_each(|(value, twist)| *value *= twist);
        evaluate(values, &self.tables.forward);
    }

    /// The values at `tau` of the Lagrange polynomials of the domain; `None` if `tau` is one of its points.
    #[must_use]
    pub fn lagrange_at(&self, tau: Fr) -> Option<Vec<Fr>> {
        self.lagrange(tau, Fr::one())
    }

    /// The values at `tau` of the Lagrange polynomials of the coset; `None` if `tau` is one of its points.
    #[must_use]
    pub fn coset_lagrange_at(&self, tau: Fr) -> Option<Vec<Fr>> {
        self.lagrange(tau, self.shift)
    }

    /// The vanishing polynomial of the domain at `tau`.
    #[must_use]
    pub fn vanishing_at(&self, tau: Fr) -> Fr {
        tau.pow([self.size as u64]) - Fr::one()
    }

    /// For points `x_i = first · root^i`, all with the same n-th power `e`: `(tau^n − e) x_i / (n e (tau − x_i))`.
    fn lagrange(&self, tau: Fr, first: Fr) -> Option<Vec<Fr>> {
        let size = [self.size as u64];
        let power = first.pow(size);
        let numerator = (tau.pow(size) - power) * (Fr::from(self.size as u64) * power).inverse()?;
        if numerator.is_zero() {
            return None;
        }
        let points = powers(first, self.root, self.size);
        let mut values: Vec<Fr> = points.iter().map(|point| tau - point).collect();
        batch_inversion(&mut values);
        values.iter_mut().zip(&points).for_each(|(value, point)| *value *= numerator * point);
        Some(values)
    }
}

impl Tables {
    fn new(size: usize, shift: Fr) -> Self {
        let root = shift.square();
        let inverse = root.inverse().expect("a root of unity is not zero");
        let scale = Fr::from(size as u64).inverse().expect("a small power of two is not zero in the field");
        let natural = powers(scale, shift, size);
        let bits = size.trailing_zeros();
        let reversed = |at: usize| at.reverse_bits() >> (usize::BITS - bits);
        Self {
            forward: stages(root, size),
            backward: stages(inverse, size),
            twist: (0..size).map(|at| natural[reversed(at)]).collect(),
        }
    }
}

fn powers(first: Fr, ratio: Fr, count: usize) -> Vec<Fr> {
    std::iter::successors(Some(first), |power| Some(*power * ratio)).take(count).collect()
}

fn stages(root: Fr, size: usize) -> Vec<Fr> {
    let mut table = vec![Fr::zero(); size];
    let longest = powers(Fr::one(), root, size / 2);
    table[size / 2..].copy_from_slice(&longest);
    let mut gap = size / 4;
    while gap > 0 {
        for at in 0..gap {
            table[gap + at] = table[2 * gap + 2 * at];
        }
        gap /= 2;
    }
    table
}

/// Values in natural order to coefficients in bit-reversed order, not yet divided by their number.
fn interpolate(values: &mut [Fr], roots: &[Fr]) {
    let gap = values.len() / 2;
    let (low, high) = values.split_at_mut(gap);
    across(low, high, &roots[gap..2 * gap], |low, high, root| {
        let difference = *low - *high;
        *low += *high;
        *high = difference * root;
    });
    if gap > 1 {
        both(low, high, |half| interpolate(half, roots));
    }
}

/// Coefficients in bit-reversed order to values in natural order.
fn evaluate(values: &mut [Fr], roots: &[Fr]) {
    let gap = values.len() / 2;
    let (low, high) = values.split_at_mut(gap);
    if gap > 1 {
        both(low, high, |half| evaluate(half, roots));
    }
    across(low, high, &roots[gap..2 * gap], |low, high, root| {
        let product = *high * root;
        *high = *low - product;
        *low += product;
    });
}

fn both(low: &mut [Fr], high: &mut [Fr], work: impl Fn(&mut [Fr]) + Sync) {
    if low.len() < SERIAL {
        work(low);
        work(high);
    } else {
        rayon::join(|| work(low), || work(high));
    }
}

fn across(low: &mut [Fr], high: &mut [Fr], roots: &[Fr], butterfly: impl Fn(&mut Fr, &mut Fr, &Fr) + Sync + Copy) {
    if low.len() < SERIAL {
        return low.iter_mut().zip(high).zip(roots).for_each(|((low, high), root)| butterfly(low, high, root));
    }
    let middle = low.len() / 2;
    let (first_low, second_low) = low.split_at_mut(middle);
    let (first_high, second_high) = high.split_at_mut(middle);
    rayon::join(
        || across(first_low, first_high, &roots[..middle], butterfly),
        || across(second_low, second_high, &roots[middle..], butterfly),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
    use ark_std::UniformRand;

    #[test]
    fn to_coset_equals_interpolation_and_evaluation_by_arkworks() {
        let mut rng = ark_std::test_rng();
        for size in [2, 4, 64, 1 << 13] {
            let domain = Domain::new(size).expect("a power of two");
            let plain = Radix2EvaluationDomain::<Fr>::new(size).expect("the same");
            assert_eq!(plain.group_gen, domain.root, "arkworks uses the same root");
            let coset = plain.get_coset(domain.shift).expect("not zero");
            let mut values: Vec<Fr> = (0..size).map(|_| Fr::rand(&mut rng)).collect();
            let expected = coset.fft(&plain.ifft(&values));
            domain.to_coset(&mut values);
            assert_eq!(values, expected, "size {size}");
        }
    }

    #[test]
    fn lagrange_values_interpolate_on_both_sets_of_points() {
        let mut rng = ark_std::test_rng();
        let domain = Domain::new(8).expect("a power of two");
        let (tau, coefficients) = (Fr::rand(&mut rng), powers(Fr::rand(&mut rng), Fr::rand(&mut rng), 8));
        let at = |x: Fr| coefficients.iter().rev().fold(Fr::zero(), |sum, k| sum * x + k);
        let dot = |values: &[Fr], basis: &[Fr]| values.iter().zip(basis).map(|(v, b)| *v * b).sum::<Fr>();
        for (first, basis) in [(Fr::one(), domain.lagrange_at(tau)), (domain.shift, domain.coset_lagrange_at(tau))] {
            let values: Vec<Fr> = powers(first, domain.root, 8).into_iter().map(at).collect();
            assert_eq!(dot(&values, &basis.expect("tau is no point")), at(tau));
        }
    }

    #[test]
    fn a_point_of_the_domain_has_no_lagrange_values() {
        let domain = Domain::new(8).expect("a power of two");
        assert!(domain.lagrange_at(domain.root).is_none());
        assert!(domain.coset_lagrange_at(domain.shift).is_none());
    }

    #[test]
    fn sizes_without_a_domain_are_refused() {
        assert!([0, 1, 3, 1 << 28].into_iter().all(|size| Domain::new(size).is_none()));
    }
}

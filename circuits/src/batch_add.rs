//! Additions of many pairs of affine points at once.
//!
//! Adding in affine coordinates takes three products, if the inverse of a difference is at hand; one inversion and three
//! products for each make the inverses of a whole batch. The sums are exact for all points: equal ones, opposite ones and
//! the identity among them.

use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::{AdditiveGroup, AffineRepr};
use ark_ff::{Field, Zero};

/// Additions that share an inversion.
const BATCH: usize = 512;

/// Adds pairs of affine points; the inversions of `BATCH` of them are done as one.
pub(crate) struct BatchAdder<C: SWCurveConfig> {
    /// Results, in the order in which their pairs came.
    pub(crate) sums: Vec<Affine<C>>,
    /// Where in `sums` a result is to stand, and the number of its pair.
    waiting: Vec<(u32, u32)>,
    operands: Vec<(Affine<C>, Affine<C>)>,
    denominators: Vec<C::BaseField>,
    products: Vec<C::BaseField>,
}

impl<C: SWCurveConfig> BatchAdder<C> {
    /// An adder with room for so many results.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            sums: Vec::with_capacity(capacity),
            waiting: Vec::with_capacity(BATCH),
            operands: Vec::with_capacity(BATCH),
            denominators: Vec::with_capacity(BATCH),
            products: Vec::with_capacity(BATCH),
        }
    }

    /// One round: appends to `sums` the sum of each pair of neighbours within a bucket and the odd one left. Neighbours are
    /// `term(0), term(1) …`, `lengths` says how many belong to each bucket, and then how many sums do.
    pub(crate) fn halve(&mut self, lengths: &mut [u32], term: impl Fn(usize) -> Affine<C>) {
        let pair = |at: usize| (term(at), term(at + 1));
        let mut at = 0;
        for length in lengths {
            for _ in 0..*length / 2 {
                self.push(at, &pair);
                at += 2;
            }
            if *length % 2 == 1 {
                self.sums.push(term(at));
                at += 1;
            }
            *length = length.div_ceil(2);
        }
        self.finish(&pair);
    }

    /// Appends to `sums` the sum of each of `count` pairs.
    pub(crate) fn add(&mut self, count: usize, pair: impl Fn(usize) -> (Affine<C>, Affine<C>)) {
        (0..count).for_each(|at| self.push(at, &pair));
        self.finish(&pair);
    }

    fn push(&mut self, at: usize, pair: &impl Fn(usize) -> (Affine<C>, Affine<C>)) {
        self.waiting.push((self.sums.len() as u32, at as u32));
        self.sums.push(Affine::identity());
        if self.waiting.len() == BATCH {
            self.finish(pair);
        }
    }

    /// Adds the pairs that wait. Their operands are first copied together: nothing but loads, which overlap.
    fn finish(&mut self, pair: &impl Fn(usize) -> (Affine<C>, Affine<C>)) {
        self.operands.clear();
        self.operands.extend(self.waiting.iter().map(|(_, at)| pair(*at as usize)));
        self.denominators.clear();
        self.products.clear();
        let mut product = C::BaseField::ONE;
        for (left, right) in &self.operands {
            let denominator = denominator(left, right);
            self.products.push(product);
            self.denominators.push(denominator);
            product *= denominator;
        }
        let Some(mut inverse) = product.inverse() else { unreachable!("no denominator is zero") };
        let before = self.products.iter().zip(&self.denominators).rev();
        let pairs = self.waiting.iter().zip(&self.operands).rev();
        for (((place, _), (left, right)), (before, denominator)) in pairs.zip(before) {
            self.sums[*place as usize] = joined(left, right, inverse * before);
            inverse *= denominator;
        }
        self.waiting.clear();
    }
}

/// What the slope of the line through two points is divided by; one where there is no such slope.
fn denominator<C: SWCurveConfig>(left: &Affine<C>, right: &Affine<C>) -> C::BaseField {
    let difference = right.x - left.x;
    if difference.is_zero() || left.is_zero() || right.is_zero() {
        let doubled = left.y.double();
        let tangent = difference.is_zero() && left.y == right.y && !doubled.is_zero();
        return if tangent { doubled } else { C::BaseField::ONE };
    }
    difference
}

/// The sum of two points, given the inverse of their [`denominator`].
fn joined<C: SWCurveConfig>(left: &Affine<C>, right: &Affine<C>, inverse: C::BaseField) -> Affine<C> {
    if left.x == right.x || left.is_zero() || right.is_zero() {
        return joined_exceptionally(left, right, inverse);
    }
    through(left, right, (right.y - left.y) * inverse)
}

#[cold]
fn joined_exceptionally<C: SWCurveConfig>(left: &Affine<C>, right: &Affine<C>, inverse: C::BaseField) -> Affine<C> {
    if left.is_zero() {
        *right
    } else if right.is_zero() {
        *left
    } else if left.y == right.y && !left.y.is_zero() {
        let square = left.x.square();
        through(left, right, (square.double() + square + C::COEFF_A) * inverse)
    } else {
        Affine::identity()
    }
}

/// The third point, mirrored, of the line of this slope through two points.
fn through<C: SWCurveConfig>(left: &Affine<C>, right: &Affine<C>, slope: C::BaseField) -> Affine<C> {
    let x = slope.square() - left.x - right.x;
    Affine::new_unchecked(x, slope * (left.x - x) - left.y)
}

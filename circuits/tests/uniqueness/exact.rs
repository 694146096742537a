//! Uniqueness to all orders, by propagation: which wires a satisfied circuit lets take no other value once some are known.
//!
//! This is where the tangent is blind: bits, ranges, splits, comparisons. Known wires have their values of `z`; a row that leaves one
//! unknown with one solution makes it known. For what is ranged, the unknowns of a row that is linear in them move within intervals of
//! integers (a boolean's from 0 to 1, a sum's what its parts allow), and where the row's sum cannot reach p it is an equation of
//! integers, which narrows each interval by the others. So bits of a known number are known if they are too few for a second reading
//! modulo p; a quotient and a remainder are, if the remainder is ranged below the divisor and the quotient is ranged at all.
//!
//! What is found determined is unique beyond doubt. What is not may be unique all the same: nothing is tried out, and a product of two
//! unknowns says nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};

use ark_ff::{AdditiveGroup, Field, PrimeField};
use num_bigint::{BigInt, BigUint};
use tacit_circuits::matrices::{Matrices, SparseMatrix};
use tacit_core::field::F;

use super::Lists;

/// Wires that propagation does not determine in the rows of `keep` when those of `known` have their values of `z`. A witness that only
/// rows left out name does not count.
pub fn undetermined(
    matrices: &Matrices,
    z: &[F],
    known: impl Fn(usize) -> bool,
    keep: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let mut propagation = Propagation::new(matrices, z, known, keep);
    propagation.run();
    let named = |wire: usize| !propagation.rows_of.of(wire).is_empty();
    (1..z.len()).filter(|wire| !propagation.known[*wire] && (*wire <= matrices.n_inputs || named(*wire))).collect()
}

/// Open wires of a row that is worth a visit: one that it may determine, and some whose factors may turn out to be 0.
const MOST_OPEN: u32 = 4;

/// How far a wire may be from its value: from `low` ≤ 0 to `high` ≥ 0.
#[derive(Clone, PartialEq)]
struct Interval {
    low: BigInt,
    high: BigInt,
}

impl Interval {
    fn between(end: BigInt) -> Self {
        Self { low: end.clone().min(BigInt::ZERO), high: end.max(BigInt::ZERO) }
    }

    fn scaled(&self, k: &BigInt) -> Self {
        let ends = [&self.low * k, &self.high * k];
        let [low, high] = if ends[0] <= ends[1] { ends } else { [ends[1].clone(), ends[0].clone()] };
        Self { low, high }
    }
}

/// An unknown of a linear row: a wire, or the bit that a boolean form is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unknown {
    Wire(u32),
    Bit { set: bool },
}

struct Propagation<'m> {
    matrices: &'m Matrices,
    z: &'m [F],
    modulus: BigInt,
    kept: Vec<bool>,
    known: Vec<bool>,
    around: HashMap<u32, Interval>,
    rows_of: Lists,
    /// Of each row: unknown wires without an interval. One with more than a few says nothing yet.
    open: Vec<u32>,
    queue: VecDeque<u32>,
    queued: Vec<bool>,
}

impl<'m> Propagation<'m> {
    fn new(matrices: &'m Matrices, z: &'m [F], known: impl Fn(usize) -> bool, keep: impl Fn(usize) -> bool) -> Self {
        let known: Vec<bool> = (0..z.len()).map(|wire| wire == 0 || known(wire)).collect();
        let kept: Vec<bool> = (0..matrices.rows()).map(keep).collect();
        let mut rows = Lists { starts: vec![0], items: Vec::new() };
        let mut open = vec![0; matrices.rows()];
        for row in 0..matrices.rows() {
            if kept[row] {
                let mut wires: Vec<u32> = [&matrices.a, &matrices.b, &matrices.c]
                    .into_iter()
                    .flat_map(|m| m.row(row).map(|term| term.1))
                    .filter(|wire| *wire != 0)
                    .collect();
                wires.sort_unstable();
                wires.dedup();
                open[row] = wires.iter().filter(|wire| !known[**wire as usize]).count() as u32;
                rows.items.extend(wires);
            }
            rows.starts.push(u32::try_from(rows.items.len()).expect("fewer than 2^32 terms"));
        }
        Self {
            matrices,
            z,
            modulus: BigUint::from(F::MODULUS).into(),
            kept,
            known,
            around: HashMap::new(),
            rows_of: rows.transposed(z.len()),
            queue: (0..matrices.rows() as u32).filter(|row| open[*row as usize] <= MOST_OPEN).collect(),
            queued: open.iter().map(|open| *open <= MOST_OPEN).collect(),
            open,
        }
    }

    fn run(&mut self) {
        while let Some(row) = self.queue.pop_front() {
            self.queued[row as usize] = false;
            if self.kept[row as usize] {
                self.visit(row as usize);
            }
        }
    }

    fn unknown(&self, matrix: &SparseMatrix, row: usize) -> Vec<(F, u32)> {
        matrix.row(row).filter(|term| !self.known[term.1 as usize]).collect()
    }

    fn visit(&mut self, row: usize) {
        let m = self.matrices;
        let [a, b, c] = [&m.a, &m.b, &m.c].map(|matrix| self.unknown(matrix, row));
        let (left, right) = (m.a.dot(row, self.z), m.b.dot(row, self.z));
        let scaled = |terms: &[(F, u32)], k: F| terms.iter().map(|(x, wire)| (*x * k, *wire)).collect::<Vec<_>>();
        if a.is_empty() || b.is_empty() {
            let factor = if a.is_empty() { scaled(&b, left) } else { scaled(&a, right) };
            self.linear([factor, scaled(&c, -F::ONE)].concat(), None);
        } else if m.a.row(row).eq(m.b.row(row)) && m.a.row(row).eq(m.c.row(row)) {
            self.linear(a, Some(left == F::ONE));
        } else if let Some(wire) = only_wire(&[&a, &b, &c]) {
            let factor = |terms: &[(F, u32)]| terms.first().map_or(F::ZERO, |term| term.0);
            let square = factor(&a) * factor(&b);
            let slope = left * factor(&b) + right * factor(&a) - factor(&c);
            self.quadratic(wire, square, slope);
        }
    }

    /// `square·δ² + slope·δ = 0` for the wire's distance δ from its value.
    fn quadratic(&mut self, wire: u32, square: F, slope: F) {
        if square == F::ZERO && slope == F::ZERO {
            return;
        }
        if square == F::ZERO || slope == F::ZERO {
            return self.settle(wire);
        }
        let other = self.signed(-slope * square.inverse().expect("checked above"));
        match self.around.get(&wire) {
            Some(interval) if other < interval.low || other > interval.high => self.settle(wire),
            _ => self.narrow(wire, Interval::between(other)),
        }
    }

    /// `Σ k·δ = 0`, or `= δ of a bit`, which is set or not.
    fn linear(&mut self, terms: Vec<(F, u32)>, bit: Option<bool>) {
        let mut sum: BTreeMap<Unknown, F> = BTreeMap::new();
        for (k, wire) in terms {
            *sum.entry(Unknown::Wire(wire)).or_default() += k;
        }
        sum.extend(bit.map(|set| (Unknown::Bit { set }, -F::ONE)));
        sum.retain(|_, k| *k != F::ZERO);
        let unknowns: Vec<Unknown> = sum.keys().copied().collect();
        if let [Unknown::Wire(wire)] = unknowns[..] {
            return self.settle(wire);
        }
        let open: Vec<Unknown> = unknowns.iter().copied().filter(|unknown| self.interval(*unknown).is_none()).collect();
        match open[..] {
            [] => self.narrow_all(&sum),
            [Unknown::Wire(wire)] => self.bound(wire, &sum),
            _ => (),
        }
    }

    fn interval(&self, unknown: Unknown) -> Option<Interval> {
        match unknown {
            Unknown::Wire(wire) => self.around.get(&wire).cloned(),
            Unknown::Bit { set } => Some(Interval::between(BigInt::from(if set { -1 } else { 1 }))),
        }
    }

    /// The wire's interval from those of all others.
    fn bound(&mut self, wire: u32, sum: &BTreeMap<Unknown, F>) {
        let own = -sum[&Unknown::Wire(wire)].inverse().expect("zeros were dropped");
        let mut total = Interval { low: BigInt::ZERO, high: BigInt::ZERO };
        for (unknown, k) in sum.iter().filter(|(unknown, _)| **unknown != Unknown::Wire(wire)) {
            let Some(interval) = self.interval(*unknown) else { return };
            let part = interval.scaled(&self.signed(*k * own));
            (total.low, total.high) = (total.low + part.low, total.high + part.high);
        }
        if &total.high - &total.low < self.modulus {
            self.narrow(wire, total);
        }
    }

    /// Each interval by the others, where the row is an equation of integers.
    fn narrow_all(&mut self, sum: &BTreeMap<Unknown, F>) {
        // Terms as integers: scaled so that one of them, any that serves, is 1.
        for unit in sum.values() {
            let scale = unit.inverse().expect("zeros were dropped");
            let parts: Vec<(Unknown, BigInt, Interval)> = sum
                .iter()
                .filter_map(|(unknown, k)| {
                    let k = self.signed(*k * scale);
                    let interval = self.interval(*unknown)?.scaled(&k);
                    Some((*unknown, k, interval))
                })
                .collect();
            let low: BigInt = parts.iter().map(|part| &part.2.low).sum();
            let high: BigInt = parts.iter().map(|part| &part.2.high).sum();
            if &high - &low >= self.modulus {
                continue;
            }
            // k·δ lies between what the others leave.
            let bound = |k: &BigInt, part: &Interval| {
                let (from, to) = (&part.high - &high, &part.low - &low);
                let (from, to) = if *k < BigInt::ZERO { (to, from) } else { (from, to) };
                Interval { low: -floor(-from, k), high: floor(to, k) }
            };
            for (unknown, k, part) in &parts {
                match unknown {
                    Unknown::Wire(wire) => self.narrow(*wire, bound(k, part)),
                    Unknown::Bit { set } => {
                        let bound = bound(k, part);
                        if (if *set { bound.low } else { bound.high }) == BigInt::ZERO {
                            let wires =
                                sum.iter().filter(|(other, _)| *other != unknown).map(|(other, k)| (*other, *k));
                            return self.narrow_all(&wires.collect());
                        }
                    }
                }
            }
            return;
        }
    }

    /// Takes a bound on a wire into account.
    fn narrow(&mut self, wire: u32, bound: Interval) {
        if self.known[wire as usize] {
            return;
        }
        let before = self.around.get(&wire).cloned();
        let after = before.clone().map_or(bound.clone(), |interval| Interval {
            low: interval.low.max(bound.low),
            high: interval.high.min(bound.high),
        });
        if after.low == BigInt::ZERO && after.high == BigInt::ZERO {
            return self.settle(wire);
        }
        if before.as_ref() != Some(&after) {
            self.around.insert(wire, after);
            self.wake(wire, before.is_none());
        }
    }

    fn settle(&mut self, wire: u32) {
        if !self.known[wire as usize] {
            self.known[wire as usize] = true;
            let was_open = self.around.remove(&wire).is_none();
            self.wake(wire, was_open);
        }
    }

    /// Queues the rows of a wire of which more is known; `closed` if it was open before.
    fn wake(&mut self, wire: u32, closed: bool) {
        for row in self.rows_of.of(wire as usize) {
            let at = *row as usize;
            self.open[at] -= u32::from(closed);
            if self.open[at] <= MOST_OPEN && !std::mem::replace(&mut self.queued[at], true) {
                self.queue.push_back(*row);
            }
        }
    }

    /// The number between −p/2 and p/2.
    fn signed(&self, x: F) -> BigInt {
        let number = BigInt::from(BigUint::from(x));
        if &number * 2 > self.modulus { number - &self.modulus } else { number }
    }
}

/// The quotient, rounded to −∞.
fn floor(dividend: BigInt, divisor: &BigInt) -> BigInt {
    let (quotient, remainder) = (&dividend / divisor, &dividend % divisor);
    let below = remainder != BigInt::ZERO && (remainder < BigInt::ZERO) != (*divisor < BigInt::ZERO);
    if below { quotient - 1 } else { quotient }
}

/// The wire that all terms name, if they name one only.
fn only_wire(terms: &[&[(F, u32)]; 3]) -> Option<u32> {
    let mut wires = terms.iter().flat_map(|terms| terms.iter().map(|term| term.1));
    let first = wires.next()?;
    wires.all(|wire| wire == first).then_some(first)
}

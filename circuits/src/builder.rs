//! Builds a circuit's rows and its witness in one pass over one description.
//!
//! A circuit is written once, as calls on a [`Builder`]. In [`Builder::rows`] the calls leave sparse rows (for
//! set-up, inspection and tests), in [`Builder::assignment`] only values (for proving: a linear combination then
//! carries no terms). Both take exactly the same path: what is folded away depends on a flag that says "constant",
//! never on a value. Every row bears the name of its check and the scope it was written in, is evaluated at once, and
//! is recorded as a [`Violation`] if it does not hold. It also knows the [`Place`] in the source that wrote it, so that a
//! test can leave out what one line says and see who notices. What the rows mean is left to the gadgets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::panic::Location;

use ark_ff::{AdditiveGroup, Field, MontFp};
use tacit_core::field::{F, pow2};

use crate::matrices::Matrices;

/// Check name of the rows of [`Builder::mul`] and label of the wires they define.
pub const PRODUCT: &str = "product";
/// Check name of the rows of [`Builder::materialize`] and label of the wires they define.
pub const MATERIALIZED: &str = "materialized";
/// Label of the inverses that [`Builder::is_zero`] guesses.
pub const INVERSE: &str = "inverse";

const MINUS_ONE: F = MontFp!("-1");

/// A linear combination of wires with its value.
///
/// Terms (sorted by wire, none zero) exist in rows mode only; value and the flag `constant` in both. The constant part
/// is kept apart, so that a constant costs no allocation.
#[derive(Clone, Debug)]
pub struct Lc {
    terms: Vec<(F, u32)>,
    offset: F,
    value: F,
    constant: bool,
}

impl Lc {
    /// The constant `value`.
    #[must_use]
    pub fn constant(value: F) -> Self {
        Self { terms: Vec::new(), offset: value, value, constant: true }
    }

    /// The constant 0.
    #[must_use]
    pub fn zero() -> Self {
        Self::constant(F::ZERO)
    }

    /// The constant 1.
    #[must_use]
    pub fn one() -> Self {
        Self::constant(F::ONE)
    }

    /// The value under the builder's assignment.
    #[must_use]
    pub fn value(&self) -> F {
        self.value
    }

    /// Whether it is a constant of the circuit: the same in every witness.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.constant
    }

    /// `self · factor`.
    #[must_use]
    pub fn scale(&self, factor: F) -> Self {
        let terms =
            if factor == F::ZERO { Vec::new() } else { self.terms.iter().map(|(k, w)| (*k * factor, *w)).collect() };
        Self { terms, offset: scaled(self.offset, factor), value: scaled(self.value, factor), constant: self.constant }
    }

    /// `2 · self`.
    #[must_use]
    pub fn double(&self) -> Self {
        self.scale(F::from(2u8))
    }

    /// `self + constant`.
    #[must_use]
    pub fn add_constant(&self, constant: F) -> Self {
        let mut sum = self.clone();
        sum.offset += constant;
        sum.value += constant;
        sum
    }

    /// `1 − self`: the negation of a bit.
    #[must_use]
    pub fn not(&self) -> Self {
        (-self).add_constant(F::ONE)
    }

    /// `self + other`; also as `&a + &b`.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        self.add_scaled(other, F::ONE)
    }

    /// `self − other`; also as `&a - &b`.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.add_scaled(other, MINUS_ONE)
    }

    /// `self + factor · other`.
    #[must_use]
    pub fn add_scaled(&self, other: &Self, factor: F) -> Self {
        Self {
            terms: merged(&self.terms, &other.terms, factor),
            offset: self.offset + scaled(other.offset, factor),
            value: self.value + scaled(other.value, factor),
            constant: self.constant && other.constant,
        }
    }

    /// The sum of any number of terms, sorted once.
    pub fn sum<'a>(terms: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::linear(terms.into_iter().map(|term| (term, F::ONE)))
    }

    /// `Σ factor · term`, sorted once.
    pub fn linear<'a>(parts: impl IntoIterator<Item = (&'a Self, F)>) -> Self {
        let mut sum = Self::zero();
        for (part, factor) in parts {
            sum.value += scaled(part.value, factor);
            sum.offset += scaled(part.offset, factor);
            sum.constant &= part.constant;
            sum.terms.extend(part.terms.iter().map(|(k, wire)| (*k * factor, *wire)));
        }
        sum.sort();
        sum
    }

    /// `Σ parts[i] · 2^(width·i)`.
    #[must_use]
    pub fn pack(parts: &[Self], width: u32) -> Self {
        let mut factor = F::ONE;
        let step = pow2(width);
        Self::linear(parts.iter().map(|part| {
            let here = factor;
            factor *= step;
            (part, here)
        }))
    }

    /// The number with the given bits, least significant first.
    #[must_use]
    pub fn from_bits(bits: &[Self]) -> Self {
        Self::pack(bits, 1)
    }

    /// `Σ part · 2^offset` over `(part, offset)`: a word of fields at the offsets that an encoding names.
    pub fn word<'a>(parts: impl IntoIterator<Item = (&'a Self, u32)>) -> Self {
        Self::linear(parts.into_iter().map(|(part, offset)| (part, pow2(offset))))
    }

    fn wire(wire: u32, value: F, keep_terms: bool) -> Self {
        let terms = if keep_terms { vec![(F::ONE, wire)] } else { Vec::new() };
        Self { terms, offset: F::ZERO, value, constant: false }
    }

    fn sort(&mut self) {
        if self.terms.is_empty() {
            return;
        }
        if !self.terms.is_sorted_by(|left, right| left.1 < right.1) {
            self.terms.sort_unstable_by_key(|term| term.1);
        }
        self.terms.dedup_by(|next, kept| {
            let same = next.1 == kept.1;
            if same {
                kept.0 += next.0;
            }
            same
        });
        self.terms.retain(|term| term.0 != F::ZERO);
    }

    /// Terms with the constant part as wire 0.
    fn full_terms(&self, buffer: &mut Vec<(F, u32)>) {
        buffer.clear();
        if self.offset != F::ZERO {
            buffer.push((self.offset, 0));
        }
        buffer.extend_from_slice(&self.terms);
    }
}

/// `value · factor`; the commonest factors and zero cost no product.
fn scaled(value: F, factor: F) -> F {
    if value == F::ZERO || factor == F::ONE {
        value
    } else if factor == MINUS_ONE {
        -value
    } else {
        value * factor
    }
}

/// `left + factor · right` of two sorted lists.
fn merged(left: &[(F, u32)], right: &[(F, u32)], factor: F) -> Vec<(F, u32)> {
    if right.is_empty() || factor == F::ZERO {
        return left.to_vec();
    }
    let scaled = |term: &(F, u32)| (scaled(term.0, factor), term.1);
    let mut sum = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (None, _) => break sum.extend(right.map(scaled)),
            (_, None) => break sum.extend(left),
            (Some(a), Some(b)) if a.1 < b.1 => sum.extend(left.next()),
            (Some(a), Some(b)) if a.1 > b.1 => sum.extend(right.next().map(scaled)),
            (Some(a), Some(b)) => {
                let coefficient = a.0 + scaled(b).0;
                if coefficient != F::ZERO {
                    sum.push((coefficient, a.1));
                }
                left.next();
                right.next();
            }
        }
    }
    sum
}

impl Neg for &Lc {
    type Output = Lc;
    fn neg(self) -> Lc {
        self.scale(MINUS_ONE)
    }
}

impl Neg for Lc {
    type Output = Lc;
    fn neg(self) -> Lc {
        -&self
    }
}

macro_rules! binary_operator {
    ($operator:ident, $method:ident, $factor:expr) => {
        impl $operator<&Lc> for &Lc {
            type Output = Lc;
            fn $method(self, other: &Lc) -> Lc {
                self.add_scaled(other, $factor)
            }
        }
        impl $operator<Lc> for &Lc {
            type Output = Lc;
            fn $method(self, other: Lc) -> Lc {
                self.add_scaled(&other, $factor)
            }
        }
        impl $operator<&Lc> for Lc {
            type Output = Lc;
            fn $method(self, other: &Lc) -> Lc {
                self.add_scaled(other, $factor)
            }
        }
        impl $operator<Lc> for Lc {
            type Output = Lc;
            fn $method(self, other: Lc) -> Lc {
                self.add_scaled(&other, $factor)
            }
        }
    };
}
binary_operator!(Add, add, F::ONE);
binary_operator!(Sub, sub, MINUS_ONE);

impl AddAssign<&Lc> for Lc {
    fn add_assign(&mut self, other: &Lc) {
        *self = &*self + other;
    }
}

impl AddAssign<Lc> for Lc {
    fn add_assign(&mut self, other: Lc) {
        *self += &other;
    }
}

impl SubAssign<&Lc> for Lc {
    fn sub_assign(&mut self, other: &Lc) {
        *self = &*self - other;
    }
}

impl SubAssign<Lc> for Lc {
    fn sub_assign(&mut self, other: Lc) {
        *self -= &other;
    }
}

/// The call in a gadget's source that wrote a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    call: &'static Location<'static>,
    /// Which row of a call that writes two ([`Builder::is_zero`]).
    part: u8,
}

impl Place {
    /// Path of the source file.
    #[must_use]
    pub fn file(&self) -> &'static str {
        self.call.file()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.call.file(), self.call.line(), self.call.column())?;
        if self.part > 0 { write!(f, "/{}", self.part) } else { Ok(()) }
    }
}

/// A row that the assignment does not satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the check.
    pub check: &'static str,
    /// Who wrote the row.
    pub place: Place,
    /// Path of the scope, its parts joined by `/`.
    pub scope: String,
    /// Number of the row, from 0.
    pub row: usize,
}

/// Which rows to leave out, by name of their check: what a deletion test removes. The empty filter keeps all.
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    dropped: BTreeSet<String>,
}

impl RowFilter {
    /// Leaves out every row of the given checks. A name is a check's, or `scope/check` for those of one scope only.
    pub fn dropping<'a>(checks: impl IntoIterator<Item = &'a str>) -> Self {
        Self { dropped: checks.into_iter().map(str::to_owned).collect() }
    }

    fn keeps(&self, check: &str, scope: &str) -> bool {
        self.dropped.is_empty() || !(self.dropped.contains(check) || self.dropped.contains(&format!("{scope}/{check}")))
    }
}

/// What a cheating prover writes in the place of an honest value.
type Replacement = Box<dyn FnMut(F) -> F + Send>;

struct Override {
    seen: usize,
    replacements: HashMap<usize, Replacement>,
}

struct Scope {
    path: String,
    rows: usize,
    wires: usize,
    children: HashMap<&'static str, usize>,
}

impl Scope {
    fn new(path: String) -> Self {
        Self { path, rows: 0, wires: 0, children: HashMap::new() }
    }
}

/// What rows mode keeps beyond values.
#[derive(Default)]
struct Rows {
    matrices: Matrices,
    /// Of each row: its check, scope and place.
    names: Vec<(&'static str, u32, Place)>,
    /// Of each wire but the constant: its label and scope.
    labels: Vec<(&'static str, u32)>,
    buffers: [Vec<(F, u32)>; 3],
}

/// The circuit under construction. See the module for its two modes.
pub struct Builder {
    wires: Vec<F>,
    n_inputs: usize,
    n_rows: usize,
    rows: Option<Rows>,
    scopes: Vec<Scope>,
    scope: usize,
    violations: Vec<Violation>,
    overrides: HashMap<&'static str, Override>,
}

impl Builder {
    /// A builder that keeps the sparse rows.
    #[must_use]
    pub fn rows() -> Self {
        Self::new(Some(Rows::default()))
    }

    /// A builder that keeps values only: same wires, same count, no rows.
    #[must_use]
    pub fn assignment() -> Self {
        Self::new(None)
    }

    fn new(rows: Option<Rows>) -> Self {
        Self {
            wires: vec![F::ONE],
            n_inputs: 0,
            n_rows: 0,
            rows,
            scopes: vec![Scope::new(String::new())],
            scope: 0,
            violations: Vec::new(),
            overrides: HashMap::new(),
        }
    }

    /// Declares the next public input.
    ///
    /// # Panics
    /// If a witness was allocated before: inputs come first.
    pub fn input(&mut self, label: &'static str, value: F) -> Lc {
        assert_eq!(self.wires.len(), self.n_inputs + 1, "public input `{label}` declared after a witness");
        self.n_inputs += 1;
        self.allocate(label, value)
    }

    /// Ties the `index`-th public input (from 0) to what the circuit computed: the input takes the computed value,
    /// one row holds them together. Inputs that a circuit computes are thus always derived, and the caller compares
    /// them with what it expects.
    ///
    /// # Panics
    /// If there is no such input.
    #[track_caller]
    pub fn output(&mut self, check: &'static str, index: usize, computed: &Lc) {
        assert!(index < self.n_inputs, "there is no public input {index}");
        self.wires[index + 1] = computed.value;
        let wire = u32::try_from(index + 1).expect("a circuit has fewer than 2^32 inputs");
        let input = Lc::wire(wire, computed.value, self.rows.is_some());
        self.equal(check, &input, computed);
    }

    /// A wire whose value the prover chooses: the circuit must bind it by rows.
    pub fn witness(&mut self, label: &'static str, value: F) -> Lc {
        let value = self.choose(label, value);
        self.allocate(label, value)
    }

    fn allocate(&mut self, label: &'static str, value: F) -> Lc {
        let wire = u32::try_from(self.wires.len()).expect("a circuit has fewer than 2^32 wires");
        self.wires.push(value);
        self.scopes[self.scope].wires += 1;
        let scope = self.scope as u32;
        if let Some(rows) = &mut self.rows {
            rows.labels.push((label, scope));
        }
        Lc::wire(wire, value, self.rows.is_some())
    }

    /// A value that the prover chooses and that is then allocated in parts (bits): subject to overrides of `label` too.
    pub(crate) fn choose(&mut self, label: &'static str, value: F) -> F {
        if self.overrides.is_empty() { value } else { self.overridden(label, value) }
    }

    fn overridden(&mut self, label: &'static str, value: F) -> F {
        let Some(entry) = self.overrides.get_mut(label) else { return value };
        let occurrence = entry.seen;
        entry.seen += 1;
        entry.replacements.get_mut(&occurrence).map_or(value, |replace| replace(value))
    }

    /// Attack hook for tests: the `occurrence`-th witness (from 0) allocated under `label` becomes `replace(honest
    /// value)`, and all that is computed later follows from it. Call it before the circuit is built.
    pub fn override_witness(
        &mut self,
        label: &'static str,
        occurrence: usize,
        replace: impl FnMut(F) -> F + Send + 'static,
    ) {
        let entry = self.overrides.entry(label).or_insert_with(|| Override { seen: 0, replacements: HashMap::new() });
        entry.replacements.insert(occurrence, Box::new(replace));
    }

    /// How often a witness with the label of an override was allocated: to see that an attack met its target.
    #[must_use]
    pub fn occurrences(&self, label: &str) -> usize {
        self.overrides.get(label).map_or(0, |entry| entry.seen)
    }

    /// The row `a · b = c`.
    #[track_caller]
    pub fn enforce(&mut self, check: &'static str, a: &Lc, b: &Lc, c: &Lc) {
        self.row(check, Place { call: Location::caller(), part: 0 }, a, b, c);
    }

    fn row(&mut self, check: &'static str, place: Place, a: &Lc, b: &Lc, c: &Lc) {
        if a.value * b.value != c.value {
            let scope = self.scopes[self.scope].path.clone();
            self.violations.push(Violation { check, place, scope, row: self.n_rows });
        }
        self.n_rows += 1;
        self.scopes[self.scope].rows += 1;
        if let Some(Rows { matrices, names, buffers: [left, right, product], .. }) = &mut self.rows {
            a.full_terms(left);
            b.full_terms(right);
            c.full_terms(product);
            matrices.push_row(left, right, product);
            names.push((check, self.scope as u32, place));
        }
    }

    /// `a = b`, one row.
    #[track_caller]
    pub fn equal(&mut self, check: &'static str, a: &Lc, b: &Lc) {
        self.enforce(check, &(a - b), &Lc::one(), &Lc::zero());
    }

    /// `a = 0`, one row.
    #[track_caller]
    pub fn zero(&mut self, check: &'static str, a: &Lc) {
        self.enforce(check, a, &Lc::one(), &Lc::zero());
    }

    /// `a · b`: one row and one wire, nothing if one of them is a constant.
    #[track_caller]
    pub fn mul(&mut self, a: &Lc, b: &Lc) -> Lc {
        if a.constant {
            return b.scale(a.value);
        }
        if b.constant {
            return a.scale(b.value);
        }
        let product = self.witness(PRODUCT, a.value * b.value);
        self.enforce(PRODUCT, a, b, &product);
        product
    }

    /// One new wire equal to `x` (one row), so that what uses `x` often stays sparse. A constant stays itself.
    #[track_caller]
    pub fn materialize(&mut self, x: &Lc) -> Lc {
        if x.constant {
            return x.clone();
        }
        let wire = self.witness(MATERIALIZED, x.value);
        self.enforce(MATERIALIZED, x, &Lc::one(), &wire);
        wire
    }

    /// A witness that is 0 or 1: one row, named as the label.
    #[track_caller]
    pub fn boolean(&mut self, label: &'static str, value: bool) -> Lc {
        let bit = self.witness(label, F::from(value));
        self.enforce(label, &bit, &bit, &bit);
        bit
    }

    /// `bit ? x : y`, one row. `bit` must be known to be 0 or 1.
    #[track_caller]
    pub fn select(&mut self, bit: &Lc, x: &Lc, y: &Lc) -> Lc {
        y + self.mul(&(x - y), bit)
    }

    /// The bit `[x = 0]`: two rows named as the label, under which the bit can be overridden (its inverse under
    /// [`INVERSE`]).
    ///
    /// If x ≠ 0 the second row forces the bit to 0; if x = 0 the first forces it to 1.
    #[track_caller]
    pub fn is_zero(&mut self, label: &'static str, x: &Lc) -> Lc {
        if x.constant {
            return Lc::constant(F::from(x.value == F::ZERO));
        }
        let inverse = self.witness(INVERSE, x.value.inverse().unwrap_or(F::ZERO));
        let bit = self.witness(label, F::from(x.value == F::ZERO));
        let call = Location::caller();
        self.row(label, Place { call, part: 0 }, x, &inverse, &bit.not());
        self.row(label, Place { call, part: 1 }, x, &bit, &Lc::zero());
        bit
    }

    /// `numerator / denominator`: one row `denominator · quotient = numerator`, the quotient's label being `check`.
    ///
    /// Where the denominator is 0 the row holds only for numerator 0, and then the quotient is *any* value: callers
    /// must show that the denominator is not 0 or that the quotient does not matter.
    #[track_caller]
    pub fn divide(&mut self, check: &'static str, numerator: &Lc, denominator: &Lc) -> Lc {
        if denominator.constant && denominator.value != F::ZERO {
            return numerator.scale(denominator.value.inverse().expect("not zero"));
        }
        let quotient = self.witness(check, numerator.value * denominator.value.inverse().unwrap_or(F::ZERO));
        self.enforce(check, denominator, &quotient, numerator);
        quotient
    }

    /// Runs `body` inside the scope `name`: its rows are counted and named there. Scopes nest.
    pub fn scoped<R>(&mut self, name: &'static str, body: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.scope;
        self.scope = self.child(name);
        let result = body(self);
        self.scope = outer;
        result
    }

    fn child(&mut self, name: &'static str) -> usize {
        let next = self.scopes.len();
        let here = &mut self.scopes[self.scope];
        let child = *here.children.entry(name).or_insert(next);
        if child == next {
            let path = if here.path.is_empty() { name.to_owned() } else { format!("{}/{name}", here.path) };
            self.scopes.push(Scope::new(path));
        }
        child
    }

    /// Rows by scope path; a scope's count is without its inner scopes, so that the sum is [`Builder::n_rows`].
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.scopes.iter().filter(|scope| scope.rows > 0).map(|scope| (scope.path.clone(), scope.rows)).collect()
    }

    /// Rows so far.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Public inputs, without the constant one.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// Witness wires so far.
    #[must_use]
    pub fn n_witness(&self) -> usize {
        self.wires.len() - 1 - self.n_inputs
    }

    /// The rows that do not hold, in order. Empty means: satisfied.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The distinct names of the checks that do not hold.
    #[must_use]
    pub fn violated_checks(&self) -> BTreeSet<&'static str> {
        self.violations.iter().map(|violation| violation.check).collect()
    }

    /// Values of all wires so far: 1, inputs, witness.
    #[must_use]
    pub fn values(&self) -> &[F] {
        &self.wires
    }

    /// Names of the checks with their number of rows, scopes merged (rows mode; empty otherwise).
    #[must_use]
    pub fn checks(&self) -> BTreeMap<&'static str, usize> {
        let mut checks = BTreeMap::new();
        for (check, ..) in self.rows.iter().flat_map(|rows| &rows.names) {
            *checks.entry(*check).or_default() += 1;
        }
        checks
    }

    /// Label and scope path of a wire (rows mode; wire 0, the constant, has none).
    #[must_use]
    pub fn label(&self, wire: usize) -> Option<(&'static str, &str)> {
        let (label, scope) = self.rows.as_ref()?.labels.get(wire.checked_sub(1)?)?;
        Some((label, &self.scopes[*scope as usize].path))
    }

    /// Check and scope path of a row (rows mode).
    #[must_use]
    pub fn row_name(&self, row: usize) -> Option<(&'static str, &str)> {
        let (check, scope, _) = self.rows.as_ref()?.names.get(row)?;
        Some((check, &self.scopes[*scope as usize].path))
    }

    /// The call that wrote a row (rows mode).
    #[must_use]
    pub fn row_place(&self, row: usize) -> Option<Place> {
        Some(self.rows.as_ref()?.names.get(row)?.2)
    }

    /// The values of all wires: what [`Builder::assignment`] is run for.
    #[must_use]
    pub fn into_assignment(self) -> Vec<F> {
        self.wires
    }

    /// The matrices and the values of all wires.
    ///
    /// # Panics
    /// In assignment mode, which has no rows.
    #[must_use]
    pub fn into_parts(mut self) -> (Matrices, Vec<F>) {
        let (n_inputs, n_witness) = (self.n_inputs, self.n_witness());
        let mut matrices = self.rows.take().expect("assignment mode keeps no rows").matrices;
        matrices.n_inputs = n_inputs;
        matrices.n_witness = n_witness;
        matrices.finish();
        (matrices, self.wires)
    }

    /// The matrices without the rows that the filter drops.
    ///
    /// # Panics
    /// In assignment mode, which has no rows.
    #[must_use]
    pub fn matrices(&self, filter: &RowFilter) -> Matrices {
        let rows = self.rows.as_ref().expect("assignment mode keeps no rows");
        let mut kept = Matrices { n_inputs: self.n_inputs, n_witness: self.n_witness(), ..Matrices::default() };
        for (row, (check, scope, _)) in rows.names.iter().enumerate() {
            if filter.keeps(check, &self.scopes[*scope as usize].path) {
                let [a, b, c] =
                    [&rows.matrices.a, &rows.matrices.b, &rows.matrices.c].map(|m| m.row(row).collect::<Vec<_>>());
                kept.push_row(&a, &b, &c);
            }
        }
        kept.finish();
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube(b: &mut Builder, x: u64) -> Lc {
        let out = b.input("y", F::from(x * x * x + x + 5));
        let x = b.witness("x", F::from(x));
        let square = b.mul(&x, &x);
        let cube = b.scoped("cube", |b| b.mul(&square, &x));
        b.equal("y is x^3 + x + 5", &(&cube + &x).add_constant(F::from(5u8)), &out);
        cube
    }

    #[test]
    fn both_modes_have_the_same_wires_and_rows() {
        let (mut rows, mut values) = (Builder::rows(), Builder::assignment());
        cube(&mut rows, 3);
        cube(&mut values, 3);
        assert_eq!(rows.n_rows(), 3);
        assert_eq!(rows.counts(), values.counts());
        assert_eq!(rows.values(), values.values());
        let (matrices, wires) = rows.into_parts();
        assert_eq!(matrices.check(&wires), Ok(()));
        assert_eq!(wires, values.into_assignment());
    }

    #[test]
    fn a_broken_row_is_named() {
        let mut b = Builder::rows();
        b.override_witness(PRODUCT, 1, |honest| honest + F::ONE);
        cube(&mut b, 3);
        let named: Vec<_> = b.violations().iter().map(|v| (v.check, v.scope.as_str(), v.row)).collect();
        assert_eq!(named, [(PRODUCT, "cube", 1), ("y is x^3 + x + 5", "", 2)]);
        assert_eq!(b.occurrences(PRODUCT), 2);
    }

    #[test]
    fn what_follows_an_overridden_witness_is_computed_from_it() {
        let mut b = Builder::rows();
        b.override_witness("x", 0, |_| F::from(4u8));
        cube(&mut b, 3);
        assert_eq!(b.violated_checks(), BTreeSet::from(["y is x^3 + x + 5"]));
    }

    #[test]
    fn a_dropped_check_no_longer_refuses() {
        let mut b = Builder::rows();
        b.override_witness("x", 0, |_| F::from(4u8));
        cube(&mut b, 3);
        let wires = b.values().to_vec();
        assert!(b.matrices(&RowFilter::default()).check(&wires).is_err());
        assert!(b.matrices(&RowFilter::dropping(["y is x^3 + x + 5"])).check(&wires).is_ok());
        assert_eq!(b.matrices(&RowFilter::dropping(["cube/product"])).rows(), 2);
    }

    #[test]
    fn folding_depends_on_the_flag_and_not_on_values() {
        let mut b = Builder::rows();
        let x = b.witness("x", F::ONE);
        let nothing = &x - &x;
        assert!(!nothing.is_constant());
        let before = b.n_rows();
        b.mul(&nothing, &x);
        assert_eq!(b.n_rows(), before + 1, "zero by value is not a constant");
        b.mul(&Lc::constant(F::from(7u8)), &x);
        assert_eq!(b.n_rows(), before + 1, "a constant factor costs nothing");
    }

    #[test]
    fn zero_is_told_from_the_rest() {
        for value in [F::ZERO, F::ONE, -F::ONE] {
            for lie in [false, true] {
                let mut b = Builder::rows();
                if lie {
                    b.override_witness("none", 0, |honest| F::ONE - honest);
                }
                let x = b.witness("x", value);
                let bit = b.is_zero("none", &x);
                assert_eq!(bit.value() == F::from(value == F::ZERO), !lie);
                assert_eq!(b.violations().is_empty(), !lie);
            }
        }
    }

    #[test]
    #[should_panic(expected = "declared after a witness")]
    fn an_input_after_a_witness_is_a_bug() {
        let mut b = Builder::rows();
        b.witness("x", F::ONE);
        b.input("y", F::ONE);
    }
}

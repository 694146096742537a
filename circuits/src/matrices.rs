//! The constraint system of a circuit as three sparse matrices: what a key is made from and a proof is computed with.
//!
//! Row `i` says `⟨a_i, z⟩ · ⟨b_i, z⟩ = ⟨c_i, z⟩` over the wires `z = (1, inputs…, witness…)`: wire 0 is the constant one,
//! wires `1 ..= n_inputs` are the public inputs, the rest is the witness. Every stored row is canonical (wires strictly
//! increasing, no zero coefficient), so equal systems have equal bytes and one fingerprint. Coefficients are kept once in a
//! dictionary and referred to by number: an entry takes 8 bytes instead of 36, and 2²⁰ rows fit in memory with ease.
//! Who builds rows, and what they mean, is left to the builder.

use std::collections::HashMap;

use ark_bn254::Fr;
use ark_ff::{BigInt, One, PrimeField, Zero};

use crate::error::KeyError;

/// Entries of the dictionary that every matrix has: 1 and −1.
const DICTIONARY_START: usize = 2;
/// Numbers encoded or decoded at a time.
const BLOCK: usize = 1 << 14;

/// One matrix in compressed rows. Wires and coefficients of row `i` lie at `starts[i] .. starts[i + 1]`.
#[derive(Clone, Debug)]
pub struct SparseMatrix {
    starts: Vec<u32>,
    wires: Vec<u32>,
    numbers: Vec<u32>,
    coefficients: Vec<Fr>,
    known: HashMap<Fr, u32>,
}

impl Default for SparseMatrix {
    fn default() -> Self {
        let coefficients = vec![Fr::one(), -Fr::one()];
        let known = coefficients.iter().copied().zip(0..).collect();
        Self { starts: vec![0], wires: Vec::new(), numbers: Vec::new(), coefficients, known }
    }
}

impl SparseMatrix {
    /// An empty matrix.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a row. Terms may come in any order and name a wire more than once; they are merged, zeros are dropped.
    pub fn push_row(&mut self, terms: &[(Fr, u32)]) {
        if is_canonical(terms) {
            terms.iter().for_each(|&(k, wire)| self.push_entry(k, wire));
        } else {
            merged(terms).into_iter().for_each(|(k, wire)| self.push_entry(k, wire));
        }
        self.starts.push(u32::try_from(self.wires.len()).expect("a matrix has fewer than 2^32 entries"));
    }

    fn push_entry(&mut self, coefficient: Fr, wire: u32) {
        let number = self.number_of(coefficient);
        self.wires.push(wire);
        self.numbers.push(number);
    }

    fn number_of(&mut self, coefficient: Fr) -> u32 {
        if coefficient.is_one() {
            return 0;
        }
        let next = u32::try_from(self.coefficients.len()).expect("fewer than 2^32 coefficients");
        let number = *self.known.entry(coefficient).or_insert(next);
        if number == next {
            self.coefficients.push(coefficient);
        }
        number
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of non-zero entries.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.wires.len()
    }

    /// The canonical terms of row `row`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (Fr, u32)> + '_ {
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        range.map(|at| (self.coefficients[self.numbers[at] as usize], self.wires[at]))
    }

    /// `⟨row, z⟩`. The two commonest coefficients, 1 and −1, cost an addition and no product.
    ///
    /// # Panics
    /// If there is no such row, or it names a wire that `wires` lacks.
    #[must_use]
    pub fn dot(&self, row: usize, wires: &[Fr]) -> Fr {
        let mut sum = Fr::zero();
        for at in self.starts[row] as usize..self.starts[row + 1] as usize {
            let value = &wires[self.wires[at] as usize];
            match self.numbers[at] {
                0 => sum += value,
                1 => sum -= value,
                number => sum += self.coefficients[number as usize] * value,
            }
        }
        sum
    }

    /// Releases spare capacity once all rows are there.
    pub fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.wires.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.coefficients.shrink_to_fit();
    }

    /// Bytes held, without the dictionary's index.
    #[must_use]
    pub fn bytes(&self) -> usize {
        4 * (self.starts.len() + self.wires.len() + self.numbers.len()) + 32 * self.coefficients.len()
    }

    /// Feeds the canonical encoding to `sink`: counts, row ends, wires, coefficient numbers and the dictionary in order of
    /// first use. It is injective on lists of rows: equal rows have equal encodings, different ones different encodings.
    fn encode(&self, sink: &mut impl FnMut(&[u8])) {
        for count in [self.rows(), self.entries(), self.coefficients.len()] {
            sink(&(count as u64).to_le_bytes());
        }
        for list in [&self.starts[1..], &self.wires, &self.numbers] {
            encode_numbers(list, sink);
        }
        for coefficient in &self.coefficients[DICTIONARY_START..] {
            sink(&to_bytes(coefficient));
        }
    }

    /// Reads what [`SparseMatrix::encode`] wrote; `wires` is the number of wires of the system.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the source ends early or the encoding is not canonical.
    fn decode(source: &mut impl FnMut(&mut [u8]) -> Result<(), KeyError>, wires: usize) -> Result<Self, KeyError> {
        let rows = decode_count(source)?;
        let entries = decode_count(source)?;
        let distinct = decode_count(source)?;
        let mut starts = vec![0];
        starts.extend(decode_numbers(source, rows)?);
        let mut matrix = Self { starts, ..Self::default() };
        matrix.wires = decode_numbers(source, entries)?;
        matrix.numbers = decode_numbers(source, entries)?;
        for _ in DICTIONARY_START..distinct {
            let mut bytes = [0; 32];
            source(&mut bytes)?;
            let coefficient = from_bytes(&bytes).ok_or_else(|| malformed("a coefficient is not below the modulus"))?;
            matrix.number_of(coefficient);
        }
        matrix.require_canonical(wires, distinct)?;
        Ok(matrix)
    }

    fn require_canonical(&self, wires: usize, distinct: usize) -> Result<(), KeyError> {
        let last = *self.starts.last().expect("starts begin with 0") as usize;
        if last != self.entries() || self.starts.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(malformed("the row ends are not increasing"));
        }
        if self.coefficients.len() != distinct || self.coefficients.iter().any(Zero::is_zero) {
            return Err(malformed("the dictionary repeats a coefficient or holds zero"));
        }
        let mut next = DICTIONARY_START;
        for &number in &self.numbers {
            if number as usize > next {
                return Err(malformed("a coefficient is numbered out of order"));
            }
            next = next.max(number as usize + 1);
        }
        if next != distinct.max(DICTIONARY_START) {
            return Err(malformed("the dictionary holds an unused coefficient"));
        }
        let ordered = |row: usize| {
            let row = &self.wires[self.starts[row] as usize..self.starts[row + 1] as usize];
            row.windows(2).all(|pair| pair[0] < pair[1]) && row.last().is_none_or(|&wire| (wire as usize) < wires)
        };
        (0..self.rows()).all(ordered).then_some(()).ok_or_else(|| malformed("a row names its wires out of order"))
    }

    fn largest_wire(&self) -> Option<u32> {
        self.wires.iter().copied().max()
    }
}

fn malformed(reason: &str) -> KeyError {
    KeyError::Malformed { part: "matrices", reason: reason.to_owned() }
}

fn to_bytes(value: &Fr) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (part, limb) in bytes.chunks_exact_mut(8).zip(value.into_bigint().0) {
        part.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

fn from_bytes(bytes: &[u8; 32]) -> Option<Fr> {
    let mut limbs = [0; 4];
    for (limb, part) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(part.try_into().expect("chunks of eight"));
    }
    Fr::from_bigint(BigInt(limbs))
}

fn encode_numbers(list: &[u32], sink: &mut impl FnMut(&[u8])) {
    let mut buffer = Vec::with_capacity(4 * BLOCK);
    for block in list.chunks(BLOCK) {
        buffer.clear();
        block.iter().for_each(|number| buffer.extend_from_slice(&number.to_le_bytes()));
        sink(&buffer);
    }
}

fn decode_numbers(
    source: &mut impl FnMut(&mut [u8]) -> Result<(), KeyError>,
    count: usize,
) -> Result<Vec<u32>, KeyError> {
    // Grown block by block: a count that lies costs no more memory than the file has bytes.
    let mut list = Vec::new();
    let mut buffer = vec![0; 4 * BLOCK];
    while list.len() < count {
        let block = &mut buffer[..4 * BLOCK.min(count - list.len())];
        source(block)?;
        list.extend(block.chunks_exact(4).map(|part| u32::from_le_bytes(part.try_into().expect("chunks of four"))));
    }
    Ok(list)
}

fn decode_count(source: &mut impl FnMut(&mut [u8]) -> Result<(), KeyError>) -> Result<usize, KeyError> {
    let mut bytes = [0; 8];
    source(&mut bytes)?;
    let count = u64::from_le_bytes(bytes);
    if count >= 1 << 32 {
        return Err(malformed("a count is 2^32 or more"));
    }
    Ok(count as usize)
}

fn is_canonical(terms: &[(Fr, u32)]) -> bool {
    terms.iter().all(|(k, _)| !k.is_zero()) && terms.windows(2).all(|pair| pair[0].1 < pair[1].1)
}

fn merged(terms: &[(Fr, u32)]) -> Vec<(Fr, u32)> {
    let mut sorted = terms.to_vec();
    sorted.sort_by_key(|&(_, wire)| wire);
    let mut row: Vec<(Fr, u32)> = Vec::with_capacity(sorted.len());
    for (k, wire) in sorted {
        match row.last_mut() {
            Some(last) if last.1 == wire => last.0 += k,
            _ => row.push((k, wire)),
        }
    }
    row.retain(|(k, _)| !k.is_zero());
    row
}

/// The three matrices of a circuit and how many wires of each kind it has.
#[derive(Clone, Debug, Default)]
pub struct Matrices {
    /// Public inputs, without the constant one.
    pub n_inputs: usize,
    /// Witness wires.
    pub n_witness: usize,
    /// Left factors.
    pub a: SparseMatrix,
    /// Right factors.
    pub b: SparseMatrix,
    /// Products.
    pub c: SparseMatrix,
}

/// A row that an assignment does not satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its number, from 0.
    pub row: usize,
}

impl Matrices {
    /// The system of the given rows: `a[i] · b[i] = c[i]`.
    ///
    /// # Panics
    /// If the three lists differ in length or a term names a wire that does not exist.
    #[must_use]
    pub fn from_rows(
        n_inputs: usize,
        n_witness: usize,
        a: &[Vec<(Fr, u32)>],
        b: &[Vec<(Fr, u32)>],
        c: &[Vec<(Fr, u32)>],
    ) -> Self {
        assert!(a.len() == b.len() && b.len() == c.len(), "every row has three parts");
        let mut matrices = Self { n_inputs, n_witness, ..Self::default() };
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            matrices.push_row(a, b, c);
        }
        matrices.finish();
        matrices
    }

    /// Appends the row `a · b = c`.
    pub fn push_row(&mut self, a: &[(Fr, u32)], b: &[(Fr, u32)], c: &[(Fr, u32)]) {
        self.a.push_row(a);
        self.b.push_row(b);
        self.c.push_row(c);
    }

    /// Call once after the last row: releases spare memory and checks that every wire that a row names exists.
    ///
    /// # Panics
    /// If one does not: a bug of whoever built the rows.
    pub fn finish(&mut self) {
        for matrix in [&mut self.a, &mut self.b, &mut self.c] {
            matrix.shrink();
        }
        let wires = self.wires();
        let largest = [&self.a, &self.b, &self.c].into_iter().filter_map(SparseMatrix::largest_wire).max();
        assert!(largest.is_none_or(|wire| (wire as usize) < wires), "a row names a wire beyond the {wires} there are");
    }

    /// Number of rows (constraints).
    #[must_use]
    pub fn rows(&self) -> usize {
        self.a.rows()
    }

    /// Number of wires: the constant, inputs and witness.
    #[must_use]
    pub fn wires(&self) -> usize {
        1 + self.n_inputs + self.n_witness
    }

    /// Size of the evaluation domain: the smallest power of two that holds the rows and one more for the constant and
    /// for each input (these make the input polynomials independent, so that no input can be traded for another).
    #[must_use]
    pub fn domain_size(&self) -> usize {
        (self.rows() + self.n_inputs + 1).next_power_of_two()
    }

    /// Feeds the canonical encoding of the counts and the three matrices to `sink`; equal systems have equal encodings.
    pub fn encode(&self, sink: &mut impl FnMut(&[u8])) {
        for count in [self.n_inputs, self.n_witness] {
            sink(&(count as u64).to_le_bytes());
        }
        for matrix in [&self.a, &self.b, &self.c] {
            matrix.encode(sink);
        }
    }

    /// Reads what [`Matrices::encode`] wrote. `source` fills the buffer it is given or fails.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the encoding is not canonical, and whatever `source` fails with.
    pub fn decode(source: &mut impl FnMut(&mut [u8]) -> Result<(), KeyError>) -> Result<Self, KeyError> {
        let n_inputs = decode_count(source)?;
        let n_witness = decode_count(source)?;
        let wires = 1 + n_inputs + n_witness;
        let [a, b, c] = [(); 3].map(|()| SparseMatrix::decode(source, wires));
        let matrices = Self { n_inputs, n_witness, a: a?, b: b?, c: c? };
        if matrices.b.rows() != matrices.rows() || matrices.c.rows() != matrices.rows() {
            return Err(malformed("the three matrices differ in rows"));
        }
        Ok(matrices)
    }

    /// Bytes held by the three matrices.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.a.bytes() + self.b.bytes() + self.c.bytes()
    }

    /// Whether `wires = (1, inputs…, witness…)` satisfies every row; if not, the first that it breaks.
    ///
    /// # Panics
    /// If `wires` has the wrong length.
    pub fn check(&self, wires: &[Fr]) -> Result<(), BadRow> {
        assert_eq!(wires.len(), self.wires(), "an assignment has one value for every wire");
        (0..self.rows())
            .find(|&row| self.a.dot(row, wires) * self.b.dot(row, wires) != self.c.dot(row, wires))
            .map_or(Ok(()), |row| Err(BadRow { row }))
    }
}

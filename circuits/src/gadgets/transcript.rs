//! The transcript of a proof: everything that must be fixed before the challenges, absorbed into one digest.
//!
//! It is the sponge `S(tag; e₁ … e_n)` fed element by element; n is fixed by the shape of the circuit and stands in
//! the capacity from the start, so a permutation runs as soon as eight elements are there and nothing is kept. The
//! first element should be fresh and random: a digest is public, and what it covers is guessable.

use tacit_core::field::F;
use tacit_core::poseidon::{SPONGE_RATE, sponge};

use crate::builder::{Builder, Lc};
use crate::gadgets::poseidon;

/// Scope of the permutations.
const SCOPE: &str = "transcript";

/// An open transcript of a circuit.
pub struct Transcript {
    state: Vec<Lc>,
    block: Vec<Lc>,
    length: usize,
    missing: usize,
}

impl Transcript {
    /// A transcript that will absorb exactly `length` elements.
    #[must_use]
    pub fn new(tag: u64, length: usize) -> Self {
        let state = poseidon::sponge_start(tag, length);
        Self { state, block: Vec::with_capacity(SPONGE_RATE), length, missing: length }
    }

    /// Absorbs one element.
    ///
    /// # Panics
    /// If more are absorbed than were announced: a bug of the circuit.
    pub fn absorb(&mut self, b: &mut Builder, element: &Lc) {
        self.missing = self.missing.checked_sub(1).expect("a transcript absorbs as many elements as announced");
        self.block.push(element.clone());
        if self.block.len() == SPONGE_RATE {
            self.flush(b);
        }
    }

    /// Elements still to be absorbed.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// The digest: element 1 of the last state.
    ///
    /// # Panics
    /// If fewer elements were absorbed than announced: a bug of the circuit.
    #[must_use]
    pub fn digest(mut self, b: &mut Builder) -> Lc {
        assert_eq!(self.missing, 0, "a transcript still lacks elements");
        if !self.block.is_empty() || self.length == 0 {
            self.flush(b);
        }
        self.state.swap_remove(1)
    }

    fn flush(&mut self, b: &mut Builder) {
        let Self { state, block, .. } = self;
        b.scoped(SCOPE, |b| poseidon::absorb(b, state, block));
        block.clear();
    }
}

/// Plain twin: the same elements in a list.
#[derive(Clone, Debug, Default)]
pub struct PlainTranscript {
    elements: Vec<F>,
}

impl PlainTranscript {
    /// Absorbs one element.
    pub fn absorb(&mut self, element: F) {
        self.elements.push(element);
    }

    /// How many elements were absorbed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether nothing was absorbed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The digest under `tag`.
    #[must_use]
    pub fn digest(&self, tag: u64) -> F {
        sponge(tag, &self.elements)
    }
}

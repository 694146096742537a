//! Public data of a batch: which words of a touch stand in the open and which are encrypted, and what is hashed of both.
//!
//! Sections 7 and 8 of `docs/protocol.md`. The contract reads the open words and never the encrypted ones, so these can be kept elsewhere:
//! all that it takes of them is a hash and a value. What the words say is left to [`crate::seal`].

use ark_ff::AdditiveGroup;

use crate::field::{F, to_be_bytes};
use crate::keccak::{keccak256, keccak256_of};
use crate::params::Params;

/// Words of a touch in the open: index word, L, new leaf, owner, recipient. All others are encrypted.
pub const OPEN_WORDS: usize = 5;

/// The words of a segment, open and encrypted ones apart, each in the order of its touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentData {
    /// Words 0 … 4 of the T touches.
    pub open: Vec<F>,
    /// Words 5 … of the T touches.
    pub encrypted: Vec<F>,
}

impl SegmentData {
    /// Of the words of a segment, touch by touch.
    #[must_use]
    pub fn of(words: &[F], params: &Params) -> Self {
        let touches = words.chunks(params.words_per_touch());
        Self {
            open: touches.clone().flat_map(|touch| &touch[..OPEN_WORDS]).copied().collect(),
            encrypted: touches.flat_map(|touch| &touch[OPEN_WORDS..]).copied().collect(),
        }
    }

    /// The words touch by touch.
    #[must_use]
    pub fn words(&self) -> Vec<F> {
        interleaved(&self.open, &self.encrypted)
    }

    /// keccak of the encrypted words.
    #[must_use]
    pub fn encrypted_hash(&self) -> [u8; 32] {
        words_hash(&self.encrypted)
    }

    /// h_j: keccak of the open words, then the hash of the encrypted ones.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        keccak256_of(&[&bytes(&self.open), &self.encrypted_hash()])
    }

    /// The value of the open words at z.
    #[must_use]
    pub fn open_value(&self, z: F) -> F {
        data_value(&self.open, z)
    }

    /// The value of the encrypted words at z: of these alone, so that whoever states it says nothing of the open ones.
    #[must_use]
    pub fn encrypted_value(&self, z: F) -> F {
        data_value(&self.encrypted, z)
    }
}

/// The words of touches, each its open ones first.
fn interleaved(open: &[F], encrypted: &[F]) -> Vec<F> {
    let touches = open.len() / OPEN_WORDS;
    let pieces = encrypted.chunks((encrypted.len() / touches.max(1)).max(1));
    open.chunks(OPEN_WORDS).zip(pieces).flat_map(|(open, encrypted)| open.iter().chain(encrypted)).copied().collect()
}

/// The value of words at z: `Σ d_i z^{m−1−i}`, Horner from the first.
#[must_use]
pub fn data_value(words: &[F], z: F) -> F {
    words.iter().fold(F::ZERO, |value, word| value * z + word)
}

/// keccak of words, 32 bytes each.
#[must_use]
pub fn words_hash(words: &[F]) -> [u8; 32] {
    keccak256(&bytes(words))
}

fn bytes(words: &[F]) -> Vec<u8> {
    words.iter().flat_map(to_be_bytes).collect()
}

//! Terms `numerator / (β − key)` of log-derivative identities: how sums over touches meet sums over the table's rows.
//!
//! Two multisets of (key, numerator) that both sides fixed before β was drawn have equal sums of such terms, as
//! rational functions of β, exactly when for each key the numerators add up to the same; at a random β unequal ones
//! agree with probability at most (number of terms) / p.
//!
//! **Zero denominators.** If β equals a key, the row `(β − key) · term = numerator` no longer determines the term:
//! with numerator 0 it is free, otherwise no witness exists. A prover gains from a free term only if β hits one of
//! the keys. β is a hash of everything the keys are made of, drawn after them, so this has probability at most
//! (number of terms) / p for each attempt: below 2⁻²³⁰ for 2²⁰ terms, the same order as the identity's own error, and
//! it is counted with it. No row is spent on excluding it.

use ark_ff::{AdditiveGroup, Field};
use tacit_core::field::F;

use crate::builder::{Builder, Lc};

/// `numerator / (β − key)`: one row named `check`, which is the term's label too.
pub fn term(b: &mut Builder, check: &'static str, numerator: &Lc, beta: &Lc, key: &Lc) -> Lc {
    b.divide(check, numerator, &(beta - key))
}

/// Plain twin of [`term`]; 0 where β is the key.
#[must_use]
pub fn term_plain(numerator: F, beta: F, key: F) -> F {
    numerator * (beta - key).inverse().unwrap_or(F::ZERO)
}

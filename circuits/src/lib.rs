//! The segment and closing circuits of tacit and their proofs.

pub mod matrices;

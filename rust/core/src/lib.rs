//! State, clearing and margin of tacit in integers: pure, deterministic to the byte.
//!
//! Nothing here reads a file, a clock or a source of randomness: what is random is an argument, and the same input
//! gives the same bytes on every machine.

pub mod babyjub;
mod blake512;
pub mod eddsa;
pub mod error;
pub mod field;
mod grain;
pub mod keccak;
pub mod poseidon;
pub mod tree;

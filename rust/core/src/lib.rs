//! State, clearing and margin of tacit in integers: pure, deterministic to the byte.
//!
//! Nothing here reads a file, a clock or a source of randomness: what is random is an argument, and the same input
//! gives the same bytes on every machine.

pub mod account;
pub mod admission;
pub mod auction;
pub mod babyjub;
pub mod batch;
mod blake512;
mod clearing;
pub mod data;
pub mod eddsa;
pub mod error;
pub mod escape;
pub mod exit;
pub mod field;
mod grain;
pub mod json;
pub mod keccak;
pub mod margin;
pub mod netting;
pub mod order;
pub mod params;
pub mod poseidon;
pub mod risk;
pub mod seal;
pub mod state;
pub mod transcript;
pub mod tree;
pub mod units;
pub mod witness;

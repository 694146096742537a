//! The segment and closing circuits of tacit and their proofs.

pub mod builder;
pub mod gadgets;
pub mod matrices;
pub mod domain;
pub mod error;
pub mod fingerprint;
pub mod keys;
pub mod msm;
pub mod proof;
pub mod evm;
pub mod keyfile;
pub mod snarkjs;
pub mod solidity;

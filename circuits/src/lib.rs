//! The segment and closing circuits of tacit and their proofs.

pub mod account;
pub mod auction;
mod batch_add;
pub mod builder;
pub mod closing;
pub mod context;
pub mod domain;
pub mod error;
pub mod evm;
pub mod fingerprint;
pub mod fixed_base;
pub mod gadgets;
pub mod keyfile;
pub mod keys;
pub mod margin;
pub mod matrices;
pub mod msm;
pub mod order;
pub mod proof;
pub mod segment;
pub mod settlement;
pub mod snarkjs;
pub mod solidity;
pub mod statement;
pub mod touch;
pub mod witness;

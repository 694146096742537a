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
pub mod account;
pub mod auction;
pub mod closing;
pub mod epoch;
pub mod margin;
pub mod order;
pub mod segment;
pub mod settlement;
pub mod statement;
pub mod touch;
pub mod witness;
mod batch_add;
pub mod fixed_base;

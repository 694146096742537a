//! The Python module `prover._native`: converts, calls, converts. Nothing else lives here.

mod auction;
mod batch;
mod ceremony;
mod eddsa;
mod error;
mod field;
mod hashing;
mod interrupt;
mod keys;
mod owner;
mod settlement;
mod tree;

use pyo3::pymodule;

/// The Rust side of `prover`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::auction::clear_columns;
    #[pymodule_export]
    use super::batch::{
        Cleared, State, account_margin, canonical_batch, domain, holder_owner, order_hash, params, read_touch,
        risk_root,
    };
    #[pymodule_export]
    use super::ceremony::{
        ceremony_beacon, ceremony_circuits, ceremony_contribute, ceremony_finalize, ceremony_init, ceremony_lint,
        ceremony_state, ceremony_verify,
    };
    #[pymodule_export]
    use super::eddsa::{eddsa_public_key, eddsa_sign, eddsa_verify, point_pack, point_unpack};
    #[pymodule_export]
    use super::hashing::{keccak256, poseidon_hash, sponge};
    #[pymodule_export]
    use super::interrupt::Cancellation;
    #[pymodule_export]
    use super::keys::{ProvingKeys, VerifyingKeys, circuit_counts, circuit_fingerprints, manifest, setup};
    #[pymodule_export]
    use super::owner::{
        AccountProvingKeys, AccountVerifyingKeys, escape_inputs, escape_message, exit_message, prove_escape,
        prove_exit, setup_account,
    };
    #[pymodule_export]
    use super::settlement::{Plan, public_inputs, settlement_digest, snarkjs_proof, verify};
    #[pymodule_export]
    use super::tree::Tree;
}

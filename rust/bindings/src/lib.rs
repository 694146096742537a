//! The Python module `prover._native`: converts, calls, converts. Nothing else lives here.

mod auction;
mod eddsa;
mod error;
mod field;
mod hashing;
mod interrupt;

use pyo3::pymodule;

/// The Rust side of `prover`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::auction::clear_columns;
    #[pymodule_export]
    use super::eddsa::{eddsa_public_key, eddsa_sign, eddsa_verify, point_pack, point_unpack};
    #[pymodule_export]
    use super::hashing::{keccak256, poseidon_hash, sponge};
    #[pymodule_export]
    use super::interrupt::Cancellation;
}

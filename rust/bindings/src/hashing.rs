//! Poseidon, the sponge and Keccak.

use pyo3::prelude::*;

use tacit_core::{keccak, poseidon};

use crate::error::{Failure, FieldError, raise};
use crate::field::Field;

/// Circomlib's Poseidon of 1 to 16 inputs.
#[pyfunction]
pub fn poseidon_hash(inputs: Vec<Field>) -> Result<Field, Failure> {
    let most = poseidon::MAX_WIDTH - 1;
    if inputs.is_empty() || inputs.len() > most {
        let message = format!("Poseidon takes 1 to {most} inputs, not {}", inputs.len());
        return Err(raise::<FieldError>(message, vec![("inputs", inputs.len().into())]));
    }
    let inputs: Vec<_> = inputs.into_iter().map(|input| input.0).collect();
    Ok(Field(poseidon::hash(&inputs)))
}

/// S(tag; inputs …).
#[pyfunction]
pub fn sponge(tag: u64, inputs: Vec<Field>) -> Field {
    let inputs: Vec<_> = inputs.into_iter().map(|input| input.0).collect();
    Field(poseidon::sponge(tag, &inputs))
}

/// Keccak-256.
#[pyfunction]
pub fn keccak256(data: &[u8]) -> [u8; 32] {
    keccak::keccak256(data)
}

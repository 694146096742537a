//! Keccak-256, the hash of the chain: what the vault computes (chains of receipts, seals, challenges) is computed with it here too.
//!
//! This is the original Keccak padding that Ethereum uses, not FIPS 202 SHA3-256.

use sha3::{Digest, Keccak256};

/// Keccak-256 of the bytes.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// Keccak-256 of the concatenation of the parts, without copying them together.
#[must_use]
pub fn keccak256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

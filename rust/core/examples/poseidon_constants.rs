//! Writes `contracts/src/PoseidonConstants.sol` to standard output: the sponge's constants as the code of a contract.
//!
//! The contracts open a touch hash when they judge a receipt, and so need the permutation of width 9 on chain. Its constants are
//! generated here from the same procedure that proofs use; the vectors of the reference judge the result (`make generate` runs this).

use std::fmt::Write as _;

use tacit_core::field::to_be_bytes;
use tacit_core::poseidon::{SPONGE_RATE, template};

fn main() {
    let template = template(SPONGE_RATE + 1);
    let words = template.ark.iter().chain(template.mds.iter().flatten());
    let mut literal = String::new();
    for word in words {
        let digits: String = to_be_bytes(word).iter().map(|byte| format!("{byte:02x}")).collect();
        write!(literal, "\n            hex\"{digits}\"").expect("a string takes what is written");
    }
    print!("{}", SOURCE.replace("LITERAL", &literal));
}

const SOURCE: &str = r#"// SPDX-License-Identifier: MIT OR Apache-2.0
// Written by `make generate` (rust/core/examples/poseidon_constants.rs); do not edit.
pragma solidity ^0.8.28;

/// @title Constants of the sponge's permutation, as code
/// @notice The code of a deployed instance is one byte 0x00, so that a call stops at once, then 639 round constants in the order of
/// use and the 81 entries of the matrix, row by row: 32-byte words, big-endian. `PoseidonSponge` reads it and holds its hash.
contract PoseidonConstants {
    constructor() {
        // forgefmt: disable-next-item
        bytes memory code =
            hex"00"LITERAL;
        assembly ("memory-safe") {
            return(add(code, 0x20), mload(code))
        }
    }
}
"#;

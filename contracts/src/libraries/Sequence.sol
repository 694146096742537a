// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title The sequence numbers of a batch as one field element (protocol, sections 7 and 9)
/// @notice The segments multiply (γ − s) over the orders they saw; equality with the product over 1 … n at a γ drawn afterwards
/// means that the orders carried exactly these numbers, each once.
library Sequence {
    /// @notice `Π_{s ≤ n} (γ − s)` modulo p, for γ below p and n below p.
    function product(uint256 gamma, uint256 n) internal pure returns (uint256 result) {
        uint256 p = Bn254.order();
        assembly ("memory-safe") {
            result := 1
            // γ + p − s stays positive and below 2p for every s in 1 … n.
            let factor := add(gamma, p)
            let last := sub(factor, n)
            // 17 at a time: around c, Π (c − k)(c + k) = Π (c² − k²).
            for { let whole := add(last, mod(n, 17)) } gt(factor, whole) { factor := sub(factor, 17) } {
                let centre := sub(factor, 9)
                let square := add(mulmod(centre, centre, p), p)
                result := mulmod(result, centre, p)
                result := mulmod(result, sub(square, 1), p)
                result := mulmod(result, sub(square, 4), p)
                result := mulmod(result, sub(square, 9), p)
                result := mulmod(result, sub(square, 16), p)
                result := mulmod(result, sub(square, 25), p)
                result := mulmod(result, sub(square, 36), p)
                result := mulmod(result, sub(square, 49), p)
                result := mulmod(result, sub(square, 64), p)
            }
            for {} gt(factor, last) {} {
                factor := sub(factor, 1)
                result := mulmod(result, factor, p)
            }
        }
    }
}

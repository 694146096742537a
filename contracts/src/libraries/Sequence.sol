// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title The sequence numbers of a batch as one field element (protocol, sections 7 and 9)
/// @notice The segments multiply (γ − s) over the orders they saw; equality with the product over 1 … n at a γ drawn afterwards
/// means that the orders carried exactly these numbers, each once.
library Sequence {
    /// @notice `Π_{s ≤ n} (γ − s)` modulo p, for γ below p and n below p.
    function product(uint256 gamma, uint256 n) internal pure returns (uint256 result) {
        uint256 p = Bn254.P;
        assembly ("memory-safe") {
            result := 1
            // γ + p − s stays positive and below 2p for every s in 1 … n.
            let factor := add(gamma, p)
            for { let last := sub(factor, n) } gt(factor, last) {} {
                factor := sub(factor, 1)
                result := mulmod(result, factor, p)
            }
        }
    }
}

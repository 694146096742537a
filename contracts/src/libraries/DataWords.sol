// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Public data words in calldata (protocol, section 8)
/// @notice Reads words and evaluates runs of them at the data point: `Σ dᵢ z^(m−1−i)`, Horner from the first. As every word is
/// required to be below p, a value at a point drawn after the words were fixed binds each of them in exactly one encoding.
library DataWords {
    /// @notice Word `position` of the data is `value`, which is not below p.
    error WordNotReduced(uint256 position, uint256 value);

    /// @notice Word `position` of `words`. The caller keeps `position` inside.
    function read(bytes calldata words, uint256 position) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, position)))
        }
    }

    /// @notice Value at `z` of the `count` words from position `from`. The caller keeps them inside `words` and z below p.
    function evaluate(bytes calldata words, uint256 from, uint256 count, uint256 z)
        internal
        pure
        returns (uint256 value)
    {
        uint256 p = Bn254.order();
        bool reduced = true;
        assembly ("memory-safe") {
            let cursor := add(words.offset, shl(5, from))
            let end := add(cursor, shl(5, count))
            for { let single := add(cursor, shl(5, and(count, 3))) } lt(cursor, single) { cursor := add(cursor, 0x20) }
            {
                let word := calldataload(cursor)
                reduced := and(reduced, lt(word, p))
                // Both terms are below p < 2²⁵⁴, so the sum cannot wrap; it is reduced by the next product.
                value := add(mulmod(value, z, p), word)
            }
            for {} lt(cursor, end) { cursor := add(cursor, 0x80) } {
                let word := calldataload(cursor)
                reduced := and(reduced, lt(word, p))
                value := add(mulmod(value, z, p), word)
                word := calldataload(add(cursor, 0x20))
                reduced := and(reduced, lt(word, p))
                value := add(mulmod(value, z, p), word)
                word := calldataload(add(cursor, 0x40))
                reduced := and(reduced, lt(word, p))
                value := add(mulmod(value, z, p), word)
                word := calldataload(add(cursor, 0x60))
                reduced := and(reduced, lt(word, p))
                value := add(mulmod(value, z, p), word)
            }
            value := mod(value, p)
        }
        if (!reduced) refuse(words, from, count);
    }

    /// @notice keccak over the low `bits` bits of each of the `count` words from position `from`, as 32-byte words. The caller keeps
    /// them inside `words`.
    function hashLow(bytes calldata words, uint256 from, uint256 count, uint256 bits)
        internal
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            let mask := sub(shl(bits, 1), 1)
            let free := mload(0x40)
            let cursor := add(words.offset, shl(5, from))
            let size := shl(5, count)
            for { let i := 0 } lt(i, size) { i := add(i, 0x20) } {
                mstore(add(free, i), and(calldataload(add(cursor, i)), mask))
            }
            digest := keccak256(free, size)
        }
    }

    /// @notice Reverts with the first of the `count` words from position `from` that is not below p.
    function refuse(bytes calldata words, uint256 from, uint256 count) internal pure {
        for (uint256 i = from; i < from + count; ++i) {
            uint256 word = read(words, i);
            if (word >= Bn254.P) revert WordNotReduced(i, word);
        }
    }
}

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
        uint256 cursor;
        assembly ("memory-safe") {
            cursor := add(words.offset, shl(5, from))
        }
        bool reduced;
        (value, reduced) = _evaluate(cursor, count, z, Bn254.order());
        if (!reduced) refuse(words, from, count);
    }

    /// @dev What `evaluate` does, of the words in calldata from `cursor` on. A function of its own, which the early return keeps the
    /// compiler from writing into its caller: what the loop uses stays on the stack.
    function _evaluate(uint256 cursor, uint256 count, uint256 z, uint256 p)
        private
        pure
        returns (uint256 value, bool reduced)
    {
        if (count == 0) return (0, true);
        reduced = true;
        assembly ("memory-safe") {
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
            let end := add(cursor, shl(5, count))
            // From a word in calldata to its place in memory, modulo 2²⁵⁶.
            let shift := sub(free, cursor)
            for { let single := add(cursor, shl(5, and(count, 3))) } lt(cursor, single) { cursor := add(cursor, 0x20) }
            {
                mstore(add(cursor, shift), and(calldataload(cursor), mask))
            }
            for {} lt(cursor, end) { cursor := add(cursor, 0x80) } {
                let to := add(cursor, shift)
                mstore(to, and(calldataload(cursor), mask))
                mstore(add(to, 0x20), and(calldataload(add(cursor, 0x20)), mask))
                mstore(add(to, 0x40), and(calldataload(add(cursor, 0x40)), mask))
                mstore(add(to, 0x60), and(calldataload(add(cursor, 0x60)), mask))
            }
            digest := keccak256(free, shl(5, count))
        }
    }

    /// @notice The first position from `from` on whose word is not 0; `end` if all before `end` are. The caller keeps `end` inside.
    function zeros(bytes calldata words, uint256 from, uint256 end) internal pure returns (uint256 position) {
        position = from;
        assembly ("memory-safe") {
            for {} lt(position, end) { position := add(position, 1) } {
                if calldataload(add(words.offset, shl(5, position))) { break }
            }
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

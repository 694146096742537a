// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";
import {DataWords} from "./DataWords.sol";

/// @title The words of one segment in calldata (protocol, section 8)
/// @notice Words 0 … 4 of a touch are open, the others ciphertext. Calldata holds the open words of all touches, then either the
/// cipher words of all touches or keccak over them; the hash of a segment is the same in both cases. The value at the data point runs
/// touch by touch, a touch's open words before its cipher words, as the circuit has them. Whose words they are and what they must say
/// is left to the caller, and so are the bounds: every position is inside `words` and z is below p.
library SegmentWords {
    /// @notice Open words of a touch.
    uint256 internal constant OPEN = 5;

    /// @notice Hash of a segment from word `from` on, with `cipher` ciphertext words a touch: keccak(open words ‖ keccak(cipher words)).
    function hash(bytes calldata words, uint256 from, uint256 touches, uint256 cipher)
        internal
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let start := add(words.offset, shl(5, from))
            let open := mul(touches, mul(OPEN, 0x20))
            let size := mul(touches, shl(5, cipher))
            calldatacopy(free, add(start, open), size)
            let inner := keccak256(free, size)
            calldatacopy(free, start, open)
            mstore(add(free, open), inner)
            digest := keccak256(free, add(open, 0x20))
        }
    }

    /// @notice Hash of a segment from word `from` on whose cipher words are elsewhere, and keccak over those, the word after the open ones.
    function hashOpen(bytes calldata words, uint256 from, uint256 touches)
        internal
        pure
        returns (bytes32 digest, bytes32 cipherHash)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := add(mul(touches, mul(OPEN, 0x20)), 0x20)
            calldatacopy(free, add(words.offset, shl(5, from)), size)
            digest := keccak256(free, size)
            cipherHash := mload(add(free, sub(size, 0x20)))
        }
    }

    /// @notice Value at `z` of a segment from word `from` on, with `cipher` ciphertext words a touch.
    function evaluate(bytes calldata words, uint256 from, uint256 touches, uint256 cipher, uint256 z)
        internal
        pure
        returns (uint256 value)
    {
        uint256 p = Bn254.P;
        bool reduced = true;
        assembly ("memory-safe") {
            let open := add(words.offset, shl(5, from))
            let cursor := add(open, mul(touches, mul(OPEN, 0x20)))
            for { let end := cursor } lt(open, end) {} {
                for { let until := add(open, mul(OPEN, 0x20)) } lt(open, until) { open := add(open, 0x20) } {
                    let word := calldataload(open)
                    reduced := and(reduced, lt(word, p))
                    // Both terms are below p < 2²⁵⁴, so the sum cannot wrap; it is reduced by the next product.
                    value := add(mulmod(value, z, p), word)
                }
                for { let until := add(cursor, shl(5, cipher)) } lt(cursor, until) { cursor := add(cursor, 0x20) } {
                    let word := calldataload(cursor)
                    reduced := and(reduced, lt(word, p))
                    value := add(mulmod(value, z, p), word)
                }
            }
            value := mod(value, p)
        }
        if (!reduced) DataWords.refuse(words, from, touches * (OPEN + cipher));
    }

    /// @notice The part of that value which is of the open words, for `gap` = z to the number of cipher words a touch. The rest is the
    /// value of the cipher words with every open word 0.
    function evaluateOpen(bytes calldata words, uint256 from, uint256 touches, uint256 gap, uint256 z)
        internal
        pure
        returns (uint256 value)
    {
        uint256 p = Bn254.P;
        bool reduced = true;
        assembly ("memory-safe") {
            let open := add(words.offset, shl(5, from))
            for { let end := add(open, mul(touches, mul(OPEN, 0x20))) } lt(open, end) {} {
                for { let until := add(open, mul(OPEN, 0x20)) } lt(open, until) { open := add(open, 0x20) } {
                    let word := calldataload(open)
                    reduced := and(reduced, lt(word, p))
                    value := add(mulmod(value, z, p), word)
                }
                value := mulmod(value, gap, p)
            }
        }
        if (!reduced) DataWords.refuse(words, from, touches * OPEN);
    }
}

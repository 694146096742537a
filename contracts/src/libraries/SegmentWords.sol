// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";
import {DataWords} from "./DataWords.sol";

/// @title The words of one segment in calldata (protocol, section 8)
/// @notice Words 0 … 4 of a touch are open, the others ciphertext. Calldata holds the open words of all touches, then either the
/// cipher words of all touches or keccak over them; the hash of a segment is the same in both cases. Each of the two has a value of its
/// own at the data point, so that the open words are bound without the others; that of cipher words in calldata is
/// `DataWords.evaluate`. Whose words they are and what they must say is left to the caller, and so are the bounds: every position is
/// inside `words` and z is below p.
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

    /// @notice One pass over the open words of the `live` touches that a segment from word `from` on starts with.
    ///
    /// Gives their value at `z`, below p. Each touch is appended to the
    /// seal's tree, which has `count` leaves and the peaks `peaks`: `SealTree.append` of `SealTree.leaf(index, word 1)`, written out
    /// because this runs once a touch. `plain` says that each word 0 has the bit `live` and none above it, each word 3 is 0 and each
    /// word 4 has at most 160 bits; whoever gets `false` has touches to look at. Words 1, 2 and 3 are below p after this, and
    /// words 0 and 4 as well where `plain`. The caller keeps `peaks` at least `SealTree.heights(count + live)` long.
    function read(bytes calldata words, uint256 from, uint256 live, bytes32[] memory peaks, uint256 count, uint256 z)
        internal
        pure
        returns (uint256 value, bool plain)
    {
        uint256 p = Bn254.order();
        bool reduced = true;
        uint256 unusual = 0;
        assembly ("memory-safe") {
            // Most touches have 0 in words 3 and 4: one product takes the value past them.
            let leap := mulmod(z, z, p)
            let leaf := mload(0x40)
            mstore8(leaf, 0x00)
            mstore8(add(leaf, 0x60), 0x01)
            let open := add(words.offset, shl(5, from))
            for { let end := add(open, mul(live, 0xa0)) } lt(open, end) { open := add(open, 0xa0) } {
                let word := calldataload(open)
                unusual := or(unusual, sub(shr(21, word), 1))
                mstore(add(leaf, 0x01), and(word, 0x1fffff))
                // Both terms are below p < 2²⁵⁴, so the sum cannot wrap; it is reduced by the next product.
                value := add(mulmod(value, z, p), word)
                word := calldataload(add(open, 0x20))
                reduced := and(reduced, lt(word, p))
                mstore(add(leaf, 0x21), word)
                value := add(mulmod(value, z, p), word)
                word := calldataload(add(open, 0x40))
                reduced := and(reduced, lt(word, p))
                value := add(mulmod(value, z, p), word)
                word := calldataload(add(open, 0x80))
                switch or(calldataload(add(open, 0x60)), word)
                case 0 { value := mulmod(value, leap, p) }
                default {
                    let owner := calldataload(add(open, 0x60))
                    unusual := or(unusual, or(owner, shr(160, word)))
                    reduced := and(reduced, lt(owner, p))
                    value := add(mulmod(value, z, p), owner)
                    value := add(mulmod(value, z, p), word)
                }
                word := keccak256(leaf, 0x41)
                let peak := add(peaks, 0x20)
                for { let bits := count } and(bits, 1) { bits := shr(1, bits) } {
                    mstore(add(leaf, 0x61), mload(peak))
                    mstore(add(leaf, 0x81), word)
                    word := keccak256(add(leaf, 0x60), 0x41)
                    mstore(peak, 0)
                    peak := add(peak, 0x20)
                }
                mstore(peak, word)
                count := add(count, 1)
            }
            value := mod(value, p)
            plain := iszero(unusual)
        }
        if (!reduced) DataWords.refuse(words, from, live * OPEN);
    }
}

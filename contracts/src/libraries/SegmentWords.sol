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
    /// Gives their value at `z`, below p; reverts if a word is not. Each touch is appended to the seal's tree, which has `count` leaves
    /// and the peaks `peaks`: `SealTree.append` of `SealTree.leaf(index, word 1)`, written out because this runs once a touch. `plain` says
    /// that each word 0 has the bit `live` and none above it and that words 3 and 4 are 0; whoever gets `false` has touches to look at.
    /// The caller keeps `peaks` at least `SealTree.heights(count + live)` long.
    function read(bytes calldata words, uint256 from, uint256 live, bytes32[] memory peaks, uint256 count, uint256 z)
        internal
        pure
        returns (uint256 value, bool plain)
    {
        uint256 open;
        uint256 first;
        assembly ("memory-safe") {
            open := add(words.offset, shl(5, from))
            first := add(peaks, 0x20)
        }
        (value, plain) = _pass(open, open + 32 * OPEN * live, first, count, z, Bn254.order());
        // Words 3 and 4 of every plain touch are passed by, of the last one here.
        value = mulmod(value, mulmod(z, z, Bn254.P), Bn254.P);
        if (!plain) value = DataWords.evaluate(words, from, live * OPEN, z);
    }

    /// @dev What `read` does, of the touches in calldata from `open` to `end`, with the words of the peaks at `peaks` in memory; `value` only
    /// if all are plain, and without the factor z² for words 3 and 4 of the last. A function
    /// of its own, which the early return keeps the compiler from writing into its caller: what the loop uses stays on the stack.
    function _pass(uint256 open, uint256 end, uint256 peaks, uint256 count, uint256 z, uint256 p)
        private
        pure
        returns (uint256 value, bool plain)
    {
        if (open == end) return (0, true);
        plain = true;
        uint256 cube = Bn254.kept(mulmod(mulmod(z, z, p), z, p));
        assembly ("memory-safe") {
            // What is hashed stands in the scratch space and the byte behind it, the first of the free memory pointer: it is 0, and is
            // again at the end. Nothing below needs the pointer.
            for {} lt(open, end) {} {
                mstore8(0x00, 0x00)
                // Sums of two terms; in a plain touch each is below p < 2²⁵⁴, so none can wrap. The next product reduces it.
                let word := calldataload(open)
                mstore(0x01, and(word, 0x1fffff))
                plain := and(plain, eq(shr(21, word), 1))
                value := add(mulmod(value, cube, p), word)
                word := calldataload(add(open, 0x20))
                mstore(0x21, word)
                plain := and(plain, lt(word, p))
                value := add(mulmod(value, z, p), word)
                word := calldataload(add(open, 0x40))
                plain := and(plain, lt(word, p))
                value := add(mulmod(value, z, p), word)
                plain := gt(plain, or(calldataload(add(open, 0x60)), calldataload(add(open, 0x80))))
                open := add(open, 0xa0)

                let node := keccak256(0x00, 0x41)
                let peak := peaks
                let bits := count
                // The first child of a node, if there is a second: both at once.
                if iszero(or(and(count, 1), eq(open, end))) {
                    word := calldataload(open)
                    mstore(0x01, and(word, 0x1fffff))
                    plain := and(plain, eq(shr(21, word), 1))
                    value := add(mulmod(value, cube, p), word)
                    word := calldataload(add(open, 0x20))
                    mstore(0x21, word)
                    plain := and(plain, lt(word, p))
                    value := add(mulmod(value, z, p), word)
                    word := calldataload(add(open, 0x40))
                    plain := and(plain, lt(word, p))
                    value := add(mulmod(value, z, p), word)
                    plain := gt(plain, or(calldataload(add(open, 0x60)), calldataload(add(open, 0x80))))
                    open := add(open, 0xa0)
                    word := keccak256(0x00, 0x41)
                    mstore8(0x00, 0x01)
                    mstore(0x01, node)
                    mstore(0x21, word)
                    node := keccak256(0x00, 0x41)
                    peak := add(peak, 0x20)
                    bits := shr(1, bits)
                    count := add(count, 1)
                }
                mstore8(0x00, 0x01)
                for {} and(bits, 1) { bits := shr(1, bits) } {
                    mstore(0x01, mload(peak))
                    mstore(0x21, node)
                    node := keccak256(0x00, 0x41)
                    mstore(peak, 0)
                    peak := add(peak, 0x20)
                }
                mstore(peak, node)
                count := add(count, 1)
            }
            mstore8(0x40, 0x00)
        }
    }
}

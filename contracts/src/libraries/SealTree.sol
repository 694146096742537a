// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The tree that a seal commits to (protocol, section 4)
/// @notice Keccak Merkle tree over the touches of a batch. Leaves and nodes start with different bytes, so neither can be read as
/// the other; positions that no touch has are zero words up to the next power of two.
library SealTree {
    /// @notice `keccak(0x00 ‖ index ‖ hash)`: a touch of account `index` with touch hash `hash` (L of the protocol).
    function leaf(uint256 index, uint256 hash) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x00)
            mstore(add(free, 0x01), index)
            mstore(add(free, 0x21), hash)
            digest := keccak256(free, 0x41)
        }
    }

    /// @notice `keccak(0x01 ‖ left ‖ right)`.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x01)
            mstore(add(free, 0x01), left)
            mstore(add(free, 0x21), right)
            digest := keccak256(free, 0x41)
        }
    }

    /// @notice Number of heights that complete subtrees of `count` leaves can have: what `append` needs of `peaks`.
    function heights(uint256 count) internal pure returns (uint256 needed) {
        for (; count > 0; count >>= 1) {
            ++needed;
        }
    }

    /// @notice Adds a leaf to `count` earlier ones, of which `peaks` holds the roots of the complete subtrees by height, 0 where
    /// there is none; they are the bits of `count`. The caller keeps `peaks` at least `heights(count + 1)` long.
    function append(bytes32[] memory peaks, uint256 count, bytes32 leaf_) internal pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x01)
            let peak := add(peaks, 0x20)
            for {} and(count, 1) { count := shr(1, count) } {
                mstore(add(free, 0x01), mload(peak))
                mstore(add(free, 0x21), leaf_)
                leaf_ := keccak256(free, 0x41)
                mstore(peak, 0)
                peak := add(peak, 0x20)
            }
            mstore(peak, leaf_)
        }
    }

    /// @notice Root over `count` leaves, at least one, given as `append` leaves them: what `root` is of the leaves themselves.
    function close(bytes32[] memory peaks, uint256 count) internal pure returns (bytes32 last) {
        uint256 height = 0;
        bytes32 empty = 0;
        for (; count & 1 == 0; count >>= 1) {
            ++height;
            empty = node(empty, empty);
        }
        last = peaks[height];
        // `last` is the last node of its level, `count` the number of nodes in it.
        for (; count > 1; count = (count + 1) >> 1) {
            last = count & 1 == 0 ? node(peaks[height], last) : node(last, empty);
            empty = node(empty, empty);
            ++height;
        }
    }

    /// @notice Root over `leaves`, at least one; a single leaf is its own root. Overwrites `leaves`.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32 empty = 0;
        for (uint256 width = leaves.length; width > 1; width = (width + 1) / 2) {
            _hashLevel(leaves, width, empty);
            empty = node(empty, empty);
        }
        return leaves[0];
    }

    /// @dev Replaces the first `width` entries by their parents; `empty` stands in for a right sibling that is missing. Every node
    /// is `node(left, right)`, written out because this runs once a touch.
    function _hashLevel(bytes32[] memory level, uint256 width, bytes32 empty) private pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x01)
            let first := add(level, 0x20)
            let end := add(first, shl(5, width))
            let parent := first
            for { let child := first } lt(child, end) { child := add(child, 0x40) } {
                let right := empty
                if lt(add(child, 0x20), end) { right := mload(add(child, 0x20)) }
                mstore(add(free, 0x01), mload(child))
                mstore(add(free, 0x21), right)
                mstore(parent, keccak256(free, 0x41))
                parent := add(parent, 0x20)
            }
        }
    }
}

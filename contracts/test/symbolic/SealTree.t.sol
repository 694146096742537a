// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SealTree} from "src/libraries/SealTree.sol";
import {Test} from "test/helpers/Test.sol";

/// @notice For all leaves, up to nine of them: the root is the one that the protocol defines, at once and leaf by leaf. keccak is an
/// unknown function without collisions.
contract SealTreeSymbolicTest is Test {
    uint256 private constant MOST = 9;

    function check_the_root_is_that_of_the_tree_padded_with_zero_words(bytes32[9] memory values) public pure {
        for (uint256 count = 1; count <= MOST; ++count) {
            assertEq(SealTree.root(_first(values, count)), _padded(values, count), "root");
        }
    }

    function check_leaf_by_leaf_the_root_is_the_same(bytes32[9] memory values) public pure {
        for (uint256 count = 1; count <= MOST; ++count) {
            bytes32[] memory peaks = new bytes32[](SealTree.heights(count));
            for (uint256 i = 0; i < count; ++i) {
                SealTree.append(peaks, i, values[i]);
            }
            assertEq(SealTree.close(peaks, count), _padded(values, count), "root");
        }
    }

    function check_a_root_of_five_has_one_sequence_of_leaves(bytes32[9] memory values, bytes32[9] memory others)
        public
        pure
    {
        for (uint256 count = 1; count <= 5; count += 2) {
            if (SealTree.root(_first(values, count)) != SealTree.root(_first(others, count))) return;
            for (uint256 i = 0; i < count; ++i) {
                assertEq(values[i], others[i], "leaf");
            }
        }
    }

    function check_a_leaf_has_one_index_and_hash(uint256 index, uint256 hash, uint256 otherIndex, uint256 otherHash)
        public
        pure
    {
        vm.assume(SealTree.leaf(index, hash) == SealTree.leaf(otherIndex, otherHash));
        assertEq(index, otherIndex, "index");
        assertEq(hash, otherHash, "hash");
    }

    function check_no_leaf_is_a_node(uint256 index, uint256 hash, bytes32 left, bytes32 right) public pure {
        assertNotEq(SealTree.leaf(index, hash), SealTree.node(left, right), "leaf and node");
    }

    function _first(bytes32[9] memory values, uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = values[i];
        }
    }

    /// @dev The definition: pad first, then hash level by level.
    function _padded(bytes32[9] memory values, uint256 count) private pure returns (bytes32) {
        uint256 width = 1;
        while (width < count) width *= 2;
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i = 0; i < count; ++i) {
            level[i] = values[i];
        }
        for (; width > 1; width /= 2) {
            for (uint256 i = 0; i < width / 2; ++i) {
                level[i] = keccak256(abi.encodePacked(bytes1(0x01), level[2 * i], level[2 * i + 1]));
            }
        }
        return level[0];
    }
}

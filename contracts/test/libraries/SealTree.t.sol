// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SealTree} from "src/libraries/SealTree.sol";
import {Test} from "test/helpers/Test.sol";

contract SealTreeTest is Test {
    function test_a_leaf_is_one_zero_byte_and_two_words() public pure {
        assertEq(SealTree.leaf(7, 8), keccak256(abi.encodePacked(bytes1(0x00), uint256(7), uint256(8))), "leaf");
    }

    function test_a_node_is_one_byte_01_and_two_words() public pure {
        bytes32 expected = keccak256(abi.encodePacked(bytes1(0x01), bytes32("l"), bytes32("r")));
        assertEq(SealTree.node("l", "r"), expected, "node");
    }

    function test_a_single_leaf_is_its_own_root() public pure {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = "only";
        assertEq(SealTree.root(leaves), "only", "root");
    }

    function testFuzz_the_root_is_that_of_the_tree_padded_with_zero_words(uint256 count, bytes32 seed) public pure {
        count = bound(count, 1, 70);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
        bytes32 expected = _padded(leaves);
        assertEq(SealTree.root(leaves), expected, "root");
    }

    /// @dev The definition: pad first, then hash level by level.
    function _padded(bytes32[] memory leaves) private pure returns (bytes32) {
        uint256 width = 1;
        while (width < leaves.length) width *= 2;
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = leaves[i];
        }
        for (; width > 1; width /= 2) {
            for (uint256 i = 0; i < width / 2; ++i) {
                level[i] = keccak256(abi.encodePacked(bytes1(0x01), level[2 * i], level[2 * i + 1]));
            }
        }
        return level[0];
    }
}

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

    function test_the_root_of_appended_leaves_is_that_of_all_leaves_for_every_count() public pure {
        for (uint256 count = 1; count <= 70; ++count) {
            bytes32[] memory leaves = new bytes32[](count);
            bytes32[] memory peaks = new bytes32[](SealTree.heights(count));
            for (uint256 i = 0; i < count; ++i) {
                leaves[i] = keccak256(abi.encode(count, i));
                SealTree.append(peaks, i, leaves[i]);
            }
            assertEq(SealTree.close(peaks, count), SealTree.root(leaves), "root");
        }
    }

    function testFuzz_peaks_are_the_roots_of_complete_subtrees_by_height(uint256 count, bytes32 seed) public pure {
        count = bound(count, 1, 200);
        bytes32[] memory peaks = new bytes32[](SealTree.heights(count));
        for (uint256 i = 0; i < count; ++i) {
            SealTree.append(peaks, i, keccak256(abi.encode(seed, i)));
        }
        uint256 start = 0;
        for (uint256 left = peaks.length; left > 0; --left) {
            uint256 height = left - 1;
            if (count & 2 ** height == 0) {
                assertEq(peaks[height], 0, "no subtree");
                continue;
            }
            bytes32[] memory leaves = new bytes32[](2 ** height);
            for (uint256 i = 0; i < leaves.length; ++i) {
                leaves[i] = keccak256(abi.encode(seed, start + i));
            }
            start += leaves.length;
            assertEq(peaks[height], SealTree.root(leaves), "subtree");
        }
    }

    function test_heights_are_the_bits_of_a_count() public pure {
        uint8[9] memory expected = [0, 1, 2, 2, 3, 3, 3, 3, 4];
        for (uint256 count = 0; count < expected.length; ++count) {
            assertEq(SealTree.heights(count), expected[count], "heights");
        }
        assertEq(SealTree.heights(1792), 11, "64 segments of large");
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

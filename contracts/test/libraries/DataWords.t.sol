// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "src/libraries/Bn254.sol";
import {DataWords} from "src/libraries/DataWords.sol";
import {Test} from "test/helpers/Test.sol";

contract DataWordsTest is Test {
    uint256 private constant P = Bn254.P;

    /// @dev Brings words into calldata.
    function evaluate(bytes calldata words, uint256 from, uint256 count, uint256 z) external pure returns (uint256) {
        return DataWords.evaluate(words, from, count, z);
    }

    function read(bytes calldata words, uint256 position) external pure returns (uint256) {
        return DataWords.read(words, position);
    }

    function hashLow(bytes calldata words, uint256 from, uint256 count, uint256 bits) external pure returns (bytes32) {
        return DataWords.hashLow(words, from, count, bits);
    }

    function testFuzz_low_bits_are_hashed_as_words(uint256 from, uint256 count, uint256 bits, bytes32 seed)
        public
        view
    {
        (from, count, bits) = (bound(from, 0, 20), bound(count, 0, 40), bound(bits, 1, 255));
        bytes memory words = _words(64, seed);
        bytes memory low;
        for (uint256 i = from; i < from + count; ++i) {
            low = abi.encodePacked(low, this.read(words, i) % 2 ** bits);
        }
        assertEq(this.hashLow(words, from, count, bits), keccak256(low), "hash");
    }

    function zeros(bytes calldata words, uint256 from, uint256 end) external pure returns (uint256) {
        return DataWords.zeros(words, from, end);
    }

    function testFuzz_zeros_end_at_the_first_word_that_is_none(uint256 from, uint256 end, uint256 used, uint256 word)
        public
        view
    {
        (from, end, used, word) = (bound(from, 0, 20), bound(end, 0, 20), bound(used, 0, 19), bound(word, 1, P - 1));
        if (end < from) (from, end) = (end, from);
        bytes memory words = new bytes(32 * 20);
        assertEq(this.zeros(words, from, end), end, "none is used");
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), shl(5, used)), word)
        }
        assertEq(this.zeros(words, from, end), used < from || used >= end ? end : used, "one is used");
    }

    function test_the_first_word_has_the_highest_power() public view {
        bytes memory words = abi.encodePacked(uint256(5), uint256(7), uint256(11));
        assertEq(this.evaluate(words, 0, 3, 100), 50711, "5 z^2 + 7 z + 11");
    }

    function test_no_words_have_the_value_zero() public view {
        assertEq(this.evaluate("", 0, 0, 3), 0, "empty");
    }

    function testFuzz_the_value_is_the_sum_of_the_powers(uint256 from, uint256 count, uint256 z, bytes32 seed)
        public
        view
    {
        (from, count, z) = (bound(from, 0, 20), bound(count, 0, 40), bound(z, 0, P - 1));
        bytes memory words = _words(64, seed);
        uint256 expected = 0;
        uint256 power = 1;
        for (uint256 i = count; i > 0; --i) {
            expected = addmod(expected, mulmod(this.read(words, from + i - 1), power, P), P);
            power = mulmod(power, z, P);
        }
        assertEq(this.evaluate(words, from, count, z), expected, "sum");
    }

    function test_the_largest_words_at_the_largest_point_do_not_wrap() public view {
        bytes memory words = abi.encodePacked(P - 1, P - 1, P - 1);
        // (-1)·1 + (-1)·(-1) + (-1) = -1
        assertEq(this.evaluate(words, 0, 3, P - 1), P - 1, "value");
    }

    function test_a_word_in_another_encoding_is_refused() public {
        for (uint256 k = 1; k <= 5; ++k) {
            bytes memory words = abi.encodePacked(uint256(1), 2 + k * P, uint256(3));
            vm.expectRevert(abi.encodeWithSelector(DataWords.WordNotReduced.selector, 1, 2 + k * P));
            this.evaluate(words, 0, 3, 9);
        }
    }

    function test_words_outside_the_run_do_not_matter() public view {
        bytes memory words = abi.encodePacked(P, uint256(2), P);
        assertEq(this.evaluate(words, 1, 1, 9), 2, "value");
    }

    function _words(uint256 count, bytes32 seed) private pure returns (bytes memory words) {
        for (uint256 i = 0; i < count; ++i) {
            words = abi.encodePacked(words, uint256(keccak256(abi.encode(seed, i))) % P);
        }
    }
}

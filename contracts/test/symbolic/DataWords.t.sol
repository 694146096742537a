// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DataWords} from "src/libraries/DataWords.sol";
import {FieldFacts} from "test/symbolic/FieldFacts.sol";

/// @notice For all words and points: `evaluate` is Horner's rule with every step reduced, and refuses a word that is not.
contract DataWordsSymbolicTest is FieldFacts {
    function evaluate(bytes calldata words, uint256 from, uint256 count, uint256 z) external pure returns (uint256) {
        return DataWords.evaluate(words, from, count, z);
    }

    function check_no_words_have_the_value_zero(uint256 word, uint256 z) public view {
        assertEq(this.evaluate(abi.encode(word), 1, 0, z), 0, "empty");
    }

    function check_the_value_of_one_word_is_the_word(uint256 a, uint256 other, uint256 z) public view {
        vm.assume(a < P && z < P);
        vm.assume(productFacts(0, z) && mulmod(0, z, P) == 0);
        _assumeRemainder(a);
        assertEq(this.evaluate(abi.encode(other, a, other), 1, 1, z), a, "one word");
    }

    function check_the_value_of_two_words_is_that_of_the_polynomial(uint256 a, uint256 b, uint256 z) public view {
        vm.assume(a < P && b < P && z < P);
        uint256 expected = _step(_step(0, a, z), b, z);
        assertEq(this.evaluate(abi.encode(a, b), 0, 2, z), expected, "two words");
    }

    function check_the_value_of_four_words_is_that_of_the_polynomial(
        uint256 a,
        uint256 b,
        uint256 c,
        uint256 d,
        uint256 z
    ) public view {
        vm.assume(a < P && b < P && c < P && d < P && z < P);
        uint256 expected = _step(_step(_step(_step(0, a, z), b, z), c, z), d, z);
        assertEq(this.evaluate(abi.encode(a, b, c, d), 0, 4, z), expected, "four words");
    }

    function check_a_word_not_below_p_is_refused(uint256 a, uint256 b, uint256 c, uint256 z) public view {
        vm.assume(a >= P || b >= P || c >= P);
        try this.evaluate(abi.encode(a, b, c), 0, 3, z) returns (uint256) {
            assertTrue(false, "accepted");
        } catch {}
    }

    /// @dev value·z + word modulo p, with the facts about it that the proof needs.
    function _step(uint256 value, uint256 word, uint256 z) private pure returns (uint256 next) {
        uint256 product = mulmod(value, z, P);
        vm.assume(product < P);
        if (value == 0) vm.assume(product == 0);
        next = plus(product, word);
        // The library adds without reducing: the next product, or the last division, reduces for it.
        vm.assume(mulmod(product + word, z, P) == mulmod(next, z, P));
        _assumeRemainder(product + word);
    }

    function _assumeRemainder(uint256 sum) private pure {
        vm.assume(remainderFact(sum));
    }
}

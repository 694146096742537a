// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TouchWord} from "src/libraries/TouchWord.sol";
import {Test} from "test/helpers/Test.sol";

/// @notice For all words: each field is read as it was packed, and the fields together are the word.
contract TouchWordSymbolicTest is Test {
    function check_fields_are_read_as_they_were_packed(
        uint256 index,
        bool live,
        bool exit,
        bool opens,
        uint64 amount,
        uint256 paid
    ) public pure {
        vm.assume(index < 2 ** 21 && paid < 2 ** 74);
        uint256 word = _pack(index, live, exit, opens, amount, paid);
        assertEq(TouchWord.index(word), index, "index");
        assertEq(TouchWord.live(word), live, "live");
        assertEq(TouchWord.exit(word), exit, "exit");
        assertEq(TouchWord.opens(word), opens, "opens");
        assertEq(TouchWord.amount(word), amount, "amount");
        assertEq(TouchWord.paid(word), paid, "paid");
        assertEq(word >> TouchWord.BITS, 0, "bits");
    }

    function check_a_word_is_its_fields(uint256 word) public pure {
        vm.assume(word >> TouchWord.BITS == 0);
        uint256 packed = _pack(
            TouchWord.index(word),
            TouchWord.live(word),
            TouchWord.exit(word),
            TouchWord.opens(word),
            uint64(TouchWord.amount(word)),
            TouchWord.paid(word)
        );
        assertEq(packed, word, "word");
    }

    function check_a_touch_that_concerns_nobody_moves_nothing(uint256 word) public pure {
        vm.assume(!TouchWord.concernsVault(word));
        assertFalse(TouchWord.exit(word) || TouchWord.opens(word), "exit or opening");
        assertEq(TouchWord.amount(word) + TouchWord.paid(word), 0, "amounts");
    }

    /// @dev Protocol, section 8, written as a sum.
    function _pack(uint256 index, bool live, bool exit, bool opens, uint64 amount, uint256 paid)
        private
        pure
        returns (uint256)
    {
        uint256 flags = (live ? 1 : 0) + (exit ? 2 : 0) + (opens ? 4 : 0);
        return index + (flags << 21) + (uint256(amount) << 24) + (paid << 88);
    }
}

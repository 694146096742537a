// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TouchWord} from "src/libraries/TouchWord.sol";
import {Test} from "test/helpers/Test.sol";

contract TouchWordTest is Test {
    function testFuzz_every_part_is_read_from_its_place(
        uint256 index,
        bool live,
        bool exit,
        bool opens,
        uint64 amount,
        uint256 paid
    ) public pure {
        (index, paid) = (bound(index, 0, 2 ** 21 - 1), bound(paid, 0, 2 ** 74 - 1));
        uint256 word = index + (live ? 2 ** 21 : 0) + (exit ? 2 ** 22 : 0) + (opens ? 2 ** 23 : 0) + 2 ** 24
            * uint256(amount) + 2 ** 88 * paid;
        assertEq(TouchWord.index(word), index, "index");
        assertEq(TouchWord.live(word), live, "live");
        assertEq(TouchWord.exit(word), exit, "exit");
        assertEq(TouchWord.opens(word), opens, "opens");
        assertEq(TouchWord.amount(word), amount, "amount");
        assertEq(TouchWord.paid(word), paid, "paid");
    }
}

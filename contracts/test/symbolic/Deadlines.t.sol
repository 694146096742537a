// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Deadlines} from "src/libraries/Deadlines.sol";
import {Test} from "test/helpers/Test.sol";

/// @notice For all deadlines of three requests: the earliest from any position on is the least of those that stand there.
contract DeadlinesSymbolicTest is Test {
    using Deadlines for Deadlines.Stack;

    Deadlines.Stack private _stack;

    function check_the_earliest_deadline_is_the_least_from_there_on(uint40[3] memory deadlines, uint64 from) public {
        uint40 least = type(uint40).max;
        for (uint64 i = 0; i < 3; ++i) {
            _stack.push(i, deadlines[i]);
            if (i >= from && deadlines[i] < least) least = deadlines[i];
        }
        assertEq(_stack.earliest(from), least, "earliest");
    }
}

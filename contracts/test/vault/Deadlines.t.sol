// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Deadlines} from "src/libraries/Deadlines.sol";
import {Test} from "test/helpers/Test.sol";

/// @notice The earliest deadline from a position on, against the minimum over all entries from there.
contract DeadlinesTest is Test {
    using Deadlines for Deadlines.Stack;

    Deadlines.Stack private _stack;
    uint40[] private _all;

    function _push(uint40 deadline) private {
        _stack.push(uint64(_all.length), deadline);
        _all.push(deadline);
    }

    function _naive(uint256 from) private view returns (uint40 least) {
        least = type(uint40).max;
        for (uint256 i = from; i < _all.length; ++i) {
            if (_all[i] < least) least = _all[i];
        }
    }

    function _checkAll() private view {
        for (uint256 i = 0; i <= _all.length; ++i) {
            assertEq(_stack.earliest(uint64(i)), _naive(i), "earliest");
        }
    }

    function test_without_entries_there_is_no_deadline() public view {
        assertEq(_stack.earliest(0), type(uint40).max, "empty");
    }

    function test_a_lower_deadline_makes_all_earlier_entries_urgent() public {
        _push(10);
        _push(20);
        _push(30);
        _push(5);
        _checkAll();
        assertEq(_stack.count, 1, "nothing else is kept");
    }

    function test_equal_deadlines_are_found_from_each_of_them() public {
        _push(10);
        _push(10);
        _push(10);
        _checkAll();
    }

    /// Few values, so that many are equal; entries come one by one, and all answers are right each time.
    function testFuzz_the_earliest_deadline_is_the_minimum_from_there_on(uint8[24] memory deadlines) public {
        for (uint256 i = 0; i < deadlines.length; ++i) {
            _push(deadlines[i] % 12);
            _checkAll();
        }
    }

    function testFuzz_deadlines_of_any_size_are_ordered(uint40[24] memory deadlines) public {
        for (uint256 i = 0; i < deadlines.length; ++i) {
            _push(deadlines[i]);
        }
        _checkAll();
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "src/libraries/Bn254.sol";
import {Sequence} from "src/libraries/Sequence.sol";
import {Test} from "test/helpers/Test.sol";

contract SequenceTest is Test {
    function test_no_orders_have_the_product_one() public pure {
        assertEq(Sequence.product(12345, 0), 1, "empty product");
    }

    function test_a_challenge_that_is_a_sequence_number_gives_zero() public pure {
        assertEq(Sequence.product(3, 4), 0, "factor 3 - 3");
    }

    function test_a_challenge_below_the_numbers_wraps_into_the_field() public pure {
        // (0 - 1)(0 - 2) = 2
        assertEq(Sequence.product(0, 2), 2, "product");
    }

    function testFuzz_the_product_runs_over_one_to_n(uint256 gamma, uint256 n) public pure {
        gamma = bound(gamma, 0, Bn254.P - 1);
        n = bound(n, 0, 60);
        uint256 expected = 1;
        for (uint256 s = 1; s <= n; ++s) {
            expected = mulmod(expected, addmod(gamma, Bn254.P - s, Bn254.P), Bn254.P);
        }
        assertEq(Sequence.product(gamma, n), expected, "product");
    }
}

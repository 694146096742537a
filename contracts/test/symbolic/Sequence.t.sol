// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Sequence} from "src/libraries/Sequence.sol";
import {FieldFacts} from "test/symbolic/FieldFacts.sol";

/// @notice For all γ: the product over the sequence numbers is that of the reduced factors, and no factor wraps.
contract SequenceSymbolicTest is FieldFacts {
    function check_of_no_orders_it_is_one(uint256 gamma) public pure {
        vm.assume(gamma < P);
        assertEq(Sequence.product(gamma, 0), 1, "empty");
    }

    function check_of_one_to_three_orders_it_is_the_product_of_gamma_minus_their_numbers(uint256 gamma) public pure {
        vm.assume(gamma < P);
        uint256 expected = 1;
        for (uint256 n = 1; n <= 3; ++n) {
            uint256 reduced = gamma < n ? gamma + P - n : gamma - n;
            // The factor may stand unreduced in the library: γ + p − n, congruent to γ − n.
            vm.assume(mulmod(expected, gamma + P - n, P) == mulmod(expected, reduced, P));
            expected = mulmod(expected, reduced, P);
            assertEq(Sequence.product(gamma, n), expected, "product");
        }
    }
}

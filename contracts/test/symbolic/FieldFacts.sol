// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "src/libraries/Bn254.sol";
import {Test} from "test/helpers/Test.sol";

/// @title What symbolic tests take for granted of arithmetic modulo p
/// @notice No solver multiplies 254-bit numbers in our lifetime. Products modulo p therefore stay unknown functions in a proof, and the
/// two facts it needs of them, true of every number, are given to it one instance at a time. forge's fuzzer tries the facts themselves.
abstract contract FieldFacts is Test {
    uint256 internal constant P = Bn254.P;

    /// @dev For every a and b: a product is below p, and depends on its first factor modulo p only.
    function productFacts(uint256 a, uint256 b) internal pure returns (bool) {
        uint256 product = mulmod(a, b, P);
        return product < P && product == mulmod(a % P, b, P);
    }

    /// @dev What `a % P` is where a is below 2p, without a division: the solver knows comparisons and differences.
    function remainderFact(uint256 a) internal pure returns (bool) {
        return a >= 2 * P || a % P == (a < P ? a : a - P);
    }

    /// @dev a + b modulo p for a and b below p, without a division.
    function plus(uint256 a, uint256 b) internal pure returns (uint256) {
        return a + b < P ? a + b : a + b - P;
    }
}

contract FieldFactsTest is FieldFacts {
    function testFuzz_the_facts_hold(uint256 a, uint256 b) public pure {
        assertTrue(productFacts(a, b), "product");
        assertTrue(productFacts(a % (2 * P), b % P), "product of what occurs");
        assertTrue(remainderFact(a % (2 * P)), "remainder");
        assertEq(plus(a % P, b % P), addmod(a, b, P), "sum");
    }
}

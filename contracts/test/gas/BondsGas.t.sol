// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "src/interfaces/IBonds.sol";
import {BondsFixture} from "test/bonds/BondsFixture.sol";
import {Bill} from "test/gas/Bill.sol";

/// @notice What it costs to challenge the operator for an order, and to answer, in a batch of 1,000 orders.
contract BondsGasTest is BondsFixture, Bill {
    uint256 private constant ORDERS_SEALED = 1000;
    uint256 private constant ASKED = 777;

    function _create(bytes memory code) internal override(BondsFixture, Bill) returns (address) {
        return Bill._create(code);
    }

    function setUp() public {
        _deploy(4);
        _openAndSeal(BATCH, ORDERS_SEALED, 7);
    }

    function test_a_challenge_and_its_answer() public {
        IBonds.Receipt memory receipt = _receipt(ASKED);
        bytes memory asks = abi.encodeCall(bonds.challenge, (receipt, _sign(receipt), false));
        _measure("challenge", challenger, STAKE, asks);
        _measure("answer", operator, 0, abi.encodeCall(bonds.answer, (1, _answer(ASKED))));
    }

    function test_a_challenge_that_is_not_answered() public {
        _challenge(_receipt(ASKED), false);
        vm.warp(block.timestamp + ANSWER_TIME + 1);
        _measure("close", challenger, 0, abi.encodeCall(bonds.close, (1)));
        _measure("pay", challenger, 0, abi.encodeCall(bonds.pay, (challenger)));
    }

    function _measure(string memory name, address sender, uint256 value, bytes memory data) private {
        Sum memory sum;
        _pay(sum, sender, address(bonds), value, data);
        emit Measured(name, "standard", false, 0, ORDERS_SEALED, sum);
    }
}

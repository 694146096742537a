// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementFixture} from "test/helpers/SettlementFixture.sol";

/// @notice Gas of a settlement by number of segments, with full touches of the sizes of `dev`, without the transaction's own 21,000
/// and its calldata. A bound is a budget: whoever exceeds it says why and moves it.
contract GasTest is SettlementFixture {
    event Measured(uint256 segments, uint256 gasUsed, uint256 calldataBytes);

    function setUp() public {
        _deploy();
        uint32[] memory ids = new uint32[](8);
        for (uint32 i = 0; i < 8; ++i) {
            ids[i] = i + 1;
        }
        _post(777, ids);
        _plain(0);
    }

    function test_gas_of_a_seal() public {
        bytes memory call = abi.encodeCall(settlement.seal, (_request(2, 0, 0)));
        vm.prank(operator);
        uint256 before = gasleft();
        (bool ok,) = address(settlement).call(call);
        uint256 used = before - gasleft();
        assertTrue(ok, "seals");
        emit Measured(0, used, call.length);
        assertLe(used, 110_000, "gas");
    }

    function test_gas_of_1_segment() public {
        _measure(1, 690_000);
    }

    function test_gas_of_4_segments() public {
        _measure(4, 900_000);
    }

    function test_gas_of_16_segments() public {
        _measure(16, 1_740_000);
    }

    function test_gas_of_64_segments() public {
        _measure(64, 5_150_000);
    }

    function _measure(uint256 segments, uint256 budget) private {
        for (uint256 i = 1; i < TOUCHES * segments; ++i) {
            _plain(i);
        }
        _sealAll(uint32(2 * TOUCHES * segments));
        Submission memory made = _prove();
        bytes memory call =
            abi.encodeCall(settlement.settle, (made.segments, made.closing, made.words, made.beneficiary));
        uint256 before = gasleft();
        (bool ok,) = address(settlement).call(call);
        uint256 used = before - gasleft();
        assertTrue(ok, "settles");
        emit Measured(segments, used, call.length);
        assertLe(used, budget, "gas");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementRules} from "src/SettlementRules.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";

/// @notice Stands where a vault stands: takes a settlement in calldata and hands it on beside its statement.
contract Caller {
    SettlementRules private immutable RULES;
    ISettlementRules.Statement private _statement;

    constructor(SettlementRules rules, ISettlementRules.Statement memory statement) {
        RULES = rules;
        _statement = statement;
    }

    function settle(
        ISettlementRules.Claim calldata claim,
        ISettlementRules.Part calldata part,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external view returns (ISettlementRules.Effects memory) {
        return RULES.check(_statement, claim, part, closingProof, closingWords);
    }

    function begin(ISettlementRules.Claim calldata claim) external view returns (ISettlementRules.Progress memory) {
        return RULES.begin(_statement, claim);
    }

    function advance(
        ISettlementRules.Claim calldata claim,
        ISettlementRules.Progress calldata progress,
        ISettlementRules.Part calldata part
    ) external view returns (ISettlementRules.Progress memory) {
        return RULES.advance(_statement, claim, progress, part);
    }

    function finish(
        ISettlementRules.Claim calldata claim,
        ISettlementRules.Progress calldata progress,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external view returns (ISettlementRules.Effects memory) {
        return RULES.finish(_statement, claim, progress, closingProof, closingWords);
    }
}

/// @notice Gas of checking full touches of the sizes of `large`, as a transaction would pay it: its 21,000, its calldata (16 gas a
/// byte, 4 a zero byte), the work, and at least the floor price of its calldata (EIP-7623). What a vault writes is not in it. A
/// budget is gas an order; whoever exceeds one says why and moves it.
contract RulesGasTest is RulesFixture {
    /// @param transactions How many the settlement took.
    /// @param work What the calls spent beyond their calldata.
    /// @param data What their calldata costs.
    /// @param paid What all transactions pay, at the floor price where that is more.
    event Measured(
        bool validium,
        uint256 segments,
        uint256 transactions,
        uint256 orders,
        uint256 calldataBytes,
        uint256 work,
        uint256 data,
        uint256 paid,
        uint256 paidAnOrder
    );

    struct Bill {
        uint256 transactions;
        uint256 calldataBytes;
        uint256 work;
        uint256 data;
        uint256 paid;
    }

    uint256 private constant ORDERS_A_TOUCH = 4;
    /// @dev EIP-7825.
    uint256 private constant TRANSACTION_LIMIT = 2 ** 24;

    Bill private bill;

    function setUp() public {
        _deploySized(28, 12, 256, 64);
        for (uint32 i = 0; i < 256; ++i) {
            instruments.push(1000 + 3 * i);
        }
    }

    function test_gas_of_1_segment_in_rollup() public {
        _measure(rollup, 1, 9_100);
    }

    function test_gas_of_4_segments_in_rollup() public {
        _measure(rollup, 4, 4_200);
    }

    function test_gas_of_16_segments_in_rollup() public {
        _measure(rollup, 16, 3_450);
    }

    function test_gas_of_1_segment_in_validium() public {
        _measure(validium, 1, 8_200);
    }

    function test_gas_of_4_segments_in_validium() public {
        _measure(validium, 4, 3_000);
    }

    function test_gas_of_16_segments_in_validium() public {
        _measure(validium, 16, 1_700);
    }

    function test_gas_of_64_segments_in_rollup_in_several_transactions() public {
        _measureParts(rollup, 64, 16, 3_700);
    }

    function test_gas_of_64_segments_in_validium_in_several_transactions() public {
        _measureParts(validium, 64, 32, 1_600);
    }

    function _measure(SettlementRules rules, uint256 segments, uint256 budget) private {
        (Caller caller, Made memory made) = _fill(rules, segments);
        _send(
            caller,
            abi.encodeCall(caller.settle, (made.claim, _whole(rules, made), made.closingProof, made.closingWords))
        );
        _report(rules, segments, budget);
    }

    function _measureParts(SettlementRules rules, uint256 segments, uint256 size, uint256 budget) private {
        (Caller caller, Made memory made) = _fill(rules, segments);
        bytes memory answer = _send(caller, abi.encodeCall(caller.begin, (made.claim)));
        ISettlementRules.Progress memory progress = abi.decode(answer, (ISettlementRules.Progress));
        for (uint256 first = 0; first < segments; first += size) {
            ISettlementRules.Part memory part = _part(rules, made, first, size);
            answer = _send(caller, abi.encodeCall(caller.advance, (made.claim, progress, part)));
            progress = abi.decode(answer, (ISettlementRules.Progress));
        }
        _send(caller, abi.encodeCall(caller.finish, (made.claim, progress, made.closingProof, made.closingWords)));
        _report(rules, segments, budget);
    }

    function _fill(SettlementRules rules, uint256 segments) private returns (Caller caller, Made memory made) {
        for (uint256 i = 0; i < T * segments; ++i) {
            _plain(i);
        }
        made = _make(uint32(ORDERS_A_TOUCH * T * segments));
        caller = new Caller(rules, made.statement);
    }

    function _send(Caller caller, bytes memory data) private returns (bytes memory answer) {
        bool ok;
        uint256 before = gasleft();
        (ok, answer) = address(caller).call(data);
        uint256 work = before - gasleft();
        assertTrue(ok, "is accepted");
        uint256 zeros = 0;
        for (uint256 i = 0; i < data.length; ++i) {
            if (data[i] == 0) ++zeros;
        }
        uint256 tokens = 4 * data.length - 3 * zeros;
        uint256 paid = 4 * tokens + work > 10 * tokens ? 21_000 + 4 * tokens + work : 21_000 + 10 * tokens;
        assertLe(paid, TRANSACTION_LIMIT, "fits into a transaction");
        ++bill.transactions;
        bill.calldataBytes += data.length;
        bill.work += work;
        bill.data += 4 * tokens;
        bill.paid += paid;
    }

    function _report(SettlementRules rules, uint256 segments, uint256 budget) private {
        uint256 orders = ORDERS_A_TOUCH * T * segments;
        emit Measured(
            rules.validium(),
            segments,
            bill.transactions,
            orders,
            bill.calldataBytes,
            bill.work,
            bill.data,
            bill.paid,
            bill.paid / orders
        );
        assertLe(bill.paid / orders, budget, "gas an order");
    }
}

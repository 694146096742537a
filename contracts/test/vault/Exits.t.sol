// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "src/interfaces/IVault.sol";
import {AccountVerifierMock} from "test/helpers/AccountVerifierMock.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice Exit requests: who may ask, what it costs, when it is late, and that no proof serves twice.
contract ExitsTest is VaultFixture {
    uint64 private constant AMOUNT = 5_000_000;
    uint256[8] private _proof;

    function setUp() public {
        _deploy();
        for (uint256 i = 1; i <= 20; ++i) {
            _deposit(0xa000 + i, AMOUNT);
        }
        vm.deal(trader, 1 ether);
    }

    function test_an_owner_asks_for_cash() public {
        _approveExit(1, 3_000_000, recipient, 0);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.ExitRequested(0, 1, recipient, 3_000_000, uint40(START + 1 days));
        vm.prank(trader);
        uint64 entry = vault.requestExit{value: 0.001 ether}(1, 3_000_000, recipient, _proof);
        assertEq(entry, 0, "entry");
        IVault.ExitRequest memory request = vault.exits(0);
        assertEq(request.recipient, recipient, "recipient");
        assertEq(request.amount, 3_000_000, "amount");
        assertEq(request.index, 1, "index");
        assertEq(request.deadline, START + 1 days, "deadline");
        assertEq(vault.exitCount(1), 1, "requests made");
        assertEq(bonds.owedToOperator(), 0.001 ether, "fee to the operator");
        assertEq(address(vault).balance, 0, "and none stays");
    }

    /// The mock accepts exactly what the owner signed: any other input is another statement.
    function test_only_what_the_owner_signed_is_accepted() public {
        _approveExit(1, 3_000_000, recipient, 0);
        _unproven(1, 3_000_001, recipient);
        _unproven(1, 3_000_000, stranger);
        _unproven(2, 3_000_000, recipient);
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether}(1, 3_000_000, recipient, _proof);
    }

    function _unproven(uint32 index, uint64 amount, address to) private {
        vm.expectPartialRevert(AccountVerifierMock.NotApproved.selector);
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether}(index, amount, to, _proof);
    }

    function test_an_answered_request_cannot_be_repeated_with_its_proof() public {
        _requestExit(1, 3_000_000, recipient);
        _seal(0, 1);
        _settle(_one(_touch(1, true, 3_000_000, 0, 3_000_000, address(0))));
        _unproven(1, 3_000_000, recipient);
        _requestExit(1, 3_000_000, recipient);
        assertEq(vault.exitCount(1), 2, "with a proof for the next number");
    }

    function test_an_account_has_one_request_open() public {
        _requestExit(1, 3_000_000, recipient);
        _approveExit(1, 1, recipient, 1);
        _refused(_enc(IVault.ExitOpen.selector, 1));
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether}(1, 1, recipient, _proof);
    }

    /// Whoever sends the owner's proof first pays the fee for the same request.
    function test_a_request_sent_in_front_by_another_is_the_owners_all_the_same() public {
        _approveExit(1, 3_000_000, recipient, 0);
        vm.deal(stranger, 1 ether);
        vm.prank(stranger);
        vault.requestExit{value: 0.001 ether}(1, 3_000_000, recipient, _proof);
        assertEq(vault.exits(0).recipient, recipient, "recipient");
        _refused(_enc(IVault.ExitOpen.selector, 1));
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether}(1, 3_000_000, recipient, _proof);
    }

    function test_there_is_no_exit_of_the_fund_or_of_no_account() public {
        _refused(_enc(IVault.NoSuchAccount.selector, 0));
        vault.requestExit(0, 1, recipient, _proof);
        _refused(_enc(IVault.NoSuchAccount.selector, 21));
        vault.requestExit(21, 1, recipient, _proof);
    }

    function test_a_request_is_of_something_to_somebody() public {
        _refused(abi.encodeWithSelector(IVault.ZeroAmount.selector));
        vault.requestExit(1, 0, recipient, _proof);
        _refused(abi.encodeWithSelector(IVault.InvalidRecipient.selector, address(0)));
        vault.requestExit(1, 1, address(0), _proof);
        _refused(abi.encodeWithSelector(IVault.InvalidRecipient.selector, address(vault)));
        vault.requestExit(1, 1, address(vault), _proof);
    }

    function test_a_request_costs_the_fee_exactly() public {
        _approveExit(1, 1, recipient, 0);
        _refused(_enc(IVault.WrongFee.selector, 0.001 ether - 1, 0.001 ether));
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether - 1}(1, 1, recipient, _proof);
        _refused(_enc(IVault.WrongFee.selector, 0.001 ether + 1, 0.001 ether));
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether + 1}(1, 1, recipient, _proof);
    }

    function test_a_request_costs_nothing_once_the_end_is_announced() public {
        vm.prank(operator);
        vault.retire(address(0));
        _approveExit(1, 1, recipient, 0);
        _refused(_enc(IVault.WrongFee.selector, 0.001 ether, 0));
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether}(1, 1, recipient, _proof);
        vm.prank(trader);
        vault.requestExit(1, 1, recipient, _proof);
        assertEq(vault.exits(0).amount, 1, "queued");
    }

    function test_a_frozen_vault_takes_no_request() public {
        vm.prank(operator);
        vault.retire(address(0));
        vm.warp(START + 30 days);
        vault.freeze();
        _refused(abi.encodeWithSelector(IVault.VaultFrozen.selector));
        vault.requestExit(1, 1, recipient, _proof);
    }

    // ------------------------------------------------------------------------------------------------------ deadlines

    function test_a_deadline_grows_with_the_requests_that_are_open() public {
        for (uint32 i = 1; i <= 9; ++i) {
            vm.warp(START + i);
            uint64 entry = _requestExit(i, 1_000_000, recipient);
            assertEq(vault.exits(entry).deadline, START + i + 1 days * (1 + (i - 1) / 4), "deadline");
        }
        _seal(0, 8);
        _settleExits(1, 8);
        _requestExit(10, 1_000_000, recipient);
        assertEq(vault.exits(9).deadline, START + 9 + 1 days, "one is open");
        assertEq(vault.earliestDeadline(8), START + 9 + 1 days, "undercuts an earlier request");
        assertEq(vault.exits(8).deadline, START + 9 + 3 days, "which stands");
        assertEq(vault.earliestDeadline(10), type(uint40).max, "none from there");
    }

    /// An operator could fill the queue with requests of its own.
    function test_no_request_waits_longer_than_13_periods_however_many_are_open() public {
        for (uint32 i = 1; i <= 60; ++i) {
            if (i > 20) _deposit(0xa000 + uint256(i), AMOUNT);
            uint64 entry = _requestExit(i, 1_000_000, recipient);
            uint256 before = uint256(i - 1) / 4;
            assertEq(vault.exits(entry).deadline, START + 1 days * (1 + (before < 12 ? before : 12)), "deadline");
        }
        vm.warp(START + 13 days + 1);
        vault.freeze();
        assertEq(vault.frozenAt(), START + 13 days + 1, "frozen");
    }

    function _settleExits(uint32 first, uint32 count) private {
        uint256[3][] memory touches = new uint256[3][](count);
        for (uint32 i = 0; i < count; ++i) {
            touches[i] = _touch(first + i, true, 1_000_000, 0, 0, address(0));
        }
        _settle(touches);
    }

    /// Junk requests cannot make an operator late that answers as many a period as it promised to.
    function test_an_operator_that_keeps_its_pace_is_never_late() public {
        for (uint32 i = 1; i <= 20; ++i) {
            _requestExit(i, 1_000_000, recipient);
        }
        for (uint32 period = 0; period < 5; ++period) {
            vm.warp(START + (period + 1) * 1 days);
            _refused(abi.encodeWithSelector(IVault.NoReasonToFreeze.selector));
            vault.freeze();
            _seal(0, 4 * (uint64(period) + 1));
            _settleExits(4 * period + 1, 4);
        }
        vm.warp(START + 100 days);
        _refused(abi.encodeWithSelector(IVault.NoReasonToFreeze.selector));
        vault.freeze();
    }

    function testFuzz_a_request_is_late_after_its_deadline(uint256 waited) public {
        waited = bound(waited, 0, 30 days);
        _requestExit(1, 1_000_000, recipient);
        vm.warp(START + waited);
        if (waited <= 1 days) _refused(abi.encodeWithSelector(IVault.NoReasonToFreeze.selector));
        vault.freeze();
        assertEq(vault.frozenAt(), waited <= 1 days ? 0 : START + waited, "frozen");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "src/interfaces/ISettlement.sol";
import {SettlementFixture} from "test/helpers/SettlementFixture.sol";

/// @notice Accounts, deposits and exit requests before a batch takes them.
contract QueuesTest is SettlementFixture {
    uint256 private constant ALICE = 0xa11ce;
    uint256 private constant BOB = 0xb0b;
    address private recipient = makeAddr("recipient");

    function setUp() public {
        _deploy();
        uint32[] memory ids = new uint32[](1);
        ids[0] = 3;
        _post(777, ids);
    }

    function test_account_0_is_the_funds() public view {
        (bool assigned, uint32 index) = settlement.accountOf(FUND);
        assertTrue(assigned, "assigned");
        assertEq(index, 0, "index");
        assertEq(settlement.ownerOf(0), FUND, "owner");
    }

    function test_an_owner_gets_one_account_at_the_first_deposit() public {
        assertEq(_deposit(ALICE, 5), 1, "first owner");
        assertEq(_deposit(BOB, 6), 2, "second owner");
        assertEq(_deposit(ALICE, 7), 1, "first owner again");
        assertEq(settlement.ownerOf(1), ALICE, "owner of 1");
        assertEq(settlement.accounts(), 3, "accounts");
    }

    function test_a_deposit_waits_in_the_queue() public {
        _deposit(ALICE, 5);
        ISettlement.Deposit memory deposit = settlement.deposits(0);
        assertEq(deposit.payer, payer, "payer");
        assertEq(deposit.amount, 5, "amount");
        assertEq(deposit.index, 1, "index");
        (uint64 head, uint64 tail) = settlement.depositQueue();
        assertEq(head, 0, "head");
        assertEq(tail, 1, "tail");
    }

    function test_owners_are_field_elements_other_than_zero() public {
        _expect(abi.encodeWithSelector(ISettlement.InvalidOwner.selector, 0));
        settlement.enqueueDeposit(0, 5, payer);
        _expect(abi.encodeWithSelector(ISettlement.InvalidOwner.selector, P));
        settlement.enqueueDeposit(P, 5, payer);
    }

    function test_a_deposit_of_nothing_is_refused() public {
        _expect(abi.encodeWithSelector(ISettlement.ZeroAmount.selector));
        settlement.enqueueDeposit(ALICE, 0, payer);
    }

    function test_all_deposits_together_are_capped() public {
        _deposit(ALICE, 2 ** 60 - 1);
        _deposit(BOB, 1);
        _expect(abi.encodeWithSelector(ISettlement.DepositCap.selector, 2 ** 60 + 1, 2 ** 60));
        settlement.enqueueDeposit(BOB, 1, payer);
        vm.prank(operator);
        settlement.returnDeposit(1);
        _deposit(BOB, 1);
    }

    function test_a_full_tree_takes_no_more_owners() public {
        for (uint256 i = 1; i < 512; ++i) {
            _deposit(10_000 + i, 1);
        }
        _expect(abi.encodeWithSelector(ISettlement.TreeFull.selector, 512));
        settlement.enqueueDeposit(ALICE, 1, payer);
        _deposit(10_001, 1);
    }

    function test_a_deposit_is_returned_once() public {
        _deposit(ALICE, 5);
        vm.expectEmit(true, true, true, true, address(settlement));
        emit ISettlement.DepositReturned(0, 1, payer, 5);
        vm.prank(operator);
        settlement.returnDeposit(0);
        assertEq(settlement.deposits(0).amount, 0, "amount");
        _expect(abi.encodeWithSelector(ISettlement.NotReturnable.selector, 0));
        settlement.returnDeposit(0);
    }

    function test_a_deposit_that_does_not_exist_is_not_returned() public {
        _expect(abi.encodeWithSelector(ISettlement.NotReturnable.selector, 3));
        settlement.returnDeposit(3);
    }

    function test_a_locked_deposit_is_not_returned_until_the_batch_is_void() public {
        _deposit(ALICE, 5);
        _deposit(ALICE, 6);
        _plain(0);
        _sealWith(_request(0, 1, 0));
        _expect(abi.encodeWithSelector(ISettlement.NotReturnable.selector, 0));
        settlement.returnDeposit(0);
        vm.prank(operator);
        settlement.returnDeposit(1);
        vm.prank(operator);
        settlement.voidBatch();
        vm.prank(operator);
        settlement.returnDeposit(0);
    }

    function test_a_settled_deposit_is_not_returned() public {
        _deposit(ALICE, 5);
        _plain(0);
        _touch(1, 5, ALICE, 0, address(0));
        _sealAll(0);
        _settle(_prove());
        _expect(abi.encodeWithSelector(ISettlement.NotReturnable.selector, 0));
        settlement.returnDeposit(0);
    }

    function test_an_exit_request_waits_in_the_queue() public {
        _deposit(ALICE, 5);
        _requestExit(1, 4, recipient);
        ISettlement.ExitRequest memory request = settlement.exits(0);
        assertEq(request.recipient, recipient, "recipient");
        assertEq(request.amount, 4, "amount");
        assertEq(request.index, 1, "index");
    }

    function test_an_account_has_one_exit_request_at_a_time() public {
        _deposit(ALICE, 5);
        _requestExit(1, 4, recipient);
        _expect(abi.encodeWithSelector(ISettlement.ExitOpen.selector, 1));
        settlement.requestExit(1, 4, recipient);
    }

    function test_neither_the_fund_nor_a_stranger_exits() public {
        _deposit(ALICE, 5);
        _expect(abi.encodeWithSelector(ISettlement.NoSuchAccount.selector, 0));
        settlement.requestExit(0, 4, recipient);
        _expect(abi.encodeWithSelector(ISettlement.NoSuchAccount.selector, 2));
        settlement.requestExit(2, 4, recipient);
    }

    function test_an_exit_of_nothing_is_refused() public {
        _deposit(ALICE, 5);
        _expect(abi.encodeWithSelector(ISettlement.ZeroAmount.selector));
        settlement.requestExit(1, 0, recipient);
    }

    function _expect(bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(operator);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "src/interfaces/IVault.sol";
import {TestToken} from "test/helpers/TestToken.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice Deposits: accounts, the queue, the token measured, and the way back out.
contract DepositsTest is VaultFixture {
    uint64 private constant AMOUNT = 5_000_000;

    function setUp() public {
        _deploy();
    }

    function test_a_deposit_moves_the_callers_tokens_into_the_queue() public {
        _fund(trader, AMOUNT);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.AccountAssigned(1, ALICE);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.DepositQueued(0, 1, trader, AMOUNT);
        vm.prank(trader);
        (uint64 entry, uint32 index) = vault.deposit(ALICE, AMOUNT);
        assertEq(entry, 0, "entry");
        assertEq(index, 1, "index");
        assertEq(token.balanceOf(address(vault)), AMOUNT, "held");
        assertEq(vault.pendingDeposits(), AMOUNT, "pending");
        assertEq(abi.encode(vault.deposits(0)), abi.encode(IVault.Deposit(trader, AMOUNT, 1, uint40(START))), "entry");
        (uint64 head, uint64 tail) = vault.depositQueue();
        assertEq(head, 0, "head");
        assertEq(tail, 1, "tail");
    }

    function test_an_owner_gets_one_account_at_the_first_deposit() public {
        (, uint32 first) = _deposit(ALICE, AMOUNT);
        (, uint32 second) = _deposit(BOB, AMOUNT);
        (, uint32 again) = _depositAs(stranger, ALICE, AMOUNT);
        assertEq(first, 1, "first owner");
        assertEq(second, 2, "second owner");
        assertEq(again, 1, "first owner again, paid by another");
        assertEq(vault.ownerOf(1), ALICE, "owner of 1");
        (bool assigned, uint32 index) = vault.accountOf(BOB);
        assertTrue(assigned && index == 2, "account of an owner");
        (assigned,) = vault.accountOf(0xcafe);
        assertFalse(assigned, "no account");
    }

    /// Whoever is first only pays into the same account, at its own expense.
    function test_a_deposit_in_front_of_anothers_changes_nothing_for_it() public {
        _fund(trader, AMOUNT);
        _depositAs(stranger, ALICE, 1_000_000);
        vm.prank(trader);
        (uint64 entry, uint32 index) = vault.deposit(ALICE, AMOUNT);
        assertEq(index, 1, "the owner's account");
        assertEq(vault.deposits(entry).payer, trader, "payer");
    }

    function test_owners_are_field_elements_other_than_zero() public {
        _refused(_enc(IVault.InvalidOwner.selector, 0));
        vault.deposit(0, AMOUNT);
        _refused(_enc(IVault.InvalidOwner.selector, P));
        vault.deposit(P, AMOUNT);
    }

    function test_deposits_below_the_least_are_refused() public {
        _refused(_enc(IVault.DepositTooSmall.selector, 999_999, 1_000_000));
        vault.deposit(ALICE, 999_999);
    }

    function test_all_that_is_inside_is_capped() public {
        _deposit(ALICE, 2 ** 60 - 1_000_000);
        _fund(stranger, 2_000_000);
        _refused(_enc(IVault.DepositCap.selector, 2 ** 60 + 1, 2 ** 60));
        vm.prank(stranger);
        vault.deposit(BOB, 1_000_001);
        vm.prank(stranger);
        vault.deposit(BOB, 1_000_000);
    }

    function test_the_tree_holds_so_many_accounts_and_no_more() public {
        _fund(trader, 512_000_000);
        vm.startPrank(trader);
        for (uint256 i = 1; i < 512; ++i) {
            vault.deposit(i, 1_000_000);
        }
        _refused(_enc(IVault.TreeFull.selector, 512));
        vault.deposit(1000, 1_000_000);
        vm.stopPrank();
    }

    function test_a_frozen_vault_takes_no_deposit() public {
        _freeze();
        _refused(abi.encodeWithSelector(IVault.VaultFrozen.selector));
        vault.deposit(ALICE, AMOUNT);
    }

    // --------------------------------------------------------------------------------------------------------- tokens

    function test_a_token_that_answers_nothing_works() public {
        token.setHabit(TestToken.Habit.AnswersNothing);
        _deposit(ALICE, AMOUNT);
        assertEq(vault.pendingDeposits(), AMOUNT, "pending");
    }

    function test_a_token_that_answers_false_is_refused() public {
        _fund(trader, AMOUNT);
        token.setHabit(TestToken.Habit.AnswersFalse);
        vm.expectRevert(bytes4(keccak256("TransferFromFailed()")));
        vm.prank(trader);
        vault.deposit(ALICE, AMOUNT);
    }

    function test_a_token_that_takes_a_fee_is_refused() public {
        _refusedTransfer(TestToken.Habit.TakesAFee, AMOUNT - AMOUNT / 100);
    }

    function test_a_token_that_only_says_it_moved_is_refused() public {
        _refusedTransfer(TestToken.Habit.MovesNothing, 0);
    }

    function test_a_token_that_moves_more_is_refused() public {
        _refusedTransfer(TestToken.Habit.MovesTwice, 2 * AMOUNT);
    }

    function _refusedTransfer(TestToken.Habit habit, uint256 moved) private {
        _fund(trader, 2 * AMOUNT);
        token.setHabit(habit);
        _refused(_enc(IVault.WrongTransfer.selector, moved, AMOUNT));
        vm.prank(trader);
        vault.deposit(ALICE, AMOUNT);
    }

    function test_a_token_that_rebased_is_noticed() public {
        _deposit(ALICE, AMOUNT);
        token.burn(address(vault), 1);
        _fund(trader, AMOUNT);
        _refused(_enc(IVault.TokenMissing.selector, AMOUNT - 1, AMOUNT));
        vm.prank(trader);
        vault.deposit(ALICE, AMOUNT);
    }

    function test_tokens_sent_without_a_deposit_disturb_nothing() public {
        token.mint(address(vault), 77);
        _deposit(ALICE, AMOUNT);
        assertEq(vault.pendingDeposits(), AMOUNT, "pending");
    }

    /// Every function that moves or measures tokens refuses while a transfer is under way.
    function test_a_token_that_calls_back_gains_nothing() public {
        _deposit(ALICE, AMOUNT);
        vm.prank(operator);
        vault.returnDeposit(0);
        uint256[8] memory proof;
        _reenter(abi.encodeCall(vault.claim, (trader)));
        _reenter(abi.encodeCall(vault.deposit, (BOB, AMOUNT)));
        _reenter(abi.encodeCall(vault.returnDeposit, (0)));
        _reenter(abi.encodeCall(vault.payEscape, (1)));
        _reenter(abi.encodeCall(vault.requestExit, (1, 1, trader, proof)));
    }

    function _reenter(bytes memory call) private {
        token.setCallBack(address(vault), call);
        _deposit(BOB, AMOUNT);
        assertEq(token.refusal(), abi.encodeWithSelector(IVault.Reentered.selector), "refusal");
    }

    // -------------------------------------------------------------------------------------------------------- returning

    function test_the_operator_returns_a_deposit_at_any_time() public {
        _deposit(ALICE, AMOUNT);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.DepositReturned(0, 1, trader, AMOUNT);
        vm.prank(operator);
        vault.returnDeposit(0);
        assertEq(vault.pendingDeposits(), 0, "pending");
        assertEq(vault.claimable(trader), AMOUNT, "claimable by the payer");
        assertEq(vault.claim(trader), AMOUNT, "paid");
        assertEq(token.balanceOf(trader), AMOUNT, "received");
    }

    function testFuzz_anyone_returns_a_deposit_that_waited_long_enough(uint256 waited) public {
        waited = bound(waited, 0, 10 days);
        _deposit(ALICE, AMOUNT);
        vm.warp(START + waited);
        if (waited < 2 days) _refused(_enc(IVault.ReturnTooEarly.selector, 0, START + 2 days));
        vm.prank(stranger);
        vault.returnDeposit(0);
        assertEq(vault.claimable(trader), waited < 2 days ? 0 : AMOUNT, "claimable by the payer, not the caller");
    }

    function test_a_deposit_comes_back_once() public {
        _deposit(ALICE, AMOUNT);
        vm.startPrank(operator);
        vault.returnDeposit(0);
        _refused(_enc(IVault.NotReturnable.selector, 0));
        vault.returnDeposit(0);
        _refused(_enc(IVault.NotReturnable.selector, 1));
        vault.returnDeposit(1);
        vm.stopPrank();
    }

    function test_a_sealed_deposit_stays_until_the_seal_is_void() public {
        _deposit(ALICE, AMOUNT);
        _deposit(BOB, AMOUNT);
        _seal(1, 0);
        vm.startPrank(operator);
        _refused(_enc(IVault.NotReturnable.selector, 0));
        vault.returnDeposit(0);
        vault.returnDeposit(1);
        vault.voidSeal();
        vault.returnDeposit(0);
        vm.stopPrank();
        assertEq(vault.claimable(trader), 2 * AMOUNT, "claimable");
    }

    /// What is returned before the seal is mined is not in the batch. An operator that first returns what gets old enough while the
    /// opening is in force is safe from it.
    function testFuzz_nobody_takes_a_deposit_out_of_a_batch_that_was_opened_with_care(uint256 age, uint256 taken)
        public
    {
        age = bound(age, 0, 3 days);
        taken = bound(taken, 0, 10 minutes);
        _deposit(ALICE, AMOUNT);
        vm.warp(START + age);
        if (age + 10 minutes >= 2 days) {
            vm.prank(operator);
            vault.returnDeposit(0);
        }
        bool queued = vault.deposits(0).amount != 0;
        _open();
        vm.warp(START + age + taken);
        if (queued) _refused(_enc(IVault.ReturnTooEarly.selector, 0, START + 2 days));
        else _refused(_enc(IVault.NotReturnable.selector, 0));
        vm.prank(stranger);
        vault.returnDeposit(0);
        _sealOpened(1, 0);
    }

    function test_a_settled_deposit_does_not_come_back() public {
        _credited(ALICE, AMOUNT);
        _refused(_enc(IVault.NotReturnable.selector, 0));
        vm.prank(operator);
        vault.returnDeposit(0);
    }

    function test_a_returned_deposit_makes_room_under_the_cap() public {
        _deposit(ALICE, 2 ** 60);
        vm.prank(operator);
        vault.returnDeposit(0);
        _deposit(ALICE, 2 ** 60);
        assertEq(vault.pendingDeposits(), 2 ** 60, "pending");
    }

    function test_anyone_returns_deposits_of_a_frozen_vault() public {
        vm.prank(operator);
        vault.retire(address(0));
        vm.warp(START + 30 days);
        _deposit(ALICE, AMOUNT);
        vault.freeze();
        vm.prank(stranger);
        vault.returnDeposit(0);
        assertEq(vault.claim(trader), AMOUNT, "refund of a frozen vault");
    }

    /// However many there are and whoever they are for.
    function test_deposits_never_freeze_a_vault() public {
        for (uint256 i = 1; i < 50; ++i) {
            _depositAs(stranger, i, 1_000_000);
        }
        vm.warp(START + 365 days);
        _refused(abi.encodeWithSelector(IVault.NoReasonToFreeze.selector));
        vault.freeze();
    }

    function _freeze() private {
        vm.prank(operator);
        vault.retire(address(0));
        vm.warp(START + 30 days);
        vault.freeze();
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "src/interfaces/IVault.sol";
import {TestToken} from "test/helpers/TestToken.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice Pulling what is owed.
contract ClaimsTest is VaultFixture {
    uint64 private constant AMOUNT = 5_000_000;

    function setUp() public {
        _deploy();
    }

    /// @dev `to` may claim `amount`, from an account that held as much or more.
    function _owe(address to, uint256 amount) private {
        uint32 index = _credited(ALICE, AMOUNT);
        _sealAll();
        _settle(_one(_touch(index, false, 0, 0, amount, to)));
    }

    function test_anyone_sends_a_recipient_all_it_may_claim() public {
        _owe(recipient, 3_000_000);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.Claimed(recipient, 3_000_000);
        vm.prank(stranger);
        assertEq(vault.claim(recipient), 3_000_000, "paid");
        assertEq(token.balanceOf(recipient), 3_000_000, "received");
        assertEq(vault.claimable(recipient), 0, "claimable");
        assertEq(vault.totalClaimable(), 0, "total");
        _refused(abi.encodeWithSelector(IVault.NothingToClaim.selector, recipient));
        vault.claim(recipient);
    }

    /// Withdrawals can be admitted against cash that another account owes: first come, first served.
    function test_a_claim_is_paid_as_far_as_tokens_are_held_and_the_rest_stays() public {
        _owe(recipient, AMOUNT + 2_000_000);
        _deposit(BOB, 1_000_000);
        assertEq(vault.claim(recipient), AMOUNT, "all but the deposit that waits");
        assertEq(vault.claimable(recipient), 2_000_000, "the rest");
        _refused(abi.encodeWithSelector(IVault.NothingToClaim.selector, recipient));
        vault.claim(recipient);
        _sealAll();
        _settle(_one(_touch(2, false, 1_000_000, BOB, 0, address(0))));
        assertEq(vault.claim(recipient), 1_000_000, "once it is credited, in turn");
        assertEq(vault.claimable(recipient), 1_000_000, "still owed");
    }

    function test_a_waiting_deposit_is_never_paid_out_for_a_claim() public {
        _owe(recipient, AMOUNT);
        _deposit(BOB, 1_000_000);
        token.burn(address(vault), AMOUNT);
        _refused(abi.encodeWithSelector(IVault.NothingToClaim.selector, recipient));
        vault.claim(recipient);
        vm.prank(operator);
        vault.returnDeposit(1);
        assertEq(vault.claim(trader), 1_000_000, "refund");
    }

    /// A claim that is not covered must not be paid out of a deposit the moment it is returned, whoever claims first.
    function test_a_returned_deposit_is_its_payers_alone() public {
        _owe(recipient, AMOUNT + 2_000_000);
        assertEq(vault.claim(recipient), AMOUNT, "what is there");
        _deposit(BOB, 1_000_000);
        vm.prank(operator);
        vault.returnDeposit(1);
        _refused(abi.encodeWithSelector(IVault.NothingToClaim.selector, recipient));
        vault.claim(recipient);
        assertEq(vault.claim(trader), 1_000_000, "refund");
        assertEq(vault.claimable(recipient), 2_000_000, "still owed");
    }

    /// Who has both is paid the refund whole, and of the rest what is free.
    function test_a_refund_is_paid_beside_what_else_its_payer_may_claim() public {
        _owe(trader, AMOUNT + 2_000_000);
        assertEq(vault.claim(trader), AMOUNT, "what is there");
        _deposit(BOB, 1_000_000);
        _depositAs(stranger, ALICE, 3_000_000);
        vm.startPrank(operator);
        vault.returnDeposit(1);
        vault.returnDeposit(2);
        vm.stopPrank();
        assertEq(vault.claim(trader), 1_000_000, "its own refund, and nothing of the other's");
        assertEq(vault.claimable(trader), 2_000_000, "still owed");
        _refused(abi.encodeWithSelector(IVault.NothingToClaim.selector, trader));
        vault.claim(trader);
        token.mint(address(vault), 500_000);
        assertEq(vault.claim(trader), 500_000, "what came in");
        assertEq(vault.claim(stranger), 3_000_000, "the other refund");
    }

    function test_tokens_that_nobody_deposited_can_be_paid_out() public {
        _owe(recipient, AMOUNT + 2_000_000);
        token.mint(address(vault), 2_000_000);
        assertEq(vault.claim(recipient), AMOUNT + 2_000_000, "paid");
        _deposit(BOB, AMOUNT);
        assertEq(token.balanceOf(address(vault)), AMOUNT, "and what comes in later counts from there");
    }

    function test_nothing_is_sent_to_nobody_or_to_the_vault_itself() public {
        _owe(address(0), 1_000_000);
        _refused(abi.encodeWithSelector(IVault.InvalidRecipient.selector, address(0)));
        vault.claim(address(0));
        _refused(abi.encodeWithSelector(IVault.InvalidRecipient.selector, address(vault)));
        vault.claim(address(vault));
    }

    function test_a_token_that_answers_false_pays_no_claim() public {
        _owe(recipient, AMOUNT);
        token.setHabit(TestToken.Habit.AnswersFalse);
        vm.expectRevert(bytes4(keccak256("TransferFailed()")));
        vault.claim(recipient);
        assertEq(vault.claimable(recipient), AMOUNT, "still owed");
    }

    function test_a_claim_that_moves_another_amount_is_refused() public {
        _owe(recipient, 1_000_000);
        token.setHabit(TestToken.Habit.MovesNothing);
        _refused(_enc(IVault.WrongTransfer.selector, 0, 1_000_000));
        vault.claim(recipient);
        token.setHabit(TestToken.Habit.MovesTwice);
        _refused(_enc(IVault.WrongTransfer.selector, 2_000_000, 1_000_000));
        vault.claim(recipient);
        assertEq(vault.claimable(recipient), 1_000_000, "still owed");
    }

    function test_a_token_that_calls_back_from_a_claim_gains_nothing() public {
        _owe(recipient, 2_000_000);
        token.setCallBack(address(vault), abi.encodeCall(vault.claim, (recipient)));
        assertEq(vault.claim(recipient), 2_000_000, "paid");
        assertEq(token.refusal(), abi.encodeWithSelector(IVault.Reentered.selector), "refusal");
        assertEq(token.balanceOf(recipient), 2_000_000, "paid once");
    }

    function testFuzz_a_claim_pays_the_lesser_of_what_is_owed_and_what_is_free(uint64 owed, uint64 queued, uint64 lost)
        public
    {
        owed = uint64(bound(owed, 1, 10 * AMOUNT));
        queued = uint64(bound(queued, 1_000_000, 10 * AMOUNT));
        _owe(recipient, owed);
        _deposit(BOB, queued);
        lost = uint64(bound(lost, 0, AMOUNT + queued));
        token.burn(address(vault), lost);
        uint256 free = lost < AMOUNT ? AMOUNT - lost : 0;
        uint256 expected = owed < free ? owed : free;
        if (expected == 0) _refused(abi.encodeWithSelector(IVault.NothingToClaim.selector, recipient));
        uint256 paid = vault.claim(recipient);
        assertEq(paid, expected, "paid");
        assertEq(vault.claimable(recipient), owed - expected, "left");
    }
}

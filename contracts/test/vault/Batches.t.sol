// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "src/interfaces/IVault.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice Opening, sealing and voiding batches.
contract BatchesTest is VaultFixture {
    uint64 private constant AMOUNT = 5_000_000;

    function setUp() public {
        _deploy();
    }

    function _told(bytes4 selector, bytes memory arguments) private view {
        assertEq(bonds.lastCall(), selector, "what the bonds were told");
        assertEq(bonds.lastArguments(), keccak256(arguments), "and of what");
    }

    // ----------------------------------------------------------------------------------------------------------- open

    function test_an_opening_fixes_number_and_epoch() public {
        _post(_ids(3, 9));
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.BatchOpened(1, 1);
        vm.prank(operator);
        assertEq(vault.open(), 1, "number");
        vm.warp(START + 60);
        _post(_ids(3, 9));
        assertEq(abi.encode(vault.opening()), abi.encode(IVault.Opening(1, 1, uint40(START))), "opening");
        _told(bonds.onOpened.selector, abi.encode(1));
        _sealOpened(0, 0);
        assertEq(vault.currentSeal().epoch, 1, "a later table does not change it");
    }

    function test_only_the_operator_opens_and_seals() public {
        _post(_ids(3, 9));
        _refused(abi.encodeWithSelector(IVault.OnlyOperator.selector, stranger));
        vm.prank(stranger);
        vault.open();
        _open();
        _refused(abi.encodeWithSelector(IVault.OnlyOperator.selector, stranger));
        vm.prank(stranger);
        vault.seal(_request(0, 0));
    }

    function test_a_batch_needs_a_table() public {
        _refused(abi.encodeWithSelector(IVault.NoEpoch.selector));
        vm.prank(operator);
        vault.open();
    }

    function testFuzz_a_batch_needs_a_young_table(uint256 age) public {
        age = bound(age, 0, 2 hours);
        _post(_ids(3, 9));
        vm.warp(START + age);
        if (age > 1 hours) _refused(_enc(IVault.EpochTooOld.selector, 1, START));
        vm.prank(operator);
        vault.open();
        assertEq(vault.batch(), age > 1 hours ? 0 : 1, "batch");
    }

    function test_one_opening_is_in_force_at_a_time() public {
        _open();
        vm.warp(START + 10 minutes);
        _refused(_enc(IVault.OpeningInForce.selector, 1));
        vm.prank(operator);
        vault.open();
    }

    function test_an_opening_that_is_not_sealed_in_time_uses_its_number_up_and_is_no_void() public {
        _open();
        vm.warp(START + 10 minutes + 1);
        _refused(_enc(IVault.OpeningOver.selector, 1, START + 10 minutes));
        vm.prank(operator);
        vault.seal(_request(0, 0));
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.OpeningExpired(1);
        vm.prank(operator);
        assertEq(vault.open(), 2, "next number");
        assertEq(vault.lastVoid(), 0, "no void");
    }

    /// Or the receipts of an operator that opens no further batch could not be challenged before a freeze.
    function testFuzz_anyone_ends_an_opening_that_was_not_sealed_in_time(uint256 waited) public {
        _refused(abi.encodeWithSelector(IVault.NoOpening.selector));
        vault.expireOpening();
        _open();
        waited = bound(waited, 0, 20 minutes);
        vm.warp(START + waited);
        bool over = waited > 10 minutes;
        if (over) {
            vm.expectEmit(true, true, true, true, address(vault));
            emit IVault.OpeningExpired(1);
        } else {
            _refused(_enc(IVault.OpeningInForce.selector, 1));
        }
        vm.prank(stranger);
        vault.expireOpening();
        assertEq(vault.opening().batch, over ? 0 : 1, "gone");
        if (!over) return;
        _told(bonds.onExpired.selector, abi.encode(1));
        assertEq(vault.lastVoid(), 0, "no void");
        _refused(abi.encodeWithSelector(IVault.NoOpening.selector));
        vault.expireOpening();
        assertEq(_open(), 2, "next number");
    }

    function test_bonds_are_told_of_an_expired_opening() public {
        vm.prank(operator);
        vault.retire(address(0));
        vm.warp(START + 30 days - 1);
        _open();
        vm.warp(START + 30 days);
        vault.freeze();
        _told(bonds.onExpired.selector, abi.encode(1));
        assertEq(vault.opening().batch, 0, "gone");
    }

    function test_the_next_batch_may_be_opened_while_one_is_sealed() public {
        _seal(0, 0);
        assertEq(_open(), 2, "opened");
        _refused(_enc(IVault.SealInForce.selector, 1));
        vm.prank(operator);
        vault.seal(_request(0, 0));
        _settle(_none());
        assertEq(_sealOpened(0, 0), 2, "sealed once the first is settled");
    }

    function testFuzz_a_vault_whose_end_has_come_opens_no_batch(uint256 waited) public {
        vm.prank(operator);
        vault.retire(address(0));
        waited = bound(waited, 29 days, 31 days);
        vm.warp(START + waited);
        _post(_ids(3, 9));
        if (waited >= 30 days) _refused(_enc(IVault.Retired.selector, START + 30 days));
        vm.prank(operator);
        vault.open();
    }

    // ----------------------------------------------------------------------------------------------------------- seal

    function test_a_seal_fixes_everything_of_a_batch() public {
        _deposit(ALICE, AMOUNT);
        _open();
        vm.warp(START + 60);
        IVault.Seal memory made = IVault.Seal({
            sealRoot: "seal root",
            batch: 1,
            touches: 3,
            orders: 5,
            depositEnd: 1,
            exitEnd: 0,
            lastVoid: 0,
            epoch: 1,
            time: uint40(START + 60)
        });
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.BatchSealed(1, GENESIS, made, "receipts hash");
        vm.prank(operator);
        assertEq(vault.seal(_request(1, 0)), 1, "number");
        assertEq(abi.encode(vault.currentSeal()), abi.encode(made), "seal");
        assertEq(vault.opening().batch, 0, "the opening is used");
        _told(bonds.onSealed.selector, abi.encode(1, 5, bytes32("seal root"), bytes32("receipts hash")));
    }

    function test_nothing_is_sealed_that_was_not_opened() public {
        _refused(abi.encodeWithSelector(IVault.NoOpening.selector));
        vm.prank(operator);
        vault.seal(_request(0, 0));
    }

    function _refusedSeal(IVault.SealRequest memory request, bytes memory reason) private {
        _refused(reason);
        vm.prank(operator);
        vault.seal(request);
    }

    function test_touches_and_orders_are_bounded() public {
        _open();
        IVault.SealRequest memory request = _request(0, 0);
        request.touches = 0;
        _refusedSeal(request, _enc(IVault.TouchesOutOfRange.selector, 0, 128));
        request.touches = 129;
        _refusedSeal(request, _enc(IVault.TouchesOutOfRange.selector, 129, 128));
        (request.touches, request.orders) = (128, 257);
        _refusedSeal(request, _enc(IVault.OrdersOutOfRange.selector, 257, 256));
        request.orders = 256;
        vm.prank(operator);
        vault.seal(request);
    }

    function test_a_seal_locks_at_most_4096_entries_of_a_queue() public {
        _fund(trader, 4097 * 1_000_000);
        vm.startPrank(trader);
        for (uint256 i = 0; i < 4097; ++i) {
            vault.deposit(ALICE, 1_000_000);
        }
        vm.stopPrank();
        _open();
        _refusedSeal(_request(4097, 0), _badEnd(4097, 0, 4097));
        _sealOpened(4096, 0);
        _settle(_one(_touch(1, false, 4096 * 1_000_000, ALICE, 0, address(0))));
        assertEq(vault.pendingDeposits(), 1_000_000, "the last one waits");
    }

    function _badEnd(uint64 end, uint64 head, uint64 tail) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IVault.QueueEndOutOfRange.selector, end, head, tail);
    }

    function test_ends_lie_in_their_queues() public {
        _credited(ALICE, AMOUNT);
        _deposit(ALICE, AMOUNT);
        _requestExit(1, 1, recipient);
        _seal(1, 1);
        _settle(_one(_touch(1, true, 1, 0, 0, address(0))));
        _open();
        _refusedSeal(_request(0, 1), _badEnd(0, 1, 2));
        _refusedSeal(_request(3, 1), _badEnd(3, 1, 2));
        _refusedSeal(_request(1, 0), _badEnd(0, 1, 1));
        _refusedSeal(_request(1, 2), _badEnd(2, 1, 1));
        _sealOpened(2, 1);
    }

    function test_no_account_has_a_deposit_beside_an_exit() public {
        _credited(ALICE, AMOUNT);
        _requestExit(1, 1, recipient);
        _deposit(BOB, AMOUNT);
        _deposit(ALICE, AMOUNT);
        _open();
        _refusedSeal(_request(3, 1), _enc(IVault.DepositBesideExit.selector, 1));
        uint256 state = vm.snapshotState();
        _sealOpened(2, 1);
        vm.revertToState(state);
        _sealOpened(3, 0);
        vm.revertToState(state);
        vm.prank(operator);
        vault.returnDeposit(2);
        _sealOpened(3, 1);
    }

    /// Whatever others pay into an account, its exit can be sealed.
    function test_deposits_to_an_account_do_not_keep_its_exit_out() public {
        _credited(ALICE, AMOUNT);
        _requestExit(1, 1, recipient);
        for (uint256 i = 0; i < 30; ++i) {
            _depositAs(stranger, ALICE, 1_000_000);
        }
        _seal(1, 1);
        assertEq(vault.currentSeal().exitEnd, 1, "sealed");
    }

    // ------------------------------------------------------------------------------------------------------ late exits

    function _accounts(uint256 count) private {
        for (uint256 i = 1; i <= count; ++i) {
            _deposit(0xa000 + i, AMOUNT);
        }
    }

    function test_a_seal_leaves_no_late_exit_unanswered() public {
        _accounts(2);
        _requestExit(1, 1, recipient);
        vm.warp(START + 100);
        _requestExit(2, 1, recipient);
        vm.warp(START + 1 days + 1);
        _open();
        _refusedSeal(_request(0, 0), _enc(IVault.LateExitLeft.selector, 0, START + 1 days));
        _sealOpened(0, 1);
        assertEq(vault.currentSeal().exitEnd, 1, "the late one is answered, the other may wait");
    }

    /// Sealing the late request again and again would keep the vault from being frozen.
    function test_a_late_exit_gets_one_seal() public {
        _accounts(1);
        _requestExit(1, 1, recipient);
        vm.warp(START + 1 days + 1);
        _seal(0, 1);
        _open();
        vm.prank(operator);
        vault.voidSeal();
        _refusedSeal(_request(0, 1), _enc(IVault.LateExitLeft.selector, 0, START + 1 days));
        vault.freeze();
        assertEq(vault.frozenAt(), START + 1 days + 1, "frozen");
    }

    function test_a_void_before_an_exit_is_late_costs_it_no_seal() public {
        _accounts(1);
        _requestExit(1, 1, recipient);
        _seal(0, 1);
        vm.prank(operator);
        vault.voidSeal();
        vm.warp(START + 1 days);
        _seal(0, 1);
        assertEq(vault.currentSeal().batch, 2, "sealed again, in time");
    }

    function test_after_a_settled_batch_a_late_exit_has_its_seal() public {
        _accounts(1);
        _requestExit(1, 1, recipient);
        _seal(0, 0);
        vm.prank(operator);
        vault.voidSeal();
        _seal(0, 0);
        _settle(_none());
        vm.warp(START + 1 days + 1);
        _seal(0, 1);
        assertEq(vault.currentSeal().exitEnd, 1, "sealed");
    }

    function test_an_exit_that_undercuts_an_earlier_one_is_seen_behind_it() public {
        _accounts(6);
        for (uint32 i = 1; i <= 5; ++i) {
            _requestExit(i, 1, recipient); // the fifth is due after two days
        }
        _seal(0, 4);
        uint256[3][] memory touches = new uint256[3][](4);
        for (uint32 i = 1; i <= 4; ++i) {
            touches[i - 1] = _touch(i, true, 1, 0, 0, address(0));
        }
        _settle(touches);
        _requestExit(6, 1, recipient); // due after one
        vm.warp(START + 1 days + 1);
        _open();
        _refusedSeal(_request(0, 5), _enc(IVault.LateExitLeft.selector, 5, START + 1 days));
        _sealOpened(0, 6);
    }

    // ----------------------------------------------------------------------------------------------------------- void

    function test_the_operator_gives_a_seal_up_at_any_time_for_the_bond() public {
        _seal(0, 0);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.BatchVoided(1);
        vm.prank(operator);
        vault.voidSeal();
        assertEq(vault.lastVoid(), 1, "last void");
        assertEq(vault.currentSeal().touches, 0, "no seal");
        assertEq(vault.root(), GENESIS, "root");
        _told(bonds.onVoided.selector, abi.encode(1));
        _seal(0, 0);
        assertEq(vault.currentSeal().batch, 2, "its number is used up");
        assertEq(vault.currentSeal().lastVoid, 1, "and the next seal says so");
    }

    function testFuzz_anyone_voids_a_seal_that_is_over(uint256 waited) public {
        waited = bound(waited, 0, 2 hours);
        _seal(0, 0);
        vm.warp(START + waited);
        if (waited <= 30 minutes) _refused(_enc(IVault.SealNotOver.selector, 1, START + 30 minutes));
        vm.prank(stranger);
        vault.voidSeal();
        assertEq(vault.lastVoid(), waited <= 30 minutes ? 0 : 1, "void");
    }

    function test_without_a_seal_there_is_nothing_to_void() public {
        _refused(abi.encodeWithSelector(IVault.NoSeal.selector));
        vm.prank(operator);
        vault.voidSeal();
    }

    function test_the_last_void_of_a_batch_is_that_of_its_seal() public {
        _seal(0, 0);
        _open();
        vm.prank(operator);
        vault.voidSeal();
        _sealOpened(0, 0);
        assertEq(vault.currentSeal().lastVoid, 1, "voided after the opening, before the seal");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {RulesMock} from "test/helpers/RulesMock.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice Settling a sealed batch: what the rules are asked, what the vault does with their answer, and what it refuses to do.
contract SettlementsTest is VaultFixture {
    uint64 private constant AMOUNT = 5_000_000;

    function setUp() public {
        _deploy();
    }

    // ------------------------------------------------------------------------------------------------------ the question

    /// All that proofs are checked against is the vault's own.
    function _statement() private view returns (ISettlementRules.Statement memory s) {
        IVault.Seal memory sealed_ = vault.currentSeal();
        IVault.Epoch memory epoch = vault.epochs(sealed_.epoch);
        s.separator = _separator();
        s.domain = _domain();
        s.context = sealed_.batch + 2 ** 32 * uint256(sealed_.lastVoid) + 2 ** 64 * uint256(sealed_.time) + 2 ** 104
            * 30 + 2 ** 118 * 5 + 2 ** 121 * 4;
        s.root = vault.root();
        s.sealRoot = "seal root";
        (s.touches, s.orders) = (3, 5);
        (s.depositEnd, s.exitEnd) = (sealed_.depositEnd, sealed_.exitEnd);
        (s.riskRoot, s.instrumentsHash) = (epoch.riskRoot, keccak256(abi.encodePacked(instruments)));
        s.instruments = uint32(instruments.length);
    }

    function test_the_rules_are_asked_about_the_seal_the_root_and_its_epoch() public {
        _seal(0, 0);
        vm.prank(operator);
        vault.voidSeal();
        _deposit(ALICE, AMOUNT);
        _seal(1, 0);
        rules.expect(keccak256(abi.encode(_statement())));
        _settle(_one(_touch(1, false, AMOUNT, ALICE, 0, address(0))));
        assertEq(vault.currentSeal().touches, 0, "settled");
    }

    function test_what_the_rules_refuse_is_refused_with_their_reason() public {
        _seal(0, 0);
        rules.expect("another statement");
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        vm.expectPartialRevert(RulesMock.OtherStatement.selector);
        vm.prank(stranger, stranger);
        vault.settle(claim, part, proof, "");
        vm.expectPartialRevert(RulesMock.OtherStatement.selector);
        vm.prank(stranger, stranger);
        vault.beginSettlement(claim);
    }

    // --------------------------------------------------------------------------------------------------------- whole

    function test_anyone_settles_a_sealed_batch() public {
        _seal(0, 0);
        _setEffects(_none(), new uint256[](0));
        uint256 to = uint256(keccak256(abi.encode("root", 1))) % P;
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.BatchSettled(
            1, GENESIS, to, keccak256(abi.encode("data", 1)), keccak256(abi.encode("r1", 1)), beneficiary
        );
        _sendSettle();
        assertEq(vault.root(), to, "root");
        assertEq(vault.lastSettledEpoch(), 1, "epoch");
        assertEq(vault.currentSeal().touches, 0, "no seal");
        assertEq(vault.lastVoid(), 0, "no void");
    }

    function test_a_batch_is_settled_once() public {
        _seal(0, 0);
        _settle(_none());
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        _refused(abi.encodeWithSelector(IVault.NoSeal.selector));
        vm.prank(stranger, stranger);
        vault.settle(claim, part, proof, "");
    }

    function testFuzz_a_batch_is_settled_in_time_for_a_reward_that_grows(uint256 waited) public {
        waited = bound(waited, 0, 1 hours);
        _seal(0, 0);
        _setEffects(_none(), new uint256[](0));
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        vm.warp(START + waited);
        if (waited > 30 minutes) _refused(_enc(IVault.SealOver.selector, 1, START + 30 minutes));
        vm.prank(stranger, stranger);
        vault.settle(claim, part, proof, "");
        if (waited > 30 minutes) return;
        uint256 share = waited <= 10 minutes ? 0 : (waited - 10 minutes) * 2 ** 32 / 20 minutes;
        if (share == 2 ** 32) --share;
        assertEq(bonds.lastCall(), bonds.onSettled.selector, "bonds are told");
        assertEq(bonds.lastArguments(), keccak256(abi.encode(1, beneficiary, share)), "of the share");
    }

    /// Whoever reads the data finds it in the transaction.
    function test_settlements_are_sent_directly() public {
        _seal(0, 0);
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        ISettlementRules.Progress memory progress;
        uint256[8] memory proof;
        bytes memory reason = abi.encodeWithSelector(IVault.CallDirectly.selector, stranger, trader);
        _refused(reason);
        vm.prank(stranger, trader);
        vault.settle(claim, part, proof, "");
        _refused(reason);
        vm.prank(stranger, trader);
        vault.beginSettlement(claim);
        _refused(reason);
        vm.prank(stranger, trader);
        vault.advanceSettlement(claim, progress, part);
        _refused(reason);
        vm.prank(stranger, trader);
        vault.finishSettlement(claim, progress, proof, "");
    }

    /// An account that delegates to code (EIP-7702) could send itself a transaction whose code makes the words up.
    function test_settlements_are_sent_by_accounts_without_code() public {
        _seal(0, 0);
        (ISettlementRules.Claim memory claim,) = _nothing();
        vm.etch(stranger, bytes.concat(hex"ef0100", bytes20(address(vault))));
        _refused(abi.encodeWithSelector(IVault.CallDirectly.selector, stranger, stranger));
        vm.prank(stranger, stranger);
        vault.beginSettlement(claim);
    }

    function test_a_fork_of_the_chain_settles_nothing() public {
        _seal(0, 0);
        vm.chainId(61);
        (ISettlementRules.Claim memory claim,) = _nothing();
        _refused(_enc(IVault.WrongChain.selector, 61, 31337));
        vm.prank(stranger, stranger);
        vault.beginSettlement(claim);
    }

    // ------------------------------------------------------------------------------------------------------- in parts

    function test_a_settlement_in_parts_changes_nothing_before_the_last() public {
        _deposit(ALICE, AMOUNT);
        _seal(1, 0);
        _setEffects(_one(_touch(1, false, AMOUNT, ALICE, 0, address(0))), new uint256[](0));
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        part.proofs = new uint256[8][](1);
        uint256[8] memory proof;
        bytes32 r1 = keccak256(abi.encode("r1", 1));

        vm.startPrank(stranger, stranger);
        ISettlementRules.Progress memory first = vault.beginSettlement(claim);
        assertEq(first.r1, r1, "the settlement's name");
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.SegmentsChecked(1, r1, 0, 1);
        ISettlementRules.Progress memory second = vault.advanceSettlement(claim, first, part);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.SegmentsChecked(1, r1, 1, 1);
        ISettlementRules.Progress memory third = vault.advanceSettlement(claim, second, part);
        assertEq(third.segment, 2, "both segments");
        assertEq(vault.root(), GENESIS, "root");
        assertEq(vault.pendingDeposits(), AMOUNT, "deposits");
        assertEq(vault.currentSeal().touches, 3, "seal");
        vault.finishSettlement(claim, third, proof, "");
        vm.stopPrank();
        assertEq(vault.root(), uint256(keccak256(abi.encode("root", 1))) % P, "root");
        assertEq(vault.pendingDeposits(), 0, "deposits");
    }

    /// Every field of a progress is remembered: none can be made up or changed.
    function test_only_progress_that_was_checked_is_taken_up() public {
        _seal(0, 0);
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        vm.startPrank(stranger, stranger);
        ISettlementRules.Progress memory progress = vault.beginSettlement(claim);
        progress.segment = 2;
        vm.expectPartialRevert(IVault.NoSuchProgress.selector);
        vault.finishSettlement(claim, progress, proof, "");
        progress.segment = 0;
        progress.accounts = new uint256[](3);
        vm.expectPartialRevert(IVault.NoSuchProgress.selector);
        vault.advanceSettlement(claim, progress, part);
        progress.accounts = new uint256[](0);
        progress.sealPeaks[2] = "peak";
        vm.expectPartialRevert(IVault.NoSuchProgress.selector);
        vault.advanceSettlement(claim, progress, part);
        progress.sealPeaks[2] = 0;
        vault.advanceSettlement(claim, progress, part);
        vm.stopPrank();
    }

    function test_progress_is_of_one_batch() public {
        _seal(0, 0);
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        vm.prank(stranger, stranger);
        ISettlementRules.Progress memory progress = vault.beginSettlement(claim);
        vm.prank(operator);
        vault.voidSeal();
        _seal(0, 0);
        vm.expectPartialRevert(IVault.NoSuchProgress.selector);
        vm.prank(stranger, stranger);
        vault.advanceSettlement(claim, progress, part);
    }

    function test_each_part_is_in_time() public {
        _seal(0, 0);
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        vm.startPrank(stranger, stranger);
        ISettlementRules.Progress memory progress = vault.beginSettlement(claim);
        vm.warp(START + 30 minutes);
        progress = vault.advanceSettlement(claim, progress, part);
        vm.warp(START + 30 minutes + 1);
        bytes memory reason = _enc(IVault.SealOver.selector, 1, START + 30 minutes);
        _refused(reason);
        vault.beginSettlement(claim);
        _refused(reason);
        vault.advanceSettlement(claim, progress, part);
        _refused(reason);
        vault.finishSettlement(claim, progress, proof, "");
        vm.stopPrank();
    }

    // -------------------------------------------------------------------------------------------------------- effects

    function _refusedEffects(uint256[3][] memory touches, bytes memory reason) private {
        _setEffects(touches, new uint256[](0));
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        _refused(reason);
        vm.prank(stranger, stranger);
        vault.settle(claim, part, proof, "");
    }

    function test_locked_deposits_are_credited_by_account_and_no_others() public {
        _deposit(ALICE, AMOUNT);
        _deposit(BOB, 2 * AMOUNT);
        _deposit(ALICE, 3 * AMOUNT);
        _deposit(ALICE, 7 * AMOUNT);
        vm.prank(operator);
        vault.returnDeposit(0);
        _seal(3, 0);
        _settle(
            _two(_touch(1, false, 3 * AMOUNT, ALICE, 0, address(0)), _touch(2, false, 2 * AMOUNT, BOB, 0, address(0)))
        );
        assertEq(vault.pendingDeposits(), 7 * AMOUNT, "what was not locked waits");
        (uint64 head,) = vault.depositQueue();
        assertEq(head, 3, "head");
    }

    function test_a_batch_credits_exactly_what_is_locked() public {
        _deposit(ALICE, AMOUNT);
        _deposit(BOB, AMOUNT);
        _seal(2, 0);
        uint256[3] memory alice = _touch(1, false, AMOUNT, ALICE, 0, address(0));
        uint256[3] memory bob = _touch(2, false, AMOUNT, BOB, 0, address(0));
        bytes memory missing = _enc(IVault.QueueEntryMissing.selector, 1, 2);
        _refusedEffects(_one(alice), missing);
        _refusedEffects(_two(alice, _touch(2, false, AMOUNT - 1, BOB, 0, address(0))), missing);
        _refusedEffects(_two(alice, _touch(2, true, AMOUNT, 0, 0, address(0))), missing);
        _refusedEffects(
            _two(alice, _touch(2, false, AMOUNT + 1, BOB, 0, address(0))), _enc(IVault.NotInQueue.selector, 1, 0)
        );
        uint256[3][] memory more = new uint256[3][](3);
        (more[0], more[1], more[2]) = (alice, bob, _touch(3, false, 9, 0, 0, address(0)));
        _refusedEffects(more, _enc(IVault.NotInQueue.selector, 9, 0));
        _settle(_two(alice, bob));
    }

    function test_an_account_is_opened_for_its_owner_only() public {
        _deposit(ALICE, AMOUNT);
        _seal(1, 0);
        _refusedEffects(
            _one(_touch(1, false, AMOUNT, BOB, 0, address(0))),
            abi.encodeWithSelector(IVault.WrongOwner.selector, 1, BOB, ALICE)
        );
        _refusedEffects(
            _one(_touch(2, false, AMOUNT, BOB, 0, address(0))),
            abi.encodeWithSelector(IVault.WrongOwner.selector, 2, BOB, 0)
        );
        _settle(_one(_touch(1, false, AMOUNT, ALICE, 0, address(0))));
    }

    function test_an_exit_pays_the_recipient_of_the_request() public {
        _credited(ALICE, AMOUNT);
        _requestExit(1, AMOUNT, recipient);
        _sealAll();
        _setEffects(_one(_touch(1, true, AMOUNT, 0, AMOUNT - 1, address(0))), new uint256[](0));
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.WithdrawalCredited(2, 1, recipient, AMOUNT - 1);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.ExitAnswered(0, 2, AMOUNT, AMOUNT - 1);
        _sendSettle();
        assertEq(vault.claimable(recipient), AMOUNT - 1, "claimable");
        (uint64 head, uint64 tail) = vault.exitQueue();
        assertEq(head, tail, "consumed");
    }

    function test_an_exit_that_pays_nothing_is_consumed_too() public {
        _credited(ALICE, AMOUNT);
        _requestExit(1, AMOUNT, recipient);
        _sealAll();
        _setEffects(_one(_touch(1, true, AMOUNT, 0, 0, address(0))), new uint256[](0));
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.ExitAnswered(0, 2, AMOUNT, 0);
        _sendSettle();
        assertEq(vault.totalClaimable(), 0, "nothing");
        _requestExit(1, AMOUNT, recipient);
    }

    function test_a_batch_answers_exactly_the_locked_exits() public {
        _credited(ALICE, AMOUNT);
        _credited(BOB, AMOUNT);
        _requestExit(1, AMOUNT, recipient);
        _requestExit(2, AMOUNT, recipient);
        _seal(2, 1);
        uint256[3] memory alice = _touch(1, true, AMOUNT, 0, AMOUNT, address(0));
        uint256[3] memory bob = _touch(2, true, AMOUNT, 0, AMOUNT, address(0));
        bytes memory missing = _enc(IVault.QueueEntryMissing.selector, 0, 1);
        _refusedEffects(_none(), missing);
        _refusedEffects(_one(bob), missing);
        _refusedEffects(_one(_touch(1, true, AMOUNT + 1, 0, 0, address(0))), missing);
        _refusedEffects(_two(alice, bob), _enc(IVault.NotInQueue.selector, 0, 1));
        _settle(_one(alice));
        assertEq(vault.exits(1).index, 2, "the other waits");
    }

    function test_a_withdrawal_is_credited_whoever_receives_it() public {
        _credited(ALICE, AMOUNT);
        _credited(BOB, AMOUNT);
        _seal(2, 0);
        _settle(_two(_touch(1, false, 0, 0, 1_000_000, address(0)), _touch(2, false, 0, 0, 2_000_000, address(vault))));
        assertEq(vault.claimable(address(0)), 1_000_000, "nobody's, and it blocks nothing");
        assertEq(vault.claimable(address(vault)), 2_000_000, "the vault's own, and it blocks nothing");
        assertEq(vault.totalClaimable(), 3_000_000, "both are counted");
    }

    function testFuzz_credits_add_up(uint256 first, uint256 second) public {
        first = bound(first, 0, 2 ** 74 - 1);
        second = bound(second, 0, 2 ** 74 - 1);
        _credited(ALICE, AMOUNT);
        _credited(BOB, AMOUNT);
        _seal(2, 0);
        _settle(_two(_touch(1, false, 0, 0, first, recipient), _touch(2, false, 0, 0, second, recipient)));
        assertEq(vault.claimable(recipient), first + second, "claimable");
        assertEq(vault.totalClaimable(), first + second, "total");
    }

    // --------------------------------------------------------------------------------------------------- settled rows

    function test_settled_rows_have_the_values_of_the_seals_epoch() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        IVault.SettledInstrument[] memory settled = new IVault.SettledInstrument[](1);
        settled[0] = IVault.SettledInstrument(3, 4_000_000);
        _post(_postOf(_ids(9, 11), settled));
        _seal(0, 0);
        vm.warp(START + 120);
        settled[0] = IVault.SettledInstrument(9, 7_000_000);
        _post(_postOf(_ids(11, 0), settled));

        _refusedRow(3 + 2 ** 27 * 4_000_001, 3, 4_000_001);
        _refusedRow(4 + 2 ** 27 * 4_000_000, 4, 4_000_000); // never listed
        _refusedRow(11 + 2 ** 27 * 4_000_000, 11, 4_000_000); // open
        _refusedRow(9 + 2 ** 27 * 7_000_000, 9, 7_000_000); // settled by a later table than the seal's
        uint256[] memory rows = new uint256[](1);
        rows[0] = 3 + 2 ** 27 * 4_000_000;
        _settle(_none(), rows);
        assertEq(vault.lastSettledEpoch(), 2, "settled under the seal's epoch");
    }

    function _refusedRow(uint256 word, uint32 id, uint256 value) private {
        uint256[] memory rows = new uint256[](1);
        rows[0] = word;
        _setEffects(_none(), rows);
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        _refused(_enc(IVault.WrongSettlementValue.selector, id, value));
        vm.prank(stranger, stranger);
        vault.settle(claim, part, proof, "");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "src/interfaces/IBonds.sol";
import {BondsFixture} from "test/bonds/BondsFixture.sol";

/// @notice Receipts that cannot both be true, or not with the seal, cost the bond at once; those that can, never do.
contract BondsContradictionsTest is BondsFixture {
    uint256 private constant ORDERS = 9;
    uint256 private constant AMOUNT = BASE + ORDERS * PER_ORDER;

    function setUp() public {
        _deploy(4);
        _openAndSeal(BATCH, ORDERS, 5);
    }

    // ------------------------------------------------------------------------------------------------------- two receipts

    function test_two_contents_under_one_number_cost_the_bond() public {
        IBonds.Receipt memory receipt = _receipt(4);
        IBonds.Receipt memory other = _receipt(4);
        other.order = "another";
        _slashedBy(receipt, other);
        other = _receipt(4);
        ++other.account;
        _slashedBy(receipt, other);
        other = _receipt(4);
        other.previous = "another";
        _slashedBy(receipt, other);
    }

    function test_neighbours_that_do_not_chain_cost_the_bond() public {
        IBonds.Receipt memory later = _receipt(5);
        later.previous = "another";
        _slashedBy(_receipt(4), later);
    }

    /// forge-config: default.fuzz.runs = 64
    /// forge-config: full.fuzz.runs = 1000
    function testFuzz_the_receipts_of_an_honest_operator_never_contradict(uint256 seed, uint256 first, uint256 second)
        public
    {
        _deploy(4);
        uint256 orders = 1 + seed % 20;
        _openAndSeal(BATCH, orders, seed);
        IBonds.Receipt memory one = _receipt(bound(first, 1, orders));
        IBonds.Receipt memory two = _receipt(bound(second, 1, orders));
        _noContradiction(one, two);
        _noContradictionWithSeal(one, chain[orders]);
    }

    function test_receipts_of_two_batches_or_far_numbers_say_nothing_about_each_other() public {
        IBonds.Receipt memory other = _receipt(4);
        other.batch = 2;
        other.order = "another";
        _noContradiction(_receipt(4), other);
        other = _receipt(6);
        other.previous = "another";
        _noContradiction(_receipt(4), other);
        // The earlier one comes first.
        other = _receipt(5);
        other.previous = "another";
        _noContradiction(other, _receipt(4));
    }

    function test_the_greatest_number_has_no_neighbour() public {
        IBonds.Receipt memory greatest = _receipt(4);
        greatest.sequence = type(uint32).max;
        IBonds.Receipt memory zero = _receipt(4);
        zero.sequence = 0;
        _noContradiction(greatest, zero);
    }

    function test_both_receipts_are_signed() public {
        IBonds.Receipt memory receipt = _receipt(4);
        IBonds.Receipt memory other = _receipt(4);
        other.order = "another";
        (bytes memory good, bytes memory forged) = (_sign(receipt), _signWith(0xbad, other));
        bytes memory refusal = abi.encodeWithSelector(IBonds.NotSigned.selector, vm.addr(0xbad), vm.addr(SIGNER_KEY));
        _expect(refusal);
        bonds.contradict(receipt, good, other, forged);
        _expect(refusal);
        bonds.contradict(other, forged, receipt, good);
    }

    // ------------------------------------------------------------------------------------------------- a receipt and the seal

    function test_a_number_that_the_seal_has_not_costs_the_bond() public {
        IBonds.Receipt memory receipt = _receipt(4);
        receipt.sequence = uint32(ORDERS + 1);
        _slashedBySeal(receipt);
        receipt.sequence = 0;
        _slashedBySeal(receipt);
    }

    function test_the_last_receipt_ends_in_the_sealed_chain() public {
        IBonds.Receipt memory receipt = _receipt(ORDERS);
        receipt.order = "another";
        _slashedBySeal(receipt);
    }

    function test_the_first_receipt_starts_from_h_0() public {
        IBonds.Receipt memory receipt = _receipt(1);
        receipt.previous = "another";
        _slashedBySeal(receipt);
    }

    function test_the_seal_says_nothing_about_the_numbers_between() public {
        IBonds.Receipt memory receipt = _receipt(4);
        receipt.order = "another";
        _noContradictionWithSeal(receipt, chain[ORDERS]);
    }

    function test_the_seal_shown_is_the_sealed_one() public {
        IBonds.Receipt memory receipt = _receipt(ORDERS);
        bytes memory signature = _sign(receipt);
        _expect(abi.encodeWithSelector(IBonds.WrongAnswer.selector, bytes32("seal")));
        bonds.contradictSeal(receipt, signature, sealRoot, "another");
        _expect(abi.encodeWithSelector(IBonds.WrongAnswer.selector, bytes32("seal")));
        bonds.contradictSeal(receipt, signature, "another", chain[ORDERS]);
        bytes memory forged = _signWith(0xbad, receipt);
        _expect(abi.encodeWithSelector(IBonds.NotSigned.selector, vm.addr(0xbad), vm.addr(SIGNER_KEY)));
        bonds.contradictSeal(receipt, forged, sealRoot, chain[ORDERS]);
    }

    // -------------------------------------------------------------------------------------------------------- when

    function test_contradictions_are_shown_from_the_seal_to_the_end_of_the_window() public {
        _deploy(4);
        bonds.onOpened(BATCH);
        _draw(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        IBonds.Receipt memory other = _receipt(4);
        other.order = "another";
        _notChallengeable(receipt, other, IBonds.Stage.Opened);
        bonds.onSealed(BATCH, uint32(ORDERS), sealRoot, chain[ORDERS]);
        bonds.onSettled(BATCH, operator, 0);
        vm.warp(block.timestamp + CHALLENGE_TIME + 1);
        _notChallengeable(receipt, other, IBonds.Stage.Ended);
        vm.warp(block.timestamp - 1);
        bytes memory signature = _sign(receipt);
        bytes memory otherSignature = _sign(other);
        vm.prank(challenger);
        bonds.contradict(receipt, signature, other, otherSignature);
        _notChallengeable(receipt, other, IBonds.Stage.Lost);
    }

    function test_an_opening_that_expired_is_slashed_for_two_receipts() public {
        _deploy(4);
        bonds.onOpened(BATCH);
        _draw(BATCH, ORDERS, 5);
        bonds.onExpired(BATCH);
        IBonds.Receipt memory receipt = _receipt(4);
        IBonds.Receipt memory other = _receipt(4);
        other.order = "another";
        bytes memory signature = _sign(receipt);
        bytes memory otherSignature = _sign(other);
        vm.prank(challenger);
        bonds.contradict(receipt, signature, other, otherSignature);
        assertEq(bonds.owed(challenger), BASE / 2, "half of the base");
    }

    // ------------------------------------------------------------------------------------------------------------- helpers

    function _slashedBy(IBonds.Receipt memory first, IBonds.Receipt memory second) private {
        uint256 snapshot = vm.snapshotState();
        bytes memory signature = _sign(first);
        bytes memory otherSignature = _sign(second);
        vm.expectEmit();
        emit IBonds.BondLost(BATCH, AMOUNT, AMOUNT / 2, challenger);
        vm.prank(challenger);
        bonds.contradict(first, signature, second, otherSignature);
        _assertSlashed();
        vm.revertToState(snapshot);
    }

    function _slashedBySeal(IBonds.Receipt memory receipt) private {
        uint256 snapshot = vm.snapshotState();
        bytes memory signature = _sign(receipt);
        vm.prank(challenger);
        bonds.contradictSeal(receipt, signature, sealRoot, chain[ORDERS]);
        _assertSlashed();
        vm.revertToState(snapshot);
    }

    function _assertSlashed() private view {
        assertEq(bonds.owed(challenger), AMOUNT / 2, "half");
        assertEq(bonds.owed(BURN), AMOUNT - AMOUNT / 2, "half is burnt");
        assertEq(bonds.bonds(BATCH).amount, 0, "bond");
    }

    function _noContradiction(IBonds.Receipt memory first, IBonds.Receipt memory second) private {
        bytes memory signature = _sign(first);
        bytes memory otherSignature = _sign(second);
        _expect(abi.encodeWithSelector(IBonds.NoContradiction.selector));
        bonds.contradict(first, signature, second, otherSignature);
    }

    function _noContradictionWithSeal(IBonds.Receipt memory receipt, bytes32 receiptsHash) private {
        bytes memory signature = _sign(receipt);
        _expect(abi.encodeWithSelector(IBonds.NoContradiction.selector));
        bonds.contradictSeal(receipt, signature, sealRoot, receiptsHash);
    }

    function _notChallengeable(IBonds.Receipt memory first, IBonds.Receipt memory second, IBonds.Stage stage) private {
        bytes memory signature = _sign(first);
        bytes memory otherSignature = _sign(second);
        _expect(abi.encodeWithSelector(IBonds.NotChallengeable.selector, BATCH, stage));
        bonds.contradict(first, signature, second, otherSignature);
        _expect(abi.encodeWithSelector(IBonds.NotChallengeable.selector, BATCH, stage));
        bonds.contradictSeal(first, signature, sealRoot, chain[ORDERS]);
    }
}

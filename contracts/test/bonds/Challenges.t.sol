// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "src/interfaces/IBonds.sol";
import {Bn254} from "src/libraries/Bn254.sol";
import {PoseidonSponge} from "src/libraries/PoseidonSponge.sol";
import {BondsFixture} from "test/bonds/BondsFixture.sol";

/// @notice An honest operator answers every receipt it signed; one whose batch lacks an order cannot, and pays.
contract BondsChallengesTest is BondsFixture {
    uint256 private constant ORDERS = 9;
    uint256 private constant AMOUNT = BASE + ORDERS * PER_ORDER;

    function setUp() public {
        _deploy(4);
    }

    // ------------------------------------------------------------------------------------------------ the honest operator

    /// forge-config: default.fuzz.runs = 64
    /// forge-config: full.fuzz.runs = 1000
    function testFuzz_an_honest_operator_answers_every_receipt_and_the_order_before(uint256 seed, uint256 s) public {
        uint256[4] memory sizes = [uint256(2), 4, 7, 9];
        _deploy(sizes[seed % 4]);
        uint256 orders = 1 + (seed / 4) % 20;
        _openAndSeal(BATCH, orders, seed);
        s = bound(s, 1, orders);
        bonds.answer(_challenge(_receipt(s), false), _answer(s));
        if (s > 1) bonds.answer(_challenge(_receipt(s), true), _answer(s - 1));
        assertEq(bonds.bonds(BATCH).challenges, 0, "open");
        assertEq(bonds.bonds(BATCH).amount, BASE + orders * PER_ORDER, "bond");
    }

    function test_every_receipt_of_a_batch_is_answered_while_sealed_and_when_settled() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 before = bonds.free();
        uint256 answered = 0;
        for (uint256 s = 1; s <= ORDERS; ++s) {
            uint256 own = _challenge(_receipt(s), false);
            uint256 earlier = s > 1 ? _challenge(_receipt(s), true) : 0;
            if (s == 5) bonds.onSettled(BATCH, operator, 0);
            bonds.answer(own, _answer(s));
            if (s > 1) bonds.answer(earlier, _answer(s - 1));
            answered += s > 1 ? 2 : 1;
        }
        assertEq(bonds.free(), before + answered * STAKE, "stakes are the operator's");
    }

    function test_a_batch_of_one_touch_has_an_empty_path() public {
        _openAndSeal(BATCH, 2, 0);
        assertEq(touches.length, 1, "touches");
        bonds.answer(_challenge(_receipt(2), false), _answer(2));
    }

    function test_the_eighth_order_of_a_touch_has_its_number_in_the_second_word() public {
        _deploy(9);
        _openAndSeal(BATCH, 8, 0);
        assertEq(drawn[8].slot, 7, "all in one touch");
        bonds.answer(_challenge(_receipt(8), false), _answer(8));
    }

    function test_anyone_may_answer_for_the_operator() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(3), false);
        IBonds.Answer memory shown = _answer(3);
        vm.expectEmit();
        emit IBonds.Answered(number);
        vm.prank(makeAddr("a friend"));
        bonds.answer(number, shown);
    }

    function test_an_answer_costs_less_than_half_a_million_gas() public {
        _openAndSeal(BATCH, 20, 3);
        uint256 number = _challenge(_receipt(7), false);
        IBonds.Answer memory shown = _answer(7);
        uint256 before = gasleft();
        bonds.answer(number, shown);
        assertLt(before - gasleft(), 500_000, "gas");
    }

    // ----------------------------------------------------------------------------------------------- the order that is missing

    function test_an_order_that_the_batch_lacks_costs_the_bond() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        receipt.order = "not in the batch";
        uint256 number = _challenge(receipt, false);
        bonds.onSettled(BATCH, operator, 0);
        vm.warp(block.timestamp + ANSWER_TIME + 1);
        vm.expectEmit();
        emit IBonds.BondLost(BATCH, AMOUNT, AMOUNT / 2, challenger);
        vm.expectEmit();
        emit IBonds.ChallengeClosed(number, true);
        bonds.close(number);
        assertEq(bonds.owed(challenger), STAKE + AMOUNT / 2, "half and the stake");
        assertEq(bonds.owed(BURN), AMOUNT - AMOUNT / 2, "half is burnt");
        assertEq(uint256(bonds.bonds(BATCH).stage), uint256(IBonds.Stage.Lost), "stage");
    }

    function test_every_part_of_a_receipt_is_compared_with_what_is_shown() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        receipt.order = bytes32(uint256(receipt.order) + 1);
        _refuse(receipt, false, _answer(4), "order");
        receipt = _receipt(4);
        receipt.sequence = 5;
        _refuse(receipt, false, _answer(4), "sequence");
        receipt = _receipt(4);
        ++receipt.account;
        _refuse(receipt, false, _answer(4), "account");
        receipt = _receipt(4);
        receipt.previous = "another past";
        _refuse(receipt, false, _answer(4), "chain");
    }

    function test_another_order_of_the_same_account_does_not_answer() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        for (uint256 s = 1; s <= ORDERS; ++s) {
            if (s != 4) _refuseAnswer(number, _answer(s), "order");
        }
    }

    function test_receipts_beyond_the_sealed_orders_are_never_answered() public {
        _openAndSeal(BATCH, ORDERS, 5);
        bytes32 order = "a late order";
        IBonds.Receipt memory receipt =
            IBonds.Receipt(order, uint32(ORDERS + 1), touches[0].account, BATCH, chain[ORDERS]);
        uint256 number = _challenge(receipt, false);
        for (uint256 s = 1; s <= ORDERS; ++s) {
            _refuseAnswer(number, _answer(s), "order");
        }
        // The order before it is number n, which the batch has: that receipt keeps the promise it makes about others.
        bonds.answer(_challenge(receipt, true), _answer(ORDERS));
    }

    function test_an_order_0_is_never_shown_by_an_empty_slot() public {
        _openAndSeal(BATCH, 2, 0);
        IBonds.Receipt memory receipt = IBonds.Receipt(0, 0, touches[0].account, BATCH, chain[0]);
        IBonds.Answer memory shown = _answer(1);
        shown.slot = 3;
        assertEq(shown.hashes[3], 0, "an empty slot");
        _refuse(receipt, false, shown, "order");
    }

    function test_the_order_before_must_chain_to_what_the_receipt_says() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        receipt.previous = "another past";
        uint256 number = _challenge(receipt, true);
        for (uint256 s = 1; s <= ORDERS; ++s) {
            _refuseAnswer(number, _answer(s), s == 3 ? bytes32("chain") : bytes32("sequence"));
        }
    }

    function test_nothing_comes_before_the_first_order() public {
        _openAndSeal(BATCH, ORDERS, 5);
        for (uint32 s = 0; s < 2; ++s) {
            IBonds.Receipt memory receipt = _receipt(1);
            receipt.sequence = s;
            bytes memory signature = _sign(receipt);
            vm.prank(challenger);
            _expect(abi.encodeWithSelector(IBonds.NoOrderBefore.selector, s));
            bonds.challenge{value: STAKE}(receipt, signature, true);
        }
    }

    function test_the_first_order_chains_to_the_start_of_its_batch() public {
        // The operator chains from another start than h_0 and seals what it says: the first receipt still convicts it.
        bonds.onOpened(BATCH);
        _draw(2, ORDERS, 5);
        bonds.onSealed(BATCH, uint32(ORDERS), sealRoot, chain[ORDERS]);
        _refuse(_receipt(1), false, _answer(1), "first");
        _refuse(_receipt(2), true, _answer(1), "first");
    }

    function test_the_last_order_chains_to_what_was_sealed() public {
        bonds.onOpened(BATCH);
        _draw(BATCH, ORDERS, 5);
        bonds.onSealed(BATCH, uint32(ORDERS), sealRoot, "another chain");
        IBonds.Answer memory shown = _answer(ORDERS);
        shown.receiptsHash = "another chain";
        _refuse(_receipt(ORDERS), false, shown, "last");
    }

    function test_receipts_of_an_opening_that_was_never_sealed_are_never_answered() public {
        bonds.onOpened(BATCH);
        _draw(BATCH, ORDERS, 5);
        bonds.onExpired(BATCH);
        IBonds.Receipt memory receipt = _receipt(2);
        uint256 number = _challenge(receipt, false);
        _refuseAnswer(number, _answer(2), "seal");
        IBonds.Answer memory nothing = _answer(2);
        (nothing.sealRoot, nothing.receiptsHash) = (0, 0);
        _refuseAnswer(number, nothing, "seal");
        vm.warp(block.timestamp + ANSWER_TIME + 1);
        bonds.close(number);
        assertEq(bonds.owed(challenger), STAKE + BASE / 2, "half of the base and the stake");
    }

    // --------------------------------------------------------------------------------------------------- answers that lie

    function test_an_answer_is_of_the_sealed_batch() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        IBonds.Answer memory shown = _answer(4);
        shown.sealRoot = "another root";
        _refuseAnswer(number, shown, "seal");
        shown = _answer(4);
        shown.receiptsHash = "another chain";
        _refuseAnswer(number, shown, "seal");
    }

    function test_an_answer_has_the_form_of_a_touch() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        IBonds.Answer memory shown = _answer(4);
        shown.hashes = new uint256[](5);
        _refuseAnswer(number, shown, "hashes");
        shown = _answer(4);
        shown.sequences = new uint256[](2);
        _refuseAnswer(number, shown, "sequences");
        shown = _answer(4);
        shown.slot = 4;
        _refuseAnswer(number, shown, "slot");
        shown = _answer(4);
        shown.previous = "another past";
        _refuseAnswer(number, shown, "chain");
    }

    function test_an_answer_opens_the_sealed_touch_and_no_other() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        uint256 number = _challenge(receipt, false);
        IBonds.Answer memory shown = _answer(4);
        shown.salt = addmod(shown.salt, 1, Bn254.P);
        _refuseAnswer(number, shown, "path");
        shown = _answer(4);
        shown.hashes[(shown.slot + 1) % 4] = 77;
        _refuseAnswer(number, shown, "path");
        shown = _answer(4);
        shown.sequences[0] |= 1 << 224;
        _refuseAnswer(number, shown, "path");
        shown = _answer(4);
        shown.path[0] = "another sibling";
        _refuseAnswer(number, shown, "path");
        shown = _answer(4);
        shown.position ^= 1;
        _refuseAnswer(number, shown, "path");
    }

    function test_a_position_beyond_the_path_is_refused() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        IBonds.Answer memory shown = _answer(4);
        shown.position += 2 ** shown.path.length;
        _refuseAnswer(number, shown, "position");
    }

    function test_a_path_of_another_length_leads_nowhere() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        IBonds.Answer memory shown = _answer(4);
        bytes32[] memory path = shown.path;
        for (uint256 length = 0; length <= path.length + 2; ++length) {
            if (length == path.length) continue;
            shown.path = new bytes32[](length);
            for (uint256 i = 0; i < length && i < path.length; ++i) {
                shown.path[i] = path[i];
            }
            shown.position = _answer(4).position % (2 ** length);
            _refuseAnswer(number, shown, "path");
        }
    }

    function test_values_that_are_not_reduced_open_nothing() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        IBonds.Answer memory shown = _answer(4);
        shown.salt += Bn254.P;
        _expect(abi.encodeWithSelector(PoseidonSponge.NotReduced.selector, shown.salt));
        bonds.answer(number, shown);
        IBonds.Receipt memory receipt = _receipt(4);
        receipt.order = bytes32(uint256(receipt.order) + Bn254.P);
        number = _challenge(receipt, false);
        shown = _answer(4);
        shown.hashes[shown.slot] += Bn254.P;
        _expect(abi.encodeWithSelector(PoseidonSponge.NotReduced.selector, uint256(receipt.order)));
        bonds.answer(number, shown);
    }

    // ------------------------------------------------------------------------------------------------- who may challenge, when

    function test_a_challenge_costs_exactly_the_stake() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        bytes memory signature = _sign(receipt);
        uint256[3] memory wrong = [uint256(0), STAKE - 1, STAKE + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(challenger);
            _expect(abi.encodeWithSelector(IBonds.WrongStake.selector, wrong[i], STAKE));
            bonds.challenge{value: wrong[i]}(receipt, signature, false);
        }
    }

    function test_a_challenge_is_kept_as_made() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        bytes memory signature = _sign(receipt);
        vm.expectEmit();
        emit IBonds.Challenged(1, BATCH, 4, receipt.order, challenger);
        vm.prank(challenger);
        bonds.challenge{value: STAKE}(receipt, signature, false);
        uint40 deadline = uint40(block.timestamp + ANSWER_TIME);
        IBonds.Challenge memory own =
            IBonds.Challenge(challenger, BATCH, 4, deadline, receipt.account, receipt.order, chain[4]);
        assertEq(abi.encode(bonds.challenges(1)), abi.encode(own), "own");
        _challenge(receipt, true);
        IBonds.Challenge memory earlier = IBonds.Challenge(challenger, BATCH, 3, deadline, 0, 0, chain[3]);
        assertEq(abi.encode(bonds.challenges(2)), abi.encode(earlier), "before");
        assertEq(bonds.bonds(BATCH).challenges, 2, "open");
    }

    function test_only_the_signer_of_receipts_binds_the_operator() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        _expectNotSigned(receipt, _signWith(0xbad, receipt), vm.addr(0xbad));
        bytes memory signature = _sign(receipt);
        receipt.account += 1;
        address other = _recovered(receipt, signature);
        _expectNotSigned(receipt, signature, other);
    }

    function test_a_signature_has_one_form() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, _digest(receipt));
        assertLe(uint256(s), HALF_ORDER, "forge signs low");
        bytes32 high = bytes32(2 * HALF_ORDER + 1 - uint256(s));
        _expectNotSigned(receipt, abi.encodePacked(r, high, v == 27 ? uint8(28) : 27), address(0));
        _expectNotSigned(receipt, abi.encodePacked(r, s, v, uint8(0)), address(0));
        _expectNotSigned(receipt, abi.encodePacked(r, s), address(0));
        _expectNotSigned(receipt, abi.encodePacked(r, s, v - 27), address(0));
        _expectNotSigned(receipt, new bytes(65), address(0));
    }

    function _recovered(IBonds.Receipt memory receipt, bytes memory signature) private pure returns (address) {
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        return ecrecover(_digest(receipt), uint8(signature[64]), r, s);
    }

    function _expectNotSigned(IBonds.Receipt memory receipt, bytes memory signature, address recovered) private {
        vm.prank(challenger);
        _expect(abi.encodeWithSelector(IBonds.NotSigned.selector, recovered, vm.addr(SIGNER_KEY)));
        bonds.challenge{value: STAKE}(receipt, signature, false);
    }

    function testFuzz_the_digest_is_that_of_eip_712(IBonds.Receipt memory receipt) public view {
        assertEq(bonds.digest(receipt), _digest(receipt), "digest");
    }

    function test_batches_are_challenged_from_their_seal_to_the_end_of_their_window() public {
        bonds.onOpened(BATCH);
        _draw(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        bytes memory signature = _sign(receipt);
        receipt.batch = 2;
        _expectNotChallengeable(receipt, _sign(receipt), IBonds.Stage.None);
        receipt.batch = BATCH;
        _expectNotChallengeable(receipt, signature, IBonds.Stage.Opened);
        bonds.onSealed(BATCH, uint32(ORDERS), sealRoot, chain[ORDERS]);
        vm.warp(block.timestamp + 365 days);
        _challenge(receipt, false);
        bonds.answer(1, _answer(4));
        bonds.onSettled(BATCH, operator, 0);
        vm.warp(block.timestamp + CHALLENGE_TIME);
        _challenge(receipt, false);
        bonds.answer(2, _answer(4));
        vm.warp(block.timestamp + 1);
        _expectNotChallengeable(receipt, signature, IBonds.Stage.Ended);
        bonds.release(BATCH);
        _expectNotChallengeable(receipt, signature, IBonds.Stage.Released);
    }

    function _expectNotChallengeable(IBonds.Receipt memory receipt, bytes memory signature, IBonds.Stage stage)
        private
    {
        vm.prank(challenger);
        _expect(abi.encodeWithSelector(IBonds.NotChallengeable.selector, receipt.batch, stage));
        bonds.challenge{value: STAKE}(receipt, signature, false);
    }

    // ------------------------------------------------------------------------------------------------------------ how they end

    function test_a_challenge_is_answered_until_its_deadline_and_closed_after_it() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        uint256 other = _challenge(_receipt(5), false);
        uint40 deadline = uint40(block.timestamp + ANSWER_TIME);
        IBonds.Answer memory shown = _answer(5);
        vm.warp(deadline);
        _expect(abi.encodeWithSelector(IBonds.StillOpen.selector, number, deadline));
        bonds.close(number);
        bonds.answer(number, _answer(4));
        vm.warp(deadline + 1);
        _expect(abi.encodeWithSelector(IBonds.TooLate.selector, other, deadline));
        bonds.answer(other, shown);
        bonds.close(other);
        assertEq(uint256(bonds.bonds(BATCH).stage), uint256(IBonds.Stage.Lost), "who does not answer pays, able or not");
    }

    function test_a_challenge_ends_once() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Answer memory shown = _answer(4);
        uint256 number = _challenge(_receipt(4), false);
        uint256 other = _challenge(_receipt(4), false);
        bonds.answer(number, shown);
        uint256[3] memory none = [number, 3, 0];
        for (uint256 i = 0; i < 3; ++i) {
            _expect(abi.encodeWithSelector(IBonds.NoSuchChallenge.selector, none[i]));
            bonds.answer(none[i], shown);
            _expect(abi.encodeWithSelector(IBonds.NoSuchChallenge.selector, none[i]));
            bonds.close(none[i]);
        }
        vm.warp(block.timestamp + ANSWER_TIME + 1);
        bonds.close(other);
        _expect(abi.encodeWithSelector(IBonds.NoSuchChallenge.selector, other));
        bonds.close(other);
    }

    function test_an_open_challenge_holds_the_bond_and_no_longer_than_its_deadline() public {
        _openAndSeal(BATCH, ORDERS, 5);
        bonds.onSettled(BATCH, operator, 0);
        uint40 until = uint40(block.timestamp + CHALLENGE_TIME);
        vm.warp(until);
        uint256 number = _challenge(_receipt(4), false);
        vm.warp(until + 1);
        _expect(abi.encodeWithSelector(IBonds.NotReleasable.selector, BATCH, IBonds.Stage.Ended, until, 1));
        bonds.release(BATCH);
        bonds.answer(number, _answer(4));
        bonds.release(BATCH);
        assertEq(bonds.free(), FUNDS + STAKE, "free");
    }

    function test_the_bond_is_lost_once_and_later_challengers_get_their_stakes_back_at_once() public {
        _openAndSeal(BATCH, ORDERS, 5);
        IBonds.Receipt memory receipt = _receipt(4);
        receipt.order = "not in the batch";
        uint256 first = _challenge(receipt, false);
        vm.warp(block.timestamp + ANSWER_TIME);
        uint256 second = _challenge(receipt, false);
        vm.warp(block.timestamp + 1);
        bonds.close(first);
        uint256 owed = bonds.owed(challenger);
        vm.expectEmit();
        emit IBonds.ChallengeClosed(second, false);
        bonds.close(second);
        assertEq(bonds.owed(challenger), owed + STAKE, "stake");
        assertEq(bonds.owed(BURN), AMOUNT - AMOUNT / 2, "burnt once");
        bytes memory signature = _sign(receipt);
        _expectNotChallengeable(receipt, signature, IBonds.Stage.Lost);
    }

    function test_a_void_batch_gives_the_stake_back_and_takes_no_answer() public {
        _openAndSeal(BATCH, ORDERS, 5);
        uint256 number = _challenge(_receipt(4), false);
        bonds.onVoided(BATCH);
        IBonds.Answer memory shown = _answer(4);
        _expect(abi.encodeWithSelector(IBonds.NotChallengeable.selector, BATCH, IBonds.Stage.Lost));
        bonds.answer(number, shown);
        bonds.close(number);
        assertEq(bonds.owed(challenger), STAKE, "stake");
        assertEq(bonds.owed(BURN), AMOUNT, "all is burnt");
    }

    function test_a_slashed_batch_is_settled_without_a_reward_or_voided_without_a_bond() public {
        for (uint32 end = 0; end < 2; ++end) {
            _deploy(4);
            _openAndSeal(BATCH, ORDERS, 5);
            IBonds.Receipt memory receipt = _receipt(4);
            receipt.order = "not in the batch";
            uint256 number = _challenge(receipt, false);
            vm.warp(block.timestamp + ANSWER_TIME + 1);
            bonds.close(number);
            if (end == 0) bonds.onSettled(BATCH, operator, type(uint32).max);
            else bonds.onVoided(BATCH);
            assertEq(bonds.owed(operator), 0, "reward");
            assertEq(bonds.owed(BURN), AMOUNT - AMOUNT / 2, "burnt");
            assertEq(uint256(bonds.bonds(BATCH).stage), uint256(IBonds.Stage.Lost), "stage");
        }
    }

    function test_an_operator_that_pays_itself_first_still_loses_a_quarter() public {
        // It settles its own batch in the last second (reward), then shows its own lie (challenger's half): the rest is burnt.
        _openAndSeal(BATCH, ORDERS, 5);
        bonds.onSettled(BATCH, operator, type(uint32).max);
        IBonds.Receipt memory receipt = _receipt(4);
        IBonds.Receipt memory other = _receipt(4);
        other.order = "another";
        bytes memory signature = _sign(receipt);
        bytes memory otherSignature = _sign(other);
        vm.prank(operator);
        bonds.contradict(receipt, signature, other, otherSignature);
        assertLe(AMOUNT / 4, bonds.owed(BURN), "burnt");
        assertEq(bonds.owed(operator) + bonds.owed(BURN), AMOUNT, "all of it");
    }

    // ---------------------------------------------------------------------------------------------------------------- helpers

    function _refuse(IBonds.Receipt memory receipt, bool before, IBonds.Answer memory shown, bytes32 what) private {
        _refuseAnswer(_challenge(receipt, before), shown, what);
    }

    function _refuseAnswer(uint256 number, IBonds.Answer memory shown, bytes32 what) private {
        _expect(abi.encodeWithSelector(IBonds.WrongAnswer.selector, what));
        bonds.answer(number, shown);
    }
}

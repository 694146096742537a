// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LocalSettlement} from "src/LocalSettlement.sol";
import {ISettlement} from "src/interfaces/ISettlement.sol";
import {DataWords} from "src/libraries/DataWords.sol";
import {Groth16} from "src/libraries/Groth16.sol";
import {SettlementFixture} from "test/helpers/SettlementFixture.sol";

/// @notice Only the sealed batch settles, only from the held root and epoch, only with its own proofs.
contract SettleTest is SettlementFixture {
    uint256 private constant ALICE = 0xa11ce;
    uint256 private constant BOB = 0xb0b;
    address private recipient = makeAddr("recipient");

    /// @dev Three touches in two segments: the fund, Alice opened by two deposits, Bob by one.
    function setUp() public {
        _deploy();
        uint32[] memory ids = new uint32[](3);
        (ids[0], ids[1], ids[2]) = (3, 7, 9);
        _post(777, ids);
        _deposit(ALICE, 100e6);
        _deposit(BOB, 50e6);
        _deposit(ALICE, 20e6);
        _plain(0);
        _touch(1, 120e6, ALICE, 0, address(0));
        _touch(2, 50e6, BOB, 0, address(0));
        _sealAll(3);
    }

    // ---------------------------------------------------------------------------------------------------- honest batches

    function test_the_sealed_batch_settles_and_moves_the_root() public {
        Submission memory made = _prove();
        vm.expectEmit(true, true, true, true, address(settlement));
        emit ISettlement.BatchSettled(1, GENESIS, made.segments[1].root, keccak256(made.words), beneficiary);
        _settle(made);
        assertEq(settlement.root(), made.segments[1].root, "root");
        assertEq(settlement.currentSeal().touches, 0, "seal is gone");
        (uint64 head, uint64 tail) = settlement.depositQueue();
        assertEq(head, tail, "deposits are taken");
    }

    function test_anyone_may_settle() public {
        Submission memory made = _prove();
        vm.prank(makeAddr("anyone"));
        _settle(made);
    }

    function test_a_second_batch_starts_where_the_first_ended() public {
        _settle(_prove());
        Submission memory made = _secondBatch();
        _settle(made);
        assertEq(settlement.root(), made.segments[made.segments.length - 1].root, "root");
    }

    function test_withdrawals_and_exits_can_be_claimed() public {
        _settle(_prove());
        Submission memory made = _secondBatch();
        vm.expectEmit(true, true, true, true, address(settlement));
        emit ISettlement.ExitAnswered(0, 2, 60e6, 50e6);
        _settle(made);
        assertEq(settlement.claimable(recipient), 30e6 + 50e6, "withdrawal and exit");
        assertEq(settlement.totalClaimable(), 80e6, "total");
    }

    function test_an_answered_exit_leaves_room_for_another() public {
        _settle(_prove());
        _settle(_secondBatch());
        _requestExit(2, 1, recipient);
    }

    function test_a_batch_of_the_fund_alone_settles() public {
        _settle(_prove());
        _startBatch();
        _plain(0);
        _sealAll(0);
        _settle(_prove());
    }

    function test_after_a_void_the_next_batch_takes_the_same_deposits() public {
        vm.prank(operator);
        settlement.voidBatch();
        _sealAll(3);
        Statement memory s = _statement();
        assertEq(s.batch, 2, "number is used up");
        assertEq(s.lastVoid, 1, "last void");
        _settle(_prove());
    }

    // ------------------------------------------------------------------------------------------------------- changed bytes

    function testFuzz_a_changed_byte_of_public_data_is_refused(uint256 position, uint8 mask) public {
        Submission memory made = _prove();
        position = bound(position, 0, made.words.length - 1);
        made.words[position] ^= bytes1(mask == 0 ? 1 : mask);
        vm.expectRevert();
        settlement.settle{gas: 30e6}(made.segments, made.closing, made.words, made.beneficiary);
    }

    function test_each_ciphertext_word_is_bound() public {
        Submission memory made = _prove();
        for (uint256 touch = 0; touch < 3; ++touch) {
            for (uint256 i = 5; i < WORDS; ++i) {
                uint256 kept = _word(made.words, WORDS * touch + i);
                _setWord(made.words, WORDS * touch + i, addmod(kept, 1, P));
                _refused(made, Groth16.ProofsRefused.selector);
                _setWord(made.words, WORDS * touch + i, kept);
            }
        }
        _settle(made);
    }

    function testFuzz_a_changed_proof_is_refused(uint256 proof, uint256 part, uint256 mask) public {
        Submission memory made = _prove();
        (proof, part) = (bound(proof, 0, 2), bound(part, 0, 7));
        mask = mask == 0 ? 1 : mask;
        if (proof < 2) made.segments[proof].proof[part] ^= mask;
        else made.closing.proof[part] ^= mask;
        vm.expectRevert();
        settlement.settle{gas: 30e6}(made.segments, made.closing, made.words, made.beneficiary);
    }

    function test_each_number_of_a_submission_is_bound() public {
        Submission memory made = _prove();
        made.segments[0].root ^= 1;
        _refused(made, Groth16.ProofsRefused.selector);
        made.segments[0].root ^= 1;
        made.segments[1].root ^= 1;
        _refused(made, Groth16.ProofsRefused.selector);
        made.segments[1].root ^= 1;
        made.segments[0].sums ^= 1;
        _refused(made, Groth16.ProofsRefused.selector);
        made.segments[0].sums ^= 1;
        made.segments[1].sums ^= 1;
        _refused(made, Groth16.ProofsRefused.selector);
        made.segments[1].sums ^= 1;
        made.segments[1].transcript ^= 1;
        _refused(made, Groth16.ProofsRefused.selector);
        made.segments[1].transcript ^= 1;
        made.closing.auctionRoot ^= 1;
        _refused(made, Groth16.ProofsRefused.selector);
        made.closing.auctionRoot ^= 1;
        made.closing.transcript ^= 1;
        _refused(made, Groth16.ProofsRefused.selector);
        made.closing.transcript ^= 1;
        _settle(made);
    }

    function test_a_copied_settlement_pays_nobody_else() public {
        Submission memory made = _prove();
        made.beneficiary = makeAddr("copier");
        _refused(made, Groth16.ProofsRefused.selector);
    }

    function test_segments_in_another_order_are_refused() public {
        Submission memory made = _prove();
        (made.segments[0], made.segments[1]) = (made.segments[1], made.segments[0]);
        _refused(made, Groth16.ProofsRefused.selector);
    }

    function test_words_swapped_between_segments_are_refused() public {
        Submission memory made = _prove();
        uint256 kept = _word(made.words, 5);
        _setWord(made.words, 5, _word(made.words, 5 + TOUCHES * WORDS));
        _setWord(made.words, 5 + TOUCHES * WORDS, kept);
        _refused(made, Groth16.ProofsRefused.selector);
    }

    function test_numbers_plus_a_multiple_of_the_order_are_refused_even_with_proofs_for_them() public {
        Statement memory s = _statement();
        for (uint256 k = 1; k <= 5; ++k) {
            Submission memory made = _prove();
            made.segments[0].root = 5 + k * P;
            _provenAndRefused(s, made, 0, 3, 5 + k * P);
            made = _prove();
            made.segments[1].sums = 5 + k * P;
            _provenAndRefused(s, made, 1, 9, 5 + k * P);
            made = _prove();
            made.segments[1].transcript = 5 + k * P;
            _provenAndRefused(s, made, 1, 10, 5 + k * P);
            made = _prove();
            made.closing.auctionRoot = 5 + k * P;
            _provenAndRefused(s, made, 2, 3, 5 + k * P);
            made = _prove();
            made.closing.transcript = 5 + k * P;
            _provenAndRefused(s, made, 2, 4, 5 + k * P);
        }
    }

    function test_words_plus_a_multiple_of_the_order_are_refused_even_with_proofs_for_them() public {
        Statement memory s = _statement();
        for (uint256 k = 1; k <= 5; ++k) {
            bytes memory words = _words();
            _setWord(words, 7, 5 + k * P);
            Submission memory made = _prove(s, words, beneficiary);
            _refused(made, abi.encodeWithSelector(DataWords.WordNotReduced.selector, 7, 5 + k * P));
        }
    }

    // ------------------------------------------------------------------------------------------- made for something else

    function test_proofs_for_another_statement_are_refused() public {
        Statement memory s = _statement();
        bytes memory words = _words();
        s.domain ^= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.batch += 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.lastVoid += 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.time += 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.feeRate -= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.num -= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.den -= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
    }

    function test_proofs_for_another_state_seal_or_epoch_are_refused() public {
        Statement memory s = _statement();
        bytes memory words = _words();
        s.orders -= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.sealRoot ^= bytes32(uint256(1));
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.depositEnd -= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.exitEnd += 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.root ^= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
        s = _statement();
        s.riskRoot ^= 1;
        _refused(_prove(s, words, beneficiary), Groth16.ProofsRefused.selector);
    }

    function test_a_settlement_of_another_contract_is_refused() public {
        Submission memory made = _prove();
        LocalSettlement first = settlement;
        _startAgain(_terms());
        _refused(made, Groth16.ProofsRefused.selector);
        settlement = first;
        _settle(made);
    }

    /// @dev The same batch in a contract under other terms: refused with the domain of that contract and all else its own, at each of
    /// the terms, and settled by it under its own.
    function test_a_settlement_under_other_terms_is_refused() public {
        ISettlement.Terms memory terms = _terms();
        ISettlement.Terms[3] memory others =
            [ISettlement.Terms(29, 5, 4), ISettlement.Terms(30, 4, 4), ISettlement.Terms(30, 5, 3)];
        for (uint256 i = 0; i < others.length; ++i) {
            _startAgain(others[i]);
            Statement memory s = _statement();
            (s.feeRate, s.num, s.den) = (terms.feeRate, terms.num, terms.den);
            _refused(_prove(s, _words(), beneficiary), Groth16.ProofsRefused.selector);
            _settle(_prove());
        }
    }

    function test_an_epoch_posted_after_the_seal_changes_nothing() public {
        Submission memory made = _prove();
        uint32[] memory ids = new uint32[](3);
        (ids[0], ids[1], ids[2]) = (3, 7, 9);
        _post(778, ids);
        _settle(made);
    }

    function test_a_settlement_works_once() public {
        Submission memory made = _prove();
        _settle(made);
        _refused(made, abi.encodeWithSelector(ISettlement.NoSeal.selector));
    }

    function test_a_settled_batch_sealed_again_is_another_batch() public {
        Submission memory made = _prove();
        _settle(made);
        _sealAll(3);
        _refused(made, Groth16.ProofsRefused.selector);
    }

    function test_nothing_settles_without_a_seal() public {
        Submission memory made = _prove();
        vm.prank(operator);
        settlement.voidBatch();
        _refused(made, abi.encodeWithSelector(ISettlement.NoSeal.selector));
    }

    function test_nothing_settles_on_a_chain_that_split_off() public {
        Submission memory made = _prove();
        vm.chainId(31338);
        _refused(made, abi.encodeWithSelector(ISettlement.WrongChain.selector, 31338, 31337));
    }

    // ------------------------------------------------------------------------------------------------------------ lengths

    function test_the_number_of_segments_is_that_of_the_sealed_touches() public {
        Submission memory made = _prove();
        ISettlement.SegmentProof[] memory all = made.segments;
        made.segments = new ISettlement.SegmentProof[](1);
        made.segments[0] = all[0];
        _refused(made, abi.encodeWithSelector(ISettlement.WrongSegments.selector, 1, 2));
        made.segments = new ISettlement.SegmentProof[](3);
        (made.segments[0], made.segments[1], made.segments[2]) = (all[0], all[1], all[1]);
        _refused(made, abi.encodeWithSelector(ISettlement.WrongSegments.selector, 3, 2));
        made.segments = new ISettlement.SegmentProof[](0);
        _refused(made, abi.encodeWithSelector(ISettlement.WrongSegments.selector, 0, 2));
    }

    function test_public_data_has_its_length_to_the_byte() public {
        Submission memory made = _prove();
        bytes memory words = made.words;
        uint256 length = words.length;
        made.words = bytes.concat(words, hex"00");
        _refused(made, abi.encodeWithSelector(ISettlement.WrongDataLength.selector, length + 1, length));
        made.words = new bytes(length - 1);
        _refused(made, abi.encodeWithSelector(ISettlement.WrongDataLength.selector, length - 1, length));
        made.words = "";
        _refused(made, abi.encodeWithSelector(ISettlement.WrongDataLength.selector, 0, length));
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    /// @dev Another contract under `terms`, brought to where `setUp` leaves the first.
    function _startAgain(ISettlement.Terms memory terms) private {
        settlement = _deployUnder(terms);
        delete instruments;
        uint32[] memory ids = new uint32[](3);
        (ids[0], ids[1], ids[2]) = (3, 7, 9);
        _post(777, ids);
        _deposit(ALICE, 100e6);
        _deposit(BOB, 50e6);
        _deposit(ALICE, 20e6);
        _sealAll(3);
    }

    function _startBatch() private {
        delete touches;
        delete settledRows;
    }

    /// @dev Alice withdraws 30 of hers, Bob asks for an exit of 60 and gets 50; instrument 7 has expired at 1.5.
    function _secondBatch() private returns (Submission memory) {
        _startBatch();
        uint32[] memory ids = new uint32[](3);
        (ids[0], ids[1], ids[2]) = (3, 9, 11);
        ISettlement.SettledInstrument[] memory settled = new ISettlement.SettledInstrument[](1);
        settled[0] = ISettlement.SettledInstrument(7, 1_500_000);
        _post(888, ids, settled);
        settledRows.push(7 + 2 ** 27 * 1_500_000);
        _requestExit(2, 60e6, recipient);
        _plain(0);
        _touch(1, 0, 0, 30e6, recipient);
        _exit(2, 60e6, 50e6);
        _sealAll(1);
        return _prove();
    }

    function _provenAndRefused(Statement memory s, Submission memory made, uint256 proof, uint256 index, uint256 value)
        private
    {
        _proveAgain(s, made);
        _refused(made, abi.encodeWithSelector(Groth16.InputNotReduced.selector, proof, index, value));
    }
}

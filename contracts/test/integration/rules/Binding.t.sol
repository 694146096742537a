// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementRules} from "src/SettlementRules.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {DataWords} from "src/libraries/DataWords.sol";
import {Groth16} from "src/libraries/Groth16.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";

/// @notice Proofs are for one statement, one claim and one set of words: whatever is changed after they were made is refused.
contract BindingTest is RulesFixture {
    bytes private refusedProofs = abi.encodeWithSelector(Groth16.ProofsRefused.selector);

    /// @dev Three touches in two segments.
    function setUp() public {
        _deploy();
        instruments = [3, 7, 9];
        settledRows = [4 + 2 ** 27 * 1_500_000];
        _plain(0);
        _touch(1, 120e6, 0xa11ce, 0, address(0));
        _touch(2, 0, 0, 30e6, address(0xbeef));
    }

    // ------------------------------------------------------------------------------------------------- another statement

    function test_each_field_of_the_statement_that_proofs_are_made_for_is_bound() public {
        Made memory made = _make(3);
        made.statement.domain ^= 1;
        _refused(made, refusedProofs);
        made.statement.domain ^= 1;
        made.statement.root ^= 1;
        _refused(made, refusedProofs);
        made.statement.root ^= 1;
        made.statement.orders ^= 1;
        _refused(made, refusedProofs);
        made.statement.orders ^= 1;
        made.statement.depositEnd ^= 1;
        _refused(made, refusedProofs);
        made.statement.depositEnd ^= 1;
        made.statement.exitEnd ^= 1;
        _refused(made, refusedProofs);
        made.statement.exitEnd ^= 1;
        made.statement.riskRoot ^= 1;
        _refused(made, refusedProofs);
        made.statement.riskRoot ^= 1;
        _accepted(made);
    }

    function test_each_number_of_the_context_is_bound() public {
        Made memory made = _make(3);
        // batch, last void, time, fee rate, num, den
        uint8[6] memory places = [0, 32, 64, 104, 118, 121];
        for (uint256 i = 0; i < places.length; ++i) {
            made.statement.context ^= 2 ** uint256(places[i]);
            _refused(made, refusedProofs);
            made.statement.context ^= 2 ** uint256(places[i]);
        }
    }

    function test_the_seal_is_bound() public {
        Made memory made = _make(3);
        made.statement.sealRoot ^= bytes32(uint256(1));
        _prove(made);
        _refused(
            made, abi.encodeWithSelector(ISettlementRules.SealMismatch.selector, _sealRoot(), made.statement.sealRoot)
        );
        made.statement.sealRoot = _sealRoot();
        _prove(made);
        made.statement.touches = 4;
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongTouch.selector, 3, 0));
        made.statement.touches = 2;
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongSegments.selector, 2, 1));
    }

    function test_the_instruments_of_the_epoch_are_bound() public {
        Made memory made = _make(3);
        bytes32 computed = made.statement.instrumentsHash;
        made.statement.instrumentsHash ^= bytes32(uint256(1));
        bytes32 stated = made.statement.instrumentsHash;
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongInstruments.selector, computed, stated));
        made.statement.instrumentsHash = computed;
        made.statement.instruments = 2;
        uint256 third = _word(made.closingWords, 2);
        _refused(made, abi.encodeWithSelector(ISettlementRules.UnusedRow.selector, 2, third));
    }

    // ----------------------------------------------------------------------------------------------------- another claim

    function test_each_number_of_a_claim_is_bound() public {
        Made memory made = _make(3);
        for (uint256 j = 0; j < 2; ++j) {
            made.claim.segments[j].root ^= 1;
            _refused(made, refusedProofs);
            made.claim.segments[j].root ^= 1;
            made.claim.segments[j].sums ^= 1;
            _refused(made, refusedProofs);
            made.claim.segments[j].sums ^= 1;
            made.claim.segments[j].transcript ^= 1;
            _refused(made, refusedProofs);
            made.claim.segments[j].transcript ^= 1;
        }
        made.claim.auctionRoot ^= 1;
        _refused(made, refusedProofs);
        made.claim.auctionRoot ^= 1;
        made.claim.closingTranscript ^= 1;
        _refused(made, refusedProofs);
        made.claim.closingTranscript ^= 1;
        _accepted(made);
    }

    function test_each_hash_of_a_claim_is_that_of_the_data() public {
        Made memory made = _make(3);
        for (uint256 j = 0; j < 2; ++j) {
            bytes32 kept = made.claim.segments[j].dataHash;
            made.claim.segments[j].dataHash ^= bytes32(uint256(1));
            bytes32 claimed = made.claim.segments[j].dataHash;
            _prove(made);
            _refused(made, abi.encodeWithSelector(ISettlementRules.WrongDataHash.selector, j, kept, claimed));
            made.claim.segments[j].dataHash = kept;
        }
        bytes32 hash = made.claim.closingHash;
        made.claim.closingHash ^= bytes32(uint256(1));
        bytes32 other = made.claim.closingHash;
        _prove(made);
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongClosingHash.selector, hash, other));
    }

    function test_a_copied_settlement_pays_nobody_else() public {
        Made memory made = _make(3);
        made.claim.beneficiary = makeAddr("copier");
        _refused(made, refusedProofs);
    }

    // ---------------------------------------------------------------------------------------------------------- other words

    function testFuzz_a_changed_byte_of_public_data_is_refused(uint256 position, uint8 mask) public {
        Made memory made = _make(3);
        position = bound(position, 0, made.words.length - 1);
        made.words[position] ^= bytes1(mask == 0 ? 1 : mask);
        ISettlementRules.Part memory part = _whole(rollup, made);
        vm.expectRevert();
        rollup.check{gas: 30e6}(made.statement, made.claim, part, made.closingProof, made.closingWords);
    }

    /// @dev The claim is fitted to the changed words, the proofs are not.
    function test_each_word_is_bound_by_its_value() public {
        Made memory made = _make(3);
        for (uint256 k = 0; k < W; ++k) {
            if (k == 0 || k == 1 || k == 3) continue; // the seal and the rules hold these, as tested in `Words.t.sol`
            for (uint256 i = 0; i < 3; ++i) {
                uint256 place = _place(i, k);
                uint256 kept = _word(made.words, place);
                _setWord(made.words, place, kept ^ 1);
                _claimData(made);
                _refused(made, refusedProofs);
                _setWord(made.words, place, kept);
            }
        }
        for (uint256 k = 0; k < M + K; ++k) {
            uint256 kept = _word(made.closingWords, k);
            if (kept == 0) continue;
            _setWord(made.closingWords, k, kept + 2 ** 27);
            _claimData(made);
            _refused(made, refusedProofs);
            _setWord(made.closingWords, k, kept);
        }
    }

    function test_an_amount_is_bound_by_the_value_of_its_word() public {
        Made memory made = _make(3);
        uint256 kept = _word(made.words, _place(2, 0));
        uint8[2] memory places = [24, 88];
        for (uint256 i = 0; i < places.length; ++i) {
            _setWord(made.words, _place(2, 0), kept + 2 ** uint256(places[i]));
            _claimData(made);
            _refused(made, refusedProofs);
        }
    }

    function test_words_swapped_between_segments_are_refused() public {
        Made memory made = _make(3);
        (uint256 first, uint256 second) = (_place(0, 5), _place(2, 5));
        uint256 kept = _word(made.words, first);
        _setWord(made.words, first, _word(made.words, second));
        _setWord(made.words, second, kept);
        _claimData(made);
        _refused(made, refusedProofs);
    }

    function test_words_swapped_within_a_segment_are_refused() public {
        Made memory made = _make(3);
        (uint256 open, uint256 cipher) = (_place(0, 2), _place(0, 5));
        uint256 kept = _word(made.words, open);
        _setWord(made.words, open, _word(made.words, cipher));
        _setWord(made.words, cipher, kept);
        _claimData(made);
        _refused(made, refusedProofs);
    }

    function test_segments_in_another_order_are_refused() public {
        _plain(3);
        Made memory made = _make(3);
        (made.proofs[0], made.proofs[1]) = (made.proofs[1], made.proofs[0]);
        _refused(made, refusedProofs);
        (made.proofs[0], made.proofs[1]) = (made.proofs[1], made.proofs[0]);
        (made.claim.segments[0], made.claim.segments[1]) = (made.claim.segments[1], made.claim.segments[0]);
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongNextIndex.selector, 0, 2, 4));
        for (uint256 i = 0; i < T; ++i) {
            for (uint256 k = 0; k < W; ++k) {
                uint256 kept = _word(made.words, _place(i, k));
                _setWord(made.words, _place(i, k), _word(made.words, _place(i + T, k)));
                _setWord(made.words, _place(i + T, k), kept);
            }
        }
        _refused(made, abi.encodeWithSelector(ISettlementRules.FundMissing.selector, 2));
    }

    // ------------------------------------------------------------------------------------------------------ other lengths

    function test_the_number_of_segments_is_that_of_the_sealed_touches() public {
        Made memory made = _make(3);
        ISettlementRules.SegmentClaim[] memory all = made.claim.segments;
        for (uint256 n = 0; n < 5; ++n) {
            if (n == 2) continue;
            made.claim.segments = new ISettlementRules.SegmentClaim[](n);
            for (uint256 j = 0; j < n; ++j) {
                made.claim.segments[j] = all[j % 2];
            }
            _refused(made, abi.encodeWithSelector(ISettlementRules.WrongSegments.selector, n, 2));
        }
    }

    function test_there_are_as_many_proofs_as_segments() public {
        Made memory made = _make(3);
        ISettlementRules.Part memory part = _whole(rollup, made);
        uint256[8][] memory all = part.proofs;
        for (uint256 n = 0; n < 4; ++n) {
            if (n == 2) continue;
            part.proofs = new uint256[8][](n);
            for (uint256 j = 0; j < n; ++j) {
                part.proofs[j] = all[j % 2];
            }
            _refusedPart(rollup, made, part, abi.encodeWithSelector(ISettlementRules.WrongSegments.selector, n, 2));
        }
    }

    function test_public_data_has_its_length_to_the_byte() public {
        Made memory made = _make(3);
        ISettlementRules.Part memory part = _whole(rollup, made);
        _refusedLengths(made, part);
        bytes memory words = made.closingWords;
        uint256 length = words.length;
        made.closingWords = bytes.concat(words, hex"00");
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongDataLength.selector, length + 1, length));
        made.closingWords = new bytes(length - 1);
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongDataLength.selector, length - 1, length));
        made.closingWords = "";
        _refused(made, abi.encodeWithSelector(ISettlementRules.WrongDataLength.selector, 0, length));
    }

    function test_rollup_takes_no_values_and_no_signatures() public {
        Made memory made = _make(3);
        ISettlementRules.Part memory part = _whole(rollup, made);
        part.values = new uint256[](2);
        _refusedPart(rollup, made, part, abi.encodeWithSelector(ISettlementRules.WrongValues.selector, 2, 0));
        part.values = new uint256[](0);
        part.signatures = new bytes(65);
        _refusedPart(rollup, made, part, abi.encodeWithSelector(ISettlementRules.WrongSignatures.selector, 65, 0));
    }

    // --------------------------------------------------------------------------------------- numbers in another encoding

    function test_a_claim_plus_a_multiple_of_the_order_is_refused_even_with_proofs_for_it() public {
        for (uint256 k = 1; k <= 5; ++k) {
            uint256 value = 5 + k * P;
            Made memory made = _make(3);
            made.claim.segments[0].root = value;
            _provenAndRefused(made, 0, 3, value);
            made = _make(3);
            made.claim.segments[1].sums = value;
            _provenAndRefused(made, 1, 9, value);
            made = _make(3);
            made.claim.segments[1].transcript = value;
            _provenAndRefused(made, 1, 10, value);
            made = _make(3);
            made.claim.auctionRoot = value;
            _provenAndRefused(made, 2, 3, value);
            made = _make(3);
            made.claim.closingTranscript = value;
            _provenAndRefused(made, 2, 4, value);
        }
    }

    function test_a_statement_plus_a_multiple_of_the_order_is_refused_even_with_proofs_for_it() public {
        for (uint256 k = 1; k <= 5; ++k) {
            uint256 value = 5 + k * P;
            Made memory made = _make(3);
            made.statement.domain = value;
            _provenAndRefused(made, 0, 0, value);
            made = _make(3);
            made.statement.context = value;
            _provenAndRefused(made, 0, 1, value);
            made = _make(3);
            made.statement.root = value;
            _provenAndRefused(made, 0, 2, value);
            made = _make(3);
            made.statement.riskRoot = value;
            _provenAndRefused(made, 2, 2, value);
        }
    }

    function test_words_plus_a_multiple_of_the_order_are_refused_even_with_proofs_for_them() public {
        uint8[5] memory kinds = [1, 2, 3, 5, 8];
        for (uint256 k = 1; k <= 5; ++k) {
            uint256 value = 5 + k * P;
            for (uint256 i = 0; i < kinds.length; ++i) {
                uint256 place = _place(1, kinds[i]);
                if (kinds[i] < 5) touches[1][kinds[i]] = value;
                Made memory made = _make(3);
                _setWord(made.words, place, value);
                _claimData(made);
                _prove(made);
                bytes memory reason = abi.encodeWithSelector(DataWords.WordNotReduced.selector, place, value);
                // In validium it is the replicas who refuse the others.
                if (kinds[i] < 5) _refused(made, reason);
                else _refusedBy(rollup, made, reason);
                if (kinds[i] < 5) touches[1][kinds[i]] = 5;
            }
        }
    }

    /// @dev An unused row's word is 0 and a used one has an id in its low bits, so only some multiples come as far as the value.
    function test_closing_words_plus_a_multiple_of_the_order_are_refused_even_with_proofs_for_them() public {
        for (uint256 k = 1; k <= 4; ++k) {
            uint256 value = k * P + 2 ** 27 - k * P % 2 ** 27 + 4;
            Made memory made = _make(3);
            _setWord(made.closingWords, M, value);
            _claimData(made);
            _prove(made);
            _refused(made, abi.encodeWithSelector(DataWords.WordNotReduced.selector, M, value));
        }
    }

    // ------------------------------------------------------------------------------------------------------ other proofs

    function testFuzz_a_changed_proof_is_refused(uint256 proof, uint256 word, uint256 mask) public {
        Made memory made = _make(3);
        (proof, word) = (bound(proof, 0, 2), bound(word, 0, 7));
        mask = mask == 0 ? 1 : mask;
        if (proof < 2) made.proofs[proof][word] ^= mask;
        else made.closingProof[word] ^= mask;
        ISettlementRules.Part memory part = _whole(rollup, made);
        vm.expectRevert();
        rollup.check{gas: 30e6}(made.statement, made.claim, part, made.closingProof, made.closingWords);
    }

    /// @dev (−A, −B, C) and proofs made anew hold as well. They settle the same: the vault has nothing sealed after the first.
    function test_malleated_and_rerandomised_proofs_have_the_same_effects() public view {
        Made memory made = _make(3);
        bytes memory expected = abi.encode(_check(rollup, made));
        uint256 q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
        for (uint256 j = 0; j < 2; ++j) {
            uint256[8] memory proof = made.proofs[j];
            (proof[1], proof[4], proof[5]) = (q - proof[1], q - proof[4], q - proof[5]);
        }
        assertEq(abi.encode(_check(rollup, made)), expected, "malleated");
        assertEq(abi.encode(this.checkInParts(validium, made, 1)), expected, "malleated, in parts");
        _proveWith(made, 77);
        assertEq(abi.encode(_check(rollup, made)), expected, "other randomness");
        assertEq(abi.encode(this.checkInParts(validium, made, 1)), expected, "other randomness, in parts");
    }

    function test_nothing_passes_without_a_verifier() public {
        Made memory made = _make(3);
        vm.etch(address(verifier), "");
        vm.expectRevert(abi.encodeWithSelector(SettlementRules.NoVerifier.selector, address(verifier)));
        _check(rollup, made);
    }

    function test_a_proof_of_the_other_circuit_is_refused() public {
        Made memory made = _make(3);
        uint256[8] memory kept = made.closingProof;
        made.closingProof = made.proofs[1];
        _refused(made, refusedProofs);
        made.closingProof = kept;
        made.proofs[1] = kept;
        _refused(made, refusedProofs);
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    function _refusedLengths(Made memory made, ISettlementRules.Part memory part) private {
        bytes memory words = part.words;
        uint256 length = words.length;
        part.words = bytes.concat(words, hex"00");
        _refusedPart(
            rollup, made, part, abi.encodeWithSelector(ISettlementRules.WrongDataLength.selector, length + 1, length)
        );
        part.words = new bytes(length - 1);
        _refusedPart(
            rollup, made, part, abi.encodeWithSelector(ISettlementRules.WrongDataLength.selector, length - 1, length)
        );
        part.words = "";
        _refusedPart(rollup, made, part, abi.encodeWithSelector(ISettlementRules.WrongDataLength.selector, 0, length));
    }

    function _provenAndRefused(Made memory made, uint256 proof, uint256 index, uint256 value) private {
        _prove(made);
        _refusedInOneCall(made, abi.encodeWithSelector(Groth16.InputNotReduced.selector, proof, index, value));
        vm.expectPartialRevert(Groth16.InputNotReduced.selector);
        this.checkInParts(rollup, made, 1);
    }
}

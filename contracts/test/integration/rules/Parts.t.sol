// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementRules} from "src/SettlementRules.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {Groth16} from "src/libraries/Groth16.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";

/// @notice A settlement in several calls: who chooses what every call is given, but for the progress, which is the answer of an
/// earlier call, gets nothing past them that one call would refuse.
contract PartsTest is RulesFixture {
    /// @dev Seven touches in four segments.
    function setUp() public {
        _deploy();
        instruments = [3, 7, 9];
        for (uint256 i = 0; i < 7; ++i) {
            if (i % 3 == 1) _touch(i, 5, i, 0, address(0));
            else _plain(i);
        }
    }

    // --------------------------------------------------------------------------------------------------- another claim

    /// @dev r₁ leaves out the sums: a prover who could change them between calls would link segments that do not follow each other.
    function test_sums_cannot_change_between_calls() public {
        Made memory made = _make(4);
        for (uint256 j = 0; j < 4; ++j) {
            Made memory other = _make(4);
            other.claim.segments[j].sums ^= 1;
            _prove(other);
            assertEq(_challenges(other).r1, _challenges(made).r1, "the same r1");
            assertNotEq(
                keccak256(abi.encode(rollup.begin(other.statement, other.claim))),
                keccak256(abi.encode(rollup.begin(made.statement, made.claim))),
                "another progress"
            );
            _refusedAfter(made, other, 2);
        }
    }

    /// @dev r₁ leaves out τ_G: a prover who could change it between calls would draw β again for the segments that are left.
    function test_the_closing_transcript_cannot_change_between_calls() public {
        Made memory made = _make(4);
        Made memory other = _make(4);
        other.claim.closingTranscript ^= 1;
        _prove(other);
        assertEq(_challenges(other).r1, _challenges(made).r1, "the same r1");
        _refusedAfter(made, other, 1);
        _refusedAfter(made, other, 4);
    }

    function test_no_other_number_of_the_claim_can_change_between_calls() public {
        Made memory made = _make(4);
        for (uint256 kind = 0; kind < 7; ++kind) {
            Made memory other = _make(4);
            ISettlementRules.SegmentClaim memory segment = other.claim.segments[kind % 4];
            if (kind == 0) segment.root ^= 1;
            else if (kind == 1) segment.transcript ^= 1;
            else if (kind == 2) segment.nextIndex ^= 1;
            else if (kind == 3) segment.dataHash ^= bytes32(uint256(1));
            else if (kind == 4) other.claim.auctionRoot ^= 1;
            else if (kind == 5) other.claim.closingHash ^= bytes32(uint256(1));
            else other.claim.beneficiary = makeAddr("copier");
            _prove(other);
            _refusedAfter(made, other, 2);
            _refusedAfter(made, other, 4);
        }
    }

    // ----------------------------------------------------------------------------------------------- another statement

    function test_nothing_of_the_statement_can_change_between_calls() public {
        Made memory made = _make(4);
        for (uint256 kind = 0; kind < 12; ++kind) {
            Made memory other = _make(4);
            ISettlementRules.Statement memory s = other.statement;
            if (kind == 0) s.separator ^= bytes32(uint256(1));
            else if (kind == 1) s.domain ^= 1;
            else if (kind == 2) s.context ^= 1;
            else if (kind == 3) s.root ^= 1;
            else if (kind == 4) s.sealRoot ^= bytes32(uint256(1));
            else if (kind == 5) s.touches = 8;
            else if (kind == 6) s.orders ^= 1;
            else if (kind == 7) s.depositEnd ^= 1;
            else if (kind == 8) s.exitEnd ^= 1;
            else if (kind == 9) s.riskRoot ^= 1;
            else if (kind == 10) s.instrumentsHash ^= bytes32(uint256(1));
            else s.instruments ^= 1;
            _prove(other);
            _refusedAfter(made, other, 1);
            _refusedAfter(made, other, 4);
        }
    }

    function test_a_progress_of_another_batch_is_refused() public {
        Made memory made = _make(4);
        ISettlementRules.Statement memory next = _statement(4);
        next.context += 1;
        _refusedAfter(made, _make(next), 2);
    }

    // ------------------------------------------------------------------------------------------------------ another order

    function test_segments_are_checked_in_order_each_once() public {
        Made memory made = _make(4);
        ISettlementRules.Progress memory progress = rollup.begin(made.statement, made.claim);
        for (uint256 done = 0; done < 4; ++done) {
            for (uint256 first = 0; first < 4; ++first) {
                if (first == done) continue;
                ISettlementRules.Part memory other = _part(rollup, made, first, 1);
                vm.expectRevert();
                rollup.advance(made.statement, made.claim, progress, other);
            }
            progress = rollup.advance(made.statement, made.claim, progress, _part(rollup, made, done, 1));
        }
        rollup.finish(made.statement, made.claim, progress, made.closingProof, made.closingWords);
    }

    function test_plain_segments_in_another_order_are_refused_by_their_words() public {
        Made memory made = _make(4);
        ISettlementRules.Progress memory progress = _progress(rollup, made, 1);
        bytes memory reason = abi.encodeWithSelector(ISettlementRules.WrongNextIndex.selector, 1, 6, 4);
        _refusedAdvance(rollup, made, progress, _part(rollup, made, 2, 1), reason);
    }

    function test_an_earlier_progress_leads_to_the_same_end() public view {
        Made memory made = _make(4);
        bytes memory expected = abi.encode(_check(rollup, made));
        ISettlementRules.Progress memory progress = _progress(rollup, made, 1);
        _progress(rollup, made, 3);
        progress = rollup.advance(made.statement, made.claim, progress, _part(rollup, made, 1, 3));
        ISettlementRules.Effects memory effects =
            rollup.finish(made.statement, made.claim, progress, made.closingProof, made.closingWords);
        assertEq(abi.encode(effects), expected, "effects");
    }

    function test_a_call_checks_at_least_one_segment_and_no_more_than_are_left() public {
        Made memory made = _make(4);
        for (uint256 done = 0; done <= 4; ++done) {
            ISettlementRules.Progress memory progress = _progress(rollup, made, done);
            ISettlementRules.Part memory part = _whole(rollup, made);
            if (done != 0) {
                bytes memory reason = abi.encodeWithSelector(ISettlementRules.WrongSegments.selector, 4, 4 - done);
                _refusedAdvance(rollup, made, progress, part, reason);
            }
            part.proofs = new uint256[8][](0);
            bytes memory none = abi.encodeWithSelector(ISettlementRules.WrongSegments.selector, 0, 4 - done);
            _refusedAdvance(rollup, made, progress, part, none);
        }
    }

    function test_nothing_finishes_before_all_segments_are_checked() public {
        Made memory made = _make(4);
        for (uint32 done = 0; done < 4; ++done) {
            ISettlementRules.Progress memory progress = _progress(rollup, made, done);
            vm.expectRevert(abi.encodeWithSelector(ISettlementRules.WrongProgress.selector, progress.r1, done));
            rollup.finish(made.statement, made.claim, progress, made.closingProof, made.closingWords);
        }
    }

    function test_a_progress_with_room_for_other_touches_is_refused() public {
        Made memory made = _make(4);
        ISettlementRules.Progress memory progress = _progress(rollup, made, 1);
        progress.sealPeaks = new bytes32[](2);
        bytes memory reason = abi.encodeWithSelector(ISettlementRules.WrongProgress.selector, progress.r1, 1);
        _refusedAdvance(rollup, made, progress, _part(rollup, made, 1, 1), reason);
    }

    // -------------------------------------------------------------------------------------------------- proofs and words

    function test_a_call_refuses_a_proof_of_its_own_segments() public {
        Made memory made = _make(4);
        bytes memory reason = abi.encodeWithSelector(Groth16.ProofsRefused.selector);
        for (uint256 first = 0; first < 4; ++first) {
            ISettlementRules.Progress memory progress = _progress(rollup, made, first);
            ISettlementRules.Part memory part = _part(rollup, made, first, 1);
            part.proofs[0] = made.proofs[(first + 1) % 4];
            _refusedAdvance(rollup, made, progress, part, reason);
        }
        ISettlementRules.Progress memory last = _progress(rollup, made, 4);
        vm.expectRevert(reason);
        rollup.finish{gas: 30e6}(made.statement, made.claim, last, made.proofs[0], made.closingWords);
    }

    function test_replicas_sign_which_segments_they_hold() public {
        Made memory made = _make(4);
        ISettlementRules.Progress memory progress = _progress(validium, made, 2);
        ISettlementRules.Part memory part = _part(validium, made, 2, 1);
        _sign(made, part, 1);
        vm.expectPartialRevert(ISettlementRules.NotAReplica.selector);
        validium.advance(made.statement, made.claim, progress, part);
        _sign(made, part, 2);
        validium.advance(made.statement, made.claim, progress, part);
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    /// @dev After `done` segments of `made`, nothing of `other` is accepted, in both modes; all of it is from its own start.
    function _refusedAfter(Made memory made, Made memory other, uint256 done) private {
        _refusedAfterBy(rollup, made, other, done);
        _refusedAfterBy(validium, made, other, done);
    }

    function _refusedAfterBy(SettlementRules rules, Made memory made, Made memory other, uint256 done) private {
        ISettlementRules.Progress memory progress = _progress(rules, made, done);
        bytes memory reason =
            abi.encodeWithSelector(ISettlementRules.WrongProgress.selector, progress.r1, progress.segment);
        if (done < 4) {
            _refusedAdvance(rules, other, progress, _part(rules, other, done, 4 - done), reason);
        } else {
            vm.expectRevert(reason);
            rules.finish(other.statement, other.claim, progress, other.closingProof, other.closingWords);
        }
    }

    function _refusedAdvance(
        SettlementRules rules,
        Made memory made,
        ISettlementRules.Progress memory progress,
        ISettlementRules.Part memory part,
        bytes memory reason
    ) private {
        vm.expectRevert(reason);
        rules.advance{gas: 30e6}(made.statement, made.claim, progress, part);
    }

    /// @dev After the first `done` segments.
    function _progress(SettlementRules rules, Made memory made, uint256 done)
        private
        view
        returns (ISettlementRules.Progress memory progress)
    {
        progress = rules.begin(made.statement, made.claim);
        if (done == 0) return progress;
        return rules.advance(made.statement, made.claim, progress, _part(rules, made, 0, done));
    }
}

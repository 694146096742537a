// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementRules} from "src/SettlementRules.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {Groth16} from "src/libraries/Groth16.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";

/// @notice Validium: exactly the threshold of replicas signs hashes and values of the words they hold, for one settlement.
contract ReplicasTest is RulesFixture {
    Made private made;

    function setUp() public {
        _deploy();
        instruments = [3, 7, 9];
        for (uint256 i = 0; i < 3; ++i) {
            _plain(i);
        }
    }

    // ----------------------------------------------------------------------------------------------------- the contract

    function test_the_mode_and_the_replicas_are_those_of_the_constructor() public view {
        assertFalse(rollup.validium(), "rollup");
        assertTrue(validium.validium(), "validium");
        (address[] memory addresses, uint256 threshold) = validium.replicas();
        assertEq(threshold, THRESHOLD, "threshold");
        assertEq(addresses.length, replicaKeys.length, "replicas");
        for (uint256 i = 0; i < addresses.length; ++i) {
            assertEq(addresses[i], vm.addr(replicaKeys[i]), "replica");
        }
        (addresses, threshold) = rollup.replicas();
        assertEq(addresses.length + threshold, 0, "none in rollup");
        assertEq(address(validium.verifier()), address(verifier), "verifier");
    }

    function test_replicas_are_given_by_increasing_address_and_none_is_0() public {
        address[] memory addresses = new address[](2);
        (addresses[0], addresses[1]) = (address(2), address(2));
        vm.expectRevert(abi.encodeWithSelector(SettlementRules.ReplicaOutOfOrder.selector, 1, address(2)));
        new SettlementRules(verifier, addresses, 1);
        addresses[1] = address(1);
        vm.expectRevert(abi.encodeWithSelector(SettlementRules.ReplicaOutOfOrder.selector, 1, address(1)));
        new SettlementRules(verifier, addresses, 1);
        (addresses[0], addresses[1]) = (address(0), address(1));
        vm.expectRevert(abi.encodeWithSelector(SettlementRules.ReplicaOutOfOrder.selector, 0, address(0)));
        new SettlementRules(verifier, addresses, 1);
    }

    function test_at_least_one_and_at_most_all_replicas_must_sign() public {
        address[] memory addresses = new address[](2);
        (addresses[0], addresses[1]) = (address(1), address(2));
        vm.expectRevert(abi.encodeWithSelector(SettlementRules.ThresholdOutOfRange.selector, 0, 2));
        new SettlementRules(verifier, addresses, 0);
        vm.expectRevert(abi.encodeWithSelector(SettlementRules.ThresholdOutOfRange.selector, 3, 2));
        new SettlementRules(verifier, addresses, 3);
        vm.expectRevert(abi.encodeWithSelector(SettlementRules.ThresholdOutOfRange.selector, 1, 0));
        new SettlementRules(verifier, new address[](0), 1);
        new SettlementRules(verifier, addresses, 2);
    }

    function test_the_digest_is_that_of_eip_712() public view {
        Made memory m = _make(1);
        ISettlementRules.Part memory part = _whole(validium, m);
        bytes32[] memory hashes = new bytes32[](2);
        (hashes[0], hashes[1]) = (_cipherHash(m, 0), _cipherHash(m, 1));
        bytes32 digest = validium.attestation(m.statement.separator, _challenges(m).r1, 5, hashes, part.values);
        assertEq(digest, _attestation(m, part, 5), "digest");
    }

    // ------------------------------------------------------------------------------------------------------- signatures

    function test_any_replicas_by_increasing_address_may_sign() public {
        made = _make(1);
        _signedBy(0, 1);
        _signedBy(0, 2);
        _signedBy(1, 2);
    }

    function test_there_are_exactly_as_many_signatures_as_the_threshold() public {
        made = _make(1);
        ISettlementRules.Part memory part = _whole(validium, made);
        bytes memory all = part.signatures;
        part.signatures = "";
        _refusedSignatures(part);
        part.signatures = _bytes(all, 0, 65);
        _refusedSignatures(part);
        part.signatures = _bytes(all, 0, 129);
        _refusedSignatures(part);
        part.signatures = bytes.concat(all, hex"00");
        _refusedSignatures(part);
        part.signatures = bytes.concat(all, _signature(replicaKeys[2], _attestation(made, part, 0)));
        _refusedSignatures(part);
    }

    function test_signatures_out_of_order_are_refused() public {
        made = _make(1);
        _refusedKeys(replicaKeys[1], replicaKeys[0], 1, vm.addr(replicaKeys[0]));
        _refusedKeys(replicaKeys[2], replicaKeys[1], 1, vm.addr(replicaKeys[1]));
    }

    function test_a_replica_signs_once() public {
        made = _make(1);
        for (uint256 i = 0; i < 3; ++i) {
            _refusedKeys(replicaKeys[i], replicaKeys[i], 1, vm.addr(replicaKeys[i]));
        }
    }

    function testFuzz_a_foreign_signature_is_refused(uint256 seed) public {
        made = _make(1);
        uint256 key = uint256(keccak256(abi.encode("foreign", seed))) % (SECP256K1_ORDER - 1) + 1;
        _refusedKeys(key, replicaKeys[2], 0, vm.addr(key));
        address first = vm.addr(replicaKeys[0]);
        if (vm.addr(key) > first) _refusedKeys(replicaKeys[0], key, 1, vm.addr(key));
    }

    /// @dev (r, n − s) with the other v recovers the same signer.
    function test_a_malleated_signature_is_refused() public {
        made = _make(1);
        ISettlementRules.Part memory part = _whole(validium, made);
        bytes32 digest = _attestation(made, part, 0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(replicaKeys[0], digest);
        bytes32 high = bytes32(SECP256K1_ORDER - uint256(s));
        assertEq(ecrecover(digest, 55 - v, r, high), vm.addr(replicaKeys[0]), "the same signer");
        part.signatures = abi.encodePacked(r, high, 55 - v, _signature(replicaKeys[1], digest));
        _refusedReplica(part, 0, address(0));
    }

    function test_a_signature_that_recovers_nobody_is_refused() public {
        made = _make(1);
        ISettlementRules.Part memory part = _whole(validium, made);
        bytes memory second = _signature(replicaKeys[1], _attestation(made, part, 0));
        part.signatures = bytes.concat(new bytes(65), second);
        _refusedReplica(part, 0, address(0));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(replicaKeys[0], _attestation(made, part, 0));
        part.signatures = abi.encodePacked(r, s, v - 27, second);
        _refusedReplica(part, 0, address(0));
        part.signatures = abi.encodePacked(r, s, v, second);
        _passes(part);
    }

    // ---------------------------------------------------------------------------------------------------- what is signed

    function test_a_signature_is_for_one_vault_settlement_place_hash_and_value() public {
        made = _make(1);
        ISettlementRules.Part memory part = _whole(validium, made);
        Made memory other = _make(1);
        other.statement.separator ^= bytes32(uint256(1));
        _refusedSigning(part, _attestation(other, part, 0));
        other = _make(1);
        other.claim.beneficiary = makeAddr("copier");
        _refusedSigning(part, _attestation(other, part, 0));
        _refusedSigning(part, _attestation(made, part, 1));
        ISettlementRules.Part memory changed = _whole(validium, made);
        changed.values[1] = addmod(changed.values[1], 1, P);
        _refusedSigning(part, _attestation(made, changed, 0));
        changed = _whole(validium, made);
        _setWord(changed.words, T * 5, 7);
        _refusedSigning(part, _attestation(made, changed, 0));
        _refusedSigning(part, keccak256("nothing"));
        _passes(part);
    }

    function test_a_wrong_value_is_refused_unsigned_and_signed() public {
        made = _make(1);
        for (uint256 j = 0; j < 2; ++j) {
            ISettlementRules.Part memory part = _whole(validium, made);
            part.values[j] = addmod(part.values[j], 1, P);
            vm.expectPartialRevert(ISettlementRules.NotAReplica.selector);
            validium.check(made.statement, made.claim, part, made.closingProof, made.closingWords);
            _sign(made, part, 0);
            _refusedPart(validium, made, part, abi.encodeWithSelector(Groth16.ProofsRefused.selector));
        }
    }

    /// @dev Open words that were not proven, a value fitted to them once z is known, and replicas who sign it: what would pay out from
    /// nothing if one value bound all words of a segment.
    function test_no_signed_value_makes_room_for_open_words_that_were_not_proven() public {
        Made memory m = _make(1);
        bytes memory proven = bytes.concat(m.words);
        uint8[2] memory places = [24, 88]; // an amount credited, an amount paid out
        for (uint256 i = 0; i < places.length; ++i) {
            bytes memory published = bytes.concat(proven);
            _setWord(published, _place(1, 0), _word(proven, _place(1, 0)) + 2 ** uint256(places[i]));
            made = _publishedAndProven(m, published, proven);
            ISettlementRules.Part memory part = _whole(validium, made);
            _refusedPart(validium, made, part, abi.encodeWithSelector(Groth16.ProofsRefused.selector));
            uint256 z = _challenges(made).z;
            Made memory truth = made;
            truth.words = proven;
            uint256 gap = addmod(_openValue(truth, 0, z), P - _openValue(made, 0, z), P);
            part.values[0] = addmod(part.values[0], gap, P);
            _sign(made, part, 0);
            _refusedPart(validium, made, part, abi.encodeWithSelector(Groth16.ProofsRefused.selector));
        }
    }

    /// @dev What is left to a threshold of replicas, and all of it: words that nobody can read, with the same effects.
    function test_a_signed_value_can_hide_encrypted_words_and_changes_nothing_else() public {
        Made memory m = _make(1);
        bytes memory proven = bytes.concat(m.words);
        bytes memory published = bytes.concat(proven);
        _setWord(published, _place(1, 5), 7);
        ISettlementRules.Effects memory honest =
            validium.check(m.statement, m.claim, _whole(validium, m), m.closingProof, m.closingWords);
        made = _publishedAndProven(m, published, proven);
        ISettlementRules.Part memory part = _whole(validium, made);
        _refusedPart(validium, made, part, abi.encodeWithSelector(Groth16.ProofsRefused.selector));
        Made memory truth = made;
        truth.words = proven;
        part.values[0] = _cipherValue(truth, 0, _challenges(made).z);
        _sign(made, part, 0);
        ISettlementRules.Effects memory effects =
            validium.check(made.statement, made.claim, part, made.closingProof, made.closingWords);
        assertEq(abi.encode(effects.accounts), abi.encode(honest.accounts), "accounts");
        assertEq(abi.encode(effects.settledRows), abi.encode(honest.settledRows), "settled rows");
        assertEq(effects.root, honest.root, "root");
    }

    function test_values_of_two_segments_are_not_exchanged() public {
        made = _make(1);
        ISettlementRules.Part memory part = _whole(validium, made);
        (part.values[0], part.values[1]) = (part.values[1], part.values[0]);
        _sign(made, part, 0);
        _refusedPart(validium, made, part, abi.encodeWithSelector(Groth16.ProofsRefused.selector));
    }

    function test_a_value_plus_a_multiple_of_the_order_is_refused_even_if_signed() public {
        made = _make(1);
        for (uint256 j = 0; j < 2; ++j) {
            for (uint256 k = 1; k <= 5; ++k) {
                ISettlementRules.Part memory part = _whole(validium, made);
                part.values[j] = part.values[j] % 1000 + k * P;
                _sign(made, part, 0);
                bytes memory reason =
                    abi.encodeWithSelector(ISettlementRules.ValueNotReduced.selector, j, part.values[j]);
                _refusedPart(validium, made, part, reason);
            }
            ISettlementRules.Part memory least = _whole(validium, made);
            least.values[j] = P;
            _sign(made, least, 0);
            _refusedPart(validium, made, least, abi.encodeWithSelector(ISettlementRules.ValueNotReduced.selector, j, P));
        }
    }

    function test_a_wrong_hash_is_refused_even_if_signed() public {
        made = _make(1);
        for (uint256 j = 0; j < 2; ++j) {
            ISettlementRules.Part memory part = _whole(validium, made);
            _setWord(part.words, j * (T * 5 + 1) + T * 5, 7);
            _sign(made, part, 0);
            bytes32 computed = keccak256(abi.encodePacked(_slice(made.words, j * T * W, T * 5), uint256(7)));
            bytes32 claimed = made.claim.segments[j].dataHash;
            _refusedPart(
                validium,
                made,
                part,
                abi.encodeWithSelector(ISettlementRules.WrongDataHash.selector, j, computed, claimed)
            );
        }
    }

    function test_there_are_as_many_values_as_segments() public {
        made = _make(1);
        for (uint256 count = 0; count < 4; ++count) {
            if (count == 2) continue;
            ISettlementRules.Part memory part = _whole(validium, made);
            part.values = new uint256[](count);
            _refusedPart(validium, made, part, abi.encodeWithSelector(ISettlementRules.WrongValues.selector, count, 2));
        }
    }

    function test_words_have_the_length_of_open_words_and_a_hash_a_segment() public {
        made = _make(1);
        ISettlementRules.Part memory part = _whole(validium, made);
        uint256 length = 2 * 32 * (T * 5 + 1);
        assertEq(part.words.length, length, "length");
        part.words = _slice(made.words, 0, 2 * T * W);
        bytes memory reason = abi.encodeWithSelector(ISettlementRules.WrongDataLength.selector, 2 * 32 * T * W, length);
        _refusedPart(validium, made, part, reason);
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    /// @dev A settlement of the words `published` whose proofs are of the words `proven`, at the challenges of the published ones.
    function _publishedAndProven(Made memory m, bytes memory published, bytes memory proven)
        private
        view
        returns (Made memory)
    {
        m.words = published;
        _claimData(m);
        m.words = proven;
        _prove(m);
        m.words = published;
        return m;
    }

    function _passes(ISettlementRules.Part memory part) private view {
        validium.check(made.statement, made.claim, part, made.closingProof, made.closingWords);
    }

    function _signedBy(uint256 first, uint256 second) private view {
        ISettlementRules.Part memory part = _whole(validium, made);
        bytes32 digest = _attestation(made, part, 0);
        part.signatures = bytes.concat(_signature(replicaKeys[first], digest), _signature(replicaKeys[second], digest));
        _passes(part);
    }

    function _refusedKeys(uint256 first, uint256 second, uint256 position, address signer) private {
        ISettlementRules.Part memory part = _whole(validium, made);
        bytes32 digest = _attestation(made, part, 0);
        part.signatures = bytes.concat(_signature(first, digest), _signature(second, digest));
        _refusedReplica(part, position, signer);
    }

    function _refusedReplica(ISettlementRules.Part memory part, uint256 position, address signer) private {
        bytes memory reason = abi.encodeWithSelector(ISettlementRules.NotAReplica.selector, position, signer);
        _refusedPart(validium, made, part, reason);
    }

    function _refusedSigning(ISettlementRules.Part memory part, bytes32 digest) private {
        bytes memory kept = part.signatures;
        part.signatures = bytes.concat(_signature(replicaKeys[0], digest), _signature(replicaKeys[1], digest));
        vm.expectPartialRevert(ISettlementRules.NotAReplica.selector);
        validium.check(made.statement, made.claim, part, made.closingProof, made.closingWords);
        part.signatures = kept;
    }

    function _refusedSignatures(ISettlementRules.Part memory part) private {
        bytes memory reason =
            abi.encodeWithSelector(ISettlementRules.WrongSignatures.selector, part.signatures.length, 130);
        _refusedPart(validium, made, part, reason);
    }

    function _bytes(bytes memory all, uint256 from, uint256 count) private pure returns (bytes memory cut) {
        cut = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            cut[i] = all[from + i];
        }
    }
}

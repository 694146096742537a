// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "src/libraries/Bn254.sol";
import {Groth16} from "src/libraries/Groth16.sol";
import {Test} from "test/helpers/Test.sol";
import {ToyProver} from "test/helpers/ToyProver.sol";
import {Verifier} from "test/helpers/ToyVerifier.sol";

/// @notice The toy keys with points of the test's choice in them.
contract PatchedVerifier is Verifier {
    function segmentKey() external pure returns (bytes memory) {
        return _segmentKey();
    }

    function closingKey() external pure returns (bytes memory) {
        return _closingKey();
    }

    function verifyWith(
        bytes32 r2,
        bytes calldata segment,
        bytes calldata closing,
        uint256[] calldata proofs,
        uint256[] calldata inputs
    ) external view {
        Groth16.check(r2, segment, closing, proofs, inputs);
    }

    function verifyOne(bytes calldata key, uint256[8] calldata proof, uint256[] calldata inputs) external view {
        Groth16.checkOne(key, proof, inputs);
    }
}

contract Groth16Test is Test {
    uint256 private constant P = Bn254.P;
    uint256 private constant SEGMENT_INPUTS = 18;
    uint256 private constant CLOSING_INPUTS = 13;
    bytes32 private constant R2 = "r2";
    /// @dev Points before IC, counted by two words.
    uint256 private constant IC = 7;

    Verifier private verifier;
    uint256[] private proofs;
    uint256[] private inputs;

    function setUp() public {
        verifier = new Verifier();
    }

    function test_proofs_that_hold_pass_for_any_number_of_segments() public {
        uint256[4] memory counts = [uint256(1), 2, 3, 7];
        for (uint256 i = 0; i < counts.length; ++i) {
            _make(counts[i], i);
            verifier.verify(R2, proofs, inputs);
        }
    }

    function testFuzz_another_input_is_refused(uint256 position, uint256 difference) public {
        _make(2, 0);
        position = bound(position, 0, inputs.length - 1);
        inputs[position] = addmod(inputs[position], bound(difference, 1, P - 1), P);
        _expectRefusal();
    }

    function test_every_input_counts() public {
        _make(2, 0);
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256 kept = inputs[i];
            inputs[i] = addmod(kept, 1, P);
            _expectRefusal();
            inputs[i] = kept;
        }
    }

    function test_an_input_plus_a_multiple_of_the_order_is_refused() public {
        _make(2, 0);
        for (uint256 i = 0; i < inputs.length; i += 5) {
            uint256 kept = inputs[i];
            for (uint256 k = 1; k <= 5 && kept <= type(uint256).max - k * P; ++k) {
                inputs[i] = kept + k * P;
                _expectNotReduced(i);
            }
            inputs[i] = kept;
        }
    }

    function test_the_order_itself_is_no_input() public {
        _make(1, 0);
        inputs[3] = P;
        _expectNotReduced(3);
    }

    function test_segments_in_another_order_are_refused() public {
        _make(3, 0);
        for (uint256 i = 0; i < 8; ++i) {
            (proofs[i], proofs[8 + i]) = (proofs[8 + i], proofs[i]);
        }
        _expectRefusal();
    }

    function test_a_segments_proof_does_not_close() public {
        _make(2, 0);
        for (uint256 i = 0; i < 8; ++i) {
            proofs[16 + i] = proofs[i];
        }
        _expectRefusal();
    }

    function test_errors_that_cancel_without_weights_are_refused() public {
        _make(2, 0);
        // C of the first segment grows by a point, C of the second shrinks by it: the plain product would not notice.
        (uint256 x, uint256 y) = ToyProver.times(5);
        _addToC(0, x, y);
        _addToC(1, x, Bn254.Q - y);
        _expectRefusal();
    }

    /// @dev Each proof alone is false by a point of C; the first has no random weight.
    function test_an_error_of_any_one_proof_is_refused() public {
        for (uint256 proof = 0; proof < 4; ++proof) {
            delete proofs;
            delete inputs;
            _make(3, 0);
            (uint256 x, uint256 y) = ToyProver.times(5);
            _addToC(proof, x, y);
            _expectRefusal();
        }
    }

    function test_swapped_a_points_of_two_proofs_are_refused() public {
        _make(2, 0);
        (proofs[0], proofs[1], proofs[8], proofs[9]) = (proofs[8], proofs[9], proofs[0], proofs[1]);
        _expectRefusal();
    }

    function test_a_key_with_a_point_off_the_curve_is_refused() public {
        _make(2, 0);
        PatchedVerifier patched = new PatchedVerifier();
        bytes memory segment = patched.segmentKey();
        bytes memory closing = patched.closingKey();
        patched.verifyWith(R2, segment, closing, proofs, inputs);
        _expectKeyRefused(patched, segment, closing, segment, 0);
        _expectKeyRefused(patched, segment, closing, closing, 0);
        for (uint256 j = 0; j <= SEGMENT_INPUTS; ++j) {
            _expectKeyRefused(patched, segment, closing, segment, IC + j);
        }
        for (uint256 j = 0; j <= CLOSING_INPUTS; ++j) {
            _expectKeyRefused(patched, segment, closing, closing, IC + j);
        }
    }

    function test_keys_with_another_alpha_each_have_a_pair_each() public {
        PatchedVerifier patched = new PatchedVerifier();
        bytes memory segment = patched.segmentKey();
        bytes memory closing = patched.closingKey();
        uint256 alpha = ToyProver.logarithm("another alpha");
        (uint256 x, uint256 y) = ToyProver.times(alpha);
        _setWord(closing, 0, x);
        _setWord(closing, 1, y);
        _makeSegments(2, 0);
        uint256[] memory ofClosing = _random(CLOSING_INPUTS, 0, 2);
        _push(ToyProver.proveFrom(alpha, "closing", ofClosing, 2), ofClosing);
        patched.verifyWith(R2, segment, closing, proofs, inputs);

        _setWord(closing, 0, _word(segment, 0));
        _setWord(closing, 1, _word(segment, 1));
        vm.expectRevert(Groth16.ProofsRefused.selector);
        patched.verifyWith{gas: 5e6}(R2, segment, closing, proofs, inputs);
    }

    function test_keys_with_another_beta_each_are_not_taken_for_alike() public {
        _make(2, 0);
        PatchedVerifier patched = new PatchedVerifier();
        bytes memory segment = patched.segmentKey();
        bytes memory closing = patched.closingKey();
        for (uint256 word = 2; word < 6; ++word) {
            // The generator in place of β.
            _setWord(closing, word, proofs[word]);
        }
        vm.expectRevert(Groth16.ProofsRefused.selector);
        patched.verifyWith{gas: 5e6}(R2, segment, closing, proofs, inputs);
    }

    function test_a_point_off_the_curve_is_refused_and_named() public {
        _make(2, 0);
        for (uint256 proof = 0; proof < 3; ++proof) {
            for (uint256 part = 0; part < 8; part += 6) {
                uint256 kept = proofs[8 * proof + part];
                proofs[8 * proof + part] = kept ^ 1;
                vm.expectRevert(abi.encodeWithSelector(Groth16.NotOnCurve.selector, proof));
                verifier.verify{gas: 3e6}(R2, proofs, inputs);
                proofs[8 * proof + part] = kept;
            }
        }
    }

    function test_coordinates_that_are_not_reduced_are_refused() public {
        _make(1, 0);
        proofs[0] += Bn254.Q;
        vm.expectRevert(abi.encodeWithSelector(Groth16.NotOnCurve.selector, 0));
        verifier.verify{gas: 3e6}(R2, proofs, inputs);
        proofs[0] -= Bn254.Q;
        proofs[3] += Bn254.Q;
        _expectRefusal();
    }

    function test_a_b_point_off_the_twist_is_refused() public {
        _make(1, 0);
        proofs[2] ^= 1;
        _expectRefusal();
    }

    function test_a_b_point_of_the_twist_outside_the_subgroup_is_refused() public {
        _make(1, 0);
        // x = 1 has a y on the twist, and p times this point is not the identity.
        (proofs[2], proofs[3]) = (0, 1);
        proofs[4] = 5912654199736721486680175016176231956195085055698687135131307249486702594212;
        proofs[5] = 18278151005453108793778860132295291098363647455926340152056652516292830556603;
        _expectRefusal();
    }

    function test_an_empty_proof_is_refused() public {
        _make(1, 0);
        for (uint256 i = 0; i < 8; ++i) {
            proofs[i] = 0;
        }
        _expectRefusal();
    }

    function test_a_malleated_proof_is_another_valid_proof() public {
        _make(1, 0);
        // (−A, −B, C) satisfies the same equation; who settles with it settles the same statement.
        proofs[1] = Bn254.Q - proofs[1];
        proofs[4] = Bn254.Q - proofs[4];
        proofs[5] = Bn254.Q - proofs[5];
        verifier.verify(R2, proofs, inputs);
    }

    function test_lengths_must_be_those_of_whole_segments_and_one_closing_proof() public {
        _make(2, 0);
        proofs.pop();
        _expectLengths();
        proofs.push(0);
        inputs.pop();
        _expectLengths();
        inputs.push(0);
        inputs.push(0);
        _expectLengths();
    }

    function test_segments_alone_pass_and_every_input_of_theirs_counts() public {
        uint256[3] memory counts = [uint256(1), 2, 5];
        for (uint256 i = 0; i < counts.length; ++i) {
            _makeSegments(counts[i], i);
            verifier.verify(R2, proofs, inputs);
        }
        for (uint256 i = 0; i < inputs.length; i += 7) {
            uint256 kept = inputs[i];
            inputs[i] = addmod(kept, 1, P);
            _expectRefusal();
            inputs[i] = kept;
        }
    }

    function test_a_closing_proof_alone_passes_and_every_input_of_its_counts() public {
        _append("closing", _random(CLOSING_INPUTS, 0, 0), 0);
        verifier.verify(R2, proofs, inputs);
        for (uint256 i = 0; i < CLOSING_INPUTS; ++i) {
            uint256 kept = inputs[i];
            inputs[i] = addmod(kept, 1, P);
            _expectRefusal();
            inputs[i] = kept;
        }
    }

    function test_inputs_plus_a_multiple_of_the_order_are_refused_in_calls_of_either_kind() public {
        _makeSegments(2, 0);
        inputs[18] = P;
        vm.expectRevert(abi.encodeWithSelector(Groth16.InputNotReduced.selector, 1, 0, P));
        verifier.verify{gas: 5e6}(R2, proofs, inputs);
        delete proofs;
        delete inputs;
        _append("closing", _random(CLOSING_INPUTS, 0, 0), 0);
        for (uint256 k = 1; k <= 5; ++k) {
            inputs[5] = 5 + k * P;
            vm.expectRevert(abi.encodeWithSelector(Groth16.InputNotReduced.selector, 0, 5, 5 + k * P));
            verifier.verify{gas: 5e6}(R2, proofs, inputs);
        }
    }

    function test_proofs_of_the_other_circuit_are_refused_in_calls_of_either_kind() public {
        _makeSegments(1, 0);
        uint256[] memory closing = _random(CLOSING_INPUTS, 0, 0);
        delete inputs;
        for (uint256 i = 0; i < CLOSING_INPUTS; ++i) {
            inputs.push(closing[i]);
        }
        _expectRefusal();
        delete proofs;
        delete inputs;
        _append("closing", _random(CLOSING_INPUTS, 0, 0), 0);
        for (uint256 i = CLOSING_INPUTS; i < SEGMENT_INPUTS; ++i) {
            inputs.push(0);
        }
        _expectRefusal();
    }

    function test_two_closing_proofs_are_refused() public {
        _append("closing", _random(CLOSING_INPUTS, 0, 0), 0);
        _append("closing", _random(CLOSING_INPUTS, 0, 1), 1);
        _expectLengths();
    }

    // ------------------------------------------------------------------------------------------------- one proof alone

    function test_one_proof_of_one_key_passes() public {
        PatchedVerifier patched = new PatchedVerifier();
        uint256[] memory x = _random(CLOSING_INPUTS, 3, 0);
        patched.verifyOne(patched.closingKey(), ToyProver.prove("closing", x, 0), x);
    }

    function test_every_input_of_one_proof_counts_and_is_reduced() public {
        PatchedVerifier patched = new PatchedVerifier();
        bytes memory key = patched.closingKey();
        uint256[] memory x = _random(CLOSING_INPUTS, 3, 0);
        uint256[8] memory proof = ToyProver.prove("closing", x, 0);
        for (uint256 i = 0; i < x.length; ++i) {
            uint256 kept = x[i];
            x[i] = addmod(kept, 1, P);
            vm.expectRevert(Groth16.ProofsRefused.selector);
            patched.verifyOne{gas: 5e6}(key, proof, x);
            for (uint256 k = 1; k <= 5 && kept <= type(uint256).max - k * P; ++k) {
                x[i] = kept + k * P;
                vm.expectRevert(abi.encodeWithSelector(Groth16.InputNotReduced.selector, 0, i, x[i]));
                patched.verifyOne{gas: 5e6}(key, proof, x);
            }
            x[i] = kept;
        }
    }

    function test_every_word_of_one_proof_counts() public {
        PatchedVerifier patched = new PatchedVerifier();
        bytes memory key = patched.closingKey();
        uint256[] memory x = _random(CLOSING_INPUTS, 3, 0);
        uint256[8] memory proof = ToyProver.prove("closing", x, 0);
        for (uint256 i = 0; i < 8; ++i) {
            proof[i] ^= 1;
            if (i < 2 || i > 5) vm.expectRevert(abi.encodeWithSelector(Groth16.NotOnCurve.selector, 0));
            else vm.expectRevert(Groth16.ProofsRefused.selector);
            patched.verifyOne{gas: 5e6}(key, proof, x);
            proof[i] ^= 1;
        }
        uint256[8] memory nothing;
        vm.expectRevert(Groth16.ProofsRefused.selector);
        patched.verifyOne{gas: 5e6}(key, nothing, x);
    }

    function test_one_proof_has_as_many_inputs_as_its_key() public {
        PatchedVerifier patched = new PatchedVerifier();
        bytes memory key = patched.closingKey();
        uint256[] memory x = _random(CLOSING_INPUTS, 3, 0);
        uint256[8] memory proof = ToyProver.prove("closing", x, 0);
        for (uint256 count = 0; count <= CLOSING_INPUTS + 1; ++count) {
            if (count == CLOSING_INPUTS) continue;
            vm.expectRevert(abi.encodeWithSelector(Groth16.WrongLengths.selector, 8, count));
            patched.verifyOne(key, proof, new uint256[](count));
        }
    }

    function test_one_proof_under_a_key_with_a_point_off_the_curve_is_refused() public {
        PatchedVerifier patched = new PatchedVerifier();
        bytes memory key = patched.closingKey();
        uint256[] memory x = _random(CLOSING_INPUTS, 3, 0);
        uint256[8] memory proof = ToyProver.prove("closing", x, 0);
        for (uint256 j = 0; j <= CLOSING_INPUTS; ++j) {
            _moveOff(key, IC + j);
            vm.expectRevert(Groth16.KeyNotOnCurve.selector);
            patched.verifyOne{gas: 5e6}(key, proof, x);
            _moveOff(key, IC + j);
        }
    }

    // ----------------------------------------------------------------------------------------------------------- lengths

    function test_nothing_is_refused() public {
        _expectLengths();
    }

    function testFuzz_weights_but_the_first_depend_on_the_seed_and_have_128_bits(bytes32 seed, uint256 proof)
        public
        pure
    {
        proof = bound(proof, 1, type(uint256).max);
        uint256 expected = uint256(keccak256(abi.encodePacked(seed, proof))) & (2 ** 128 - 1);
        assertEq(Groth16.weight(seed, proof), expected, "weight");
        assertEq(Groth16.weight(seed, 0), 1, "the first");
    }

    // ------------------------------------------------------------------------------------------------------- helpers

    /// @dev Random inputs and valid proofs of `segments` segments and no closing proof.
    function _makeSegments(uint256 segments, uint256 seed) private {
        delete proofs;
        delete inputs;
        for (uint256 j = 0; j < segments; ++j) {
            _append("segment", _random(SEGMENT_INPUTS, seed, j), j);
        }
    }

    /// @dev Random inputs and valid proofs of `segments` segments and one closing proof.
    function _make(uint256 segments, uint256 seed) private {
        _makeSegments(segments, seed);
        _append("closing", _random(CLOSING_INPUTS, seed, segments), segments);
    }

    function _append(string memory circuit, uint256[] memory x, uint256 blinding) private {
        _push(ToyProver.prove(circuit, x, blinding), x);
    }

    function _push(uint256[8] memory proof, uint256[] memory x) private {
        for (uint256 i = 0; i < 8; ++i) {
            proofs.push(proof[i]);
        }
        for (uint256 i = 0; i < x.length; ++i) {
            inputs.push(x[i]);
        }
    }

    function _random(uint256 count, uint256 seed, uint256 number) private pure returns (uint256[] memory x) {
        x = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            // Small ones too: only they leave room for five multiples of p.
            x[i] = i % 5 == 0 ? i : uint256(keccak256(abi.encode(seed, number, i))) % P;
        }
    }

    function _addToC(uint256 proof, uint256 x, uint256 y) private {
        (, Bn254.G1 memory sum) = Bn254.add(Bn254.G1(proofs[8 * proof + 6], proofs[8 * proof + 7]), Bn254.G1(x, y));
        (proofs[8 * proof + 6], proofs[8 * proof + 7]) = (sum.x, sum.y);
    }

    function _expectRefusal() private {
        vm.expectRevert(Groth16.ProofsRefused.selector);
        verifier.verify{gas: 5e6}(R2, proofs, inputs);
    }

    /// @dev Point `point` of `key`, which is one of the two, is moved off the curve and put back.
    function _expectKeyRefused(
        PatchedVerifier patched,
        bytes memory segment,
        bytes memory closing,
        bytes memory key,
        uint256 point
    ) private {
        _moveOff(key, point);
        vm.expectRevert(Groth16.KeyNotOnCurve.selector);
        patched.verifyWith{gas: 5e6}(R2, segment, closing, proofs, inputs);
        _moveOff(key, point);
    }

    /// @dev Moves a point of a key off the curve, or back.
    function _moveOff(bytes memory key, uint256 point) private pure {
        _setWord(key, 2 * point + 1, _word(key, 2 * point + 1) ^ 1);
    }

    function _word(bytes memory key, uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(key, 0x20), shl(5, position)))
        }
    }

    function _setWord(bytes memory key, uint256 position, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(key, 0x20), shl(5, position)), word)
        }
    }

    function _expectNotReduced(uint256 position) private {
        bool closing = position >= inputs.length - CLOSING_INPUTS;
        uint256 proof = closing ? (inputs.length - CLOSING_INPUTS) / SEGMENT_INPUTS : position / SEGMENT_INPUTS;
        uint256 index = position - proof * SEGMENT_INPUTS;
        vm.expectRevert(abi.encodeWithSelector(Groth16.InputNotReduced.selector, proof, index, inputs[position]));
        verifier.verify{gas: 5e6}(R2, proofs, inputs);
    }

    function _expectLengths() private {
        vm.expectRevert(abi.encodeWithSelector(Groth16.WrongLengths.selector, proofs.length, inputs.length));
        verifier.verify(R2, proofs, inputs);
    }
}

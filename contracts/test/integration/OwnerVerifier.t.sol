// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "src/interfaces/IAccountVerifier.sol";
import {Bn254} from "src/libraries/Bn254.sol";
import {Groth16} from "src/libraries/Groth16.sol";
import {Test} from "test/helpers/Test.sol";
import {AccountVerifier} from "test/helpers/ToyAccountVerifier.sol";
import {ToyProver} from "test/helpers/ToyProver.sol";

contract OwnerVerifierTest is Test {
    uint256 private constant P = Bn254.P;
    /// @dev domain, root, risk root, index, recipient, equity and two words of settled positions at `dev`.
    uint256 private constant ESCAPE_INPUTS = 8;

    AccountVerifier private verifier;

    function setUp() public {
        verifier = new AccountVerifier();
    }

    function test_it_says_which_circuits_it_holds_keys_of() public view {
        IAccountVerifier.Parameters memory parameters = verifier.parameters();
        assertEq(parameters.depth, 3, "depth");
        assertEq(parameters.positions, 4, "positions");
        assertEq(parameters.scenarios, 4, "scenarios");
        assertEq(parameters.riskRows, 8, "risk rows");
        assertEq(parameters.exitFingerprint, keccak256("exit"), "exit");
        assertEq(parameters.escapeFingerprint, keccak256("escape"), "escape");
        assertTrue(parameters.development, "development");
    }

    function testFuzz_a_request_that_was_proven_passes_and_no_other(uint256 seed, uint256 position, uint256 by) public {
        uint256[6] memory inputs = _request(seed);
        uint256[8] memory proof = _prove("exit", inputs, seed);
        verifier.verifyExit(proof, inputs);
        position = bound(position, 0, 5);
        inputs[position] = addmod(inputs[position], bound(by, 1, P - 1), P);
        vm.expectRevert(Groth16.ProofsRefused.selector);
        verifier.verifyExit(proof, inputs);
    }

    function testFuzz_an_escape_that_was_proven_passes_and_no_other(uint256 seed, uint256 position, uint256 by) public {
        uint256[] memory inputs = _escape(seed);
        uint256[8] memory proof = ToyProver.prove("escape", inputs, seed);
        verifier.verifyEscape(proof, inputs);
        position = bound(position, 0, ESCAPE_INPUTS - 1);
        inputs[position] = addmod(inputs[position], bound(by, 1, P - 1), P);
        vm.expectRevert(Groth16.ProofsRefused.selector);
        verifier.verifyEscape(proof, inputs);
    }

    function test_an_input_has_one_form_only() public {
        uint256[6] memory request = _request(1);
        uint256[8] memory proof = _prove("exit", request, 1);
        for (uint256 i = 0; i < 6; ++i) {
            uint256[6] memory shifted = request;
            shifted[i] += P;
            vm.expectRevert(abi.encodeWithSelector(Groth16.InputNotReduced.selector, 0, i, shifted[i]));
            verifier.verifyExit(proof, shifted);
            shifted[i] -= P;
        }
    }

    function test_the_proof_of_one_circuit_is_none_of_the_other() public {
        uint256[] memory inputs = _escape(3);
        uint256[8] memory proof = ToyProver.prove("exit", inputs, 3);
        vm.expectRevert(Groth16.ProofsRefused.selector);
        verifier.verifyEscape(proof, inputs);
    }

    function test_an_escape_with_a_word_too_few_or_too_many_is_refused() public {
        for (uint256 length = ESCAPE_INPUTS - 1; length <= ESCAPE_INPUTS + 1; length += 2) {
            uint256[] memory inputs = new uint256[](length);
            uint256[8] memory proof = ToyProver.prove("escape", inputs, 4);
            vm.expectRevert(abi.encodeWithSelector(Groth16.WrongLengths.selector, 8, length));
            verifier.verifyEscape(proof, inputs);
        }
    }

    function test_points_off_the_curve_are_refused() public {
        uint256[6] memory inputs = _request(5);
        uint256[8] memory proof = _prove("exit", inputs, 5);
        for (uint256 i = 0; i < 8; ++i) {
            uint256[8] memory bent = proof;
            bent[i] = addmod(bent[i], 1, P);
            vm.expectRevert();
            verifier.verifyExit(bent, inputs);
            bent[i] = addmod(bent[i], P - 1, P);
        }
    }

    function _request(uint256 seed) private pure returns (uint256[6] memory inputs) {
        for (uint256 i = 0; i < 6; ++i) {
            inputs[i] = uint256(keccak256(abi.encode(seed, i))) % P;
        }
    }

    function _escape(uint256 seed) private pure returns (uint256[] memory inputs) {
        inputs = new uint256[](ESCAPE_INPUTS);
        for (uint256 i = 0; i < ESCAPE_INPUTS; ++i) {
            inputs[i] = uint256(keccak256(abi.encode(seed, i))) % P;
        }
    }

    function _prove(string memory circuit, uint256[6] memory inputs, uint256 blinding)
        private
        view
        returns (uint256[8] memory)
    {
        uint256[] memory listed = new uint256[](6);
        for (uint256 i = 0; i < 6; ++i) {
            listed[i] = inputs[i];
        }
        return ToyProver.prove(circuit, listed, blinding);
    }
}

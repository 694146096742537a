// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "src/libraries/Bn254.sol";
import {PoseidonSponge} from "src/libraries/PoseidonSponge.sol";
import {Test} from "test/helpers/Test.sol";

/// @notice The library behind a call, so that its reverts can be expected.
contract Sponge {
    address private immutable CONSTANTS;

    constructor(address constants) {
        PoseidonSponge.requireConstants(constants);
        CONSTANTS = constants;
    }

    function hash(uint256 tag, uint256[] memory inputs) external view returns (uint256) {
        return PoseidonSponge.hash(CONSTANTS, tag, inputs);
    }
}

/// @notice The sponge on chain is that of the reference, whose permutation circomlib judges.
contract PoseidonSpongeTest is Test {
    Sponge private sponge;

    function setUp() public {
        sponge = new Sponge(_constants());
    }

    function test_every_sponge_of_the_reference_vectors_comes_out_the_same() public view {
        string memory vectors = vm.readFile("../tests/vectors/encodings.json");
        uint256[] memory inputs = vm.parseJsonUintArray(vectors, ".hashes.inputs");
        for (uint256 i = 0; i < 8; ++i) {
            string memory key = string.concat(".hashes.sponge[", vm.toString(i), "]");
            uint256 length = vm.parseJsonUint(vectors, string.concat(key, ".inputs"));
            uint256 tag = vm.parseJsonUint(vectors, string.concat(key, ".tag"));
            uint256 expected = vm.parseJsonUint(vectors, string.concat(key, ".out"));
            assertEq(sponge.hash(tag, _first(inputs, length)), expected, string.concat("sponge ", vm.toString(i)));
        }
    }

    function test_two_blocks_cost_two_permutations_and_one_under_450_000_gas() public view {
        (uint256 one, uint256 two) = (_gasOf(8), _gasOf(9));
        assertLt(one, 450_000, "one permutation");
        assertLt(two, 2 * one, "constants are read once");
        assertLt(one + one / 2, two, "the second block is permuted too");
    }

    function testFuzz_a_value_that_is_not_reduced_is_refused(uint256 position, uint256 value) public {
        uint256[] memory inputs = new uint256[](9);
        inputs[bound(position, 0, 8)] = value = bound(value, Bn254.P, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(PoseidonSponge.NotReduced.selector, value));
        sponge.hash(3, inputs);
    }

    /// forge-config: default.fuzz.runs = 64
    /// forge-config: full.fuzz.runs = 1000
    function testFuzz_tag_length_and_each_input_count(uint256 seed, uint256 length, uint256 changed) public view {
        uint256[] memory inputs = new uint256[](bound(length, 1, 20));
        for (uint256 i = 0; i < inputs.length; ++i) {
            inputs[i] = uint256(keccak256(abi.encode(seed, i))) % Bn254.P;
        }
        uint256 before = sponge.hash(3, inputs);
        assertNotEq(sponge.hash(4, inputs), before, "tag");
        changed = bound(changed, 0, inputs.length - 1);
        inputs[changed] = (inputs[changed] + 1) % Bn254.P;
        assertNotEq(sponge.hash(3, inputs), before, "input");
        inputs[changed] = (inputs[changed] + Bn254.P - 1) % Bn254.P;
        assertEq(sponge.hash(3, inputs), before, "the same again");
        assertNotEq(sponge.hash(3, _first(inputs, inputs.length - 1)), before, "length");
    }

    function test_constants_with_one_bit_changed_are_refused() public {
        bytes memory code = _constants().code;
        assertEq(code.length, 1 + 720 * 32, "one byte that stops, then the words");
        code[12_345] ^= 0x01;
        address wrong = makeAddr("wrong constants");
        vm.etch(wrong, code);
        vm.expectRevert(abi.encodeWithSelector(PoseidonSponge.WrongConstants.selector, wrong, keccak256(code)));
        new Sponge(wrong);
    }

    function test_an_address_without_code_is_refused() public {
        address nobody = makeAddr("nobody");
        vm.expectRevert(abi.encodeWithSelector(PoseidonSponge.WrongConstants.selector, nobody, bytes32(0)));
        new Sponge(nobody);
    }

    function test_a_call_to_the_constants_stops_at_once() public {
        (bool done, bytes memory answer) = _constants().call{gas: 3000}("anything");
        assertTrue(done && answer.length == 0, "stopped");
    }

    /// @dev From compiled code, so that the test does not carry it and compile it again.
    function _constants() private returns (address made) {
        bytes memory code = vm.getCode("PoseidonConstants.sol:PoseidonConstants");
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
    }

    function _gasOf(uint256 length) private view returns (uint256 used) {
        uint256[] memory inputs = new uint256[](length);
        uint256 before = gasleft();
        sponge.hash(3, inputs);
        return before - gasleft();
    }

    function _first(uint256[] memory values, uint256 length) private pure returns (uint256[] memory first) {
        first = new uint256[](length);
        for (uint256 i = 0; i < length; ++i) {
            first[i] = values[i];
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title The Poseidon sponge S of the protocol, on chain
/// @notice Opens hashes that circuits made: circomlib's permutation of width 9 (s-box x⁵, 8 full rounds, 63 partial ones) in a sponge
/// that takes eight elements a permutation. One permutation costs about as much gas as three storage writes, so this is for
/// disputes and not for every batch. The constants are the code of a `PoseidonConstants`, which is larger than fits beside other
/// code; whoever uses the library checks that contract once (`requireConstants`): its code cannot change.
library PoseidonSponge {
    /// @notice Hash of the code of a `PoseidonConstants`.
    bytes32 internal constant CODE_HASH = 0xaaee68d06868940900c9b7b200de1be3309648fd4944de89e2feecb81cca264f;
    /// @notice Elements that one permutation takes in.
    uint256 internal constant RATE = 8;

    /// @dev Memory: the state (9 words), then the constants in the order of the data contract's code.
    uint256 private constant STATE_BYTES = 0x120;
    uint256 private constant CONSTANT_BYTES = 720 * 0x20;

    /// @notice An input that is no element of the field.
    error NotReduced(uint256 value);
    /// @notice The contract at `constants` has code with hash `found`.
    error WrongConstants(address constants, bytes32 found);

    /// @notice Returns if the code at `constants` is that of a `PoseidonConstants`.
    function requireConstants(address constants) internal view {
        bytes32 found = constants.codehash;
        if (found != CODE_HASH) revert WrongConstants(constants, found);
    }

    /// @notice `S(tag; inputs)` for a tag below 2⁶⁴ and inputs below p.
    function hash(address constants, uint256 tag, uint256[] memory inputs) internal view returns (uint256) {
        for (uint256 i = 0; i < inputs.length; ++i) {
            if (inputs[i] >= Bn254.P) revert NotReduced(inputs[i]);
        }
        uint256 state = _load(constants, (tag << 64) + inputs.length);
        uint256 first = 0;
        do {
            _absorb(state, inputs, first);
            _permute(state);
            first += RATE;
        } while (first < inputs.length);
        assembly ("memory-safe") {
            state := mload(add(state, 0x20))
        }
        return state;
    }

    /// @dev Reserves memory for state and constants, fills it, and returns where it is. Element 0 starts at `capacity`, the others at 0.
    function _load(address constants, uint256 capacity) private view returns (uint256 state) {
        uint256 stateBytes = STATE_BYTES;
        uint256 constantBytes = CONSTANT_BYTES;
        assembly ("memory-safe") {
            state := mload(0x40)
            let words := add(state, stateBytes)
            mstore(0x40, add(words, constantBytes))
            mstore(state, capacity)
            calldatacopy(add(state, 0x20), calldatasize(), sub(stateBytes, 0x20))
            extcodecopy(constants, words, 1, constantBytes)
        }
    }

    /// @dev Adds up to eight inputs from `first` on to elements 1 … 8.
    function _absorb(uint256 state, uint256[] memory inputs, uint256 first) private pure {
        uint256 p = Bn254.P;
        for (uint256 i = first; i < inputs.length && i < first + RATE; ++i) {
            uint256 element = state + 0x20 * (1 + i - first);
            uint256 input = inputs[i];
            assembly ("memory-safe") {
                mstore(element, addmod(mload(element), input, p))
            }
        }
    }

    /// @dev 4 full rounds, 63 partial ones, 4 full ones: add constants, raise (all or the first) to the fifth power, multiply by the
    /// matrix.
    function _permute(uint256 state) private pure {
        uint256 constants = state + STATE_BYTES;
        for (uint256 round = 0; round < 71; ++round) {
            _addConstants(state, constants);
            constants += STATE_BYTES;
            bool full = round < 4 || round >= 67;
            _raise(state, full ? STATE_BYTES : 0x20);
            _mix(state);
        }
    }

    function _addConstants(uint256 state, uint256 constants) private pure {
        uint256 p = Bn254.P;
        uint256 end = state + STATE_BYTES;
        assembly ("memory-safe") {
            for {} lt(state, end) {} {
                mstore(state, addmod(mload(state), mload(constants), p))
                state := add(state, 0x20)
                constants := add(constants, 0x20)
            }
        }
    }

    function _raise(uint256 state, uint256 size) private pure {
        uint256 p = Bn254.P;
        uint256 end = state + size;
        assembly ("memory-safe") {
            for {} lt(state, end) { state := add(state, 0x20) } {
                let x := mload(state)
                let square := mulmod(x, x, p)
                mstore(state, mulmod(mulmod(square, square, p), x, p))
            }
        }
    }

    /// @dev Each new element is a row of the matrix times the old elements. Five products below p add up to less than 2²⁵⁶, so the
    /// nine take one reduction.
    function _mix(uint256 state) private pure {
        uint256 p = Bn254.P;
        uint256 row = state + STATE_BYTES + 639 * 0x20;
        uint256 end = state + STATE_BYTES + CONSTANT_BYTES;
        assembly ("memory-safe") {
            let s0 := mload(state)
            let s1 := mload(add(state, 0x20))
            let s2 := mload(add(state, 0x40))
            let s3 := mload(add(state, 0x60))
            let s4 := mload(add(state, 0x80))
            let s5 := mload(add(state, 0xa0))
            let s6 := mload(add(state, 0xc0))
            let s7 := mload(add(state, 0xe0))
            let s8 := mload(add(state, 0x100))
            for { let element := state } lt(row, end) { row := add(row, 0x120) } {
                let sum := mulmod(s0, mload(row), p)
                sum := add(sum, mulmod(s1, mload(add(row, 0x20)), p))
                sum := add(sum, mulmod(s2, mload(add(row, 0x40)), p))
                sum := add(sum, mulmod(s3, mload(add(row, 0x60)), p))
                sum := add(sum, mulmod(s4, mload(add(row, 0x80)), p))
                let rest := mulmod(s5, mload(add(row, 0xa0)), p)
                rest := add(rest, mulmod(s6, mload(add(row, 0xc0)), p))
                rest := add(rest, mulmod(s7, mload(add(row, 0xe0)), p))
                rest := add(rest, mulmod(s8, mload(add(row, 0x100)), p))
                mstore(element, addmod(sum, rest, p))
                element := add(element, 0x20)
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Proofs of anything for the keys of `ToyVerifier.sol`
/// @notice Whoever knows the logarithms of a verifying key can prove every statement. The toy keys are made from logarithms that
/// are hashes of names, so that tests of the contracts get proofs that satisfy the real equation, for the inputs that they
/// choose, without a circuit.
library ToyProver {
    uint256 internal constant P = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @notice A valid proof of `inputs` for the key of `circuit` ("segment" or "closing"); another one for each `blinding`.
    function prove(string memory circuit, uint256[] memory inputs, uint256 blinding)
        internal
        view
        returns (uint256[8] memory)
    {
        return proveFrom(logarithm("alpha"), circuit, inputs, blinding);
    }

    /// @notice The same for a key whose α has the logarithm `alpha`.
    function proveFrom(uint256 alpha, string memory circuit, uint256[] memory inputs, uint256 blinding)
        internal
        view
        returns (uint256[8] memory proof)
    {
        uint256 statement = logarithm(string.concat(circuit, " ic 0"));
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256 ic = logarithm(string.concat(circuit, " ic ", decimal(i + 1)));
            statement = addmod(statement, mulmod(ic, inputs[i], P), P);
        }
        uint256 constants = mulmod(alpha, logarithm("beta"), P);
        uint256 spent = addmod(constants, mulmod(statement, logarithm(string.concat(circuit, " gamma")), P), P);
        // With B the generator: a = αβ + statement·γ + c·δ.
        uint256 a = uint256(keccak256(abi.encode(circuit, blinding))) % P;
        uint256 c = mulmod(addmod(a, P - spent, P), inverse(logarithm(string.concat(circuit, " delta"))), P);
        (proof[0], proof[1]) = times(a);
        proof[2] = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
        proof[3] = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
        proof[4] = 4082367875863433681332203403145435568316851327593401208105741076214120093531;
        proof[5] = 8495653923123431417604973247489272438418190587263600148770280649306958101930;
        (proof[6], proof[7]) = times(c);
    }

    /// @notice The logarithm that the toy key's element `name` was made from.
    function logarithm(string memory name) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked("tacit toy key ", name))) % P;
    }

    /// @notice `scalar` times the generator (1, 2).
    function times(uint256 scalar) internal view returns (uint256 x, uint256 y) {
        (bool ok, bytes memory answer) = address(7).staticcall(abi.encode(1, 2, scalar));
        require(ok, "ecMul of the generator");
        return abi.decode(answer, (uint256, uint256));
    }

    /// @notice `1 / value` modulo p.
    function inverse(uint256 value) internal view returns (uint256) {
        (bool ok, bytes memory answer) = address(5).staticcall(abi.encode(32, 32, 32, value, P - 2, P));
        require(ok, "modexp");
        return abi.decode(answer, (uint256));
    }

    /// @notice `number` below 100 in decimal.
    function decimal(uint256 number) internal pure returns (string memory) {
        bytes memory digits = number < 10 ? new bytes(1) : new bytes(2);
        if (number >= 10) digits[0] = bytes1(uint8(48 + number / 10));
        digits[digits.length - 1] = bytes1(uint8(48 + number % 10));
        return string(digits);
    }
}

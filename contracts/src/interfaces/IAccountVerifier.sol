// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Verifier of the circuits by which an owner acts alone: exit request and escape
/// @notice Holds both verifying keys, immutable, and knows no state. Every check reverts with an error of `Groth16` unless the proof
/// holds and every input is below p.
interface IAccountVerifier {
    /// @notice A parameter set and the identity of its circuits.
    /// @param depth Levels of the state tree.
    /// @param positions Positions of an account (P).
    /// @param scenarios Scenarios of a risk row (S): it has 2 + ⌈S / 6⌉ words.
    /// @param riskRows Risk rows (M).
    /// @param exitFingerprint Fingerprint of the exit circuit's matrices.
    /// @param escapeFingerprint Fingerprint of the escape circuit's matrices.
    /// @param development True for keys whose randomness one machine knew.
    struct Parameters {
        uint256 depth;
        uint256 positions;
        uint256 scenarios;
        uint256 riskRows;
        bytes32 exitFingerprint;
        bytes32 escapeFingerprint;
        bool development;
    }

    /// @notice The parameter set that the keys were made for.
    function parameters() external view returns (Parameters memory);

    /// @notice Returns if the owner of an account signed this exit request.
    /// @param inputs domain, owner, index, recipient, amount (token units), number of the account's request.
    function verifyExit(uint256[8] calldata proof, uint256[6] calldata inputs) external view;

    /// @notice Returns if the owner of account `index` signed to leave to `recipient` and the account is worth `equity`.
    /// @param inputs domain, root, risk root, index, recipient, equity (token units), then ⌈P / 3⌉ words of settled positions: three a word,
    /// id + 2²⁷·value in 69-bit slots, 0 for none.
    function verifyEscape(uint256[8] calldata proof, uint256[] calldata inputs) external view;
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Verifier of the two circuits of tacit
/// @notice Holds the verifying keys of one parameter set, immutable, and says which circuits they are for. It checks proofs
/// against inputs and knows no state: a settlement contract decides which inputs are acceptable.
interface IVerifier {
    /// @notice A parameter set (protocol, section 2) and the identity of its circuits.
    /// @param depth Levels of the state tree; it has 8^depth leaves.
    /// @param touches Touches a segment (T).
    /// @param orders Orders a touch (O).
    /// @param wordsPerTouch Public data words a touch (6 + n_x).
    /// @param riskRows Risk rows of the closing circuit (M).
    /// @param settledRows Settled rows of the closing circuit (K).
    /// @param sumsStart Sums before the first segment: H_7(0, 0, 0, 0, 0, 1, 0).
    /// @param segmentFingerprint Pinned fingerprint of the segment circuit's matrices.
    /// @param closingFingerprint Pinned fingerprint of the closing circuit's matrices.
    /// @param development True for keys whose randomness one machine knew: whoever has it can prove anything.
    struct Parameters {
        uint256 depth;
        uint256 touches;
        uint256 orders;
        uint256 wordsPerTouch;
        uint256 riskRows;
        uint256 settledRows;
        uint256 sumsStart;
        bytes32 segmentFingerprint;
        bytes32 closingFingerprint;
        bool development;
    }

    /// @notice The parameter set that the keys were made for.
    function parameters() external view returns (Parameters memory);

    /// @notice Returns if every proof holds for its inputs, reverts otherwise (errors of `Groth16`). A call has segments, a closing
    /// proof or both, and at least one proof; the number of inputs says which.
    /// @param r2 Last hash of the settlement's challenges; the weights of the batch check are hashed from it, all inputs and all
    /// proofs of the call.
    /// @param proofs Eight words a proof, segments first, closing proof last: A.x, A.y, B.x₁, B.x₀, B.y₁, B.y₀, C.x, C.y.
    /// @param inputs 18 public inputs a segment, then 13 of the closing proof, in the order of protocol section 7.
    function verify(bytes32 r2, uint256[] calldata proofs, uint256[] calldata inputs) external view;
}

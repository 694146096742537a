// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "./interfaces/IVerifier.sol";
import {Groth16} from "./libraries/Groth16.sol";

/// @title What every generated verifier does with its keys
/// @notice The generated contract `Verifier` adds constants and nothing else, so all code that decides is here and in `Groth16`.
abstract contract BatchVerifier is IVerifier {
    /// @inheritdoc IVerifier
    function parameters() external pure virtual returns (Parameters memory);

    /// @inheritdoc IVerifier
    function verify(bytes32 r2, uint256[] calldata proofs, uint256[] calldata inputs) external view {
        Groth16.check(r2, _segmentKey(), _closingKey(), proofs, inputs);
    }

    /// @dev Verifying key of the segment circuit.
    function _segmentKey() internal pure virtual returns (bytes memory);

    /// @dev Verifying key of the closing circuit.
    function _closingKey() internal pure virtual returns (bytes memory);
}

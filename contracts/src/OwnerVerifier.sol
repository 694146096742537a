// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "./interfaces/IAccountVerifier.sol";
import {Groth16} from "./libraries/Groth16.sol";

/// @title What every generated verifier of owners' proofs does with its keys
/// @notice The generated contract `AccountVerifier` adds constants and nothing else, so all code that decides is here and in `Groth16`.
/// A proof holds for exactly these inputs or the call reverts; a proof that was accepted can be made over into another of the same inputs, so
/// whoever counts proofs counts inputs.
abstract contract OwnerVerifier is IAccountVerifier {
    /// @inheritdoc IAccountVerifier
    function parameters() external pure virtual returns (Parameters memory);

    /// @inheritdoc IAccountVerifier
    function verifyExit(uint256[8] calldata proof, uint256[6] calldata inputs) external view {
        uint256[] memory listed = new uint256[](inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) {
            listed[i] = inputs[i];
        }
        Groth16.checkOne(_exitKey(), proof, listed);
    }

    /// @inheritdoc IAccountVerifier
    function verifyEscape(uint256[8] calldata proof, uint256[] calldata inputs) external view {
        Groth16.checkOne(_escapeKey(), proof, inputs);
    }

    /// @dev Verifying key of the exit circuit.
    function _exitKey() internal pure virtual returns (bytes memory);

    /// @dev Verifying key of the escape circuit.
    function _escapeKey() internal pure virtual returns (bytes memory);
}

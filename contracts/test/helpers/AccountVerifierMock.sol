// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "src/interfaces/IAccountVerifier.sol";

/// @notice Stands in for the keys of the owners' circuits: it accepts exactly the inputs that a test has approved.
contract AccountVerifierMock {
    IAccountVerifier.Parameters private _parameters;
    mapping(bytes32 => bool) private _approved;

    error NotApproved(bytes32 inputs);

    constructor() {
        _parameters.depth = 3;
        _parameters.positions = 4;
        _parameters.scenarios = 4;
        _parameters.riskRows = 8;
        _parameters.development = true;
    }

    function setParameters(IAccountVerifier.Parameters calldata parameters_) external {
        _parameters = parameters_;
    }

    /// @notice Accepts these inputs, 32 bytes each, from now on.
    function approve(bytes calldata inputs) external {
        _approved[keccak256(inputs)] = true;
    }

    function parameters() external view returns (IAccountVerifier.Parameters memory) {
        return _parameters;
    }

    function verifyExit(uint256[8] calldata, uint256[6] calldata inputs) external view {
        _check(abi.encodePacked(inputs));
    }

    function verifyEscape(uint256[8] calldata, uint256[] calldata inputs) external view {
        _check(abi.encodePacked(inputs));
    }

    function _check(bytes memory inputs) private view {
        if (!_approved[keccak256(inputs)]) revert NotApproved(keccak256(inputs));
    }
}

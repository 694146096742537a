// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVerifier} from "src/interfaces/IVerifier.sol";

/// @notice Stands in for rules and verifier where a test is about the vault alone: every settlement passes, with the effects that the test
/// sets, if it is of the statement that the test expects.
contract RulesMock {
    IVerifier.Parameters private _parameters;
    ISettlementRules.Effects private _effects;
    bytes32 private _expected;

    error OtherStatement(ISettlementRules.Statement statement);
    error WrongProgress(bytes32 r1, uint32 segment);

    constructor() {
        _parameters.depth = 3;
        _parameters.touches = 2;
        _parameters.orders = 2;
        _parameters.wordsPerTouch = 9;
        _parameters.riskRows = 8;
        _parameters.settledRows = 4;
        _parameters.development = true;
    }

    function setParameters(IVerifier.Parameters calldata parameters_) external {
        _parameters = parameters_;
    }

    function setEffects(ISettlementRules.Effects calldata effects) external {
        _effects = effects;
    }

    /// @notice From now on only settlements of this statement pass; 0: of any.
    function expect(bytes32 statementHash) external {
        _expected = statementHash;
    }

    function parameters() external view returns (IVerifier.Parameters memory) {
        return _parameters;
    }

    function verifier() external view returns (address) {
        return address(this);
    }

    function check(
        ISettlementRules.Statement calldata statement,
        ISettlementRules.Claim calldata,
        ISettlementRules.Part calldata,
        uint256[8] calldata,
        bytes calldata
    ) external view returns (ISettlementRules.Effects memory) {
        _check(statement);
        return _effects;
    }

    function begin(ISettlementRules.Statement calldata statement, ISettlementRules.Claim calldata)
        external
        view
        returns (ISettlementRules.Progress memory progress)
    {
        _check(statement);
        progress.r1 = _effects.r1;
        progress.sealPeaks = new bytes32[](3);
        progress.thetaPower = 1;
    }

    function advance(
        ISettlementRules.Statement calldata statement,
        ISettlementRules.Claim calldata,
        ISettlementRules.Progress calldata progress,
        ISettlementRules.Part calldata part
    ) external view returns (ISettlementRules.Progress memory next) {
        _check(statement);
        next = progress;
        next.segment += uint32(part.proofs.length);
        next.accounts = new uint256[](3);
    }

    function finish(
        ISettlementRules.Statement calldata statement,
        ISettlementRules.Claim calldata claim,
        ISettlementRules.Progress calldata progress,
        uint256[8] calldata,
        bytes calldata
    ) external view returns (ISettlementRules.Effects memory) {
        _check(statement);
        if (progress.segment != claim.segments.length) revert WrongProgress(progress.r1, progress.segment);
        return _effects;
    }

    function _check(ISettlementRules.Statement calldata statement) private view {
        if (_expected != 0 && keccak256(abi.encode(statement)) != _expected) revert OtherStatement(statement);
    }
}

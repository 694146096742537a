// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "./interfaces/ISettlement.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Bn254} from "./libraries/Bn254.sol";

/// @title What never changes about a settlement contract: its verifier, the sizes of its circuits and its domain
/// @notice Sizes are read from the verifier once, so that they are those its keys were made for. A verifier with development keys is
/// refused off a local chain.
abstract contract CircuitParameters is ISettlement {
    /// @inheritdoc ISettlement
    IVerifier public immutable override verifier;
    /// @inheritdoc ISettlement
    uint256 public immutable override domain;

    bytes32 private constant DOMAIN_TAG = "tacit.domain.1";

    uint256 internal immutable CHAIN_ID;
    /// @dev Leaves of the state tree.
    uint256 internal immutable CAPACITY;
    uint256 internal immutable TOUCHES_PER_SEGMENT;
    uint256 internal immutable ORDERS_PER_TOUCH;
    uint256 internal immutable WORDS_PER_TOUCH;
    uint256 internal immutable RISK_ROWS;
    uint256 internal immutable SETTLED_ROWS;
    /// @dev Commitment to the running sums before the first segment.
    uint256 internal immutable SUMS_START;

    constructor(IVerifier verifier_) {
        IVerifier.Parameters memory parameters = verifier_.parameters();
        if (parameters.development && block.chainid != 31337 && block.chainid != 1337) {
            revert DevelopmentKeys(block.chainid);
        }
        verifier = verifier_;
        CHAIN_ID = block.chainid;
        domain = uint256(keccak256(abi.encode(DOMAIN_TAG, block.chainid, address(this)))) % Bn254.P;
        CAPACITY = 8 ** parameters.depth;
        TOUCHES_PER_SEGMENT = parameters.touches;
        ORDERS_PER_TOUCH = parameters.orders;
        WORDS_PER_TOUCH = parameters.wordsPerTouch;
        RISK_ROWS = parameters.riskRows;
        SETTLED_ROWS = parameters.settledRows;
        SUMS_START = parameters.sumsStart;
    }
}

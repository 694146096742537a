// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Settlement} from "./Settlement.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";

/// @title Settlement with one operator and no tokens: for demonstrations, tests and local chains
/// @notice All checks of `Settlement` hold here as they do where money is at stake; only the roles are reduced to a single
/// operator, who posts epochs, seals, voids, and enters deposits and exit requests on behalf of others. It holds no token, so
/// what is claimable here is a record. `settle` stays open to anyone.
contract LocalSettlement is Settlement {
    /// @notice The only address that may call the functions of the operator.
    address public immutable operator;

    /// @notice `caller` is not the operator.
    error NotOperator(address caller);

    modifier onlyOperator() {
        if (msg.sender != operator) revert NotOperator(msg.sender);
        _;
    }

    /// @param verifier_ Verifier of the proofs.
    /// @param operator_ See `operator`.
    /// @param genesisRoot Root of the tree that holds the fund's empty account and nothing else, under this contract's domain.
    /// @param fundOwner Owner of account 0.
    /// @param terms_ Fee rate and margin ratio, for good.
    constructor(IVerifier verifier_, address operator_, uint256 genesisRoot, uint256 fundOwner, Terms memory terms_)
        Settlement(verifier_, genesisRoot, fundOwner, terms_)
    {
        operator = operator_;
    }

    /// @notice Puts a risk table in force (see `Epochs._postEpoch`). Returns its number.
    function postEpoch(
        uint256 riskRoot,
        uint32[] calldata ids,
        uint32[] calldata previousIds,
        SettledInstrument[] calldata settled
    ) external onlyOperator returns (uint32) {
        return _postEpoch(riskRoot, ids, previousIds, settled);
    }

    /// @notice Seals the next batch. Returns its number.
    function seal(SealRequest calldata request) external onlyOperator returns (uint32) {
        return _seal(request);
    }

    /// @notice Gives the sealed batch up. Returns its number. At the operator's discretion and free of charge: it also ends every order
    /// without `survives` whose first batch is not after this one (see `Settlement._void`).
    function voidBatch() external onlyOperator returns (uint32) {
        return _void();
    }

    /// @notice Queues a deposit of `amount` token units for `owner`. Returns queue position and account index.
    function enqueueDeposit(uint256 owner, uint64 amount, address payer)
        external
        onlyOperator
        returns (uint64 entry, uint32 index)
    {
        return _enqueueDeposit(owner, amount, payer);
    }

    /// @notice Takes a deposit that no seal has locked out of the queue.
    function returnDeposit(uint64 entry) external onlyOperator {
        _returnDeposit(entry);
    }

    /// @notice Queues an exit request of `amount` token units from account `index`. Returns its queue position.
    function requestExit(uint32 index, uint64 amount, address recipient) external onlyOperator returns (uint64) {
        return _requestExit(index, amount, recipient);
    }
}

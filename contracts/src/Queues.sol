// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CircuitParameters} from "./CircuitParameters.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Bn254} from "./libraries/Bn254.sol";

/// @title Accounts, the queues into the batches, and what is owed out of them
/// @notice Deposits and exit requests wait in two queues. A seal locks a prefix of each; the batch that is settled must answer
/// exactly that prefix. An account belongs to one owner for ever, so all its deposits are to the same owner, and it has at most
/// one exit request at a time. Withdrawals are credited and pulled. Tokens, fees and delays are left to the contract that
/// inherits: nothing here moves money.
abstract contract Queues is CircuitParameters {
    /// @dev Bound on what can be inside at once, in token units (10⁻⁶): keeps the cash of every account far inside its range.
    uint256 internal constant MAX_OUTSTANDING = 2 ** 60;

    /// @inheritdoc ISettlement
    uint32 public override accounts;
    /// @inheritdoc ISettlement
    uint256 public override totalClaimable;
    /// @inheritdoc ISettlement
    mapping(address => uint256) public override claimable;
    /// @inheritdoc ISettlement
    mapping(uint32 => uint256) public override ownerOf;

    /// @dev Token units queued and not returned, less what was credited for withdrawal; at least 0.
    uint256 private _outstanding;
    uint64 private _depositHead;
    uint64 private _depositTail;
    uint64 private _exitHead;
    uint64 private _exitTail;
    /// @dev Index of an owner's account, plus one.
    mapping(uint256 => uint32) private _accountPlusOne;
    mapping(uint64 => Deposit) private _deposits;
    mapping(uint64 => ExitRequest) private _exits;
    mapping(uint32 => bool) private _exitOpen;

    constructor(uint256 fundOwner) {
        _checkOwner(fundOwner);
        _assign(fundOwner);
    }

    /// @inheritdoc ISettlement
    function accountOf(uint256 owner) public view override returns (bool assigned, uint32 index) {
        uint32 plusOne = _accountPlusOne[owner];
        return plusOne == 0 ? (false, 0) : (true, plusOne - 1);
    }

    /// @inheritdoc ISettlement
    function deposits(uint64 entry) public view override returns (Deposit memory) {
        return _deposits[entry];
    }

    /// @inheritdoc ISettlement
    function exits(uint64 entry) public view override returns (ExitRequest memory) {
        return _exits[entry];
    }

    /// @inheritdoc ISettlement
    function depositQueue() public view override returns (uint64 head, uint64 tail) {
        return (_depositHead, _depositTail);
    }

    /// @inheritdoc ISettlement
    function exitQueue() public view override returns (uint64 head, uint64 tail) {
        return (_exitHead, _exitTail);
    }

    /// @dev Queues a deposit of `amount` token units to the account of `owner`, which is assigned if the owner has none.
    function _enqueueDeposit(uint256 owner, uint64 amount, address payer)
        internal
        returns (uint64 entry, uint32 index)
    {
        _checkOwner(owner);
        if (amount == 0) revert ZeroAmount();
        uint256 total = _outstanding + amount;
        if (total > MAX_OUTSTANDING) revert DepositCap(total, MAX_OUTSTANDING);
        bool assigned;
        (assigned, index) = accountOf(owner);
        if (!assigned) index = _assign(owner);
        entry = _depositTail++;
        _outstanding = total;
        _deposits[entry] = Deposit(payer, amount, index);
        emit DepositQueued(entry, index, payer, amount);
    }

    /// @dev Takes a deposit that no seal has locked out of the queue; what it returns is owed to the payer.
    function _returnDeposit(uint64 entry) internal returns (Deposit memory deposit) {
        deposit = _deposits[entry];
        if (entry < _lockedDeposits() || deposit.amount == 0) revert NotReturnable(entry);
        _deposits[entry].amount = 0;
        _outstanding -= deposit.amount;
        emit DepositReturned(entry, deposit.index, deposit.payer, deposit.amount);
    }

    /// @dev Queues a request to pay up to `amount` token units from account `index` to `recipient`. The caller has checked that the
    /// account's owner wants it.
    function _requestExit(uint32 index, uint64 amount, address recipient) internal returns (uint64 entry) {
        if (index == 0 || index >= accounts) revert NoSuchAccount(index);
        if (amount == 0) revert ZeroAmount();
        if (_exitOpen[index]) revert ExitOpen(index);
        entry = _exitTail++;
        _exitOpen[index] = true;
        _exits[entry] = ExitRequest(recipient, amount, index);
        emit ExitRequested(entry, index, recipient, amount);
    }

    /// @dev Takes all that `recipient` may claim off the books; the caller pays it out.
    function _takeClaim(address recipient) internal returns (uint256 amount) {
        amount = claimable[recipient];
        claimable[recipient] = 0;
        totalClaimable -= amount;
    }

    /// @dev Makes `amount` token units from account `index` claimable by `recipient`.
    function _credit(uint32 batch_, uint32 index, address recipient, uint256 amount) internal {
        claimable[recipient] += amount;
        totalClaimable += amount;
        _outstanding -= amount < _outstanding ? amount : _outstanding;
        emit WithdrawalCredited(batch_, index, recipient, amount);
    }

    /// @dev Deposits at positions below this can no longer be returned.
    function _lockedDeposits() internal view virtual returns (uint64) {
        return _depositHead;
    }

    /// @dev Marks all deposits below `end` as credited.
    function _advanceDeposits(uint64 end) internal {
        _depositHead = end;
    }

    /// @dev Marks all exit requests below `end` as answered; `_answerExit` was called for each.
    function _advanceExits(uint64 end) internal {
        _exitHead = end;
    }

    /// @dev Records the answer to an exit request.
    function _answerExit(uint32 batch_, uint64 entry, ExitRequest memory request, uint256 paid) internal {
        _exitOpen[request.index] = false;
        if (paid != 0) _credit(batch_, request.index, request.recipient, paid);
        emit ExitAnswered(entry, batch_, request.amount, paid);
    }

    function _checkOwner(uint256 owner) private pure {
        if (owner == 0 || owner >= Bn254.P) revert InvalidOwner(owner);
    }

    function _assign(uint256 owner) private returns (uint32 index) {
        index = accounts;
        if (index >= CAPACITY) revert TreeFull(CAPACITY);
        accounts = index + 1;
        ownerOf[index] = owner;
        _accountPlusOne[owner] = index + 1;
        emit AccountAssigned(index, owner);
    }
}

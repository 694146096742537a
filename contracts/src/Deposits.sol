// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ledger} from "./Ledger.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bn254} from "./libraries/Bn254.sol";

/// @title Accounts and the queue of deposits
/// @notice An account belongs to one owner for ever and is assigned at the owner's first deposit. Deposits wait in a queue; a seal locks
/// a prefix of it, and what no seal has locked can be taken back out. A deposit that waits too long is returned by anyone; it never
/// freezes the vault.
abstract contract Deposits is Ledger {
    /// @dev `previous` is the account's deposit before this one, plus one; 0 if there is none.
    struct Queued {
        address payer;
        uint64 amount;
        uint32 index;
        uint40 time;
        uint64 previous;
    }

    /// @dev What is kept of an account. `lastDeposit` is the queue position of its last deposit, plus one.
    struct Account {
        uint256 owner;
        uint64 lastDeposit;
        uint32 exits;
        bool exitOpen;
    }

    /// @inheritdoc IVault
    uint32 public override accounts;

    uint64 internal _depositHead;
    uint64 private _depositTail;
    mapping(uint32 => Account) internal _accounts;
    /// @dev Index of an owner's account, plus one.
    mapping(uint256 => uint32) private _accountPlusOne;
    mapping(uint64 => Queued) private _deposits;

    constructor(uint256 fundOwner) {
        _checkOwner(fundOwner);
        _assign(fundOwner);
    }

    /// @inheritdoc IVault
    function deposit(uint256 owner, uint64 amount)
        external
        override
        running
        guarded
        returns (uint64 entry, uint32 index)
    {
        if (amount < _limits.minDeposit) revert DepositTooSmall(amount, _limits.minDeposit);
        _checkOwner(owner);
        _countDeposit(amount);
        bool assigned;
        (assigned, index) = accountOf(owner);
        if (!assigned) index = _assign(owner);
        entry = _depositTail++;
        Account storage account = _accounts[index];
        _deposits[entry] = Queued(msg.sender, amount, index, uint40(block.timestamp), account.lastDeposit);
        account.lastDeposit = entry + 1;
        emit DepositQueued(entry, index, msg.sender, amount);
        _pull(amount);
    }

    /// @inheritdoc IVault
    function returnDeposit(uint64 entry) external override guarded {
        Queued storage queued = _deposits[entry];
        uint64 amount = queued.amount;
        if (amount == 0 || entry < _lockedDeposits()) revert NotReturnable(entry);
        uint40 from = queued.time + _delays.depositTime;
        if (msg.sender != OPERATOR && frozenAt == 0 && block.timestamp < from) revert ReturnTooEarly(entry, from);
        queued.amount = 0;
        address payer = queued.payer;
        _refund(payer, amount);
        emit DepositReturned(entry, queued.index, payer, amount);
    }

    /// @inheritdoc IVault
    function deposits(uint64 entry) public view override returns (Deposit memory) {
        Queued storage queued = _deposits[entry];
        return Deposit(queued.payer, queued.amount, queued.index, queued.time);
    }

    /// @inheritdoc IVault
    function depositQueue() public view override returns (uint64 head, uint64 tail) {
        return (_depositHead, _depositTail);
    }

    /// @inheritdoc IVault
    function accountOf(uint256 owner) public view override returns (bool assigned, uint32 index) {
        uint32 plusOne = _accountPlusOne[owner];
        return plusOne == 0 ? (false, 0) : (true, plusOne - 1);
    }

    /// @inheritdoc IVault
    function ownerOf(uint32 index) public view override returns (uint256) {
        return _accounts[index].owner;
    }

    /// @dev Deposits at positions below this can no longer be returned.
    function _lockedDeposits() internal view virtual returns (uint64);

    /// @dev Account and amount of a queued deposit; 0 if it was returned.
    function _depositAt(uint64 entry) internal view returns (uint32 index, uint64 amount) {
        Queued storage queued = _deposits[entry];
        return (queued.index, queued.amount);
    }

    /// @dev Whether account `index` has a deposit that is queued below `end` and was not returned. Walks its own queued deposits.
    function _hasDepositBelow(uint32 index, uint64 end) internal view returns (bool) {
        uint64 next = _accounts[index].lastDeposit;
        while (next > _depositHead) {
            Queued storage queued = _deposits[next - 1];
            if (next <= end && queued.amount != 0) return true;
            next = queued.previous;
        }
        return false;
    }

    function _checkOwner(uint256 owner) private pure {
        if (owner == 0 || owner >= Bn254.P) revert InvalidOwner(owner);
    }

    function _assign(uint256 owner) private returns (uint32 index) {
        index = accounts;
        if (index >= CAPACITY) revert TreeFull(CAPACITY);
        accounts = index + 1;
        _accounts[index].owner = owner;
        _accountPlusOne[owner] = index + 1;
        emit AccountAssigned(index, owner);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {VaultBase} from "./VaultBase.sol";
import {IVault} from "./interfaces/IVault.sol";

/// @title The vault's tokens and who may claim them
/// @notice Every transfer is measured by the balance before and after it, so that a token which takes a fee, rebases or lies is noticed
/// and the call reverts. What leaves is credited first and pulled by `claim`; deposits that no batch has credited are never paid out
/// for it, neither while they are queued nor once they are returned: a returned deposit is its payer's alone.
abstract contract Ledger is VaultBase {
    /// @dev Three sums of token units, all bounded by what the token can hold in amounts below 2⁶⁴.
    struct Sums {
        /// Queued and not returned.
        uint64 pending;
        /// Queued and not returned, less what was credited for withdrawal; at least 0. Bounded by the deposit cap.
        uint64 inside;
        /// Received less paid out; at least 0.
        uint128 counted;
    }

    /// @inheritdoc IVault
    uint256 public override totalClaimable;
    /// @inheritdoc IVault
    mapping(address => uint256) public override claimable;

    Sums private _sums;
    /// @dev Part of `claimable` that is of returned deposits, and the sum of these parts: set aside for their payers.
    mapping(address => uint256) private _refunds;
    uint256 private _totalRefunds;

    /// @inheritdoc IVault
    function claim(address recipient) external override guarded returns (uint256 paid) {
        _checkRecipient(recipient);
        uint256 held = _held();
        Sums memory sums = _sums;
        paid = claimable[recipient];
        uint256 refund = _refunds[recipient];
        uint256 others = sums.pending + _totalRefunds - refund;
        uint256 free = held > others ? held - others : 0;
        if (paid > free) paid = free;
        if (paid == 0) revert NothingToClaim(recipient);

        if (refund != 0) {
            if (refund > paid) refund = paid;
            _refunds[recipient] -= refund;
            _totalRefunds -= refund;
        }
        claimable[recipient] -= paid;
        totalClaimable -= paid;
        // Tokens that were never deposited count for nothing and can be paid out all the same.
        // forge-lint: disable-next-line(unsafe-typecast)
        _sums.counted = sums.counted > paid ? sums.counted - uint128(paid) : 0;
        emit Claimed(recipient, paid);

        SafeTransferLib.safeTransfer(token, recipient, paid);
        uint256 left = _held();
        uint256 moved = left < held ? held - left : 0;
        if (moved != paid) revert WrongTransfer(moved, paid);
    }

    /// @inheritdoc IVault
    function pendingDeposits() external view override returns (uint256) {
        return _sums.pending;
    }

    /// @dev Counts a deposit; `_pull` fetches it.
    function _countDeposit(uint64 amount) internal {
        Sums storage sums = _sums;
        uint256 total = uint256(sums.inside) + amount;
        if (total > _limits.depositCap) revert DepositCap(total, _limits.depositCap);
        // forge-lint: disable-next-line(unsafe-typecast)
        sums.inside = uint64(total); // at most the cap
        sums.pending += amount; // at most what is inside
    }

    /// @dev Fetches a deposit from the caller.
    function _pull(uint64 amount) internal {
        uint256 before = _held();
        uint128 counted = _sums.counted;
        if (before < counted) revert TokenMissing(before, counted);
        _sums.counted = counted + amount;
        SafeTransferLib.safeTransferFrom(token, msg.sender, address(this), amount);
        uint256 held = _held();
        uint256 moved = held > before ? held - before : 0;
        if (moved != amount) revert WrongTransfer(moved, amount);
    }

    /// @dev Turns a queued deposit into a claim of its payer, paid out to nobody else.
    function _refund(address payer, uint64 amount) internal {
        _sums.pending -= amount;
        _refunds[payer] += amount;
        _totalRefunds += amount;
        _sums.inside = _less(_sums.inside, amount);
        _owe(payer, amount);
    }

    /// @dev Turns queued deposits into cash of accounts.
    function _bookDeposits(uint64 amount) internal {
        _sums.pending -= amount;
    }

    /// @dev Turns cash of account `index` into a claim of `recipient`.
    function _credit(uint32 batch_, uint32 index, address recipient, uint256 amount) internal {
        _sums.inside = _less(_sums.inside, amount);
        _owe(recipient, amount);
        emit WithdrawalCredited(batch_, index, recipient, amount);
    }

    /// @dev Makes `amount` claimable by `recipient`.
    function _owe(address recipient, uint256 amount) internal {
        claimable[recipient] += amount;
        totalClaimable += amount;
    }

    /// @dev Tokens held that are neither claimable nor a queued deposit's.
    function _unowed() internal view returns (uint256) {
        uint256 held = _held();
        uint256 owed = totalClaimable + _sums.pending;
        return held > owed ? held - owed : 0;
    }

    /// @dev A token that does not answer is no token of balance 0: what everybody is paid could be fixed by it for ever.
    function _held() private view returns (uint256 held) {
        bool answered;
        (answered, held) = SafeTransferLib.checkBalanceOf(token, address(this));
        if (!answered) revert TokenMissing(0, _sums.counted);
    }

    function _less(uint64 from, uint256 amount) private pure returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return amount < from ? from - uint64(amount) : 0; // less than `from`
    }
}

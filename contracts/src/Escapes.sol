// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Effects} from "./Effects.sol";
import {IVault} from "./interfaces/IVault.sol";

/// @title The end of a vault: retirement, freeze, and what everyone leaves with
/// @notice A vault whose operator leaves an exit request unanswered, or whose announced end has come, is frozen by anyone, for ever. Then
/// every owner shows what the account is worth at the marks of the last settled batch. Those who do so within the window share alike;
/// who comes later is paid from what they left; leaf 0, which the fees went to, comes last of all.
abstract contract Escapes is Effects {
    uint256 private constant SLOT_BITS = 69;

    mapping(uint32 => Escape) private _escapes;
    /// @dev Worth of all escapes of the window.
    uint256 private _totalEquity;
    uint256 private _pot;
    /// @dev What the shares of the window left of the pot and no later escape has been paid.
    uint256 private _left;
    bool private _potFixed;

    // ------------------------------------------------------------------------------------------------------- the way in

    /// @inheritdoc IVault
    function retire(address successor) external override onlyOperator running {
        if (_retiresAt != 0) revert AlreadyRetiring(_retiresAt);
        uint40 time = uint40(block.timestamp) + _delays.notice;
        (_successor, _retiresAt) = (successor, time);
        emit Retiring(successor, time);
    }

    /// @inheritdoc IVault
    function freeze() external override running {
        if (!_retired() && earliestDeadline(_exitHead) >= block.timestamp) revert NoReasonToFreeze();
        if (_sealed.touches != 0) {
            if (block.timestamp <= _sealUntil(_sealed)) revert SealInForce(_sealed.batch);
            _void();
        }
        _expireOpening();
        frozenAt = uint40(block.timestamp);
        emit Frozen(root, lastSettledEpoch, _windowEnd());
    }

    // ------------------------------------------------------------------------------------------------------ the way out

    /// @inheritdoc IVault
    function escape(EscapeClaim calldata claim_) external override {
        _requireFrozen();
        uint32 epoch = lastSettledEpoch;
        if (epoch == 0) revert NoEpoch();
        if (claim_.index >= accounts) revert NoSuchAccount(claim_.index);
        _checkRecipient(claim_.recipient);
        if (_escapes[claim_.index].recipient != address(0)) revert AlreadyEscaped(claim_.index);
        accountVerifier.verifyEscape(claim_.proof, _escapeInputs(claim_, epoch));

        bool inWindow = claim_.index != 0 && block.timestamp <= _windowEnd();
        _escapes[claim_.index] = Escape(claim_.recipient, claim_.equity, inWindow, false);
        if (inWindow) _totalEquity += claim_.equity;
        emit EscapeRegistered(claim_.index, claim_.recipient, claim_.equity, inWindow);
    }

    /// @inheritdoc IVault
    function payEscape(uint32 index) external override guarded {
        Escape memory held = _escapes[index];
        if (held.recipient == address(0)) revert NotEscaped(index);
        if (held.paid) revert EscapeAlreadyPaid(index);
        uint40 until = index == 0 ? _windowEnd() + _delays.claimWindow : _windowEnd();
        if (block.timestamp <= until) revert WindowOpen(until);
        if (!_potFixed) _fixPot();

        uint256 amount = held.inWindow ? _share(held.equity) : _takeLeft(held.equity);
        _escapes[index].paid = true;
        if (amount != 0) _owe(held.recipient, amount);
        emit EscapePaid(index, held.recipient, amount);
    }

    /// @inheritdoc IVault
    function escapes(uint32 index) external view override returns (Escape memory) {
        return _escapes[index];
    }

    /// @inheritdoc IVault
    function pot() external view override returns (uint256 amount, uint256 totalEquity) {
        return _potFixed ? (_pot, _totalEquity) : (0, 0);
    }

    function _windowEnd() private view returns (uint40) {
        return frozenAt + _delays.claimWindow;
    }

    function _fixPot() private {
        (uint256 amount, uint256 total) = (_unowed(), _totalEquity);
        (_pot, _potFixed) = (amount, true);
        _left = amount > total ? amount - total : 0;
        emit PotFixed(amount, total);
    }

    /// @dev What an escape of the window is paid, rounded down.
    function _share(uint256 equity) private view returns (uint256) {
        return _pot >= _totalEquity ? equity : equity * _pot / _totalEquity;
    }

    function _takeLeft(uint256 equity) private returns (uint256 amount) {
        amount = equity < _left ? equity : _left;
        _left -= amount;
    }

    /// @dev Public inputs of an escape: all but the claim is the vault's. Values of instruments that left the table are its own.
    function _escapeInputs(EscapeClaim calldata claim_, uint32 epoch) private view returns (uint256[] memory inputs) {
        uint256 words = (POSITIONS + 2) / 3;
        if (claim_.settled.length != words) revert WrongWords(claim_.settled.length, words);
        inputs = new uint256[](6 + words);
        inputs[0] = domain;
        inputs[1] = root;
        inputs[2] = _epochs[epoch].riskRoot;
        inputs[3] = claim_.index;
        inputs[4] = uint160(claim_.recipient);
        inputs[5] = claim_.equity;
        for (uint256 i = 0; i < words; ++i) {
            uint256 word = claim_.settled[i];
            inputs[6 + i] = word;
            // The third slot takes whatever is above the second: a value too large is none of ours.
            for (uint256 slot = 0; slot < 3; ++slot) {
                uint256 entry = slot < 2 ? word & (2 ** SLOT_BITS - 1) : word;
                if (entry != 0) _checkSettled(entry, epoch);
                word >>= SLOT_BITS;
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "../interfaces/IVault.sol";

/// @title Bounds of a vault's parameters
/// @notice Checked once, when a vault is made. A vault whose parameters pass can be used by everyone named in them, and by traders who
/// trust none of them: no delay is so short that an honest operator must fail, and none so long that leaving is a word only.
library Bounds {
    uint256 internal constant MAX_SIGNERS = 16;
    /// @notice Most token units that may be inside: keeps the cash of every account far inside its range (protocol, section 10).
    uint256 internal constant MAX_CAP = 2 ** 60;
    uint256 internal constant MAX_EXIT_FEE = 0.02 ether;
    /// @notice Most exit requests that fall due at once: no more than one transaction pays beside the deposits and withdrawals of a batch.
    uint256 internal constant MAX_EXITS = 96;

    /// @notice Reverts with `ParameterOutOfBounds` and the name of the first parameter outside its bounds.
    function checkDelays(IVault.Delays memory d) internal pure {
        _within("epochAge", d.epochAge, 1 minutes, 1 days);
        _within("openTime", d.openTime, 1 minutes, 1 days);
        _within("settleTime", d.settleTime, 1 minutes, 1 days);
        _within("rewardStart", d.rewardStart, 1, d.settleTime - 1);
        // What is queued when a batch is sealed waits for its end and for the next one to be sealed.
        uint256 round = uint256(d.openTime) + d.settleTime;
        _within("depositTime", d.depositTime, round, 30 days);
        _within("exitTime", d.exitTime, round, 14 days);
        _within("claimWindow", d.claimWindow, 1 days, 90 days);
        // Who asks when the end is announced is answered before it comes.
        _within("notice", d.notice, d.exitTime > 7 days ? d.exitTime : 7 days, 180 days);
    }

    /// @notice As `checkDelays`. A deadline of an exit request is at most 13 · exitTime after it.
    function checkLimits(IVault.Limits memory l) internal pure {
        _within("depositCap", l.depositCap, 1, MAX_CAP);
        _within("minDeposit", l.minDeposit, 1, l.depositCap);
        _within("exitsPerPeriod", l.exitsPerPeriod, 4, MAX_EXITS);
        _within("exitFee", l.exitFee, 0, MAX_EXIT_FEE);
    }

    /// @notice Reverts unless all roles are different, none is 0, signers increase and most of them must sign.
    function checkRoles(IVault.Roles memory r) internal pure {
        uint256 signers = r.epochSigners.length;
        _within("epochSigners", signers, 1, MAX_SIGNERS);
        _within("epochThreshold", r.epochThreshold, signers / 2 + 1, signers);
        if (r.operator == address(0)) revert IVault.RoleTwice(r.operator);
        if (r.receiptSigner == address(0) || r.receiptSigner == r.operator) revert IVault.RoleTwice(r.receiptSigner);
        address last = address(0);
        for (uint256 i = 0; i < signers; ++i) {
            address signer = r.epochSigners[i];
            if (signer <= last || signer == r.operator || signer == r.receiptSigner) revert IVault.RoleTwice(signer);
            last = signer;
        }
    }

    /// @notice Reverts unless fee rate and margin ratio are in their ranges (protocol, section 11).
    function checkTerms(IVault.Terms memory t) internal pure {
        if (t.feeRate > 9999) revert IVault.FeeRateOutOfRange(t.feeRate);
        if (t.den == 0 || t.den > 4 || t.num < t.den || t.num > 5) revert IVault.RatioOutOfRange(t.num, t.den);
    }

    function _within(bytes32 name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert IVault.ParameterOutOfBounds(name, value, least, most);
    }
}

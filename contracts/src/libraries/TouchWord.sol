// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Word 0 of a touch (protocol, section 8)
/// @notice index (21 bits), live, exit, opens (a bit each), deposit or requested exit (64 bits), paid out (74 bits); amounts in token
/// units. The segment circuit ranges the word to these 162 bits.
library TouchWord {
    /// @notice Bits of the word that have a meaning; the others are 0.
    uint256 internal constant BITS = 162;

    /// @notice Account index of the touch.
    function index(uint256 word) internal pure returns (uint256) {
        return word & 0x1fffff;
    }

    /// @notice False for padding.
    function live(uint256 word) internal pure returns (bool) {
        return word & (1 << 21) != 0;
    }

    /// @notice Whether the touch answers an exit request.
    function exit(uint256 word) internal pure returns (bool) {
        return word & (1 << 22) != 0;
    }

    /// @notice Whether the account is opened by this touch.
    function opens(uint256 word) internal pure returns (bool) {
        return word & (1 << 23) != 0;
    }

    /// @notice Sum of the credited deposits or, of an exit touch, the requested amount.
    function amount(uint256 word) internal pure returns (uint256) {
        return (word >> 24) & type(uint64).max;
    }

    /// @notice What leaves the account: a withdrawal made or an exit paid.
    function paid(uint256 word) internal pure returns (uint256) {
        return word >> 88;
    }

    /// @notice Whether the touch credits, answers, opens or pays anything: what a contract that holds the money must hear of.
    function concernsVault(uint256 word) internal pure returns (bool) {
        return word >> 22 != 0; // all that is above index and live
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title What a vault asks of its token besides the transfers
interface IToken {
    /// @notice Decimals of its amounts.
    function decimals() external view returns (uint8);
}

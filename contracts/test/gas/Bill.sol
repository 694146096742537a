// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "test/helpers/Test.sol";

/// @notice The cheat code that says what a call cost.
interface VmGas {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function lastCallGas() external view returns (Gas memory);
}

/// @title Calls that are paid for, and what they cost
/// @notice `make bench` runs these tests with `forge test --isolate`, where each call is a transaction of its own with the 21,000 gas and
/// the calldata of one, no slot warm from the call before it, and reads the events. Without that flag the same calls cost less, and
/// only the limits are of interest.
abstract contract Bill is Test {
    /// @param transactions How many transactions.
    /// @param bytes_ Calldata of all of them.
    /// @param zeros Bytes of it that are zero.
    /// @param gas_ Gas of all of them where calldata has no least price.
    /// @param floored Gas of all of them, each at least 21,000 and 40 for a byte of calldata, 10 if it is zero (EIP-7623).
    /// @param largestGas Most gas of one, at the least price.
    /// @param largestBytes Most calldata of one.
    struct Sum {
        uint256 transactions;
        uint256 bytes_;
        uint256 zeros;
        uint256 gas_;
        uint256 floored;
        uint256 largestGas;
        uint256 largestBytes;
    }

    /// @notice What a call costs, or several that belong together.
    event Measured(string call, string params, bool validium, uint256 segments, uint256 orders, Sum sum);

    /// @dev EIP-7825: most gas of a transaction.
    uint256 internal constant TRANSACTION_GAS = 2 ** 24;
    /// @dev Most bytes of a transaction that nodes pass on.
    uint256 internal constant TRANSACTION_BYTES = 128 * 1024;

    /// @dev Sends a call as `sender` and adds what it costs to `sum`.
    function _pay(Sum memory sum, address sender, address to, uint256 value, bytes memory data)
        internal
        returns (bytes memory answer)
    {
        vm.prank(sender, sender);
        bool ok;
        (ok, answer) = to.call{value: value}(data);
        uint256 used = VmGas(address(vm)).lastCallGas().gasTotalUsed;
        assertTrue(ok, "is accepted");
        _add(sum, data, used);
    }

    function _add(Sum memory sum, bytes memory data, uint256 used) private pure {
        uint256 zeros = _zeros(data);
        uint256 least = 21_000 + 10 * (4 * data.length - 3 * zeros);
        uint256 floored = used < least ? least : used;
        assertLe(floored, TRANSACTION_GAS, "gas of a transaction");
        assertLe(data.length, TRANSACTION_BYTES, "bytes of a transaction");
        ++sum.transactions;
        sum.bytes_ += data.length;
        sum.zeros += zeros;
        sum.gas_ += used;
        sum.floored += floored;
        if (floored > sum.largestGas) sum.largestGas = floored;
        if (data.length > sum.largestBytes) sum.largestBytes = data.length;
    }

    function _zeros(bytes memory data) private pure returns (uint256 zeros) {
        uint256 length = data.length;
        assembly ("memory-safe") {
            let end := add(add(data, 0x20), length)
            for { let at := add(data, 0x20) } lt(at, end) { at := add(at, 1) } {
                zeros := add(zeros, iszero(byte(0, mload(at))))
            }
        }
    }

    function _create(bytes memory code) internal virtual returns (address made) {
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
    }
}

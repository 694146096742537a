// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The earliest deadline from a position of a queue on
/// @notice Deadlines of a queue's entries need not increase. Kept are those that no later entry undercuts: their positions and their
/// deadlines both increase, so that the earliest deadline among the entries from a position on is that of the first one kept there.
/// Adding an entry and asking cost a search of the kept ones, however many fall away; what fell away is overwritten later.
library Deadlines {
    /// @notice An entry kept.
    struct Entry {
        uint64 position;
        uint40 deadline;
    }

    /// @notice The entries kept: the first `count` of `entries`.
    struct Stack {
        uint256 count;
        mapping(uint256 => Entry) entries;
    }

    /// @notice Adds an entry; positions increase from call to call.
    function push(Stack storage self, uint64 position, uint40 deadline) internal {
        uint256 low = 0;
        uint256 high = self.count;
        unchecked {
            while (low < high) {
                uint256 middle = (low + high) / 2;
                if (self.entries[middle].deadline < deadline) low = middle + 1;
                else high = middle;
            }
            self.entries[low] = Entry(position, deadline);
            self.count = low + 1;
        }
    }

    /// @notice Earliest deadline among the entries at positions from `position` on; `type(uint40).max` if there is none.
    function earliest(Stack storage self, uint64 position) internal view returns (uint40) {
        uint256 low = 0;
        uint256 count = self.count;
        uint256 high = count;
        unchecked {
            while (low < high) {
                uint256 middle = (low + high) / 2;
                if (self.entries[middle].position < position) low = middle + 1;
                else high = middle;
            }
        }
        return low == count ? type(uint40).max : self.entries[low].deadline;
    }
}

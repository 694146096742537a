// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Batches} from "./Batches.sol";
import {TouchWord} from "./libraries/TouchWord.sol";

/// @title What a settled batch does to the queues and to what is owed
/// @notice The touches of a batch must credit and answer exactly what its seal locked of the queues, open accounts for exactly the owners
/// they were assigned to, and what they pay becomes claimable. No recipient is called and none is refused: nothing that a trader can
/// do makes a proven settlement fail.
abstract contract Effects is Batches {
    /// @dev Marks an exit beside its amount in a list of what the touches say.
    uint256 private constant EXIT = 1 << 64;
    /// @dev Words of a touch in the list: word 0, owner, recipient.
    uint256 private constant WORDS = 3;

    /// @param touches Words 0, 3 and 4 of every touch that concerns the vault, indices increasing, as the proofs show.
    function _applyTouches(Seal memory sealed_, uint256[] memory touches) internal override {
        uint256[] memory said = new uint256[](touches.length / WORDS);
        uint256 amounts = 0;
        uint256 exits_ = 0;
        // Amounts are below 2⁶⁴, and what is taken was said before: sums of thousands of them wrap nowhere.
        unchecked {
            for (uint256 i = 0; i < said.length; ++i) {
                uint256 word = touches[WORDS * i];
                uint256 amount = TouchWord.amount(word);
                _checkOwner(word, touches[WORDS * i + 1]);
                if (TouchWord.exit(word)) {
                    amount |= EXIT;
                    ++exits_;
                } else {
                    amounts += amount;
                    _creditWithdrawal(sealed_.batch, word, touches[WORDS * i + 2]);
                }
                said[i] = amount;
            }
            amounts -= _takeDeposits(sealed_.depositEnd, touches, said);
            exits_ -= _takeExits(sealed_, touches, said);
        }
        if (amounts != 0 || exits_ != 0) revert NotInQueue(amounts, exits_);
    }

    function _checkOwner(uint256 word, uint256 published) private view {
        if (!TouchWord.opens(word)) return;
        uint32 index = uint32(TouchWord.index(word));
        uint256 expected = ownerOf(index);
        if (published != expected) revert WrongOwner(index, published, expected);
    }

    function _creditWithdrawal(uint32 number, uint256 word, uint256 recipient) private {
        uint256 paid = TouchWord.paid(word);
        if (paid == 0) return;
        // forge-lint: disable-next-line(unsafe-typecast)
        _credit(number, uint32(TouchWord.index(word)), address(uint160(recipient)), paid); // below 2¹⁶⁰ by the rules
    }

    /// @dev Sum of the locked deposits, each taken from what its account's touch says it credits.
    function _takeDeposits(uint64 end, uint256[] memory touches, uint256[] memory said)
        private
        returns (uint256 taken)
    {
        for (uint64 entry = _depositHead; entry < end; ++entry) {
            (uint32 index, uint64 amount) = _depositAt(entry);
            if (amount == 0) continue;
            uint256 position = _positionOf(touches, index);
            if (position == said.length || said[position] >= EXIT || said[position] < amount) {
                revert QueueEntryMissing(entry, index);
            }
            unchecked {
                said[position] -= amount; // at least the amount
                taken += amount;
            }
        }
        _depositHead = end;
        // forge-lint: disable-next-line(unsafe-typecast)
        _bookDeposits(uint64(taken)); // part of the deposits pending, which are below 2⁶⁴
    }

    /// @dev Number of the locked exit requests, each answered by the touch of its account.
    function _takeExits(Seal memory sealed_, uint256[] memory touches, uint256[] memory said)
        private
        returns (uint256 taken)
    {
        for (uint64 entry = _exitHead; entry < sealed_.exitEnd; ++entry) {
            ExitRequest memory request = exits(entry);
            uint256 position = _positionOf(touches, request.index);
            if (position == said.length || said[position] != EXIT | request.amount) {
                revert QueueEntryMissing(entry, request.index);
            }
            said[position] = 0;
            ++taken;
            _answerExit(sealed_.batch, entry, request, TouchWord.paid(touches[WORDS * position]));
        }
        _exitHead = sealed_.exitEnd;
    }

    /// @dev Position of the touch of account `index` in the list; its length in touches if there is none.
    function _positionOf(uint256[] memory touches, uint256 index) private pure returns (uint256) {
        uint256 count = touches.length / WORDS;
        uint256 low = 0;
        uint256 high = count;
        unchecked {
            while (low < high) {
                uint256 middle = (low + high) / 2;
                if (TouchWord.index(touches[WORDS * middle]) < index) low = middle + 1;
                else high = middle;
            }
        }
        return low < count && TouchWord.index(touches[WORDS * low]) == index ? low : count;
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Deposits} from "./Deposits.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Deadlines} from "./libraries/Deadlines.sol";

/// @title The queue of exit requests and when each is late
/// @notice Only an account's owner can ask for its cash, to a recipient of the owner's choice, once at a time; each request is proven for
/// its own number, so that no proof serves twice. The more requests are open the later the next one's deadline, so that
/// junk does not make an operator late that answers as many a period as it promised; but only up to `MOST_PERIODS`, or an operator that
/// fills the queue with requests of its own would put off everybody's at the price of gas. A request is consumed by the batch that answers it.
abstract contract Exits is Deposits {
    using Deadlines for Deadlines.Stack;

    /// @dev Periods that open requests add to a deadline at most.
    uint256 private constant MOST_PERIODS = 12;

    uint64 internal _exitHead;
    uint64 private _exitTail;
    mapping(uint64 => ExitRequest) private _exits;
    Deadlines.Stack private _deadlines;

    /// @inheritdoc IVault
    function requestExit(uint32 index, uint64 amount, address recipient, uint256[8] calldata proof)
        external
        payable
        override
        running
        guarded
        returns (uint64 entry)
    {
        if (index == 0 || index >= accounts) revert NoSuchAccount(index);
        if (amount == 0) revert ZeroAmount();
        _checkRecipient(recipient);
        Account storage account = _accounts[index];
        if (account.exitOpen) revert ExitOpen(index);
        uint256 fee = _retiresAt == 0 ? _limits.exitFee : 0;
        if (msg.value != fee) revert WrongFee(msg.value, fee);
        accountVerifier.verifyExit(
            proof, [domain, account.owner, index, uint160(recipient), amount, uint256(account.exits)]
        );

        account.exitOpen = true;
        ++account.exits;
        entry = _enqueue(index, amount, recipient);
        if (fee != 0) bonds.owe{value: fee}(OPERATOR);
    }

    /// @inheritdoc IVault
    function exits(uint64 entry) public view override returns (ExitRequest memory) {
        return _exits[entry];
    }

    /// @inheritdoc IVault
    function exitCount(uint32 index) external view override returns (uint32) {
        return _accounts[index].exits;
    }

    /// @inheritdoc IVault
    function exitQueue() public view override returns (uint64 head, uint64 tail) {
        return (_exitHead, _exitTail);
    }

    /// @inheritdoc IVault
    function earliestDeadline(uint64 entry) public view override returns (uint40) {
        return _deadlines.earliest(entry);
    }

    /// @dev Records the answer to an exit request.
    function _answerExit(uint32 batch_, uint64 entry, ExitRequest memory request, uint256 paid) internal {
        _accounts[request.index].exitOpen = false;
        if (paid != 0) _credit(batch_, request.index, request.recipient, paid);
        emit ExitAnswered(entry, batch_, request.amount, paid);
    }

    function _enqueue(uint32 index, uint64 amount, address recipient) private returns (uint64 entry) {
        entry = _exitTail++;
        uint40 deadline;
        // At most 13 periods of at most 14 days from now: below 2⁴⁰.
        unchecked {
            uint256 periods = (entry - _exitHead) / _limits.exitsPerPeriod;
            if (periods > MOST_PERIODS) periods = MOST_PERIODS;
            // forge-lint: disable-next-line(unsafe-typecast)
            deadline = uint40(block.timestamp + (1 + periods) * _delays.exitTime);
        }
        _exits[entry] = ExitRequest(recipient, amount, index, deadline);
        _deadlines.push(entry, deadline);
        emit ExitRequested(entry, index, recipient, amount, deadline);
    }
}

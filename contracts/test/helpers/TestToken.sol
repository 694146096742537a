// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A token of 6 decimals that does as it is told, and can be told to misbehave in the ways that tokens do.
contract TestToken {
    enum Habit {
        Honest,
        AnswersNothing,
        AnswersFalse,
        TakesAFee,
        MovesNothing,
        MovesTwice,
        CallsBack
    }

    uint8 public decimals = 6;
    Habit public habit;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    address private _calledBack;
    bytes private _call;
    bytes public refusal;

    function setDecimals(uint8 decimals_) external {
        decimals = decimals_;
    }

    function setHabit(Habit habit_) external {
        habit = habit_;
    }

    /// @notice In each transfer from now on, calls `to` first and keeps what it refused with.
    function setCallBack(address to, bytes calldata call) external {
        (habit, _calledBack, _call) = (Habit.CallsBack, to, call);
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    /// @notice A rebase: the balance of `holder` falls.
    function burn(address holder, uint256 amount) external {
        balanceOf[holder] -= amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        if (habit == Habit.CallsBack) {
            (bool done, bytes memory answer) = _calledBack.call(_call);
            if (!done) refusal = answer;
        }
        uint256 taken = habit == Habit.MovesNothing ? 0 : habit == Habit.MovesTwice ? 2 * amount : amount;
        balanceOf[from] -= taken;
        balanceOf[to] += habit == Habit.TakesAFee ? taken - taken / 100 : taken;
        if (habit == Habit.AnswersNothing) return;
        uint256 answer_ = habit == Habit.AnswersFalse ? 0 : 1;
        assembly ("memory-safe") {
            mstore(0, answer_)
            return(0, 32)
        }
    }
}

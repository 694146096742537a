// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LocalSettlement} from "src/LocalSettlement.sol";
import {ISettlement} from "src/interfaces/ISettlement.sol";
import {SettlementFixture} from "test/helpers/SettlementFixture.sol";

/// @notice An operator who does anything allowed in any order, with a few owners; settlements are honest. What happened is kept beside
/// the contract for the invariants to compare.
contract Operator is SettlementFixture {
    uint256 internal constant OWNERS = 4;

    uint256 public settledRoot = GENESIS;
    uint256 public deposited;
    uint256 public settledBatches;
    mapping(uint256 => uint256) public cash;
    address[] public recipients;

    constructor() {
        _deploy();
        uint32[] memory ids = new uint32[](2);
        (ids[0], ids[1]) = (3, 9);
        _post(777, ids);
        for (uint256 i = 0; i < 3; ++i) {
            recipients.push(address(uint160(0xbeef + i)));
        }
    }

    function contractUnderTest() external view returns (LocalSettlement) {
        return settlement;
    }

    function deposit(uint256 owner, uint64 amount) external {
        amount = uint64(bound(amount, 1, 1e12));
        _deposit(0xa11ce + bound(owner, 0, OWNERS - 1), amount);
    }

    function takeBack(uint64 entry) external {
        (uint64 head, uint64 tail) = settlement.depositQueue();
        ISettlement.Seal memory held = settlement.currentSeal();
        uint64 first = held.touches == 0 ? head : held.depositEnd;
        if (first == tail) return;
        entry = uint64(bound(entry, first, tail - 1));
        if (settlement.deposits(entry).amount == 0) return;
        vm.prank(operator);
        settlement.returnDeposit(entry);
    }

    function exit(uint32 index, uint64 amount, uint256 to) external {
        if (settlement.accounts() < 2) return;
        index = uint32(bound(index, 1, settlement.accounts() - 1));
        if (_exitWaits(index)) return;
        _requestExit(index, uint64(bound(amount, 1, 1e12)), recipients[bound(to, 0, 2)]);
    }

    function seal(bool withExits) external {
        if (settlement.currentSeal().touches != 0) return;
        // An account with a locked deposit takes no exit in the same batch: its touch holds one of them.
        (uint64 depositHead, uint64 depositTail) = settlement.depositQueue();
        (uint64 exitHead, uint64 exitTail) = settlement.exitQueue();
        (uint64 depositEnd, uint64 exitEnd) = withExits ? (depositHead, exitTail) : (depositTail, exitHead);
        _draw(depositHead, depositEnd, exitHead, exitEnd);
        _sealWith(_request(0, depositEnd, exitEnd));
    }

    function voidBatch() external {
        if (settlement.currentSeal().touches == 0) return;
        vm.prank(operator);
        settlement.voidBatch();
    }

    function settle() external {
        if (settlement.currentSeal().touches == 0) return;
        Submission memory made = _prove();
        _settle(made);
        settledRoot = made.segments[made.segments.length - 1].root;
        ++settledBatches;
        for (uint256 i = 0; i < touches.length; ++i) {
            uint256 word = touches[i][0];
            uint256 index = word & (2 ** 21 - 1);
            uint256 amount = (word >> 24) & type(uint64).max;
            if (word & 2 ** 22 == 0) {
                cash[index] += amount;
                deposited += amount;
            } else {
                cash[index] -= word >> 88;
            }
        }
    }

    /// @dev The touches that the locked entries ask for: deposits credited in full, exits paid as far as the cash goes.
    function _draw(uint64 depositHead, uint64 depositEnd, uint64 exitHead, uint64 exitEnd) private {
        delete touches;
        _plain(0);
        for (uint32 index = 1; index < settlement.accounts(); ++index) {
            uint256 sum = 0;
            for (uint64 e = depositHead; e < depositEnd; ++e) {
                if (settlement.deposits(e).index == index) sum += settlement.deposits(e).amount;
            }
            for (uint64 e = exitHead; e < exitEnd; ++e) {
                ISettlement.ExitRequest memory request = settlement.exits(e);
                uint256 paid = request.amount < cash[index] ? request.amount : cash[index];
                if (request.index == index) _exit(index, request.amount, paid);
            }
            if (sum != 0) _touch(index, sum, cash[index] == 0 ? settlement.ownerOf(index) : 0, 0, address(0));
        }
    }

    function _exitWaits(uint32 index) private view returns (bool waits) {
        (uint64 head, uint64 tail) = settlement.exitQueue();
        for (uint64 e = head; e < tail; ++e) {
            waits = waits || settlement.exits(e).index == index;
        }
    }
}

contract LocalSettlementInvariants is SettlementFixture {
    Operator private handler;

    function setUp() public {
        handler = new Operator();
        settlement = handler.contractUnderTest();
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = Operator.deposit.selector;
        selectors[1] = Operator.takeBack.selector;
        selectors[2] = Operator.exit.selector;
        selectors[3] = Operator.seal.selector;
        selectors[4] = Operator.voidBatch.selector;
        selectors[5] = Operator.settle.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.depth = 100
    function invariant_books_agree_with_what_happened() public view {
        assertEq(settlement.root(), handler.settledRoot(), "the root moves by settlements only");

        uint256 claims = 0;
        for (uint256 i = 0; i < 3; ++i) {
            claims += settlement.claimable(handler.recipients(i));
        }
        assertEq(settlement.totalClaimable(), claims, "claims add up");

        uint256 inside = 0;
        for (uint256 i = 0; i < settlement.accounts(); ++i) {
            inside += handler.cash(i);
        }
        assertEq(handler.deposited(), inside + claims, "what was credited is inside or claimable");

        ISettlement.Seal memory held = settlement.currentSeal();
        _assertLocked(settlement.depositQueue, held.touches == 0 ? 0 : held.depositEnd, "deposit queue");
        _assertLocked(settlement.exitQueue, held.touches == 0 ? 0 : held.exitEnd, "exit queue");
        for (uint32 i = 0; i < settlement.accounts(); ++i) {
            (bool assigned, uint32 index) = settlement.accountOf(settlement.ownerOf(i));
            assertTrue(assigned && index == i, "one account an owner");
        }
    }

    /// @dev Head, locked end (0: nothing is locked) and tail of a queue are in this order.
    function _assertLocked(function() external view returns (uint64, uint64) queue, uint64 end, string memory name)
        private
        view
    {
        (uint64 head, uint64 tail) = queue();
        assertLe(head, end == 0 ? tail : end, name);
        assertLe(end, tail, name);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "src/interfaces/IBonds.sol";
import {BondsFixture} from "test/bonds/BondsFixture.sol";

/// @notice A vault, an operator that is honest in some batches and lies in others, and challengers who are right or wrong, all doing
/// anything allowed in any order. What each is due is kept beside the contract, computed from the rules and not from the code.
contract BondsActors is BondsFixture {
    /// @dev A challenge made: whether the operator can answer it, and whether it is over.
    struct Made {
        uint32 batch;
        uint256 answer;
        address challenger;
        uint256 deadline;
        bool over;
    }

    uint256 private constant ACTORS = 3;

    address[] public actors;
    uint32 public batches;
    uint256 public coinsIn;
    uint256 public coinsOut;
    /// @dev Everything an actor was ever due, and what it was paid.
    mapping(address => uint256) public due;
    mapping(address => uint256) public paid;
    mapping(uint32 => uint256) public amounts;
    mapping(uint32 => uint256) public open;
    /// @dev Batches whose bond went for a reason: void, a challenge without an answer, a contradiction.
    mapping(uint32 => bool) public breached;
    mapping(uint32 => uint256) private _orders;
    Made[] private _made;

    constructor() {
        _deploy(4);
        coinsIn = FUNDS;
        for (uint256 i = 0; i < ACTORS; ++i) {
            actors.push(makeAddr(string.concat("actor ", vm.toString(i))));
            vm.deal(actors[i], 1000 ether);
        }
        actors.push(operator);
        actors.push(BURN);
    }

    function contractUnderTest() external view returns (IBonds) {
        return bonds;
    }

    function openStakes() external view returns (uint256 count) {
        for (uint256 i = 0; i < _made.length; ++i) {
            if (!_made[i].over) ++count;
        }
    }

    function actorCount() external view returns (uint256) {
        return actors.length;
    }

    // ------------------------------------------------------------------------------------------------------- the balance

    function fund(uint256 who, uint256 amount) external {
        amount = bound(amount, 0, 2 ether);
        vm.deal(_actor(who), amount);
        vm.prank(_actor(who));
        bonds.fund{value: amount}();
        coinsIn += amount;
    }

    function withdraw(uint256 amount) external {
        amount = bound(amount, 0, bonds.free() / 8);
        vm.prank(operator);
        bonds.withdraw(amount);
        coinsOut += amount;
    }

    function owe(uint256 who, uint256 amount) external {
        amount = bound(amount, 0, 1 ether);
        vm.deal(address(this), amount);
        bonds.owe{value: amount}(_actor(who));
        coinsIn += amount;
        due[_actor(who)] += amount;
    }

    function pay(uint256 who) external {
        address account = actors[bound(who, 0, actors.length - 1)];
        if (bonds.owed(account) == 0) return;
        uint256 before = account.balance;
        bonds.pay(account);
        paid[account] += account.balance - before;
        coinsOut += account.balance - before;
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 3 days));
    }

    // ---------------------------------------------------------------------------------------------------- what vaults tell

    function openBatch() external {
        if (bonds.free() < 2 * BASE || (batches > 0 && _stage(batches) == IBonds.Stage.Opened)) return;
        bonds.onOpened(++batches);
        amounts[batches] = BASE;
    }

    function sealBatch(uint256 orders) external {
        if (batches == 0 || _stage(batches) != IBonds.Stage.Opened) return;
        orders = bound(orders, 0, 4);
        _orders[batches] = orders;
        _redraw(batches);
        bonds.onSealed(batches, uint32(orders), sealRoot, chain[orders]);
        amounts[batches] += orders * PER_ORDER;
    }

    function endBatch(uint256 which, uint256 how, uint32 share, uint256 who) external {
        uint32 batch = _batch(which);
        if (batch == 0) return;
        if (_stage(batch) == IBonds.Stage.Opened) {
            bonds.onExpired(batch);
        } else if (_stage(batch) == IBonds.Stage.Sealed && how % 4 != 0) {
            bonds.onSettled(batch, _actor(who), share);
            uint256 reward = amounts[batch] / 2 * share / 2 ** 32;
            due[_actor(who)] += reward;
            amounts[batch] -= reward;
        } else if (_stage(batch) == IBonds.Stage.Sealed) {
            bonds.onVoided(batch);
            due[BURN] += amounts[batch];
            amounts[batch] = 0;
            breached[batch] = true;
        }
    }

    // ----------------------------------------------------------------------------------------------------------- challenges

    function challengeHonest(uint256 which, uint256 number, bool before, uint256 who) external {
        uint32 batch = _batch(which);
        if (!_challengeable(batch) || _orders[batch] == 0) return;
        _redraw(batch);
        uint256 s = bound(number, 1, _orders[batch]);
        before = before && s > 1;
        _make(batch, _receiptOf(batch, s), before, before ? s - 1 : s, _actor(who));
    }

    function challengeLie(uint256 which, uint256 number, uint256 who) external {
        uint32 batch = _batch(which);
        if (!_challengeable(batch) || _orders[batch] == 0) return;
        _redraw(batch);
        IBonds.Receipt memory receipt = _receiptOf(batch, bound(number, 1, _orders[batch]));
        receipt.order = keccak256(abi.encode("a lie", _made.length));
        _make(batch, receipt, false, 0, _actor(who));
    }

    function answer(uint256 which) external {
        (bool found, uint256 number) = _some(which);
        if (!found) return;
        Made storage made = _made[number - 1];
        if (made.answer == 0 || block.timestamp > made.deadline || breached[made.batch]) return;
        _redraw(made.batch);
        bonds.answer(number, _answer(made.answer));
        made.over = true;
        --open[made.batch];
    }

    function close(uint256 which) external {
        (bool found, uint256 number) = _some(which);
        if (!found) return;
        Made storage made = _made[number - 1];
        if (block.timestamp <= made.deadline && !breached[made.batch]) return;
        bonds.close(number);
        made.over = true;
        --open[made.batch];
        due[made.challenger] += STAKE;
        if (!breached[made.batch]) _slashed(made.batch, made.challenger);
    }

    function contradict(uint256 which, uint256 who) external {
        uint32 batch = _batch(which);
        // A lie in one batch of three.
        if (batch % 3 != 0 || !_challengeable(batch)) return;
        _redraw(batch);
        IBonds.Receipt memory first = IBonds.Receipt("one", 1, 0, batch, chain[0]);
        IBonds.Receipt memory second = IBonds.Receipt("other", 1, 0, batch, chain[0]);
        (bytes memory one, bytes memory other) = (_sign(first), _sign(second));
        vm.prank(_actor(who));
        bonds.contradict(first, one, second, other);
        _slashed(batch, _actor(who));
    }

    function release(uint256 which) external {
        uint32 batch = _batch(which);
        if (batch == 0 || _stage(batch) != IBonds.Stage.Ended) return;
        if (block.timestamp <= bonds.bonds(batch).until || open[batch] != 0) return;
        bonds.release(batch);
        amounts[batch] = 0;
    }

    // -------------------------------------------------------------------------------------------------------------- helpers

    function _make(uint32 batch, IBonds.Receipt memory receipt, bool before, uint256 answer_, address who) private {
        bytes memory signature = _sign(receipt);
        vm.deal(who, STAKE);
        vm.prank(who);
        uint256 number = bonds.challenge{value: STAKE}(receipt, signature, before);
        coinsIn += STAKE;
        _made.push(Made(batch, answer_, who, block.timestamp + ANSWER_TIME, false));
        assertEq(number, _made.length, "numbers go up by one");
        ++open[batch];
    }

    function _slashed(uint32 batch, address who) private {
        uint256 half = amounts[batch] / 2;
        due[who] += half;
        due[BURN] += amounts[batch] - half;
        amounts[batch] = 0;
        breached[batch] = true;
    }

    function _redraw(uint32 batch) private {
        _draw(batch, _orders[batch], 4 * uint256(batch));
    }

    function _receiptOf(uint32 batch, uint256 s) private view returns (IBonds.Receipt memory receipt) {
        receipt = _receipt(s);
        receipt.batch = batch;
    }

    function _some(uint256 which) private view returns (bool found, uint256 number) {
        for (uint256 i = 0; i < _made.length; ++i) {
            number = 1 + addmod(which, i, _made.length);
            if (!_made[number - 1].over) return (true, number);
        }
    }

    function _challengeable(uint32 batch) private view returns (bool) {
        if (batch == 0) return false;
        bool ended = _stage(batch) == IBonds.Stage.Ended && block.timestamp <= bonds.bonds(batch).until;
        return ended || _stage(batch) == IBonds.Stage.Sealed;
    }

    /// @dev One of the last four batches, 0 if there is none.
    function _batch(uint256 which) private view returns (uint32) {
        if (batches == 0) return 0;
        return uint32(bound(which, batches > 4 ? batches - 3 : 1, batches));
    }

    function _stage(uint32 batch) private view returns (IBonds.Stage) {
        return bonds.bonds(batch).stage;
    }

    function _actor(uint256 who) private view returns (address) {
        return actors[bound(who, 0, ACTORS)];
    }
}

/// @notice Whatever is done in whatever order, every coin is in one place, and nobody is paid more than is due or twice.
/// forge-config: default.invariant.runs = 32
/// forge-config: default.invariant.depth = 100
/// forge-config: full.invariant.runs = 256
/// forge-config: full.invariant.depth = 500
contract BondsInvariantsTest is BondsFixture {
    BondsActors private actors;

    function setUp() public {
        actors = new BondsActors();
        bonds = actors.contractUnderTest();
        bytes4[] memory calls = new bytes4[](14);
        calls[0] = BondsActors.fund.selector;
        calls[1] = BondsActors.withdraw.selector;
        calls[2] = BondsActors.owe.selector;
        calls[3] = BondsActors.pay.selector;
        calls[4] = BondsActors.wait.selector;
        calls[5] = BondsActors.openBatch.selector;
        calls[6] = BondsActors.sealBatch.selector;
        calls[7] = BondsActors.endBatch.selector;
        calls[8] = BondsActors.challengeHonest.selector;
        calls[9] = BondsActors.challengeLie.selector;
        calls[10] = BondsActors.answer.selector;
        calls[11] = BondsActors.close.selector;
        calls[12] = BondsActors.contradict.selector;
        calls[13] = BondsActors.release.selector;
        targetContract(address(actors));
        targetSelector(FuzzSelector(address(actors), calls));
    }

    /// @dev One invariant, so that one campaign serves all three.
    function invariant_every_coin_is_in_one_place_and_goes_to_whom_it_is_due() public view {
        _everyCoinIsFreeOrInABondOrStakedOrOwed();
        _everyoneIsPaidOrOwedExactlyWhatIsDue();
        _aBondHoldsWhatTheRulesLeaveInItAndCountsItsChallenges();
    }

    function _everyCoinIsFreeOrInABondOrStakedOrOwed() private view {
        uint256 counted = bonds.free() + actors.openStakes() * STAKE;
        for (uint32 batch = 1; batch <= actors.batches(); ++batch) {
            counted += bonds.bonds(batch).amount;
        }
        for (uint256 i = 0; i < actors.actorCount(); ++i) {
            counted += bonds.owed(actors.actors(i));
        }
        assertEq(address(bonds).balance, counted, "coins held");
        assertEq(actors.coinsIn() - actors.coinsOut(), counted, "coins in less coins out");
    }

    function _everyoneIsPaidOrOwedExactlyWhatIsDue() private view {
        for (uint256 i = 0; i < actors.actorCount(); ++i) {
            address account = actors.actors(i);
            assertEq(bonds.owed(account) + actors.paid(account), actors.due(account), "due");
        }
    }

    function _aBondHoldsWhatTheRulesLeaveInItAndCountsItsChallenges() private view {
        for (uint32 batch = 1; batch <= actors.batches(); ++batch) {
            IBonds.Bond memory bond = bonds.bonds(batch);
            assertEq(bond.amount, actors.amounts(batch), "amount");
            assertEq(bond.challenges, actors.open(batch), "challenges");
            assertEq(bond.stage == IBonds.Stage.Lost, actors.breached(batch), "lost for a reason only");
        }
    }
}

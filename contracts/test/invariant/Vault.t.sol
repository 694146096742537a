// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "src/interfaces/IBonds.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {TestToken} from "test/helpers/TestToken.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

// Made from compiled code.
import "src/PoseidonConstants.sol";
import "src/Vault.sol";

/// @notice Traders, an operator and strangers who do anything allowed in any order, with the bonds that the vault makes. Rules and owners'
/// proofs accept what the handler says; it keeps the same money by the protocol's words, beside the contract.
contract VaultActors is VaultFixture {
    uint256 private constant OWNERS = 6;
    uint256 private constant RECIPIENTS = 4;
    uint256 public constant BOND = 10_000 ether;

    /// @dev Cash of an account: what its trades won or lost of what came in; below 0 it owes.
    mapping(uint32 => int256) public cash;
    /// @dev What a recipient must be able to claim, and what it must have been paid.
    mapping(address => uint256) public due;
    mapping(address => uint256) public paid;
    /// @dev Part of what is due that is of returned deposits: nobody else is paid of it.
    mapping(address => uint256) public refunds;
    uint256 public totalRefunds;
    /// @dev Credited by escapes, of the window and of all.
    uint256 public windowShares;
    uint256 public allShares;
    uint256 public windowEscapes;
    uint256 public windowPaid;
    uint256 public fees;
    uint256 public expectedRoot = GENESIS;
    /// @dev How often something came about that most sequences of calls do not reach.
    mapping(bytes32 => uint256) public seen;
    bool private _lastSealVoid;
    uint256 private _salt;

    constructor() {
        _prepare();
        vault = _make(_config());
        IBonds held = vault.bonds();
        vm.deal(operator, BOND);
        vm.prank(operator);
        held.fund{value: BOND}();
    }

    function _code() internal pure override returns (string memory) {
        return "Vault.sol:Vault";
    }

    function _config() internal view override returns (IVault.Config memory config) {
        config = super._config();
        config.poseidon = _poseidon;
        (config.bonds.base, config.bonds.perOrder) = (0.01 ether, 0.001 ether);
    }

    address private _poseidon = _create(vm.getCode("PoseidonConstants.sol:PoseidonConstants"));

    function contractUnderTest() external view returns (IVault) {
        return vault;
    }

    function recipients() external view returns (address[] memory all) {
        all = new address[](RECIPIENTS + 1);
        for (uint256 i = 0; i < RECIPIENTS; ++i) {
            all[i] = _recipient(i);
        }
        all[RECIPIENTS] = trader;
    }

    function totalCash() external view returns (int256 total) {
        for (uint32 i = 0; i < vault.accounts(); ++i) {
            total += cash[i];
        }
    }

    function _recipient(uint256 seed) private pure returns (address) {
        return address(uint160(0xbeef0000 + seed % RECIPIENTS));
    }

    function _frozen() private view returns (bool) {
        return vault.frozenAt() != 0;
    }

    // ---------------------------------------------------------------------------------------------------------- queues

    function deposit(uint256 owner, uint64 amount) external {
        if (_frozen()) return;
        address from = amount % 2 == 0 ? trader : _recipient(amount / 2);
        _depositAs(from, 0xa11ce + bound(owner, 0, OWNERS - 1), uint64(bound(amount, 1_000_000, 1e12)));
    }

    function returnDeposit(uint64 entry, bool byOperator) external {
        (uint64 head, uint64 tail) = vault.depositQueue();
        IVault.Seal memory held = vault.currentSeal();
        uint64 first = held.touches == 0 ? head : held.depositEnd;
        if (first == tail) return;
        entry = uint64(bound(entry, first, tail - 1));
        IVault.Deposit memory queued = vault.deposits(entry);
        if (queued.amount == 0) return;
        byOperator = byOperator || (block.timestamp < queued.time + vault.delays().depositTime && !_frozen());
        vm.prank(byOperator ? operator : stranger);
        vault.returnDeposit(entry);
        due[queued.payer] += queued.amount;
        refunds[queued.payer] += queued.amount;
        totalRefunds += queued.amount;
    }

    function requestExit(uint32 index, uint64 amount, uint256 to) external {
        if (_frozen() || vault.accounts() < 2) return;
        index = uint32(bound(index, 1, vault.accounts() - 1));
        (uint64 head, uint64 tail) = vault.exitQueue();
        for (uint64 e = head; e < tail; ++e) {
            if (vault.exits(e).index == index) return;
        }
        (, uint40 end) = vault.retirement();
        if (end == 0) fees += vault.limits().exitFee;
        _requestExit(index, uint64(bound(amount, 1, 1e12)), _recipient(to));
    }

    function claim(uint256 seed) external {
        address to = seed % (RECIPIENTS + 1) == RECIPIENTS ? trader : _recipient(seed);
        uint256 free = token.balanceOf(address(vault)) - vault.pendingDeposits() - (totalRefunds - refunds[to]);
        uint256 expected = due[to] < free ? due[to] : free;
        if (expected == 0) return;
        assertGe(expected, refunds[to], "a refund is always there for its payer");
        uint256 before = token.balanceOf(to);
        vm.prank(stranger);
        vault.claim(to);
        assertEq(token.balanceOf(to) - before, expected, "a claim pays what is due as far as it is held");
        totalRefunds -= refunds[to];
        refunds[to] = 0;
        due[to] -= expected;
        paid[to] += expected;
    }

    // --------------------------------------------------------------------------------------------------------- batches

    function open() external {
        if (_frozen()) return;
        (, uint40 end) = vault.retirement();
        if (end != 0 && block.timestamp >= end) return;
        IVault.Opening memory held = vault.opening();
        if (held.batch != 0 && block.timestamp <= held.time + vault.delays().openTime) return;
        _open();
    }

    function expireOpening() external {
        IVault.Opening memory held = vault.opening();
        if (held.batch == 0 || block.timestamp <= held.time + vault.delays().openTime) return;
        vm.prank(stranger);
        vault.expireOpening();
        ++seen["expired"];
    }

    function seal(bool withDeposits, bool withExits) external {
        IVault.Opening memory held = vault.opening();
        if (_frozen() || vault.currentSeal().touches != 0 || held.batch == 0) return;
        if (block.timestamp > held.time + vault.delays().openTime) return;
        (uint64 depositEnd, uint64 depositTail) = vault.depositQueue();
        (uint64 exitEnd, uint64 exitTail) = vault.exitQueue();
        uint64 exitHead = exitEnd;
        if (withExits) exitEnd = exitTail;
        if (withDeposits && !_meet(depositEnd, depositTail, exitHead, exitEnd)) depositEnd = depositTail;
        for (uint64 e = _lastSealVoid ? exitHead : exitEnd; e < exitTail; ++e) {
            if (vault.exits(e).deadline < block.timestamp) return;
        }
        _sealOpened(depositEnd, exitEnd);
        _lastSealVoid = false;
    }

    /// @dev Whether an account has entries in both ranges.
    function _meet(uint64 deposit_, uint64 depositEnd, uint64 exit, uint64 exitEnd) private view returns (bool) {
        for (; deposit_ < depositEnd; ++deposit_) {
            IVault.Deposit memory queued = vault.deposits(deposit_);
            if (queued.amount == 0) continue;
            for (uint64 e = exit; e < exitEnd; ++e) {
                if (vault.exits(e).index == queued.index) return true;
            }
        }
        return false;
    }

    function voidSeal(bool byOperator) external {
        IVault.Seal memory held = vault.currentSeal();
        if (held.touches == 0) return;
        byOperator = byOperator || block.timestamp <= held.time + vault.delays().settleTime;
        vm.prank(byOperator ? operator : stranger);
        vault.voidSeal();
        ++seen[byOperator ? bytes32("void") : bytes32("late void")];
        _lastSealVoid = true;
    }

    /// @dev Orders move cash between two accounts, also into debt, and a third withdraws; queues are answered as locked.
    function settle(uint32 from, uint32 to, uint256 moved, uint32 who, uint256 withdrawn, bool inParts) external {
        IVault.Seal memory held = vault.currentSeal();
        if (held.touches == 0 || block.timestamp > held.time + vault.delays().settleTime) return;
        uint32 count = vault.accounts();
        moved = bound(moved, 0, 1e12);
        cash[uint32(bound(from, 0, count - 1))] -= int256(moved);
        cash[uint32(bound(to, 0, count - 1))] += int256(moved);

        uint256[3][] memory touches = new uint256[3][](count);
        uint256 used = 0;
        who = uint32(bound(who, 0, count - 1));
        for (uint32 index = 0; index < count; ++index) {
            uint256[3] memory touch = _answer(held, index, index == who ? withdrawn : 0);
            if (touch[0] != 0) touches[used++] = touch;
        }
        assembly ("memory-safe") {
            mstore(touches, used)
        }
        ++seen["settled"];
        expectedRoot = uint256(keccak256(abi.encode("root", vault.batch()))) % P;
        if (!inParts) return _settle(touches);
        _setEffects(touches, new uint256[](0));
        _settleInParts();
    }

    function _settleInParts() private {
        (ISettlementRules.Claim memory claim_, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        vm.startPrank(stranger, stranger);
        ISettlementRules.Progress memory progress = vault.beginSettlement(claim_);
        progress = vault.advanceSettlement(claim_, progress, part);
        vault.finishSettlement(claim_, progress, proof, "");
        vm.stopPrank();
    }

    /// @dev The touch of an account by what the seal locked of it; all 0 if it has none.
    function _answer(IVault.Seal memory held, uint32 index, uint256 withdrawn)
        private
        returns (uint256[3] memory touch)
    {
        (uint64 exit,) = vault.exitQueue();
        for (; exit < held.exitEnd; ++exit) {
            IVault.ExitRequest memory request = vault.exits(exit);
            if (request.index != index) continue;
            uint256 amount = cash[index] <= 0 ? 0 : uint256(cash[index]);
            if (amount > request.amount) amount = request.amount;
            cash[index] -= int256(amount);
            due[request.recipient] += amount;
            ++seen[amount == 0 ? bytes32("unpaid exit") : bytes32("paid exit")];
            return _touch(index, true, request.amount, 0, amount, address(0));
        }
        uint256 credited = 0;
        (uint64 entry,) = vault.depositQueue();
        for (; entry < held.depositEnd; ++entry) {
            if (vault.deposits(entry).index == index) credited += vault.deposits(entry).amount;
        }
        cash[index] += int256(credited);
        withdrawn = cash[index] <= 0 ? 0 : withdrawn % (uint256(cash[index]) + 1);
        if (credited == 0 && withdrawn == 0) return touch;
        cash[index] -= int256(withdrawn);
        address to = withdrawn == 0 ? address(0) : _recipient(++_salt);
        due[to] += withdrawn;
        return _touch(index, false, credited, credited == 0 ? 0 : vault.ownerOf(index), withdrawn, to);
    }

    // ---------------------------------------------------------------------------------------------------------- the end

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 0, _frozen() ? 3 days : 3 hours));
    }

    function retire(uint256 seed) external {
        (, uint40 end) = vault.retirement();
        if (_frozen() || end != 0 || seed % 16 != 0) return;
        vm.prank(operator);
        vault.retire(address(0));
        vm.warp(block.timestamp + vault.delays().notice - 12 hours);
    }

    function freeze() external {
        if (_frozen()) return;
        IVault.Seal memory held = vault.currentSeal();
        if (held.touches != 0 && block.timestamp <= held.time + vault.delays().settleTime) return;
        (, uint40 end) = vault.retirement();
        bool reason = end != 0 && block.timestamp >= end;
        (uint64 head, uint64 tail) = vault.exitQueue();
        for (uint64 e = head; e < tail; ++e) {
            reason = reason || vault.exits(e).deadline < block.timestamp;
        }
        if (!reason) return;
        vm.prank(stranger);
        vault.freeze();
        ++seen["frozen"];
    }

    function escape(uint32 index, uint256 to) external {
        if (!_frozen() || vault.lastSettledEpoch() == 0) return;
        index = uint32(bound(index, 0, vault.accounts() - 1));
        if (vault.escapes(index).recipient != address(0)) return;
        IVault.EscapeClaim memory claim_;
        (claim_.index, claim_.recipient) = (index, _recipient(to));
        claim_.equity = cash[index] <= 0 ? 0 : uint64(uint256(cash[index]));
        claim_.settled = new uint256[](2);
        uint256 riskRoot = vault.epochs(vault.lastSettledEpoch()).riskRoot;
        bytes memory inputs = abi.encodePacked(_domain(), expectedRoot, riskRoot, uint256(index));
        inputs = abi.encodePacked(inputs, uint256(uint160(claim_.recipient)), uint256(claim_.equity), new uint256[](2));
        accountVerifier.approve(inputs);
        vault.escape(claim_);
        if (vault.escapes(index).inWindow) ++windowEscapes;
    }

    function payEscape(uint32 index) external {
        if (!_frozen()) return;
        index = uint32(bound(index, 0, vault.accounts() - 1));
        IVault.Escape memory held = vault.escapes(index);
        uint256 window = vault.delays().claimWindow;
        if (held.recipient == address(0) || held.paid) return;
        if (block.timestamp <= vault.frozenAt() + (index == 0 ? 2 : 1) * window) return;
        uint256 before = vault.claimable(held.recipient);
        vault.payEscape(index);
        uint256 share = vault.claimable(held.recipient) - before;
        assertLe(share, held.equity, "nobody is paid more than the account is worth");
        due[held.recipient] += share;
        allShares += share;
        if (share != 0) ++seen[held.inWindow ? bytes32("share") : bytes32("late share")];
        if (held.inWindow) (windowShares, windowPaid) = (windowShares + share, windowPaid + 1);
    }
}

/// @notice What holds of a vault whatever its users do.
contract VaultInvariants is VaultFixture {
    VaultActors private actors;

    function setUp() public {
        actors = new VaultActors();
        vault = actors.contractUnderTest();
        token = TestToken(vault.token());
        bytes4[] memory selectors = new bytes4[](14);
        selectors[0] = actors.deposit.selector;
        selectors[1] = actors.returnDeposit.selector;
        selectors[2] = actors.requestExit.selector;
        selectors[3] = actors.claim.selector;
        selectors[4] = actors.open.selector;
        selectors[5] = actors.seal.selector;
        selectors[6] = actors.voidSeal.selector;
        selectors[7] = actors.settle.selector;
        selectors[8] = actors.wait.selector;
        selectors[9] = actors.retire.selector;
        selectors[10] = actors.freeze.selector;
        selectors[11] = actors.escape.selector;
        selectors[12] = actors.payEscape.selector;
        selectors[13] = actors.expireOpening.selector;
        targetContract(address(actors));
        targetSelector(FuzzSelector(address(actors), selectors));
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 120
    /// forge-config: full.invariant.runs = 256
    /// forge-config: full.invariant.depth = 500
    function invariant_the_books_agree_with_what_happened() public view {
        _checkMoney();
        _checkClaims();
        _checkShares();
        _checkQueues();
        assertEq(vault.root(), actors.expectedRoot(), "the root moves by settlements only");
        assertEq(address(vault).balance, 0, "coins are the bonds'");
        assertEq(address(vault.bonds()).balance, actors.BOND() + actors.fees(), "bonds and fees are kept");
    }

    /// @dev Every token held is a waiting deposit's, claimable or an account's, and escapes only move it.
    function _checkMoney() private view {
        uint256 held = token.balanceOf(address(vault));
        assertLe(
            vault.pendingDeposits() + actors.totalRefunds(), held, "deposits that wait or were returned are always held"
        );
        int256 inside = actors.totalCash() - int256(actors.allShares());
        int256 owed = int256(vault.pendingDeposits() + vault.totalClaimable());
        assertEq(int256(held), owed + inside, "what is held is owed to somebody");
    }

    function _checkClaims() private view {
        address[] memory all = actors.recipients();
        uint256 total = 0;
        for (uint256 i = 0; i < all.length; ++i) {
            assertEq(vault.claimable(all[i]), actors.due(all[i]), "claimable");
            assertEq(token.balanceOf(all[i]), actors.paid(all[i]), "paid");
            total += vault.claimable(all[i]);
        }
        assertEq(vault.totalClaimable(), total, "claims add up");
    }

    function _checkShares() private view {
        (uint256 pot, uint256 worth) = vault.pot();
        assertLe(actors.allShares(), pot, "no more is shared than there is");
        if (pot <= worth && actors.windowEscapes() != 0 && actors.windowPaid() == actors.windowEscapes()) {
            assertLt(pot - actors.windowShares(), actors.windowEscapes(), "dust below one unit an account");
        }
    }

    function _checkQueues() private view {
        IVault.Seal memory held = vault.currentSeal();
        (uint64 head, uint64 tail) = vault.depositQueue();
        uint256 waiting = 0;
        for (uint64 e = head; e < tail; ++e) {
            waiting += vault.deposits(e).amount;
        }
        assertEq(vault.pendingDeposits(), waiting, "deposits that wait");
        assertLe(head, tail, "deposits");
        if (held.touches != 0) assertTrue(head <= held.depositEnd && held.depositEnd <= tail, "locked deposits");

        (head, tail) = vault.exitQueue();
        uint40 earliest = type(uint40).max;
        for (uint64 e = tail; e > head; --e) {
            if (vault.exits(e - 1).deadline < earliest) earliest = vault.exits(e - 1).deadline;
            assertEq(vault.earliestDeadline(e - 1), earliest, "earliest deadline");
        }
        assertLe(head, tail, "exits");
        if (held.touches != 0) assertTrue(head <= held.exitEnd && held.exitEnd <= tail, "locked exits");
    }

    /// @dev A call of the actors that the seed draws.
    function _draw(uint256 seed) private {
        uint256 what = seed % 13;
        uint256 x = seed >> 64;
        uint256 y = seed >> 128;
        if (what == 0) actors.deposit(x, uint64(y));
        if (what == 1) actors.returnDeposit(uint64(x), y % 2 == 0);
        if (what == 2) actors.requestExit(uint32(x), uint64(y), seed >> 200);
        if (what == 3) actors.claim(x);
        if (what == 4 && x % 2 == 0) actors.expireOpening();
        if (what == 4) actors.open();
        if (what == 5) actors.seal(x % 2 == 0, y % 2 == 0);
        if (what == 6 && x % 4 == 0) actors.voidSeal(y % 2 == 0);
        if (what == 7) actors.settle(uint32(x), uint32(y), seed >> 96, uint32(seed >> 160), seed >> 192, x % 2 == 0);
        if (what == 8) actors.wait(x % 30 minutes);
        if (what == 9) actors.retire(x);
        if (what == 10) actors.freeze();
        if (what == 11) actors.escape(uint32(x), y);
        if (what == 12) actors.payEscape(uint32(x));
    }

    /// An invariant says nothing of states that no sequence reaches.
    function test_the_actors_reach_what_the_invariants_are_about() public {
        for (uint256 i = 0; i < 1500; ++i) {
            _draw(uint256(keccak256(abi.encode(i))));
        }
        assertTrue(actors.seen("settled") > 3, "settled");
        assertTrue(actors.seen("expired") > 0, "expired");
        assertTrue(actors.seen("void") > 0, "void");
        assertTrue(actors.seen("paid exit") > 0, "paid exit");
        for (uint256 i = 0; i < 100 && actors.seen("frozen") == 0; ++i) {
            actors.wait(3 hours);
            actors.retire(0);
            actors.voidSeal(false);
            actors.freeze();
        }
        assertEq(actors.seen("frozen"), 1, "frozen");
        actors.escape(1, 1);
        for (uint256 i = 0; i < 8; ++i) {
            actors.wait(3 days);
        }
        for (uint32 i = 0; i < vault.accounts(); ++i) {
            actors.escape(i, i);
        }
        for (uint32 i = 0; i < vault.accounts(); ++i) {
            actors.payEscape(i);
        }
        assertTrue(actors.seen("share") + actors.seen("late share") > 0, "shares");
        invariant_the_books_agree_with_what_happened();
    }
}

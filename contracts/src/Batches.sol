// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Exits} from "./Exits.sol";
import {RiskTables} from "./RiskTables.sol";
import {ISettlementRules} from "./interfaces/ISettlementRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bn254} from "./libraries/Bn254.sol";

/// @title The life of a batch: opened, sealed, settled or void
/// @notice An opening fixes a batch's number and epoch, a seal everything else. From then on nothing about it can be chosen: anyone who
/// holds its data may settle it until its time is over, and after that anyone may void it. One opening and one seal are in force at a
/// time; the next batch may be opened while one is sealed.
///
/// A late exit request leaves the operator one seal: it must answer every late request, and if that batch is void no other is sealed
/// while a request is late, so that the vault can be frozen.
abstract contract Batches is Exits, RiskTables {
    /// @dev Most segments a batch is settled with.
    uint256 internal constant MAX_SEGMENTS = 64;
    /// @dev Most entries of a queue that one seal locks.
    uint256 internal constant MAX_QUEUE_ENTRIES = 4096;

    /// @inheritdoc IVault
    uint256 public override root;
    /// @inheritdoc IVault
    uint32 public override batch;
    /// @inheritdoc IVault
    uint32 public override lastVoid;
    /// @inheritdoc IVault
    uint32 public override lastSettledEpoch;
    /// @dev Number of the last batch that was sealed.
    uint32 private _lastSealed;

    Opening private _opening;
    Seal internal _sealed;
    /// @dev Hashes of what was checked so far of settlements in several transactions, with the batch they are of.
    mapping(bytes32 => bool) private _progress;

    constructor(uint256 genesisRoot) {
        if (genesisRoot >= Bn254.P) revert NotReduced(genesisRoot);
        root = genesisRoot;
    }

    // ----------------------------------------------------------------------------------------------------------- opening

    /// @inheritdoc IVault
    function open() external override onlyOperator running returns (uint32 number) {
        if (_retired()) revert Retired(_retiresAt);
        uint32 epoch = currentEpoch;
        if (epoch == 0) revert NoEpoch();
        uint40 made = _epochs[epoch].time;
        if (block.timestamp > uint256(made) + _delays.epochAge) revert EpochTooOld(epoch, made);
        if (_opening.batch != 0) expireOpening();
        number = ++batch;
        _opening = Opening(number, epoch, uint40(block.timestamp));
        emit BatchOpened(number, epoch);
        bonds.onOpened(number);
    }

    /// @inheritdoc IVault
    function opening() external view override returns (Opening memory) {
        return _opening;
    }

    /// @inheritdoc IVault
    function expireOpening() public override {
        Opening memory held = _opening;
        if (held.batch == 0) revert NoOpening();
        if (block.timestamp <= _openUntil(held)) revert OpeningInForce(held.batch);
        _expireOpening();
    }

    /// @dev Ends the opening in force without a seal. It is no void: orders that name its number live on.
    function _expireOpening() internal {
        uint32 number = _opening.batch;
        if (number == 0) return;
        delete _opening;
        emit OpeningExpired(number);
        bonds.onExpired(number);
    }

    function _openUntil(Opening memory held) private view returns (uint256) {
        return uint256(held.time) + _delays.openTime;
    }

    // ----------------------------------------------------------------------------------------------------------- sealing

    /// @inheritdoc IVault
    function seal(SealRequest calldata request) external override onlyOperator running returns (uint32 number) {
        Opening memory held = _opening;
        number = held.batch;
        if (number == 0) revert NoOpening();
        if (block.timestamp > _openUntil(held)) revert OpeningOver(number, _openUntil(held));
        if (_sealed.touches != 0) revert SealInForce(_sealed.batch);
        _checkSizes(request);
        _checkQueueEnds(request);
        _checkLateExits(request.exitEnd);

        delete _opening;
        _lastSealed = number;
        Seal memory made = Seal({
            sealRoot: request.sealRoot,
            batch: number,
            touches: request.touches,
            orders: request.orders,
            depositEnd: request.depositEnd,
            exitEnd: request.exitEnd,
            lastVoid: lastVoid,
            epoch: held.epoch,
            time: uint40(block.timestamp)
        });
        _sealed = made;
        emit BatchSealed(number, root, made, request.receiptsHash);
        bonds.onSealed(number, request.orders, request.sealRoot, request.receiptsHash);
    }

    /// @inheritdoc IVault
    function currentSeal() external view override returns (Seal memory) {
        return _sealed;
    }

    /// @inheritdoc IVault
    function voidSeal() external override {
        uint256 until = _sealUntil(_requireSeal());
        if (msg.sender != OPERATOR && block.timestamp <= until) revert SealNotOver(_sealed.batch, until);
        _void();
    }

    /// @dev Gives the sealed batch up. What it locked of the queues is free again, and every order without `survives` whose first
    /// batch is not after this one is at an end (protocol, section 4, test 2).
    function _void() internal {
        uint32 number = _sealed.batch;
        lastVoid = number;
        delete _sealed;
        emit BatchVoided(number);
        bonds.onVoided(number);
    }

    /// @dev Last second in which a seal can be settled.
    function _sealUntil(Seal memory sealed_) internal view returns (uint256) {
        return uint256(sealed_.time) + _delays.settleTime;
    }

    /// @dev A seal locks its deposits until it is settled or void.
    function _lockedDeposits() internal view override returns (uint64) {
        return _sealed.touches == 0 ? _depositHead : _sealed.depositEnd;
    }

    function _requireSeal() private view returns (Seal memory sealed_) {
        sealed_ = _sealed;
        if (sealed_.touches == 0) revert NoSeal();
    }

    function _checkSizes(SealRequest calldata request) private view {
        uint256 most = MAX_SEGMENTS * TOUCHES_PER_SEGMENT;
        if (request.touches == 0 || request.touches > most) revert TouchesOutOfRange(request.touches, most);
        most = request.touches * ORDERS_PER_TOUCH;
        if (request.orders > most) revert OrdersOutOfRange(request.orders, most);
    }

    /// @dev Ends lie in their queues, and no account has entries in both below them: a touch holds one of them.
    function _checkQueueEnds(SealRequest calldata request) private view {
        (uint64 depositHead, uint64 depositTail) = depositQueue();
        _checkQueueEnd(request.depositEnd, depositHead, depositTail);
        (uint64 head, uint64 tail) = exitQueue();
        _checkQueueEnd(request.exitEnd, head, tail);
        if (request.depositEnd == depositHead) return;
        for (uint64 entry = head; entry < request.exitEnd; ++entry) {
            uint32 index = exits(entry).index;
            if (_hasDepositBelow(index, request.depositEnd)) revert DepositBesideExit(index);
        }
    }

    function _checkQueueEnd(uint64 end, uint64 head, uint64 tail) private pure {
        if (end < head || end > tail || end - head > MAX_QUEUE_ENTRIES) revert QueueEndOutOfRange(end, head, tail);
    }

    /// @dev Every late request is below `end`; after a void none may be late at all, or one could be locked again and again.
    function _checkLateExits(uint64 end) private view {
        uint64 from = lastVoid != 0 && lastVoid == _lastSealed ? _exitHead : end;
        uint40 deadline = earliestDeadline(from);
        if (deadline < block.timestamp) revert LateExitLeft(from, deadline);
    }

    // ---------------------------------------------------------------------------------------------------------- settling

    /// @inheritdoc IVault
    function settle(
        ISettlementRules.Claim calldata claim_,
        ISettlementRules.Part calldata part,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external override guarded {
        Seal memory sealed_ = _requireSettleable();
        _finish(sealed_, rules.check(_statement(sealed_), claim_, part, closingProof, closingWords), claim_.beneficiary);
    }

    /// @inheritdoc IVault
    function beginSettlement(ISettlementRules.Claim calldata claim_)
        external
        override
        returns (ISettlementRules.Progress memory)
    {
        Seal memory sealed_ = _requireSettleable();
        _answer(sealed_.batch, abi.encodeCall(rules.begin, (_statement(sealed_), claim_)));
    }

    /// @inheritdoc IVault
    function advanceSettlement(
        ISettlementRules.Claim calldata claim_,
        ISettlementRules.Progress calldata progress,
        ISettlementRules.Part calldata part
    ) external override returns (ISettlementRules.Progress memory) {
        Seal memory sealed_ = _requireSettleable();
        _requireProgress(sealed_.batch, progress);
        emit SegmentsChecked(sealed_.batch, progress.r1, progress.segment, uint32(part.proofs.length));
        _answer(sealed_.batch, abi.encodeCall(rules.advance, (_statement(sealed_), claim_, progress, part)));
    }

    /// @inheritdoc IVault
    function finishSettlement(
        ISettlementRules.Claim calldata claim_,
        ISettlementRules.Progress calldata progress,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external override guarded {
        Seal memory sealed_ = _requireSettleable();
        _requireProgress(sealed_.batch, progress);
        _finish(
            sealed_, rules.finish(_statement(sealed_), claim_, progress, closingProof, closingWords), claim_.beneficiary
        );
    }

    /// @dev The seal in force, if it can still be settled, here and by a transaction that carries the data itself.
    function _requireSettleable() private view running returns (Seal memory sealed_) {
        _requireDirect();
        if (block.chainid != CHAIN_ID) revert WrongChain(block.chainid, CHAIN_ID);
        sealed_ = _requireSeal();
        uint256 until = _sealUntil(sealed_);
        if (block.timestamp > until) revert SealOver(sealed_.batch, until);
    }

    /// @dev Asks the rules, remembers the progress that they answer with and ends the call with the same answer.
    function _answer(uint32 number, bytes memory question) private {
        (bool done, bytes memory progress) = address(rules).staticcall(question);
        if (done) _progress[_progressHash(number, keccak256(progress))] = true;
        assembly ("memory-safe") {
            switch done
            case 0 { revert(add(progress, 32), mload(progress)) }
            default { return(add(progress, 32), mload(progress)) }
        }
    }

    function _requireProgress(uint32 number, ISettlementRules.Progress calldata progress) private view {
        bytes32 hash = _progressHash(number, keccak256(abi.encode(progress)));
        if (!_progress[hash]) revert NoSuchProgress(hash);
    }

    function _progressHash(uint32 number, bytes32 progress) private pure returns (bytes32) {
        return keccak256(abi.encode(number, progress));
    }

    function _statement(Seal memory sealed_) private view returns (ISettlementRules.Statement memory) {
        Epoch memory epoch = _epochs[sealed_.epoch];
        return ISettlementRules.Statement({
            separator: separator,
            domain: domain,
            context: uint256(sealed_.batch) | (uint256(sealed_.lastVoid) << 32) | (uint256(sealed_.time) << 64)
                | _termsWord(),
            root: root,
            sealRoot: sealed_.sealRoot,
            touches: sealed_.touches,
            orders: sealed_.orders,
            depositEnd: sealed_.depositEnd,
            exitEnd: sealed_.exitEnd,
            riskRoot: epoch.riskRoot,
            instrumentsHash: epoch.instrumentsHash,
            instruments: epoch.instruments
        });
    }

    /// @dev Does what a checked settlement asks.
    function _finish(Seal memory sealed_, ISettlementRules.Effects memory effects, address beneficiary) private {
        for (uint256 i = 0; i < effects.settledRows.length; ++i) {
            _checkSettled(effects.settledRows[i], sealed_.epoch);
        }
        emit BatchSettled(sealed_.batch, root, effects.root, effects.dataHash, effects.r1, beneficiary);
        root = effects.root;
        lastSettledEpoch = sealed_.epoch;
        delete _sealed;
        _applyTouches(sealed_, effects.accounts);
        bonds.onSettled(sealed_.batch, beneficiary, _rewardShare(sealed_.time));
    }

    /// @dev Part of the bond, of 2³², that a settlement now earns.
    function _rewardShare(uint40 sealedAt) private view returns (uint32) {
        uint256 start = _delays.rewardStart;
        // The seal is not of the future, and a reward starts before settling ends.
        unchecked {
            uint256 late = block.timestamp - sealedAt;
            if (late <= start) return 0;
            uint256 share = ((late - start) << 32) / (_delays.settleTime - start);
            // forge-lint: disable-next-line(unsafe-typecast)
            return share > type(uint32).max ? type(uint32).max : uint32(share);
        }
    }

    function _applyTouches(Seal memory sealed_, uint256[] memory touches) internal virtual;
}

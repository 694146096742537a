// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CircuitParameters} from "./CircuitParameters.sol";
import {Epochs} from "./Epochs.sol";
import {Queues} from "./Queues.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Bn254} from "./libraries/Bn254.sol";
import {Challenges} from "./libraries/Challenges.sol";
import {DataWords} from "./libraries/DataWords.sol";
import {SealTree} from "./libraries/SealTree.sol";
import {Sequence} from "./libraries/Sequence.sol";
import {TouchWord} from "./libraries/TouchWord.sol";

/// @title Sealing and settling batches (protocol, section 9)
/// @notice The root changes in `settle` only, to a root that proofs lead to from the held one, for exactly the sealed touches and
/// orders, under the risk table of the seal's epoch and the contract's terms, crediting exactly the locked part of the queues.
/// Everything a proof is checked against is computed here from storage and the published words; calldata brings only what the
/// circuits commit to.
///
/// Fee rate and margin ratio are constants of the contract: who seals has read the orders, and under a ratio of its choice it would
/// pick whose orders margin refuses and which exits pay nothing.
///
/// Left to the contract that inherits: who posts epochs and seals, when a seal is late or void, tokens, bonds, rewards and the way
/// out. How public data is published is behind the internal functions of the last section, which may be overridden; their last
/// comment says what an override owes.
abstract contract Settlement is Epochs, Queues {
    /// @dev What a segment starts from and leads to.
    struct Link {
        uint256 root;
        uint256 thetaPower;
        uint256 nextIndex;
        uint256 sums;
    }

    /// @dev What all proofs of a settlement share.
    struct Shared {
        uint256 context;
        uint256 riskRoot;
        Challenges.Points points;
    }

    /// @notice Most segments a batch is settled with.
    uint256 public constant MAX_SEGMENTS = 64;
    /// @notice Most entries of a queue that one seal locks.
    uint256 public constant MAX_QUEUE_ENTRIES = 4096;

    uint256 internal constant SEGMENT_INPUTS = 17;
    uint256 internal constant CLOSING_INPUTS = 13;
    /// @dev Words of a touch that the contract reads.
    uint256 private constant WORD_TOUCH_HASH = 1;
    uint256 private constant WORD_OWNER = 3;
    uint256 private constant WORD_RECIPIENT = 4;
    /// @dev Marks an exit beside its amount in a list of what the touches say.
    uint256 private constant EXIT = 1 << 64;

    uint16 private immutable FEE_RATE;
    /// @dev The initial margin ratio is NUM/DEN.
    uint8 private immutable NUM;
    uint8 private immutable DEN;

    /// @inheritdoc ISettlement
    uint256 public override root;
    /// @inheritdoc ISettlement
    uint32 public override batch;
    /// @inheritdoc ISettlement
    uint32 public override lastVoid;

    Seal private _seal_;

    /// @param verifier_ Verifier of the proofs.
    /// @param genesisRoot Root of the tree that holds the fund's empty account and nothing else; it depends on this contract's domain.
    /// @param fundOwner Owner of account 0.
    /// @param terms_ Fee rate and margin ratio for the life of the contract.
    constructor(IVerifier verifier_, uint256 genesisRoot, uint256 fundOwner, Terms memory terms_)
        CircuitParameters(verifier_)
        Queues(fundOwner)
    {
        if (genesisRoot >= Bn254.P) revert NotReduced(genesisRoot);
        _checkTerms(terms_);
        (FEE_RATE, NUM, DEN) = (terms_.feeRate, terms_.num, terms_.den);
        root = genesisRoot;
        emit Genesis(genesisRoot, domain, address(verifier_), fundOwner, terms_);
    }

    /// @inheritdoc ISettlement
    function terms() public view override returns (Terms memory) {
        return Terms(FEE_RATE, NUM, DEN);
    }

    /// @inheritdoc ISettlement
    function currentSeal() public view override returns (Seal memory) {
        return _seal_;
    }

    function _checkTerms(Terms memory terms_) private pure {
        if (terms_.feeRate > 9999) revert FeeRateOutOfRange(terms_.feeRate);
        if (terms_.den == 0 || terms_.den > 4 || terms_.num < terms_.den || terms_.num > 5) {
            revert RatioOutOfRange(terms_.num, terms_.den);
        }
    }

    /// @inheritdoc ISettlement
    function settle(
        SegmentProof[] calldata segments,
        ClosingProof calldata closing,
        bytes calldata words,
        address beneficiary
    ) external virtual override {
        _settle(segments, closing, words, beneficiary);
    }

    // --------------------------------------------------------------------------------------------------------- the seal

    /// @dev Seals the next batch under the epoch in force, at the time of this block.
    function _seal(SealRequest calldata request) internal returns (uint32 number) {
        if (_seal_.touches != 0) revert SealInForce(_seal_.batch);
        if (currentEpoch == 0) revert NoEpoch();
        _checkRequest(request);
        number = ++batch;
        _seal_ = Seal({
            sealRoot: request.sealRoot,
            batch: number,
            touches: request.touches,
            orders: request.orders,
            depositEnd: request.depositEnd,
            exitEnd: request.exitEnd,
            lastVoid: lastVoid,
            epoch: currentEpoch,
            time: uint40(block.timestamp)
        });
        emit BatchSealed(number, root, _seal_, terms());
    }

    /// @dev Gives the sealed batch up. What it locked of the queues is free again, and every order without `survives` whose first
    /// batch is not after this one is at an end, in this batch or not (protocol, section 4, test 2). Nothing here asks why: where
    /// who seals may call it, a void is an option of theirs, held after they have seen how the batch clears, until the contract
    /// that inherits puts a price or a deadline on it.
    function _void() internal returns (uint32 number) {
        number = _requireSeal().batch;
        lastVoid = number;
        delete _seal_;
        emit BatchVoided(number);
    }

    function _requireSeal() internal view returns (Seal memory sealed_) {
        sealed_ = _seal_;
        if (sealed_.touches == 0) revert NoSeal();
    }

    /// @dev A seal locks its deposits until it is settled or void.
    function _lockedDeposits() internal view override returns (uint64) {
        return _seal_.touches == 0 ? super._lockedDeposits() : _seal_.depositEnd;
    }

    function _checkRequest(SealRequest calldata request) private view {
        uint256 most = MAX_SEGMENTS * TOUCHES_PER_SEGMENT;
        if (request.touches == 0 || request.touches > most) revert TouchesOutOfRange(request.touches, most);
        most = request.touches * ORDERS_PER_TOUCH;
        if (request.orders > most) revert OrdersOutOfRange(request.orders, most);
        (uint64 head, uint64 tail) = depositQueue();
        _checkQueueEnd(request.depositEnd, head, tail);
        (head, tail) = exitQueue();
        _checkQueueEnd(request.exitEnd, head, tail);
    }

    function _checkQueueEnd(uint64 end, uint64 head, uint64 tail) private pure {
        if (end < head || end > tail || end - head > MAX_QUEUE_ENTRIES) revert QueueEndOutOfRange(end, head, tail);
    }

    // ---------------------------------------------------------------------------------------------------- the settlement

    function _settle(
        SegmentProof[] calldata segments,
        ClosingProof calldata closing,
        bytes calldata words,
        address beneficiary
    ) internal returns (uint32 number) {
        Seal memory sealed_ = _requireSeal();
        if (block.chainid != CHAIN_ID) revert WrongChain(block.chainid, CHAIN_ID);
        _checkLengths(sealed_, segments.length, words);
        _checkTouches(sealed_, segments.length, words);
        _checkRows(sealed_, segments.length, words);

        bytes32 dataHash = _dataHash(words);
        uint256[] memory transcript = _transcript(sealed_, segments, closing, words, dataHash, beneficiary);
        _checkProofs(sealed_, segments, closing, words, Challenges.first(transcript));

        number = sealed_.batch;
        _moveRoot(number, segments[segments.length - 1].root, dataHash, beneficiary);
        _applyTouches(sealed_, words);
    }

    function _moveRoot(uint32 number, uint256 to, bytes32 dataHash, address beneficiary) private {
        emit BatchSettled(number, root, to, dataHash, beneficiary);
        root = to;
        delete _seal_;
    }

    function _checkLengths(Seal memory sealed_, uint256 segments, bytes calldata words) private view {
        uint256 expected = (sealed_.touches + TOUCHES_PER_SEGMENT - 1) / TOUCHES_PER_SEGMENT;
        if (segments != expected) revert WrongSegments(segments, expected);
        expected = _dataLength(segments);
        if (words.length != expected) revert WrongDataLength(words.length, expected);
    }

    /// @dev The live touches come first, begin with leaf 0, and are those of the seal; owners and recipients are in order.
    function _checkTouches(Seal memory sealed_, uint256 segments, bytes calldata words) private view {
        bytes32[] memory leaves = new bytes32[](sealed_.touches);
        uint256 positions = segments * TOUCHES_PER_SEGMENT;
        for (uint256 i = 0; i < positions; ++i) {
            uint256 word = _touchWord(words, i, 0);
            if (i < sealed_.touches ? !TouchWord.live(word) || word >> 162 != 0 : word != 0) {
                revert WrongTouch(i, word);
            }
            if (i >= sealed_.touches) continue;
            leaves[i] = SealTree.leaf(TouchWord.index(word), _touchWord(words, i, WORD_TOUCH_HASH));
            _checkParties(words, i, word);
        }
        uint256 first = TouchWord.index(_touchWord(words, 0, 0));
        if (first != 0) revert FundMissing(first);
        bytes32 computed = SealTree.root(leaves);
        if (computed != sealed_.sealRoot) revert SealMismatch(computed, sealed_.sealRoot);
    }

    function _checkParties(bytes calldata words, uint256 position, uint256 word) private view {
        uint256 expected = 0;
        if (TouchWord.opens(word)) {
            expected = ownerOf[uint32(TouchWord.index(word))];
            if (TouchWord.exit(word) || TouchWord.amount(word) == 0) revert OpenedWithoutDeposit(position);
        }
        uint256 owner = _touchWord(words, position, WORD_OWNER);
        if (owner != expected || (expected == 0 && TouchWord.opens(word))) {
            revert WrongOwner(position, owner, expected);
        }
        uint256 recipient = _touchWord(words, position, WORD_RECIPIENT);
        if (recipient >> (TouchWord.exit(word) ? 0 : 160) != 0) revert WrongRecipient(position, recipient);
    }

    /// @dev Risk rows are the instruments of the seal's epoch, settled rows have the values they had at that epoch.
    function _checkRows(Seal memory sealed_, uint256 segments, bytes calldata words) private view {
        Epoch memory epoch = epochs(sealed_.epoch);
        uint32[] memory ids = new uint32[](epoch.instruments);
        for (uint256 row = 0; row < RISK_ROWS; ++row) {
            uint256 word = _closingWord(words, segments, row);
            if (row < ids.length) ids[row] = _id(word);
            else if (word != 0) revert UnusedRow(row, word);
        }
        bytes32 computed = _hashIds(ids);
        if (computed != epoch.instrumentsHash) revert WrongInstruments(computed, epoch.instrumentsHash);
        _checkSettledRows(sealed_, segments, words, ids);
    }

    function _checkSettledRows(Seal memory sealed_, uint256 segments, bytes calldata words, uint32[] memory open)
        private
        view
    {
        uint256 last = 0;
        uint256 next = 0;
        bool ended = false;
        for (uint256 row = 0; row < SETTLED_ROWS; ++row) {
            uint256 word = _closingWord(words, segments, RISK_ROWS + row);
            if (word == 0) ended = true;
            if (word == 0) continue;
            uint32 id = _id(word);
            if (ended || id <= last || !_isSettledAs(id, word >> ID_BITS, sealed_.epoch)) {
                revert WrongSettledRow(row, word);
            }
            while (next < open.length && open[next] < id) ++next;
            if (next < open.length && open[next] == id) revert SettledInstrumentOpen(id);
            last = id;
        }
    }

    /// @dev Instrument id of a closing word.
    function _id(uint256 word) private pure returns (uint32) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(word & (2 ** ID_BITS - 1)); // the mask leaves 27 bits
    }

    function _isSettledAs(uint32 id, uint256 value, uint32 epoch) private view returns (bool) {
        (uint64 recorded, uint32 since) = settlementValue(id);
        return since != 0 && since <= epoch && recorded == value;
    }

    // -------------------------------------------------------------------------------------------------------- the proofs

    function _checkProofs(
        Seal memory sealed_,
        SegmentProof[] calldata segments,
        ClosingProof calldata closing,
        bytes calldata words,
        bytes32 r1
    ) private view {
        bytes32 r2 = Challenges.second(r1, closing.transcript);
        Shared memory shared = Shared(_context(sealed_), epochs(sealed_.epoch).riskRoot, Challenges.points(r1, r2));
        uint256[] memory inputs = new uint256[](SEGMENT_INPUTS * segments.length + CLOSING_INPUTS);
        _pushSegments(inputs, sealed_, segments, words, shared);
        _pushClosing(inputs, sealed_, segments, closing, words, shared);
        verifier.verify(r2, _proofWords(segments, closing), inputs);
    }

    /// @dev The seal's batch, last void and time and the contract's fee rate and margin ratio in one element.
    function _context(Seal memory sealed_) internal view returns (uint256) {
        return uint256(sealed_.batch) | (uint256(sealed_.lastVoid) << 32) | (uint256(sealed_.time) << 64)
            | (uint256(FEE_RATE) << 104) | (uint256(NUM) << 118) | (uint256(DEN) << 121);
    }

    /// @dev Words of r₁, in the order of protocol section 7.
    function _transcript(
        Seal memory sealed_,
        SegmentProof[] calldata segments,
        ClosingProof calldata closing,
        bytes calldata words,
        bytes32 dataHash,
        address beneficiary
    ) private view returns (uint256[] memory t) {
        uint256 n = segments.length;
        t = new uint256[](13 + 3 * n);
        t[0] = uint256(Challenges.TAG);
        t[1] = domain;
        t[2] = _context(sealed_);
        t[3] = n;
        t[4] = sealed_.orders;
        t[5] = uint256(sealed_.sealRoot);
        t[6] = sealed_.depositEnd;
        t[7] = sealed_.exitEnd;
        t[8] = root;
        for (uint256 j = 0; j < n; ++j) {
            t[9 + 3 * j] = segments[j].root;
            t[10 + 3 * j] = _nextIndex(sealed_, words, j);
            t[11 + 3 * j] = segments[j].transcript;
        }
        t[9 + 3 * n] = epochs(sealed_.epoch).riskRoot;
        t[10 + 3 * n] = closing.auctionRoot;
        t[11 + 3 * n] = uint256(dataHash);
        t[12 + 3 * n] = uint160(beneficiary);
    }

    /// @dev One more than the account index of the last live touch of a segment.
    function _nextIndex(Seal memory sealed_, bytes calldata words, uint256 segment) private view returns (uint256) {
        uint256 end = (segment + 1) * TOUCHES_PER_SEGMENT;
        uint256 last = (end < sealed_.touches ? end : sealed_.touches) - 1;
        return TouchWord.index(_touchWord(words, last, 0)) + 1;
    }

    function _pushSegments(
        uint256[] memory inputs,
        Seal memory sealed_,
        SegmentProof[] calldata segments,
        bytes calldata words,
        Shared memory shared
    ) private view {
        uint256 step = _power(shared.points.theta, TOUCHES_PER_SEGMENT);
        Link memory from = Link(root, 1, 0, SUMS_START);
        for (uint256 j = 0; j < segments.length; ++j) {
            Link memory to = Link(
                segments[j].root,
                mulmod(from.thetaPower, step, Bn254.P),
                _nextIndex(sealed_, words, j),
                segments[j].sums
            );
            uint256 value = _segmentValue(words, j, shared.points.z);
            _pushSegment(inputs, j * SEGMENT_INPUTS, from, to, segments[j].transcript, value, shared);
            from = to;
        }
    }

    function _pushSegment(
        uint256[] memory inputs,
        uint256 start,
        Link memory from,
        Link memory to,
        uint256 transcript,
        uint256 value,
        Shared memory shared
    ) private view {
        inputs[start] = domain;
        inputs[start + 1] = shared.context;
        inputs[start + 2] = from.root;
        inputs[start + 3] = to.root;
        inputs[start + 4] = from.thetaPower;
        inputs[start + 5] = to.thetaPower;
        inputs[start + 6] = from.nextIndex;
        inputs[start + 7] = to.nextIndex;
        inputs[start + 8] = from.sums;
        inputs[start + 9] = to.sums;
        inputs[start + 10] = transcript;
        _pushChallenges(inputs, start + 11, shared.points, value);
    }

    function _pushClosing(
        uint256[] memory inputs,
        Seal memory sealed_,
        SegmentProof[] calldata segments,
        ClosingProof calldata closing,
        bytes calldata words,
        Shared memory shared
    ) private view {
        uint256 start = SEGMENT_INPUTS * segments.length;
        inputs[start] = domain;
        inputs[start + 1] = shared.context;
        inputs[start + 2] = shared.riskRoot;
        inputs[start + 3] = closing.auctionRoot;
        inputs[start + 4] = closing.transcript;
        _pushChallenges(inputs, start + 5, shared.points, _closingValue(words, segments.length, shared.points.z));
        inputs[start + 11] = segments[segments.length - 1].sums;
        inputs[start + 12] = Sequence.product(shared.points.gamma, sealed_.orders);
    }

    function _pushChallenges(uint256[] memory inputs, uint256 start, Challenges.Points memory points, uint256 value)
        private
        pure
    {
        inputs[start] = points.y;
        inputs[start + 1] = points.theta;
        inputs[start + 2] = points.gamma;
        inputs[start + 3] = points.beta;
        inputs[start + 4] = points.z;
        inputs[start + 5] = value;
    }

    function _proofWords(SegmentProof[] calldata segments, ClosingProof calldata closing)
        private
        pure
        returns (uint256[] memory proofs)
    {
        proofs = new uint256[](8 * (segments.length + 1));
        for (uint256 j = 0; j <= segments.length; ++j) {
            uint256[8] calldata proof = j < segments.length ? segments[j].proof : closing.proof;
            for (uint256 i = 0; i < 8; ++i) {
                proofs[8 * j + i] = proof[i];
            }
        }
    }

    function _power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        result = 1;
        for (uint256 i = 0; i < exponent; ++i) {
            result = mulmod(result, base, Bn254.P);
        }
    }

    // ------------------------------------------------------------------------------------- deposits, exits, withdrawals

    /// @dev Credits what the touches pay out and takes the locked part of the queues, which must be exactly what they credit and
    /// answer.
    function _applyTouches(Seal memory sealed_, bytes calldata words) private {
        uint256[] memory said = new uint256[](sealed_.touches);
        uint256 amounts = 0;
        uint256 exits_ = 0;
        for (uint256 i = 0; i < said.length; ++i) {
            uint256 word = _touchWord(words, i, 0);
            said[i] = TouchWord.amount(word);
            if (TouchWord.exit(word)) {
                said[i] |= EXIT;
                ++exits_;
            } else {
                amounts += said[i];
                _creditWithdrawal(sealed_.batch, words, i, word);
            }
        }
        amounts -= _takeDeposits(sealed_, words, said);
        exits_ -= _takeExits(sealed_, words, said);
        if (amounts != 0 || exits_ != 0) revert NotInQueue(amounts, exits_);
    }

    function _creditWithdrawal(uint32 number, bytes calldata words, uint256 position, uint256 word) private {
        uint256 paid = TouchWord.paid(word);
        if (paid == 0) return;
        address recipient = address(uint160(_touchWord(words, position, WORD_RECIPIENT)));
        _credit(number, uint32(TouchWord.index(word)), recipient, paid);
    }

    /// @dev Sum of the locked deposits, each taken from what its account's touch says it credits.
    function _takeDeposits(Seal memory sealed_, bytes calldata words, uint256[] memory said)
        private
        returns (uint256 taken)
    {
        (uint64 entry,) = depositQueue();
        for (; entry < sealed_.depositEnd; ++entry) {
            Deposit memory deposit = deposits(entry);
            if (deposit.amount == 0) continue;
            uint256 position = _positionOf(words, said.length, deposit.index);
            if (position == said.length || said[position] >= EXIT || said[position] < deposit.amount) {
                revert QueueEntryMissing(entry, deposit.index);
            }
            said[position] -= deposit.amount;
            taken += deposit.amount;
        }
        _advanceDeposits(sealed_.depositEnd);
    }

    /// @dev Number of the locked exit requests, each answered by the touch of its account.
    function _takeExits(Seal memory sealed_, bytes calldata words, uint256[] memory said)
        private
        returns (uint256 taken)
    {
        (uint64 entry,) = exitQueue();
        for (; entry < sealed_.exitEnd; ++entry) {
            ExitRequest memory request = exits(entry);
            uint256 position = _positionOf(words, said.length, request.index);
            if (position == said.length || said[position] != EXIT | request.amount) {
                revert QueueEntryMissing(entry, request.index);
            }
            said[position] = 0;
            ++taken;
            _answerExit(sealed_.batch, entry, request, TouchWord.paid(_touchWord(words, position, 0)));
        }
        _advanceExits(sealed_.exitEnd);
    }

    /// @dev Position of the touch of account `index` among the live ones, whose indices the proofs show to increase; `touches` if
    /// there is none.
    function _positionOf(bytes calldata words, uint256 touches, uint256 index) private view returns (uint256) {
        uint256 low = 0;
        uint256 high = touches;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (TouchWord.index(_touchWord(words, middle, 0)) < index) low = middle + 1;
            else high = middle;
        }
        return low < touches && TouchWord.index(_touchWord(words, low, 0)) == index ? low : touches;
    }

    // ----------------------------------------------------------------------------------------------------- public data

    // These are virtual so that data may be published elsewhere than in `words`. Whoever overrides one of them answers for all: the
    // words hashed (`_dataHash`) are the words evaluated (`_segmentValue`, `_closingValue`) are the words read (`_touchWord`,
    // `_closingWord`), each below p and in the same order, or what is settled is not what was proven or published. Nothing outside
    // them looks at `words`.

    /// @dev Bytes of public data of a batch of `segments` segments.
    function _dataLength(uint256 segments) internal view virtual returns (uint256) {
        return 32 * (segments * TOUCHES_PER_SEGMENT * WORDS_PER_TOUCH + RISK_ROWS + SETTLED_ROWS);
    }

    /// @dev keccak over all data words, wherever they are.
    function _dataHash(bytes calldata words) internal view virtual returns (bytes32) {
        return keccak256(words);
    }

    /// @dev Value at `z` of the words of one segment; reverts if one of them is not below p.
    function _segmentValue(bytes calldata words, uint256 segment, uint256 z) internal view virtual returns (uint256) {
        uint256 count = TOUCHES_PER_SEGMENT * WORDS_PER_TOUCH;
        return DataWords.evaluate(words, segment * count, count, z);
    }

    /// @dev Value at `z` of the closing words; reverts if one of them is not below p.
    function _closingValue(bytes calldata words, uint256 segments, uint256 z) internal view virtual returns (uint256) {
        uint256 from = segments * TOUCHES_PER_SEGMENT * WORDS_PER_TOUCH;
        return DataWords.evaluate(words, from, RISK_ROWS + SETTLED_ROWS, z);
    }

    /// @dev Word `offset` (0 … 4) of the touch at `position`.
    function _touchWord(bytes calldata words, uint256 position, uint256 offset)
        internal
        view
        virtual
        returns (uint256)
    {
        // Positions and offsets are far below 2²⁵⁵: the callers keep them inside `words`.
        unchecked {
            return DataWords.read(words, position * WORDS_PER_TOUCH + offset);
        }
    }

    /// @dev Closing word `row`: risk rows, then settled rows.
    function _closingWord(bytes calldata words, uint256 segments, uint256 row) internal view virtual returns (uint256) {
        return DataWords.read(words, segments * TOUCHES_PER_SEGMENT * WORDS_PER_TOUCH + row);
    }
}

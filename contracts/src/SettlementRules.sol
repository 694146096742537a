// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlementRules} from "./interfaces/ISettlementRules.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Bn254} from "./libraries/Bn254.sol";
import {Challenges} from "./libraries/Challenges.sol";
import {DataWords} from "./libraries/DataWords.sol";
import {SealTree} from "./libraries/SealTree.sol";
import {SegmentWords} from "./libraries/SegmentWords.sol";
import {Sequence} from "./libraries/Sequence.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TouchWord} from "./libraries/TouchWord.sol";

/// @title What a settlement of a sealed batch must satisfy (protocol, section 9)
/// @notice Everything a proof is checked against is computed here, from what the vault states and from the published words; a claim
/// brings only what the circuits commit to. Nothing changes after the constructor.
///
/// A check in several calls accepts what a check in one call accepts: every call draws the challenges anew from statement and claim,
/// and takes a progress only if it is of this statement and this claim to the last word (`binding`). That a progress is the answer of an
/// earlier call is the vault's to know. Each call has its own pairing product, so no proof waits for a later call to be checked.
///
/// Left to the vault: that the statement is true, that owners, deposits, exit requests and settlement values are its own, and that
/// a batch is settled once. Whether keys are for local chains only is the vault's to refuse as well.
contract SettlementRules is ISettlementRules {
    /// @dev What a call draws from statement and claim, and what it keeps beside the progress.
    struct Drawn {
        bytes32 r1;
        bytes32 r2;
        bytes32 binding;
        Challenges.Points points;
        /// Words for which `progress.accounts` has room.
        uint256 room;
    }

    /// @dev Public inputs of a segment, in order (protocol, section 7).
    struct SegmentInputs {
        uint256 domain;
        uint256 context;
        uint256 rootIn;
        uint256 rootOut;
        uint256 thetaPowerIn;
        uint256 thetaPowerOut;
        uint256 nextIndexIn;
        uint256 nextIndexOut;
        uint256 sumsIn;
        uint256 sumsOut;
        uint256 transcript;
        uint256 y;
        uint256 theta;
        uint256 gamma;
        uint256 beta;
        uint256 z;
        uint256 openValue;
        uint256 cipherValue;
    }

    /// @dev Public inputs of the closing circuit, in order.
    struct ClosingInputs {
        uint256 domain;
        uint256 context;
        uint256 riskRoot;
        uint256 auctionRoot;
        uint256 transcript;
        uint256 y;
        uint256 theta;
        uint256 gamma;
        uint256 beta;
        uint256 z;
        uint256 value;
        uint256 sums;
        uint256 sequenceProduct;
    }

    uint256 private constant SEGMENT_INPUTS = 18;
    uint256 private constant CLOSING_INPUTS = 13;
    uint256 private constant PROOF_WORDS = 8;
    /// @dev Words of a touch that are read, and how many of them the vault hears of.
    uint256 private constant WORD_OWNER = 3;
    uint256 private constant WORD_RECIPIENT = 4;
    uint256 private constant ACCOUNT_WORDS = 3;
    /// @dev Instrument ids have this many bits.
    uint256 private constant ID_BITS = 27;
    bytes32 private constant PUBLIC_DATA_TYPE =
        keccak256("PublicData(bytes32 r1,uint32 first,bytes32 hashes,bytes32 values)");

    /// @inheritdoc ISettlementRules
    IVerifier public immutable override verifier;
    /// @inheritdoc ISettlementRules
    bool public immutable override validium;

    uint256 private immutable TOUCHES;
    /// @dev Ciphertext words a touch.
    uint256 private immutable CIPHER;
    uint256 private immutable RISK_ROWS;
    uint256 private immutable SETTLED_ROWS;
    /// @dev Commitment to the running sums before the first segment.
    uint256 private immutable SUMS_START;
    uint256 private immutable THRESHOLD;

    /// @dev Written by the constructor and never again.
    address[] private _replicas;
    mapping(address replica => bool) private _isReplica;

    /// @notice Replica `position` is 0 or not above the one before it.
    error ReplicaOutOfOrder(uint256 position, address replica);
    /// @notice There is no code at the verifier's address.
    error NoVerifier(address verifier);
    /// @notice Of `replicas` replicas at least 1 and at most all must sign; of none, none.
    error ThresholdOutOfRange(uint256 threshold, uint256 replicas);

    /// @param verifier_ Verifier of the proofs; says the sizes of the circuits.
    /// @param replicas_ Who holds the encrypted words, by increasing address; none makes the mode rollup.
    /// @param threshold How many of them must sign; 0 if there are none.
    constructor(IVerifier verifier_, address[] memory replicas_, uint256 threshold) {
        IVerifier.Parameters memory parameters = verifier_.parameters();
        verifier = verifier_;
        TOUCHES = parameters.touches;
        CIPHER = parameters.wordsPerTouch - SegmentWords.OPEN;
        RISK_ROWS = parameters.riskRows;
        SETTLED_ROWS = parameters.settledRows;
        SUMS_START = parameters.sumsStart;
        validium = replicas_.length != 0;
        THRESHOLD = threshold;
        _setReplicas(replicas_, threshold);
    }

    function _setReplicas(address[] memory replicas_, uint256 threshold) private {
        if (threshold > replicas_.length || (threshold == 0 && replicas_.length != 0)) {
            revert ThresholdOutOfRange(threshold, replicas_.length);
        }
        address last = address(0);
        for (uint256 i = 0; i < replicas_.length; ++i) {
            if (replicas_[i] <= last) revert ReplicaOutOfOrder(i, replicas_[i]);
            last = replicas_[i];
            _isReplica[last] = true;
        }
        _replicas = replicas_;
    }

    // -------------------------------------------------------------------------------------------------------- the calls

    /// @inheritdoc ISettlementRules
    function check(
        Statement calldata statement,
        Claim calldata claim,
        Part calldata part,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external view override returns (Effects memory effects) {
        uint256 count = claim.segments.length;
        Drawn memory drawn = _draw(statement, claim);
        if (part.proofs.length != count) revert WrongSegments(part.proofs.length, count);
        uint256[] memory inputs = new uint256[](SEGMENT_INPUTS * count + CLOSING_INPUTS);
        Progress memory progress = _start(statement, drawn);
        _checkSegments(statement, claim, part, drawn, progress, inputs);
        effects = _checkClosing(statement, claim, closingWords, drawn, progress);
        _putClosing(inputs, SEGMENT_INPUTS * count, statement, claim, closingWords, drawn);

        uint256[] memory proofs = _proofs(part, PROOF_WORDS);
        _putClosingProof(proofs, closingProof);
        _verify(drawn.r2, proofs, inputs);
    }

    /// @inheritdoc ISettlementRules
    function begin(Statement calldata statement, Claim calldata claim)
        external
        view
        override
        returns (Progress memory progress)
    {
        return _start(statement, _draw(statement, claim));
    }

    /// @inheritdoc ISettlementRules
    function advance(Statement calldata statement, Claim calldata claim, Progress calldata progress, Part calldata part)
        external
        view
        override
        returns (Progress memory next)
    {
        Drawn memory drawn = _draw(statement, claim);
        next = progress;
        _checkProgress(statement, drawn, next);
        uint256 count = part.proofs.length;
        uint256 left = claim.segments.length - next.segment;
        if (count == 0 || count > left) revert WrongSegments(count, left);
        uint256[] memory inputs = new uint256[](SEGMENT_INPUTS * count);
        _checkSegments(statement, claim, part, drawn, next, inputs);
        _verify(drawn.r2, _proofs(part, 0), inputs);
    }

    /// @inheritdoc ISettlementRules
    function finish(
        Statement calldata statement,
        Claim calldata claim,
        Progress calldata progress,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external view override returns (Effects memory effects) {
        Drawn memory drawn = _draw(statement, claim);
        Progress memory last = progress;
        _checkProgress(statement, drawn, last);
        if (last.segment != claim.segments.length) revert WrongProgress(last.r1, last.segment);
        effects = _checkClosing(statement, claim, closingWords, drawn, last);
        uint256[] memory inputs = new uint256[](CLOSING_INPUTS);
        _putClosing(inputs, 0, statement, claim, closingWords, drawn);

        uint256[] memory proofs = new uint256[](PROOF_WORDS);
        _putClosingProof(proofs, closingProof);
        _verify(drawn.r2, proofs, inputs);
    }

    /// @inheritdoc ISettlementRules
    function replicas() external view override returns (address[] memory addresses, uint256 threshold) {
        return (_replicas, THRESHOLD);
    }

    /// @inheritdoc ISettlementRules
    function attestation(
        bytes32 separator,
        bytes32 r1,
        uint32 first,
        bytes32[] calldata hashes,
        uint256[] calldata values
    ) external pure override returns (bytes32 digest) {
        return _attestation(separator, r1, first, hashes, values);
    }

    // ------------------------------------------------------------------------------------------- statement and claim

    /// @dev Draws the challenges, after the claim was seen to have as many segments as the sealed touches need.
    function _draw(Statement memory statement, Claim calldata claim) private view returns (Drawn memory drawn) {
        uint256 expected = (uint256(statement.touches) + TOUCHES - 1) / TOUCHES;
        if (claim.segments.length != expected) revert WrongSegments(claim.segments.length, expected);
        drawn.r1 = Challenges.first(_transcript(statement, claim));
        drawn.r2 = Challenges.second(drawn.r1, claim.closingTranscript);
        drawn.points = Challenges.points(drawn.r1, drawn.r2);
        drawn.binding = _binding(statement, claim, drawn.r2);
    }

    /// @dev Words of r₁, in the order of protocol section 7.
    function _transcript(Statement memory statement, Claim calldata claim) private pure returns (uint256[] memory t) {
        uint256 n = claim.segments.length;
        t = new uint256[](13 + 4 * n);
        t[0] = uint256(Challenges.TAG);
        t[1] = statement.domain;
        t[2] = statement.context;
        t[3] = n;
        t[4] = statement.orders;
        t[5] = uint256(statement.sealRoot);
        t[6] = statement.depositEnd;
        t[7] = statement.exitEnd;
        t[8] = statement.root;
        SegmentClaim[] calldata segments = claim.segments;
        assembly ("memory-safe") {
            let to := add(t, mul(0x20, 10)) // behind the length and nine words
            let segment := segments.offset
            for { let end := add(segment, mul(0xa0, n)) } lt(segment, end) { segment := add(segment, 0xa0) } {
                mstore(to, calldataload(segment)) // root
                mstore(add(to, 0x20), calldataload(add(segment, 0x60))) // next index
                mstore(add(to, 0x40), calldataload(add(segment, 0x40))) // τ
                mstore(add(to, 0x60), calldataload(add(segment, 0x80))) // data hash
                to := add(to, 0x80)
            }
        }
        t[9 + 4 * n] = statement.riskRoot;
        t[10 + 4 * n] = claim.auctionRoot;
        t[11 + 4 * n] = uint256(claim.closingHash);
        t[12 + 4 * n] = uint160(claim.beneficiary);
    }

    /// @dev Hash of the statement, of r₂ (hence of r₁ and τ_G) and of the sums: with it, all that a claim says.
    function _binding(Statement memory statement, Claim calldata claim, bytes32 r2) private pure returns (bytes32) {
        return keccak256(abi.encode(statement, r2, _wordsOf(claim, 1, 0)));
    }

    /// @dev Progress of which nothing is checked.
    function _start(Statement memory statement, Drawn memory drawn) private pure returns (Progress memory progress) {
        progress.r1 = drawn.r1;
        progress.binding = drawn.binding;
        progress.thetaPower = 1;
        progress.sealPeaks = new bytes32[](SealTree.heights(statement.touches));
    }

    function _checkProgress(Statement memory statement, Drawn memory drawn, Progress memory progress) private pure {
        if (progress.binding != drawn.binding || progress.sealPeaks.length != SealTree.heights(statement.touches)) {
            revert WrongProgress(progress.r1, progress.segment);
        }
    }

    // --------------------------------------------------------------------------------------------------------- segments

    /// @dev Checks the words of the next segments, moves the progress past them and fills in the inputs of their proofs.
    function _checkSegments(
        Statement memory statement,
        Claim calldata claim,
        Part calldata part,
        Drawn memory drawn,
        Progress memory progress,
        uint256[] memory inputs
    ) private view {
        uint256 count = part.proofs.length;
        _checkLengths(part, count);
        bytes32[] memory hashes = new bytes32[](validium ? count : 0);
        uint256 first = progress.segment;
        uint256 step = _power(drawn.points.theta, TOUCHES);
        SegmentInputs memory x = _inputsAt(statement, claim, drawn, progress);
        SegmentClaim[] calldata segments = claim.segments;
        for (uint256 i = 0; i < count; ++i) {
            SegmentClaim calldata segment = segments[first + i];
            x.openValue = _checkTouches(statement, segment, part.words, i * _segmentWords(), drawn, progress);
            x.cipherValue = _checkCipher(segment, part, i, first, x.z, hashes);
            _link(x, segment, step);
            _put(inputs, i, x);
        }
        progress.thetaPower = x.thetaPowerOut;
        if (validium) {
            // A segment number is below the number of touches, which has 32 bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            _checkReplicas(_attestation(statement.separator, drawn.r1, uint32(first), hashes, part.values), part);
        }
    }

    /// @dev The inputs of the segment before the next one, or of one before the first that ended where the first starts.
    function _inputsAt(Statement memory statement, Claim calldata claim, Drawn memory drawn, Progress memory progress)
        private
        view
        returns (SegmentInputs memory x)
    {
        (x.domain, x.context) = (statement.domain, statement.context);
        Challenges.Points memory points = drawn.points;
        (x.y, x.theta, x.gamma, x.beta, x.z) = (points.y, points.theta, points.gamma, points.beta, points.z);
        x.thetaPowerOut = progress.thetaPower;
        if (progress.segment == 0) {
            (x.rootOut, x.nextIndexOut, x.sumsOut) = (statement.root, 0, SUMS_START);
        } else {
            SegmentClaim calldata last = claim.segments[progress.segment - 1];
            (x.rootOut, x.nextIndexOut, x.sumsOut) = (last.root, last.nextIndex, last.sums);
        }
    }

    /// @dev Goes on to the next segment: it starts where the one before ended.
    function _link(SegmentInputs memory x, SegmentClaim calldata segment, uint256 step) private pure {
        (x.rootIn, x.rootOut) = (x.rootOut, segment.root);
        (x.thetaPowerIn, x.thetaPowerOut) = (x.thetaPowerOut, mulmod(x.thetaPowerOut, step, Bn254.P));
        (x.nextIndexIn, x.nextIndexOut) = (x.nextIndexOut, segment.nextIndex);
        (x.sumsIn, x.sumsOut) = (x.sumsOut, segment.sums);
        x.transcript = segment.transcript;
    }

    /// @dev Writes the inputs of proof `proof` of this call.
    function _put(uint256[] memory inputs, uint256 proof, SegmentInputs memory x) private pure {
        assembly ("memory-safe") {
            // `inputs` was made for all proofs of the call.
            let size := mul(SEGMENT_INPUTS, 0x20)
            mcopy(add(add(inputs, 0x20), mul(proof, size)), x, size)
        }
    }

    /// @dev Words of a segment in calldata.
    function _segmentWords() private view returns (uint256) {
        return TOUCHES * SegmentWords.OPEN + (validium ? 1 : TOUCHES * CIPHER);
    }

    function _checkLengths(Part calldata part, uint256 count) private view {
        uint256 expected = 32 * count * _segmentWords();
        if (part.words.length != expected) revert WrongDataLength(part.words.length, expected);
        expected = validium ? count : 0;
        if (part.values.length != expected) revert WrongValues(part.values.length, expected);
        expected = THRESHOLD * Signatures.LENGTH;
        if (part.signatures.length != expected) revert WrongSignatures(part.signatures.length, expected);
    }

    /// @dev The live touches come first, begin with leaf 0, and go into the seal's tree; what the vault will act on is in order. The
    /// words of the segment start at word `from`. Gives the value of the open words.
    function _checkTouches(
        Statement memory statement,
        SegmentClaim calldata segment,
        bytes calldata words,
        uint256 from,
        Drawn memory drawn,
        Progress memory progress
    ) private view returns (uint256 value) {
        uint256 z = drawn.points.z;
        uint256 position = uint256(progress.segment) * TOUCHES;
        uint256 live = statement.touches - position;
        if (live > TOUCHES) live = TOUCHES;
        bool plain;
        (value, plain) = SegmentWords.read(words, from, live, progress.sealPeaks, position, z);
        if (!plain) _makeRoom(progress, drawn, ACCOUNT_WORDS * live);
        for (uint256 i = plain ? live : 0; i < live; ++i) {
            _checkTouch(progress, words, from + SegmentWords.OPEN * i, position + i);
        }
        if (live < TOUCHES) value = _passPadding(words, from, position, live, z, value);
        uint256 first = TouchWord.index(DataWords.read(words, from));
        if (position == 0 && first != 0) revert FundMissing(first);
        uint256 next = TouchWord.index(DataWords.read(words, from + SegmentWords.OPEN * (live - 1))) + 1;
        if (next != segment.nextIndex) revert WrongNextIndex(progress.segment, next, segment.nextIndex);
        progress.segment += 1;
        // At most the number of live touches, which has 32 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        progress.touch = uint32(position + live);
    }

    /// @dev All open words of padding are 0, so the value passes them by a power of z.
    function _passPadding(bytes calldata words, uint256 from, uint256 position, uint256 live, uint256 z, uint256 value)
        private
        view
        returns (uint256)
    {
        for (uint256 i = SegmentWords.OPEN * live; i < SegmentWords.OPEN * TOUCHES; ++i) {
            uint256 word = DataWords.read(words, from + i);
            if (word != 0) revert WrongTouch(position + i / SegmentWords.OPEN, word);
        }
        return mulmod(value, _power(z, SegmentWords.OPEN * (TOUCHES - live)), Bn254.P);
    }

    /// @dev What a live touch whose words start at `start` says by itself. Plain touches (`SegmentWords.read`) pass and do not concern
    /// the vault.
    function _checkTouch(Progress memory progress, bytes calldata words, uint256 start, uint256 position) private pure {
        uint256 word = DataWords.read(words, start);
        if (!TouchWord.live(word) || word >> TouchWord.BITS != 0) revert WrongTouch(position, word);
        uint256 owner = DataWords.read(words, start + WORD_OWNER);
        if (TouchWord.opens(word)) {
            if (TouchWord.exit(word) || TouchWord.amount(word) == 0) revert OpenedWithoutDeposit(position);
            if (owner == 0) revert WrongOwnerWord(position, owner);
        } else if (owner != 0) {
            revert WrongOwnerWord(position, owner);
        }
        uint256 recipient = DataWords.read(words, start + WORD_RECIPIENT);
        if (recipient >> (TouchWord.exit(word) ? 0 : 160) != 0) revert WrongRecipient(position, recipient);
        if (TouchWord.concernsVault(word)) _report(progress.accounts, word, owner, recipient);
    }

    /// @dev Gives `accounts` room for `more` words beyond its length: at least twice what it had, so that copies stay few.
    function _makeRoom(Progress memory progress, Drawn memory drawn, uint256 more) private pure {
        uint256[] memory earlier = progress.accounts;
        uint256 room = earlier.length + more;
        if (room <= drawn.room) return;
        if (room < 2 * drawn.room) room = 2 * drawn.room;
        drawn.room = room;
        uint256 bytes_ = 32 * earlier.length + 32;
        uint256[] memory accounts;
        assembly ("memory-safe") {
            accounts := mload(0x40)
            mstore(0x40, add(accounts, shl(5, add(room, 1))))
            mcopy(accounts, earlier, bytes_) // with the length
        }
        progress.accounts = accounts;
    }

    /// @dev Appends words 0, 3 and 4 of a touch; `_makeRoom` has made room.
    function _report(uint256[] memory accounts, uint256 word, uint256 owner, uint256 recipient) private pure {
        assembly ("memory-safe") {
            let length := mload(accounts)
            let end := add(add(accounts, 0x20), shl(5, length))
            mstore(end, word)
            mstore(add(end, 0x20), owner)
            mstore(add(end, 0x40), recipient)
            mstore(accounts, add(length, ACCOUNT_WORDS))
        }
    }

    /// @dev The data of segment `first + i` of the settlement is what the claim says; gives the value of its cipher words, in validium
    /// as the replicas sign it, and keeps the hash of those. A false one leaves the open words bound as they are: it can only spoil the
    /// proof or hide the cipher words.
    function _checkCipher(
        SegmentClaim calldata segment,
        Part calldata part,
        uint256 i,
        uint256 first,
        uint256 z,
        bytes32[] memory hashes
    ) private view returns (uint256 value) {
        uint256 from = i * _segmentWords();
        bytes32 computed;
        if (validium) {
            (computed, hashes[i]) = SegmentWords.hashOpen(part.words, from, TOUCHES);
            value = part.values[i];
            if (value >= Bn254.P) revert ValueNotReduced(first + i, value);
        } else {
            computed = SegmentWords.hash(part.words, from, TOUCHES, CIPHER);
            from += SegmentWords.OPEN * TOUCHES;
            value = DataWords.evaluate(part.words, from, TOUCHES * CIPHER, z);
        }
        if (computed != segment.dataHash) revert WrongDataHash(first + i, computed, segment.dataHash);
    }

    /// @dev By squaring.
    function _power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        result = 1;
        for (; exponent > 0; exponent >>= 1) {
            if (exponent & 1 != 0) result = mulmod(result, base, Bn254.P);
            base = mulmod(base, base, Bn254.P);
        }
    }

    // --------------------------------------------------------------------------------------------------------- replicas

    function _attestation(bytes32 separator, bytes32 r1, uint32 first, bytes32[] memory hashes, uint256[] memory values)
        private
        pure
        returns (bytes32)
    {
        uint256[] memory words;
        assembly ("memory-safe") {
            words := hashes
        }
        bytes32 structHash = keccak256(abi.encode(PUBLIC_DATA_TYPE, r1, first, _hashOf(words), _hashOf(values)));
        return Signatures.digest(separator, structHash);
    }

    /// @dev As many signatures as the threshold, by increasing address, all of replicas.
    function _checkReplicas(bytes32 digest, Part calldata part) private view {
        address last = address(0);
        for (uint256 i = 0; i < THRESHOLD; ++i) {
            address signer = Signatures.signer(digest, part.signatures, i);
            if (signer <= last || !_isReplica[signer]) revert NotAReplica(i, signer);
            last = signer;
        }
    }

    // ------------------------------------------------------------------------------------------------------ the closing

    /// @dev All segments are checked: the touches were those of the seal, the closing words are those of the claim and their rows the
    /// epoch's.
    function _checkClosing(
        Statement memory statement,
        Claim calldata claim,
        bytes calldata closingWords,
        Drawn memory drawn,
        Progress memory progress
    ) private view returns (Effects memory effects) {
        uint256 expected = 32 * (RISK_ROWS + SETTLED_ROWS);
        if (closingWords.length != expected) revert WrongDataLength(closingWords.length, expected);
        bytes32 computed = keccak256(closingWords);
        if (computed != claim.closingHash) revert WrongClosingHash(computed, claim.closingHash);
        computed = SealTree.close(progress.sealPeaks, statement.touches);
        if (computed != statement.sealRoot) revert SealMismatch(computed, statement.sealRoot);
        _checkRiskRows(statement, closingWords);
        effects.settledRows = _checkSettledRows(statement, closingWords);
        effects.r1 = drawn.r1;
        effects.root = claim.segments[claim.segments.length - 1].root;
        effects.dataHash = _dataHash(claim);
        effects.accounts = progress.accounts;
    }

    /// @dev keccak over the segments' data hashes and the closing hash.
    function _dataHash(Claim calldata claim) private pure returns (bytes32) {
        uint256[] memory hashes = _wordsOf(claim, 4, 1);
        hashes[hashes.length - 1] = uint256(claim.closingHash);
        return _hashOf(hashes);
    }

    /// @dev Word `place` of each segment of the claim, and `more` words behind them.
    function _wordsOf(Claim calldata claim, uint256 place, uint256 more) private pure returns (uint256[] memory found) {
        SegmentClaim[] calldata segments = claim.segments;
        found = new uint256[](segments.length + more);
        assembly ("memory-safe") {
            let to := add(found, 0x20)
            let word := add(segments.offset, shl(5, place))
            for { let end := add(word, mul(0xa0, segments.length)) } lt(word, end) { word := add(word, 0xa0) } {
                mstore(to, calldataload(word))
                to := add(to, 0x20)
            }
        }
    }

    /// @dev keccak over the words, without their number.
    function _hashOf(uint256[] memory words) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(add(words, 0x20), shl(5, mload(words)))
        }
    }

    /// @dev Risk rows are the instruments of the epoch, in order, and no more.
    function _checkRiskRows(Statement memory statement, bytes calldata closingWords) private view {
        uint256 used = statement.instruments < RISK_ROWS ? statement.instruments : RISK_ROWS;
        for (uint256 row = used; row < RISK_ROWS; ++row) {
            uint256 word = DataWords.read(closingWords, row);
            if (word != 0) revert UnusedRow(row, word);
        }
        bytes32 computed = DataWords.hashLow(closingWords, 0, used, ID_BITS);
        if (computed != statement.instrumentsHash) revert WrongInstruments(computed, statement.instrumentsHash);
    }

    /// @dev Used settled rows come first, their ids increase, and none is open in the epoch, whose ids increase too.
    function _checkSettledRows(Statement memory statement, bytes calldata closingWords)
        private
        view
        returns (uint256[] memory rows)
    {
        rows = new uint256[](SETTLED_ROWS);
        uint256 used = 0;
        uint256 last = 0;
        uint256 next = 0;
        for (; used < SETTLED_ROWS; ++used) {
            uint256 word = DataWords.read(closingWords, RISK_ROWS + used);
            if (word == 0) break;
            uint256 id = _id(word);
            if (id <= last) revert SettledRowOutOfOrder(used, word);
            while (next < statement.instruments && _id(DataWords.read(closingWords, next)) < id) ++next;
            if (next < statement.instruments && _id(DataWords.read(closingWords, next)) == id) {
                // The mask leaves 27 bits.
                // forge-lint: disable-next-line(unsafe-typecast)
                revert SettledInstrumentOpen(uint32(id));
            }
            last = id;
            rows[used] = word;
        }
        uint256 row = DataWords.zeros(closingWords, RISK_ROWS + used, RISK_ROWS + SETTLED_ROWS) - RISK_ROWS;
        if (row < SETTLED_ROWS) revert SettledRowOutOfOrder(row, DataWords.read(closingWords, RISK_ROWS + row));
        assembly ("memory-safe") {
            mstore(rows, used)
        }
    }

    /// @dev Instrument id of a closing word.
    function _id(uint256 word) private pure returns (uint256) {
        return word & (2 ** ID_BITS - 1);
    }

    /// @dev Writes the inputs of the closing proof from `start` on.
    function _putClosing(
        uint256[] memory inputs,
        uint256 start,
        Statement memory statement,
        Claim calldata claim,
        bytes calldata closingWords,
        Drawn memory drawn
    ) private view {
        Challenges.Points memory points = drawn.points;
        ClosingInputs memory x;
        (x.domain, x.context, x.riskRoot) = (statement.domain, statement.context, statement.riskRoot);
        (x.auctionRoot, x.transcript) = (claim.auctionRoot, claim.closingTranscript);
        (x.y, x.theta, x.gamma, x.beta, x.z) = (points.y, points.theta, points.gamma, points.beta, points.z);
        x.value = DataWords.evaluate(closingWords, 0, RISK_ROWS + SETTLED_ROWS, points.z);
        x.sums = claim.segments[claim.segments.length - 1].sums;
        x.sequenceProduct = Sequence.product(points.gamma, statement.orders);
        assembly ("memory-safe") {
            // `inputs` has room for these behind `start`.
            mcopy(add(add(inputs, 0x20), shl(5, start)), x, mul(CLOSING_INPUTS, 0x20))
        }
    }

    // ------------------------------------------------------------------------------------------------------- the proofs

    /// @dev Words of the segments' proofs, and `more` behind them.
    function _proofs(Part calldata part, uint256 more) private pure returns (uint256[] memory proofs) {
        uint256[8][] calldata given = part.proofs;
        proofs = new uint256[](PROOF_WORDS * given.length + more);
        assembly ("memory-safe") {
            calldatacopy(add(proofs, 0x20), given.offset, mul(given.length, mul(PROOF_WORDS, 0x20)))
        }
    }

    /// @dev Writes the closing proof into the last words.
    function _putClosingProof(uint256[] memory proofs, uint256[8] calldata closingProof) private pure {
        uint256 start = proofs.length - PROOF_WORDS;
        assembly ("memory-safe") {
            calldatacopy(add(add(proofs, 0x20), shl(5, start)), closingProof, mul(PROOF_WORDS, 0x20))
        }
    }

    /// @dev `verifier.verify(r2, proofs, inputs)`, written out because the compiler would copy word by word; reverts as that does.
    function _verify(bytes32 r2, uint256[] memory proofs, uint256[] memory inputs) private view {
        address to = address(verifier);
        // Who has no code refuses nothing.
        if (to.code.length == 0) revert NoVerifier(to);
        bytes4 selector = IVerifier.verify.selector;
        assembly ("memory-safe") {
            let question := mload(0x40)
            let size := add(0x20, shl(5, mload(proofs)))
            mstore(question, selector)
            mstore(add(question, 0x04), r2)
            mstore(add(question, 0x24), 0x60)
            mstore(add(question, 0x44), add(0x60, size))
            let end := add(question, 0x64)
            mcopy(end, proofs, size)
            end := add(end, size)
            size := add(0x20, shl(5, mload(inputs)))
            mcopy(end, inputs, size)
            end := add(end, size)
            if iszero(staticcall(gas(), to, question, sub(end, question), 0, 0)) {
                returndatacopy(question, 0, returndatasize())
                revert(question, returndatasize())
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementRules} from "src/SettlementRules.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVerifier} from "src/interfaces/IVerifier.sol";
import {Test} from "test/helpers/Test.sol";
import {ToyProver} from "test/helpers/ToyProver.sol";
import {Verifier} from "test/helpers/ToyVerifier.sol";

/// @title Settlement rules of both modes with the toy keys, and a prover for them written from the protocol's text
/// @notice Nothing of `src/libraries` is used to make a settlement, so the two sides check each other. The sizes are those of `dev`
/// (two touches of nine words a segment, eight risk rows, four settled rows) unless `_deploySized` says otherwise.
abstract contract RulesFixture is Test {
    /// @dev A whole settlement. `words` are all data words of the segments as rollup has them.
    struct Made {
        ISettlementRules.Statement statement;
        ISettlementRules.Claim claim;
        bytes words;
        bytes closingWords;
        uint256[8][] proofs;
        uint256[8] closingProof;
    }

    struct Challenges {
        bytes32 r1;
        bytes32 r2;
        uint256 y;
        uint256 theta;
        uint256 gamma;
        uint256 beta;
        uint256 z;
    }

    uint256 internal constant P = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 internal constant THRESHOLD = 2;

    Verifier internal verifier;
    SettlementRules internal rollup;
    SettlementRules internal validium;
    address internal beneficiary = makeAddr("beneficiary");
    /// @dev Keys of the replicas, by increasing address.
    uint256[] internal replicaKeys;

    uint256 internal T;
    uint256 internal W;
    uint256 internal M;
    uint256 internal K;

    uint32[] internal instruments;
    /// @dev Words 0 … 4 of the live touches of the batch being made.
    uint256[5][] internal touches;
    uint256[] internal settledRows;

    function _deploy() internal {
        verifier = new Verifier();
        _deployRules();
    }

    /// @dev The toy keys stand in for a parameter set of these sizes: keys do not depend on them.
    function _deploySized(uint256 touchesASegment, uint256 wordsATouch, uint256 riskRows, uint256 settled) internal {
        verifier = new Verifier();
        IVerifier.Parameters memory sizes = verifier.parameters();
        (sizes.touches, sizes.wordsPerTouch, sizes.riskRows, sizes.settledRows) =
        (touchesASegment, wordsATouch, riskRows, settled);
        vm.mockCall(address(verifier), abi.encodeCall(IVerifier.parameters, ()), abi.encode(sizes));
        _deployRules();
        vm.clearMockedCalls();
    }

    function _deployRules() private {
        IVerifier.Parameters memory sizes = verifier.parameters();
        (T, W, M, K) = (sizes.touches, sizes.wordsPerTouch, sizes.riskRows, sizes.settledRows);
        rollup = new SettlementRules(verifier, new address[](0), 0);
        validium = new SettlementRules(verifier, _makeReplicas(3), THRESHOLD);
    }

    function _makeReplicas(uint256 count) private returns (address[] memory replicas) {
        delete replicaKeys;
        for (uint256 i = 0; i < count; ++i) {
            replicaKeys.push(uint256(keccak256(abi.encode("replica", i))));
            for (uint256 k = i; k > 0 && vm.addr(replicaKeys[k]) < vm.addr(replicaKeys[k - 1]); --k) {
                (replicaKeys[k], replicaKeys[k - 1]) = (replicaKeys[k - 1], replicaKeys[k]);
            }
        }
        replicas = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            replicas[i] = vm.addr(replicaKeys[i]);
        }
    }

    // ------------------------------------------------------------------------------------------------------- the batch

    /// @dev A live touch that credits, pays and opens nothing.
    function _plain(uint256 index) internal {
        _touch(index, 0, 0, 0, address(0));
    }

    function _touch(uint256 index, uint256 deposit, uint256 opens, uint256 paid, address recipient) internal {
        uint256 word = index + 2 ** 21 + (opens == 0 ? 0 : 2 ** 23) + 2 ** 24 * deposit + 2 ** 88 * paid;
        touches.push([word, _element("L", index), _element("leaf", index), opens, uint160(recipient)]);
    }

    function _exit(uint256 index, uint256 request, uint256 paid) internal {
        uint256 word = index + 2 ** 21 + 2 ** 22 + 2 ** 24 * request + 2 ** 88 * paid;
        touches.push([word, _element("L", index), _element("leaf", index), 0, 0]);
    }

    /// @dev What a vault would state of `touches` with `orders` orders and the instruments.
    function _statement(uint32 orders) internal view returns (ISettlementRules.Statement memory s) {
        s.separator = keccak256("a vault");
        s.domain = _element("domain", 0);
        s.context = 7 + 2 ** 32 * 5 + 2 ** 64 * 1_700_000_000 + 2 ** 104 * 30 + 2 ** 118 * 5 + 2 ** 121 * 4;
        s.root = _element("root before", 0);
        s.sealRoot = _sealRoot();
        s.touches = uint32(touches.length);
        s.orders = orders;
        (s.depositEnd, s.exitEnd) = (17, 3);
        s.riskRoot = _element("risk root", 0);
        s.instrumentsHash = keccak256(abi.encodePacked(instruments));
        s.instruments = uint32(instruments.length);
    }

    function _sealRoot() internal view returns (bytes32) {
        uint256 width = 1;
        while (width < touches.length) width *= 2;
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i = 0; i < touches.length; ++i) {
            level[i] = keccak256(abi.encodePacked(bytes1(0), touches[i][0] & (2 ** 21 - 1), touches[i][1]));
        }
        for (; width > 1; width /= 2) {
            for (uint256 i = 0; i < width / 2; ++i) {
                level[i] = keccak256(abi.encodePacked(bytes1(0x01), level[2 * i], level[2 * i + 1]));
            }
        }
        return level[0];
    }

    function _words() internal view returns (bytes memory words) {
        uint256 segments = (touches.length + T - 1) / T;
        words = new bytes(32 * segments * T * W);
        for (uint256 i = 0; i < touches.length; ++i) {
            for (uint256 k = 0; k < W; ++k) {
                _setWord(words, _place(i, k), k < 5 ? touches[i][k] : _element("cipher", W * i + k));
            }
        }
    }

    /// @dev Where word `k` of touch `i` stands among the words of rollup: open words of a segment first.
    function _place(uint256 i, uint256 k) internal view returns (uint256) {
        uint256 start = i / T * T * W;
        return k < 5 ? start + i % T * 5 + k : start + T * 5 + i % T * (W - 5) + k - 5;
    }

    function _closingWords() internal view returns (bytes memory words) {
        words = new bytes(32 * (M + K));
        for (uint256 i = 0; i < instruments.length; ++i) {
            uint256 price = i % 2 == 0 ? 1_000_000 * (i + 1) : 0;
            _setWord(words, i, instruments[i] + 2 ** 27 * price + (price == 0 ? 0 : 2 ** 69));
        }
        for (uint256 i = 0; i < settledRows.length; ++i) {
            _setWord(words, M + i, settledRows[i]);
        }
    }

    // ------------------------------------------------------------------------------------------------------ the prover

    function _make(uint32 orders) internal view returns (Made memory) {
        return _make(_statement(orders));
    }

    function _make(ISettlementRules.Statement memory statement) internal view returns (Made memory made) {
        made.statement = statement;
        (made.words, made.closingWords) = (_words(), _closingWords());
        uint256 n = (statement.touches + T - 1) / T;
        made.claim.segments = new ISettlementRules.SegmentClaim[](n);
        for (uint256 j = 0; j < n; ++j) {
            made.claim.segments[j].root = _element("root", j);
            made.claim.segments[j].sums = _element("sums", j);
            made.claim.segments[j].transcript = _element("tau", j);
        }
        made.claim.auctionRoot = _element("auction root", 0);
        made.claim.closingTranscript = _element("tau G", 0);
        made.claim.beneficiary = beneficiary;
        _claimData(made);
        _prove(made);
    }

    /// @dev Claims of the words what they say.
    function _claimData(Made memory made) internal view {
        for (uint256 j = 0; j < made.claim.segments.length; ++j) {
            made.claim.segments[j].nextIndex = _next(made, j);
            made.claim.segments[j].dataHash =
                keccak256(abi.encodePacked(_slice(made.words, j * T * W, T * 5), _cipherHash(made, j)));
        }
        made.claim.closingHash = keccak256(made.closingWords);
    }

    function _cipherHash(Made memory made, uint256 segment) internal view returns (bytes32) {
        return keccak256(_slice(made.words, segment * T * W + T * 5, T * (W - 5)));
    }

    /// @dev Makes all proofs anew, for what stands in the settlement.
    function _prove(Made memory made) internal view {
        _proveWith(made, 0);
    }

    /// @dev Other valid proofs for each `blinding`.
    function _proveWith(Made memory made, uint256 blinding) internal view {
        Challenges memory c = _challenges(made);
        uint256 n = made.claim.segments.length;
        made.proofs = new uint256[8][](n);
        for (uint256 j = 0; j < n; ++j) {
            made.proofs[j] = ToyProver.prove("segment", _segmentInputs(made, c, j), blinding + j);
        }
        made.closingProof = ToyProver.prove("closing", _closingInputs(made, c), blinding);
    }

    function _challenges(Made memory made) internal pure returns (Challenges memory c) {
        ISettlementRules.Statement memory s = made.statement;
        bytes memory chain;
        for (uint256 j = 0; j < made.claim.segments.length; ++j) {
            ISettlementRules.SegmentClaim memory segment = made.claim.segments[j];
            chain = abi.encodePacked(chain, segment.root, segment.nextIndex, segment.transcript, segment.dataHash);
        }
        bytes memory head = abi.encodePacked(bytes32("tacit.settlement.1"), s.domain, s.context);
        head = abi.encodePacked(head, made.claim.segments.length, uint256(s.orders), s.sealRoot);
        head = abi.encodePacked(head, uint256(s.depositEnd), uint256(s.exitEnd), s.root, chain);
        head = abi.encodePacked(head, s.riskRoot, made.claim.auctionRoot, made.claim.closingHash);
        c.r1 = keccak256(abi.encodePacked(head, uint256(uint160(made.claim.beneficiary))));
        c.r2 = keccak256(abi.encodePacked(c.r1, made.claim.closingTranscript));
        c.y = uint256(keccak256(abi.encodePacked(c.r1, uint256(1)))) % P;
        c.theta = uint256(keccak256(abi.encodePacked(c.r1, uint256(2)))) % P;
        c.gamma = uint256(keccak256(abi.encodePacked(c.r1, uint256(3)))) % P;
        c.z = uint256(keccak256(abi.encodePacked(c.r1, uint256(4)))) % P;
        c.beta = uint256(keccak256(abi.encodePacked(c.r2, uint256(5)))) % P;
    }

    function _segmentInputs(Made memory made, Challenges memory c, uint256 j)
        private
        view
        returns (uint256[] memory x)
    {
        ISettlementRules.SegmentClaim[] memory to = made.claim.segments;
        x = new uint256[](18);
        (x[0], x[1]) = (made.statement.domain, made.statement.context);
        (x[2], x[3]) = (j == 0 ? made.statement.root : to[j - 1].root, to[j].root);
        (x[4], x[5]) = (_power(c.theta, T * j), _power(c.theta, T * (j + 1)));
        (x[6], x[7]) = (j == 0 ? 0 : to[j - 1].nextIndex, to[j].nextIndex);
        (x[8], x[9]) = (j == 0 ? verifier.parameters().sumsStart : to[j - 1].sums, to[j].sums);
        x[10] = to[j].transcript;
        (x[11], x[12], x[13], x[14], x[15]) = (c.y, c.theta, c.gamma, c.beta, c.z);
        (x[16], x[17]) = (_openValue(made, j, c.z), _cipherValue(made, j, c.z));
    }

    function _closingInputs(Made memory made, Challenges memory c) private view returns (uint256[] memory x) {
        x = new uint256[](13);
        (x[0], x[1], x[2]) = (made.statement.domain, made.statement.context, made.statement.riskRoot);
        (x[3], x[4]) = (made.claim.auctionRoot, made.claim.closingTranscript);
        (x[5], x[6], x[7], x[8], x[9]) = (c.y, c.theta, c.gamma, c.beta, c.z);
        for (uint256 i = 0; i < M + K; ++i) {
            x[10] = addmod(mulmod(x[10], c.z, P), _word(made.closingWords, i), P);
        }
        x[11] = made.claim.segments[made.claim.segments.length - 1].sums;
        x[12] = 1;
        for (uint256 i = 1; i <= made.statement.orders; ++i) {
            x[12] = mulmod(x[12], addmod(c.gamma, P - i, P), P);
        }
    }

    /// @dev Value of words 0 … 4 of a segment's touches.
    function _openValue(Made memory made, uint256 segment, uint256 z) internal view returns (uint256) {
        return _value(made, segment, z, 0, 5);
    }

    /// @dev Value of words 5 … of a segment's touches.
    function _cipherValue(Made memory made, uint256 segment, uint256 z) internal view returns (uint256) {
        return _value(made, segment, z, 5, W);
    }

    function _value(Made memory made, uint256 segment, uint256 z, uint256 start, uint256 end)
        private
        view
        returns (uint256 value)
    {
        for (uint256 i = segment * T; i < segment * T + T; ++i) {
            for (uint256 k = start; k < end; ++k) {
                value = addmod(mulmod(value, z, P), _word(made.words, _place(i, k)), P);
            }
        }
    }

    /// @dev One more than the last live index of a segment.
    function _next(Made memory made, uint256 segment) private view returns (uint256) {
        uint256 end = (segment + 1) * T;
        uint256 last = (end < made.statement.touches ? end : made.statement.touches) - 1;
        return (_word(made.words, _place(last, 0)) & (2 ** 21 - 1)) + 1;
    }

    // -------------------------------------------------------------------------------------------------------- its parts

    /// @dev Segments `first` … `first + count − 1` as the mode of `rules` wants them.
    function _part(SettlementRules rules, Made memory made, uint256 first, uint256 count)
        internal
        view
        returns (ISettlementRules.Part memory part)
    {
        part.proofs = new uint256[8][](count);
        for (uint256 i = 0; i < count; ++i) {
            part.proofs[i] = made.proofs[first + i];
        }
        if (address(rules) == address(rollup)) {
            part.words = _slice(made.words, first * T * W, count * T * W);
            return part;
        }
        uint256 z = _challenges(made).z;
        part.words = new bytes(32 * count * (T * 5 + 1));
        part.values = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            for (uint256 k = 0; k < T * 5; ++k) {
                _setWord(part.words, i * (T * 5 + 1) + k, _word(made.words, (first + i) * T * W + k));
            }
            _setWord(part.words, i * (T * 5 + 1) + T * 5, uint256(_cipherHash(made, first + i)));
            part.values[i] = _cipherValue(made, first + i, z);
        }
        _sign(made, part, first);
    }

    function _whole(SettlementRules rules, Made memory made) internal view returns (ISettlementRules.Part memory) {
        return _part(rules, made, 0, made.proofs.length);
    }

    /// @dev The first replicas sign what stands in `part`.
    function _sign(Made memory made, ISettlementRules.Part memory part, uint256 first) internal view {
        bytes32 digest = _attestation(made, part, first);
        part.signatures = "";
        for (uint256 i = 0; i < THRESHOLD; ++i) {
            part.signatures = bytes.concat(part.signatures, _signature(replicaKeys[i], digest));
        }
    }

    /// @dev EIP-712 written out.
    function _attestation(Made memory made, ISettlementRules.Part memory part, uint256 first)
        internal
        view
        returns (bytes32)
    {
        bytes memory hashes;
        for (uint256 i = 0; i < part.values.length; ++i) {
            hashes = abi.encodePacked(hashes, _word(part.words, i * (T * 5 + 1) + T * 5));
        }
        bytes32 typeHash = keccak256("PublicData(bytes32 r1,uint32 first,bytes32 hashes,bytes32 values)");
        bytes memory values = abi.encodePacked(part.values);
        bytes32 r1 = _challenges(made).r1;
        bytes memory encoded = abi.encodePacked(typeHash, r1, first, keccak256(hashes), keccak256(values));
        return keccak256(abi.encodePacked(hex"1901", made.statement.separator, keccak256(encoded)));
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    // --------------------------------------------------------------------------------------------------------- checking

    function _check(SettlementRules rules, Made memory made) internal view returns (ISettlementRules.Effects memory) {
        return rules.check(made.statement, made.claim, _whole(rules, made), made.closingProof, made.closingWords);
    }

    /// @dev The whole settlement in calls of `size` segments; external so that a test can expect it to revert.
    function checkInParts(SettlementRules rules, Made memory made, uint256 size)
        external
        view
        returns (ISettlementRules.Effects memory)
    {
        ISettlementRules.Progress memory progress = rules.begin(made.statement, made.claim);
        for (uint256 first = 0; first < made.proofs.length; first += size) {
            uint256 left = made.proofs.length - first;
            ISettlementRules.Part memory part = _part(rules, made, first, left < size ? left : size);
            progress = rules.advance(made.statement, made.claim, progress, part);
        }
        return rules.finish(made.statement, made.claim, progress, made.closingProof, made.closingWords);
    }

    /// @dev Holds in both modes, in one call and in one a segment.
    function _accepted(Made memory made) internal view {
        bytes memory expected = abi.encode(_check(rollup, made));
        assertEq(abi.encode(_check(validium, made)), expected, "validium");
        assertEq(abi.encode(this.checkInParts(rollup, made, 1)), expected, "rollup in parts");
        assertEq(abi.encode(this.checkInParts(validium, made, 1)), expected, "validium in parts");
    }

    /// @dev Is refused for exactly `reason` in both modes, in one call and in one a segment.
    function _refused(Made memory made, bytes memory reason) internal {
        _refusedInOneCall(made, reason);
        vm.expectRevert(reason);
        this.checkInParts(rollup, made, 1);
        vm.expectRevert(reason);
        this.checkInParts(validium, made, 1);
    }

    function _refusedInOneCall(Made memory made, bytes memory reason) internal {
        _refusedBy(rollup, made, reason);
        _refusedBy(validium, made, reason);
    }

    function _refusedBy(SettlementRules rules, Made memory made, bytes memory reason) internal {
        _refusedPart(rules, made, _whole(rules, made), reason);
    }

    function _refusedPart(
        SettlementRules rules,
        Made memory made,
        ISettlementRules.Part memory part,
        bytes memory reason
    ) internal {
        vm.expectRevert(reason);
        rules.check{gas: 30e6}(made.statement, made.claim, part, made.closingProof, made.closingWords);
    }

    // ------------------------------------------------------------------------------------------------------------ words

    function _slice(bytes memory words, uint256 from, uint256 count) internal pure returns (bytes memory slice) {
        slice = new bytes(32 * count);
        for (uint256 i = 0; i < count; ++i) {
            _setWord(slice, i, _word(words, from + i));
        }
    }

    function _word(bytes memory words, uint256 position) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(words, 0x20), mul(position, 0x20)))
        }
    }

    function _setWord(bytes memory words, uint256 position, uint256 word) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), mul(position, 0x20)), word)
        }
    }

    function _power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        result = 1;
        for (uint256 i = 0; i < exponent; ++i) {
            result = mulmod(result, base, P);
        }
    }

    /// @dev A field element of its own for each name and number.
    function _element(string memory name, uint256 number) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(name, number))) % P;
    }
}

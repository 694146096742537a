// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LocalSettlement} from "src/LocalSettlement.sol";
import {ISettlement} from "src/interfaces/ISettlement.sol";
import {Test} from "test/helpers/Test.sol";
import {ToyProver} from "test/helpers/ToyProver.sol";
import {Verifier} from "test/helpers/ToyVerifier.sol";

/// @title A local settlement with the toy keys, and a prover for it written from the protocol's text
/// @notice Nothing of `src/libraries` is used to make a settlement, so the two sides check each other. The toy keys are of the
/// sizes of `dev`: two touches of nine words a segment, eight risk rows, four settled rows.
abstract contract SettlementFixture is Test {
    /// @dev All that proofs are made for, besides the published words.
    struct Statement {
        uint256 domain;
        uint256 batch;
        uint256 lastVoid;
        uint256 time;
        uint256 feeRate;
        uint256 num;
        uint256 den;
        uint256 touches;
        uint256 orders;
        bytes32 sealRoot;
        uint256 depositEnd;
        uint256 exitEnd;
        uint256 root;
        uint256 riskRoot;
    }

    /// @dev Arguments of `settle`.
    struct Submission {
        ISettlement.SegmentProof[] segments;
        ISettlement.ClosingProof closing;
        bytes words;
        address beneficiary;
    }

    struct Challenges {
        uint256 y;
        uint256 theta;
        uint256 gamma;
        uint256 beta;
        uint256 z;
        bytes32 r2;
    }

    uint256 internal constant P = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant TOUCHES = 2;
    uint256 internal constant WORDS = 9;
    uint256 internal constant ROWS = 8;
    uint256 internal constant SETTLED = 4;
    uint256 internal constant GENESIS = 0x6e6573697320726f6f74;
    uint256 internal constant FUND = 0xf0d;

    address internal operator = makeAddr("operator");
    address internal beneficiary = makeAddr("beneficiary");
    address internal payer = makeAddr("payer");
    Verifier internal verifier;
    LocalSettlement internal settlement;

    uint32[] internal instruments;
    /// @dev Words 0 … 4 of the live touches of the batch being made.
    uint256[5][] internal touches;
    uint256[] internal settledRows;

    function _deploy() internal {
        verifier = new Verifier();
        settlement = _deployUnder(_terms());
        vm.warp(1_700_000_000);
    }

    function _deployUnder(ISettlement.Terms memory terms) internal returns (LocalSettlement) {
        return new LocalSettlement(verifier, operator, GENESIS, FUND, terms);
    }

    function _terms() internal pure returns (ISettlement.Terms memory) {
        return ISettlement.Terms({feeRate: 30, num: 5, den: 4});
    }

    // ------------------------------------------------------------------------------------------------------ the operator

    function _post(uint256 riskRoot, uint32[] memory ids, ISettlement.SettledInstrument[] memory settled) internal {
        vm.prank(operator);
        settlement.postEpoch(riskRoot, ids, instruments, settled);
        instruments = ids;
    }

    function _post(uint256 riskRoot, uint32[] memory ids) internal {
        _post(riskRoot, ids, new ISettlement.SettledInstrument[](0));
    }

    function _deposit(uint256 owner, uint64 amount) internal returns (uint32 index) {
        vm.prank(operator);
        (, index) = settlement.enqueueDeposit(owner, amount, payer);
    }

    function _requestExit(uint32 index, uint64 amount, address recipient) internal {
        vm.prank(operator);
        settlement.requestExit(index, amount, recipient);
    }

    /// @dev Seals `touches` with `orders` orders and everything that is queued.
    function _sealAll(uint32 orders) internal {
        (, uint64 depositEnd) = settlement.depositQueue();
        (, uint64 exitEnd) = settlement.exitQueue();
        _sealWith(_request(orders, depositEnd, exitEnd));
    }

    function _sealWith(ISettlement.SealRequest memory request) internal {
        vm.prank(operator);
        settlement.seal(request);
    }

    function _request(uint32 orders, uint64 depositEnd, uint64 exitEnd)
        internal
        view
        returns (ISettlement.SealRequest memory)
    {
        return ISettlement.SealRequest({
            sealRoot: _sealRoot(),
            touches: uint32(touches.length),
            orders: orders,
            depositEnd: depositEnd,
            exitEnd: exitEnd
        });
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

    function _words() internal view returns (bytes memory words) {
        uint256 segments = (touches.length + TOUCHES - 1) / TOUCHES;
        for (uint256 i = 0; i < segments * TOUCHES; ++i) {
            if (i >= touches.length) {
                words = bytes.concat(words, new bytes(32 * WORDS));
                continue;
            }
            for (uint256 j = 0; j < WORDS; ++j) {
                words = abi.encodePacked(words, j < 5 ? touches[i][j] : _element("cipher", WORDS * i + j));
            }
        }
        return bytes.concat(words, _closingWords());
    }

    function _closingWords() private view returns (bytes memory words) {
        for (uint256 i = 0; i < ROWS; ++i) {
            uint256 price = i % 2 == 0 ? 1_000_000 * (i + 1) : 0;
            uint256 word = i < instruments.length ? instruments[i] + 2 ** 27 * price + (price == 0 ? 0 : 2 ** 69) : 0;
            words = abi.encodePacked(words, word);
        }
        for (uint256 i = 0; i < SETTLED; ++i) {
            words = abi.encodePacked(words, i < settledRows.length ? settledRows[i] : 0);
        }
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

    // ------------------------------------------------------------------------------------------------------ the prover

    /// @dev What an honest prover takes from the contract.
    function _statement() internal view returns (Statement memory s) {
        ISettlement.Seal memory held = settlement.currentSeal();
        (s.batch, s.lastVoid, s.time) = (held.batch, held.lastVoid, held.time);
        ISettlement.Terms memory terms = settlement.terms();
        (s.feeRate, s.num, s.den) = (terms.feeRate, terms.num, terms.den);
        (s.touches, s.orders, s.sealRoot) = (held.touches, held.orders, held.sealRoot);
        (s.depositEnd, s.exitEnd) = (held.depositEnd, held.exitEnd);
        s.domain = uint256(keccak256(abi.encode(bytes32("tacit.domain.1"), block.chainid, address(settlement)))) % P;
        s.root = settlement.root();
        s.riskRoot = settlement.epochs(held.epoch).riskRoot;
    }

    function _prove() internal view returns (Submission memory) {
        return _prove(_statement(), _words(), beneficiary);
    }

    function _prove(Statement memory s, bytes memory words, address to) internal view returns (Submission memory made) {
        uint256 n = (s.touches + TOUCHES - 1) / TOUCHES;
        made.words = words;
        made.beneficiary = to;
        made.segments = new ISettlement.SegmentProof[](n);
        for (uint256 j = 0; j < n; ++j) {
            made.segments[j].root = _element("root", 1000 * s.batch + j);
            made.segments[j].sums = _element("sums", 1000 * s.batch + j);
            made.segments[j].transcript = _element("tau", 1000 * s.batch + j);
        }
        made.closing.auctionRoot = _element("auction root", s.batch);
        made.closing.transcript = _element("tau G", s.batch);
        _proveAgain(s, made);
    }

    /// @dev Makes all proofs of a submission anew, for what stands in it.
    function _proveAgain(Statement memory s, Submission memory made) internal view {
        Challenges memory c = _challenges(s, made);
        for (uint256 j = 0; j < made.segments.length; ++j) {
            made.segments[j].proof = ToyProver.prove("segment", _segmentInputs(s, made, c, j), j);
        }
        made.closing.proof = ToyProver.prove("closing", _closingInputs(s, made, c), 0);
    }

    function _challenges(Statement memory s, Submission memory made) private pure returns (Challenges memory c) {
        bytes memory chain;
        for (uint256 j = 0; j < made.segments.length; ++j) {
            chain = abi.encodePacked(chain, made.segments[j].root, _next(s, made, j + 1), made.segments[j].transcript);
        }
        bytes memory head = abi.encodePacked(bytes32("tacit.settlement.1"), s.domain, _context(s), made.segments.length);
        head = abi.encodePacked(head, s.orders, s.sealRoot, s.depositEnd, s.exitEnd, s.root, chain);
        uint256 to = uint160(made.beneficiary);
        bytes32 r1 = keccak256(abi.encodePacked(head, s.riskRoot, made.closing.auctionRoot, keccak256(made.words), to));
        c.r2 = keccak256(abi.encodePacked(r1, made.closing.transcript));
        c.y = uint256(keccak256(abi.encodePacked(r1, uint256(1)))) % P;
        c.theta = uint256(keccak256(abi.encodePacked(r1, uint256(2)))) % P;
        c.gamma = uint256(keccak256(abi.encodePacked(r1, uint256(3)))) % P;
        c.z = uint256(keccak256(abi.encodePacked(r1, uint256(4)))) % P;
        c.beta = uint256(keccak256(abi.encodePacked(c.r2, uint256(5)))) % P;
    }

    function _segmentInputs(Statement memory s, Submission memory made, Challenges memory c, uint256 j)
        private
        view
        returns (uint256[] memory x)
    {
        x = new uint256[](17);
        (x[0], x[1]) = (s.domain, _context(s));
        (x[2], x[3]) = (j == 0 ? s.root : made.segments[j - 1].root, made.segments[j].root);
        (x[4], x[5]) = (_power(c.theta, TOUCHES * j), _power(c.theta, TOUCHES * (j + 1)));
        (x[6], x[7]) = (j == 0 ? 0 : _next(s, made, j), _next(s, made, j + 1));
        (x[8], x[9]) = (j == 0 ? verifier.parameters().sumsStart : made.segments[j - 1].sums, made.segments[j].sums);
        x[10] = made.segments[j].transcript;
        (x[11], x[12], x[13], x[14], x[15]) = (c.y, c.theta, c.gamma, c.beta, c.z);
        x[16] = _valueAt(made.words, j * TOUCHES * WORDS, TOUCHES * WORDS, c.z);
    }

    function _closingInputs(Statement memory s, Submission memory made, Challenges memory c)
        private
        pure
        returns (uint256[] memory x)
    {
        uint256 n = made.segments.length;
        x = new uint256[](13);
        (x[0], x[1], x[2]) = (s.domain, _context(s), s.riskRoot);
        (x[3], x[4]) = (made.closing.auctionRoot, made.closing.transcript);
        (x[5], x[6], x[7], x[8], x[9]) = (c.y, c.theta, c.gamma, c.beta, c.z);
        x[10] = _valueAt(made.words, n * TOUCHES * WORDS, ROWS + SETTLED, c.z);
        x[11] = made.segments[n - 1].sums;
        x[12] = 1;
        for (uint256 i = 1; i <= s.orders; ++i) {
            x[12] = mulmod(x[12], addmod(c.gamma, P - i, P), P);
        }
    }

    /// @dev Next index after `segments` segments.
    function _next(Statement memory s, Submission memory made, uint256 segments) private pure returns (uint256) {
        uint256 end = segments * TOUCHES < s.touches ? segments * TOUCHES : s.touches;
        return (_word(made.words, (end - 1) * WORDS) & (2 ** 21 - 1)) + 1;
    }

    function _context(Statement memory s) internal pure returns (uint256) {
        return
            s.batch + 2 ** 32 * s.lastVoid + 2 ** 64 * s.time + 2 ** 104 * s.feeRate + 2 ** 118 * s.num + 2 ** 121
                * s.den;
    }

    function _valueAt(bytes memory words, uint256 from, uint256 count, uint256 z) private pure returns (uint256 value) {
        for (uint256 i = 0; i < count; ++i) {
            value = addmod(mulmod(value, z, P), _word(words, from + i), P);
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

    // --------------------------------------------------------------------------------------------------- settling

    function _settle(Submission memory made) internal {
        settlement.settle(made.segments, made.closing, made.words, made.beneficiary);
    }

    /// @dev Expects that settling reverts with exactly `reason`.
    function _refused(Submission memory made, bytes memory reason) internal {
        vm.expectRevert(reason);
        settlement.settle{gas: 30e6}(made.segments, made.closing, made.words, made.beneficiary);
    }

    /// @dev Expects that settling reverts with that error, whatever its values.
    function _refused(Submission memory made, bytes4 selector) internal {
        vm.expectPartialRevert(selector);
        settlement.settle{gas: 30e6}(made.segments, made.closing, made.words, made.beneficiary);
    }
}
